"""Stored files: what is known of them. Their bytes lie in the object store under `storage_key`."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, by_company, choice, everyone, key, link


class DocumentStatus(StrEnum):
    AWAITING_UPLOAD = "AWAITING_UPLOAD"
    READY = "READY"


class Document(Base, scoped_by=by_company, prefix="doc", for_gateway=everyone):
    __tablename__ = "documents"
    __table_args__ = (Index(None, "company_id"),)

    id: Mapped[UUID] = key()
    company_id: Mapped[UUID] = link("companies.id")
    file_name: Mapped[str]
    content_type: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str]
    status: Mapped[DocumentStatus] = choice(DocumentStatus)
    storage_key: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
