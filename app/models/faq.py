"""Frequently asked questions: reference data."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, everyone, key


class Faq(Base, scoped_by=everyone, prefix="faq", searched=("question_ar", "question_en", "answer_ar", "answer_en")):
    __tablename__ = "faqs"
    __table_args__ = (Index(None, "position", "id"),)

    id: Mapped[UUID] = key()
    key: Mapped[str] = mapped_column(unique=True)
    position: Mapped[int]
    category_ar: Mapped[str]
    category_en: Mapped[str]
    question_ar: Mapped[str]
    question_en: Mapped[str]
    answer_ar: Mapped[str]
    answer_en: Mapped[str]
    search_text: Mapped[str]
