"""The statements of the graph: rows by key, a page for each parent, a count for each parent, all of each parent. Each holds `visible`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, literal, select

from app.auth.visible import visible
from app.engine.declare import All, Asker, Many, One
from app.engine.dialects import Dialect, Statement, directed
from app.engine.filters import conditions
from app.engine.pages import PageRequest, beyond, sort_value
from app.models import Base
from app.models.base import Row

Columns = Sequence[ColumnElement[Any]]


def rows_by_key(dialect: Dialect, source: One, row: Row, asker: Asker, columns: Columns, *, deleted: bool = True) -> Statement:
    """The remote key, then `columns`. `deleted` tells whether deleted rows show, as they do where another row refers to them."""
    remote = getattr(row, source.remote)
    where = [
        dialect.member(remote, "keys"),
        _seen(source.model, row, asker),
        *([] if deleted else not_deleted(row)),
    ]
    return select(remote, *columns).where(*where)


def all_rows(dialect: Dialect, source: All, row: Row, asker: Asker, columns: Columns) -> Statement:
    """The parent's key, then `columns`, in order."""
    parent = getattr(row, source.key)
    where = [dialect.member(parent, "keys"), _seen(source.model, row, asker), *not_deleted(row)]
    return select(parent, *columns).where(*where).order_by(getattr(row, source.sort), row.id)


def page(dialect: Dialect, source: Many, row: Row, asker: Asker, request: PageRequest, columns: Columns) -> Statement:
    """The parent's key (null without parents), then `columns`; :limit is given one higher than the page."""

    def shape(row: Row) -> Any:
        where = [*matching(dialect, source, row, asker, request), *beyond(source, row, asker, request)]
        sort = [sort_value(source, request.order, request.descending, row, asker), row.id]
        return getattr(row, source.key or "id"), where, sort, request.reading_down

    if source.key:
        return dialect.per_parent(row, columns, shape)
    _, where, sort, down = shape(row)
    return select(literal(None), *columns).where(*where).order_by(*directed(sort, down)).limit(bindparam("limit"))


def count(dialect: Dialect, source: Many, row: Row, asker: Asker, request: PageRequest) -> Statement:
    """The parent's key (null without parents) and how many."""
    where = matching(dialect, source, row, asker, request)
    if not source.key:
        return select(literal(None), func.count()).select_from(row).where(*where)
    parent = getattr(row, source.key)
    return select(parent, func.count()).where(*where, dialect.member(parent, "keys")).group_by(parent)


def matching(dialect: Dialect, source: Many, row: Row, asker: Asker, request: PageRequest, prefix: str = "") -> list[ColumnElement[bool]]:
    """What all pages of a connection hold; `prefix`: of the parameters' names."""
    return [
        _seen(source.model, row, asker),
        *not_deleted(row),
        *conditions(source, row, asker, request.filters, dialect, prefix),
    ]


def _seen(model: type[Base], row: Row, asker: Asker) -> ColumnElement[bool]:
    return visible(model, row, to_gateway=asker.is_gateway)


def not_deleted(row: Row) -> list[ColumnElement[bool]]:
    return [row.deleted_at.is_(None)] if hasattr(row, "deleted_at") else []
