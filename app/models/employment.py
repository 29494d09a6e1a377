"""A teleworker's employment in a job, and its leaves."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, Index, and_, case, literal, or_, select, text
from sqlalchemy.orm import Mapped, aliased, mapped_column

from app.models.base import Base, Row, by_company, choice, key, link
from app.models.job import EmploymentType, Job

_NOT_ENDED = text("ended_at IS NULL")


class EmploymentStatus(StrEnum):
    ACTIVE = "ACTIVE"
    ON_LEAVE = "ON_LEAVE"
    ENDED = "ENDED"


class Employment(Base, scoped_by=by_company, prefix="emp"):
    __tablename__ = "employments"
    __table_args__ = (
        Index(None, "company_id", "starts_on", "id"),
        Index(None, "job_id", "starts_on", "id"),
        Index("ix_employments_places", "job_id", "ends_on", postgresql_where=_NOT_ENDED, sqlite_where=_NOT_ENDED),
        Index(None, "teleworker_id", "starts_on", "id"),
    )

    id: Mapped[UUID] = key()
    company_id: Mapped[UUID] = link("companies.id")
    job_id: Mapped[UUID] = link("jobs.id")
    teleworker_id: Mapped[UUID] = link("teleworkers.id")
    employment_type: Mapped[EmploymentType] = choice(EmploymentType)
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]  # the last day, included
    ended_at: Mapped[datetime | None]  # set when it was ended with a last day that had come already: ENDED at once
    wage: Mapped[Decimal]
    weekly_hours: Mapped[int]
    gosi_registered: Mapped[bool]
    qiwa_contract_number: Mapped[str | None]
    end_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class LeavePeriod(Base, scoped_by=by_company, prefix="lve"):
    """Both days included; open while ends_on is null."""

    __tablename__ = "leave_periods"
    __table_args__ = (Index(None, "employment_id", "starts_on", "id"),)

    id: Mapped[UUID] = key()
    company_id: Mapped[UUID] = link("companies.id")
    employment_id: Mapped[UUID] = link("employments.id")
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]


def is_current(row: Row, today: ColumnElement[date] | date) -> ColumnElement[bool]:
    """ACTIVE or ON_LEAVE: not ended yet."""
    return and_(row.ended_at.is_(None), or_(row.ends_on.is_(None), row.ends_on >= today))


def employment_status(row: Row, today: ColumnElement[date]) -> ColumnElement[str]:
    leave = aliased(LeavePeriod)
    away = select(leave.id).where(
        leave.employment_id == row.id, leave.starts_on <= today, or_(leave.ends_on.is_(None), leave.ends_on >= today)
    )
    return case((~is_current(row, today), literal("ENDED")), (away.exists(), literal("ON_LEAVE")), else_=literal("ACTIVE"))


def works_in_project(project: Row, today: ColumnElement[date]) -> ColumnElement[bool]:
    """Whether anybody has an employment in one of the project's jobs that has not ended."""
    job, employment = aliased(Job), aliased(Employment)
    return (
        select(employment.id)
        .join(job, job.id == employment.job_id)
        .where(job.project_id == project.id, job.deleted_at.is_(None), is_current(employment, today))
        .exists()
    )
