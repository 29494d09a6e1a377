"""SP-Tokens: a company's credentials for servers. Only their hash is kept."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, Index, case, literal
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import STRINGS, Base, Row, by_company, choice, key, link


class Environment(StrEnum):
    LIVE = "LIVE"
    SANDBOX = "SANDBOX"


class TokenStatus(StrEnum):
    ACTIVE = "ACTIVE"
    GRACE = "GRACE"
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"


class SpToken(Base, scoped_by=by_company, prefix="tok"):
    __tablename__ = "sp_tokens"
    __table_args__ = (Index(None, "company_id", "created_at", "id"),)

    id: Mapped[UUID] = key()
    company_id: Mapped[UUID] = link("companies.id")
    name: Mapped[str]
    display_code: Mapped[str]
    secret_hash: Mapped[str] = mapped_column(unique=True)  # SHA-256 of the whole secret, in hex
    environment: Mapped[Environment] = choice(Environment)
    scopes: Mapped[list[str]] = mapped_column(STRINGS)  # names of Permission
    created_by_id: Mapped[UUID | None] = link("users.id")
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    replaced_at: Mapped[datetime | None]  # regenerated then; revoked_at tells until when this secret still works
    revoked_at: Mapped[datetime | None]  # may lie ahead: the end of a replaced token's grace


def token_status(row: Row, now: ColumnElement[datetime]) -> ColumnElement[str]:
    return case(
        (row.revoked_at <= now, literal("REVOKED")),
        (row.expires_at <= now, literal("EXPIRED")),
        (row.replaced_at.is_not(None), literal("GRACE")),
        else_=literal("ACTIVE"),
    )
