"""Establishments that the unified login answered with for a person: what registerProvider may register."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ColumnElement, UniqueConstraint
from sqlalchemy.orm import Mapped

from app.models.base import USER, Base, Row, key, link


def _own(row: Row) -> ColumnElement[bool]:
    return row.user_id == USER  # type: ignore[no-any-return]  # an alias' attributes are Any


class UserEstablishment(Base, scoped_by=_own, prefix="ues"):
    """Replaced as a whole at each sign-in: the unified login vouches for them, and it alone."""

    __tablename__ = "user_establishments"
    __table_args__ = (UniqueConstraint("user_id", "labor_office_id", "sequence_number"),)

    id: Mapped[UUID] = key()
    user_id: Mapped[UUID] = link("users.id")
    labor_office_id: Mapped[int]
    sequence_number: Mapped[int]
    unified_number: Mapped[str | None]
    name_ar: Mapped[str | None]
    name_en: Mapped[str | None]
