"""The sandbox: each company's is a world of its own, filled on first use and by every reset, the same each time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from app.auth.actor import Actor
from app.auth.doors import Door
from app.auth.visible import scope_parameters, visible
from app.clock import RIYADH, month_later
from app.errors import SandboxOnly, ValidationFailed
from app.models import (
    Base,
    City,
    Company,
    CompanyStatus,
    Contract,
    Employment,
    EmploymentType,
    Environment,
    Establishment,
    EventType,
    GenderRequirement,
    Invitation,
    InvitationStatus,
    Job,
    JobStatus,
    Member,
    Occupation,
    Project,
    ProjectKind,
    ProjectStatus,
    Provider,
    ProviderStatus,
    Slot,
    SpToken,
    Ticket,
)
from app.models.base import ACCOUNT
from app.operations.reference import reference_id
from app.operations.work import Work
from app.operations.worker import tell_log
from app.settings import Settings

SEEDER = "Sandbox"
# What a reset leaves: who the company is, its credentials, and what was written to those who run the portal.
_KEPT = frozenset({SpToken, Member, Ticket})
_SINCE = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000)
_EARLIEST, _LATEST = 1925, 2100  # years that the clock can be set to

# Office 99 is no labour office: nobody takes these for establishments that exist.
_ESTABLISHMENTS = (
    ("شركة رمال التقنية", "Rimal Technology", "riyadh", "برمجيات"),
    ("مؤسسة ضفاف للتسويق", "Difaf Marketing", "jeddah", "تسويق"),
    ("شركة غيمة للخدمات المالية", "Ghaima Financial Services", "dammam", "خدمات مالية"),
    ("مؤسسة أفق للتدريب", "Ofoq Training", "madinah", "تدريب"),
    ("شركة مدار للاتصالات", "Madar Telecom", "abha", "اتصالات"),
)
_INVITING, _CONTRACTED = (0, 1), (2, 3)  # places in that list; the last waits to be met
_PROJECTS = (("خدمة العملاء عن بعد", "Remote customer care"), ("إدخال البيانات ومراجعتها", "Data entry and review"))
_JOBS = (
    ("ممثل خدمة عملاء", "Customer service agent", EmploymentType.FULL_TIME, 48, "4500", "7000", 5),
    ("مدقق بيانات", "Data reviewer", EmploymentType.PART_TIME, 24, "2500", "3500", 3),
)


# The slots of the caller's people, so that they can be hired again. In the sandbox's database alone.
SLOTS_FREED = Door(
    "slots_freed",
    delete(Slot).where(Slot.id.in_(select(Employment.id).where(Employment.company_id == ACCOUNT))).returning(Slot.id),
)


@dataclass(frozen=True)
class Resident:
    """A company as the portal knows it, by column, with its provider and the token that came."""

    provider: dict[str, Any]
    company: dict[str, Any]
    token: dict[str, Any]


async def resident(connection: AsyncConnection, actor: Actor) -> Resident | None:
    """Read in the portal's database, as the token; None where it is gone."""

    async def row(model: type[Base], key: UUID | None) -> dict[str, Any] | None:
        found = select(*model.__table__.columns).where(model.id == key, visible(model, model))
        return next((dict(each) for each in (await connection.execute(found, scope_parameters(actor))).mappings()), None)

    company = await row(Company, actor.account_id)
    provider = await row(Provider, company["provider_id"]) if company else None
    token = await row(SpToken, actor.token_id)
    return Resident(provider, company, token) if provider and company and token else None


async def move_in(session: AsyncSession, found: Resident, now: datetime, settings: Settings) -> None:
    """Gives the company its world, where it has none yet, and lets the token be known in it."""
    # Whether they are suspended is asked of the portal at each request: a copy would stand as it was.
    await _add_unless_there(session, Provider, found.provider | {"status": ProviderStatus.ACTIVE})
    active = found.company | {"status": CompanyStatus.ACTIVE}
    await _add_unless_there(session, Company, active | {"last_event": 0, "last_contract": 0, "clock_at": None, "overdue_told": None})
    await _add_unless_there(session, SpToken, found.token | {"created_by_id": None})
    work = Work(session, Actor(account_id=found.company["id"]), now, "sandbox", settings)
    await work.lock_account(though_suspended=True)
    if work.company.last_event == 0:
        await _fill(work)


async def set_sandbox_clock(work: Work, *, now: datetime | None = None) -> dict[str, object]:
    """Stop the clock that the rules follow at an instant, in either direction, until it is set again; null lets it run.

    Raises  SandboxOnly
            ValidationFailed  an instant beyond the years 1925 to 2100
    Source  domain, the sandbox.
    """
    _check_sandbox(work)
    if now is not None and not _EARLIEST <= now.year <= _LATEST:
        raise ValidationFailed(("now",), en="The clock goes from the year 1925 to 2100.")
    work.company.clock_at = now
    work.now = now or work.wall_clock
    while await tell_log(work):
        pass
    return {"stopped_at": now}


async def reset_sandbox(work: Work) -> dict[str, object]:
    """Put the company's world back to how it began, its log and clock included. Raises SandboxOnly. Source: domain, the sandbox."""
    _check_sandbox(work)
    await work.session.execute(SLOTS_FREED.on(work.session), scope_parameters(work.actor))  # first: the employments tell which
    emptied = {mapper.local_table for mapper in Base.registry.mappers if is_reset(mapper.class_)}
    for table in reversed(Base.metadata.sorted_tables):  # what refers to others goes first
        if table in emptied:
            await work.session.execute(delete(table).where(_owner(table) == work.company.id))
    work.company.last_event = work.company.last_contract = 0
    work.company.clock_at = work.company.overdue_told = None
    await _fill(work)
    return {"account": work.company, "stopped_at": None}


def is_reset(model: type[Base]) -> bool:
    """Whether its rows are a company's world, which a reset empties."""
    return _owner(model.__table__) is not None and model not in _KEPT


def _owner(table: Any) -> Any:
    # The last of them: outcomes kept under keys, for the rows that they tell of are gone.
    return next((table.columns[name] for name in ("company_id", "world", "owner_id") if name in table.columns), None)


def _check_sandbox(work: Work) -> None:
    if work.settings.environment != Environment.SANDBOX:
        raise SandboxOnly(address=work.settings.elsewhere)


async def _add_unless_there(session: AsyncSession, model: type[Base], values: dict[str, Any]) -> None:
    """Two who come first at once add one row: neither may see the other's before it is committed."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    await session.execute(insert(model).values(**values).on_conflict_do_nothing())


# What a world begins with


async def _fill(caller: Work) -> None:
    """In the seeder's name, whoever came, and by real time."""
    actor = Actor(name=SEEDER, account_id=caller.company.id)
    work = Work(caller.session, actor, caller.wall_clock, caller.request_id, caller.settings)
    work.account = caller.account
    establishments = [await _add_establishment(work, place) for place in range(len(_ESTABLISHMENTS))]
    for place in _INVITING:
        await _add_invitation(work, establishments[place])
    for place, titles in zip(_CONTRACTED, _PROJECTS, strict=True):
        contract = await _add_contract(work, establishments[place])
        project = await _add_project(work, contract, titles)
        for number, job in enumerate(_JOBS):
            await _add_job(work, 40 + 10 * place + number, project, job)


def _id(work: Work, place: int) -> UUID:
    """The same in every world of the company that begins anew, laid out as version 7: they sort by `place`, from 0 to 99."""
    drawn = int.from_bytes(hashlib.sha256(work.company.id.bytes).digest()[:10])
    return UUID(int=(_SINCE + place) << 80 | drawn & ~(0xF000 << 64) & ~(0xC000 << 48) | 0x7000 << 64 | 0x8000 << 48)


async def _add_establishment(work: Work, place: int) -> Establishment:
    name_ar, name_en, city, activity = _ESTABLISHMENTS[place]
    return await work.add(
        Establishment(
            id=_id(work, place),
            world=work.world,
            labor_office_id=99,
            sequence_number=place + 1,
            unified_number=f"700000000{place + 1}",
            name_ar=name_ar,
            name_en=name_en,
            city_id=reference_id(City, city),
            activity=activity,
            created_at=work.now,
            updated_at=work.now,
        )
    )


async def _add_invitation(work: Work, establishment: Establishment) -> None:
    invitation = Invitation(
        id=_id(work, 10 + establishment.sequence_number),
        company_id=work.company.id,
        establishment_id=establishment.id,
        status=InvitationStatus.PENDING,
        message="ندعوكم إلى تشغيل مشروع للعمل عن بعد لدينا.",
        received_at=work.now,
        expires_at=work.now + timedelta(days=30),
    )
    await work.record(EventType.INVITATION_RECEIVED, await work.add(invitation))


async def _add_contract(work: Work, establishment: Establishment) -> Contract:
    work.company.last_contract += 1
    contract = Contract(
        id=_id(work, 20 + establishment.sequence_number),
        company_id=work.company.id,
        establishment_id=establishment.id,
        number=f"C-{work.today.year}-{work.company.last_contract:06d}",
        standing=True,
        start_told=True,
        starts_on=work.today - timedelta(days=90),
        created_at=work.now,
        updated_at=work.now,
    )
    await work.record(EventType.CONTRACT_CREATED, await work.add(contract))
    return contract


async def _add_project(work: Work, contract: Contract, titles: tuple[str, str]) -> Project:
    project = Project(
        id=_id(work, 30 + work.company.last_contract),
        company_id=work.company.id,
        kind=ProjectKind.CLIENT,
        contract_id=contract.id,
        establishment_id=contract.establishment_id,
        title_ar=titles[0],
        title_en=titles[1],
        status=ProjectStatus.APPROVED,
        created_at=work.now,
        updated_at=work.now,
    )
    await work.record(EventType.PROJECT_CREATED, await work.add(project))
    return project


async def _add_job(work: Work, place: int, project: Project, values: tuple[Any, ...]) -> None:
    title_ar, title_en, employment_type, hours, least, most, vacancies = values
    job = Job(
        id=_id(work, place),
        company_id=work.company.id,
        project_id=project.id,
        title_ar=title_ar,
        title_en=title_en,
        occupation_id=reference_id(Occupation, "422201"),
        status=JobStatus.OPEN,
        vacancies=vacancies,
        employment_type=employment_type,
        salary_min=Decimal(least),
        salary_max=Decimal(most),
        weekly_hours=hours,
        gender=GenderRequirement.ANY,
        skills=[],
        disability_friendly=True,
        published_at=work.now,
        closes_at=month_later(work.now.astimezone(RIYADH)),
        created_at=work.now,
        updated_at=work.now,
    )
    await work.record(EventType.JOB_ADDED, await work.add(job))
