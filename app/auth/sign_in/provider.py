"""The provider: what it says of itself, its keys, and everything that is asked of it. Nothing that it answers is believed here yet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import httpx2
from authlib.integrations.httpx_client import AsyncOAuth2Client, OAuthError
from joserfc.jwk import KeySet, RSAKey

from app.auth.sign_in.failures import ProviderAtFault, ProviderUnavailable, SignInFailed, SignInRefused
from app.values import is_loopback

_REMEMBERED = timedelta(minutes=5)
_REST = timedelta(seconds=10)  # between two looks for newer keys that anybody may cause
_MOST_BYTES = 1_000_000  # of an answer; keys and claims take a few thousand
_LEAST_RSA_BITS = 2048


@dataclass(frozen=True, slots=True)
class Description:
    """The provider's own."""

    authorize: str
    token: str
    keys: str
    userinfo: str | None
    end_session: str | None
    names_itself: bool  # RFC 9207: its answers carry `iss`
    basic: bool  # whether it takes the client's secret in the Authorization header


class Provider:
    """One provider. Its description and keys are kept for some minutes; shared by all requests.

    patience    seconds for a whole answer; httpx2's own timeout would begin anew with each byte.
    transport   how to reach it; None for the network.
    """

    def __init__(
        self,
        issuer: str,
        *,
        client_id: str,
        client_secret: str,
        scope: str,
        redirect_uri: str,
        patience: float,
        transport: httpx2.AsyncBaseTransport | None,
    ) -> None:
        self.issuer = issuer
        self._patience = patience
        self._http: Any = AsyncOAuth2Client(
            client_id,
            client_secret or None,
            scope=scope,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            timeout=patience,
            follow_redirects=False,
            transport=transport,
            # A megabyte packed may be a gigabyte.
            headers={"Accept-Encoding": "identity"},
            event_hooks={"response": [_limit]},
        )
        # What it sets while one person signs in must not come along with the next.
        self._http.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._secret_methods = ("client_secret_basic", "client_secret_post") if client_secret else ("none", "none")
        self._description: tuple[datetime, Description] | None = None
        self._keys: tuple[datetime, KeySet] | None = None

    async def close(self) -> None:
        await self._http.aclose()

    async def described(self, now: datetime) -> Description:
        """Raises ProviderAtFault, ProviderUnavailable."""
        if (known := self.described_lately(now)) is not None:
            return known
        address = _endpoint(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        self._description = now, self._understood(await self._fetched(address))
        return self._description[1]

    def described_lately(self, now: datetime) -> Description | None:
        return self._description[1] if self._description and now - self._description[0] < _REMEMBERED else None

    async def key_set(self, now: datetime, *, newer: bool = False, sparing: bool = False) -> KeySet:
        """Its keys. Raises ProviderAtFault, ProviderUnavailable.

        newer     than those that we remember: it signs with one that is not among them.
        sparing   not if we looked a moment ago: whoever sends us a token could make us ask the provider as often as they like.
        """
        lifetime = _REST if sparing else timedelta() if newer else _REMEMBERED
        if self._keys is None or now - self._keys[0] >= lifetime:
            fetched: Any = await self._fetched((await self.described(now)).keys)
            try:
                keys = KeySet.import_key_set(fetched)
                if any(key.raw_value.key_size < _LEAST_RSA_BITS for key in keys if isinstance(key, RSAKey)):
                    raise ValueError("a weak key")
            except Exception as error:  # whatever strange keys make a parser raise
                raise ProviderAtFault("keys") from error
            self._keys = now, keys
        return self._keys[1]

    def authorization_address(self, description: Description, *, state: str, nonce: str, verifier: str) -> str:
        """Where to send the browser."""
        address, _ = self._http.create_authorization_url(description.authorize, state=state, code_verifier=verifier, nonce=nonce)
        return str(address)

    async def exchange(self, description: Description, code: str, verifier: str) -> dict[str, Any]:
        """The tokens for a code. Raises SignInRefused, ProviderAtFault, ProviderUnavailable."""
        auth = self._http.client_auth(self._secret_methods[0 if description.basic else 1])
        try:
            async with self._asking("token"):
                tokens = await self._http.fetch_token(description.token, code=code, code_verifier=verifier, auth=auth)
        except OAuthError as error:
            # invalid_grant: the code is used, too old, or was not given for this trip.
            raise SignInRefused("code") if error.error == "invalid_grant" else ProviderAtFault("token error") from error
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise ProviderAtFault("token") from error
        finally:
            self._http.token = None  # the client keeps the last one; it is somebody's
        if not isinstance(tokens.get("id_token"), str):
            raise ProviderAtFault("no id_token")
        return dict(tokens)

    async def userinfo(self, address: str, access_token: Any) -> dict[str, Any]:
        """The person's claims, which nobody signed: the caller compares their subject. Raises ProviderAtFault, ProviderUnavailable."""
        if not isinstance(access_token, str) or not access_token.isascii() or not access_token.isprintable():
            raise ProviderAtFault("no access_token")
        return await self._fetched(address, Authorization=f"Bearer {access_token}")

    def _understood(self, described: Mapping[str, Any]) -> Description:
        if described.get("issuer") != self.issuer:
            raise ProviderAtFault("issuer")
        end_session, userinfo = described.get("end_session_endpoint"), described.get("userinfo_endpoint")
        methods = described.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        return Description(
            authorize=_endpoint(described.get("authorization_endpoint")),
            token=_endpoint(described.get("token_endpoint")),
            keys=_endpoint(described.get("jwks_uri")),
            userinfo=_endpoint(userinfo) if userinfo else None,
            end_session=_endpoint(end_session) if end_session else None,
            names_itself=described.get("authorization_response_iss_parameter_supported") is True,
            basic=isinstance(methods, list) and "client_secret_basic" in methods,
        )

    async def _fetched(self, address: str, **headers: str) -> dict[str, Any]:
        """The JSON object at the address. Raises ProviderAtFault, ProviderUnavailable."""
        async with self._asking("fetch"):
            answer: httpx2.Response = await self._http.request("GET", address, headers=headers, withhold_token=True)
        if answer.status_code != 200:
            raise _refused("fetch", answer.status_code)
        try:
            found = answer.json()
        except (ValueError, RecursionError) as error:
            raise ProviderAtFault("not JSON") from error
        if not isinstance(found, dict):
            raise ProviderAtFault("not an object")
        return found

    @asynccontextmanager
    async def _asking(self, what: str) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._patience):
                yield
        except _TooLarge as error:
            raise ProviderAtFault(f"{what} too large") from error
        except httpx2.HTTPStatusError as error:
            raise _refused(what, error.response.status_code) from error
        except (TimeoutError, httpx2.HTTPError) as error:
            raise ProviderUnavailable(what) from error


def _refused(what: str, status: int) -> SignInFailed:
    is_busy = status >= 500 or status == 429
    return (ProviderUnavailable if is_busy else ProviderAtFault)(f"{what} status {status}")


class _TooLarge(Exception):
    """An answer that is longer, or packed, than we read."""


class _Limited(httpx2.AsyncByteStream):
    def __init__(self, inner: httpx2.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        received = 0
        async for chunk in self._inner:
            received += len(chunk)
            if received > _MOST_BYTES:
                raise _TooLarge
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


async def _limit(response: httpx2.Response) -> None:
    """Before its body is read."""
    if response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise _TooLarge
    if isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _Limited(response.stream)


def _endpoint(address: Any) -> str:
    """An address of the provider that secrets may be sent to."""
    try:
        parts = httpx2.URL(address)
    except (httpx2.InvalidURL, TypeError, ValueError) as error:
        raise ProviderAtFault("endpoint") from error
    if not parts.host or parts.userinfo or not (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(address))):
        raise ProviderAtFault("endpoint")
    return str(address)
