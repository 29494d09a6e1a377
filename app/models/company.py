"""A provider's subsidiary: the account that everything else belongs to."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, Index, UniqueConstraint, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import ACCOUNT, USER, Base, Row, choice, everyone, key, link
from app.models.member import Member, MemberStatus


class CompanyStatus(StrEnum):
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"


def is_own(row: Row) -> ColumnElement[bool]:
    """Companies that the person belongs to; none of a token's."""
    return select(Member.id).where(Member.user_id == USER, Member.company_id == row.id, Member.status == MemberStatus.ACTIVE).exists()


def _with_membership(row: Row) -> ColumnElement[bool]:
    """The company that one acts for, and those that one belongs to."""
    return or_(row.id == ACCOUNT, is_own(row))


class Company(Base, scoped_by=_with_membership, prefix="cmp", for_gateway=everyone, searched=("name_ar", "name_en")):
    __tablename__ = "companies"
    __table_args__ = (
        UniqueConstraint("labor_office_id", "sequence_number"),
        Index(None, "provider_id", "name_ar", "id"),
        Index(None, "name_ar", "id"),
    )

    id: Mapped[UUID] = key()
    provider_id: Mapped[UUID] = link("providers.id")
    labor_office_id: Mapped[int]
    sequence_number: Mapped[int]
    unified_number: Mapped[str | None]
    name_ar: Mapped[str]
    name_en: Mapped[str | None]
    city_id: Mapped[UUID | None] = link("cities.id")
    activity: Mapped[str | None]
    status: Mapped[CompanyStatus] = choice(CompanyStatus)
    search_text: Mapped[str]
    # The last numbers given out; advanced under this row's lock, so that no number is skipped or given twice.
    last_event: Mapped[int] = mapped_column(default=0)
    last_contract: Mapped[int] = mapped_column(default=0)
    overdue_told: Mapped[int | None]  # the latest week whose deadline the log has been told of; null: none
    clock_at: Mapped[datetime | None]  # in the sandbox: where the clock that the rules follow was stopped; null: it runs
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
