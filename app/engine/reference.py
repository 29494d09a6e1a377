"""The reference executor: what a GraphField answers when Strawberry and graphql-core ask row by row, batched by aiodataloader."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy.orm import aliased

from app.auth.permissions import Permissions
from app.clock import riyadh_day
from app.engine.context import Context
from app.engine.declare import (
    MODELS,
    TYPES,
    All,
    Asker,
    Batch,
    ByPublicId,
    ByTypedKey,
    GraphField,
    Many,
    One,
    Perform,
    Value,
    parse_public_id,
)
from app.engine.pages import Connection, Edge, PageInfo, PageRequest, page_request, sort_value, text_of, write_cursor
from app.engine.search import settled
from app.engine.statements import all_rows, count, page, rows_by_key
from app.errors import BadUserInput, Forbidden, NotTheActiveAccount
from app.hijri import hijri_of
from app.models import Base
from app.models.base import Row


def resolve(declared: GraphField, parent: Any, info: Any, arguments: dict[str, Any]) -> Any:
    context: Context = info.context
    refuse(context, declared, parent)
    source = declared.source
    match source:
        case Value(prefix=prefix, is_hijri=is_hijri):
            value = getattr(parent, declared.python_name)
            if is_hijri and value is not None:
                return hijri_of((riyadh_day(value) if isinstance(value, datetime) else value).isoformat())
            return f"{prefix}_{value.hex}" if prefix else value
        case One():
            key = getattr(parent, source.local)
            return None if key is None else context.load(source, partial(_by_key, context, source, True), key)
        case Many():
            return _page(context, declared, source, parent.id if source.has_parent else None, arguments)
        case All():
            return context.load(source, partial(_all, context, source), parent.id)
        case Batch():
            key = getattr(parent, "id", ())  # the root and most payloads have none
            # By their text: a list or an input cannot be a key.
            return context.load((source, repr(arguments)), partial(_batch, context, source, arguments), key)
        case Perform():
            return context.perform(info.path.key, source, arguments["input"])
        case ByPublicId(many=False):
            return _node(context, declared, arguments["id"])
        case ByPublicId():
            return _nodes(context, declared, arguments["ids"])
        case ByTypedKey():
            return _typed(context, getattr(parent, source.prefix), getattr(parent, source.key))
    raise TypeError(source)


GraphField.resolve_source = staticmethod(resolve)


def refuse(context: Context, declared: GraphField, parent: Any) -> None:
    """Raises Forbidden where the caller may not read the field of this parent."""
    _require(context, declared, declared.needs)
    if declared.guard.only_in_account and parent.id != context.actor.account_id:
        raise NotTheActiveAccount(permission=", ".join(sorted(declared.needs)), field=declared.coordinate)


def _require(context: Context, declared: GraphField, needs: Permissions) -> None:
    if lacking := context.actor.missing(needs):
        raise Forbidden(permission=lacking, field=declared.coordinate)


# ---- rows by key -------------------------------------------------------------------------------------------------------


async def _node(context: Context, declared: GraphField, text: str) -> Any:
    if (found := parse_public_id(text)) is None:
        return None
    model, key = found
    _require(context, declared, TYPES[model.__name__].allow)
    return None if key is None else await _by_id(context, model, key)


async def _nodes(context: Context, declared: GraphField, ids: list[str]) -> list[Any]:
    if len(ids) > context.settings.largest_page:
        most = context.settings.largest_page
        raise BadUserInput("Ask for at most {most} ids.", path=["ids"], most=most)
    return [_node(context, declared, text) for text in ids]


async def _typed(context: Context, prefix: str | None, key: UUID | None) -> Any:
    """null where the row is gone, or not the caller's to see."""
    if prefix is None or key is None or prefix not in MODELS or context.actor.missing(TYPES[MODELS[prefix].__name__].allow):
        return None
    return await _by_id(context, MODELS[prefix], key)


async def _by_id(context: Context, model: type[Base], key: UUID) -> Any:
    return await context.load(("node", model), partial(_by_key, context, One(model, "id"), False), key)


async def _by_key(context: Context, source: One, deleted: bool, keys: list[UUID]) -> list[Any]:
    """keys -> their rows as graph objects; no visible row of that key -> None."""
    row = aliased(source.model)
    columns = _columns(source.model, row, context.asker)
    statement = rows_by_key(context.dialect, source, row, context.asker, _labelled(columns), deleted=deleted)
    found = {r[0]: _object(source.model, columns, r[1:]) for r in await context.rows(statement, keys=context.dialect.pack(keys))}
    return [found.get(key) for key in keys]


async def _all(context: Context, source: All, parents: list[UUID]) -> list[list[Any]]:
    """parents' keys -> all their rows, in order; unknown key -> []."""
    row = aliased(source.model)
    columns = _columns(source.model, row, context.asker)
    found = defaultdict(list)
    for r in await context.rows(
        all_rows(context.dialect, source, row, context.asker, _labelled(columns)), keys=context.dialect.pack(parents)
    ):
        found[r[0]].append(_object(source.model, columns, r[1:]))
    return [found[parent] for parent in parents]


async def _batch(context: Context, source: Batch, arguments: dict[str, Any], keys: list[Any]) -> Sequence[Any]:
    return await source.function(keys, context, **arguments)


def _columns(model: type[Base], row: Row, asker: Asker) -> dict[str, Any]:
    """Everything that a field of the type may want of its row: its values, and the keys that its relations start from."""
    found: dict[str, Any] = {"id": row.id}
    for declared in TYPES[model.__name__].__strawberry_definition__.fields:
        match declared.source:
            case Value(sql=sql):
                found[declared.python_name] = sql(row, asker)
            case One(local=local):
                found[local] = getattr(row, local)
            case ByTypedKey(prefix=prefix, key=key):
                found[prefix], found[key] = getattr(row, prefix), getattr(row, key)
    return found


def _labelled(columns: dict[str, Any]) -> list[Any]:
    # Neutral labels: ORDER BY created_at would sort by a select item of that name, not by the column that has the index.
    return [value.label(f"c{place}") for place, value in enumerate(columns.values())]


def _object(model: type[Base], names: dict[str, Any], values: Sequence[Any]) -> Any:
    """An instance of the Strawberry type, so that interfaces find their type and plain fields their attributes."""
    made: Any = object.__new__(TYPES[model.__name__])
    made.__dict__.update(zip(names, values, strict=False))
    return made


# ---- pages -------------------------------------------------------------------------------------------------------------


async def _page(context: Context, declared: GraphField, source: Many, parent: UUID | None, arguments: dict[str, Any]) -> Connection[Any]:
    request = page_request(source, arguments, default=context.settings.default_page, most=context.settings.largest_page)
    _require(context, declared, request.needs)
    request = await context.load(("settled", source, request), partial(_settled, context, source, request), ())
    rows, more = await context.load((source, request), partial(_pages, context, source, request), parent or ())
    edges = [Edge(cursor=cursor, node=node) for cursor, node in rows]
    info = PageInfo(
        has_next_page=request.before is not None or (request.forward and more),
        has_previous_page=request.after is not None or (more and not request.forward),
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )
    counted = partial(context.load, (source, request, "count"), partial(_counts, context, source, request), parent or ())
    return Connection(edges=edges, nodes=[edge.node for edge in edges], page_info=info, count=counted)


async def _settled(context: Context, source: Many, request: PageRequest, keys: list[Any]) -> list[PageRequest]:
    return [await settled(source, request, context) for _ in keys]


async def _pages(context: Context, source: Many, request: PageRequest, parents: list[Any]) -> list[tuple[list[tuple[str, Any]], bool]]:
    """parents' keys -> (cursor and object of each row, whether more follows)."""
    row = aliased(source.model)
    sort = sort_value(source, request.order, request.descending, row, context.asker)
    columns = {**_columns(source.model, row, context.asker), "_sort": sort}
    statement = page(context.dialect, source, row, context.asker, request, _labelled(columns))
    found: dict[Any, list[Any]] = {parent: [] for parent in parents}
    for r in await context.rows(statement, **_keys(context, source, parents), **_packed(context, request)):
        made = _object(source.model, columns, r[1:])
        found[r[0] or ()].append((write_cursor(source, request, text_of(made._sort), made.id.hex), made))
    cut = ((rows[: request.limit], len(rows) > request.limit) for rows in found.values())
    return [(rows if request.forward else rows[::-1], more) for rows, more in cut]


async def _counts(context: Context, source: Many, request: PageRequest, parents: list[Any]) -> list[int]:
    """parents' keys -> how many rows on all pages; unknown key -> 0."""
    statement = count(context.dialect, source, aliased(source.model), context.asker, request)
    rows = await context.rows(statement, **_keys(context, source, parents), **_packed(context, request))
    found = {r[0] or (): r[1] for r in rows}
    return [found.get(parent, 0) for parent in parents]


def _keys(context: Context, source: Many, parents: list[Any]) -> dict[str, Any]:
    return {"keys": context.dialect.pack(parents)} if source.has_parent else {}


def _packed(context: Context, request: PageRequest) -> dict[str, Any]:
    return {name: context.dialect.pack(value) if isinstance(value, tuple) else value for name, value in request.parameters.items()}
