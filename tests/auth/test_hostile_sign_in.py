"""Attacks on signing in, each by real HTTP: on the demo's provider, on a certified one, and by a provider that lies.

    python3 dev.py test tests/auth -s -k hostile

prints the table of cases and answers.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urljoin, urlsplit

import httpx2
import pytest
import structlog
from pydantic import SecretStr

from app.auth.sign_in import OpenIdClient
from app.settings import Settings
from app.web.application import create_app
from tests.auth.liar import (
    CLIENT_SECRET,
    CURVE,
    DESCRIPTION,
    FORGED,
    KEY,
    KEYS,
    PUBLIC_AS_SECRET,
    SECRET,
    TOKEN,
    USERINFO,
    WEAK,
    Liar,
    Lies,
    at_hash,
)
from tests.auth.running import Running, free_port, real_provider, running
from tests.conftest import Templates

# One worker starts the servers, and only once.
pytestmark = pytest.mark.xdist_group("hostile sign-in")

CLOSED = "http://127.0.0.1:9"  # where nothing listens
PEOPLE = {"demo": ("1000000008", "1000000016"), "certified": ("sara", "omar")}
TABLE: list[tuple[str, str, str]] = []
BROWSERS: list[httpx2.Client] = []


@dataclass
class Site:
    """Our server, with one provider."""

    kind: str
    url: str
    server: Running
    settings: Settings
    app: Any
    database: Path

    def browser(self, **cookies: str) -> httpx2.Client:
        made = httpx2.Client(base_url=self.url, timeout=30, cookies=cookies)
        BROWSERS.append(made)
        return made

    @property
    def sessions(self) -> int:
        return int(self.rows("SELECT count(*) FROM sessions")[0][0])

    def rows(self, statement: str) -> list[Any]:
        with closing(sqlite3.connect(self.database)) as connection:
            return connection.execute(statement).fetchall()

    def viewer(self, browser: httpx2.Client) -> Any:
        query = {"query": "{ viewer { user { name } sessions { nodes { device address isCurrent } } } }"}
        return browser.post("/graphql", json=query).json()["data"]["viewer"]

    def provided_by(self, issuer: str, **changes: Any) -> None:
        """From now on another client, which knows nothing of the provider yet."""
        settings = self.settings.model_copy(update=changes)

        async def replace() -> None:
            if self.app.state.sign_in is not None:
                await self.app.state.sign_in.close()
            self.app.state.sign_in = OpenIdClient(settings, issuer=issuer, client_secret=changes.get("secret", SECRET))

        self.server.run(replace())


def _site(templates: Templates, kind: str, issuer: str | None) -> Iterator[Site]:
    address, data = templates.copy("sqlite", "demo" if kind == "demo" else "blank")
    made: list[Any] = []

    def make(url: str) -> Any:
        settings = Settings(
            database_url=address,
            data_dir=data,
            public_url=url,
            demo=kind == "demo",
            oidc_issuer=issuer,
            oidc_client_secret=SecretStr(SECRET),
            oidc_patience=10,
            oidc_userinfo=kind == "certified",
            sign_ins_a_minute=10_000,
            failed_sign_ins_a_minute=10_000,
            remembered_seconds=0,
        )
        made.extend([settings, create_app(settings)])
        return made[1]

    async def close() -> None:
        if made[1].state.sign_in is not None:
            await made[1].state.sign_in.close()
        await made[1].state.database.close()

    with running(make, close) as server:
        yield Site(kind, server.url, server, made[0], made[1], Path(address.removeprefix("sqlite+aiosqlite:///")))


@pytest.fixture(scope="module")
def demo_site(templates: Templates) -> Iterator[Site]:
    yield from _site(templates, "demo", None)


@pytest.fixture(scope="module")
def certified_site(templates: Templates) -> Iterator[Site]:
    port = free_port()
    for site in _site(templates, "certified", f"http://127.0.0.1:{port}"):
        with real_provider(site.url, port, SECRET):
            yield site


@pytest.fixture(scope="module")
def liar() -> Iterator[Liar]:
    made = Liar()
    with running(made.app):
        yield made


@pytest.fixture(scope="module")
def lying_site(templates: Templates) -> Iterator[Site]:
    yield from _site(templates, "lying", None)


@pytest.fixture(scope="module", autouse=True)
def table() -> Iterator[None]:
    TABLE.clear()
    yield
    print(f"\n\n{len(TABLE)} hostile sign-ins\n" + "\n".join(f"{kind:<10} {case:<62} {answer}" for kind, case, answer in TABLE))


@pytest.fixture(autouse=True)
def closed_browsers() -> Iterator[None]:
    yield
    while BROWSERS:
        BROWSERS.pop().close()


def tell(kind: str, case: str, answer: httpx2.Response, lines: list[Any] = ()) -> None:  # type: ignore[assignment]
    details = [f"{line['event']}: {line['detail']}" for line in lines if "detail" in line]
    to = f"to {answer.headers['location']}" if answer.is_redirect else ""
    TABLE.append((kind, case, " ".join([str(answer.status_code), *details, to]).strip()))


def is_failure(answer: httpx2.Response, status: int) -> bool:
    """A page that says so in both languages, with a request id, and makes no session."""
    both = "You were not signed in" in answer.text and "لم يتم تسجيل الدخول" in answer.text
    cookies = [cookie for cookie in answer.headers.get_list("set-cookie") if "telework_session" in cookie]
    return answer.status_code == status and both and bool(re.search("<code[^>]*>[0-9a-f]{32}</code>", answer.text)) and not cookies


# ---- a person at a provider ------------------------------------------------------------------------------------------------


def authorize(site: Site, browser: httpx2.Client, address: str, person: str) -> httpx2.Response:
    """From the provider's page on, as whoever that is would click. The answer is the redirect back to us, or the provider's refusal."""
    answer = browser.get(address)
    for _ in range(20):
        if answer.is_redirect:
            if answer.headers["location"].startswith(f"{site.url}/auth/callback"):
                return answer
            answer = browser.get(urljoin(str(answer.url), answer.headers["location"]))
        elif "<form" in answer.text and answer.status_code == 200:
            answer = submit(browser, answer, person)
        else:
            return answer
    raise AssertionError("no way back")


def submit(browser: httpx2.Client, page: httpx2.Response, person: str) -> httpx2.Response:
    action = re.search(r'<form[^>]*action="([^"]+)"', page.text)
    assert action
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text)
    filled = {name: unescape(value) for name, value in hidden} | {"persona": person, "login": person, "password": "any"}
    return browser.post(urljoin(str(page.url), unescape(action[1])), data=filled)


def begin(browser: httpx2.Client, **parameters: str) -> str:
    answer = browser.get("/auth/login", params=parameters)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def to_callback(site: Site, browser: httpx2.Client, person: int = 0, change: Callable[[dict[str, str]], None] = lambda _: None) -> str:
    """Up to the address to which the provider sends the browser back; `change` meddles with what it was asked."""
    answer = authorize(site, browser, changed(begin(browser), change), PEOPLE[site.kind][person])
    assert answer.is_redirect, answer.text
    return str(answer.headers["location"])


def changed(address: str, change: Callable[[dict[str, str]], None]) -> str:
    parts = urlsplit(address)
    asked = dict(parse_qsl(parts.query))
    change(asked)
    return parts._replace(query=urlencode(asked)).geturl()


def parameters(address: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(address).query))


# ---- attacks, on a provider that is honest ---------------------------------------------------------------------------------

Attack = Callable[[Site], httpx2.Response]
ATTACKS: dict[str, tuple[Attack, int]] = {}


def attack(case: str, status: int = 400) -> Callable[[Attack], Attack]:
    def note(run: Attack) -> Attack:
        ATTACKS[case] = run, status
        return run

    return note


def meddling(case: str, change: Callable[[dict[str, str]], Any], status: int = 400) -> None:
    """With the way to the provider."""

    @attack(case, status)
    def run(site: Site) -> httpx2.Response:
        browser = site.browser()
        answer = authorize(site, browser, changed(begin(browser), change), PEOPLE[site.kind][0])
        return browser.get(answer.headers["location"]) if answer.is_redirect else answer


def meddling_back(case: str, change: Callable[[dict[str, str]], Any]) -> None:
    """With the way back."""

    @attack(case)
    def run(site: Site) -> httpx2.Response:
        browser = site.browser()
        return browser.get(changed(to_callback(site, browser), change))


@attack("login CSRF: the attacker's answer in the victim's browser")
def _(site: Site) -> httpx2.Response:
    victim = site.browser()
    begin(victim)
    return victim.get(to_callback(site, site.browser(), 1))


@attack("the attacker's answer in a browser that began nothing")
def _(site: Site) -> httpx2.Response:
    return site.browser().get(to_callback(site, site.browser(), 1))


@attack("code injection: the attacker's code with the victim's state")
def _(site: Site) -> httpx2.Response:
    victim = site.browser()
    own, stolen = to_callback(site, victim), parameters(to_callback(site, site.browser(), 1))["code"]
    return victim.get(changed(own, lambda asked: asked.update(code=stolen)))


@attack("the same answer twice")
def _(site: Site) -> httpx2.Response:
    browser = site.browser()
    callback = to_callback(site, browser)
    assert browser.get(callback).status_code == 303
    browser.post("/auth/logout")
    return browser.get(callback)


@attack("the same answer twice, the cookie put back")
def _(site: Site) -> httpx2.Response:
    browser = site.browser()
    callback, trip = to_callback(site, browser), browser.cookies["telework_sign_in"]
    assert browser.get(callback).status_code == 303
    browser.post("/auth/logout")
    return httpx2.get(callback, headers={"Cookie": f"telework_sign_in={trip}"})


@attack("a stolen code, redeemed with the client's secret, without the verifier")
def _(site: Site) -> httpx2.Response:
    callback = to_callback(site, site.browser())
    provider = site.app.state.sign_in.provider
    described = httpx2.get(f"{provider.issuer}/.well-known/openid-configuration").json()
    form = {"grant_type": "authorization_code", "code": parameters(callback)["code"], "redirect_uri": f"{site.url}/auth/callback"}
    stolen = httpx2.post(
        described["token_endpoint"], data={**form, "code_verifier": "x" * 43}, auth=("telework", provider._http.client_secret)
    )
    assert stolen.json()["error"] == "invalid_grant"
    return stolen


@attack("an answer by POST", 405)
def _(site: Site) -> httpx2.Response:
    browser = site.browser()
    callback = to_callback(site, browser)
    return browser.post("/auth/callback", data=parameters(callback))


meddling_back("a state of another spelling", lambda asked: asked.update(state="x" * 43))
meddling_back("no state", lambda asked: asked.pop("state"))
meddling_back("a state with a null character", lambda asked: asked.update(state="\x00"))
meddling_back("no code", lambda asked: asked.pop("code"))
meddling_back("a made-up code", lambda asked: asked.update(code="made-up"))
meddling_back("a code of 5,000 characters", lambda asked: asked.update(code="c" * 5000))
meddling_back("iss of another provider (mix-up, RFC 9207)", lambda asked: asked.update(iss="https://evil.example"))
meddling_back("iss left out, though the provider promised it", lambda asked: asked.pop("iss"))
meddling_back("an error beside the code", lambda asked: asked.update(error="access_denied"))
meddling("PKCE left out on the way", lambda asked: [asked.pop("code_challenge"), asked.pop("code_challenge_method")])
meddling("PKCE downgraded to plain", lambda asked: asked.update(code_challenge_method="plain"))
meddling("another's PKCE challenge", lambda asked: asked.update(code_challenge="E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"))
meddling("the nonce left out on the way", lambda asked: asked.pop("nonce"))
meddling("another nonce", lambda asked: asked.update(nonce="x" * 43))
meddling("another redirect address", lambda asked: asked.update(redirect_uri="https://evil.example/"))
meddling("a redirect address with ours as its beginning", lambda asked: asked.update(redirect_uri=asked["redirect_uri"] + ".evil.example"))
meddling("another client", lambda asked: asked.update(client_id="other"))
meddling("tokens in the answer itself (implicit)", lambda asked: asked.update(response_type="id_token"))


@attack("a parameter twice")
def _(site: Site) -> httpx2.Response:
    browser = site.browser()
    callback = to_callback(site, browser)
    return browser.get(f"{callback}&code=other")


@attack("the person cancels at the provider")
def _(site: Site) -> httpx2.Response:
    browser = site.browser()
    address = begin(browser)
    if site.kind == "demo":  # its page has no such button
        return browser.get(f"/auth/callback?error=access_denied&state={parameters(address)['state']}&iss={site.url}/demo-login")
    page = browser.get(urljoin(address, browser.get(address).headers["location"]))
    cancel = re.search(r'href="([^"]+/abort)"', page.text)
    assert cancel
    return browser.get(authorize(site, browser, urljoin(str(page.url), cancel[1]), "sara").headers["location"])


@pytest.mark.parametrize("kind", ["demo", "certified"])
@pytest.mark.parametrize("case", ATTACKS)
def test_hostile_browsers_and_networks_get_no_session(request: pytest.FixtureRequest, kind: str, case: str) -> None:
    site: Site = request.getfixturevalue(f"{kind}_site")
    run, status = ATTACKS[case]
    before = site.sessions

    with structlog.testing.capture_logs() as lines:
        answer = run(site)

    tell(kind, case, answer, lines)
    assert (answer.status_code, site.sessions) == (status, before), answer.text
    # What went wrong at the provider is told on the provider's own page.
    assert status == 405 or str(answer.url).startswith(f"{site.url}/auth/callback") == is_failure(answer, status)


@pytest.mark.parametrize("kind", ["demo", "certified"])
def test_hostile_sessions_planted_before_signing_in_stay_dead(request: pytest.FixtureRequest, kind: str) -> None:
    site: Site = request.getfixturevalue(f"{kind}_site")
    browser, planted = site.browser(), "p" * 43
    browser.cookies.set("telework_session", planted, domain="127.0.0.1", path="/")

    answer = browser.get(to_callback(site, browser))

    tell(kind, "session fixation: a session planted before", answer)
    assert answer.status_code == 303
    browser.cookies.clear()
    assert site.viewer(site.browser(telework_session=planted)) is None


@pytest.mark.parametrize(
    "next_path",
    ["//evil.example", "/\\evil.example", "/\t/evil.example", "https://evil.example", "https:evil.example", "///evil.example",
     "/%2f/evil.example//x", "@evil.example", "/auth/login", "javascript:alert(1)", "/\r\nLocation: https://evil.example", "\u202e/x"],
)  # fmt: skip
def test_hostile_next_leads_home(demo_site: Site, next_path: str) -> None:
    browser = demo_site.browser()
    callback = authorize(demo_site, browser, begin(browser, next=next_path), PEOPLE["demo"][0]).headers["location"]

    answer = browser.get(callback)

    tell("demo", f"open redirect: next={next_path!r}", answer)
    assert answer.headers["location"] == "/graphiql"


# ---- the certified provider ------------------------------------------------------------------------------------------------


def test_hostile_or_not_a_person_of_the_certified_provider_comes_in_and_goes(certified_site: Site) -> None:
    site, browser, other = certified_site, certified_site.browser(), certified_site.browser()
    for each in (browser, other):
        assert each.get(to_callback(site, each)).headers["location"] == "/graphiql"
    owned = site.rows("SELECT labor_office_id, sequence_number, unified_number, name_ar FROM user_establishments")

    viewer = site.viewer(browser)
    assert (viewer["user"]["name"], owned) == ("سارة الزهراني", [(41, 77, "7000000041", "مؤسسة سارة")])

    # RP-initiated: the page names where its form may lead, the provider knows whose session it is, and asks.
    page = browser.get("/graphiql")
    issuer = site.app.state.sign_in.provider.issuer
    assert f"form-action {issuer} 'self'" in page.headers["content-security-policy"]
    goodbye = browser.post("/auth/logout").headers["location"]
    assert set(parameters(goodbye)) == {"id_token_hint", "client_id", "post_logout_redirect_uri"}
    asks = browser.get(goodbye)
    with structlog.testing.capture_logs() as lines:
        xsrf = re.search(r'name="xsrf" value="([^"]+)"', asks.text)
        assert xsrf
        done = browser.post(f"{issuer}/session/end/confirm", data={"xsrf": xsrf[1], "logout": "yes"})
    assert done.headers["location"] == f"{site.url}/graphiql"
    assert (site.viewer(browser), lines) == (None, [])  # our own session had ended; another one of the provider's goes on
    assert site.viewer(other)["user"]["name"] == "سارة الزهراني"

    # Back-channel: she logs out at the provider, which tells us.
    asks = other.get(f"{issuer}/session/end")
    xsrf = re.search(r'name="xsrf" value="([^"]+)"', asks.text)
    assert xsrf
    with structlog.testing.capture_logs() as lines:
        other.post(f"{issuer}/session/end/confirm", data={"xsrf": xsrf[1], "logout": "yes"})
    assert [line["event"] for line in lines] == ["signed_out_by_provider"]
    assert site.viewer(other) is None


def test_hostile_claims_of_the_certified_provider_and_a_secret_that_is_wrong(certified_site: Site) -> None:
    site, issuer = certified_site, certified_site.app.state.sign_in.provider.issuer
    browser = site.browser()
    answers = {}
    with structlog.testing.capture_logs() as lines:
        answers["a person whose national id is mistyped"] = browser.get(
            authorize(site, browser, begin(browser), "nobody").headers["location"]
        )
    tell("certified", "a person whose national id is mistyped", answers["a person whose national id is mistyped"], lines)
    site.provided_by(issuer, secret="another")
    browser = site.browser()
    with structlog.testing.capture_logs() as lines:
        answers["our secret is wrong"] = browser.get(to_callback(site, browser))
    tell("certified", "our client secret is wrong", answers["our secret is wrong"], lines)
    site.provided_by(f"{issuer}/")
    with structlog.testing.capture_logs() as lines:
        answers["issuer"] = site.browser().get("/auth/login")
    tell("certified", "its description names another issuer (a slash)", answers["issuer"], lines)
    site.provided_by(issuer)

    assert [is_failure(answer, 502) for answer in answers.values()] == [True] * 3


# ---- a provider that lies --------------------------------------------------------------------------------------------------

LIES: dict[str, tuple[Lies, int, str]] = {
    "another nonce": (Lies(claims={"nonce": "x" * 43}), 400, "nonce"),
    "no nonce": (Lies(claims={"nonce": None}), 400, "nonce"),
    "a list as nonce": (Lies(claims={"nonce": ["x"]}), 400, "nonce"),
    "alg none": (Lies(header={"alg": "none"}), 502, "signature"),
    "HS256 with the public key": (Lies(header={"alg": "HS256"}, key=PUBLIC_AS_SECRET), 502, "signature"),
    "HS256 with the client's secret": (Lies(header={"alg": "HS256"}, key=CLIENT_SECRET), 502, "signature"),
    "HS256 with a secret that it publishes": (Lies(header={"alg": "HS256", "kid": "s"}, key=CLIENT_SECRET), 502, "signature"),
    "signed by another key": (Lies(key=FORGED), 502, "signature"),
    "signed by another key, which the header brings along": (
        Lies(key=FORGED, header={"jwk": FORGED.as_dict(private=False)}), 502, "signature"),
    "signed by another key, which the header tells to fetch": (
        Lies(key=FORGED, header={"jku": "https://evil.example/keys"}), 502, "signature"),
    "an unknown kid": (Lies(header={"kid": "unknown"}), 502, "signature"),
    "RS256 by the name of a key for ES256": (Lies(header={"kid": "curve"}, keys=[KEY, CURVE]), 502, "signature"),
    "a header that nobody understands, marked critical": (Lies(header={"crit": ["x-unknown"], "x-unknown": 1}), 502, "signature"),
    "a key of 1,024 bits": (Lies(header={"kid": "weak"}, key=WEAK, keys=[WEAK]), 502, "keys"),
    "expired": (Lies(claims={"exp": lambda now: now - 61}), 502, "claims"),
    "never expires": (Lies(claims={"exp": None}), 502, "claims"),
    "an exp that is text": (Lies(claims={"exp": "9999999999"}), 502, "claims"),
    "from the future": (Lies(claims={"iat": lambda now: now + 3600}), 502, "claims"),
    "without the time of issue": (Lies(claims={"iat": None}), 502, "claims"),
    "not valid yet": (Lies(claims={"nbf": lambda now: now + 3600}), 502, "claims"),
    "another audience": (Lies(claims={"aud": "other"}), 502, "claims"),
    "no audience": (Lies(claims={"aud": None}), 502, "claims"),
    "an object for an audience": (Lies(claims={"aud": {"telework": 1}}), 502, "claims"),
    "two audiences, no azp": (Lies(claims={"aud": ["telework", "other"]}), 502, "azp"),
    "another azp": (Lies(claims={"azp": "other"}), 502, "azp"),
    "another issuer": (Lies(claims={"iss": "https://evil.example"}), 502, "claims"),
    "an at_hash of another access token": (Lies(claims={"at_hash": "AAAA"}), 502, "at_hash"),
    "an at_hash without an access token": (
        Lies(claims={"at_hash": at_hash("at")}, tokens=lambda liar: {"id_token": liar.signed(liar.id_claims())}), 502, "at_hash"),
    "no sub": (Lies(claims={"sub": None}), 502, "claims"),
    "a number for a sub": (Lies(claims={"sub": 7}), 502, "claims"),
    "a sub with a null character": (Lies(claims={"sub": "a\x00"}), 502, "sub"),
    "a national id with a wrong check digit": (Lies(claims={"national_id": "1000000000"}), 502, "national_id or name"),
    "no name": (Lies(claims={"name": None}), 502, "national_id or name"),
    "a name that turns the text around": (Lies(claims={"name": "a\u202eb"}), 502, "national_id or name"),
    "an object for a name": (Lies(claims={"name": {"ar": "x"}}), 502, "national_id or name"),
    "establishments that are no list": (Lies(claims={"establishments": {"a": 1}}), 502, "establishments"),
    "an establishment without a number": (Lies(claims={"establishments": [{"name_ar": "x"}]}), 502, "establishment number"),
    "an establishment number with SQL": (
        Lies(claims={"establishments": [{"establishment_number": "1-1; DROP TABLE users"}]}), 502, "establishment number"),
    "a text for an establishment": (Lies(claims={"establishments": ["11-1"]}), 502, "establishments"),
    "2,000 establishments": (
        Lies(claims={"establishments": [{"establishment_number": f"1-{n}"} for n in range(1, 2001)]}), 502, "establishments"),
    "no ID token": (Lies(tokens={"access_token": "at"}), 502, "no id_token"),
    "a token of rubbish": (Lies(tokens={"access_token": "at", "id_token": "a.b.c"}), 502, "signature"),
    "a number for a token": (Lies(tokens={"access_token": "at", "id_token": 3}), 502, "no id_token"),
    "a list for an answer": (Lies(tokens=[1]), 502, "token"),
    "a text for an answer": (Lies(at={TOKEN: '"x"'}), 502, "token"),
    "code refused": (Lies(tokens={"error": "invalid_grant"}, token_status=400), 400, "code"),
    "client refused": (Lies(tokens={"error": "invalid_client"}, token_status=401), 502, "token error"),
    "an error that is an object": (Lies(tokens={"error": {"x": 1}}, token_status=400), 502, "token error"),
    "token endpoint broken": (Lies(at={TOKEN: 500}), 503, "token status 500"),
    "token endpoint down": (Lies(described={"token_endpoint": f"{CLOSED}/token"}), 503, "token"),
    "token endpoint slow": (Lies(at={TOKEN: "slow"}), 503, "token"),
    "token endpoint sends a byte now and then": (Lies(at={TOKEN: "trickle"}), 503, "token"),
    "token endpoint never stops": (Lies(at={TOKEN: "huge"}), 502, "token too large"),
    "token endpoint sends 10 MB packed small": (Lies(at={TOKEN: "packed"}), 502, "token too large"),
    "token endpoint redirects": (Lies(at={TOKEN: "redirect"}), 502, "token status 307"),
    "token endpoint breaks off": (Lies(at={TOKEN: "cut"}), 503, "token"),
    "token endpoint answers a page": (Lies(at={TOKEN: "html"}), 502, "token"),
    "a very deep answer": (Lies(at={TOKEN: "[" * 100_000}), 502, "token"),
    "keys down": (Lies(described={"jwks_uri": f"{CLOSED}/keys"}), 503, "fetch"),
    "keys gone": (Lies(at={KEYS: 404}), 502, "fetch status 404"),
    "keys of rubbish": (Lies(at={KEYS: '{"keys": [{"kty": "RSA"}, 5]}'}), 502, "keys"),
    "no keys": (Lies(at={KEYS: "{}"}), 502, "keys"),
    "keys slow": (Lies(at={KEYS: "slow"}), 503, "fetch"),
    "keys without end": (Lies(at={KEYS: "huge"}), 502, "fetch too large"),
    "description: busy": (Lies(at={DESCRIPTION: 429}), 503, "fetch status 429"),
    "description: broken": (Lies(at={DESCRIPTION: 500}), 503, "fetch status 500"),
    "description: a page": (Lies(at={DESCRIPTION: "html"}), 502, "not JSON"),
    "description: a list": (Lies(at={DESCRIPTION: "[]"}), 502, "not an object"),
    "description: redirects to the cloud's metadata": (Lies(at={DESCRIPTION: "redirect"}), 502, "fetch status 307"),
    "description: very deep": (Lies(at={DESCRIPTION: "[" * 100_000}), 502, "not JSON"),
    "description: slow": (Lies(at={DESCRIPTION: "slow"}), 503, "fetch"),
    "description: without end": (Lies(at={DESCRIPTION: "huge"}), 502, "fetch too large"),
    "description: not UTF-8": (Lies(at={DESCRIPTION: b"\xff\xfe{"}), 502, "not JSON"),
    "described as another's": (Lies(described={"issuer": "https://evil.example"}), 502, "issuer"),
    "an endpoint in the clear": (Lies(described={"token_endpoint": "http://evil.example/token"}), 502, "endpoint"),
    "an endpoint with a password": (Lies(described={"token_endpoint": "https://a:b@evil.example/token"}), 502, "endpoint"),
    "an endpoint that is a script": (Lies(described={"authorization_endpoint": "javascript:alert(1)"}), 502, "endpoint"),
    "an endpoint that is no address": (Lies(described={"authorization_endpoint": 7}), 502, "endpoint"),
    "an endpoint with a word for a port": (Lies(described={"jwks_uri": "https://a:b"}), 502, "endpoint"),
    "a list of endpoints": (Lies(described={"token_endpoint": ["https://a"]}), 502, "endpoint"),
    "silent about itself though it promised": (
        Lies(described={"authorization_response_iss_parameter_supported": True}), 400, "iss"),
}  # fmt: skip


def patience(lies: Lies) -> float:
    """Seconds: long enough for what is answered on a busy machine, short where the test waits for them."""
    return 0.6 if {"slow", "trickle"} & {str(way) for way in lies.at.values()} else 10


def come_back(site: Site, liar: Liar, browser: httpx2.Client, **parameters_: str) -> httpx2.Response:
    """To the provider and back, as its answer would lead a browser."""
    began = browser.get("/auth/login")
    if began.status_code != 303:
        return began
    asked = parse_qs(urlsplit(began.headers["location"]).query)
    liar.nonce = asked["nonce"][0]
    return browser.get("/auth/callback", params={"code": "c", "state": asked["state"][0], **parameters_})


@pytest.mark.parametrize("case", LIES)
# joserfc's warning of "none" would, as an error, hide that nothing else refused it.
@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_hostile_providers_get_nobody_in(lying_site: Site, liar: Liar, case: str) -> None:
    liar.lies, status, detail = LIES[case]
    lying_site.provided_by(liar.issuer, oidc_patience=patience(liar.lies))
    before = lying_site.sessions

    with structlog.testing.capture_logs() as lines:
        answer = come_back(lying_site, liar, lying_site.browser())

    tell("lying", case, answer, lines)
    assert is_failure(answer, status), answer.text
    assert [line["detail"] for line in lines] == [detail]
    assert lying_site.sessions == before


@pytest.mark.parametrize(
    ("case", "parameter"),
    [
        ("iss of another, of a provider that never tells its own", {"iss": "https://evil.example"}),
        ("a refusal", {"error": "access_denied", "error_description": "<script>alert(1)</script>"}),
    ],
)
def test_hostile_answers_of_an_honest_provider(lying_site: Site, liar: Liar, case: str, parameter: dict[str, str]) -> None:
    liar.lies = Lies()
    lying_site.provided_by(liar.issuer)

    answer = come_back(lying_site, liar, lying_site.browser(), **parameter)

    tell("lying", case, answer)
    assert is_failure(answer, 400)
    assert "<script" not in answer.text


@pytest.mark.parametrize(
    ("case", "lies", "status", "detail"),
    [
        ("userinfo of somebody else", Lies(userinfo={"sub": "s-2"}), 502, "userinfo of another"),
        ("userinfo of nobody", Lies(userinfo={"sub": None}), 502, "userinfo of another"),
        ("userinfo that contradicts what it signed", Lies(userinfo={"national_id": "1000000008"}), 303, None),
        ("userinfo promised by nobody", Lies(), 502, "no userinfo"),
        ("userinfo refused", Lies(at={USERINFO: 401}), 502, "fetch status 401"),
        ("userinfo as a page", Lies(at={USERINFO: "html"}), 502, "not JSON"),
        ("userinfo slow", Lies(at={USERINFO: "slow"}), 503, "fetch"),
        ("an access token with a line end", Lies(tokens=lambda liar: liar.tokens("at\r\nX: y")), 502, "no access_token"),
    ],
)
def test_hostile_userinfo(lying_site: Site, liar: Liar, case: str, lies: Lies, status: int, detail: str | None) -> None:
    liar.lies = lies
    if case != "userinfo promised by nobody":
        lies.described = {"userinfo_endpoint": f"{liar.issuer}{USERINFO}"}
    lying_site.provided_by(liar.issuer, oidc_userinfo=True, oidc_patience=patience(lies))
    with structlog.testing.capture_logs() as lines:
        answer = come_back(lying_site, liar, lying_site.browser())

    tell("lying", case, answer, lines)
    assert [line.get("detail") for line in lines] == [detail]
    assert answer.status_code == status
    assert lying_site.rows("SELECT id FROM users WHERE national_id = '1000000008'") == []


def test_hostile_or_not_what_is_right_though_unusual_is_taken(lying_site: Site, liar: Liar) -> None:
    unusual = {
        "both our audience and azp": Lies(claims={"aud": ["telework", "other"], "azp": "telework"}),
        "an at_hash that fits": Lies(claims={"at_hash": at_hash("at")}),
        "expired within the leeway": Lies(claims={"exp": lambda now: now - 50}),
        "a key beside others": Lies(header={"alg": "ES256", "kid": "curve"}, key=CURVE, keys=[KEY, CURVE]),
        "basic authentication unsupported": Lies(described={"token_endpoint_auth_methods_supported": ["client_secret_post"]}),
    }
    answers = {}
    for case, liar.lies in unusual.items():
        lying_site.provided_by(liar.issuer)
        answers[case] = come_back(lying_site, liar, lying_site.browser()).status_code

    assert answers == dict.fromkeys(unusual, 303)


def test_hostile_clocks_have_the_leeway_that_the_settings_say(lying_site: Site, liar: Liar) -> None:
    found = []
    for leeway, late in ((0, 5), (300, 250), (300, 310)):
        liar.lies = Lies(claims={"exp": lambda now, late=late: now - late})
        lying_site.provided_by(liar.issuer, oidc_leeway_seconds=leeway)
        found.append(come_back(lying_site, liar, lying_site.browser()).status_code)

    assert found == [502, 303, 502]


# ---- logging out from outside ----------------------------------------------------------------------------------------------

LOGOUTS: dict[str, tuple[dict[str, Any], Lies]] = {
    "alg none": ({}, Lies(header={"alg": "none"})),
    "HS256 with the public key": ({}, Lies(header={"alg": "HS256"}, key=PUBLIC_AS_SECRET)),
    "signed by another key": ({}, Lies(key=FORGED)),
    "an ID token": ({"nonce": "x", "events": None}, Lies()),
    "a nonce": ({"nonce": "x"}, Lies()),
    "no events": ({"events": None}, Lies()),
    "another event": ({"events": {"http://schemas.openid.net/event/other": {}}}, Lies()),
    "a text for the event": ({"events": {"http://schemas.openid.net/event/backchannel-logout": "x"}}, Lies()),
    "neither sub nor sid": ({"sub": None}, Lies()),
    "an empty sub": ({"sub": ""}, Lies()),
    "a list for a sid": ({"sid": ["x"]}, Lies()),
    "no jti": ({"jti": None}, Lies()),
    "expired": ({"exp": lambda now: now - 61}, Lies()),
    "never expires": ({"exp": None}, Lies()),
    "expires in a year": ({"exp": lambda now: now + 31_536_000}, Lies()),
    "another audience": ({"aud": "other"}, Lies()),
    "another issuer": ({"iss": "https://evil.example"}, Lies()),
    "an access token's type": ({}, Lies(header={"typ": "at+jwt"})),
}


@pytest.fixture
def signed_in(lying_site: Site, liar: Liar) -> httpx2.Client:
    """A browser whose session the provider calls p-1."""
    liar.lies = Lies(claims={"sid": "p-1"})
    lying_site.provided_by(liar.issuer)
    browser = lying_site.browser()
    assert come_back(lying_site, liar, browser).status_code == 303
    return browser


def tell_of_logout(site: Site, token: str) -> httpx2.Response:
    return httpx2.post(f"{site.url}/auth/backchannel-logout", data={"logout_token": token})


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_hostile_logout_tokens_sign_nobody_out(lying_site: Site, liar: Liar, signed_in: httpx2.Client) -> None:
    answers = {}
    for case, (claims, liar.lies) in LOGOUTS.items():
        with structlog.testing.capture_logs() as lines:
            answers[case] = tell_of_logout(lying_site, liar.signed(liar.logout_claims(**claims)))
        tell("lying", f"back-channel logout: {case}", answers[case], lines)
    for body in (b"", b"logout_token=", b"logout_token=a&logout_token=b", b"logout_token=" + b"x" * 30_000, b"\xff"):
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        answers[repr(body[:20])] = httpx2.post(f"{lying_site.url}/auth/backchannel-logout", content=body, headers=form)
    answers["JSON"] = httpx2.post(f"{lying_site.url}/auth/backchannel-logout", json={"logout_token": "x"})

    assert {case: answer.status_code for case, answer in answers.items()} == dict.fromkeys(answers, 400)
    assert {answer.headers["cache-control"] for answer in answers.values()} == {"no-store"}
    assert lying_site.viewer(signed_in)["user"]["name"] == "Sara"


def test_hostile_looks_for_newer_keys_are_few(lying_site: Site, liar: Liar, signed_in: httpx2.Client) -> None:
    liar.lies, before = Lies(header={"kid": "unknown"}), liar.asked[KEYS]

    for _ in range(5):
        assert tell_of_logout(lying_site, liar.signed(liar.logout_claims())).status_code == 400

    assert liar.asked[KEYS] == before


def test_hostile_or_not_a_logout_token_ends_the_sessions_that_it_names_once(lying_site: Site, liar: Liar, signed_in: httpx2.Client) -> None:
    other = lying_site.browser()
    liar.lies = Lies(claims={"sid": "p-2"})
    come_back(lying_site, liar, other)
    liar.lies = Lies(header={"typ": "logout+jwt"})
    one, foreign, all_ = (liar.signed(liar.logout_claims(**more)) for more in ({"sid": "p-1"}, {"sub": "s-2"}, {}))

    nameless = lying_site.browser()
    liar.lies = Lies()
    come_back(lying_site, liar, nameless)

    assert tell_of_logout(lying_site, foreign).status_code == 200
    assert lying_site.viewer(nameless)["user"]["name"] == "Sara"
    assert tell_of_logout(lying_site, one).status_code == 200
    assert lying_site.viewer(nameless) is None  # which of hers it was, nobody can tell
    assert (lying_site.viewer(signed_in), lying_site.viewer(other)["user"]["name"]) == (None, "Sara")
    liar.lies = Lies(claims={"sid": "p-1"})
    come_back(lying_site, liar, signed_in)
    assert tell_of_logout(lying_site, one).status_code == 200  # heard before
    assert lying_site.viewer(signed_in)["user"]["name"] == "Sara"
    liar.lies = Lies()
    assert tell_of_logout(lying_site, all_).status_code == 200
    assert (lying_site.viewer(signed_in), lying_site.viewer(other)) == (None, None)


# ---- how often -------------------------------------------------------------------------------------------------------------


def test_hostile_addresses_fail_a_number_of_times_a_minute(lying_site: Site, liar: Liar) -> None:
    liar.lies = Lies()
    lying_site.provided_by(liar.issuer)
    limits = {"failed_sign_ins_a_minute": 3, "sign_ins_a_minute": 8}
    honest, lying_site.app.state.settings = lying_site.app.state.settings, lying_site.settings.model_copy(update=limits)
    try:
        failed = [lying_site.browser().get("/auth/callback?code=x") for _ in range(4)]
        begun = [lying_site.browser().get("/auth/login") for _ in range(9)]
    finally:
        lying_site.app.state.settings = honest

    tell("lying", "the fourth failure in a minute, where three are allowed", failed[-1])
    assert [answer.status_code for answer in failed] == [400, 400, 400, 429]
    assert is_failure(failed[-1], 429)
    assert 0 < int(failed[-1].headers["retry-after"]) <= 60
    assert [answer.status_code for answer in begun] == [303] * 8 + [429]


# ---- at the end: the certified provider is stopped -------------------------------------------------------------------------


def test_hostile_silence_the_provider_is_down(certified_site: Site) -> None:
    browser = certified_site.browser()
    callback = to_callback(certified_site, browser)
    certified_site.provided_by(CLOSED)

    with structlog.testing.capture_logs() as lines:
        answers = browser.get(callback), certified_site.browser().get("/auth/login")

    tell("certified", "gone between login and callback", answers[0], lines[:1])
    tell("certified", "gone before login", answers[1], lines[1:])
    assert [is_failure(answer, 503) for answer in answers] == [True, True]
    assert {answer.headers["retry-after"] for answer in answers} == {"5"}
