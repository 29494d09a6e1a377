"""What is expected of a company, and how far it complied, against the rule's own words: day by day, in Python, knowing no table of ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from app.clock import sunday
from app.models import (
    Contract,
    Employment,
    Establishment,
    Event,
    LeavePeriod,
    ProjectKind,
    ReportDuty,
    ReportLine,
    ReportLineVersion,
    ReportSubmission,
    ReportTally,
    Teleworker,
)
from app.operations.duty import Employed, Weeks, weeks_of_duty
from tests.api.test_report import WEEKS, line
from tests.conftest import BACKENDS, Templates
from tests.portal import portal_on
from tests.world import World, make_world

FIRST = date(2026, 10, 4)  # a Sunday; eight weeks from it on
DAYS = st.integers(0, 55).map(lambda day: FIRST + timedelta(days=day))
SPANS = st.tuples(DAYS, st.none() | st.integers(0, 30))
DAY = timedelta(days=1)


def _span(drawn: tuple[date, int | None]) -> tuple[date, date | None]:
    first, length = drawn
    return first, None if length is None else first + length * DAY


def works_on(day: date, spans: list[tuple[date, date | None]], leaves: list[list[tuple[date, date | None]]]) -> bool:
    """Whether the day lies in one of the employments and in no leave of that one."""
    return any(
        first <= day <= (last or date.max) and not any(away <= day <= (back or date.max) for away, back in own)
        for (first, last), own in zip(spans, leaves, strict=True)
    )


@given(st.lists(st.tuples(SPANS, st.lists(SPANS, max_size=3)), max_size=3))
@settings(max_examples=300, deadline=None)
def test_weeks_of_duty_are_those_with_a_day_of_work(drawn: list[Any]) -> None:
    place = datetime(2026, 1, 1, tzinfo=UTC)  # any key will do
    spans, leaves = [_span(span) for span, _ in drawn], [[_span(leave) for leave in own] for _, own in drawn]

    made = weeks_of_duty([Employed(place, span, own) for span, own in zip(spans, leaves, strict=True)])  # type: ignore[arg-type]

    for number in range(6600, 6640):
        expected = any(works_on(sunday(number) + day * DAY, spans, leaves) for day in range(7))
        assert sum(each.first <= number and (each.last is None or number <= each.last) for each in made) == expected
    in_order = sorted(made, key=lambda each: each.first)
    assert all(one.last is not None and one.last + 1 < other.first for one, other in pairwise(in_order))
    assert all(isinstance(each, Weeks) for each in made)


# ---- the whole rule, played through the API ----------------------------------------------------------------------------------


@dataclass
class Person:
    """spans and leaves: by place, 0 the client's and 1 the company's own."""

    row: Teleworker
    rows: list[tuple[int, Employment, list[LeavePeriod]]] = field(default_factory=list)

    def expected(self, place: int, week: date) -> bool:
        mine = [(employment, leaves) for at, employment, leaves in self.rows if at == place]
        spans = [(employment.starts_on, employment.ends_on) for employment, _ in mine]
        leaves = [[(leave.starts_on, leave.ends_on) for leave in own] for _, own in mine]
        return any(works_on(week + day * DAY, spans, leaves) for day in range(7))

    def employed(self, place: int, week: date) -> bool:
        mine = [employment for at, employment, _ in self.rows if at == place]
        return any(each.starts_on <= week + 6 * DAY and (each.ends_on or date.max) >= week for each in mine)


@dataclass
class Play:
    """A company with a client and a project of its own, over which examples are played one after the other."""

    world: World
    numbers: list[str]
    jobs: list[Any]
    contract: Contract


shared_loop = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=BACKENDS)
async def play(request: pytest.FixtureRequest, templates: Templates) -> AsyncIterator[Play]:
    url, data = await asyncio.to_thread(templates.copy, request.param, "blank")
    async with portal_on(url, data) as portal:
        world = await make_world(portal)
        contract = await world.contract()
        project = await world.project(contract=contract)
        own = await world.project(kind=ProjectKind.OWN)
        [client] = await portal.fetch(select(Establishment).where(Establishment.id == project.establishment_id))
        numbers = [f"{each.labor_office_id}-{each.sequence_number}" for each in (client, world.north)]
        yield Play(world, numbers, [await world.job(project), await world.job(own)], contract)
    templates.drop(url)


STEP = st.one_of(
    st.tuples(st.just("hire"), st.integers(0, 2), st.integers(0, 1), SPANS),
    st.tuples(st.just("leave"), st.integers(0, 2), st.integers(0, 1), SPANS),
    st.tuples(st.just("end"), st.integers(0, 2), st.integers(0, 1), SPANS),
    st.tuples(st.just("contract"), st.just(0), st.just(0), SPANS),
    st.tuples(st.just("report"), st.integers(1, 7), st.integers(1, 63), st.tuples(st.booleans(), st.booleans())),
    st.tuples(st.just("report"), st.integers(1, 7), st.integers(1, 63), st.tuples(st.booleans(), st.booleans())),
    st.tuples(st.just("wait"), st.integers(1, 9), st.just(0), st.just(None)),
)


@shared_loop
@given(steps=st.lists(STEP, min_size=4, max_size=14), nothing=st.none())
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
async def test_weeks_are_what_the_rule_says(play: Play, steps: list[Any], nothing: None) -> None:
    world, portal = play.world, play.world.portal
    await _clear(world)
    portal.clock.now = datetime(2026, 11, 8, 9, tzinfo=UTC)
    people = [Person(await world.teleworker()) for _ in range(3)]
    caller = await portal.token(world.north, "REPORTS_READ", "REPORTS_WRITE")
    stand: dict[tuple[date, int, int], tuple[bool, int]] = {}  # on time, and what it says, by week, place and person
    marks: dict[tuple[date, int, int], bool] = {}
    for turn, (what, one, other, more) in enumerate(steps):
        if what == "wait":
            portal.clock.now += timedelta(days=one)
        elif what == "hire":
            first, last = _span(more)
            employment = await world.employment(play.jobs[other], teleworker=people[one].row, starts_on=first, ends_on=last)
            people[one].rows.append((other, employment, []))
        elif what == "contract":
            await world.alter(play.contract, ends_on=_span(more)[0], terminated_at=portal.clock.now)
        elif what in ("leave", "end") and people[one].rows:
            _, employment, leaves = people[one].rows[other % len(people[one].rows)]
            first, last = _span(more)
            if what == "leave":
                row = LeavePeriod(company_id=world.north.id, employment_id=employment.id, starts_on=first, ends_on=last)
                leaves.append(await world.store(row))
            else:
                async with portal.database.writing() as session:
                    (await session.get_one(Employment, employment.id)).ends_on = max(first, employment.starts_on)
                employment.ends_on = max(first, employment.starts_on)
        elif what == "report":
            await _report(play, people, caller, stand, marks, FIRST + one * 7 * DAY, other, more, turn)

    reply = await portal(WEEKS, caller)

    assert reply.errors == []
    found = {week["weekStart"]: week for week in reply.data["viewer"]["account"]["reportWeeks"]["nodes"]}
    assert found == {week.isoformat(): found.get(week.isoformat()) for week in _owed(world, people, found)}
    for start, week in found.items():
        told = tuple(week[name] for name in ("status", "expectedLines", "reportedLines", "onTimeLines"))
        assert told == _by_the_rule(portal.clock.now, date.fromisoformat(start), people, stand), (start, steps)
        lacking = {person.row.public_id for place, person, is_there in _due(date.fromisoformat(start), people, stand) if not is_there}
        assert {each["id"] for each in week["missingTeleworkers"]["nodes"]} == lacking


async def _report(
    play: Play, people: list[Person], caller: Any, stand: Any, marks: Any, week: date, chosen: int, how: tuple[bool, bool], turn: int
) -> None:
    """Sends lines for those of the six pairs that the bits say, and keeps what should stand then."""
    replaces, changes = how
    pairs = [(place, number) for bit, (place, number) in enumerate((p, n) for p in (0, 1) for n in range(3)) if chosen >> bit & 1]
    value = turn + 1 if changes else 1
    sent = [line(play.numbers[place], people[number].row.national_id, loginCount=value) for place, number in pairs]
    mode = {"correctionMode": "REPLACE" if replaces else "MERGE", "errorPolicy": "REJECT_FAILED_LINES", "reason": "x"}
    text = "mutation($i: SubmitWeeklyReportInput!) { submitWeeklyReport(input: $i) { lineResults { accepted } userErrors { code } } }"
    reply = await play.world.portal(text, caller, i={"weekStart": week.isoformat(), "lines": sent, **mode})
    assert reply.errors == []
    now, ends = play.world.portal.clock.now, datetime(week.year, week.month, week.day, tzinfo=UTC) + timedelta(days=7, hours=-3)
    if not ends <= now < ends + timedelta(days=28):
        assert reply.codes == ["PERIOD_NOT_OPEN" if now < ends else "PERIOD_LOCKED"]
        return
    good = [people[number].employed(place, week) for place, number in pairs]
    assert [each["accepted"] for each in reply.data["submitWeeklyReport"]["lineResults"]] == good
    if not any(good):
        return
    if replaces:
        for key in [key for key in stand if key[0] == week and key[1:] not in [pair for pair, ok in zip(pairs, good, strict=True) if ok]]:
            del stand[key]
    for (place, number), is_good in zip(pairs, good, strict=True):
        if is_good:
            key = (week, place, number)
            stand[key] = (marks.setdefault(key, now < ends + timedelta(hours=72)), value)


def _due(week: date, people: list[Person], stand: Any) -> list[tuple[int, Person, bool]]:
    """The expected lines: place, person, whether it stands."""
    return [
        (place, person, (week, place, number) in stand)
        for place in (0, 1)
        for number, person in enumerate(people)
        if person.expected(place, week)
    ]


def _by_the_rule(now: datetime, week: date, people: list[Person], stand: Any) -> tuple[str, int, int, int]:
    due = [(week, place, people.index(person)) for place, person, _ in _due(week, people, stand)]
    there = [stand[key][0] for key in due if key in stand]
    figures = len(due), len(there), sum(there)
    is_over = now >= datetime(week.year, week.month, week.day, tzinfo=UTC) + timedelta(days=10, hours=-3)
    if not due:
        return "NOT_REQUIRED", *figures
    if len(there) == len(due):
        return ("COMPLIANT" if all(there) else "LATE"), *figures
    if not is_over:
        return "OPEN", *figures
    return ("PARTIAL" if there else "MISSING"), *figures


def _owed(world: World, people: list[Person], found: Any) -> list[date]:
    starts = [employment.starts_on for person in people for _, employment, _ in person.rows]
    if not starts:
        return []
    today = world.today
    week, weeks = min(starts), []
    week -= DAY * ((week.weekday() + 1) % 7)
    while week <= today:
        weeks.append(week)
        week += 7 * DAY
    return weeks


async def _clear(world: World) -> None:
    """The company as it was before anybody worked for it."""
    async with world.portal.database.writing() as session:
        for model in (ReportLine, ReportLineVersion, ReportSubmission, ReportTally, ReportDuty, LeavePeriod, Employment, Event):
            await session.execute(delete(model).where(model.company_id == world.north.id))
    await world.alter(world.north, last_event=0)
