"""Client establishments."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, UniqueConstraint, or_, select, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import ACCOUNT, LIVE_WORLD, Base, Row, everyone, key, link
from app.models.contract import Contract
from app.models.invitation import Invitation
from app.models.search import EVERYBODYS, text_index


def _known_to_company(row: Row) -> ColumnElement[bool]:
    """Those that invited the company or have a contract with it, and in the sandbox all of its own world; of the others it must not
    learn that they exist."""
    invited = select(Invitation.id).where(Invitation.company_id == ACCOUNT, Invitation.establishment_id == row.id)
    contracted = select(Contract.id).where(Contract.company_id == ACCOUNT, Contract.establishment_id == row.id)
    return or_(row.world == ACCOUNT, invited.exists(), contracted.exists())


class Establishment(Base, scoped_by=_known_to_company, prefix="est", for_gateway=everyone, searched=("name_ar", "name_en")):
    __tablename__ = "establishments"
    __table_args__ = (
        UniqueConstraint("world", "labor_office_id", "sequence_number"),
        text_index("establishments", company=EVERYBODYS),
    )

    id: Mapped[UUID] = key()
    # Within which the number is one establishment's. The default is the database's too: for versions that do not know of worlds.
    world: Mapped[UUID] = mapped_column(default=LIVE_WORLD, server_default=text("'00000000000000000000000000000000'"))
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
