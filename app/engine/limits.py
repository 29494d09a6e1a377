"""What a document may look like: measured in one pass, linear in its text however its fragments spread, before it is validated."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from graphql import (
    DefinitionNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
)
from graphql.language.parser import Parser

from app.engine.cost import Formula, Formulas, Level, Priced, PricedType, Site, price_list
from app.errors import DocumentTooComplex
from app.settings import Settings
from app.words import english

# ---- the text ------------------------------------------------------------------------------------------------------------

# As GraphQL's lexer reads it, errors aside: what it would refuse may count as it likes. The loops give nothing back, so it is linear.
_TOKEN = re.compile(
    r'"""(?:[^"\\]++|\\"""|\\|"(?!""))*+(?:"""|\Z)|"(?:[^"\\\n\r]++|\\.)*+(?:"|(?=[\n\r])|\\?\Z)'
    r"|#[^\n\r]*+|-?\d[\w.+-]*+|\w++|\.\.\.|[^\s,\ufeff]",
    re.ASCII | re.DOTALL,
)


def check_text(text: str, settings: Settings) -> None:
    """Before parsing: the parser takes ten times as long to reach its own limit. Comments count as tokens. Raises DocumentTooComplex."""
    if len(text) > settings.most_document_characters:
        raise DocumentTooComplex("characters", found=len(text), most=settings.most_document_characters)
    most = settings.most_tokens
    if len(text) > most and (found := sum(1 for _ in islice(_TOKEN.finditer(text), most + 1))) > most:
        raise DocumentTooComplex("tokens or more", found=found, most=most)


class _Parser(Parser):
    """Gives up as soon as a definition is past a limit for certain: reading on to its end takes ten times as long."""

    def __init__(self, text: str, settings: Settings) -> None:
        super().__init__(text, max_tokens=settings.most_tokens, allow_empty_selection_sets=False)
        self._settings, self._definitions = settings, 0
        self._fields = self._aliases = self._spreads = self._directives = 0

    def parse_definition(self) -> DefinitionNode:
        self._definitions += 1
        most = self._settings.most_operations + self._settings.most_fragments
        if self._definitions > most:
            raise DocumentTooComplex("operations and fragments", found=self._definitions, most=most)
        self._fields = self._aliases = self._spreads = self._directives = 0
        return super().parse_definition()

    def parse_field(self) -> FieldNode:
        self._fields += 1
        if self._fields > self._settings.most_fields + self._settings.most_introspection_fields:
            _check("fields", _WORDS["fields"], self._fields, self._settings)
        node = super().parse_field()
        if node.alias:
            self._aliases += 1
            _check("aliases", _WORDS["aliases"], self._aliases, self._settings)
        return node

    def parse_fragment(self) -> FragmentSpreadNode | InlineFragmentNode:
        node = super().parse_fragment()
        if type(node) is FragmentSpreadNode:
            self._spreads += 1
            _check("spreads", _WORDS["spreads"], self._spreads, self._settings)
        return node

    def parse_directive(self, is_const: bool) -> DirectiveNode:
        self._directives += 1
        _check("directives", _WORDS["directives"], self._directives, self._settings)
        return super().parse_directive(is_const)


def parse_text(text: str, settings: Settings) -> DocumentNode:
    """Raises DocumentTooComplex, GraphQLSyntaxError, RecursionError."""
    check_text(text, settings)
    return _Parser(text, settings).parse_document()


# ---- the shape -----------------------------------------------------------------------------------------------------------

_COUNTED = 10**9  # as far as it is counted: a bomb's numbers would have hundreds of digits


@dataclass(slots=True, eq=False)
class _Shape:
    """One definition's numbers, without the fragments that it spreads at first, then with them."""

    depth: int = 0
    fields: int = 0
    root_fields: int = 0
    aliases: int = 0
    spreads: int = 0
    directives: int = 0
    directives_in_a_row: int = 0
    introspection_depth: int = 0
    introspection_fields: int = 0
    introspection_aliases: int = 0

    def note_directives(self, nodes: Sequence[Any] | None) -> None:
        if nodes:
            self.directives += len(nodes)
            self.directives_in_a_row = max(self.directives_in_a_row, len(nodes))

    def add(self, other: _Shape, depth: int, introspects: bool) -> None:
        """A fragment spread below `depth` fields; all of it counts as introspection where it is spread in one."""
        if introspects:
            self.introspection_depth = max(self.introspection_depth, depth + max(other.depth, other.introspection_depth))
            self.introspection_fields += other.fields + other.introspection_fields
            self.introspection_aliases += other.aliases
        else:
            self.depth = max(self.depth, depth + other.depth)
            self.fields += other.fields
            self.introspection_depth = max(self.introspection_depth, other.introspection_depth)
            self.introspection_fields += other.introspection_fields
            self.introspection_aliases += other.introspection_aliases
            self.root_fields += 0 if depth else other.root_fields
        self.aliases += other.aliases
        self.spreads += other.spreads
        self.directives += other.directives


_SUMS = ("fields", "root_fields", "aliases", "spreads", "directives", "introspection_fields", "introspection_aliases")
_WORDS = {
    "depth": english("levels of fields"),
    "fields": english("fields"),
    "aliases": english("aliases"),
    "spreads": english("fragment spreads"),
    "directives": english("directives"),
    "directives_in_a_row": english("directives in one place"),
    "introspection_depth": english("levels of introspection"),
    "introspection_fields": english("fields of introspection"),
    "introspection_aliases": english("aliases of introspection"),
}


def _check(name: str, what: str, found: int, settings: Settings) -> None:
    most = getattr(settings, f"most_{name}")
    if found > most:
        raise DocumentTooComplex(what, found=found, most=most)


class Measured:
    """A document that is within the limits."""

    def __init__(self, formulas: Formulas, levels: dict[int, Level]) -> None:
        self._formulas, self._levels = formulas, levels
        self._made: dict[int, Formula] = {}

    def formula(self, operation: OperationDefinitionNode) -> Formula:
        """What the operation costs; it must be one of the document's own nodes."""
        if (found := self._made.get(id(operation))) is None:
            found = self._made[id(operation)] = self._formulas.of(self._levels[id(operation)])
        return found


class Meter:
    """Measures the documents of one schema. Made once."""

    def __init__(self, schema: GraphQLSchema, settings: Settings) -> None:
        self.settings = settings
        self.types = price_list(schema, settings)
        roots = {each: schema.get_root_type(each) for each in OperationType}
        self.roots = {each: self.types.get(type_.name) for each, type_ in roots.items() if type_ is not None}

    def measure(self, document: DocumentNode) -> Measured:
        """Each operation and each fragment of a parsed document, valid or not. Raises DocumentTooComplex."""
        fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
        operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
        _check("operations", english("operations"), len(operations), self.settings)
        _check("fragments", english("fragments"), len(fragments), self.settings)
        walked = {name: self._fragment(node) for name, node in fragments.items()}
        order = _ordered({name: [spread.name for spread in walk.found] for name, walk in walked.items()})
        for name in order:
            self._total(walked[name], walked)
        done = [self._operation(node) for node in operations]
        for walk in done:
            self._total(walk, walked)
            _check("root_fields", english("fields at its root"), walk.shape.root_fields, self.settings)
        formulas = Formulas({name: walk.level for name, walk in walked.items()}, order)
        return Measured(formulas, {id(node): walk.level for node, walk in zip(operations, done, strict=True)})

    def _fragment(self, node: FragmentDefinitionNode) -> _Walk:
        of = node.type_condition.name.value
        walk = _Walk(self, of if of in self.types else "")
        walk.shape.note_directives(node.directives)
        walk.visit(node.selection_set.selections, self.types.get(of), walk.level, 0, of.startswith("__"), "")
        return walk

    def _operation(self, node: OperationDefinitionNode) -> _Walk:
        walk = _Walk(self, "")
        walk.shape.note_directives(node.directives)
        for variable in node.variable_definitions or ():
            walk.shape.note_directives(variable.directives)
        walk.visit(node.selection_set.selections, self.roots.get(node.operation), walk.level, 0, False, "")
        return walk

    def _total(self, walk: _Walk, fragments: dict[str, _Walk]) -> None:
        """Adds the fragments, whose own totals must be known, and refuses what is too much."""
        shape = walk.shape
        for spread in walk.found:
            # One that is unknown, or that is spread in a cycle and not added up yet, adds nothing: validation refuses it.
            if (inner := fragments.get(spread.name)) is not None and inner.is_total:
                shape.add(inner.shape, spread.depth, spread.introspects)
        walk.is_total = True
        for name in _SUMS:
            setattr(shape, name, min(getattr(shape, name), _COUNTED))
        for name, words in _WORDS.items():
            _check(name, words, getattr(shape, name), self.settings)


@dataclass(slots=True)
class _Spread:
    name: str
    depth: int  # fields around it
    introspects: bool


class _Walk:
    """The pass over one definition."""

    def __init__(self, meter: Meter, within: str) -> None:
        self.types, self.settings = meter.types, meter.settings
        self.within = within  # a fragment's type: where its paths begin
        self.shape, self.level = _Shape(), Level()
        self.found: list[_Spread] = []
        self.is_total = False

    def visit(
        self, nodes: Iterable[SelectionNode], type_: PricedType | None, level: Level, depth: int, introspects: bool, path: str
    ) -> None:
        """One selection set below `depth` fields. The parser bounds how deeply it calls itself."""
        shape = self.shape
        for node in nodes:
            shape.note_directives(node.directives)
            if type(node) is FieldNode:
                self._field(node, type_, level, depth, introspects, path)
            elif type(node) is FragmentSpreadNode:
                shape.spreads += 1
                name = node.name.value
                self.found.append(_Spread(name, depth, introspects))
                if not introspects:
                    level.spreads.append(name)
            else:
                condition = getattr(node, "type_condition", None)
                on = type_ if condition is None else self.types.get(condition.name.value)
                inner: Any = node
                self.visit(inner.selection_set.selections, on, _level_for(on, type_, level), depth, introspects, path)

    def _field(self, node: FieldNode, type_: PricedType | None, level: Level, depth: int, introspects: bool, path: str) -> None:
        shape, name, depth = self.shape, node.name.value, depth + 1
        if node.alias:
            shape.aliases += 1
            shape.introspection_aliases += introspects or name == "__schema"
        inner = node.selection_set.selections if node.selection_set else ()
        if introspects:
            shape.introspection_fields += 1
            shape.introspection_depth = max(shape.introspection_depth, depth)
            self.visit(inner, None, level, depth, True, path)
            return
        shape.fields += 1
        shape.depth = max(shape.depth, depth)
        if depth == 1:
            shape.root_fields += 1
        if name in ("__schema", "__type"):
            level.own += self.settings.introspection_cost
            self.visit(inner, None, Level(), 0, True, path)
            return
        priced = type_.fields.get(name) if type_ else None
        level.own += priced.extra if priced else 0
        if inner:
            key = node.alias.value if node.alias else name
            here = f"{path}.{key}" if path else f"{self.within}.{key}" if self.within else key
            self.visit(inner, priced.type if priced else None, self._below(node, priced, level, here), depth, False, here)

    def _below(self, node: FieldNode, priced: Priced | None, level: Level, path: str) -> Level:
        """The level of a field's selections, put where the field's own level multiplies it rightly."""
        made = Level()
        if priced is None:
            level.fields.append((1, made))
        elif priced.by == "page":
            level.pages.append((Site(node, path, "page", self.settings), made))
        elif priced.by == "row":
            level.rows.append(made)
        else:
            level.fields.append((Site(node, path, "ids", self.settings) if priced.by else priced.times, made))
        return made


def _level_for(on: PricedType | None, parent: PricedType | None, level: Level) -> Level:
    """An inline fragment's: apart where it holds for one of several types, else the one that it stands in."""
    if on is None or on is parent or on.is_abstract or parent is None or not parent.is_abstract:
        return level
    return level.cases.setdefault(on.name, Level())


def _ordered(spreads: dict[str, list[str]]) -> list[str]:
    """Fragments' names, each behind those that it spreads. Cycles are cut somewhere."""
    done: dict[str, bool] = {}  # False while it is looked into
    order: list[str] = []
    for start, first in spreads.items():
        open_: list[tuple[str, Iterator[str]]] = []
        if start not in done:
            done[start] = False
            open_.append((start, iter(first)))
        while open_:
            name, rest = open_[-1]
            following = next((each for each in rest if each in spreads and each not in done), None)
            if following is None:
                open_.pop()
                done[name] = True
                order.append(name)
            else:
                done[following] = False
                open_.append((following, iter(spreads[following])))
    return order
