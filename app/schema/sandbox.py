"""The sandbox's own mutations: moving its clock, and beginning anew."""

from __future__ import annotations

from datetime import datetime

import strawberry

from app import models, values
from app.engine.declare import related_by, resolver
from app.engine.inputs import MutationInput, given
from app.operations import sandbox as operations
from app.resolvers.mutation import Payload, mutation
from app.resolvers.query import service, set_clock
from app.schema.query import Service


@strawberry.input(description="Where the clock is to stand.")
class SetSandboxClockInput(MutationInput):
    now: datetime | None = given("The instant at which it stops until it is set again; null: real time", values.an_instant)


@strawberry.type(description="The clock, set.")
class SetSandboxClockPayload(Payload):
    service = resolver(service, Service | None, reads=False, description="This deployment, with the clock as it stands now")


set_sandbox_clock = mutation(
    operations.set_sandbox_clock,
    SetSandboxClockInput,
    SetSandboxClockPayload,
    after=set_clock,
    description="Sandbox only: moves the clock that deadlines follow, or puts it back. "
    "Tokens, signatures, limits and idempotency keep real time",
)


@strawberry.input(description="Nothing to choose: all of the account's sandbox data goes.")
class ResetSandboxInput(MutationInput):
    pass


@strawberry.type(description="The sandbox as it began.")
class ResetSandboxPayload(Payload):
    account = related_by(models.Company, "account_id", free=True, description="The company")


reset_sandbox = mutation(
    operations.reset_sandbox,
    ResetSandboxInput,
    ResetSandboxPayload,
    after=set_clock,
    description="Sandbox only: puts the account's sandbox data back to its seeded state, its clock to real time",
)
