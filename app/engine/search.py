"""Which way a search goes: along the order of the page, looking at each row's text, or from what the index of texts finds.

A term that many rows hold fills a page soon when rows are walked in their order, and the index would name a third of them; a term that
few hold, or none, is walked for in vain, and the index names those few. So the first rows of the order are looked at first. Where they
tell that the term is common, or where there are no more of them, the page is walked; else the index is asked for so many at most, and the
search becomes a condition on their keys. Whichever way, the rows are the same. Both executors ask here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Integer, bindparam, func, select
from sqlalchemy.orm import aliased

from app.auth.permissions import NONE
from app.auth.searches import FOUND
from app.auth.visible import visible
from app.engine.context import Context
from app.engine.declare import Asker, Many
from app.engine.dialects import Statement, directed
from app.engine.filters import FOUND_KEYS, PATTERN, Leaf, declared
from app.engine.frozen import Frozen
from app.engine.pages import PageRequest, beyond, sort_value
from app.engine.statements import not_deleted
from app.models import Base
from app.models.search import SHORTEST
from app.text import text_of_pattern

WALKED, MOST_FOUND = 2000, 2000
"""Rows that are looked at first; keys that the index is asked for. Both take some 3 ms (docs/decisions/0019)."""

_frozen: dict[Any, Frozen] = {}


async def settled(source: Many, request: PageRequest, context: Context) -> PageRequest:
    """The request, with its searches as conditions on keys where that is the quicker way."""
    if source.model not in FOUND or context.actor.account_id is None:
        return request
    for place, leaf in enumerate(request.filters):
        if isinstance(leaf, Leaf) and leaf.part == PATTERN and (found := await _found(source, request, leaf, context)) is not None:
            return replace(
                request, filters=(*request.filters[:place], replace(leaf, part=FOUND_KEYS, value=found), *request.filters[place + 1 :])
            )
    return request


async def _found(source: Many, request: PageRequest, leaf: Leaf, context: Context) -> tuple[Any, ...] | None:
    """The keys of all rows of the company that hold the term; None where the page is better walked."""
    term = text_of_pattern(leaf.value)
    if len(term) < SHORTEST["sqlite" if context.database.is_sqlite else "postgresql"]:
        return None
    [[seen, hits]] = await context.rows_of(
        _sample(source, request, leaf, context), {**request.parameters, "pattern": leaf.value, "walked": WALKED}
    )
    if seen < WALKED or hits > request.limit:
        return None
    values = {"term": term, "pattern": leaf.value, "most": MOST_FOUND + 1}
    rows = await context.rows_of(_door(source.model, context), values)
    return None if len(rows) > MOST_FOUND else tuple(context.dialect.key(row[0]) for row in rows)


def _sample(source: Many, request: PageRequest, leaf: Leaf, context: Context) -> Frozen:
    """How many of the first rows there are, and how many hold the term. Other conditions are left aside: few rows may meet them."""
    by_company = source.key in (None, "company_id")
    shape = request.shape[:5] if by_company else ()
    name = (source, leaf.condition, shape, context.database.is_sqlite)
    if (known := _frozen.get(name)) is None:
        known = _frozen[name] = Frozen(context.dialect, _sampling(source, request if by_company else None, leaf, context))
    return known


def _sampling(source: Many, request: PageRequest | None, leaf: Leaf, context: Context) -> Statement:
    row, asker = aliased(source.model), Asker(NONE)
    _, _, condition = declared(source)[leaf.condition]
    hit = condition.sql(row, asker, PATTERN, "pattern", context.dialect)
    first = select(hit.label("hit")).where(visible(source.model, row), *not_deleted(row)).limit(bindparam("walked", type_=Integer()))
    if request:  # else a parent's rows are wanted, which lie anywhere among the company's
        sort = [sort_value(source, request.order, request.descending, row, asker), row.id]
        only = [] if source.only is None else [source.only(row, asker)]
        first = first.where(*only, *beyond(source, row, asker, request)).order_by(*directed(sort, request.reading_down))
    rows = first.subquery()
    return select(func.count(), func.count().filter(rows.c.hit))


def _door(model: type[Base], context: Context) -> Frozen:
    name = (model, context.database.is_sqlite)
    if (known := _frozen.get(name)) is None:
        door = FOUND[model]
        known = _frozen[name] = Frozen(context.dialect, door.statement if context.database.is_sqlite else door.call)
    return known
