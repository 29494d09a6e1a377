"""Making, editing, submitting and deleting projects."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.models import EventType, LeavePeriod, Project, ProjectKind, ProjectStatus, Role
from tests.portal import Reply
from tests.world import World

_SHOWN = "id kind title titleAr titleEn scope status startsOn endsOn plannedHeadcount version contract { id } establishment { id }"
_ERRORS = "userErrors { code path message retryable }"
CREATE = f"mutation($input: CreateProjectInput!) {{ createProject(input: $input) {{ project {{ {_SHOWN} }} {_ERRORS} }} }}"
SUBMIT = f"mutation($input: SubmitProjectInput!) {{ submitProject(input: $input) {{ project {{ {_SHOWN} }} {_ERRORS} }} }}"
UPDATE = """mutation($input: UpdateProjectInput!) { updateProject(input: $input) {
    project { id title titleAr titleEn scope startsOn endsOn plannedHeadcount version updatedAt viewerCanUpdate }
    userErrors { code path message retryable } } }"""
DELETE = """mutation($input: DeleteProjectInput!) { deleteProject(input: $input) {
    deletedProjectId userErrors { code path message } } }"""
LISTED = """query($project: ID!, $job: ID!) { project: node(id: $project) { id } job: node(id: $job) { id }
    viewer { account { approvedProjects { totalCount nodes { id } } jobs { totalCount nodes { id } } } } }"""
CAN = "query($id: ID!) { node(id: $id) { ... on Project { viewerCanUpdate viewerCanDelete } } }"


async def _update(world: World, project: Project, **changes: Any) -> Reply:
    return await world.portal(UPDATE, await world.person(), input={"projectId": project.public_id, **changes})


async def _delete(world: World, project: Project, **more: Any) -> Reply:
    return await world.portal(DELETE, await world.person(), input={"projectId": project.public_id, **more})


async def _create(world: World, **given: Any) -> Reply:
    return await world.portal(CREATE, await world.person(), input={"titleAr": "مشروع", **given})


async def _submit(world: World, project: Project, **more: Any) -> Reply:
    return await world.portal(SUBMIT, await world.person(), input={"projectId": project.public_id, **more})


# ---- createProject -----------------------------------------------------------------------------------------------------


async def test_an_own_project_begins_as_a_draft_and_is_listed_at_once(world: World) -> None:
    given = {"titleEn": "Own", "scope": "النطاق", "startsOn": "2026-12-01", "endsOn": "2026-12-01", "plannedHeadcount": 100_000}

    reply, bare = await _create(world, titleAr=" مشروع الأرشفة ", **given), await _create(world)
    listed = await world.portal(
        'query { viewer { account { ownProjects(where: {search: "الارشفه"}) { nodes { id } } approvedProjects { totalCount } } } }',
        await world.person(),
    )

    assert (reply.codes, bare.codes) == ([], [])
    made = reply.data["createProject"]["project"]
    nothing: dict[str, Any] = {"contract": None, "establishment": None}
    assert made == {
        "id": made["id"], "kind": "OWN", "title": "Own", "titleAr": "مشروع الأرشفة", **given, "status": "DRAFT", "version": 1, **nothing
    }  # fmt: skip
    assert bare.data["createProject"]["project"]["plannedHeadcount"] is None
    assert listed.data["viewer"]["account"] == {"ownProjects": {"nodes": [{"id": made["id"]}]}, "approvedProjects": {"totalCount": 0}}
    assert await world.events() == [(1, "PROJECT_CREATED"), (2, "PROJECT_CREATED")]


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"titleAr": " "}, "titleAr"),
        ({"titleAr": "a\u202eb"}, "titleAr"),
        ({"titleEn": "x" * 201}, "titleEn"),
        ({"scope": "x" * 4001}, "scope"),
        ({"startsOn": "1899-12-31"}, "startsOn"),
        ({"endsOn": "3000-01-01"}, "endsOn"),
        ({"startsOn": "2026-12-02", "endsOn": "2026-12-01"}, "endsOn"),
        ({"plannedHeadcount": 0}, "plannedHeadcount"),
        ({"plannedHeadcount": 100_001}, "plannedHeadcount"),
    ],
)
async def test_a_new_project_keeps_the_rules_of_an_edited_one(world: World, given: dict[str, Any], path: str) -> None:
    project = await world.project(kind=ProjectKind.OWN, status=ProjectStatus.DRAFT)

    replies = [await _create(world, **given), await _update(world, project, **given)]

    assert [reply.codes for reply in replies] == [["VALIDATION_FAILED"]] * 2
    assert [reply.paths for reply in replies] == [[["input", path]]] * 2
    assert await world.portal.fetch(select(Project.version)) == [1]
    assert await world.events() == []


# ---- submitProject -----------------------------------------------------------------------------------------------------

# What the company may do in each state of an own project: edit it, submit it, add jobs to it. Deleting is always possible.
_COMPANYS = {
    "DRAFT": {"update", "submit"},
    "SUBMITTED": set(),
    "RETURNED": {"update", "submit"},
    "APPROVED": {"update", "add"},
    "REJECTED": set(),
    "SUSPENDED": set(),
    "COMPLETED": set(),
}
_ADD = """mutation($input: AddJobInput!) { addJob(input: $input) { userErrors { code path } } }"""


@pytest.mark.parametrize("status", list(ProjectStatus))
async def test_a_company_does_with_a_project_what_its_state_allows_and_no_more(world: World, status: ProjectStatus) -> None:
    made = {act: await world.project(kind=ProjectKind.OWN, status=status, review_note="x") for act in ("submit", "update", "add", "delete")}
    job = {"titleAr": "موظف", "vacancies": 1, "employmentType": "FULL_TIME", "weeklyHours": 40}
    owner = await world.person()
    can = await world.portal(CAN, owner, id=made["update"].public_id)

    replies = {
        "submit": await _submit(world, made["submit"], version=1),
        "update": await _update(world, made["update"], titleAr="آخر"),
        "add": await world.portal(_ADD, owner, input={"projectId": made["add"].public_id, **job}),
        "delete": await _delete(world, made["delete"]),
    }

    refusals = {"submit": "ILLEGAL_TRANSITION", "update": "ILLEGAL_TRANSITION", "add": "PROJECT_NOT_APPROVED"}
    allowed = _COMPANYS[status] | {"delete"}
    assert {act: reply.codes for act, reply in replies.items()} == {act: [] if act in allowed else [refusals[act]] for act in replies}
    assert {act: reply.paths for act, reply in replies.items() if reply.codes} == {
        act: [["input", "projectId"]] for act in replies if act not in allowed
    }
    assert can.data["node"] == {"viewerCanUpdate": "update" in allowed, "viewerCanDelete": True}
    stored = await world.now_of(made["submit"])
    assert (stored.status, stored.version) == ((ProjectStatus.SUBMITTED, 2) if "submit" in allowed else (status, 1))
    assert stored.review_note == "x"
    events = {"submit": "PROJECT_SUBMITTED", "update": "PROJECT_UPDATED", "add": "JOB_ADDED", "delete": "PROJECT_DELETED"}
    assert [name for _, name in await world.events()] == [events[act] for act in replies if act in allowed]


async def test_a_project_of_another_version_is_not_submitted(world: World) -> None:
    project = await world.project(kind=ProjectKind.OWN, status=ProjectStatus.DRAFT, version=2)

    replies = [await _submit(world, project, version=1), await _submit(world, project, version=2), await _submit(world, project)]

    assert [reply.codes for reply in replies] == [["VERSION_CONFLICT"], [], ["ILLEGAL_TRANSITION"]]
    assert (await world.now_of(project)).version == 3
    assert await world.events() == [(1, "PROJECT_SUBMITTED")]


# ---- updateProject -----------------------------------------------------------------------------------------------------


async def test_editing_changes_what_was_sent_and_tells_of_it_once(world: World) -> None:
    project = await world.project(title_en="Customer service")
    world.portal.clock.advance(minutes=5)

    reply = await _update(
        world, project, titleAr="  عنوان جديد ", scope="النطاق", startsOn="2026-12-01", endsOn="2026-12-01", plannedHeadcount=7
    )

    assert reply.codes == []
    assert reply.data["updateProject"]["project"] == {
        "id": project.public_id,
        "title": "Customer service",
        "titleAr": "عنوان جديد",
        "titleEn": "Customer service",
        "scope": "النطاق",
        "startsOn": "2026-12-01",
        "endsOn": "2026-12-01",
        "plannedHeadcount": 7,
        "version": 2,
        "updatedAt": "2026-11-22T09:05:00Z",
        "viewerCanUpdate": True,
    }
    assert await world.events() == [(1, "PROJECT_UPDATED")]


async def test_an_absent_field_stays_and_null_clears_it(world: World) -> None:
    values: dict[str, Any] = {"scope": "النطاق", "starts_on": world.today, "ends_on": world.today, "planned_headcount": 3}
    kept, cleared = await world.project(**values), await world.project(**values)

    await _update(world, kept, titleAr="آخر")
    await _update(world, cleared, titleEn=None, scope=None, startsOn=None, endsOn=None, plannedHeadcount=None)

    kept, cleared = await world.now_of(kept), await world.now_of(cleared)
    names = ("title_ar", "title_en", "scope", "starts_on", "ends_on", "planned_headcount")
    assert [getattr(kept, name) for name in names] == ["آخر", "Customer service", "النطاق", world.today, world.today, 3]
    assert [getattr(cleared, name) for name in names] == ["خدمة العملاء", None, None, None, None, None]


async def test_the_arabic_title_cannot_be_cleared(world: World) -> None:
    project = await world.project()

    reply = await _update(world, project, titleAr=None)

    assert reply.codes == ["VALIDATION_FAILED"]
    assert reply.paths == [["input", "titleAr"]]
    assert (await world.now_of(project)).version == 1


async def test_all_broken_rules_of_a_project_are_told_at_once(world: World) -> None:
    project = await world.project()

    reply = await _update(world, project, titleAr=" ", titleEn="x" * 201, scope="a\u202eb", startsOn="1899-12-31", plannedHeadcount=0)

    assert reply.codes == ["VALIDATION_FAILED"] * 5
    wrong = ("plannedHeadcount", "scope", "startsOn", "titleAr", "titleEn")
    assert sorted(reply.paths) == [["input", name] for name in wrong]
    assert (await world.now_of(project)).version == 1


async def test_saying_again_what_stands_changes_nothing_and_tells_nobody(world: World) -> None:
    project, owner = await world.project(starts_on=world.today), await world.person()
    world.portal.clock.advance(minutes=5)
    before = await world.snapshot()

    reply = await world.portal(
        UPDATE,
        owner,
        input={"projectId": project.public_id, "titleAr": "خدمة العملاء", "startsOn": world.today.isoformat(), "scope": None},
    )

    assert reply.codes == []
    assert reply.data["updateProject"]["project"]["version"] == 1
    assert await world.snapshot() == before


async def test_another_version_than_the_current_one_changes_nothing(world: World) -> None:
    project = await world.project(version=3)

    replies = [await _update(world, project, titleAr="آخر", version=version) for version in (2, 4)]

    assert [reply.codes for reply in replies] == [["VERSION_CONFLICT"]] * 2
    assert replies[0].paths == [["input", "version"]]
    assert "3" in replies[0].data["updateProject"]["userErrors"][0]["message"]
    assert replies[0].data["updateProject"]["project"] is None
    assert (await world.now_of(project)).title_ar == "خدمة العملاء"
    assert await world.events() == []


async def test_the_current_version_and_none_at_all_both_pass(world: World) -> None:
    project = await world.project(version=3)

    replies = [await _update(world, project, titleAr=title, version=version) for title, version in (("أ", 3), ("ب", 4), ("ج", None))]

    assert [reply.codes for reply in replies] == [[], [], []]
    assert (await world.now_of(project)).version == 6


async def test_a_project_cannot_end_before_it_begins(world: World) -> None:
    project = await world.project(starts_on=world.today, ends_on=world.today + timedelta(days=10))

    replies = [
        await _update(world, project, endsOn=(world.today - timedelta(days=1)).isoformat()),
        await _update(world, project, startsOn=(world.today + timedelta(days=11)).isoformat()),
        await _update(world, project, startsOn="2026-12-02", endsOn="2026-12-01"),
    ]

    assert [reply.codes for reply in replies] == [["VALIDATION_FAILED"]] * 3
    assert [reply.paths for reply in replies] == [[["input", "endsOn"]]] * 3
    assert (await world.now_of(project)).version == 1
    assert await world.events() == []


async def test_twenty_simultaneous_edits_of_one_version_leave_one_winner(world: World) -> None:
    project, owner = await world.project(), await world.person()

    replies = await asyncio.gather(
        *(world.portal(UPDATE, owner, input={"projectId": project.public_id, "titleAr": f"عنوان {n}", "version": 1}) for n in range(20))
    )

    assert sorted(code for reply in replies for code in reply.codes) == ["VERSION_CONFLICT"] * 19
    assert (await world.now_of(project)).version == 2
    assert await world.events() == [(1, "PROJECT_UPDATED")]


async def test_a_new_title_is_found_by_search_at_once(world: World) -> None:
    project = await world.project()
    await _update(world, project, titleAr="مشروع الأرشفة", titleEn=None)

    found = await world.portal(
        'query { viewer { account { approvedProjects(where: {search: "الارشفه"}) { nodes { id } } } } }', await world.person()
    )

    assert found.data["viewer"]["account"]["approvedProjects"]["nodes"] == [{"id": project.public_id}]


# ---- deleteProject -----------------------------------------------------------------------------------------------------


async def test_deleting_hides_a_project_and_its_jobs_and_keeps_the_records(world: World) -> None:
    project, other = await world.project(), await world.project()
    jobs = [await world.job(project), await world.job(project)]
    other_job = await world.job(other)

    reply = await _delete(world, project, reason=" لم يعد مطلوبا ", version=1)
    listed = await world.portal(LISTED, await world.person(), project=project.public_id, job=jobs[0].public_id)

    assert reply.codes == []
    assert reply.data["deleteProject"]["deletedProjectId"] == project.public_id
    assert listed.errors == []
    assert listed.data["project"] is None
    assert listed.data["job"] is None
    assert listed.data["viewer"]["account"] == {
        "approvedProjects": {"totalCount": 1, "nodes": [{"id": other.public_id}]},
        "jobs": {"totalCount": 1, "nodes": [{"id": other_job.public_id}]},
    }
    stored = await world.now_of(project)
    assert (stored.deleted_at, stored.deletion_reason, stored.version) == (world.portal.clock(), "لم يعد مطلوبا", 2)
    assert [(await world.now_of(job)).deleted_at for job in jobs] == [world.portal.clock()] * 2


async def test_deleting_tells_of_the_project_and_of_each_job_that_was_left(world: World) -> None:
    project = await world.project()
    await world.job(project, deleted_at=world.portal.clock())
    await world.job(project)
    await world.job(project)

    await _delete(world, project)

    assert await world.events() == [(1, EventType.PROJECT_DELETED), (2, EventType.JOB_DELETED), (3, EventType.JOB_DELETED)]


async def test_a_deleted_project_is_not_found_again(world: World) -> None:
    project = await world.project()
    job = await world.job(project)
    await _delete(world, project)

    again = await _delete(world, project)
    update = await _update(world, project, titleAr="آخر")
    add = await world.portal(
        """mutation($project: ID!) { addJob(input: {projectId: $project, titleAr: "أ", vacancies: 1, employmentType: FULL_TIME,
            weeklyHours: 40}) { userErrors { code path } } }""",
        await world.person(),
        project=project.public_id,
    )
    close = await world.portal(
        "mutation($job: ID!) { changeJobStatus(input: {jobId: $job, status: CLOSED}) { userErrors { code path } } }",
        await world.person(),
        job=job.public_id,
    )

    assert [reply.codes for reply in (again, update, add, close)] == [["NOT_FOUND"]] * 4
    assert await world.events() == [(1, EventType.PROJECT_DELETED), (2, EventType.JOB_DELETED)]


# Days from today on of an employment's first and last day, and of a leave.
_WORKING: dict[str, tuple[int, int | None, bool]] = {
    "active": (-5, None, False),
    "active on its last day": (-5, 0, False),
    "on leave": (-5, None, True),
    "yet to begin": (3, None, False),
}


@pytest.mark.parametrize("case", list(_WORKING))
async def test_a_project_in_which_somebody_works_stays(world: World, case: str) -> None:
    starts, ends, away = _WORKING[case]
    project = await world.project()
    await world.job(project)
    employment = await world.employment(
        await world.job(project, filled=1),
        starts_on=world.today + timedelta(days=starts),
        ends_on=None if ends is None else world.today + timedelta(days=ends),
    )
    if away:
        await world.store(
            LeavePeriod(company_id=world.north.id, employment_id=employment.id, starts_on=world.today - timedelta(days=1), ends_on=None)
        )

    can = await world.portal(CAN, await world.person(), id=project.public_id)
    reply = await _delete(world, project)

    assert can.data["node"]["viewerCanDelete"] is False
    assert reply.codes == ["PROJECT_IN_USE"]
    assert reply.paths == [["input", "projectId"]]
    assert reply.data["deleteProject"]["deletedProjectId"] is None
    assert (await world.now_of(project)).deleted_at is None
    assert await world.events() == []


@pytest.mark.parametrize("at_once", [False, True])
async def test_a_project_whose_people_have_left_goes_and_their_employments_still_show_it(world: World, at_once: bool) -> None:
    project = await world.project()
    job = await world.job(project)
    ended: dict[str, Any] = (
        {"ended_at": world.portal.clock(), "ends_on": world.today} if at_once else {"ends_on": world.today - timedelta(days=1)}
    )
    employment = await world.employment(job, **ended)

    can = await world.portal(CAN, await world.person(), id=project.public_id)
    reply = await _delete(world, project)
    left = await world.portal(
        "query($id: ID!) { node(id: $id) { ... on Employment { status job { id title project { id } } } } }",
        await world.person(),
        id=employment.public_id,
    )

    assert can.data["node"]["viewerCanDelete"] is True
    assert reply.codes == []
    assert left.data["node"] == {"status": "ENDED", "job": {"id": job.public_id, "title": "Agent", "project": {"id": project.public_id}}}


async def test_midnight_in_riyadh_sets_a_project_free(world: World) -> None:
    project = await world.project()
    await world.employment(await world.job(project, filled=1), ends_on=world.today)
    world.portal.clock.advance(hours=11, minutes=59)
    before = await _delete(world, project)

    world.portal.clock.advance(minutes=1)
    after = await _delete(world, project)

    assert (before.codes, after.codes) == (["PROJECT_IN_USE"], [])


async def test_people_in_another_project_are_no_hindrance(world: World) -> None:
    project = await world.project()
    await world.job(project)
    await world.employment(await world.job(filled=1))

    reply = await _delete(world, project)

    assert reply.codes == []


async def test_deleting_another_version_than_the_current_one_changes_nothing(world: World) -> None:
    project = await world.project()

    reply = await _delete(world, project, version=2)

    assert reply.codes == ["VERSION_CONFLICT"]
    assert reply.paths == [["input", "version"]]
    assert (await world.now_of(project)).deleted_at is None


async def test_a_member_edits_projects_but_does_not_delete_them(world: World) -> None:
    project, member = await world.project(), await world.person(Role.MEMBER)

    update = await world.portal(UPDATE, member, input={"projectId": project.public_id, "titleAr": "آخر"})
    delete = await world.portal(DELETE, member, input={"projectId": project.public_id})
    can = await world.portal(CAN, member, id=project.public_id)

    assert update.codes == []
    assert delete.codes == ["FORBIDDEN"]
    assert delete.errors[0]["extensions"]["permission"] == "PROJECTS_DELETE"
    assert can.data["node"] == {"viewerCanUpdate": True, "viewerCanDelete": False}
    assert (await world.now_of(project)).deleted_at is None


async def test_a_token_deletes_where_its_scopes_allow_it_and_the_log_names_it(world: World) -> None:
    project = await world.project()
    able = await world.portal.token(world.north, "PROJECTS_DELETE", "EVENTS_READ")
    unable = await world.portal.token(world.north, "PROJECTS_WRITE")

    refused = await world.portal(DELETE, unable, input={"projectId": project.public_id})
    done = await world.portal(DELETE, able, input={"projectId": project.public_id})
    log = await world.portal("query { viewer { account { events { nodes { type actorName user { id } } } } } }", able)

    assert (refused.codes, done.codes) == (["FORBIDDEN"], [])
    assert log.data["viewer"]["account"]["events"]["nodes"] == [{"type": "PROJECT_DELETED", "actorName": "A server", "user": None}]


async def test_ten_simultaneous_deletions_happen_once(world: World) -> None:
    project, owner = await world.project(), await world.person()
    await world.job(project)

    replies = await asyncio.gather(*(world.portal(DELETE, owner, input={"projectId": project.public_id}) for _ in range(10)))

    assert sorted(code for reply in replies for code in reply.codes) == ["NOT_FOUND"] * 9
    assert await world.events() == [(1, EventType.PROJECT_DELETED), (2, EventType.JOB_DELETED)]
