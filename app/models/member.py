"""Who belongs to a company, in which role."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped

from app.models.base import Base, by_company, choice, key, link


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
    __table_args__ = (UniqueConstraint("user_id", "company_id"), Index(None, "company_id", "created_at", "id"))

    id: Mapped[UUID] = key()
    company_id: Mapped[UUID] = link("companies.id")
    user_id: Mapped[UUID] = link("users.id")
    role: Mapped[Role] = choice(Role)
    status: Mapped[MemberStatus] = choice(MemberStatus)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
