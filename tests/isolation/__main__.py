"""All rounds of the isolation test: `python -m tests.isolation`."""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
from pathlib import Path

import structlog

from tests.conftest import Templates
from tests.isolation.crawl import SETTINGS, timings
from tests.isolation.rounds import Walls, crawl, first_leak_without, walled
from tests.isolation.twins import make_twins
from tests.portal import portal_on

ROUNDS: list[tuple[str, Walls]] = [("sqlite", "first"), ("postgresql", "both"), ("postgresql", "first"), ("postgresql", "second")]


async def main(templates: Templates) -> bool:
    good = True
    for backend, walls in ROUNDS:
        url, data = await asyncio.to_thread(templates.copy, backend, "blank")
        async with portal_on(url, data, row_security=walls != "first", **SETTINGS) as portal:
            twins = await make_twins(portal)
            found = await crawl(twins, walls)
            good &= not found.leaks
            print(f"{backend:10} wall: {walls:6}  {found}, {len(found.leaks)} leaks")
            print("\n".join(f"    {leak[:500]}" for leak in found.leaks[:10]), end="\n" if found.leaks else "")
            for name, (theirs, never) in (await timings(twins, rounds=60)).items() if walls == "both" else ():
                print(f"    {name:14} another's row {theirs:6.2f} ms, no row {never:6.2f} ms")
            for model in walled() if backend == "sqlite" else ():
                leak = await first_leak_without(twins, model)
                good &= leak is not None
                print(f"    without the first wall of {model.__name__:14} {'NOTHING FOUND' if leak is None else leak[:110]}")
    return good


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with tempfile.TemporaryDirectory() as folder:
        made = Templates(Path(folder))
        try:
            well = asyncio.run(main(made))
        finally:
            made.close()
    sys.exit(not well)
