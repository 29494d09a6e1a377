"""Days in the Hijri calendar as Saudi Arabia counts them (Umm al-Qura), from the tables of the library hijridate."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

from hijridate import Gregorian


@lru_cache(50_000)
def hijri_of(day: str, is_past_nine: bool = False) -> str | None:
    """A day such as "2026-11-22" as "1448-06-12"; None outside 1343 to 1500, which is as far as the tables go.

    is_past_nine   of an instant in UTC, whether it is 21:00 or later: in Riyadh that is the next day
    """
    try:
        found = date.fromisoformat(day) + timedelta(days=is_past_nine)
        return Gregorian.fromdate(found).to_hijri().isoformat()
    except (OverflowError, ValueError):
        return None
