"""Headers that keep browsers careful, on every answer, and which other origins' pages may read the graph (CORS): none but those named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.settings import Settings

_CAREFUL: Final = {
    # What is not a page of ours has nothing to load; pages say their own.
    b"content-security-policy": b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    b"referrer-policy": b"no-referrer",
    b"x-content-type-options": b"nosniff",
}
_ON_HTTPS: Final = {b"strict-transport-security": b"max-age=31536000; includeSubDomains"}
# What a page of another origin may ask: the graph, and at the addresses that the graph gives.
_ALLOWED_METHODS: Final = {"/graphql": b"POST", "/documents/": b"GET, PUT", "/contracts/": b"GET"}
_ALLOWED_HEADERS: Final = b"Accept, Accept-Language, Authorization, Content-Type, Idempotency-Key, Sp-Token"
_EXPOSED_HEADERS: Final = (
    b"Content-Disposition, Content-Language, ETag, Idempotency-Replayed, RateLimit, RateLimit-Policy, Retry-After, Telework-Environment, "
    b"X-Request-Id"
)
_PREFLIGHT_SECONDS: Final = b"600"


class Headers:
    """Outermost, so that errors' answers have them as well. What the application has said itself stands."""

    def __init__(self, app: ASGIApp, settings: Settings, origins: Sequence[str]) -> None:
        self.app = app
        secure = _ON_HTTPS.items() if settings.public_url.lower().startswith("https://") else ()
        self._careful = [*_CAREFUL.items(), *secure, (b"telework-environment", settings.environment.encode())]
        self._names = {name for name, _ in self._careful}
        self._origins = {origin.encode() for origin in origins}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        shared = self._sharing(scope) if self._origins else []

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = self._with(message["headers"], shared)
            await send(message)

        if shared and scope["method"] == "OPTIONS" and _value(scope, b"access-control-request-method"):
            await send_with_headers({"type": "http.response.start", "status": 204, "headers": []})
            await send_with_headers({"type": "http.response.body", "body": b""})
            return
        await self.app(scope, receive, send_with_headers)

    def _sharing(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        """What lets the origin's page read the answer, with its person's cookie; nothing for an origin that is not named."""
        origin = _value(scope, b"origin")
        allowed = next((methods for path, methods in _ALLOWED_METHODS.items() if _is_at(scope["path"], path)), None)
        if origin not in self._origins or allowed is None:
            return []
        headers = [(b"access-control-allow-origin", origin), (b"access-control-allow-credentials", b"true")]
        if scope["method"] == "OPTIONS":
            return [
                *headers,
                (b"access-control-allow-methods", allowed),
                (b"access-control-allow-headers", _ALLOWED_HEADERS),
                (b"access-control-max-age", _PREFLIGHT_SECONDS),
            ]
        return [*headers, (b"access-control-expose-headers", _EXPOSED_HEADERS)]

    def _with(self, headers: list[tuple[bytes, bytes]], shared: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        made = [*headers, *self._careful]
        said = {name for name, _ in headers} & self._names  # in lower case, as ASGI has them
        if said:
            made = [*headers, *(pair for pair in self._careful if pair[0] not in said)]
        # A cache must not give one origin's answer to another, also where there was none.
        return [*made, *shared, (b"vary", b"Origin")] if self._origins else made


def _is_at(path: str, place: str) -> bool:
    return path.startswith(place) if place.endswith("/") else path == place


def exact_origins(listed: str) -> list[str]:
    """The setting's origins. Raises ValueError for what is not exactly one: a wildcard, a path, plain http anywhere but on loopback."""
    origins = [each.strip() for each in listed.split(",") if each.strip()]
    for origin in origins:
        parts = urlsplit(origin)
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1"))
        if not is_safe or "*" in origin or origin != f"{parts.scheme}://{parts.netloc}" or "@" in origin or origin != origin.lower():
            raise ValueError(f"TELEWORK_CORS_ORIGINS: {origin!r} is not an origin such as https://portal.example.sa")
    return origins


def _value(scope: Scope, name: bytes) -> bytes:
    found = [value for key, value in scope["headers"] if key == name]
    return found[0] if len(found) == 1 else b""
