"""What PostgreSQL refuses for a passing reason is tried again, a few times, unseen; and constraints hold where no lock does."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from app.models import Contract
from tests.world import World

ACCEPT = "mutation($id: ID!) { acceptInvitation(input: {invitationId: $id}) { userErrors { code } } }"
# Sequences do not go back with a transaction, so they can count the attempts.
REFUSE = """
CREATE SEQUENCE attempts;
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
    IF nextval('attempts') <= {times} THEN RAISE EXCEPTION 'not now' USING ERRCODE = '{sqlstate}'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON contracts FOR EACH ROW EXECUTE FUNCTION refuse()
"""


@pytest.mark.parametrize("backend", ["postgresql"])
@pytest.mark.parametrize("sqlstate", ["40001", "40P01", "55P03"])
@pytest.mark.parametrize(("times", "codes", "attempts"), [(4, [], 5), (99, ["UNAVAILABLE"], 5)])
async def test_a_passing_refusal_is_tried_again_unseen_and_not_for_ever(
    world: World, sqlstate: str, times: int, codes: list[str], attempts: int
) -> None:
    invitation, owner = await world.invitation(), await world.person()
    async with world.portal.database.writing() as session:
        for statement in REFUSE.format(times=times, sqlstate=sqlstate).split(";\nCREATE"):
            await session.execute(text(statement if statement.startswith("\nCREATE") else f"CREATE{statement}"))

    reply = await world.portal(ACCEPT, owner, id=invitation.public_id)

    assert reply.codes == codes
    assert [error["extensions"]["retryable"] for error in reply.errors] == [True] * len(codes)
    assert await world.portal.fetch(text("SELECT last_value FROM attempts")) == [attempts]
    assert len(await world.portal.fetch(select(Contract))) == (0 if codes else 1)
    assert await world.events() == ([] if codes else [(1, "INVITATION_ACCEPTED"), (2, "CONTRACT_CREATED")])


@pytest.mark.parametrize("backend", ["postgresql"])  # SQLite has one writer at a time
async def test_a_contract_that_somebody_makes_past_the_accounts_lock_is_in_the_way_all_the_same(world: World) -> None:
    establishment, owner = await world.establishment(), await world.person()
    invitation = await world.invitation(establishment=establishment)
    now = world.portal.clock()
    theirs = {"number": "X", "standing": True, "starts_on": world.today - timedelta(days=1), "created_at": now, "updated_at": now}

    async with world.portal.database.writing() as session:
        session.add(Contract(company_id=world.north.id, establishment_id=establishment.id, **theirs))
        await session.flush()
        under_way = asyncio.create_task(world.portal(ACCEPT, owner, id=invitation.public_id))
        for _ in range(1000):
            if await session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
                break
            await asyncio.sleep(0.01)
    reply = await under_way

    assert reply.codes == ["DUPLICATE_CONTRACT"]
    assert await world.portal.fetch(select(Contract.number)) == ["X"]
    assert await world.events() == []
