"""Two executors, one meaning: random operations over the whole schema, answered alike to the byte and the order of keys.

`python -m tests.engine.differential 20000 --resume` runs many more; a failing operation is printed with the round that repeats it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random
from typing import Any

import pytest
from graphql import parse, validate

from app.engine.context import Context
from app.engine.declare import MODELS
from app.engine.execute import Executor
from app.schema import schema
from tests.conftest import Templates
from tests.engine.coverage import arguments_of, fields_of, input_fields_of
from tests.engine.differential import actors_of, compare, ids_of
from tests.engine.operations import Generator, Made
from tests.portal import Portal

CORE = schema._schema


@pytest.mark.parametrize("seed", ["1"])
async def test_random_operations_are_answered_alike(backend: str, templates: Templates, seed: str) -> None:
    outcome = await compare(templates, backend, operations=90, seed=seed)

    assert outcome.differences == []
    assert outcome.counts["compiled"] > 0.6 * outcome.operations
    assert outcome.counts["fallback: surprise"] == 0
    assert len(fields_of(CORE) & outcome.reached.keys()) > 0.3 * len(fields_of(CORE))


async def test_operations_side_by_side_are_answered_as_they_are_alone(demo: Portal) -> None:
    """Plans are shared by whoever asks at the same time, and made while others wait for their rows."""
    pick = Random("3")
    actors = await actors_of(demo, pick)
    generator = Generator(CORE, pick, await ids_of(demo, pick), len(actors))
    made = [each for each in (generator.operation() for _ in range(20)) if not each.is_mutation and "reveal" not in each.text]

    async def answer(executor: Executor, each: Made) -> Any:
        context = Context(demo.database, demo.settings, actors[each.caller], "en", demo.clock(), "request")
        return (await executor.execute(each.text, each.variables, each.name, context)).body

    one, other = Executor(schema), Executor(schema)
    alone = [await answer(one, each) for each in made]
    together = await asyncio.gather(*(answer(other, each) for each in made * 3))

    assert together == alone * 3
    assert other.counts["compiled"] == one.counts["compiled"] * 3 > 15


def test_random_operations_touch_the_whole_schema_and_are_valid() -> None:
    used: Counter[str] = Counter()
    refused: list[str] = []
    for seed in range(3):
        generator = Generator(CORE, Random(seed), {prefix: [f"{prefix}_{'0' * 32}"] for prefix in MODELS})
        made = [generator.operation() for _ in range(450)]
        used += generator.used
        refused += [error.message for each in made[::10] for error in validate(CORE, parse(each.text))]

    # Cursors come from answers; all but a few dates and amounts, which are none on purpose, are valid.
    arguments = {name for name in arguments_of(CORE) if not name.endswith(("(after:)", "(before:)"))}
    assert sorted(fields_of(CORE) - used.keys()) == []
    assert sorted(arguments - used.keys()) == []
    assert len(input_fields_of(CORE) & used.keys()) > 0.85 * len(input_fields_of(CORE))
    assert len(refused) < 5, refused
