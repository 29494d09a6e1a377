"""Slots, and for which days a job's count of places taken is true. Only adds: the version still running is not disturbed.

The slots of employments that there are already are made here, under TELEWORK_SLOT_KEY as it is set while this runs.
"""

from __future__ import annotations

import hmac
import os
from uuid import UUID

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

KEY = sa.Uuid()
LIVE_WORLD = UUID(int=0)


def upgrade() -> None:
    op.create_table("slot_holders", sa.Column("id", KEY, nullable=False), sa.PrimaryKeyConstraint("id", name="pk_slot_holders"))
    op.create_table(
        "slots",
        sa.Column("id", KEY, nullable=False),
        sa.Column("holder_id", KEY, nullable=False),
        sa.Column("employment_type", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_slots"),
        sa.ForeignKeyConstraint(["holder_id"], ["slot_holders.id"], name="fk_slots_holder_id"),
        sa.CheckConstraint("ends_on IS NULL OR ends_on >= starts_on", name="ck_slots_period"),
        sa.CheckConstraint("employment_type IN ('FULL_TIME', 'PART_TIME')", name="ck_slots_employment_type"),
    )
    op.create_index("ix_slots_holder_id", "slots", ["holder_id"])
    op.add_column("jobs", sa.Column("filled_from", sa.Date(), nullable=True))
    op.add_column("jobs", sa.Column("filled_until", sa.Date(), nullable=True))
    not_ended = sa.text("ended_at IS NULL")
    op.create_index("ix_employments_places", "employments", ["job_id", "ends_on"], postgresql_where=not_ended, sqlite_where=not_ended)
    # Where an employment may end by the clock, the count is true for no day until it is made anew: it is counted at each reading.
    op.execute(
        "UPDATE jobs SET filled_until = '1900-01-01' WHERE id IN"
        " (SELECT job_id FROM employments WHERE ended_at IS NULL AND ends_on IS NOT NULL)"
    )
    _fill()


# The rows that the filling reads and writes.
_EMPLOYMENTS = sa.table(
    "employments",
    sa.column("id", KEY),
    sa.column("teleworker_id", KEY),
    sa.column("employment_type", sa.Text()),
    sa.column("starts_on", sa.Date()),
    sa.column("ends_on", sa.Date()),
)
_TELEWORKERS = sa.table("teleworkers", sa.column("id", KEY), sa.column("national_id", sa.Text()))
_HOLDERS = sa.table("slot_holders", sa.column("id", KEY))
_SLOTS = sa.table(
    "slots",
    sa.column("id", KEY),
    sa.column("holder_id", KEY),
    sa.column("employment_type", sa.Text()),
    sa.column("starts_on", sa.Date()),
    sa.column("ends_on", sa.Date()),
)
_AT_ONCE = 5000


def _fill() -> None:
    connection, key = op.get_bind(), os.environ.get("TELEWORK_SLOT_KEY", "").encode()

    def holder(national_id: str) -> UUID:
        return UUID(bytes=hmac.digest(key, LIVE_WORLD.bytes + national_id.encode(), "sha256")[:16])

    known: set[UUID] = {holder("")}  # by which the key is known again
    connection.execute(_HOLDERS.insert(), [{"id": each} for each in known])
    rows = sa.select(_EMPLOYMENTS, _TELEWORKERS.c.national_id).join_from(
        _EMPLOYMENTS, _TELEWORKERS, _TELEWORKERS.c.id == _EMPLOYMENTS.c.teleworker_id
    )
    last = UUID(int=0)
    while found := connection.execute(rows.where(_EMPLOYMENTS.c.id > last).order_by(_EMPLOYMENTS.c.id).limit(_AT_ONCE)).all():
        last = found[-1].id
        holders = [holder(row.national_id) for row in found]
        if new := set(holders) - known:
            connection.execute(_HOLDERS.insert(), [{"id": each} for each in new])
        known |= new
        connection.execute(
            _SLOTS.insert(),
            [
                {
                    "id": row.id,
                    "holder_id": each,
                    "employment_type": row.employment_type,
                    "starts_on": row.starts_on,
                    "ends_on": row.ends_on,
                }
                for row, each in zip(found, holders, strict=True)
            ],
        )


def downgrade() -> None:
    op.drop_index("ix_employments_places", "employments")
    op.drop_column("jobs", "filled_until")
    op.drop_column("jobs", "filled_from")
    op.drop_table("slots")
    op.drop_table("slot_holders")
