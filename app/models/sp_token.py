"""SP-Tokens: a company's credentials for servers. Only their hash is kept."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, Index, and_, case, false, literal, or_
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import SOME_STRINGS, STRINGS, Base, Row, by_company, choice, key, link, nobody, told_of


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
    __table_args__ = (
        Index(None, "company_id", "created_at", "id"),
        Index("ix_sp_tokens_expiring", "expires_at", **told_of("NOT end_told")),
        Index("ix_sp_tokens_replaced", "revoked_at", **told_of("NOT end_told AND replaced_at IS NOT NULL")),
    )

    id: Mapped[UUID] = key()
    company_id: Mapped[UUID] = link("companies.id")
    name: Mapped[str]
    display_code: Mapped[str]
    secret_hash: Mapped[str] = mapped_column(unique=True)  # SHA-256 of the whole secret, in hex
    environment: Mapped[Environment] = choice(Environment)
    scopes: Mapped[list[str]] = mapped_column(STRINGS)  # names of Permission
    address_ranges: Mapped[list[str] | None] = mapped_column(SOME_STRINGS)  # networks that it may come from; null: anywhere
    created_by_id: Mapped[UUID | None] = link("users.id")
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    replaced_at: Mapped[datetime | None]  # regenerated then; revoked_at tells until when this secret still works
    revoked_at: Mapped[datetime | None]  # may lie ahead: the end of a replaced token's grace
    end_told: Mapped[bool] = mapped_column(default=False, server_default=false())  # the log has it


def is_in_force(row: Row, now: ColumnElement[datetime]) -> ColumnElement[bool]:
    """Whether the token works: ACTIVE, or in its grace."""
    return and_(or_(row.revoked_at.is_(None), row.revoked_at > now), or_(row.expires_at.is_(None), row.expires_at > now))


def token_status(row: Row, now: ColumnElement[datetime]) -> ColumnElement[str]:
    return case(
        (row.revoked_at <= now, literal("REVOKED")),
        (row.expires_at <= now, literal("EXPIRED")),
        (row.replaced_at.is_not(None), literal("GRACE")),
        else_=literal("ACTIVE"),
    )


class GatewayCredential(Base, scoped_by=nobody, prefix="gtw"):
    """What the portal's own gateway comes in with. It belongs to no company."""

    __tablename__ = "gateway_credentials"

    id: Mapped[UUID] = key()
    name: Mapped[str]
    display_code: Mapped[str]
    secret_hash: Mapped[str] = mapped_column(unique=True)  # SHA-256 of the whole secret, in hex
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
