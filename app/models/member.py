"""Who belongs to a company, in which role."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, Index, UniqueConstraint, Uuid, case, or_, type_coerce
from sqlalchemy.orm import Mapped, column_property, mapped_column

from app.models.base import Base, Row, by_company, choice, key, link


class Role(StrEnum):
    OWNER = "OWNER"
    ADMIN = "ADMIN"
    MEMBER = "MEMBER"
    VIEWER = "VIEWER"


class MemberStatus(StrEnum):
    INVITED = "INVITED"
    ACTIVE = "ACTIVE"
    REVOKED = "REVOKED"


class Member(Base, scoped_by=by_company, prefix="mem"):
    __tablename__ = "members"
    __table_args__ = (UniqueConstraint("user_id", "company_id"), Index(None, "company_id", "created_at", "id"), Index(None, "stand_in_id"))

    id: Mapped[UUID] = key()
    company_id: Mapped[UUID] = link("companies.id")
    user_id: Mapped[UUID] = link("users.id")
    role: Mapped[Role] = choice(Role)
    status: Mapped[MemberStatus] = choice(MemberStatus)
    # A row of users that holds what the invitation says. Until the person joins, it is all that the company may know of them. No
    # foreign key: SQLite cannot give one to a table that is there already.
    stand_in_id: Mapped[UUID | None] = mapped_column()
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    shown_user_id: Mapped[UUID] = column_property(
        type_coerce(case((or_(status == MemberStatus.ACTIVE, stand_in_id.is_(None)), user_id), else_=stand_in_id), Uuid())
    )


def has_joined(row: Row) -> ColumnElement[bool]:
    """Whether the person came in at some time, and so is known to the company. Who is taken out after that loses their stand-in."""
    return or_(row.status == MemberStatus.ACTIVE, row.stand_in_id.is_(None))
