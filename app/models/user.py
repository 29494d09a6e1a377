"""People who sign in."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, UniqueConstraint, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import ACCOUNT, USER, Base, Row, choice, key
from app.models.member import Member


class Locale(StrEnum):
    AR = "AR"
    EN = "EN"


def _self_and_colleagues(row: Row) -> ColumnElement[bool]:
    """Oneself, and whoever is or was a member of the company that one acts for: past deciders keep their names."""
    return or_(row.id == USER, select(Member.id).where(Member.user_id == row.id, Member.company_id == ACCOUNT).exists())


class User(Base, scoped_by=_self_and_colleagues, prefix="usr"):
    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    id: Mapped[UUID] = key()
    issuer: Mapped[str | None]  # null for an invited person who has not signed in yet
    subject: Mapped[str | None]
    national_id: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    email: Mapped[str | None]
    mobile: Mapped[str | None]
    locale: Mapped[Locale] = choice(Locale)
    last_login_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
