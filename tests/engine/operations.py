"""Random operations over the whole schema, for comparing executors: all that the language has, right and wrong values, mutations too."""

from __future__ import annotations

import json
import random
import re
from base64 import urlsafe_b64decode
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    Undefined,
    get_named_type,
    is_leaf_type,
    is_required_argument,
    is_required_input_field,
    specified_scalar_types,
)

from app.engine.declare import MODELS, Many, graph_field

Composite = GraphQLObjectType | GraphQLInterfaceType
BOOLEAN = GraphQLNonNull(specified_scalar_types["Boolean"])
TEXTS = ["", "a", "شركة", "خدمة", "ri", "%", "_", "'", '"', "\\", "C-2026", "زي", "أحمد", "line\nbreak", "مدير مشروع", "Support agent"]
PAGING = ("first", "after", "last", "before")
# Response keys that generated code must not take for its own, and two that are other fields' names.
ODD_KEYS = ["v0", "v1", "need", "loads", "rows", "None", "lambda", "_", "__x", "constructor", "nodes", "totalCount"]
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


class Name(str):
    """An enum's value."""

    __slots__ = ()


@dataclass(frozen=True)
class Made:
    """caller: which of them asks. days: how far the clock stands from the data's."""

    text: str
    variables: dict[str, Any]
    caller: int
    name: str | None = None
    days: int = 0
    types: dict[str, GraphQLInputType] = field(default_factory=dict, compare=False)

    @property
    def is_mutation(self) -> bool:
        return self.text.startswith("mutation")


@dataclass
class Generator:
    """ids: public ids that exist, own and foreign, by prefix. cursors: gathered from answers, given back in random places.

    What was generated least is generated next; some operations return with other values, as those that share plans do.
    """

    schema: GraphQLSchema
    pick: random.Random
    ids: dict[str, list[str]]
    callers: int = 1
    cursors: dict[str, list[str]] = field(default_factory=dict)  # by what they were written for
    used: Counter[str] = field(default_factory=Counter)
    kept: list[Made] = field(default_factory=list)

    def operation(self) -> Made:
        if self.kept and self.pick.random() < 0.2:
            return self.again(self.pick.choice(self.kept[-8:]))
        made = self.fresh()
        self.kept.append(made)
        return made

    def fresh(self) -> Made:
        self.fragments: list[str] = []
        self.definitions: list[str] = []
        self.variables: dict[str, Any] = {}
        self.types: dict[str, GraphQLInputType] = {}
        self.plain: set[str] = set()  # variables of the very type of the place where they stand
        self.keys: dict[tuple[str, str], tuple[str, str]] = {}  # type and response key -> the field and arguments that it means
        self.shared: dict[str, list[str]] = {}  # type -> fragments
        kind = "mutation" if self.pick.random() < 0.16 else "query"
        root = self.schema.mutation_type if kind == "mutation" else self.schema.query_type
        assert root
        parts = [part for name in self.roots(root) for part in self.field(root, name, self.pick.choice([2, 3, 4, 5]))]
        parts += [self.typename()] * (self.pick.random() < 0.05)
        body, name = " ".join(self.wrapped(root, part) for part in parts), self.pick.choice(["Q", "Q", "R"])
        head = f"{kind} {name}({', '.join(self.definitions)})" if self.definitions else f"{kind} {name}"
        if kind == "query" and not self.definitions and self.pick.random() < 0.3:
            head, name = "", ""
        text = " ".join([f"{head} {{ {body} }}", *self.fragments])
        several = bool(name) and self.pick.random() < 0.05
        if several:
            text += " query Other($first: Int) { service { version } cities(first: $first) { totalCount } }"
        days = self.pick.choice([0, 0, 0, 0, 0, -400, -30, -1, 1, 9, 40, 400])
        said = name if several or (name and self.pick.random() < 0.1) else None
        return Made(text.strip(), self.variables, self.pick.randrange(self.callers), said, days, self.types)

    def roots(self, root: GraphQLObjectType) -> list[str]:
        names = list(root.fields)
        if root is self.schema.mutation_type:
            return [self.rarest(root, names) for _ in range(self.pick.choice([1, 1, 1, 2, 3]))]
        others = [name for name in names if name != "viewer"] + ["node", "nodes"]
        return ["viewer"] * (self.pick.random() < 0.75) + self.pick.sample(others, self.pick.choice([0, 0, 1, 1, 2])) or ["viewer"]

    def rarest(self, type_: Composite, names: Sequence[str]) -> str:
        """Of three that chance offers, the one that was used least."""
        return min((self.pick.choice(names) for _ in range(3)), key=lambda name: self.used[f"{type_.name}.{name}"])

    # ---- selections ------------------------------------------------------------------------------------------------------

    def selection(self, type_: Composite, depth: int, *, suffix: str = "") -> str:
        """`suffix` makes keys of its own where other types' selections stand beside it: their shapes must not meet."""
        names = [name for name, made in type_.fields.items() if depth > 0 or is_leaf_type(get_named_type(made.type))]
        parts = (
            [part for _ in range(self.pick.randint(1, 5)) for part in self.field(type_, self.rarest(type_, names), depth, suffix)]
            if names
            else []
        )
        if self.pick.random() < 0.12 or not parts:
            parts.append(self.typename())
        texts = [self.wrapped(type_, part, share=not suffix) for part in parts]
        if not suffix and self.shared.get(type_.name) and self.pick.random() < 0.15:
            texts.append(f"...{self.pick.choice(self.shared[type_.name])}")
        interfaces = [each for each in getattr(type_, "interfaces", ()) if self.pick.random() < 0.06]
        texts += [f"... on {interface.name} {self.plain_selection(interface)}" for interface in interfaces]
        return "{ " + " ".join(texts) + " }"

    def plain_selection(self, interface: GraphQLInterfaceType) -> str:
        """Fields that mean the same in all types that have them."""
        leaves = [name for name, made in interface.fields.items() if is_leaf_type(get_named_type(made.type))]
        parts = [self.typename(), *self.pick.sample(leaves, min(len(leaves), 2))]
        if "city" in interface.fields and self.pick.random() < 0.5:
            city: Any = get_named_type(interface.fields["city"].type)
            parts += [f"city {self.selection(city, 0)}"]
        return "{ " + " ".join(parts) + " }"

    def typename(self) -> str:
        return self.pick.choice(["__typename", "__typename", "t: __typename"])

    def wrapped(self, type_: Composite, part: str, *, share: bool = True) -> str:
        if (roll := self.pick.random()) >= 0.16:
            return part
        switch = f" {self.switch()}" if self.pick.random() < 0.3 else ""
        if roll < 0.05:
            return f"... on {type_.name}{switch} {{ {part} }}"
        if roll < 0.10:
            name = f"F{len(self.fragments)}"
            self.fragments.append(f"fragment {name} on {type_.name} {{ {part} }}")
            if share:
                self.shared.setdefault(type_.name, []).append(name)
            return f"...{name}{switch}"
        if roll < 0.13:
            return f"...{switch} {{ {part} }}"
        return self.wrapped(type_, f"... on {type_.name}{switch} {{ {part} }}", share=share)

    def switch(self) -> str:
        names = self.pick.choice([["skip"], ["include"], ["include"], ["skip", "include"]])
        return " ".join(f"@{name}(if: {self.value(BOOLEAN, (name == 'include') is (self.pick.random() < 0.7))})" for name in names)

    def field(self, type_: Composite, name: str, depth: int, suffix: str = "") -> list[str]:
        """The field; sometimes twice under one key, to be merged."""
        self.used[f"{type_.name}.{name}"] += 1
        made = type_.fields[name]
        known = self.keys.get((type_.name + suffix, name))
        if known and known[0] == name and self.pick.random() < 0.6:
            key, given = name, known[1]
        else:
            given = self.arguments(type_, name, made)
            key = self.key(type_, name, given, suffix)
        times = 2 if self.pick.random() < 0.07 else 1
        return [self.written_field(key, name, given, made, depth) for _ in range(times)]

    def key(self, type_: Composite, name: str, given: str, suffix: str) -> str:
        others = ODD_KEYS + [other for other in type_.fields if other not in self.common]
        key = name if self.pick.random() < 0.85 else self.pick.choice(others)
        if suffix and not (key == name and name in self.uniform):
            key += suffix
        scope = (type_.name + suffix, key)
        if self.keys.setdefault(scope, (name, given)) != (name, given):
            key = f"a{len(self.keys)}{suffix}"
            self.keys[type_.name + suffix, key] = (name, given)
        return key

    @cached_property
    def common(self) -> set[str]:
        """Fields of interfaces: only they stand under these keys."""
        return {name for type_ in self.schema.type_map.values() if isinstance(type_, GraphQLInterfaceType) for name in type_.fields}

    @cached_property
    def uniform(self) -> set[str]:
        """Of those, the leaves that have one type wherever they stand."""
        found: dict[str, set[str]] = {}
        for type_ in self.schema.type_map.values():
            for name, made in type_.fields.items() if isinstance(type_, Composite) else ():
                found.setdefault(name, set()).add(str(made.type) if is_leaf_type(get_named_type(made.type)) else f"{type_.name}.{name}")
        return {name for name in self.common if len(found[name]) == 1}

    def written_field(self, key: str, name: str, given: str, made: GraphQLField, depth: int) -> str:
        text = (name if key == name else f"{key}: {name}") + given + (f" {self.switch()}" if self.pick.random() < 0.05 else "")
        inner = get_named_type(made.type)
        if is_leaf_type(inner):
            return text
        if isinstance(inner, GraphQLInterfaceType):
            return f"{text} {self.abstract_selection(inner, depth)}"
        assert isinstance(inner, GraphQLObjectType)
        return f"{text} {self.selection(inner, depth - 1)}"

    def abstract_selection(self, type_: GraphQLInterfaceType, depth: int) -> str:
        possible = {each.name: each for each in self.schema.get_possible_types(type_)}
        names = [name for name in self.wanted if self.pick.random() < 0.9] or ["Job", "Project"]
        names += self.pick.sample(sorted(possible), 2)
        parts = ["__typename"] if self.pick.random() < 0.8 else []
        parts += ["id"] * (self.pick.random() < 0.6)
        for name in dict.fromkeys(names):
            inner = self.selection(possible[name], min(depth, 3) - 1, suffix=f"_{name}")
            parts.append(f"... on {name} {inner}")
        for interface in self.schema.get_implementations(type_).interfaces:
            if self.pick.random() < 0.3:
                parts.append(f"... on {interface.name} {self.plain_selection(interface)}")
        self.pick.shuffle(parts)
        return "{ " + " ".join(parts) + " }"

    # ---- arguments -------------------------------------------------------------------------------------------------------

    def arguments(self, type_: Composite, name: str, made: GraphQLField) -> str:
        self.wanted: list[str] = []  # the types of ids that were asked for
        given = self.page(made) if "first" in made.args else {}
        for argument, declared in made.args.items():
            if argument in given or argument in PAGING:
                continue
            if is_required_argument(declared) or self.pick.random() < 0.35:
                value = self.literal(declared.type, argument)
                texts = value if isinstance(value, list) else [value]
                prefixes = [text.partition("_")[0] for text in texts if isinstance(text, str)]
                self.wanted += [MODELS[prefix].__name__ for prefix in prefixes if prefix in MODELS]
                given[argument] = self.value(declared.type, value, has_default=_has_default(declared))
        for argument in given:
            self.used[f"{type_.name}.{name}({argument}:)"] += 1
        return f"({', '.join(f'{argument}: {value}' for argument, value in given.items())})" if given else ""

    def page(self, made: GraphQLField) -> dict[str, str]:
        integer, string = specified_scalar_types["Int"], specified_scalar_types["String"]
        roll = self.pick.random()
        side, cursor = ("first", "after") if self.pick.random() < 0.7 else ("last", "before")
        if self.pick.random() < 0.1:
            cursor = "before" if cursor == "after" else "after"
        size = self.pick.choice([1, 2, 3, 5, 10]) if roll < 0.98 else self.pick.choice([0, -1, 1001, None])
        given = {side: self.value(integer, size)} if roll < 0.9 else {}
        if (fitting := self._fitting(made)) and self.pick.random() < 0.3:
            order, found = self.pick.choice(fitting)
            given[cursor] = self.value(string, self.pick.choice(found[-20:]))
            if "orderBy" in made.args:
                given["orderBy"] = self.value(made.args["orderBy"].type, order)
        if self.pick.random() < 0.01:
            given[self.pick.choice(PAGING)] = "null"
        if self.pick.random() < 0.005:
            given[cursor] = self.value(string, self.pick.choice(["nonsense", *next(iter(self.cursors.values()), [])]))
        return given

    def _fitting(self, made: GraphQLField) -> list[tuple[dict[str, Name], list[str]]]:
        """The cursors that the connection may have written, each with the order that it belongs to."""
        declared = graph_field(made)
        prefix = declared.source.model.prefix if declared and isinstance(declared.source, Many) else ""
        orders = ((name.split("."), found) for name, found in self.cursors.items() if name.startswith(f"{prefix}."))
        return [({"field": Name(by), "direction": Name("DESC" if way == "d" else "ASC")}, found) for (_, by, way), found in orders]

    def note_cursor(self, text: str) -> None:
        name = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))[0]
        self.cursors.setdefault(name, []).append(text)

    def literal(self, type_: GraphQLInputType, name: str = "") -> Any:
        if isinstance(type_, GraphQLNonNull):
            return self.literal(type_.of_type, name)
        if isinstance(type_, GraphQLList):
            return [self.literal(type_.of_type, name) for _ in range(self.pick.choice([0, 1, 1, 1, 2, 3]))]
        if isinstance(type_, GraphQLEnumType):
            return Name(self.pick.choice(list(type_.values)))
        if isinstance(type_, GraphQLInputObjectType):
            return self.input(type_)
        if type_.name == "ID":
            return self.id(name)
        leaves: dict[str, list[Any]] = {
            "Int": [1, 1, 2, 5, 40],
            "Boolean": [True, False],
            "Date": ["2026-01-01", "2026-11-22", "2027-05-01"] * 10 + ["2026-02-30"],
            "DateTime": ["2026-11-01T00:00:00Z", "2026-11-22T12:00:00+03:00"] * 10 + ["yesterday"],
            "Decimal": ["4000", "5000.50", "٦٠٠٠"] * 10 + ["much", 4500, 4500.5],
            "NationalId": ["1000000008", "١٠٠٠٠٠٠٠٠٨", "1000000016"] * 5 + ["1000000000"],
            "EstablishmentNumber": ["11-1000001", "12-1001112", "١٢-١٠٠١١١٢"] * 5 + ["7"],  # the demo's companies
            "UnifiedNumber": ["7000000001", "1"],
            "EmailAddress": ["someone@example.com", "nobody"],
            "MobileNumber": ["0551234567", "12"],
            "URL": ["https://example.com/", "javascript:1"],
        }
        return self.pick.choice(leaves.get(type_.name, TEXTS))

    def input(self, type_: GraphQLInputObjectType) -> dict[str, Any]:
        required = {name for name, made in type_.fields.items() if is_required_input_field(made)}
        offered = sorted(type_.fields, key=lambda name: (self.used[f"{type_.name}.{name}"], self.pick.random()))[:4]
        chosen = required | set(self.pick.sample(offered, min(len(offered), self.pick.choice([0, 1, 1, 2, 4]))))
        if "validateOnly" in type_.fields and self.pick.random() < 0.4:
            chosen.add("validateOnly")
        for name in chosen:
            self.used[f"{type_.name}.{name}"] += 1
        return {name: self.literal(made.type, name) for name, made in type_.fields.items() if name in chosen}

    def id(self, name: str) -> str:
        """One that exists and fits the name in most cases; foreign, malformed, another type's in the others."""
        roll = self.pick.random()
        if roll < 0.04:
            return self.pick.choice(["con_" + "0" * 32, "x", "job_zz", "", "jоb_" + "1" * 32])
        fitting = [prefix for prefix, model in MODELS.items() if name == f"{model.__name__[0].lower()}{model.__name__[1:]}Id"]
        fitting += ["tok"] if name == "tokenId" else []
        known = [prefix for prefix in (fitting if roll < 0.9 else []) if self.ids.get(prefix)]
        return self.pick.choice(self.ids[self.pick.choice(known or sorted(self.ids))])

    # ---- values and variables ---------------------------------------------------------------------------------------------

    def value(self, type_: GraphQLInputType, value: Any, *, has_default: bool = False, variable: float = 0.35) -> str:
        """As a literal, as a variable, or as a literal with variables within."""
        if self.pick.random() < variable:
            return self.variable(type_, value, has_default=has_default)
        bare = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
        if isinstance(bare, GraphQLList) and isinstance(value, list):
            if len(value) == 1 and self.pick.random() < 0.2:  # one stands for a list of one
                return self.value(bare.of_type, value[0], variable=0)
            return f"[{', '.join(self.value(bare.of_type, item, variable=0.1) for item in value)}]"
        if isinstance(bare, GraphQLInputObjectType) and isinstance(value, dict):
            made = ((name, bare.fields[name], item) for name, item in value.items())
            return "{" + ", ".join(f"{name}: {self._member(declared, item)}" for name, declared, item in made) + "}"
        return written(value)

    def _member(self, declared: GraphQLInputField, item: Any) -> str:
        if not isinstance(declared.type, GraphQLNonNull) and self.pick.random() < 0.03:
            return "null"
        return self.value(declared.type, item, has_default=_has_default(declared), variable=0.12)

    def variable(self, type_: GraphQLInputType, value: Any, *, has_default: bool) -> str:
        """A new one, or one that is there: given, left to its default, null, missing, or of a wrong kind."""
        for name, declared in self.types.items():
            if str(declared) == str(type_) and name in self.plain and self.pick.random() < 0.1:
                return f"${name}"
        name, roll, spelled = f"v{len(self.definitions)}", self.pick.random(), str(type_)
        default = f" = {written(value)}" if value is not None and self.pick.random() < 0.2 else ""
        if isinstance(type_, GraphQLNonNull) and (default or has_default) and self.pick.random() < 0.5:
            spelled = str(type_.of_type)
        may_miss = bool(default) or not spelled.endswith("!")
        self.definitions.append(f"${name}: {spelled}{default}")
        self.types[name] = type_
        if spelled == str(type_):
            self.plain.add(name)
        if roll < 0.03 and not spelled.endswith("!"):
            self.variables[name] = None
        elif roll < 0.035:
            self.variables[name] = {"wrong": [value is None]}
        elif not (may_miss and roll < (0.6 if default else 0.12)):
            self.variables[name] = plain(value[0] if isinstance(value, list) and len(value) == 1 and roll > 0.8 else value)
        return f"${name}"

    def again(self, made: Made) -> Made:
        """The same document with other literals or other variables."""
        variables = dict(made.variables)
        for name, type_ in made.types.items():
            roll = self.pick.random()
            if roll < 0.25:
                variables[name] = plain(self.literal(type_))
            elif roll < 0.3:
                variables.pop(name, None)
        others: dict[str, str] = {}  # equal ones stay equal: fields that merge have the same arguments
        text = _STRING.sub(lambda found: others.setdefault(found[0], self._other(found[0])), made.text)
        size = self.pick.choice([0, 1, 3])
        text = re.sub(r"\b(first|last): ([1-9]\d?)\b", lambda found: f"{found[1]}: {int(found[2]) + size}", text)
        caller = made.caller if self.pick.random() < 0.8 else self.pick.randrange(self.callers)
        return replace(made, text=text, variables=variables, caller=caller)

    def _other(self, quoted: str) -> str:
        """Another literal of the same kind."""
        prefix = quoted[1:].partition("_")[0]
        if prefix in self.ids:
            return written(self.pick.choice(self.ids[prefix]))
        return written(self.pick.choice(TEXTS)) if json.loads(quoted) in TEXTS else quoted


def _has_default(made: GraphQLArgument | GraphQLInputField) -> bool:
    return made.default_value is not Undefined


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
