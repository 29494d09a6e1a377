"""Which documents were ever attached, and finding those that never were. Only adds: the version still running is not disturbed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
UNATTACHED = sa.text("attached_at IS NULL")


def upgrade() -> None:
    op.add_column("documents", sa.Column("attached_at", INSTANT, nullable=True))
    for table in ("contracts", "invitations"):
        op.create_index(f"ix_{table}_document_id", table, ["document_id"])
        op.execute(
            "UPDATE documents SET attached_at = created_at "  # noqa: S608  # two constants
            f"WHERE attached_at IS NULL AND EXISTS (SELECT 1 FROM {table} WHERE {table}.document_id = documents.id)"
        )
    op.create_index(
        "ix_documents_unattached", "documents", ["company_id", "created_at"], sqlite_where=UNATTACHED, postgresql_where=UNATTACHED
    )


def downgrade() -> None:
    op.drop_index("ix_documents_unattached", "documents")
    for table in ("contracts", "invitations"):
        op.drop_index(f"ix_{table}_document_id", table)
    op.drop_column("documents", "attached_at")
