"""What each filter and each search finds, and that it finds nothing else."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import delete, select

from app.engine import search as engine_search
from app.models import (
    City,
    EmploymentType,
    Event,
    EventType,
    Invitation,
    InvitationStatus,
    JobStatus,
    LeavePeriod,
    Member,
    MemberStatus,
    Occupation,
    ProjectKind,
    ProjectStatus,
    Role,
    Teleworker,
)
from app.text import fold
from tests.portal import NOBODY, Caller, Reply
from tests.world import World, national_id

COLUMNS = [column.name for column in Teleworker.__table__.columns]
FILTERS = {
    "invitations": "InvitationFilter",
    "contracts": "ContractFilter",
    "approvedProjects": "ProjectFilter",
    "ownProjects": "ProjectFilter",
    "jobs": "JobFilter",
    "teleworkers": "TeleworkerFilter",
    "employments": "EmploymentFilter",
}


async def ask(world: World, field: str, where: dict[str, Any], caller: Caller | None = None) -> Reply:
    text = f"query($where: {FILTERS[field]}) {{ viewer {{ account {{ {field}(where: $where) {{ totalCount nodes {{ id }} }} }} }} }}"
    return await world.portal(text, caller or await world.person(), where=where)


async def found(world: World, field: str, rows: list[Any], where: dict[str, Any], caller: Caller | None = None) -> list[int]:
    """Places in `rows` of what the filter finds; the count must agree."""
    reply = await ask(world, field, where, caller)
    assert reply.errors == []
    page = reply.data["viewer"]["account"][field]
    assert page["totalCount"] == len(page["nodes"])
    places = {row.public_id: place for place, row in enumerate(rows)}
    return sorted(places[node["id"]] for node in page["nodes"])


# ---- states, true at the clock's edge ---------------------------------------------------------------------------------------


async def test_invitations_by_state_follow_the_clock_to_the_second(world: World) -> None:
    now = world.portal.clock()
    rows = [
        await world.invitation(),
        await world.invitation(expires_at=now + timedelta(seconds=1)),
        await world.invitation(expires_at=now),
        await world.invitation(status=InvitationStatus.ACCEPTED, expires_at=now - timedelta(days=1)),
        await world.invitation(status=InvitationStatus.WITHDRAWN),
        await world.invitation(status=InvitationStatus.REJECTED),
    ]

    before = {state: await found(world, "invitations", rows, {"status": [state]}) for state in InvitationStatus}
    world.portal.clock.advance(seconds=1)
    after = {state: await found(world, "invitations", rows, {"status": [state]}) for state in InvitationStatus}

    assert before == {"PENDING": [0, 1], "EXPIRED": [2], "ACCEPTED": [3], "WITHDRAWN": [4], "REJECTED": [5]}
    assert after == {**{str(state): places for state, places in before.items()}, "PENDING": [0], "EXPIRED": [1, 2]}


async def test_contracts_by_state_follow_riyadhs_day(world: World) -> None:
    today, day = world.today, timedelta(days=1)
    rows = [
        await world.contract(starts_on=today, ends_on=today),
        await world.contract(starts_on=today + day),
        await world.contract(ends_on=today - day),
        await world.contract(terminated_at=world.portal.clock()),
        await world.contract(ends_on=None),
    ]

    at_noon = {
        state: await found(world, "contracts", rows, {"status": [state]}) for state in ("SCHEDULED", "ACTIVE", "EXPIRED", "TERMINATED")
    }
    world.portal.clock.advance(hours=11, minutes=59)
    before_midnight = await found(world, "contracts", rows, {"status": ["ACTIVE"]})
    world.portal.clock.advance(minutes=1)
    at_midnight = {state: await found(world, "contracts", rows, {"status": [state]}) for state in ("SCHEDULED", "ACTIVE", "EXPIRED")}

    assert at_noon == {"SCHEDULED": [1], "ACTIVE": [0, 4], "EXPIRED": [2], "TERMINATED": [3]}
    assert before_midnight == [0, 4]
    assert at_midnight == {"SCHEDULED": [], "ACTIVE": [1, 4], "EXPIRED": [0, 2]}


async def test_jobs_by_state_know_what_is_filled_and_what_is_over(world: World) -> None:
    now, project = world.portal.clock(), await world.project()
    rows = [
        await world.job(project),
        await world.job(project, filled=3),
        await world.job(project, closes_at=now),
        await world.job(project, closes_at=now + timedelta(seconds=1)),
        await world.job(project, status=JobStatus.PAUSED),
        await world.job(project, status=JobStatus.CLOSED, filled=3),
        await world.job(project, status=JobStatus.DRAFT, published_at=None, closes_at=None),
        await world.job(project, status=JobStatus.PAUSED, filled=3, closes_at=now),
    ]

    states = {state: await found(world, "jobs", rows, {"status": [state]}) for state in JobStatus}

    assert states == {"OPEN": [0, 3], "FILLED": [1, 7], "EXPIRED": [2], "PAUSED": [4], "CLOSED": [5], "DRAFT": [6]}
    assert await found(world, "jobs", rows, {"status": ["OPEN", "DRAFT"]}) == [0, 3, 6]


async def test_employments_and_teleworkers_by_state_know_leaves_and_last_days(world: World) -> None:
    today, day, job = world.today, timedelta(days=1), await world.job(vacancies=9)
    people = [await world.teleworker() for _ in range(6)]
    rows = [
        await world.employment(job, teleworker=people[0]),
        await world.employment(job, teleworker=people[1], ends_on=today),
        await world.employment(job, teleworker=people[2], ends_on=today - day),
        await world.employment(job, teleworker=people[3], ends_on=today, ended_at=world.portal.clock()),
        await world.employment(job, teleworker=people[4]),
        await world.employment(job, teleworker=people[5]),
    ]
    for row, (first, last) in zip(rows[4:], [(today, today), (today - 9 * day, today - day)], strict=True):
        await world.store(LeavePeriod(company_id=world.north.id, employment_id=row.id, starts_on=first, ends_on=last))

    employments = {state: await found(world, "employments", rows, {"status": [state]}) for state in ("ACTIVE", "ON_LEAVE", "ENDED")}
    teleworkers = {
        state: await found(world, "teleworkers", people, {"employmentStatus": [state]}) for state in ("ACTIVE", "ON_LEAVE", "ENDED")
    }

    assert employments == teleworkers == {"ACTIVE": [0, 1, 5], "ON_LEAVE": [4], "ENDED": [2, 3]}


async def test_projects_and_jobs_by_stored_values(world: World) -> None:
    projects = [await world.project(status=status) for status in ProjectStatus]
    own = [await world.project(kind=ProjectKind.OWN, status=ProjectStatus.DRAFT), await world.project(kind=ProjectKind.OWN)]
    jobs = [
        await world.job(projects[0]),
        await world.job(projects[0], employment_type=EmploymentType.PART_TIME),
        await world.job(own[1], disability_friendly=True),
    ]

    by_state = [await found(world, "approvedProjects", projects, {"status": [status]}) for status in ProjectStatus]

    assert by_state == [[place] for place in range(len(projects))]
    assert await found(world, "ownProjects", own, {"status": ["DRAFT"]}) == [0]
    assert await found(world, "jobs", jobs, {"employmentType": ["PART_TIME"]}) == [1]
    assert await found(world, "jobs", jobs, {"employmentType": ["PART_TIME", "FULL_TIME"]}) == [0, 1, 2]
    assert await found(world, "jobs", jobs, {"disabilityFriendly": True}) == [2]
    assert await found(world, "jobs", jobs, {"disabilityFriendly": False}) == [0, 1]
    assert await found(world, "jobs", jobs, {"disabilityFriendly": True, "employmentType": ["PART_TIME"]}) == []


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("invitations", "status"),
        ("contracts", "status"),
        ("approvedProjects", "status"),
        ("jobs", "status"),
        ("jobs", "employmentType"),
        ("employments", "status"),
        ("teleworkers", "employmentStatus"),
    ],
)
async def test_an_empty_list_finds_nothing_and_null_asks_for_nothing(world: World, field: str, name: str) -> None:
    invitation, employment = await world.invitation(), await world.employment()
    assert employment.company_id == world.north.id

    reply, every = await ask(world, field, {name: []}), await ask(world, field, {name: None})

    assert reply.data["viewer"]["account"][field] == {"totalCount": 0, "nodes": []}
    assert every.data["viewer"]["account"][field]["totalCount"] == 1
    assert await found(world, "invitations", [invitation], {}) == [0]


async def test_events_by_type(world: World) -> None:
    types = [EventType.JOB_ADDED, EventType.JOB_UPDATED, EventType.JOB_ADDED]
    for sequence, type_ in enumerate(types, 1):
        common = {"occurred_at": world.portal.clock(), "actor_name": "x"}
        await world.store(Event(company_id=world.north.id, sequence=sequence, type=type_, **common))
    text = "query($types: [EventType!]) { viewer { account { events(types: $types) { totalCount nodes { sequence } } } } }"

    replies = [await world.portal(text, await world.person(), types=types) for types in (["JOB_ADDED"], [], ["JOB_DELETED"], None)]

    pages = [reply.data["viewer"]["account"]["events"] for reply in replies]
    assert [[node["sequence"] for node in page["nodes"]] for page in pages] == [[1, 3], [], [], [1, 2, 3]]
    assert [page["totalCount"] for page in pages] == [2, 0, 0, 3]


# ---- ranges -----------------------------------------------------------------------------------------------------------------


async def test_ranges_of_days_include_both_ends(world: World) -> None:
    day = date(2026, 5, 10)
    rows = [await world.contract(starts_on=day + timedelta(days=d), ends_on=day + timedelta(days=d)) for d in (-1, 0, 1, 2)]
    rows.append(await world.contract(starts_on=date(2020, 1, 1), ends_on=None))
    projects = [await world.project(contract=rows[0], starts_on=row.starts_on) for row in rows[:4]]
    projects.append(await world.project(contract=rows[0], starts_on=None))

    for name in ("startsOn", "endsOn"):
        assert await found(world, "contracts", rows, {name: {"from": "2026-05-10", "to": "2026-05-11"}}) == [1, 2]
        assert await found(world, "contracts", rows, {name: {"from": "2026-05-11"}}) == [2, 3]
        assert await found(world, "contracts", rows, {name: {"to": "2026-05-10"}}) == ([0, 1, 4] if name == "startsOn" else [0, 1])
        assert await found(world, "contracts", rows, {name: {"from": "2026-05-12", "to": "2026-05-11"}}) == []
        assert await found(world, "contracts", rows, {name: {"from": None, "to": None}}) == [0, 1, 2, 3, 4]
    assert await found(world, "approvedProjects", projects, {"startsOn": {"from": "2026-05-10", "to": "2026-05-11"}}) == [1, 2]


async def test_ranges_of_instants_leave_their_end_out(world: World) -> None:
    start = datetime.fromisoformat("2026-05-10T10:00:00+00:00")
    rows = [await world.invitation(received_at=start + timedelta(microseconds=d)) for d in (-1, 0, 1, 1_000_000)]

    whole_second = await found(world, "invitations", rows, {"receivedAt": {"from": "2026-05-10T10:00:00Z", "to": "2026-05-10T10:00:01Z"}})
    other_zone = await found(world, "invitations", rows, {"receivedAt": {"from": "2026-05-10T13:00:00+03:00"}})
    until = await found(world, "invitations", rows, {"receivedAt": {"to": "2026-05-10T10:00:00Z"}})

    assert (whole_second, other_zone, until) == ([1, 2], [1, 2, 3], [0])


@pytest.mark.parametrize(
    ("range_", "expected"),
    [
        ({"from": "5000"}, [0, 1, 2, 3]),
        ({"from": "5000.01"}, [1, 2, 3]),
        ({"from": "6000.01"}, [2]),
        ({"to": "4000"}, [0, 3]),
        ({"to": "3999.99"}, [3]),
        ({"from": "5500", "to": "5600"}, [1, 2, 3]),
        ({"from": "7000", "to": "8000"}, [2]),
        ({"from": "٥٠٠٠٫٠١", "to": "٥١٠٠"}, [1, 2, 3]),
        ({}, [0, 1, 2, 3, 4]),
    ],
)
async def test_a_job_matches_where_its_salary_overlaps(world: World, range_: dict[str, str], expected: list[int]) -> None:
    project = await world.project()
    spans: list[tuple[str | None, str | None]] = [("4000", "5000"), ("5000", "6000"), ("5000", None), (None, "6000"), (None, None)]
    rows = [await world.job(project, salary_min=least and Decimal(least), salary_max=most and Decimal(most)) for least, most in spans]

    assert await found(world, "jobs", rows, {"salary": range_}) == expected


# ---- ids --------------------------------------------------------------------------------------------------------------------


async def test_ids_of_ones_own_find_what_hangs_on_them_and_all_others_nothing(world: World) -> None:
    [city, other_city, *_] = await world.portal.fetch(select(City))
    [occupation, *_] = await world.portal.fetch(select(Occupation))
    contracts = [await world.contract(), await world.contract()]
    projects = [await world.project(contract=contract) for contract in contracts]
    jobs = [await world.job(projects[0], city_id=city.id), await world.job(projects[1], occupation_id=occupation.id)]
    people = [await world.teleworker(), await world.teleworker()]
    for job, person in zip(jobs, people, strict=True):
        await world.employment(job, teleworker=person)
    foreign_project = await world.project(world.south)
    [foreign_establishment] = [f"est_{key.hex}" for key in [foreign_project.establishment_id] if key]
    establishment = f"est_{contracts[1].establishment_id.hex}"

    assert await found(world, "contracts", contracts, {"establishmentId": establishment}) == [1]
    assert await found(world, "approvedProjects", projects, {"establishmentId": establishment}) == [1]
    assert await found(world, "jobs", jobs, {"cityId": city.public_id}) == [0]
    assert await found(world, "jobs", jobs, {"occupationId": occupation.public_id}) == [1]
    assert await found(world, "teleworkers", people, {"projectId": projects[0].public_id}) == [0]
    for bad in (
        foreign_establishment,
        foreign_project.public_id,
        other_city.public_id,
        "est_" + "0" * 32,
        "nonsense",
        "",
        "est_",
        establishment.upper(),
    ):
        assert await found(world, "contracts", contracts, {"establishmentId": bad}) == []
        assert await found(world, "approvedProjects", projects, {"establishmentId": bad}) == []
        assert await found(world, "jobs", jobs, {"cityId": bad}) == []
        assert await found(world, "jobs", jobs, {"occupationId": bad}) == []
        assert await found(world, "teleworkers", people, {"projectId": bad}) == []


# ---- search -----------------------------------------------------------------------------------------------------------------

NAMES = ["أحمد آل إبراهيم", "مكتبة الهدى", "100% جودة", "أ_ب", "شركة \"النور\" 'الأولى'", "باك\\سلاش", "مؤسسة شئون ٢٠٢٦", "عُمَر الفاروقــي"]
SEARCHES = [
    ("احمد", [0]),
    ("أحمد", [0]),
    ("إحمد", [0]),
    ("ال ابراهيم", [0]),
    ("  أحمد   ال ", [0]),
    ("مكتبه", [1]),
    ("الهدي", [1]),
    ("مكتبة الهدى", [1]),
    ("%", [2]),
    ("100%", [2]),
    ("%جودة", []),
    ("_", [3]),
    ("أ_ب", [3]),
    ("أxب", []),
    ('"', [4]),
    ("'", [4]),
    ("' OR '1'='1", []),
    ("\\", [5]),
    ("ك\\س", [5]),
    ("\\%", []),
    ("موسسة", [6]),
    ("شيون", [6]),
    ("2026", [6]),
    ("۲۰۲۶", [6]),
    ("عمر", [7]),
    ("الفاروقي", [7]),
    ("الفاروقى", [7]),
    ("عمــر", [7]),
    ("لا أحد", []),
]


@pytest.fixture(params=["walked", "by the index"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Small tables are walked; so that the index of texts is asked, no row is looked at before."""
    if request.param == "by the index":
        monkeypatch.setattr(engine_search, "WALKED", 0)
        monkeypatch.setattr(engine_search, "MOST_FOUND", 3)  # what more rows hold is walked all the same
    return str(request.param)


async def test_search_knows_arabic_spellings_and_no_wildcards(world: World, way: str) -> None:
    project = await world.project()
    jobs = [await world.job(project, title_ar=name) for name in NAMES]
    people = [await world.teleworker(name=name) for name in NAMES]
    own = [await world.project(kind=ProjectKind.OWN, title_ar=name) for name in NAMES]
    contracts = [
        await world.contract(establishment=await world.establishment(name_ar=name, name_en=None), number="N") for name in NAMES[:1]
    ]
    owner = await world.person()

    for text, expected in SEARCHES:
        assert await found(world, "jobs", jobs, {"search": text}, owner) == expected, text
        assert await found(world, "teleworkers", people, {"search": text}, owner) == expected, text
        assert await found(world, "ownProjects", own, {"search": text}, owner) == expected, text
    assert await found(world, "contracts", contracts, {"search": "ابراهيم"}, owner) == [0]


async def test_search_knows_no_case(world: World) -> None:
    project = await world.project(title_en="Call CENTRE")
    job = await world.job(project, title_en="Agent Éclair")

    assert await found(world, "approvedProjects", [project], {"search": "call centre"}) == [0]
    assert await found(world, "jobs", [job], {"search": "aGENT éCLAIR"}) == [0]
    assert await found(world, "jobs", [job], {"search": "agents"}) == []


async def test_contracts_are_found_by_number_and_by_either_name_of_the_establishment(world: World, way: str) -> None:
    establishment = await world.establishment(name_ar="منشأة الضياء", name_en="Diyaa House")
    rows = [await world.contract(establishment=establishment, number="C-2026_1"), await world.contract(number="C-2026x1")]

    assert await found(world, "contracts", rows, {"search": "c-2026_1"}) == [0]
    assert await found(world, "contracts", rows, {"search": "C-2026"}) == [0, 1]
    assert await found(world, "contracts", rows, {"search": "diyaa"}) == [0]
    assert await found(world, "contracts", rows, {"search": "منشاه الضياء"}) == [0]


async def test_invitations_are_found_by_either_name_of_the_establishment(world: World) -> None:
    establishment = await world.establishment(name_ar="مؤسسة الرؤية", name_en="Vision")
    rows = [await world.invitation(establishment=establishment), await world.invitation(message=None)]

    assert await found(world, "invitations", rows, {"search": "موسسه الرويه"}) == [0]
    assert await found(world, "invitations", rows, {"search": "VISION"}) == [0]


@pytest.mark.parametrize("text", ["Welcome", "welcome", "أهلا", "اهلا", "50%"])
async def test_invitations_are_found_by_their_message_however_it_is_spelled(world: World, text: str) -> None:
    rows = [await world.invitation(message="Welcome, أهلا بكم، 50%"), await world.invitation(message="500"), await world.invitation()]

    assert await found(world, "invitations", rows, {"search": text}) == [0]


async def test_search_never_looks_at_ids_nor_at_other_companies(world: World, way: str) -> None:
    mine, theirs = await world.teleworker(name="سالم"), await world.teleworker(world.south, name="سالم")

    assert await found(world, "teleworkers", [mine, theirs], {"search": "سالم"}) == [0]
    assert await found(world, "teleworkers", [mine, theirs], {"search": mine.national_id}) == []
    assert await found(world, "teleworkers", [mine, theirs], {"search": mine.national_id[:4]}) == []


async def test_a_search_goes_by_what_is_written_now_whoever_wrote_it(world: World, way: str) -> None:
    rows, owner = [await world.teleworker(name=name) for name in ("خالد العتيبي", "ماجد القحطاني", "سعود الدوسري")], await world.person()
    await world.alter(rows[0], name="فهد الحربي", search_text="فهد الحربي")
    async with world.portal.database.writing() as session:
        await session.execute(delete(Teleworker).where(Teleworker.id == rows[1].id))
        await session.execute(delete(Teleworker).where(Teleworker.id == rows[2].id))
    again = await world.store(Teleworker(**{name: getattr(rows[2], name) for name in COLUMNS}))

    for term, expected in {"خالد": [], "فهد": [0], "ماجد": [], "القحطاني": [], "سعود الدوسري": [2]}.items():
        assert await found(world, "teleworkers", [*rows[:2], again], {"search": term}, owner) == expected


# FTS5's and LIKE's own signs, and words that FTS5 has a meaning for.
SIGNS = [
    '"',
    '""',
    '"x" OR "y"',
    "a AND b",
    "NEAR(a b)",
    "col:x",
    "-abc",
    "^abc",
    "abc*",
    "a + b",
    "(abc)",
    "{abc}",
    "'abc'",
    "a\\b",
    "%%%",
    "___",
]


async def test_signs_that_mean_something_to_a_database_are_text(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_search, "WALKED", 0)
    names = ["abc", "a and", "near a b", "y x", *(f"قبل {sign} بعد" for sign in SIGNS)]
    rows, owner = [await world.teleworker(name=name) for name in names], await world.person()

    for sign in SIGNS:
        expected = [place for place, name in enumerate(names) if fold(sign) in fold(name)]
        assert await found(world, "teleworkers", rows, {"search": sign}, owner) == expected, sign
        assert await found(world, "teleworkers", rows, {"search": f"قبل {sign} بعد"}, owner) == [4 + SIGNS.index(sign)], sign


async def test_a_search_within_a_project_stays_in_it(world: World, way: str) -> None:
    projects = [await world.project(), await world.project()]
    rows = [await world.job(project, title_ar=title) for project in projects for title in ("مدير مشروع", "كاتب")]
    text = """query($s: String) { viewer { account { approvedProjects { nodes {
        jobs(where: {search: $s}, orderBy: {field: TITLE, direction: ASC}) { totalCount edges { cursor node { id } } } } } } } }"""

    reply = await world.portal(text, await world.person(), s="مدير")

    lists = [node["jobs"] for node in reply.data["viewer"]["account"]["approvedProjects"]["nodes"]]
    assert sorted([edge["node"]["id"] for edge in each["edges"]] for each in lists) == sorted([row.public_id] for row in rows[::2])
    assert [each["totalCount"] for each in lists] == [1, 1]


async def test_reference_data_is_searched_by_anybody_in_both_languages(world: World) -> None:
    counted = "occupations(search: $s) { totalCount } faqs(search: $s) { totalCount }"
    text = f"query($s: String) {{ cities(search: $s) {{ nodes {{ nameEn }} }} {counted} }}"

    replies = {s: await world.portal(text, NOBODY, s=s) for s in ("riyadh", "الرياض", "%", "qqq", None)}

    names = {s: {node["nameEn"] for node in reply.data["cities"]["nodes"]} for s, reply in replies.items()}
    assert "Riyadh" in names["riyadh"]
    assert "Riyadh" in names["الرياض"]
    assert names["%"] == names["qqq"] == set()
    assert replies["qqq"].data["occupations"]["totalCount"] == replies["qqq"].data["faqs"]["totalCount"] == 0
    assert (replies[None].data["occupations"]["totalCount"], replies[None].data["faqs"]["totalCount"]) == (120, 12)


async def test_companies_are_searched_among_ones_own(world: World) -> None:
    member = {"role": Role.OWNER, "status": MemberStatus.ACTIVE, "created_at": world.portal.clock(), "updated_at": world.portal.clock()}
    owner = await world.person()
    text = "query($s: String) { viewer { companies(search: $s) { totalCount nodes { nameEn } } } }"
    alone = await world.portal(text, owner, s="south")
    await world.store(Member(user_id=world.users[Role.OWNER].id, company_id=world.south.id, **member))

    both, one = await world.portal(text, owner, s="شركه"), await world.portal(text, owner, s="SOUTH")

    assert alone.data["viewer"]["companies"] == {"totalCount": 0, "nodes": []}
    assert both.data["viewer"]["companies"]["totalCount"] == 2
    assert one.data["viewer"]["companies"]["nodes"] == [{"nameEn": "South"}]


# ---- and, or, not -----------------------------------------------------------------------------------------------------------

Tree = dict[str, Any]


def _tree(pick: random.Random, atoms: list[tuple[Tree, set[int]]], every: set[int], depth: int) -> tuple[Tree, set[int]]:
    """A filter, and the places that it must find: the members of one object must all be met."""
    where, expected = dict(pick.choice(atoms)[0]), set(every)
    expected &= next(places for given, places in atoms if given == where)
    for how in pick.sample(["and", "or", "not"], pick.choice([0, 1, 2])) if depth else []:
        inner = [_tree(pick, atoms, every, depth - 1) for _ in range(1 if how == "not" else pick.choice([0, 1, 2, 2]))]
        sets = [each[1] for each in inner]
        where[how] = inner[0][0] if how == "not" else [each[0] for each in inner]
        expected &= every - sets[0] if how == "not" else every.intersection(*sets) if how == "and" else set().union(*sets)
    return where, expected


async def test_filters_compose_as_sets_do_and_what_has_no_value_is_in_every_not(world: World, way: str) -> None:
    [city, other_city, *_], project = await world.portal.fetch(select(City)), await world.project()
    rows = [
        await world.job(project, title_ar="مدير", city_id=city.id, salary_min=Decimal(4000)),
        await world.job(project, title_ar="مديرة", city_id=other_city.id, employment_type=EmploymentType.PART_TIME),
        await world.job(project, title_ar="كاتب", city_id=None, salary_min=None, salary_max=None, status=JobStatus.CLOSED),
        await world.job(project, title_ar="كاتب مدير", city_id=None, disability_friendly=True),
        await world.job(project, title_ar="محاسب", closes_at=None, status=JobStatus.DRAFT, salary_max=Decimal(9000)),
    ]
    await world.job(await world.project(world.south), title_ar="مدير")
    owner, pick, every = await world.person(), random.Random(6), set(range(len(rows)))
    alone: list[Tree] = [
        {"cityId": city.public_id},
        {"search": "مدير"},
        {"status": ["OPEN", "DRAFT"]},
        {"status": []},
        {"employmentType": ["PART_TIME"]},
        {"salary": {"from": "5000", "to": "9000"}},
        {"disabilityFriendly": True},
        {"cityId": None},
        {},
    ]
    atoms = [(where, set(await found(world, "jobs", rows, where, owner))) for where in alone]

    for _ in range(40):
        where, expected = _tree(pick, atoms, every, 2)
        assert await found(world, "jobs", rows, where, owner) == sorted(expected), where

    assert await found(world, "jobs", rows, {"not": {"cityId": city.public_id}}, owner) == [1, 2, 3, 4]
    assert await found(world, "jobs", rows, {"not": {"or": [{"cityId": city.public_id}, {"search": "كاتب"}]}}, owner) == [1, 4]


@pytest.mark.parametrize(
    ("where", "finds"),
    [
        ({"and": []}, True),
        ({"or": []}, False),
        ({"not": {}}, False),
        ({"and": [{}]}, True),
        ({"or": [{}]}, True),
        ({"or": [{"or": []}, {}]}, True),
        ({"not": {"or": []}}, True),
        ({"not": {"not": {}}}, True),
        ({"not": {"status": []}}, True),
        ({"and": None, "or": None, "not": None}, True),
        ({"or": [{"search": None}]}, True),
    ],
)
async def test_empty_and_or_not(world: World, where: Tree, finds: bool) -> None:
    rows = [await world.invitation()]

    assert await found(world, "invitations", rows, where) == ([0] if finds else [])


@pytest.mark.parametrize(
    "how", [lambda it: {"or": [{}, it]}, lambda it: {"not": {"and": [it]}}, lambda it: {"and": [{"not": {"or": [it]}}]}]
)
async def test_a_condition_that_takes_a_permission_takes_it_at_any_depth(world: World, how: Callable[[Tree], Tree]) -> None:
    rows = [await world.teleworker(national_id="1000000008"), await world.teleworker()]
    where = how({"nationalId": "1000000008"})

    refused = await ask(world, "teleworkers", where, await world.person(Role.VIEWER))
    bad = await ask(world, "teleworkers", how({"nationalId": "12"}))

    assert refused.codes == ["FORBIDDEN"]
    assert refused.errors[0]["extensions"]["permission"] == "TELEWORKERS_REVEAL"
    assert await found(world, "teleworkers", rows, where) == ([0, 1] if "or" in where else [1])
    assert bad.codes == ["BAD_USER_INPUT"]
    assert (bad.errors[0]["extensions"]["path"][0], bad.errors[0]["extensions"]["path"][-1]) == ("where", "nationalId")


def _nested(depth: int) -> Tree:
    where: Tree = {"search": "x"}
    for _ in range(depth):
        where = {"not": where}
    return where


@pytest.mark.parametrize(
    ("where", "fits"),
    [
        (_nested(5), True),
        (_nested(6), False),
        (_nested(30), False),
        ({"or": [{"search": "x"}] * 24}, True),
        ({"or": [{"search": "x"}] * 25}, False),
        ({"and": [{"or": [{}] * 9}] * 5}, False),
        ({"and": [{}] * 10_000}, False),
    ],
)
async def test_a_filter_has_its_limits_however_it_is_given(world: World, where: Tree, fits: bool) -> None:
    literal = re.sub(r'"(\w+)":', r"\1:", json.dumps(where))
    asked = "{ viewer { account { jobs(where: %s) { totalCount } } } }"
    within = "query($each: [JobFilter!]) " + asked % "{and: $each}"
    replies = [await ask(world, "jobs", where)]
    replies += [await world.portal(asked % literal, await world.person())] if len(literal) < 10_000 else []
    replies += [await world.portal(within, await world.person(), each=[where])] if not fits else []

    for reply in replies:
        assert reply.codes == ([] if fits else ["BAD_USER_INPUT"])


# ---- national ids -----------------------------------------------------------------------------------------------------------


async def test_a_teleworker_is_found_by_national_id_in_any_digits(world: World) -> None:
    rows = [
        await world.teleworker(national_id="1000000008"),
        await world.teleworker(),
        await world.teleworker(world.south, national_id="1000000016"),
    ]

    assert await found(world, "teleworkers", rows, {"nationalId": "1000000008"}) == [0]
    assert await found(world, "teleworkers", rows, {"nationalId": " ١٠٠٠٠٠٠٠٠٨ "}) == [0]
    assert await found(world, "teleworkers", rows, {"nationalId": "1000000016"}) == []
    assert await found(world, "teleworkers", rows, {"nationalId": national_id(77_777)}) == []


@pytest.mark.parametrize("role", [Role.MEMBER, Role.VIEWER])
async def test_finding_by_national_id_takes_the_permission_whether_there_is_one_or_not(world: World, role: Role) -> None:
    await world.teleworker(national_id="1000000008")
    caller = await world.person(role)

    there, not_there = [await ask(world, "teleworkers", {"nationalId": number}, caller) for number in ("1000000008", "1000000016")]

    assert there.codes == not_there.codes == ["FORBIDDEN"]
    assert there.errors == not_there.errors
    assert there.errors[0]["extensions"]["permission"] == "TELEWORKERS_REVEAL"
    assert there.data["viewer"]["account"]["teleworkers"] is None


@pytest.mark.parametrize("number", ["1000000009", "3000000000", "100000000", "x", "", "1000000008\x00"])
async def test_a_mistyped_national_id_is_bad_input_with_its_path(world: World, number: str) -> None:
    reply = await ask(world, "teleworkers", {"nationalId": number})

    assert reply.codes == ["BAD_USER_INPUT"]
    assert reply.errors[0]["extensions"]["path"] == ["where", "nationalId"]
    assert number not in reply.errors[0]["message"] or len(number) < 2


async def test_what_is_deleted_is_found_by_no_filter(world: World) -> None:
    now = world.portal.clock()
    project = await world.project(deleted_at=now)
    job = await world.job(await world.project(), deleted_at=now)

    assert (
        await found(
            world,
            "approvedProjects",
            [project],
            {"status": ["APPROVED"], "search": "خدمة", "establishmentId": None, "startsOn": {"from": "2020-01-01"}},
        )
        == []
    )
    assert await found(world, "jobs", [job], {"search": "Agent"}) == []
    assert len(await world.portal.fetch(select(Invitation))) == 0
