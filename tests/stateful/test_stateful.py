"""A short, always equal round; `python -m tests.stateful` plays on."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.conftest import Templates
from tests.portal import Portal
from tests.stateful.machine import SETTINGS, Stage, Tally, machine_on

ROUND = settings(
    max_examples=4,
    stateful_step_count=30,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("backend", ["sqlite"])
def test_the_server_does_what_the_model_does(backend: str, templates: Templates) -> None:
    url, data = templates.copy(backend, "blank")
    tally = Tally()
    with asyncio.Runner() as runner:
        portal = Portal(url, data, deadline=60, **SETTINGS)
        try:
            run_state_machine_as_test(machine_on(Stage(runner, portal, tally)), settings=ROUND)
        finally:
            runner.run(portal.close())

    print(f"\n{tally.steps} steps, {len(tally.outcomes)} kinds of outcome")
    assert tally.steps > 75
