"""Writing to those who run the portal."""

from __future__ import annotations

import strawberry

from app import values
from app.engine.declare import attribute
from app.engine.inputs import CheckedInput, required
from app.operations import contact as operations
from app.resolvers.contact import check_frequency, pass_on
from app.resolvers.mutation import Payload, mutation
from app.schema.scalars import EmailAddress


@strawberry.input(description="A message to those who run the portal.")
class ContactUsInput(CheckedInput):
    name: str = required("Who writes", values.line(100))
    email: EmailAddress = required("Where the answer is to go", values.email)
    subject: str = required("What it is about", values.line(150))
    message: str = required("The message", values.text(5000))


@strawberry.type(description="The message, kept.")
class ContactUsPayload(Payload):
    ticket_number: str | None = attribute(description='The number to ask after it by, e.g. "T-2026-000123"')


contact_us = mutation(
    operations.contact_us,
    ContactUsInput,
    ContactUsPayload,
    needs_account=False,
    anyone=True,
    before=check_frequency,
    after=pass_on,
    description="Write to those who run the portal; open to anyone, some times an hour",
)
