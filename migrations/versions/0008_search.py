"""Search: indexes of texts, and texts folded as they are from now on. The version still running is not disturbed.

On PostgreSQL a row takes 0.1 ms to index, for which a table stands still: two minutes for a million jobs. No extension is needed.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.text import fold

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

COMPANY, EVERYBODYS = "company_id", "'00000000-0000-0000-0000-000000000000'::uuid"
GRAMS = {
    "contracts": (COMPANY, "lower(number)"),
    "establishments": (EVERYBODYS, "search_text"),
    **dict.fromkeys(("invitations", "jobs", "projects", "teleworkers"), (COMPANY, "search_text")),
}
COMPANIONS = ("establishments", "invitations", "jobs", "projects", "teleworkers")
FOLDED = {
    "cities": ("name_ar", "name_en", "region_name_ar", "region_name_en"),
    "companies": ("name_ar", "name_en"),
    "faqs": ("question_ar", "question_en", "answer_ar", "answer_en"),
    "occupations": ("code", "name_ar", "name_en"),
    "establishments": ("name_ar", "name_en"),
    "invitations": ("message",),
    "jobs": ("title_ar", "title_en"),
    "projects": ("title_ar", "title_en"),
    "teleworkers": ("name",),
}
BATCH = 1000

FUNCTIONS = (
    """
CREATE FUNCTION telework_grams(_company uuid, _text text) RETURNS bigint[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $grams$
    SELECT array_agg(hashtextextended(substr(_text, place, size), uuid_hash_extended(_company, 0)))
    FROM generate_series(1, length(_text) - 1) AS place, generate_series(2, 3) AS size
$grams$
""",
    """
CREATE FUNCTION telework_sought(_company uuid, _term text) RETURNS bigint[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $sought$
    SELECT array_agg(hashtextextended(substr(_term, place, 3), uuid_hash_extended(_company, 0)))
    FROM generate_series(1, greatest(length(_term) - 2, 1)) AS place
$sought$
""",
)


def upgrade() -> None:
    for table, columns in FOLDED.items():
        _fold(table, columns)
    if op.get_bind().dialect.name == "postgresql":
        for function in FUNCTIONS:
            op.execute(function)
        for table, arguments in GRAMS.items():
            grams = f"telework_grams({', '.join(arguments)})"
            op.execute(f"CREATE INDEX ix_{table}_search ON {table} USING gin ({grams}) WITH (fastupdate = off)")
        return
    op.execute("CREATE TABLE search_places (place INTEGER PRIMARY KEY, id CHAR(32) NOT NULL UNIQUE)")
    for table in COMPANIONS:
        for statement in _companions(table):
            op.execute(statement)
        op.execute(f"INSERT INTO search_places (id) SELECT id FROM {table}")  # noqa: S608
        texts = f"FROM {table} JOIN search_places ON search_places.id = {table}.id"
        op.execute(f"INSERT INTO {table}_search (rowid, search_text) SELECT place, search_text {texts}")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table in GRAMS:
            op.execute(f"DROP INDEX ix_{table}_search")
        op.execute("DROP FUNCTION telework_grams, telework_sought")
        return
    for table in COMPANIONS:
        for moment in ("insert", "update", "delete"):
            op.execute(f"DROP TRIGGER {table}_search_{moment}")
        op.execute(f"DROP TABLE {table}_search")
    op.execute("DROP TABLE search_places")


def _companions(table: str) -> list[str]:
    placed = "FROM search_places WHERE id ="
    gone = f"INSERT INTO {table}_search ({table}_search, rowid, search_text) SELECT 'delete', place, old.search_text {placed} old.id"
    come = f"INSERT INTO {table}_search (rowid, search_text) SELECT place, new.search_text {placed} new.id"
    begin, end = "INSERT INTO search_places (id) VALUES (new.id)", "DELETE FROM search_places WHERE id = old.id"
    return [
        f"CREATE VIRTUAL TABLE {table}_search USING fts5(search_text, content='', columnsize=0, tokenize='trigram case_sensitive 1')",
        f"CREATE TRIGGER {table}_search_insert AFTER INSERT ON {table} BEGIN {begin}; {come}; END",
        f"CREATE TRIGGER {table}_search_update AFTER UPDATE OF search_text ON {table} BEGIN {gone}; {come}; END",
        f"CREATE TRIGGER {table}_search_delete AFTER DELETE ON {table} BEGIN {gone}; {end}; END",
    ]


def _fold(table: str, columns: Sequence[str]) -> None:
    """Folding has come to know more spellings: rows that it changes are written, a batch at a time."""
    rows = sa.table(table, sa.column("id", sa.Uuid()), sa.column("search_text"), *map(sa.column, columns))
    write = sa.update(rows).where(rows.c.id == sa.bindparam("key", type_=sa.Uuid())).values(search_text=sa.bindparam("folded"))
    connection, last = op.get_bind(), None
    while True:
        batch = sa.select(rows.c.id, rows.c.search_text, *(rows.c[name] for name in columns)).order_by(rows.c.id).limit(BATCH)
        read = connection.execute(batch if last is None else batch.where(rows.c.id > last)).all()
        if not read:
            return
        folded = [(row.id, row.search_text, fold(" ".join(value or "" for value in row[2:]))) for row in read]
        changed = [{"key": key, "folded": text} for key, before, text in folded if text != before]
        if changed:
            connection.execute(write, changed)
        last = read[-1].id
