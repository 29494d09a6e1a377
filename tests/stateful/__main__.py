"""Plays random operations against the model for as long as one likes: python -m tests.stateful [STEPS] [--backend B] [--seed N] [--resume]

STEPS (2000) are for each database. A round plays some 400 on a fresh one, and is named by its seed and number: alone, it is the same.
Where server and model differ, the steps that lead there are cut down to the fewest and printed. `--resume` goes on after the last round
of that seed (its position is kept in .data/). Ends with how often each mutation came to each outcome.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

import structlog
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.conftest import BACKENDS, Templates
from tests.portal import Portal
from tests.server import ROOT
from tests.stateful.machine import SETTINGS, Stage, Tally, machine_on

ROUND = settings(
    max_examples=8,
    stateful_step_count=50,
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


def play(templates: Templates, backend: str, name: int, tally: Tally) -> str | None:
    """One round. Answers where server and model differ."""
    url, data = templates.copy(backend, "blank")
    with asyncio.Runner() as runner:
        portal = Portal(url, data, deadline=60, **SETTINGS)
        try:
            run_state_machine_as_test(seed(name)(machine_on(Stage(runner, portal, tally))), settings=ROUND)
        except Exception as error:  # the next round is another one
            return "".join(traceback.format_exception(error, limit=-1))
        finally:
            runner.run(portal.close())
            templates.drop(url)
    return None


def run(templates: Templates, backend: str, options: argparse.Namespace) -> int:
    """How many rounds differed."""
    kept = ROOT / ".data" / f"stateful-{backend}-{options.seed}.json"
    before: dict[str, Any] = {"rounds": 0, "steps": 0, "failed": [], "outcomes": {}}
    if options.resume and kept.exists():
        before = json.loads(kept.read_text())
    tally, rounds, failed = Tally(), before["rounds"], before["failed"]
    tally.steps, tally.outcomes = before["steps"], Counter(before["outcomes"])
    while tally.steps < options.steps:
        began = time.monotonic()
        told = play(templates, backend, options.seed * 100_000 + rounds, tally)
        if told:
            failed.append(rounds)
            print(f"{backend} round {options.seed}/{rounds}: DIFFERENT\n{told}", flush=True)
        rounds += 1
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(json.dumps({"rounds": rounds, "steps": tally.steps, "failed": failed, "outcomes": tally.outcomes}))
        print(f"{backend}: {tally.steps} steps in {rounds} rounds, {len(failed)} different ({time.monotonic() - began:.0f} s)", flush=True)
    for outcome, count in sorted(tally.outcomes.items()):
        print(f"{count:>8}  {outcome}")
    print(f"{backend}: {tally.steps} steps, {len(tally.outcomes)} kinds of outcome, {len(failed)} rounds different\n", flush=True)
    return len(failed)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.stateful", description="Play random operations against the model.")
    parser.add_argument("steps", type=int, nargs="?", default=2000)
    parser.add_argument("--backend", choices=BACKENDS, action="append", help="only this database")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resume", action="store_true", help="go on where the last run of this seed stopped")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with tempfile.TemporaryDirectory() as folder:
        made = Templates(Path(folder))
        try:
            differing = sum(run(made, backend, given) for backend in given.backend or BACKENDS)
        finally:
            made.close()
    sys.exit(bool(differing))
