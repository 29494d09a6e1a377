"""Jobs: adding, editing, publishing, closing and deleting them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import strawberry
from sqlalchemy import ColumnElement, bindparam, or_

from app import models, values
from app.auth.permissions import Permission
from app.engine.declare import Asker, attribute, column, expression, graph_type, hijri, identity, related, related_by
from app.engine.filters import Condition, any_of, equals, filter_input, own_text, range_parts, refers, search, where_field
from app.engine.inputs import CheckedInput, given, key_of, required
from app.engine.pages import connection, order_by
from app.models import EducationLevel, EmploymentType, GenderRequirement, JobStatus, job_status, places_taken
from app.models.base import Money, Row
from app.operations import job as operations
from app.resolvers.mutation import Payload, mutation
from app.schema.employment import EMPLOYMENT_ORDER, EmploymentFilter
from app.schema.shared import DecimalRange, Node, name_in_language


def _overlapping_salary() -> Any:
    def parts(value: DecimalRange) -> dict[str, Any]:
        return {part: values.money(bound) for part, bound in range_parts(value).items()}

    def sql(row: Row, asker: Asker, part: str, name: str, dialect: Any) -> ColumnElement[bool]:
        bound: ColumnElement[Any] = bindparam(name, type_=Money())
        if part == "from":  # a range without an upper end reaches any amount; one without either end is unknown and matches nothing
            return or_(row.salary_max >= bound, row.salary_max.is_(None) & row.salary_min.is_not(None))
        return or_(row.salary_min <= bound, row.salary_min.is_(None) & row.salary_max.is_not(None))

    return where_field(Condition(parts, sql), "Whose salary range overlaps this one")


@filter_input(description="Which jobs.")
class JobFilter:
    status: list[JobStatus] | None = any_of(lambda row, asker: job_status(row, asker.now, asker.today), "In one of these states now")
    employment_type: list[EmploymentType] | None = any_of(lambda row, _: row.employment_type, "Of one of these types")
    salary: DecimalRange | None = _overlapping_salary()
    city_id: strawberry.ID | None = refers(models.City, lambda row, _, key: row.city_id == key, "In this city")
    occupation_id: strawberry.ID | None = refers(models.Occupation, lambda row, _, key: row.occupation_id == key, "For this occupation")
    disability_friendly: bool | None = equals(lambda row, _: row.disability_friendly, "Whether it suits people with disabilities")
    search: str | None = search(own_text, "Part of a title")


JOB_ORDER = order_by(
    "JobOrder",
    {
        "CREATED_AT": "When it was made",
        "PUBLISHED_AT": "When it was published; a draft comes last",
        "CLOSES_AT": "Until when it is open; a draft comes last",
        "SALARY_MIN": "Least wage; without one comes last",
        "TITLE": "Arabic title, by code points",
    },
    CREATED_AT=lambda row, _: row.created_at,
    PUBLISHED_AT=lambda row, _: row.published_at,
    CLOSES_AT=lambda row, _: row.closes_at,
    SALARY_MIN=lambda row, _: row.salary_min,
    TITLE=lambda row, _: row.title_ar,
)


@graph_type(models.Job, allow=Permission.PROJECTS_READ, description="Places to fill in a project.")
class Job(Node):
    id: strawberry.ID = identity(models.Job)
    project = related(models.Job.project_id, description="The project that it is opened for")
    title: str = expression(name_in_language("title"), description="Title in the language the caller asked for")
    title_ar: str = column(models.Job.title_ar, description="Title in Arabic")
    title_en: str | None = column(models.Job.title_en, description="Title in English")
    occupation = related(models.Job.occupation_id, description="Occupation")
    description: str | None = column(models.Job.description, description="What the work is")
    status: JobStatus = expression(lambda row, asker: job_status(row, asker.now, asker.today), description="Where it stands now")
    vacancies: int = column(models.Job.vacancies, description="Places in all")
    filled: int = expression(lambda row, asker: places_taken(row, asker.today), description="Places taken")
    employment_type: EmploymentType = column(models.Job.employment_type, description="How much of a week")
    salary_min: Decimal | None = column(models.Job.salary_min, description="Least monthly wage in riyals")
    salary_max: Decimal | None = column(models.Job.salary_max, description="Highest monthly wage in riyals")
    weekly_hours: int = column(models.Job.weekly_hours, description="Hours a week")
    gender: GenderRequirement = column(models.Job.gender, description="Whom it is for")
    education_level: EducationLevel | None = column(models.Job.education_level, description="Least education")
    experience_years: int | None = column(models.Job.experience_years, description="Least experience, in years")
    skills: list[str] = column(models.Job.skills, description="Skills asked for")
    disability_friendly: bool = column(models.Job.disability_friendly, description="Whether it suits people with disabilities")
    city = related(models.Job.city_id, description="City, where it matters")
    published_at: datetime | None = column(models.Job.published_at, description="When it was first published")
    published_at_hijri: str | None = hijri(models.Job.published_at)
    closes_at: datetime | None = column(models.Job.closes_at, description="The instant from which on it is EXPIRED")
    closes_at_hijri: str | None = hijri(models.Job.closes_at)
    employments = connection(
        models.Employment.job_id,
        order=EMPLOYMENT_ORDER,
        where=EmploymentFilter,
        allow=Permission.TELEWORKERS_READ,
        description="Who works or worked in it",
    )
    version: int = column(models.Job.version, description="Rises with every change; sent along, it guards against lost updates")
    created_at: datetime = column(models.Job.created_at, description="When it was made")
    updated_at: datetime = column(models.Job.updated_at, description="When it was last changed")


_vacancies, _hours, _experience = values.whole_number(1, 10_000), values.whole_number(1, 48), values.whole_number(0, 60)


@strawberry.input(description="A new job.")
class AddJobInput(CheckedInput):
    project_id: strawberry.ID = required("The approved project that it is for", key_of(models.Project))
    title_ar: str = required("Title in Arabic", values.text(200))
    title_en: str | None = given("Title in English", values.text(200))
    occupation_id: strawberry.ID | None = given("Occupation", key_of(models.Occupation))
    description: str | None = given("What the work is", values.text(4000))
    vacancies: int = required("Places in all, 1 to 10,000", _vacancies)
    employment_type: EmploymentType = required("How much of a week")
    salary_min: Decimal | None = given("Least monthly wage in riyals", values.money)
    salary_max: Decimal | None = given("Highest monthly wage in riyals", values.money)
    weekly_hours: int = required("Hours a week, 1 to 48", _hours)
    gender: GenderRequirement = given("Whom it is for", default=GenderRequirement.ANY)
    education_level: EducationLevel | None = given("Least education")
    experience_years: int | None = given("Least experience, in years, 0 to 60", _experience)
    skills: list[str] = given("Skills asked for, at most 50", values.text(100), each=True, most=50, default=())
    disability_friendly: bool = given("Whether it suits people with disabilities", default=False)
    city_id: strawberry.ID | None = given("City, where it matters", key_of(models.City))
    publish: bool = given("Publish it at once, for a month; otherwise it is a draft", default=True)


@strawberry.type(description="The job, added.")
class AddJobPayload(Payload):
    job = related_by(models.Job, "job_id", description="The job")


add_job = mutation(
    operations.add_job, AddJobInput, AddJobPayload, allow=Permission.JOBS_WRITE, description="Add a job to an approved project"
)


@strawberry.input(description="Changes to a job: an absent field stays, null clears what may be null.")
class UpdateJobInput(CheckedInput):
    job_id: strawberry.ID = required("The job", key_of(models.Job))
    title_ar: str | None = given("Title in Arabic", values.text(200), clearable=False)
    title_en: str | None = given("Title in English", values.text(200))
    occupation_id: strawberry.ID | None = given("Occupation", key_of(models.Occupation))
    description: str | None = given("What the work is", values.text(4000))
    vacancies: int | None = given("Places in all, not fewer than are taken", _vacancies, clearable=False)
    employment_type: EmploymentType | None = given("How much of a week", clearable=False)
    salary_min: Decimal | None = given("Least monthly wage in riyals", values.money)
    salary_max: Decimal | None = given("Highest monthly wage in riyals", values.money)
    weekly_hours: int | None = given("Hours a week, 1 to 48", _hours, clearable=False)
    gender: GenderRequirement | None = given("Whom it is for", clearable=False)
    education_level: EducationLevel | None = given("Least education")
    experience_years: int | None = given("Least experience, in years, 0 to 60", _experience)
    skills: list[str] | None = given("Skills asked for, at most 50", values.text(100), each=True, most=50, clearable=False)
    disability_friendly: bool | None = given("Whether it suits people with disabilities", clearable=False)
    city_id: strawberry.ID | None = given("City, where it matters", key_of(models.City))
    version: int | None = given("The version that was read; another one is VERSION_CONFLICT")


@strawberry.type(description="The job, changed.")
class UpdateJobPayload(Payload):
    job = related_by(models.Job, "job_id", description="The job")


update_job = mutation(
    operations.update_job, UpdateJobInput, UpdateJobPayload, allow=Permission.JOBS_WRITE, description="Edit a job that is not closed"
)


@strawberry.input(description="Which state a job is to have.")
class ChangeJobStatusInput(CheckedInput):
    job_id: strawberry.ID = required("The job", key_of(models.Job))
    status: JobStatus = required("OPEN, PAUSED or CLOSED; FILLED and EXPIRED come by themselves")
    version: int | None = given("The version that was read; another one is VERSION_CONFLICT")


@strawberry.type(description="The job in its new state.")
class ChangeJobStatusPayload(Payload):
    job = related_by(models.Job, "job_id", description="The job")


change_job_status = mutation(
    operations.change_job_status,
    ChangeJobStatusInput,
    ChangeJobStatusPayload,
    allow=Permission.JOBS_WRITE,
    description="Publish, pause, reopen, renew or close a job",
)


@strawberry.input(description="Which job to delete.")
class DeleteJobInput(CheckedInput):
    job_id: strawberry.ID = required("The job", key_of(models.Job))
    version: int | None = given("The version that was read; another one is VERSION_CONFLICT")


@strawberry.type(description="The job is gone from all lists; its record is kept.")
class DeleteJobPayload(Payload):
    deleted_job_id: strawberry.ID | None = attribute(description="The id that it had")


delete_job = mutation(
    operations.delete_job, DeleteJobInput, DeleteJobPayload, allow=Permission.JOBS_WRITE, description="Delete a job in which nobody works"
)
