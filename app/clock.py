"""Time, injected: instants are UTC; a business day begins at midnight in Riyadh."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone

RIYADH = timezone(timedelta(hours=3), "Asia/Riyadh")  # no daylight saving since 1950
FIRST_SUNDAY = date(1899, 12, 31)  # weeks are counted from it: those of all dates that are taken fit into 16 bits
WEEK = timedelta(days=7)

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    return datetime.now(UTC)


def riyadh_day(instant: datetime) -> date:
    """The calendar day that the instant falls on in Riyadh."""
    return instant.astimezone(RIYADH).date()


def week_start(day: date) -> date:
    """The Sunday that begins the reporting week of the day."""
    return day - timedelta(days=(day.weekday() + 1) % 7)


def week_number(day: date) -> int:
    """The number of the reporting week of the day."""
    return (day - FIRST_SUNDAY).days // 7


def sunday(number: int) -> date:
    """The Sunday that begins the week of that number."""
    return FIRST_SUNDAY + number * WEEK


@dataclass(frozen=True)
class ReportWindow:
    """When a week may be reported, counted from its end (Sunday 00:00 in Riyadh). Weeks are named by their numbers."""

    opens_after: timedelta
    due_after: timedelta
    locks_after: timedelta

    def opens_at(self, week: int) -> datetime:
        return _end_of(week) + self.opens_after

    def due_at(self, week: int) -> datetime:
        """Itself too late."""
        return _end_of(week) + self.due_after

    def locks_at(self, week: int) -> datetime:
        """Itself too late."""
        return _end_of(week) + self.locks_after

    def last_due(self, now: datetime) -> int:
        """The latest week whose deadline has passed."""
        return week_number(riyadh_day(now - WEEK - self.due_after))

    def last_locked(self, now: datetime) -> int:
        """The latest week that cannot be reported any more."""
        return week_number(riyadh_day(now - WEEK - self.locks_after))


def _end_of(week: int) -> datetime:
    return datetime.combine(sunday(week + 1), time(), RIYADH).astimezone(UTC)


def month_later(instant: datetime) -> datetime:
    """The same day and time of the next month, or that month's last day where it is shorter."""
    year, month = (instant.year + 1, 1) if instant.month == 12 else (instant.year, instant.month + 1)
    for day in range(instant.day, 27, -1):
        try:
            return instant.replace(year=year, month=month, day=day)
        except ValueError:
            continue
    return instant.replace(year=year, month=month)
