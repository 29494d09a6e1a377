"""The operator's commands, as an operator types them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import select
from typer.testing import CliRunner, Result

from app.auth.secrets import hash_of
from app.cli import app
from app.clock import system_clock
from app.models import Event, GatewayCredential, SpToken
from tests.conftest import Templates
from tests.portal import Caller, Portal, StoppedClock
from tests.world import World, make_world

SECRETS = ["0A" * 64, "0b" * 64]
WRITE = """mutation { createProject: updateProviderProfile(input: {nameEn: "Renamed"}) { userErrors { code } } }"""


@pytest.fixture
def telework(backend: str, templates: Templates, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`telework(*arguments)` on a database of its own, and `telework.portal(work)` for a look at it from a server."""
    url, data = templates.copy(backend, "blank")
    monkeypatch.setenv("TELEWORK_DATABASE_URL", url)

    class Telework:
        def __call__(self, *arguments: str, stdin: str = "") -> Result:
            try:
                return CliRunner().invoke(app, list(arguments), input=stdin)
            finally:
                structlog.reset_defaults()  # its log went to a stream that is gone

        def portal(self, work: Callable[[Portal], Awaitable[Any]]) -> Any:
            async def run() -> Any:
                portal = Portal(url, Path(data), StoppedClock(system_clock()))  # as the commands' clock, which is the real one
                try:
                    return await work(portal)
                finally:
                    await portal.close()

            return asyncio.run(run())

    yield Telework()
    templates.drop(url)


def _number(world: World) -> str:
    return f"{world.north.labor_office_id}-{world.north.sequence_number}"


def test_old_tokens_are_imported_by_hash_listed_and_revoked(telework: Any) -> None:
    world = telework.portal(make_world)
    number = _number(world)
    lines = f"{number},{SECRETS[0]},نظام قديم\n{number},{hash_of(SECRETS[1])},By hash,0B0B0B\n"

    imported = telework("token", "import", "-", stdin=lines)
    again = telework("token", "import", "-", stdin=lines)
    wrong = telework("token", "import", "-", stdin=f"9-9,{SECRETS[0]},x\n{number},{'0c' * 63},x\n{number},{'0d' * 64},\n")
    listed = telework("token", "list", number)

    async def statuses(portal: Portal) -> Any:
        who = "query { viewer { account { id } permissions } }"
        return [await portal(who, Caller({"Sp-Token": secret})) for secret in SECRETS]

    first, second = telework.portal(statuses)
    revoked = [telework("token", "revoke", listed.stdout.split()[0]) for _ in range(2)]
    after = telework.portal(statuses)
    rows = telework.portal(lambda portal: portal.fetch(select(SpToken)))
    events = telework.portal(lambda portal: portal.fetch(select(Event).order_by(Event.sequence)))

    assert (imported.stdout, imported.exit_code) == ("2 imported\n", 0)
    assert (again.exit_code, again.output.count("there already")) == (1, 2)
    assert (wrong.exit_code, [f"\n{line}:" in wrong.output for line in (1, 2, 3)]) == (1, [True] * 3)
    assert first.data["viewer"] == second.data["viewer"]
    assert first.data["viewer"]["permissions"] == ["REPORTS_READ", "REPORTS_WRITE", "TELEWORKERS_READ"]
    assert sorted(row.display_code for row in rows) == ["0a0a0a", "0b0b0b"]
    assert [result.exit_code for result in revoked] == [0, 1]
    assert sorted(reply.status for reply in after) == [200, 401]
    assert [(event.sequence, event.type.value) for event in events] == [(1, "TOKEN_CREATED"), (2, "TOKEN_CREATED"), (3, "TOKEN_REVOKED")]
    told = imported.output + again.output + wrong.output + listed.output + str([vars(row) for row in rows])
    assert [secret for secret in (*SECRETS, SECRETS[0].lower(), "0d" * 64) if secret in told] == []


def test_the_gateways_credential_is_made_listed_and_revoked(telework: Any) -> None:
    made = telework("gateway", "create", "البوابة")
    secret = made.stdout.strip()

    async def who(portal: Portal) -> Any:
        read = "query { viewer { user { id } token { id } account { id } role permissions companies { totalCount } } }"
        end = "mutation { logout(input: {}) { loggedOut } }"
        return [await portal(text, Caller({"Authorization": f"Bearer {secret}"})) for text in (read, WRITE, end)]

    read, written, ended = telework.portal(who)
    listed = telework("gateway", "list")
    revoked = [telework("gateway", "revoke", listed.stdout.split()[0]) for _ in range(2)]
    [after, *_] = telework.portal(who)
    [row] = telework.portal(lambda portal: portal.fetch(select(GatewayCredential)))

    assert secret.startswith("tw_gateway_")
    told = {"user": None, "token": None, "account": None, "role": None, "companies": {"totalCount": 0}}
    assert read.data["viewer"] == {**told, "permissions": ["CONTRACTS_READ", "INVITATIONS_READ", "PROJECTS_READ"]}
    assert (written.codes, written.errors[0]["extensions"]["permission"], ended.codes) == (["FORBIDDEN"], "PROFILE_WRITE", ["FORBIDDEN"])
    assert ([result.exit_code for result in revoked], after.status) == ([0, 1], 401)
    assert secret not in listed.output + str(vars(row))


@pytest.mark.parametrize("kind", ["company", "provider"])
def test_what_is_suspended_reads_and_does_not_write_until_it_may_again(telework: Any, kind: str) -> None:
    world = telework.portal(make_world)
    name = _number(world) if kind == "company" else f"prv_{world.north.provider_id.hex}"

    async def writes(portal: Portal) -> Any:
        owner = await portal.person(world.users["OWNER"])
        read = await portal("query { viewer { account { provider { email } } } }", owner)
        return read.codes, (await portal(WRITE, owner)).codes

    results = [telework("suspend", kind, name), telework("suspend", kind, name)]
    suspended = telework.portal(writes)
    results += [telework("unsuspend", kind, name), telework("suspend", kind, "7-999999")]

    assert suspended == ([], ["ACCOUNT_SUSPENDED"])
    assert telework.portal(writes) == ([], [])
    assert [(result.stdout.splitlines()[0], result.exit_code) for result in results[:3]] == [
        ("done", 0),
        ("it was so already", 0),
        ("done", 0),
    ]
    assert results[3].exit_code == 1
