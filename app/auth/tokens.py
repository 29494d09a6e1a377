"""SP-Tokens and the gateway's credential: their format, and the caller that one stands for. Who may make them is not decided here.

    tw_live_ | tw_sandbox_ | tw_gateway_   128 hex digits of randomness   8 hex digits of CRC-32 over all before them

The prefix lets leak scanners find a token, the checksum lets them and us refuse a typo without a look-up. Integrators who linked
before hold bare secrets, the 128 digits alone, in either case; those count only where an operator imported them.
"""

from __future__ import annotations

import hmac
import os
import re
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from uuid import UUID

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from app.auth.actor import Actor
from app.auth.doors import Door
from app.auth.permissions import GATEWAY, GRANTABLE, Permissions
from app.auth.secrets import hash_of
from app.models import Company, CompanyStatus, Environment, GatewayCredential, Provider, ProviderStatus, SpToken, is_in_force
from app.models.base import Instant

_PREFIX = {Environment.LIVE: "tw_live_", Environment.SANDBOX: "tw_sandbox_"}
_GATEWAY = "tw_gateway_"
_SECRET = re.compile(r"(tw_live_|tw_sandbox_|tw_gateway_)[0-9a-f]{136}")
_BARE = re.compile(r"[0-9A-Fa-f]{128}")
_RANDOM_BYTES = 64
_DISPLAYED = 6
_CHECKSUM = 8
_TOUCHED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A secret to be shown once, and what is kept of it."""

    secret: str
    secret_hash: str
    display_code: str


@dataclass(frozen=True, slots=True)
class TokenInUse:
    """A token that was accepted."""

    actor: Actor
    environment: Environment
    last_used_at: datetime | None
    address_ranges: list[str] | None


def make_secret(environment: Environment) -> NewSecret:
    """A new secret for a token of the environment."""
    return _make(_PREFIX[environment])


def make_gateway_secret() -> NewSecret:
    return _make(_GATEWAY)


def kept_of_bare(secret: str) -> NewSecret:
    """What is kept of a secret from before the prefix."""
    return NewSecret(secret, hash_of(_canonical(secret)), _canonical(secret)[:_DISPLAYED])


def environment_of(secret: str) -> Environment | None:
    """Where the token says that it belongs; None when it is none of our format or is mistyped. Asks no database."""
    prefix = _prefix_of(secret)
    return next((environment for environment, each in _PREFIX.items() if each == prefix), None)


def is_gateway_secret(secret: str) -> bool:
    """Whether it has the form of the gateway's credential, checksum included. Asks no database."""
    return _prefix_of(secret) == _GATEWAY


def beginning_of(secret: str) -> str:
    """The first characters behind the prefix that all share: what the portal shows of a token, by which attempts are counted."""
    return _canonical(secret.removeprefix("tw_").removeprefix("live_").removeprefix("sandbox_").removeprefix("gateway_"))[:_DISPLAYED]


def is_bare(secret: str) -> bool:
    """Whether it has the form of the secrets from before the prefix, which only a look-up can tell from a typo."""
    return _BARE.fullmatch(secret) is not None


TOKEN_OF_SECRET = Door(
    "token_of_secret",
    select(
        SpToken.id,
        SpToken.name,
        SpToken.company_id,
        SpToken.scopes,
        SpToken.environment,
        SpToken.last_used_at,
        SpToken.address_ranges,
        or_(Company.status == CompanyStatus.SUSPENDED, Provider.status == ProviderStatus.SUSPENDED).label("suspended"),
    )
    .join(Company, Company.id == SpToken.company_id)
    .join(Provider, Provider.id == Company.provider_id)
    .where(
        SpToken.secret_hash == bindparam("secret_hash"),
        is_in_force(SpToken, bindparam("now", type_=Instant())),
    ),
)
GATEWAY_OF_SECRET = Door(
    "gateway_of_secret",
    select(GatewayCredential.id, GatewayCredential.name, GatewayCredential.last_used_at).where(
        GatewayCredential.secret_hash == bindparam("secret_hash"), GatewayCredential.revoked_at.is_(None)
    ),
)
GATEWAY_USED = Door(
    "gateway_used",
    update(GatewayCredential)
    .where(
        GatewayCredential.id == bindparam("gateway"),
        or_(GatewayCredential.last_used_at.is_(None), GatewayCredential.last_used_at <= bindparam("stale_since", type_=Instant())),
    )
    .values(last_used_at=bindparam("now", type_=Instant()))
    .returning(GatewayCredential.id),
)


async def token_in_use(connection: AsyncConnection | AsyncSession, secret: str, *, now: datetime) -> TokenInUse | None:
    """The token with this secret; None when there is none, it is revoked or it has expired. One statement."""
    values = {"secret_hash": hash_of(_canonical(secret)), "now": now}
    row = await TOKEN_OF_SECRET.one(connection, values)
    if row is None:
        return None
    permissions = permissions_of(row.scopes)
    actor = Actor(name=row.name, token_id=row.id, account_id=row.company_id, permissions=permissions, suspended=row.suspended)
    return TokenInUse(actor, row.environment, row.last_used_at, row.address_ranges)


def permissions_of(scopes: list[str]) -> Permissions:
    """What scopes come to: what was grantable when a token was made need not be so today."""
    return frozenset(permission for permission in GRANTABLE if permission in scopes)


async def actor_of_token(connection: AsyncConnection | AsyncSession, secret: str, *, now: datetime) -> Actor | None:
    """The caller that the secret stands for, None as above. Call it again to see whether a token has been revoked meanwhile."""
    found = await token_in_use(connection, secret, now=now)
    return found.actor if found else None


async def gateway_in_use(connection: AsyncConnection | AsyncSession, secret: str) -> tuple[Actor, datetime | None] | None:
    """The portal's gateway and when it last came, where this is its credential and not revoked."""
    row = await GATEWAY_OF_SECRET.one(connection, {"secret_hash": hash_of(secret)})
    return None if row is None else (Actor(name=row.name, gateway_id=row.id, permissions=GATEWAY), row.last_used_at)


def may_come_from(address_ranges: list[str] | None, address: str) -> bool:
    """Whether the address lies in one of the networks; without any, all do."""
    if not address_ranges:
        return True
    try:
        found = ip_address(address)
    except ValueError:
        return False
    plain = found.ipv4_mapped or found if isinstance(found, IPv6Address) else found
    return any(plain in ip_network(each) for each in address_ranges)


def is_stale(last_used_at: datetime | None, now: datetime) -> bool:
    """Whether the time of last use is old enough to be written again."""
    return last_used_at is None or last_used_at <= now - _TOUCHED_EVERY


async def touch_token(session: AsyncSession, token_id: UUID, *, now: datetime) -> None:
    """Writes the time of last use, unless another request did so within the minute."""
    stale = or_(SpToken.last_used_at.is_(None), SpToken.last_used_at <= now - _TOUCHED_EVERY)
    await session.execute(update(SpToken).where(SpToken.id == token_id, stale).values(last_used_at=now))


async def touch_gateway(session: AsyncSession, gateway_id: UUID, *, now: datetime) -> None:
    used = {"gateway": gateway_id, "stale_since": now - _TOUCHED_EVERY, "now": now}
    await session.execute(GATEWAY_USED.on(session), used, execution_options={"synchronize_session": False})


def _make(prefix: str) -> NewSecret:
    random = os.urandom(_RANDOM_BYTES).hex()
    body = prefix + random
    secret = body + _checksum(body)
    return NewSecret(secret, hash_of(secret), random[:_DISPLAYED])


def _prefix_of(secret: str) -> str | None:
    found = _SECRET.fullmatch(secret)
    if found is None or not hmac.compare_digest(_checksum(secret[:-_CHECKSUM]), secret[-_CHECKSUM:]):
        return None
    return found[1]


def _canonical(secret: str) -> str:
    """Hexadecimal digits of old are taken in either case."""
    return secret.lower() if is_bare(secret) else secret


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode('ascii')):08x}"
