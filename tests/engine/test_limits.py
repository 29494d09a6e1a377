"""What a document may look like and what an operation may cost: bounds that hold, told in time, with a way out."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLScalarType,
    IntValueNode,
    ListValueNode,
    NameNode,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    Visitor,
    get_introspection_query,
    get_named_type,
    is_list_type,
    is_non_null_type,
    parse,
    parse_value,
    print_ast,
    validate,
    visit,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.auth.permissions import Permission
from app.engine.cost import Formula, actual_cost, written_cost
from app.engine.limits import Meter, check_text, parse_text
from app.errors import CostLimit, DocumentTooComplex, RequestError
from app.models import Company
from app.schema import schema
from app.settings import Settings
from tests.portal import Portal

SETTINGS = Settings()
SCHEMA = schema._schema
METER = Meter(SCHEMA, SETTINGS)
ROOMY = Meter(
    SCHEMA, Settings(most_aliases=10**6, most_fields=10**6, most_spreads=10**6, most_depth=10**6, most_root_fields=10**6)
)  # for operations made at random


def read(text: str) -> DocumentNode:
    """As the server reads a document, up to its measuring."""
    return parse_text(text, SETTINGS)


def formula(text: str, meter: Meter = METER) -> Formula:
    document = read(text)
    return meter.measure(document).formula(operation_of(document))


def operation_of(document: DocumentNode) -> OperationDefinitionNode:
    return next(node for node in document.definitions if isinstance(node, OperationDefinitionNode))


def cost(text: str, **variables: Any) -> int:
    return formula(text).cost(variables)


def refusal(text: str) -> str:
    with pytest.raises(DocumentTooComplex) as refused:
        METER.measure(parse_text(text, SETTINGS))
    assert refused.value.extensions == {"code": "DOCUMENT_INVALID", "retryable": False}
    assert not refused.value.words("ar").isascii()
    return refused.value.words("en")


# ---- shape ---------------------------------------------------------------------------------------------------------------


def nested(levels: int) -> str:
    return "{" + "viewer{" * (levels - 1) + "__typename" + "}" * (levels - 1) + "}"


@pytest.mark.parametrize(
    ("_case", "within", "beyond", "told"),
    [
        ("depth", nested(20), nested(21), "21 levels of fields; at most 20"),
        (
            "depth through fragments",
            "{...A} fragment A on Query{" + nested(20)[1:],
            "{...A} fragment A on Query{viewer{...B}} fragment B on Viewer" + nested(20),
            "21 levels of fields; at most 20",
        ),
        (
            "aliases",
            "{viewer{" + " ".join(f"a{n}:role" for n in range(100)) + "}}",
            "{viewer{" + " ".join(f"a{n}:role" for n in range(101)) + "}}",
            "101 aliases; at most 100",
        ),
        (
            "aliases through fragments",
            "{a:viewer{...A} b:viewer{...A}} fragment A on Viewer{" + " ".join(f"a{n}:role" for n in range(49)) + "}",
            "{a:viewer{...A} b:viewer{...A}} fragment A on Viewer{" + " ".join(f"a{n}:role" for n in range(50)) + "}",
            "102 aliases; at most 100",
        ),
        ("root fields", "{" + "viewer{role} " * 50 + "}", "{" + "viewer{role} " * 51 + "}", "51 fields at its root; at most 50"),
        (
            "root fields through fragments",
            "{...A ...A} fragment A on Query{" + "viewer{role} " * 25 + "}",
            "{...A ...A} fragment A on Query{" + "viewer{role} " * 26 + "}",
            "52 fields at its root; at most 50",
        ),
        ("fields", "{viewer{" + "role " * 999 + "}}", "{viewer{" + "role " * 1000 + "}}", "1,001 fields; at most 1,000"),
        (
            "fragments",
            "{viewer{role}}" + "".join(f"fragment F{n} on Viewer{{role}}" for n in range(100)),
            "{viewer{role}}" + "".join(f"fragment F{n} on Viewer{{role}}" for n in range(101)),
            "101 fragments; at most 100",
        ),
        (
            "spreads",
            "{viewer{" + "...A " * 500 + "}} fragment A on Viewer{role}",
            "{viewer{" + "...A " * 501 + "}} fragment A on Viewer{role}",
            "501 fragment spreads; at most 500",
        ),
        (
            "directives in one place",
            "{viewer{role" + "@a " * 10 + "}}",
            "{viewer{role" + "@a " * 11 + "}}",
            "11 directives in one place; at most 10",
        ),
        (
            "directives",
            "{viewer{" + "role@a@a " * 100 + "}}",
            "query($a:Int@a){viewer{" + "role@a@a " * 100 + "}}",
            "201 directives; at most 200",
        ),
        ("operations", "query Q{viewer{role}}" * 20, "query Q{viewer{role}}" * 21, "21 operations; at most 20"),
        (
            "introspection depth",
            "{__schema{types" + "{ofType" * 23 + "{name}" + "}" * 24 + "}",
            "{__schema{types" + "{ofType" * 24 + "{name}" + "}" * 25 + "}",
            "26 levels of introspection; at most 25",
        ),
        (
            "introspection fields",
            "{__type{" + "name " * 1000 + "}}",
            "{__type{" + "name " * 1001 + "}}",
            "1,001 fields of introspection; at most 1,000",
        ),
        (
            "aliases of introspection",
            "{a:__schema{types{b:name}}}",
            "{a:__schema{types{b:name ...A}}} fragment A on __Type{c:name}",
            "3 aliases of introspection; at most 2",
        ),
        (
            "aliases, though not of __type",
            "{a:__type{name} b:__type{name} c:__type{name}}",
            "{a:__schema{types{b:name c:name}}}",
            "3 aliases of",
        ),
        (
            "operations and fragments, valid or not",
            "{viewer{role}}" + "type A{b:Int}" * 100,
            "{viewer{role}}" + "type A{b:Int}" * 120,
            "121 operations and fragments; at most 120",
        ),
        (
            "a fragment that nobody spreads",
            "{viewer{role}}",
            "{viewer{role}} fragment A on Viewer{" + "role " * 1001 + "}",
            "1,001 fields",
        ),
        (
            "the second operation",
            "query A{viewer{role}} query B{viewer{role}}",
            "query A{viewer{role}} query B{" + "viewer{role} " * 51 + "}",
            "51 fields at its root",
        ),
    ],
)
def test_what_is_within_a_limit_passes_and_one_more_is_told_the_limit_and_the_number(
    _case: str, within: str, beyond: str, told: str
) -> None:
    METER.measure(read(within))

    assert told in refusal(beyond)


@pytest.mark.parametrize(
    "text",
    [
        "{...A}",
        "{...A} fragment A on Query{...A}",
        "{...A} fragment A on Query{viewer{...B}} fragment B on Viewer{companies{nodes{provider{...A}}} ...B}",
        "{nothing{of{this}}} fragment A on Nothing{is ...B known} fragment B on Int{x}",
        '{viewer{role{deeper}} cities(first:"x" last:null ids:{a:1}){nodes} nodes(ids:{}){id} jobs(first:1.5){nodes{id}}}',
        "{cities(first:" + "9" * 5000 + "){nodes{id}}}",
        "subscription{x{y}}",
        "mutation{viewer{role}}",
        "{...on Nothing{a{b}} ...{viewer{role}} ...@a{viewer{role}}}",
        "fragment A on Query{viewer{role}} type B{c:Int} query{...A}",
        "fragment __schema on __schema{name} {__schema{...__schema ...on Query{viewer{role}}} ...__schema}",
        "fragment A on Query{a:viewer{role}} fragment A on Query{viewer{...A}} {...A}",
    ],
)
def test_what_is_not_valid_is_measured_all_the_same(text: str) -> None:
    assert formula(text).cost({}) >= 1


def test_every_standard_introspection_query_passes_and_costs_little() -> None:
    for depth in (7, 9, 13):
        text = get_introspection_query(
            descriptions=True,
            specified_by_url=True,
            directive_is_repeatable=True,
            schema_description=True,
            input_value_deprecation=True,
            experimental_directive_deprecation=True,
            one_of=True,
            type_depth=depth,
        )

        assert cost(text) == 1 + SETTINGS.introspection_cost


# ---- figures -------------------------------------------------------------------------------------------------------------

BOMB = (
    'query{node(id:"x"){...f0}} '
    + "".join(f"fragment f{n} on Node{{...f{n + 1} ...f{n + 1}}} " for n in range(20))
    + "fragment f20 on Node{id}"
)
WIDE_BOMB = (
    "query{viewer{companies{nodes{...f0}}}}"
    + "".join(f"fragment f{n} on Company{{a:provider{{...g{n}}} b:provider{{...g{n}}}}}" for n in range(20))
    + "".join(f"fragment g{n} on Provider{{a:companies{{nodes{{...f{n + 1}}}}}}}" for n in range(20))
    + "fragment f20 on Company{id}"
)
# Each of them under the limit on characters, where that would refuse it at once.
HOSTILE = {
    "a bomb of 20 fragments": BOMB,
    "a bomb of 40 fragments with aliases": WIDE_BOMB,
    "a cycle of doubles": "{...A} fragment A on Query{...B ...B} fragment B on Query{...A ...A}",
    "10,000 aliases": "{" + " ".join(f"a{n}:__typename" for n in range(10_000)) + "}",
    "1 MB of tokens": "{" + "a " * 500_000 + "}",
    "100 kB of tokens": "{" + "a " * 49_000 + "}",
    "100 kB of braces": "{" * 99_000,
    "1 MB of one comment": "#" + "x" * 1_000_000 + "\n{a}",
    "100 kB of one comment": "#" + "x" * 99_000 + "\n{a}",
    "1 MB of one block string": '{a(b:"""' + "x" * 1_000_000 + '""")}',
    "100 kB of one block string": '{a(b:"""' + '" ' * 49_000 + '""")}',
    "100 kB of escapes": '{a(b:"' + "\\n" * 49_000 + '")}',
    "100 kB of escaped quotes, unterminated": '{a(b:"' + '\\"' * 49_000,
    "100 kB of empty strings": "{a(b:" + '""' * 49_000,
    "100 kB of open block strings": "{a(b:" + '""\\"' * 24_000,
    "a thousand spreads side by side": "{viewer{" + "...A " * 2000 + "}} fragment A on Viewer{role}",
    "a chain of 100 fragments": "{...f0}"
    + "".join(f"fragment f{n} on Query{{...f{n + 1}}}" for n in range(99))
    + "fragment f99 on Query{viewer{role}}",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_documents_are_measured_or_refused_in_milliseconds(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    told, took = timed(lambda: METER.measure(read(HOSTILE[name])))

    with capsys.disabled():
        print(f"\n    {name}: {took * 1000:.1f} ms, {told}", end="")
    assert took < 0.25


@pytest.mark.parametrize("name", ["a bomb of 20 fragments", "a bomb of 40 fragments with aliases", "10,000 aliases", "1 MB of tokens"])
def test_bombs_and_floods_are_refused(name: str) -> None:
    with pytest.raises(DocumentTooComplex):
        METER.measure(read(HOSTILE[name]))


def timed(run: Callable[[], Any]) -> tuple[str, float]:
    """What came of it, and the CPU seconds that it took."""
    began, told = time.process_time(), "passes"
    try:
        run()
    except RequestError as refused:
        told = refused.words("en")
    except GraphQLError as refused:
        told = refused.message
    return told, time.process_time() - began


def test_tokens_are_counted_as_the_lexer_counts_them() -> None:
    text = '# said\nquery Q($a: [Int!] = [1, -2.5e3], $b: String = "x # {" ) @d { a: b(c: """ " \\""" {{{ """) ...on C { ...D } }'
    document = parse(text, no_location=False)
    token, found = document.loc.start_token if document.loc else None, -2  # the first and the last stand for the ends
    while token:
        token, found = token.next, found + 1
    roomy = Settings(most_document_characters=1000)

    check_text(text, roomy.model_copy(update={"most_tokens": found}))
    with pytest.raises(DocumentTooComplex):
        check_text(text, roomy.model_copy(update={"most_tokens": found - 1}))


# ---- cost ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("_case", "text", "variables", "expected"),
    [
        ("the root", "{__typename}", {}, 1),
        ("an object", "{viewer{role}}", {}, 2),
        ("an object with another", "{viewer{user{name}}}", {}, 3),
        ("rows by nodes", "{cities(first:7){nodes{id}}}", {}, 1 + 1 + 7),
        ("rows by edges, which are objects", "{cities(first:7){edges{cursor node{id}}}}", {}, 1 + 1 + 7 * 2),
        ("the last ones", "{cities(last:7){nodes{id}}}", {}, 1 + 1 + 7),
        ("pages told by nobody", "{cities{nodes{id}}}", {}, 1 + 1 + 20),
        ("pages past the largest", "{cities(first:5000){nodes{id}}}", {}, 1 + 1 + 1000),
        ("a page without rows", "{cities(first:7){pageInfo{endCursor} totalCount}}", {}, 1 + 1 + 1 + 1),
        ("a variable", "query($n:Int){cities(first:$n){nodes{id}}}", {"n": 3}, 1 + 1 + 3),
        ("a variable that is null", "query($n:Int){cities(first:$n){nodes{id}}}", {"n": None}, 1 + 1 + 20),
        ("a variable left out", "query($n:Int){cities(first:$n){nodes{id}}}", {}, 1 + 1 + 20),
        ("ids", '{nodes(ids:["a","b","c"]){id}}', {}, 1 + 3),
        ("ids by a variable", "query($i:[ID!]!){nodes(ids:$i){id}}", {"i": ["a", "b"]}, 1 + 2),
        ("the dearest type", '{node(id:"a"){...on Job{project{id}} ...on Event{user{id} token{id}}}}', {}, 1 + 1 + 2),
        ("a list without pages", '{node(id:"a"){...on Employment{leavePeriods{startsOn}}}}', {}, 1 + 1 + 10),
        ("a mutation", "mutation($i:AddJobInput!){addJob(input:$i){job{id}}}", {"i": {}}, 1 + 10 + 1 + 1),
        ("introspection", "{__schema{types{name}} __type(name:\"Job\"){name}}", {}, 1 + 100 + 100),
        ("aliases each", "{a:viewer{role} b:viewer{role}}", {}, 1 + 2),
        (
            "pages in pages",
            "{viewer{account{contracts(first:10){nodes{projects(first:10){nodes{jobs(first:10){nodes{id}}}}}}}}}",
            {},
            1 + 1 + 1 + 1 + 10 * (1 + 1 + 10 * (1 + 1 + 10)),
        ),
        (
            "a fragment on a page, as large as each that spreads it",
            "{a:cities(first:3){...P} b:cities(first:5){...P}} fragment P on CityConnection{nodes{id} pageInfo{endCursor}}",
            {},
            1 + (1 + 1 + 3) + (1 + 1 + 5),
        ),
    ],
)  # fmt: skip
def test_an_operation_costs_what_it_may_answer_with(_case: str, text: str, variables: dict[str, Any], expected: int) -> None:
    assert cost(text, **variables) == expected


def test_what_is_over_the_limit_is_told_its_cost_and_what_to_lower() -> None:
    text = "query($n:Int){viewer{account{contracts(first:10){nodes{projects(first:10){nodes{jobs(first:$n){nodes{id}}}}}}}}}"

    with pytest.raises(CostLimit) as refused:
        formula(text).check({"n": 1000}, 4224)

    assert refused.value.extensions == {
        "code": "COST_LIMIT",
        "retryable": False,
        "cost": 100_224,
        "maximumCost": 4224,
        "suggestion": "lower jobs(first:) to 40",
    }
    assert "lower jobs(first:) to 40" in refused.value.words("en")
    assert "jobs(first:)" in refused.value.words("ar")
    assert formula(text).check({"n": 40}, 4224) <= 4224
    assert formula(text).cost({"n": 41}) > 4224


@pytest.mark.parametrize(
    ("_case", "text", "most", "suggestion"),
    [
        ("several of a name", "{a:cities(first:9){nodes{id}} b:cities(first:900){nodes{id}}}", 100, "lower b(first:) to 88"),
        (
            "within a fragment",
            "{...A} fragment A on Query{b:cities(last:900){nodes{id}} c:cities{nodes{id}}}",
            100,
            "lower Query.b(last:) to 77",
        ),
        ("ids", '{nodes(ids:["a","b","c","d"]){id}}', 3, "lower nodes(ids:) to 2"),
        ("more ids than may be asked for", "{nodes(ids:[" + '"a" ' * 1500 + "]){id}}", 1400, "lower nodes(ids:) to 1000"),
        ("no single one", "{a:cities(first:900){nodes{id}} b:cities(first:900){nodes{id}}}", 103, "lower every page to 50"),
        ("none at all", "{a:viewer{role} b:viewer{role} c:cities{nodes{id}}}", 4, "select fewer fields"),
    ],
)  # fmt: skip
def test_the_way_out_names_the_place(_case: str, text: str, most: int, suggestion: str) -> None:
    with pytest.raises(CostLimit) as refused:
        formula(text).check({}, most)

    assert refused.value.extensions["suggestion"] == suggestion


def test_what_pays_for_no_object_is_not_given_back() -> None:
    asked = formula("mutation($i:AddJobInput!){addJob(input:$i){job{id}} ...M} fragment M on Mutation{deleteJob(input:$i){deletedJobId}}")

    charged = asked.cost({"i": {}})

    assert asked.surcharge == 20
    assert asked.unused(charged, objects=1) == charged - 20 - 1
    assert asked.unused(charged, objects=1000) == 0


def test_objects_are_counted_alike_in_an_answer_and_in_its_text() -> None:
    data = {"a": [{"b": None, "c": [1, 2, {"d": "x"}]}, None, {}], "e": {"f": [[{}]]}}

    assert actual_cost(data) == 6
    assert written_cost(b'{"a":[{"b":null,"c":[1,2,{"d":"x"}]},null,{}],"e":{"f":[[{}]]}}') == 6
    assert actual_cost(None) == 0


def test_evaluating_takes_microseconds(capsys: pytest.CaptureFixture[str]) -> None:
    asked = formula(
        "query($a:Int,$b:Int){viewer{account{contracts(first:$a){nodes{projects(first:10){nodes{jobs(first:$b){totalCount nodes{id}}}}}}}}}"
    )

    began = time.process_time()
    for _ in range(10_000):
        asked.cost({"a": 10, "b": 10})
    took = (time.process_time() - began) / 10_000

    with capsys.disabled():
        print(f"\n    {took * 1e6:.1f} us for each evaluation", end="")
    assert took < 50e-6


def test_refusing_a_dear_operation_of_the_largest_size_takes_milliseconds(capsys: pytest.CaptureFixture[str]) -> None:
    text = "query($n:Int){viewer{account{" + " ".join(
        f"a{n}:jobs(first:$n){{nodes{{id employments(first:$n){{nodes{{id}}}}}}}}" for n in range(50)
    )
    asked = formula(text + "}}}")

    told, took = timed(lambda: asked.check({"n": 1000}, 20_000))

    with capsys.disabled():
        print(f"\n    {took * 1000:.1f} ms, {told}", end="")
    assert "lower every page to" in told
    assert took < 0.25


# ---- operations made at random -------------------------------------------------------------------------------------------


class Made:
    """A valid operation over the whole graph, from a seed. Everything is aliased, so that nothing conflicts."""

    def __init__(self, seed: int, *, largest: int = 30) -> None:
        self.random, self.largest = Random(seed), largest
        self.variables: dict[str, Any] = {}
        self.fragments: list[tuple[str, str]] = []  # type, text
        self.names = 0
        root = SCHEMA.query_type
        assert root
        body = self.selections(root, 5)
        declared = "(" + " ".join(f"${name}:Int" for name in self.variables) + ")" if self.variables else ""
        texts = [text for _, text in self.fragments]
        self.text = f"query{declared}{{{body}}}{' '.join(texts)}"

    def selections(self, type_: Any, depth: int) -> str:
        pieces = [self.field(type_, depth) for _ in range(self.random.randint(1, 2))]
        if isinstance(type_, GraphQLInterfaceType) and depth > 1:
            cases = self.random.sample(SCHEMA.get_possible_types(type_), 2)
            pieces += [f"...on {case.name}{{{self.selections(case, depth - 1)}}}" for case in cases]
        known = [place for place, (of, _) in enumerate(self.fragments) if of == type_.name]
        if known and self.random.random() < 0.5:
            pieces.append(f"...F{self.random.choice(known)}")
        body = " ".join(pieces)
        if self.random.random() < 0.25:
            self.fragments.append((type_.name, f"fragment F{len(self.fragments)} on {type_.name}{{{body}}}"))
            return f"...F{len(self.fragments) - 1} {'...F' + str(len(self.fragments) - 1) if self.random.random() < 0.3 else ''}"
        return body

    def field(self, type_: Any, depth: int) -> str:
        fields = type_.fields
        leaves = [name for name in fields if isinstance(get_named_type(fields[name].type), GraphQLScalarType | GraphQLEnumType)]
        inner = [name for name in fields if name not in leaves and name != "service"]
        liked = [name for name in inner if name in ("viewer", "account", "nodes", "edges")]
        name = self.random.choice(liked * 4 + inner if inner and depth > 0 else leaves or ["__typename"])
        self.names += 1
        written = f"x{self.names}:{name}{self.arguments(name, fields)}"
        return (
            written
            if name in leaves or name == "__typename"
            else f"{written}{{{self.selections(get_named_type(fields[name].type), depth - 1)}}}"
        )

    def arguments(self, name: str, fields: Any) -> str:
        if name == "__typename":
            return ""
        if "id" in fields[name].args:
            return '(id:"com_00000000000000000000000000000000")'
        if name == "nodes" and "ids" in fields[name].args:
            return '(ids:["a","b"])'
        given = 'companyNumber:"1-1" ' if "companyNumber" in fields[name].args else ""
        if "first" not in fields[name].args or self.random.random() < 0.2:
            return f"({given})" if given else ""
        side, size = self.random.choice(["first", "last"]), self.random.randint(1, self.largest)
        if self.random.random() < 0.5:
            return f"({given}{side}:{size})"
        variable = f"v{self.random.randint(0, 3)}"
        self.variables.setdefault(variable, size)
        return f"({given}{side}:${variable})"


def naive_cost(document: DocumentNode, variables: dict[str, Any]) -> int:
    """The same sum, fragment by fragment as often as each is spread, straight from the schema."""
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}

    def number(node: Any) -> int | None:
        if isinstance(node, VariableNode):
            given: int | None = variables.get(node.name.value)
            return given
        return int(node.value) if isinstance(node, IntValueNode) else None

    def sum_of(selections: Any, type_: Any, page: int) -> int:
        total = 0
        cases: dict[str, int] = {}
        for node in selections:
            if isinstance(node, FieldNode):
                total += of_field(node, type_, page)
                continue
            source = fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
            on = SCHEMA.type_map[source.type_condition.name.value]
            found = sum_of(source.selection_set.selections, on, page)
            if isinstance(type_, GraphQLInterfaceType) and isinstance(on, GraphQLObjectType) and source is node:
                cases[on.name] = cases.get(on.name, 0) + found
            else:
                total += found
        return total + max(cases.values(), default=0)

    def of_field(node: FieldNode, type_: Any, page: int) -> int:
        name = node.name.value
        if not node.selection_set:
            return int(name == "totalCount")
        field = type_.fields[name]
        inner = get_named_type(field.type)
        given_ = {argument.name.value: argument.value for argument in node.arguments or ()}
        selections = node.selection_set.selections
        if "first" in field.args:
            sizes = [size for side in ("first", "last") if side in given_ and (size := number(given_[side])) is not None]
            return 1 + sum_of(selections, inner, sizes[0] if sizes else 20)
        if isinstance(ids := given_.get("ids"), ListValueNode):
            return len(ids.values) * (1 + sum_of(selections, inner, 0))
        plain = field.type.of_type if is_non_null_type(field.type) else field.type
        times = 1 if not is_list_type(plain) else page if type_.name.endswith("Connection") else 10
        return times * (1 + sum_of(selections, inner, 0))

    operation = operation_of(document)
    return 1 + sum_of(operation.selection_set.selections, SCHEMA.get_root_type(OperationType.QUERY), 0)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_formula_is_the_naive_sum(seed: int) -> None:
    made = Made(seed)
    document = parse(made.text)

    assert validate(SCHEMA, document) == []
    assert formula(made.text, ROOMY).cost(made.variables) == naive_cost(document, made.variables)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), data=st.data())
def test_larger_pages_never_cost_less(seed: int, data: st.DataObject) -> None:
    made = Made(seed)
    asked = formula(made.text, ROOMY)
    more = {name: size + data.draw(st.integers(0, 2000)) for name, size in made.variables.items()}

    assert asked.cost(made.variables) <= asked.cost(more)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), share=st.floats(0.01, 0.99))
def test_the_suggestion_makes_it_fit(seed: int, share: float) -> None:
    made = Made(seed, largest=1000)
    asked = formula(made.text, ROOMY)
    most = int(asked.cost(made.variables) * share)

    with pytest.raises(CostLimit) as refused:
        asked.check(made.variables, most)

    suggestion = refused.value.extensions["suggestion"]
    if suggestion == "select fewer fields":
        return
    followed = print_ast(visit(parse(made.text), Following(suggestion, made.variables)))
    assert formula(followed, ROOMY).cost(made.variables) <= most


PAGES = {
    name
    for type_ in SCHEMA.type_map.values()
    if isinstance(type_, GraphQLObjectType)
    for name, field in type_.fields.items()
    if "first" in field.args
}


class Following(Visitor):
    """Changes an operation as a suggestion says."""

    def __init__(self, suggestion: str, variables: dict[str, Any]) -> None:
        super().__init__()
        found = re.fullmatch(r"lower (every page|([\w.]+)\((\w+):\)) to (\d+)", suggestion)
        assert found, suggestion
        self.place, self.argument, self.size = found[2], found[3], int(found[4])
        self.variables = variables

    def enter_field(self, node: FieldNode, *_: Any) -> FieldNode | None:
        argument = self.argument or next(
            (each.name.value for each in node.arguments or () if each.name.value in ("first", "last")), "first"
        )
        is_page = node.name.value in PAGES and node.selection_set is not None
        is_meant = is_page if self.place is None else self.place.split(".")[-1] in (node.name.value, node.alias and node.alias.value)
        if not is_meant or (argument != "ids" and not is_page):
            return None
        said = {each.name.value: each.value for each in node.arguments or ()}
        size = self.size
        if self.place is None and isinstance(value := said.get(argument), VariableNode):
            size = min(size, self.variables[value.name.value])
        elif self.place is None:
            size = min(size, int(value.value) if isinstance(value, IntValueNode) else SETTINGS.default_page)
        wanted = parse_value(str(["x"] * size).replace("'", '"')) if argument == "ids" else IntValueNode(value=str(size))
        changed = ArgumentNode(name=NameNode(value=argument), value=wanted)
        return FieldNode(alias=node.alias, name=node.name, arguments=(changed,), selection_set=node.selection_set)


async def test_no_answer_holds_more_than_its_operation_was_said_to_cost(demo: Portal) -> None:
    [company, *_] = await demo.fetch(select(Company))
    caller = await demo.token(company, *(permission for permission in Permission if permission.endswith("_READ")))
    seen = 0

    for seed in range(60):
        made = Made(seed, largest=12)
        try:
            said = formula(made.text).check(made.variables, SETTINGS.most_cost)
        except (CostLimit, DocumentTooComplex):
            continue
        reply = await demo(made.text, as_=caller, **made.variables)
        found = actual_cost(reply.data)
        assert reply.status in (200, 294), reply.errors
        assert found <= said, made.text
        seen += found

    assert seen > 300
