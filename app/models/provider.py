"""A service provider: what its companies share, the profile."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Mapped

from app.models.base import Base, Row, choice, key
from app.models.company import Company


class ProviderStatus(StrEnum):
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"


def _of_own_company(row: Row) -> ColumnElement[bool]:
    return select(Company.id).where(Company.provider_id == row.id, Company.scoped_by(Company)).exists()


class Provider(Base, scoped_by=_of_own_company, prefix="prv"):
    __tablename__ = "providers"

    id: Mapped[UUID] = key()
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
