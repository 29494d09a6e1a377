"""One's own sessions: what is told of them, ending them, and the secret that changes with the rights behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import select, text
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from app.models import Company, CompanyStatus, Member, MemberStatus, Role, Session, User, UserEstablishment
from app.operations.demo.world import national_id
from app.web.credentials import session_cookie_name
from tests.conftest import Templates
from tests.portal import Caller, Portal, portal_on
from tests.world import World, make_world

SESSIONS = "{ viewer { sessions { totalCount nodes { id isCurrent device address createdAt lastUsedAt expiresAt account { id } } } } }"
REVOKE = "mutation($id: ID!) { revokeSession(input: {sessionId: $id}) { revokedSessionId userErrors { code path } } }"
SWITCH = "mutation($id: ID!) { switchAccount(input: {companyId: $id}) { userErrors { code } viewer { role } } }"
LOGOUT = "mutation { logout(input: {}) { loggedOut } }"
WHO = "{ viewer { user { id } role } }"


async def _sessions(world: World, caller: Caller) -> list[Any]:
    nodes: list[Any] = (await world.portal(SESSIONS, caller)).data["viewer"]["sessions"]["nodes"]
    return nodes


def _copy(caller: Caller) -> Caller:
    """The cookie as it is now, as a thief would hold it."""
    return Caller(dict(caller.headers))


# ---- the list ------------------------------------------------------------------------------------------------------------


async def test_one_sees_ones_own_live_sessions_and_which_of_them_asks(world: World) -> None:
    old, new = await world.person(), await world.person()
    await world.intruder()
    world.portal.clock.advance(minutes=5)

    sessions = await _sessions(world, new)
    await _sessions(world, old)

    assert sorted(session["isCurrent"] for session in sessions) == [False, True]
    current = next(session for session in sessions if session["isCurrent"])
    assert current["account"] == {"id": world.north.public_id}
    assert (current["createdAt"], current["expiresAt"]) == ("2026-11-22T09:00:00Z", "2026-11-22T21:00:00Z")
    assert (current["lastUsedAt"], current["address"]) == ("2026-11-22T09:05:00Z", "127.0.0.1")
    [before] = [session for session in await _sessions(world, new) if not session["isCurrent"]]
    assert before["lastUsedAt"] == "2026-11-22T09:05:00Z"


async def test_a_use_is_written_once_a_minute_at_most(world: World) -> None:
    caller, written = await world.person(), []
    for seconds in (59, 1, 59, 1):
        world.portal.clock.advance(seconds=seconds)
        written.append(any("UPDATE sessions" in statement for statement in (await world.portal(WHO, caller)).statements))

    assert written == [False, True, False, True]


async def test_sessions_that_are_over_are_told_no_more(world: World) -> None:
    caller = await world.person()
    for _ in range(2):
        await world.person()
    idle, old = [row for row in await world.portal.fetch(select(Session)) if row.public_id != (await _current(world, caller))]
    await world.alter(idle, idle_at=world.portal.clock())
    await world.alter(old, expires_at=world.portal.clock())

    assert [session["isCurrent"] for session in await _sessions(world, caller)] == [True]


async def _current(world: World, caller: Caller) -> str:
    return next(str(session["id"]) for session in await _sessions(world, caller) if session["isCurrent"])


async def test_a_token_has_no_sessions_and_ends_none(world: World) -> None:
    token = await world.portal.token(world.north, "TELEWORKERS_READ")
    session = await _current(world, await world.person())

    listed, revoked = await world.portal(SESSIONS, token), await world.portal(REVOKE, token, id=session)

    assert (listed.data["viewer"]["sessions"]["nodes"], revoked.codes) == ([], ["FORBIDDEN"])


# ---- ending one ----------------------------------------------------------------------------------------------------------


async def test_one_ends_a_session_in_another_browser(world: World) -> None:
    here, there = await world.person(), await world.person()
    lost = await _current(world, there)

    with capture_logs() as lines:
        reply = await world.portal(REVOKE, here, id=lost)

    assert reply.data["revokeSession"] == {"revokedSessionId": lost, "userErrors": []}
    assert "set-cookie" not in reply.headers
    assert (await world.portal(WHO, there)).data["viewer"] is None
    assert (await world.portal(WHO, here)).data["viewer"]["role"] == "OWNER"
    assert [line["session_id"] for line in lines if line["event"] == "session_revoked"] == [str(_key(lost))]


async def test_ending_the_session_that_asks_is_logging_out(world: World) -> None:
    here = await world.person()

    reply = await world.portal(REVOKE, here, id=await _current(world, here))

    assert reply.codes == []
    assert f'{session_cookie_name(world.portal.settings)}=""' in reply.headers["set-cookie"]
    assert (await world.portal(WHO, here)).data["viewer"] is None


async def test_another_persons_session_is_none_for_anybody(world: World) -> None:
    theirs = await _current(world, await world.intruder())
    caller = await world.person()

    replies = [await world.portal(REVOKE, caller, id=id_) for id_ in (theirs, "ses_" + "0" * 32, "ses_x", "", theirs.upper())]
    node = await world.portal("query($id: ID!) { node(id: $id) { id } }", caller, id=theirs)

    assert replies[0].codes == ["NOT_FOUND"]
    assert replies[0].paths == [["input", "sessionId"]]
    assert [reply.body for reply in replies[1:]] == [replies[0].body] * 4
    assert node.data == {"node": None}
    assert len(await world.portal.fetch(select(Session))) == 2


def _key(public_id: str) -> UUID:
    return UUID(hex=public_id.removeprefix("ses_"))


# ---- the secret changes with the rights ----------------------------------------------------------------------------------


async def test_switching_changes_the_secret_and_a_copy_of_the_old_one_dies(world: World) -> None:
    await world.join(world.users[Role.OWNER], world.south, Role.VIEWER)
    caller = await world.person()
    stolen = _copy(caller)

    reply = await world.portal(SWITCH, caller, id=world.south.public_id)

    assert "HttpOnly" in reply.headers["set-cookie"]
    assert caller.headers != stolen.headers
    both = [(await world.portal(WHO, each)).data["viewer"]["role"] for each in (caller, stolen)]
    world.portal.clock.advance(seconds=10)
    after = [(await world.portal(WHO, each)).data["viewer"] for each in (caller, stolen)]
    assert both == ["VIEWER", "VIEWER"]  # a request that was under way
    assert (after[0]["role"], after[1]) == ("VIEWER", None)


async def test_two_switches_at_once_leave_the_browser_with_a_secret_that_works(world: World) -> None:
    await world.join(world.users[Role.OWNER], world.south, Role.VIEWER)
    caller = await world.person()
    copies = [_copy(caller), _copy(caller)]

    companies = world.south.public_id, world.north.public_id
    await asyncio.gather(*(world.portal(SWITCH, copy, id=company) for copy, company in zip(copies, companies, strict=True)))

    changed = [copy for copy in copies if copy.headers != caller.headers]
    world.portal.clock.advance(seconds=11)
    assert [bool((await world.portal(WHO, copy)).data["viewer"]) for copy in changed] == [True]


@pytest.mark.parametrize("change", [{"role": Role.VIEWER}, {"status": MemberStatus.REVOKED}])
async def test_another_role_holds_at_once_and_changes_the_secret_at_the_next_request(world: World, change: dict[str, Any]) -> None:
    caller = await world.person(Role.ADMIN)
    stolen = _copy(caller)
    await world.portal(WHO, caller)
    assert caller.headers == stolen.headers
    [member] = await world.portal.fetch(select(Member).where(Member.user_id == world.users[Role.ADMIN].id))
    await world.alter(member, **change)

    seen = [(await world.portal(WHO, caller)).data["viewer"]["role"] for _ in range(2)]

    assert seen == ["VIEWER" if "role" in change else None] * 2
    assert caller.headers != stolen.headers
    world.portal.clock.advance(seconds=10)
    assert (await world.portal(WHO, stolen)).data["viewer"] is None
    assert (await world.portal(WHO, caller)).data["viewer"]["user"]["id"] == world.users[Role.ADMIN].public_id


async def test_another_role_holds_within_a_second_where_callers_are_remembered(templates: Templates) -> None:
    url, data = await asyncio.to_thread(templates.copy, "sqlite", "blank")
    async with portal_on(url, data, remembered_seconds=0.5) as portal:
        world = await make_world(portal)
        caller = await world.person(Role.ADMIN)
        await portal(WHO, caller)
        [member] = await portal.fetch(select(Member).where(Member.user_id == world.users[Role.ADMIN].id))
        await world.alter(member, role=Role.VIEWER)  # as another process would
        portal.clock.advance(seconds=0.5)

        assert (await portal(WHO, caller)).data["viewer"]["role"] == "VIEWER"


async def test_a_refused_request_brings_the_new_secret_too(world: World) -> None:
    caller = await world.person(Role.ADMIN)
    [member] = await world.portal.fetch(select(Member).where(Member.user_id == world.users[Role.ADMIN].id))
    await world.alter(member, role=Role.VIEWER)

    reply = await world.portal("{", caller)

    assert reply.status == 400
    world.portal.clock.advance(minutes=1)
    assert (await world.portal(WHO, caller)).data["viewer"]["role"] == "VIEWER"


# ---- the security log ----------------------------------------------------------------------------------------------------


async def test_switching_and_logging_out_leave_who_from_where_and_by_which_request(world: World) -> None:
    await world.join(world.users[Role.OWNER], world.south, Role.VIEWER)
    caller = await world.person()
    session = await _current(world, caller)

    with capture_logs(processors=[merge_contextvars]) as lines:
        replies = [await world.portal(SWITCH, caller, id=world.south.public_id), await world.portal(LOGOUT, caller)]

    told = [line for line in lines if line["event"] in ("account_switched", "signed_out")]
    assert [line["event"] for line in told] == ["account_switched", "signed_out"]
    assert [line["request_id"] for line in told] == [reply.headers["x-request-id"] for reply in replies]
    for line in told:
        assert (line["user_id"], line["session_id"]) == (str(world.users[Role.OWNER].id), str(_key(session)))
        assert line["address"] == "127.0.0.1"
    secret = caller.headers["Cookie"].partition("=")[2]
    assert secret not in str(lines)


# ---- signing in, on both databases ---------------------------------------------------------------------------------------


@asynccontextmanager
async def _browser(portal: Portal, **headers: str) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=portal.app)
    async with httpx2.AsyncClient(transport=transport, base_url=portal.settings.public_url, headers=headers) as browser:
        yield browser


async def _signed_in(portal: Portal, persona: str, **headers: str) -> Caller:
    async with _browser(portal, **headers) as browser:
        form = await browser.get("/auth/login", follow_redirects=True)
        asked = dict(form.url.params)
        answer = await browser.post("/demo-login/authorize", data={**asked, "persona": persona}, follow_redirects=False)
        callback = await browser.get(answer.headers["location"])
        assert callback.status_code == 303, callback.text
        name = session_cookie_name(portal.settings)
        return Caller({"Cookie": f"{name}={browser.cookies[name]}"})


async def test_an_invited_person_joins_by_signing_in_and_the_companys_log_tells(world: World) -> None:
    person = await world.user("مدعوة")
    await world.join(person, world.north, Role.MEMBER, MemberStatus.INVITED)
    await world.join(person, world.south, Role.VIEWER, MemberStatus.INVITED)
    await world.alter(world.south, status=CompanyStatus.SUSPENDED)

    browser = {"User-Agent": "Firefox\u0000 on a lost laptop"}
    _, caller = [await _signed_in(world.portal, person.national_id, **browser) for _ in range(2)]

    assert (await world.events(), await world.events(world.south)) == ([(1, "MEMBER_JOINED")], [])
    members = await world.portal.fetch(select(Member).where(Member.user_id == person.id).order_by(Member.role))
    assert [(member.role, member.status) for member in members] == [("MEMBER", "ACTIVE"), ("VIEWER", "INVITED")]
    owner = await world.person()
    told = await world.portal("{ viewer { account { events { nodes { type actorName subject { id } } } } } }", owner)
    assert told.errors == []
    [event] = told.data["viewer"]["account"]["events"]["nodes"]
    assert event["subject"] == {"id": members[0].public_id}
    first, second = await _sessions(world, caller)
    assert {first["device"], second["device"]} == {"Firefox on a lost laptop"}

    await world.alter(world.south, status=CompanyStatus.ACTIVE)
    await _signed_in(world.portal, person.national_id)
    assert await world.events(world.south) == [(1, "MEMBER_JOINED")]


async def test_one_person_signing_in_ten_times_at_once_is_one_user_with_one_membership(world: World) -> None:
    person = await world.user("مدعوة")
    await world.join(person, world.north, Role.MEMBER, MemberStatus.INVITED)

    await asyncio.gather(*(_signed_in(world.portal, person.national_id) for _ in range(10)))

    assert await world.events() == [(1, "MEMBER_JOINED")]
    assert len(await world.portal.fetch(select(Session).where(Session.user_id == person.id))) == 10
    assert len(await world.portal.fetch(select(User).where(User.national_id == person.national_id))) == 1


async def test_the_demos_login_vouches_for_establishments_that_nobody_has_registered(demo: Portal) -> None:
    await _signed_in(demo, national_id(16))
    await _signed_in(demo, national_id(16))

    mine = select(UserEstablishment).join(User, User.id == UserEstablishment.user_id).where(User.national_id == national_id(16))
    owned = await demo.fetch(mine)
    numbers = {(each.labor_office_id, each.sequence_number) for each in owned}
    assert numbers == {(31, 8800016), (32, 8800017)}
    assert {each.unified_number for each in owned} == {"7000001600"}
    taken = await demo.fetch(select(Company))
    assert not numbers & {(company.labor_office_id, company.sequence_number) for company in taken}


# ---- a database that does not answer -------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/auth/login", "/auth/callback?code=c&state=" + "s" * 43, "/demo-login/authorize"])
async def test_without_a_database_signing_in_is_a_page_that_says_so(backend: str, templates: Templates, path: str) -> None:
    url, data = await asyncio.to_thread(templates.copy, backend, "blank")
    async with portal_on(url, data, database_pool_size=1) as portal, _browser(portal) as browser:
        asked = dict((await browser.get("/auth/login", follow_redirects=True)).url.params)
        browser.cookies.set("telework_sign_in", "t" * 43)
        async with AsyncExitStack() as held:
            for database in {portal.database, portal.server_database}:
                database._readers.patience = database.writer.sync_engine.pool._timeout = 0.05
                await held.enter_async_context(database.reading())
                other = await held.enter_async_context(database.writer.connect())
                await other.execute(text("SELECT 1"))
            with capture_logs() as lines:
                answer = await browser.get(path, params=asked if "demo" in path else None)

    templates.drop(url)
    assert (answer.status_code, answer.headers["retry-after"], answer.headers["cache-control"]) == (503, "5", "no-store")
    assert "البوابة غير متاحة" in answer.text
    assert "The portal is not available" in answer.text
    assert answer.headers["x-request-id"] in answer.text
    assert [line["event"] for line in lines] == ["database_unavailable"]
    assert not {"pool", "Queue", "sqlite", "postgres"} & set(answer.text.split())
