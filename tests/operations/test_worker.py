"""The worker: logs are told what the clock has changed, once, whoever runs it and however often."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from app.models import CompanyStatus, Event, SpToken
from app.operations.worker import CLOCK, tell_logs
from tests.portal import Portal
from tests.world import World

REGENERATE = "mutation($id: ID!) { regenerateToken(input: {tokenId: $id, graceMinutes: 60}) { userErrors { code } } }"


async def told(portal: Portal) -> list[tuple[Any, str]]:
    """What the clock's events are about, in their order."""
    events = await portal.fetch(select(Event).where(Event.actor_name == CLOCK).order_by(Event.company_id, Event.sequence))
    return [(event.subject_id, str(event.type)) for event in events]


async def test_each_change_is_told_once_whoever_tells_it(world: World) -> None:
    portal = world.portal
    waiting = await world.invitation(world.north)
    other = await world.invitation(world.south)
    ending = await world.contract(world.north, ends_on=world.today + timedelta(days=3))
    later = await world.contract(world.north, starts_on=world.today + timedelta(days=5), start_told=False)
    await portal.token(world.north, "REPORTS_READ", expires_at=portal.clock() + timedelta(days=2))
    await portal.token(world.south, "REPORTS_READ")
    expiring, replaced = await portal.fetch(select(SpToken).order_by(SpToken.created_at, SpToken.id))
    assert (await portal(REGENERATE, await world.intruder(), id=replaced.public_id)).codes == []
    assert await tell_logs(portal.server_database, portal.settings, portal.clock()) == 0

    portal.clock.advance(days=40)
    written = await asyncio.gather(*(tell_logs(portal.server_database, portal.settings, portal.clock()) for _ in range(5)))

    assert sum(written) == 6
    expected = {
        (waiting.id, "INVITATION_EXPIRED"),
        (later.id, "CONTRACT_ACTIVATED"),
        (ending.id, "CONTRACT_EXPIRED"),
        (expiring.id, "TOKEN_EXPIRED"),
        (other.id, "INVITATION_EXPIRED"),
        (replaced.id, "TOKEN_REVOKED"),
    }
    assert len(found := await told(portal)) == 6
    assert set(found) == expected
    assert await tell_logs(portal.server_database, portal.settings, portal.clock()) == 0
    portal.clock.advance(days=-40)
    assert await tell_logs(portal.server_database, portal.settings, portal.clock()) == 0


async def test_a_week_that_is_not_reported_by_its_deadline_is_told_once_while_it_can_be_sent(world: World) -> None:
    portal = world.portal
    job = await world.job()
    await world.employment(job, starts_on=world.today - timedelta(days=60))
    tell = portal.server_database, portal.settings
    first = await tell_logs(*tell, portal.clock())
    again = await tell_logs(*tell, portal.clock())

    portal.clock.advance(days=9)  # Tuesday noon: the week that just ended is due in twelve hours
    before = await tell_logs(*tell, portal.clock())
    portal.clock.advance(hours=12)
    after = await tell_logs(*tell, portal.clock())

    # Of the weeks before, those that were locked already are not told.
    assert (first, again, before, after) == (3, 0, 1, 1)
    weeks = [key.int & 0xFFFF for key, kind in await told(portal) if kind == "REPORT_OVERDUE"]
    assert weeks == list(range(weeks[0], weeks[0] + 5))
    reply = await portal(
        "{ viewer { account { events(last: 1) { nodes { type subject { ... on ReportWeek { weekStart status } } } } } } }",
        await world.person(),
    )
    assert reply.data["viewer"]["account"]["events"]["nodes"] == [
        {"type": "REPORT_OVERDUE", "subject": {"weekStart": "2026-11-22", "status": "MISSING"}}
    ]


async def test_a_suspended_account_is_told_too_and_the_rows_are_left_as_they_are(world: World) -> None:
    portal = world.portal
    waiting = await world.invitation(world.north)
    await world.alter(world.north, status=CompanyStatus.SUSPENDED)
    portal.clock.advance(days=31)

    assert await tell_logs(portal.server_database, portal.settings, portal.clock()) == 1

    [row] = await portal.fetch(select(type(waiting)).where(type(waiting).id == waiting.id))
    assert (row.status, row.version) == (waiting.status, waiting.version)
    assert await told(portal) == [(waiting.id, "INVITATION_EXPIRED")]
