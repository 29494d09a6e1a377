"""SP-Tokens: their format, and the caller that one stands for. Who may make and revoke them is not decided here.

    tw_live_ | tw_sandbox_   128 hex digits of randomness   8 hex digits of CRC-32 over all before them

The prefix lets leak scanners find a token, the checksum lets them and us refuse a typo without a look-up. Integrators who linked
before hold bare secrets, the 128 digits alone; those count only where an operator imported them.
"""

from __future__ import annotations

import hmac
import os
import re
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from app.auth.actor import Actor
from app.auth.doors import Door
from app.auth.permissions import GRANTABLE, Permissions
from app.auth.secrets import hash_of
from app.models import Company, CompanyStatus, Environment, Provider, ProviderStatus, SpToken
from app.models.base import Instant

_PREFIX = {Environment.LIVE: "tw_live_", Environment.SANDBOX: "tw_sandbox_"}
_SECRET = re.compile(r"(tw_live_|tw_sandbox_)[0-9a-f]{136}")
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


def make_secret(environment: Environment) -> NewSecret:
    """A new secret for a token of the environment."""
    random = os.urandom(_RANDOM_BYTES).hex()
    body = _PREFIX[environment] + random
    secret = body + _checksum(body)
    return NewSecret(secret, hash_of(secret), random[:_DISPLAYED])


def environment_of(secret: str) -> Environment | None:
    """Where the secret says that it belongs; None when it is not one of our format or is mistyped. Asks no database."""
    found = _SECRET.fullmatch(secret)
    if found is None or not hmac.compare_digest(_checksum(secret[:-_CHECKSUM]), secret[-_CHECKSUM:]):
        return None
    return next(environment for environment, prefix in _PREFIX.items() if prefix == found[1])


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
        or_(Company.status == CompanyStatus.SUSPENDED, Provider.status == ProviderStatus.SUSPENDED).label("suspended"),
    )
    .join(Company, Company.id == SpToken.company_id)
    .join(Provider, Provider.id == Company.provider_id)
    .where(
        SpToken.secret_hash == bindparam("secret_hash"),
        or_(SpToken.revoked_at.is_(None), SpToken.revoked_at > bindparam("now", type_=Instant())),
        or_(SpToken.expires_at.is_(None), SpToken.expires_at > bindparam("now", type_=Instant())),
    ),
)


async def token_in_use(connection: AsyncConnection | AsyncSession, secret: str, *, now: datetime) -> TokenInUse | None:
    """The token with this secret; None when there is none, it is revoked or it has expired. One statement."""
    row = (await connection.execute(TOKEN_OF_SECRET.on(connection), {"secret_hash": hash_of(secret), "now": now})).one_or_none()
    if row is None:
        return None
    # What was grantable when the token was made need not be so today.
    permissions: Permissions = frozenset(permission for permission in GRANTABLE if permission in row.scopes)
    actor = Actor(name=row.name, token_id=row.id, account_id=row.company_id, permissions=permissions, suspended=row.suspended)
    return TokenInUse(actor, row.environment, row.last_used_at)


async def actor_of_token(connection: AsyncConnection | AsyncSession, secret: str, *, now: datetime) -> Actor | None:
    """The caller that the secret stands for, None as above. Call it again to see whether a token has been revoked meanwhile."""
    found = await token_in_use(connection, secret, now=now)
    return found.actor if found else None


def is_stale(last_used_at: datetime | None, now: datetime) -> bool:
    """Whether the time of last use is old enough to be written again."""
    return last_used_at is None or last_used_at <= now - _TOUCHED_EVERY


async def touch_token(session: AsyncSession, token_id: UUID, *, now: datetime) -> None:
    """Writes the time of last use, unless another request did so within the minute."""
    stale = or_(SpToken.last_used_at.is_(None), SpToken.last_used_at <= now - _TOUCHED_EVERY)
    await session.execute(update(SpToken).where(SpToken.id == token_id, stale).values(last_used_at=now))


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode('ascii')):08x}"
