"""Two executors, one meaning: random operations over the whole schema, answered alike to the byte and the order of keys.

`python -m tests.engine.differential 20000` runs many more; a failing operation is printed with its seed.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.conftest import Templates
from tests.engine.differential import compare


@pytest.mark.parametrize("seed", [1, 2])
async def test_random_operations_are_answered_alike(backend: str, templates: Templates, seed: int, tmp_path: Path) -> None:
    url, data = await asyncio.to_thread(templates.copy, backend, "demo")

    outcome = await compare(url, data, operations=160, seed=seed)

    templates.drop(url)
    assert outcome.differences == []
    assert outcome.counts["compiled"] > 80
    assert outcome.counts["fallback: surprise"] == 0
