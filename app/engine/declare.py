"""The declaration of a field: where it comes from, as data. The SDL, the loaders and the checks are read from it; it runs no SQL."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Union
from uuid import UUID

import strawberry
from graphql import GraphQLField
from sqlalchemy import ColumnElement, Date, bindparam, inspect
from sqlalchemy.orm import InstrumentedAttribute, aliased
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.base import StrawberryOptional
from strawberry.types.field import StrawberryField
from strawberry.types.lazy_type import LazyType

from app.auth.permissions import NONE, Permission, Permissions
from app.models import Base
from app.models.base import USER, Instant, Row
from app.text import camel_case

Expression = Callable[[Row, "Asker"], ColumnElement[Any]]
_SOURCE = "source"  # key in StrawberryField.metadata, the slot that Strawberry keeps through its copies


@dataclass(frozen=True, slots=True)
class Asker:
    """What an expression may use of its caller: language, clock and person are SQL parameters; rights are known when the SQL is made."""

    permissions: Permissions
    is_gateway: bool = False  # the portal's own, which sees what `for_gateway` says
    language: ClassVar[ColumnElement[str]] = bindparam("language")
    now: ClassVar[ColumnElement[Any]] = bindparam("now", type_=Instant())  # the clock that deadlines follow
    real_now: ClassVar[ColumnElement[Any]] = bindparam("real_now", type_=Instant())  # that of credentials: nobody stops it
    today: ClassVar[ColumnElement[Any]] = bindparam("today", type_=Date())
    user: ClassVar[ColumnElement[Any]] = USER

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions


# ---- sources ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A column, or an SQL expression over the row. `prefix` makes a key a public id; `is_hijri` writes a date in the Hijri calendar."""

    sql: Expression
    prefix: str | None = None
    is_hijri: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class One:
    """Zero or one row of `model`: the one whose `remote` is the parent's `local`. A deleted row still shows where another refers to it."""

    model: type[Base]
    local: str
    remote: str = "id"


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """What a connection can be sorted by: expressions by name; name and direction where the client says nothing."""

    by: Mapping[str, Expression]
    descending: bool
    input: type | None = None

    @property
    def first(self) -> str:
        return next(iter(self.by))


@dataclass(frozen=True, slots=True, eq=False)
class Many:
    """Rows of `model`, a page at a time: those whose `key` is the parent's id, or all that are visible where there is no key.

    through   instead of a key: (dialect) -> a table of the pairs (parent, child) of those parents that the parameter :keys holds
    """

    model: type[Base]
    key: str | None
    order: Order
    where: type | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)  # filters that are arguments of their own
    only: Expression | None = None
    through: Callable[[Any], Any] | None = None

    @property
    def has_parent(self) -> bool:
        return self.key is not None or self.through is not None


@dataclass(frozen=True, slots=True, eq=False)
class All:
    """All rows of `model` whose `key` is the parent's id, in order, narrowed by `only`: for what is short by nature."""

    model: type[Base]
    key: str
    sort: str
    only: Expression | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Answers for all parents at once: their keys in, as many objects or values out. `reads` tells whether it asks the database."""

    function: Callable[..., Awaitable[Sequence[Any]]]
    reads: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Perform:
    """A mutation: (context, input) -> the payload, a Python object. Done once for each field, whoever reads the payload."""

    function: Callable[[Any, Any], Awaitable[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Attribute:
    """An attribute of the Python object that a batch or a mutation answered with: a value, an object, or a list of either.

    once   never kept: null where the mutation is repeated
    """

    once: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class ByPublicId:
    """The row, or with `many` the rows, of whichever type the id's prefix names."""

    many: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class ByTypedKey:
    """The row of whichever type the parent's `prefix` column names, by its `key` column."""

    prefix: str
    key: str


Source = Value | One | Many | All | Batch | Perform | Attribute | ByPublicId | ByTypedKey


@dataclass(frozen=True, slots=True)
class Guard:
    """Who may read a field.

    allow            the permissions asked for; None: those of the type that the field leads to, where it may be null
    only_in_account  whether the parent must be the company that the caller acts for
    """

    allow: Permissions | None
    only_in_account: bool = False


class GraphField(StrawberryField):
    """A Strawberry field that knows its source. Plain values stay Strawberry's basic fields; the reference executor answers the rest."""

    resolve_source: ClassVar[Callable[[GraphField, Any, Any, dict[str, Any]], Any]]

    @property
    def source(self) -> Source:
        return self.metadata[_SOURCE]  # type: ignore[no-any-return]  # metadata is Mapping[Any, Any]

    @property
    def guard(self) -> Guard:
        return self.metadata["guard"]  # type: ignore[no-any-return]

    @property
    def needs(self) -> Permissions:
        """All permissions that reading the field takes."""
        if self.guard.allow is not None:
            return self.guard.allow
        source = self.source
        return TYPES[source.model.__name__].allow if isinstance(source, One) and isinstance(self.type, StrawberryOptional) else NONE

    @property
    def coordinate(self) -> str:
        """As "Type.field", for who is refused."""
        made: Any = self.origin
        return f"{made.__strawberry_definition__.name}.{camel_case(self.python_name)}"

    @property
    def is_basic_field(self) -> bool:
        source = self.source
        plain = isinstance(source, Attribute) or (isinstance(source, Value) and source.prefix is None and not source.is_hijri)
        return plain and not self.guard.allow

    def get_result(self, source: Any, info: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        return getattr(source, self.python_name) if info is None else GraphField.resolve_source(self, source, info, kwargs)


def graph_field(declared: GraphQLField) -> GraphField | None:
    """The declaration behind a field of the built schema."""
    found = declared.extensions.get("strawberry-definition")
    return found if isinstance(found, GraphField) else None


def make_field(source: Source, description: str, guard: Guard, annotation: Any = None, arguments: Sequence[StrawberryArgument] = ()) -> Any:
    """Any, because a class annotates the field with its GraphQL type and reads it as a value."""
    if not description:
        raise TypeError("a field needs a description")
    named = f"{description}. Needs {', '.join(sorted(guard.allow))}." if guard.allow else description
    made = GraphField(
        description=named,
        metadata={_SOURCE: source, "guard": guard},
        type_annotation=None if annotation is None else StrawberryAnnotation(annotation),
    )
    made.arguments = list(arguments)
    return made


def guarded(allow: Permission | None, *, only_in_account: bool = False) -> Guard:
    return Guard(NONE if allow is None else frozenset({allow}), only_in_account)


def maybe(annotation: Any, nullable: bool) -> Any:
    return Union[annotation, None] if nullable else annotation  # noqa: UP007  # a lazy type has no |


# ---- the helpers that a schema module uses ---------------------------------------------------------------------------


def identity(model: type[Base]) -> Any:
    return make_field(Value(lambda row, _: row.id, model.prefix), "Public id, stable for ever", guarded(None))


def column(attribute: InstrumentedAttribute[Any], *, description: str, allow: Permission | None = None) -> Any:
    name = attribute.key
    return make_field(Value(lambda row, _: getattr(row, name)), description, guarded(allow))


def expression(sql: Expression, *, description: str, allow: Permission | None = None) -> Any:
    return make_field(Value(sql), description, guarded(allow))


def hijri(attribute: InstrumentedAttribute[Any], *, allow: Permission | None = None) -> Any:
    """The twin of a date's or an instant's field: its day, in Riyadh, in the Hijri calendar. Guarded as the date is."""
    name = attribute.key
    words = 'The same day in the Hijri calendar (Umm al-Qura), e.g. "1448-06-12"; null beyond the years 1343 to 1500'
    return make_field(Value(lambda row, _: getattr(row, name), is_hijri=True), words, guarded(allow))


def related(foreign_key: InstrumentedAttribute[Any], *, description: str, allow: Permission | None = None, free: bool = False) -> Any:
    """To the one row that a foreign key names: type and nullability come from the column.

    One that cannot be null comes with its row, unguarded. One that can be null takes the permission of the type that it leads
    to, or `allow`; `free` says that it comes with its row all the same.
    """
    local = inspect(foreign_key).property.columns[0]
    model = model_behind(foreign_key)
    guard = Guard(frozenset({allow}) if allow else NONE if free else None)
    return make_field(One(model, str(local.key)), description, guard, maybe(type_of(model), bool(allow or local.nullable)))


def related_back(foreign_key: InstrumentedAttribute[Any], *, description: str) -> Any:
    """To the one row whose unique foreign key names this row."""
    model: Any = foreign_key.class_
    return make_field(One(model, "id", foreign_key.key), description, Guard(None), maybe(type_of(model), True))


def related_by(model: type[Base], key: str, *, description: str, free: bool = False, nullable: bool = True) -> Any:
    """To one, from an attribute that holds the key: a Python object's, or an expression of a model's."""
    return make_field(One(model, key), description, Guard(NONE if free else None), maybe(type_of(model), nullable))


def all_of(foreign_key: InstrumentedAttribute[Any], *, sort: str, description: str, only: Expression | None = None) -> Any:
    """A plain list of the rows whose foreign key names this row."""
    model: Any = foreign_key.class_
    return make_field(All(model, foreign_key.key, sort, only), description, guarded(None), list[type_of(model)])  # type: ignore[misc]


def attribute(*, description: str, once: bool = False) -> Any:
    """`once` for a secret: told with the first answer alone."""
    return make_field(Attribute(once), description, guarded(None))


def by_public_id(interface: type, *, description: str) -> Any:
    argument = StrawberryArgument("id", None, StrawberryAnnotation(strawberry.ID))
    return make_field(ByPublicId(), description, guarded(None), maybe(interface, True), [argument])


def by_public_ids(interface: type, *, description: str) -> Any:
    argument = StrawberryArgument("ids", None, StrawberryAnnotation(list[strawberry.ID]))
    found: Any = maybe(interface, True)
    return make_field(ByPublicId(many=True), description, guarded(None), list[found], [argument])


def by_typed_key(interface: type, prefix: str, key: str, *, description: str) -> Any:
    return make_field(ByTypedKey(prefix, key), description, guarded(None), maybe(interface, True))


def resolver(
    function: Callable[..., Awaitable[Sequence[Any]]],
    returns: Any,
    *,
    description: str,
    allow: Permission | None = None,
    only_in_account: bool = False,
    arguments: Sequence[StrawberryArgument] = (),
    reads: bool = True,
) -> Any:
    """A batch function: (keys of all parents, context, arguments by name) -> as many answers."""
    guard = guarded(allow, only_in_account=only_in_account)
    return make_field(Batch(function, reads), description, guard, maybe(returns, bool(guard.allow)), arguments)


def performing(function: Callable[[Any, Any], Awaitable[Any]], input_type: Any, payload: Any, *, description: str) -> Any:
    argument = StrawberryArgument("input", None, StrawberryAnnotation(input_type), description="What to do, and with what")
    return make_field(Perform(function), description, guarded(None), maybe(payload, True), [argument])


# ---- types -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ModelType(LazyType):  # type: ignore[type-arg]
    """The graph type of a model, found when the schema is built: types that name each other need no imports of each other."""

    def resolve_type(self) -> type:
        found: type = TYPES[self.type_name]
        return found


TYPES: dict[str, Any] = {}  # model's name -> its Strawberry class
MODELS: dict[str, type[Base]] = {}  # public id's prefix -> model


def type_of(model: type[Base]) -> Any:
    return ModelType(model.__name__, __name__, None)


def model_behind(foreign_key: InstrumentedAttribute[Any]) -> type[Base]:
    """The model that a foreign key leads to."""
    [target] = inspect(foreign_key).property.columns[0].foreign_keys
    found: type[Base] = next(mapper.class_ for mapper in Base.registry.mappers if mapper.local_table is target.column.table)
    return found


@strawberry.interface(description="Anything with a public id.")
class Node:
    id: strawberry.ID = strawberry.field(description="Public id, stable for ever")


def graph_type(model: type[Base], *, allow: Permission | None, description: str) -> Callable[[type], type]:
    """Declares the type of a model's rows. `allow` is asked for wherever a row is reached by its id, or through a link that may be null."""

    def make(cls: type) -> type:
        if cls.__name__ != model.__name__:
            raise TypeError(f"{cls.__name__} shows {model.__name__}: one name for both")
        made: Any = strawberry.type(cls, description=description)
        made.model, made.allow = model, guarded(allow).allow
        TYPES[cls.__name__] = made
        if issubclass(cls, Node):
            MODELS[model.prefix] = model
        return cls

    return make


def check(types: Mapping[str, Any]) -> None:
    """Refuses, at import, what cannot be seen field by field: a guard on a non-null field, a nullable value under one."""
    for name, cls in types.items():
        for declared in cls.__strawberry_definition__.fields:
            where = f"{name}.{declared.name}"
            if not isinstance(declared, GraphField):
                raise TypeError(f"{where} declares no source")
            optional = isinstance(declared.type, StrawberryOptional)
            if (declared.needs or declared.guard.only_in_account) and not optional:
                raise TypeError(f"{where} is guarded and must be nullable: a refusal would take its parent along")
            if isinstance(declared.source, Value):
                made = declared.source.sql(aliased(cls.model), Asker(NONE))
                if getattr(made, "nullable", False) and not optional:
                    raise TypeError(f"{where}: a nullable column under a non-null field")


# ---- public ids ------------------------------------------------------------------------------------------------------


NO_KEY = UUID(int=0)  # no row has it: what a malformed id stands for, so that it finds as little as a foreign one


def parse_public_id(text: str) -> tuple[type[Base], UUID | None] | None:
    """Model and key; the key is None where only the prefix is right; None where not even that is."""
    prefix, _, key = text.partition("_")
    if (model := MODELS.get(prefix)) is None:
        return None
    # Only the one spelling that we write: int() would take signs, spaces, underscores and other scripts' digits.
    is_key = len(key) == 32 and all(digit in "0123456789abcdef" for digit in key)
    return model, UUID(hex=key) if is_key else None
