"""People who sign in."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, UniqueConstraint, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import ACCOUNT, USER, Base, Row, choice, key
from app.models.member import Member, has_joined


class Locale(StrEnum):
    AR = "AR"
    EN = "EN"


def _self_and_colleagues(row: Row) -> ColumnElement[bool]:
    """Oneself, and whoever is or was a member of the company that one acts for: past deciders keep their names.

    Of who was only invited, their stand-in: to invite by a national id must not tell whose it is.
    """
    mine = select(Member.id).where(Member.company_id == ACCOUNT)
    joined, invited = mine.where(Member.user_id == row.id, has_joined(Member)), mine.where(Member.stand_in_id == row.id)
    return or_(row.id == USER, joined.exists(), invited.exists())


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
