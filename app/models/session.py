"""Browser sessions, sign-ins under way, and logouts that the identity provider told. Secrets are kept as hashes."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import USER, Base, Row, choice, key, link, nobody
from app.models.member import Role


def _own(row: Row) -> ColumnElement[bool]:
    return row.user_id == USER  # type: ignore[no-any-return]  # an alias' attributes are Any


class Session(Base, scoped_by=_own, prefix="ses"):
    """One browser's. Its secret changes with the rights that it stands for; the one before holds for some seconds more."""

    __tablename__ = "sessions"
    __table_args__ = (Index(None, "user_id", "created_at", "id"), Index(None, "expires_at"), Index(None, "provider_session"))

    id: Mapped[UUID] = key()
    secret_hash: Mapped[str] = mapped_column(unique=True)
    previous_hash: Mapped[str | None] = mapped_column(unique=True)
    rotated_at: Mapped[datetime | None]
    user_id: Mapped[UUID] = link("users.id")
    company_id: Mapped[UUID | None] = link("companies.id")  # the active account
    role: Mapped[Role | None] = choice(Role)  # there, when the secret was made: another one now asks for another secret
    provider_session: Mapped[str | None]  # the identity provider's `sid`, by which it tells that somebody logged out
    id_token: Mapped[str | None]  # the identity provider's hint at logout, sealed: it names a person
    device: Mapped[str | None]  # what the browser said of itself
    address: Mapped[str | None]  # where it was last used from
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]  # written once a minute at most; null: not since it was made
    idle_at: Mapped[datetime | None]  # when it ends unless it is used before; null: not before the next
    expires_at: Mapped[datetime]  # at the latest, however much it is used


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


class LogoutToken(Base, scoped_by=nobody, prefix="lgt"):
    """One of the identity provider's that was obeyed: it works once, however often it is sent."""

    __tablename__ = "logout_tokens"
    __table_args__ = (Index(None, "expires_at"),)

    id: Mapped[UUID] = key()
    identifier_hash: Mapped[str] = mapped_column(unique=True)  # of its `jti`
    expires_at: Mapped[datetime]
