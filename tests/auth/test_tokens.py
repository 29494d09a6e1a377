"""The SP-Token's format, whom a token stands for, and how a request presents it."""

import random
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from starlette.requests import Request

from app.auth.actor import ANONYMOUS
from app.auth.permissions import Permission
from app.auth.secrets import hash_of
from app.auth.tokens import (
    actor_of_token,
    beginning_of,
    environment_of,
    is_gateway_secret,
    is_stale,
    make_gateway_secret,
    make_secret,
    may_come_from,
    touch_token,
)
from app.database import Database
from app.errors import RequestError, Unauthenticated, WrongEnvironment
from app.models import Base, Company, CompanyStatus, Environment, Provider, ProviderStatus, SpToken
from app.operations.gateway import add_gateway, gateways, revoke_gateway
from app.settings import Settings
from app.web.credentials import Remembered, authenticate

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HEX = "0123456789abcdef"
READS = ["REPORTS_READ", "TELEWORKERS_READ"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(database_url=f"sqlite+aiosqlite:///{tmp_path}/tokens.db")


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    database = Database(settings)
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield database
    await database.close()


async def stored(database: Database, secret: str, *, company: dict[str, Any] | None = None, **columns: Any) -> SpToken:
    """A token with this secret, of a company and provider of its own."""
    moments = {"created_at": NOW - timedelta(days=9), "updated_at": NOW}
    provider = Provider(name_ar="مزود", status=ProviderStatus.ACTIVE, version=1, **moments)
    async with database.writing() as session:
        session.add(provider)
        await session.flush()
        values = {"status": CompanyStatus.ACTIVE, "labor_office_id": 11, "sequence_number": 1, "name_ar": "شركة"} | (company or {})
        owner = Company(provider_id=provider.id, **values, **moments)
        session.add(owner)
        await session.flush()
        values = {"name": "payroll", "display_code": "d708e4", "environment": Environment.LIVE, "scopes": READS} | columns
        token = SpToken(company_id=owner.id, secret_hash=hash_of(secret), created_at=NOW - timedelta(days=9), **values)
        session.add(token)
    return token


def request_with(*headers: tuple[str, str]) -> Request:
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    return Request({"type": "http", "method": "POST", "path": "/graphql", "query_string": b"", "headers": raw})


def count_statements(database: Database) -> list[str]:
    seen: list[str] = []
    event.listen(database.engine.sync_engine, "before_cursor_execute", lambda _, __, statement, *___: seen.append(statement))
    return seen


@pytest.mark.parametrize(("environment", "prefix"), [(Environment.LIVE, "tw_live_"), (Environment.SANDBOX, "tw_sandbox_")])
def test_a_new_secret_has_a_prefix_512_random_bits_and_a_checksum(environment: Environment, prefix: str) -> None:
    made = make_secret(environment)

    assert re.fullmatch(prefix + "[0-9a-f]{128}[0-9a-f]{8}", made.secret)
    assert made.display_code == made.secret[len(prefix) :][:6]
    assert made.secret_hash == hash_of(made.secret)
    assert environment_of(made.secret) is environment
    assert make_secret(environment).secret != made.secret


MAKERS = {
    "tw_live_": lambda: make_secret(Environment.LIVE),
    "tw_sandbox_": lambda: make_secret(Environment.SANDBOX),
    "tw_gateway_": make_gateway_secret,
}


def _is_ours(secret: str) -> bool:
    return environment_of(secret) is not None or is_gateway_secret(secret)


def test_10_000_tokens_are_well_formed_and_unique_and_no_typo_passes() -> None:
    source, seen = random.Random(20261122), set()
    for number in range(10_000):
        prefix = ("tw_live_", "tw_sandbox_", "tw_gateway_")[number % 3]
        made = MAKERS[prefix]()
        secret, place = made.secret, source.randrange(len(made.secret) - 1)
        other = source.choice([character for character in HEX + "_ABCXYZ" if character != secret[place]])
        seen |= {made.secret_hash, secret[len(prefix) : -8]}

        assert len(secret) == len(prefix) + 136
        assert (_is_ours(secret), is_gateway_secret(secret)) == (True, prefix == "tw_gateway_")
        assert beginning_of(secret) == made.display_code == secret[len(prefix) :][:6]
        assert made.secret_hash == hash_of(secret)
        assert not _is_ours(secret[:place] + other + secret[place + 1 :])
        if secret[place] != secret[place + 1]:
            assert not _is_ours(secret[:place] + secret[place + 1] + secret[place] + secret[place + 2 :])
    assert len(seen) == 20_000


@pytest.mark.parametrize("prefix", list(MAKERS))
def test_the_checksum_catches_every_single_typo_and_every_exchange_of_neighbours(prefix: str) -> None:
    secret = MAKERS[prefix]().secret
    flips = {secret[:place] + other + secret[place + 1 :] for place in range(len(secret)) for other in HEX + "_g"} - {secret}
    exchanges = {secret[:p] + secret[p + 1] + secret[p] + secret[p + 2 :] for p in range(len(secret) - 1)} - {secret}

    assert len(flips) > 2000
    assert [broken for broken in flips | exchanges if _is_ours(broken)] == []


@pytest.mark.parametrize(
    ("_case", "change"),
    [
        ("empty", lambda secret: ""),
        ("upper case", lambda secret: secret.upper()),
        ("a line end behind it", lambda secret: secret + "\n"),
        ("digits of another script", lambda secret: secret[:-1] + "٣"),
        ("the other environment's prefix", lambda secret: secret.replace("live", "sandbox")),
        ("cut", lambda secret: secret[:-1]),
        ("two characters swapped", lambda secret: secret[:8] + swapped(secret[8:])),
    ],
)
def test_a_malformed_secret_belongs_nowhere(_case: str, change: Any) -> None:
    assert environment_of(change(make_secret(Environment.LIVE).secret)) is None


def swapped(text: str) -> str:
    """The text with the first two unequal neighbours exchanged."""
    place = next(place for place in range(len(text) - 1) if text[place] != text[place + 1])
    return text[:place] + text[place + 1] + text[place] + text[place + 2 :]


async def test_a_token_acts_for_its_company_with_its_scopes_in_one_statement(database: Database) -> None:
    secret = make_secret(Environment.LIVE).secret
    token = await stored(database, secret)
    statements = count_statements(database)

    async with database.reading() as connection:
        actor = await actor_of_token(connection, secret, now=NOW)

    assert actor is not None
    assert (actor.name, actor.token_id, actor.account_id) == ("payroll", token.id, token.company_id)
    assert actor.permissions == {Permission.REPORTS_READ, Permission.TELEWORKERS_READ}
    assert (actor.user_id, actor.role, actor.suspended) == (None, None, False)
    assert len([statement for statement in statements if statement.startswith("SELECT")]) == 1


async def test_a_scope_that_is_not_grantable_any_more_counts_for_nothing(database: Database) -> None:
    secret = make_secret(Environment.LIVE).secret
    await stored(database, secret, scopes=["REPORTS_READ", "TOKENS_WRITE", "OF_LAST_YEAR"])

    async with database.reading() as connection:
        actor = await actor_of_token(connection, secret, now=NOW)

    assert actor is not None
    assert actor.permissions == {Permission.REPORTS_READ}


@pytest.mark.parametrize(
    ("_case", "columns", "accepted"),
    [
        ("revoked now", {"revoked_at": NOW}, False),
        ("grace until in a second", {"revoked_at": NOW + SECOND, "replaced_at": NOW - SECOND}, True),
        ("expires now", {"expires_at": NOW}, False),
        ("expires in a second", {"expires_at": NOW + SECOND}, True),
    ],
)
async def test_a_token_ends_at_its_instant(database: Database, _case: str, columns: dict[str, Any], accepted: bool) -> None:
    secret = make_secret(Environment.LIVE).secret
    await stored(database, secret, **columns)

    async with database.reading() as connection:
        assert (await actor_of_token(connection, secret, now=NOW) is not None) is accepted


async def test_a_suspended_company_shows_in_the_actor(database: Database) -> None:
    secret = make_secret(Environment.LIVE).secret
    await stored(database, secret, company={"status": CompanyStatus.SUSPENDED})

    async with database.reading() as connection:
        actor = await actor_of_token(connection, secret, now=NOW)

    assert actor is not None
    assert actor.suspended


async def test_the_time_of_last_use_is_written_once_a_minute_at_most(database: Database, settings: Settings) -> None:
    secret = make_secret(Environment.LIVE).secret
    token = await stored(database, secret)
    presented = request_with(("Authorization", f"Bearer {secret}"))
    used = []
    for seconds in (0, 59, 60):
        await authenticate(presented, database, settings, NOW + seconds * SECOND)
        async with database.writing() as session:
            used.append((await session.get_one(SpToken, token.id)).last_used_at)

    assert used == [NOW, NOW, NOW + 60 * SECOND]
    assert not is_stale(NOW, NOW + 59 * SECOND)


async def test_a_touch_that_lost_the_race_writes_nothing(database: Database) -> None:
    token = await stored(database, make_secret(Environment.LIVE).secret, last_used_at=NOW)

    async with database.writing() as session:
        await touch_token(session, token.id, now=NOW + 30 * SECOND)

    async with database.writing() as session:
        assert (await session.get_one(SpToken, token.id)).last_used_at == NOW


LIVE = make_secret(Environment.LIVE).secret
BARE = "0f" * 64


@pytest.mark.parametrize(
    ("_case", "headers"),
    [
        ("bearer", [("Authorization", f"Bearer {LIVE}")]),
        ("bearer, another case", [("Authorization", f"bEARER {LIVE}")]),
        ("sp-token", [("Sp-Token", LIVE)]),
        ("both, the same", [("Authorization", f"Bearer {LIVE}"), ("Sp-Token", LIVE)]),
    ],
)
async def test_a_token_comes_in_either_header(database: Database, settings: Settings, _case: str, headers: list[tuple[str, str]]) -> None:
    token = await stored(database, LIVE)

    actor = await authenticate(request_with(*headers), database, settings, NOW)

    assert actor.token_id == token.id


OTHER = make_secret(Environment.LIVE).secret
UNKNOWN = make_secret(Environment.LIVE).secret


@pytest.mark.parametrize(
    ("_case", "headers", "refusal"),
    [
        ("unknown", [("Sp-Token", UNKNOWN)], Unauthenticated),
        ("malformed", [("Sp-Token", "tw_live_1")], Unauthenticated),
        ("empty", [("Sp-Token", "")], Unauthenticated),
        ("another scheme", [("Authorization", "Basic dTpw")], Unauthenticated),
        ("no scheme", [("Authorization", LIVE)], Unauthenticated),
        ("two that differ", [("Authorization", f"Bearer {LIVE}"), ("Sp-Token", OTHER)], Unauthenticated),
        ("one twice, differing", [("Sp-Token", LIVE), ("Sp-Token", OTHER)], Unauthenticated),
        ("bare, not imported", [("Sp-Token", BARE)], Unauthenticated),
        ("the sandbox's", [("Sp-Token", make_secret(Environment.SANDBOX).secret)], WrongEnvironment),
    ],
)
async def test_a_bad_token_never_falls_back(
    database: Database, settings: Settings, _case: str, headers: list[tuple[str, str]], refusal: type[RequestError]
) -> None:
    await stored(database, LIVE)
    await stored(database, OTHER, company={"sequence_number": 2})

    with pytest.raises(refusal) as raised:
        await authenticate(request_with(*headers, ("Cookie", "telework_session=x")), database, settings, NOW)

    assert type(raised.value) is refusal


@pytest.mark.parametrize("secret", ["tw_live_1", LIVE[:-1] + ("0" if LIVE[-1] != "0" else "1")])
async def test_a_typo_costs_no_statement(database: Database, settings: Settings, secret: str) -> None:
    statements = count_statements(database)

    with pytest.raises(Unauthenticated):
        await authenticate(request_with(("Sp-Token", secret)), database, settings, NOW)

    assert statements == []


async def test_a_bare_token_that_was_imported_is_taken_in_either_case(database: Database, settings: Settings) -> None:
    token = await stored(database, BARE)

    actors = [await authenticate(request_with(("Sp-Token", secret)), database, settings, NOW) for secret in (BARE, BARE.upper())]

    assert [actor.token_id for actor in actors] == [token.id] * 2


@pytest.mark.parametrize(
    ("ranges", "address", "let_in"),
    [
        (None, "", True),
        (["203.0.113.0/24"], "203.0.113.7", True),
        (["203.0.113.0/24"], "::ffff:203.0.113.7", True),
        (["203.0.113.0/24"], "203.0.114.7", False),
        (["203.0.113.0/24", "2001:db8::/32"], "2001:db8::1", True),
        (["2001:db8::/32"], "203.0.113.7", False),
        (["203.0.113.7/32"], "", False),
        (["203.0.113.7/32"], "203.0.113.7, 10.0.0.1", False),
        ([], "203.0.113.7", True),
    ],
)
def test_a_token_may_be_tied_to_networks(ranges: list[str] | None, address: str, let_in: bool) -> None:
    assert may_come_from(ranges, address) is let_in


async def test_from_another_network_a_token_is_unknown_also_when_it_is_remembered(database: Database, settings: Settings) -> None:
    await stored(database, LIVE, address_ranges=["203.0.113.0/24"])
    remembered, request = Remembered(0.5), request_with(("Sp-Token", LIVE))

    let_in = await authenticate(request, database, settings, NOW, remembered=remembered, address="203.0.113.7")
    with pytest.raises(Unauthenticated):
        await authenticate(request, database, settings, NOW, remembered=remembered, address="203.0.114.7")

    assert let_in.token_id


async def test_the_gateway_comes_in_with_a_credential_of_its_own_until_it_is_revoked(database: Database, settings: Settings) -> None:
    made = make_gateway_secret()
    async with database.writing() as session:
        await add_gateway(session, "portal", made, now=NOW)
    presented = request_with(("Authorization", f"Bearer {made.secret}"))

    actor = await authenticate(presented, database, settings, NOW)
    async with database.writing() as session:
        [credential] = await gateways(session)
        revoked = await revoke_gateway(session, credential.public_id, now=NOW)
        again = await revoke_gateway(session, credential.public_id, now=NOW)

    assert (actor.is_gateway, actor.is_anonymous, actor.account_id, actor.user_id, actor.token_id) == (True, False, None, None, None)
    assert actor.permissions == {Permission.INVITATIONS_READ, Permission.CONTRACTS_READ, Permission.PROJECTS_READ}
    assert (credential.last_used_at, made.secret not in str(vars(credential))) == (NOW, True)
    assert (revoked, again) == (True, False)
    with pytest.raises(Unauthenticated):
        await authenticate(presented, database, settings, NOW)


async def test_a_bare_token_of_the_other_environment_is_sent_there(database: Database, settings: Settings) -> None:
    await stored(database, BARE, environment=Environment.SANDBOX)

    with pytest.raises(WrongEnvironment):
        await authenticate(request_with(("Sp-Token", BARE)), database, settings, NOW)


@pytest.mark.parametrize("headers", [[], [("Cookie", "telework_session=out-of-date")]])
async def test_without_a_token_or_with_an_old_cookie_one_is_nobody(
    database: Database, settings: Settings, headers: list[tuple[str, str]]
) -> None:
    assert await authenticate(request_with(*headers), database, settings, NOW) is ANONYMOUS
