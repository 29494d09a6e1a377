"""Who came back from the unified login, among our users: what signing in writes, and what a logout over there ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Text, and_, bindparam, delete, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.actor import Actor
from app.auth.doors import Door
from app.auth.secrets import hash_of
from app.auth.sessions import start_session
from app.auth.sign_in import Arrived, Departed, Person, ProviderAtFault
from app.database import Database, assume
from app.errors import AccountSuspended
from app.models import EventType, LogoutToken, Member, MemberStatus, Session, User, UserEstablishment
from app.models.base import uuid7
from app.operations.work import Work
from app.scope import Scope
from app.settings import Settings
from app.values import is_loopback

# Whoever the provider vouches for, whether or not they have been here before; who signed in as that subject first.
PERSON_SIGNING_IN = Door(
    "person_signing_in",
    select(User.id)
    .where(
        or_(
            and_(User.issuer == bindparam("issuer"), User.subject == bindparam("subject")),
            User.national_id == bindparam("national_id"),
        )
    )
    .order_by(and_(User.issuer == bindparam("issuer"), User.subject == bindparam("subject")).is_not(True)),
)
_SUBJECT, _PROVIDER_SESSION = bindparam("subject", type_=Text()), bindparam("provider_session", type_=Text())
# Of a person who is not there, at the provider's word: by its name for them, for its session, or both; never all.
SESSIONS_OF_LOGIN = Door(
    "sessions_of_login",
    delete(Session)
    .where(
        Session.user_id.in_(select(User.id).where(User.issuer == bindparam("issuer"), or_(_SUBJECT.is_(None), User.subject == _SUBJECT))),
        or_(
            _PROVIDER_SESSION.is_(None),
            Session.provider_session == _PROVIDER_SESSION,
            # One of the subject's that was begun without a name may be the one: rather one too many.
            and_(_SUBJECT.is_not(None), Session.provider_session.is_(None)),
        ),
        or_(_SUBJECT.is_not(None), _PROVIDER_SESSION.is_not(None)),
    )
    .returning(Session.user_id),
)


@dataclass(frozen=True, slots=True)
class Visit:
    """The request that a person comes with."""

    now: datetime
    request_id: str
    device: str | None
    address: str | None


@dataclass(frozen=True, slots=True)
class Entered:
    """Who it was, and their new session with its secret."""

    user_id: UUID
    session_id: UUID
    secret: str


async def enter(database: Database, settings: Settings, arrived: Arrived, visit: Visit) -> Entered:
    """Finds or makes the user, notes what the login vouches for, makes invitations to companies memberships, starts a session.

    Raises ProviderAtFault where the provider's word about who that is contradicts an earlier one.
    """

    async def work(session: AsyncSession) -> Entered:
        user = await _user(session, arrived.person, visit.now)
        await _replace_establishments(session, user.id, arrived.person)
        await _join(session, settings, user, visit)
        secret = await start_session(
            session,
            user.id,
            id_token=arrived.id_token,
            provider_session=arrived.provider_session,
            now=visit.now,
            hours=settings.session_hours,
            idle=timedelta(minutes=settings.session_idle_minutes),
            device=visit.device,
            address=visit.address,
        )
        made = select(Session.id).where(Session.secret_hash == hash_of(secret))
        return Entered(user.id, (await session.execute(made)).scalar_one(), secret)

    try:
        return await database.write(work)
    except IntegrityError:
        # The same person's first sign-in, twice at once: the other one made the user, and this one finds it.
        return await database.write(work)


async def leave(session: AsyncSession, departed: Departed, *, issuer: str, now: datetime) -> list[UUID]:
    """Ends the sessions that the provider says are over. Answers whose they were; nobody's, when it says so for the second time."""
    await session.execute(delete(LogoutToken).where(LogoutToken.expires_at <= now))
    identifier = hash_of(departed.identifier)
    if await session.scalar(select(LogoutToken.id).where(LogoutToken.identifier_hash == identifier)):
        return []
    session.add(LogoutToken(identifier_hash=identifier, expires_at=departed.expires_at))
    await session.flush()
    over = {"issuer": issuer, "subject": departed.subject, "provider_session": departed.provider_session}
    found = await session.scalars(SESSIONS_OF_LOGIN.on(session), over, execution_options={"synchronize_session": False})
    return list(found)


async def _user(session: AsyncSession, person: Person, now: datetime) -> User:
    """The user that the person is, made at the first sign-in. The row is locked: two sign-ins of one person follow one another."""
    them = {"issuer": person.issuer, "subject": person.subject, "national_id": person.national_id}
    known: UUID | None = (await session.scalars(PERSON_SIGNING_IN.on(session), them)).first()
    user_id = known or uuid7()
    await assume(session, Scope(person=user_id))
    user = await session.scalar(select(User).where(User.id == user_id).with_for_update()) if known else None
    if user is None:
        user = User(id=user_id, national_id=person.national_id, locale=person.locale, created_at=now)
        session.add(user)
    elif (user.issuer, user.subject) == (person.issuer, person.subject):
        if user.national_id != person.national_id:
            raise ProviderAtFault("another national_id")
    elif user.subject is not None and not is_loopback(user.issuer or ""):
        # Two accounts over there, one person here: who vouches for whom is not for us to guess. Only a link that a demo's provider
        # made, whose address changes with its port, gives way.
        raise ProviderAtFault("national_id of another subject")
    user.issuer, user.subject = person.issuer, person.subject
    user.name, user.email, user.mobile = person.name, person.email or user.email, person.mobile or user.mobile
    user.last_login_at = now
    await session.flush()
    return user


async def _replace_establishments(session: AsyncSession, user_id: UUID, person: Person) -> None:
    await session.execute(delete(UserEstablishment).where(UserEstablishment.user_id == user_id))
    for owned in person.establishments:
        session.add(
            UserEstablishment(
                user_id=user_id,
                labor_office_id=owned.labor_office_id,
                sequence_number=owned.sequence_number,
                unified_number=owned.unified_number,
                name_ar=owned.name_ar,
                name_en=owned.name_en,
            )
        )
    await session.flush()


async def _join(session: AsyncSession, settings: Settings, user: User, visit: Visit) -> None:
    """Whoever was invited is a member from now on; each company's log tells. A suspended company writes nothing, so it has to wait."""
    invited = select(Member.company_id).where(Member.user_id == user.id, Member.status == MemberStatus.INVITED)
    # In one order always, so that two who take several companies' locks do not wait for one another.
    for company_id in (await session.scalars(invited.order_by(Member.company_id))).all():
        await assume(session, Scope(company_id, user.id))
        work = Work(session, Actor(name=user.name, user_id=user.id, account_id=company_id), visit.now, visit.request_id, settings)
        try:
            await work.lock_account()
        except AccountSuspended:
            continue
        # Looked at again under the lock: it may have been taken back meanwhile.
        mine = select(Member).where(Member.user_id == user.id, Member.company_id == company_id, Member.status == MemberStatus.INVITED)
        member = await session.scalar(mine.with_for_update())
        if member is not None:
            member.status, member.updated_at = MemberStatus.ACTIVE, visit.now
            await session.flush()
            await work.record(EventType.MEMBER_JOINED, member)
    await assume(session, Scope(person=user.id))
