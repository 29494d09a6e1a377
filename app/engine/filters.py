"""The conditions of a connection: declared on the fields of a `where` input, or as arguments of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import strawberry
from sqlalchemy import ColumnElement, Text, Uuid, bindparam, false
from strawberry import UNSET

from app.auth.permissions import Permission
from app.engine.declare import NO_KEY, Asker, Expression, Many, parse_public_id
from app.engine.dialects import Dialect
from app.errors import BadUserInput, ValidationFailed
from app.models import Base
from app.models.base import Row
from app.text import camel_case, fold, like_pattern
from app.values import Rule


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition.

    parts   splits the client's value into named parts; a part left out asks for nothing
    sql     (row, asker, part, the part's parameter, dialect) -> the condition
    """

    parts: Callable[[Any], dict[str, Any]]
    sql: Callable[[Row, Asker, str, str, Dialect], ColumnElement[bool]]
    allow: Permission | None = None


@dataclass(frozen=True, slots=True)
class Argument:
    """A condition that is an argument of its own beside `where`."""

    condition: Condition
    type: Any
    description: str


def where_field(condition: Condition, description: str) -> Any:
    return strawberry.field(default=UNSET, description=description, metadata={"condition": condition})


def one_of(of: Expression) -> Condition:
    """Equality with one of an enum's values."""
    return Condition(
        lambda value: {"in": tuple(item.value for item in value)},
        lambda row, asker, part, name, dialect: dialect.member(of(row, asker), name),
    )


def any_of(of: Expression, description: str) -> Any:
    return where_field(one_of(of), description)


def equals(of: Expression, description: str) -> Any:
    def sql(row: Row, asker: Asker, part: str, name: str, dialect: Dialect) -> ColumnElement[bool]:
        value = of(row, asker)
        return value == bindparam(name, type_=value.type)

    return where_field(Condition(lambda value: {"is": value}, sql), description)


def refers(model: type[Base], sql: Callable[[Row, Asker, ColumnElement[UUID]], ColumnElement[bool]], description: str) -> Any:
    """By public id. One that is malformed, absent or another's finds nothing."""

    def parts(value: str) -> dict[str, Any]:
        found = parse_public_id(value)
        return {"id": (found[1] if found and found[0] is model else None) or NO_KEY}

    condition = Condition(parts, lambda row, asker, part, name, dialect: sql(row, asker, bindparam(name, type_=Uuid())))
    return where_field(condition, description)


def between(of: Expression, description: str, *, half_open: bool = False) -> Any:
    """A range; `half_open` leaves its end out."""

    def sql(row: Row, asker: Asker, part: str, name: str, dialect: Dialect) -> ColumnElement[bool]:
        value = of(row, asker)
        bound: ColumnElement[Any] = bindparam(name, type_=value.type)
        return value >= bound if part == "from" else value < bound if half_open else value <= bound

    return where_field(Condition(range_parts, sql), description)


def range_parts(value: Any) -> dict[str, Any]:
    return {part: bound for part, bound in (("from", value.from_), ("to", value.to)) if bound not in (None, UNSET)}


def matching(of: Callable[[Row, Asker, ColumnElement[str]], ColumnElement[bool]]) -> Condition:
    """A search: `of` gets the pattern for LIKE with the escape character `\\`, folded as search_text columns are."""
    return Condition(
        lambda text: {"like": like_pattern(fold(text[:300]))},
        lambda row, asker, part, name, dialect: of(row, asker, bindparam(name, type_=Text())),
    )


def search(of: Callable[[Row, Asker, ColumnElement[str]], ColumnElement[bool]], description: str) -> Any:
    return where_field(matching(of), description)


def own_text(row: Row, asker: Asker, pattern: ColumnElement[str]) -> ColumnElement[bool]:
    return row.search_text.like(pattern, escape="\\")  # type: ignore[no-any-return]  # an alias' attributes are Any


def by_rule(of: Expression, rule: Rule, description: str, *, allow: Permission | None = None) -> Any:
    """Equality with a value whose format is a rule."""

    def sql(row: Row, asker: Asker, part: str, name: str, dialect: Dialect) -> ColumnElement[bool]:
        return of(row, asker) == bindparam(name, type_=Text())

    return where_field(Condition(lambda value: {"is": rule(value)}, sql, allow), description)


# ---- what a request asks for -------------------------------------------------------------------------------------------


def declared(source: Many) -> Iterator[tuple[str, tuple[str, ...], str, Condition]]:
    """(unique name, path in the arguments, Python name, condition) of each condition that the connection offers."""
    for name, argument in source.arguments.items():
        yield f"a_{name}", (name,), name, argument.condition
    if source.where:
        for made in source.where.__strawberry_definition__.fields:  # type: ignore[attr-defined]  # set by strawberry.input
            yield f"w_{made.python_name}", ("where", made.python_name), made.python_name, made.metadata["condition"]


def asked(source: Many, given: dict[str, Any]) -> Iterator[tuple[str, str, Any, Condition]]:
    """(unique name, part, value, condition) of each condition that the client gave."""
    where = given.get("where")
    for unique, path, name, condition in declared(source):
        value = getattr(where, name, None) if path[0] == "where" else given.get(name)
        if value is None or value is UNSET:
            continue
        try:
            parts = condition.parts(value)
        except ValidationFailed as error:
            raise BadUserInput(error.en, error.ar, [*path[:-1], camel_case(name)], **error.values) from None
        for part, bound in parts.items():
            yield unique, part, bound, condition


def conditions(
    source: Many, row: Row, asker: Asker, filters: tuple[tuple[str, str, Any], ...], dialect: Dialect, prefix: str = ""
) -> list[ColumnElement[bool]]:
    """What the connection is narrowed to, for good and by the client; without the cursor, so that a count can use it.

    prefix   of the parameters' names, where one statement holds several connections
    """
    found = [] if source.only is None else [source.only(row, asker)]
    known = {unique: condition for unique, _, _, condition in declared(source)}
    for unique, part, value in filters:
        found.append(false() if value == () else known[unique].sql(row, asker, part, f"{prefix}{unique}_{part}", dialect))
    return found
