"""The account's numbered log: gapless, in commit order."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped

from app.models.base import Base, by_company, choice, key, link


class EventType(StrEnum):
    PROVIDER_REGISTERED = "PROVIDER_REGISTERED"
    PROFILE_UPDATED = "PROFILE_UPDATED"
    MEMBER_INVITED = "MEMBER_INVITED"
    MEMBER_JOINED = "MEMBER_JOINED"
    MEMBER_UPDATED = "MEMBER_UPDATED"
    MEMBER_REMOVED = "MEMBER_REMOVED"
    INVITATION_RECEIVED = "INVITATION_RECEIVED"
    INVITATION_ACCEPTED = "INVITATION_ACCEPTED"
    INVITATION_REJECTED = "INVITATION_REJECTED"
    INVITATION_WITHDRAWN = "INVITATION_WITHDRAWN"
    INVITATION_EXPIRED = "INVITATION_EXPIRED"
    CONTRACT_CREATED = "CONTRACT_CREATED"
    CONTRACT_ACTIVATED = "CONTRACT_ACTIVATED"
    CONTRACT_TERMINATED = "CONTRACT_TERMINATED"
    CONTRACT_EXPIRED = "CONTRACT_EXPIRED"
    DOCUMENT_ATTACHED = "DOCUMENT_ATTACHED"
    PROJECT_CREATED = "PROJECT_CREATED"
    PROJECT_UPDATED = "PROJECT_UPDATED"
    PROJECT_SUBMITTED = "PROJECT_SUBMITTED"
    PROJECT_DECIDED = "PROJECT_DECIDED"
    PROJECT_DELETED = "PROJECT_DELETED"
    JOB_ADDED = "JOB_ADDED"
    JOB_UPDATED = "JOB_UPDATED"
    JOB_STATUS_CHANGED = "JOB_STATUS_CHANGED"
    JOB_DELETED = "JOB_DELETED"
    TELEWORKER_HIRED = "TELEWORKER_HIRED"
    EMPLOYMENT_UPDATED = "EMPLOYMENT_UPDATED"
    EMPLOYMENT_ENDED = "EMPLOYMENT_ENDED"
    TOKEN_CREATED = "TOKEN_CREATED"  # noqa: S105  # a name, no secret
    TOKEN_REGENERATED = "TOKEN_REGENERATED"  # noqa: S105
    TOKEN_REVOKED = "TOKEN_REVOKED"  # noqa: S105
    TOKEN_EXPIRED = "TOKEN_EXPIRED"  # noqa: S105
    NATIONAL_IDS_REVEALED = "NATIONAL_IDS_REVEALED"
    REPORT_SUBMITTED = "REPORT_SUBMITTED"
    REPORT_OVERDUE = "REPORT_OVERDUE"
    WEBHOOK_CREATED = "WEBHOOK_CREATED"
    WEBHOOK_UPDATED = "WEBHOOK_UPDATED"
    WEBHOOK_DELETED = "WEBHOOK_DELETED"
    WEBHOOK_SUSPENDED = "WEBHOOK_SUSPENDED"


class Event(Base, scoped_by=by_company, prefix="evt"):
    __tablename__ = "events"
    __table_args__ = (UniqueConstraint("company_id", "sequence"),)

    id: Mapped[UUID] = key()
    company_id: Mapped[UUID] = link("companies.id")
    sequence: Mapped[int]
    type: Mapped[EventType] = choice(EventType)
    occurred_at: Mapped[datetime]
    subject_prefix: Mapped[str | None]  # the public id's prefix tells the table; no foreign key, for the log outlives its subjects
    subject_id: Mapped[UUID | None]
    actor_name: Mapped[str]
    user_id: Mapped[UUID | None] = link("users.id")
    token_id: Mapped[UUID | None] = link("sp_tokens.id")
    request_id: Mapped[str | None]
