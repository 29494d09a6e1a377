"""Where a company's clock was stopped in the sandbox, and what of the clock's doing the logs have. Only adds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
_TOLD = (("invitations", "expiry_told"), ("contracts", "start_told"), ("contracts", "end_told"), ("sp_tokens", "end_told"))
_DUE = (
    ("ix_invitations_due", "invitations", "expires_at", "status = 'PENDING' AND NOT expiry_told"),
    ("ix_contracts_starting", "contracts", "starts_on", "NOT start_told"),
    ("ix_contracts_ending", "contracts", "ends_on", "NOT end_told"),
    ("ix_sp_tokens_expiring", "sp_tokens", "expires_at", "NOT end_told"),
    ("ix_sp_tokens_replaced", "sp_tokens", "revoked_at", "NOT end_told AND replaced_at IS NOT NULL"),
)


def upgrade() -> None:
    op.add_column("companies", sa.Column("clock_at", INSTANT, nullable=True))
    op.add_column("companies", sa.Column("overdue_told", sa.Integer(), nullable=True))
    for table, column in _TOLD:
        op.add_column(table, sa.Column(column, sa.Boolean(), nullable=False, server_default=sa.false()))
    # Contracts that are there were announced when they were made; the clock's other doings so far, the worker will tell.
    op.execute("UPDATE contracts SET start_told = true WHERE starts_on <= CURRENT_DATE")
    for name, table, column, condition in _DUE:
        op.create_index(name, table, [column], sqlite_where=sa.text(condition), postgresql_where=sa.text(condition))


def downgrade() -> None:
    for name, table, *_ in _DUE:
        op.drop_index(name, table)
    for table, column in _TOLD:
        op.drop_column(table, column)
    op.drop_column("companies", "overdue_told")
    op.drop_column("companies", "clock_at")
