"""How texts are found: the indexes of folded texts on both databases, and the condition that uses them.

Both hold every run of three characters of a text. On PostgreSQL that is a GIN index of their hashes, seeded with the company: what it
keeps of a run is one company's alone. Runs of two are in it too. Not pg_trgm, which knows letters by the database's LC_CTYPE, and under C
no Arabic one. On SQLite it is an FTS5 table beside each table, kept in step by triggers.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import DDL, Boolean, ColumnElement, Index, event, func, literal, literal_column, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from app.models.base import Base, Row

SHORTEST = {"postgresql": 2, "sqlite": 3}
"""Characters of a term that an index is of use for."""

EVERYBODYS = "'00000000-0000-0000-0000-000000000000'::uuid"  # in a company's place, where texts are no company's
COMPANIONS = ("establishments", "invitations", "jobs", "projects", "teleworkers")

GRAMS = """
CREATE FUNCTION telework_grams(_company uuid, _text text) RETURNS bigint[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $grams$
    SELECT array_agg(hashtextextended(substr(_text, place, size), uuid_hash_extended(_company, 0)))
    FROM generate_series(1, length(_text) - 1) AS place, generate_series(2, 3) AS size
$grams$
"""
SOUGHT = """
CREATE FUNCTION telework_sought(_company uuid, _term text) RETURNS bigint[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $sought$
    SELECT array_agg(hashtextextended(substr(_term, place, 3), uuid_hash_extended(_company, 0)))
    FROM generate_series(1, greatest(length(_term) - 2, 1)) AS place
$sought$
"""
PLACES = "CREATE TABLE search_places (place INTEGER PRIMARY KEY, id CHAR(32) NOT NULL UNIQUE)"


def text_index(table: str, company: str = "company_id", column: str = "search_text") -> Index:
    """PostgreSQL's. Entries are not put by for later: what is put by is read through by each search."""
    grams, options = text(f"telework_grams({company}, {column})"), {"fastupdate": "off"}
    return Index(f"ix_{table}_search", grams, postgresql_using="gin", postgresql_with=options).ddl_if(dialect="postgresql")


def companions(table: str) -> list[str]:
    """SQLite's: an index without the texts, and what keeps it in step. Numbers of its own, for VACUUM may renumber a table's rows."""
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


class Holds(FunctionElement[bool]):
    """Whether a row's text may hold the term, by the index alone; that it does is for LIKE to say. The term is no shorter than SHORTEST."""

    type = Boolean()
    inherit_cache = True
    _is_implicitly_boolean = True  # no "= 1" behind it, which would keep SQLite from its index


def holds(row: Row, texts: ColumnElement[str], term: ColumnElement[str], *, company: Any = None) -> ColumnElement[bool]:
    """`company`: whose, where the texts are one company's."""
    nobody: Any = literal_column(EVERYBODYS)
    return Holds(row.id, texts, term, nobody if company is None else row.company_id, nobody if company is None else company)


@compiles(Holds, "postgresql")
def _by_grams(element: Any, compiler: Any, **options: Any) -> str:
    _, texts, term, company, asking = element.clauses
    grams, sought = func.telework_grams(company, texts), func.telework_sought(asking, term)
    return f"({compiler.process(grams, **options)} @> {compiler.process(sought, **options)})"


@compiles(Holds, "sqlite")
def _by_texts(element: Any, compiler: Any, **options: Any) -> str:
    key, _, term, company, asking = element.clauses
    if key.table.name not in COMPANIONS:  # the company's are walked
        return str(compiler.process(company == asking, **options))
    table = f"{key.table.name}_search"
    phrase = literal('"') + func.replace(term, '"', '""') + literal('"')  # all else in it is text
    places = f"{table} CROSS JOIN search_places ON search_places.place = {table}.rowid"
    sought = compiler.process(phrase, **options)
    return f"({compiler.process(key, **options)} IN (SELECT search_places.id FROM {places} WHERE {table} MATCH {sought}))"  # noqa: S608


# For who makes the tables from the models, without the revisions.
for _statement in (GRAMS, SOUGHT):
    event.listen(Base.metadata, "before_create", DDL(_statement).execute_if(dialect="postgresql"))
for _statement in (PLACES, *(each for table in COMPANIONS for each in companions(table))):
    event.listen(Base.metadata, "after_create", DDL(_statement).execute_if(dialect="sqlite"))
