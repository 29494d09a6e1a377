"""An operation that is stopped tells what it had done by then, by response key, and nothing that it had not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from app.models import Job, Project
from tests.conftest import Templates
from tests.portal import Caller, Portal, Reply, portal_on
from tests.world import make_world

TWO = """mutation($project: ID!, $job: ID!, $dry: Boolean!, $version: Int) {
  one: updateProject(input: {projectId: $project, titleEn: "Done", validateOnly: $dry, version: $version}) { userErrors { code } }
  two: updateJob(input: {jobId: $job, titleEn: "Done"}) { userErrors { code } }
}"""


async def stopped_after_one(portal: Portal, owner: Caller, locked: Job, **variables: Any) -> Reply:
    """The answer to TWO when others hold what `two` needs, and `one` does not."""
    begin, end = asyncio.Event(), asyncio.Event()

    async def hold(until: asyncio.Event) -> None:
        async with portal.database.writing() as session:
            await session.execute(select(Job).where(Job.id == locked.id).with_for_update())
            taken.set()
            await until.wait()

    async def queued(writers: int) -> None:
        queue: Any = portal.database._writers  # a lock, on SQLite
        while len(queue._waiters or ()) < writers:  # noqa: ASYNC110  # a lock tells nobody who waits
            await asyncio.sleep(0.01)

    taken = asyncio.Event()
    holders = [asyncio.create_task(hold(begin if portal.database.is_sqlite else end))]
    await taken.wait()
    answer = asyncio.create_task(portal(TWO, owner, **variables))
    if portal.database.is_sqlite:  # one writer at a time, in the order in which they came: somebody comes between `one` and `two`
        await queued(1)
        holders.append(asyncio.create_task(hold(end)))
        await queued(2)
        begin.set()
    reply = await answer
    end.set()
    await asyncio.gather(*holders)
    return reply


@pytest.mark.parametrize(
    ("backend", "given", "performed"),
    [
        ("sqlite", {"dry": False}, ["one"]),
        ("postgresql", {"dry": False}, ["one"]),
        ("sqlite", {"dry": True}, None),
        ("postgresql", {"dry": False, "version": 99}, None),
    ],
)
async def test_a_mutation_that_is_stopped_names_what_it_had_committed(
    backend: str, given: dict[str, Any], performed: list[str] | None, templates: Templates
) -> None:
    url, data = await asyncio.to_thread(templates.copy, backend, "blank")
    async with portal_on(url, data, deadline=1.2) as portal:
        world = await make_world(portal)
        project = await world.project()
        job = await world.job(project)
        owner = await world.person()

        reply = await stopped_after_one(portal, owner, job, project=project.public_id, job=job.public_id, **given)
        [title] = await portal.fetch(select(Project.title_en))
        [untouched] = await portal.fetch(select(Job.title_en))
    templates.drop(url)

    assert (reply.status, reply.codes) == (503, ["DEADLINE_EXCEEDED"])
    [error] = reply.errors
    assert error["extensions"].get("performed") == performed
    assert error["extensions"]["retryable"] is (performed is None)
    assert (title, untouched) == ("Done" if performed else "Customer service", "Agent")
