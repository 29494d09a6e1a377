"""The first tables: accounts and their people, contracting, hiring, tokens, the event log, reference data.

Written out and frozen: it knows nothing of app.models, whose meaning moves on while databases made by this revision stay.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

UUID = sa.Uuid()
# Sorts by code points on both databases; SQLite does so by itself.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
CHOICE = sa.Text()
# SQLite keeps instants as fixed-width UTC text, and money as whole halalas.
INSTANT = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
MONEY = sa.Numeric(10, 2).with_variant(sa.Integer(), "sqlite")
STRINGS = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

METADATA = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def upgrade() -> None:
    METADATA.create_all(op.get_bind(), checkfirst=False)


def downgrade() -> None:
    METADATA.drop_all(op.get_bind(), checkfirst=False)


def one_of(column: str, *names: str) -> sa.CheckConstraint:
    """The column holds one of the names; a null passes."""
    return sa.CheckConstraint(f"{column} IN ({', '.join(repr(name) for name in names)})", name=column)


sa.Table(
    "cities",
    METADATA,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("key", TEXT, nullable=False),
    sa.Column("name_ar", TEXT, nullable=False),
    sa.Column("name_en", TEXT, nullable=False),
    sa.Column("region_name_ar", TEXT, nullable=False),
    sa.Column("region_name_en", TEXT, nullable=False),
    sa.Column("search_text", TEXT, nullable=False),
    sa.UniqueConstraint("key"),
    sa.Index(None, "name_ar", "id"),
)

sa.Table(
    "faqs",
    METADATA,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("key", TEXT, nullable=False),
    sa.Column("position", sa.Integer(), nullable=False),
    sa.Column("category_ar", TEXT, nullable=False),
    sa.Column("category_en", TEXT, nullable=False),
    sa.Column("question_ar", TEXT, nullable=False),
    sa.Column("question_en", TEXT, nullable=False),
    sa.Column("answer_ar", TEXT, nullable=False),
    sa.Column("answer_en", TEXT, nullable=False),
    sa.Column("search_text", TEXT, nullable=False),
    sa.UniqueConstraint("key"),
    sa.Index(None, "position", "id"),
)

sa.Table(
    "occupations",
    METADATA,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("code", TEXT, nullable=False),
    sa.Column("name_ar", TEXT, nullable=False),
    sa.Column("name_en", TEXT, nullable=False),
    sa.Column("search_text", TEXT, nullable=False),
    sa.UniqueConstraint("code"),
    sa.Index(None, "name_ar", "id"),
)

sa.Table(
    "providers",
    METADATA,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("name_ar", TEXT, nullable=False),
    sa.Column("name_en", TEXT, nullable=True),
    sa.Column("description", TEXT, nullable=True),
    sa.Column("website", TEXT, nullable=True),
    sa.Column("contact_name", TEXT, nullable=True),
    sa.Column("email", TEXT, nullable=True),
    sa.Column("mobile", TEXT, nullable=True),
    sa.Column("national_address", TEXT, nullable=True),
    sa.Column("status", CHOICE, nullable=False),
    sa.Column("version", sa.Integer(), nullable=False),
    sa.Column("created_at", INSTANT, nullable=False),
    sa.Column("updated_at", INSTANT, nullable=False),
    one_of("status", "ACTIVE", "SUSPENDED"),
)

sa.Table(
    "sign_ins",
    METADATA,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("secret_hash", TEXT, nullable=False),
    sa.Column("state", TEXT, nullable=False),
    sa.Column("nonce", TEXT, nullable=False),
    sa.Column("code_verifier", TEXT, nullable=False),
    sa.Column("next_path", TEXT, nullable=False),
    sa.Column("expires_at", INSTANT, nullable=False),
    sa.UniqueConstraint("secret_hash"),
    sa.Index(None, "expires_at"),
)

sa.Table(
    "users",
    METADATA,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("issuer", TEXT, nullable=True),
    sa.Column("subject", TEXT, nullable=True),
    sa.Column("national_id", TEXT, nullable=False),
    sa.Column("name", TEXT, nullable=False),
    sa.Column("email", TEXT, nullable=True),
    sa.Column("mobile", TEXT, nullable=True),
    sa.Column("locale", CHOICE, nullable=False),
    sa.Column("last_login_at", INSTANT, nullable=True),
    sa.Column("created_at", INSTANT, nullable=False),
    sa.UniqueConstraint("issuer", "subject"),
    sa.UniqueConstraint("national_id"),
    one_of("locale", "AR", "EN"),
)

sa.Table(
    "companies",
    METADATA,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("provider_id", UUID, sa.ForeignKey("providers.id"), nullable=False),
    sa.Column("labor_office_id", sa.Integer(), nullable=False),
    sa.Column("sequence_number", sa.Integer(), nullable=False),
    sa.Column("unified_number", TEXT, nullable=True),
    sa.Column("name_ar", TEXT, nullable=False),
    sa.Column("name_en", TEXT, nullable=True),
    sa.Column("city_id", UUID, sa.ForeignKey("cities.id"), nullable=True),
    sa.Column("activity", TEXT, nullable=True),
    sa.Column("status", CHOICE, nullable=False),
    sa.Column("search_text", TEXT, nullable=False),
    sa.Column("last_event", sa.Integer(), nullable=False),
    sa.Column("last_contract", sa.Integer(), nullable=False),
    sa.Column("created_at", INSTANT, nullable=False),
    sa.Column("updated_at", INSTANT, nullable=False),
    sa.UniqueConstraint("labor_office_id", "sequence_number"),
    one_of("status", "ACTIVE", "SUSPENDED"),
    sa.Index(None, "name_ar", "id"),
    sa.Index(None, "provider_id", "name_ar", "id"),
)

sa.Table(
    "establishments",
    METADATA,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("labor_office_id", sa.Integer(), nullable=False),
    sa.Column("sequence_number", sa.Integer(), nullable=False),
    sa.Column("unified_number", TEXT, nullable=True),
    sa.Column("name_ar", TEXT, nullable=False),
    sa.Column("name_en", TEXT, nullable=True),
    sa.Column("city_id", UUID, sa.ForeignKey("cities.id"), nullable=True),
    sa.Column("activity", TEXT, nullable=True),
    sa.Column("email", TEXT, nullable=True),
    sa.Column("mobile", TEXT, nullable=True),
    sa.Column("search_text", TEXT, nullable=False),
    sa.Column("created_at", INSTANT, nullable=False),
    sa.Column("updated_at", INSTANT, nullable=False),
    sa.UniqueConstraint("labor_office_id", "sequence_number"),
)

sa.Table(
    "documents",
    METADATA,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("company_id", UUID, sa.ForeignKey("companies.id"), nullable=False),
    sa.Column("file_name", TEXT, nullable=False),
    sa.Column("content_type", TEXT, nullable=False),
    sa.Column("size", sa.Integer(), nullable=False),
    sa.Column("sha256", TEXT, nullable=False),
    sa.Column("status", CHOICE, nullable=False),
    sa.Column("storage_key", TEXT, nullable=False),
    sa.Column("created_at", INSTANT, nullable=False),
    sa.UniqueConstraint("storage_key"),
    one_of("status", "AWAITING_UPLOAD", "READY"),
    sa.Index(None, "company_id"),
)

sa.Table(
    "members",
    METADATA,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("company_id", UUID, sa.ForeignKey("companies.id"), nullable=False),
    sa.Column("user_id", UUID, sa.ForeignKey("users.id"), nullable=False),
    sa.Column("role", CHOICE, nullable=False),
    sa.Column("status", CHOICE, nullable=False),
    sa.Column("created_at", INSTANT, nullable=False),
    sa.Column("updated_at", INSTANT, nullable=False),
    sa.UniqueConstraint("user_id", "company_id"),
    one_of("role", "OWNER", "ADMIN", "MEMBER", "VIEWER"),
    one_of("status", "INVITED", "ACTIVE", "REVOKED"),
    sa.Index(None, "company_id", "created_at", "id"),
)

sa.Table(
    "sessions",
    METADATA,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("secret_hash", TEXT, nullable=False),
    sa.Column("user_id", UUID, sa.ForeignKey("users.id"), nullable=False),
    sa.Column("company_id", UUID, sa.ForeignKey("companies.id"), nullable=True),
    sa.Column("id_token", TEXT, nullable=True),
    sa.Column("created_at", INSTANT, nullable=False),
    sa.Column("expires_at", INSTANT, nullable=False),
    sa.UniqueConstraint("secret_hash"),
    sa.Index(None, "expires_at"),
    sa.Index(None, "user_id"),
)

sa.Table(
    "sp_tokens",
    METADATA,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("company_id", UUID, sa.ForeignKey("companies.id"), nullable=False),
    sa.Column("name", TEXT, nullable=False),
    sa.Column("display_code", TEXT, nullable=False),
    sa.Column("secret_hash", TEXT, nullable=False),
    sa.Column("environment", CHOICE, nullable=False),
    sa.Column("scopes", STRINGS, nullable=False),
    sa.Column("created_by_id", UUID, sa.ForeignKey("users.id"), nullable=True),
    sa.Column("created_at", INSTANT, nullable=False),
    sa.Column("expires_at", INSTANT, nullable=True),
    sa.Column("last_used_at", INSTANT, nullable=True),
    sa.Column("replaced_at", INSTANT, nullable=True),
    sa.Column("revoked_at", INSTANT, nullable=True),
    sa.UniqueConstraint("secret_hash"),
    one_of("environment", "LIVE", "SANDBOX"),
    sa.Index(None, "company_id", "created_at", "id"),
)

sa.Table(
    "teleworkers",
    METADATA,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("company_id", UUID, sa.ForeignKey("companies.id"), nullable=False),
    sa.Column("national_id", TEXT, nullable=False),
    sa.Column("name", TEXT, nullable=False),
    sa.Column("birth_date", sa.Date(), nullable=True),
    sa.Column("gender", CHOICE, nullable=True),
    sa.Column("mobile", TEXT, nullable=True),
    sa.Column("email", TEXT, nullable=True),
    sa.Column("city_id", UUID, sa.ForeignKey("cities.id"), nullable=True),
    sa.Column("education_level", CHOICE, nullable=True),
    sa.Column("search_text", TEXT, nullable=False),
    sa.Column("created_at", INSTANT, nullable=False),
    sa.Column("updated_at", INSTANT, nullable=False),
    sa.UniqueConstraint("company_id", "national_id"),
    one_of("gender", "MALE", "FEMALE"),
    one_of("education_level", "NONE", "SECONDARY", "DIPLOMA", "BACHELOR", "MASTER", "DOCTORATE"),
    sa.Index(None, "company_id", "created_at", "id"),
    sa.Index(None, "company_id", "name", "id"),
)

sa.Table(
    "events",
    METADATA,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("company_id", UUID, sa.ForeignKey("companies.id"), nullable=False),
    sa.Column("sequence", sa.Integer(), nullable=False),
    sa.Column("type", CHOICE, nullable=False),
    sa.Column("occurred_at", INSTANT, nullable=False),
    sa.Column("subject_prefix", TEXT, nullable=True),
    sa.Column("subject_id", UUID, nullable=True),
    sa.Column("actor_name", TEXT, nullable=False),
    sa.Column("user_id", UUID, sa.ForeignKey("users.id"), nullable=True),
    sa.Column("token_id", UUID, sa.ForeignKey("sp_tokens.id"), nullable=True),
    sa.Column("request_id", TEXT, nullable=True),
    sa.UniqueConstraint("company_id", "sequence"),
    one_of(
        "type",
        "PROVIDER_REGISTERED",
        "PROFILE_UPDATED",
        "MEMBER_INVITED",
        "MEMBER_JOINED",
        "MEMBER_UPDATED",
        "MEMBER_REMOVED",
        "INVITATION_RECEIVED",
        "INVITATION_ACCEPTED",
        "INVITATION_REJECTED",
        "INVITATION_WITHDRAWN",
        "INVITATION_EXPIRED",
        "CONTRACT_CREATED",
        "CONTRACT_ACTIVATED",
        "CONTRACT_TERMINATED",
        "CONTRACT_EXPIRED",
        "DOCUMENT_ATTACHED",
        "PROJECT_CREATED",
        "PROJECT_UPDATED",
        "PROJECT_SUBMITTED",
        "PROJECT_DECIDED",
        "PROJECT_DELETED",
        "JOB_ADDED",
        "JOB_UPDATED",
        "JOB_STATUS_CHANGED",
        "JOB_DELETED",
        "TELEWORKER_HIRED",
        "EMPLOYMENT_UPDATED",
        "EMPLOYMENT_ENDED",
        "TOKEN_CREATED",
        "TOKEN_REGENERATED",
        "TOKEN_REVOKED",
        "TOKEN_EXPIRED",
        "NATIONAL_IDS_REVEALED",
        "REPORT_SUBMITTED",
        "REPORT_OVERDUE",
        "WEBHOOK_CREATED",
        "WEBHOOK_UPDATED",
        "WEBHOOK_DELETED",
        "WEBHOOK_SUSPENDED",
    ),
)

sa.Table(
    "invitations",
    METADATA,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("company_id", UUID, sa.ForeignKey("companies.id"), nullable=False),
    sa.Column("establishment_id", UUID, sa.ForeignKey("establishments.id"), nullable=False),
    sa.Column("status", CHOICE, nullable=False),
    sa.Column("message", TEXT, nullable=True),
    sa.Column("proposed_starts_on", sa.Date(), nullable=True),
    sa.Column("proposed_ends_on", sa.Date(), nullable=True),
    sa.Column("document_id", UUID, sa.ForeignKey("documents.id"), nullable=True),
    sa.Column("received_at", INSTANT, nullable=False),
    sa.Column("expires_at", INSTANT, nullable=False),
    sa.Column("decided_at", INSTANT, nullable=True),
    sa.Column("decided_by_id", UUID, sa.ForeignKey("users.id"), nullable=True),
    sa.Column("rejection_reason", TEXT, nullable=True),
    sa.Column("search_text", TEXT, nullable=False),
    sa.Column("version", sa.Integer(), nullable=False),
    one_of("status", "PENDING", "ACCEPTED", "REJECTED", "WITHDRAWN", "EXPIRED"),
    sa.Index(None, "company_id", "establishment_id"),
    sa.Index(None, "company_id", "expires_at", "id"),
    sa.Index(None, "company_id", "received_at", "id"),
    sa.Index(
        "uq_invitations_pending",
        "company_id",
        "establishment_id",
        unique=True,
        sqlite_where=sa.text("status = 'PENDING'"),
        postgresql_where=sa.text("status = 'PENDING'"),
    ),
)

sa.Table(
    "contracts",
    METADATA,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("company_id", UUID, sa.ForeignKey("companies.id"), nullable=False),
    sa.Column("establishment_id", UUID, sa.ForeignKey("establishments.id"), nullable=False),
    sa.Column("invitation_id", UUID, sa.ForeignKey("invitations.id"), nullable=True),
    sa.Column("number", TEXT, nullable=False),
    sa.Column("standing", sa.Boolean(), nullable=False),
    sa.Column("starts_on", sa.Date(), nullable=False),
    sa.Column("ends_on", sa.Date(), nullable=True),
    sa.Column("document_id", UUID, sa.ForeignKey("documents.id"), nullable=True),
    sa.Column("terminated_at", INSTANT, nullable=True),
    sa.Column("termination_reason", TEXT, nullable=True),
    sa.Column("version", sa.Integer(), nullable=False),
    sa.Column("created_at", INSTANT, nullable=False),
    sa.Column("updated_at", INSTANT, nullable=False),
    sa.UniqueConstraint("company_id", "number"),
    sa.UniqueConstraint("invitation_id"),
    sa.Index(None, "company_id", "created_at", "id"),
    sa.Index(None, "company_id", "establishment_id", "created_at", "id"),
    sa.Index(None, "company_id", "number", "id"),
    sa.Index(None, "company_id", "starts_on", "id"),
    sa.Index("ix_contracts_ends_on_asc", "company_id", sa.text("coalesce(ends_on, '9000-01-01')"), "id"),
    sa.Index("ix_contracts_ends_on_desc", "company_id", sa.text("coalesce(ends_on, '1000-01-01')"), "id"),
    sa.Index(None, "establishment_id", "created_at", "id"),
    sa.Index(
        "uq_contracts_standing",
        "company_id",
        "establishment_id",
        unique=True,
        sqlite_where=sa.text("standing"),
        postgresql_where=sa.text("standing"),
    ),
)

sa.Table(
    "projects",
    METADATA,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("company_id", UUID, sa.ForeignKey("companies.id"), nullable=False),
    sa.Column("kind", CHOICE, nullable=False),
    sa.Column("contract_id", UUID, sa.ForeignKey("contracts.id"), nullable=True),
    sa.Column("establishment_id", UUID, sa.ForeignKey("establishments.id"), nullable=True),
    sa.Column("title_ar", TEXT, nullable=False),
    sa.Column("title_en", TEXT, nullable=True),
    sa.Column("scope", TEXT, nullable=True),
    sa.Column("status", CHOICE, nullable=False),
    sa.Column("review_note", TEXT, nullable=True),
    sa.Column("starts_on", sa.Date(), nullable=True),
    sa.Column("ends_on", sa.Date(), nullable=True),
    sa.Column("planned_headcount", sa.Integer(), nullable=True),
    sa.Column("search_text", TEXT, nullable=False),
    sa.Column("version", sa.Integer(), nullable=False),
    sa.Column("created_at", INSTANT, nullable=False),
    sa.Column("updated_at", INSTANT, nullable=False),
    sa.Column("deleted_at", INSTANT, nullable=True),
    sa.Column("deletion_reason", TEXT, nullable=True),
    one_of("kind", "CLIENT", "OWN"),
    one_of("status", "DRAFT", "SUBMITTED", "RETURNED", "APPROVED", "REJECTED", "SUSPENDED", "COMPLETED"),
    sa.CheckConstraint(
        "(kind = 'CLIENT') = (contract_id IS NOT NULL) AND (kind = 'CLIENT') = (establishment_id IS NOT NULL)", name="client"
    ),
    sa.Index(None, "company_id", "establishment_id"),
    sa.Index(None, "company_id", "kind", "created_at", "id"),
    sa.Index(None, "company_id", "kind", "title_ar", "id"),
    sa.Index(None, "contract_id", "created_at", "id"),
    sa.Index("ix_projects_starts_on_asc", "company_id", "kind", sa.text("coalesce(starts_on, '9000-01-01')"), "id"),
    sa.Index("ix_projects_starts_on_desc", "company_id", "kind", sa.text("coalesce(starts_on, '1000-01-01')"), "id"),
)

sa.Table(
    "jobs",
    METADATA,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("company_id", UUID, sa.ForeignKey("companies.id"), nullable=False),
    sa.Column("project_id", UUID, sa.ForeignKey("projects.id"), nullable=False),
    sa.Column("title_ar", TEXT, nullable=False),
    sa.Column("title_en", TEXT, nullable=True),
    sa.Column("occupation_id", UUID, sa.ForeignKey("occupations.id"), nullable=True),
    sa.Column("description", TEXT, nullable=True),
    sa.Column("status", CHOICE, nullable=False),
    sa.Column("vacancies", sa.Integer(), nullable=False),
    sa.Column("filled", sa.Integer(), nullable=False),
    sa.Column("employment_type", CHOICE, nullable=False),
    sa.Column("salary_min", MONEY, nullable=True),
    sa.Column("salary_max", MONEY, nullable=True),
    sa.Column("weekly_hours", sa.Integer(), nullable=False),
    sa.Column("gender", CHOICE, nullable=False),
    sa.Column("education_level", CHOICE, nullable=True),
    sa.Column("experience_years", sa.Integer(), nullable=True),
    sa.Column("skills", STRINGS, nullable=False),
    sa.Column("disability_friendly", sa.Boolean(), nullable=False),
    sa.Column("city_id", UUID, sa.ForeignKey("cities.id"), nullable=True),
    sa.Column("published_at", INSTANT, nullable=True),
    sa.Column("closes_at", INSTANT, nullable=True),
    sa.Column("search_text", TEXT, nullable=False),
    sa.Column("version", sa.Integer(), nullable=False),
    sa.Column("created_at", INSTANT, nullable=False),
    sa.Column("updated_at", INSTANT, nullable=False),
    sa.Column("deleted_at", INSTANT, nullable=True),
    one_of("status", "DRAFT", "OPEN", "PAUSED", "FILLED", "CLOSED", "EXPIRED"),
    sa.CheckConstraint("status NOT IN ('FILLED', 'EXPIRED')", name="stored_status"),
    sa.CheckConstraint("vacancies >= 1 AND filled >= 0 AND filled <= vacancies", name="filled"),
    one_of("employment_type", "FULL_TIME", "PART_TIME"),
    one_of("gender", "ANY", "MALE", "FEMALE"),
    one_of("education_level", "NONE", "SECONDARY", "DIPLOMA", "BACHELOR", "MASTER", "DOCTORATE"),
    sa.Index("ix_jobs_closes_at_asc", "company_id", sa.text("coalesce(closes_at, '9000-01-01T00:00:00.000000Z')"), "id"),
    sa.Index("ix_jobs_closes_at_desc", "company_id", sa.text("coalesce(closes_at, '1000-01-01T00:00:00.000000Z')"), "id"),
    sa.Index(None, "company_id", "city_id"),
    sa.Index(None, "company_id", "created_at", "id"),
    sa.Index(None, "company_id", "occupation_id"),
    sa.Index(None, "company_id", "title_ar", "id"),
    sa.Index(None, "project_id", "created_at", "id"),
    sa.Index("ix_jobs_published_at_asc", "company_id", sa.text("coalesce(published_at, '9000-01-01T00:00:00.000000Z')"), "id"),
    sa.Index("ix_jobs_published_at_desc", "company_id", sa.text("coalesce(published_at, '1000-01-01T00:00:00.000000Z')"), "id"),
    sa.Index("ix_jobs_salary_min_asc", "company_id", sa.text("coalesce(salary_min, 100000000000)"), "id"),
    sa.Index("ix_jobs_salary_min_desc", "company_id", sa.text("coalesce(salary_min, -1)"), "id"),
)

sa.Table(
    "employments",
    METADATA,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("company_id", UUID, sa.ForeignKey("companies.id"), nullable=False),
    sa.Column("job_id", UUID, sa.ForeignKey("jobs.id"), nullable=False),
    sa.Column("teleworker_id", UUID, sa.ForeignKey("teleworkers.id"), nullable=False),
    sa.Column("employment_type", CHOICE, nullable=False),
    sa.Column("starts_on", sa.Date(), nullable=False),
    sa.Column("ends_on", sa.Date(), nullable=True),
    sa.Column("ended_at", INSTANT, nullable=True),
    sa.Column("wage", MONEY, nullable=False),
    sa.Column("weekly_hours", sa.Integer(), nullable=False),
    sa.Column("gosi_registered", sa.Boolean(), nullable=False),
    sa.Column("qiwa_contract_number", TEXT, nullable=True),
    sa.Column("end_reason", TEXT, nullable=True),
    sa.Column("version", sa.Integer(), nullable=False),
    sa.Column("created_at", INSTANT, nullable=False),
    sa.Column("updated_at", INSTANT, nullable=False),
    one_of("employment_type", "FULL_TIME", "PART_TIME"),
    sa.Index(None, "company_id", "starts_on", "id"),
    sa.Index(None, "job_id", "starts_on", "id"),
    sa.Index(None, "teleworker_id", "starts_on", "id"),
)

sa.Table(
    "leave_periods",
    METADATA,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("company_id", UUID, sa.ForeignKey("companies.id"), nullable=False),
    sa.Column("employment_id", UUID, sa.ForeignKey("employments.id"), nullable=False),
    sa.Column("starts_on", sa.Date(), nullable=False),
    sa.Column("ends_on", sa.Date(), nullable=True),
    sa.Index(None, "employment_id", "starts_on", "id"),
)
