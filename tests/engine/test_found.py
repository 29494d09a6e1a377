"""What random operations have found, each as an operation of its own: both executors answer it alike, and right."""

from __future__ import annotations

from typing import Any

from app.engine.context import Context
from app.engine.execute import Executor
from app.schema import schema
from tests.portal import Caller, Portal
from tests.world import World


async def alike(portal: Portal, caller: Caller, text: str, **variables: Any) -> Any:
    """The data that both answer, without errors."""
    actor = await portal.actor(caller)
    answers = []
    for executor in (Executor(schema), Executor(schema, way="reference")):
        context = Context(portal.database, portal.settings, actor, "en", portal.clock(), "request")
        answers.append((await executor.execute(text, variables, None, context)).body)
    assert answers[0] == answers[1]
    assert "errors" not in answers[0]
    return answers[0]["data"]


async def test_a_cursor_at_a_row_without_an_amount_is_written_alike(world: World) -> None:
    project, owner = await world.project(), await world.person()
    for salary in (None, 4000, None):
        await world.job(project, salary_min=salary)
    text = """query($after: String) { viewer { account { jobs(first: 1, after: $after, orderBy: {field: SALARY_MIN, direction: ASC}) {
        nodes { salaryMin } pageInfo { endCursor hasNextPage } } } } }"""

    pages, after = [], None
    for _ in range(3):
        page = (await alike(world.portal, owner, text, after=after))["viewer"]["account"]["jobs"]
        pages.append(page)
        after = page["pageInfo"]["endCursor"]

    assert [page["nodes"][0]["salaryMin"] for page in pages] == ["4000.00", None, None]
    assert [page["pageInfo"]["hasNextPage"] for page in pages] == [True, True, False]
