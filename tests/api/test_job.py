"""Adding, editing, publishing, closing and deleting jobs."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from app.clock import RIYADH
from app.models import City, Contract, Job, JobStatus, Occupation, Project, ProjectKind, ProjectStatus, Role
from tests.portal import Reply
from tests.world import World

_SHOWN = """id titleAr titleEn description status vacancies filled employmentType salaryMin salaryMax weeklyHours gender educationLevel
    experienceYears skills disabilityFriendly publishedAt closesAt version occupation { id } city { id } project { id }"""
_ERRORS = "userErrors { code path message retryable }"
ADD = f"mutation($input: AddJobInput!) {{ addJob(input: $input) {{ job {{ {_SHOWN} }} {_ERRORS} }} }}"
UPDATE = f"mutation($input: UpdateJobInput!) {{ updateJob(input: $input) {{ job {{ {_SHOWN} }} {_ERRORS} }} }}"
CHANGE = f"mutation($input: ChangeJobStatusInput!) {{ changeJobStatus(input: $input) {{ job {{ {_SHOWN} }} {_ERRORS} }} }}"
DELETE = f"mutation($input: DeleteJobInput!) {{ deleteJob(input: $input) {{ deletedJobId {_ERRORS} }} }}"

LEAST = {"titleAr": "موظف", "vacancies": 2, "employmentType": "FULL_TIME", "weeklyHours": 40}


async def _add(world: World, project: Project, **more: Any) -> Reply:
    return await world.portal(ADD, await world.person(), input={"projectId": project.public_id, **LEAST, **more})


async def _update(world: World, job: Job, **changes: Any) -> Reply:
    return await world.portal(UPDATE, await world.person(), input={"jobId": job.public_id, **changes})


async def _change(world: World, job: Job, status: str, **more: Any) -> Reply:
    return await world.portal(CHANGE, await world.person(), input={"jobId": job.public_id, "status": status, **more})


async def _delete(world: World, job: Job, **more: Any) -> Reply:
    return await world.portal(DELETE, await world.person(), input={"jobId": job.public_id, **more})


async def _job_in(world: World, state: str, project: Project | None = None) -> Job:
    """A job that reads as being in the state; FILLED and EXPIRED come of its columns."""
    values: dict[str, dict[str, Any]] = {
        "DRAFT": {"status": JobStatus.DRAFT, "published_at": None, "closes_at": None},
        "OPEN": {},
        "PAUSED": {"status": JobStatus.PAUSED},
        "FILLED": {"vacancies": 2, "filled": 2},
        "CLOSED": {"status": JobStatus.CLOSED},
        "EXPIRED": {"closes_at": world.portal.clock()},
    }
    return await world.job(project, **values[state])


async def _reference(world: World) -> tuple[Occupation, City]:
    [occupation] = await world.portal.fetch(select(Occupation).order_by(Occupation.code).limit(1))
    [city] = await world.portal.fetch(select(City).where(City.key == "riyadh"))
    return occupation, city


# ---- addJob ------------------------------------------------------------------------------------------------------------


async def test_a_job_is_published_for_a_month_with_the_defaults_of_the_contract(world: World) -> None:
    project = await world.project()

    reply = await _add(world, project)

    assert reply.codes == []
    [job] = await world.portal.fetch(select(Job))
    assert reply.data["addJob"]["job"] == {
        "id": job.public_id,
        "titleAr": "موظف",
        "titleEn": None,
        "description": None,
        "status": "OPEN",
        "vacancies": 2,
        "filled": 0,
        "employmentType": "FULL_TIME",
        "salaryMin": None,
        "salaryMax": None,
        "weeklyHours": 40,
        "gender": "ANY",
        "educationLevel": None,
        "experienceYears": None,
        "skills": [],
        "disabilityFriendly": False,
        "publishedAt": "2026-11-22T09:00:00Z",
        "closesAt": "2026-12-22T09:00:00Z",
        "version": 1,
        "occupation": None,
        "city": None,
        "project": {"id": project.public_id},
    }
    assert await world.events() == [(1, "JOB_ADDED")]


async def test_a_job_keeps_everything_that_was_said_of_it(world: World) -> None:
    project, (occupation, city) = await world.project(), await _reference(world)
    given = {
        "titleAr": "موظف",
        "titleEn": "Agent",
        "description": "سطر\nوسطر",
        "vacancies": 10_000,
        "employmentType": "PART_TIME",
        "salaryMin": "٢٠٠٠٫٥٠",
        "salaryMax": "۳۰۰۰",
        "weeklyHours": 48,
        "gender": "FEMALE",
        "educationLevel": "DIPLOMA",
        "experienceYears": 0,
        "skills": [" العربية ", "Excel"],
        "disabilityFriendly": True,
    }

    reply = await _add(world, project, **given, occupationId=occupation.public_id, cityId=city.public_id)

    assert reply.codes == []
    kept = {**given, "salaryMin": "2000.50", "salaryMax": "3000.00", "skills": ["العربية", "Excel"]}
    told = reply.data["addJob"]["job"]
    assert {name: told[name] for name in kept} == kept
    assert (told["occupation"], told["city"]) == ({"id": occupation.public_id}, {"id": city.public_id})


async def test_a_job_that_is_not_published_is_a_draft_without_dates(world: World) -> None:
    reply = await _add(world, await world.project(), publish=False)

    told = reply.data["addJob"]["job"]
    assert reply.codes == []
    assert (told["status"], told["publishedAt"], told["closesAt"]) == ("DRAFT", None, None)


async def test_the_month_goes_by_the_calendar_of_riyadh(world: World) -> None:
    # An hour after midnight on the first of March there; the last evening of February in UTC.
    world.portal.clock.now = datetime(2027, 3, 1, 1, tzinfo=RIYADH).astimezone(UTC)

    reply = await _add(world, await world.project())

    assert reply.data["addJob"]["job"]["closesAt"] == "2027-03-31T22:00:00Z"


@pytest.mark.parametrize("status", list(ProjectStatus))
async def test_jobs_are_added_to_approved_projects_only(world: World, status: ProjectStatus) -> None:
    project = await world.project(kind=ProjectKind.OWN, status=status)

    replies = [await _add(world, project), await _add(world, project, publish=False)]

    approved = status is ProjectStatus.APPROVED
    assert [reply.codes for reply in replies] == [[] if approved else ["PROJECT_NOT_APPROVED"]] * 2
    assert [reply.paths for reply in replies] == [[] if approved else [["input", "projectId"]]] * 2
    assert len(await world.portal.fetch(select(Job))) == (2 if approved else 0)


_CONTRACTS: dict[str, tuple[int, int | None, bool, list[str]]] = {
    "begins today": (0, None, False, []),
    "ends today": (-10, 0, False, []),
    "scheduled": (1, None, False, ["CONTRACT_NOT_ACTIVE"]),
    "expired": (-10, -1, False, ["CONTRACT_NOT_ACTIVE"]),
    "terminated": (-10, 300, True, ["CONTRACT_NOT_ACTIVE"]),
}


async def _contract(world: World, case: str) -> Contract:
    starts, ends, terminated, _ = _CONTRACTS[case]
    return await world.contract(
        starts_on=world.today + timedelta(days=starts),
        ends_on=None if ends is None else world.today + timedelta(days=ends),
        terminated_at=world.portal.clock() if terminated else None,
        standing=not terminated,
    )


@pytest.mark.parametrize("case", list(_CONTRACTS))
async def test_a_job_needs_its_projects_contract_in_force(world: World, case: str) -> None:
    project = await world.project(contract=await _contract(world, case))
    draft = await _job_in(world, "DRAFT", project)

    add, publish = await _add(world, project), await _change(world, draft, "OPEN")

    expected = _CONTRACTS[case][-1]
    assert (add.codes, publish.codes) == (expected, expected)
    assert (add.paths, publish.paths) == ([["input", "projectId"]] * len(expected), [["input", "jobId"]] * len(expected))


async def test_an_ended_contract_leaves_pausing_and_closing_possible(world: World) -> None:
    project = await world.project(contract=await _contract(world, "terminated"))
    job = await world.job(project)

    replies = [await _change(world, job, status) for status in ("PAUSED", "OPEN", "CLOSED")]

    assert [reply.codes for reply in replies] == [[], ["CONTRACT_NOT_ACTIVE"], []]


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"titleAr": "  "}, ["titleAr"]),
        ({"titleAr": "x" * 201}, ["titleAr"]),
        ({"titleAr": "a\u202eb"}, ["titleAr"]),
        ({"titleEn": ""}, ["titleEn"]),
        ({"description": "x" * 4001}, ["description"]),
        ({"vacancies": 0}, ["vacancies"]),
        ({"vacancies": 10_001}, ["vacancies"]),
        ({"weeklyHours": 0}, ["weeklyHours"]),
        ({"weeklyHours": 49}, ["weeklyHours"]),
        ({"experienceYears": -1}, ["experienceYears"]),
        ({"experienceYears": 61}, ["experienceYears"]),
        ({"salaryMin": "4500.555"}, ["salaryMin"]),
        ({"salaryMax": "-1"}, ["salaryMax"]),
        ({"salaryMin": "5000", "salaryMax": "4999.99"}, ["salaryMax"]),
        ({"skills": ["مهارة"] * 51}, ["skills"]),
    ],
)
async def test_a_job_that_breaks_a_rule_is_refused_with_its_path(world: World, given: dict[str, Any], path: list[str]) -> None:
    reply = await _add(world, await world.project(), **given)

    assert reply.codes == ["VALIDATION_FAILED"]
    assert reply.paths == [["input", *path]]
    assert reply.data["addJob"]["job"] is None
    assert await world.portal.fetch(select(Job)) == []
    assert await world.events() == []


@pytest.mark.parametrize("skill", [" ", "x" * 101, "a\u200fb"])
async def test_a_skill_that_breaks_a_rule_is_refused(world: World, skill: str) -> None:
    reply = await _add(world, await world.project(), skills=["Excel", skill])

    assert reply.codes == ["VALIDATION_FAILED"]
    assert reply.paths[0][:2] == ["input", "skills"]


async def test_fifty_skills_and_an_equal_salary_range_are_fine(world: World) -> None:
    reply = await _add(world, await world.project(), skills=["س"] * 50, salaryMin="4000", salaryMax="4000.00")

    assert reply.codes == []


@pytest.mark.parametrize("id_", ["{}_" + "0" * 32, "{}_nonsense", "prj_" + "0" * 32, "", "riyadh"])
async def test_an_unknown_occupation_or_city_is_not_found_however_it_is_spelt(world: World, id_: str) -> None:
    project = await world.project()

    occupation = await _add(world, project, occupationId=id_.format("occ"))
    city = await _add(world, project, cityId=id_.format("cty"))
    edited = await _update(world, await world.job(project), cityId=id_.format("cty"))

    assert [reply.codes for reply in (occupation, city, edited)] == [["NOT_FOUND"]] * 3
    assert [reply.paths for reply in (occupation, city, edited)] == [
        [["input", "occupationId"]],
        [["input", "cityId"]],
        [["input", "cityId"]],
    ]


async def test_all_broken_rules_of_a_new_job_are_told_at_once(world: World) -> None:
    reply = await _add(world, await world.project(), titleAr="", vacancies=0, weeklyHours=49, salaryMin="كثير", skills=["س"] * 51)

    assert sorted(zip(map(str, reply.paths), reply.codes, strict=True)) == [
        ("['input', 'salaryMin']", "VALIDATION_FAILED"),
        ("['input', 'skills']", "VALIDATION_FAILED"),
        ("['input', 'titleAr']", "VALIDATION_FAILED"),
        ("['input', 'vacancies']", "VALIDATION_FAILED"),
        ("['input', 'weeklyHours']", "VALIDATION_FAILED"),
    ]


@pytest.mark.parametrize(
    "given",
    [{"salaryMin": 4500}, {"salaryMin": "1" * 301}, {"vacancies": 2**31}, {"vacancies": "2"}, {"gender": None}, {"vacancies": None}],
)
async def test_what_the_types_refuse_never_reaches_a_rule(world: World, given: dict[str, Any]) -> None:
    reply = await _add(world, await world.project(), **given)

    assert reply.codes == ["BAD_USER_INPUT"]
    assert reply.errors[0]["extensions"]["path"] == ["input", *given]


# ---- updateJob ---------------------------------------------------------------------------------------------------------


async def test_editing_a_job_changes_what_was_sent_and_nothing_else(world: World) -> None:
    job = await world.job(salary_min=Decimal("4000.00"), experience_years=2)
    world.portal.clock.advance(minutes=5)

    reply = await _update(world, job, salaryMax="٦٠٠٠", skills=["Excel"], weeklyHours=20, version=1)

    assert reply.codes == []
    told = reply.data["updateJob"]["job"]
    assert (told["salaryMin"], told["salaryMax"], told["skills"], told["weeklyHours"]) == ("4000.00", "6000.00", ["Excel"], 20)
    assert (told["titleAr"], told["experienceYears"], told["vacancies"], told["version"]) == ("موظف خدمة عملاء", 2, 3, 2)
    assert (await world.now_of(job)).updated_at == world.portal.clock()
    assert await world.events() == [(1, "JOB_UPDATED")]


async def test_null_clears_what_may_be_null(world: World) -> None:
    occupation, city = await _reference(world)
    job = await world.job(
        description="وصف",
        salary_min=Decimal("4000.00"),
        salary_max=Decimal("5000.00"),
        education_level="DIPLOMA",
        experience_years=2,
        occupation_id=occupation.id,
        city_id=city.id,
    )
    clearable = ("titleEn", "occupationId", "description", "salaryMin", "salaryMax", "educationLevel", "experienceYears", "cityId")

    reply = await _update(world, job, **dict.fromkeys(clearable))

    told = reply.data["updateJob"]["job"]
    assert reply.codes == []
    names = ("titleEn", "description", "salaryMin", "salaryMax", "educationLevel", "experienceYears", "occupation", "city")
    assert [told[name] for name in names] == [None] * 8


async def test_null_elsewhere_is_refused_each_with_its_path(world: World) -> None:
    job = await world.job()
    fixed = ("titleAr", "vacancies", "employmentType", "weeklyHours", "gender", "skills", "disabilityFriendly")

    reply = await _update(world, job, titleEn=None, **dict.fromkeys(fixed))

    assert reply.codes == ["VALIDATION_FAILED"] * 7
    assert sorted(reply.paths) == sorted(["input", name] for name in fixed)
    assert (await world.now_of(job)).title_en == "Agent"


async def test_saying_again_what_stands_leaves_version_and_log_alone(world: World) -> None:
    job, owner = await world.job(salary_min=Decimal("4000.00")), await world.person()
    before = await world.snapshot()
    world.portal.clock.advance(minutes=5)

    reply = await world.portal(
        UPDATE, owner, input={"jobId": job.public_id, "salaryMin": "4000", "vacancies": 3, "skills": ["العربية"], "cityId": None}
    )

    assert reply.codes == []
    assert reply.data["updateJob"]["job"]["version"] == 1
    assert await world.snapshot() == before


async def test_vacancies_never_fall_below_the_places_taken(world: World) -> None:
    job = await world.job(vacancies=5, filled=3)

    refused, equal = await _update(world, job, vacancies=2), await _update(world, job, vacancies=3)

    assert refused.codes == ["VACANCIES_BELOW_FILLED"]
    assert refused.paths == [["input", "vacancies"]]
    assert "3" in refused.data["updateJob"]["userErrors"][0]["message"]
    assert equal.codes == []
    assert equal.data["updateJob"]["job"]["status"] == "FILLED"
    assert (await world.now_of(job)).vacancies == 3


async def test_rules_of_a_stored_job_are_told_at_once_too(world: World) -> None:
    job = await world.job(vacancies=5, filled=3, salary_min=Decimal("4000.00"))

    reply = await _update(world, job, vacancies=2, salaryMax="3999.99", cityId="cty_" + "0" * 32, occupationId="occ_" + "0" * 32)

    assert sorted(zip(map(str, reply.paths), reply.codes, strict=True)) == [
        ("['input', 'cityId']", "NOT_FOUND"),
        ("['input', 'occupationId']", "NOT_FOUND"),
        ("['input', 'salaryMax']", "VALIDATION_FAILED"),
        ("['input', 'vacancies']", "VACANCIES_BELOW_FILLED"),
    ]
    assert (await world.now_of(job)).version == 1


async def test_more_vacancies_open_a_filled_job_again(world: World) -> None:
    job = await world.job(vacancies=2, filled=2)
    listed = "query { viewer { account { jobs(where: {status: [OPEN]}) { totalCount } } } }"
    before = await world.portal(listed, await world.person())

    reply = await _update(world, job, vacancies=3)
    after = await world.portal(listed, await world.person())

    assert reply.data["updateJob"]["job"]["status"] == "OPEN"
    assert [found.data["viewer"]["account"]["jobs"]["totalCount"] for found in (before, after)] == [0, 1]


@pytest.mark.parametrize(
    ("given", "codes"),
    [
        ({"salaryMin": "5000.01"}, ["VALIDATION_FAILED"]),
        ({"salaryMax": "3999.99"}, ["VALIDATION_FAILED"]),
        ({"salaryMin": "6000", "salaryMax": "7000"}, []),
        ({"salaryMin": "6000", "salaryMax": None}, []),
    ],
)
async def test_a_salary_range_is_checked_against_what_stands(world: World, given: dict[str, Any], codes: list[str]) -> None:
    job = await world.job(salary_min=Decimal("4000.00"), salary_max=Decimal("5000.00"))

    reply = await _update(world, job, **given)

    assert reply.codes == codes
    assert reply.paths == [["input", "salaryMax"]] * len(codes)


@pytest.mark.parametrize("state", list(JobStatus))
async def test_any_job_but_a_closed_one_is_edited(world: World, state: str) -> None:
    job = await _job_in(world, state)

    reply = await _update(world, job, titleAr="آخر")

    assert reply.codes == (["ILLEGAL_TRANSITION"] if state == "CLOSED" else [])
    assert reply.paths == ([["input", "jobId"]] if state == "CLOSED" else [])
    assert (await world.now_of(job)).title_ar == ("موظف خدمة عملاء" if state == "CLOSED" else "آخر")


@pytest.mark.parametrize("version", [1, 3])
async def test_another_version_of_a_job_than_the_current_one_changes_nothing(world: World, version: int) -> None:
    job = await world.job(version=2)

    replies = [
        await _update(world, job, titleAr="آخر", version=version),
        await _change(world, job, "PAUSED", version=version),
        await _delete(world, job, version=version),
    ]

    assert [reply.codes for reply in replies] == [["VERSION_CONFLICT"]] * 3
    assert [reply.paths for reply in replies] == [[["input", "version"]]] * 3
    stored = await world.now_of(job)
    assert (stored.version, stored.title_ar, stored.status, stored.deleted_at) == (2, "موظف خدمة عملاء", "OPEN", None)
    assert await world.events() == []


async def test_thirty_simultaneous_edits_of_one_version_leave_one_winner(world: World) -> None:
    job, owner = await world.job(), await world.person()

    replies = await asyncio.gather(
        *(world.portal(UPDATE, owner, input={"jobId": job.public_id, "titleAr": f"عنوان {n}", "version": 1}) for n in range(30))
    )

    assert sorted(code for reply in replies for code in reply.codes) == ["VERSION_CONFLICT"] * 29
    [won] = [reply.data["updateJob"]["job"] for reply in replies if not reply.codes]
    stored = await world.now_of(job)
    assert (stored.title_ar, stored.version) == (won["titleAr"], 2)
    assert await world.events() == [(1, "JOB_UPDATED")]


async def test_simultaneous_edits_without_a_version_all_count(world: World) -> None:
    job, owner = await world.job(), await world.person()

    await asyncio.gather(*(world.portal(UPDATE, owner, input={"jobId": job.public_id, "titleAr": f"عنوان {n}"}) for n in range(15)))

    assert (await world.now_of(job)).version == 16
    assert await world.events() == [(n, "JOB_UPDATED") for n in range(1, 16)]


# ---- changeJobStatus ---------------------------------------------------------------------------------------------------

_STEPS = {("DRAFT", "OPEN"), ("OPEN", "PAUSED"), ("OPEN", "CLOSED"), ("PAUSED", "OPEN"), ("PAUSED", "CLOSED"), ("EXPIRED", "OPEN")}


@pytest.mark.parametrize("wanted", list(JobStatus))
@pytest.mark.parametrize("state", list(JobStatus))
async def test_a_job_takes_the_steps_of_the_table_and_no_other(world: World, state: str, wanted: str) -> None:
    job = await _job_in(world, state)

    reply = await _change(world, job, wanted)

    if (state, wanted) in _STEPS:
        assert reply.codes == []
        assert (reply.data["changeJobStatus"]["job"]["status"], reply.data["changeJobStatus"]["job"]["version"]) == (wanted, 2)
        assert await world.events() == [(1, "JOB_STATUS_CHANGED")]
    else:
        assert reply.codes == ["ILLEGAL_TRANSITION"]
        assert reply.paths == [["input", "status"]]
        assert (await world.now_of(job)).version == 1
        assert await world.events() == []


@pytest.mark.parametrize("paused", [False, True])
async def test_opening_an_expired_job_renews_it_for_a_month_and_keeps_its_first_publication(world: World, paused: bool) -> None:
    first = world.portal.clock()
    job = await world.job(status=JobStatus.PAUSED if paused else JobStatus.OPEN)
    world.portal.clock.advance(days=29)
    early = await _change(world, job, "OPEN" if paused else "PAUSED", version=1)
    world.portal.clock.advance(days=11)

    reply = await _change(world, job, "OPEN")

    told = reply.data["changeJobStatus"]["job"]
    assert early.codes == []
    assert reply.codes == []
    assert (told["status"], told["closesAt"]) == ("OPEN", "2027-02-01T09:00:00Z")
    assert (await world.now_of(job)).published_at == first


async def test_a_job_expires_at_the_instant_a_month_after_publication(world: World) -> None:
    await _add(world, await world.project())
    [job] = await world.portal.fetch(select(Job))
    world.portal.clock.advance(days=30, microseconds=-1)
    before = await world.portal("query($id: ID!) { node(id: $id) { ... on Job { status } } }", await world.person(), id=job.public_id)

    world.portal.clock.advance(microseconds=1)
    after = await world.portal("query($id: ID!) { node(id: $id) { ... on Job { status } } }", await world.person(), id=job.public_id)

    assert [found.data["node"]["status"] for found in (before, after)] == ["OPEN", "EXPIRED"]


async def test_reopening_a_paused_job_does_not_renew_it(world: World) -> None:
    job = await world.job(status=JobStatus.PAUSED)
    world.portal.clock.advance(days=5)

    reply = await _change(world, job, "OPEN")

    assert reply.data["changeJobStatus"]["job"]["closesAt"] == "2026-12-22T09:00:00Z"


async def test_publishing_a_draft_dates_it(world: World) -> None:
    job = await _job_in(world, "DRAFT")

    reply = await _change(world, job, "OPEN")

    told = reply.data["changeJobStatus"]["job"]
    assert (told["publishedAt"], told["closesAt"]) == ("2026-11-22T09:00:00Z", "2026-12-22T09:00:00Z")


@pytest.mark.parametrize("state", ["DRAFT", "PAUSED", "EXPIRED"])
async def test_a_job_opens_only_while_its_project_is_approved(world: World, state: str) -> None:
    job = await _job_in(world, state, await world.project(status=ProjectStatus.SUSPENDED))

    reply = await _change(world, job, "OPEN")

    assert reply.codes == ["PROJECT_NOT_APPROVED"]
    assert reply.paths == [["input", "jobId"]]
    assert (await world.now_of(job)).version == 1


async def test_twenty_simultaneous_closings_happen_once(world: World) -> None:
    job, owner = await world.job(), await world.person()

    replies = await asyncio.gather(*(world.portal(CHANGE, owner, input={"jobId": job.public_id, "status": "CLOSED"}) for _ in range(20)))

    assert sorted(code for reply in replies for code in reply.codes) == ["ILLEGAL_TRANSITION"] * 19
    assert await world.events() == [(1, "JOB_STATUS_CHANGED")]


# ---- deleteJob ---------------------------------------------------------------------------------------------------------


async def test_deleting_hides_a_job_and_keeps_its_record(world: World) -> None:
    job = await world.job()
    other = await world.job(await world.now_of(await _project_of(world, job)))

    reply = await _delete(world, job, version=1)
    left = await world.portal(
        """query($id: ID!, $project: ID!) { node(id: $id) { id } viewer { account { jobs { totalCount } } }
            project: node(id: $project) { ... on Project { jobs { totalCount nodes { id } } } } }""",
        await world.person(),
        id=job.public_id,
        project=(await _project_of(world, job)).public_id,
    )

    assert reply.codes == []
    assert reply.data["deleteJob"]["deletedJobId"] == job.public_id
    assert left.data["node"] is None
    assert left.data["viewer"]["account"]["jobs"]["totalCount"] == 1
    assert left.data["project"]["jobs"] == {"totalCount": 1, "nodes": [{"id": other.public_id}]}
    assert (await world.now_of(job)).deleted_at == world.portal.clock()
    assert await world.events() == [(1, "JOB_DELETED")]


async def test_a_deleted_job_is_not_found_again(world: World) -> None:
    job = await world.job()
    await _delete(world, job)

    replies = [await _delete(world, job), await _update(world, job, titleAr="آخر"), await _change(world, job, "CLOSED")]

    assert [reply.codes for reply in replies] == [["NOT_FOUND"]] * 3
    assert await world.events() == [(1, "JOB_DELETED")]


@pytest.mark.parametrize(
    ("_case", "starts", "ends", "codes"),
    [
        ("active", -5, None, ["JOB_IN_USE"]),
        ("last day", -5, 0, ["JOB_IN_USE"]),
        ("yet to begin", 3, None, ["JOB_IN_USE"]),
        ("ended", -5, -1, []),
    ],
)
async def test_a_job_in_which_somebody_works_stays(world: World, _case: str, starts: int, ends: int | None, codes: list[str]) -> None:
    job = await world.job()
    await world.employment(
        job,
        starts_on=world.today + timedelta(days=starts),
        ends_on=None if ends is None else world.today + timedelta(days=ends),
    )

    reply = await _delete(world, job)

    assert reply.codes == codes
    assert reply.paths == [["input", "jobId"]] * len(codes)
    assert (await world.now_of(job)).deleted_at == (None if codes else world.portal.clock())


async def test_a_member_does_everything_with_jobs(world: World) -> None:
    project, member = await world.project(), await world.person(Role.MEMBER)
    job = await world.job(project)

    replies = [
        await world.portal(ADD, member, input={"projectId": project.public_id, **LEAST}),
        await world.portal(UPDATE, member, input={"jobId": job.public_id, "titleAr": "آخر"}),
        await world.portal(CHANGE, member, input={"jobId": job.public_id, "status": "PAUSED"}),
        await world.portal(DELETE, member, input={"jobId": job.public_id}),
    ]

    assert [reply.codes for reply in replies] == [[]] * 4
    assert [name for _, name in await world.events()] == ["JOB_ADDED", "JOB_UPDATED", "JOB_STATUS_CHANGED", "JOB_DELETED"]


async def _project_of(world: World, job: Job) -> Project:
    [project] = await world.portal.fetch(select(Project).where(Project.id == job.project_id))
    return project  # type: ignore[no-any-return]  # fetch is for any model
