"""Compiles an operation into steps: one SQL statement a level, read into response dictionaries. Knows no word of the domain."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from graphql import (
    FieldNode,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    GraphQLString,
    OperationDefinitionNode,
    get_named_type,
    is_leaf_type,
)
from graphql.execution.collect_fields import FieldDetailsList, FragmentDetails, GroupedFieldSet, collect_fields, collect_subfields
from graphql.execution.values import VariableValues
from sqlalchemy import JSON, Boolean, Column, ColumnElement, Date, Integer, String, Text, Uuid, bindparam, cast, func, select
from sqlalchemy.orm import aliased

from app.auth.permissions import Permissions
from app.auth.visible import visible
from app.engine import texts
from app.engine.coercion import LEAST, MOST
from app.engine.declare import (
    MODELS,
    TYPES,
    All,
    Asker,
    Attribute,
    Batch,
    ByPublicId,
    ByTypedKey,
    GraphField,
    Many,
    One,
    Value,
    graph_field,
)
from app.engine.dialects import HIJRI, Dialect, Statement, directed
from app.engine.frozen import Frozen
from app.engine.pages import PageRequest, beyond, sort_value, text_of
from app.engine.statements import all_rows, count, matching, narrowed, page, rows_by_key
from app.engine.steps import (
    REFUSED,
    AccountStep,
    AllStep,
    BatchStep,
    Block,
    IdStep,
    Marker,
    OneStep,
    PageStep,
    PlainStep,
    Run,
    Shelf,
    Step,
    TypedStep,
    Unplannable,
    need,
)
from app.errors import Forbidden, NotTheActiveAccount
from app.models import Base
from app.models.base import Choice, Instant, Money, Row


@dataclass(frozen=True)
class Refusal:
    """A field that may not be read: null, and an error at each place where its parent exists; `marked`: only where a mark was left."""

    route: tuple[str, ...]
    error: GraphQLError
    marked: bool = False

    def at(self, data: Any) -> Iterator[tuple[list[str | int], GraphQLError]]:
        for path, parent in _places(data, self.route[:-1], ()):
            if not self.marked or parent[self.route[-1]] is REFUSED:
                yield [*path, self.route[-1]], self.error

    def clear(self, data: Any) -> None:
        """Turns the marks into nulls, once every place is known: one object may stand in several."""
        for _, parent in _places(data, self.route[:-1], ()):
            if parent[self.route[-1]] is REFUSED:
                parent[self.route[-1]] = None


def _places(data: Any, route: tuple[str, ...], path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], dict[str, Any]]]:
    if isinstance(data, list):
        for place, item in enumerate(data):
            yield from _places(item, route, (*path, place))
    elif isinstance(data, dict):
        if route:
            yield from _places(data[route[0]], route[1:], (*path, route[0]))
        else:
            yield path, data


@dataclass
class Plan:
    """attributes: how the root's row is read from a Python object; is_single: whether it needs no snapshot, being one statement.

    inner   the requests whose parameters stand in a statement of another level, under the prefix of their place
    """

    root: Block
    refusals: list[Refusal]
    attributes: list[tuple[str, Callable[[Any], Any]]] = field(default_factory=list)
    is_single: bool = False
    inner: Sequence[int] = ()
    text: str = ""  # of the document that it was made for
    by_rows: bool = False

    async def run(self, run: Run, row: Sequence[Any] = (None,)) -> tuple[dict[str, Any], list[tuple[list[str | int], GraphQLError]]]:
        """The data, and the errors with their paths."""
        [data] = await self.root.objects(run, [row])
        errors = [found for refusal in self.refusals for found in refusal.at(data)]
        for refusal in self.refusals:
            if refusal.marked:
                refusal.clear(data)
        return data, errors


@dataclass
class Planner:
    """Plans one selection for one set of rights, one choice of @skip and @include, one shape of arguments."""

    schema: GraphQLSchema
    dialect: Dialect
    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDetails]
    variables: VariableValues
    asker: Asker
    requests: Sequence[Any]
    request_of: Mapping[int, int]  # id of a field node -> its place in requests
    by_rows: bool = False  # whether nothing is to be written by the database
    refusals: list[Refusal] = field(default_factory=list)
    statements: int = 0
    inner: list[int] = field(default_factory=list)
    _fields: dict[Any, GroupedFieldSet] = field(default_factory=dict)
    _is_written: dict[Any, bool] = field(default_factory=dict)

    @property
    def permissions(self) -> Permissions:
        return self.asker.permissions

    def visible(self, model: type[Base], row: Row) -> ColumnElement[bool]:
        return visible(model, row, to_gateway=self.asker.is_gateway)

    def plan_query(self) -> Plan:
        query = self.schema.query_type
        if query is None:
            raise Unplannable("no query type")
        fields = collect_fields(self.schema, self.fragments, self.variables, query, self.operation).grouped_field_set
        block = self.block(query, fields, None, Shelf(), (), None)
        return Plan(block, self.refusals, [], self.statements <= 1, self.inner)

    def plan_object(self, type_: GraphQLObjectType, details: FieldDetailsList) -> Plan:
        """A plan for a Python object of that type."""
        attributes: list[tuple[str, Callable[[Any], Any]]] = []
        block = self.block(type_, self.sub(type_, details), None, Shelf(), (), attributes)
        return Plan(block, self.refusals, attributes, self.statements <= 1, self.inner)

    def frozen(self, statement: Statement) -> Frozen:
        self.statements += 1
        return Frozen(self.dialect, statement)

    def sub(self, type_: GraphQLObjectType, details: FieldDetailsList) -> GroupedFieldSet:
        name = _name(type_, details)
        if name not in self._fields:
            found = collect_subfields(self.schema, self.fragments, self.variables, self.operation, type_, details)
            self._fields[name] = found.grouped_field_set
        return self._fields[name]

    def object_type(self, model: type[Base]) -> GraphQLObjectType:
        return self.schema.type_map[model.__name__]  # type: ignore[return-value]  # declared types are object types

    def block(
        self,
        type_: GraphQLObjectType,
        fields: GroupedFieldSet,
        row: Row | None,
        shelf: Shelf,
        route: tuple[str, ...],
        attributes: list[tuple[str, Callable[[Any], Any]]] | None,
    ) -> Block:
        """`row` is the alias whose columns the block reads; None for the root and for Python objects, which have `attributes`."""
        block, asker = Block(shelf), self.asker
        for key, details in fields.items():
            name, here, part = details[0].node.name.value, (*route, key), "None"
            if name == "__typename":
                block.parts.append((key, repr(type_.name)))
                continue
            if (gql := type_.fields.get(name)) is None or (declared := graph_field(gql)) is None:
                raise Unplannable(f"{type_.name}.{name}")
            if (lacking := self.lacking(declared, details)) is not None:
                self.refuse(here, Forbidden(permission=lacking, field=declared.coordinate), details)
            elif isinstance(declared.source, Value):
                part = self.value(declared.source, gql, shelf, row, asker)
            elif isinstance(declared.source, Attribute) and attributes is not None and is_leaf_type(get_named_type(gql.type)):
                part = f"v{self.attribute(attributes, shelf, declared.python_name, gql.type)}"
            else:
                block.steps.append((key, self.guarded(declared, gql, details, row, shelf, here, attributes)))
            block.parts.append((key, part))
        return block

    def lacking(self, declared: GraphField, details: FieldDetailsList) -> Any:
        if needed := declared.needs - self.permissions:
            return min(needed)
        request = self.requests[at] if (at := self.request_of.get(id(details[0].node), -1)) >= 0 else None
        needed = request.needs - self.permissions if isinstance(request, PageRequest) else frozenset()
        if needed and declared.guard.only_in_account:  # which refuses first, and only in other companies
            raise Unplannable("a filter that may not be used")
        return min(needed, default=None)

    def refuse(self, route: tuple[str, ...], error: Exception, details: FieldDetailsList, *, marked: bool = False) -> None:
        nodes: list[FieldNode] = [detail.node for detail in details]
        self.refusals.append(Refusal(route, GraphQLError(str(error), nodes=nodes, original_error=error), marked))

    # ---- values ----------------------------------------------------------------------------------------------------------

    def value(self, source: Value, gql: GraphQLField, shelf: Shelf, row: Row, asker: Asker) -> str:
        made = source.sql(row, asker)
        sql, form = self.dialect.read(made, source.prefix)
        if source.is_hijri:
            form = HIJRI[type(made.type)]
        else:
            _agree(gql.type, made, source.prefix)
        place = f"v{shelf.put((source, form), sql)}"
        if isinstance(gql.type, GraphQLNonNull) and not _is_certain(made):
            place = f"need({place})"
        if form is None:
            return place
        text = form.replace("{0}", place)
        return text if isinstance(gql.type, GraphQLNonNull) else f"None if {place} is None else {text}"

    def attribute(
        self, attributes: list[tuple[str, Callable[[Any], Any]]], shelf: Shelf, name: str, type_: GraphQLOutputType | None
    ) -> int:
        read = self.dialect.pack_one if type_ is None else completing(type_)  # a key, as the driver would give it
        attributes.append((name, read))
        return shelf.put(object(), _NOTHING)

    def key(self, name: str, row: Row | None, shelf: Shelf, attributes: list[tuple[str, Callable[[Any], Any]]] | None) -> int:
        if row is not None:
            return shelf.put(("key", name), getattr(row, name))
        if attributes is None:
            raise Unplannable("a key of nothing")
        return self.attribute(attributes, shelf, name, None)

    # ---- steps -----------------------------------------------------------------------------------------------------------

    def guarded(
        self,
        declared: GraphField,
        gql: GraphQLField,
        details: FieldDetailsList,
        row: Row | None,
        shelf: Shelf,
        here: tuple[str, ...],
        attributes: list[tuple[str, Callable[[Any], Any]]] | None,
    ) -> Step:
        step = self.step(declared, gql, details, row, shelf, here, attributes)
        if not declared.guard.only_in_account:
            return step
        refused = NotTheActiveAccount(permission=", ".join(sorted(declared.needs)), field=declared.coordinate)
        self.refuse(here, refused, details, marked=True)
        return AccountStep(step, self.key("id", row, shelf, attributes))

    def step(
        self,
        declared: GraphField,
        gql: GraphQLField,
        details: FieldDetailsList,
        row: Row | None,
        shelf: Shelf,
        here: tuple[str, ...],
        attributes: list[tuple[str, Callable[[Any], Any]]] | None,
    ) -> Step:
        source, nullable = declared.source, not isinstance(gql.type, GraphQLNonNull)
        request = self.request_of.get(id(details[0].node), -1)
        match source:
            case One():
                return self.one(source, details, here, nullable, self.key(source.local, row, shelf, attributes))
            case All():
                inner, shelf_of_rows = aliased(source.model), Shelf()
                block = self.rows_block(source.model, details, inner, shelf_of_rows, here)
                statement = self.frozen(all_rows(self.dialect, source, inner, self.asker, shelf_of_rows.columns))
                return AllStep(block, statement, self.key("id", row, shelf, attributes))
            case Many():
                place = self.key("id", row, shelf, attributes) if source.has_parent else None
                return self.many(source, gql, details, here, place, request)
            case Batch():
                self.statements += 2 * source.reads  # nobody knows how many
                place = None if row is None else self.key("id", row, shelf, None)
                return self.batch(source, gql, details, here, place, request, nullable)
            case Attribute() if attributes is not None:
                return self.plain(declared.python_name, gql, details, here, shelf, attributes)
            case ByPublicId():
                return self.by_ids(source, details, here, request)
            case ByTypedKey():
                if row is None:
                    raise Unplannable("a typed key of nothing")
                self.statements += 2
                prefix, key = (shelf.put(("key", name), getattr(row, name)) for name in (source.prefix, source.key))
                return TypedStep(prefix, key, partial(self.typed, details, here))
        raise Unplannable(f"{type(source).__name__} in a plan")

    def rows_block(self, model: type[Base], details: FieldDetailsList, row: Row, shelf: Shelf, here: tuple[str, ...]) -> Block:
        type_ = self.object_type(model)
        if self.is_written(type_, details):
            block = Block(shelf)
            block.written = shelf.put(block, texts.encoded(texts.joined(self.text(type_, details, row))))
            return block
        return self.block(type_, self.sub(type_, details), row, shelf, here, None)

    def one(
        self, source: One, details: FieldDetailsList, here: tuple[str, ...], nullable: bool, place: int, *, deleted: bool = True
    ) -> OneStep:
        row, shelf = aliased(source.model), Shelf()
        block = self.rows_block(source.model, details, row, shelf, here)
        statement = self.frozen(rows_by_key(self.dialect, source, row, self.asker, shelf.columns, deleted=deleted))
        return OneStep(block, statement, nullable, place)

    def by_ids(self, source: ByPublicId, details: FieldDetailsList, here: tuple[str, ...], request: int) -> IdStep:
        steps: dict[str, OneStep] = {}
        before = len(self.refusals)
        for name in filter(None, self.requests[request].shape):
            if TYPES[name].allow - self.permissions:
                raise Unplannable("an id of a type that may not be read")
            steps[name] = self.one(One(TYPES[name].model, "id"), details, here, True, -1, deleted=False)
        if source.many and len(self.refusals) > before:
            raise Unplannable("a refusal among several types")
        return IdStep(source, request, steps)

    def typed(self, details: FieldDetailsList, here: tuple[str, ...], prefix: str) -> OneStep | None:
        if (model := MODELS.get(prefix)) is None or TYPES[model.__name__].allow - self.permissions:
            return None
        before = len(self.refusals)
        step = self.one(One(model, "id"), details, here, True, -1, deleted=False)
        if len(self.refusals) > before:
            del self.refusals[before:]
            raise Unplannable("a refusal among several types")
        return step

    def plain(
        self,
        name: str,
        gql: GraphQLField,
        details: FieldDetailsList,
        here: tuple[str, ...],
        shelf: Shelf,
        attributes: list[tuple[str, Callable[[Any], Any]]],
    ) -> PlainStep:
        """Objects that the parent holds: what hangs on those of all parents is read together."""
        type_, forms = get_named_type(gql.type), []
        form: Any = gql.type
        while form is not type_:
            forms.append("!" if isinstance(form, GraphQLNonNull) else "[]")
            form = form.of_type
        if not isinstance(type_, GraphQLObjectType) or forms.count("[]") > 1:
            raise Unplannable(f"an attribute of {gql.type}")
        attributes.append((name, _as_it_is))
        place = shelf.put(object(), _NOTHING)
        inner: list[tuple[str, Callable[[Any], Any]]] = []
        block = self.block(type_, self.sub(type_, details), None, Shelf(), here, inner)
        is_list = "[]" in forms
        return PlainStep(block, inner, place, is_list, forms[:1] != ["!"], is_list and forms[-1] != "!")

    def batch(
        self,
        source: Batch,
        gql: GraphQLField,
        details: FieldDetailsList,
        here: tuple[str, ...],
        place: int | None,
        request: int,
        nullable: bool,
    ) -> BatchStep:
        type_, bare = get_named_type(gql.type), gql.type.of_type if isinstance(gql.type, GraphQLNonNull) else gql.type
        attributes: list[tuple[str, Callable[[Any], Any]]] = []
        if is_leaf_type(bare):
            return BatchStep(source, place, request, nullable, None, attributes, completing(bare))
        if not isinstance(type_, GraphQLObjectType) or isinstance(bare, GraphQLList):
            raise Unplannable(f"a batch that answers {gql.type}")
        block = self.block(type_, self.sub(type_, details), None, Shelf(), here, attributes)
        return BatchStep(source, place, request, nullable, block, attributes, None)

    # ---- what the database writes -----------------------------------------------------------------------------------------

    def is_written(self, type_: GraphQLObjectType, details: FieldDetailsList) -> bool:
        """Whether the database can write the selection as JSON, whole."""
        if self.by_rows or not self.dialect.writes_json:
            return False
        name = _name(type_, details)
        if name not in self._is_written:  # asked again at each level above
            self._is_written[name] = all(self._is_written_field(type_, found) for found in self.sub(type_, details).values())
        return self._is_written[name]

    def _is_written_field(self, type_: GraphQLObjectType, details: FieldDetailsList) -> bool:
        name = details[0].node.name.value
        if name == "__typename":
            return True
        if (gql := type_.fields.get(name)) is None or (declared := graph_field(gql)) is None or self.lacking(declared, details):
            return False
        match declared.source:
            case Value(is_hijri=is_hijri):
                return not is_hijri
            case One(model=model) | All(model=model):
                return self.is_written(self.object_type(model), details)
            case Many(model=model, through=None):
                return self.asked(details).forward and self._is_written_page(gql, self.object_type(model), details)
        return False

    def _is_written_page(self, gql: GraphQLField, type_: GraphQLObjectType, details: FieldDetailsList) -> bool:
        wrapper: Any = get_named_type(gql.type)
        parts = list(self.sub(wrapper, details).values())
        names = [part[0].node.name.value for part in parts]
        if names.count("nodes") + names.count("edges") > 1:  # one statement then serves both
            return False
        for name, part in zip(names, parts, strict=True):
            if name == "edges":
                edge: Any = get_named_type(wrapper.fields[name].type)
                inner = list(self.sub(edge, part).values())
                found = [each[0].node.name.value for each in inner]
                if not {*found} <= {"node", "__typename"} or not all(
                    self.is_written(type_, each) for each, what in zip(inner, found, strict=True) if what == "node"
                ):
                    return False
            elif name == "nodes" and not self.is_written(type_, part):
                return False
        return {*names} <= {"nodes", "edges", "totalCount", "__typename"}

    def asked(self, details: FieldDetailsList) -> PageRequest:
        return self.requests[self.request_of[id(details[0].node)]]  # type: ignore[no-any-return]  # what a connection asks for

    def text(self, type_: GraphQLObjectType, details: FieldDetailsList, row: Row) -> list[texts.Piece]:
        """The object of `row`. Only for what is_written()."""
        pieces: list[texts.Piece] = []
        for key, found in self.sub(type_, details).items():
            name = found[0].node.name.value
            pieces.append(f'{"," if pieces else "{"}"{key}":')
            pieces += [f'"{type_.name}"'] if name == "__typename" else self._field_text(type_.fields[name], found, row)
        return [*pieces, "}"] if pieces else ["{}"]

    def _field_text(self, gql: GraphQLField, details: FieldDetailsList, row: Row) -> list[texts.Piece]:
        declared, nullable = graph_field(gql), not isinstance(gql.type, GraphQLNonNull)
        assert declared  # noqa: S101  # is_written() said so
        found: list[texts.Piece] = []
        match source := declared.source:
            case Value():
                made = source.sql(row, self.asker)
                _agree(gql.type, made, source.prefix)
                is_enum = isinstance(get_named_type(gql.type), GraphQLEnumType)
                found = texts.value(made, source.prefix, is_enum=is_enum, nullable=nullable, certain=not nullable and _is_certain(made))
            case One():
                inner = aliased(source.model)
                where = [getattr(inner, source.remote) == getattr(row, source.local), self.visible(source.model, inner)]
                found = [texts.one(self.text(self.object_type(source.model), details, inner), where, row, nullable=nullable)]
            case All():
                inner = aliased(source.model)
                text = texts.joined(self.text(self.object_type(source.model), details, inner))
                where = [getattr(inner, source.key) == row.id, self.visible(source.model, inner), *narrowed(source, inner, self.asker)]
                rows = select(text.label("t")).where(*where).order_by(getattr(inner, source.sort), inner.id)
                found = texts.several(rows, row)
            case Many():
                found = self._page_text(source, gql, details, row)
        return [texts.only_in_account(row, found)] if declared.guard.only_in_account else found

    def _page_text(self, source: Many, gql: GraphQLField, details: FieldDetailsList, row: Row) -> list[texts.Piece]:
        wrapper: Any = get_named_type(gql.type)
        place, asker = self.request_of[id(details[0].node)], self.asker
        asked, prefix = self.asked(details), f"r{place}_"
        self.inner.append(place)
        pieces: list[texts.Piece] = []
        for key, part in self.sub(wrapper, details).items():
            name, inner = part[0].node.name.value, aliased(source.model)
            mine = [getattr(inner, str(source.key)) == row.id, *matching(self.dialect, source, inner, asker, asked, prefix)]
            pieces.append(f'{"," if pieces else "{"}"{key}":')
            if name == "__typename":
                pieces.append(f'"{wrapper.name}"')
            elif name == "totalCount":
                pieces.append(select(cast(func.count(), Text)).select_from(inner).where(*mine).correlate(row).scalar_subquery())
            else:
                text = self._edge_text(wrapper, part, source, inner) if name == "edges" else self._node_text(source, part, inner)
                sort = [sort_value(source, asked.order, asked.descending, inner, asker), inner.id]
                rows = select(texts.joined(text).label("t")).where(*mine, *beyond(source, inner, asker, asked, prefix))
                rows = rows.order_by(*directed(sort, asked.reading_down)).limit(bindparam(f"{prefix}size"))
                pieces += texts.several(rows, row)
        return [*pieces, "}"] if pieces else ["{}"]

    def _node_text(self, source: Many, details: FieldDetailsList, row: Row) -> list[texts.Piece]:
        return self.text(self.object_type(source.model), details, row)

    def _edge_text(self, wrapper: GraphQLObjectType, details: FieldDetailsList, source: Many, row: Row) -> list[texts.Piece]:
        edge: Any = get_named_type(wrapper.fields["edges"].type)
        pieces: list[texts.Piece] = []
        for key, found in self.sub(edge, details).items():
            pieces.append(f'{"," if pieces else "{"}"{key}":')
            pieces += self._node_text(source, found, row) if found[0].node.name.value == "node" else [f'"{edge.name}"']
        return [*pieces, "}"] if pieces else ["{}"]

    # ---- pages -----------------------------------------------------------------------------------------------------------

    def many(
        self, source: Many, gql: GraphQLField, details: FieldDetailsList, here: tuple[str, ...], place: int | None, request: int
    ) -> PageStep:
        wrapper, row, shelf, asker = get_named_type(gql.type), aliased(source.model), Shelf(), self.asker
        if not isinstance(wrapper, GraphQLObjectType):
            raise Unplannable(f"a connection that answers {gql.type}")
        asked: PageRequest = self.requests[request]
        step = PageStep(place, request)
        for name, part in self.sub(wrapper, details).items():
            kind, detail = self.part(wrapper, part, source, row, shelf, (*here, name))
            step.parts.append((name, kind, detail))
            if kind in ("edges", "info") and step.marker is None:
                step.marker = self.marker(source, sort_value(source, asked.order, asked.descending, row, asker), row, shelf)
        kinds = {kind for _, kind, _ in step.parts}
        if kinds & {"nodes", "edges", "info"}:
            step.page = self.frozen(page(self.dialect, source, row, asker, asked, shelf.columns))
        if "count" in kinds:
            step.count = self.frozen(count(self.dialect, source, aliased(source.model), asker, asked))
        return step

    def part(
        self, wrapper: GraphQLObjectType, details: FieldDetailsList, source: Many, row: Row, shelf: Shelf, here: tuple[str, ...]
    ) -> tuple[str, Any]:
        name = details[0].node.name.value
        if name == "nodes":
            return "nodes", self.rows_block(source.model, details, row, shelf, here)
        if name == "totalCount":
            return "count", None
        inner = get_named_type(wrapper.fields[name].type) if name in wrapper.fields else None
        if not isinstance(inner, GraphQLObjectType):
            return "constant", wrapper.name  # __typename
        if name == "pageInfo":
            return "info", [(key, found[0].node.name.value) for key, found in self.sub(inner, details).items()]
        edges: list[tuple[str, str, Any]] = []
        for key, found in self.sub(inner, details).items():
            what = found[0].node.name.value
            edges.append((key, what, self.rows_block(source.model, found, row, shelf, (*here, key)) if what == "node" else inner.name))
        return "edges", edges

    def marker(self, source: Many, sort: ColumnElement[Any], row: Row, shelf: Shelf) -> Marker:
        sql, form = self.dialect.read(sort, None)
        place = shelf.put("cursor value", sql)
        shelf.put("cursor key", row.id)
        return Marker(source, place, eval(f"lambda v: {form.replace('{0}', 'v')}") if form else text_of)  # noqa: S307  # a dialect's own


_NOTHING: ColumnElement[Any] = Column("nothing")


def _name(type_: GraphQLObjectType, details: FieldDetailsList) -> tuple[str, tuple[int, ...]]:
    """Of a selection: its fields' nodes are those of the document, which outlives the plan's making."""
    return type_.name, tuple(id(found.node) for found in details)


def _is_certain(made: ColumnElement[Any]) -> bool:
    """Whether it is never null; the declarations' check has seen to columns."""
    return isinstance(made, Column) or (hasattr(made, "nullable") and made.nullable is False)


def completing(type_: GraphQLOutputType) -> Callable[[Any], Any]:
    """How a leaf, or lists of leaves, of a Python object are written."""
    if isinstance(type_, GraphQLNonNull):
        inner = completing(type_.of_type)
        return lambda value: need(inner(value))
    if isinstance(type_, GraphQLList):
        each = completing(type_.of_type)
        return lambda value: None if value is None else [each(item) for item in value]
    if not is_leaf_type(type_):
        raise Unplannable(f"{type_} in a value type")
    write = type_.coerce_output_value
    if (plain := _AS_THEY_ARE.get(type_)) is None:
        return lambda value: None if value is None else write(value)
    # graphql-core would answer the same, in 0.5 µs: thousands of lines have a dozen of them each.
    if plain is int:
        return lambda value: value if value is None or (type(value) is int and LEAST <= value <= MOST) else write(value)
    return lambda value: value if value is None or type(value) is plain else write(value)


def _as_it_is(value: Any) -> Any:
    return value


_AS_THEY_ARE: dict[Any, type] = {GraphQLString: str, GraphQLBoolean: bool, GraphQLInt: int}


_PAIRS: dict[str, tuple[type, ...]] = {
    "Int": (Integer,),
    "Boolean": (Boolean,),
    "Date": (Date,),
    "DateTime": (Instant,),
    "Decimal": (Money,),
}


def _agree(type_: GraphQLOutputType, made: ColumnElement[Any], prefix: str | None) -> None:
    """Only pairs of GraphQL and SQL types whose text forms are proved equal are compiled."""
    leaf: Any = get_named_type(type_)
    bare = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
    if isinstance(bare, GraphQLList):
        expected: tuple[type, ...] = (JSON,)
    elif prefix is not None:
        expected = (Uuid,) if leaf.name == "ID" else ()
    else:
        expected = (String, Choice) if isinstance(leaf, GraphQLEnumType) else _PAIRS.get(leaf.name, (String,))
    if not isinstance(made.type, expected):
        raise Unplannable(f"{leaf.name} from {made.type!r}")
