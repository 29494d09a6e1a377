"""Deciding an establishment's invitation."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select

from app.errors import DuplicateContract, InvitationAlreadyDecided, InvitationExpired
from app.models import Contract, ContractStatus, EventType, Invitation, InvitationStatus, contract_status
from app.operations.work import Work


async def accept_invitation(work: Work, *, invitation_id: UUID) -> dict[str, object]:
    """Accept the establishment's invitation and make the contract that it proposes.

    Answers the invitation, decided, and its new contract.
    Raises  NotFound                  no such invitation, or another company's
            InvitationAlreadyDecided  it is not PENDING any more, whoever decided
            InvitationExpired         its time is over, or that of the contract it proposes
            DuplicateContract         a contract with the establishment is in force or about to begin
    Source  guide 8; domain, invariants 2 and 3.
    """
    invitation = await _decidable(work, invitation_id)
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
    invitation = await _decidable(work, invitation_id)
    _decide(work, invitation, InvitationStatus.REJECTED)
    invitation.rejection_reason = reason
    await work.record(EventType.INVITATION_REJECTED, invitation)
    return {"invitation": invitation}


async def _decidable(work: Work, invitation_id: UUID) -> Invitation:
    invitation = await work.find(Invitation, invitation_id, "invitation_id")
    if invitation.status is InvitationStatus.EXPIRED or (
        invitation.status is InvitationStatus.PENDING and invitation.expires_at <= work.now
    ):
        raise InvitationExpired(("invitation_id",))
    if invitation.status is not InvitationStatus.PENDING:
        raise InvitationAlreadyDecided(("invitation_id",), current=invitation.status)
    return invitation


def _decide(work: Work, invitation: Invitation, status: InvitationStatus) -> None:
    invitation.status = status
    invitation.decided_at = work.now
    invitation.decided_by_id = work.actor.user_id
    invitation.version += 1


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
        starts_on=invitation.proposed_starts_on or work.today,
        ends_on=invitation.proposed_ends_on,
        document_id=invitation.document_id,
        created_at=work.now,
        updated_at=work.now,
    )
