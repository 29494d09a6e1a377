"""People whom a company employs to work from anywhere."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, Index, SQLColumnExpression, Text, UniqueConstraint, func
from sqlalchemy.orm import Mapped

from app.models.base import Base, by_company, choice, key, link
from app.models.job import EducationLevel
from app.models.search import text_index


class Gender(StrEnum):
    MALE = "MALE"
    FEMALE = "FEMALE"


class Teleworker(Base, scoped_by=by_company, prefix="tlw", searched=("name",)):
    __tablename__ = "teleworkers"
    __table_args__ = (
        UniqueConstraint("company_id", "national_id"),
        Index(None, "company_id", "name", "id"),
        Index(None, "company_id", "created_at", "id"),
        text_index("teleworkers"),
    )

    id: Mapped[UUID] = key()
    company_id: Mapped[UUID] = link("companies.id")
    national_id: Mapped[str]
    name: Mapped[str]
    birth_date: Mapped[date | None]
    gender: Mapped[Gender | None] = choice(Gender)
    mobile: Mapped[str | None]
    email: Mapped[str | None]
    city_id: Mapped[UUID | None] = link("cities.id")
    education_level: Mapped[EducationLevel | None] = choice(EducationLevel)
    search_text: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


def masked(national_id: SQLColumnExpression[str]) -> ColumnElement[str]:
    """1*******08; made in SQL, so that the digits never leave the database."""
    return func.substr(national_id, 1, 1, type_=Text()) + "*******" + func.substr(national_id, 9, 2, type_=Text())
