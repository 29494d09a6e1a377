"""The establishments that the unified login says are a person's."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped

from app.models.base import Base, key, link, nobody


class UserEstablishment(Base, scoped_by=nobody, prefix="ues"):
    __tablename__ = "user_establishments"
    __table_args__ = (UniqueConstraint("user_id", "labor_office_id", "sequence_number"),)

    id: Mapped[UUID] = key()
    user_id: Mapped[UUID] = link("users.id")
    labor_office_id: Mapped[int]
    sequence_number: Mapped[int]
    unified_number: Mapped[str | None]
    name_ar: Mapped[str]
    name_en: Mapped[str | None]
