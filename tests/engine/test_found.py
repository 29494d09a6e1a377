"""What random operations have found, each as an operation of its own: both executors answer it alike, and right."""

from __future__ import annotations

import asyncio
from typing import Any

from app.engine.context import Context
from app.engine.execute import Executor
from app.models import Role
from app.schema import schema
from tests.portal import Caller, Portal
from tests.world import World


async def alike(portal: Portal, caller: Caller, text: str, **variables: Any) -> Any:
    """The body that both answer."""
    actor = await portal.actor(caller)
    answers = []
    for executor in (Executor(schema), Executor(schema, way="reference")):
        context = Context(portal.database, portal.settings, actor, "en", portal.clock(), "request")
        answers.append((await executor.execute(text, variables, None, context)).body)
    assert answers[0] == answers[1]
    return answers[0]


async def test_a_cursor_at_a_row_without_an_amount_is_written_alike(world: World) -> None:
    project, owner = await world.project(), await world.person()
    for salary in (None, 4000, None):
        await world.job(project, salary_min=salary)
    text = """query($after: String) { viewer { account { jobs(first: 1, after: $after, orderBy: {field: SALARY_MIN, direction: ASC}) {
        nodes { salaryMin } pageInfo { endCursor hasNextPage } } } } }"""

    pages, after = [], None
    for _ in range(3):
        page = (await alike(world.portal, owner, text, after=after))["data"]["viewer"]["account"]["jobs"]
        pages.append(page)
        after = page["pageInfo"]["endCursor"]

    assert [page["nodes"][0]["salaryMin"] for page in pages] == ["4000.00", None, None]
    assert [page["pageInfo"]["hasNextPage"] for page in pages] == [True, True, False]


async def test_another_company_refuses_before_the_filter_does(world: World) -> None:
    """Which takes a permission of its own: in another company one would not even know whether one has it."""
    other = await world.company("أخرى", "Other")
    await world.join(world.users[Role.VIEWER], other, Role.OWNER)
    viewer = await world.person(Role.VIEWER)
    switch = "mutation($id: ID!) { switchAccount(input: {companyId: $id}) { account { id } } }"
    await world.portal(switch, viewer, id=world.north.public_id)
    text = '{ viewer { companies { nodes { id teleworkers(where: {nationalId: "1000000008"}) { totalCount } } } } }'

    body = await alike(world.portal, viewer, text)

    companies = body["data"]["viewer"]["companies"]["nodes"]
    refused = {companies[error["path"][3]]["id"]: error["extensions"]["permission"] for error in body["errors"]}
    assert refused == {world.north.public_id: "TELEWORKERS_REVEAL", other.public_id: "TELEWORKERS_READ"}


async def test_a_null_that_takes_everything_along_leaves_nobody_waiting(world: World) -> None:
    """Batches of the reference that were to come find their operation over; so do the fields that wait for them."""
    owner = await world.person()
    text = "query($ids: [ID!] = []) { viewer { user { name } companies { totalCount } } nodes(ids: $ids) { id } }"
    before = asyncio.all_tasks()

    body = await alike(world.portal, owner, text, ids=None)
    for _ in range(10):
        await asyncio.sleep(0)

    assert (body["data"], [error["path"] for error in body["errors"]]) == (None, [["nodes"]])
    assert asyncio.all_tasks() <= before


async def test_a_payload_tells_how_things_stood_before_the_next_mutation(world: World) -> None:
    """Also where a later one has to be read by the reference."""
    owner, project = await world.person(), await world.project()
    text = """mutation($company: ID!, $project: ID!, $nothing: ID!) {
        switchAccount(input: {companyId: $company}) { account { events { totalCount } } }
        updateProject(input: {projectId: $project, titleEn: "Another"}) { project { titleEn } userErrors { code } }
        none: updateProject(input: {projectId: $nothing, titleEn: "Another"}) { userErrors { code } }
    }"""

    reply = await world.portal(text, owner, company=world.north.public_id, project=project.public_id, nothing=f"prj_{'0' * 32}")

    assert reply.data == {
        "switchAccount": {"account": {"events": {"totalCount": 0}}},
        "updateProject": {"project": {"titleEn": "Another"}, "userErrors": []},
        "none": {"userErrors": [{"code": "NOT_FOUND"}]},
    }


async def test_a_null_that_takes_its_parent_along_leaves_others_that_wait_for_the_same_row(world: World) -> None:
    owner = await world.person()
    text = "query($none: Int!) { taken: viewer { user { name } companies(first: $none) { totalCount } } kept: viewer { user { name } } }"

    body = await alike(world.portal, owner, text, none=0)

    assert body["data"] == {"taken": None, "kept": {"user": {"name": world.users[Role.OWNER].name}}}
    assert [error["path"] for error in body["errors"]] == [["taken", "companies"]]
