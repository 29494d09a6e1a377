"""What the clock changes is true when it is read; here the accounts' logs are told of it. Safe to run any number of times, anywhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, datetime
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, and_, bindparam, or_, select, union
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.actor import Actor
from app.auth.doors import Door
from app.auth.visible import scope_of, scope_parameters
from app.clock import riyadh_day, week_number
from app.database import Database
from app.models import Company, Contract, EventType, Invitation, InvitationStatus, ReportTally, ReportWeek, SpToken
from app.models.base import Instant, Row
from app.models.report import LAST_DUE, is_overdue
from app.operations.kept_outcome import forget_outcomes
from app.operations.work import Work
from app.settings import Settings

CLOCK = "Clock"  # by name, in the log
_AT_ONCE = 200  # accounts for one look, rows of one account for one transaction
_log = structlog.get_logger("worker")

_NOW, _TODAY = bindparam("now", type_=Instant()), bindparam("today", type_=Contract.starts_on.type)
Moment = ColumnElement[datetime] | datetime


def _expired(row: Row, now: Moment) -> ColumnElement[bool]:
    return and_(row.status == InvitationStatus.PENDING, ~row.expiry_told, row.expires_at <= now)


def _started(row: Row, today: ColumnElement[date] | date) -> ColumnElement[bool]:
    return and_(~row.start_told, row.starts_on <= today)


def _ended(row: Row, today: ColumnElement[date] | date) -> ColumnElement[bool]:
    return and_(~row.end_told, row.ends_on < today)


def _over(row: Row, now: Moment) -> ColumnElement[bool]:
    """Past its time, or out of its grace."""
    return and_(~row.end_told, or_(row.expires_at <= now, and_(row.replaced_at.is_not(None), row.revoked_at <= now)))


def _owing(row: Row, last_due: ColumnElement[int] | int) -> ColumnElement[bool]:
    return or_(row.overdue_told.is_(None), row.overdue_told < last_due)


# Accounts whose logs lack something. Those whose own clock was stopped are told when it is moved.
ACCOUNTS_BEHIND = Door(
    "accounts_behind",
    select(Company.id)
    .where(
        Company.clock_at.is_(None),
        Company.id.in_(
            union(
                select(Invitation.company_id).where(_expired(Invitation, _NOW)),
                select(Contract.company_id).where(_started(Contract, _TODAY)),
                select(Contract.company_id).where(_ended(Contract, _TODAY)),
                select(SpToken.company_id).where(_over(SpToken, _NOW)),
                # Nobody owes reports before there was an employment.
                select(ReportTally.company_id).join(Company, Company.id == ReportTally.company_id).where(_owing(Company, LAST_DUE)),
            )
        ),
    )
    .limit(_AT_ONCE),
)


async def tidy(database: Database, settings: Settings, now: datetime) -> int:
    """Deletes what is kept for a time and was kept that long: outcomes under idempotency keys. Answers how many."""
    total = 0
    while gone := await database.write(lambda session: forget_outcomes(session, now=now, hours=settings.idempotency_hours)):
        total += gone
    return total


async def tell_logs(database: Database, settings: Settings, now: datetime) -> int:
    """Writes what the clock has changed into the logs of all accounts that it concerns, each in a transaction of its own.

    Answers how many events were written. An account that cannot be told now is told next time.
    """
    written, tried = 0, set[UUID]()
    while True:
        async with database.reading(snapshot=False) as connection:
            values = {"now": now, "today": riyadh_day(now), "last_due": settings.report_window.last_due(now)}
            behind = [key for key in (await connection.execute(ACCOUNTS_BEHIND.on(connection), values)).scalars() if key not in tried]
        for key in behind:
            tried.add(key)
            written += await _tell(database, settings, key, now)
        if not behind:
            return written


async def _tell(database: Database, settings: Settings, company_id: UUID, now: datetime) -> int:
    actor = Actor(name=CLOCK, account_id=company_id)

    async def work(session: AsyncSession) -> int:
        unit = Work(session, actor, now, "clock", settings)
        await unit.lock_account(though_suspended=True)
        return await tell_log(unit)

    total = 0
    while told := await database.write(work, scope_of(actor)):
        total += told
    return total


async def tell_log(work: Work) -> int:
    """The account's log catches up with the clock; at most some hundreds of events at once. The account is locked.

    Nothing but the mark that it was told changes of a row: what it has become it reads as already.
    """
    actor, work.actor = work.actor, Actor(name=CLOCK, account_id=work.company.id)
    try:
        return sum([await step(work) for step in _STEPS])
    finally:
        work.actor = actor


async def _tell_expired(work: Work) -> int:
    found = await work.all(_of(work, Invitation).where(_expired(Invitation, work.now)).order_by(Invitation.expires_at, Invitation.id))
    for invitation in found:
        invitation.expiry_told = True
        await work.record(EventType.INVITATION_EXPIRED, invitation)
    return len(found)


async def _tell_started(work: Work) -> int:
    found = await work.all(_of(work, Contract).where(_started(Contract, work.today)).order_by(Contract.starts_on, Contract.id))
    for contract in found:
        contract.start_told = True
        # Terminated before it began, it was never in force; one that began when it was made was announced as such.
        if contract.terminated_at is None:
            await work.record(EventType.CONTRACT_ACTIVATED, contract)
    return len(found)


async def _tell_ended(work: Work) -> int:
    found = await work.all(_of(work, Contract).where(_ended(Contract, work.today)).order_by(Contract.ends_on, Contract.id))
    for contract in found:
        contract.end_told = True
        if contract.terminated_at is None:
            await work.record(EventType.CONTRACT_EXPIRED, contract)
    return len(found)


async def _tell_over(work: Work) -> int:
    now = work.wall_clock
    found = await work.all(_of(work, SpToken).where(_over(SpToken, now)).order_by(SpToken.created_at, SpToken.id))
    for token in found:
        token.end_told = True
        if token.replaced_at is not None and token.revoked_at is not None and token.revoked_at <= now:
            # Replaced without grace, it stopped then: the log has that it was regenerated.
            if token.revoked_at > token.replaced_at:
                await work.record(EventType.TOKEN_REVOKED, token)
        elif token.revoked_at is None or token.revoked_at > now:
            await work.record(EventType.TOKEN_EXPIRED, token)
    return len(found)


async def _tell_overdue(work: Work) -> int:
    """Weeks that were not reported whole by their deadline, and can be still: of one that is locked nothing is left to be done."""
    window = work.settings.report_window
    weeks = {"last_due": window.last_due(work.now), "last_locked": window.last_locked(work.now), "this_week": week_number(work.today)}
    told = work.company.overdue_told
    if told is not None and told >= weeks["last_due"]:
        return 0
    later = ReportWeek.number > (-1 if told is None else told)
    asked = select(ReportWeek.id).where(is_overdue(ReportWeek), later).order_by(ReportWeek.number)
    found = (await work.session.execute(asked, scope_parameters(work.actor) | weeks)).scalars().all()
    for key in found:
        await work.record(EventType.REPORT_OVERDUE, ReportWeek, key)
    work.company.overdue_told = weeks["last_due"]
    return len(found)


_STEPS: tuple[Callable[[Work], Awaitable[int]], ...] = (_tell_expired, _tell_started, _tell_ended, _tell_over, _tell_overdue)


def _of(work: Work, model: type[Invitation] | type[Contract] | type[SpToken]):  # type: ignore[no-untyped-def]  # a Select of either
    return select(model).where(model.company_id == work.company.id).limit(_AT_ONCE)
