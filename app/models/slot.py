"""Who is employed when, whoever employs them: the one place where companies' employments are held against one another.

No company, no name, no national id. Nobody reads it; what may be asked of it are the doors of operations/slot.py.
"""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, choice, key, link, nobody
from app.models.job import EmploymentType


class SlotHolder(Base, scoped_by=nobody, prefix="sho"):
    """A person under a secret key; their row is locked before their slots are looked at."""

    __tablename__ = "slot_holders"

    id: Mapped[UUID] = mapped_column(primary_key=True)  # made of world and national id: operations/slot.py


class Slot(Base, scoped_by=nobody, prefix="slo"):
    """The days of one employment, both ends included; open while ends_on is null."""

    __tablename__ = "slots"
    __table_args__ = (CheckConstraint("ends_on IS NULL OR ends_on >= starts_on", "period"), Index(None, "holder_id"))

    id: Mapped[UUID] = key()  # the employment's
    holder_id: Mapped[UUID] = link("slot_holders.id")
    employment_type: Mapped[EmploymentType] = choice(EmploymentType)
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
