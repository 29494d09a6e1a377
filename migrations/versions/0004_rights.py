"""Registration and members, the gateway's credential, tokens tied to addresses. Only adds: the version still running is not disturbed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

UUID = sa.Uuid()
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INSTANT = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
STRINGS = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "gateway_credentials",
        sa.Column("id", UUID, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("display_code", TEXT, nullable=False),
        sa.Column("secret_hash", TEXT, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("last_used_at", INSTANT, nullable=True),
        sa.Column("revoked_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_gateway_credentials"),
        sa.UniqueConstraint("secret_hash", name="uq_gateway_credentials_secret_hash"),
    )
    op.add_column("members", sa.Column("stand_in_id", UUID, nullable=True))
    op.create_index("ix_members_stand_in_id", "members", ["stand_in_id"])
    op.add_column("sp_tokens", sa.Column("address_ranges", STRINGS, nullable=True))
    op.add_column("providers", sa.Column("unified_number", TEXT, nullable=True))
    op.create_index("ix_providers_unified_number", "providers", ["unified_number"], unique=True)
    op.execute(_NUMBERS)


# Where a number is one provider's alone: two that share one, from before there was this rule, go on as they are.
_NUMBERS = """
UPDATE providers SET unified_number = (
    SELECT min(companies.unified_number) FROM companies WHERE companies.provider_id = providers.id
)
WHERE NOT EXISTS (
    SELECT 1 FROM companies AS own JOIN companies AS other
    ON other.unified_number = own.unified_number AND other.provider_id <> own.provider_id
    WHERE own.provider_id = providers.id
)
"""


def downgrade() -> None:
    op.drop_index("ix_providers_unified_number", "providers")
    op.drop_column("providers", "unified_number")
    op.drop_column("sp_tokens", "address_ranges")
    op.drop_index("ix_members_stand_in_id", "members")
    op.drop_column("members", "stand_in_id")
    op.drop_table("gateway_credentials")
