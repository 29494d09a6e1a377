"""Headers that keep browsers careful are on every answer; no other origin reads the graph but those that a setting names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest

from app.settings import Settings
from app.web.application import create_app
from tests.portal import Portal, portal_on
from tests.world import World

FRIEND, STRANGER = "https://portal.example.sa", "https://evil.example"
QUERY = orjson.dumps({"query": "{ service { version } }"})
ANSWERS = {
    ("GET", "/"): 307,
    ("GET", "/graphiql"): 200,
    ("GET", "/nowhere"): 404,
    ("GET", "/schema.graphql"): 200,
    ("GET", "/documents/doc_x"): 404,
    ("GET", "/graphql"): 422,
    ("PUT", "/graphql"): 405,
    ("GET", "/auth/login"): 303,
    ("GET", "/auth/callback"): 400,
    ("GET", "/auth/logout"): 200,
    ("DELETE", "/auth/logout"): 405,
    ("GET", "/demo-login/authorize"): 400,
}


@pytest.fixture(params=["sqlite"])
def backend(request: pytest.FixtureRequest) -> str:
    """HTTP knows nothing of the database."""
    return str(request.param)


async def _asked(portal: Portal, method: str, path: str, **headers: str) -> httpx2.Response:
    content = QUERY if method == "POST" else None
    return await portal.http.request(method, path, content=content, headers={"Content-Type": "application/json", **headers})


@pytest.mark.parametrize(("method", "path"), ANSWERS)
async def test_every_answer_tells_browsers_to_be_careful(portal: Portal, method: str, path: str) -> None:
    response = await _asked(portal, method, path)

    policy = response.headers["content-security-policy"]
    assert response.status_code == ANSWERS[method, path]
    assert "default-src" in policy
    assert "frame-ancestors 'none'" in policy
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] in ("no-referrer", "same-origin")
    assert len(response.headers.get_list("content-security-policy")) == 1
    assert "strict-transport-security" not in response.headers  # which plain http must not promise
    assert not [name for name in response.headers if name.startswith("access-control")]


async def test_a_bugs_answer_is_no_exception(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("app.web.graphql.Visit.answer", broken)
    response = await _asked(portal, "POST", "/graphql")

    assert response.status_code == 500
    assert "frame-ancestors 'none'" in response.headers["content-security-policy"]


async def test_https_is_promised_for_a_year_where_it_is(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/x.db"
    app = create_app(Settings(database_url=url, data_dir=tmp_path, public_url="https://graph.example.sa"))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="https://graph.example.sa") as http:
        response = await http.get("/nowhere")
    await app.state.database.close()

    assert response.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"


@pytest.mark.parametrize(
    "origin", [STRANGER, "null", f"{FRIEND}.evil.example", f"{FRIEND}:8443", "http://portal.example.sa", FRIEND.upper()]
)
async def test_no_other_origin_reads_the_graph(world: World, origin: str) -> None:
    async with portal_on(world.portal.settings.database_url, world.portal.settings.data_dir, cors_origins=FRIEND) as portal:
        preflight = await _asked(portal, "OPTIONS", "/graphql", **{"Origin": origin, "Access-Control-Request-Method": "POST"})
        answer = await _asked(portal, "POST", "/graphql", Origin=origin)

    for response in (preflight, answer):
        assert not [name for name in response.headers if name.startswith("access-control")]
        assert "Origin" in response.headers.get_list("vary")[-1]


async def test_a_named_origins_page_asks_in_its_persons_name(world: World) -> None:
    owner, asked = await world.person(), orjson.dumps({"query": "{ viewer { account { id } } }"})
    async with portal_on(world.portal.settings.database_url, world.portal.settings.data_dir, cors_origins=f" {FRIEND} ,") as portal:
        wanted = {
            "Origin": FRIEND,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type,idempotency-key",
        }
        preflight = await _asked(portal, "OPTIONS", "/graphql", **wanted)
        told = {"Content-Type": "application/json", "Origin": FRIEND, **owner.headers}
        answer = await portal.http.post("/graphql", content=asked, headers=told)
        elsewhere = await _asked(portal, "GET", "/schema.graphql", Origin=FRIEND)

    assert (preflight.status_code, preflight.content) == (204, b"")
    assert preflight.headers["access-control-allow-methods"] == "POST"
    assert {"Content-Type", "Idempotency-Key", "Sp-Token"} <= set(preflight.headers["access-control-allow-headers"].split(", "))
    assert "x-request-id" in answer.headers["access-control-expose-headers"].lower()
    for response in (preflight, answer):
        assert response.headers["access-control-allow-origin"] == FRIEND
        assert response.headers["access-control-allow-credentials"] == "true"
    assert answer.json()["data"]["viewer"]["account"] == {"id": world.north.public_id}
    assert "access-control-allow-origin" not in elsewhere.headers


@pytest.mark.parametrize(
    "listed",
    [
        "*",
        "https://*.example.sa",
        f"{FRIEND}/",
        f"{FRIEND}/page",
        "http://portal.example.sa",
        "portal.example.sa",
        "null",
        "https://a@b.example",
    ],
)
def test_an_origin_that_is_not_exact_is_refused_at_start(tmp_path: Path, listed: str) -> None:
    with pytest.raises(ValueError, match="TELEWORK_CORS_ORIGINS"):
        create_app(Settings(database_url=f"sqlite+aiosqlite:///{tmp_path}/x.db", data_dir=tmp_path, cors_origins=f"{FRIEND},{listed}"))
