"""The language itself, on a graph without a domain: both executors give the answer that the specification asks for.

No class of ours takes a place inside graphql-core's executor: ours runs an operation whole, or leaves it, whole, to `graphql.execute` as
it comes. What that executor's own tests check is checked here from outside, by operations that run both ways: values and variables,
nulls, lists, directives, fragments, order, errors, mutations.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from graphql.execution import Executor as CoreExecutor
from structlog.testing import capture_logs

from app.auth.actor import ANONYMOUS
from app.database import Database
from app.engine.context import Context
from app.engine.execute import Executor
from app.settings import Settings
from tests.engine.synthetic import schema
from tests.portal import NOW

Answer = dict[str, Any]


class Both:
    """The two executors, asked the same."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database, self.settings = database, settings
        self.counts: dict[str, int] = {}
        self.context = self.fresh()

    def fresh(self) -> Context:
        return Context(self.database, self.settings, ANONYMOUS, "en", NOW, "request")

    async def __call__(self, text: str, variables: dict[str, Any] | None = None, name: str | None = None) -> Answer:
        answers = []
        for executor in (Executor(schema), Executor(schema, way="reference")):
            self.context = self.fresh()
            answers.append((await executor.execute(text, variables, name, self.context)).body)
            self.counts = self.counts if executor.way == "reference" else dict(executor.counts)
        assert answers[0] == answers[1]
        assert str(answers[0].get("data")) == str(answers[1].get("data"))  # the order of keys as well
        return answers[0]

    @property
    def causes(self) -> list[str]:
        """Why the compiled executor left the operation to the other."""
        return [name.removeprefix("fallback: ") for name in self.counts if name.startswith("fallback")]


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[Both]:
    settings = Settings(database_url=f"sqlite+aiosqlite:///{tmp_path}/empty.db", data_dir=tmp_path)
    database = Database(settings)
    with capture_logs():  # the exceptions that fields raise here on purpose
        yield Both(database, settings)
    await database.close()


def told(answer: Answer) -> list[tuple[str, Any]]:
    """Code and path of each error, in the order of paths."""
    errors = ((error["extensions"]["code"], error.get("path")) for error in answer.get("errors", ()))
    return sorted(errors, key=str)


def test_no_class_of_ours_takes_a_place_in_the_librarys_executor() -> None:
    """One that did would have to pass the library's own execution tests, and this file would not do."""
    waiting: list[type] = [CoreExecutor]
    found: list[type] = []
    while waiting:
        classes: list[type] = waiting.pop().__subclasses__()
        found += classes
        waiting += classes

    assert found
    assert "app" not in {cls.__module__.partition(".")[0] for cls in found}


# ---- arguments -----------------------------------------------------------------------------------------------------------

OUTER = "{'text': %s, 'number': %s, 'amount': %s, 'colour': %s, 'listed': %s, 'inner': %s, 'inners': %s}"
UNSET = "'unset'"
BLUE = "'Colour.BLUE'"


def outer(**given: str) -> str:
    names = {"text": UNSET, "number": "'7'", "amount": UNSET, "colour": BLUE, "listed": UNSET, "inner": UNSET, "inners": UNSET}
    return OUTER % tuple((names | given).values())


@pytest.mark.parametrize(
    ("text", "variables", "said"),
    [
        # Absent, null and a value are three things.
        ("{ text }", {}, None),
        ("{ text(value: null) }", {}, "'None'"),
        ('{ text(value: "a") }', {}, "\"'a'\""),
        ("query($v: String) { text(value: $v) }", {}, None),
        ("query($v: String) { text(value: $v) }", {"v": None}, "'None'"),
        ("query($v: String) { text(value: $v) }", {"v": "a"}, "\"'a'\""),
        ("query($v: String) { text(value: $v) }", {"v": "a", "not declared": 1}, "\"'a'\""),
        # Defaults stand where nothing is given, and only there; a variable's before the argument's.
        ('query($v: String = "d") { text(value: $v) }', {}, "\"'d'\""),
        ('query($v: String = "d") { text(value: $v) }', {"v": None}, "'None'"),
        ("query($v: String = null) { text(value: $v) }", {}, "'None'"),
        ("{ defaultText }", {}, "\"'default'\""),
        ('{ defaultText(value: "a") }', {}, "\"'a'\""),
        ("query($v: String) { defaultText(value: $v) }", {}, "\"'default'\""),
        ('query($v: String = "d") { defaultText(value: $v) }', {}, "\"'d'\""),
        ('query($v: String = "d") { mustText(value: $v) }', {}, "\"'d'\""),
        # Lists: one value stands for a list of one; null stands for a list, or in one.
        ('{ listed(value: "a") }', {}, "[\"'a'\"]"),
        ('{ listed(value: ["a", null]) }', {}, "[\"'a'\", 'None']"),
        ("{ listed(value: []) }", {}, "[]"),
        ("{ listed(value: null) }", {}, "'None'"),
        ("query($v: [String]) { listed(value: $v) }", {"v": "a"}, "[\"'a'\"]"),
        ("query($v: [String]) { listed(value: $v) }", {"v": ["a", None]}, "[\"'a'\", 'None']"),
        ("query($v: String) { listed(value: [$v]) }", {"v": "a"}, "[\"'a'\"]"),
        ("query($v: String) { listed(value: [$v]) }", {}, "['None']"),
        ('query($v: String) { listed(value: ["a", $v]) }', {"v": None}, "[\"'a'\", 'None']"),
        ("query($v: String!) { fullList(value: [$v]) }", {"v": "a"}, "[\"'a'\"]"),
        ("query($v: [String!]!) { mustFullList(value: $v) }", {"v": ["a", "b"]}, "[\"'a'\", \"'b'\"]"),
        # Enums and scalars have their own words inside.
        ("{ colour(value: RED) }", {}, "'Colour.RED'"),
        ("query($v: Colour) { colour(value: $v) }", {"v": "BLUE"}, BLUE),
        # Inputs: members absent, null, defaulted, variables within, one inner for a list of them.
        ("{ outer(value: {}) }", {}, outer()),
        ("{ outer(value: {text: null, colour: null}) }", {}, outer(text="'None'", colour="'None'")),
        ('{ outer(value: {number: 1, amount: "1.50"}) }', {}, outer(number="'1'", amount="\"'1.50'\"")),
        ("query($t: String, $n: Int!) { outer(value: {text: $t, number: $n}) }", {"n": 3}, outer(number="'3'")),
        ("query($n: Int) { outer(value: {number: $n}) }", {}, outer()),
        ("query($v: Outer) { outer(value: $v) }", {"v": {"colour": "RED"}}, outer(colour="'Colour.RED'")),
        ("query($v: Outer) { outer(value: $v) }", {"v": {"text": None}}, outer(text="'None'")),
        ('query($v: Outer = {text: "d"}) { outer(value: $v) }', {}, outer(text="\"'d'\"")),
        ('{ outer(value: {inner: {must: "m"}}) }', {}, outer(inner="{'must': \"'m'\", 'many': 'unset'}")),
        (
            "query($m: String!, $o: String!) { outer(value: {inners: {must: $m, many: [$o]}}) }",
            {"m": "m", "o": "o"},
            outer(inners="[{'must': \"'m'\", 'many': [\"'o'\"]}]"),
        ),
    ],
)
async def test_a_field_is_given_what_the_specification_says(both: Both, text: str, variables: dict[str, Any], said: str | None) -> None:
    answer = await both(text, variables)

    [(_, value)] = answer["data"].items()
    assert ("errors" in answer, value, both.causes) == (False, f"{{'value': {said}}}" if said else "{}", [])


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("query($v: String!) { mustText(value: $v) }", {}),
        ("query($v: String!) { mustText(value: $v) }", {"v": None}),
        ("query($v: String) { text(value: $v) }", {"v": ["a"]}),
        ("query($v: String) { text(value: $v) }", {"v": {"a": 1}}),
        ("query($v: [String]!) { mustList(value: $v) }", {"v": None}),
        ("query($v: [String!]) { fullList(value: $v) }", {"v": ["a", None]}),
        ("query($v: [String!]!) { mustFullList(value: $v) }", {"v": [None]}),
        ("query($v: Colour) { colour(value: $v) }", {"v": "GREEN"}),
        ("query($v: Colour) { colour(value: $v) }", {"v": "r"}),
        ("query($v: Outer) { outer(value: $v) }", {"v": "a"}),
        ("query($v: Outer) { outer(value: $v) }", {"v": {"nothing": 1}}),
        ("query($v: Outer) { outer(value: $v) }", {"v": {"number": None}}),
        ("query($v: Outer) { outer(value: $v) }", {"v": {"number": 2**31}}),
        ("query($v: Outer) { outer(value: $v) }", {"v": {"inner": {}}}),
        ("query($v: Outer) { outer(value: $v) }", {"v": {"inners": [{"must": "m"}, {"must": None}]}}),
        ("query($v: Either) { either(value: $v) }", {"v": {}}),
        ("query($v: Either) { either(value: $v) }", {"v": {"text": "a", "number": 1}}),
        ("query($v: Either) { either(value: $v) }", {"v": {"text": None}}),
    ],
)
async def test_variables_of_a_wrong_kind_run_nothing(both: Both, text: str, variables: dict[str, Any]) -> None:
    answer = await both(text, variables)

    assert "data" not in answer
    assert {code for code, _ in told(answer)} == {"BAD_USER_INPUT"}


@pytest.mark.parametrize(
    "text",
    [
        "{ mustText }",
        "{ mustText(value: null) }",
        "{ text(value: 1) }",
        "{ fullList(value: [null]) }",
        "{ colour(value: GREEN) }",
        '{ colour(value: "RED") }',
        "{ outer(value: {nothing: 1}) }",
        "{ outer(value: {inner: {}}) }",
        "query($v: String) { mustText(value: $v) }",
        "query($v: Int) { text(value: $v) }",
        "query($v: Nothing) { text(value: $v) }",
        "query($v: Thing) { text(value: $v) }",
        '{ text(value: "a") text(value: "b") }',
        "{ thing }",
        "{ text { a } }",
        "{ nothing { nothing { more } } }",
        "{ ...F } fragment F on Query { ...F }",
        "{ ... on Nothing { a } }",
        "{ thing { ... on Deep { must } } }",
        "{ text @skip }",
        "{ text @nothing }",
        "subscription { text }",
    ],
)
async def test_a_document_that_is_not_valid_runs_nothing(both: Both, text: str) -> None:
    answer = await both(text)

    assert "data" not in answer
    assert {code for code, _ in told(answer)} == {"DOCUMENT_INVALID"}


@pytest.mark.parametrize(
    ("text", "variables", "data"),
    [
        # Valid, as a default could stand in; a null that is given all the same breaks the field alone.
        ('query($v: String = "d") { mustText(value: $v) text }', {"v": None}, {"mustText": None, "text": "{}"}),
        ("query($v: String!) { either(value: {text: $v, number: 1}) text }", {"v": "a"}, {"either": None, "text": "{}"}),
        ("query($v: Int) { outer(value: {number: $v}) text }", {"v": None}, {"outer": None, "text": "{}"}),
    ],
)
async def test_a_null_where_none_may_be_breaks_its_field_alone(both: Both, text: str, variables: dict[str, Any], data: Any) -> None:
    answer = await both(text, variables)

    broken = next(name for name, value in data.items() if value is None)
    assert (answer["data"], told(answer)) == (data, [("BAD_USER_INPUT", [broken])])


async def test_one_of_several_is_given_as_it_came(both: Both) -> None:
    answer = await both('query($v: Either!) { a: either(value: {text: "a"}) b: either(value: $v) }', {"v": {"number": 1}})

    assert (list(answer["data"]), both.causes, "errors" in answer) == (["a", "b"], [], False)
    assert "Some('a')" in answer["data"]["a"]
    assert "Some(1)" in answer["data"]["b"]


# ---- selections ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "variables", "data"),
    [
        ("{ thing { text must } }", {}, {"thing": {"text": "text", "must": "must"}}),
        ("{ thing { must text } }", {}, {"thing": {"must": "must", "text": "text"}}),
        ("{ __typename t: __typename thing { __typename } }", {}, {"__typename": "Query", "t": "Query", "thing": {"__typename": "Thing"}}),
        ("{ a: text b: text text }", {}, dict.fromkeys(["a", "b", "text"], "{}")),
        # Merged: the first place decides the order, all their selections count, once each.
        (
            "{ thing { text deep { must } } other: nothing { text } thing { deep { m: must } tags text } }",
            {},
            {"thing": {"text": "text", "deep": {"must": "must", "m": "must"}, "tags": ["a", "b"]}, "other": None},
        ),
        (
            """{ thing { ...A tags ... on Thing { deep { ...B } } ... { text } } }
            fragment A on Thing { must deep { m: must } } fragment B on Deep { must }""",
            {},
            {"thing": {"must": "must", "deep": {"m": "must", "must": "must"}, "tags": ["a", "b"], "text": "text"}},
        ),
        ("{ ...A ...A } fragment A on Query { thing { ...B } } fragment B on Thing { text }", {}, {"thing": {"text": "text"}}),
        # Keys that the generated code must not mistake for its own.
        (
            "{ thing { v0: text v1: must need: tags loads: holes rows: colour None: full __x: amount } }",
            {},
            {
                "thing": {
                    "v0": "text",
                    "v1": "must",
                    "need": ["a", "b"],
                    "loads": ["a", None],
                    "rows": "RED",
                    "None": ["a", "b"],
                    "__x": "1.50",
                }
            },
        ),
        # @skip wins over @include; both take variables, defaults too; they count for fields, spreads and inline fragments.
        ("{ thing { text must @skip(if: true) } }", {}, {"thing": {"text": "text"}}),
        ("{ thing { text must @include(if: false) } }", {}, {"thing": {"text": "text"}}),
        ("{ thing { text @include(if: true) @skip(if: false) must @include(if: true) @skip(if: true) } }", {}, {"thing": {"text": "text"}}),
        (
            "query($y: Boolean! = true, $n: Boolean = false) { thing { text @include(if: $n) must @skip(if: $n) tags @skip(if: $y) } }",
            {},
            {"thing": {"must": "must"}},
        ),
        (
            """query($v: Boolean!) {
            thing { ...A @include(if: $v) ... on Thing @skip(if: $v) { must } ... @include(if: $v) { colour } } }
            fragment A on Thing { text }""",
            {"v": True},
            {"thing": {"text": "text", "colour": "RED"}},
        ),
        # One use of a field left out leaves the other; all left out leave an empty object.
        ("{ thing { text @skip(if: true) text } }", {}, {"thing": {"text": "text"}}),
        ("{ thing { ...A @skip(if: true) ...A } } fragment A on Thing { text }", {}, {"thing": {"text": "text"}}),
        ("{ thing { text @skip(if: true) } }", {}, {"thing": {}}),
        ("{ thing @skip(if: true) { text } }", {}, {}),
        # Leaves and lists of them, and what is null where it may be.
        (
            "{ thing { tags holes full grid colour amount } }",
            {},
            {
                "thing": {
                    "tags": ["a", "b"],
                    "holes": ["a", None],
                    "full": ["a", "b"],
                    "grid": [[1, None], None, []],
                    "colour": "RED",
                    "amount": "1.50",
                }
            },
        ),
        (
            "{ empty { text tags holes full grid colour nothing { must } } nothing { must } }",
            {},
            {
                "empty": {"text": None, "tags": [], "holes": None, "full": [], "grid": None, "colour": None, "nothing": None},
                "nothing": None,
            },
        ),
        (
            "{ thing { deep { must } maybe { must } nothing { must } } }",
            {},
            {"thing": {"deep": {"must": "must"}, "maybe": {"must": "must"}, "nothing": None}},
        ),
        # Arguments below the root, and one variable in several places.
        (
            "query($v: Int) { two(one: $v, other: $v) thing { echo(value: $v) } }",
            {"v": 3},
            {"two": "{'one': '3', 'other': '3'}", "thing": {"echo": "{'value': '3'}"}},
        ),
    ],
)  # fmt: skip
async def test_a_selection_is_answered_in_the_order_in_which_it_asks(both: Both, text: str, variables: dict[str, Any], data: Any) -> None:
    answer = await both(text, variables)

    assert (answer, str(answer["data"]), both.causes) == ({"data": data}, str(data), [])


@pytest.mark.parametrize(
    ("name", "data"),
    [("A", {"a": "Query"}), ("B", {"b": "Query"}), (None, None), ("C", None), ("", None)],
)
async def test_the_operation_that_is_named_runs(both: Both, name: str | None, data: Any) -> None:
    answer = await both("query A { a: __typename } query B { b: __typename }", name=name)

    assert answer.get("data") == data
    assert ("errors" in answer) is (data is None)


# ---- nulls and errors --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "data", "errors"),
    [
        # A null in a non-null field takes its parents along, up to the first that may be null.
        ("{ thing { text maybe { must lost } } }", {"thing": {"text": "text", "maybe": None}}, [["thing", "maybe", "lost"]]),
        ("{ thing { text deep { lost } } }", {"thing": None}, [["thing", "deep", "lost"]]),
        ("{ sure { deep { lost } } text }", None, [["sure", "deep", "lost"]]),
        ("{ withoutMust { must text } thing { text } }", {"withoutMust": None, "thing": {"text": "text"}}, [["withoutMust", "must"]]),
        ("{ withoutTag { tags } }", {"withoutTag": None}, [["withoutTag", "tags", 1]]),
        ("{ withoutFull { full text } }", {"withoutFull": {"full": None, "text": "text"}}, [["withoutFull", "full", 1]]),
        # An exception does the same; its words stay inside.
        ("{ thing { maybe { must broken } } }", {"thing": {"maybe": None}}, [["thing", "maybe", "broken"]]),
        ("{ sure { deep { broken } } }", None, [["sure", "deep", "broken"]]),
        ("{ thing { maybe { a: refused must b: refused } } }", {"thing": {"maybe": {"a": None, "must": "must", "b": None}}},
         [["thing", "maybe", "a"], ["thing", "maybe", "b"]]),
        # Under its alias, with each of its places.
        ("{ t: thing { m: maybe { l: lost } m: maybe { l: lost } } }", {"t": {"m": None}}, [["t", "m", "l"]]),
    ],
)  # fmt: skip
async def test_an_error_takes_along_what_cannot_be_without(both: Both, text: str, data: Any, errors: list[Any]) -> None:
    answer = await both(text)

    assert answer["data"] == data
    assert sorted((error["path"] for error in answer["errors"]), key=str) == errors
    assert all(error["locations"] for error in answer["errors"])
    assert "secret" not in str(answer)


async def test_a_field_without_an_error_keeps_its_value_beside_one_with(both: Both) -> None:
    answer = await both("{ thing { maybe { refused } text } two(one: 1) withoutMust { must } }")

    assert answer["data"] == {
        "thing": {"maybe": {"refused": None}, "text": "text"},
        "two": "{'one': '1'}",
        "withoutMust": None,
    }
    assert [error["path"] for error in sorted(answer["errors"], key=str)] == [["thing", "maybe", "refused"], ["withoutMust", "must"]]


async def test_what_no_plan_holds_is_answered_all_the_same(both: Both) -> None:
    answer = await both('{ eitherType { __typename } __schema { queryType { name } } __type(name: "Deep") { kind } }')

    assert answer == {"data": {"eitherType": None, "__schema": {"queryType": {"name": "Query"}}, "__type": {"kind": "OBJECT"}}}
    assert len(both.causes) == 1


# ---- mutations -----------------------------------------------------------------------------------------------------------------

STEPS = "mutation { a: count(input: {by: 1}) { number } b: count(input: {by: %s) { number } c: count(input: {by: 3}) { number again } }"


async def test_mutations_run_one_after_the_other(both: Both) -> None:
    answer = await both(STEPS % "2}")

    assert answer == {"data": {"a": {"number": 1}, "b": {"number": 3}, "c": {"number": 6, "again": "again"}}}
    assert (both.causes, both.context.signals["order"]) == ([], [1, 2, 3])


@pytest.mark.parametrize(("fail", "code"), [("refused", "BAD_USER_INPUT"), ("broken", "INTERNAL")])
async def test_a_mutation_that_fails_does_not_stop_the_next(both: Both, fail: str, code: str) -> None:
    answer = await both(STEPS % f'2, fail: "{fail}"}}')

    assert answer["data"] == {"a": {"number": 1}, "b": None, "c": {"number": 4, "again": "again"}}
    assert (told(answer), both.context.signals["order"]) == ([(code, ["b"])], [1, 3])


async def test_a_payload_that_breaks_is_not_performed_again(both: Both) -> None:
    answer = await both("mutation { a: count(input: {by: 1}) { lost } b: count(input: {by: 2}) { number } }")

    assert answer["data"] == {"a": None, "b": {"number": 3}}
    assert (told(answer), both.context.signals["order"]) == ([("INTERNAL", ["a", "lost"])], [1, 2])


async def test_a_mutation_asked_for_twice_under_one_key_is_performed_once(both: Both) -> None:
    answer = await both(
        "mutation { a: count(input: {by: 1}) { number } ...F a: count(input: {by: 1}) { again } ... { __typename } }"
        " fragment F on Mutation { a: count(input: {by: 1}) { n: number } }"
    )

    assert answer == {"data": {"a": {"number": 1, "n": 1, "again": "again"}, "__typename": "Mutation"}}
    assert (both.causes, both.context.signals["order"]) == ([], [1])


async def test_a_mutation_that_is_skipped_is_not_performed(both: Both) -> None:
    answer = await both(
        "mutation($v: Boolean!) { a: count(input: {}) @skip(if: $v) { number } b: count(input: {by: 2}) { number } }", {"v": True}
    )

    assert (answer, both.context.signals["order"]) == ({"data": {"b": {"number": 2}}}, [2])
