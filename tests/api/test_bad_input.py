"""What callers should not send: always a coded error, never a 500, and nothing of what is inside."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text
from structlog.testing import capture_logs

from app.models import Contract, Employment, Establishment, Invitation, Job, Member, Project, SpToken, Teleworker
from tests.conftest import BACKENDS, Templates
from tests.portal import NOBODY, Caller, Portal, Reply, portal_on
from tests.world import World, make_world

shared_loop = pytest.mark.asyncio(loop_scope="module")
CODES = {"BAD_USER_INPUT", "DOCUMENT_INVALID", "PARSE_FAILED", "FORBIDDEN"}
TELL_TALES = (
    "select ",
    "sqlalchemy",
    "sqlite",
    "asyncpg",
    "psycopg",
    "traceback",
    str(Path(__file__).parents[2]).lower(),
    "site-packages",
    ".py",
    "exception",
    "uuid(",
    "orjson",
)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=BACKENDS)
async def town(request: pytest.FixtureRequest, templates: Templates) -> AsyncIterator[World]:
    """One for all tests of this module that only read: each of the two companies has one of everything."""
    url, data = await asyncio.to_thread(templates.copy, request.param, "blank")
    async with portal_on(url, data) as portal:
        world = await make_world(portal)
        for company in (world.north, world.south):
            project = await world.project(company)
            employment = await world.employment(await world.job(project), teleworker=await world.teleworker(company))
            assert employment.company_id == company.id
            await world.invitation(company)
            await portal.token(company, "REPORTS_READ")
        yield world
    templates.drop(url)


def refused(reply: Reply, *codes: str) -> None:
    """Exactly these coded errors, and nothing of what is inside."""
    assert reply.codes == list(codes), reply.body
    assert reply.status in (200, 294, 400, 422)
    discreet(reply)


def discreet(reply: Reply) -> None:
    assert reply.status < 500
    told = " ".join(error["message"] for error in reply.errors).lower()
    assert [word for word in TELL_TALES if word in told] == []


async def viewer_field(world: World, field: str, declared: str = "", **variables: Any) -> Reply:
    opening = f"query({declared}) " if declared else ""
    return await world.portal(f"{opening}{{ viewer {{ account {{ {field} }} }} }}", await world.person(), **variables)


# ---- ids --------------------------------------------------------------------------------------------------------------------

OWNED = [Invitation, Contract, Project, Job, Teleworker, Employment, Establishment, Member, SpToken]


async def _foreign(world: World, model: Any) -> str:
    if model is Establishment:
        row = (await world.portal.fetch(select(Contract).where(Contract.company_id == world.south.id)))[0]
        return f"est_{row.establishment_id.hex}"
    row = (await world.portal.fetch(select(model).where(model.company_id == world.south.id)))[0]
    return str(row.public_id)


def _wrong_ids(prefix: str) -> list[str]:
    key = uuid4().hex
    made = [
        f"{prefix}_{key}",
        f"{prefix}_{'0' * 32}",
        f"{prefix}_",
        prefix,
        "",
        "x",
        f"{prefix}_{key[:-1]}",
        f"{prefix}_{key}0",
        f"{prefix}-{key}",
    ]
    return [
        *made,
        f"{prefix}_{key.upper()}",
        f"{prefix}_{key}\x00",
        f" {prefix}_{key}",
        f"{prefix}_{'٣' * 32}",
        "' OR 1=1 --",
        "%",
        "a" * 10_000,
    ]


@shared_loop
@pytest.mark.parametrize("model", OWNED, ids=lambda model: model.__name__)
async def test_unknown_foreign_and_malformed_ids_are_alike(town: World, model: Any) -> None:
    caller = await town.person()
    one = "query($id: ID!) { node(id: $id) { id __typename } nodes(ids: [$id]) { id } }"
    foreign = await _foreign(town, model)

    bodies = {wrong: await town.portal(one, caller, id=wrong) for wrong in [foreign, town.south.public_id, *_wrong_ids(model.prefix)]}

    texts = {orjson.dumps(reply.body).replace(wrong.encode(), b"ID") for wrong, reply in bodies.items() if wrong}
    assert texts == {orjson.dumps({"data": {"node": None, "nodes": [None]}})}
    assert {reply.status for reply in bodies.values()} == {200}
    mine = (await town.portal.fetch(select(model)))[0] if model is not Establishment else None
    intruder = await town.portal(one, await town.intruder(), id=foreign)
    assert intruder.data["node"]["__typename"] == model.__name__
    assert mine is None or foreign != mine.public_id


@shared_loop
async def test_nodes_answers_in_order_with_null_in_the_place_of_each_that_is_not_there(town: World) -> None:
    [job] = await town.portal.fetch(select(Job).where(Job.company_id == town.north.id))
    ids = [await _foreign(town, Job), job.public_id, "x", town.north.public_id, job.public_id]

    reply = await town.portal("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", await town.person(), ids=ids)

    assert reply.body == {"data": {"nodes": [None, {"id": job.public_id}, None, {"id": town.north.public_id}, {"id": job.public_id}]}}


@shared_loop
@pytest.mark.parametrize(
    ("field", "filter_", "model"),
    [
        ("contracts", "establishmentId", Establishment),
        ("approvedProjects", "establishmentId", Establishment),
        ("jobs", "cityId", Job),
        ("jobs", "occupationId", Job),
        ("teleworkers", "projectId", Project),
    ],
)
async def test_unknown_foreign_and_malformed_ids_in_filters_are_alike(town: World, field: str, filter_: str, model: Any) -> None:
    asked = f"{field}(where: {{{filter_}: $id}}) {{ totalCount nodes {{ id }} pageInfo {{ hasNextPage startCursor }} }}"

    replies = [await viewer_field(town, asked, "$id: ID!", id=wrong) for wrong in [await _foreign(town, model), *_wrong_ids(model.prefix)]]

    assert {orjson.dumps(reply.body) for reply in replies} == {orjson.dumps(replies[0].body)}
    assert replies[0].data["viewer"]["account"][field]["totalCount"] == 0


@shared_loop
async def test_connections_beneath_a_foreign_row_are_not_there(town: World) -> None:
    text_ = """query($id: ID!) { node(id: $id) { ... on Contract { projects { totalCount } } ... on Project { jobs { totalCount } }
        ... on Job { employments { totalCount } } ... on Teleworker { employments { totalCount } }
        ... on Establishment { contracts { totalCount } } } }"""
    models = [Contract, Project, Job, Teleworker, Establishment]

    replies = [await town.portal(text_, await town.person(), id=await _foreign(town, model)) for model in models]

    assert [reply.body for reply in replies] == [{"data": {"node": None}}] * 5


@shared_loop
async def test_a_company_of_ones_own_that_is_not_active_tells_nothing_either(town: World) -> None:
    reply = await town.portal(
        "query($id: ID!) { node(id: $id) { ... on Company { jobs { totalCount } } } }", NOBODY, id=town.north.public_id
    )

    assert reply.body == {"data": {"node": None}}


# ---- pages ------------------------------------------------------------------------------------------------------------------


@shared_loop
@pytest.mark.parametrize("name", ["first", "last"])
@pytest.mark.parametrize("size", [-1, 0, 1001, -(2**31), 2**31 - 1])
async def test_a_page_has_one_to_a_thousand_rows(town: World, name: str, size: int) -> None:
    replies = [
        await town.portal(f"query($n: Int) {{ cities({name}: $n) {{ nodes {{ id }} }} }}", n=size),
        await viewer_field(town, f"jobs({name}: $n) {{ nodes {{ id }} }}", "$n: Int", n=size),
    ]

    for reply in replies:
        refused(reply, "BAD_USER_INPUT")
        assert reply.errors[0]["extensions"]["path"] == [name]


@shared_loop
@pytest.mark.parametrize("size", [2**31, -(2**31) - 1, 10**30, 1.5, "3", True, [3], {"a": 3}])
async def test_a_page_size_is_an_int(town: World, size: Any) -> None:
    reply = await town.portal("query($n: Int) { cities(first: $n) { nodes { id } } }", n=size)

    refused(reply, "BAD_USER_INPUT")
    assert (reply.status, reply.errors[0]["extensions"]["path"]) == (422, ["n"])
    assert "data" not in reply.body


@shared_loop
async def test_the_two_ends_of_a_page_exclude_each_other(town: World) -> None:
    page = await town.portal("{ cities(first: 2) { pageInfo { startCursor endCursor } } }")
    start, end = page.data["cities"]["pageInfo"]["startCursor"], page.data["cities"]["pageInfo"]["endCursor"]

    both_sizes = await town.portal("{ cities(first: 1, last: 1) { nodes { id } } }")
    both_cursors = await town.portal(f'{{ cities(after: "{start}", before: "{end}") {{ nodes {{ id }} }} }}')

    refused(both_sizes, "BAD_USER_INPUT")
    refused(both_cursors, "BAD_USER_INPUT")
    assert (both_sizes.data, both_cursors.data) == ({"cities": None}, {"cities": None})
    assert [reply.errors[0]["extensions"]["path"] for reply in (both_sizes, both_cursors)] == [["last"], ["before"]]


@shared_loop
async def test_at_most_a_thousand_ids_at_once(town: World) -> None:
    text_ = "query($ids: [ID!]!) { nodes(ids: $ids) { id } service { version } }"

    most, more = [await town.portal(text_, ids=["x"] * n) for n in (1000, 1001)]

    assert len(most.data["nodes"]) == 1000
    refused(more, "BAD_USER_INPUT")


# ---- cursors ----------------------------------------------------------------------------------------------------------------


def cursor(*parts: Any) -> str:
    return urlsafe_b64encode(orjson.dumps(parts)).rstrip(b"=").decode()


KEY = "0" * 32
FORGED: dict[str, str] = {
    "empty": "",
    "garbage": "garbage",
    "not base64": "***",
    "white space": " ",
    "other script": "ابجد",
    "NUL": "\x00",
    "too long": "A" * 10_000,
    "no JSON": urlsafe_b64encode(b"{").decode(),
    "not UTF-8": urlsafe_b64encode(b'"\xff\xfe"').decode().rstrip("="),
    "a number": cursor()[:-2],
    "an object": urlsafe_b64encode(b'{"a":1,"b":2,"c":3}').decode().rstrip("="),
    "too few": cursor("job.TITLE.a", "x"),
    "too many": cursor("job.TITLE.a", "x", KEY, 1),
    "deep": urlsafe_b64encode(b"[" * 1200).decode(),
}
VALUES: list[Any] = [
    *(
        None,
        True,
        1,
        1.5,
        [],
        {},
        "",
        "\x00",
        "x\x00",
        "NaN",
        "Infinity",
        "-Infinity",
        "sNaN",
        "1e5",
        "1E+999999999",
        "1E-999999999",
        "9" * 400,
    ),
    *(
        "-1",
        "1_0",
        "٣",
        "0x10",
        "2147483648",
        "-2147483649",
        "99999999999999999999",
        "0001-01-01",
        "9999-12-31",
        "2026-02-30",
        "2026-W01-1",
    ),
    *("20260101", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999-23:59"),
    *("2026-01-01T00:00:00", "2026-01-01", "24:00", "' OR 1=1 --", "%s", "$1", ":x"),
]
LISTS = [("contracts", "con", by) for by in ("CREATED_AT", "STARTS_ON", "ENDS_ON", "NUMBER")] + [
    ("jobs", "job", by) for by in ("CREATED_AT", "PUBLISHED_AT", "CLOSES_AT", "SALARY_MIN", "TITLE")
]
LISTS += [("invitations", "inv", "RECEIVED_AT"), ("teleworkers", "tlw", "NAME"), ("events", "evt", ""), ("employments", "emp", "")]


@shared_loop
@pytest.mark.parametrize("side", ["after", "before"])
@pytest.mark.parametrize("made", FORGED.values(), ids=FORGED.keys())
async def test_a_broken_cursor_is_bad_input_with_its_path(town: World, side: str, made: str) -> None:
    reply = await viewer_field(
        town, f"jobs({side}: $c, orderBy: {{field: TITLE, direction: ASC}}) {{ nodes {{ id }} }}", "$c: String", c=made
    )

    refused(reply, "BAD_USER_INPUT")
    assert reply.errors[0]["extensions"]["path"] == [side]


@shared_loop
@pytest.mark.parametrize(("field", "prefix", "by"), LISTS)
async def test_a_forged_cursor_finds_a_page_or_is_bad_input(town: World, field: str, prefix: str, by: str) -> None:
    order = f", orderBy: {{field: {by}, direction: ASC}}" if by else ""
    name = f"{prefix}.{by or 'DEFAULT'}.{'d' if field == 'employments' else 'a'}"
    keys: list[Any] = [KEY, "x", "", None, 5, "0" * 31, KEY + "\x00", "{" + KEY + "}"]
    owner = await town.person()
    text_ = f"query($c: String) {{ viewer {{ account {{ {field}(first: 2, after: $c{order}) {{ nodes {{ id }} }} }} }} }}"

    replies = [await town.portal(text_, owner, c=cursor(name, value, KEY)) for value in VALUES]
    replies += [await town.portal(text_, owner, c=cursor(name, "2026-01-01", key)) for key in keys]

    for value, reply in zip([*VALUES, *keys], replies, strict=True):
        assert reply.codes in ([], ["BAD_USER_INPUT"]), (value, reply.body)
        assert reply.codes == ["BAD_USER_INPUT"] or isinstance(value, str), value
        discreet(reply)


@shared_loop
async def test_a_cursor_serves_its_own_list_and_order_alone(town: World) -> None:
    taken = await viewer_field(town, "jobs(orderBy: {field: TITLE, direction: ASC}) { pageInfo { endCursor } }")
    end = taken.data["viewer"]["account"]["jobs"]["pageInfo"]["endCursor"]
    ordered = "orderBy: {field: %s, direction: %s}"
    others = [
        ("jobs", ordered % ("TITLE", "DESC")),
        ("jobs", ordered % ("CREATED_AT", "ASC")),
        ("ownProjects", ordered % ("TITLE", "ASC")),
        ("members", ""),
    ]

    for field, order in others:
        reply = await viewer_field(town, f'{field}(after: "{end}" {order}) {{ nodes {{ id }} }}')
        refused(reply, "BAD_USER_INPUT")
    for length in range(len(end)):
        reply = await viewer_field(town, f'jobs(after: "{end[:length]}", orderBy: {{field: TITLE, direction: ASC}}) {{ nodes {{ id }} }}')
        refused(reply, "BAD_USER_INPUT")
    good = await viewer_field(town, f'jobs(after: "{end}", orderBy: {{field: TITLE, direction: ASC}}) {{ nodes {{ id }} }}')
    assert good.body == {"data": {"viewer": {"account": {"jobs": {"nodes": []}}}}}


# ---- values -----------------------------------------------------------------------------------------------------------------


@shared_loop
@pytest.mark.parametrize(
    "text_", ["\x00", "a\x00b", "\u202e", "\U0001f600", "%" * 10_000, "\\" * 10_000, "ﷺ" * 10_000, "a" * 10_000, " ", ""]
)
async def test_any_text_can_be_searched_for(town: World, text_: str) -> None:
    asked = " ".join(f"{field}(where: {{search: $s}}) {{ totalCount }}" for field in ("jobs", "invitations", "contracts", "teleworkers"))

    reply = await viewer_field(town, asked, "$s: String", s=text_)

    assert reply.codes == []
    assert set(reply.data["viewer"]["account"]) == {"jobs", "invitations", "contracts", "teleworkers"}


@shared_loop
async def test_a_lone_surrogate_is_no_json(town: World) -> None:
    body = b'{"query": "query($s: String) { cities(search: $s) { totalCount } }", "variables": {"s": "\\ud800"}}'

    response = await town.portal.http.post("/graphql", content=body, headers={"Accept-Language": "en", "Content-Type": "application/json"})

    assert (response.status_code, response.text) == (400, "The body is not JSON.\n")


BAD_SCALARS = [
    *(
        ("contracts", "startsOn", {"from": day})
        for day in ("2026-02-30", "2026-1-1", "today", "", 5, "2026-01-01T00:00:00Z", "٢٠٢٦-٠١-٠١", "0000-01-01")
    ),
    *(
        ("invitations", "receivedAt", {"to": at})
        for at in ("2026-01-01", "2026-01-01T25:00:00Z", "2026-01-01T00:00:00", 5, "0001-01-01T00:00:00+23:59", "9" * 300)
    ),
    ("jobs", "salary", {"from": 4500}),
    ("jobs", "status", ["NOPE"]),
    ("jobs", "status", [None]),
    ("jobs", "disabilityFriendly", "yes"),
    ("jobs", "nope", 1),
    ("jobs", "search", 5),
    ("jobs", "search", {"like": "%"}),
    ("jobs", "cityId", {"a": 1}),
    ("jobs", "cityId", 1.5),
    ("teleworkers", "nationalId", 1000000008),
    ("teleworkers", "nationalId", "1" * 10_000),
]


@shared_loop
@pytest.mark.parametrize(("field", "name", "value"), BAD_SCALARS)
async def test_a_value_of_another_type_is_bad_input_with_its_path(town: World, field: str, name: str, value: Any) -> None:
    kind = {"contracts": "Contract", "invitations": "Invitation", "jobs": "Job", "teleworkers": "Teleworker"}[field]

    reply = await viewer_field(town, f"{field}(where: $w) {{ totalCount }}", f"$w: {kind}Filter", w={name: value})

    refused(reply, "BAD_USER_INPUT")
    assert reply.status == 422
    inner = [*value] if isinstance(value, dict) and value.keys() <= {"from", "to"} else ["0"] if isinstance(value, list) else []
    assert reply.errors[0]["extensions"]["path"] == (["w"] if name == "nope" else ["w", name, *inner])


@shared_loop
@pytest.mark.parametrize("amount", ["", "x", "-1", "1e5", "NaN", "Infinity", "4500.001", "1" * 300, "1,000", "0x1"])
async def test_an_amount_that_is_none_is_bad_input_with_its_path(town: World, amount: str) -> None:
    reply = await viewer_field(town, "jobs(where: {salary: {from: $a}}) { totalCount }", "$a: Decimal", a=amount)

    refused(reply, "BAD_USER_INPUT")
    assert reply.errors[0]["extensions"]["path"] == ["where", "salary"]


@shared_loop
@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
async def test_days_at_the_ends_of_the_calendar_are_days(town: World, day: str) -> None:
    reply = await viewer_field(town, "contracts(where: {startsOn: {from: $d}, endsOn: {to: $d}}) { totalCount }", "$d: Date", d=day)

    assert reply.codes == []
    assert reply.data["viewer"]["account"]["contracts"] == {"totalCount": 0}


# ---- documents --------------------------------------------------------------------------------------------------------------


async def post(portal: Portal, body: dict[str, Any], caller: Caller = NOBODY) -> Reply:
    response = await portal.http.post("/graphql", json=body, headers=caller.headers)
    return Reply(response.status_code, response.json(), response.headers, [])


TWO = "query A { service { version } } query B { service { now } }"
DOCUMENTS = [
    ({"query": "{"}, 400, "PARSE_FAILED"),
    ({"query": "\x00"}, 400, "PARSE_FAILED"),
    ({"query": "{ }"}, 400, "PARSE_FAILED"),
    ({"query": "{ service { version } } }"}, 400, "PARSE_FAILED"),
    ({"query": "# nothing"}, 400, "PARSE_FAILED"),
    ({"query": '{ node(id: "\\uD800") { id } }'}, 400, "PARSE_FAILED"),
    ({"query": "{ nope }"}, 422, "DOCUMENT_INVALID"),
    ({"query": "{ service }"}, 422, "DOCUMENT_INVALID"),
    ({"query": "{ cities(first: 2147483648) { totalCount } }"}, 422, "DOCUMENT_INVALID"),
    ({"query": "{ cities(nope: 1) { totalCount } }"}, 422, "DOCUMENT_INVALID"),
    ({"query": "query { ...F } fragment F on Query { ...F }"}, 422, "DOCUMENT_INVALID"),
    ({"query": "fragment F on Query { service { version } }"}, 422, "DOCUMENT_INVALID"),
    ({"query": "subscription { x }"}, 422, "DOCUMENT_INVALID"),
    ({"query": TWO}, 422, "DOCUMENT_INVALID"),
    ({"query": TWO, "operationName": "C"}, 422, "DOCUMENT_INVALID"),
    ({"query": TWO, "operationName": ""}, 422, "DOCUMENT_INVALID"),
    ({"query": "{ service { version } }", "operationName": "A"}, 422, "DOCUMENT_INVALID"),
    ({"query": "query($n: Int!) { cities(first: $n) { totalCount } }"}, 422, "BAD_USER_INPUT"),
]


@shared_loop
@pytest.mark.parametrize(("body", "status", "code"), DOCUMENTS)
async def test_a_document_that_cannot_be_run_is_refused_whole(town: World, body: dict[str, Any], status: int, code: str) -> None:
    reply = await post(town.portal, body)

    assert reply.status == status
    assert set(reply.codes) == {code}, reply.body
    assert "data" not in reply.body
    discreet(reply)


@shared_loop
async def test_the_operation_that_is_named_is_run(town: World) -> None:
    reply = await post(town.portal, {"query": TWO, "operationName": "A", "variables": {"unused": 1}})

    assert reply.body == {"data": {"service": {"version": "0.1.0"}}}


COMPANIES = "provider { companies(first: 1) { nodes { "
FLOODS = {
    "deep": "{ viewer { account { " + COMPANIES * 2000 + "id" + " } } }" * 2000 + " } } }",
    "deep values": "{ node(id: " + "[" * 4000 + "]" * 4000 + ") { id } }",
    "deep fragments": "{ viewer { account { " + "... on Company { " * 4000 + "id" + " }" * 4000 + " } } }",
    "many tokens": "{ service { " + "now " * 20_000 + "} }",
    "same field": "{ service { " + "now " * 9_000 + "} }",
    "many unknown": "{ " + " ".join(f"a{i}" for i in range(5_000)) + " }",
    "many directives": "{ service { now " + "@skip(if: false) " * 1_500 + "} }",
    "long name": "{ " + "a" * 900_000 + " }",
}


@shared_loop
@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS.keys())
async def test_a_flood_is_refused_in_bounded_time_and_space(town: World, flood: str) -> None:
    start = time.process_time()

    reply = await town.portal(flood, await town.person())

    # A loaded machine is slow, an exponential document is slower by far.
    assert time.process_time() - start < 5
    assert set(reply.codes) <= {"PARSE_FAILED", "DOCUMENT_INVALID"}
    assert reply.codes
    assert len(reply.codes) <= 21
    discreet(reply)


@shared_loop
async def test_fragments_that_spread_twice_are_refused_in_no_exponential_time(town: World) -> None:
    doubling = "".join(f"fragment F{i} on Service {{ ...F{i + 1} ...F{i + 1} }} " for i in range(30))
    start = time.process_time()

    reply = await town.portal("{ service { ...F0 } } " + doubling + "fragment F30 on Service { version }")

    assert time.process_time() - start < 0.5
    assert reply.codes == ["DOCUMENT_INVALID"]


@shared_loop
@pytest.mark.parametrize("depth", [30, 60])
async def test_a_document_that_is_too_deep_is_refused(town: World, depth: int) -> None:
    reply = await town.portal("{ viewer { account { " + COMPANIES * depth + "id" + " } } }" * depth + " } } }", await town.person())

    assert reply.codes == ["DOCUMENT_INVALID"]


# ---- nothing leaks ----------------------------------------------------------------------------------------------------------


@shared_loop
@pytest.mark.parametrize(
    ("text_", "variables"),
    [
        ("{ viewer { account { teleworkers(where: {nationalId: 1000000008}) { totalCount } } } }", {}),
        ("query($w: TeleworkerFilter) { viewer { account { teleworkers(where: $w) { totalCount } } } }", {"w": {"nationalId": 1000000008}}),
        (
            "query($w: TeleworkerFilter) { viewer { account { teleworkers(where: $w) { totalCount } } } }",
            {"w": {"nationalid": "1000000008"}},
        ),
        ("query($n: Int) { cities(first: $n) { totalCount } }", {"n": "1000000008"}),
        (
            "query($w: TeleworkerFilter) { viewer { account { teleworkers(where: $w) { totalCount } } } }",
            {"w": {"nationalId": "10000000080"}},
        ),
        ("{ viewer 1000000008 }", {}),
        ("query($s: JobStatus!) { viewer { account { jobs(where: {status: [$s]}) { totalCount } } } }", {"s": "1000000008"}),
    ],
)
async def test_no_error_repeats_a_national_id(town: World, text_: str, variables: dict[str, Any]) -> None:
    with capture_logs() as logs:
        reply = await town.portal(text_, await town.person(), **variables)

    assert reply.codes
    assert set(reply.codes) <= CODES
    assert "1000000008" not in orjson.dumps(reply.body).decode()
    assert "1000000008" not in str(logs)


@shared_loop
async def test_no_error_repeats_a_token(town: World) -> None:
    secret = "0123456789abcdef" * 8 + "00000000"

    reply = await town.portal("query($n: Int) { cities(first: $n) { totalCount } }", n="tw_live_" + secret)

    refused(reply, "BAD_USER_INPUT")
    assert secret not in reply.errors[0]["message"]


async def test_after_all_that_was_refused_the_data_is_as_before(world: World) -> None:
    invitation, owner = await world.invitation(), await world.person()
    accept = "mutation($id: ID!, $v: Boolean!) { acceptInvitation(input: {invitationId: $id, validateOnly: $v}) { userErrors { code } } }"
    reject = "mutation($id: ID!, $r: String) { rejectInvitation(input: {invitationId: $id, reason: $r}) { userErrors { code path } } }"

    replies = [
        await world.portal(accept, owner, id=invitation.public_id, v="no"),
        await world.portal(accept, owner, id=invitation.public_id),
        await world.portal(accept, owner, id="' OR 1=1 --", v=False),
        await world.portal(reject, owner, id=invitation.public_id, r="\x00"),
        await world.portal(reject, owner, id=invitation.public_id, r="\u202eabc"),
        await world.portal(reject, owner, id=invitation.public_id, r="a" * 10_000),
    ]

    assert [reply.codes for reply in replies] == [["BAD_USER_INPUT"]] * 2 + [["NOT_FOUND"]] + [["VALIDATION_FAILED"]] * 3
    [stored] = await world.portal.fetch(select(Invitation))
    assert (stored.status, stored.version, stored.rejection_reason) == ("PENDING", 1, None)


# ---- what was not foreseen --------------------------------------------------------------------------------------------------


async def _drop(portal: Portal, table: str) -> None:
    async with portal.database.engine.connect() as connection:
        if portal.database.is_sqlite:
            await connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
        await connection.exec_driver_sql(f"DROP TABLE {table}" + ("" if portal.database.is_sqlite else " CASCADE"))
        await connection.commit()
    await portal.server_database._readers.renew()
    await portal.server_database.engine.dispose()


async def test_a_missing_table_is_a_masked_internal_error_that_the_log_explains(world: World) -> None:
    owner, text_ = (
        await world.person(),
        "{ faqs { totalCount } service { version } }",
    )
    await _drop(world.portal, "faqs")

    with capture_logs() as logs:
        reply = await world.portal(text_, owner)

    assert reply.codes == ["INTERNAL"]
    assert reply.data["faqs"] is None
    assert reply.data["service"] == {"version": "0.1.0"}
    [error] = reply.errors
    assert error["extensions"] == {"code": "INTERNAL", "retryable": False, "requestId": reply.headers["x-request-id"]}
    assert error["path"] == ["faqs"]
    assert [
        word for word in (*TELL_TALES, "no such table", "does not exist", "position") if word in orjson.dumps(reply.body).decode().lower()
    ] == []
    assert [entry["request_id"] for entry in logs if entry["event"] == "unexpected"] == [reply.headers["x-request-id"]]


async def test_where_not_even_the_caller_can_be_told_the_answer_is_masked_too(world: World) -> None:
    owner = await world.person()
    await _drop(world.portal, "sessions")

    with capture_logs() as logs:
        reply = await world.portal("{ service { version } }", owner)

    assert (reply.status, reply.codes) == (500, ["INTERNAL"])
    assert reply.errors[0]["extensions"]["requestId"] == reply.headers["x-request-id"]
    assert "sessions" not in orjson.dumps(reply.body).decode()
    assert [entry["request_id"] for entry in logs if entry["event"] == "unexpected"] == [reply.headers["x-request-id"]]


async def test_a_pool_without_a_free_connection_is_unavailable_and_recovers(backend: str, templates: Templates) -> None:
    url, data = await asyncio.to_thread(templates.copy, backend, "blank")
    async with portal_on(url, data, database_pool_size=1) as portal:
        portal.server_database._readers.patience = 0.05  # 3 and 30 seconds are long for a test
        async with portal.server_database.reading() as connection:
            await connection.execute(select(func.count()).select_from(Job))
            drained = await portal("{ cities { totalCount } }")
            at_the_door = await portal("{ cities { totalCount } }", Caller({"Cookie": "telework_session=x"}))
        after = await portal("{ cities { totalCount } }")

    assert (drained.codes, drained.data) == (["UNAVAILABLE"], {"cities": None})
    assert drained.errors[0]["extensions"]["retryable"] is True
    assert (at_the_door.status, at_the_door.codes) == (503, ["UNAVAILABLE"])
    assert after.data == {"cities": {"totalCount": 69}}
    templates.drop(url)


@pytest.mark.parametrize("backend", ["postgresql"])  # a file has no connection to lose
async def test_a_lost_connection_is_unavailable_and_the_next_request_is_answered(backend: str, templates: Templates) -> None:
    url, data = await asyncio.to_thread(templates.copy, backend, "blank")
    async with portal_on(url, data, database_pool_size=1) as portal, portal_on(url, data) as other:
        await portal("{ cities { totalCount } }")
        async with other.database.writing() as session:
            await session.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
        lost = await portal("{ cities { totalCount } }")
        after = await portal("{ cities { totalCount } }")

    assert lost.codes in (["UNAVAILABLE"], [])
    assert after.data == {"cities": {"totalCount": 69}}
    discreet(lost)
    templates.drop(url)


@pytest.mark.parametrize("backend", ["sqlite"])  # only SQLite locks as a whole
async def test_a_locked_database_is_unavailable(world: World) -> None:
    invitation, owner = await world.invitation(), await world.person()
    path = world.portal.database.engine.url.database
    async with world.portal.server_database.writer.connect() as connection:
        await connection.exec_driver_sql("PRAGMA busy_timeout = 50")
        await connection.rollback()
    with sqlite3.connect(str(path), isolation_level=None) as blocker:
        blocker.execute("BEGIN IMMEDIATE")
        reply = await world.portal(
            "mutation($id: ID!) { acceptInvitation(input: {invitationId: $id}) { userErrors { code } } }", owner, id=invitation.public_id
        )
        blocker.execute("ROLLBACK")

    assert reply.codes == ["UNAVAILABLE"]
    assert reply.errors[0]["extensions"]["retryable"] is True


# ---- anything at all --------------------------------------------------------------------------------------------------------


@shared_loop
async def test_no_text_whatever_makes_a_failure(town: World) -> None:
    owner = await town.person()
    text_ = """query($first: Int, $after: String, $s: String, $id: ID!) {
      node(id: $id) { id } cities(first: $first, after: $after, search: $s) { totalCount nodes { id } }
      viewer { account { jobs(first: $first, after: $after, where: {search: $s, cityId: $id}) { totalCount nodes { id } }
        contracts(where: {search: $s, establishmentId: $id}) { totalCount } } } }"""
    anything = st.text(max_size=40).filter(lambda made: made.isascii() or made.encode("utf-8", "replace").decode() == made)
    asked: list[dict[str, Any]] = []

    @settings(max_examples=50, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.integers() | anything, anything | st.none(), anything, anything)
    def collect(first: Any, after: str | None, s: str, id_: str) -> None:
        asked.append({"first": first, "after": after, "s": s, "id": id_})

    collect()
    for variables in asked:
        response = await town.portal.http.post("/graphql", json={"query": text_, "variables": variables}, headers=owner.headers)
        assert response.status_code in (200, 294, 422, 400), variables
        if response.status_code != 400:
            assert {error["extensions"]["code"] for error in response.json().get("errors", [])} <= {"BAD_USER_INPUT"}, variables
    assert len(asked) >= 50
