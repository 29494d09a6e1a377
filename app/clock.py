"""Time, injected: instants are UTC; a business day begins at midnight in Riyadh."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone

RIYADH = timezone(timedelta(hours=3), "Asia/Riyadh")  # no daylight saving since 1950

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    return datetime.now(UTC)


def riyadh_day(instant: datetime) -> date:
    """The calendar day that the instant falls on in Riyadh."""
    return instant.astimezone(RIYADH).date()


def week_start(day: date) -> date:
    """The Sunday that begins the reporting week of the day."""
    return day - timedelta(days=(day.weekday() + 1) % 7)


def month_later(instant: datetime) -> datetime:
    """The same day and time of the next month, or that month's last day where it is shorter."""
    year, month = (instant.year + 1, 1) if instant.month == 12 else (instant.year, instant.month + 1)
    for day in range(instant.day, 27, -1):
        try:
            return instant.replace(year=year, month=month, day=day)
        except ValueError:
            continue
    return instant.replace(year=year, month=month)
