"""Cities and their regions: reference data."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, everyone, key


class City(Base, scoped_by=everyone, prefix="cty", searched=("name_ar", "name_en", "region_name_ar", "region_name_en")):
    __tablename__ = "cities"
    __table_args__ = (Index(None, "name_ar", "id"),)

    id: Mapped[UUID] = key()
    key: Mapped[str] = mapped_column(unique=True)
    name_ar: Mapped[str]
    name_en: Mapped[str]
    region_name_ar: Mapped[str]
    region_name_en: Mapped[str]
    search_text: Mapped[str]
