"""Stored files: what is known of them. Their bytes lie in the object store under `storage_key`."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, Index, and_, select, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Row, by_company, choice, everyone, key, link
from app.models.contract import Contract
from app.models.invitation import Invitation


class DocumentStatus(StrEnum):
    AWAITING_UPLOAD = "AWAITING_UPLOAD"
    READY = "READY"


class Document(Base, scoped_by=by_company, prefix="doc", for_gateway=everyone):
    __tablename__ = "documents"
    __table_args__ = (
        Index(None, "company_id"),
        # Few at any time: what is counted before another upload, and swept after a day.
        Index(
            "ix_documents_unattached",
            "company_id",
            "created_at",
            sqlite_where=text("attached_at IS NULL"),
            postgresql_where=text("attached_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = key()
    company_id: Mapped[UUID] = link("companies.id")
    file_name: Mapped[str]
    content_type: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str]
    status: Mapped[DocumentStatus] = choice(DocumentStatus)
    storage_key: Mapped[str] = mapped_column(unique=True)
    attached_at: Mapped[datetime | None]  # when it first came to a contract or an invitation: one that was replaced is kept
    created_at: Mapped[datetime]


def is_unattached(row: Row) -> ColumnElement[bool]:
    """Neither a contract nor an invitation shows it, or ever did."""
    shown = (select(model.id).where(model.document_id == row.id).exists() for model in (Contract, Invitation))
    return and_(row.attached_at.is_(None), *(~each for each in shown))
