"""People whom a company employs to work from anywhere."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import strawberry
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import aliased
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument

from app import models, values
from app.auth.permissions import Permission
from app.engine.declare import Asker, column, graph_type, hijri, identity, related, resolver
from app.engine.dialects import Dialect
from app.engine.filters import Condition, by_rule, filter_input, own_text, refers, search, where_field
from app.engine.pages import connection, order_by
from app.models import EducationLevel, EmploymentStatus, Gender, employment_status
from app.models.base import Row
from app.resolvers.teleworker import national_ids
from app.schema.employment import EMPLOYMENT_ORDER, EmploymentFilter
from app.schema.scalars import EmailAddress, MobileNumber, NationalId
from app.schema.shared import Node


def _with_employment_in_state() -> Any:
    def sql(row: Row, asker: Asker, part: str, name: str, dialect: Dialect) -> ColumnElement[bool]:
        employment = aliased(models.Employment)
        mine = employment.teleworker_id == row.id
        return select(employment.id).where(mine, dialect.member(employment_status(employment, asker.today), name)).exists()

    return where_field(
        Condition(lambda value: {"in": tuple(item.value for item in value)}, sql), "With an employment in one of these states today"
    )


def _in_project(row: Row, asker: Asker, project: ColumnElement[UUID]) -> ColumnElement[bool]:
    employment, job = aliased(models.Employment), aliased(models.Job)
    joined = select(employment.id).join(job, job.id == employment.job_id)
    return joined.where(employment.teleworker_id == row.id, job.project_id == project).exists()


@filter_input(description="Which teleworkers. `search` never looks at national ids.")
class TeleworkerFilter:
    employment_status: list[EmploymentStatus] | None = _with_employment_in_state()
    project_id: strawberry.ID | None = refers(models.Project, _in_project, "Employed, now or once, in this project")
    national_id: NationalId | None = by_rule(
        lambda row, _: row.national_id,
        values.national_id,
        "With this national id. Needs TELEWORKERS_REVEAL",
        allow=Permission.TELEWORKERS_REVEAL,
    )
    search: str | None = search(own_text, "Part of the name")


TELEWORKER_ORDER = order_by(
    "TeleworkerOrder",
    {"NAME": "Name, by code points", "CREATED_AT": "When they were first hired"},
    descending=False,
    NAME=lambda row, _: row.name,
    CREATED_AT=lambda row, _: row.created_at,
)

_REVEAL = StrawberryArgument(
    "reveal", None, StrawberryAnnotation(bool), default=False, description="The whole id. Needs TELEWORKERS_REVEAL, and leaves an event"
)


@graph_type(models.Teleworker, allow=Permission.TELEWORKERS_READ, description="A person whom the company employs to work from anywhere.")
class Teleworker(Node):
    id: strawberry.ID = identity(models.Teleworker)
    name: str = column(models.Teleworker.name, description="Full name")
    national_id = resolver(
        national_ids, NationalId | None, arguments=[_REVEAL], description="Masked (1*******08); whole with reveal, which leaves an event"
    )
    birth_date: date | None = column(models.Teleworker.birth_date, description="Date of birth")
    birth_date_hijri: str | None = hijri(models.Teleworker.birth_date)
    gender: Gender | None = column(models.Teleworker.gender, description="Gender")
    mobile: MobileNumber | None = column(models.Teleworker.mobile, description="Mobile number")
    email: EmailAddress | None = column(models.Teleworker.email, description="E-mail address")
    city = related(models.Teleworker.city_id, description="Where they live")
    education_level: EducationLevel | None = column(models.Teleworker.education_level, description="Education")
    employments = connection(
        models.Employment.teleworker_id,
        order=EMPLOYMENT_ORDER,
        where=EmploymentFilter,
        allow=Permission.TELEWORKERS_READ,
        description="Where they work or worked for the company",
    )
    created_at: datetime = column(models.Teleworker.created_at, description="When they were first hired")
