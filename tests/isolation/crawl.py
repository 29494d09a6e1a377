"""Crawls the whole graph as one tenant and looks for anything of the other: every type, field and argument, taken from the schema.

What names a row or a place is tried with the other tenant's, with one that never existed and with garbage: the answers must be equal
but for what was asked. Nothing that betrays a row of the other's may come in any answer.
"""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import UUID

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_required_argument,
    is_required_input_field,
)
from sqlalchemy import select

from app.models import Base, ReportWeek, Teleworker
from app.models.base import uuid7
from app.schema import schema as strawberry_schema
from tests.isolation.twins import Tenant, Twins
from tests.portal import Caller, Reply

SCHEMA: Any = strawberry_schema._schema
# Limits aside: what is asked here is more than anybody may ask at once.
SETTINGS: dict[str, Any] = {
    "most_cost": 10**7,
    "points_a_minute": 10**9,
    "anonymous_points_a_minute": 10**9,
    "most_fields": 10**5,
    "most_aliases": 10**4,
    "most_root_fields": 10**4,
    "most_tokens": 10**6,
    "most_document_characters": 10**6,
    "deadline": 60,
}
# Written out, not read from the code: what the gateway may see is part of what is tried.
OPEN_TO_GATEWAY = {"Company", "Contract", "Document", "Establishment", "Invitation", "Project", "Provider"}
FOR_GATEWAY = {"deliverInvitation", "withdrawInvitation", "deliverProject", "decideProject"}
_OF_NUMBER = (("contracts", "Contract"), ("invitations", "Invitation"))
_SECRETS = ("national_id", "secret_hash", "storage_key")
_EXACT: dict[str, Any] = {"contentType": "application/pdf", "sha256": "0" * 64}  # strings that are not any string
_PLAIN: dict[str, Any] = {
    "Int": 1,
    "Float": 1,
    "Boolean": True,
    "String": "كلمة",
    "Date": "2026-11-22",
    "DateTime": "2026-11-22T09:00:00Z",
    "Decimal": "4500.00",
    "EmailAddress": "somebody@example.sa",
    "MobileNumber": "+966500000000",
    "URL": "https://example.sa",
    "UnifiedNumber": "7000000001",
    "EstablishmentNumber": "7-999999",
    "NationalId": "1000000008",
}
_NAMED = {"birthDate": "2000-01-01"}  # where a rule wants more than the type does


@dataclass
class Findings:
    """counts: what was covered. leaks: what was told that must not be, each with where."""

    counts: Counter[str] = field(default_factory=Counter)
    leaks: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return ", ".join(f"{self.counts[name]} {name}" for name in ("types", "fields", "arguments", "probes", "requests"))


class Found(Exception):
    """The first leak, where one is enough."""


class Crawl:
    """Of `north`, against `south`.

    first_only   ends with the first leak, and begins with this type.
    """

    def __init__(self, twins: Twins, *, first_only: str | None = None) -> None:
        self.portal, self.north, self.south = twins.portal, twins.north, twins.south
        self.findings, self.first_only = Findings(), first_only
        self._names = count()
        self._paths: dict[str, tuple[str, ...]] = {}

    async def run(self) -> Findings:
        before = await self._stored()
        await self._rows()
        for caller in (self.north.owner, self.north.token):
            await self._fields(caller)
        await self._arguments()
        await self._cursors()
        await self._mutations()
        await self._downloads()
        await self._as_gateway()
        await self._fields(self.north.owner)  # the log of what was tried, among the rest
        if await self._stored() != before:
            self._leak("south's rows", "were changed")
        return self.findings

    # ---- every field -----------------------------------------------------------------------------------------------------

    async def _fields(self, caller: Caller) -> None:
        counted = {f"{type_.name}.{name}" for type_ in _objects() for name in type_.fields}
        self.findings.counts["types"] = len(_objects())
        self.findings.counts["fields"] = len(counted)
        await self._ask("everything", f"{{ {_selection(SCHEMA.query_type, 2)} }}", caller)
        for type_ in _nodes():
            for row in self.north.rows.get(type_.name, [])[:2]:
                await self._ask(type_.name, _node(type_, _selection(type_, 1)), caller, id=row.public_id)

    async def _rows(self) -> None:
        """Each of the other's rows by its id, alone and among others."""
        for type_ in sorted(_nodes(), key=lambda each: each.name != self.first_only):
            document = _node(type_, _selection(type_, 1))
            rows = [row for row in self.south.rows.get(type_.name, []) if row.id.hex in self.south.tells]
            for row in rows[:3]:
                ids = _ids(row)
                answers = [await self._ask(type_.name, document, self.north.owner, id=each) for each in ids]
                self._alike(f"node {type_.name}", ids, [_told(answer.body, each) for answer, each in zip(answers, ids, strict=True)])
                named = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
                own = self.north.first("Company").public_id
                lists = [await self._ask("nodes", named, self.north.owner, ids=[own, each]) for each in ids]
                self._alike("nodes", ids, [_told(answer.body, each) for answer, each in zip(lists, ids, strict=True)])

    # ---- every argument --------------------------------------------------------------------------------------------------

    async def _arguments(self) -> None:
        """One document a field, with each argument under an alias; asked once for each kind of value, so that it is planned once."""
        for type_, name, made in _places():
            groups: list[tuple[str, str, list[Any]]] = []  # alias, type, values that must be answered alike
            for path, leaf in _leaves(made.args):
                self.findings.counts["arguments"] += 1
                if path[-1] not in ("first", "last", "after", "before", "id", "ids"):  # elsewhere
                    groups += [(f"p{next(self._names)}", str(leaf), group) for group in self._groups(path[-1], leaf)]
                    self._paths |= {alias: path for alias, _, _ in groups if alias not in self._paths}
            if groups:
                asked = " ".join(f"{alias}: {_field(name, made, self._paths[alias], f'${alias}')}" for alias, _, _ in groups)
                await self._each_kind(f"{type_.name}.{name}", type_, asked, groups)

    async def _each_kind(self, where: str, type_: GraphQLObjectType, asked: str, groups: Sequence[tuple[str, str, list[Any]]]) -> None:
        """Asks with the first values of all groups, with the second, and so on; each group's answers must be alike."""
        document = _at(type_, asked, ", ".join(f"${alias}: {kind}" for alias, kind, _ in groups))
        replies = []
        for place in range(max(len(values) for _, _, values in groups)):
            given = {alias: values[min(place, len(values) - 1)] for alias, _, values in groups}
            replies.append(await self._ask(where, document, self.north.owner, **self._own(type_), **given))
        for alias, _, values in groups:
            found = [
                _told([_inside(reply.data, alias), _errors(reply, alias)], value) for reply, value in zip(replies, values, strict=False)
            ]
            self._alike(where, values, found)

    def _groups(self, name: str, leaf: Any) -> Iterator[list[Any]]:
        """Values for an argument, or for an input's field: those of a list must be answered alike."""
        kind = get_named_type(leaf)
        wrapped = (lambda value: [value]) if isinstance(get_nullable_type(leaf), GraphQLList) else (lambda value: value)
        if kind.name == "ID":
            for row in self._others(name):
                yield [wrapped(each) for each in _ids(row)]
        elif kind.name == "String" and name == "search":
            yield [wrapped(each) for each in (self.south.mark, "لا أحدnobody")]
        elif kind.name == "EstablishmentNumber":
            for number in self._numbers():
                yield [wrapped(each) for each in (number, "7-999999")]
        elif kind.name == "NationalId":
            yield [wrapped(each) for each in (self._national_id(), "1000000008")]
        elif isinstance(kind, GraphQLEnumType):
            yield from ([wrapped(each)] for each in list(kind.values)[:2])
        else:
            yield [wrapped(_PLAIN[kind.name])]

    def _others(self, name: str) -> list[Any]:
        """Rows of the other tenant that the argument could mean."""
        meant = name.removesuffix("Ids").removesuffix("Id")
        meant = {"token": "SpToken"}.get(meant, meant[:1].upper() + meant[1:])
        rows = self.south.rows.get(meant) or [self.south.first(each) for each in ("Job", "Contract")]
        return [row for row in rows if row.id.hex in self.south.tells][:2]

    def _numbers(self) -> list[str]:
        """A client's and the company's own."""
        client: Any = next(row for row in self.south.rows["Establishment"] if row.id.hex in self.south.tells)
        return [f"{row.labor_office_id}-{row.sequence_number}" for row in (client, self.south.company)]

    def _national_id(self) -> str:
        row: Any = self.south.first("Teleworker")
        assert isinstance(row, Teleworker)
        return row.national_id

    # ---- cursors ---------------------------------------------------------------------------------------------------------

    async def _cursors(self) -> None:
        """The other's cursor and one of the same place whose row never existed; the garbled ones may be told apart, by anybody."""
        for type_, name, made in _places():
            if "after" not in made.args or type_.name == "Query":  # reference data is everybody's
                continue
            orders = {f"c{place}": order for place, order in enumerate(_orders(made))}
            listed = " ".join(f"{alias}: {name}(first: 1{order}) {{ edges {{ cursor }} }}" for alias, order in orders.items())
            theirs = await self.portal(_at(type_, listed), as_=self.south.owner, **self._own(type_, self.south))
            groups, asked, garbled = [], [], []
            for listing, order in orders.items():
                for edge in _inside(theirs.data, listing)["edges"]:
                    for side, size in (("after", "first"), ("before", "last")):
                        alias, given = f"p{next(self._names)}", f"{size}: 5{order}, {side}"
                        groups.append((alias, "String", [edge["cursor"], _other_key(edge["cursor"])]))
                        asked.append(
                            f"{alias}: {name}({given}: ${alias}) {{ totalCount nodes {{ id }} pageInfo {{ {_selection(_PAGE_INFO, 0)} }} }}"
                        )
                        garbled.append(f"{alias}: {name}({given}: {json.dumps(edge['cursor'][:-4])}) {{ totalCount nodes {{ id }} }}")
            if groups:
                await self._each_kind(f"{type_.name}.{name} cursors", type_, " ".join(asked), groups)
                await self._ask(f"{type_.name}.{name} garbled", _at(type_, " ".join(garbled[:2])), self.north.owner, **self._own(type_))
                self.findings.counts["probes"] += len(garbled[:2])

    # ---- mutations -------------------------------------------------------------------------------------------------------

    async def _mutations(self) -> None:
        for name, made in SCHEMA.mutation_type.fields.items():
            input_type: Any = get_named_type(made.args["input"].type)
            payload = _selection(get_named_type(made.type), 1)
            for key, each in input_type.fields.items():
                self.findings.counts["arguments"] += 1
                kind = get_named_type(each.type).name
                for group in self._groups(key, each.type) if kind in ("ID", "EstablishmentNumber") else ():
                    given = self._input(input_type, {key: "$p"})
                    document = f"mutation($p: {each.type}) {{ {name}(input: {given}) {{ {payload} }} }}"
                    replies = [await self._ask(f"{name}.{key}", document, self.north.owner, p=value) for value in group]
                    self._alike(f"{name}.{key}", group, [_told(reply.body, value) for reply, value in zip(replies, group, strict=True)])
                    told = {code for reply in replies for code in reply.codes}
                    expected = {"FORBIDDEN"} if name in FOR_GATEWAY else {"NOT_FOUND"}
                    # A hire is told all that is wrong at once: of the job, which is the caller's own, as well.
                    if told != expected and not (name == "hireTeleworker" and expected < told):
                        self._leak(f"{name}.{key}", f"another's id is answered {sorted(told)}")

    def _input(self, type_: GraphQLInputObjectType, given: dict[str, str]) -> str:
        parts = dict(given)
        for name, each in type_.fields.items():
            if name not in parts and _is_needed(each):
                parts[name] = self._valid(name, each.type)
        return "{" + ", ".join(f"{name}: {value}" for name, value in parts.items()) + "}"

    def _valid(self, name: str, type_: Any) -> str:
        kind = get_named_type(type_)
        if kind.name == "ID":
            meant = name.removesuffix("Id")
            value = json.dumps(self.north.first(meant[:1].upper() + meant[1:]).public_id)
        elif isinstance(kind, GraphQLEnumType):
            value = next(iter(kind.values))
        elif isinstance(kind, GraphQLInputObjectType):
            value = self._input(kind, {})
        else:
            value = json.dumps((_NAMED | _EXACT).get(name, _PLAIN[kind.name]))
        return f"[{value}]" if isinstance(get_nullable_type(type_), GraphQLList) else value

    # ---- the portal's gateway ----------------------------------------------------------------------------------------------

    async def _as_gateway(self) -> None:
        """It sees some things of all companies: of the others, none of anybody's."""
        caller, tenants = await self.portal.gateway(), (self.north, self.south)
        closed = {
            str(tell)
            for tenant in tenants
            for name, rows in tenant.rows.items()
            for row in rows
            for tell in (row.id.hex if name not in OPEN_TO_GATEWAY else None, *(getattr(row, each, None) for each in _SECRETS))
            if tell
        }
        asked: list[tuple[str, dict[str, Any]]] = [(f"{{ {_selection(SCHEMA.query_type, 2)} }}", {})]
        for tenant in tenants:
            lists = [
                f"{name}(companyNumber: $number) {{ nodes {{ {_selection(SCHEMA.type_map[type_], 2)} }} }}" for name, type_ in _OF_NUMBER
            ]
            number = f"{tenant.company.labor_office_id}-{tenant.company.sequence_number}"
            asked.append((f"query($number: EstablishmentNumber!) {{ gateway {{ {' '.join(lists)} }} }}", {"number": number}))
            for type_ in _nodes():
                node = _node(type_, _selection(type_, 2))
                asked += [(node, {"id": row.public_id}) for row in tenant.rows.get(type_.name, [])[:2]]
        answers = []
        for document, given in asked:
            reply = await self.portal(document, as_=caller, **given)
            self.findings.counts["requests"] += 1
            answers.append(json.dumps(reply.body, ensure_ascii=False).replace(given.get("id", "?"), "?"))
            for tell in closed:
                if tell in answers[-1]:
                    self._leak("gateway", f"{given} tells {tell}")
        if not all(tenant.first(name).id.hex in "".join(answers) for tenant in tenants for name in OPEN_TO_GATEWAY - {"Document"}):
            raise AssertionError("the gateway sees nothing")

    # ---- documents -------------------------------------------------------------------------------------------------------

    async def _downloads(self) -> None:
        own, other = self.north.first("Document"), self.south.first("Document")
        document = "query($id: ID!) { node(id: $id) { ... on Document { downloadUrl } } }"
        url = (await self._ask("downloadUrl", document, self.north.owner, id=own.public_id)).data["node"]["downloadUrl"]
        theirs = (await self.portal(document, as_=self.south.owner, id=other.public_id)).data["node"]["downloadUrl"]
        tried = [url.replace(own.public_id, other.public_id), url.replace(own.public_id, f"doc_{uuid7().hex}"), theirs, url + "0"]
        answers = [await self.portal.http.get(each, headers=self.north.owner.headers) for each in tried]
        self._alike("downloads", tried, [(answer.status_code, answer.text) for answer in answers])

    # ---- asking and comparing --------------------------------------------------------------------------------------------

    async def _ask(self, where: str, document: str, caller: Caller, **variables: Any) -> Reply:
        reply = await self.portal(document, as_=caller, **variables)
        self.findings.counts["requests"] += 1
        if reply.status not in (200, 294):
            raise AssertionError(f"{where}: {reply.body} to {document[:3000]}")
        text = json.dumps(reply.body, ensure_ascii=False)
        asked = json.dumps([document, variables], ensure_ascii=False)
        for tell in self.south.tells:
            # What one asks with comes back in no answer either, so that it need not be taken out; but a document may be quoted.
            if tell in text and not (tell in asked and reply.data is None):
                self._leak(where, f"tells {tell}: …{text[max(0, text.index(tell) - 200) : text.index(tell) + 80]}…")
        return reply

    def _alike(self, where: str, asked: Sequence[Any], answers: Sequence[Any]) -> None:
        self.findings.counts["probes"] += len(answers)
        for each, answer in zip(asked, answers, strict=True):
            if answer != answers[0]:
                self._leak(where, f"answers differ: {asked[0]} {answers[0]} | {each} {answer}")

    def _leak(self, where: str, what: str) -> None:
        self.findings.leaks.append(f"{where}: {what}")
        if self.first_only:
            raise Found

    def _own(self, type_: GraphQLObjectType, tenant: Tenant | None = None) -> dict[str, str]:
        """The variable of `_at`: one of the tenant's rows of that type, a shared one where there is any."""
        if type_.name in ("Query", "Viewer"):
            return {}
        rows = (tenant or self.north).rows[type_.name]
        shared = [row for row in rows if row.id.hex not in (tenant or self.north).tells]
        return {"id": (shared or rows)[0].public_id}

    async def _stored(self) -> list[str]:
        models = {type(rows[0]) for rows in self.south.rows.values() if rows} - {ReportWeek}  # which has no table
        rows = [row for model in models for row in await self._of_south(model)]
        return sorted(rows)

    async def _of_south(self, model: type[Base]) -> list[str]:
        keys = [row.id for row in self.south.rows[model.__name__]]
        found = await self.portal.fetch(select(model).where(model.id.in_(keys)))
        return [repr({column.key: getattr(row, column.key) for column in model.__table__.columns}) for row in found]


# ---- the schema --------------------------------------------------------------------------------------------------------


def _objects() -> list[GraphQLObjectType]:
    return [
        type_
        for name, type_ in SCHEMA.type_map.items()
        if isinstance(type_, GraphQLObjectType) and not name.startswith("__") and type_ is not SCHEMA.mutation_type
    ]


def _nodes() -> list[GraphQLObjectType]:
    return [type_ for type_ in _objects() if any(each.name == "Node" for each in type_.interfaces)]


def _places() -> Iterator[tuple[GraphQLObjectType, str, GraphQLField]]:
    """The fields with arguments, on the types that one can ask for at the start."""
    for type_ in [SCHEMA.query_type, SCHEMA.type_map["Viewer"], *_nodes()]:
        for name, made in type_.fields.items():
            if made.args:
                yield type_, name, made


def _at(type_: GraphQLObjectType, asked: str, variables: str = "") -> str:
    head = f"query({variables}) " if variables else ""
    if type_.name == "Query":
        return f"{head}{{ {asked} }}"
    if type_.name == "Viewer":
        return f"{head}{{ viewer {{ {asked} }} }}"
    return _node(type_, asked, variables)


def _node(type_: GraphQLObjectType, asked: str, variables: str = "") -> str:
    return f"query($id: ID!, {variables}) {{ node(id: $id) {{ __typename ... on {type_.name} {{ {asked} }} }} }}"


def _selection(type_: Any, depth: int) -> str:
    """All fields, so many levels deep; those that must be given something are asked for elsewhere."""
    parts = ["__typename"]
    for name, made in type_.fields.items():
        inner = get_named_type(made.type)
        if any(_is_needed(argument) for argument in made.args.values()):
            continue
        page = "(first: 4)" if "first" in made.args else ""
        if is_leaf_type(inner):
            parts.append(name)
        elif isinstance(inner, GraphQLInterfaceType) and depth > 0:
            parts.append(f"{name} {{ __typename {' '.join(f'... on {each.name} {{ {_leafy(each)} }}' for each in _implementing(inner))} }}")
        elif isinstance(inner, GraphQLObjectType) and depth > 0:
            # The parts of a page are no level of their own.
            down = depth if inner.name.endswith(("Connection", "Edge", "PageInfo")) else depth - 1
            parts.append(f"{name}{page} {{ {_selection(inner, down)} }}")
    return " ".join(parts)


def _leafy(type_: Any) -> str:
    """Aliased, since types that stand side by side may differ in the nullability of a field of one name."""
    return " ".join(
        f"{type_.name}_{name}: {name}"
        for name, made in type_.fields.items()
        if is_leaf_type(get_named_type(made.type)) and not any(_is_needed(each) for each in made.args.values())
    )


def _implementing(type_: GraphQLInterfaceType) -> list[GraphQLObjectType]:
    return list(SCHEMA.get_possible_types(type_))


_PAGE_INFO = SCHEMA.type_map["PageInfo"]


def _is_needed(made: Any) -> bool:
    return is_required_argument(made) if isinstance(made, GraphQLArgument) else is_required_input_field(made)


def _leaves(arguments: dict[str, Any], above: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value that an argument can hold, by its path through the input objects; of filters within filters, one level."""
    for name, each in arguments.items():
        inner = get_named_type(each.type)
        if above.count(inner) > 1:
            continue
        if isinstance(inner, GraphQLInputObjectType):
            yield from (((name, *path), leaf) for path, leaf in _leaves(inner.fields, (*above, inner)))
        else:
            yield (name,), each.type


def _field(name: str, made: GraphQLField, path: Sequence[str], value: str) -> str:
    """The field with this one argument given, and what an input object needs beside it."""
    inputs: list[Any] = [made.args[path[0]].type]
    for step in path[1:]:
        inputs.append(_inputs(inputs[-1])[step].type)
    for step, parent in zip(reversed(path[1:]), reversed(inputs[:-1]), strict=True):
        beside = {key: next(iter(_enum(each.type))) for key, each in _inputs(parent).items() if _is_needed(each)}
        value = "{" + ", ".join(f"{key}: {each}" for key, each in (beside | {step: value}).items()) + "}"
    inner = get_named_type(made.type)
    sub = ""
    if isinstance(inner, GraphQLObjectType):
        sub = " { totalCount nodes { id } }" if inner.name.endswith("Connection") else f" {{ {_selection(inner, 0)} }}"
    first = "first: 5, " if "first" in made.args else ""
    return f"{name}({first}{path[0]}: {value}){sub}"


def _orders(made: GraphQLField) -> list[str]:
    if "orderBy" not in made.args:
        return [""]
    return [f", orderBy: {{field: {value}}}" for value in _enum(_inputs(made.args["orderBy"].type)["field"].type)]


def _inputs(type_: Any) -> dict[str, Any]:
    """The fields of an input object."""
    named: Any = get_named_type(type_)
    fields: dict[str, Any] = named.fields
    return fields


def _enum(type_: Any) -> list[str]:
    named: Any = get_named_type(type_)
    return list(named.values)


# ---- answers -----------------------------------------------------------------------------------------------------------


def _inside(data: Any, alias: str) -> Any:
    """The value under the alias, wherever that is."""
    if isinstance(data, dict):
        if alias in data:
            return data[alias]
        for value in data.values():
            if (found := _inside(value, alias)) is not None:
                return found
    return None


def _errors(reply: Reply, alias: str) -> list[Any]:
    return [{**error, "locations": None} for error in reply.errors if alias in error.get("path", [])]


def _told(answer: Any, asked: Any) -> str:
    """The answer's text, without what was asked."""
    text = json.dumps(answer, ensure_ascii=False, sort_keys=True)
    for each in asked if isinstance(asked, list) else [asked]:
        text = text.replace(str(each), "?")
    return text


def _ids(row: Base) -> list[str]:
    """The row's, one that never existed, a malformed one, and garbage."""
    return [row.public_id, f"{row.prefix}_{uuid7().hex}", f"{row.prefix}_x", "garbage"]


def _other_key(cursor: str) -> str:
    """A cursor of the same place, of a row that never existed."""
    name, value, key = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    other = UUID(int=UUID(hex=key).int ^ 1)  # its nearest neighbour: nobody's row lies between
    return urlsafe_b64encode(json.dumps([name, value, other.hex], ensure_ascii=False).encode()).rstrip(b"=").decode()


async def timings(
    twins: Twins, rounds: int, best: dict[str, tuple[float, float]] | None = None, *, types: Sequence[str] = ()
) -> dict[str, tuple[float, float]]:
    """Milliseconds for the other's id and for one that never existed: the best of interleaved rounds, and of those before, by type."""
    found = {}
    for type_ in _nodes():
        rows = [row for row in twins.south.rows.get(type_.name, []) if row.id.hex in twins.south.tells]
        if not rows or (types and type_.name not in types):
            continue
        ids = rows[0].public_id, f"{rows[0].prefix}_{uuid7().hex}"
        times = list((best or {}).get(type_.name, (float("inf"), float("inf"))))
        for turn in range(rounds):
            for place, each in sorted(enumerate(ids), reverse=bool(turn % 2)):
                begun = time.perf_counter()
                await twins.portal(_node(type_, "id"), as_=twins.north.owner, id=each)
                times[place] = min(times[place], (time.perf_counter() - begun) * 1000)
        found[type_.name] = (times[0], times[1])
    return found
