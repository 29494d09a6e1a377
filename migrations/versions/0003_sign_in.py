"""Sign-in: sessions that can be listed, rotated and ended from outside; the establishments that the unified login vouches for.

The sessions' table is made anew and empty: whoever was signed in signs in once more. The version still running goes on with it, for
what is new may be null.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

UUID = sa.Uuid()
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
CHOICE = sa.Text()
INSTANT = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
BEFORE, AFTER = sa.MetaData(naming_convention=NAMES), sa.MetaData(naming_convention=NAMES)


def upgrade() -> None:
    BEFORE.tables["sessions"].drop(op.get_bind())
    made = [table for table in AFTER.sorted_tables if table.name not in ("users", "companies")]
    AFTER.create_all(op.get_bind(), made, checkfirst=False)


def downgrade() -> None:
    made = [table for table in AFTER.sorted_tables if table.name not in ("users", "companies")]
    AFTER.drop_all(op.get_bind(), made, checkfirst=False)
    BEFORE.tables["sessions"].create(op.get_bind())


# What the new tables refer to.
for metadata in (BEFORE, AFTER):
    for name in ("users", "companies"):
        sa.Table(name, metadata, sa.Column("id", UUID, primary_key=True))

sa.Table(
    "sessions",
    BEFORE,
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
    "sessions",
    AFTER,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("secret_hash", TEXT, nullable=False),
    sa.Column("previous_hash", TEXT, nullable=True),
    sa.Column("rotated_at", INSTANT, nullable=True),
    sa.Column("user_id", UUID, sa.ForeignKey("users.id"), nullable=False),
    sa.Column("company_id", UUID, sa.ForeignKey("companies.id"), nullable=True),
    sa.Column("role", CHOICE, nullable=True),
    sa.Column("provider_session", TEXT, nullable=True),
    sa.Column("id_token", TEXT, nullable=True),
    sa.Column("device", TEXT, nullable=True),
    sa.Column("address", TEXT, nullable=True),
    sa.Column("created_at", INSTANT, nullable=False),
    sa.Column("last_used_at", INSTANT, nullable=True),
    sa.Column("idle_at", INSTANT, nullable=True),
    sa.Column("expires_at", INSTANT, nullable=False),
    sa.UniqueConstraint("secret_hash"),
    sa.UniqueConstraint("previous_hash"),
    sa.CheckConstraint("role IN ('OWNER', 'ADMIN', 'MEMBER', 'VIEWER')", name="role"),
    sa.Index(None, "expires_at"),
    sa.Index(None, "provider_session"),
    sa.Index(None, "user_id", "created_at", "id"),
)

sa.Table(
    "user_establishments",
    AFTER,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("user_id", UUID, sa.ForeignKey("users.id"), nullable=False),
    sa.Column("labor_office_id", sa.Integer(), nullable=False),
    sa.Column("sequence_number", sa.Integer(), nullable=False),
    sa.Column("unified_number", TEXT, nullable=True),
    sa.Column("name_ar", TEXT, nullable=True),
    sa.Column("name_en", TEXT, nullable=True),
    sa.UniqueConstraint("user_id", "labor_office_id", "sequence_number"),
)

sa.Table(
    "logout_tokens",
    AFTER,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("identifier_hash", TEXT, nullable=False),
    sa.Column("expires_at", INSTANT, nullable=False),
    sa.UniqueConstraint("identifier_hash"),
    sa.Index(None, "expires_at"),
)
