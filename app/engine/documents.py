"""Documents: parsed and validated once, their operations with what planning wants to know of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import strawberry
from graphql import (
    ArgumentNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLNonNull,
    GraphQLSyntaxError,
    Node,
    OperationDefinitionNode,
    OperationType,
    TokenKind,
    TypeInfo,
    TypeInfoVisitor,
    VariableNode,
    Visitor,
    get_named_type,
    parse,
    type_from_ast,
    validate,
    visit,
)
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_argument_values, get_variable_values
from graphql.validation.rules import overlapping_fields_can_be_merged
from strawberry.types.arguments import convert_arguments

from app.engine.answers import Refused
from app.engine.coercion import LEAST, MOST, PLAIN, FlatList, Unusual, flat_lists
from app.engine.cost import Formula
from app.engine.declare import Batch, ByPublicId, GraphField, Many, Perform, graph_field, parse_public_id
from app.engine.filters import is_tree, too_large, too_many
from app.engine.limits import Measured, Meter, parse_text
from app.engine.pages import page_request
from app.engine.steps import ArgumentsRequest, IdRequest, Unplannable
from app.settings import Settings
from app.text import camel_case
from app.words import english

# Merging each field with each other takes quadratic time: a valid-looking document of 4 kB took 246 ms with the library's 500,000,
# and 20 with this, in which one name may stand 220 times in one place.
overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = 25_000
# Two documents that differ in nothing but these share their plans.
# Requests are kept for values such as ids, cursors and page sizes.
_KEPT, _LONGEST_KEPT, _MOST_KEPT = {str, int, bool, type(None), type(...)}, 200, 10_000
_LITERALS = {TokenKind.STRING, TokenKind.BLOCK_STRING, TokenKind.INT, TokenKind.FLOAT}

_INTROSPECTION = re.compile(r"__(schema|type)\b")


@dataclass(frozen=True)
class Document:
    text: str
    node: DocumentNode
    operations: dict[str | None, Operation]

    def operation(self, name: str | None) -> Operation:
        """The operation that a request means. Raises Refused."""
        if name is None and len(self.operations) == 1:
            return next(iter(self.operations.values()))
        if name is not None and name in self.operations:
            return self.operations[name]
        told = english("There is no operation of that name.") if name else english("Say with operationName which of the operations to run.")
        raise Refused("document", [GraphQLError(told)])


def read_document(schema: strawberry.Schema, text: str, meter: Meter | None = None) -> Document:
    """Measured where there is a meter. Raises Refused for what does not parse or is not valid, DocumentTooComplex."""
    core = schema._schema
    try:
        node = parse_text(text, meter.settings) if meter else parse(text, allow_empty_selection_sets=False)
    except GraphQLSyntaxError as error:
        raise Refused("parse", [error]) from None
    except RecursionError:
        raise Refused("parse", [GraphQLError(english("The document is nested too deeply."))]) from None
    measured = meter.measure(node) if meter else None
    if errors := validate(core, node, max_errors=20):
        raise Refused("document", errors)
    found = [definition for definition in node.definitions if isinstance(definition, OperationDefinitionNode)]
    if not found:
        raise Refused("document", [GraphQLError(english("The document holds no operation."))])
    operations = {made.name.value if made.name else None: Operation(schema, node, made, text, measured) for made in found}
    return Document(text, node, operations)


class Operation:
    """One operation of a valid document."""

    _kept: ClassVar[dict[tuple[Operation, int, tuple[Any, ...]], Any]] = {}  # requests, by the values of their variables

    def __init__(
        self, schema: strawberry.Schema, document: DocumentNode, node: OperationDefinitionNode, text: str, measured: Measured | None
    ) -> None:
        self.strawberry, self.schema = schema, schema._schema
        self.document, self.node, self.text = document, node, text
        self._measured = measured

    @property
    def kind(self) -> OperationType:
        return self.node.operation

    @cached_property
    def is_introspection(self) -> bool:
        """Whether it asks for nothing but the schema."""
        found = self.node.selection_set.selections
        return all(isinstance(each, FieldNode) and each.name.value in ("__schema", "__type", "__typename") for each in found)

    @cached_property
    def asks_about_schema(self) -> bool:
        """Whether any of it asks for the schema."""
        return bool(_INTROSPECTION.search(self.text))

    @cached_property
    def formula(self) -> Formula | None:
        """What it costs; None where nothing is measured."""
        return self._measured.formula(self.node) if self._measured else None

    @cached_property
    def fragments(self) -> dict[str, FragmentDetails]:
        found = (made for made in self.document.definitions if isinstance(made, FragmentDefinitionNode))
        return {made.name.value: FragmentDetails(made) for made in found}

    @cached_property
    def signature(self) -> tuple[str, str]:
        """What plans are kept under: the document's tokens without its literals, which reach a plan through requests alone."""
        return _tokens(self.document), self.name

    @property
    def name(self) -> str:
        return self.node.name.value if self.node.name else ""

    @cached_property
    def _found(self) -> _Finder:
        """Of this operation and the fragments that it reaches, not of its neighbours."""
        finder = _Finder(info := TypeInfo(self.schema))
        reached, waiting = dict[str, FragmentDefinitionNode](), [*_spreads(self.node)]
        while waiting:
            if (name := waiting.pop()) not in reached:
                reached[name] = self.fragments[name].definition
                waiting += _spreads(reached[name])
        own = DocumentNode(definitions=(self.node, *(reached[name] for name in sorted(reached))))
        visit(own, TypeInfoVisitor(info, finder))
        return finder

    @cached_property
    def switches(self) -> list[str]:
        """The variables that steer @skip and @include."""
        return sorted(self._found.switches)

    @cached_property
    def request_of(self) -> dict[int, int]:
        """id of a field's node -> the place of its request."""
        return {id(node): place for place, (node, _, _) in enumerate(self._found.fields)}

    def declared(self, place: int) -> GraphField:
        """The field of the request at that place."""
        return self._found.fields[place][2]

    @cached_property
    def _signatures(self) -> list[tuple[str, GraphQLVariableSignature, type]] | None:
        """Of its variables, where all are plain scalars."""
        found = []
        for node in self.node.variable_definitions or ():
            signature = get_variable_signature(self.schema, node)
            if isinstance(signature, GraphQLError):
                return None
            type_ = signature.type.of_type if isinstance(signature.type, GraphQLNonNull) else signature.type
            if (kind := PLAIN.get(type_)) is None:
                return None
            found.append((signature.name, signature, kind))
        return found

    def variables(self, given: Mapping[str, Any] | None) -> VariableValues:
        """The variables' values, defaults included. Raises Refused."""
        values = given or {}
        if self._too_large:
            raise _too_large(["where"])
        for name in self._trees:  # before they are read, which takes 20 µs for each member
            if too_large(values.get(name)):
                raise _too_large([name])
        if (signatures := self._signatures) is not None and all(
            type(values.get(name)) is kind and (kind is not int or LEAST <= values[name] <= MOST) for name, _, kind in signatures
        ):  # graphql-core would answer the same, in 20 µs
            return VariableValues(
                {name: VariableValueSource(signature, values[name]) for name, signature, _ in signatures},
                {name: values[name] for name, _, _ in signatures},
            )
        if (found := self._by_columns(values)) is not None:
            return found
        coerced = get_variable_values(self.schema, self.node.variable_definitions or (), dict(values), max_errors=20)
        if isinstance(coerced, list):
            raise Refused("variables", coerced)
        return coerced

    @cached_property
    def _flat_lists(self) -> dict[str, dict[str, FlatList]]:
        """The lists of flat inputs, by variable and field."""
        found = {node.variable.name.value: type_from_ast(self.schema, node.type) for node in self.node.variable_definitions or ()}
        return {name: lists for name, type_ in found.items() if (lists := flat_lists(type_))}

    def _by_columns(self, values: Mapping[str, Any]) -> VariableValues | None:
        """With their lists coerced by columns, and graphql-core at the rest; None where it is to see all of it."""
        lists, shortened = dict[str, dict[str, Any]](), dict(values)
        try:
            for name, flat in self._flat_lists.items():
                if type(given := values.get(name)) is dict:
                    lists[name] = {flat[field].out_name: flat[field].of.all_of(given[field]) for field in flat if given.get(field)}
                    shortened[name] = {**given, **{field: [] for field in flat if given.get(field)}}
        except Unusual:
            return None
        if not any(lists.values()):
            return None
        coerced = get_variable_values(self.schema, self.node.variable_definitions or (), shortened, max_errors=20)
        if isinstance(coerced, list):
            return None
        for name, made in lists.items():
            coerced.coerced[name].update(made)
            coerced.sources[name] = VariableValueSource(coerced.sources[name].signature, values[name])
        return coerced

    def requests(self, variables: VariableValues, settings: Settings) -> list[Any]:
        """What each field with arguments asks for. Arguments without variables are read once."""
        constant = self._constant_requests(settings)
        return [
            constant[place] if constant[place] is not None else self._request_with(place, variables, settings)
            for place in range(len(constant))
        ]

    def _request_with(self, place: int, variables: VariableValues, settings: Settings) -> Any:
        node, gql, declared = self._found.fields[place]
        if isinstance(declared.source, Perform):  # what it is given is nobody else's
            return self._request(declared, get_argument_values(gql, node, variables), settings)
        names = self._variables_of[place]
        values = tuple(variables.coerced.get(name, ...) for name in names)
        if any(type(value) not in _KEPT or (type(value) is str and len(value) > _LONGEST_KEPT) for value in values):
            return self._request(declared, get_argument_values(gql, node, variables), settings)
        if (found := self._kept.get((self, place, values))) is None:
            found = self._request(declared, get_argument_values(gql, node, variables), settings)
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[self, place, values] = found
        return found

    @cached_property
    def _trees(self) -> list[str]:
        """The variables that hold filters."""
        found = ((node.variable.name.value, type_from_ast(self.schema, node.type)) for node in self.node.variable_definitions or ())
        return [name for name, type_ in found if type_ and is_tree(get_named_type(type_))]

    @cached_property
    def _too_large(self) -> bool:
        """Whether a filter that stands in the operation is; with what its variables bring along, it is looked at once more."""
        given = (argument.value for node, gql, _ in self._found.fields for argument in node.arguments or () if _takes_tree(gql, argument))
        defaults = (node.default_value for node in self.node.variable_definitions or () if node.variable.name.value in self._trees)
        return any(too_large(value) for value in (*given, *defaults))

    @cached_property
    def _variables_of(self) -> list[list[str]]:
        return [sorted({found.name.value for found in _variables(node)}) for node, _, _ in self._found.fields]

    def _constant_requests(self, settings: Settings) -> list[Any]:
        if (found := self.__dict__.get("_constants")) is None:
            found = [
                None if any(_variables(node)) else self._request(declared, get_argument_values(gql, node), settings)
                for node, gql, declared in self._found.fields
            ]
            self.__dict__["_constants"] = found
        return found

    def _request(self, declared: GraphField, given: dict[str, Any], settings: Settings) -> Any:
        match declared.source:
            case Many():
                return page_request(
                    declared.source, self._converted(declared, given), default=settings.default_page, most=settings.largest_page
                )
            case ByPublicId(many=many):
                texts = given["ids"] if many else [given["id"]]
                if len(texts) > settings.largest_page:
                    raise Unplannable("too many ids")
                return IdRequest(tuple(parse_public_id(text) or (None, None) for text in texts))
            case Batch():
                return ArgumentsRequest(self._converted(declared, given))
            case Perform():
                return ArgumentsRequest({"node": declared, "given": given})
        raise Unplannable(f"arguments of {type(declared.source).__name__}")

    def _converted(self, declared: GraphField, given: dict[str, Any]) -> dict[str, Any]:
        return convert_arguments(
            given,
            declared.arguments,
            scalar_registry=self.strawberry.schema_converter.scalar_registry,
            config=self.strawberry.config,
        )

    def input(self, declared: GraphField, given: dict[str, Any]) -> Any:
        """The Python object of a mutation's input."""
        type_: Any = declared.arguments[0].type
        left = {
            camel_case(each.python_name): each.python_name for each in type_.__strawberry_definition__.fields if each.metadata.get("plain")
        }
        if not left:
            return self._converted(declared, given)["input"]
        made = self._converted(declared, {"input": {**given["input"], **{key: [] for key in left}}})["input"]
        for spelled, name in left.items():
            setattr(made, name, given["input"][spelled])
        return made


def _takes_tree(gql: GraphQLField, argument: ArgumentNode) -> bool:
    return is_tree(get_named_type(gql.args[argument.name.value].type))


def _too_large(path: Sequence[str]) -> Refused:
    error = too_many(path)
    return Refused("variables", [GraphQLError(str(error), original_error=error)])


def _tokens(document: DocumentNode) -> str:
    """From the lexer, which knows a comment from a string; a blank between, so that no two run together."""
    found = []
    token = document.loc.start_token if document.loc else None
    while token is not None:
        if token.kind is not TokenKind.COMMENT:
            found.append("0" if token.kind in _LITERALS else token.value or token.kind.value)
        token = token.next
    return " ".join(found)


def _spreads(node: Node) -> Iterator[str]:
    """The names of the fragments that a definition spreads."""
    waiting: list[Any] = [node]
    while waiting:
        selections = getattr(waiting.pop(), "selection_set", None)
        for each in selections.selections if selections else ():
            if isinstance(each, FragmentSpreadNode):
                yield each.name.value
            waiting.append(each)


class _Finder(Visitor):
    """Which fields take arguments, and which variables steer @skip and @include."""

    def __init__(self, info: TypeInfo) -> None:
        super().__init__()
        self.info = info
        self.fields: list[tuple[FieldNode, GraphQLField, GraphField]] = []
        self.switches: set[str] = set()

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        gql = self.info.get_field_def()
        if gql and gql.args and (declared := graph_field(gql)):
            self.fields.append((node, gql, declared))

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        self.switches.update(argument.value.name.value for argument in node.arguments or () if isinstance(argument.value, VariableNode))


def _variables(node: FieldNode) -> Iterator[VariableNode]:
    """The variables in a field's arguments."""
    open_: list[Any] = [argument.value for argument in node.arguments or ()]
    while open_:
        value = open_.pop()
        if isinstance(value, VariableNode):
            yield value
        open_ += getattr(value, "values", None) or ()
        open_ += [field.value for field in getattr(value, "fields", None) or ()]
