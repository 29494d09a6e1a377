"""Editing and deleting projects."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.errors import AppError, ContractNotActive, NotEditable, ProjectInUse, ProjectNotApproved, ValidationFailed
from app.models import Contract, ContractStatus, Employment, EventType, Job, Project, ProjectStatus, contract_status, is_current
from app.operations.work import Work

# While the portal reviews it, or once it is over, a project stays as it is.
EDITABLE = frozenset({ProjectStatus.DRAFT, ProjectStatus.RETURNED, ProjectStatus.APPROVED})


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
    for error in await closed_for_jobs(work, project, path):
        raise error


async def closed_for_jobs(work: Work, project: Project, path: str) -> list[AppError]:
    """Why nobody may be hired for the project; empty where somebody may."""
    errors: list[AppError] = []
    if project.status is not ProjectStatus.APPROVED:
        errors.append(ProjectNotApproved((path,), current=project.status))
    if project.contract_id is not None:
        contract: Contract = await work.one(select(Contract).where(Contract.id == project.contract_id))
        if await work.status(contract, contract_status, work.today) != ContractStatus.ACTIVE:
            errors.append(ContractNotActive((path,)))
    return errors


def check_period(starts_on: date | None, ends_on: date | None) -> None:
    if starts_on is not None and ends_on is not None and ends_on < starts_on:
        raise ValidationFailed(("ends_on",), en="The last day lies before the first.", ar="اليوم الأخير يسبق اليوم الأول.")
