"""Establishments' invitations to a company, and deciding them."""

from __future__ import annotations

from datetime import date, datetime

import strawberry
from sqlalchemy import ColumnElement, false, or_, select
from sqlalchemy.orm import aliased

from app import models, values
from app.auth.permissions import Permission
from app.engine.declare import Asker, column, expression, graph_type, hijri, identity, related, related_back, related_by
from app.engine.filters import any_of, between, filter_input, own_text, search
from app.engine.inputs import CheckedInput, given, key_of, required
from app.engine.pages import order_by
from app.models import InvitationStatus, invitation_status
from app.models.base import Row
from app.operations import invitation as operations
from app.resolvers.mutation import Payload, mutation
from app.schema.shared import DateTimeRange, Node


def _mentions(row: Row, asker: Asker, pattern: ColumnElement[str]) -> ColumnElement[bool]:
    """The establishment's names; its message."""
    establishment = aliased(models.Establishment)
    # A value and not EXISTS, for which PostgreSQL would read all establishments first: 0.3 s for 100,000.
    named = select(establishment.search_text.like(pattern, escape="\\")).where(establishment.id == row.establishment_id)
    return or_(named.scalar_subquery(), own_text(row, asker, pattern))


@filter_input(description="Which invitations.")
class InvitationFilter:
    status: list[InvitationStatus] | None = any_of(lambda row, asker: invitation_status(row, asker.now), "In one of these states now")
    received_at: DateTimeRange | None = between(lambda row, _: row.received_at, "Received in this range", half_open=True)
    search: str | None = search(_mentions, "Part of the establishment's name, or of the message")


INVITATION_ORDER = order_by(
    "InvitationOrder",
    {"RECEIVED_AT": "When it came", "EXPIRES_AT": "Until when it can be decided"},
    RECEIVED_AT=lambda row, _: row.received_at,
    EXPIRES_AT=lambda row, _: row.expires_at,
)


def _can_decide(row: Row, asker: Asker) -> ColumnElement[bool]:
    return invitation_status(row, asker.now) == "PENDING" if asker.may(Permission.INVITATIONS_DECIDE) else false()


@graph_type(models.Invitation, allow=Permission.INVITATIONS_READ, description="An establishment's request that the company join it.")
class Invitation(Node):
    id: strawberry.ID = identity(models.Invitation)
    establishment = related(models.Invitation.establishment_id, description="Who invites")
    company = related(models.Invitation.company_id, description="Who is invited")
    status: InvitationStatus = expression(lambda row, asker: invitation_status(row, asker.now), description="Where it stands now")
    message: str | None = column(models.Invitation.message, description="The establishment's words")
    proposed_starts_on: date | None = column(models.Invitation.proposed_starts_on, description="First day of the proposed contract")
    proposed_starts_on_hijri: str | None = hijri(models.Invitation.proposed_starts_on)
    proposed_ends_on: date | None = column(models.Invitation.proposed_ends_on, description="Last day of the proposed contract")
    proposed_ends_on_hijri: str | None = hijri(models.Invitation.proposed_ends_on)
    document = related(models.Invitation.document_id, free=True, description="The agreement that the establishment sent along")
    received_at: datetime = column(models.Invitation.received_at, description="When it came")
    received_at_hijri: str | None = hijri(models.Invitation.received_at)
    expires_at: datetime = column(models.Invitation.expires_at, description="The instant from which on it cannot be decided any more")
    expires_at_hijri: str | None = hijri(models.Invitation.expires_at)
    decided_at: datetime | None = column(models.Invitation.decided_at, description="When it was decided")
    decided_at_hijri: str | None = hijri(models.Invitation.decided_at)
    decided_by = related(models.Invitation.decided_by_id, description="Who decided; null for a token")
    rejection_reason: str | None = column(models.Invitation.rejection_reason, description="Why it was turned down")
    contract = related_back(models.Contract.invitation_id, description="The contract that acceptance made")
    viewer_can_decide: bool = expression(_can_decide, description="Whether the caller may accept or reject it now")
    version: int = column(models.Invitation.version, description="Rises with every change")


@strawberry.input(description="Which invitation to accept.")
class AcceptInvitationInput(CheckedInput):
    invitation_id: strawberry.ID = required("The invitation", key_of(models.Invitation))


@strawberry.type(description="The invitation, accepted.")
class AcceptInvitationPayload(Payload):
    invitation = related_by(models.Invitation, "invitation_id", description="The invitation")
    contract = related_by(models.Contract, "contract_id", description="The contract that it made")


accept_invitation = mutation(
    operations.accept_invitation,
    AcceptInvitationInput,
    AcceptInvitationPayload,
    allow=Permission.INVITATIONS_DECIDE,
    description="Accept an establishment's invitation; makes the contract that it proposes",
)


@strawberry.input(description="Which invitation to turn down.")
class RejectInvitationInput(CheckedInput):
    invitation_id: strawberry.ID = required("The invitation", key_of(models.Invitation))
    reason: str | None = given("Why, for the establishment to read", values.text(1000))


@strawberry.type(description="The invitation, turned down.")
class RejectInvitationPayload(Payload):
    invitation = related_by(models.Invitation, "invitation_id", description="The invitation")


reject_invitation = mutation(
    operations.reject_invitation,
    RejectInvitationInput,
    RejectInvitationPayload,
    allow=Permission.INVITATIONS_DECIDE,
    description="Turn an establishment's invitation down",
)
