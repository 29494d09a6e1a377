"""A plan at work: each level's rows, read by one statement, made into response objects; marks stand where something may not be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement

from app.engine.context import Context
from app.engine.declare import Batch, ByPublicId, Many
from app.engine.frozen import Frozen
from app.engine.pages import PageRequest, write_cursor
from app.engine.texts import fragment
from app.hijri import hijri_of
from app.models import Base

Rows = Sequence[Sequence[Any]]
Objects = list[Any]
"""Dictionaries, or JSON that is written already."""


class Unplannable(Exception):
    """Found while planning, or (a null where none may be) while running: the reference executor answers the whole operation."""


@dataclass(frozen=True, slots=True)
class IdRequest:
    """The public ids that a field asks for: model and key of each, where there is one. `models` decides the plan."""

    asked: tuple[tuple[type[Base] | None, UUID | None], ...]

    @property
    def shape(self) -> tuple[str, ...]:
        return tuple(sorted({model.__name__ if model else "" for model, _ in self.asked}))


@dataclass(frozen=True, slots=True)
class ArgumentsRequest:
    """The arguments of a batch function, which no plan depends on."""

    values: Mapping[str, Any]
    shape: tuple[()] = ()


class Shelf:
    """The select list of one statement while it grows. Place 0 is the key by which the parent finds the row."""

    def __init__(self) -> None:
        self.places: dict[Any, int] = {}
        self.columns: list[ColumnElement[Any]] = []

    def put(self, name: Any, column: ColumnElement[Any]) -> int:
        if name not in self.places:
            # Neutral labels: ORDER BY created_at would sort by a select item of that name, as text and without the index.
            self.columns.append(column.label(f"c{len(self.columns)}"))
            self.places[name] = len(self.columns)
        return self.places[name]


class Block:
    """One selection set over the rows of a level: plain values in one generated comprehension, steps for what hangs on them.

    written   the place of the whole object as JSON, where the database wrote it; the rest is then empty
    """

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self.parts: list[tuple[str, str]] = []  # response key, Python expression over v0..vn
        self.steps: list[tuple[str, Step]] = []  # response key, what fills it
        self.written: int | None = None
        self._make: Callable[[Rows], Objects] | None = None

    def make(self, rows: Rows) -> Objects:
        if self._make is None:  # only now is the select list complete. Response keys are GraphQL names: nothing in them can escape repr
            used = "".join(expression for _, expression in self.parts)
            places = range(len(self.shelf.columns) + 1)
            names = ", ".join(f"v{place}" if f"v{place}" in used else "_" for place in places)
            body = ", ".join(f"{key!r}: {part}" for key, part in self.parts)
            self._make = eval(f"lambda rows: [{{{body}}} for {names}, in rows]", _NAMES)  # noqa: S307
        return self._make(rows)

    async def objects(self, run: Run, rows: Rows) -> Objects:
        """Raises Marked."""
        if (place := self.written) is not None:
            return [fragment(row[place]) for row in rows]
        made = self.make(rows)
        if made:
            for key, step in self.steps:
                for target, value in zip(made, await step.values(run, rows), strict=True):
                    target[key] = value
        return made


def need(value: Any) -> Any:
    if value is None:
        raise Unplannable("null in a non-null field")
    return value


_NAMES = {"need": need, "loads": orjson.loads, "hijri_of": hijri_of}  # what a block's expressions may call


@dataclass
class Run:
    """One run of a plan: the driver's connection, the caller's parameters, the requests of the operation's fields."""

    driver: Any
    context: Context
    parameters: dict[str, Any]
    requests: Sequence[Any]

    async def fetch(self, statement: Frozen, **values: Any) -> Rows:
        return await statement.fetch(self.driver, {**self.parameters, **values})


class Step:
    """Fills one field of all objects of a level: their rows in, a value for each out."""

    async def values(self, run: Run, rows: Rows) -> list[Any]:
        raise NotImplementedError


@dataclass
class OneStep(Step):
    """The row that each parent's key names."""

    block: Block
    statement: Frozen
    nullable: bool
    place: int  # of the key in the parent's rows

    async def values(self, run: Run, rows: Rows) -> list[Any]:
        keys = [row[self.place] for row in rows]
        objects = await self.by_key(run, keys)
        values = [objects.get(key) for key in keys]
        return values if self.nullable else [need(value) for value in values]

    async def by_key(self, run: Run, keys: Sequence[Any]) -> dict[Any, Any]:
        wanted = [key for key in dict.fromkeys(keys) if key is not None]
        if not wanted:
            return {}
        found = await run.fetch(self.statement, keys=run.context.dialect.pack(wanted))
        return dict(zip((row[0] for row in found), await self.block.objects(run, found), strict=True))


@dataclass
class AllStep(Step):
    """All rows of each parent, in order."""

    block: Block
    statement: Frozen
    place: int

    async def values(self, run: Run, rows: Rows) -> list[Any]:
        keys = [row[self.place] for row in rows]
        found = await run.fetch(self.statement, keys=run.context.dialect.pack(list(dict.fromkeys(keys))))
        groups: dict[Any, list[Any]] = {key: [] for key in keys}
        for row, made in zip(found, await self.block.objects(run, found), strict=True):
            groups[row[0]].append(made)
        return [groups[key] for key in keys]


@dataclass
class Marker:
    """How a page's cursors are written: places of sort value and key, and their text forms."""

    source: Many
    place: int
    value: Callable[[Any], str]

    def of(self, run: Run, request: PageRequest, row: Sequence[Any]) -> str:
        return write_cursor(self.source, request, self.value(row[self.place]), run.context.dialect.key(row[self.place + 1]).hex)


@dataclass
class PageStep(Step):
    """A page of rows for each parent: any number of views over one select list, and a count where one is selected."""

    place: int | None  # of the parent's key; None: there is no parent
    request: int
    parts: list[tuple[str, str, Any]] = field(default_factory=list)  # response key; nodes, edges, info, count or constant; details
    marker: Marker | None = None
    page: Frozen | None = None
    count: Frozen | None = None

    async def values(self, run: Run, rows: Rows) -> list[Any]:
        keys = [None if self.place is None else row[self.place] for row in rows]
        request: PageRequest = run.requests[self.request]
        packed = {} if self.place is None else {"keys": run.context.dialect.pack(list(dict.fromkeys(keys)))}
        found, spans = await self._rows(run, request, keys, packed)
        counts = dict[Any, int]()
        if self.count:
            counts = {row[0]: row[1] for row in await run.fetch(self.count, **packed, **request.parameters)}
        lists = [(key, kind, await self._list(run, kind, detail, found, request)) for key, kind, detail in self.parts]
        made = {
            parent: {
                key: value[start:end]
                if kind in ("nodes", "edges")
                else counts.get(parent, 0)
                if kind == "count"
                else self._info(run, value, request, found, start, end, more)
                if kind == "info"
                else value
                for key, kind, value in lists
            }
            for parent, (start, end, more) in spans.items()
        }
        return [made[key] for key in keys]

    async def _rows(
        self, run: Run, request: PageRequest, keys: list[Any], packed: dict[str, Any]
    ) -> tuple[list[Any], dict[Any, tuple[int, int, bool]]]:
        """All pages end to end, and for each parent where its page lies and whether more follows."""
        if self.page is None:
            return [], dict.fromkeys(keys, (0, 0, False))
        groups: dict[Any, list[Any]] = {key: [] for key in keys}
        for row in await run.fetch(self.page, **packed, **request.parameters):
            groups[row[0]].append(row)
        found: list[Any] = []
        spans = {}
        for parent, group in groups.items():
            kept, start = group[: request.limit], len(found)
            found += kept if request.forward else reversed(kept)
            spans[parent] = (start, len(found), len(group) > request.limit)
        return found, spans

    async def _list(self, run: Run, kind: str, detail: Any, rows: Rows, request: PageRequest) -> Any:
        if kind == "nodes":
            return await detail.objects(run, rows)
        if kind != "edges":
            return detail
        columns = [
            [self._cursor(run, request, row) for row in rows]
            if what == "cursor"
            else await block.objects(run, rows)
            if what == "node"
            else [block] * len(rows)
            for _, what, block in detail
        ]
        names = [name for name, _, _ in detail]
        if not names:  # everything in it was skipped
            return [{} for _ in rows]
        return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]

    def _cursor(self, run: Run, request: PageRequest, row: Sequence[Any]) -> str:
        assert self.marker  # noqa: S101  # made with the first edges or pageInfo
        return self.marker.of(run, request, row)

    def _info(
        self, run: Run, parts: list[tuple[str, str]], request: PageRequest, rows: Rows, start: int, end: int, more: bool
    ) -> dict[str, Any]:
        def one(name: str) -> Any:
            if name in ("startCursor", "endCursor"):
                return self._cursor(run, request, rows[start if name == "startCursor" else end - 1]) if end > start else None
            if name == "hasNextPage":
                return request.before is not None or (request.forward and more)
            return request.after is not None or (more and not request.forward) if name == "hasPreviousPage" else "PageInfo"

        return {key: one(name) for key, name in parts}


@dataclass
class BatchStep(Step):
    """A resolver's batch form, called once a level. Objects are read like rows; a leaf is written by `leaf`."""

    source: Batch
    place: int | None  # of the parent's key; None: the parent has none
    request: int
    nullable: bool
    block: Block | None
    attributes: list[tuple[str, Callable[[Any], Any]]]
    leaf: Callable[[Any], Any] | None

    async def values(self, run: Run, rows: Rows) -> list[Any]:
        keys = [() if self.place is None else run.context.dialect.key(row[self.place]) for row in rows]
        distinct = list(dict.fromkeys(keys))
        arguments = run.requests[self.request].values if self.request >= 0 else {}
        answers = dict(zip(distinct, await self.source.function(distinct, run.context, **arguments), strict=True))
        made = await self._objects(run, [answers[key] for key in keys])
        return made if self.nullable else [need(value) for value in made]

    async def _objects(self, run: Run, answers: list[Any]) -> list[Any]:
        if self.block is None:
            assert self.leaf  # noqa: S101  # one of the two
            return [None if answer is None else self.leaf(answer) for answer in answers]
        present = [answer for answer in answers if answer is not None]
        made = iter(await self.block.objects(run, rows_of(present, self.attributes)))
        return [None if answer is None else next(made) for answer in answers]


@dataclass
class PlainStep(Step):
    """Objects of Python that each parent holds in an attribute: one, or a list."""

    block: Block
    attributes: list[tuple[str, Callable[[Any], Any]]]
    place: int  # of the attribute's value in the parents' rows
    is_list: bool
    nullable: bool
    has_holes: bool

    async def values(self, run: Run, rows: Rows) -> list[Any]:
        held = [row[self.place] for row in rows]
        if not self.nullable:
            held = [need(value) for value in held]
        lists = [[] if value is None else value if self.is_list else [value] for value in held]
        items = [item for items in lists for item in items]
        if not self.has_holes:
            items = [need(item) for item in items]
        made = iter(await self.block.objects(run, rows_of([item for item in items if item is not None], self.attributes)))
        written = [[None if item is None else next(made) for item in items] for items in lists]
        if self.is_list:
            return [None if value is None else items for value, items in zip(held, written, strict=True)]
        return [items[0] if items else None for items in written]


def rows_of(objects: Sequence[Any], attributes: Sequence[tuple[str, Callable[[Any], Any]]]) -> Rows:
    """Objects of Python as a level's rows."""
    columns = [[read(getattr(each, name)) for each in objects] for name, read in attributes]
    return list(zip([None] * len(objects), *columns, strict=True))


@dataclass
class IdStep(Step):
    """Rows by the public ids of the request, whatever their types."""

    source: ByPublicId
    request: int
    steps: dict[str, OneStep]  # by model name

    async def values(self, run: Run, rows: Rows) -> list[Any]:
        asked = run.requests[self.request].asked
        found: dict[tuple[str, Any], Any] = {}
        for name, step in self.steps.items():
            keys = {run.context.dialect.pack_one(key): key for model, key in asked if key is not None and model and model.__name__ == name}
            for driver_key, made in (await step.by_key(run, list(keys))).items():
                found[name, keys[driver_key]] = made
        values = [found.get((model.__name__, key)) if model else None for model, key in asked]
        return [(values if self.source.many else values[0]) for _ in rows]


@dataclass
class TypedStep(Step):
    """The row that each parent names by a prefix and a key. A type's statement is made when its first row comes."""

    prefix: int
    key: int
    step_for: Callable[[str], OneStep | None]
    _steps: dict[str, OneStep | None] = field(default_factory=dict)

    async def values(self, run: Run, rows: Rows) -> list[Any]:
        found: dict[tuple[str, Any], Any] = {}
        for prefix in dict.fromkeys(row[self.prefix] for row in rows):
            if prefix is None:
                continue
            if prefix not in self._steps:
                self._steps[prefix] = self.step_for(prefix)
            if step := self._steps[prefix]:
                objects = await step.by_key(run, [row[self.key] for row in rows if row[self.prefix] == prefix])
                found |= {(prefix, key): made for key, made in objects.items()}
        return [found.get((row[self.prefix], row[self.key])) for row in rows]


class Refused:
    """Stands in the answer where a field may not be read, until the plan turns it into null and an error."""

    __slots__ = ()


REFUSED = Refused()


@dataclass
class AccountStep(Step):
    """A field that shows only in the caller's active company."""

    step: Step
    place: int

    async def values(self, run: Run, rows: Rows) -> list[Any]:
        account = run.context.actor.account_id
        mine = [run.context.dialect.key(row[self.place]) == account for row in rows]
        shown = [row for row, is_mine in zip(rows, mine, strict=True) if is_mine]
        made = iter(await self.step.values(run, shown) if shown else [])
        return [next(made) if is_mine else REFUSED for is_mine in mine]
