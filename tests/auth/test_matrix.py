"""Every field and every mutation for every kind of caller, as matrix.txt says. `-s` prints how many were tried."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import replace

from tests.auth.matrix import COLUMNS, GENEROUS, SCOPE_SETS, Row, extras_of, fields, outcomes, read_table, types, wrong
from tests.conftest import Templates
from tests.portal import portal_on
from tests.world import make_world


def test_the_table_knows_every_field_of_the_schema_and_no_other() -> None:
    known = {name for name in read_table() if "(" not in name}

    assert (fields() - known, known - fields()) == (set(), set())


async def test_every_cell_is_as_the_table_says(templates: Templates) -> None:
    table, began = read_table(), time.perf_counter()
    url, data = await asyncio.to_thread(templates.copy, "sqlite", "blank")
    async with portal_on(url, data, **GENEROUS) as portal:
        found = await outcomes(await make_world(portal), extras_of(table))

    cells = Counter(outcome.cells[name] for outcome in found.values() for name in table)
    mutations = sum(name.startswith("Mutation.") for name in table)
    print(
        f"\n{len(table)} fields, {mutations} of them mutations, of {len(types())} types, for {len(found)} callers: "
        f"{cells.total()} cells in {time.perf_counter() - began:.1f} s: {dict(cells.most_common())}"
    )
    assert list(wrong(table, found)) == []
    assert set(found) == {*COLUMNS, *SCOPE_SETS}
    # A rule that had changed would be told, by its field and its caller.
    loosened: Row = replace(table["Company.tokens"], token="scope", cells=table["Company.tokens"].cells | {"VIEWER": "-"})
    told = list(wrong({**table, "Company.tokens": loosened}, found))
    assert told == ["Company.tokens for VIEWER: x, not -"]
