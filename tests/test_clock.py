"""Days, weeks and months as the portal counts them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from app.clock import RIYADH, month_later, riyadh_day, week_start


@pytest.mark.parametrize(
    ("day", "sunday"),
    [
        (date(2026, 11, 21), date(2026, 11, 15)),  # a Saturday: the week's last day
        (date(2026, 11, 22), date(2026, 11, 22)),
        (date(2026, 11, 23), date(2026, 11, 22)),
        (date(2026, 11, 28), date(2026, 11, 22)),
        (date(2026, 11, 29), date(2026, 11, 29)),
        (date(2027, 1, 2), date(2026, 12, 27)),  # across the year, where ISO weeks would name another
        (date(2028, 2, 29), date(2028, 2, 27)),
    ],
)
def test_a_week_is_named_by_its_sunday(day: date, sunday: date) -> None:
    assert week_start(day) == sunday
    assert sunday.isoweekday() == 7


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        (datetime(2026, 11, 21, 20, 59, 59, 999999, tzinfo=UTC), date(2026, 11, 21)),
        (datetime(2026, 11, 21, 21, tzinfo=UTC), date(2026, 11, 22)),
        (datetime(2026, 11, 22, 0, tzinfo=UTC), date(2026, 11, 22)),
        (datetime(2026, 7, 1, 21, tzinfo=UTC), date(2026, 7, 2)),  # no daylight saving
        (datetime(2026, 12, 31, 21, tzinfo=UTC), date(2027, 1, 1)),
        (datetime(2028, 2, 28, 21, tzinfo=UTC), date(2028, 2, 29)),
        (datetime(2026, 11, 22, 0, tzinfo=RIYADH), date(2026, 11, 22)),
    ],
)
def test_a_day_begins_at_midnight_in_riyadh(instant: datetime, day: date) -> None:
    assert riyadh_day(instant) == day


def test_the_reporting_week_turns_at_midnight_in_riyadh() -> None:
    last, first = datetime(2026, 11, 28, 20, 59, 59, tzinfo=UTC), datetime(2026, 11, 28, 21, tzinfo=UTC)

    assert [week_start(riyadh_day(moment)) for moment in (last, first)] == [date(2026, 11, 22), date(2026, 11, 29)]


@pytest.mark.parametrize(
    ("day", "later"),
    [
        (date(2026, 11, 22), date(2026, 12, 22)),
        (date(2026, 12, 22), date(2027, 1, 22)),
        (date(2026, 12, 31), date(2027, 1, 31)),
        (date(2026, 1, 27), date(2026, 2, 27)),
        (date(2026, 1, 28), date(2026, 2, 28)),
        (date(2026, 1, 29), date(2026, 2, 28)),
        (date(2026, 1, 30), date(2026, 2, 28)),
        (date(2026, 1, 31), date(2026, 2, 28)),
        (date(2028, 1, 29), date(2028, 2, 29)),
        (date(2028, 1, 31), date(2028, 2, 29)),
        (date(2028, 2, 29), date(2028, 3, 29)),
        (date(2100, 1, 31), date(2100, 2, 28)),  # a century that is no leap year
        (date(2026, 2, 28), date(2026, 3, 28)),
        (date(2026, 3, 31), date(2026, 4, 30)),
        (date(2026, 4, 30), date(2026, 5, 30)),
    ],
)
def test_a_month_later_is_the_same_day_or_the_last_of_a_shorter_month(day: date, later: date) -> None:
    noon = datetime(day.year, day.month, day.day, 12, 30, 15, 250, tzinfo=UTC)

    assert month_later(noon) == datetime(later.year, later.month, later.day, 12, 30, 15, 250, tzinfo=UTC)


def test_a_month_later_goes_by_the_calendar_of_the_instant_itself() -> None:
    first_of_march = datetime(2026, 3, 1, 1, tzinfo=RIYADH)  # in UTC it is still February

    assert month_later(first_of_march) == datetime(2026, 4, 1, 1, tzinfo=RIYADH)
