"""Hiring, changing and ending employments: what is needed, who has room, and which places are taken."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from app.models import (
    Company,
    Employment,
    EmploymentStatus,
    GenderRequirement,
    Job,
    JobStatus,
    LeavePeriod,
    ProjectKind,
    ProjectStatus,
    Role,
    Slot,
    SlotHolder,
    Teleworker,
)
from app.operations.employment import STEPS, Step, age_on
from tests.conftest import Templates
from tests.portal import Caller, Portal, Reply, portal_on
from tests.world import World, make_world, national_id

_ERRORS = "userErrors { code path message retryable }"
_SHOWN = """id status employmentType startsOn endsOn wage weeklyHours gosiRegistered qiwaContractNumber endReason version
    leavePeriods { startsOn endsOn }"""
HIRE = f"""mutation($input: HireTeleworkerInput!) {{ hireTeleworker(input: $input) {{
    employment {{ {_SHOWN} }} job {{ status filled }} {_ERRORS}
    teleworker {{ id name birthDate gender mobile email educationLevel city {{ id }} }} }} }}"""
UPDATE = f"mutation($input: UpdateEmploymentInput!) {{ updateEmployment(input: $input) {{ employment {{ {_SHOWN} }} {_ERRORS} }} }}"
END = f"mutation($input: EndEmploymentInput!) {{ endEmployment(input: $input) {{ employment {{ {_SHOWN} }} {_ERRORS} }} }}"
PLACES = """query($id: ID!) { node(id: $id) { ... on Job { status filled } } viewer { account {
    dashboard { openJobs openVacancies activeTeleworkers } jobs(where: {status: [FILLED]}) { totalCount } } } }"""
LEAST = {
    "nationalId": national_id(7),
    "name": "عامل جديد",
    "birthDate": "1995-01-01",
    "gender": "FEMALE",
    "employmentType": "FULL_TIME",
    "startsOn": "2026-11-22",
    "wage": "4000",
    "weeklyHours": 48,
    "gosiRegistered": True,
}


async def _hire(world: World, job: Job, caller: Caller | None = None, **more: Any) -> Reply:
    return await world.portal(HIRE, caller or await world.person(), input={"jobId": job.public_id, **LEAST, **more})


async def _update(world: World, employment: str, caller: Caller | None = None, **changes: Any) -> Reply:
    return await world.portal(UPDATE, caller or await world.person(), input={"employmentId": employment, **changes})


async def _end(world: World, employment: str, caller: Caller | None = None, **more: Any) -> Reply:
    given = {"employmentId": employment, "reason": "استقالة", **more}
    return await world.portal(END, caller or await world.person(), input=given)


async def _hired(world: World, job: Job | None = None, caller: Caller | None = None, **more: Any) -> str:
    """The id of the employment."""
    reply = await _hire(world, job or await world.job(), caller, **more)
    assert reply.codes == []
    return str(reply.data["hireTeleworker"]["employment"]["id"])


async def _southern_job(world: World) -> Job:
    return await world.job(await world.project(world.south))


def _told(reply: Reply) -> set[tuple[str, str]]:
    """Each error's field and code."""
    return {(path[-1], error["code"]) for path, error in zip(reply.paths, _user_errors(reply), strict=True)}


def _user_errors(reply: Reply) -> list[dict[str, Any]]:
    return [error for payload in reply.data.values() for error in payload["userErrors"]]


async def _places(world: World, job: Job) -> tuple[str, int, dict[str, int], int]:
    """What node, dashboard and filter tell: state, taken, figures, how many are filled."""
    reply = await world.portal(PLACES, await world.person(), id=job.public_id)
    account = reply.data["viewer"]["account"]
    return reply.data["node"]["status"], reply.data["node"]["filled"], account["dashboard"], account["jobs"]["totalCount"]


def _day(world: World, days: int) -> str:
    return (world.today + timedelta(days=days)).isoformat()


# ---- hireTeleworker --------------------------------------------------------------------------------------------------------


async def test_a_hire_makes_person_and_employment_takes_a_place_and_is_recorded_once(world: World) -> None:
    job = await world.job(vacancies=1)
    reach: dict[str, Any] = {"mobile": "0512345678", "email": "a@example.sa", "educationLevel": "DIPLOMA"}

    reply = await _hire(world, job, **reach, nationalId="١" + national_id(7)[1:], endsOn=_day(world, 90), qiwaContractNumber="QW1")

    made = reply.data["hireTeleworker"]
    assert reply.codes == []
    [teleworker] = await world.portal.fetch(select(Teleworker))
    [employment] = await world.portal.fetch(select(Employment))
    assert made["employment"] == {
        "id": employment.public_id,
        "status": "ACTIVE",
        "employmentType": "FULL_TIME",
        "startsOn": "2026-11-22",
        "endsOn": "2027-02-20",
        "wage": "4000.00",
        "weeklyHours": 48,
        "gosiRegistered": True,
        "qiwaContractNumber": "QW1",
        "endReason": None,
        "version": 1,
        "leavePeriods": [],
    }
    assert made["teleworker"] == {
        "id": teleworker.public_id,
        "name": "عامل جديد",
        "birthDate": "1995-01-01",
        "gender": "FEMALE",
        "city": None,
        **reach,
        "mobile": "+966512345678",
    }
    assert teleworker.national_id == national_id(7)
    assert made["job"] == {"status": "FILLED", "filled": 1}
    assert await world.events() == [(1, "TELEWORKER_HIRED")]


async def test_every_broken_rule_is_told_at_once_with_its_own_code_and_path(world: World) -> None:
    contract = await world.contract(terminated_at=world.portal.clock(), standing=False)
    project = await world.project(contract=contract, status=ProjectStatus.SUSPENDED)
    job = await world.job(project, status=JobStatus.PAUSED, vacancies=1, gender=GenderRequirement.MALE, education_level="MASTER")
    worker = await world.teleworker(national_id="2000000006")
    await world.employment(job, teleworker=worker)
    await world.alter(job, filled=1)
    owner = await world.person()
    before = await world.snapshot()

    reply = await _hire(
        world,
        job,
        owner,
        nationalId="2000000006",
        name=" ",
        birthDate="2009-01-01",
        email="nobody",
        educationLevel="DIPLOMA",
        cityId="cty_none",
        startsOn=_day(world, -29),
        wage="3999.99",
        weeklyHours=49,
        gosiRegistered=False,
        qiwaContractNumber="x" * 51,
    )

    assert _told(reply) == {
        ("jobId", "JOB_NOT_OPEN"),
        ("jobId", "VACANCIES_EXHAUSTED"),
        ("jobId", "PROJECT_NOT_APPROVED"),
        ("jobId", "CONTRACT_NOT_ACTIVE"),
        ("nationalId", "WORKER_NOT_CITIZEN"),
        ("nationalId", "ALREADY_EMPLOYED"),
        ("birthDate", "WORKER_AGE"),
        ("wage", "WAGE_BELOW_MINIMUM"),
        ("weeklyHours", "HOURS_ABOVE_MAXIMUM"),
        ("gosiRegistered", "GOSI_REQUIRED"),
        ("startsOn", "VALIDATION_FAILED"),
        ("gender", "VALIDATION_FAILED"),
        ("educationLevel", "VALIDATION_FAILED"),
        ("cityId", "NOT_FOUND"),
        ("name", "VALIDATION_FAILED"),
        ("email", "VALIDATION_FAILED"),
        ("qiwaContractNumber", "VALIDATION_FAILED"),
    }
    assert all(path[0] == "input" for path in reply.paths)
    assert all(error["message"] for error in _user_errors(reply))
    assert reply.data["hireTeleworker"]["employment"] is None
    assert await world.snapshot() == before


_WRONG = "VALIDATION_FAILED"
_EDGES: dict[str, tuple[dict[str, Any], set[tuple[str, str]]]] = {
    "28 days back": ({"startsOn": "2026-10-25"}, set()),
    "29 days back": ({"startsOn": "2026-10-24"}, {("startsOn", _WRONG)}),
    "366 days ahead": ({"startsOn": "2027-11-23"}, set()),
    "367 days ahead": ({"startsOn": "2027-11-24"}, {("startsOn", _WRONG)}),
    "one day": ({"endsOn": "2026-11-22"}, set()),
    "no day": ({"endsOn": "2026-11-21"}, {("endsOn", _WRONG)}),
    "part time": ({"employmentType": "PART_TIME", "wage": "2000"}, set()),
    "too little for part time": ({"employmentType": "PART_TIME", "wage": "1999.99"}, {("wage", "WAGE_BELOW_MINIMUM")}),
    "nothing to do": ({"weeklyHours": 0}, {("weeklyHours", _WRONG)}),
    "endless": ({"weeklyHours": 2**31 - 1}, {("weeklyHours", "HOURS_ABOVE_MAXIMUM")}),
    "18 today": ({"birthDate": "2008-11-22"}, set()),
    "18 tomorrow": ({"birthDate": "2008-11-23"}, {("birthDate", "WORKER_AGE")}),
    "61 tomorrow": ({"birthDate": "1965-11-23"}, set()),
    "61 today": ({"birthDate": "1965-11-22"}, {("birthDate", "WORKER_AGE")}),
    "unborn": ({"birthDate": "2999-12-31"}, {("birthDate", "WORKER_AGE")}),
    "no such id": ({"nationalId": "1000000000"}, {("nationalId", _WRONG)}),
    "beyond calendars": ({"birthDate": "0001-01-01", "startsOn": "9999-12-31"}, {("birthDate", _WRONG), ("startsOn", _WRONG)}),
    "a hidden direction": ({"name": "a\u202eb"}, {("name", _WRONG)}),
    "a master's where none is asked for": ({"educationLevel": "MASTER"}, set()),
}


async def test_the_edges_of_what_a_hire_needs(world: World) -> None:
    job, owner = await world.job(), await world.person()
    before = await world.snapshot()

    told = {case: _told(await _hire(world, job, owner, **given, validateOnly=True)) for case, (given, _) in _EDGES.items()}

    assert told == {case: expected for case, (_, expected) in _EDGES.items()}
    assert await world.snapshot() == before


@pytest.mark.parametrize(
    ("day", "born", "years"),
    [
        (date(2026, 2, 28), date(2008, 2, 29), 17),
        (date(2026, 3, 1), date(2008, 2, 29), 18),
        (date(2028, 2, 28), date(2010, 3, 1), 17),
        (date(2028, 2, 29), date(2010, 2, 28), 18),
        (date(2025, 2, 28), date(1964, 2, 29), 60),
        (date(2025, 3, 1), date(1964, 2, 29), 61),
    ],
)
def test_who_was_born_on_a_leap_day_is_older_from_the_first_of_march_on(day: date, born: date, years: int) -> None:
    assert age_on(day, born) == years


async def test_people_are_hired_into_open_jobs_with_a_place_left(world: World) -> None:
    jobs = {state: await world.job(status=JobStatus(state)) for state in ("DRAFT", "PAUSED", "CLOSED")}
    jobs |= {"EXPIRED": await world.job(closes_at=world.portal.clock()), "FILLED": await world.job(vacancies=1, filled=1)}

    told = {state: _told(await _hire(world, job)) for state, job in jobs.items()}

    closed = {key: {("jobId", "JOB_NOT_OPEN")} for key in ("DRAFT", "PAUSED", "CLOSED", "EXPIRED")}
    assert told == {**closed, "FILLED": {("jobId", "VACANCIES_EXHAUSTED")}}


async def test_own_projects_hire_and_ended_contracts_leave_employments_as_they_are(world: World) -> None:
    own = await world.job(await world.project(kind=ProjectKind.OWN))
    contract = await world.contract()
    theirs = await world.job(await world.project(contract=contract))
    first, second = await _hire(world, own), await _hire(world, theirs, nationalId=national_id(8))
    await world.alter(contract, terminated_at=world.portal.clock(), standing=False)

    refused = await _hire(world, theirs, nationalId=national_id(9))
    changed = await _update(world, second.data["hireTeleworker"]["employment"]["id"], wage="5000")

    assert (first.codes, second.codes, changed.codes) == ([], [], [])
    assert _told(refused) == {("jobId", "CONTRACT_NOT_ACTIVE")}


async def test_who_comes_back_is_the_same_person_with_what_was_told_last(world: World) -> None:
    job = await world.job()
    first = await _hired(world, job, mobile="0512345678", email="old@example.sa", educationLevel="DIPLOMA")
    await _end(world, first, endsOn=_day(world, 0))

    reply = await _hire(world, job, startsOn=_day(world, 1), name="اسم جديد", email="new@example.sa", mobile=None)

    [teleworker] = await world.portal.fetch(select(Teleworker))
    told = reply.data["hireTeleworker"]["teleworker"]
    assert reply.codes == []
    assert told["id"] == teleworker.public_id
    assert (told["name"], told["email"]) == ("اسم جديد", "new@example.sa")
    assert (told["mobile"], told["educationLevel"]) == ("+966512345678", "DIPLOMA")
    assert await world.events() == [(1, "TELEWORKER_HIRED"), (2, "EMPLOYMENT_ENDED"), (3, "TELEWORKER_HIRED")]


# ---- who has room ----------------------------------------------------------------------------------------------------------

FULL, PART = "FULL_TIME", "PART_TIME"
_ROOM: list[tuple[str, list[tuple[str, int, int | None]], tuple[str, int, int | None], bool]] = [
    ("nobody else", [], (FULL, 0, None), True),
    ("a second full time", [(FULL, 0, None)], (FULL, 0, None), False),
    ("full beside part", [(PART, 0, None), (PART, 0, None)], (FULL, 0, None), True),
    ("part beside full and part", [(FULL, 0, None), (PART, 0, None)], (PART, 0, None), True),
    ("a third part time", [(PART, 0, None), (PART, 0, None)], (PART, 0, None), False),
    ("after the last day", [(FULL, -20, -1)], (FULL, 0, None), True),
    ("on the last day", [(FULL, -20, 0)], (FULL, 0, None), False),
    ("before the first day", [(FULL, 10, None)], (FULL, 0, 9), True),
    ("until the first day", [(FULL, 10, None)], (FULL, 0, 10), False),
    ("open before a later one", [(FULL, 10, None)], (FULL, 0, None), False),
    ("two part times one after the other", [(PART, 0, 5), (PART, 6, 9)], (PART, 0, None), True),
    ("two part times on one day", [(PART, 0, 6), (PART, 6, 9)], (PART, 0, None), False),
    ("two part times together, elsewhere", [(PART, 0, 5), (PART, 3, 9)], (PART, 6, None), True),
]


async def test_how_much_room_a_person_has_anywhere(world: World) -> None:
    others = []
    for place in range(2):
        company, owner = await world.company(f"شركة {place}", f"Company {place}"), await world.user()
        await world.join(owner, company, Role.OWNER)
        others.append((await world.job(await world.project(company), vacancies=99), await world.portal.person(owner)))
    job, replies = await world.job(vacancies=99), {}
    for number, (case, elsewhere, wanted, _) in enumerate(_ROOM, 300):
        for (theirs, caller), terms in zip(others, elsewhere, strict=False):
            await _hired(world, theirs, caller, nationalId=national_id(number), **_terms(world, terms))
        replies[case] = await _hire(world, job, nationalId=national_id(number), **_terms(world, wanted))

    expected = {case: set() if free else {("nationalId", "ALREADY_EMPLOYED")} for case, _, _, free in _ROOM}
    assert {case: _told(reply) for case, reply in replies.items()} == expected
    # In one form of words, whoever employs the person, and how often.
    assert len({error["message"] for reply in replies.values() for error in _user_errors(reply)}) == 1


def _terms(world: World, terms: tuple[str, int, int | None]) -> dict[str, Any]:
    kind, starts, ends = terms
    return {"employmentType": kind, "startsOn": _day(world, starts), "endsOn": None if ends is None else _day(world, ends)}


async def test_one_company_employs_a_person_once_at_a_time_whatever_the_type(world: World) -> None:
    job = await world.job()
    await _hired(world, job, employmentType="PART_TIME")

    reply = await _hire(world, job, employmentType="FULL_TIME")

    assert _told(reply) == {("nationalId", "ALREADY_EMPLOYED")}


async def test_who_leaves_has_room_from_the_next_day_on(world: World) -> None:
    employment, southern, stranger = await _hired(world), await _southern_job(world), await world.intruder()
    before = await _hire(world, southern, stranger, startsOn=_day(world, 3))
    await _end(world, employment, endsOn=_day(world, 2))

    same, next_day = [await _hire(world, southern, stranger, startsOn=_day(world, days)) for days in (2, 3)]

    assert (before.codes, same.codes, next_day.codes) == (["ALREADY_EMPLOYED"], ["ALREADY_EMPLOYED"], [])


@pytest.mark.parametrize("how", ["update", "end"])
async def test_an_employment_goes_on_only_where_nobody_else_has_hired_meanwhile(world: World, how: str) -> None:
    employment = await _hired(world, endsOn=_day(world, 5))
    await _hired(world, await _southern_job(world), await world.intruder(), startsOn=_day(world, 10))
    move = _update if how == "update" else _end

    late, fits = await move(world, employment, endsOn=_day(world, 10)), await move(world, employment, endsOn=_day(world, 9))
    endless = await _update(world, employment, endsOn=None)

    assert (_told(late), fits.codes, _told(endless)) == ({("endsOn", "ALREADY_EMPLOYED")}, [], {("endsOn", "ALREADY_EMPLOYED")})
    assert [slot.ends_on for slot in await _slots_of(world, employment)] == [world.today + timedelta(days=9)]


async def _slots_of(world: World, employment: str) -> list[Slot]:
    return [slot for slot in await world.portal.fetch(select(Slot)) if slot.id.hex == employment.removeprefix("emp_")]


async def test_nothing_in_the_table_of_slots_tells_person_or_company(world: World) -> None:
    await _hired(world)

    [slot] = await world.portal.fetch(select(Slot))
    [teleworker] = await world.portal.fetch(select(Teleworker))

    assert {column.name for column in Slot.__table__.columns} == {"id", "holder_id", "employment_type", "starts_on", "ends_on"}
    assert slot.holder_id not in (teleworker.id, world.north.id)
    assert await world.portal.fetch(select(func.count()).select_from(SlotHolder)) == [2]  # one of them notes the key


async def test_in_the_sandbox_each_company_is_a_world_of_its_own(backend: str, templates: Templates) -> None:
    url, data = await asyncio.to_thread(templates.copy, backend, "blank")
    async with portal_on(url, data, environment="SANDBOX") as portal:
        world = await make_world(portal)
        north, south = await world.job(), await _southern_job(world)

        first, elsewhere = await _hire(world, north), await _hire(world, south, await world.intruder())
        again = await _hire(world, north)

    templates.drop(url)
    assert (first.codes, elsewhere.codes, again.codes) == ([], [], ["ALREADY_EMPLOYED"])


async def test_attempts_are_limited_for_each_account_and_validating_counts(backend: str, templates: Templates) -> None:
    url, data = await asyncio.to_thread(templates.copy, backend, "blank")
    async with portal_on(url, data, hires_a_minute=3) as portal:
        world = await make_world(portal)
        job, southern = await world.job(), await _southern_job(world)
        token = await portal.token(world.north, "TELEWORKERS_WRITE", "TELEWORKERS_READ", "PROJECTS_READ")
        await _hire(world, job, await world.person(Role.VIEWER))  # who may not has not tried
        tried = [
            await _hire(world, job, validateOnly=True),
            await _hire(world, job, await world.person(Role.ADMIN), wage="1"),
            await _hire(world, job, token, validateOnly=True),
        ]

        refused, other = await _hire(world, job), await _hire(world, southern, await world.intruder())
        portal.clock.advance(minutes=1)
        later = await _hire(world, await world.job(), nationalId=national_id(8))

    templates.drop(url)
    assert [reply.codes for reply in tried] == [[], ["WAGE_BELOW_MINIMUM"], []]
    assert (refused.codes, other.codes, later.codes) == (["RATE_LIMITED"], [], [])
    [error] = refused.errors
    assert error["extensions"]["retryable"]
    assert 0 < error["extensions"]["retryAfter"] <= 60


# ---- races -----------------------------------------------------------------------------------------------------------------


async def test_forty_simultaneous_hires_fill_three_vacancies_exactly(world: World) -> None:
    job, owner = await world.job(vacancies=3), await world.person()

    replies = await asyncio.gather(*(_hire(world, job, owner, nationalId=national_id(number)) for number in range(100, 140)))

    assert sorted(code for reply in replies for code in reply.codes) == ["VACANCIES_EXHAUSTED"] * 37
    assert (await world.now_of(job)).filled == 3
    assert len(await world.portal.fetch(select(Employment))) == len(await world.portal.fetch(select(Slot))) == 3
    assert await world.events() == [(number, "TELEWORKER_HIRED") for number in (1, 2, 3)]


async def test_a_person_whom_two_companies_want_at_once_is_hired_by_one(world: World) -> None:
    jobs = [(await world.job(vacancies=99), await world.person()), (await _southern_job(world), await world.intruder())]
    await world.alter(jobs[1][0], vacancies=99)

    for number in range(200, 210):
        replies = await asyncio.gather(*(_hire(world, job, caller, nationalId=national_id(number)) for job, caller in jobs * 2))
        assert sorted(code for reply in replies for code in reply.codes) == ["ALREADY_EMPLOYED"] * 3

    assert len(await world.portal.fetch(select(Employment))) == 10


# ---- places ----------------------------------------------------------------------------------------------------------------


async def test_a_place_is_free_again_when_the_last_day_has_passed_whoever_looks(world: World) -> None:
    job = await world.job(vacancies=1)
    await _hired(world, job, endsOn=_day(world, 2))
    full = await _places(world, job)

    world.portal.clock.advance(days=2)
    last_day = await _places(world, job)
    world.portal.clock.advance(days=1)
    free = await _places(world, job)
    world.portal.clock.advance(days=-1)
    back = await _places(world, job)
    world.portal.clock.advance(days=1)
    second = await _hire(world, job, nationalId=national_id(8), startsOn=_day(world, 0))
    again = await _places(world, job)

    busy = {"openJobs": 0, "openVacancies": 0, "activeTeleworkers": 1}
    assert full == last_day == back == ("FILLED", 1, busy, 1)
    assert free == ("OPEN", 0, {"openJobs": 1, "openVacancies": 1, "activeTeleworkers": 0}, 0)
    assert second.codes == []
    assert again == ("FILLED", 1, busy, 1)


async def test_counts_stay_true_were_the_clock_put_back_after_somebody_left(world: World) -> None:
    job = await world.job(vacancies=3)
    await _hired(world, job, endsOn=_day(world, 1))
    world.portal.clock.advance(days=5)
    await _hired(world, job, nationalId=national_id(8), startsOn=_day(world, 0))
    after = (await _places(world, job))[1]

    world.portal.clock.advance(days=-5)

    assert (after, (await _places(world, job))[1]) == (1, 2)


async def test_ending_at_once_frees_the_place_and_on_notice_keeps_it(world: World) -> None:
    job = await world.job(vacancies=2)
    first, second = await _hired(world, job), await _hired(world, job, nationalId=national_id(8))
    full = await _places(world, job)

    now, notice = await _end(world, first, endsOn=_day(world, 0)), await _end(world, second, endsOn=_day(world, 1))
    rest = await _places(world, job)
    fewer = await world.portal(
        "mutation($id: ID!) { updateJob(input: {jobId: $id, vacancies: 1}) { job { status } userErrors { code path } } }",
        await world.person(),
        id=job.public_id,
    )

    assert (full[:2], rest[:2]) == (("FILLED", 2), ("OPEN", 1))
    assert [reply.data["endEmployment"]["employment"]["status"] for reply in (now, notice)] == ["ENDED", "ACTIVE"]
    assert fewer.data["updateJob"]["job"]["status"] == "FILLED"


async def test_fewer_vacancies_are_held_against_who_is_there_now(world: World) -> None:
    job = await world.job(vacancies=3)
    for number in (7, 8):
        await _hired(world, job, nationalId=national_id(number), endsOn=_day(world, number - 7))
    set_one = "mutation($id: ID!) { updateJob(input: {jobId: $id, vacancies: 1}) { userErrors { code path } } }"
    early = await world.portal(set_one, await world.person(), id=job.public_id)

    world.portal.clock.advance(days=1)
    late = await world.portal(set_one, await world.person(), id=job.public_id)

    assert (early.codes, late.codes) == (["VACANCIES_BELOW_FILLED"], [])


# ---- updateEmployment ------------------------------------------------------------------------------------------------------


async def test_terms_change_and_what_is_absent_stays(world: World) -> None:
    employment = await _hired(world, qiwaContractNumber="QW1")

    reply = await _update(world, employment, wage="٥٥٠٠٫٥", weeklyHours=40, endsOn=_day(world, 30), gosiRegistered=True, version=1)
    same = await _update(world, employment, wage="5500.50", gosiRegistered=True)
    cleared = await _update(world, employment, qiwaContractNumber=None, endsOn=None, version=2)

    told = reply.data["updateEmployment"]["employment"]
    assert (reply.codes, same.codes, cleared.codes) == ([], [], [])
    assert (told["wage"], told["weeklyHours"], told["endsOn"], told["qiwaContractNumber"]) == ("5500.50", 40, _day(world, 30), "QW1")
    last = cleared.data["updateEmployment"]["employment"]
    assert (last["endsOn"], last["qiwaContractNumber"], last["version"]) == (None, None, 3)
    assert [slot.ends_on for slot in await _slots_of(world, employment)] == [None]
    assert await world.events() == [(1, "TELEWORKER_HIRED"), (2, "EMPLOYMENT_UPDATED"), (3, "EMPLOYMENT_UPDATED")]


_CHANGES: list[tuple[dict[str, Any], set[tuple[str, str]]]] = [
    ({"wage": "3999.99", "weeklyHours": 49}, {("wage", "WAGE_BELOW_MINIMUM"), ("weeklyHours", "HOURS_ABOVE_MAXIMUM")}),
    ({"gosiRegistered": False, "wage": "1"}, {("gosiRegistered", "GOSI_REQUIRED"), ("wage", "WAGE_BELOW_MINIMUM")}),
    *(({name: None}, {(name, _WRONG)}) for name in ("wage", "weeklyHours", "gosiRegistered", "onLeaveFrom")),
    ({"endsOn": "2026-11-21"}, {("endsOn", _WRONG)}),
    ({"endsOn": "2026-11-01"}, {("endsOn", _WRONG)}),
    ({"endsOn": "2026-11-22"}, set()),
    ({"version": 7}, {("version", "VERSION_CONFLICT")}),
    ({"onLeaveUntil": "2026-12-01"}, {("onLeaveUntil", _WRONG)}),
    ({"onLeaveFrom": "2026-11-23", "onLeaveUntil": "2026-11-22"}, {("onLeaveUntil", _WRONG)}),
    ({"onLeaveFrom": "2026-11-16"}, {("onLeaveFrom", _WRONG)}),
    ({"onLeaveFrom": "2026-11-17", "onLeaveUntil": "2026-11-17"}, set()),
    ({"onLeaveFrom": "2026-12-01", "endsOn": "2026-11-30"}, {("onLeaveFrom", _WRONG)}),
    ({"onLeaveFrom": "2026-11-23", "onLeaveUntil": "2026-12-01", "endsOn": "2026-11-30"}, {("onLeaveUntil", _WRONG)}),
]
_ENDS: list[tuple[dict[str, Any], set[tuple[str, str]]]] = [
    ({"endsOn": "2026-11-16"}, {("endsOn", _WRONG)}),
    ({"endsOn": "2026-11-17"}, set()),
    ({"reason": " "}, {("reason", _WRONG)}),
    ({"version": 2}, {("version", "VERSION_CONFLICT")}),
]


async def test_changes_and_ends_keep_the_rules(world: World) -> None:
    owner, employment = await world.person(), await _hired(world, startsOn="2026-11-17")
    before = await world.snapshot()

    changed = [_told(await _update(world, employment, owner, **given, validateOnly=True)) for given, _ in _CHANGES]
    ended = [_told(await _end(world, employment, owner, **{"endsOn": "2026-11-22", **given}, validateOnly=True)) for given, _ in _ENDS]

    assert changed == [told for _, told in _CHANGES]
    assert ended == [told for _, told in _ENDS]
    after = await world.snapshot()
    assert {name for name in after if after[name] != before[name]} <= {"sessions"}


async def test_leaves_open_close_and_never_overlap(world: World) -> None:
    employment = await _hired(world, startsOn=_day(world, -10))

    async def leave(**given: Any) -> tuple[list[str], str | None, list[list[str | None]]]:
        reply = await _update(world, employment, **given)
        [now] = await world.portal.fetch(select(Employment))
        shown = (await _update(world, now.public_id)).data["updateEmployment"]["employment"]
        return reply.codes, shown["status"], [[each["startsOn"], each["endsOn"]] for each in shown["leavePeriods"]]

    def day(days: int) -> str:
        return _day(world, days)

    assert await leave(onLeaveFrom=day(-5)) == ([], "ON_LEAVE", [[day(-5), None]])
    assert await leave(onLeaveFrom=day(3)) == (["VALIDATION_FAILED"], "ON_LEAVE", [[day(-5), None]])
    assert await leave(onLeaveUntil=day(-1)) == ([], "ACTIVE", [[day(-5), day(-1)]])
    assert await leave(onLeaveUntil=day(-2)) == (["VALIDATION_FAILED"], "ACTIVE", [[day(-5), day(-1)]])  # it is over
    assert await leave(onLeaveFrom=day(-1), onLeaveUntil=day(4)) == (["VALIDATION_FAILED"], "ACTIVE", [[day(-5), day(-1)]])
    assert await leave(onLeaveFrom=day(0), onLeaveUntil=day(4)) == ([], "ON_LEAVE", [[day(-5), day(-1)], [day(0), day(4)]])
    assert (await leave(onLeaveUntil=day(6)))[2] == [[day(-5), day(-1)], [day(0), day(6)]]
    assert (await leave(onLeaveFrom=day(-5), onLeaveUntil=day(-4)))[2] == [[day(-5), day(-4)], [day(0), day(6)]]
    assert (await leave(onLeaveUntil=None))[2] == [[day(-5), day(-4)], [day(0), None]]

    ended = await _end(world, employment, endsOn=day(0))
    assert ended.data["endEmployment"]["employment"]["leavePeriods"][-1] == {"startsOn": day(0), "endsOn": day(0)}


# ---- endEmployment ---------------------------------------------------------------------------------------------------------


async def test_thirty_simultaneous_ends_happen_once(world: World) -> None:
    employment, owner = await _hired(world), await world.person()

    replies = await asyncio.gather(*(_end(world, employment, owner, endsOn=_day(world, 0)) for _ in range(30)))

    assert sorted(code for reply in replies for code in reply.codes) == ["ILLEGAL_TRANSITION"] * 29
    assert await world.events() == [(1, "TELEWORKER_HIRED"), (2, "EMPLOYMENT_ENDED")]


@pytest.mark.parametrize("step", list(Step))
@pytest.mark.parametrize("state", ["ACTIVE", "ON_LEAVE", "ENDED", "ENDED at once"])
async def test_an_employment_takes_the_steps_of_the_table_and_no_other(world: World, state: str, step: str) -> None:
    gone: dict[str, dict[str, Any]] = {
        "ENDED": {"ends_on": world.today - timedelta(days=1)},
        "ENDED at once": {"ends_on": world.today, "ended_at": world.portal.clock()},
    }
    row = await world.employment(**gone.get(state, {}))
    if state == "ON_LEAVE":
        await world.store(LeavePeriod(company_id=row.company_id, employment_id=row.id, starts_on=world.today, ends_on=world.today))
    took = {
        "UPDATE": lambda: _update(world, row.public_id, wage="7000"),
        "LEAVE": lambda: _update(world, row.public_id, onLeaveFrom=_day(world, 3)),
        "END": lambda: _end(world, row.public_id, endsOn=_day(world, 0)),
    }

    reply = await took[step]()

    legal = not state.startswith("ENDED")
    assert reply.codes == ([] if legal else ["ILLEGAL_TRANSITION"])
    assert reply.paths == ([] if legal else [["input", "employmentId"]])
    assert (step in STEPS[EmploymentStatus(state.split(maxsplit=1)[0])]) is legal
    assert len(await world.events()) == (1 if legal else 0)


# ---- the demo --------------------------------------------------------------------------------------------------------------


async def test_the_demos_people_are_held_against_the_rules(demo: Portal) -> None:
    now = await demo.fetch(select(Employment).where(Employment.ended_at.is_(None), Employment.employment_type == FULL))
    slots = {slot.id: slot for slot in await demo.fetch(select(Slot))}
    everybody = await demo.fetch(select(Employment))

    assert {row.id for row in everybody} == set(slots)
    assert all((slots[row.id].starts_on, slots[row.id].ends_on) == (row.starts_on, row.ends_on) for row in everybody)
    # Whom one company employs full time, another one may not.
    busy = next(row for row in now if row.ends_on is None)
    [person] = await demo.fetch(select(Teleworker).where(Teleworker.id == busy.teleworker_id))
    [other, *_] = await demo.fetch(select(Company).where(Company.id != busy.company_id))
    jobs = await demo.fetch(select(Job).where(Job.company_id == other.id, Job.status == JobStatus.OPEN, Job.gender == "ANY").limit(1))
    token = await demo.token(other, "TELEWORKERS_WRITE")
    gender = {"gender": "FEMALE", "nationalId": person.national_id, "educationLevel": None}
    reply = await demo(HIRE, token, input={**LEAST, **gender, "jobId": jobs[0].public_id})
    assert "ALREADY_EMPLOYED" in reply.codes
