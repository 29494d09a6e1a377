"""Employments and leaves."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import strawberry

from app import models
from app.auth.permissions import Permission
from app.engine.declare import all_of, column, expression, graph_type, hijri, identity, related
from app.engine.filters import any_of
from app.engine.pages import sorted_by
from app.models import EmploymentStatus, EmploymentType, employment_status
from app.schema.shared import Node


@strawberry.input(description="Which employments.")
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
