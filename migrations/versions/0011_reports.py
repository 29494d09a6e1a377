"""Weekly reports: duties, figures of weeks, submissions, lines and their versions. Only adds: what still runs is not disturbed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0009"
branch_labels = None
depends_on = None

UUID = sa.Uuid()
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INSTANT = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
MONEY = sa.Numeric(10, 2).with_variant(sa.Integer(), "sqlite")
ACCEPTED = sa.text("status <> 'REJECTED'")


def upgrade() -> None:
    op.create_table(
        "report_duties",
        sa.Column("id", UUID, nullable=False),
        sa.Column("company_id", UUID, nullable=False),
        sa.Column("teleworker_id", UUID, nullable=False),
        sa.Column("place_id", UUID, nullable=False),
        sa.Column("first_week", sa.Integer(), nullable=False),
        sa.Column("last_week", sa.Integer(), nullable=True),
        sa.UniqueConstraint("teleworker_id", "place_id", "first_week", name="uq_report_duties_teleworker_id_place_id_first_week"),
        sa.CheckConstraint("last_week >= first_week", name="ck_report_duties_weeks"),
        sa.PrimaryKeyConstraint("id", name="pk_report_duties"),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name="fk_report_duties_company_id"),
        sa.ForeignKeyConstraint(["teleworker_id"], ["teleworkers.id"], name="fk_report_duties_teleworker_id"),
    )
    op.create_index("ix_report_duties_company_id_first_week", "report_duties", ["company_id", "first_week"])
    op.create_table(
        "report_tallies",
        sa.Column("id", UUID, nullable=False),
        sa.Column("company_id", UUID, nullable=False),
        sa.Column("week", sa.Integer(), nullable=False),
        sa.Column("change", sa.Integer(), nullable=False),
        sa.Column("reported", sa.Integer(), nullable=False),
        sa.Column("on_time", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.UniqueConstraint("company_id", "week", name="uq_report_tallies_company_id_week"),
        sa.PrimaryKeyConstraint("id", name="pk_report_tallies"),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name="fk_report_tallies_company_id"),
    )
    op.create_table(
        "report_submissions",
        sa.Column("id", UUID, nullable=False),
        sa.Column("company_id", UUID, nullable=False),
        sa.Column("week_id", UUID, nullable=False),
        sa.Column("week_start", sa.Date(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("line_count", sa.Integer(), nullable=False),
        sa.Column("accepted_lines", sa.Integer(), nullable=False),
        sa.Column("rejected_lines", sa.Integer(), nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("token_id", UUID, nullable=True),
        sa.Column("user_id", UUID, nullable=True),
        sa.Column("reason", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_report_submissions"),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name="fk_report_submissions_company_id"),
        sa.ForeignKeyConstraint(["token_id"], ["sp_tokens.id"], name="fk_report_submissions_token_id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_report_submissions_user_id"),
        sa.CheckConstraint("status IN ('ACCEPTED', 'PARTIALLY_ACCEPTED', 'REJECTED')", name="ck_report_submissions_status"),
    )
    op.create_index("ix_report_submissions_company_id_received_at_id", "report_submissions", ["company_id", "received_at", "id"])
    op.create_index("ix_report_submissions_week_id_received_at_id", "report_submissions", ["week_id", "received_at", "id"])
    op.create_index(
        "uq_report_submissions_revision",
        "report_submissions",
        ["week_id", "revision"],
        unique=True,
        sqlite_where=ACCEPTED,
        postgresql_where=ACCEPTED,
    )
    op.create_table(
        "report_lines",
        sa.Column("id", UUID, nullable=False),
        sa.Column("is_due", sa.Boolean(), nullable=False),
        sa.Column("company_id", UUID, nullable=False),
        sa.Column("week_id", UUID, nullable=False),
        sa.Column("teleworker_id", UUID, nullable=False),
        sa.Column("place_id", UUID, nullable=False),
        sa.Column("labor_office_id", sa.Integer(), nullable=False),
        sa.Column("sequence_number", sa.Integer(), nullable=False),
        sa.Column("activity_level", MONEY, nullable=False),
        sa.Column("login_count", sa.Integer(), nullable=False),
        sa.Column("logout_count", sa.Integer(), nullable=False),
        sa.Column("assigned_tasks", sa.Integer(), nullable=False),
        sa.Column("completed_tasks", sa.Integer(), nullable=False),
        sa.Column("total_work_minutes", sa.Integer(), nullable=False),
        sa.Column("note", TEXT, nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("on_time", sa.Boolean(), nullable=False),
        sa.UniqueConstraint("week_id", "place_id", "teleworker_id", name="uq_report_lines_week_id_place_id_teleworker_id"),
        sa.PrimaryKeyConstraint("id", name="pk_report_lines"),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name="fk_report_lines_company_id"),
        sa.ForeignKeyConstraint(["teleworker_id"], ["teleworkers.id"], name="fk_report_lines_teleworker_id"),
    )
    op.create_index("ix_report_lines_teleworker_id_week_id", "report_lines", ["teleworker_id", "week_id"])
    op.create_index("ix_report_lines_week_id_revision_id", "report_lines", ["week_id", "revision", "id"])
    op.create_table(
        "report_line_versions",
        sa.Column("id", UUID, nullable=False),
        sa.Column("line_id", UUID, nullable=False),
        sa.Column("superseded_in", sa.Integer(), nullable=False),
        sa.Column("company_id", UUID, nullable=False),
        sa.Column("week_id", UUID, nullable=False),
        sa.Column("teleworker_id", UUID, nullable=False),
        sa.Column("place_id", UUID, nullable=False),
        sa.Column("labor_office_id", sa.Integer(), nullable=False),
        sa.Column("sequence_number", sa.Integer(), nullable=False),
        sa.Column("activity_level", MONEY, nullable=False),
        sa.Column("login_count", sa.Integer(), nullable=False),
        sa.Column("logout_count", sa.Integer(), nullable=False),
        sa.Column("assigned_tasks", sa.Integer(), nullable=False),
        sa.Column("completed_tasks", sa.Integer(), nullable=False),
        sa.Column("total_work_minutes", sa.Integer(), nullable=False),
        sa.Column("note", TEXT, nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("on_time", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_report_line_versions"),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name="fk_report_line_versions_company_id"),
        sa.ForeignKeyConstraint(["teleworker_id"], ["teleworkers.id"], name="fk_report_line_versions_teleworker_id"),
    )
    op.create_index("ix_report_line_versions_line_id_revision", "report_line_versions", ["line_id", "revision"])
    op.create_index(
        "ix_report_line_versions_week_id_place_id_teleworker_id", "report_line_versions", ["week_id", "place_id", "teleworker_id"]
    )


def downgrade() -> None:
    for table in ("report_line_versions", "report_lines", "report_submissions", "report_tallies", "report_duties"):
        op.drop_table(table)
