"""Signing in and out, entered as a browser does: with the demo's own provider, and with providers that lie."""

import asyncio
import base64
import hashlib
import html
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx2
import pytest
import structlog
from joserfc import jwt
from joserfc.errors import JoseError
from pydantic import ValidationError
from sqlalchemy import func, select
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from typer.testing import CliRunner

from app.auth.sessions import end_all_sessions, switch_session
from app.auth.sign_in import OpenIdClient
from app.cli import app as cli
from app.database import Database
from app.models import (
    Base,
    Company,
    CompanyStatus,
    Locale,
    Member,
    MemberStatus,
    Provider,
    ProviderStatus,
    Role,
    Session,
    SignIn,
    User,
    UserEstablishment,
)
from app.settings import Claims, Settings
from app.values import is_loopback
from app.web.credentials import authenticate, session_cookie_name
from app.web.demo_provider import demo_provider_routes, demo_sign_in
from app.web.rates import Rates
from app.web.sign_in import own_path, sign_in_routes
from tests.auth.liar import CURVE, KEY, STRANGER, Liar

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
NOURA, FAHAD = "1000000008", "1000000016"
ISSUER = "https://login.example.sa"


@dataclass
class World:
    """An application with nothing but sign-in, its database, and a clock that stands until it is moved."""

    settings: Settings
    database: Database
    app: Starlette
    now: datetime = NOW
    browsers: list[httpx2.AsyncClient] = field(default_factory=list)

    def browser(self, address: str | None = None) -> httpx2.AsyncClient:
        transport = httpx2.ASGITransport(app=self.app)
        self.browsers.append(httpx2.AsyncClient(transport=transport, base_url=address or self.settings.public_url))
        return self.browsers[-1]

    async def count(self, table: type[Base]) -> int:
        async with self.database.reading() as connection:
            return (await connection.execute(select(func.count()).select_from(table))).scalar_one()

    async def user(self, national_id: str) -> User | None:
        async with self.database.writing() as session:
            return (await session.scalars(select(User).where(User.national_id == national_id))).one_or_none()


@asynccontextmanager
async def a_world(settings: Settings, transport: httpx2.AsyncBaseTransport | None = None) -> AsyncIterator[World]:
    """A world with the demo's provider, or with the one behind `transport`."""
    database = Database(settings)
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    world = World(settings, database, Starlette())
    routes: list[BaseRoute] = []
    if transport is None:
        client, routes = demo_sign_in(settings, database, clock=lambda: world.now)
    else:
        client = OpenIdClient(settings, issuer=ISSUER, client_secret="s3cret", transport=transport)
    world.app = Starlette(routes=[*sign_in_routes(), *routes, Route("/graphiql", whoami), Route("/elsewhere", whoami)])
    state = world.app.state
    state.database, state.settings, state.sign_in, state.clock = database, settings, client, lambda: world.now
    state.rates = Rates(settings, clock=state.clock)
    try:
        yield world
    finally:
        for browser in world.browsers:
            await browser.aclose()
        await client.close()
        await database.close()


async def whoami(request: Request) -> Response:
    state = request.app.state
    actor = await authenticate(request, state.database, state.settings, state.clock())
    return JSONResponse({"name": actor.name, "account": str(actor.account_id), "role": actor.role, "may": sorted(actor.permissions)})


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[World]:
    settings = Settings(database_url=f"sqlite+aiosqlite:///{tmp_path}/demo.db", demo=True)
    async with a_world(settings) as world:
        await people(world.database)
        yield world


async def people(database: Database) -> None:
    """Noura owns one company; Fahad is invited to it."""
    moments = {"created_at": NOW, "updated_at": NOW}
    async with database.writing() as session:
        provider = Provider(name_ar="مزود", status=ProviderStatus.ACTIVE, version=1, **moments)
        session.add(provider)
        await session.flush()
        company = Company(
            provider_id=provider.id, labor_office_id=11, sequence_number=7, name_ar="شركة <الأفق>", status=CompanyStatus.ACTIVE, **moments
        )
        users = [
            User(national_id=number, name=name, locale=Locale.AR, created_at=NOW) for number, name in ((NOURA, "نورة"), (FAHAD, "فهد"))
        ]
        session.add_all([company, *users])
        await session.flush()
        for user, role, status in zip(users, (Role.OWNER, Role.VIEWER), (MemberStatus.ACTIVE, MemberStatus.INVITED), strict=True):
            session.add(Member(company_id=company.id, user_id=user.id, role=role, status=status, **moments))


async def choose(browser: httpx2.AsyncClient, form: httpx2.Response, persona: str) -> httpx2.Response:
    """Submits the demo's form; not followed any further."""
    hidden = {name: html.unescape(value) for name, value in re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form.text)}
    action = re.search(r'<form method="post" action="([^"]+)"', form.text)
    assert action
    return await browser.post(str(form.url.join(html.unescape(action[1]))), data=hidden | {"persona": persona})


async def sign_in(browser: httpx2.AsyncClient, persona: str, next_path: str = "/graphiql") -> httpx2.Response:
    """The whole way, as a script goes it; the page at its end."""
    form = await browser.get("/auth/login", params={"next": next_path}, follow_redirects=True)
    answer = await choose(browser, form, persona)
    while answer.is_redirect and answer.next_request:
        answer = await browser.send(answer.next_request)
    return answer


async def to_callback(browser: httpx2.AsyncClient, persona: str = NOURA) -> str:
    """Up to the address that the provider sends the browser back to."""
    form = await browser.get("/auth/login", follow_redirects=True)
    return (await choose(browser, form, persona)).headers["location"]


def is_failure(answer: httpx2.Response, status: int) -> bool:
    """A page that says so in both languages, with a request id, and makes no session."""
    both = "You were not signed in" in answer.text and "لم يتم تسجيل الدخول" in answer.text
    cookies = [cookie for cookie in answer.headers.get_list("set-cookie") if "telework_session" in cookie]
    return answer.status_code == status and both and bool(re.search("<code[^>]*>[0-9a-f]{32}</code>", answer.text)) and not cookies


# The demo's provider


async def test_a_persona_signs_in_and_acts_for_their_only_company(demo: World) -> None:
    page = await sign_in(demo.browser(), NOURA, "/elsewhere?tab=1")

    assert page.url == "http://127.0.0.1:8000/elsewhere?tab=1"
    assert (page.json()["name"], page.json()["role"]) == ("نورة", "OWNER")
    assert "MEMBERS_WRITE" in page.json()["may"]
    user = await demo.user(NOURA)
    assert user is not None
    assert (user.issuer, user.subject, user.last_login_at) == ("http://127.0.0.1:8000/demo-login", str(user.id), NOW)


async def test_the_same_person_comes_back_as_the_same_user(demo: World) -> None:
    await sign_in(demo.browser(), NOURA)
    demo.now += timedelta(days=1)

    assert (await sign_in(demo.browser(), NOURA)).json()["name"] == "نورة"
    assert await demo.count(User) == 2


async def test_an_invited_person_becomes_an_active_member_by_signing_in(demo: World) -> None:
    assert (await sign_in(demo.browser(), FAHAD)).json()["role"] == "VIEWER"


async def test_a_demo_on_another_port_knows_its_personas_still(demo: World) -> None:
    user = await demo.user(NOURA)
    async with demo.database.writing() as session:
        assert user
        user.issuer, user.subject = "http://localhost:9999/demo-login", "old"
        await session.merge(user)

    assert (await sign_in(demo.browser(), NOURA)).json()["name"] == "نورة"


async def test_the_session_cookie_is_opaque_and_kept_from_scripts(demo: World) -> None:
    browser = demo.browser()
    answer = await browser.get(await to_callback(browser))

    session, gone = answer.headers.get_list("set-cookie")
    assert re.fullmatch(r"telework_session=[\w-]{43}; HttpOnly; Max-Age=43200; Path=/; SameSite=lax", session)
    assert gone.startswith('telework_sign_in=""; ')
    secret = session.partition("=")[2].partition(";")[0]
    async with demo.database.reading() as connection:
        stored = (await connection.execute(select(Session.secret_hash))).scalar_one()
    assert stored == hashlib.sha256(secret.encode()).hexdigest()


async def test_the_persona_page_lists_everyone_and_runs_nothing(demo: World) -> None:
    form = await demo.browser().get("/auth/login", follow_redirects=True)

    assert form.status_code == 200
    assert form.text.count('<button name="persona"') == 2
    assert "شركة &lt;الأفق&gt;" in form.text
    assert "<script" not in form.text
    assert "default-src 'none'" in form.headers["content-security-policy"]
    assert (form.headers["cache-control"], form.headers["x-content-type-options"]) == ("no-store", "nosniff")


async def test_the_style_of_a_page_is_the_one_that_its_policy_allows(demo: World) -> None:
    form = await demo.browser().get("/auth/login", follow_redirects=True)

    style = form.text.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in form.headers["content-security-policy"]


@pytest.mark.parametrize("persona", [STRANGER, "", "٣", "1' OR '1'='1", "\x00"])
async def test_an_unknown_persona_gets_the_page_again(demo: World, persona: str) -> None:
    browser = demo.browser()
    form = await browser.get("/auth/login", follow_redirects=True)

    again = await choose(browser, form, persona)

    assert again.status_code == 400
    assert 'role="alert"' in again.text
    assert (await choose(browser, again, NOURA)).status_code == 303


async def test_login_at_another_name_of_the_machine_moves_to_the_public_one(demo: World) -> None:
    moved = await demo.browser("http://localhost:8000").get("/auth/login?next=/elsewhere")

    assert moved.headers["location"] == "http://127.0.0.1:8000/auth/login?next=%2Felsewhere"


# What goes wrong in the browser


async def test_another_browsers_state_signs_nobody_in(demo: World) -> None:
    victim, attacker = demo.browser(), demo.browser()
    await to_callback(victim)

    assert is_failure(await victim.get(await to_callback(attacker, FAHAD)), 400)
    assert await demo.count(Session) == 0


async def test_an_attackers_code_with_the_victims_state_signs_nobody_in(demo: World) -> None:
    victim, attacker = demo.browser(), demo.browser()
    theirs, ours = [parse_qs(urlsplit(await to_callback(one)).query) for one in (attacker, victim)]

    answer = await victim.get("/auth/callback", params={"code": theirs["code"], "state": ours["state"], "iss": ours["iss"]})

    assert is_failure(answer, 400)


async def test_a_swapped_state_does_not_use_up_the_trip(demo: World) -> None:
    browser = demo.browser()
    callback = await to_callback(browser)

    assert is_failure(await browser.get(re.sub("state=[^&]+", "state=" + "x" * 43, callback)), 400)
    assert (await browser.get(callback)).status_code == 303


async def test_without_the_cookie_nobody_is_signed_in(demo: World) -> None:
    callback = await to_callback(demo.browser())

    assert is_failure(await demo.browser().get(callback), 400)


async def test_a_callback_works_once(demo: World) -> None:
    browser = demo.browser()
    callback = await to_callback(browser)
    cookie = {"Cookie": f"telework_sign_in={browser.cookies['telework_sign_in']}"}
    assert (await browser.get(callback)).status_code == 303

    assert is_failure(await demo.browser().get(callback, headers=cookie), 400)
    assert await demo.count(Session) == 1


async def test_of_a_callback_called_twice_at_once_one_signs_in(demo: World) -> None:
    browser = demo.browser()
    callback = await to_callback(browser)

    answers = await asyncio.gather(*(browser.get(callback) for _ in range(2)))

    assert sorted(answer.status_code for answer in answers) == [303, 400]
    assert await demo.count(Session) == 1


async def test_a_trip_of_more_than_ten_minutes_is_over(demo: World) -> None:
    browser = demo.browser()
    callback = await to_callback(browser)
    demo.now += timedelta(minutes=10)

    with structlog.testing.capture_logs() as lines:
        assert is_failure(await browser.get(callback), 400)

    assert [line["detail"] for line in lines] == ["expired trip"]


async def test_a_code_older_than_a_minute_is_refused(demo: World) -> None:
    browser = demo.browser()
    callback = await to_callback(browser)
    demo.now += timedelta(seconds=60)

    assert is_failure(await browser.get(callback), 400)


@pytest.mark.parametrize("iss", ["&iss=https%3A%2F%2Fevil.example", ""])
async def test_an_answer_that_is_not_the_providers_own_is_refused(demo: World, iss: str) -> None:
    browser = demo.browser()
    callback = re.sub("&iss=[^&]+", iss, await to_callback(browser))

    assert is_failure(await browser.get(callback), 400)


@pytest.mark.parametrize("query", ["", "code=x", "state=%00&code=x", "state=" + "x" * 43, "error=access_denied", "state=%ED%A0%80"])
async def test_a_made_up_callback_is_refused(demo: World, query: str) -> None:
    browser = demo.browser()
    await browser.get("/auth/login")

    assert is_failure(await browser.get(f"/auth/callback?{query}"), 400)


async def test_signing_in_gives_a_new_session_and_ends_the_old_one(demo: World) -> None:
    browser = demo.browser()
    await sign_in(browser, NOURA)
    before = browser.cookies["telework_session"]
    await sign_in(browser, FAHAD)

    assert browser.cookies["telework_session"] != before
    stale = await demo.browser().get("/graphiql", headers={"Cookie": f"telework_session={before}"})
    assert stale.json()["name"] == ""


async def test_trips_that_nobody_ended_are_swept(demo: World) -> None:
    await demo.browser().get("/auth/login")
    demo.now += timedelta(minutes=11)
    await demo.browser().get("/auth/login")

    assert await demo.count(SignIn) == 1


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/graphiql?query={viewer{name}}#x", None),
        ("/elsewhere", None),
        ("//evil.example", "/graphiql"),
        ("/\\evil.example", "/graphiql"),
        ("/\t/evil.example", "/graphiql"),
        ("/\n/evil.example", "/graphiql"),
        ("\\/evil.example", "/graphiql"),
        ("/a//evil.example", "/graphiql"),
        ("https://evil.example", "/graphiql"),
        ("javascript:alert(1)", "/graphiql"),
        ("evil.example", "/graphiql"),
        (" /elsewhere", "/graphiql"),
        ("", "/graphiql"),
        ("/" + "a" * 2000, "/graphiql"),
    ],
)
def test_one_returns_to_a_path_of_ours_alone(path: str, expected: str | None) -> None:
    assert own_path(path) == (expected or path)


async def test_an_open_redirect_ends_at_home(demo: World) -> None:
    assert (await sign_in(demo.browser(), NOURA, "//evil.example/x")).url == "http://127.0.0.1:8000/graphiql"


# The session


async def test_a_session_is_dead_on_the_server_after_logout(demo: World) -> None:
    browser = demo.browser()
    await sign_in(browser, NOURA)
    copied = {"Cookie": f"telework_session={browser.cookies['telework_session']}"}

    answer = await browser.post("/auth/logout?next=/graphiql")

    assert (answer.status_code, answer.headers["location"]) == (303, "/graphiql")
    assert "telework_session" not in browser.cookies
    assert (await demo.browser().get("/graphiql", headers=copied)).json()["name"] == ""
    assert await demo.count(Session) == 0


async def test_a_get_signs_nobody_out(demo: World) -> None:
    browser = demo.browser()
    await sign_in(browser, NOURA)

    page = await browser.get("/auth/logout")

    assert '<form method="post" action="/auth/logout">' in page.text
    assert (await browser.get("/graphiql")).json()["name"] == "نورة"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://["}, 403),
        ({"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-origin"}, 303),
    ],
)
async def test_only_a_page_of_ours_signs_out(demo: World, headers: dict[str, str], status: int) -> None:
    browser = demo.browser()
    await sign_in(browser, NOURA)

    assert (await browser.post("/auth/logout", headers=headers)).status_code == status
    assert await demo.count(Session) == (status == 403)


async def test_a_session_ends_after_its_hours(demo: World) -> None:
    browser = demo.browser()
    await sign_in(browser, NOURA)
    cookie = {"Cookie": f"telework_session={browser.cookies['telework_session']}"}

    names = []
    for moment in [*(timedelta(hours=hours) for hours in range(1, 12)), timedelta(hours=12, seconds=-1), timedelta(hours=12)]:
        demo.now = NOW + moment
        names.append((await demo.browser().get("/graphiql", headers=cookie)).json()["name"])

    assert names == ["نورة"] * 12 + [""]


async def test_a_session_that_is_not_used_ends_before(demo: World) -> None:
    browser = demo.browser()
    await sign_in(browser, NOURA)
    cookie = {"Cookie": f"telework_session={browser.cookies['telework_session']}"}

    names = []
    for minutes in (119, 119, 120):  # from one use to the next
        demo.now += timedelta(minutes=minutes)
        names.append((await demo.browser().get("/graphiql", headers=cookie)).json()["name"])

    assert names == ["نورة", "نورة", ""]


async def test_a_revoked_membership_leaves_no_account_and_no_right(demo: World) -> None:
    browser = demo.browser()
    await sign_in(browser, NOURA)
    async with demo.database.writing() as session:
        member = (await session.scalars(select(Member).where(Member.role == Role.OWNER))).one()
        member.status = MemberStatus.REVOKED

    assert (await browser.get("/graphiql")).json() == {"name": "نورة", "account": "None", "role": None, "may": []}


async def test_one_switches_to_a_company_of_ones_own_only(demo: World) -> None:
    browser = demo.browser()
    await sign_in(browser, NOURA)
    async with demo.database.writing() as session:
        held = (await session.scalars(select(Session))).one()
        assert held.company_id
        assert not await switch_session(session, held.id, UUID(int=1), now=NOW)
        assert await switch_session(session, held.id, held.company_id, now=NOW)


async def test_all_sessions_of_a_person_end_at_once(demo: World) -> None:
    browsers = [demo.browser(), demo.browser()]
    for browser in browsers:
        await sign_in(browser, NOURA)
    await sign_in(demo.browser(), FAHAD)
    user = await demo.user(NOURA)
    assert user

    async with demo.database.writing() as session:
        await end_all_sessions(session, user.id)

    assert [(await browser.get("/graphiql")).json()["name"] for browser in browsers] == ["", ""]
    assert await demo.count(Session) == 1


async def test_the_security_log_tells_who_came_and_went_but_no_secret(demo: World) -> None:
    browser = demo.browser()
    with structlog.testing.capture_logs() as lines:
        callback = await to_callback(browser)
        await browser.get(callback)
        secrets = [browser.cookies["telework_session"], *(value for [value] in parse_qs(urlsplit(callback).query).values())]
        await browser.post("/auth/logout")
        await browser.get(callback)

    assert [line["event"] for line in lines] == ["signed_in", "signed_out", "sign_in_failed"]
    assert not [secret for secret in [*secrets, NOURA] if secret in json.dumps(lines) and not secret.startswith("http")]


# Where the demo may be


@pytest.mark.parametrize(
    ("demo_is_on", "public_url"),
    [
        (False, "http://127.0.0.1:8000"),
        (True, "https://telework.example.sa"),
    ],
)
async def test_the_demos_provider_is_not_to_be_had_elsewhere(tmp_path: Path, demo_is_on: bool, public_url: str) -> None:
    settings = Settings(database_url=f"sqlite+aiosqlite:///{tmp_path}/x.db", demo=demo_is_on, public_url=public_url)

    with pytest.raises(RuntimeError, match="demo's identity provider"):
        demo_provider_routes(settings, Database(settings), client_secret="x")


@pytest.mark.parametrize(
    ("arguments", "demo", "public_url"),
    [
        (["demo"], "false", "http://127.0.0.1:8000"),
        (["demo", "--host", "0.0.0.0"], "true", "http://127.0.0.1:8000"),
        (["serve", "--host", "0.0.0.0"], "true", "http://127.0.0.1:8000"),
        (["serve"], "true", "https://telework.example.sa"),
    ],
)
def test_no_demo_starts_where_others_could_reach_it(tmp_path: Path, arguments: list[str], demo: str, public_url: str) -> None:
    environment = {
        "TELEWORK_DEMO": demo,
        "TELEWORK_PUBLIC_URL": public_url,
        "TELEWORK_DATA_DIR": str(tmp_path / "data"),
        "TELEWORK_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path}/x.db",
    }

    try:
        outcome = CliRunner().invoke(cli, arguments, env=environment)
    finally:
        structlog.reset_defaults()  # its log went where the runner listened

    assert outcome.exit_code == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "public_url",
    ["http://10.0.0.1:8000", "http://127.0.0.1.example.sa", "http://0.0.0.0:8000", "http://telework.example.sa", "ftp://localhost"],
)
def test_nothing_but_https_is_spoken_with_other_machines(public_url: str) -> None:
    with pytest.raises(ValidationError, match="https://"):
        Settings(public_url=public_url)


@pytest.mark.parametrize("address", ["http://localhost:1", "http://127.8.8.8", "http://[::1]:8000"])
def test_this_machine_has_many_names(address: str) -> None:
    assert is_loopback(address)


async def test_the_demos_provider_asks_for_pkce_and_for_the_clients_secret(demo: World) -> None:
    browser = demo.browser()
    asked = (await browser.get("/auth/login")).headers["location"]

    bare = await browser.get(re.sub("&code_challenge(_method)?=[^&]+", "", asked))
    foreign = await browser.get(re.sub("redirect_uri=[^&]+", "redirect_uri=https%3A%2F%2Fevil.example%2F%22", asked))
    code = parse_qs(urlsplit(await to_callback(browser)).query)["code"][0]
    token = await browser.post("/demo-login/token", data={"grant_type": "authorization_code", "code": code, "client_id": "telework"})

    assert "error=invalid_request" in bare.headers["location"]
    assert (foreign.status_code, foreign.headers.get("location")) == (400, None)
    assert (token.status_code, token.json()["error"]) == (401, "invalid_client")


async def test_a_code_is_used_up_by_whoever_tries_it(demo: World) -> None:
    browser = demo.browser()
    callback = await to_callback(browser)
    tried = {
        "grant_type": "authorization_code",
        "code": parse_qs(urlsplit(callback).query)["code"][0],
        "redirect_uri": "http://127.0.0.1:8000/auth/callback",
        "code_verifier": "x" * 43,
    }
    stolen = await browser.post("/demo-login/token", data=tried, auth=("telework", demo.app.state.sign_in.provider._http.client_secret))

    assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
    assert is_failure(await browser.get(callback), 400)


# Another provider


@asynccontextmanager
async def world_of(liar: Liar, tmp_path: Path) -> AsyncIterator[World]:
    settings = Settings(
        database_url=f"sqlite+aiosqlite:///{tmp_path}/liar.db",
        public_url="https://telework.example.sa",
        oidc_claims=Claims(national_id="nin", establishments="crs", establishment_number="cr", unified_number="700"),
    )
    liar.lies.claims = {"nin": STRANGER} | liar.lies.claims
    async with a_world(settings, httpx2.ASGITransport(app=liar.app(ISSUER))) as world:
        yield world


async def come_back(world: World, liar: Liar, **parameters: str) -> httpx2.Response:
    """To the provider and back, as its answer would lead a browser."""
    browser = world.browser()
    began = await browser.get("/auth/login")
    if began.status_code != 303:
        return began
    asked = parse_qs(urlsplit(began.headers["location"]).query)
    liar.nonce = asked["nonce"][0]
    return await browser.get("/auth/callback", params={"code": "c", "state": asked["state"][0], **parameters})


async def test_a_person_unknown_until_now_becomes_a_user(tmp_path: Path) -> None:
    liar = Liar(NOW.timestamp)
    liar.lies.claims = {"email": "sara@example.sa", "phone_number": "0512345678", "locale": "en-GB"}
    own = [{"cr": "11-٧", "700": "7000000001", "name_ar": "مؤسسة"}, {"cr": "11-7"}, {"cr": "12-8", "700": "1", "name_en": "\x00"}]
    liar.lies.claims |= {"nin": STRANGER, "crs": own}
    async with world_of(liar, tmp_path) as world:
        answer = await come_back(world, liar)

        assert answer.status_code == 303
        assert re.search("__Host-telework_session=.*; Path=/; .*Secure", answer.headers["set-cookie"])
        assert session_cookie_name(world.settings) == "__Host-telework_session"
        user = await world.user(STRANGER)
        assert user
        assert (user.subject, user.name, user.email, user.mobile) == ("s-1", "Sara", "sara@example.sa", "+966512345678")
        assert user.locale is Locale.EN
        liar.lies.claims |= {"crs": [{"cr": "13-9"}]}
        owned = [await establishments(world)]
        await come_back(world, liar)
        assert [*owned, await establishments(world)] == [
            [(11, 7, "7000000001", "مؤسسة", None), (12, 8, None, None, None)],
            [(13, 9, None, None, None)],
        ]


async def establishments(world: World) -> list[Any]:
    """What the unified login vouches for, of whomever."""
    columns = "labor_office_id", "sequence_number", "unified_number", "name_ar", "name_en"
    async with world.database.reading() as connection:
        found = select(*(getattr(UserEstablishment, name) for name in columns)).order_by(UserEstablishment.labor_office_id)
        return [tuple(row) for row in await connection.execute(found)]


async def test_one_account_over_there_cannot_take_the_person_of_another(tmp_path: Path) -> None:
    liar = Liar(NOW.timestamp)
    async with world_of(liar, tmp_path) as world:
        await come_back(world, liar)
        liar.lies.claims |= {"sub": "s-2"}

        assert is_failure(await come_back(world, liar), 502)
        assert await world.count(Session) == 1


async def test_one_account_over_there_cannot_become_another_person(tmp_path: Path) -> None:
    liar = Liar(NOW.timestamp)
    async with world_of(liar, tmp_path) as world:
        await come_back(world, liar)
        liar.lies.claims = {"nin": NOURA}

        assert is_failure(await come_back(world, liar), 502)
        assert await world.user(NOURA) is None


async def test_a_new_key_of_the_provider_is_fetched_when_first_seen(tmp_path: Path) -> None:
    liar = Liar(NOW.timestamp)
    liar.lies.keys = [CURVE]
    async with world_of(liar, tmp_path) as world:
        assert is_failure(await come_back(world, liar), 502)
        liar.lies.keys = None

        assert (await come_back(world, liar)).status_code == 303


async def test_logging_out_goes_on_to_the_provider_that_wants_it(tmp_path: Path) -> None:
    liar = Liar(NOW.timestamp)
    liar.lies.described = {"end_session_endpoint": f"{ISSUER}/bye"}
    async with world_of(liar, tmp_path) as world:
        await come_back(world, liar)
        browser = world.browsers[-1]

        async with world.database.reading() as connection:
            kept = (await connection.execute(select(Session.id_token))).scalar_one() or ""
        page = await browser.get("/auth/logout")
        answer = await browser.post("/auth/logout")

        assert kept
        with pytest.raises(JoseError):  # it names a person: nobody reads it in the database
            jwt.decode(kept, KEY, algorithms=["RS256"])
        assert f"form-action 'self' {ISSUER};" in page.headers["content-security-policy"]
        address = urlsplit(answer.headers["location"])
        assert (address.netloc, address.path) == ("login.example.sa", "/bye")
        asked = parse_qs(address.query)
        assert jwt.decode(asked["id_token_hint"][0], KEY, algorithms=["RS256"]).claims["sub"] == "s-1"
        assert asked["post_logout_redirect_uri"] == ["https://telework.example.sa/graphiql"]


async def test_an_id_token_that_nobody_will_want_back_is_not_kept(tmp_path: Path) -> None:
    liar = Liar(NOW.timestamp)
    async with world_of(liar, tmp_path) as world:
        await come_back(world, liar)

        async with world.database.reading() as connection:
            assert (await connection.execute(select(Session.id_token))).scalar_one() is None


async def test_without_a_provider_the_page_says_so(tmp_path: Path) -> None:
    async with world_of(Liar(NOW.timestamp), tmp_path) as world:
        world.app.state.sign_in = None

        assert is_failure(await world.browser().get("/auth/login"), 503)
