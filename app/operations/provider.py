"""Registering establishments with the portal, and the profile that a provider's companies share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.exc import IntegrityError

from app.auth.doors import Door
from app.auth.permissions import ROLE_PERMISSIONS
from app.auth.sessions import act_for
from app.database import assume
from app.errors import AccountSuspended, AlreadyRegistered, NotFound, PersonOnly
from app.models import (
    Company,
    CompanyStatus,
    EventType,
    Member,
    MemberStatus,
    Provider,
    ProviderStatus,
    Role,
    UserEstablishment,
)
from app.models.base import uuid7
from app.operations.work import Work
from app.scope import Scope


async def register_provider(work: Work, *, establishment_number: tuple[int, int], **profile: Any) -> dict[str, object]:
    """Register one of the person's establishments: as the first company of a new provider, or as one more of the provider that its
    unified number has already, whose profile then stays as it is. The person becomes its owner, and acts for it where they acted for
    no company.

    profile  columns of Provider by name
    Raises   PersonOnly         the caller is no person
             NotFound           the unified login does not say that the establishment is theirs
             AlreadyRegistered
             AccountSuspended   the provider that it would join is
    Source   guide 3.2; domain, people and callers.
    """
    person = work.actor.user_id
    if person is None:
        raise PersonOnly
    office, sequence = establishment_number
    number = UserEstablishment.labor_office_id == office, UserEstablishment.sequence_number == sequence
    theirs = await work.session.scalar(select(UserEstablishment).where(UserEstablishment.user_id == person, *number))
    if theirs is None:
        raise NotFound(("establishment_number",))
    if await work.session.scalar(COMPANY_OF_NUMBER.on(work.session), {"office": office, "sequence": sequence}) is not None:
        raise AlreadyRegistered(("establishment_number",))
    provider_id, is_new = await _provider(work, theirs.unified_number, profile)
    company = _company(work, theirs, provider_id, profile["name_ar"])
    await assume(work.session, Scope(company.id, person))  # nobody belongs to it yet
    await work.add(company)
    times = {"created_at": work.now, "updated_at": work.now}
    member = await work.add(Member(company_id=company.id, user_id=person, role=Role.OWNER, status=MemberStatus.ACTIVE, **times))
    work.account = company
    provider = await work.session.get_one(Provider, provider_id)
    await work.record(EventType.PROVIDER_REGISTERED, provider if is_new else company)
    await work.record(EventType.MEMBER_JOINED, member)
    if work.actor.account_id is None and work.actor.session_id is not None:
        await act_for(work.session, work.actor.session_id, company.id)
        work.actor = replace(work.actor, account_id=company.id, role=Role.OWNER, permissions=ROLE_PERMISSIONS[Role.OWNER])
    return {"provider": provider, "company": company}


# Whosesoever they are: nothing of them but what registration has to know.
COMPANY_OF_NUMBER = Door(
    "company_of_number",
    select(Company.id).where(Company.labor_office_id == bindparam("office"), Company.sequence_number == bindparam("sequence")),
)
PROVIDER_OF_NUMBER = Door(
    "provider_of_number",
    select(Provider.id, Provider.status).where(Provider.unified_number == bindparam("unified_number")).with_for_update(),
)


async def _provider(work: Work, unified_number: str | None, profile: dict[str, Any]) -> tuple[UUID, bool]:
    """The provider that has the number, locked, or a new one; and which of the two. Raises AccountSuspended."""
    if unified_number is None or (known := await _known(work, unified_number)) is None:
        try:
            async with work.session.begin_nested():
                times = {"created_at": work.now, "updated_at": work.now}
                made = Provider(unified_number=unified_number, status=ProviderStatus.ACTIVE, version=1, **times, **profile)
                return (await work.add(made)).id, True
        except IntegrityError:
            # Another establishment of the same number was registered at this very moment.
            known = await _known(work, unified_number or "")
            assert known is not None  # noqa: S101  # that is what the index refused
    return known, False


async def _known(work: Work, unified_number: str) -> UUID | None:
    found = (await work.session.execute(PROVIDER_OF_NUMBER.on(work.session), {"unified_number": unified_number})).one_or_none()
    if found is not None and found.status is ProviderStatus.SUSPENDED:
        raise AccountSuspended(("establishment_number",))
    return found.id if found else None


def _company(work: Work, establishment: UserEstablishment, provider_id: UUID, name_ar: str) -> Company:
    """Named as the unified login names the establishment; by the name in the input, where it does not."""
    return Company(
        id=uuid7(),
        provider_id=provider_id,
        labor_office_id=establishment.labor_office_id,
        sequence_number=establishment.sequence_number,
        unified_number=establishment.unified_number,
        name_ar=establishment.name_ar or name_ar,
        name_en=establishment.name_en,
        status=CompanyStatus.ACTIVE,
        last_event=0,
        last_contract=0,
        created_at=work.now,
        updated_at=work.now,
    )


async def update_provider_profile(work: Work, *, version: int | None = None, **changes: Any) -> dict[str, object]:
    """Edit the profile, acting for one of the provider's companies.

    changes  columns of Provider by name.
    Raises   VersionConflict  somebody changed it since `version`.
    Source   guide 7.
    """
    provider = await work.find(Provider, work.company.provider_id, "provider_id")
    work.check_version(provider, version)
    if work.change(provider, changes):
        work.touch(provider)
        await work.record(EventType.PROFILE_UPDATED, provider)
    return {"provider": provider}
