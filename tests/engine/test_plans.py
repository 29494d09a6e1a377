"""Plans are shared by documents that differ in literals, and by no others."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from app.models import Company, Event, Role
from tests.portal import Portal
from tests.world import World


async def test_documents_that_differ_in_literals_share_a_plan(world: World) -> None:
    owner, counts = await world.person(), world.portal.app.state.executor.counts
    for first in (1, 2, 3):
        await world.portal(
            f'{{ viewer {{ account {{ contracts(first: {first}, where: {{search: "x{first}"}}) {{ totalCount }} }} }} }}', owner
        )

    assert counts == {"compiled": 3, "planned": 1, "plan reused": 2, "document read": 3}


async def test_documents_plans_and_fallbacks_are_counted_by_what_became_of_them(world: World) -> None:
    owner, viewer, counts = await world.person(), await world.person(Role.VIEWER), world.portal.app.state.executor.counts
    page = "query($first: Int) { viewer { account { contracts(first: $first) { totalCount } } } }"
    for first in (1, 2):
        await world.portal(page, owner, first=first)
    await world.portal(page, viewer, first=1)  # other rights, another plan
    await world.portal(page, owner, first=0)
    await world.portal("{ __schema { queryType { name } } }", owner)
    await world.portal("{ nothing }", owner)

    assert counts == {
        "document read": 3,
        "document reused": 3,
        "planned": 2,
        "plan reused": 1,
        "compiled": 3,
        "fallback: BadUserInput": 1,
        "fallback: Query.__schema": 1,
    }


async def test_what_stands_between_comments_is_no_literal(world: World) -> None:
    owner = await world.person()
    hidden = '# """\n{ %s }\n# """'

    first = await world.portal(hidden % "viewer { role companies(first: 1) { totalCount } }", owner)
    second = await world.portal(hidden % "cities(first: 3) { totalCount }", owner)

    assert list(first.data) == ["viewer"]
    assert second.data == {"cities": {"totalCount": 69}}


async def test_each_operation_of_a_document_has_a_plan_of_its_own(world: World) -> None:
    viewer = await world.person(Role.VIEWER)
    document = (
        "query A { viewer { account { nameEn teleworkers(first: %d, where: {nationalId: %s}) { totalCount } } } } "
        "query B { viewer { account { nameAr teleworkers(first: 1, where: {nationalId: %s}) { totalCount } } } }"
    )
    reply = None
    for number, name in ((1, "A"), (2, "A"), (2, "B")):
        given = {"query": document % (number, '"1000000008"', '"1000000008"'), "operationName": name}
        reply = await world.portal.http.post("/graphql", json=given, headers=viewer.headers)

    assert reply is not None
    assert list(reply.json()["data"]["viewer"]["account"]) == ["nameAr", "teleworkers"]


async def test_an_event_that_cannot_be_written_reveals_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    teleworker, owner = await world.teleworker(), await world.person()

    async def broken(*_: Any) -> None:
        raise OSError

    with monkeypatch.context() as patched:
        patched.setattr(world.portal.server_database, "write", broken)
        reply = await world.portal(
            "query($id: ID!) { node(id: $id) { ... on Teleworker { nationalId(reveal: true) } } }", owner, id=teleworker.public_id
        )

    assert reply.data["node"] == {"nationalId": None}
    assert await world.portal.fetch(select(Event)) == []


async def test_operations_that_read_and_write_do_not_wait_for_one_another(world: World) -> None:
    small, owner = (
        Portal(str(world.portal.settings.database_url), world.portal.settings.data_dir, database_pool_size=2),
        await world.person(),
    )
    teleworker = await world.teleworker()
    text = "query($id: ID!) { viewer { account { name } } node(id: $id) { ... on Teleworker { nationalId(reveal: true) } } }"

    replies = await asyncio.gather(*(small(text, owner, id=teleworker.public_id) for _ in range(8)))
    await small.close()

    assert [reply.codes for reply in replies] == [[]] * 8
    [company] = await world.portal.fetch(select(Company).where(Company.id == world.north.id))
    assert company.last_event == 8
