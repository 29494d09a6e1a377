"""Lists of flat inputs that are coerced by columns: as graphql-core coerces them, errors included."""

from __future__ import annotations

from enum import Enum
from typing import Any

import pytest
import strawberry
from graphql import Undefined
from graphql.execution.values import get_variable_values
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.answers import Refused
from app.engine.documents import Operation, read_document
from app.schema import schema as ours


@strawberry.enum
class Colour(Enum):
    RED = "red"


@strawberry.input
class Item:
    key: strawberry.ID
    count: int
    name: str | None = None
    size: int | None = 3
    colour: Colour | None = None
    ready: bool = False


@strawberry.input
class Many:
    items: list[Item]
    more: list[Item | None] | None = None
    note: str | None = None


@strawberry.type
class Query:
    @strawberry.field
    def go(self, input: Many, other: Many | None = None, word: str = "") -> int:  # noqa: A002
        return len(input.items)


OPERATIONS = [
    read_document(strawberry.Schema(Query), 'query($i: Many!, $o: Many, $w: String! = "a") { go(input: $i, other: $o, word: $w) }'),
    read_document(ours, "mutation($i: SubmitWeeklyReportInput!) { submitWeeklyReport(input: $i) { userErrors { code } } }"),
]
_EDGES = [None, True, 0, -1, 2**31, -(2**31) - 1, 1.0, 1.5, "", "5", "٥", "RED", "BLUE", "x" * 301, [], [1], {}, {"key": "1"}]
_odd = st.sampled_from(_EDGES)
_GOOD: list[dict[str, Any]] = [
    {"key": "1", "count": 1, "name": None, "size": None, "colour": "RED", "ready": True},
    {"establishmentNumber": "1-1", "nationalId": "1", "activityLevel": "80.5", "note": None}
    | dict.fromkeys(("loginCount", "logoutCount", "assignedTasks", "completedTasks", "totalWorkMinutes"), 5),
]
_NEEDED = [{"key", "count"}, {*_GOOD[1]} - {"note"}]


@st.composite
def _items(draw: Any, place: int) -> list[Any]:
    """Mostly good; some with what is odd in the place of a value, of a whole item, or under a name that nobody knows."""
    made: list[Any] = []
    for _ in range(draw(st.integers(1, 4))):
        left_out = draw(st.sets(st.sampled_from(sorted({*_GOOD[place]} - _NEEDED[place])), max_size=3))
        made.append({name: value for name, value in _GOOD[place].items() if name not in left_out})
    if made and draw(st.integers(0, 2)) == 0:
        broken = draw(st.sampled_from(made))
        name = draw(st.sampled_from([*_GOOD[place], "unknown"]))
        match draw(st.integers(0, 2)):
            case 0:
                broken[name] = draw(_odd)
            case 1:
                broken.pop(name, None)
            case _:
                made[0] = draw(_odd)
    return made


def _values(place: int) -> st.SearchStrategy[dict[str, Any]]:
    items = _items(place)
    lists: Any = st.one_of(items, items, items, _odd)
    one = (
        st.fixed_dictionaries({"items": lists}, optional={"more": lists, "note": st.sampled_from([None, "a", 5])})
        if place == 0
        else st.fixed_dictionaries(
            {"weekStart": st.sampled_from(["2026-11-15", "2026-11-15", 5]), "lines": lists},
            optional={"nilReport": st.sampled_from([True, None]), "odd": _odd},
        )
    )
    optional = {"w": st.sampled_from(["b", None, 5]), "o": one | st.none()} if place == 0 else {}
    return st.fixed_dictionaries({"i": one}, optional=optional)


def _core(operation: Operation, values: dict[str, Any]) -> Any:
    found = get_variable_values(operation.schema, operation.node.variable_definitions or (), dict(values), max_errors=20)
    return [str(error) for error in found] if isinstance(found, list) else found


def _told(found: Any) -> str:
    """As repr: True is not 1, and the order of fields counts."""
    return repr(found if isinstance(found, list) else (found.coerced, {name: source.value for name, source in found.sources.items()}))


@pytest.mark.parametrize("place", [0, 1])
def test_columns_are_coerced_as_graphql_core_does(place: int) -> None:
    operation = OPERATIONS[place].operation(None)

    @settings(max_examples=200, deadline=None)
    @given(_values(place))
    def compare(values: dict[str, Any]) -> None:
        try:
            found: Any = operation.variables(values)
        except Refused as refused:
            found = [str(error) for error in refused.errors]
        expected = _core(operation, values)
        assert _told(found) == _told(expected)

    compare()
    [name] = operation._flat_lists["i"].keys() & {"items", "lines"}
    assert operation._by_columns({"i": {name: [_GOOD[place]], "weekStart": "2026-11-15"} if place else {name: [_GOOD[place]]}, "w": "b"})


def test_what_is_no_flat_list_is_left_alone() -> None:
    [operation] = [document.operation(None) for document in OPERATIONS[:1]]
    assert {*operation._flat_lists["i"]} == {"items", "more"}
    assert operation._by_columns({"i": {"items": [{"key": "1", "count": Undefined}]}}) is None
