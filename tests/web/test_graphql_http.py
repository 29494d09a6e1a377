"""GraphQL over HTTP: media types, statuses, headers, credentials."""

from __future__ import annotations

from typing import Any

import httpx2
import orjson
import pytest

from app.schema import schema
from tests.portal import Caller, Portal
from tests.world import World

GRAPHQL, JSON = "application/graphql-response+json", "application/json"
VERSION = "{ service { version } }"
BODY = orjson.dumps({"query": VERSION})
PARTIAL = "{ cities(first: 0) { totalCount } service { version } }"
NOTHING = "{ cities(first: 0) { totalCount } }"
ACCEPT = 'mutation { acceptInvitation(input: {invitationId: "x"}) { userErrors { code } } }'


@pytest.fixture(params=["sqlite"])
def backend(request: pytest.FixtureRequest) -> str:
    """HTTP knows nothing of the database."""
    return str(request.param)


async def post(portal: Portal, query: Any = VERSION, *, accept: str | None = GRAPHQL, **headers: str) -> httpx2.Response:
    content = query if isinstance(query, bytes) else orjson.dumps({"query": query})
    given = {"Content-Type": JSON, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return await portal.http.post("/graphql", content=content, headers=given if accept is None else {**given, "Accept": accept})


async def get(portal: Portal, query: str | None = VERSION, caller: Caller | None = None, **more: Any) -> httpx2.Response:
    headers = {"Accept": GRAPHQL, **more.pop("headers", {}), **(caller.headers if caller else {})}
    return await portal.http.get("/graphql", params={**({} if query is None else {"query": query}), **more}, headers=headers)


# ---- media types and statuses -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        (None, GRAPHQL),
        ("", GRAPHQL),
        ("*/*", GRAPHQL),
        ("application/*", GRAPHQL),
        (GRAPHQL, GRAPHQL),
        (JSON, JSON),
        (f"{JSON}, {GRAPHQL}", GRAPHQL),
        (f"{GRAPHQL}, {JSON}", GRAPHQL),
        (f"{JSON};q=0.9, {GRAPHQL};q=0.8", JSON),
        (f"{JSON}, */*;q=0.1", JSON),
        (f"{JSON}, */*", JSON),
        (f"{GRAPHQL};q=0, */*", JSON),
        (f"*/*, {GRAPHQL};q=0", JSON),
        (f"{JSON};charset=utf-8", JSON),
        ("APPLICATION/JSON", JSON),
        ("text/html, application/xhtml+xml, */*;q=0.8", GRAPHQL),
        (f"text/event-stream, {JSON}", JSON),
    ],
)
async def test_the_better_liked_media_type_is_answered(portal: Portal, accept: str | None, answered: str) -> None:
    portal.http.headers.pop("accept", None)

    response = await post(portal, accept=accept)

    assert response.status_code == 200
    assert response.headers["content-type"] == f"{answered}; charset=utf-8"
    assert response.json()["data"] == {"service": {"version": "0.1.0"}}


@pytest.mark.parametrize(
    "accept", ["text/html", "text/plain, image/*", f"{JSON};q=0", f"{JSON};q=0, {GRAPHQL};q=0", "*/*;q=0", f"{JSON};q=x"]
)
async def test_nothing_that_we_speak_in_accept_is_406(portal: Portal, accept: str) -> None:
    response = await post(portal, accept=accept)

    assert response.status_code == 406
    assert GRAPHQL in response.text


@pytest.mark.parametrize(
    ("query", "as_graphql", "as_json"),
    [
        (VERSION, 200, 200),
        (PARTIAL, 294, 200),
        (NOTHING, 294, 200),
        ("{", 400, 400),
        ("{ nope }", 422, 422),
        ("query A { nope } query B { nope }", 422, 422),
    ],
)
async def test_the_status_tells_what_became_of_the_request(portal: Portal, query: str, as_graphql: int, as_json: int) -> None:
    replies = [await post(portal, query, accept=accept) for accept in (GRAPHQL, JSON)]

    assert [reply.status_code for reply in replies] == [as_graphql, as_json]
    assert replies[0].json() == replies[1].json()
    assert ("data" in replies[0].json()) is (as_graphql < 400)


async def test_variables_that_cannot_be_coerced_are_422_without_data(portal: Portal) -> None:
    body = orjson.dumps({"query": "query($n: Int!) { cities(first: $n) { totalCount } }", "variables": {"n": "x"}})

    response = await post(portal, body)

    assert response.status_code == 422
    assert [error["extensions"]["code"] for error in response.json()["errors"]] == ["BAD_USER_INPUT"]
    assert "data" not in response.json()


@pytest.mark.parametrize(
    "body", [b"", b"{", b"query", b"\xff\xfe", b'{"query": NaN}', b"{'query': 1}", b'{"query": "\\ud800"}', b"\x1f\x8b\x08"]
)
async def test_what_is_not_json_is_400_in_plain_text(portal: Portal, body: bytes) -> None:
    response = await post(portal, body, **{"accept-language": "en"})

    assert (response.status_code, response.text) == (400, "The body is not JSON.\n")
    assert response.headers["content-type"].startswith("text/plain")


NO_REQUESTS: list[Any] = [None, 5, "x", True, [], [5], [[]], [{"query": VERSION}, {}], {}]
NO_REQUESTS += [{"query": None}, {"query": 5}, {"query": ""}, {"query": "  "}]
NO_REQUESTS += [{"query": [VERSION]}]
_value: Any
for _value in ([], "x", 5, True):
    NO_REQUESTS += [{"query": VERSION, "variables": _value}, {"query": VERSION, "extensions": _value}]
for _value in (5, [], {}):
    NO_REQUESTS += [{"query": VERSION, "operationName": _value}]


@pytest.mark.parametrize("given", NO_REQUESTS)
async def test_json_that_is_no_graphql_request_is_422(portal: Portal, given: Any) -> None:
    response = await post(portal, orjson.dumps(given))

    assert response.status_code == 422
    assert "data" not in response.text


async def test_what_is_null_or_unknown_in_a_request_is_as_if_it_were_not_there(portal: Portal) -> None:
    body = {"query": VERSION, "variables": None, "operationName": None, "extensions": None, "more": [1]}

    response = await post(portal, orjson.dumps(body))

    assert (response.status_code, response.json()["data"]) == (200, {"service": {"version": "0.1.0"}})


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "",
        "application/graphql",
        "application/jsonp",
        "application/json; charset=utf-16",
    ],
)
async def test_another_content_type_is_415_and_runs_nothing(portal: Portal, content_type: str) -> None:
    with portal.statements() as seen:
        response = await post(portal, orjson.dumps({"query": "{ cities { totalCount } }"}), Content_Type=content_type)

    assert response.status_code == 415
    assert response.headers["accept"] == JSON
    assert seen == []


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", 'application/json;charset="UTF-8"', "Application/JSON"])
async def test_json_in_utf_8_is_taken_however_it_is_spelled(portal: Portal, content_type: str) -> None:
    response = await post(portal, BODY, Content_Type=content_type)

    assert response.status_code == 200


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "x"])
async def test_a_packed_body_is_415(portal: Portal, encoding: str) -> None:
    response = await post(portal, BODY, Content_Encoding=encoding)

    assert response.status_code == 415


async def test_a_body_may_be_as_long_as_its_sender_is_trusted(world: World) -> None:
    portal = world.portal
    callers = [({}, 100_000), ((await portal.token(world.north, "REPORTS_READ")).headers, 1_000_000)]
    callers += [((await portal.token(world.north, "REPORTS_WRITE")).headers, 8_000_000)]

    async def streamed(size: int) -> Any:
        for _ in range(size // 10_000):
            yield b" " * 10_000
        yield b" "

    for headers, most in callers:
        bodies = [BODY[:-1] + b" " * (size - len(BODY)) + b"}" for size in (most, most + 1)]
        fits, exceeds = [await post(portal, body, **headers) for body in bodies]
        unannounced = await portal.http.post("/graphql", content=streamed(most), headers={"Content-Type": JSON, **headers})

        assert (fits.status_code, exceeds.status_code, unannounced.status_code) == (200, 413, 413)
        assert exceeds.headers["connection"] == "close"
        assert f"{most:,}" in exceeds.text


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE"])
async def test_another_method_is_405_with_allow(portal: Portal, method: str) -> None:
    response = await portal.http.request(method, "/graphql", content=BODY, headers={"Content-Type": JSON})

    assert response.status_code == 405
    assert {"GET", "POST"} <= {name.strip() for name in response.headers["allow"].split(",")}


# ---- GET --------------------------------------------------------------------------------------------------------------------


async def test_a_query_comes_by_get_as_well(portal: Portal) -> None:
    text = "query A($n: Int!) { cities(first: $n) { nodes { id } } } query B { service { version } }"

    a, b = (
        await get(portal, text, variables='{"n": 2}', operationName="A"),
        await get(portal, text, operationName="B", variables="", extensions="{}"),
    )

    assert len(a.json()["data"]["cities"]["nodes"]) == 2
    assert b.json()["data"] == {"service": {"version": "0.1.0"}}


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ({"query": VERSION, "variables": "{"}, 400),
        ({"query": VERSION, "extensions": "x"}, 400),
        ({"query": VERSION, "variables": "[]"}, 422),
        ({"query": VERSION, "variables": "5"}, 422),
        ({"query": ""}, 422),
        ({}, 422),
        ({"query": "{"}, 400),
        ({"query": "{ nope }"}, 422),
    ],
)
async def test_a_get_that_is_no_request_is_refused(portal: Portal, parameters: dict[str, str], status: int) -> None:
    response = await portal.http.get("/graphql", params=parameters, headers={"Accept": GRAPHQL})

    assert response.status_code == status


async def test_a_mutation_by_get_is_405_and_changes_nothing(world: World) -> None:
    invitation, owner = await world.invitation(), await world.person()
    text = ACCEPT.replace('"x"', f'"{invitation.public_id}"')

    alone = await get(world.portal, text, owner)
    among = await get(world.portal, f"query A {VERSION} mutation B {text.removeprefix('mutation ')}", owner, operationName="B")
    query = await get(world.portal, f"query A {VERSION} mutation B {text.removeprefix('mutation ')}", owner, operationName="A")

    assert (alone.status_code, among.status_code, query.status_code) == (405, 405, 200)
    assert alone.headers["allow"] == among.headers["allow"] == "POST"
    status = await world.portal("query($id: ID!) { node(id: $id) { ... on Invitation { status } } }", owner, id=invitation.public_id)
    assert status.data["node"] == {"status": "PENDING"}


@pytest.mark.parametrize(("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)])
async def test_a_get_that_another_site_made_a_browser_send_is_403(portal: Portal, site: str, status: int) -> None:
    with portal.statements() as seen:
        response = await get(portal, headers={"Sec-Fetch-Site": site})

    assert response.status_code == status
    assert seen == []


async def test_a_browser_is_led_to_graphiql_unless_it_brings_a_query(portal: Portal) -> None:
    page = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}

    led = await portal.http.get("/graphql", headers=page, follow_redirects=False)
    asked = await portal.http.get("/graphql", params={"query": VERSION}, headers=page, follow_redirects=False)

    assert (led.status_code, led.headers["location"]) == (303, "/graphiql")
    assert asked.json()["data"] == {"service": {"version": "0.1.0"}}


# ---- headers ----------------------------------------------------------------------------------------------------------------


async def test_every_answer_has_an_id_of_its_own_and_is_not_sniffed(portal: Portal) -> None:
    replies = [
        await post(portal),
        await post(portal, b"{"),
        await post(portal, b"null"),
        await post(portal, Content_Type="text/plain"),
        await post(portal, accept="text/html"),
        await post(portal, b" " * 1_000_001),
        await post(portal, Authorization="Bearer x"),
        await get(portal, ACCEPT),
        await portal.http.get("/nowhere"),
        await portal.http.put("/graphql"),
        await portal.http.get("/documents/x"),
        await portal.http.get("/schema.graphql"),
        await portal.http.get("/", follow_redirects=False),
    ]

    ids = [reply.headers["x-request-id"] for reply in replies]
    assert {len(id_) for id_ in ids} == {32}
    assert len(set(ids)) == len(replies)
    assert {reply.headers["x-content-type-options"] for reply in replies} == {"nosniff"}
    assert max(reply.status_code for reply in replies) < 500


async def test_answers_are_private_and_name_what_they_depend_on(portal: Portal) -> None:
    replies = [await post(portal), await post(portal, "{"), await post(portal, Authorization="Bearer x")]

    assert {reply.headers["cache-control"] for reply in replies} == {"private, no-store"}
    assert {reply.headers["vary"] for reply in replies} == {"Accept, Accept-Encoding, Accept-Language, Authorization, Cookie, Sp-Token"}


async def test_the_schema_is_served_as_it_is(portal: Portal) -> None:
    response = await portal.http.get("/schema.graphql")

    assert response.text == schema.as_str()
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


# ---- credentials ------------------------------------------------------------------------------------------------------------

WHO = "{ viewer { user { name } token { name } } }"


async def test_a_bad_token_is_401_and_never_falls_back_to_the_cookie(world: World) -> None:
    cookie, token = (await world.person()).headers["Cookie"], (await world.portal.token(world.north)).headers["Authorization"]
    typo = token[:-1] + ("0" if token[-1] != "0" else "1")
    bad = [{"Authorization": value} for value in (typo, "Bearer x", "Bearer ", "Basic dTpw", "Bearer", "Bearer " + "0" * 128)]
    bad += [{"Sp-Token": "x"}, {"Sp-Token": ""}, {"Authorization": token, "Sp-Token": "x"}]

    for headers in bad:
        response = await post(world.portal, WHO, Cookie=cookie, **headers)

        assert response.status_code == 401, headers
        assert response.headers["www-authenticate"] == "Bearer"
        assert [error["extensions"]["code"] for error in response.json()["errors"]] == ["UNAUTHENTICATED"]
        assert "data" not in response.json()
    good = await post(world.portal, WHO, Cookie=cookie, Authorization=token)
    assert good.json()["data"]["viewer"]["user"] is None
    assert good.json()["data"]["viewer"]["token"] == {"name": "A server"}


async def test_a_cookie_that_is_out_of_date_is_nobody(world: World) -> None:
    owner = await world.person()
    signed_in = await world.portal(WHO, owner)
    world.portal.clock.advance(hours=12)

    expired, unknown = await world.portal(WHO, owner), await world.portal(WHO, Caller({"Cookie": "telework_session=x"}))

    assert signed_in.data["viewer"]["user"] is not None
    assert expired.body == unknown.body == {"data": {"viewer": None}}


async def test_logging_out_clears_the_cookie(world: World) -> None:
    owner = await world.person()

    reply = await world.portal("mutation { logout(input: {}) { loggedOut } }", owner)

    assert reply.data == {"logout": {"loggedOut": True}}
    assert 'telework_session=""' in reply.headers["set-cookie"]
    assert "Max-Age=0" in reply.headers["set-cookie"]
    assert (await world.portal(WHO, owner)).body == {"data": {"viewer": None}}
