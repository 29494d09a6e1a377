"""The conditions of a connection: declared on the fields of a `where` input, or as arguments of their own; joined by and, or, not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from typing import Any, Literal, TypeVar
from uuid import UUID

import strawberry
from graphql import GraphQLInputObjectType, ListValueNode, ObjectValueNode
from sqlalchemy import ColumnElement, Text, Uuid, and_, bindparam, false, func, or_, true
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
    required: bool = False


def where_field(condition: Condition, description: str) -> Any:
    return strawberry.field(default=UNSET, description=description, metadata={"condition": condition})


def unweighed(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """A condition that no index serves. PostgreSQL takes it for one that half of the rows meet, and walks the page's order: planned for all
    values, it would take a search for one that 0.5 per cent meet, and rather sort all of a company's rows, however many it has."""
    return func.coalesce(condition, false())


def one_of(of: Expression) -> Condition:
    """Equality with one of an enum's values."""
    return Condition(
        lambda value: {"in": tuple(item.value for item in value)},
        lambda row, asker, part, name, dialect: unweighed(dialect.member(of(row, asker), name)),
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


PATTERN, FOUND_KEYS = "like", "found"
"""A search's parts: the client's text as a pattern; or, in its place, the keys of all rows that hold it (app/engine/search.py)."""


def matching(of: Callable[[Row, Asker, ColumnElement[str]], ColumnElement[bool]]) -> Condition:
    """A search: `of` gets the pattern for LIKE with the escape character `\\`, folded as search_text columns are."""

    def sql(row: Row, asker: Asker, part: str, name: str, dialect: Dialect) -> ColumnElement[bool]:
        return dialect.member(row.id, name) if part == FOUND_KEYS else unweighed(of(row, asker, bindparam(name, type_=Text())))

    return Condition(lambda text: {PATTERN: like_pattern(fold(text[:300]))}, sql)


FOLDED = "Anywhere in it; hamza forms, taa marbuta, diacritics, digits, case and keyboards' letters are folded, and no sign is a wildcard"


def search(of: Callable[[Row, Asker, ColumnElement[str]], ColumnElement[bool]], description: str) -> Any:
    return where_field(matching(of), f"{description}. {FOLDED}")


def own_text(row: Row, asker: Asker, pattern: ColumnElement[str]) -> ColumnElement[bool]:
    return row.search_text.like(pattern, escape="\\")  # type: ignore[no-any-return]  # an alias' attributes are Any


def by_rule(of: Expression, rule: Rule, description: str, *, allow: Permission | None = None) -> Any:
    """Equality with a value whose format is a rule."""

    def sql(row: Row, asker: Asker, part: str, name: str, dialect: Dialect) -> ColumnElement[bool]:
        return of(row, asker) == bindparam(name, type_=Text())

    return where_field(Condition(lambda value: {"is": rule(value)}, sql, allow), description)


# ---- the inputs --------------------------------------------------------------------------------------------------------

C = TypeVar("C")
How = Literal["and", "or", "not"]

# Of one `where`: a condition costs 0.2 ms to plan, and each shape of a tree is a plan of its own.
MOST_CONDITIONS, DEEPEST = 50, 5
_GROUPS: dict[How, tuple[str, str]] = {
    "and": ("list[{}] | None", "Only what meets all of these; an empty list changes nothing"),
    "or": ("list[{}] | None", "Only what meets at least one of these; an empty list finds nothing"),
    "not": ("{} | None", "Only what does not meet this, what has no value there included. Everything meets an empty one: nothing is found"),
}


def filter_input(*, description: str) -> Callable[[type[C]], type[C]]:
    """A `where` input: its fields are conditions that must all be met, and it takes others of its kind in `and`, `or`, `not`."""

    def make(cls: type[C]) -> type[C]:
        for how, (annotation, words) in _GROUPS.items():
            cls.__annotations__[f"{how}_"] = annotation.format(cls.__name__)
            setattr(cls, f"{how}_", strawberry.field(name=how, default=UNSET, description=words, metadata={"group": how}))
        return strawberry.input(cls, description=description)

    return make


def is_tree(type_: Any) -> bool:
    """Whether it is a GraphQL type that `filter_input` declared."""
    return isinstance(type_, GraphQLInputObjectType) and _GROUPS.keys() <= type_.fields.keys()


def too_large(literal: Any) -> bool:
    """Whether a filter holds more than one may, or is nested deeper: JSON, or a literal in a document. Looks at no more than that."""
    waiting: list[tuple[Any, int]] = [(literal, 0)]
    found = 0
    while waiting:
        value, depth = waiting.pop()
        members = {each.name.value: each.value for each in value.fields} if isinstance(value, ObjectValueNode) else value
        if isinstance(members, dict):
            found += len(members)
            waiting += [(members[how], depth + 1) for how in _GROUPS if how in members]
        elif items := value.values if isinstance(value, ListValueNode) else value if isinstance(value, list) else ():
            found += len(items)
            waiting += [(each, depth) for each in items[:MOST_CONDITIONS]]
        if found > MOST_CONDITIONS or depth > DEEPEST:
            return True
    return False


def too_many(path: Sequence[str]) -> BadUserInput:
    return BadUserInput(
        "A filter has at most {MOST_CONDITIONS} conditions, each and, or, not counted, nested at most {DEEPEST} deep.",
        path=list(path),
        MOST_CONDITIONS=MOST_CONDITIONS,
        DEEPEST=DEEPEST,
    )


# ---- what a request asks for -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Leaf:
    """One part of a condition that the client gave."""

    condition: str  # its unique name
    part: str
    value: Any

    @property
    def shape(self) -> Any:
        return self.condition, self.part, self.value == ()


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions under `or` or `not`, or under `and` within those; each of `inner` is met alone by what meets it."""

    how: How
    inner: tuple[Leaf | Group, ...]

    @property
    def shape(self) -> Any:
        return self.how, *(each.shape for each in self.inner)


Tree = tuple[Leaf | Group, ...]
"""All must be met."""


def leaves(tree: Tree) -> Iterator[Leaf]:
    """In the order in which their parameters are numbered."""
    for each in tree:
        if isinstance(each, Leaf):
            yield each
        else:
            yield from leaves(each.inner)


def parameters(tree: Tree) -> dict[str, Any]:
    return {f"f{number}": leaf.value for number, leaf in enumerate(leaves(tree))}


@cache
def declared(source: Many) -> dict[str, tuple[tuple[str, ...], str, Condition]]:
    """Unique name -> (path in the arguments, Python name, condition) of each condition that the connection offers."""
    found: dict[str, tuple[tuple[str, ...], str, Condition]]
    found = {f"a_{name}": ((name,), name, argument.condition) for name, argument in source.arguments.items()}
    for made in source.where.__strawberry_definition__.fields if source.where else ():  # type: ignore[attr-defined]  # set by strawberry
        if "condition" in made.metadata:
            found[f"w_{made.python_name}"] = ("where", made.python_name), made.python_name, made.metadata["condition"]
    return found


@dataclass
class _Reader:
    """Reads one connection's arguments."""

    source: Many
    read: int = 0
    needs: set[Permission] = field(default_factory=set)

    def count(self, more: int, depth: int) -> None:
        self.read += more
        if self.read > MOST_CONDITIONS or depth > DEEPEST:
            raise too_many(["where"])

    def leaves(self, holder: Callable[[str], Any], beside: bool, path: tuple[str, ...]) -> Iterator[Leaf]:
        for unique, (place, name, condition) in declared(self.source).items():
            if (len(place) == 1) is not beside:
                continue
            value = holder(name)
            if value is None or value is UNSET:
                continue
            self.count(1, 0)
            if condition.allow:
                self.needs.add(condition.allow)
            try:
                parts = condition.parts(value)
            except ValidationFailed as error:
                raise BadUserInput(error.en, [*path, camel_case(name)], **error.values) from None
            for part, bound in parts.items():
                yield Leaf(unique, part, bound)

    def tree(self, where: Any, path: tuple[str, ...], depth: int = 0) -> Tree:
        """What a filter asks for; an `and` in it is one with it."""
        found: list[Leaf | Group] = [*self.leaves(lambda name: getattr(where, name, None), False, path)]
        for how in _GROUPS:
            inner = getattr(where, f"{how}_", None)
            if inner is None or inner is UNSET:
                continue
            several = inner if isinstance(inner, list) else [inner]
            self.count(1 + len(several) * (how != "not"), depth + 1)
            within = (*path, how)
            places = [within] if how == "not" else [(*within, str(place)) for place in range(len(several))]
            trees = [self.tree(each, place, depth + 1) for each, place in zip(several, places, strict=True)]
            if how == "and":
                found += [each for tree in trees for each in tree]
            elif how == "or":
                found.append(_one_of(trees))
            else:
                found.append(Group("not", trees[0]))
        return tuple(found)


def _one_of(trees: Sequence[Tree]) -> Leaf | Group:
    alone = [tree[0] if len(tree) == 1 else Group("and", tree) for tree in trees]
    return alone[0] if len(alone) == 1 else Group("or", tuple(alone))


def asked(source: Many, given: dict[str, Any]) -> tuple[Tree, frozenset[Permission]]:
    """The conditions that the client gave, and the permissions that asking for them takes. Raises BadUserInput."""
    reader = _Reader(source)
    beside = tuple(reader.leaves(given.get, True, ()))
    tree = reader.tree(given.get("where"), ("where",))
    return beside + tree, frozenset(reader.needs)


def conditions(source: Many, row: Row, asker: Asker, filters: Tree, dialect: Dialect, prefix: str = "") -> list[ColumnElement[bool]]:
    """What the connection is narrowed to, for good and by the client; without the cursor, so that a count can use it.

    prefix   of the parameters' names, where one statement holds several connections
    """
    known, numbers = declared(source), count()

    def made(each: Leaf | Group) -> ColumnElement[bool]:
        if isinstance(each, Leaf):
            name = f"{prefix}f{next(numbers)}"
            return false() if each.value == () else known[each.condition][2].sql(row, asker, each.part, name, dialect)
        inner = [made(one) for one in each.inner]
        if each.how == "or":
            return or_(false(), *inner)
        every = and_(true(), *inner)
        # Not NOT: of a row whose column is null neither `x` nor NOT x would be true, and it would be in neither list.
        return every.self_group().is_not(true()) if each.how == "not" else every

    found = [] if source.only is None else [source.only(row, asker)]
    return [*found, *map(made, filters)]
