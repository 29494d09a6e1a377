"""A job's places: how many are taken, and what that and the clock make of its state."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select
from sqlalchemy.orm import aliased

from app.models.base import Row, is_one_of
from app.models.employment import Employment, is_current
from app.models.job import JobStatus


def places_taken(row: Row, today: ColumnElement[date]) -> ColumnElement[int]:
    """Employments in the job that have not ended by that day, those yet to begin among them.

    The count that was kept at the last change, on the days for which it is true; on others, once somebody's last day has passed, they
    are counted: one range of an index.
    """
    employment = aliased(Employment)
    counted = select(func.count()).select_from(employment).where(employment.job_id == row.id, is_current(employment, today))
    begun = or_(row.filled_from.is_(None), row.filled_from <= today)
    lasting = or_(row.filled_until.is_(None), row.filled_until >= today)
    return case((and_(begun, lasting), row.filled), else_=counted.scalar_subquery())


def job_status(row: Row, now: ColumnElement[datetime], today: ColumnElement[date]) -> ColumnElement[str]:
    """FILLED while every place is taken, EXPIRED from a month after publication on.

    today   the day of `now` in Riyadh, by which places become free
    """
    published = is_one_of(row.status, [JobStatus.OPEN, JobStatus.PAUSED])
    return case(
        (and_(published, places_taken(row, today) >= row.vacancies), literal("FILLED")),
        (and_(published, row.closes_at <= now), literal("EXPIRED")),
        else_=row.status,
    )
