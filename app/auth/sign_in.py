"""Signing in through the unified login: the client's side of OpenID Connect, and the person that comes out of it.

Authorization code with PKCE (S256), state and nonce. What a trip needs is in the database, tied to one browser by a cookie; pages and
cookies themselves are not known here.

    SignInFailed               no session; says why in both languages
    ├── SignInInterrupted  400 the trip is unknown here, used, too old, another browser's, or somebody meddled with it
    ├── SignInRefused      400 the provider said no
    ├── ProviderAtFault    502 the provider answered what cannot be believed
    └── ProviderUnavailable 503 it is down, slow, or not configured
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlencode, urlsplit
from uuid import UUID

import httpx2
from authlib.integrations.httpx_client import AsyncOAuth2Client, OAuthError  # type: ignore[import-untyped]
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from sqlalchemy import and_, bindparam, delete, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app import values
from app.auth.doors import Door
from app.auth.secrets import hash_of, new_secret
from app.auth.sessions import start_session
from app.database import Database, assume
from app.errors import ValidationFailed, Worded
from app.models import Locale, Member, MemberStatus, SignIn, User
from app.models.base import uuid7
from app.scope import Scope
from app.settings import Settings

SIGN_IN_MINUTES = 10
_PATIENCE = 5.0  # seconds
_REMEMBERED = timedelta(minutes=5)
_LEEWAY = 60  # seconds that the provider's clock may be off
# Signatures that the provider alone can make. A shared secret (HS256) would let whoever knows the client's secret, or takes the public
# key for one, write tokens.
_SIGNATURES = JWSRegistry(algorithms=["RS256", "PS256", "ES256", "EdDSA"], strict_check_header=False)
_OURS = re.compile(r"[\w-]{43}", re.ASCII)
_VISIBLE = re.compile(r"[\x21-\x7e]{1,255}")
_CODE = re.compile(r"[\x20-\x7e]{1,4096}")

# Whoever the provider vouches for, whether or not they have been here before.
PERSON_SIGNING_IN = Door(
    "person_signing_in",
    select(User.id, User.issuer, User.subject).where(
        or_(
            and_(User.issuer == bindparam("issuer"), User.subject == bindparam("subject")),
            User.national_id == bindparam("national_id"),
        )
    ),
)


class SignInFailed(Worded):
    """Nobody was signed in.

    detail   for the log: which check it was. Never a secret, and nothing that the other side wrote.
    """

    status: ClassVar[int]

    def __init__(self, detail: str) -> None:
        super().__init__()
        self.detail = detail


class SignInInterrupted(SignInFailed):
    status = 400
    en = "This sign-in took too long, was finished already, or was begun in another browser. Begin again."
    ar = "انتهت مهلة تسجيل الدخول أو اكتمل سابقا أو بدأ في متصفح آخر. ابدأ من جديد."


class SignInRefused(SignInFailed):
    status = 400
    en = "The unified login did not sign you in."
    ar = "لم يكتمل تسجيل دخولك عبر الدخول الموحد."


class ProviderAtFault(SignInFailed):
    status = 502
    en = "The answer of the unified login could not be trusted, so you were not signed in."
    ar = "تعذر الوثوق برد الدخول الموحد، فلم يسجل دخولك."


class ProviderUnavailable(SignInFailed):
    status, retryable = 503, True
    en = "The unified login does not answer just now. Try again in a moment."
    ar = "لا تتوفر خدمة الدخول الموحد حاليا. حاول مجددا بعد لحظات."


@dataclass(frozen=True, slots=True)
class Begun:
    """Where to send the browser, and the secret that ties it to this trip, for a cookie."""

    address: str
    secret: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who came back, the secret of their new session, and where they wanted to go."""

    user_id: UUID
    secret: str
    next_path: str


@dataclass(frozen=True, slots=True)
class Person:
    """What the provider vouches for."""

    issuer: str
    subject: str
    national_id: str
    name: str
    email: str | None
    mobile: str | None
    locale: Locale


@dataclass(frozen=True, slots=True)
class _Provider:
    """The provider's own description of itself."""

    authorize: str
    token: str
    keys: str
    end_session: str | None
    names_itself: bool  # RFC 9207: its answers carry `iss`
    basic: bool  # whether it takes the client's secret in the Authorization header


class OpenIdClient:
    """The client of one provider. Keeps the provider's description and keys for some minutes; shared by all requests.

    transport   how to reach the provider; None for the network.
    patience    seconds for a whole answer of the provider; httpx2's own timeout would begin anew with each byte.
    """

    def __init__(
        self,
        *,
        issuer: str,
        client_id: str,
        client_secret: str,
        scope: str,
        public_url: str,
        transport: httpx2.AsyncBaseTransport | None = None,
        patience: float = _PATIENCE,
    ) -> None:
        self.issuer = issuer
        self._patience = patience
        self._client_id = client_id
        self._home = public_url.rstrip("/")
        self._http: Any = AsyncOAuth2Client(
            client_id,
            client_secret or None,
            scope=scope,
            redirect_uri=f"{self._home}/auth/callback",
            code_challenge_method="S256",
            timeout=patience,
            follow_redirects=False,
            transport=transport,
        )
        self._secret_methods = ("client_secret_basic", "client_secret_post") if client_secret else ("none", "none")
        self._provider: tuple[datetime, _Provider] | None = None
        self._keys: tuple[datetime, KeySet] | None = None

    async def close(self) -> None:
        await self._http.aclose()

    async def begin(self, database: Database, *, next_path: str, now: datetime) -> Begun:
        """Begins a trip to the provider.

        next_path   a path of ours, checked by the caller, to go to afterwards.
        Raises ProviderAtFault, ProviderUnavailable.
        """
        provider = await self._described(now)
        secret, state, nonce, verifier = (new_secret() for _ in range(4))
        address, _ = self._http.create_authorization_url(provider.authorize, state=state, code_verifier=verifier, nonce=nonce)

        async def store(session: AsyncSession) -> None:
            await session.execute(delete(SignIn).where(SignIn.expires_at <= now))
            session.add(
                SignIn(
                    secret_hash=hash_of(secret),
                    state=state,
                    nonce=nonce,
                    code_verifier=verifier,
                    next_path=next_path,
                    expires_at=now + timedelta(minutes=SIGN_IN_MINUTES),
                )
            )

        await database.write(store)
        return Begun(address, secret)

    async def complete(self, database: Database, answer: Mapping[str, str], *, secret: str | None, hours: int, now: datetime) -> SignedIn:
        """Ends the trip that this browser began: checks what came back, finds or makes the user, starts their session.

        answer   the parameters of the callback's address.
        secret   the cookie's, from `begin`.
        hours    how long the session is to last.
        Raises   SignInFailed. The trip is used up even then, unless it was not this browser's.
        """
        trip = await _take(database, secret, answer.get("state"), now)
        provider = await self._described(now)
        code = self._code(answer, provider)
        tokens = await self._exchange(provider, code, trip.code_verifier)
        person = await self._verified(provider, tokens, trip.nonce, now)
        # The provider wants it back at logout, if it has one; else nobody needs it, and it names a person.
        hint = tokens["id_token"] if provider.end_session else None

        async def enter(session: AsyncSession) -> SignedIn:
            user_id = await _user(session, person, now)
            return SignedIn(user_id, await start_session(session, user_id, id_token=hint, now=now, hours=hours), trip.next_path)

        try:
            return await database.write(enter)
        except IntegrityError:
            # The same person's first sign-in, twice at once: the other one made the user, and this one finds it.
            return await database.write(enter)

    async def logout_address(self, id_token: str | None, *, now: datetime) -> str | None:
        """Where the provider lets people log out there too; None where it does not, or cannot say."""
        try:
            provider = await self._described(now)
        except SignInFailed:
            return None
        if provider.end_session is None:
            return None
        hint = {"id_token_hint": id_token} if id_token else {}
        query = urlencode({**hint, "client_id": self._client_id, "post_logout_redirect_uri": f"{self._home}/graphiql"})
        return f"{provider.end_session}{'&' if '?' in provider.end_session else '?'}{query}"

    def _code(self, answer: Mapping[str, str], provider: _Provider) -> str:
        # Mix-up: an answer that says it is another provider's, or hides whose it is although the provider always says so.
        if answer.get("iss", None if provider.names_itself else self.issuer) != self.issuer:
            raise SignInInterrupted("iss")
        if "error" in answer:
            raise SignInRefused("error")
        code = answer.get("code", "")
        if not _CODE.fullmatch(code):
            raise SignInInterrupted("code")
        return code

    async def _exchange(self, provider: _Provider, code: str, verifier: str) -> dict[str, Any]:
        auth = self._http.client_auth(self._secret_methods[0 if provider.basic else 1])
        try:
            async with asyncio.timeout(self._patience):
                tokens = await self._http.fetch_token(provider.token, code=code, code_verifier=verifier, auth=auth)
        except OAuthError as error:
            # invalid_grant: the code is used, too old, or was not given for this trip.
            raise SignInRefused("code") if error.error == "invalid_grant" else ProviderAtFault("token error") from error
        except (TimeoutError, httpx2.HTTPError) as error:
            raise ProviderUnavailable("token") from error
        except (ValueError, RecursionError) as error:
            raise ProviderAtFault("token") from error
        if not isinstance(tokens.get("id_token"), str):
            raise ProviderAtFault("no id_token")
        return dict(tokens)

    async def _verified(self, provider: _Provider, tokens: Mapping[str, Any], nonce: str, now: datetime) -> Person:
        token = await self._decoded(provider, tokens["id_token"], now)
        claims = token.claims
        try:
            jwt.JWTClaimsRegistry(
                now=int(now.timestamp()),
                leeway=_LEEWAY,
                iss={"essential": True, "value": self.issuer},
                aud={"essential": True, "value": self._client_id},
                exp={"essential": True},
                iat={"essential": True},
                sub={"essential": True},
            ).validate(claims)
        except Exception as error:  # whatever strange claims make a parser raise
            raise ProviderAtFault("claims") from error
        audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        if claims.get("azp", self._client_id if len(audiences) == 1 else None) != self._client_id:
            raise ProviderAtFault("azp")
        # A token made for another trip is what an injected code yields.
        if not _same(claims.get("nonce"), nonce):
            raise SignInInterrupted("nonce")
        if "at_hash" in claims and not _same(claims["at_hash"], _half_hash(tokens.get("access_token"), token.header["alg"])):
            raise ProviderAtFault("at_hash")
        return self._person(claims)

    async def _decoded(self, provider: _Provider, id_token: str, now: datetime) -> jwt.Token:
        try:
            try:
                return jwt.decode(id_token, await self._key_set(provider, now), registry=_SIGNATURES)
            except InvalidKeyIdError:
                # The provider signs with a newer key than those that we remember.
                self._keys = None
                return jwt.decode(id_token, await self._key_set(provider, now), registry=_SIGNATURES)
        except SignInFailed:
            raise
        except Exception as error:  # joserfc's own, and whatever a forged token makes it raise
            raise ProviderAtFault("signature") from error

    def _person(self, claims: Mapping[str, Any]) -> Person:
        subject = claims["sub"]
        if not _VISIBLE.fullmatch(subject):
            raise ProviderAtFault("sub")
        national_id = _valid(values.national_id, claims.get("national_id"))
        name = _valid(values.text(200), claims.get("name"))
        if national_id is None or name is None:
            raise ProviderAtFault("national_id or name")
        return Person(
            issuer=self.issuer,
            subject=subject,
            national_id=national_id,
            name=name,
            email=_valid(values.email, claims.get("email")),
            mobile=_valid(values.mobile, claims.get("phone_number")),
            locale=Locale.EN if str(claims.get("locale", "")).lower().startswith("en") else Locale.AR,
        )

    async def _described(self, now: datetime) -> _Provider:
        if self._provider is None or now - self._provider[0] >= _REMEMBERED:
            address = _endpoint(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
            self._provider = now, self._understood(await self._fetched(address))
        return self._provider[1]

    def _understood(self, described: Mapping[str, Any]) -> _Provider:
        if described.get("issuer") != self.issuer:
            raise ProviderAtFault("issuer")
        end_session = described.get("end_session_endpoint")
        methods = described.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        return _Provider(
            authorize=_endpoint(described.get("authorization_endpoint")),
            token=_endpoint(described.get("token_endpoint")),
            keys=_endpoint(described.get("jwks_uri")),
            end_session=_endpoint(end_session) if end_session else None,
            names_itself=described.get("authorization_response_iss_parameter_supported") is True,
            basic="client_secret_basic" in methods,
        )

    async def _key_set(self, provider: _Provider, now: datetime) -> KeySet:
        if self._keys is None or now - self._keys[0] >= _REMEMBERED:
            fetched: Any = await self._fetched(provider.keys)
            try:
                self._keys = now, KeySet.import_key_set(fetched)
            except Exception as error:  # whatever strange keys make a parser raise
                raise ProviderAtFault("keys") from error
        return self._keys[1]

    async def _fetched(self, address: str) -> dict[str, Any]:
        """The JSON object at the address. Raises ProviderAtFault, ProviderUnavailable."""
        try:
            async with asyncio.timeout(self._patience):
                answer: httpx2.Response = await self._http.request("GET", address, withhold_token=True)
        except (TimeoutError, httpx2.HTTPError) as error:
            raise ProviderUnavailable("fetch") from error
        if answer.status_code >= 500 or answer.status_code == 429:
            raise ProviderUnavailable(f"status {answer.status_code}")
        if answer.status_code != 200:
            raise ProviderAtFault(f"status {answer.status_code}")
        try:
            found = answer.json()
        except (ValueError, RecursionError) as error:
            raise ProviderAtFault("not JSON") from error
        if not isinstance(found, dict):
            raise ProviderAtFault("not an object")
        return found


def openid_client(settings: Settings) -> OpenIdClient | None:
    """The client of the provider that the settings name; None when they name none."""
    if settings.oidc_issuer is None:
        return None
    return OpenIdClient(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret.get_secret_value(),
        scope=settings.oidc_scope,
        public_url=settings.public_url,
    )


def is_loopback(address: str) -> bool:
    """Whether the address of a page is on this very machine, by its name."""
    try:
        host = urlsplit(address).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _take(database: Database, secret: str | None, state: str | None, now: datetime) -> SignIn:
    """The trip of this browser, taken out of the database, so that it is used once however often the callback is called."""
    if not secret or not state or not _OURS.fullmatch(state):
        raise SignInInterrupted("no cookie" if not secret else "no state")
    # Both at once: another browser's state neither signs in here nor uses up the trip that is under way.
    this = (SignIn.secret_hash == hash_of(secret), SignIn.state == state)
    taken = delete(SignIn).where(*this).returning(SignIn)

    async def take(session: AsyncSession) -> SignIn | None:
        return (await session.scalars(taken, execution_options={"synchronize_session": False})).one_or_none()

    trip = await database.write(take)
    if trip is None:
        raise SignInInterrupted("unknown trip")
    if trip.expires_at <= now:
        raise SignInInterrupted("expired trip")
    return trip


async def _user(session: AsyncSession, person: Person, now: datetime) -> UUID:
    """The user that the person is, made at the first sign-in; invitations to companies become memberships."""
    them = {"issuer": person.issuer, "subject": person.subject, "national_id": person.national_id}
    found = (await session.execute(PERSON_SIGNING_IN.on(session), them)).all()
    linked = [row.id for row in found if (row.issuer, row.subject) == (person.issuer, person.subject)]
    user_id: UUID = (linked or [row.id for row in found] or [uuid7()])[0]
    await assume(session, Scope(person=user_id))
    user = await session.get(User, user_id)
    if user is None:
        user = User(
            id=user_id, national_id=person.national_id, email=person.email, mobile=person.mobile, locale=person.locale, created_at=now
        )
        session.add(user)
    elif linked and user.national_id != person.national_id:
        raise ProviderAtFault("another national_id")
    elif not linked and user.subject is not None and not is_loopback(user.issuer or ""):
        # Two accounts over there, one person here: who vouches for whom is not for us to guess. Only a link that a demo's provider
        # made, whose address changes with its port, gives way.
        raise ProviderAtFault("national_id of another subject")
    if not linked:
        user.issuer, user.subject, user.name = person.issuer, person.subject, person.name
    user.last_login_at = now
    await session.flush()
    invited = update(Member).where(Member.user_id == user.id, Member.status == MemberStatus.INVITED)
    await session.execute(invited.values(status=MemberStatus.ACTIVE, updated_at=now))
    return user.id


def _endpoint(address: Any) -> str:
    """An address of the provider that secrets may be sent to."""
    try:
        parts = httpx2.URL(address)
    except (httpx2.InvalidURL, TypeError, ValueError) as error:
        raise ProviderAtFault("endpoint") from error
    if not parts.host or not (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(address))):
        raise ProviderAtFault("endpoint")
    return str(address)


def _half_hash(access_token: Any, algorithm: str) -> str:
    digest = hashlib.new("sha512" if algorithm == "EdDSA" else "sha256", str(access_token).encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


def _same(theirs: Any, ours: str) -> bool:
    return isinstance(theirs, str) and hmac.compare_digest(theirs.encode(errors="replace"), ours.encode())


def _valid(rule: values.Rule, value: Any) -> str | None:
    """What the rule makes of a claim; None of one that is missing or that it refuses."""
    try:
        return str(rule(value)) if isinstance(value, str) else None
    except ValidationFailed:
        return None
