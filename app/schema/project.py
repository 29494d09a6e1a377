"""Projects, and making, editing, submitting and deleting them."""

from __future__ import annotations

from datetime import date, datetime

import strawberry
from sqlalchemy import ColumnElement, false, true

from app import models, values
from app.auth.permissions import Permission
from app.engine.declare import Asker, attribute, column, expression, graph_type, hijri, identity, related, related_by
from app.engine.filters import any_of, between, filter_input, own_text, refers, search
from app.engine.inputs import CheckedInput, given, key_of, required
from app.engine.pages import connection, order_by
from app.models import ProjectKind, ProjectStatus
from app.models.base import Row, is_one_of
from app.models.employment import works_in_project
from app.operations import project as operations
from app.resolvers.mutation import Payload, mutation
from app.schema.job import JOB_ORDER, JobFilter
from app.schema.shared import DateRange, Node, name_in_language


@filter_input(description="Which projects.")
class ProjectFilter:
    status: list[ProjectStatus] | None = any_of(lambda row, _: row.status, "In one of these states")
    establishment_id: strawberry.ID | None = refers(models.Establishment, lambda row, _, key: row.establishment_id == key, "Of this client")
    starts_on: DateRange | None = between(lambda row, _: row.starts_on, "Beginning in this range")
    search: str | None = search(own_text, "Part of a title")


PROJECT_ORDER = order_by(
    "ProjectOrder",
    {"CREATED_AT": "When it was made", "STARTS_ON": "First day; without one comes last", "TITLE": "Arabic title, by code points"},
    CREATED_AT=lambda row, _: row.created_at,
    STARTS_ON=lambda row, _: row.starts_on,
    TITLE=lambda row, _: row.title_ar,
)


def _can_update(row: Row, asker: Asker) -> ColumnElement[bool]:
    return is_one_of(row.status, operations.EDITABLE) if asker.may(Permission.PROJECTS_WRITE) else false()


def _can_delete(row: Row, asker: Asker) -> ColumnElement[bool]:
    if not asker.may(Permission.PROJECTS_DELETE):
        return false()
    return ~works_in_project(row, asker.today)


@graph_type(models.Project, allow=Permission.PROJECTS_READ, description="Work that jobs are opened for.")
class Project(Node):
    id: strawberry.ID = identity(models.Project)
    kind: ProjectKind = column(models.Project.kind, description="Whose it is")
    company = related(models.Project.company_id, description="The company that runs it")
    contract = related(models.Project.contract_id, description="The contract that it stands on; null for an own project")
    establishment = related(models.Project.establishment_id, description="The client; null for an own project")
    title: str = expression(name_in_language("title"), description="Title in the language the caller asked for")
    title_ar: str = column(models.Project.title_ar, description="Title in Arabic")
    title_en: str | None = column(models.Project.title_en, description="Title in English")
    scope: str | None = column(models.Project.scope, description="What is to be done")
    status: ProjectStatus = column(models.Project.status, description="Where it stands")
    review_note: str | None = column(models.Project.review_note, description="The portal's note on its last decision")
    starts_on: date | None = column(models.Project.starts_on, description="First day")
    starts_on_hijri: str | None = hijri(models.Project.starts_on)
    ends_on: date | None = column(models.Project.ends_on, description="Last day, included")
    ends_on_hijri: str | None = hijri(models.Project.ends_on)
    planned_headcount: int | None = column(models.Project.planned_headcount, description="How many people it is planned for")
    jobs = connection(
        models.Job.project_id,
        order=JOB_ORDER,
        where=JobFilter,
        # The contract makes it non-null; who came here by an employment alone finds no further jobs.
        only=lambda _, asker: true() if asker.may(Permission.PROJECTS_READ) else false(),
        description="Jobs opened for it",
    )
    viewer_can_update: bool = expression(_can_update, description="Whether the caller may edit it now")
    viewer_can_delete: bool = expression(_can_delete, description="Whether the caller may delete it now: nobody works in it")
    version: int = column(models.Project.version, description="Rises with every change; sent along, it guards against lost updates")
    created_at: datetime = column(models.Project.created_at, description="When it was made")
    updated_at: datetime = column(models.Project.updated_at, description="When it was last changed")


# The same rules whether a project is made or edited.
_TITLE, _SCOPE, _HEADCOUNT = values.text(200), values.text(4000), values.whole_number(1, 100_000)


@strawberry.input(description="A project of the company's own.")
class CreateProjectInput(CheckedInput):
    title_ar: str = required("Title in Arabic", _TITLE)
    title_en: str | None = given("Title in English", _TITLE)
    scope: str | None = given("What is to be done", _SCOPE)
    starts_on: date | None = given("First day", values.a_date)
    ends_on: date | None = given("Last day, included", values.a_date)
    planned_headcount: int | None = given("How many people it is planned for, 1 to 100,000", _HEADCOUNT)


@strawberry.type(description="The project, a draft.")
class CreateProjectPayload(Payload):
    project = related_by(models.Project, "project_id", description="The project")


create_project = mutation(
    operations.create_project,
    CreateProjectInput,
    CreateProjectPayload,
    allow=Permission.PROJECTS_WRITE,
    description="Make a project of the company's own; it is a draft until it is submitted",
)


@strawberry.input(description="Changes to a project: an absent field stays, null clears what may be null.")
class UpdateProjectInput(CheckedInput):
    project_id: strawberry.ID = required("The project", key_of(models.Project))
    title_ar: str | None = given("Title in Arabic", _TITLE, clearable=False)
    title_en: str | None = given("Title in English", _TITLE)
    scope: str | None = given("What is to be done", _SCOPE)
    starts_on: date | None = given("First day", values.a_date)
    ends_on: date | None = given("Last day, included", values.a_date)
    planned_headcount: int | None = given("How many people it is planned for, 1 to 100,000", _HEADCOUNT)
    version: int | None = given("The version that was read; another one is VERSION_CONFLICT")


@strawberry.type(description="The project, changed.")
class UpdateProjectPayload(Payload):
    project = related_by(models.Project, "project_id", description="The project")


update_project = mutation(
    operations.update_project,
    UpdateProjectInput,
    UpdateProjectPayload,
    allow=Permission.PROJECTS_WRITE,
    description="Edit a project that is a draft, returned or approved",
)


@strawberry.input(description="Which project to submit.")
class SubmitProjectInput(CheckedInput):
    project_id: strawberry.ID = required("The project", key_of(models.Project))
    version: int | None = given("The version that was read; another one is VERSION_CONFLICT")


@strawberry.type(description="The project, submitted.")
class SubmitProjectPayload(Payload):
    project = related_by(models.Project, "project_id", description="The project")


submit_project = mutation(
    operations.submit_project,
    SubmitProjectInput,
    SubmitProjectPayload,
    allow=Permission.PROJECTS_WRITE,
    description="Put a project that is a draft, or was returned, before the portal for approval",
)


@strawberry.input(description="Which project to delete.")
class DeleteProjectInput(CheckedInput):
    project_id: strawberry.ID = required("The project", key_of(models.Project))
    reason: str | None = given("Why", values.text(1000))
    version: int | None = given("The version that was read; another one is VERSION_CONFLICT")


@strawberry.type(description="The project is gone from all lists; its record is kept.")
class DeleteProjectPayload(Payload):
    deleted_project_id: strawberry.ID | None = attribute(description="The id that it had")


delete_project = mutation(
    operations.delete_project,
    DeleteProjectInput,
    DeleteProjectPayload,
    allow=Permission.PROJECTS_DELETE,
    description="Delete a project in which nobody works, with its jobs",
)
