"""An operation that is stopped tells what it had done by then, by response key, and nothing that it had not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from app.models import Company, Job, Project
from tests.conftest import Templates
from tests.portal import Caller, Portal, Reply, portal_on
from tests.world import make_world

TWO = """mutation($project: ID!, $job: ID!, $dry: Boolean!, $version: Int) {
  one: updateProject(input: {projectId: $project, titleEn: "Done", validateOnly: $dry, version: $version}) { userErrors { code } }
  two: updateJob(input: {jobId: $job, titleEn: "Done"}) { userErrors { code } }
}"""


async def stopped_after_one(portal: Portal, company: Company, owner: Caller, **variables: Any) -> Reply:
    """The answer to TWO when others hold the account before `one`, and again from the moment that `one` has given it back."""
    asked, answered = asyncio.Event(), asyncio.Event()

    async def hold(taken: asyncio.Event, until: asyncio.Event) -> None:
        async with portal.database.writing() as session:
            await session.execute(select(Company).where(Company.id == company.id).with_for_update())
            taken.set()
            await until.wait()

    first = asyncio.Event()
    holders = [asyncio.create_task(hold(first, asked))]
    await first.wait()
    answer = asyncio.create_task(portal(TWO, owner, **variables))
    await asyncio.sleep(0.2)  # they queue in the order in which they came
    holders.append(asyncio.create_task(hold(asyncio.Event(), answered)))
    await asyncio.sleep(0.1)
    asked.set()
    reply = await answer
    answered.set()
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
    async with portal_on(url, data, deadline=1.5) as portal:
        world = await make_world(portal)
        project = await world.project()
        job = await world.job(project)
        owner = await world.person()

        reply = await stopped_after_one(portal, world.north, owner, project=project.public_id, job=job.public_id, **given)
        [title] = await portal.fetch(select(Project.title_en))
        [untouched] = await portal.fetch(select(Job.title_en))
    templates.drop(url)

    assert (reply.status, reply.codes) == (503, ["DEADLINE_EXCEEDED"])
    [error] = reply.errors
    assert error["extensions"].get("performed") == performed
    assert error["extensions"]["retryable"] is (performed is None)
    assert (title, untouched) == ("Done" if performed else "Customer service", "Agent")
