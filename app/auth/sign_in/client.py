"""A trip to the provider and back, and logging out: what the pages ask for."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx2

from app.auth.secrets import sealed, unsealed
from app.auth.sign_in.failures import ProviderAtFault, ProviderUnavailable, SignInFailed, SignInInterrupted, SignInRefused
from app.auth.sign_in.person import Person, person_of
from app.auth.sign_in.provider import Description, Provider
from app.auth.sign_in.tokens import Departed, Expected, departed, id_token_claims
from app.auth.sign_in.trips import begin_trip, take_trip
from app.database import Database
from app.settings import Settings

__all__ = ["Arrived", "Begun", "Departed", "OpenIdClient", "openid_client"]

_CODE = re.compile(r"[\x20-\x7e]{1,4096}")
_ONCE = ("state", "code", "iss", "error")  # parameters that an answer holds once at most
_DOWN = timedelta(seconds=30)  # for which a provider that did not answer is not asked where people log out
_LONGEST_SESSION = 255  # of the provider's names for its sessions


@dataclass(frozen=True, slots=True)
class Begun:
    """Where to send the browser, and the secret that ties it to this trip, for a cookie."""

    address: str
    secret: str


@dataclass(frozen=True, slots=True)
class Arrived:
    """Who came back, and where they wanted to go. The other two are the provider's own, for logging out."""

    person: Person
    next_path: str
    provider_session: str | None
    id_token: str | None


class OpenIdClient:
    """The client of one provider; shared by all requests.

    transport   how to reach the provider; None for the network.
    """

    def __init__(self, settings: Settings, *, issuer: str, client_secret: str, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._settings = settings
        self._home = settings.public_url.rstrip("/")
        self._patience = settings.oidc_patience
        self._down_until: datetime | None = None
        self.provider = Provider(
            issuer,
            client_id=settings.oidc_client_id,
            client_secret=client_secret,
            scope=settings.oidc_scope,
            redirect_uri=f"{self._home}/auth/callback",
            patience=self._patience,
            transport=transport,
        )

    async def close(self) -> None:
        await self.provider.close()

    async def begin(self, database: Database, *, next_path: str, now: datetime) -> Begun:
        """Begins a trip to the provider.

        next_path   a path of ours, checked by the caller, to go to afterwards.
        Raises ProviderAtFault, ProviderUnavailable.
        """
        description = await self.provider.described(now)
        trip, secret = await begin_trip(database, next_path=next_path, now=now)
        address = self.provider.authorization_address(description, state=trip.state, nonce=trip.nonce, verifier=trip.code_verifier)
        return Begun(address, secret)

    async def complete(self, database: Database, answer: Sequence[tuple[str, str]], *, secret: str | None, now: datetime) -> Arrived:
        """Ends the trip that this browser began: checks what came back. Who that is among our users is for the caller to find.

        answer   the parameters of the callback's address, as they came.
        secret   the cookie's, from `begin`.
        Raises   SignInFailed. The trip is used up even then, unless it was not this browser's.
        """
        given = dict(answer)
        if any(sum(name == each for name, _ in answer) > 1 for each in _ONCE):
            raise SignInInterrupted("repeated parameter")
        trip = await take_trip(database, secret, given.get("state"), now)
        try:
            # A slow provider may be as slow at each of four steps; the browser waits for all of them.
            async with asyncio.timeout(2 * self._patience):
                description = await self.provider.described(now)
                code = self._code(given, description)
                tokens = await self.provider.exchange(description, code, trip.code_verifier)
                claims = await id_token_claims(self.provider, tokens, self._expected(now), nonce=trip.nonce)
                claims = await self._completed(description, claims, tokens)
        except TimeoutError as error:
            raise ProviderUnavailable("slow") from error
        session = claims.get("sid")
        return Arrived(
            person_of(claims, self._settings.oidc_claims, issuer=self.provider.issuer),
            trip.next_path,
            session if isinstance(session, str) and 0 < len(session) <= _LONGEST_SESSION else None,
            # The provider wants it back at logout, if it has one; else nobody needs it. It names a person, and is kept sealed.
            sealed(tokens["id_token"], self._settings.secret_key.get_secret_value()) if description.end_session else None,
        )

    async def departed(self, logout_token: str, *, now: datetime) -> Departed:
        """Who logged out at the provider, as it tells us. Raises ProviderAtFault, ProviderUnavailable."""
        return await departed(self.provider, logout_token, self._expected(now))

    async def logout_address(self, id_token: str | None, *, now: datetime) -> str | None:
        """Where the provider lets people log out there too; None where it does not, or cannot say. `id_token`: as it was kept."""
        if self._down_until is not None and now < self._down_until:
            return None
        try:
            description = await self.provider.described(now)
        except SignInFailed:
            self._down_until = now + _DOWN
            return None
        if description.end_session is None:
            return None
        opened = unsealed(id_token, self._settings.secret_key.get_secret_value()) if id_token else None
        hint = {"id_token_hint": opened} if opened else {}
        query = urlencode({**hint, "client_id": self._settings.oidc_client_id, "post_logout_redirect_uri": f"{self._home}/graphiql"})
        return f"{description.end_session}{'&' if '?' in description.end_session else '?'}{query}"

    async def logout_origin(self, *, now: datetime) -> str | None:
        """The origin of that address: a page whose form leads there has to name it in its policy."""
        if (address := await self.logout_address(None, now=now)) is None:
            return None
        parts = urlsplit(address)
        return f"{parts.scheme}://{parts.netloc}"

    def _expected(self, now: datetime) -> Expected:
        return Expected(self._settings.oidc_client_id, self._settings.oidc_leeway_seconds, now)

    def _code(self, answer: dict[str, str], description: Description) -> str:
        # Mix-up: an answer that says it is another provider's, or hides whose it is although the provider always says so.
        if answer.get("iss", None if description.names_itself else self.provider.issuer) != self.provider.issuer:
            raise SignInInterrupted("iss")
        if "error" in answer:
            raise SignInRefused("error")
        code = answer.get("code", "")
        if not _CODE.fullmatch(code):
            raise SignInInterrupted("code")
        return code

    async def _completed(self, description: Description, claims: dict[str, Any], tokens: dict[str, Any]) -> dict[str, Any]:
        """With what the provider says of the person elsewhere, where the settings say so. What it signed goes first."""
        if not self._settings.oidc_userinfo:
            return claims
        if description.userinfo is None:
            raise ProviderAtFault("no userinfo")
        told = await self.provider.userinfo(description.userinfo, tokens.get("access_token"))
        # Another's, where an access token was swapped (OpenID Connect Core, 5.3.2).
        if told.get("sub") != claims["sub"]:
            raise ProviderAtFault("userinfo of another")
        return {**told, **claims}


def openid_client(settings: Settings) -> OpenIdClient | None:
    """The client of the provider that the settings name; None when they name none."""
    if settings.oidc_issuer is None:
        return None
    return OpenIdClient(settings, issuer=settings.oidc_issuer, client_secret=settings.oidc_client_secret.get_secret_value())
