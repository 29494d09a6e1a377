"""Work that jobs are opened for: a client's, or the company's own."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, by_company, choice, everyone, key, link, nulls_last
from app.models.search import text_index


class ProjectKind(StrEnum):
    CLIENT = "CLIENT"
    OWN = "OWN"


class ProjectStatus(StrEnum):
    DRAFT = "DRAFT"
    SUBMITTED = "SUBMITTED"
    RETURNED = "RETURNED"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    SUSPENDED = "SUSPENDED"
    COMPLETED = "COMPLETED"


class ProjectDecision(StrEnum):
    """What the portal may say of a project."""

    APPROVE = "APPROVE"
    RETURN = "RETURN"
    REJECT = "REJECT"
    SUSPEND = "SUSPEND"
    RESUME = "RESUME"
    COMPLETE = "COMPLETE"


class Project(Base, scoped_by=by_company, prefix="prj", for_gateway=everyone, searched=("title_ar", "title_en")):
    __tablename__ = "projects"
    __table_args__ = (
        CheckConstraint("(kind = 'CLIENT') = (contract_id IS NOT NULL) AND (kind = 'CLIENT') = (establishment_id IS NOT NULL)", "client"),
        Index(None, "company_id", "kind", "created_at", "id"),
        Index(None, "company_id", "kind", "title_ar", "id"),
        Index(None, "company_id", "establishment_id"),
        Index(None, "contract_id", "created_at", "id"),
        Index(None, "created_at", "id"),  # the gateway's, over all companies
        Index(None, "status", "created_at", "id"),
        text_index("projects"),
    )

    id: Mapped[UUID] = key()
    company_id: Mapped[UUID] = link("companies.id")
    kind: Mapped[ProjectKind] = choice(ProjectKind)
    contract_id: Mapped[UUID | None] = link("contracts.id")
    establishment_id: Mapped[UUID | None] = link("establishments.id")
    title_ar: Mapped[str]
    title_en: Mapped[str | None]
    scope: Mapped[str | None]
    status: Mapped[ProjectStatus] = choice(ProjectStatus)
    review_note: Mapped[str | None]
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]
    planned_headcount: Mapped[int | None]
    search_text: Mapped[str]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]
    deletion_reason: Mapped[str | None]


for _descending in (True, False):
    Index(
        f"ix_projects_starts_on_{'desc' if _descending else 'asc'}",
        Project.company_id,
        Project.kind,
        nulls_last(Project.starts_on, _descending),
        Project.id,
    )
