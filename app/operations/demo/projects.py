"""The demo's projects, a client's and the company's own, and the jobs in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from app.clock import month_later, riyadh_day
from app.models import (
    City,
    EducationLevel,
    EmploymentType,
    EventType,
    GenderRequirement,
    Job,
    JobStatus,
    Occupation,
    Project,
    ProjectKind,
    ProjectStatus,
    User,
)
from app.operations.demo.accounts import Account
from app.operations.demo.contracting import COMPANIES_WITH_EXTRA, Agreement
from app.operations.demo.world import GATEWAY, World
from app.operations.reference import load, reference_id

APPROVED, SUSPENDED, COMPLETED = ProjectStatus.APPROVED, ProjectStatus.SUSPENDED, ProjectStatus.COMPLETED
JOBS_PER_COMPANY = 250
FEWEST_JOBS = 5
IDLE = (0, 1)  # client and place of an approved project where nobody is hired, so that it may be deleted

# The statuses of the projects on each client's contracts, the latest last; the clients' places as in contracting.
CLIENT_PROJECTS: list[tuple[int, int, list[ProjectStatus]]] = [
    (0, -1, [APPROVED, APPROVED, COMPLETED]),
    (1, -1, [APPROVED]),
    (2, -1, [APPROVED, APPROVED, SUSPENDED]),
    (3, -1, [APPROVED, COMPLETED]),
    (4, -1, [APPROVED, APPROVED, SUSPENDED]),
    (5, -1, [APPROVED, APPROVED]),
    (8, -1, [APPROVED, COMPLETED]),
    (9, -1, [COMPLETED]),
    (0, 0, [COMPLETED]),
    (10, -1, [SUSPENDED]),
    (11, -1, [APPROVED]),
]
OWN_PROJECTS: list[ProjectStatus] = [
    *[APPROVED] * 5, SUSPENDED, COMPLETED, *[ProjectStatus.DRAFT] * 2, *[ProjectStatus.SUBMITTED] * 2,
    ProjectStatus.RETURNED, ProjectStatus.REJECTED,
]  # fmt: skip
REVIEW_NOTES = {
    ProjectStatus.RETURNED: "نأمل توضيح عدد الوظائف ومدة المشروع ثم إعادة الرفع.",
    ProjectStatus.REJECTED: "نطاق المشروع لا يناسب العمل عن بعد.",
    ProjectStatus.SUSPENDED: "أوقف المشروع مؤقتا لحين استكمال متطلبات المراجعة.",
}
EDUCATION: dict[EducationLevel, float] = {
    EducationLevel.NONE: 1, EducationLevel.SECONDARY: 5, EducationLevel.DIPLOMA: 5, EducationLevel.BACHELOR: 8, EducationLevel.MASTER: 1,
}  # fmt: skip

# What becomes of a project's jobs in turn: as in JobStatus, FILLED and EXPIRED being what places and clock make of them.
_LIVE = [
    JobStatus.OPEN, JobStatus.FILLED, JobStatus.EXPIRED, JobStatus.CLOSED, JobStatus.PAUSED, JobStatus.DRAFT,
    JobStatus.OPEN, JobStatus.FILLED, JobStatus.OPEN, JobStatus.EXPIRED, JobStatus.FILLED, JobStatus.CLOSED,
]  # fmt: skip
_STOPPED = [JobStatus.FILLED, JobStatus.EXPIRED, JobStatus.CLOSED, JobStatus.DRAFT, JobStatus.FILLED, JobStatus.CLOSED]
_WITHOUT_PEOPLE = [JobStatus.OPEN, JobStatus.DRAFT, JobStatus.PAUSED, JobStatus.EXPIRED, JobStatus.CLOSED]
_DONE = [JobStatus.CLOSED]


@dataclass
class Opening:
    """A published job: who may be hired from when until when, and whether it is to be filled up."""

    job: Job
    status: JobStatus
    hires_from: datetime
    hires_until: datetime
    wages: tuple[int, int]
    over_at: datetime | None  # when its project was completed: nobody works in it any more


@dataclass
class _Site:
    """A project that has or had jobs: while they could be added and filled, and in what states they are."""

    project: Project
    since: datetime
    until: datetime
    statuses: list[JobStatus]
    takes_people: bool = True


def add_projects(world: World, account: Account, agreements: dict[int, list[Agreement]]) -> list[Opening]:
    """The company's projects and jobs. Answers the jobs where people are to be hired."""
    titles = iter(world.random.sample(world.pools["projects"], len(world.pools["projects"])))
    sites = []
    for client, which, statuses in CLIENT_PROJECTS:
        for place, status in enumerate(statuses):
            sites.append(_add_client_project(world, account, agreements[client][which], status, next(titles)))
            if (client, place) == IDLE and which == -1:
                sites[-1].takes_people, sites[-1].statuses = False, _WITHOUT_PEOPLE
    for status in [*OWN_PROJECTS, *([APPROVED] if account.place < COMPANIES_WITH_EXTRA else [])]:
        sites += _add_own_project(world, account, status, next(titles))
    return _add_jobs(world, account, sites)


def _add_client_project(world: World, account: Account, agreement: Agreement, status: ProjectStatus, title: list[str]) -> _Site:
    until = agreement.until or world.now
    created = world.between(agreement.since + timedelta(days=1), agreement.since + (until - agreement.since) * 0.15)
    project = _add_project(world, account, ProjectKind.CLIENT, status, created, title)
    project.contract_id, project.establishment_id = agreement.contract.id, agreement.contract.establishment_id
    world.record(account.company, EventType.PROJECT_CREATED, project, created, GATEWAY)
    return _site(world, account, project, created, until, is_frozen=agreement.until is not None)


def _add_own_project(world: World, account: Account, status: ProjectStatus, title: list[str]) -> list[_Site]:
    """Drafted, then submitted, then decided, as far as its status tells. Answers nothing where it was never approved."""
    was_approved = status in (APPROVED, SUSPENDED, COMPLETED)
    drafted = world.between(world.ago(600), world.ago(240)) if was_approved else world.between(world.ago(40), world.ago(20))
    project = _add_project(world, account, ProjectKind.OWN, status, drafted, title)
    editor = world.random.choice(account.editors)
    world.record(account.company, EventType.PROJECT_CREATED, project, drafted, editor)
    if status is ProjectStatus.DRAFT:
        return []
    submitted = world.between(drafted + timedelta(days=1), drafted + timedelta(days=5))
    _changed(world, account, project, EventType.PROJECT_SUBMITTED, submitted, editor)
    if status is ProjectStatus.SUBMITTED:
        return []
    decided = world.between(submitted + timedelta(days=1), submitted + timedelta(days=10))
    _changed(world, account, project, EventType.PROJECT_DECIDED, decided, GATEWAY)
    return [_site(world, account, project, decided, world.now, is_frozen=False)] if was_approved else []


def _add_project(world: World, account: Account, kind: ProjectKind, status: ProjectStatus, created: datetime, title: list[str]) -> Project:
    starts_on = riyadh_day(created) + timedelta(days=world.random.randrange(3, 15))
    return world.add(
        Project(
            id=world.new_id(created),
            company_id=account.company.id,
            kind=kind,
            title_ar=title[0],
            title_en=title[1],
            scope=title[2],
            status=status,
            review_note=REVIEW_NOTES.get(status),
            starts_on=None if status is ProjectStatus.DRAFT and world.maybe(0.5) else starts_on,
            ends_on=starts_on + timedelta(days=world.random.randrange(365, 900)) if world.maybe(0.7) else None,
            planned_headcount=world.random.randrange(3, 31) if world.maybe(0.9) else None,
            version=1,
            created_at=created,
            updated_at=created,
        )
    )


def _site(world: World, account: Account, project: Project, since: datetime, until: datetime, *, is_frozen: bool) -> _Site:
    statuses = _STOPPED if is_frozen else _LIVE
    if project.status is not APPROVED:
        statuses = _DONE if project.status is COMPLETED else _STOPPED
        until = world.between(since + (until - since) * 0.6, since + (until - since) * 0.9)
        _changed(world, account, project, EventType.PROJECT_DECIDED, until, GATEWAY)
        if project.status is COMPLETED:
            project.ends_on = riyadh_day(until)
    return _Site(project, since, until, statuses)


def _changed(world: World, account: Account, row: Project | Job, type_: EventType, at: datetime, by: User | str) -> None:
    row.version, row.updated_at = row.version + 1, at
    world.record(account.company, type_, row, at, by)


# Jobs


def _add_jobs(world: World, account: Account, sites: list[_Site]) -> list[Opening]:
    counts = [FEWEST_JOBS] * len(sites)
    for _ in range(JOBS_PER_COMPANY - sum(counts)):
        counts[world.random.randrange(len(sites))] += 1
    openings = []
    for site, count in zip(sites, counts, strict=True):
        for place in range(count):
            opening = _add_job(world, account, site, site.statuses[place % len(site.statuses)])
            if opening is not None and site.takes_people:
                openings.append(opening)
    return openings


def _add_job(world: World, account: Account, site: _Site, status: JobStatus) -> Opening | None:
    pool = world.random.choice(world.pools["jobs"])
    employment_type = world.one_of({EmploymentType.FULL_TIME: 0.7, EmploymentType.PART_TIME: 0.3})
    least, most = pool["fullTime" if employment_type is EmploymentType.FULL_TIME else "partTime"]
    published = _published(world, site, status)
    created = world.between(max(site.since, (published or site.until) - timedelta(days=6)), published or site.until)
    if published and world.maybe(0.5):
        created = published
    says_wage = world.maybe(0.85)
    job = world.add(
        Job(
            id=world.new_id(created),
            company_id=account.company.id,
            project_id=site.project.id,
            title_ar=pool["titleAr"],
            title_en=pool["titleEn"],
            occupation_id=reference_id(Occupation, pool["occupationCode"]),
            description=pool["descriptionAr"],
            status=status if status in (JobStatus.DRAFT, JobStatus.PAUSED, JobStatus.CLOSED) else JobStatus.OPEN,
            vacancies=world.random.randrange(1, 4) if status is JobStatus.FILLED else world.random.randrange(1, 7),
            filled=0,
            employment_type=employment_type,
            salary_min=Decimal(f"{least}.00") if says_wage else None,
            salary_max=Decimal(f"{most}.00") if says_wage else None,
            weekly_hours=world.random.choice([40, 40, 45, 48] if employment_type is EmploymentType.FULL_TIME else [16, 20, 24]),
            gender=world.one_of({GenderRequirement.ANY: 0.8, GenderRequirement.FEMALE: 0.13, GenderRequirement.MALE: 0.07}),
            education_level=_education(world),
            experience_years=world.random.randrange(6) if world.maybe(0.8) else None,
            skills=list(pool["skills"]),
            disability_friendly=world.maybe(0.25),
            city_id=reference_id(City, world.random.choice(load("cities"))["key"]) if world.maybe(0.7) else None,
            published_at=published,
            closes_at=published and month_later(published),
            version=1,
            created_at=created,
            updated_at=created,
        )
    )
    world.record(account.company, EventType.JOB_ADDED, job, created, world.random.choice(account.editors))
    if published is None or job.closes_at is None:
        return None
    until = _follow(world, account, site, job, created, published, job.closes_at)
    return Opening(job, status, published, until, (least, most), site.until if site.project.status is COMPLETED else None)


def _published(world: World, site: _Site, status: JobStatus) -> datetime | None:
    if status is JobStatus.DRAFT:
        return None
    if status in (JobStatus.OPEN, JobStatus.PAUSED):
        return world.between(max(site.since, world.ago(25)), world.ago(1))
    if status is JobStatus.EXPIRED:
        return world.between(site.since, min(site.until, world.ago(33)))
    return world.between(site.since, site.since + (site.until - site.since) * 0.8)


def _follow(world: World, account: Account, site: _Site, job: Job, created: datetime, published: datetime, closes: datetime) -> datetime:
    """What happened to the job after it was added. Answers until when people were hired for it."""
    editor, until = world.random.choice(account.editors), min(site.until, closes, world.now)
    if published > created:
        _changed(world, account, job, EventType.JOB_STATUS_CHANGED, published, editor)
    if job.status in (JobStatus.PAUSED, JobStatus.CLOSED):
        until = world.between(published + (until - published) * 0.5, until)
        _changed(world, account, job, EventType.JOB_STATUS_CHANGED, until, editor)
    return until


def _education(world: World) -> EducationLevel | None:
    return None if world.maybe(0.1) else world.one_of(EDUCATION)
