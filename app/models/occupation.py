"""Occupations: reference data."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, everyone, key


class Occupation(Base, scoped_by=everyone, prefix="occ", searched=("code", "name_ar", "name_en")):
    __tablename__ = "occupations"
    __table_args__ = (Index(None, "name_ar", "id"),)

    id: Mapped[UUID] = key()
    code: Mapped[str] = mapped_column(unique=True)
    name_ar: Mapped[str]
    name_en: Mapped[str]
    search_text: Mapped[str]
