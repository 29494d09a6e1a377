"""Two companies with the same business, every text of each marked as its own, and what must never be told to the other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Table, inspect, select

from app.clock import riyadh_day, sunday, week_number
from app.models import (
    Base,
    Company,
    Contract,
    Employment,
    Establishment,
    Event,
    EventType,
    Invitation,
    InvitationStatus,
    JobStatus,
    LeavePeriod,
    Member,
    MemberStatus,
    ProjectKind,
    ProjectStatus,
    Provider,
    ReportLine,
    ReportLineVersion,
    ReportSubmission,
    ReportWeek,
    Role,
    SpToken,
    SubmissionStatus,
    User,
)
from app.models.base import everyone
from app.models.report import week_key
from tests.portal import Caller, Portal
from tests.world import World, make_world

STRAY = date(2031, 7, 13)
MARKS = {"north": "الشمالnorth", "south": "الجنوبsouth"}


@dataclass
class Tenant:
    """rows: its own, by model name, those it shares with the other one last. tells: what betrays one of its rows."""

    company: Company
    mark: str
    owner: Caller
    token: Caller
    rows: dict[str, list[Base]]
    tells: frozenset[str]

    def first(self, name: str) -> Base:
        return self.rows[name][0]


@dataclass
class Twins:
    portal: Portal
    north: Tenant
    south: Tenant


async def make_twins(portal: Portal) -> Twins:
    world = await make_world(portal)
    shared = await world.establishment(name_ar="منشأة مشتركة", name_en="Shared")
    owners = {"north": world.users[Role.OWNER], "south": world.stranger}
    for name, mark in MARKS.items():
        await _plant(world, getattr(world, name), owners[name], mark, shared)
    callers = {name: await portal.person(owners[name]) for name in MARKS}
    tokens = {name: await portal.token(getattr(world, name), *SCOPES) for name in MARKS}
    # A leave is reached from its employment alone: one that says it is south's, under north's employment, must not show there.
    employment = (await portal.fetch(select(Employment).where(Employment.company_id == world.north.id)))[0]
    await world.store(LeavePeriod(company_id=world.south.id, employment_id=employment.id, starts_on=STRAY))
    rows = {name: await _rows(portal, getattr(world, name)) for name in MARKS}
    made = {name: Tenant(getattr(world, name), mark, callers[name], tokens[name], rows[name], frozenset()) for name, mark in MARKS.items()}
    north, south = made["north"], made["south"]
    return Twins(
        portal,
        replace(north, tells=_tells(rows["north"], rows["south"], north.mark)),
        replace(south, tells=_tells(rows["south"], rows["north"], south.mark) | {STRAY.isoformat()}),
    )


SCOPES = [
    "INVITATIONS_READ",
    "INVITATIONS_DECIDE",
    "CONTRACTS_READ",
    "PROJECTS_READ",
    "PROJECTS_WRITE",
    "PROJECTS_DELETE",
    "JOBS_WRITE",
    "TELEWORKERS_READ",
    "TELEWORKERS_WRITE",
    "TELEWORKERS_REVEAL",
    "PROFILE_READ",
    "EVENTS_READ",
    "REPORTS_READ",
]


async def _plant(world: World, company: Company, owner: User, mark: str, shared: Any) -> None:
    now = world.portal.clock()
    for row in (company, owner):
        texts = {name: f"{mark} {name}" for name in ("name_ar", "name_en", "activity", "name") if hasattr(row, name)}
        await world.alter(row, **texts)
    provider = await world.portal.fetch(select(Provider).where(Provider.id == company.provider_id))
    await world.alter(provider[0], name_ar=mark, name_en=mark, description=mark, contact_name=mark)
    own = await world.establishment(name_ar=f"منشأة {mark}", name_en=mark, email=f"{mark[-5:]}@example.sa")
    contracts: list[Contract] = []
    document = await world.document(company, file_name=f"{mark}.pdf")
    for establishment in (own, shared):
        invitation = await world.invitation(
            company,
            establishment=establishment,
            message=mark,
            status=InvitationStatus.ACCEPTED,
            decided_at=now,
            decided_by_id=owner.id,
            document_id=document.id,
        )
        number = f"{mark}-{establishment.sequence_number}"
        contracts.append(await world.contract(company, establishment=establishment, number=number, invitation_id=invitation.id))
    projects = [
        await world.project(company, contract=contract, title_ar=mark, title_en=mark, scope=mark, starts_on=world.today)
        for contract in contracts
    ]
    contract, project = contracts[-1], projects[-1]
    invitation = await world.invitation(company, establishment=await world.establishment(name_ar=mark, name_en=None), message=mark)
    own_project = await world.project(company, kind=ProjectKind.OWN, title_ar=mark, status=ProjectStatus.DRAFT, review_note=mark)
    job = await world.job(project, title_ar=mark, title_en=mark, description=mark, skills=[mark], filled=1)
    await world.job(own_project, title_ar=mark, status=JobStatus.DRAFT, published_at=None, closes_at=None)
    teleworker = await world.teleworker(company, name=mark, email=f"{mark[-5:]}.worker@example.sa")
    employment = await world.employment(job, teleworker=teleworker, qiwa_contract_number=mark, end_reason=mark)
    await world.store(LeavePeriod(company_id=company.id, employment_id=employment.id, starts_on=world.today + timedelta(days=3)))
    await _report(world, company, project, teleworker, mark)
    colleague = await world.user(f"{mark} زميل")
    await world.join(colleague, company, Role.VIEWER, MemberStatus.ACTIVE)
    stand_in = await world.user(f"{mark} مدعو")
    invited = {"user_id": (await world.user("في مكان آخر")).id, "stand_in_id": stand_in.id, "role": Role.VIEWER}
    await world.store(Member(company_id=company.id, status=MemberStatus.INVITED, created_at=now, updated_at=now, **invited))
    await world.portal.token(company)
    token = (await world.portal.fetch(select(SpToken).where(SpToken.company_id == company.id)))[0]
    await world.alter(token, name=mark)
    subjects = [company, invitation, contract, project, job, employment, teleworker, token]
    for place, subject in enumerate(subjects, 1):
        await world.store(
            Event(
                company_id=company.id,
                sequence=place,
                type=EventType.PROJECT_CREATED,
                occurred_at=now,
                subject_prefix=subject.prefix,
                subject_id=subject.id,
                actor_name=mark,
                user_id=owner.id,
                token_id=token.id,
                request_id=f"{mark[-5:]}{place}",
            )
        )
    await world.alter(company, last_event=len(subjects))


async def _report(world: World, company: Company, project: Any, teleworker: Any, mark: str) -> None:
    """A line that stands, one that stood before it, and what sent them."""
    now, week = world.portal.clock(), week_number(world.today)
    key = week_key(company.id, week)
    sent = {"company_id": company.id, "week_id": key, "week_start": sunday(week), "received_at": now, "reason": mark, "revision": 2}
    counts = {"line_count": 1, "accepted_lines": 1, "rejected_lines": 0, "status": SubmissionStatus.ACCEPTED}
    await world.store(ReportSubmission(**sent, **counts))
    line = dict.fromkeys(("login_count", "logout_count", "assigned_tasks", "completed_tasks", "total_work_minutes", "activity_level"), 1)
    place = {"place_id": project.establishment_id, "labor_office_id": 7, "sequence_number": 1, "teleworker_id": teleworker.id}
    line |= place | {"company_id": company.id, "week_id": key, "note": mark, "revision": 2, "on_time": True}
    made = await world.store(ReportLine(**line, is_due=True))
    await world.store(ReportLineVersion(**line, line_id=made.id, superseded_in=2))


async def _rows(portal: Portal, company: Company) -> dict[str, list[Base]]:
    """The company's rows of every table that the graph shows."""
    found: dict[str, list[Base]] = {}
    for mapper in Base.registry.mappers:
        model: Any = mapper.class_
        if "company_id" in inspect(model).columns and isinstance(inspect(model).local_table, Table):
            found[model.__name__] = await portal.fetch(select(model).where(model.company_id == company.id))
    (found["Company"], found["Provider"]) = (
        await portal.fetch(select(Company).where(Company.id == company.id)),
        await portal.fetch(select(Provider).where(Provider.id == company.provider_id)),
    )
    found["ReportWeek"] = [ReportWeek(id=week_key(company.id, week_number(riyadh_day(portal.clock()))), company_id=company.id)]
    found["Project"].sort(key=lambda project: getattr(project, "status", None) != ProjectStatus.APPROVED)
    members = select(Member.shown_user_id).where(Member.company_id == company.id)
    found["User"] = await portal.fetch(select(User).where(User.id.in_(members)))
    known = [select(model.establishment_id).where(model.company_id == company.id) for model in (Invitation, Contract)]
    listed = select(Establishment).where(Establishment.id.in_(known[0].union(known[1]))).order_by(Establishment.name_ar)
    found["Establishment"] = await portal.fetch(listed)
    return found


def _tells(own: dict[str, list[Base]], others: dict[str, list[Base]], mark: str) -> frozenset[str]:
    """Keys, national ids and numbers of rows that only this company has, and its mark."""
    shared = {row.id for rows in others.values() for row in rows}
    told = {mark}
    for rows in own.values():
        for row in rows:
            if row.id not in shared and type(row).scoped_by is not everyone:
                told.add(row.id.hex)
                told |= {str(value) for name in ("national_id", "secret_hash", "storage_key") if (value := getattr(row, name, None))}
    return frozenset(told)
