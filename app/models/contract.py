"""A company's contract with an establishment."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKey, Index, UniqueConstraint, case, false, literal, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Row, by_company, everyone, key, link, nulls_last, told_of
from app.models.search import text_index


class ContractStatus(StrEnum):
    SCHEDULED = "SCHEDULED"
    ACTIVE = "ACTIVE"
    EXPIRED = "EXPIRED"
    TERMINATED = "TERMINATED"


class Contract(Base, scoped_by=by_company, prefix="con", for_gateway=everyone):
    __tablename__ = "contracts"
    __table_args__ = (
        # At most one that still binds. `standing` is cleared when a contract is terminated, or found expired when a new one is made.
        Index(
            "uq_contracts_standing",
            "company_id",
            "establishment_id",
            unique=True,
            sqlite_where=text("standing"),
            postgresql_where=text("standing"),
        ),
        UniqueConstraint("company_id", "number"),
        Index("ix_contracts_starting", "starts_on", **told_of("NOT start_told")),
        Index("ix_contracts_ending", "ends_on", **told_of("NOT end_told")),
        Index(None, "company_id", "created_at", "id"),
        Index(None, "company_id", "starts_on", "id"),
        Index(None, "company_id", "number", "id"),
        Index(None, "company_id", "establishment_id", "created_at", "id"),
        Index(None, "establishment_id", "created_at", "id"),
        Index(None, "document_id"),
        text_index("contracts", column="lower(number)"),
    )

    id: Mapped[UUID] = key()
    company_id: Mapped[UUID] = link("companies.id")
    establishment_id: Mapped[UUID] = link("establishments.id")
    invitation_id: Mapped[UUID | None] = mapped_column(ForeignKey("invitations.id"), unique=True)
    number: Mapped[str]
    standing: Mapped[bool]
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    document_id: Mapped[UUID | None] = link("documents.id")
    terminated_at: Mapped[datetime | None]
    termination_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    start_told: Mapped[bool] = mapped_column(default=False, server_default=false())  # the log has it
    end_told: Mapped[bool] = mapped_column(default=False, server_default=false())
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


for _descending in (True, False):
    Index(
        f"ix_contracts_ends_on_{'desc' if _descending else 'asc'}",
        Contract.company_id,
        nulls_last(Contract.ends_on, _descending),
        Contract.id,
    )


def contract_status(row: Row, today: ColumnElement[date]) -> ColumnElement[str]:
    """Wholly a matter of dates, and of whether somebody terminated it."""
    return case(
        (row.terminated_at.is_not(None), literal("TERMINATED")),
        (row.ends_on < today, literal("EXPIRED")),
        (row.starts_on > today, literal("SCHEDULED")),
        else_=literal("ACTIVE"),
    )
