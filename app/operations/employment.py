"""Employments: hiring, changing, leaves, ending."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select

from app.errors import (
    AlreadyEmployed,
    AppError,
    AppErrors,
    FirstDayTooFar,
    GosiRequired,
    HoursAboveMaximum,
    JobNotOpen,
    LeaveTooLongAgo,
    NotEditable,
    NotFound,
    VacanciesExhausted,
    ValidationFailed,
    WageBelowMinimum,
    WorkerAge,
    WorkerNotCitizen,
)
from app.models import (
    City,
    EducationLevel,
    Employment,
    EmploymentStatus,
    EmploymentType,
    EventType,
    GenderRequirement,
    Job,
    JobStatus,
    LeavePeriod,
    Project,
    Teleworker,
    employment_status,
)
from app.models.base import uuid7
from app.operations.job import count_places, places_taken_in
from app.operations.project import closed_for_jobs
from app.operations.slot import hold, is_taken, keep_slot
from app.operations.work import Work


class Step(StrEnum):
    """What a company does to an employment."""

    UPDATE = "UPDATE"
    LEAVE = "LEAVE"
    END = "END"


# ON_LEAVE comes and goes with the days of a leave; ENDED comes with the last day, or at once, and is final.
STEPS: dict[EmploymentStatus, frozenset[Step]] = {
    EmploymentStatus.ACTIVE: frozenset(Step),
    EmploymentStatus.ON_LEAVE: frozenset(Step),
    EmploymentStatus.ENDED: frozenset(),
}
_LEVELS = list(EducationLevel)
# What a later hire knows better. Of what it leaves out the older word stands.
_PERSONAL = ("name", "birth_date", "gender", "mobile", "email", "city_id", "education_level")


async def hire_teleworker(work: Work, *, broken: list[AppError], job_id: UUID, **given: Any) -> dict[str, object]:
    """Employ a person in an open job; who was employed before is found by their national id, and what is new of them is kept.

    broken  what is wrong with the input's values; a field that is wrong is missing in `given`
    given   columns of Teleworker and Employment by name
    Raises  AppErrors with everything that stands against it: NotFound, JobNotOpen, VacanciesExhausted, ProjectNotApproved,
            ContractNotActive, WorkerNotCitizen, WorkerAge, GosiRequired, HoursAboveMaximum, WageBelowMinimum, AlreadyEmployed,
            ValidationFailed
    Source  guide 5; domain, invariants 5 and 7.
    """
    job, errors = await _job(work, job_id)
    errors = [*broken, *errors, *_person_errors(work, job, given), *_term_errors(work, given), *_period_errors(work, given)]
    if given.get("city_id"):
        errors += await _unknown_city(work, given["city_id"])
    teleworker = await _known(work, given.get("national_id"))
    employment = _employment(work, job_id, teleworker, given)
    # Looked up last, as it locks: and only for days that there are.
    holder = None if employment is None else await hold(work, given["national_id"])
    if employment and holder and await _has_no_room(work, holder, employment, employment.ends_on):
        errors.append(AlreadyEmployed(("national_id",)))
    if errors:
        raise AppErrors(errors)
    assert job is not None  # noqa: S101  # without them, and here, there are errors
    assert employment is not None and holder is not None  # noqa: S101, PT018
    teleworker = await _keep_person(work, teleworker, given)
    employment.teleworker_id = teleworker.id
    await work.add(employment)
    await keep_slot(work, holder, employment)
    await count_places(work, job)
    await work.record(EventType.TELEWORKER_HIRED, employment)
    return {"employment": employment, "teleworker": teleworker, "job": job}


async def update_employment(work: Work, *, employment_id: UUID, version: int | None = None, **changes: Any) -> dict[str, object]:
    """Change an employment's terms or last day; open a leave, or end one.

    changes  columns of Employment by name, and on_leave_from, on_leave_until: with the first a leave begins (or the one of that day is
             meant), with the second alone the one ends that is open, or else the next to end.
    Raises   NotFound, VersionConflict
             NotEditable  it has ended
             AppErrors    of GosiRequired, HoursAboveMaximum, WageBelowMinimum, AlreadyEmployed, ValidationFailed
    Source   domain, states and invariant 7.
    """
    employment = await work.find(Employment, employment_id, "employment_id")
    work.check_version(employment, version)
    leave: dict[str, date | None] = {name: changes.pop(name) for name in ("on_leave_from", "on_leave_until") if name in changes}
    for step in (Step.UPDATE, *([Step.LEAVE] if leave else [])):
        await _check_step(work, employment, step)
    terms = {"employment_type": employment.employment_type, **changes}
    errors = _term_errors(work, terms) + _last_day_errors(work, employment, changes)
    moves = "ends_on" in changes and changes["ends_on"] != employment.ends_on
    if moves and not errors:
        errors += await _move_last_day(work, employment, changes["ends_on"])
    wanted = await _leave(work, employment, leave, changes.get("ends_on", employment.ends_on)) if leave else None
    if errors := [*errors, *(wanted.errors if wanted else [])]:
        raise AppErrors(errors)
    changed = work.change(employment, changes) or moves
    if wanted:
        changed = await _keep_leave(work, employment, wanted) or changed
    if changed:
        work.touch(employment)
        await work.record(EventType.EMPLOYMENT_UPDATED, employment)
    return {"employment": employment}


async def end_employment(work: Work, *, employment_id: UUID, ends_on: date, reason: str, version: int | None = None) -> dict[str, object]:
    """End an employment: at once, where its last day is today or was before; on that day otherwise.

    Raises  NotFound, VersionConflict
            NotEditable       it has ended already
            ValidationFailed  before its first day
            AlreadyEmployed   later than agreed, when the person is employed elsewhere
    Source  domain, states.
    """
    employment = await work.find(Employment, employment_id, "employment_id")
    work.check_version(employment, version)
    await _check_step(work, employment, Step.END)
    if ends_on < employment.starts_on:
        raise _before_first_day()
    at_once = ends_on <= work.today
    employment.ended_at, employment.end_reason = work.now if at_once else None, reason
    if errors := await _move_last_day(work, employment, ends_on):
        raise AppErrors(errors)
    for period in await _leaves(work, employment):
        if period.starts_on <= ends_on and (period.ends_on is None or period.ends_on > ends_on):
            period.ends_on = ends_on
    work.touch(employment)
    await work.record(EventType.EMPLOYMENT_ENDED, employment)
    return {"employment": employment}


# ---- what stands against a hire ------------------------------------------------------------------------------------------


async def _job(work: Work, job_id: UUID) -> tuple[Job | None, list[AppError]]:
    try:
        job = await work.find(Job, job_id, "job_id")
    except NotFound as error:
        return None, [error]
    errors: list[AppError] = []
    # Not job_status: one that is full, too, would hide that it is paused or expired.
    is_expired = job.status in (JobStatus.OPEN, JobStatus.PAUSED) and job.closes_at is not None and job.closes_at <= work.now
    if job.status is not JobStatus.OPEN or is_expired:
        errors.append(JobNotOpen(("job_id",), current=JobStatus.EXPIRED if is_expired else job.status))
    if await places_taken_in(work, job) >= job.vacancies:
        errors.append(VacanciesExhausted(("job_id",)))
    project = await work.find(Project, job.project_id, "job_id")
    return job, errors + await closed_for_jobs(work, project, "job_id")


def _person_errors(work: Work, job: Job | None, given: dict[str, Any]) -> list[AppError]:
    errors: list[AppError] = []
    settings = work.settings
    if given.get("national_id", "1").startswith("2"):
        errors.append(WorkerNotCitizen(("national_id",)))
    if "birth_date" in given and "starts_on" in given:
        years = age_on(given["starts_on"], given["birth_date"])
        if not settings.youngest_worker <= years <= settings.oldest_worker:
            errors.append(WorkerAge(("birth_date",), youngest=settings.youngest_worker, oldest=settings.oldest_worker))
    if job is not None and job.gender is not GenderRequirement.ANY and given["gender"] != job.gender.value:
        errors.append(ValidationFailed(("gender",), en="The job is not meant for this gender."))
    level = given.get("education_level")
    if job is not None and level is not None and _LEVELS.index(level) < _LEVELS.index(job.education_level or EducationLevel.NONE):
        errors.append(ValidationFailed(("education_level",), en="The job asks for a higher education."))
    return errors


def age_on(day: date, birth_date: date) -> int:
    """Full years. Who was born on a 29 February is a year older from 1 March on where there is none."""
    return day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))


def _term_errors(work: Work, given: dict[str, Any]) -> list[AppError]:
    """What is wrong with wage, hours and registration, as far as they are given."""
    errors: list[AppError] = []
    settings = work.settings
    full_time = given["employment_type"] is EmploymentType.FULL_TIME
    least = settings.wage_floor_full_time if full_time else settings.wage_floor_part_time
    if given.get("wage", least) < least:
        errors.append(WageBelowMinimum(("wage",), least=least))
    if given.get("weekly_hours", 0) > settings.most_weekly_hours:
        errors.append(HoursAboveMaximum(("weekly_hours",), most=settings.most_weekly_hours))
    if not given.get("gosi_registered", True):
        errors.append(GosiRequired(("gosi_registered",)))
    return errors


def _period_errors(work: Work, given: dict[str, Any]) -> list[AppError]:
    errors: list[AppError] = []
    starts_on, ends_on = given.get("starts_on"), given.get("ends_on")
    back, ahead = work.settings.hire_days_back, work.settings.hire_days_ahead
    if starts_on is not None and not work.today - timedelta(days=back) <= starts_on <= work.today + timedelta(days=ahead):
        errors.append(FirstDayTooFar(("starts_on",), back=back, ahead=ahead))
    if starts_on is not None and ends_on is not None and ends_on < starts_on:
        errors.append(_before_first_day())
    return errors


def _before_first_day(path: str = "ends_on") -> ValidationFailed:
    return ValidationFailed((path,), en="The last day lies before the first.")


async def _unknown_city(work: Work, city_id: UUID) -> list[AppError]:
    try:
        await work.find(City, city_id, "city_id", lock=False)
    except NotFound as error:
        return [error]
    return []


# ---- the person ----------------------------------------------------------------------------------------------------------


async def _known(work: Work, national_id: str | None) -> Teleworker | None:
    """Whom the company employs already, or did once."""
    mine = select(Teleworker).where(Teleworker.company_id == work.company.id, Teleworker.national_id == national_id)
    found: Teleworker | None = await work.one(mine.with_for_update())
    return found


async def _keep_person(work: Work, known: Teleworker | None, given: dict[str, Any]) -> Teleworker:
    """What is told now is newer than what was known: it wins, and the hire's event says when and by whom it was told."""
    personal = {name: given[name] for name in _PERSONAL if given.get(name) is not None}
    if known is None:
        made = Teleworker(
            company_id=work.company.id, national_id=given["national_id"], created_at=work.now, updated_at=work.now, **personal
        )
        return await work.add(made)
    if work.change(known, personal):
        known.updated_at = work.now
    return known


def _employment(work: Work, job_id: UUID, teleworker: Teleworker | None, given: dict[str, Any]) -> Employment | None:
    """As it would be; None where person or days are not known, or there are no days."""
    starts_on, ends_on = given.get("starts_on"), given.get("ends_on")
    if "national_id" not in given or starts_on is None or (ends_on is not None and ends_on < starts_on):
        return None
    return Employment(
        id=uuid7(),
        company_id=work.company.id,
        job_id=job_id,
        teleworker_id=teleworker and teleworker.id,
        employment_type=given["employment_type"],
        starts_on=starts_on,
        ends_on=ends_on,
        wage=given.get("wage"),
        weekly_hours=given.get("weekly_hours"),
        gosi_registered=given["gosi_registered"],
        qiwa_contract_number=given.get("qiwa_contract_number"),
        version=1,
        created_at=work.now,
        updated_at=work.now,
    )


async def _has_no_room(work: Work, holder: UUID, employment: Employment, ends_on: date | None) -> bool:
    """Whether another employment stands against these days, in the company or anywhere; not which."""
    overlaps = select(Employment.id).where(
        Employment.teleworker_id == employment.teleworker_id,
        Employment.id != employment.id,
        or_(Employment.ends_on.is_(None), Employment.ends_on >= employment.starts_on),
    )
    if ends_on is not None:
        overlaps = overlaps.where(Employment.starts_on <= ends_on)
    here = await work.one(overlaps.limit(1)) is not None
    return await is_taken(work, holder, employment, ends_on) or here


# ---- changes -------------------------------------------------------------------------------------------------------------


async def _check_step(work: Work, employment: Employment, step: Step) -> None:
    current = EmploymentStatus(await work.status(employment, employment_status, work.today))
    if step not in STEPS[current]:
        raise NotEditable(("employment_id",), current=current)


def _last_day_errors(work: Work, employment: Employment, changes: dict[str, Any]) -> list[AppError]:
    ends_on = changes.get("ends_on")
    if ends_on is None or ends_on == employment.ends_on:
        return []
    if ends_on < employment.starts_on:
        return [_before_first_day()]
    if ends_on < work.today:
        return [ValidationFailed(("ends_on",), en="This day has passed: end the employment with endEmployment.")]
    return []


async def _move_last_day(work: Work, employment: Employment, ends_on: date | None) -> list[AppError]:
    """Gives the employment another last day, its slot and its job's count with it. Answers what stands against it."""
    teleworker = await work.session.get_one(Teleworker, employment.teleworker_id)
    holder = await hold(work, teleworker.national_id)
    grows = employment.ends_on is not None and (ends_on is None or ends_on > employment.ends_on)
    if grows and await _has_no_room(work, holder, employment, ends_on):
        return [AlreadyEmployed(("ends_on",))]
    employment.ends_on = ends_on
    if ends_on is None:
        employment.end_reason = None  # it does not end any more
    await keep_slot(work, holder, employment)
    await work.session.flush()
    await count_places(work, await work.session.get_one(Job, employment.job_id, with_for_update=True))
    return []


async def _leaves(work: Work, employment: Employment) -> list[LeavePeriod]:
    return await work.all(select(LeavePeriod).where(LeavePeriod.employment_id == employment.id).order_by(LeavePeriod.starts_on))


@dataclass(frozen=True)
class _Wanted:
    """A leave as it is to be. period is None for a new one."""

    period: LeavePeriod | None
    starts_on: date
    ends_on: date | None
    errors: list[AppError]


async def _leave(work: Work, employment: Employment, leave: dict[str, date | None], last_day: date | None) -> _Wanted:
    """Which leave is meant, what it is to be, and what is wrong with that."""
    periods = await _leaves(work, employment)
    starts_on = leave.get("on_leave_from")
    if starts_on is not None:
        period = next((each for each in periods if each.starts_on == starts_on), None)
    else:
        unfinished = [each for each in periods if each.ends_on is None or each.ends_on >= work.today]
        period = next((each for each in unfinished if each.ends_on is None), unfinished[0] if unfinished else None)
        if period is None:
            return _Wanted(None, work.today, None, [_no_leave()])
        starts_on = period.starts_on
    ends_on = leave.get("on_leave_until", period.ends_on if period else None)
    path = "on_leave_from" if "on_leave_from" in leave else "on_leave_until"
    errors = _leave_errors(work, employment, last_day, starts_on, ends_on, is_new=period is None)
    if any(each is not period and _share(each, starts_on, ends_on) for each in periods):
        errors.append(ValidationFailed((path,), en="Another leave lies in these days."))
    return _Wanted(period, starts_on, ends_on, errors)


def _leave_errors(
    work: Work, employment: Employment, last_day: date | None, starts_on: date, ends_on: date | None, *, is_new: bool
) -> list[AppError]:
    errors: list[AppError] = []
    if starts_on < employment.starts_on or (last_day is not None and starts_on > last_day):
        errors.append(_outside("on_leave_from"))
    elif is_new and starts_on < work.today - timedelta(days=(back := work.settings.hire_days_back)):
        # What is older has been reported on.
        errors.append(LeaveTooLongAgo(("on_leave_from",), back=back))
    if ends_on is not None and ends_on < starts_on:
        errors.append(_before_first_day("on_leave_until"))
    elif ends_on is not None and last_day is not None and ends_on > last_day:
        errors.append(_outside("on_leave_until"))
    return errors


def _outside(path: str) -> ValidationFailed:
    return ValidationFailed((path,), en="A leave lies within its employment.")


def _no_leave() -> ValidationFailed:
    return ValidationFailed(("on_leave_until",), en="There is no leave to end: say when it begins, too.")


def _share(period: LeavePeriod, starts_on: date, ends_on: date | None) -> bool:
    return (ends_on is None or period.starts_on <= ends_on) and (period.ends_on is None or period.ends_on >= starts_on)


async def _keep_leave(work: Work, employment: Employment, wanted: _Wanted) -> bool:
    """Tells whether anything is different now."""
    if wanted.period is not None:
        return work.change(wanted.period, {"ends_on": wanted.ends_on})
    made = LeavePeriod(company_id=work.company.id, employment_id=employment.id, starts_on=wanted.starts_on, ends_on=wanted.ends_on)
    await work.add(made)
    return True
