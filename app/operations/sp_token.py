"""Making, replacing and revoking SP-Tokens."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, literal, select

from app.auth.permissions import DEFAULT_SCOPES, Permission
from app.auth.policies import may_grant
from app.auth.tokens import make_secret
from app.errors import AppErrors, IllegalTransition, LimitReached, ScopeNotGrantable, ValidationFailed
from app.models import Environment, EventType, SpToken, TokenStatus, is_in_force, token_status
from app.models.base import Instant
from app.operations.work import Work

MOST_TOKENS = 50  # that work at once, for each company

# What may be made of a token. Regenerated, it is in its grace, be it of no minutes. EXPIRED and the end of a grace come by themselves.
TRANSITIONS: dict[TokenStatus, frozenset[TokenStatus]] = {
    TokenStatus.ACTIVE: frozenset({TokenStatus.GRACE, TokenStatus.REVOKED}),
    TokenStatus.GRACE: frozenset({TokenStatus.REVOKED}),
    TokenStatus.REVOKED: frozenset(),
    TokenStatus.EXPIRED: frozenset(),
}


async def create_token(
    work: Work,
    *,
    name: str,
    environment: Environment,
    scopes: list[Permission] | None = None,
    expires_at: datetime | None = None,
    address_ranges: list[str] | None = None,
) -> dict[str, object]:
    """Make a token for the company. Answers it with its secret, which is kept nowhere.

    Raises  ScopeNotGrantable  for each scope that no token may hold, or that the caller does not hold
            ValidationFailed   no scopes, an end that has passed, or no networks where networks are named
            LimitReached       too many tokens work already
    Source  guide 13; domain, rights and the SP-Token.
    """
    granted = _granted(work, scopes)
    if expires_at is not None and expires_at <= work.now:
        raise ValidationFailed(("expires_at",), en="This moment has passed.")
    if address_ranges == []:
        raise ValidationFailed(("address_ranges",), en="Give at least one network.")
    await _check_room(work)
    token, secret = await _add_token(work, name, environment, granted, expires_at, address_ranges)
    await work.record(EventType.TOKEN_CREATED, token)
    return {"token": token, "secret": secret}


async def regenerate_token(work: Work, *, token_id: UUID, grace_minutes: int) -> dict[str, object]:
    """Replace a token by a new one of the same name, scopes, networks and end; the old one works on for the minutes given.

    Raises  NotFound
            IllegalTransition  it does not work any more, or was replaced already
            LimitReached       with a grace, where too many work already
    Source  guide 13; domain, states.
    """
    old = await work.find(SpToken, token_id, "token_id")
    current = await work.status(old, token_status, _moment(work, old))
    _check(current, TokenStatus.GRACE)
    if grace_minutes:
        await _check_room(work)
    old.replaced_at, old.revoked_at = work.now, work.now + timedelta(minutes=grace_minutes)
    new, secret = await _add_token(work, old.name, old.environment, old.scopes, old.expires_at, old.address_ranges)
    await work.record(EventType.TOKEN_REGENERATED, old)
    await work.record(EventType.TOKEN_CREATED, new)
    return {"token": new, "secret": secret, "replaced_token": old}


async def revoke_token(work: Work, *, token_id: UUID) -> dict[str, object]:
    """Stop a token at once, one in its grace included. Raises NotFound, IllegalTransition. Source: guide 13."""
    token = await work.find(SpToken, token_id, "token_id")
    current = await work.status(token, token_status, _moment(work, token))
    _check(current, TokenStatus.REVOKED)
    token.revoked_at, token.replaced_at = work.now, None  # the grace is over, if it was in one
    await work.record(EventType.TOKEN_REVOKED, token)
    return {"token": token}


def _check(current: str, wanted: TokenStatus) -> None:
    if wanted not in TRANSITIONS[TokenStatus(current)]:
        raise IllegalTransition(("token_id",), current=current, wanted=wanted)


def _moment(work: Work, token: SpToken) -> datetime:
    """Now, but not before the last decision on the token: a request keeps the moment at which it came, and others may overtake it."""
    decided = token.replaced_at or token.revoked_at
    return work.now if decided is None else max(work.now, decided)


def _granted(work: Work, scopes: list[Permission] | None) -> list[str]:
    wanted = sorted(DEFAULT_SCOPES) if scopes is None else scopes
    if not wanted:
        raise ValidationFailed(("scopes",), en="Give at least one scope.")
    refused = [ScopeNotGrantable(("scopes", place), scope=scope) for place, scope in enumerate(wanted) if not may_grant(work.actor, scope)]
    if refused:
        raise AppErrors(list(refused))
    return sorted(set(wanted))


async def _check_room(work: Work) -> None:
    working = SpToken.company_id == work.company.id, is_in_force(SpToken, literal(work.now, Instant()))
    count: int = await work.one(select(func.count()).select_from(SpToken).where(*working))
    if count >= MOST_TOKENS:
        raise LimitReached(limit=MOST_TOKENS)


async def _add_token(
    work: Work,
    name: str,
    environment: Environment,
    scopes: list[str],
    expires_at: datetime | None,
    address_ranges: list[str] | None,
) -> tuple[SpToken, str]:
    made = make_secret(environment)
    token = SpToken(
        company_id=work.company.id,
        name=name,
        display_code=made.display_code,
        secret_hash=made.secret_hash,
        environment=environment,
        scopes=scopes,
        address_ranges=sorted(set(address_ranges)) if address_ranges else None,
        created_by_id=work.actor.user_id,
        created_at=work.now,
        expires_at=expires_at,
    )
    return await work.add(token), made.secret
