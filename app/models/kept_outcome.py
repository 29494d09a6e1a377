"""What mutations with an Idempotency-Key came to, kept a while, so that their repetition changes nothing."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Index, Text, UniqueConstraint, or_
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import ACCOUNT, USER, Base, Row, key


def _own(row: Row) -> ColumnElement[bool]:
    return or_(row.owner_id == ACCOUNT, row.owner_id == USER)


class KeptOutcome(Base, scoped_by=_own, prefix="kpt"):
    """Neither the key nor the input is stored: their hashes are."""

    __tablename__ = "kept_outcomes"
    __table_args__ = (UniqueConstraint("owner_id", "key_hash"), Index(None, "created_at"))

    id: Mapped[UUID] = key()
    owner_id: Mapped[UUID]  # a company, a person or the gateway's credential; no foreign key, for it is gone in a day
    key_hash: Mapped[str]
    input_hash: Mapped[str]  # of the mutation's name and its input
    outcome: Mapped[str] = mapped_column(Text())  # JSON, read by nobody but app/operations/kept_outcome.py
    created_at: Mapped[datetime]
