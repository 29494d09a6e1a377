"""Browser sessions, and sign-ins under way. Secrets are kept as hashes."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, key, link, nobody


class Session(Base, scoped_by=nobody, prefix="ses"):
    __tablename__ = "sessions"
    __table_args__ = (Index(None, "user_id"), Index(None, "expires_at"))

    id: Mapped[UUID] = key()
    secret_hash: Mapped[str] = mapped_column(unique=True)
    user_id: Mapped[UUID] = link("users.id")
    company_id: Mapped[UUID | None] = link("companies.id")  # the active account
    id_token: Mapped[str | None]  # the identity provider's hint at logout
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class SignIn(Base, scoped_by=nobody, prefix="sgn"):
    """One trip to the identity provider, tied to the browser by a cookie whose hash this is."""

    __tablename__ = "sign_ins"
    __table_args__ = (Index(None, "expires_at"),)

    id: Mapped[UUID] = key()
    secret_hash: Mapped[str] = mapped_column(unique=True)
    state: Mapped[str]
    nonce: Mapped[str]
    code_verifier: Mapped[str]
    next_path: Mapped[str]
    expires_at: Mapped[datetime]
