"""Browser sessions: an opaque secret in a cookie, its hash in the database, one active company in each. Cookies are not known here.

The secret changes whenever the rights behind it do. For some seconds the one before still finds its session: other requests of the same
browser are under way with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, bindparam, delete, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from app.auth.actor import Actor
from app.auth.doors import Door
from app.auth.permissions import NONE, ROLE_PERMISSIONS
from app.auth.secrets import hash_of, new_secret
from app.models import Company, CompanyStatus, Locale, Member, MemberStatus, Provider, ProviderStatus, Session, User
from app.models.base import Instant

_GRACE = timedelta(seconds=10)  # for the secret before
_TOUCHED = timedelta(minutes=1)
_LONGEST_DEVICE = 200

_WITH_ROLE = (
    select(
        Session.id,
        Session.user_id,
        Session.last_used_at,
        Session.created_at,
        Session.role.label("known_role"),
        User.name,
        User.locale,
        Member.role,
        # Not the session's: a membership that ended leaves no account.
        Member.company_id,
        or_(Company.status == CompanyStatus.SUSPENDED, Provider.status == ProviderStatus.SUSPENDED).label("suspended"),
    )
    .join(User, User.id == Session.user_id)
    .outerjoin(
        Member,
        and_(Member.user_id == Session.user_id, Member.company_id == Session.company_id, Member.status == MemberStatus.ACTIVE),
    )
    .outerjoin(Company, Company.id == Member.company_id)
    .outerjoin(Provider, Provider.id == Company.provider_id)
    .where(
        Session.expires_at > bindparam("now", type_=Instant()),
        or_(Session.idle_at.is_(None), Session.idle_at > bindparam("now", type_=Instant())),
    )
)
SESSION_OF_SECRET = Door("session_of_secret", _WITH_ROLE.where(Session.secret_hash == bindparam("secret_hash")))
SESSION_OF_PREVIOUS_SECRET = Door(
    "session_of_previous_secret",
    _WITH_ROLE.where(Session.previous_hash == bindparam("secret_hash"), Session.rotated_at > bindparam("rotated_since", type_=Instant())),
)
DEAD_SESSIONS = Door("dead_sessions", delete(Session).where(Session.expires_at <= bindparam("now", type_=Instant())).returning(Session.id))
# Somebody else's, whom the company takes out.
SESSIONS_LEAVING = Door(
    "sessions_leaving",
    update(Session)
    .where(Session.user_id == bindparam("person"), Session.company_id == bindparam("company"))
    .values(company_id=None)
    .returning(Session.id),
)


@dataclass(frozen=True, slots=True)
class Live:
    """A session that a secret stands for.

    actor            the person, with their role in the active company
    is_stale         whether its time of use is to be written
    has_new_rights   whether the role is another one than when the secret was made, so that the secret is to change
    """

    actor: Actor
    is_stale: bool
    has_new_rights: bool


async def start_session(
    session: AsyncSession,
    user_id: UUID,
    *,
    id_token: str | None,
    now: datetime,
    hours: int,
    idle: timedelta | None = None,
    provider_session: str | None = None,
    device: str | None = None,
    address: str | None = None,
) -> str:
    """A new session's secret, for the cookie.

    hours, idle        how long it lasts at most, and without being used.
    id_token           what the identity provider wants back at logout, if it wants anything.
    provider_session   its own name for its session, if it has one.
    device             what the browser says of itself.
    The active company is the user's, where there is exactly one; else none, until switchAccount.
    """
    # In passing: dead sessions are of no use to anybody.
    await session.execute(DEAD_SESSIONS.on(session), {"now": now})
    active = select(Member.company_id, Member.role).where(Member.user_id == user_id, Member.status == MemberStatus.ACTIVE).limit(2)
    companies = (await session.execute(active)).all()
    secret = new_secret()
    session.add(
        Session(
            secret_hash=hash_of(secret),
            user_id=user_id,
            company_id=companies[0].company_id if len(companies) == 1 else None,
            role=companies[0].role if len(companies) == 1 else None,
            provider_session=provider_session,
            id_token=id_token,
            device=_printable(device),
            address=address,
            created_at=now,
            idle_at=now + idle if idle else None,
            expires_at=now + timedelta(hours=hours),
        )
    )
    await session.flush()
    return secret


async def live_session(connection: AsyncConnection | AsyncSession, secret: str, *, now: datetime) -> Live | None:
    """What the secret stands for; None when unknown, expired, or unused for too long. One statement, as a rule."""
    values = {"secret_hash": hash_of(secret), "now": now}
    row = await SESSION_OF_SECRET.one(connection, values)
    is_current = row is not None
    if row is None:
        row = await SESSION_OF_PREVIOUS_SECRET.one(connection, {**values, "rotated_since": now - _GRACE})
    if row is None:
        return None
    return Live(
        _actor(row),
        is_stale=now - (row.last_used_at or row.created_at) >= _TOUCHED,
        has_new_rights=is_current and row.role != row.known_role,
    )


def _actor(row: Any) -> Actor:
    return Actor(
        name=row.name,
        user_id=row.user_id,
        session_id=row.id,
        account_id=row.company_id,
        role=row.role,
        permissions=ROLE_PERMISSIONS[row.role] if row.role else NONE,
        suspended=bool(row.suspended),
        language="en" if row.locale is Locale.EN else "ar",
    )


async def touch_session(session: AsyncSession, session_id: UUID, *, address: str | None, now: datetime, idle: timedelta) -> None:
    """Notes that it is in use, and from where."""
    used = {"last_used_at": now, "idle_at": now + idle, "address": address}
    await session.execute(update(Session).where(Session.id == session_id).values(used))


async def renew_secret(session: AsyncSession, session_id: UUID, secret: str, *, now: datetime) -> str | None:
    """A new secret in the place of this one, since the rights behind it changed; None where another request was first."""
    mine = and_(Member.user_id == Session.user_id, Member.company_id == Session.company_id, Member.status == MemberStatus.ACTIVE)
    role = select(Member.role).where(mine).scalar_subquery()
    new = new_secret()
    renewed = (
        update(Session)
        .where(Session.id == session_id, Session.secret_hash == hash_of(secret))
        .values(secret_hash=hash_of(new), previous_hash=Session.secret_hash, rotated_at=now, role=role)
        .returning(Session.id)
    )
    found = (await session.execute(renewed, execution_options={"synchronize_session": False})).one_or_none()
    return new if found else None


async def switch_session(session: AsyncSession, session_id: UUID, company_id: UUID, *, now: datetime) -> str | None:
    """Makes the company the session's active one, and answers its new secret.

    None, and nothing changed, unless the session's user is an ACTIVE member of it. An empty secret where it changed a moment ago: two
    switches at once must not leave the browser with the secret that came first, and neither with none.
    """
    own = and_(Member.user_id == Session.user_id, Member.company_id == company_id, Member.status == MemberStatus.ACTIVE)
    role = select(Member.role).where(own).scalar_subquery()
    switched = update(Session).where(Session.id == session_id, exists().where(own)).values(company_id=company_id, role=role)
    unsynchronized = {"synchronize_session": False}
    if (await session.execute(switched.returning(Session.id), execution_options=unsynchronized)).one_or_none() is None:
        return None
    new = new_secret()
    rotated = (
        update(Session)
        .where(Session.id == session_id, or_(Session.rotated_at.is_(None), Session.rotated_at <= now - _GRACE))
        .values(secret_hash=hash_of(new), previous_hash=Session.secret_hash, rotated_at=now)
        .returning(Session.id)
    )
    return new if (await session.execute(rotated, execution_options=unsynchronized)).one_or_none() else ""


async def end_session(session: AsyncSession, session_id: UUID) -> str | None:
    """Ends it on the server, so that a copied cookie is dead too. Answers the identity provider's token, for logging out there."""
    return await session.scalar(delete(Session).where(Session.id == session_id).returning(Session.id_token))


async def end_all_sessions(session: AsyncSession, user_id: UUID) -> None:
    """Ends every session of the person, in whatever browser."""
    await session.execute(delete(Session).where(Session.user_id == user_id))


async def end_own_session(session: AsyncSession, session_id: UUID, user_id: UUID) -> bool:
    """Ends it, if it is that person's. Tells whether it was."""
    ended = delete(Session).where(Session.id == session_id, Session.user_id == user_id).returning(Session.id)
    return await session.scalar(ended) is not None


async def leave_company(session: AsyncSession, user_id: UUID, company_id: UUID) -> None:
    """No session of the person's acts for the company any more, nor does if they are invited again."""
    theirs = {"person": user_id, "company": company_id}
    await session.execute(SESSIONS_LEAVING.on(session), theirs, execution_options={"synchronize_session": False})


async def act_for(session: AsyncSession, session_id: UUID, company_id: UUID) -> None:
    """Makes the company the session's active one, for somebody who has just become a member of it."""
    await session.execute(update(Session).where(Session.id == session_id).values(company_id=company_id))


def _printable(device: str | None) -> str | None:
    """What others will read on a page: of one line, and not for ever."""
    kept = "".join(character for character in device or "" if character.isprintable())[:_LONGEST_DEVICE].strip()
    return kept or None
