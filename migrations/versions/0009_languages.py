"""What people write to the portal. Only adds: the version still running is not disturbed."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

UUID = sa.Uuid()
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
CHOICE = sa.Text()
INSTANT = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    op.create_table(
        "tickets",
        sa.Column("id", UUID, nullable=False),
        sa.Column("number", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("email", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("message", TEXT, nullable=False),
        sa.Column("language", CHOICE, nullable=False),
        sa.Column("user_id", UUID, nullable=True),
        sa.Column("company_id", UUID, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("mailed_at", INSTANT, nullable=True),
        sa.Column("closed_at", INSTANT, nullable=True),
        sa.CheckConstraint("language IN ('AR', 'EN')", name="ck_tickets_language"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_tickets_user_id"),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name="fk_tickets_company_id"),
        sa.PrimaryKeyConstraint("id", name="pk_tickets"),
        sa.UniqueConstraint("number", name="uq_tickets_number"),
    )
    op.create_index("ix_tickets_created_at", "tickets", ["created_at"])
    counts = op.create_table(
        "ticket_counts",
        sa.Column("id", UUID, nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ticket_counts"),
    )
    op.bulk_insert(counts, [{"id": uuid.UUID(int=0), "last": 0}])


def downgrade() -> None:
    op.drop_table("ticket_counts")
    op.drop_index("ix_tickets_created_at", "tickets")
    op.drop_table("tickets")
