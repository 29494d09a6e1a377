"""A provider that lies: an OpenID provider of which a test may change every word."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import json
import time
import warnings
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

KEY = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)
FORGED = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256", "kid": KEY.kid or ""})
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    WEAK = RSAKey.generate_key(1024, {"use": "sig", "kid": "weak"})
CURVE = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256", "kid": "curve"})
PUBLIC_AS_SECRET = OctKey.import_key(json.dumps(KEY.as_dict(private=False)))
SECRET = "s3cret-s3cret-s3cret-s3cret-s3cret"
CLIENT_SECRET = OctKey.import_key(SECRET)
STRANGER = "2000000006"
PACKED = gzip.compress(b" " * 10_000_000, compresslevel=1)

DESCRIPTION, KEYS, TOKEN, USERINFO = "/.well-known/openid-configuration", "/keys", "/token", "/userinfo"


@dataclass
class Lies:
    """What it says otherwise than an honest provider would.

    at          paths and how they misbehave: "slow", "trickle", "huge", "packed", "html", "redirect", "cut", or a body, or a status
    """

    described: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)  # of the ID token; None takes one away
    header: dict[str, Any] = field(default_factory=dict)
    key: Any = None  # that signs; KEY unless another
    keys: list[Any] | None = None  # that are published
    tokens: Any = None  # the token endpoint's answer, or a function of the liar that makes it
    token_status: int = 200
    userinfo: dict[str, Any] = field(default_factory=dict)
    at: dict[str, Any] = field(default_factory=dict)


class Liar:
    """`lies` is replaced from case to case; `nonce` is what the browser was sent with. `asked` counts requests by path."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.lies, self.nonce, self.issuer = Lies(), "", ""
        self.asked: dict[str, int] = {}

    def app(self, url: str) -> Starlette:
        self.issuer = url
        return Starlette(routes=[Route("/{path:path}", self._answer, methods=["GET", "POST"])])

    async def _answer(self, request: Request) -> Response:
        path = request.url.path
        self.asked[path] = self.asked.get(path, 0) + 1
        if (way := self.lies.at.get(path)) is not None:
            return await self._misbehave(way)
        if path == KEYS:
            return JSONResponse({"keys": [key.as_dict(private=False) for key in self.lies.keys or [KEY]]})
        if path == TOKEN:
            answer = self.lies.tokens(self) if callable(self.lies.tokens) else self.lies.tokens or self.tokens("at")
            return JSONResponse(answer, self.lies.token_status)
        if path == USERINFO:
            assert request.headers["authorization"] == "Bearer at"
            return JSONResponse({"sub": "s-1"} | self.lies.userinfo)
        if path != DESCRIPTION:
            return JSONResponse({}, 404)
        said = {"issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorize", "token_endpoint": f"{self.issuer}{TOKEN}"}
        return JSONResponse(said | {"jwks_uri": f"{self.issuer}{KEYS}"} | self.lies.described)

    async def _misbehave(self, way: Any) -> Response:
        if way == "slow":
            await asyncio.sleep(60)
        if way in ("trickle", "huge"):
            return StreamingResponse(_endless(b" " if way == "trickle" else b" " * 65_536, 0.05 if way == "trickle" else 0))
        if way == "packed":
            return Response(PACKED, headers={"Content-Encoding": "gzip"})
        if way == "html":
            return Response("<html>busy</html>", media_type="text/html")
        if way == "redirect":
            return RedirectResponse("http://169.254.169.254/latest")
        if way == "cut":
            return StreamingResponse(_endless(b"{", 0, times=1), headers={"Content-Length": "100"})
        return Response(status_code=way) if isinstance(way, int) else Response(way, media_type="application/json")

    def tokens(self, access_token: str) -> dict[str, Any]:
        return {"access_token": access_token, "token_type": "Bearer", "id_token": self.signed(self.id_claims())}

    def id_claims(self) -> dict[str, Any]:
        moment = int(self.clock())
        said = {"iss": self.issuer, "aud": "telework", "sub": "s-1", "iat": moment, "exp": moment + 300, "nonce": self.nonce}
        return said | {"name": "Sara", "national_id": STRANGER} | {name: self._named(value) for name, value in self.lies.claims.items()}

    def logout_claims(self, **more: Any) -> dict[str, Any]:
        moment = int(self.clock())
        events: Any = {"http://schemas.openid.net/event/backchannel-logout": {}}
        said = {"iss": self.issuer, "aud": "telework", "sub": "s-1", "iat": moment, "exp": moment + 120, "jti": str(time.time_ns())}
        return {**said, "events": events, **{name: self._named(value) for name, value in more.items()}}

    def signed(self, claims: dict[str, Any]) -> str:
        header = {"alg": "RS256", "kid": KEY.kid} | self.lies.header
        kept = {name: value for name, value in claims.items() if value is not None}
        plain = ".".join(b64(json.dumps(part).encode()) for part in (header, kept))
        if header["alg"] == "none":
            return f"{plain}."
        if "crit" in header:  # which joserfc would not write
            return f"{plain}.{b64(KEY.get_op_key('sign').sign(plain.encode(), PKCS1v15(), SHA256()))}"
        return jwt.encode(header, kept, self.lies.key or KEY, algorithms=[header["alg"]])

    def _named(self, value: Any) -> Any:
        """A function makes a value of the moment: (now) -> value."""
        return value(int(self.clock())) if callable(value) else value


async def _endless(part: bytes, pause: float, times: int = 100_000) -> AsyncIterator[bytes]:
    for _ in range(times):
        yield part
        await asyncio.sleep(pause)


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def at_hash(access_token: str) -> str:
    return b64(hashlib.sha256(access_token.encode()).digest()[:16])
