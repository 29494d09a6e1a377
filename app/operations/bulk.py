"""Many values in one statement, on both databases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import (
    ARRAY,
    JSON,
    Column,
    ColumnElement,
    FromClause,
    String,
    Text,
    Uuid,
    bindparam,
    cast,
    func,
    literal,
    select,
    type_coerce,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import TypeEngine

Columns = Sequence[tuple[str, TypeEngine[Any]]]


def among(session: AsyncSession, column: Any, values: Sequence[Any]) -> ColumnElement[bool]:
    """Whether the column, of keys or texts, is one of the values."""
    is_key = isinstance(column.type, Uuid)
    if session.get_bind().dialect.name == "sqlite":
        packed = orjson.dumps([value.hex for value in values] if is_key else list(values)).decode()
        found: ColumnElement[bool] = column.in_(select(func.json_each(literal(packed, String())).table_valued("value").c.value))
        return found
    return column == func.any(bindparam(None, list(values), type_=ARRAY(Uuid() if is_key else Text())))  # type: ignore[no-any-return]


def table_of(session: AsyncSession, rows: Sequence[Mapping[str, Any]], columns: Columns) -> FromClause:
    """The rows as a table within a statement, sent as one parameter: arrays of arguments cost asyncpg ten times what JSON does."""
    dialect = session.get_bind().dialect
    if dialect.name != "sqlite":
        packed = cast(literal(orjson.dumps(rows, default=str).decode(), Text()), JSON())
        typed = [Column(name, type_) for name, type_ in columns]
        return func.json_to_recordset(packed).table_valued(*typed).render_derived(name="given", with_types=True)
    writers = [(name, type_.dialect_impl(dialect).bind_processor(dialect)) for name, type_ in columns]
    lists = [[write(row[name]) if write else row[name] for name, write in writers] for row in rows]
    each = func.json_each(literal(orjson.dumps(lists).decode(), String())).table_valued("value", name="each")
    read = [type_coerce(func.json_extract(each.c.value, f"$[{place}]"), type_).label(name) for place, (name, type_) in enumerate(columns)]
    return select(*read).select_from(each).subquery("given")
