"""Pages of a connection: its declaration, its arguments read into a request, its cursors. Both executors use this and only this."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache, cached_property
from typing import Any, Generic, TypeVar, cast
from uuid import UUID

import orjson
import strawberry
from sqlalchemy import ColumnElement, Date, Dialect, Integer, Numeric, bindparam, tuple_
from sqlalchemy.orm import InstrumentedAttribute, aliased
from sqlalchemy.types import TypeEngine
from strawberry import UNSET
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument

from app.auth.permissions import NONE, Permission
from app.engine.declare import Asker, Expression, Many, Order, guarded, make_field, maybe, type_of
from app.engine.filters import Argument, Tree, asked, parameters
from app.errors import BadUserInput
from app.models import Base
from app.models.base import Instant, Money, Row, nulls_last

T = TypeVar("T")


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether the list goes on behind this page")
    has_previous_page: bool = strawberry.field(description="Whether the list has something before this page")
    start_cursor: str | None = strawberry.field(description="The first row's place, for `before`; null on an empty page")
    end_cursor: str | None = strawberry.field(description="The last row's place, for `after`; null on an empty page")


@strawberry.type(description="A row and its place.")
class Edge(Generic[T]):
    cursor: str = strawberry.field(description="The row's place in this order, for `after` and `before`")
    node: T = strawberry.field(description="The row")


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    edges: list[Edge[T]] = strawberry.field(description="The rows with their places")
    nodes: list[T] = strawberry.field(description="The rows alone")
    page_info: PageInfo = strawberry.field(description="Where this page lies")
    count: strawberry.Private[Callable[[], Awaitable[int]]]

    @strawberry.field(  # type: ignore[untyped-decorator]
        description="How many there are on all pages; counted only when asked for"
    )
    async def total_count(self) -> int:
        return await self.count()


# ---- the declaration ---------------------------------------------------------------------------------------------------


@strawberry.enum(description="Up or down; what has no value comes last either way.")
class OrderDirection(Enum):
    ASC = strawberry.enum_value("ASC", description="The least first")
    DESC = strawberry.enum_value("DESC", description="The greatest first")


def order_by(name: str, descriptions: Mapping[str, str], *, descending: bool = True, **by: Expression) -> Order:
    """The input type `name` with its enum of fields; the first is the default."""
    values = {key: strawberry.enum_value(key, description=descriptions[key]) for key in by}
    enum = strawberry.enum(cast("type[Enum]", Enum(f"{name}Field", values)), description=f"What {name} can sort by.")
    direction = strawberry.field(default=OrderDirection.DESC if descending else OrderDirection.ASC, description="Up or down")
    fields = {"field": strawberry.field(description="By what"), "direction": direction}
    made = type(name, (), {"__annotations__": {"field": enum, "direction": OrderDirection}, **fields})
    return Order(by, descending, strawberry.input(made, description="A sort order; ids break ties."))


def sorted_by(sql: Expression, *, descending: bool = False) -> Order:
    """The one order of a connection that offers no choice."""
    return Order({"DEFAULT": sql}, descending)


def connection(
    of: InstrumentedAttribute[Any] | type[Base],
    *,
    description: str,
    order: Order,
    where: type | None = None,
    arguments: Mapping[str, Argument] | None = None,
    only: Expression | None = None,
    allow: Permission | None = None,
    only_in_account: bool = False,
    nullable: bool = False,
    through: Callable[[Any], Any] | None = None,
) -> Any:
    """To many, as a Relay connection: the rows whose foreign key names this row, or all visible rows of a model.

    only     narrows it for good. `only_in_account`: see Guard. It is nullable where it is guarded, and where `nullable` says so.
    through  see Many.
    """
    model: Any = of.class_ if isinstance(of, InstrumentedAttribute) else of
    key = of.key if isinstance(of, InstrumentedAttribute) else None
    source = Many(model, key, order, where, arguments or {}, only, through)
    annotation = maybe(Connection[type_of(model)], nullable or bool(allow))  # type: ignore[misc]  # a type made at run time
    return make_field(source, description, guarded(allow, only_in_account=only_in_account), annotation, _page_arguments(source))


def _page_arguments(source: Many) -> list[StrawberryArgument]:
    pairs: list[tuple[str, Any, str]] = [
        ("first", int, "At most so many from the start, or behind `after`"),
        ("after", str, "A cursor: only what lies behind it"),
        ("last", int, "At most so many from the end, or before `before`"),
        ("before", str, "A cursor: only what lies before it"),
    ]
    pairs += [("where", source.where, "Only what meets all of these")] if source.where else []
    pairs += [("order_by", source.order.input, "In which order")] if source.order.input else []
    optional = [argument for argument in source.arguments.items() if not argument[1].required]
    pairs += [(name, argument.type, argument.description) for name, argument in optional]
    return [
        *(
            StrawberryArgument(name, None, StrawberryAnnotation(argument.type), description=argument.description)
            for name, argument in source.arguments.items()
            if argument.required
        ),
        *(
            StrawberryArgument(name, None, StrawberryAnnotation(type_ | None), default=UNSET, description=description)
            for name, type_, description in pairs
        ),
    ]


# ---- requests ----------------------------------------------------------------------------------------------------------

Mark = tuple[Any, UUID]  # a cursor's sort value and key


@dataclass(frozen=True)
class PageRequest:
    """One page, asked for. `shape` decides the SQL text, `parameters` only its values."""

    limit: int
    forward: bool
    order: str
    descending: bool
    after: Mark | None
    before: Mark | None
    filters: Tree
    needs: frozenset[Permission] = NONE

    @cached_property
    def shape(self) -> tuple[Any, ...]:
        filters = tuple(each.shape for each in self.filters)
        return (self.forward, self.order, self.descending, self.after is None, self.before is None, filters)

    @cached_property
    def parameters(self) -> dict[str, Any]:
        bound = parameters(self.filters)
        for name, mark in (("after", self.after), ("before", self.before)):
            if mark:
                bound[f"{name}_value"], bound[f"{name}_id"] = mark
        return {**bound, "size": self.limit, "limit": self.limit + 1}  # one row more tells whether the list goes on

    @property
    def reading_down(self) -> bool:
        return self.descending is self.forward


def page_request(source: Many, given: Mapping[str, Any], *, default: int, most: int) -> PageRequest:
    """Raises BadUserInput for what no page can answer."""
    said = {name: value for name, value in given.items() if value is not UNSET and value is not None}
    first, last = said.get("first"), said.get("last")
    if first is not None and last is not None:
        raise BadUserInput("Give first or last, not both.", path=["last"])
    if "after" in said and "before" in said:
        raise BadUserInput("Give after or before, not both.", path=["before"])
    name = "first" if last is None else "last"
    limit = int(said.get(name, default))
    if not 1 <= limit <= most:
        raise BadUserInput("A page has 1 to {most} rows.", path=[name], most=most)
    order = said.get("order_by")
    by = order.field.value if order else source.order.first
    descending = order.direction is OrderDirection.DESC if order else source.order.descending
    marks = {side: _read_cursor(said[side], source, by, descending, side) if side in said else None for side in ("after", "before")}
    filters, needs = asked(source, dict(said))
    return PageRequest(limit, last is None, by, descending, marks["after"], marks["before"], filters, needs)


def sort_value(source: Many, by: str, descending: bool, row: Row, asker: Asker) -> ColumnElement[Any]:
    value = source.order.by[by](row, asker)
    return nulls_last(value, descending) if getattr(value, "nullable", False) else value


def beyond(source: Many, row: Row, asker: Asker, request: PageRequest, prefix: str = "") -> list[ColumnElement[bool]]:
    """What lies behind `after` and before `before`. `prefix`: of the parameters' names."""
    value = sort_value(source, request.order, request.descending, row, asker)
    found: list[ColumnElement[bool]] = []
    for name, mark in (("after", request.after), ("before", request.before)):
        if mark:
            here = tuple_(value, row.id)
            there = tuple_(bindparam(f"{prefix}{name}_value", type_=_bound(value.type)), bindparam(f"{prefix}{name}_id", type_=row.id.type))
            found.append(here < there if request.descending is (name == "after") else here > there)
    return found


class _AnyAmount(Money):
    """An amount in a cursor: numeric(10, 2) overflows with what stands for null."""

    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return super().load_dialect_impl(dialect) if dialect.name == "sqlite" else Numeric()


def _bound(type_: TypeEngine[Any]) -> TypeEngine[Any]:
    return _AnyAmount() if isinstance(type_, Money) else type_


# ---- cursors and text forms ----------------------------------------------------------------------------------------------

_PARSE: list[tuple[type, Callable[[str], Any]]] = [
    (Instant, datetime.fromisoformat),
    (Date, date.fromisoformat),
    (Money, Decimal),
    (Integer, int),
]


def _cursor_name(source: Many, by: str, descending: bool) -> str:
    return f"{source.model.prefix}.{by}.{'d' if descending else 'a'}"


def write_cursor(source: Many, request: PageRequest, value: str, key: str) -> str:
    """`value` and `key` come as text: a compiled plan has no other form of them."""
    marker = orjson.dumps([_cursor_name(source, request.order, request.descending), value, key])
    return urlsafe_b64encode(marker).rstrip(b"=").decode()


@cache
def _sort_parser(source: Many, by: str) -> Callable[[str], Any]:
    """Text to value by the declared type: a cursor is the client's text, it may not choose a type."""
    type_ = source.order.by[by](aliased(source.model), Asker(NONE)).type  # not python_type: a TypeDecorator says object
    return next((parse for kind, parse in _PARSE if isinstance(type_, kind)), str)


def _read_cursor(marker: str, source: Many, by: str, descending: bool, side: str) -> Mark:
    try:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,2000}", marker, re.ASCII):
            raise ValueError
        name, value, key = orjson.loads(urlsafe_b64decode(marker + "=" * (-len(marker) % 4)))
        if name != _cursor_name(source, by, descending) or not isinstance(value, str) or "\x00" in value:
            raise ValueError
        parsed = _sort_parser(source, by)(value)
        _check_mark(parsed)
        return parsed, UUID(hex=key)
    except (ValueError, TypeError, ArithmeticError, AttributeError):
        raise BadUserInput("This cursor belongs to another list or another order.", path=[side]) from None


def _check_mark(value: Any) -> None:
    """Raises ValueError for what no column holds and a driver may choke on; what stands for null (`nulls_last`) is within."""
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError
    if isinstance(value, date) and not 1000 <= value.year <= 9000:
        raise ValueError
    if isinstance(value, int) and not -(2**31) < value < 2**31:
        raise ValueError
    if isinstance(value, Decimal) and not (-1 <= value <= 10**11 and value == value.quantize(Decimal("0.01"))):
        raise ValueError


def write_instant(value: datetime) -> str:
    """RFC 3339 in UTC; a fraction only where there is one, without its zeros (as PostgreSQL writes it)."""
    whole = value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
    return whole.rstrip("0").rstrip(".") + "Z"


def text_of(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"  # as the database writes it: a driver may have made 1.000E+11 of what stands for null
    return write_instant(value) if isinstance(value, datetime) else value.isoformat() if isinstance(value, date) else str(value)
