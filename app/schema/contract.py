"""A company's contracts with establishments, and ending them."""

from __future__ import annotations

from datetime import date, datetime

import strawberry
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import aliased

from app import models, values
from app.auth.permissions import Permission
from app.engine.declare import Asker, column, expression, graph_type, hijri, identity, related, related_by, resolver
from app.engine.filters import any_of, between, filter_input, refers, search
from app.engine.inputs import CheckedInput, given, key_of, required
from app.engine.pages import connection, order_by
from app.models import ContractStatus, contract_status
from app.models.base import Row
from app.operations import contract as operations
from app.resolvers.contract import summary_urls
from app.resolvers.mutation import Payload, mutation
from app.schema.project import PROJECT_ORDER, ProjectFilter
from app.schema.scalars import URL
from app.schema.shared import DateRange, Node


def _mentions(row: Row, asker: Asker, pattern: ColumnElement[str]) -> ColumnElement[bool]:
    """The number; the establishment's names."""
    establishment = aliased(models.Establishment)
    # A value and not EXISTS, for which PostgreSQL would read all establishments first: 0.3 s for 100,000.
    named = select(establishment.search_text.like(pattern, escape="\\")).where(establishment.id == row.establishment_id)
    return or_(named.scalar_subquery(), row.number.ilike(pattern, escape="\\"))


@filter_input(description="Which contracts.")
class ContractFilter:
    status: list[ContractStatus] | None = any_of(lambda row, asker: contract_status(row, asker.today), "In one of these states today")
    establishment_id: strawberry.ID | None = refers(
        models.Establishment, lambda row, _, key: row.establishment_id == key, "With this establishment"
    )
    starts_on: DateRange | None = between(lambda row, _: row.starts_on, "Beginning in this range")
    ends_on: DateRange | None = between(lambda row, _: row.ends_on, "Ending in this range")
    search: str | None = search(_mentions, "Part of the number, or of the establishment's name")


CONTRACT_ORDER = order_by(
    "ContractOrder",
    {"CREATED_AT": "When it was made", "STARTS_ON": "First day", "ENDS_ON": "Last day; without one comes last", "NUMBER": "Number"},
    CREATED_AT=lambda row, _: row.created_at,
    STARTS_ON=lambda row, _: row.starts_on,
    ENDS_ON=lambda row, _: row.ends_on,
    NUMBER=lambda row, _: row.number,
)


@graph_type(models.Contract, allow=Permission.CONTRACTS_READ, description="A company's contract with an establishment.")
class Contract(Node):
    id: strawberry.ID = identity(models.Contract)
    number: str = column(models.Contract.number, description="Number by which people know it")
    company = related(models.Contract.company_id, description="The company that provides telework")
    establishment = related(models.Contract.establishment_id, description="The client")
    invitation = related(models.Contract.invitation_id, description="The invitation that led to it")
    status: ContractStatus = expression(lambda row, asker: contract_status(row, asker.today), description="Where it stands today")
    starts_on: date = column(models.Contract.starts_on, description="First day")
    starts_on_hijri: str | None = hijri(models.Contract.starts_on)
    ends_on: date | None = column(models.Contract.ends_on, description="Last day, included; null while open-ended")
    ends_on_hijri: str | None = hijri(models.Contract.ends_on)
    document = related(models.Contract.document_id, description="The agreement")
    summary_url = resolver(
        summary_urls,
        URL | None,
        reads=False,
        description="Where to GET what the portal knows of it as a PDF in Arabic and English, for five minutes and with the caller's own "
        "credential; null where the server was set up without its fonts",
    )
    terminated_at: datetime | None = column(models.Contract.terminated_at, description="When it was ended before its time")
    terminated_at_hijri: str | None = hijri(models.Contract.terminated_at)
    termination_reason: str | None = column(models.Contract.termination_reason, description="Why it was ended")
    projects = connection(
        models.Project.contract_id,
        order=PROJECT_ORDER,
        where=ProjectFilter,
        allow=Permission.PROJECTS_READ,
        description="Projects that stand on it",
    )
    version: int = column(models.Contract.version, description="Rises with every change; sent along, it guards against lost updates")
    created_at: datetime = column(models.Contract.created_at, description="When it was made")
    updated_at: datetime = column(models.Contract.updated_at, description="When it was last changed")


@strawberry.input(description="Which contract to end before its time, and why.")
class TerminateContractInput(CheckedInput):
    contract_id: strawberry.ID = required("The contract", key_of(models.Contract))
    reason: str = required("Why, for the record", values.text(1000))
    version: int | None = given("The version that was read; another one is VERSION_CONFLICT")


@strawberry.type(description="The contract, terminated.")
class TerminateContractPayload(Payload):
    contract = related_by(models.Contract, "contract_id", description="The contract")


terminate_contract = mutation(
    operations.terminate_contract,
    TerminateContractInput,
    TerminateContractPayload,
    allow=Permission.CONTRACTS_WRITE,
    description="End a contract that is in force or about to begin: its projects take no new job and no hire; employments stand",
)
