"""An establishment's request that a company join it."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, Index, and_, case, false, literal, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Row, by_company, choice, everyone, key, link, told_of
from app.models.search import text_index


class InvitationStatus(StrEnum):
    PENDING = "PENDING"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"


class Invitation(Base, scoped_by=by_company, prefix="inv", for_gateway=everyone, searched=("message",)):
    __tablename__ = "invitations"
    __table_args__ = (
        Index(
            "uq_invitations_pending",
            "company_id",
            "establishment_id",
            unique=True,
            sqlite_where=text("status = 'PENDING'"),
            postgresql_where=text("status = 'PENDING'"),
        ),
        Index("ix_invitations_due", "expires_at", **told_of("status = 'PENDING' AND NOT expiry_told")),
        Index(None, "company_id", "received_at", "id"),
        Index(None, "company_id", "expires_at", "id"),
        Index(None, "company_id", "establishment_id"),
        Index(None, "document_id"),
        text_index("invitations"),
    )

    id: Mapped[UUID] = key()
    company_id: Mapped[UUID] = link("companies.id")
    establishment_id: Mapped[UUID] = link("establishments.id")
    status: Mapped[InvitationStatus] = choice(InvitationStatus)  # as decided; what the clock makes of it: invitation_status
    message: Mapped[str | None]
    proposed_starts_on: Mapped[date | None]
    proposed_ends_on: Mapped[date | None]
    document_id: Mapped[UUID | None] = link("documents.id")
    received_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[UUID | None] = link("users.id")
    rejection_reason: Mapped[str | None]
    search_text: Mapped[str]
    version: Mapped[int] = mapped_column(default=1)
    expiry_told: Mapped[bool] = mapped_column(default=False, server_default=false())  # the log has it


def invitation_status(row: Row, now: ColumnElement[datetime]) -> ColumnElement[str]:
    """EXPIRED is what the clock makes of PENDING; no job has to run for it to be true."""
    return case((and_(row.status == InvitationStatus.PENDING, row.expires_at <= now), literal("EXPIRED")), else_=row.status)
