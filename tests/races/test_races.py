"""Each race once, with a crowd smaller than the command's: `python -m tests.races` runs them as long as one likes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

import tests.races.hiring  # noqa: F401  # its races join the others
from tests.conftest import Templates
from tests.races.field import PLACES, Field, field_on, servers
from tests.races.invariants import RACES

CALLERS = 30


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=[PLACES[0], PLACES[2]], ids=str)
async def field(request: pytest.FixtureRequest, templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Field]:
    url, _ = await asyncio.to_thread(templates.copy, request.param.backend, "blank")
    folder: Path = tmp_path_factory.mktemp("races")
    async with servers(request.param, folder, url) as addresses, field_on(request.param, folder, url, addresses, CALLERS) as made:
        yield made
        print(f"\n{request.param}: {made.unavailable} answers said to try again, {await made.deadlocks()} deadlocks broken up")
    templates.drop(url)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", RACES)
async def test_whoever_races_the_rules_hold(field: Field, name: str) -> None:
    await RACES[name](field, await field.world())

    print(f"\n{field.place} {name}: {field.told[-1]}")
