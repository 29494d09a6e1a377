"""Browser sessions: an opaque secret in a cookie, its hash in the database, one active company in each. Cookies are not known here."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, bindparam, delete, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from app.auth.actor import Actor
from app.auth.doors import Door
from app.auth.permissions import NONE, ROLE_PERMISSIONS
from app.auth.secrets import hash_of, new_secret
from app.models import Company, CompanyStatus, Locale, Member, MemberStatus, Provider, ProviderStatus, Session, User
from app.models.base import Instant

SESSION_OF_SECRET = Door(
    "session_of_secret",
    select(
        Session.id,
        Session.user_id,
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
    .where(Session.secret_hash == bindparam("secret_hash"), Session.expires_at > bindparam("now", type_=Instant())),
)
DEAD_SESSIONS = Door("dead_sessions", delete(Session).where(Session.expires_at <= bindparam("now", type_=Instant())).returning(Session.id))


async def start_session(session: AsyncSession, user_id: UUID, *, id_token: str | None, now: datetime, hours: int) -> str:
    """A new session's secret, for the cookie.

    id_token   what the identity provider wants back at logout, if it wants anything.
    The active company is the user's, where there is exactly one; else none, until switchAccount.
    """
    # In passing: dead sessions are of no use to anybody.
    await session.execute(DEAD_SESSIONS.on(session), {"now": now})
    active = select(Member.company_id).where(Member.user_id == user_id, Member.status == MemberStatus.ACTIVE).limit(2)
    companies = (await session.scalars(active)).all()
    secret = new_secret()
    session.add(
        Session(
            secret_hash=hash_of(secret),
            user_id=user_id,
            company_id=companies[0] if len(companies) == 1 else None,
            id_token=id_token,
            created_at=now,
            expires_at=now + timedelta(hours=hours),
        )
    )
    await session.flush()
    return secret


async def actor_of_session(connection: AsyncConnection | AsyncSession, secret: str, *, now: datetime) -> Actor | None:
    """The person whom the secret stands for, with their role in the active company; None when unknown or expired. One statement."""
    row = (await connection.execute(SESSION_OF_SECRET.on(connection), {"secret_hash": hash_of(secret), "now": now})).one_or_none()
    if row is None:
        return None
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


async def switch_session(session: AsyncSession, session_id: UUID, company_id: UUID) -> bool:
    """Makes the company the session's active one. False, and nothing changed, unless the session's user is an ACTIVE member of it."""
    member = exists().where(Member.user_id == Session.user_id, Member.company_id == company_id, Member.status == MemberStatus.ACTIVE)
    switched = update(Session).where(Session.id == session_id, member).values(company_id=company_id).returning(Session.id)
    return (await session.execute(switched, execution_options={"synchronize_session": False})).one_or_none() is not None


async def end_session(session: AsyncSession, session_id: UUID) -> str | None:
    """Ends it on the server, so that a copied cookie is dead too. Answers the identity provider's token, for logging out there."""
    return await session.scalar(delete(Session).where(Session.id == session_id).returning(Session.id_token))


async def end_all_sessions(session: AsyncSession, user_id: UUID) -> None:
    """Ends every session of the person, in whatever browser."""
    await session.execute(delete(Session).where(Session.user_id == user_id))
