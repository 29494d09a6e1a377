"""Client establishments."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, UniqueConstraint, or_, select
from sqlalchemy.orm import Mapped

from app.models.base import ACCOUNT, Base, Row, key, link
from app.models.contract import Contract
from app.models.invitation import Invitation
from app.models.search import EVERYBODYS, text_index


def _known_to_company(row: Row) -> ColumnElement[bool]:
    """Those that invited the company or have a contract with it; of the others it must not learn that they exist."""
    invited = select(Invitation.id).where(Invitation.company_id == ACCOUNT, Invitation.establishment_id == row.id)
    contracted = select(Contract.id).where(Contract.company_id == ACCOUNT, Contract.establishment_id == row.id)
    return or_(invited.exists(), contracted.exists())


class Establishment(Base, scoped_by=_known_to_company, prefix="est", searched=("name_ar", "name_en")):
    __tablename__ = "establishments"
    __table_args__ = (UniqueConstraint("labor_office_id", "sequence_number"), text_index("establishments", company=EVERYBODYS))

    id: Mapped[UUID] = key()
    labor_office_id: Mapped[int]
    sequence_number: Mapped[int]
    unified_number: Mapped[str | None]
    name_ar: Mapped[str]
    name_en: Mapped[str | None]
    city_id: Mapped[UUID | None] = link("cities.id")
    activity: Mapped[str | None]
    email: Mapped[str | None]
    mobile: Mapped[str | None]
    search_text: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
