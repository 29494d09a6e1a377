"""Ending contracts before their time, and what the clock makes of them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.models import Contract, ContractStatus, ProjectStatus, Role
from tests.portal import Reply
from tests.world import World

TERMINATE = """mutation($input: TerminateContractInput!) { terminateContract(input: $input) {
    contract { id status terminatedAt terminationReason endsOn version updatedAt }
    userErrors { code path message retryable } } }"""
STATUS = "query($id: ID!) { node(id: $id) { ... on Contract { status } } }"
ACCEPT = "mutation($id: ID!) { acceptInvitation(input: {invitationId: $id}) { contract { id } userErrors { code path } } }"

# Days from today on of the first and the last day, and whether somebody ended it.
_STATES: dict[str, tuple[int, int | None, bool]] = {
    "SCHEDULED": (1, 300, False),
    "ACTIVE": (0, None, False),
    "EXPIRED": (-10, -1, False),
    "TERMINATED": (-10, 300, True),
}
_STEPS = {("SCHEDULED", "TERMINATED"), ("ACTIVE", "TERMINATED")}


async def _contract(world: World, state: str, **values: Any) -> Contract:
    starts, ends, terminated = _STATES[state]
    dates: dict[str, Any] = {
        "starts_on": world.today + timedelta(days=starts),
        "ends_on": None if ends is None else world.today + timedelta(days=ends),
        "terminated_at": world.portal.clock() if terminated else None,
    }
    return await world.contract(**dates, standing=not terminated, **values)


async def _terminate(world: World, contract: Contract, **more: Any) -> Reply:
    return await world.portal(TERMINATE, await world.person(), input={"contractId": contract.public_id, "reason": "انتهى المشروع", **more})


async def _status(world: World, contract: Contract) -> str:
    reply = await world.portal(STATUS, await world.person(), id=contract.public_id)
    return str(reply.data["node"]["status"])


@pytest.mark.parametrize("state", list(ContractStatus))
async def test_a_contract_takes_the_steps_of_the_table_and_no_other(world: World, state: str) -> None:
    """A person makes it TERMINATED; into every other state it comes by its dates alone."""
    contract = await _contract(world, state)
    world.portal.clock.advance(minutes=5)

    reply = await _terminate(world, contract, reason=" انتهى المشروع ")

    stored = await world.now_of(contract)
    if (state, "TERMINATED") in _STEPS:
        assert reply.codes == []
        assert reply.data["terminateContract"]["contract"] == {
            "id": contract.public_id,
            "status": "TERMINATED",
            "terminatedAt": "2026-11-22T09:05:00Z",
            "terminationReason": "انتهى المشروع",
            "endsOn": None if stored.ends_on is None else stored.ends_on.isoformat(),
            "version": 2,
            "updatedAt": "2026-11-22T09:05:00Z",
        }
        assert (stored.ends_on, stored.standing) == (contract.ends_on, False)
        assert await world.events() == [(1, "CONTRACT_TERMINATED")]
    else:
        assert (reply.codes, reply.paths) == (["ILLEGAL_TRANSITION"], [["input", "contractId"]])
        assert (stored.version, stored.terminated_at, stored.termination_reason) == (1, contract.terminated_at, None)
        assert await world.events() == []


async def test_a_contract_begins_and_ends_at_midnight_in_riyadh(world: World) -> None:
    contract = await world.contract(starts_on=world.today + timedelta(days=1), ends_on=world.today + timedelta(days=1))

    seen = []
    for hours in (0, 11.9999, 0.0002, 23.9996, 0.0004):  # from noon: to the last moments of today, over midnight, through the day
        world.portal.clock.advance(hours=hours)
        seen.append(await _status(world, contract))

    assert seen == ["SCHEDULED", "SCHEDULED", "ACTIVE", "ACTIVE", "EXPIRED"]
    assert (await _terminate(world, contract)).codes == ["ILLEGAL_TRANSITION"]


@pytest.mark.parametrize(
    ("given", "path", "codes"),
    [
        ({"reason": "  "}, "reason", ["VALIDATION_FAILED"]),
        ({"reason": "س" * 1001}, "reason", ["VALIDATION_FAILED"]),
        ({"reason": "a\u202eb"}, "reason", ["VALIDATION_FAILED"]),
        ({"version": 2}, "version", ["VERSION_CONFLICT"]),
    ],
)
async def test_a_termination_that_breaks_a_rule_changes_nothing(world: World, given: dict[str, Any], path: str, codes: list[str]) -> None:
    contract = await world.contract()

    reply = await _terminate(world, contract, **given)

    assert (reply.codes, reply.paths) == (codes, [["input", path]])
    assert (await world.now_of(contract)).terminated_at is None
    assert await world.events() == []


@pytest.mark.parametrize("state", ["SCHEDULED", "ACTIVE"])
async def test_after_a_termination_the_establishment_may_invite_anew(world: World, state: str) -> None:
    establishment = await world.establishment()
    contract = await _contract(world, state, establishment=establishment)
    invitation, owner = await world.invitation(establishment=establishment), await world.person()

    before = await world.portal(ACCEPT, owner, id=invitation.public_id)
    await _terminate(world, contract, version=1)
    after = await world.portal(ACCEPT, owner, id=invitation.public_id)

    assert (before.codes, after.codes) == (["DUPLICATE_CONTRACT"], [])
    assert sorted(await world.portal.fetch(select(Contract.standing))) == [False, True]


async def test_a_termination_freezes_the_projects_and_leaves_those_who_work_there(world: World) -> None:
    contract, owner = await world.contract(), await world.person()
    project = await world.project(contract=contract)
    draft = await world.job(project, status="DRAFT", published_at=None, closes_at=None)
    employment = await world.employment(await world.job(project, filled=1))

    await _terminate(world, contract)
    frozen = await world.portal(
        """mutation($project: ID!, $draft: ID!) {
            add: addJob(input: {projectId: $project, titleAr: "أ", vacancies: 1, employmentType: FULL_TIME, weeklyHours: 40}) {
                userErrors { code path } }
            open: changeJobStatus(input: {jobId: $draft, status: OPEN}) { userErrors { code path } }
            edit: updateProject(input: {projectId: $project, titleAr: "آخر"}) { project { status } userErrors { code path } } }""",
        owner,
        project=project.public_id,
        draft=draft.public_id,
    )
    left = await world.portal("query($id: ID!) { node(id: $id) { ... on Employment { status } } }", owner, id=employment.public_id)

    assert frozen.codes == ["CONTRACT_NOT_ACTIVE"] * 2
    assert frozen.paths == [["input", "projectId"], ["input", "jobId"]]
    assert frozen.data["edit"]["project"] == {"status": ProjectStatus.APPROVED}
    assert left.data["node"] == {"status": "ACTIVE"}


async def test_a_token_terminates_where_its_scopes_allow_it_and_a_member_does_not(world: World) -> None:
    contract = await world.contract()
    given = {"contractId": contract.public_id, "reason": "x"}

    refused = await world.portal(TERMINATE, await world.person(Role.MEMBER), input=given)
    done = await world.portal(TERMINATE, await world.portal.token(world.north, "CONTRACTS_WRITE", "CONTRACTS_READ"), input=given)

    assert (refused.codes, done.codes) == (["FORBIDDEN"], [])
    assert done.data["terminateContract"]["contract"]["status"] == "TERMINATED"


async def test_twenty_simultaneous_terminations_happen_once(world: World) -> None:
    contract, owner = await world.contract(), await world.person()
    given = {"contractId": contract.public_id, "reason": "x"}

    replies = await asyncio.gather(*(world.portal(TERMINATE, owner, input=given) for _ in range(20)))

    assert sorted(code for reply in replies for code in reply.codes) == ["ILLEGAL_TRANSITION"] * 19
    assert await world.events() == [(1, "CONTRACT_TERMINATED")]
