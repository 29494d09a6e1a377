"""The statements of the graph: rows by key, a page for each parent, a count for each parent, all of each parent. Each holds `visible`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, literal, select

from app.auth.visible import visible
from app.engine.declare import All, Asker, Many, One
from app.engine.dialects import Dialect, Statement, directed
from app.engine.filters import conditions
from app.engine.pages import PageRequest, beyond, sort_value
from app.models.base import Row

Columns = Sequence[ColumnElement[Any]]


def rows_by_key(dialect: Dialect, source: One, row: Row, columns: Columns, *, deleted: bool = True) -> Statement:
    """The remote key, then `columns`. `deleted` tells whether deleted rows show, as they do where another row refers to them."""
    remote = getattr(row, source.remote)
    where = [dialect.member(remote, "keys"), visible(source.model, row), *([] if deleted else not_deleted(row))]
    return select(remote, *columns).where(*where)


def all_rows(dialect: Dialect, source: All, row: Row, asker: Asker, columns: Columns) -> Statement:
    """The parent's key, then `columns`, in order."""
    parent = getattr(row, source.key)
    where = [dialect.member(parent, "keys"), visible(source.model, row), *narrowed(source, row, asker)]
    return select(parent, *columns).where(*where).order_by(getattr(row, source.sort), row.id)


def page(dialect: Dialect, source: Many, row: Row, asker: Asker, request: PageRequest, columns: Columns) -> Statement:
    """The parent's key (null without parents), then `columns`; :limit is given one higher than the page."""

    def shape(row: Row) -> Any:
        where = [*matching(dialect, source, row, asker, request), *beyond(source, row, asker, request)]
        sort = [sort_value(source, request.order, request.descending, row, asker), row.id]
        return partial(belongs, dialect, source, row), where, sort, request.reading_down

    if source.has_parent:
        return dialect.per_parent(row, columns, shape)
    _, where, sort, down = shape(row)
    return select(literal(None), *columns).where(*where).order_by(*directed(sort, down)).limit(bindparam("limit"))


def count(dialect: Dialect, source: Many, row: Row, asker: Asker, request: PageRequest) -> Statement:
    """The parent's key (null without parents) and how many."""
    where = matching(dialect, source, row, asker, request)
    if not source.has_parent:
        return select(literal(None), func.count()).select_from(row).where(*where)
    if source.through:
        pairs = source.through(dialect)
        return select(pairs.c.parent, func.count()).join(row, row.id == pairs.c.child).where(*where).group_by(pairs.c.parent)
    parent = getattr(row, str(source.key))
    return select(parent, func.count()).where(*where, dialect.member(parent, "keys")).group_by(parent)


def belongs(dialect: Dialect, source: Many, row: Row, parent: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether the row is one of the parent's."""
    if source.through is None:
        return getattr(row, str(source.key)) == parent  # type: ignore[no-any-return]  # an alias' attributes are Any
    pairs = source.through(dialect)
    own = select(pairs.c.child).where(pairs.c.parent == parent).correlate(parent.table)
    return row.id.in_(own)  # type: ignore[no-any-return]


def matching(dialect: Dialect, source: Many, row: Row, asker: Asker, request: PageRequest, prefix: str = "") -> list[ColumnElement[bool]]:
    """What all pages of a connection hold; `prefix`: of the parameters' names."""
    return [visible(source.model, row), *not_deleted(row), *conditions(source, row, asker, request.filters, dialect, prefix)]


def narrowed(source: All, row: Row, asker: Asker) -> list[ColumnElement[bool]]:
    return [*not_deleted(row), *([source.only(row, asker)] if source.only else [])]


def not_deleted(row: Row) -> list[ColumnElement[bool]]:
    return [row.deleted_at.is_(None)] if hasattr(row, "deleted_at") else []
