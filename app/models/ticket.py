"""What people wrote to the portal, and the last number that was given to one. Nobody reads them through the graph."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, choice, key, link, nobody
from app.models.user import Locale


class Ticket(Base, scoped_by=nobody, prefix="tkt"):
    __tablename__ = "tickets"
    __table_args__ = (Index(None, "created_at"),)

    id: Mapped[UUID] = key()
    number: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    email: Mapped[str]
    subject: Mapped[str]
    message: Mapped[str]
    language: Mapped[Locale] = choice(Locale)  # that the answer should be in
    user_id: Mapped[UUID | None] = link("users.id")  # whoever was signed in
    company_id: Mapped[UUID | None] = link("companies.id")
    created_at: Mapped[datetime]
    mailed_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]


class TicketCount(Base, scoped_by=nobody, prefix="tkc"):
    """One row, made with the table: how many tickets there have been."""

    __tablename__ = "ticket_counts"

    id: Mapped[UUID] = key()
    last: Mapped[int]
