"""The front door's limits and ways in: refused before any work, charged, batched, registered, packed, stopped in time."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import brotli  # it has no types
import httpx2
import orjson
import pytest
import zstandard
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from typer.testing import CliRunner

from app.cli import app as cli
from app.errors import DeadlineExceeded
from app.models import Company, SpToken
from app.schema import schema
from app.settings import Settings
from app.web.trusted import ManifestError, read_manifest
from tests.conftest import Templates
from tests.portal import NOBODY, Portal, portal_on
from tests.world import World, make_world

GRAPHQL, JSON = "application/graphql-response+json", "application/json"
VERSION = "{ service { version } }"
CITIES = "{ cities(first: 5) { nodes { id } } }"
_SPREADS = "".join(f"fragment F{i} on Query {{ ...F{i + 1} ...F{i + 1} }} " for i in range(20))
BOMB = "{ ...F0 } " + _SPREADS + "fragment F20 on Query { __typename }"


@pytest.fixture(params=["sqlite"])
def backend(request: pytest.FixtureRequest) -> str:
    """HTTP knows nothing of the database, but for stopping it."""
    return str(request.param)


async def send(portal: Portal, body: Any, *, method: str = "POST", **headers: str) -> httpx2.Response:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    given = {"Content-Type": JSON, "Accept": GRAPHQL, "Accept-Language": "en", **{k.replace("_", "-"): v for k, v in headers.items()}}
    return await portal.http.request(method, "/graphql", content=content, headers=given)


def codes(response: httpx2.Response) -> list[str]:
    return [error["extensions"]["code"] for error in response.json()["errors"]]


def left(response: httpx2.Response) -> int:
    return int(response.headers["ratelimit"].partition("r=")[2].partition(";")[0])


@pytest.fixture
async def small(backend: str, templates: Templates) -> AsyncIterator[Portal]:
    """A server whose anonymous callers have 50 points."""
    url, data = await asyncio.to_thread(templates.copy, backend, "blank")
    async with portal_on(url, data, anonymous_points_a_minute=50) as made:
        yield made


# ---- limits -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("_case", "body", "status"),
    [
        ("fragment bomb", orjson.dumps({"query": BOMB}), 422),
        ("aliases", orjson.dumps({"query": "{" + " ".join(f"a{i}: __typename" for i in range(4000)) + "}"}), 422),
        ("tokens", orjson.dumps({"query": "{" + "a " * 49_000 + "}"}), 422),
        ("bytes", b'{"query": "' + b"a " * 500_000 + b'"}', 413),
        ("depth of JSON", b"[" * 49_000 + b"]" * 49_000, 400),
        ("cost", orjson.dumps({"query": "{ cities(first: 1000) { nodes { id } } }"}), 200),
    ],
)
async def test_what_is_too_much_is_refused_at_once_and_asks_no_database(portal: Portal, _case: str, body: bytes, status: int) -> None:
    with portal.statements() as seen:
        start = time.process_time()
        response = await send(portal, body)
        took = time.process_time() - start

    assert response.status_code == status
    assert status == 200 or (seen == [] and took < 0.1)
    assert {"ratelimit", "ratelimit-policy"} <= response.headers.keys()


async def test_an_operation_over_the_most_is_refused_with_the_way_out(small: Portal) -> None:
    response = await send(small, {"query": "{ cities(first: 100) { nodes { id } } }"})

    [error] = response.json()["errors"]
    assert response.status_code == 422
    assert error["extensions"] == {
        "code": "COST_LIMIT", "retryable": False, "cost": 102, "maximumCost": 50, "suggestion": "lower cities(first:) to 48",
    }  # fmt: skip


async def test_points_are_charged_and_what_was_not_needed_comes_back(small: Portal) -> None:
    query = "query($n: Int) { cities(first: $n) { nodes { id } } rateLimit { limit remaining cost maximumCost } }"

    first = await send(small, {"query": query, "variables": {"n": 5}})
    none = await send(small, {"query": 'query($n: Int) { cities(first: $n, search: "zzzz") { nodes { id } } }', "variables": {"n": 5}})

    cost = first.json()["extensions"]["cost"]
    assert first.json()["data"]["rateLimit"] == {"limit": 50, "remaining": 50 - 8, "cost": 8, "maximumCost": 50}
    assert cost == {"requested": 8, "actual": 8, "maximum": 50}
    assert none.json()["extensions"]["cost"] == {"requested": 7, "actual": 2, "maximum": 50}
    assert (left(first), left(none)) == (42, 40)


async def test_whoever_has_spent_all_is_429_until_the_minute_is_over(small: Portal) -> None:
    replies = [await send(small, {"query": CITIES}) for _ in range(8)]
    limited = replies[-1]
    small.clock.advance(seconds=60)
    later = await send(small, {"query": CITIES})

    assert [reply.status_code for reply in replies] == [200] * 7 + [429]
    assert (codes(limited), limited.headers["retry-after"], left(limited)) == (["RATE_LIMITED"], "60", 1)
    assert later.status_code == 200


async def test_documents_that_are_refused_are_not_free(small: Portal) -> None:
    replies = [await send(small, {"query": f"{{ nope{number} }}"}) for number in range(6)]

    assert [reply.status_code for reply in replies] == [422] * 5 + [429]


async def test_every_answer_tells_what_is_left(portal: Portal) -> None:
    replies = [
        await send(portal, {"query": VERSION}),
        await send(portal, b"{"),
        await send(portal, {}),
        await send(portal, {"query": "{"}),
        await send(portal, {"query": VERSION}, Accept="text/html"),
        await send(portal, {"query": VERSION}, Content_Type="text/plain"),
        await send(portal, {"query": VERSION}, Authorization="Bearer x"),
        await send(portal, {"query": VERSION}, method="PUT"),
    ]

    assert [reply.headers["ratelimit-policy"] for reply in replies] == ['"points";q=6000;w=60'] * len(replies)
    assert [reply.status_code for reply in replies] == [200, 400, 422, 400, 406, 415, 401, 405]


SLOW = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000000) SELECT count(*) FROM n",
    "postgresql": "SELECT pg_sleep(30)::text",
}


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
@pytest.mark.parametrize("way", ["compiled", "reference"])
async def test_a_query_that_takes_too_long_is_stopped_with_its_sql(
    backend: str, way: str, templates: Templates, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, data = await asyncio.to_thread(templates.copy, backend, "blank")
    async with portal_on(url, data, deadline=0.3, executor=way, database_pool_size=1) as portal:

        async def slow(context: Any) -> None:
            await context.rows(text(SLOW[backend]))

        monkeypatch.setattr("app.engine.execute.Executor._answer", lambda self, prepared, context: slow(context))
        start = time.monotonic()
        response = await send(portal, {"query": VERSION})
        took = time.monotonic() - start
        monkeypatch.undo()
        after = await send(portal, {"query": CITIES})  # with the only connection

    templates.drop(url)
    assert (response.status_code, codes(response)) == (503, ["DEADLINE_EXCEEDED"])
    assert response.json()["errors"][0]["extensions"]["retryable"] is True
    assert took < 2
    assert after.status_code == 200


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
async def test_a_mutation_that_takes_too_long_leaves_nothing_done(
    backend: str, templates: Templates, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, data = await asyncio.to_thread(templates.copy, backend, "blank")
    async with portal_on(url, data, deadline=0.3) as portal:
        world = await make_world(portal)

        async def slow(self: Any, prepared: Any, context: Any) -> None:
            async def work(session: AsyncSession) -> None:
                await session.execute(update(Company).values(name_ar="x"))
                await asyncio.sleep(30)

            await context.database.write(work)

        monkeypatch.setattr("app.engine.execute.Executor._answer", slow)
        response = await send(portal, {"query": "mutation { logout(input: {}) { loggedOut } }"}, **(await world.person()).headers)
        monkeypatch.undo()
        names = [company.name_ar for company in await portal.fetch(select(Company))]

    templates.drop(url)
    assert codes(response) == [DeadlineExceeded.code]
    assert "x" not in names


def test_every_limit_is_told_in_the_documentation_with_its_default() -> None:
    root = Path(__file__).parents[2]
    told = [line for name in ("docs/http.md", "README.md") for line in (root / name).read_text(encoding="utf-8").splitlines()]
    limits = [
        name for name in Settings.model_fields if re.match(r"most_|trusted_|rate_|kept_|.*(_cost|_a_minute|_seconds)$|deadline", name)
    ]

    for name in limits:
        row = next((line for line in told if f"{name.upper()}`" in line or f"{name.upper()}=" in line), "")
        default = Settings.model_fields[name].default
        assert row, f"neither docs/http.md nor README.md tells of {name}"
        assert isinstance(default, bool | str) or f"{default:,}" in row, (name, default)


# ---- who asks ---------------------------------------------------------------------------------------------------------------


async def test_a_caller_is_remembered_for_half_a_second_and_no_longer(backend: str, templates: Templates) -> None:
    url, data = await asyncio.to_thread(templates.copy, backend, "blank")
    async with portal_on(url, data, remembered_seconds=0.5) as portal:
        world = await make_world(portal)
        token = await portal.token(world.north, "REPORTS_READ")
        seen = [(await portal(VERSION, token)).statements for _ in range(2)]
        async with portal.database.writing() as session:  # as another process would
            await session.execute(update(SpToken).values(revoked_at=portal.clock()))
        still = await portal(VERSION, token)
        portal.clock.advance(seconds=0.5)
        revoked = await portal(VERSION, token)

        owner = await world.person()
        await portal("{ viewer { user { id } } }", owner)
        await portal("mutation { logout(input: {}) { loggedOut } }", owner)
        gone = await portal("{ viewer { user { id } } }", owner)

    assert (len(seen[0]) > 0, seen[1]) == (True, [])
    assert (still.status, revoked.status) == (200, 401)
    assert gone.data == {"viewer": None}


# ---- HTTP -------------------------------------------------------------------------------------------------------------------


async def test_query_is_asked_as_post_is_and_changes_nothing(portal: Portal) -> None:
    asked = await send(portal, {"query": VERSION}, method="QUERY")
    changing = await send(portal, {"query": "mutation { logout(input: {}) { loggedOut } }"}, method="QUERY")
    options = await send(portal, b"", method="OPTIONS")

    assert asked.json()["data"] == {"service": {"version": "0.1.0"}}
    assert (changing.status_code, codes(changing)) == (422, ["BAD_REQUEST"])
    assert (options.status_code, options.headers["accept-query"], "QUERY" in options.headers["allow"]) == (204, JSON, True)


async def test_head_runs_nothing(portal: Portal) -> None:
    with portal.statements() as seen:
        response = await portal.http.head("/graphql", params={"query": CITIES})

    assert (response.status_code, response.content, seen) == (200, b"", [])


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:8000"}, 200),
        ({"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
async def test_a_get_from_a_foreign_origin_is_403(portal: Portal, headers: dict[str, str], status: int) -> None:
    assert (await portal.http.get("/graphql", params={"query": VERSION}, headers=headers)).status_code == status


async def test_an_address_that_is_too_long_is_414(portal: Portal) -> None:
    assert (await portal.http.get("/graphql", params={"query": VERSION + " " * 16_000})).status_code == 414


async def test_a_batch_is_answered_in_its_order_and_charged_for_each(small: Portal) -> None:
    response = await send(small, [{"query": VERSION}, {"query": "{ nope }"}, {"query": CITIES}])
    many = await send(small, [{"query": VERSION}] * 11)

    first, second, third = response.json()
    assert response.status_code == 200
    assert (first["data"], second["errors"][0]["extensions"]["code"]) == ({"service": {"version": "0.1.0"}}, "DOCUMENT_INVALID")
    assert len(third["data"]["cities"]["nodes"]) == 5
    assert left(response) == 50 - 2 - 10 - 7
    assert (many.status_code, codes(many)) == (422, ["BAD_REQUEST"])


async def test_later_operations_of_a_batch_know_what_earlier_ones_changed(world: World) -> None:
    owner = await world.person()

    response = await send(
        world.portal, [{"query": "mutation { logout(input: {}) { loggedOut } }"}, {"query": "{ viewer { user { id } } }"}], **owner.headers
    )

    assert [entry["data"] for entry in response.json()] == [{"logout": {"loggedOut": True}}, {"viewer": None}]
    assert "Max-Age=0" in response.headers["set-cookie"]


@pytest.mark.parametrize("path", ["/graphql?query=%7Bservice%7Bversion%7D%7D", "/schema.graphql"])
async def test_what_has_not_changed_is_304(portal: Portal, path: str) -> None:
    first = await portal.http.get(path, headers={"Accept": "*/*"})
    again = await portal.http.get(path, headers={"Accept": "*/*", "If-None-Match": first.headers["etag"]})
    other = await portal.http.get(path, headers={"Accept": "*/*", "If-None-Match": '"x"'})

    assert (first.status_code, again.status_code, again.content, other.status_code) == (200, 304, b"", 200)
    assert first.headers["cache-control"] == again.headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize(
    ("accepted", "used"),
    [
        ("gzip, deflate", "gzip"),
        ("br, gzip", "br"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("zstd;q=0.5, br;q=0.9, gzip;q=0.7", "br"),
        ("*", "zstd"),
        ("zstd;q=0, *", "br"),
        ("gzip;q=0", None),
        ("identity, gzip;q=0.5", None),
        ("x", None),
    ],
)
async def test_long_answers_are_packed_for_those_who_can_unpack_them(portal: Portal, accepted: str, used: str | None) -> None:
    unpacked = {"gzip": lambda body: zlib.decompress(body, 31), "br": brotli.decompress, "zstd": zstandard.decompress, None: bytes}
    asked: Any = {"json": {"query": "{ __schema { types { name description } } }"}, "headers": {"Accept-Encoding": accepted}}
    answers = []
    for method, path, more in (("POST", "/graphql", asked), ("GET", "/schema.graphql", {"headers": asked["headers"]})):
        async with portal.http.stream(method, path, **more) as response:
            raw = b"".join([chunk async for chunk in response.aiter_raw()])
        answers.append(unpacked[used](raw))
        assert response.headers.get("content-encoding") == used
        assert used is None or len(raw) < len(answers[-1]) / 2
    short = await send(portal, {"query": VERSION}, Accept_Encoding=accepted)

    assert len(orjson.loads(answers[0])["data"]["__schema"]["types"]) > 50
    assert answers[1].decode() == schema.as_str()
    assert "content-encoding" not in short.headers


# ---- documents that need not be sent -----------------------------------------------------------------------------------------


def id_of(query: str) -> str:
    return "sha256:" + hashlib.sha256(query.encode()).hexdigest()


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
async def test_registered_documents_run_by_their_id_and_may_be_all_that_people_run(
    backend: str, templates: Templates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, data = await asyncio.to_thread(templates.copy, backend, "blank")
    monkeypatch.setenv("TELEWORK_DATABASE_URL", url)
    manifest, more = tmp_path / "manifest.json", tmp_path / "more.json"
    manifest.write_bytes(orjson.dumps({id_of(VERSION): VERSION}))
    more.write_bytes(orjson.dumps({id_of(VERSION).removeprefix("sha256:"): VERSION, id_of(CITIES): CITIES}))

    async def told(*command: str | Path) -> tuple[int, str]:
        done = await asyncio.to_thread(CliRunner().invoke, cli, ["documents", *map(str, command)])
        return done.exit_code, done.output

    async with portal_on(url, data, trusted_only=True) as portal:
        world = await make_world(portal)
        owner, token = (await world.person()).headers, (await portal.token(world.north, "REPORTS_READ")).headers
        early = await send(portal, {"documentId": id_of(VERSION)}, **owner)
        registered = await told("register", manifest)
        known = await send(portal, {"documentId": id_of(VERSION)}, **owner)
        as_text = await send(portal, {"query": VERSION}, **owner)
        by_hash = await send(portal, {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": id_of(VERSION)[7:]}}}, **owner)
        by_get = await portal.http.get("/graphql", params={"documentId": id_of(VERSION)})
        unknown = await send(portal, {"documentId": id_of(CITIES)}, **owner)
        refused = [await send(portal, {"query": CITIES}, **owner), await send(portal, {"query": CITIES}, **token)]
        both = await send(portal, {"query": VERSION, "documentId": id_of(VERSION)})
        commands = [await told("register", more), await told("register", more), await told("remove", id_of(VERSION), id_of("{ other }"))]
        listed = await told("list")
        added = await send(portal, {"documentId": id_of(CITIES)}, **owner)
        commands.append(await told("remove", id_of(VERSION)))
        removed = await send(portal, {"documentId": id_of(VERSION)}, **owner)

    templates.drop(url)
    assert registered == (0, "1 documents, 1 of them new\n")
    assert [reply.status_code for reply in (early, known, as_text, by_hash, by_get, added, removed)] == [422, 200, 200, 200, 200, 200, 422]
    assert (unknown.status_code, codes(unknown)) == (422, ["DOCUMENT_NOT_FOUND"])
    assert [reply.status_code for reply in refused] == [403, 200]
    assert codes(refused[0]) == ["DOCUMENT_REQUIRED"]
    assert (both.status_code, codes(both)) == (422, ["BAD_REQUEST"])
    assert commands[:2] == [(0, "2 documents, 1 of them new\n"), (0, "2 documents, 0 of them new\n")]
    assert (commands[2][0], id_of("{ other }") in commands[2][1], commands[3]) == (1, True, (0, ""))
    assert sorted(line[:71] for line in listed[1].splitlines()) == sorted([id_of(VERSION), id_of(CITIES)])


async def test_the_registry_is_read_no_more_often_however_many_ask_for_what_is_not_there(backend: str, templates: Templates) -> None:
    url, data = await asyncio.to_thread(templates.copy, backend, "blank")
    async with portal_on(url, data, remembered_seconds=0.5) as portal:
        with portal.statements() as seen:
            await asyncio.gather(*(send(portal, {"documentId": id_of(str(number))}) for number in range(20)))
        portal.clock.advance(seconds=0.5)
        with portal.statements() as again:
            await send(portal, {"documentId": id_of("x")})

    assert (len(seen), len(again)) == (1, 1)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "zero-length"),
        (b"[]", "not an object"),
        (b'{"x": "{ service { version } }"}', "not this document's id"),
        (b'{"sha256:0": 5}', "no string"),
        (orjson.dumps({id_of("{ nope }"): "{ nope }"}), "Cannot query field"),
        (orjson.dumps({id_of("{"): "{"}), "Syntax Error"),
        (orjson.dumps({id_of(BOMB): BOMB}), "levels of fields|fragment spreads"),
        (orjson.dumps({id_of("# \0\n" + VERSION): "# \0\n" + VERSION}), "NUL"),
        (orjson.dumps({id_of(VERSION): VERSION, id_of("{ __typename }"): CITIES}), "not this document's id"),
    ],
)
def test_a_manifest_that_is_wrong_is_not_taken(
    content: bytes, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, templates: Templates
) -> None:
    url, _ = templates.copy("sqlite", "blank")
    monkeypatch.setenv("TELEWORK_DATABASE_URL", url)
    manifest = tmp_path / "manifest.json"
    manifest.write_bytes(content)

    done = CliRunner().invoke(cli, ["documents", "register", str(manifest)])
    listed = CliRunner().invoke(cli, ["documents", "list"])

    assert (done.exit_code, listed.output) == (1, "")
    assert re.search(told, done.output)


def test_a_document_that_could_never_run_is_not_registered(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.json"
    texts = ["query($n: Int!) { cities(first: $n) { nodes { id } } }", "{ cities(first: 50) { nodes { id } } }"]
    manifest.write_bytes(orjson.dumps({id_of(text): text for text in texts}))

    with pytest.raises(ManifestError) as refused:
        read_manifest(manifest, schema, Settings(most_cost=40))

    assert str(refused.value).startswith(id_of(texts[1]))
    assert "\n" not in str(refused.value)


async def test_a_document_sent_once_with_its_hash_need_not_be_sent_again(portal: Portal) -> None:
    def extension(query: str) -> dict[str, Any]:
        return {"persistedQuery": {"version": 1, "sha256Hash": id_of(query).removeprefix("sha256:")}}

    unknown = await send(portal, {"extensions": extension(VERSION)})
    sent = await send(portal, {"query": VERSION, "extensions": extension(VERSION)})
    again = await send(portal, {"extensions": extension(VERSION)})
    wrong = await send(portal, {"query": CITIES, "extensions": extension(VERSION)})
    other = await send(portal, {"extensions": {"persistedQuery": {"version": 2, "sha256Hash": "x"}}})

    assert (codes(unknown), unknown.json()["errors"][0]["message"]) == (["PERSISTED_QUERY_NOT_FOUND"], "PersistedQueryNotFound")
    assert sent.json()["data"] == again.json()["data"] == {"service": {"version": "0.1.0"}}
    assert (wrong.status_code, other.status_code) == (422, 422)


async def test_nobody_is_charged_as_somebody_else(world: World) -> None:
    token = await world.portal.token(world.north, "REPORTS_READ")

    known, nobody = await world.portal(VERSION, token), await world.portal(VERSION, NOBODY)

    assert known.headers["ratelimit-policy"] == '"points";q=60000;w=60'
    assert nobody.headers["ratelimit-policy"] == '"points";q=6000;w=60'
