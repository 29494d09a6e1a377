"""What the provider signed: ID tokens, and the tokens by which it tells that somebody logged out."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError
from joserfc.jws import JWSRegistry

from app.auth.sign_in.failures import ProviderAtFault, SignInFailed, SignInInterrupted
from app.auth.sign_in.provider import Provider

# Signatures that the provider alone can make. A shared secret (HS256) would let whoever knows the client's secret, or takes the public
# key for one, write tokens.
_ALGORITHMS = [f"{family}{bits}" for family in ("RS", "PS", "ES") for bits in (256, 384, 512)] + ["EdDSA", "Ed25519"]
_SIGNATURES = JWSRegistry(algorithms=_ALGORITHMS, strict_check_header=False)
_LOGOUT = "http://schemas.openid.net/event/backchannel-logout"
_LONGEST_LOGOUT = timedelta(days=1)  # that we would have to remember it for


@dataclass(frozen=True, slots=True)
class Departed:
    """Who logged out at the provider: one of its sessions, or all of a subject's where it names none."""

    subject: str | None
    provider_session: str | None
    identifier: str  # the token's
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Expected:
    """What every token of the provider's must agree with. `leeway`: seconds that its clock may be off."""

    client_id: str
    leeway: int
    now: datetime


async def id_token_claims(provider: Provider, tokens: Mapping[str, Any], expected: Expected, *, nonce: str) -> dict[str, Any]:
    """The claims of the ID token among the tokens. Raises SignInInterrupted, ProviderAtFault, ProviderUnavailable."""
    token = await _decoded(provider, tokens["id_token"], expected)
    claims = token.claims
    _check(provider, claims, expected, "sub")
    audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if claims.get("azp", expected.client_id if len(audiences) == 1 else None) != expected.client_id:
        raise ProviderAtFault("azp")
    # A token made for another trip is what an injected code yields.
    if not _same(claims.get("nonce"), nonce):
        raise SignInInterrupted("nonce")
    if "at_hash" in claims and not _same(claims["at_hash"], _half_hash(tokens.get("access_token"), token.header["alg"])):
        raise ProviderAtFault("at_hash")
    return claims


async def departed(provider: Provider, logout_token: str, expected: Expected) -> Departed:
    """Whom a logout token means (OpenID Connect Back-Channel Logout 1.0, 2.6). Raises ProviderAtFault, ProviderUnavailable."""
    token = await _decoded(provider, logout_token, expected, sparing=True)
    claims = token.claims
    if str(token.header.get("typ", "JWT")).lower().removeprefix("application/") not in ("jwt", "logout+jwt"):
        raise ProviderAtFault("typ")
    _check(provider, claims, expected, "jti")
    # One with a nonce is an ID token, which anybody may hold who ever signed in.
    if "nonce" in claims:
        raise ProviderAtFault("nonce")
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(_LOGOUT), dict):
        raise ProviderAtFault("events")
    subject, session = claims.get("sub"), claims.get("sid")
    if not all(part is None or (isinstance(part, str) and part) for part in (subject, session)) or subject is session is None:
        raise ProviderAtFault("sub or sid")
    if claims["exp"] > (expected.now + _LONGEST_LOGOUT).timestamp():
        raise ProviderAtFault("exp")
    return Departed(subject, session, claims["jti"], datetime.fromtimestamp(claims["exp"], UTC) + timedelta(seconds=expected.leeway))


def _check(provider: Provider, claims: Mapping[str, Any], expected: Expected, *needed: str) -> None:
    options: dict[str, Any] = {name: {"essential": True} for name in ("exp", "iat", *needed)}
    options |= {"iss": {"essential": True, "value": provider.issuer}, "aud": {"essential": True, "value": expected.client_id}}
    try:
        jwt.JWTClaimsRegistry(now=int(expected.now.timestamp()), leeway=expected.leeway, **options).validate(dict(claims))
    except Exception as error:  # whatever strange claims make a parser raise
        raise ProviderAtFault("claims") from error


async def _decoded(provider: Provider, token: str, expected: Expected, *, sparing: bool = False) -> jwt.Token:
    try:
        try:
            return jwt.decode(token, await provider.key_set(expected.now), registry=_SIGNATURES)
        except InvalidKeyIdError:
            # The provider signs with a newer key than those that we remember.
            return jwt.decode(token, await provider.key_set(expected.now, newer=True, sparing=sparing), registry=_SIGNATURES)
    except SignInFailed:
        raise
    except Exception as error:  # joserfc's own, and whatever a forged token makes it raise
        raise ProviderAtFault("signature") from error


def _half_hash(access_token: Any, algorithm: str) -> str:
    digest = hashlib.new(f"sha{algorithm[2:]}" if algorithm[2:].isdigit() else "sha512", str(access_token).encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


def _same(theirs: Any, ours: str) -> bool:
    return isinstance(theirs, str) and hmac.compare_digest(theirs.encode(errors="replace"), ours.encode())
