"""The portal's other side: what its gateway finds, delivers, withdraws and decides. In the sandbox a token does, for its own company."""

from __future__ import annotations

from datetime import date, datetime

import strawberry
from sqlalchemy import BigInteger, ColumnElement, bindparam, literal_column, select
from sqlalchemy.orm import aliased

from app import models, values
from app.auth.permissions import Permission
from app.engine.declare import Asker, related_by
from app.engine.dialects import Dialect
from app.engine.filters import Argument, Condition, one_of
from app.engine.inputs import CheckedInput, given, key_of, required
from app.engine.pages import connection, sorted_by
from app.models import ProjectDecision, ProjectStatus
from app.models.base import Row
from app.operations import invitation, project
from app.resolvers.mutation import Payload, mutation
from app.schema.scalars import EmailAddress, EstablishmentNumber, MobileNumber, UnifiedNumber

_HALF = 10**9  # beyond every sequence number: both halves travel as one parameter


def _of_company(row: Row, _: Asker, part: str, name: str, dialect: Dialect) -> ColumnElement[bool]:
    """The company is looked up once, and its rows are walked along their index."""
    company = aliased(models.Company)
    number: ColumnElement[int] = bindparam(name, type_=BigInteger())
    half = literal_column(str(_HALF), BigInteger())
    halves = company.labor_office_id == number // half, company.sequence_number == number % half
    return row.company_id == select(company.id).where(*halves).scalar_subquery()  # type: ignore[no-any-return]  # an alias' attributes


def _packed(number: str) -> dict[str, int]:
    office, sequence = values.establishment_number(number)
    return {"is": office * _HALF + sequence}


_COMPANY = Argument(
    Condition(_packed, _of_company),
    EstablishmentNumber,
    "The company's number; of one that is not there, nothing",
    required=True,
)


@strawberry.type(description="What the other side of the portal needs to see: nothing else of any company is open to it.")
class Gateway:
    projects = connection(
        models.Project,
        order=sorted_by(lambda row, _: row.created_at, descending=True),
        arguments={"status": Argument(one_of(lambda row, _: row.status), list[ProjectStatus], "Only in one of these states")},
        allow=Permission.PROJECTS_READ,
        description="Projects of all companies, newest first",
    )
    contracts = connection(
        models.Contract,
        order=sorted_by(lambda row, _: row.created_at, descending=True),
        arguments={"company_number": _COMPANY},
        allow=Permission.CONTRACTS_READ,
        description="A company's contracts, newest first",
    )
    invitations = connection(
        models.Invitation,
        order=sorted_by(lambda row, _: row.received_at, descending=True),
        arguments={"company_number": _COMPANY},
        allow=Permission.INVITATIONS_READ,
        description="A company's invitations, newest first",
    )


_NAME, _TITLE, _SCOPE = values.text(200), values.text(200), values.text(4000)


@strawberry.input(description="Who invites whom. Of the establishment, what is absent stays as it is known, null clears what may be null.")
class DeliverInvitationInput(CheckedInput):
    company_number: EstablishmentNumber = required("Number of the company that is invited", values.establishment_number)
    establishment_number: EstablishmentNumber = required("Number of the establishment that invites", values.establishment_number)
    establishment_name_ar: str = required("Its name in Arabic", _NAME)
    establishment_name_en: str | None = given("Its name in English", _NAME)
    establishment_unified_number: UnifiedNumber | None = given("Its unified national number", values.unified_number)
    establishment_city_key: str | None = given("Where it is, as City.key", values.text(100))
    establishment_activity: str | None = given("What it does", values.text(500))
    establishment_email: EmailAddress | None = given("Its e-mail address", values.email)
    establishment_mobile: MobileNumber | None = given("Its mobile number, any usual spelling", values.mobile)
    message: str | None = given("Its words to the company", values.text(4000))
    proposed_starts_on: date | None = given("First day of the proposed contract", values.a_date)
    proposed_ends_on: date | None = given("Last day of the proposed contract, included", values.a_date)
    document_id: strawberry.ID | None = given("The agreement, a document of that company that is READY", key_of(models.Document))
    expires_at: datetime | None = given("Until when it can be decided; 30 days from now, unless said", values.an_instant)


@strawberry.type(description="The invitation, delivered.")
class DeliverInvitationPayload(Payload):
    invitation = related_by(models.Invitation, "invitation_id", description="The invitation")


deliver_invitation = mutation(
    invitation.deliver_invitation,
    DeliverInvitationInput,
    DeliverInvitationPayload,
    needs_account=False,
    gateway="only",
    description="Bring a company the invitation of an establishment, which is made, or corrected in what is told of it",
)


@strawberry.input(description="Which invitation to take back.")
class WithdrawInvitationInput(CheckedInput):
    invitation_id: strawberry.ID = required("The invitation", key_of(models.Invitation))


@strawberry.type(description="The invitation, withdrawn.")
class WithdrawInvitationPayload(Payload):
    invitation = related_by(models.Invitation, "invitation_id", description="The invitation")


withdraw_invitation = mutation(
    invitation.withdraw_invitation,
    WithdrawInvitationInput,
    WithdrawInvitationPayload,
    needs_account=False,
    gateway="only",
    description="Take an invitation back that waits for a decision",
)


@strawberry.input(description="A client's project, on a contract that is in force.")
class DeliverProjectInput(CheckedInput):
    contract_id: strawberry.ID = required("The contract that it stands on", key_of(models.Contract))
    title_ar: str = required("Title in Arabic", _TITLE)
    title_en: str | None = given("Title in English", _TITLE)
    scope: str | None = given("What is to be done", _SCOPE)
    starts_on: date | None = given("First day", values.a_date)
    ends_on: date | None = given("Last day, included", values.a_date)
    planned_headcount: int | None = given("How many people it is planned for, 1 to 100,000", values.whole_number(1, 100_000))


@strawberry.type(description="The project, approved.")
class DeliverProjectPayload(Payload):
    project = related_by(models.Project, "project_id", description="The project")


deliver_project = mutation(
    project.deliver_project,
    DeliverProjectInput,
    DeliverProjectPayload,
    needs_account=False,
    gateway="only",
    description="Bring a company the project of a client; it arrives approved",
)


@strawberry.input(description="What the portal has decided of a project.")
class DecideProjectInput(CheckedInput):
    project_id: strawberry.ID = required("The project, a client's or the company's own", key_of(models.Project))
    decision: ProjectDecision = required("What becomes of it")
    note: str | None = given("Why, for the company to read; it stands as reviewNote until the next decision", values.text(1000))


@strawberry.type(description="The project in its new state.")
class DecideProjectPayload(Payload):
    project = related_by(models.Project, "project_id", description="The project")


decide_project = mutation(
    project.decide_project,
    DecideProjectInput,
    DecideProjectPayload,
    needs_account=False,
    gateway="only",
    description="Approve, return or reject a project that was submitted; suspend, resume or complete one that was approved",
)
