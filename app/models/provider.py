"""A service provider: what its companies share, the profile."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, Index, select
from sqlalchemy.orm import Mapped

from app.models.base import Base, Row, choice, everyone, key
from app.models.company import Company


class ProviderStatus(StrEnum):
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"


def _of_own_company(row: Row) -> ColumnElement[bool]:
    return select(Company.id).where(Company.provider_id == row.id, Company.scoped_by(Company)).exists()


class Provider(Base, scoped_by=_of_own_company, prefix="prv", for_gateway=everyone):
    __tablename__ = "providers"
    __table_args__ = (Index(None, "unified_number", unique=True),)

    id: Mapped[UUID] = key()
    # Whose establishments join it; null where its first company has none. Unique, so that two who register at once make one provider.
    unified_number: Mapped[str | None]
    name_ar: Mapped[str]
    name_en: Mapped[str | None]
    description: Mapped[str | None]
    website: Mapped[str | None]
    contact_name: Mapped[str | None]
    email: Mapped[str | None]
    mobile: Mapped[str | None]
    national_address: Mapped[str | None]
    status: Mapped[ProviderStatus] = choice(ProviderStatus)
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
