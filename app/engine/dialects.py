"""Where the two databases differ: many keys as one parameter, and a page for each parent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol
from uuid import UUID

import orjson
from sqlalchemy import ARRAY, Column, ColumnElement, Select, Text, Uuid, bindparam, func, inspect, select, true
from sqlalchemy import String as SqlString
from sqlalchemy.orm import InstrumentedAttribute, aliased

from app.models.base import Row

Statement = Select[*tuple[Any, ...]]
Shape = Callable[[Row], tuple[ColumnElement[Any], list[ColumnElement[bool]], list[ColumnElement[Any]], bool]]
"""Of an alias: its parent's key, the conditions, what it sorts by, whether downwards."""


def directed(values: Sequence[ColumnElement[Any]], down: bool) -> list[ColumnElement[Any]]:
    return [value.desc() if down else value.asc() for value in values]


class Dialect(Protocol):
    def member(self, value: ColumnElement[Any] | InstrumentedAttribute[Any], name: str) -> ColumnElement[bool]:
        """Whether the value is among those of the packed parameter `name`."""

    def per_parent(self, row: Row, columns: Sequence[ColumnElement[Any]], shape: Shape) -> Statement:
        """The first `:limit` rows for each of `:keys`: parent's key, then the columns; parent by parent, in order."""

    def pack(self, values: Sequence[Any]) -> Any:
        """Many values as one parameter."""


class PostgreSQL:
    def member(self, value: ColumnElement[Any] | InstrumentedAttribute[Any], name: str) -> ColumnElement[bool]:
        return value == func.any(bindparam(name, type_=ARRAY(Uuid() if isinstance(value.type, Uuid) else Text())))

    def per_parent(self, row: Row, columns: Sequence[ColumnElement[Any]], shape: Shape) -> Statement:
        # LIMIT inside LATERAL walks the index for each parent (0.5 ms); a window over all parents would read all their rows first (56 ms).
        keys = func.unnest(bindparam("keys", type_=ARRAY(Uuid()))).table_valued(Column("k", Uuid()), name="parents").render_derived()
        parent, where, sort, down = shape(row)
        ranked = [value.label(f"s{i}") for i, value in enumerate(sort)]
        first = select(*columns, *ranked).where(parent == keys.c.k, *where).order_by(*directed(sort, down)).limit(bindparam("limit"))
        page = first.lateral("page")
        return (
            select(keys.c.k, *[page.c[column.name] for column in columns])
            .select_from(keys.join(page, true()))
            .order_by(keys.c.k, *directed([page.c[column.name] for column in ranked], down))
        )

    def pack(self, values: Sequence[Any]) -> Any:
        return list(values)


class SQLite:
    def member(self, value: ColumnElement[Any] | InstrumentedAttribute[Any], name: str) -> ColumnElement[bool]:
        return value.in_(select(func.json_each(bindparam(name, type_=SqlString())).table_valued("value").c.value))

    def per_parent(self, row: Row, columns: Sequence[ColumnElement[Any]], shape: Shape) -> Statement:
        # SQLite has no LATERAL; a correlated IN (... LIMIT) walks the index as well (0.5 ms, a window 130).
        keys = func.json_each(bindparam("keys", type_=SqlString())).table_valued("key", Column("value", Uuid()), name="parents")
        parent, where, sort, down = shape(inner := aliased(inspect(row).mapper.class_))
        first = select(inner.id).where(parent == keys.c.value, *where).order_by(*directed(sort, down)).limit(bindparam("limit"))
        return (
            select(keys.c.value, *columns)
            .select_from(keys.join(row, row.id.in_(first.correlate(keys))))
            .order_by(keys.c.key, *directed(shape(row)[2], down))
        )

    def pack(self, values: Sequence[Any]) -> Any:
        return orjson.dumps([value.hex if isinstance(value, UUID) else value for value in values]).decode()


def dialect_named(name: str) -> Dialect:
    return SQLite() if name == "sqlite" else PostgreSQL()
