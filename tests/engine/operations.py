"""Random operations over the whole schema, for comparing executors: fragments, aliases, directives, variables, arguments, wrong values."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
)

SEARCHES = ["", "a", "شركة", "خدمة", "ri", "%", "_", "'", '"', "\\", "C-2026", "زي", "أحمد"]


@dataclass
class Made:
    text: str
    variables: dict[str, Any]


@dataclass
class Generator:
    """ids: public ids that exist, own and foreign. cursors: gathered from answers, given back in random places."""

    schema: GraphQLSchema
    pick: random.Random
    ids: list[str]
    cursors: list[str] = field(default_factory=list)

    def operation(self) -> Made:
        self.fragments: list[str] = []
        self.definitions: list[str] = []
        self.variables: dict[str, Any] = {}
        query = self.schema.query_type
        assert query
        parts = [self.field(query, name, self.pick.choice([2, 3, 4, 5])) for name in self._roots(query)]
        head = f"query Q({', '.join(self.definitions)})" if self.definitions else "query Q"
        return Made(f"{head} {{ {' '.join(parts)} }} {' '.join(self.fragments)}", self.variables)

    def _roots(self, query: GraphQLObjectType) -> list[str]:
        others = [name for name in query.fields if name != "viewer"]
        return ["viewer"] * (self.pick.random() < 0.85) + self.pick.sample(others, self.pick.choice([0, 0, 1, 1, 2])) or ["viewer"]

    def selection(self, type_: GraphQLObjectType | GraphQLInterfaceType, depth: int) -> str:
        names = [name for name, made in type_.fields.items() if depth > 0 or is_leaf_type(get_named_type(made.type))]
        parts = [self.field(type_, self.pick.choice(names), depth) for _ in range(self.pick.randint(1, 5))] if names else []
        if self.pick.random() < 0.15 or not parts:
            parts.append("__typename")
        return "{ " + " ".join(self._wrapped(type_, part) for part in parts) + " }"

    def _wrapped(self, type_: GraphQLObjectType | GraphQLInterfaceType, part: str) -> str:
        roll = self.pick.random()
        if roll < 0.05:
            return f"... on {type_.name} {{ {part} }}"
        if roll < 0.1:
            self.fragments.append(f"fragment F{len(self.fragments)} on {type_.name} {{ {part} }}")
            return f"...F{len(self.fragments) - 1}"
        return f"... {self.switch()} {{ {part} }}" if roll < 0.13 else part

    def switch(self) -> str:
        return f"@{self.pick.choice(['skip', 'include'])}(if: {self.value('Boolean!', self.pick.random() < 0.5)})"

    def field(self, type_: GraphQLObjectType | GraphQLInterfaceType, name: str, depth: int) -> str:
        made = type_.fields[name]
        given = self.arguments(made)
        # An alias for each use with arguments, or the document would not merge.
        alias = f"a{self.pick.randrange(10**6)}: " if given else f"{self.pick.choice('xyz')}{name}: " if self.pick.random() < 0.1 else ""
        text = f"{alias}{name}{given}" + (f" {self.switch()}" if self.pick.random() < 0.05 else "")
        inner = get_named_type(made.type)
        if is_leaf_type(inner):
            return text
        if isinstance(inner, GraphQLInterfaceType):
            types = self.pick.sample(list(self.schema.get_possible_types(inner)), 3)
            return f"{text} {{ __typename id {' '.join(f'... on {each.name} {self.selection(each, depth - 1)}' for each in types)} }}"
        assert isinstance(inner, GraphQLObjectType)
        return f"{text} {self.selection(inner, depth - 1)}"

    # ---- arguments -------------------------------------------------------------------------------------------------------

    def arguments(self, made: GraphQLField) -> str:
        given = {}
        if "first" in made.args:
            given.update(self.page())
        for name, argument in made.args.items():
            if name in ("first", "after", "last", "before"):
                continue
            needed = isinstance(argument.type, GraphQLNonNull) and name != "reveal"  # which writes an event
            if needed or (name != "reveal" and self.pick.random() < 0.3):
                given[name] = self.value(str(argument.type), self.literal(argument.type))
        return f"({', '.join(f'{name}: {value}' for name, value in given.items())})" if given else ""

    def page(self) -> dict[str, str]:
        roll = self.pick.random()
        side = "first" if self.pick.random() < 0.7 else "last"
        size = self.pick.choice([1, 2, 3, 5, 10]) if roll < 0.97 else self.pick.choice([0, -1, 1001, None])
        given = {side: self.value("Int", size)} if roll < 0.9 else {}
        if self.cursors and self.pick.random() < 0.15:
            given["after" if side == "first" else "before"] = self.value("String", self.pick.choice(self.cursors))
        if self.pick.random() < 0.01:
            given["after"] = self.value("String", "nonsense")
        return given

    def literal(self, type_: GraphQLInputType) -> Any:
        if isinstance(type_, GraphQLNonNull):
            return self.literal(type_.of_type)
        if isinstance(type_, GraphQLList):
            return [self.literal(type_.of_type) for _ in range(self.pick.choice([0, 1, 1, 2, 3]))]
        if isinstance(type_, GraphQLEnumType):
            return Name(self.pick.choice(list(type_.values)))
        if isinstance(type_, GraphQLInputObjectType):
            required = [name for name, made in type_.fields.items() if isinstance(made.type, GraphQLNonNull)]
            chosen = {*required, *self.pick.sample(list(type_.fields), min(len(type_.fields), self.pick.choice([0, 1, 1, 2])))}
            return {name: self.literal(type_.fields[name].type) for name in type_.fields if name in chosen}
        leaves: dict[str, list[Any]] = {
            "ID": [*self.pick.sample(self.ids, min(len(self.ids), 3)), "con_" + "0" * 32, "x", "job_zz", ""],
            "Int": [1, 2, 5],
            "Boolean": [True, False],
            "Date": ["2026-01-01", "2026-11-22", "2027-05-01"] * 10 + ["2026-02-30"],
            "DateTime": ["2026-11-01T00:00:00Z", "2026-11-22T12:00:00+03:00"] * 10 + ["yesterday"],
            "Decimal": ["4000", "5000.50", "٦٠٠٠"] * 10 + ["much"],
            "NationalId": ["1000000008", "1000000000"],
        }
        return self.pick.choice(leaves.get(get_named_type(type_).name, SEARCHES))

    def value(self, type_: str, value: Any) -> str:
        """As a literal, or as a variable of that type."""
        if self.pick.random() < 0.6:
            return written(value)
        name = f"v{len(self.definitions)}"
        default = f" = {written(value)}" if self.pick.random() < 0.1 and value is not None else ""
        self.definitions.append(f"${name}: {type_}{default}")
        if not default:
            self.variables[name] = plain(value)
        return f"${name}"


class Name(str):
    """An enum's value."""

    __slots__ = ()


def written(value: Any) -> str:
    if isinstance(value, Name):
        return str(value)
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {written(item)}" for name, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


def plain(value: Any) -> Any:
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return str(value) if isinstance(value, Name) else value
