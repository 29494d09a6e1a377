"""Documents that clients name by an id of their content, and need not send."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, nobody


class TrustedDocument(Base, scoped_by=nobody, prefix="tdc"):
    __tablename__ = "trusted_documents"

    id: Mapped[str] = mapped_column(primary_key=True)  # "sha256:" and 64 hex digits, of the text
    text: Mapped[str]
    registered_at: Mapped[datetime]
