"""Establishments are unique within a world; projects are listed over all companies. Versions still running know one world, the default."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

UUID = sa.Uuid()
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INSTANT = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
LIVE = sa.text("'00000000000000000000000000000000'")
OLD, NEW = "uq_establishments_labor_office_id_sequence_number", "uq_establishments_world_labor_office_id_sequence_number"
NUMBER = ("labor_office_id", "sequence_number")
INDEXES = {"ix_projects_created_at_id": ["created_at", "id"], "ix_projects_status_created_at_id": ["status", "created_at", "id"]}


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _make_anew(with_world=True)
    else:
        op.add_column("establishments", sa.Column("world", UUID, nullable=False, server_default=LIVE))
        op.create_unique_constraint(NEW, "establishments", ["world", *NUMBER])
        op.drop_constraint(OLD, "establishments")
    for name, columns in INDEXES.items():
        op.create_index(name, "projects", columns)


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name, "projects")
    if op.get_bind().dialect.name == "sqlite":
        _make_anew(with_world=False)
    else:
        op.create_unique_constraint(OLD, "establishments", NUMBER)
        op.drop_column("establishments", "world")


def _make_anew(*, with_world: bool) -> None:
    """SQLite cannot drop a constraint. What refers to the table's rows misses them for a moment, which is looked at in the end alone."""
    kept = ", ".join(("id", *NUMBER, *(name for name, _, _ in REST)))
    op.execute("PRAGMA defer_foreign_keys = ON")
    op.execute(f"CREATE TABLE establishments_before AS SELECT {kept} FROM establishments")  # noqa: S608  # names of columns
    op.drop_table("establishments")
    world = [sa.Column("world", UUID, nullable=False, server_default=LIVE)] if with_world else []
    op.create_table(
        "establishments",
        sa.Column("id", UUID, nullable=False),
        *world,
        *(sa.Column(name, sa.Integer(), nullable=False) for name in NUMBER),
        *(sa.Column(name, type_, nullable=nullable) for name, type_, nullable in REST),
        sa.PrimaryKeyConstraint("id", name="pk_establishments"),
        sa.UniqueConstraint(*(column.name for column in world), *NUMBER, name=NEW if with_world else OLD),
        sa.ForeignKeyConstraint(["city_id"], ["cities.id"], name="fk_establishments_city_id"),
    )
    op.execute(f"INSERT INTO establishments ({kept}) SELECT {kept} FROM establishments_before")  # noqa: S608  # names of columns
    op.drop_table("establishments_before")


REST: tuple[tuple[str, sa.types.TypeEngine[Any], bool], ...] = (
    ("unified_number", TEXT, True),
    ("name_ar", TEXT, False),
    ("name_en", TEXT, True),
    ("city_id", UUID, True),
    ("activity", TEXT, True),
    ("email", TEXT, True),
    ("mobile", TEXT, True),
    ("search_text", TEXT, False),
    ("created_at", INSTANT, False),
    ("updated_at", INSTANT, False),
)
