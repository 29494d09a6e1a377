"""Deciding invitations."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.models import Contract, Event, Invitation, InvitationStatus, Role
from tests.world import World

ACCEPT = """mutation($id: ID!, $validateOnly: Boolean! = false) {
  acceptInvitation(input: {invitationId: $id, validateOnly: $validateOnly, clientMutationId: "a"}) {
    invitation { status decidedBy { name } contract { id } version } contract { id status establishment { name } }
    userErrors { code path message retryable } clientMutationId } }"""
REJECT = """mutation($id: ID!, $reason: String) { rejectInvitation(input: {invitationId: $id, reason: $reason}) {
    invitation { status rejectionReason } userErrors { code path } } }"""


async def test_accepting_makes_the_contract_that_was_proposed(world: World) -> None:
    invitation = await world.invitation(proposed_starts_on=world.today + timedelta(days=3))

    reply = await world.portal(ACCEPT, await world.person(), id=invitation.public_id)

    payload = reply.data["acceptInvitation"]
    assert reply.codes == []
    assert payload["invitation"]["status"] == "ACCEPTED"
    assert payload["invitation"]["decidedBy"]["name"] == world.users[Role.OWNER].name
    assert payload["contract"]["status"] == "SCHEDULED"
    assert payload["invitation"]["contract"]["id"] == payload["contract"]["id"]
    assert payload["clientMutationId"] == "a"
    [contract] = await world.portal.fetch(select(Contract))
    assert contract.starts_on == world.today + timedelta(days=3)


async def test_accepting_writes_both_events_in_order(world: World) -> None:
    invitation = await world.invitation()

    await world.portal(ACCEPT, await world.person(), id=invitation.public_id)

    events = await world.portal.fetch(select(Event).order_by(Event.sequence))
    assert [(event.sequence, event.type) for event in events] == [(1, "INVITATION_ACCEPTED"), (2, "CONTRACT_CREATED")]
    assert events[0].request_id is not None


async def test_a_second_click_on_accept_changes_nothing(world: World) -> None:
    invitation, owner = await world.invitation(), await world.person()
    await world.portal(ACCEPT, owner, id=invitation.public_id)

    reply = await world.portal(ACCEPT, owner, id=invitation.public_id)

    assert reply.codes == ["INVITATION_ALREADY_DECIDED"]
    assert reply.paths == [["input", "invitationId"]]
    assert len(await world.portal.fetch(select(Contract))) == 1


async def test_fifty_simultaneous_accepts_make_one_contract(world: World) -> None:
    invitation, owner = await world.invitation(), await world.person()

    replies = await asyncio.gather(*(world.portal(ACCEPT, owner, id=invitation.public_id) for _ in range(50)))

    assert sorted(code for reply in replies for code in reply.codes) == ["INVITATION_ALREADY_DECIDED"] * 49
    assert len(await world.portal.fetch(select(Contract))) == 1
    assert [event.sequence for event in await world.portal.fetch(select(Event).order_by(Event.sequence))] == [1, 2]


async def test_validate_only_runs_every_check_and_writes_nothing(world: World) -> None:
    invitation, owner = await world.invitation(), await world.person()

    reply = await world.portal(ACCEPT, owner, id=invitation.public_id, validateOnly=True)

    assert reply.codes == []
    assert reply.data["acceptInvitation"]["invitation"]["status"] == "PENDING"
    assert reply.data["acceptInvitation"]["contract"] is None
    assert await world.portal.fetch(select(Event)) == []
    assert await world.portal.fetch(select(Contract)) == []


async def test_an_invitation_whose_time_is_over_cannot_be_accepted(world: World) -> None:
    invitation = await world.invitation(expires_at=world.portal.clock())

    reply = await world.portal(ACCEPT, await world.person(), id=invitation.public_id)

    assert reply.codes == ["INVITATION_EXPIRED"]


async def test_an_invitation_to_a_contract_that_would_be_over_cannot_be_accepted(world: World) -> None:
    invitation = await world.invitation(proposed_ends_on=world.today - timedelta(days=1))

    reply = await world.portal(ACCEPT, await world.person(), id=invitation.public_id)

    assert reply.codes == ["INVITATION_EXPIRED"]


async def test_a_second_contract_with_the_same_establishment_is_refused(world: World) -> None:
    contract = await world.contract()
    invitation = await world.store(_invitation_of(world, contract))

    reply = await world.portal(ACCEPT, await world.person(), id=invitation.public_id)

    assert reply.codes == ["DUPLICATE_CONTRACT"]


async def test_a_contract_that_the_clock_has_ended_makes_room_for_a_new_one(world: World) -> None:
    contract = await world.contract(ends_on=world.today - timedelta(days=1))
    invitation = await world.store(_invitation_of(world, contract))

    reply = await world.portal(ACCEPT, await world.person(), id=invitation.public_id)

    assert reply.codes == []
    assert len(await world.portal.fetch(select(Contract).where(Contract.standing))) == 1


async def test_rejecting_keeps_the_reason(world: World) -> None:
    invitation = await world.invitation()

    reply = await world.portal(REJECT, await world.person(Role.ADMIN), id=invitation.public_id, reason="  ليس الآن ")

    assert reply.data["rejectInvitation"]["invitation"] == {"status": "REJECTED", "rejectionReason": "ليس الآن"}


@pytest.mark.parametrize("status", [InvitationStatus.REJECTED, InvitationStatus.WITHDRAWN, InvitationStatus.ACCEPTED])
async def test_what_is_decided_stays_decided(world: World, status: InvitationStatus) -> None:
    invitation = await world.invitation(status=status)

    replies = [await world.portal(text, await world.person(), id=invitation.public_id) for text in (ACCEPT, REJECT)]

    assert [reply.codes for reply in replies] == [["INVITATION_ALREADY_DECIDED"]] * 2


@pytest.mark.parametrize("role", [Role.MEMBER, Role.VIEWER])
async def test_deciding_takes_the_permission(world: World, role: Role) -> None:
    invitation = await world.invitation()

    reply = await world.portal(ACCEPT, await world.person(role), id=invitation.public_id)

    assert reply.codes == ["FORBIDDEN"]
    assert reply.errors[0]["extensions"]["permission"] == "INVITATIONS_DECIDE"
    [stored] = await world.portal.fetch(select(Invitation))
    assert stored.status is InvitationStatus.PENDING


def _invitation_of(world: World, contract: Contract) -> Invitation:
    now = world.portal.clock()
    return Invitation(
        company_id=contract.company_id,
        establishment_id=contract.establishment_id,
        status=InvitationStatus.PENDING,
        received_at=now,
        expires_at=now + timedelta(days=30),
    )
