"""Where the two databases differ: many keys as one parameter, and a page for each parent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Protocol
from uuid import UUID

import orjson
from sqlalchemy import (
    ARRAY,
    JSON,
    Boolean,
    Column,
    ColumnElement,
    Date,
    Select,
    Text,
    Uuid,
    bindparam,
    cast,
    func,
    inspect,
    select,
    true,
)
from sqlalchemy import String as SqlString
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.orm import InstrumentedAttribute, aliased

from app.models.base import Instant, Money, Row

Statement = Select[*tuple[Any, ...]]
Belongs = Callable[[ColumnElement[Any]], ColumnElement[bool]]
Shape = Callable[[Row], tuple[Belongs, list[ColumnElement[bool]], list[ColumnElement[Any]], bool]]
"""Of an alias: whether it belongs to the parent of a key, the conditions, what it sorts by, whether downwards."""


def directed(values: Sequence[ColumnElement[Any]], down: bool) -> list[ColumnElement[Any]]:
    return [value.desc() if down else value.asc() for value in values]


class Dialect(Protocol):
    sql: Any
    """SQLAlchemy's dialect, for the text of frozen statements."""

    writes_json: bool
    """Whether selections are read as JSON text where they can be (app/engine/texts.py)."""

    def read(self, value: ColumnElement[Any], prefix: str | None) -> tuple[ColumnElement[Any], str | None]:
        """How a plan reads a value: its SQL, and a Python template ({0} is what the driver gives), None where that is JSON as it comes."""

    def key(self, value: Any) -> UUID:
        """A key as the driver gives it."""

    def pack_one(self, value: Any) -> Any:
        """A key as the driver takes it."""

    async def fetch(self, driver: Any, sql: str, arguments: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """Runs a frozen statement on the driver's own connection."""

    def member(self, value: ColumnElement[Any] | InstrumentedAttribute[Any], name: str) -> ColumnElement[bool]:
        """Whether the value is among those of the packed parameter `name`."""

    def per_parent(self, row: Row, columns: Sequence[ColumnElement[Any]], shape: Shape) -> Statement:
        """The first `:limit` rows for each of `:keys`: parent's key, then the columns; parent by parent, in order."""

    def pack(self, values: Sequence[Any]) -> Any:
        """Many values as one parameter."""


# Of what the drivers give for a date and for an instant: on both databases the day and the hour stand at the same places.
HIJRI: dict[type[Any], str] = {Date: "hijri_of({0})", Instant: "hijri_of({0}[:10], {0}[11:13] >= '21')"}


class PostgreSQL:
    sql = asyncpg.dialect()
    writes_json = True

    def read(self, value: ColumnElement[Any], prefix: str | None) -> tuple[ColumnElement[Any], str | None]:
        if prefix:
            return value, f"'{prefix}_' + {{0}}.hex"
        if isinstance(value.type, Instant):  # as text: making datetime objects is a third of what a long list costs
            return cast(value, Text), "{0}[:10] + 'T' + {0}[11:-3] + 'Z'"
        return (cast(value, Text), None) if isinstance(value.type, Date | Money) else (value, None)

    def key(self, value: Any) -> UUID:
        return value  # type: ignore[no-any-return]  # the driver's own kind of UUID

    def pack_one(self, value: Any) -> Any:
        return value

    async def fetch(self, driver: Any, sql: str, arguments: Sequence[Any]) -> Sequence[Sequence[Any]]:
        return await driver.fetch(sql, *arguments)  # type: ignore[no-any-return]  # asyncpg has no types

    def member(self, value: ColumnElement[Any] | InstrumentedAttribute[Any], name: str) -> ColumnElement[bool]:
        return value == func.any(bindparam(name, type_=ARRAY(Uuid() if isinstance(value.type, Uuid) else Text())))

    def per_parent(self, row: Row, columns: Sequence[ColumnElement[Any]], shape: Shape) -> Statement:
        # LIMIT inside LATERAL walks the index for each parent (0.5 ms); a window over all parents would read all their rows first (56 ms).
        keys = func.unnest(bindparam("keys", type_=ARRAY(Uuid()))).table_valued(Column("k", Uuid()), name="parents").render_derived()
        belongs, where, sort, down = shape(row)
        ranked = [value.label(f"s{i}") for i, value in enumerate(sort)]
        first = select(*columns, *ranked).where(belongs(keys.c.k), *where).order_by(*directed(sort, down)).limit(bindparam("limit"))
        page = first.lateral("page")
        return (
            select(keys.c.k, *[page.c[column.name] for column in columns])
            .select_from(keys.join(page, true()))
            .order_by(keys.c.k, *directed([page.c[column.name] for column in ranked], down))
        )

    def pack(self, values: Sequence[Any]) -> Any:
        return list(values)


class SQLite:
    sql = sqlite.dialect()
    writes_json = False  # its rows are made in this process either way

    def read(self, value: ColumnElement[Any], prefix: str | None) -> tuple[ColumnElement[Any], str | None]:
        if prefix:
            return value, f"'{prefix}_' + {{0}}"
        if isinstance(value.type, Instant):
            return value, "({0}[:19] if {0}[19:] == '.000000Z' else {0}[:-1].rstrip('0')) + 'Z'"
        if isinstance(value.type, Money):
            return value, "('-' if {0} < 0 else '') + '%d.%02d' % divmod(abs({0}), 100)"
        if isinstance(value.type, JSON):
            return value, "loads({0})"
        return value, "{0} == 1" if isinstance(value.type, Boolean) else None

    def key(self, value: Any) -> UUID:
        return value if isinstance(value, UUID) else UUID(hex=value)

    def pack_one(self, value: Any) -> Any:
        return value.hex if isinstance(value, UUID) else value

    async def fetch(self, driver: Any, sql: str, arguments: Sequence[Any]) -> Sequence[Sequence[Any]]:
        return await driver.execute_fetchall(sql, arguments)  # type: ignore[no-any-return]  # aiosqlite's connection, untyped here

    def member(self, value: ColumnElement[Any] | InstrumentedAttribute[Any], name: str) -> ColumnElement[bool]:
        return value.in_(select(func.json_each(bindparam(name, type_=SqlString())).table_valued("value").c.value))

    def per_parent(self, row: Row, columns: Sequence[ColumnElement[Any]], shape: Shape) -> Statement:
        # SQLite has no LATERAL; a correlated IN (... LIMIT) walks the index as well (0.5 ms, a window 130).
        keys = func.json_each(bindparam("keys", type_=SqlString())).table_valued("key", Column("value", Uuid()), name="parents")
        belongs, where, sort, down = shape(inner := aliased(inspect(row).mapper.class_))
        first = select(inner.id).where(belongs(keys.c.value), *where).order_by(*directed(sort, down)).limit(bindparam("limit"))
        return (
            select(keys.c.value, *columns)
            .select_from(keys.join(row, row.id.in_(first.correlate(keys))))
            .order_by(keys.c.key, *directed(shape(row)[2], down))
        )

    def pack(self, values: Sequence[Any]) -> Any:
        return orjson.dumps([self.pack_one(value) for value in values]).decode()


@cache
def dialect_named(name: str) -> Dialect:
    return SQLite() if name == "sqlite" else PostgreSQL()
