"""Trusted documents, in the database that all servers share."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INSTANT = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    op.create_table(
        "trusted_documents",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("text", TEXT, nullable=False),
        sa.Column("registered_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_trusted_documents"),
    )


def downgrade() -> None:
    op.drop_table("trusted_documents")
