"""Dates in the Hijri calendar beside those of the Gregorian one."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from app.hijri import hijri_of
from tests.world import World


@pytest.mark.parametrize(
    ("day", "is_past_nine", "hijri"),
    [
        ("2026-11-22", False, "1448-06-12"),
        ("2026-02-18", False, "1447-09-01"),  # the first day of Ramadan
        ("2026-02-17", True, "1447-09-01"),
        ("1924-08-01", False, "1343-01-01"),
        ("1924-07-31", False, None),
        ("1924-07-31", True, "1343-01-01"),
        ("2077-11-16", False, "1500-12-30"),
        ("2077-11-16", True, None),
        ("9999-12-31", True, None),
    ],
)
def test_days_are_counted_as_umm_al_qura_has_them(day: str, is_past_nine: bool, hijri: str | None) -> None:
    assert hijri_of(day, is_past_nine) == hijri


async def test_a_date_and_an_instant_have_a_twin_by_riyadhs_day_and_none_where_there_is_no_date(world: World) -> None:
    received = datetime(2026, 2, 17, 21, tzinfo=UTC)  # in Riyadh the next day has begun
    proposed: dict[str, Any] = {"proposed_starts_on": date(2026, 2, 18), "proposed_ends_on": date(2100, 1, 1)}
    invitation = await world.invitation(received_at=received, expires_at=datetime(2026, 2, 18, 20, 59, 59, 999999, UTC), **proposed)
    fields = "proposedStartsOnHijri proposedEndsOnHijri receivedAtHijri expiresAtHijri decidedAtHijri"
    executor = world.portal.app.state.executor

    reply = await world.portal(
        f"query($id: ID!) {{ node(id: $id) {{ ... on Invitation {{ {fields} receivedAt }} }} }}",
        await world.person(),
        id=invitation.public_id,
    )

    assert reply.data["node"] == {
        "proposedStartsOnHijri": "1447-09-01",
        "proposedEndsOnHijri": None,
        "receivedAtHijri": "1447-09-01",
        "expiresAtHijri": "1447-09-01",
        "decidedAtHijri": None,
        "receivedAt": "2026-02-17T21:00:00Z",
    }
    assert [name for name in executor.counts if name.startswith("fallback")] == []
