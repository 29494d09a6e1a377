"""A company's projects: making, editing, submitting and deleting them."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.errors import ContractNotActive, IllegalTransition, NotEditable, ProjectInUse, ProjectNotApproved, ValidationFailed
from app.models import (
    Contract,
    ContractStatus,
    Employment,
    EventType,
    Job,
    Project,
    ProjectKind,
    ProjectStatus,
    contract_status,
    is_current,
)
from app.operations.work import Work

# While the portal reviews it, or once it is over, a project stays as it is.
EDITABLE = frozenset({ProjectStatus.DRAFT, ProjectStatus.RETURNED, ProjectStatus.APPROVED})
# What its company may make of a project; all else the portal decides. A client's arrives approved.
TRANSITIONS: dict[ProjectStatus, frozenset[ProjectStatus]] = {
    ProjectStatus.DRAFT: frozenset({ProjectStatus.SUBMITTED}),
    ProjectStatus.SUBMITTED: frozenset(),
    ProjectStatus.RETURNED: frozenset({ProjectStatus.SUBMITTED}),
    ProjectStatus.APPROVED: frozenset(),
    ProjectStatus.REJECTED: frozenset(),
    ProjectStatus.SUSPENDED: frozenset(),
    ProjectStatus.COMPLETED: frozenset(),
}


async def create_project(work: Work, **values: Any) -> dict[str, object]:
    """Make a project of the company's own, a draft until it is submitted.

    values  columns of Project by name.
    Raises  ValidationFailed  it would end before it begins
    Source  guide 12; domain, states.
    """
    check_period(values.get("starts_on"), values.get("ends_on"))
    project = await work.add(
        Project(
            company_id=work.company.id,
            kind=ProjectKind.OWN,
            status=ProjectStatus.DRAFT,
            created_at=work.now,
            updated_at=work.now,
            **values,
        )
    )
    await work.record(EventType.PROJECT_CREATED, project)
    return {"project": project}


async def update_project(work: Work, *, project_id: UUID, version: int | None = None, **changes: Any) -> dict[str, object]:
    """Edit a project.

    changes  columns of Project by name.
    Raises   NotFound, VersionConflict
             NotEditable       it is under review, refused, suspended or completed
             ValidationFailed  it would end before it begins
    Source   guide 11.
    """
    project = await work.find(Project, project_id, "project_id")
    work.check_version(project, version)
    if project.status not in EDITABLE:
        raise NotEditable(("project_id",), current=project.status)
    if work.change(project, changes):
        check_period(project.starts_on, project.ends_on)
        work.touch(project)
        await work.record(EventType.PROJECT_UPDATED, project)
    return {"project": project}


async def submit_project(work: Work, *, project_id: UUID, version: int | None = None) -> dict[str, object]:
    """Put a draft, or one that was returned, before the portal.

    Raises  NotFound, VersionConflict
            IllegalTransition  the state table has no such step
    Source  guide 12; domain, states.
    """
    project = await work.find(Project, project_id, "project_id")
    work.check_version(project, version)
    if ProjectStatus.SUBMITTED not in TRANSITIONS[project.status]:
        raise IllegalTransition(("project_id",), current=project.status, wanted=ProjectStatus.SUBMITTED)
    project.status = ProjectStatus.SUBMITTED
    work.touch(project)
    await work.record(EventType.PROJECT_SUBMITTED, project)
    return {"project": project}


async def delete_project(work: Work, *, project_id: UUID, reason: str | None = None, version: int | None = None) -> dict[str, object]:
    """Hide a project and its jobs; the records stay.

    Raises  NotFound, VersionConflict
            ProjectInUse  people work in it
    Source  guide 11; domain, invariant 6.
    """
    project = await work.find(Project, project_id, "project_id")
    work.check_version(project, version)
    jobs: list[Job] = await work.all(select(Job).where(Job.project_id == project.id, Job.deleted_at.is_(None)).order_by(Job.id))
    if await anyone_works_in(work, [job.id for job in jobs]):
        raise ProjectInUse(("project_id",))
    project.deleted_at, project.deletion_reason = work.now, reason
    work.touch(project)
    await work.record(EventType.PROJECT_DELETED, project)
    for job in jobs:
        job.deleted_at = work.now
        work.touch(job)
        await work.record(EventType.JOB_DELETED, job)
    return {"deleted_project_id": project.public_id}


async def anyone_works_in(work: Work, job_ids: list[UUID]) -> bool:
    """Whether an employment in one of the jobs has not ended: active, on leave, or yet to begin."""
    found = select(Employment.id).where(Employment.job_id.in_(job_ids), is_current(Employment, work.today)).limit(1)
    return (await work.one(found)) is not None


async def check_open_for_jobs(work: Work, project: Project, path: str) -> None:
    """Raises ProjectNotApproved, or ContractNotActive for a client's project whose contract is not in force."""
    if project.status is not ProjectStatus.APPROVED:
        raise ProjectNotApproved((path,), current=project.status)
    if project.contract_id is None:
        return
    contract: Contract = await work.one(select(Contract).where(Contract.id == project.contract_id))
    if await work.status(contract, contract_status, work.today) != ContractStatus.ACTIVE:
        raise ContractNotActive((path,))


def check_period(starts_on: date | None, ends_on: date | None) -> None:
    if starts_on is not None and ends_on is not None and ends_on < starts_on:
        raise ValidationFailed(("ends_on",), en="The last day lies before the first.", ar="اليوم الأخير يسبق اليوم الأول.")
