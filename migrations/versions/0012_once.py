"""Outcomes of mutations with an Idempotency-Key. Only adds: the version still running is not disturbed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

UUID = sa.Uuid()
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INSTANT = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    op.create_table(
        "kept_outcomes",
        sa.Column("id", UUID, nullable=False),
        sa.Column("owner_id", UUID, nullable=False),
        sa.Column("key_hash", TEXT, nullable=False),
        sa.Column("input_hash", TEXT, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_kept_outcomes"),
        sa.UniqueConstraint("owner_id", "key_hash", name="uq_kept_outcomes_owner_id_key_hash"),
    )
    op.create_index("ix_kept_outcomes_created_at", "kept_outcomes", ["created_at"])


def downgrade() -> None:
    op.drop_index("ix_kept_outcomes_created_at", "kept_outcomes")
    op.drop_table("kept_outcomes")
