"""A company's projects: making, editing, submitting and deleting them; what the portal's gateway delivers and decides."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.errors import AppError, ContractNotActive, IllegalTransition, NotEditable, ProjectInUse, ProjectNotApproved, ValidationFailed
from app.models import (
    Contract,
    ContractStatus,
    Employment,
    EventType,
    Job,
    Project,
    ProjectDecision,
    ProjectKind,
    ProjectStatus,
    contract_status,
    is_current,
)
from app.operations.entrance import enter_with
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

# What the portal may decide of a project, a client's or the company's own: of which state it makes which.
DECISIONS: dict[ProjectDecision, tuple[ProjectStatus, ProjectStatus]] = {
    ProjectDecision.APPROVE: (ProjectStatus.SUBMITTED, ProjectStatus.APPROVED),
    ProjectDecision.RETURN: (ProjectStatus.SUBMITTED, ProjectStatus.RETURNED),
    ProjectDecision.REJECT: (ProjectStatus.SUBMITTED, ProjectStatus.REJECTED),
    ProjectDecision.SUSPEND: (ProjectStatus.APPROVED, ProjectStatus.SUSPENDED),
    ProjectDecision.RESUME: (ProjectStatus.SUSPENDED, ProjectStatus.APPROVED),
    ProjectDecision.COMPLETE: (ProjectStatus.APPROVED, ProjectStatus.COMPLETED),
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


async def deliver_project(work: Work, *, contract_id: UUID, **values: Any) -> dict[str, object]:
    """Bring a company the project of a client: it arrives approved, on the contract.

    values  columns of Project by name.
    Raises  NotFound, AccountSuspended
            ContractNotActive  the contract is not in force today
            ValidationFailed   it would end before it begins
    Source  guide 10; domain, invariant 4.
    """
    contract = await enter_with(work, Contract, contract_id, "contract_id")
    if await work.status(contract, contract_status, work.today) != ContractStatus.ACTIVE:
        raise ContractNotActive(("contract_id",))
    check_period(values.get("starts_on"), values.get("ends_on"))
    project = await work.add(
        Project(
            company_id=work.company.id,
            kind=ProjectKind.CLIENT,
            contract_id=contract.id,
            establishment_id=contract.establishment_id,
            status=ProjectStatus.APPROVED,
            created_at=work.now,
            updated_at=work.now,
            **values,
        )
    )
    await work.record(EventType.PROJECT_CREATED, project)
    return {"project": project}


async def decide_project(work: Work, *, project_id: UUID, decision: ProjectDecision, note: str | None = None) -> dict[str, object]:
    """Say what the portal has decided of a project; the note stands until the next decision.

    Raises  NotFound, AccountSuspended
            IllegalTransition  the state table has no such step
    Source  domain, states.
    """
    project = await enter_with(work, Project, project_id, "project_id")
    before, after = DECISIONS[decision]
    if project.status is not before:
        raise IllegalTransition(("decision",), current=project.status, wanted=after)
    project.status, project.review_note = after, note
    work.touch(project)
    await work.record(EventType.PROJECT_DECIDED, project)
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
        raise ValidationFailed(("ends_on",), en="The last day lies before the first.")
