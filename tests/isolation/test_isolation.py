"""Two tenants with the same business: neither learns anything of the other, through either wall alone.

`python -m tests.isolation` runs all rounds and prints their counts and timings.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.conftest import Templates
from tests.isolation.crawl import SETTINGS, timings
from tests.isolation.rounds import Walls, crawl, first_leak_without, walled
from tests.isolation.twins import Twins, make_twins
from tests.portal import portal_on


@pytest.fixture
async def twins(backend: str, templates: Templates) -> AsyncIterator[Twins]:
    url, data = await asyncio.to_thread(templates.copy, backend, "blank")
    async with portal_on(url, data, **SETTINGS) as portal:
        yield await make_twins(portal)
    templates.drop(url)


@pytest.mark.parametrize(
    ("backend", "walls"),
    [("sqlite", "first"), ("postgresql", "second")],
)
async def test_no_tenant_learns_anything_of_another(twins: Twins, walls: Walls) -> None:
    found = await crawl(twins, walls)

    assert found.leaks == []
    assert found.counts["probes"] > 600, str(found)


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_the_crawl_finds_out_when_the_first_wall_is_taken_down_for_any_one_model(twins: Twins) -> None:
    missed = [model.__name__ for model in walled() if await first_leak_without(twins, model) is None]

    assert missed == []


async def test_the_others_row_takes_as_long_as_one_that_never_existed(twins: Twins) -> None:
    best: dict[str, tuple[float, float]] = {}
    apart = best
    for _ in range(10):  # a busy machine delays some, never all
        best = await timings(twins, rounds=8, best=best, types=("Company", "Job", "Teleworker"))
        apart = {name: pair for name, pair in best.items() if abs(pair[0] - pair[1]) > 0.4 * max(pair)}
        if not apart:
            break

    assert apart == {}
