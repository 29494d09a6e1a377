"""Places to fill in a project."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import STRINGS, Base, by_company, choice, key, link, nulls_last
from app.models.search import text_index


class JobStatus(StrEnum):
    DRAFT = "DRAFT"
    OPEN = "OPEN"
    PAUSED = "PAUSED"
    FILLED = "FILLED"
    CLOSED = "CLOSED"
    EXPIRED = "EXPIRED"


class EmploymentType(StrEnum):
    FULL_TIME = "FULL_TIME"
    PART_TIME = "PART_TIME"


class GenderRequirement(StrEnum):
    ANY = "ANY"
    MALE = "MALE"
    FEMALE = "FEMALE"


class EducationLevel(StrEnum):
    NONE = "NONE"
    SECONDARY = "SECONDARY"
    DIPLOMA = "DIPLOMA"
    BACHELOR = "BACHELOR"
    MASTER = "MASTER"
    DOCTORATE = "DOCTORATE"


class Job(Base, scoped_by=by_company, prefix="job", searched=("title_ar", "title_en")):
    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint("vacancies >= 1 AND filled >= 0 AND filled <= vacancies", "filled"),
        CheckConstraint("status NOT IN ('FILLED', 'EXPIRED')", "stored_status"),
        Index(None, "company_id", "created_at", "id"),
        Index(None, "company_id", "title_ar", "id"),
        Index(None, "company_id", "city_id"),
        Index(None, "company_id", "occupation_id"),
        Index(None, "project_id", "created_at", "id"),
        text_index("jobs"),
    )

    id: Mapped[UUID] = key()
    company_id: Mapped[UUID] = link("companies.id")
    project_id: Mapped[UUID] = link("projects.id")
    title_ar: Mapped[str]
    title_en: Mapped[str | None]
    occupation_id: Mapped[UUID | None] = link("occupations.id")
    description: Mapped[str | None]
    status: Mapped[JobStatus] = choice(JobStatus)  # as set; what places and clock make of it: job_status
    vacancies: Mapped[int]
    filled: Mapped[int] = mapped_column(default=0)  # as last counted; what it is on a day: places_taken
    filled_from: Mapped[date | None]  # the days for which that count is true, both included; null: no such end
    filled_until: Mapped[date | None]
    employment_type: Mapped[EmploymentType] = choice(EmploymentType)
    salary_min: Mapped[Decimal | None]
    salary_max: Mapped[Decimal | None]
    weekly_hours: Mapped[int]
    gender: Mapped[GenderRequirement] = choice(GenderRequirement)
    education_level: Mapped[EducationLevel | None] = choice(EducationLevel)
    experience_years: Mapped[int | None]
    skills: Mapped[list[str]] = mapped_column(STRINGS)
    disability_friendly: Mapped[bool]
    city_id: Mapped[UUID | None] = link("cities.id")
    published_at: Mapped[datetime | None]
    closes_at: Mapped[datetime | None]
    search_text: Mapped[str]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]


for _column in (Job.published_at, Job.closes_at, Job.salary_min):
    for _descending in (True, False):
        _direction = "desc" if _descending else "asc"
        Index(f"ix_jobs_{_column.key}_{_direction}", Job.company_id, nulls_last(_column, _descending), Job.id)
