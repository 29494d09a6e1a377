"""What is done leaves who did it, with which credential, from where, in which request; and nothing secret, wherever one looks."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx2
import pytest
from sqlalchemy import Text, select
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from app.models import Base, Event, SpToken, Teleworker, User
from tests.conftest import Templates
from tests.portal import Portal
from tests.server import server_process
from tests.traces import SECRETS, Written, indiscreet
from tests.world import World

CREATE = (
    """mutation { createToken(input: {name: "t", environment: LIVE, scopes: [EVENTS_READ]}) { secret token { id } userErrors { code } } }"""
)
SEARCH = '{ viewer { account { teleworkers(where: {nationalId: "?"}) { totalCount } } } }'
REVEAL = "{ viewer { account { teleworkers { nodes { nationalId(reveal: true) } } } } }"
# National ids are kept where people are; hashes and what a trip to the login needs are no credentials of anybody.
KEPT = {("users", "national_id"), ("teleworkers", "national_id")}


@pytest.mark.parametrize(
    "line",
    ["token tw_live_0123456789abcdef", "a" * 128, "national id 1000000008", "the reply of 2000000006 was", "cookie=known-secret;"],
)
def test_what_must_not_be_told_is_seen(line: str) -> None:
    assert indiscreet(line, ["known-secret"]) != []


@pytest.mark.parametrize("line", ["at 1764000000 seconds", "number 7000000001", "id 01a2051000000008aa", "1*******08", "d708e4"])
def test_what_looks_like_it_is_not_taken_for_it(line: str) -> None:
    assert indiscreet(line, ["known-secret"]) == []


async def test_every_mutation_leaves_a_line_that_tells_who_and_whence(world: World) -> None:
    owner, token = await world.person(), await world.portal.token(world.north, "PROJECTS_READ", "JOBS_WRITE")
    job = await world.job()
    pause = "mutation($id: ID!) { changeJobStatus(input: {jobId: $id, status: PAUSED}) { userErrors { code } } }"

    with capture_logs([merge_contextvars]) as logs:
        done = [await world.portal(pause, caller, id=job.public_id) for caller in (owner, token)]

    lines = [line for line in logs if line["event"] == "mutation"]
    credential = (await world.portal.fetch(select(SpToken)))[0]
    first, second = lines
    assert [line["operation"] for line in lines] == ["change_job_status"] * 2
    assert [line["request_id"] for line in lines] == [reply.headers["x-request-id"] for reply in done]
    assert (first["user"], second["user"]) == (str((await world.portal.actor(owner)).user_id), None)
    assert (bool(first["session"]), first["token"], second["token"], second["session"]) == (True, None, str(credential.id), None)
    assert {line["address"] for line in lines} == {"127.0.0.1"}
    assert {line["account"] for line in lines} == {str(world.north.id)}
    assert [line["codes"] for line in lines] == [[], ["ILLEGAL_TRANSITION"]]


async def test_a_sign_in_and_its_end_leave_lines(demo: Portal) -> None:
    [persona] = await demo.fetch(select(User).where(User.subject.is_not(None)).limit(1)) or await demo.fetch(select(User).limit(1))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=demo.app), base_url=demo.settings.public_url) as browser:
        with capture_logs() as logs:
            page = await browser.get("/auth/login", follow_redirects=True)
            await _fill_in(browser, page, persona.national_id)
            await browser.post("/auth/logout")

    told = [
        (line["event"], line["user_id"], line["address"], bool(line["request_id"])) for line in logs if line["event"].startswith("signed")
    ]
    assert told == [(event, str(persona.id), "127.0.0.1", True) for event in ("signed_in", "signed_out")]


async def test_nothing_secret_is_written_anywhere(demo: Portal, written: Written) -> None:
    """A day of the demo: people sign in, tokens are made and mistyped, ids are revealed, things fail; then everything is looked through."""
    personas = await demo.fetch(select(User).limit(3))
    bodies: list[str] = []
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=demo.app), base_url=demo.settings.public_url) as browser:
        for persona in personas:
            page = await browser.get("/auth/login", follow_redirects=True)
            await _fill_in(browser, page, persona.national_id)
            SECRETS.update(browser.cookies.values())
            made = await browser.post("/graphql", json={"query": CREATE})
            secret = ((made.json().get("data") or {}).get("createToken") or {}).get("secret") or "tw_live_" + "0" * 136
            SECRETS.add(secret)
            await browser.post("/graphql", json={"query": REVEAL})
            for wrong in (secret[:-1] + "x", secret[8:136], f"Bearer {secret}", "tw_live_" + "f" * 136):
                answer = await browser.post("/graphql", json={"query": REVEAL}, headers={"Authorization": f"Bearer {wrong}"})
                bodies.append(answer.text)
            searched = SEARCH.replace("?", persona.national_id[:-1] + "x")
            bodies.append((await browser.post("/graphql", json={"query": searched})).text)
            bodies.append((await browser.get(f"/auth/callback?state={secret}&code={secret}")).text)
    stored = await _dump(demo)

    assert len(stored) > 10_000
    assert [found for body in bodies if (found := indiscreet(body))] == []
    assert [(where, found) for where, text in stored.items() if (found := indiscreet(text))] == []
    assert indiscreet("".join(written.lines)) == []
    assert any(event.type == "NATIONAL_IDS_REVEALED" for event in await demo.fetch(select(Event)))
    assert await demo.fetch(select(Teleworker).limit(1))  # whose ids there were to tell


async def _fill_in(browser: httpx2.AsyncClient, page: httpx2.Response, national_id: str) -> None:
    """Signs in on the demo's page, as a person would."""
    action = re.search(r'<form[^>]*action="([^"]*)"', page.text)
    assert action
    fields = {name: unescape(value) for name, value in re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', page.text)}
    filled = fields | {"persona": national_id}
    await browser.post(urljoin(str(page.url), unescape(action[1])), data=filled, follow_redirects=True)


async def _dump(portal: Portal) -> dict[tuple[str, str, str], str]:
    """Every text that the database holds, but for the columns whose purpose is to hold it."""
    found = {}
    async with portal.database.reading() as connection:
        for table in Base.metadata.sorted_tables:
            texts = [column for column in table.columns if _is_text(column)]
            for row in await connection.execute(select(table.c.id, *texts)):
                for column, value in zip(texts, row[1:], strict=True):
                    if value is not None and (table.name, column.name) not in KEPT:
                        found[table.name, column.name, str(row[0])] = value if isinstance(value, str) else json.dumps(value)
    return found


def _is_text(column: Any) -> bool:
    return isinstance(column.type, Text) or column.type.__class__.__name__ in ("JSON", "Choice")


def test_a_server_writes_no_address_down_that_opens_something(templates: Templates, tmp_path: Path) -> None:
    """What takes a document's bytes, ends a sign-in or asks for somebody by their id."""
    url = templates.copy("sqlite", "blank")[0]
    with server_process(tmp_path, url) as server:
        for path in (f"/documents/doc_{1:032}?signature=SECRET", "/auth/callback?code=SECRET&state=SECRET", "/graphql?query={SECRET}"):
            assert httpx2.get(server.url + path).status_code >= 400
    templates.drop(url)

    assert "SECRET" not in server.log.read_text()
