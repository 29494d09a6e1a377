"""The races as often as one likes, with larger crowds, in every place: python -m tests.races [ROUNDS] [CALLERS] [PLACE...] [-k PART]

ROUNDS (1) of every race, with CALLERS (50) who send at once. A PLACE is a database and a number of server processes (sqlite-1, sqlite-2,
postgresql-2: all). Prints each race's outcomes by code, and ends with 1 where an invariant did not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
import time
import traceback
from pathlib import Path

import structlog

import tests.races.hiring  # noqa: F401  # its races join the others
from tests.conftest import Templates
from tests.races.field import PLACES, Place, field_on, servers
from tests.races.invariants import RACES


async def run(place: Place, templates: Templates, options: argparse.Namespace) -> int:
    """How many races failed."""
    url, data = await asyncio.to_thread(templates.copy, place.backend, "blank")
    failed = done = 0
    async with servers(place, data, url) as addresses, field_on(place, data, url, addresses, options.callers) as field:
        for number in range(options.rounds):
            field.pick.seed(number)
            for name, race in RACES.items():
                if options.part not in name:
                    continue
                began = time.monotonic()
                try:
                    await race(field, await field.world())
                    told = field.told[-1]
                except Exception:  # the next one has companies of its own
                    failed += 1
                    told = f"FAILED\n{traceback.format_exc()}"
                done += 1
                print(f"{place} round {number + 1} {name} ({time.monotonic() - began:.1f} s)\n    {told}", flush=True)
        told = f"{field.unavailable} answers said to try again, {await field.deadlocks()} deadlocks broken up"
        print(f"{place}: {done} races of {options.callers} callers, {failed} failed; {told}\n", flush=True)
    return failed


async def main(templates: Templates, options: argparse.Namespace) -> int:
    places = [place for place in PLACES if not options.places or str(place) in options.places]
    return sum([await run(place, templates, options) for place in places])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rounds", type=int, nargs="?", default=1)
    parser.add_argument("callers", type=int, nargs="?", default=50)
    parser.add_argument("places", nargs="*", choices=[*map(str, PLACES)] or [])
    parser.add_argument("-k", dest="part", default="", help="only races whose names hold this")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with tempfile.TemporaryDirectory() as folder:
        made = Templates(Path(folder))
        try:
            failures = asyncio.run(main(made, parser.parse_args()))
        finally:
            made.close()
    sys.exit(bool(failures))
