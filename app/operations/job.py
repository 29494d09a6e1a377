"""The jobs of a project: adding, editing, publishing, closing, deleting."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Date, and_, func, literal, select

from app.clock import RIYADH, month_later
from app.errors import AppError, AppErrors, IllegalTransition, JobInUse, NotEditable, NotFound, VacanciesBelowFilled, ValidationFailed
from app.models import City, Employment, EventType, Job, JobStatus, Occupation, Project, is_current, job_status, places_taken
from app.operations.project import anyone_works_in, check_open_for_jobs
from app.operations.work import Work

# What a person may make of a job. FILLED and EXPIRED come by themselves: from the places taken, and a month after publication.
TRANSITIONS: dict[JobStatus, frozenset[JobStatus]] = {
    JobStatus.DRAFT: frozenset({JobStatus.OPEN}),
    JobStatus.OPEN: frozenset({JobStatus.PAUSED, JobStatus.CLOSED}),
    JobStatus.PAUSED: frozenset({JobStatus.OPEN, JobStatus.CLOSED}),
    JobStatus.FILLED: frozenset(),
    JobStatus.CLOSED: frozenset(),
    JobStatus.EXPIRED: frozenset({JobStatus.OPEN}),
}


async def add_job(work: Work, *, project_id: UUID, publish: bool, **values: Any) -> dict[str, object]:
    """Add a job to an approved project; published at once for a month, or kept as a draft.

    values  columns of Job by name.
    Raises  NotFound, ProjectNotApproved, ContractNotActive
            ValidationFailed  the most is less than the least wage
    Source  guide 11; domain, invariants 4 and 5.
    """
    project = await work.find(Project, project_id, "project_id")
    await check_open_for_jobs(work, project, "project_id")
    _tell_all([*await _unknown(work, values), *_salary_errors(values.get("salary_min"), values.get("salary_max"))])
    job = Job(company_id=work.company.id, project_id=project.id, status=JobStatus.DRAFT, created_at=work.now, updated_at=work.now, **values)
    if publish:
        _publish(job, work.now)
    await work.add(job)
    await work.record(EventType.JOB_ADDED, job)
    return {"job": job}


async def update_job(work: Work, *, job_id: UUID, version: int | None = None, **changes: Any) -> dict[str, object]:
    """Edit a job.

    changes  columns of Job by name.
    Raises   NotFound, VersionConflict
             NotEditable           it is closed
             VacanciesBelowFilled  fewer places than are taken
             ValidationFailed      the most is less than the least wage
    Source   guide 11; domain, invariant 5.
    """
    job = await work.find(Job, job_id, "job_id")
    work.check_version(job, version)
    if job.status is JobStatus.CLOSED:
        raise NotEditable(("job_id",), current=job.status)
    errors = await _unknown(work, changes)
    taken = await places_taken_in(work, job)
    if changes.get("vacancies", job.vacancies) < taken:
        errors.append(VacanciesBelowFilled(("vacancies",), filled=taken))
    errors += _salary_errors(changes.get("salary_min", job.salary_min), changes.get("salary_max", job.salary_max))
    _tell_all(errors)
    if job.filled != taken:  # the kept count is held against the vacancies by a constraint
        await count_places(work, job)
    if work.change(job, changes):
        work.touch(job)
        await work.record(EventType.JOB_UPDATED, job)
    return {"job": job}


async def change_job_status(work: Work, *, job_id: UUID, status: JobStatus, version: int | None = None) -> dict[str, object]:
    """Publish, pause, reopen, renew or close a job.

    Raises  NotFound, VersionConflict
            IllegalTransition                      the state table has no such step
            ProjectNotApproved, ContractNotActive  it would be open in a project that takes no jobs
    Source  domain, states.
    """
    job = await work.find(Job, job_id, "job_id")
    work.check_version(job, version)
    current = JobStatus(await work.status(job, lambda row, now: job_status(row, now, literal(work.today, Date())), work.now))
    if status not in TRANSITIONS[current]:
        raise IllegalTransition(("status",), current=current, wanted=status)
    if status is JobStatus.OPEN:
        await check_open_for_jobs(work, await work.find(Project, job.project_id, "job_id"), "job_id")
    if current in (JobStatus.DRAFT, JobStatus.EXPIRED):
        _publish(job, work.now)
    job.status = status
    work.touch(job)
    await work.record(EventType.JOB_STATUS_CHANGED, job)
    return {"job": job}


async def delete_job(work: Work, *, job_id: UUID, version: int | None = None) -> dict[str, object]:
    """Hide a job; the record stays. Raises NotFound, VersionConflict, JobInUse. Source: guide 11; domain, invariant 6."""
    job = await work.find(Job, job_id, "job_id")
    work.check_version(job, version)
    if await anyone_works_in(work, [job.id]):
        raise JobInUse(("job_id",))
    job.deleted_at = work.now
    work.touch(job)
    await work.record(EventType.JOB_DELETED, job)
    return {"deleted_job_id": job.public_id}


async def places_taken_in(work: Work, job: Job) -> int:
    """Today, at this moment of the transaction."""
    return int(await work.one(select(places_taken(Job, literal(work.today, Date()))).where(Job.id == job.id)))


async def count_places(work: Work, job: Job) -> None:
    """Keeps how many places are taken, and the days for which that is true: until somebody's last day has passed, and, were the clock put
    back, from the day on after which nobody's did."""
    current = is_current(Employment, work.today)
    passed = and_(Employment.ended_at.is_(None), ~current)
    counted = select(
        func.count().filter(current), func.min(Employment.ends_on).filter(current), func.max(Employment.ends_on).filter(passed)
    ).where(Employment.job_id == job.id)
    job.filled, job.filled_until, last = (await work.session.execute(counted)).one()
    job.filled_from = last and last + timedelta(days=1)


def _publish(job: Job, now: datetime) -> None:
    # By Riyadh's calendar: shortly after midnight there it is still the day before, and perhaps a shorter month, in UTC.
    job.status, job.closes_at = JobStatus.OPEN, month_later(now.astimezone(RIYADH))
    job.published_at = job.published_at or now


async def _unknown(work: Work, values: dict[str, Any]) -> list[AppError]:
    """NotFound for each reference that leads nowhere."""
    errors: list[AppError] = []
    for name, model in (("occupation_id", Occupation), ("city_id", City)):
        if values.get(name) is None:
            continue
        try:
            await work.find(model, values[name], name, lock=False)
        except NotFound as error:
            errors.append(error)
    return errors


def _salary_errors(least: Decimal | None, most: Decimal | None) -> list[AppError]:
    if least is None or most is None or most >= least:
        return []
    return [ValidationFailed(("salary_max",), en="The most is less than the least.")]


def _tell_all(errors: list[AppError]) -> None:
    if errors:
        raise AppErrors(errors)
