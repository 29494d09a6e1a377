"""Employments and leaves."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import strawberry

from app import models, values
from app.auth.permissions import Permission
from app.engine.declare import all_of, column, expression, graph_type, hijri, identity, related, related_by
from app.engine.filters import any_of, filter_input
from app.engine.inputs import CheckedInput, given, key_of, required
from app.engine.pages import sorted_by
from app.models import EducationLevel, EmploymentStatus, EmploymentType, Gender, employment_status
from app.operations import employment as operations
from app.resolvers.mutation import Payload, mutation
from app.schema.scalars import EmailAddress, MobileNumber, NationalId
from app.schema.shared import Node


@filter_input(description="Which employments.")
class EmploymentFilter:
    status: list[EmploymentStatus] | None = any_of(lambda row, asker: employment_status(row, asker.today), "In one of these states today")


EMPLOYMENT_ORDER = sorted_by(lambda row, _: row.starts_on, descending=True)


@graph_type(models.LeavePeriod, allow=None, description="A leave, both days included.")
class LeavePeriod:
    starts_on: date = column(models.LeavePeriod.starts_on, description="First day")
    starts_on_hijri: str | None = hijri(models.LeavePeriod.starts_on)
    ends_on: date | None = column(models.LeavePeriod.ends_on, description="Last day; null while it is open")
    ends_on_hijri: str | None = hijri(models.LeavePeriod.ends_on)


@graph_type(models.Employment, allow=Permission.TELEWORKERS_READ, description="A teleworker's employment in a job.")
class Employment(Node):
    id: strawberry.ID = identity(models.Employment)
    job = related(models.Employment.job_id, description="The job")
    teleworker = related(models.Employment.teleworker_id, description="The person")
    status: EmploymentStatus = expression(lambda row, asker: employment_status(row, asker.today), description="Where it stands today")
    employment_type: EmploymentType = column(models.Employment.employment_type, description="How much of a week")
    starts_on: date = column(models.Employment.starts_on, description="First day")
    starts_on_hijri: str | None = hijri(models.Employment.starts_on)
    ends_on: date | None = column(models.Employment.ends_on, description="Last day, included; null while open-ended")
    ends_on_hijri: str | None = hijri(models.Employment.ends_on)
    wage: Decimal | None = column(models.Employment.wage, description="Monthly wage in riyals", allow=Permission.TELEWORKERS_REVEAL)
    weekly_hours: int = column(models.Employment.weekly_hours, description="Hours a week")
    gosi_registered: bool = column(models.Employment.gosi_registered, description="Whether it is registered in Social Insurance")
    qiwa_contract_number: str | None = column(models.Employment.qiwa_contract_number, description="Number of the contract in Qiwa")
    leave_periods = all_of(models.LeavePeriod.employment_id, sort="starts_on", description="Leaves, the earliest first")
    end_reason: str | None = column(models.Employment.end_reason, description="Why it ended")
    version: int = column(models.Employment.version, description="Rises with every change; sent along, it guards against lost updates")
    created_at: datetime = column(models.Employment.created_at, description="When the person was hired")
    updated_at: datetime = column(models.Employment.updated_at, description="When it was last changed")


_hours = values.whole_number(1, 2**31 - 1)  # how many there may be is a rule of its own


@strawberry.input(description="Who is hired into which job, and on what terms. Every broken rule is told at once.")
class HireTeleworkerInput(CheckedInput):
    job_id: strawberry.ID = required("The open job", key_of(models.Job))
    national_id: NationalId = required("National id of a citizen", values.national_id)
    name: str = required("Full name", values.text(200))
    birth_date: date = required("Date of birth: 18 to 60 years before the first day", values.a_date)
    gender: Gender = required("Gender; whom the job is for")
    mobile: MobileNumber | None = given("Mobile number", values.mobile)
    email: EmailAddress | None = given("E-mail address", values.email)
    city_id: strawberry.ID | None = given("Where they live", key_of(models.City))
    education_level: EducationLevel | None = given("Education; what the job asks for, or more")
    employment_type: EmploymentType = required("How much of a week")
    starts_on: date = required("First day, at most 28 days back", values.a_date)
    ends_on: date | None = given("Last day, included; open-ended without one", values.a_date)
    wage: Decimal = required("Monthly wage in riyals, at least 4,000 full time or 2,000 part time", values.money)
    weekly_hours: int = required("Hours a week, at most 48", _hours)
    gosi_registered: bool = required("Whether they are registered in Social Insurance, which they have to be")
    qiwa_contract_number: str | None = given("Number of the contract in Qiwa", values.text(50))


@strawberry.type(description="The employment, made.")
class HireTeleworkerPayload(Payload):
    employment = related_by(models.Employment, "employment_id", description="The employment")
    teleworker = related_by(models.Teleworker, "teleworker_id", description="The person")
    job = related_by(models.Job, "job_id", description="The job, with one place more that is taken")


hire_teleworker = mutation(
    operations.hire_teleworker,
    HireTeleworkerInput,
    HireTeleworkerPayload,
    allow=Permission.TELEWORKERS_WRITE,
    tells_all=True,
    # Of people whom it does not employ, an account learns here whether they have room: not for a whole list of ids.
    attempts=lambda settings: settings.hires_a_minute,
    description="Employ a person in an open job. An account may try it 60 times a minute",
)


@strawberry.input(description="Changes to an employment: an absent field stays, null clears what may be null.")
class UpdateEmploymentInput(CheckedInput):
    employment_id: strawberry.ID = required("The employment", key_of(models.Employment))
    on_leave_from: date | None = given("First day of a leave, a new one or the one of that day", values.a_date, clearable=False)
    on_leave_until: date | None = given(
        "Last day of that leave; alone, of the one that is open or ends next; null leaves it open", values.a_date
    )
    wage: Decimal | None = given("Monthly wage in riyals", values.money, clearable=False)
    weekly_hours: int | None = given("Hours a week", _hours, clearable=False)
    ends_on: date | None = given("Last day, today or later; null makes it open-ended", values.a_date)
    gosi_registered: bool | None = given("Whether it is registered in Social Insurance, which it has to be", clearable=False)
    qiwa_contract_number: str | None = given("Number of the contract in Qiwa", values.text(50))
    version: int | None = given("The version that was read; another one is VERSION_CONFLICT")


@strawberry.type(description="The employment, changed.")
class UpdateEmploymentPayload(Payload):
    employment = related_by(models.Employment, "employment_id", description="The employment")


update_employment = mutation(
    operations.update_employment,
    UpdateEmploymentInput,
    UpdateEmploymentPayload,
    allow=Permission.TELEWORKERS_WRITE,
    description="Change an employment that has not ended: its terms, its last day, its leaves",
)


@strawberry.input(description="When and why an employment ends.")
class EndEmploymentInput(CheckedInput):
    employment_id: strawberry.ID = required("The employment", key_of(models.Employment))
    ends_on: date = required("Last day; today or before ends it at once", values.a_date)
    reason: str = required("Why it ends", values.text(1000))
    version: int | None = given("The version that was read; another one is VERSION_CONFLICT")


@strawberry.type(description="The employment with its last day.")
class EndEmploymentPayload(Payload):
    employment = related_by(models.Employment, "employment_id", description="The employment")


end_employment = mutation(
    operations.end_employment,
    EndEmploymentInput,
    EndEmploymentPayload,
    allow=Permission.TELEWORKERS_WRITE,
    description="End an employment, at once or on a later day",
)
