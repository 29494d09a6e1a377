"""The demo's own OpenID provider, at /demo-login: whoever opens it may be anybody. Authlib's server side does the protocol.

Everything but the personas, who are the users of the database, is in this process's memory: a demo runs in one process.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html import escape
from typing import Any, Final, Literal
from urllib.parse import urlsplit
from uuid import UUID

import httpx2
from authlib.common.urls import add_params_to_uri
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AuthorizationServer, InvalidRequestError, OAuth2Payload, OAuth2Request
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import OpenIDCode
from joserfc.jwk import ECKey, KeySet
from sqlalchemy import Row, and_, select
from starlette.applications import Starlette
from starlette.datastructures import ImmutableMultiDict
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from app.auth.secrets import new_secret
from app.auth.sign_in import OpenIdClient
from app.clock import Clock, system_clock
from app.database import Database
from app.models import Company, Locale, Member, MemberStatus, Role, User
from app.operations.demo.accounts import UNREGISTERED
from app.settings import Claims, Settings
from app.values import is_loopback
from app.web.sign_in import answering, page

PATH: Final = "/demo-login"
_CODE_SECONDS = 60
_TOKEN_SECONDS = 300
_MOST_PERSONAS = 200
_ALGORITHM = "ES256"
_CLAIMS = ("sub", "name", "national_id", "email", "phone_number", "locale")
_ROLES = {Role.OWNER: ("مالك", "owner"), Role.ADMIN: ("مدير", "admin"), Role.MEMBER: ("عضو", "member"), Role.VIEWER: ("مطلع", "viewer")}


def demo_provider_routes(settings: Settings, database: Database, *, client_secret: str, clock: Clock = system_clock) -> list[BaseRoute]:
    """The provider's routes. Its only client is this server, with settings.oidc_client_id and the secret.

    Raises RuntimeError unless the demo is on and public_url is on this very machine: anybody may sign in here as anybody.
    """
    if not settings.demo:
        raise RuntimeError("the demo's identity provider takes TELEWORK_DEMO=true")
    if not is_loopback(settings.public_url):
        raise RuntimeError("the demo's identity provider runs on a loopback address only; see TELEWORK_PUBLIC_URL")
    public_url = settings.public_url.rstrip("/")
    client = _Client(settings.oidc_client_id, client_secret, f"{public_url}/auth/callback")
    pages = _Pages(_Server(f"{public_url}{PATH}", client, clock), database)
    routes = [
        Route("/.well-known/openid-configuration", pages.describe),
        Route("/jwks", pages.keys),
        Route("/authorize", answering(pages.authorize), methods=["GET", "POST"]),
        Route("/token", pages.token, methods=["POST"]),
    ]
    return [Mount(PATH, routes=routes)]


def demo_sign_in(settings: Settings, database: Database, *, clock: Clock = system_clock) -> tuple[OpenIdClient, list[BaseRoute]]:
    """The demo's provider and the client that signs in there, with a secret that only these two know. Raises as above.

    The client reaches it within this process: what listens at public_url may be something else, or not yet listening.
    """
    client_secret = new_secret()
    routes = demo_provider_routes(settings, database, client_secret=client_secret, clock=clock)
    inside = httpx2.ASGITransport(app=Starlette(routes=routes))
    # Whatever the settings call a real provider's claims: this one has its own names, and no userinfo.
    settings = settings.model_copy(update={"oidc_claims": Claims(), "oidc_userinfo": False})
    return OpenIdClient(settings, issuer=f"{settings.public_url.rstrip('/')}{PATH}", client_secret=client_secret, transport=inside), routes


# The protocol


@dataclass(frozen=True, slots=True)
class _Client:
    """This server, as Authlib asks a client about itself."""

    client_id: str
    secret: str = field(repr=False)
    redirect_uri: str
    id_token_signed_response_alg: str = _ALGORITHM

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_allowed_scope(self, scope: str | None) -> str:
        return scope or "openid"

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self.redirect_uri

    def check_client_secret(self, secret: str) -> bool:
        return hmac.compare_digest(secret.encode(), self.secret.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


@dataclass(frozen=True, slots=True)
class _Code:
    """What a code stands for, as Authlib asks it."""

    claims: dict[str, Any]
    redirect_uri: str
    scope: str
    nonce: str | None
    code_challenge: str
    made_at: datetime
    code_challenge_method: str = "S256"

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int:
        return int(self.made_at.timestamp())

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> None:
        return None


class _Payload(OAuth2Payload):  # Authlib has no types
    def __init__(self, values: ImmutableMultiDict[str, Any]) -> None:
        self._values = values

    @property
    def data(self) -> dict[str, str]:
        return {name: value for name, value in self._values.items() if isinstance(value, str)}

    @property
    def datalist(self) -> dict[str, list[Any]]:
        return {name: self._values.getlist(name) for name in self._values}


class _Request(OAuth2Request):
    """A request as Authlib reads it, made from Starlette's once its body has been read."""

    def __init__(self, request: Request, uri: str, values: ImmutableMultiDict[str, Any]) -> None:
        super().__init__(request.method, uri, headers=request.headers)
        self.payload = _Payload(values)

    @property
    def form(self) -> dict[str, str]:
        return self.payload.data


class _Server(AuthorizationServer):
    def __init__(self, issuer: str, client: _Client, clock: Clock) -> None:
        super().__init__()
        self.issuer, self.client, self.clock = issuer, client, clock
        self.key = ECKey.generate_key("P-256", {"use": "sig", "alg": _ALGORITHM}, auto_kid=True)
        self.codes: dict[str, _Code] = {}
        self.register_grant(_Grant, [_Pkce(), _IdToken(self)])
        self.register_token_generator("default", BearerTokenGenerator(_access_token, expires_generator=_TOKEN_SECONDS))

    def query_client(self, client_id: str) -> _Client | None:
        return self.client if client_id == self.client.client_id else None

    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        """Nothing here takes an access token, so none is kept."""

    def send_signal(self, name: str, *arguments: Any, **options: Any) -> None:
        """Nobody listens."""

    def create_oauth2_request(self, request: _Request) -> _Request:
        return request

    def handle_response(self, status: int, body: Any, headers: list[tuple[str, str]]) -> Response:
        if isinstance(body, dict):
            return JSONResponse(body, status, dict(headers))
        # RFC 9207, for refusals too. And not 302: the browser is to follow the form's POST with a GET.
        location = add_params_to_uri(dict(headers)["Location"], {"iss": self.issuer})
        return Response(status_code=303, headers={"Location": location, "Cache-Control": "no-store"})


class _Grant(AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)
    server: _Server

    def save_authorization_code(self, code: str, request: _Request) -> None:
        self._forget_old()
        data = request.payload.data
        self.server.codes[code] = _Code(
            claims=request.user,
            redirect_uri=data.get("redirect_uri", ""),
            scope=request.scope,
            nonce=data.get("nonce"),
            code_challenge=data["code_challenge"],
            made_at=self.server.clock(),
        )

    def query_authorization_code(self, code: str, client: _Client) -> _Code | None:
        self._forget_old()
        # Taken out at once: a code whose redemption fails is used up as well.
        return self.server.codes.pop(code, None)

    def delete_authorization_code(self, authorization_code: _Code) -> None:
        """It is out already."""

    def authenticate_user(self, authorization_code: _Code) -> dict[str, Any]:
        return authorization_code.claims

    def _forget_old(self) -> None:
        oldest = self.server.clock() - timedelta(seconds=_CODE_SECONDS)
        self.server.codes = {code: made for code, made in self.server.codes.items() if made.made_at > oldest}


class _Pkce(CodeChallenge):
    """Authlib lets a client with a secret go without; here none may."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def validate_code_challenge(self, grant: _Grant, redirect_uri: str) -> None:
        data = grant.request.payload.data
        if "code_challenge" not in data or data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("PKCE with S256 is required.")
        super().validate_code_challenge(grant, redirect_uri)


class _IdToken(OpenIDCode):
    def __init__(self, server: _Server) -> None:
        super().__init__(require_nonce=True)
        self.server = server

    def exists_nonce(self, nonce: str, request: _Request) -> bool:
        return any(code.nonce == nonce for code in self.server.codes.values())

    def resolve_client_private_key(self, client: _Client) -> ECKey:
        return self.server.key

    def get_encode_header(self, client: _Client) -> dict[str, Any]:
        return {"alg": _ALGORITHM, "kid": self.server.key.kid}

    def get_client_claims(self, client: _Client) -> dict[str, Any]:
        now = int(self.server.clock().timestamp())
        return {"iss": self.server.issuer, "aud": client.client_id, "iat": now, "exp": now + _TOKEN_SECONDS}

    def generate_user_info(self, user: dict[str, Any], scope: str) -> dict[str, Any]:
        return user


def _access_token(**_: Any) -> str:
    return new_secret()


def _malformed() -> Response:
    """Authlib raises ValueError where a request is too strange to be quoted in its refusal, or its Basic credentials are no text."""
    return JSONResponse({"error": "invalid_request"}, 400)


# The pages


class _Pages:
    def __init__(self, server: _Server, database: Database) -> None:
        self._server, self._database = server, database

    async def describe(self, request: Request) -> Response:
        issuer = self._server.issuer
        return JSONResponse(
            {
                "issuer": issuer,
                "authorization_endpoint": f"{issuer}/authorize",
                "token_endpoint": f"{issuer}/token",
                "jwks_uri": f"{issuer}/jwks",
                "scopes_supported": ["openid", "profile", "email", "phone"],
                "response_types_supported": ["code"],
                "grant_types_supported": ["authorization_code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": [_ALGORITHM],
                "token_endpoint_auth_methods_supported": ["client_secret_basic"],
                "code_challenge_methods_supported": ["S256"],
                "claims_supported": [*_CLAIMS, "establishments"],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    async def keys(self, request: Request) -> Response:
        return JSONResponse(KeySet([self._server.key]).as_dict(private=False))

    async def authorize(self, request: Request) -> Response:
        """GET: whom to sign in as. POST: the answer, in the field `persona`, a national id."""
        form = await request.form() if request.method == "POST" else None
        asked = self._asked(request, "authorize", request.query_params if form is None else form)
        try:
            grant = self._server.get_consent_grant(asked)
        except OAuth2Error as error:
            return self._server.handle_error_response(asked, error)
        except ValueError:
            return _malformed()
        if form is None:
            return await self._choice(asked.payload.data)
        claims = await self._claims(form.get("persona"))
        if claims is None:
            return await self._choice(asked.payload.data, unknown=True)
        return self._server.create_authorization_response(asked, grant_user=claims, grant=grant)

    async def token(self, request: Request) -> Response:
        asked = self._asked(request, "token", await request.form())
        try:
            return self._server.create_token_response(asked)
        except ValueError:
            return _malformed()

    def _asked(self, request: Request, name: Literal["authorize", "token"], values: ImmutableMultiDict[str, Any]) -> _Request:
        # The address is ours, not the Host header's, which Authlib would refuse when it is not of this machine.
        return _Request(request, f"{self._server.issuer}/{name}", values)

    async def _claims(self, national_id: Any) -> dict[str, Any] | None:
        """What the provider says of the persona; None when nobody has the national id."""
        if not isinstance(national_id, str) or not (national_id.isascii() and national_id.isdigit()):
            return None
        columns = (User.id, User.issuer, User.subject, User.name, User.national_id, User.email, User.mobile, User.locale)
        async with self._database.reading() as connection:
            row = (await connection.execute(select(*columns).where(User.national_id == national_id))).one_or_none()
            if row is None:
                return None
            companies = (Company.labor_office_id, Company.sequence_number, Company.unified_number, Company.name_ar, Company.name_en)
            owner = (Member.user_id == row.id, Member.role == Role.OWNER, Member.status == MemberStatus.ACTIVE)
            owned = (await connection.execute(select(*companies).join(Member, Member.company_id == Company.id).where(*owner))).all()
        subject = row.subject if row.subject and row.issuer == self._server.issuer else str(row.id)
        claims = (subject, row.name, row.national_id, row.email, row.mobile, "en" if row.locale is Locale.EN else "ar")
        establishments = {each["establishment_number"]: each for each in (*map(_establishment, owned), *UNREGISTERED.get(national_id, []))}
        known = {name: value for name, value in zip(_CLAIMS, claims, strict=True) if value is not None}
        return {**known, "establishments": list(establishments.values())}

    async def _choice(self, asked: dict[str, str], *, unknown: bool = False) -> Response:
        hidden = "".join(
            f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in asked.items() if name != "persona"
        )
        body = _CHOICE.format(
            alert=_UNKNOWN if unknown else "", path=f"{PATH}/authorize", hidden=hidden, personas=await self._personas() or _NOBODY
        )
        # The form's redirect leads to public_url, which need not be the address that the page came from.
        target = urlsplit(self._server.issuer)
        return page(
            "الدخول الموحد التجريبي · Demo sign-in",
            body,
            status=400 if unknown else 200,
            form_targets=f"{target.scheme}://{target.netloc}",
        )

    async def _personas(self) -> str:
        first = (
            select(User.id, User.name, User.national_id, User.created_at)
            .order_by(User.created_at, User.id)
            .limit(_MOST_PERSONAS)
            .subquery()
        )
        personas = (
            select(first.c.id, first.c.name, first.c.national_id, Member.role, Member.status, Company.name_ar, Company.name_en)
            .outerjoin(Member, and_(Member.user_id == first.c.id, Member.status != MemberStatus.REVOKED))
            .outerjoin(Company, Company.id == Member.company_id)
            .order_by(first.c.created_at, first.c.id, Member.created_at, Member.id)
        )
        people: dict[UUID, list[Row[Any]]] = {}
        async with self._database.reading() as connection:
            for row in await connection.execute(personas):
                people.setdefault(row.id, []).append(row)
        return "".join(_persona(rows) for rows in people.values())


_CHOICE: Final = """
<h1>الدخول الموحد التجريبي</h1>
<p>اختر الشخص الذي تريد الدخول باسمه. كل البيانات هنا مصطنعة.</p>
<div lang="en" dir="ltr"><h1>Demo sign-in</h1><p>Choose whom to sign in as. All of them are made up.</p></div>
{alert}
<form method="post" action="{path}">
{hidden}
<ul>{personas}</ul>
</form>
"""
_UNKNOWN: Final = '<p role="alert">لا يوجد شخص بهذا الرقم.<br><span lang="en" dir="ltr">Nobody here has that national id.</span></p>'
_NOBODY: Final = '<li>لا يوجد أحد بعد.<br><span lang="en" dir="ltr">Nobody is here yet: seed the demo data.</span></li>'


def _establishment(row: Any) -> dict[str, str | None]:
    """One of a person's, as this provider tells it."""
    return {
        "establishment_number": f"{row.labor_office_id}-{row.sequence_number}",
        "unified_number": row.unified_number,
        "name_ar": row.name_ar,
        "name_en": row.name_en,
    }


def _persona(rows: Sequence[Row[Any]]) -> str:
    """One button: the person, and the companies they belong to."""
    person = rows[0]
    companies = "".join(f"<br><small>{_membership(row)}</small>" for row in rows if row.role)
    return (
        f'<li><button name="persona" value="{escape(person.national_id)}"><strong><bdi>{escape(person.name)}</bdi></strong>'
        f" <bdi>{escape(person.national_id)}</bdi>{companies}</button></li>"
    )


def _membership(row: Row[Any]) -> str:
    ar, en = _ROLES[row.role]
    invited_ar, invited_en = ("، مدعو", ", invited") if row.status == MemberStatus.INVITED else ("", "")
    english = escape(row.name_en or row.name_ar)
    return f'<bdi>{escape(row.name_ar)}</bdi> ({ar}{invited_ar}) · <bdi lang="en">{english}</bdi> <bdi lang="en">({en}{invited_en})</bdi>'
