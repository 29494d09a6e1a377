"""Rows for tests: two providers that must never learn of one another, and whatever a test adds to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import count
from typing import Any, TypeVar

from sqlalchemy import select, update

from app.auth.sign_in.client import Arrived
from app.auth.sign_in.person import Person
from app.clock import month_later, riyadh_day
from app.models import (
    Base,
    Company,
    CompanyStatus,
    Contract,
    Document,
    DocumentStatus,
    Employment,
    EmploymentType,
    Establishment,
    Event,
    GenderRequirement,
    Invitation,
    InvitationStatus,
    Job,
    JobStatus,
    Locale,
    Member,
    MemberStatus,
    Project,
    ProjectKind,
    ProjectStatus,
    Provider,
    ProviderStatus,
    Role,
    Teleworker,
    User,
)
from app.operations.sign_in import Visit, enter
from app.values import has_check_digit
from tests.portal import Caller, Portal

R = TypeVar("R", bound=Base)
_numbers = count(1)


def national_id(number: int) -> str:
    """The valid citizen's id of that number."""
    return next(digits for check in range(10) if has_check_digit(digits := f"1{number:08d}{check}"))


@dataclass
class World:
    """`north` with a member of each role and `south`, of another provider, with an owner."""

    portal: Portal
    north: Company
    south: Company
    users: dict[Role, User]
    stranger: User

    async def person(self, role: Role = Role.OWNER) -> Caller:
        return await self.portal.person(self.users[role])

    async def intruder(self) -> Caller:
        return await self.portal.person(self.stranger)

    @property
    def today(self) -> date:
        return riyadh_day(self.portal.clock())

    async def store(self, row: R) -> R:
        await self.portal.store(row)
        return row

    async def alter(self, row: Base, **values: Any) -> None:
        """Changes a stored row behind the API's back."""
        async with self.portal.database.writing() as session:
            await session.execute(update(type(row)).where(type(row).id == row.id).values(**values))

    async def now_of(self, row: R) -> R:
        """The row as it is stored now."""
        stored: list[R] = await self.portal.fetch(select(type(row)).where(type(row).id == row.id))
        return stored[0]

    async def snapshot(self) -> dict[str, list[str]]:
        """All that the database holds, by table, but for when and where sessions were last used."""
        used = {"last_used_at", "idle_at", "address"}
        tables = {
            name: select(*(column for column in table.c if name != "sessions" or column.name not in used))
            for name, table in Base.metadata.tables.items()
        }
        async with self.portal.database.writing() as session:
            return {name: sorted(str(row) for row in await session.execute(rows)) for name, rows in tables.items()}

    async def events(self, company: Company | None = None) -> list[tuple[int, str]]:
        """Number and type of each entry of a company's log."""
        mine = select(Event).where(Event.company_id == (company or self.north).id).order_by(Event.sequence)
        return [(event.sequence, event.type.value) for event in await self.portal.fetch(mine)]

    async def user(self, name: str = "شخص آخر") -> User:
        """A person who belongs to no company yet."""
        return await _user(self.portal, name)

    async def join(self, user: User, company: Company, role: Role, status: MemberStatus = MemberStatus.ACTIVE) -> None:
        await _join(self.portal, user, company, role, status)

    async def company(self, arabic: str, english: str, *, provider: Provider | None = None) -> Company:
        """One more company, of a provider of its own unless it is given one."""
        return await _company(self.portal, arabic, english, provider)

    async def sign_in(self, user: User) -> None:
        """At the unified login: what invited them makes them a member."""
        told = Person("https://login.example.sa", user.national_id, user.national_id, user.name or "", None, None, Locale.AR)
        visit = Visit(self.portal.clock(), "x", None, None)
        await enter(self.portal.server_database, self.portal.settings, Arrived(told, "/", None, None), visit)

    async def establishment(self, **values: Any) -> Establishment:
        number, now = next(_numbers), self.portal.clock()
        return await self.store(
            Establishment(
                **{
                    "labor_office_id": 7,
                    "sequence_number": number,
                    "name_ar": f"منشأة رقم {number}",
                    "name_en": f"Establishment {number}",
                    "created_at": now,
                    "updated_at": now,
                    **values,
                }
            )
        )

    async def invitation(self, company: Company | None = None, **values: Any) -> Invitation:
        establishment = values.pop("establishment", None) or await self.establishment()
        now = self.portal.clock()
        return await self.store(
            Invitation(
                **{
                    "company_id": (company or self.north).id,
                    "establishment_id": establishment.id,
                    "status": InvitationStatus.PENDING,
                    "received_at": now - timedelta(days=1),
                    "expires_at": now + timedelta(days=29),
                    **values,
                }
            )
        )

    async def contract(self, company: Company | None = None, **values: Any) -> Contract:
        establishment = values.pop("establishment", None) or await self.establishment()
        now = self.portal.clock()
        return await self.store(
            Contract(
                **{
                    "company_id": (company or self.north).id,
                    "establishment_id": establishment.id,
                    "number": f"T-{next(_numbers):06d}",
                    "standing": True,
                    "start_told": True,
                    "starts_on": self.today - timedelta(days=10),
                    "ends_on": self.today + timedelta(days=300),
                    "created_at": now,
                    "updated_at": now,
                    **values,
                }
            )
        )

    async def project(self, company: Company | None = None, **values: Any) -> Project:
        """A client's, approved, unless the values say otherwise (kind=OWN has no contract)."""
        now = self.portal.clock()
        contract = values.pop("contract", None)
        own = values.get("kind") is ProjectKind.OWN
        if contract is None and not own:
            contract = await self.contract(company)
        return await self.store(
            Project(
                **{
                    "company_id": (company or self.north).id,
                    "kind": ProjectKind.CLIENT,
                    "contract_id": None if own else contract.id,
                    "establishment_id": None if own else contract.establishment_id,
                    "title_ar": "خدمة العملاء",
                    "title_en": "Customer service",
                    "status": ProjectStatus.APPROVED,
                    "created_at": now,
                    "updated_at": now,
                    **values,
                }
            )
        )

    async def job(self, project: Project | None = None, **values: Any) -> Job:
        now = self.portal.clock()
        project = project or await self.project()
        return await self.store(
            Job(
                **{
                    "company_id": project.company_id,
                    "project_id": project.id,
                    "title_ar": "موظف خدمة عملاء",
                    "title_en": "Agent",
                    "status": JobStatus.OPEN,
                    "vacancies": 3,
                    "employment_type": EmploymentType.FULL_TIME,
                    "weekly_hours": 40,
                    "gender": GenderRequirement.ANY,
                    "skills": ["العربية"],
                    "disability_friendly": False,
                    "published_at": now,
                    "closes_at": month_later(now),
                    "created_at": now,
                    "updated_at": now,
                    **values,
                }
            )
        )

    async def teleworker(self, company: Company | None = None, **values: Any) -> Teleworker:
        number, now = next(_numbers), self.portal.clock()
        return await self.store(
            Teleworker(
                **{
                    "company_id": (company or self.north).id,
                    "national_id": national_id(number),
                    "name": f"عامل رقم {number}",
                    "birth_date": date(1995, 1, 1),
                    "created_at": now,
                    "updated_at": now,
                    **values,
                }
            )
        )

    async def employment(self, job: Job | None = None, **values: Any) -> Employment:
        now = self.portal.clock()
        job = job or await self.job()
        teleworker = values.pop("teleworker", None) or await self.teleworker(self.south if job.company_id == self.south.id else self.north)
        return await self.store(
            Employment(
                **{
                    "company_id": job.company_id,
                    "job_id": job.id,
                    "teleworker_id": teleworker.id,
                    "employment_type": EmploymentType.FULL_TIME,
                    "starts_on": self.today - timedelta(days=5),
                    "wage": Decimal("5000.00"),
                    "weekly_hours": 40,
                    "gosi_registered": True,
                    "created_at": now,
                    "updated_at": now,
                    **values,
                }
            )
        )

    async def document(self, company: Company | None = None, **values: Any) -> Document:
        return await self.store(
            Document(
                **{
                    "company_id": (company or self.north).id,
                    "file_name": "contract.pdf",
                    "content_type": "application/pdf",
                    "size": 8,
                    "sha256": "0" * 64,
                    "status": DocumentStatus.READY,
                    "storage_key": f"key-{next(_numbers)}",
                    "created_at": self.portal.clock(),
                    **values,
                }
            )
        )


async def make_world(portal: Portal) -> World:
    north, south = await _company(portal, "شركة الشمال", "North"), await _company(portal, "شركة الجنوب", "South")
    users = {}
    for role in Role:
        users[role] = await _user(portal, f"شخص {role}")
        await _join(portal, users[role], north, role)
    stranger = await _user(portal, "غريب")
    await _join(portal, stranger, south, Role.OWNER)
    return World(portal, north, south, users, stranger)


async def known_world(portal: Portal) -> World:
    """What `make_world` made in the database that the portal's was copied from."""
    async with portal.database.writing() as session:
        north, south = (await session.scalars(select(Company).order_by(Company.created_at, Company.sequence_number))).all()
        members = (await session.execute(select(Member.company_id, Member.role, User).join(User, User.id == Member.user_id))).all()
    users = {role: user for company, role, user in members if company == north.id}
    [stranger] = [user for company, _, user in members if company == south.id]
    return World(portal, north, south, {role: users[role] for role in Role}, stranger)


async def _company(portal: Portal, arabic: str, english: str, provider: Provider | None = None) -> Company:
    now = portal.clock()
    if provider is None:
        provider = Provider(
            name_ar=f"مزود {arabic}",
            name_en=f"{english} provider",
            email="info@example.sa",
            status=ProviderStatus.ACTIVE,
            version=1,
            created_at=now,
            updated_at=now,
        )
        await portal.store(provider)
    company = Company(
        provider_id=provider.id,
        labor_office_id=1,
        sequence_number=next(_numbers),
        name_ar=arabic,
        name_en=english,
        status=CompanyStatus.ACTIVE,
        created_at=now,
        updated_at=now,
    )
    await portal.store(company)
    return company


async def _user(portal: Portal, name: str) -> User:
    user = User(national_id=national_id(next(_numbers)), name=name, locale=Locale.AR, created_at=portal.clock())
    await portal.store(user)
    return user


async def _join(portal: Portal, user: User, company: Company, role: Role, status: MemberStatus = MemberStatus.ACTIVE) -> None:
    now = portal.clock()
    await portal.store(Member(user_id=user.id, company_id=company.id, role=role, status=status, created_at=now, updated_at=now))
