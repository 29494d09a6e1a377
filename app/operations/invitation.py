"""An establishment's invitation: delivered and withdrawn by the portal's gateway, decided by the company."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import date, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import select

from app.errors import (
    AppError,
    AppErrors,
    DuplicateContract,
    InvitationAlreadyDecided,
    InvitationAlreadyPending,
    InvitationExpired,
    UploadIncomplete,
    ValidationFailed,
)
from app.models import (
    Contract,
    ContractStatus,
    Document,
    DocumentStatus,
    EventType,
    Invitation,
    InvitationStatus,
    contract_status,
    invitation_status,
)
from app.operations.entrance import enter_company, enter_with
from app.operations.establishment import city_of_key, told_establishment
from app.operations.work import Work

T = TypeVar("T")

# What may be made of an invitation: by the company, or taken back by the gateway. EXPIRED comes by itself.
TRANSITIONS: dict[InvitationStatus, frozenset[InvitationStatus]] = {
    InvitationStatus.PENDING: frozenset({InvitationStatus.ACCEPTED, InvitationStatus.REJECTED, InvitationStatus.WITHDRAWN}),
    InvitationStatus.ACCEPTED: frozenset(),
    InvitationStatus.REJECTED: frozenset(),
    InvitationStatus.WITHDRAWN: frozenset(),
    InvitationStatus.EXPIRED: frozenset(),
}


async def deliver_invitation(
    work: Work, *, company_number: tuple[int, int], establishment_number: tuple[int, int], **told: Any
) -> dict[str, object]:
    """Bring a company the invitation of an establishment, which is made, or corrected in what is told of it.

    told    columns of Invitation by name; what begins with `establishment_`, of Establishment (`city_key`, for its city)
    Raises  NotFound                  no such company, city or document; in the sandbox also another company
            AccountSuspended
            UploadIncomplete          the document's bytes have not come
            ValidationFailed          dates that contradict each other, or lie behind
            InvitationAlreadyPending  the establishment waits for the company's answer already
    Source  guide 8; domain, invariant 2.
    """
    await enter_company(work, company_number, "company_number")
    about = {name.removeprefix("establishment_"): told.pop(name) for name in [*told] if name.startswith("establishment_")}
    expires_at = told.pop("expires_at", None) or work.now + timedelta(days=work.settings.invitation_days)
    errors = _date_errors(work, told.get("proposed_starts_on"), told.get("proposed_ends_on"), expires_at)
    if (key := about.pop("city_key", ...)) is not ...:
        about["city_id"] = None if key is None else await _or_tell(city_of_key(work, key, "establishment_city_key"), errors)
    if told.get("document_id") is not None:
        await _or_tell(_check_document(work, told["document_id"]), errors)
    if errors:
        raise AppErrors(errors)
    establishment_id = await told_establishment(work, establishment_number, about)
    await _make_room_for_invitation(work, establishment_id)
    invitation = await work.add(
        Invitation(
            company_id=work.company.id,
            establishment_id=establishment_id,
            status=InvitationStatus.PENDING,
            received_at=work.now,
            expires_at=expires_at,
            **told,
        )
    )
    await work.record(EventType.INVITATION_RECEIVED, invitation)
    return {"invitation": invitation}


async def withdraw_invitation(work: Work, *, invitation_id: UUID) -> dict[str, object]:
    """Take an invitation back that waits for a decision.

    Raises  NotFound, AccountSuspended, InvitationAlreadyDecided, InvitationExpired
    Source  domain, states.
    """
    invitation = await enter_with(work, Invitation, invitation_id, "invitation_id")
    await _check(work, invitation, InvitationStatus.WITHDRAWN)
    _decide(work, invitation, InvitationStatus.WITHDRAWN)
    await work.record(EventType.INVITATION_WITHDRAWN, invitation)
    return {"invitation": invitation}


async def accept_invitation(work: Work, *, invitation_id: UUID) -> dict[str, object]:
    """Accept the establishment's invitation and make the contract that it proposes.

    Answers the invitation, decided, and its new contract.
    Raises  NotFound                  no such invitation, or another company's
            InvitationAlreadyDecided  it is not PENDING any more, whoever decided
            InvitationExpired         its time is over, or that of the contract it proposes
            DuplicateContract         a contract with the establishment is in force or about to begin
    Source  guide 8; domain, invariants 2 and 3.
    """
    invitation = await work.find(Invitation, invitation_id, "invitation_id")
    await _check(work, invitation, InvitationStatus.ACCEPTED)
    if invitation.proposed_ends_on is not None and invitation.proposed_ends_on < work.today:
        raise InvitationExpired(("invitation_id",))
    await _make_room(work, invitation.establishment_id)
    _decide(work, invitation, InvitationStatus.ACCEPTED)
    contract = await work.add(_proposed_contract(work, invitation))
    await work.record(EventType.INVITATION_ACCEPTED, invitation)
    await work.record(EventType.CONTRACT_CREATED, contract)
    return {"invitation": invitation, "contract": contract}


async def reject_invitation(work: Work, *, invitation_id: UUID, reason: str | None = None) -> dict[str, object]:
    """Turn the establishment's invitation down. Raises as accept_invitation does, DuplicateContract aside. Source: guide 8."""
    invitation = await work.find(Invitation, invitation_id, "invitation_id")
    await _check(work, invitation, InvitationStatus.REJECTED)
    _decide(work, invitation, InvitationStatus.REJECTED)
    invitation.rejection_reason = reason
    await work.record(EventType.INVITATION_REJECTED, invitation)
    return {"invitation": invitation}


async def _check(work: Work, invitation: Invitation, wanted: InvitationStatus) -> None:
    """Raises InvitationExpired, InvitationAlreadyDecided."""
    current = InvitationStatus(await work.status(invitation, invitation_status, work.now))
    if wanted in TRANSITIONS[current]:
        return
    if current is InvitationStatus.EXPIRED:
        raise InvitationExpired(("invitation_id",))
    raise InvitationAlreadyDecided(("invitation_id",), current=current)


def _decide(work: Work, invitation: Invitation, status: InvitationStatus) -> None:
    invitation.status = status
    invitation.decided_at = work.now
    invitation.decided_by_id = work.actor.user_id
    invitation.version += 1


async def _make_room_for_invitation(work: Work, establishment_id: UUID) -> None:
    """Refuses a second one that waits; one whose time is over waits no longer, and the log is told of it."""
    mine = Invitation.company_id == work.company.id, Invitation.establishment_id == establishment_id
    waiting: Invitation | None = await work.one(select(Invitation).where(*mine, Invitation.status == InvitationStatus.PENDING))
    if waiting is None:
        return
    if waiting.expires_at > work.now:
        raise InvitationAlreadyPending(("establishment_number",))
    waiting.status = InvitationStatus.EXPIRED  # as it reads already: nothing else of it changes
    await work.session.flush()
    await work.record(EventType.INVITATION_EXPIRED, waiting)


def _date_errors(work: Work, starts_on: date | None, ends_on: date | None, expires_at: datetime) -> list[AppError]:
    errors: list[AppError] = []
    if expires_at <= work.now:
        errors.append(ValidationFailed(("expires_at",), en="This instant lies behind."))
    at = ("proposed_ends_on",)
    if ends_on is not None and starts_on is not None and ends_on < starts_on:
        errors.append(ValidationFailed(at, en="The last day lies before the first."))
    elif ends_on is not None and ends_on < work.today:
        errors.append(ValidationFailed(at, en="This day lies behind."))
    return errors


async def _check_document(work: Work, key: UUID) -> None:
    """Locked, so that it stays while the invitation comes to show it."""
    document = await work.find(Document, key, "document_id")
    if document.status is not DocumentStatus.READY:
        raise UploadIncomplete(("document_id",))
    document.attached_at = document.attached_at or work.now


async def _or_tell(found: Awaitable[T], errors: list[AppError]) -> T | None:
    """What is found; where a rule is broken, one more error."""
    try:
        return await found
    except AppError as error:
        errors.append(error)
        return None


async def _make_room(work: Work, establishment_id: UUID) -> None:
    """Refuses a second standing contract; one that the clock has ended no longer stands."""
    mine = select(Contract).where(Contract.company_id == work.company.id, Contract.establishment_id == establishment_id, Contract.standing)
    standing: Contract | None = await work.one(mine)
    if standing is None:
        return
    if await work.status(standing, contract_status, work.today) != ContractStatus.EXPIRED:
        raise DuplicateContract(("invitation_id",))
    standing.standing = False
    await work.session.flush()


def _proposed_contract(work: Work, invitation: Invitation) -> Contract:
    company = work.company
    company.last_contract += 1
    return Contract(
        company_id=company.id,
        establishment_id=invitation.establishment_id,
        invitation_id=invitation.id,
        number=f"C-{work.today.year}-{company.last_contract:06d}",
        standing=True,
        start_told=(invitation.proposed_starts_on or work.today) <= work.today,
        starts_on=invitation.proposed_starts_on or work.today,
        ends_on=invitation.proposed_ends_on,
        document_id=invitation.document_id,
        created_at=work.now,
        updated_at=work.now,
    )
