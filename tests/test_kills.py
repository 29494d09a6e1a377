"""Exactly once, between processes: after kill -9 (`python -m tests.kills` has more rounds), and between two at once."""

from __future__ import annotations

import asyncio
from collections import Counter

import httpx2
import pytest
from sqlalchemy import select

from app.models import Job
from tests.conftest import Templates
from tests.kills import WRITERS, AddJob, Tally, served, siege_of
from tests.portal import Portal
from tests.world import make_world

ROUNDS = 5  # a second or two each: servers are started


async def test_what_was_answered_is_there_once_and_what_was_not_once_after_its_repetition(backend: str, templates: Templates) -> None:
    tally = await siege_of(templates, backend, "reports", ROUNDS, f"suite {backend}", Tally())

    assert tally.wrong == []
    assert (tally.rounds, tally.done >= WRITERS) == (ROUNDS, True)
    assert tally.repeated > 0


async def test_of_fifty_repetitions_to_two_processes_one_is_done(
    backend: str, portal: Portal, tmp_path_factory: pytest.TempPathFactory
) -> None:
    world, deed = await make_world(portal), AddJob()
    await deed.prepare(world, [world.north] * 4)
    owner = await portal.token(world.north, *deed.scopes)
    url, folder = portal.settings.database_url, tmp_path_factory.mktemp("two")
    body = {"query": deed.document, "variables": {"input": deed.input(0, "x")}}

    async def send(http: httpx2.AsyncClient, address: str) -> tuple[str, bool]:
        while (response := await http.post(f"{address}/graphql", json=body)).status_code == 409:
            assert response.json()["errors"][0]["extensions"]["code"] == "IDEMPOTENCY_IN_PROGRESS"
            await asyncio.sleep(0.1)
        return deed.told(response.json()["data"]["payload"]), "idempotency-replayed" in response.headers

    with served(url, folder / "one") as (one, _), served(url, folder / "other") as (other, _):
        async with httpx2.AsyncClient(headers={**owner.headers, "Idempotency-Key": '"k"'}, timeout=60) as http:
            told = await asyncio.gather(*(send(http, address) for _ in range(25) for address in (one, other)))

    [job] = await portal.fetch(select(Job))
    assert Counter(told) == {(job.public_id, True): 49, (job.public_id, False): 1}
