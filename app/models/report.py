"""Weekly reports: what was submitted, the lines that stand and those before them, and the figures of each week.

Weeks go by their numbers (`app.clock.week_number`). A week's key is made of its company's key and its number.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    Date,
    Index,
    Integer,
    Subquery,
    UniqueConstraint,
    Uuid,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.functions import FunctionElement

from app.clock import FIRST_SUNDAY
from app.models.base import ACCOUNT, Base, Row, by_company, choice, key, link

THIS_WEEK = bindparam("this_week", type_=Integer())
LAST_DUE = bindparam("last_due", type_=Integer())  # the latest week whose deadline has passed
LAST_LOCKED = bindparam("last_locked", type_=Integer())  # the latest week that cannot be reported any more
_NUMBER = 0xFFFF


class ComplianceStatus(StrEnum):
    NOT_REQUIRED = "NOT_REQUIRED"
    OPEN = "OPEN"
    COMPLIANT = "COMPLIANT"
    LATE = "LATE"
    PARTIAL = "PARTIAL"
    MISSING = "MISSING"


class SubmissionStatus(StrEnum):
    ACCEPTED = "ACCEPTED"
    PARTIALLY_ACCEPTED = "PARTIALLY_ACCEPTED"
    REJECTED = "REJECTED"


def week_key(company: UUID, number: int) -> UUID:
    """The public key of a company's week: the company's, with the week's number in place of its last 16 random bits."""
    return UUID(int=company.int & ~_NUMBER | number)


def week_of(key: UUID) -> int:
    """The number in a week's key."""
    return key.int & _NUMBER


class ReportDuty(Base, scoped_by=by_company, prefix="dty"):
    """Weeks, both included, in which a teleworker has at least one day of work at a place: neither before nor after the employment,
    nor on leave. Those of one teleworker and place neither meet nor touch. Made from employments and leaves by operations/duty.py.

    place_id   the client establishment's key, or the company's own for its own projects
    last_week  None while it is open
    """

    __tablename__ = "report_duties"
    __table_args__ = (
        UniqueConstraint("teleworker_id", "place_id", "first_week"),
        CheckConstraint("last_week >= first_week", "weeks"),
        Index(None, "company_id", "first_week"),
    )

    id: Mapped[UUID] = key()
    company_id: Mapped[UUID] = link("companies.id")
    teleworker_id: Mapped[UUID] = link("teleworkers.id")
    place_id: Mapped[UUID]
    first_week: Mapped[int]
    last_week: Mapped[int | None]


class ReportTally(Base, scoped_by=by_company, prefix="tly"):
    """The figures of one week, kept by whatever changes them. A week without a row is as the week before, with no report.

    change            how many lines more are expected than in the week before
    reported, on_time  how many of the expected lines stand, and stand on time
    """

    __tablename__ = "report_tallies"
    __table_args__ = (UniqueConstraint("company_id", "week"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)  # week_key
    company_id: Mapped[UUID] = link("companies.id")
    week: Mapped[int]
    change: Mapped[int] = mapped_column(default=0)
    reported: Mapped[int] = mapped_column(default=0)
    on_time: Mapped[int] = mapped_column(default=0)
    revision: Mapped[int] = mapped_column(default=0)


class ReportSubmission(Base, scoped_by=by_company, prefix="sub"):
    """What was sent. A rejected one makes no revision: it tells the one that stood."""

    __tablename__ = "report_submissions"
    __table_args__ = (
        Index(None, "company_id", "received_at", "id"),
        Index(None, "week_id", "received_at", "id"),
        Index(
            "uq_report_submissions_revision",
            "week_id",
            "revision",
            unique=True,
            sqlite_where=text("status <> 'REJECTED'"),
            postgresql_where=text("status <> 'REJECTED'"),
        ),
    )

    id: Mapped[UUID] = key()
    company_id: Mapped[UUID] = link("companies.id")
    week_id: Mapped[UUID]
    week_start: Mapped[date]
    revision: Mapped[int]
    status: Mapped[SubmissionStatus] = choice(SubmissionStatus)
    line_count: Mapped[int]
    accepted_lines: Mapped[int]
    rejected_lines: Mapped[int]
    received_at: Mapped[datetime]
    token_id: Mapped[UUID | None] = link("sp_tokens.id")
    user_id: Mapped[UUID | None] = link("users.id")
    reason: Mapped[str | None]


class LineColumns:
    """What is reported of one teleworker at one place in one week.

    revision  in which it was accepted as it is
    on_time   whether the first line of that teleworker, place and week was accepted before the deadline
    """

    company_id: Mapped[UUID] = link("companies.id")
    week_id: Mapped[UUID]
    teleworker_id: Mapped[UUID] = link("teleworkers.id")
    place_id: Mapped[UUID]
    labor_office_id: Mapped[int]
    sequence_number: Mapped[int]
    activity_level: Mapped[Decimal]
    login_count: Mapped[int]
    logout_count: Mapped[int]
    assigned_tasks: Mapped[int]
    completed_tasks: Mapped[int]
    total_work_minutes: Mapped[int]
    note: Mapped[str | None]
    revision: Mapped[int]
    on_time: Mapped[bool]


class ReportLine(LineColumns, Base, scoped_by=by_company, prefix="rln"):
    """A line that stands. `is_due`: whether it is one of those that are expected; who was on leave all week may be reported as well."""

    __tablename__ = "report_lines"
    __table_args__ = (
        UniqueConstraint("week_id", "place_id", "teleworker_id"),
        Index(None, "week_id", "revision", "id"),
        Index(None, "teleworker_id", "week_id"),
    )

    id: Mapped[UUID] = key()
    is_due: Mapped[bool]


class ReportLineVersion(LineColumns, Base, scoped_by=by_company, prefix="rlv"):
    """A line as it stood before. Nothing is overwritten: `superseded_in` is the revision that changed or dropped it."""

    __tablename__ = "report_line_versions"
    __table_args__ = (Index(None, "week_id", "place_id", "teleworker_id"), Index(None, "line_id", "revision"))

    id: Mapped[UUID] = key()
    line_id: Mapped[UUID]
    superseded_in: Mapped[int]


# ---- the weeks that a company owes ---------------------------------------------------------------------------------------


class _Date(FunctionElement[date]):
    """(days since FIRST_SUNDAY) -> the date."""

    type, inherit_cache = Date(), True


@compiles(_Date, "postgresql")
def _(element: Any, compiler: Any, **rest: Any) -> str:
    return f"(DATE '{FIRST_SUNDAY}' + ({compiler.process(element.clauses, **rest)}))"


@compiles(_Date, "sqlite")
def _(element: Any, compiler: Any, **rest: Any) -> str:
    return f"date('{FIRST_SUNDAY}', ({compiler.process(element.clauses, **rest)}) || ' days')"


class _WeekKey(FunctionElement[UUID]):
    """(company's key, week's number) -> week_key"""

    type, inherit_cache = Uuid(), True


@compiles(_WeekKey, "postgresql")
def _(element: Any, compiler: Any, **rest: Any) -> str:
    company, number = (compiler.process(clause, **rest) for clause in element.clauses)
    return f"CAST(substr(replace(CAST({company} AS TEXT), '-', ''), 1, 28) || lpad(to_hex({number}), 4, '0') AS UUID)"


@compiles(_WeekKey, "sqlite")
def _(element: Any, compiler: Any, **rest: Any) -> str:
    company, number = (compiler.process(clause, **rest) for clause in element.clauses)
    return f"(substr({company}, 1, 28) || printf('%04x', {number}))"


def _owed() -> Subquery:
    """The weeks of the account from its first employment's to the current one, whether or not they have a row anywhere."""
    tally = ReportTally.__table__.alias("tally")
    first = select(func.min(tally.c.week).label("number")).where(tally.c.company_id == ACCOUNT).cte("numbers", recursive=True)
    numbers = first.union_all(select(first.c.number + 1).where(first.c.number < THIS_WEEK))
    number, own = numbers.c.number, ReportTally.__table__.alias("own")
    change: Any = func.coalesce(own.c.change, 0)

    def figure(column: ColumnElement[int]) -> ColumnElement[int]:
        return func.coalesce(column, 0, type_=Integer())

    return (
        select(
            _WeekKey(ACCOUNT, number).label("id"),
            cast(ACCOUNT, Uuid()).label("company_id"),
            number.label("number"),
            _Date(number * 7).label("week_start"),
            _Date(number * 7 + 6).label("week_end"),
            cast(func.sum(change).over(order_by=number), Integer()).label("expected"),
            figure(own.c.reported).label("reported"),
            figure(own.c.on_time).label("on_time"),
            figure(own.c.revision).label("revision"),
        )
        .select_from(numbers.outerjoin(own, and_(own.c.company_id == ACCOUNT, own.c.week == number)))
        .where(number <= THIS_WEEK)
        .subquery("report_weeks")
    )


_WEEKS = _owed()


class ReportWeek(Base, scoped_by=by_company, prefix="wek"):
    """No table: the account's weeks as they are made when they are asked for."""

    __table__ = _WEEKS
    __mapper_args__ = {"primary_key": [_WEEKS.c.id]}  # noqa: RUF012  # as SQLAlchemy takes it

    id: Mapped[UUID]
    company_id: Mapped[UUID]
    number: Mapped[int]
    week_start: Mapped[date]
    week_end: Mapped[date]
    expected: Mapped[int]
    reported: Mapped[int]
    on_time: Mapped[int]
    revision: Mapped[int]


def compliance_status(row: Row) -> ColumnElement[str]:
    """Wholly a matter of the week's figures, and of whether its deadline has passed."""
    return case(
        (row.expected == 0, literal(ComplianceStatus.NOT_REQUIRED.value)),
        (row.on_time >= row.expected, literal(ComplianceStatus.COMPLIANT.value)),
        (row.reported >= row.expected, literal(ComplianceStatus.LATE.value)),
        (row.number > LAST_DUE, literal(ComplianceStatus.OPEN.value)),
        (row.reported > 0, literal(ComplianceStatus.PARTIAL.value)),
        else_=literal(ComplianceStatus.MISSING.value),
    )


def is_overdue(row: Row) -> ColumnElement[bool]:
    """Its deadline has passed, not all that is expected is there, and it can still be sent."""
    return and_(row.reported < row.expected, row.number <= LAST_DUE, row.number > LAST_LOCKED)


def is_in_duty(duty: Row, week: Any) -> ColumnElement[bool]:
    return and_(duty.first_week <= week, or_(duty.last_week.is_(None), duty.last_week >= week))
