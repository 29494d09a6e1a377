"""Points by the minute: who pays, what is left, what is given back; addresses behind proxies; JSON that is nested too deeply."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import httpx2
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits.aio.storage import MemoryStorage
from limits.errors import ConfigurationError
from structlog.testing import capture_logs

from app.auth.actor import ANONYMOUS, Actor
from app.errors import RateLimited
from app.settings import Settings
from app.web.json_depth import too_deep
from app.web.rates import Caller, Memory, Rates
from tests.conftest import Templates
from tests.portal import NOW, StoppedClock
from tests.server import ServerProcess, free_port, server_process
from tests.valkey import valkey

CALLER = Caller("person:1", 1000)


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def rates(clock: StoppedClock) -> Rates:
    return Rates(Settings(), clock=clock)


class Shared(MemoryStorage):
    """A storage that servers share, with the library's own counting, and as reliable as a test wants it."""

    STORAGE_SCHEME: list[str] = []  # noqa: RUF012  # not to be found by an address
    error: Exception | None = None
    slow = False
    asked = 0

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        self.asked += 1
        if self.slow:
            await asyncio.sleep(10)
        if self.error:
            raise self.error
        return await super().incr(key, expiry, amount)


# ---- who pays ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("_case", "actor", "address", "key", "limit"),
    [
        ("a token, whoever made it", Actor(token_id=UUID(int=1), user_id=UUID(int=2)), "1.2.3.4", f"token:{UUID(int=1)}", 60_000),
        ("a person, in any session", Actor(user_id=UUID(int=2), session_id=UUID(int=3)), "1.2.3.4", f"person:{UUID(int=2)}", 60_000),
        ("an address", ANONYMOUS, "1.2.3.4", "address:1.2.3.4", 6_000),
        ("all addresses of a household", ANONYMOUS, "2001:db8:1:2:3:4:5:6", "address:2001:db8:1:2::/64", 6_000),
        ("an address of the fourth version in the sixth", ANONYMOUS, "::ffff:1.2.3.4", "address:1.2.3.4", 6_000),
        ("a peer without an address", ANONYMOUS, "testclient", "address:testclient", 6_000),
    ],
)
def test_points_are_a_tokens_a_persons_or_an_addresses(rates: Rates, _case: str, actor: Actor, address: str, key: str, limit: int) -> None:
    assert rates.caller(actor, address) == Caller(key, limit)


@pytest.mark.parametrize(
    ("_case", "trusted", "peer", "forwarded", "expected"),
    [
        ("nobody is trusted", "", "10.0.0.1", ["1.2.3.4"], "10.0.0.1"),
        ("a stranger is not believed", "10.0.0.0/8", "5.6.7.8", ["1.2.3.4"], "5.6.7.8"),
        ("a proxy is", "10.0.0.0/8", "10.0.0.1", ["1.2.3.4"], "1.2.3.4"),
        ("what the caller claims is not", "10.0.0.0/8", "10.0.0.1", ["9.9.9.9, 1.2.3.4"], "1.2.3.4"),
        (
            "several proxies, several headers",
            "10.0.0.0/8, 192.168.1.1",
            "10.0.0.1",
            ["9.9.9.9, 1.2.3.4", "10.2.2.2,192.168.1.1"],
            "1.2.3.4",
        ),
        ("proxies alone", "10.0.0.0/8", "10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("no header", "10.0.0.0/8", "10.0.0.1", [], "10.0.0.1"),
        ("no address", "10.0.0.0/8", "10.0.0.1", ["1.2.3.4, unknown"], "10.0.0.1"),
        ("the sixth version", "::1", "::1", ["2001:db8::1"], "2001:db8::1"),
        ("the fourth version in the sixth", "10.0.0.0/8", "::ffff:10.0.0.1", ["1.2.3.4"], "1.2.3.4"),
    ],
)
def test_the_address_is_the_last_one_that_a_trusted_proxy_tells(
    _case: str, trusted: str, peer: str, forwarded: list[str], expected: str
) -> None:
    assert Rates(Settings(trusted_proxies=trusted)).address(peer, forwarded) == expected


def test_a_proxy_that_is_no_address_is_told_at_start() -> None:
    with pytest.raises(ValueError, match="not-an-address"):
        Rates(Settings(trusted_proxies="not-an-address"))


# ---- points --------------------------------------------------------------------------------------------------------------


async def test_points_are_spent_until_the_minute_is_over(rates: Rates, clock: StoppedClock) -> None:
    await rates.charge(CALLER, 400)
    clock.advance(seconds=20)

    standing = await rates.charge(CALLER, 600)
    assert (standing.limit, standing.remaining, standing.reset_at) == (1000, 0, NOW + timedelta(seconds=60))
    with pytest.raises(RateLimited):
        await rates.charge(CALLER, 1)

    clock.advance(seconds=40)
    assert (await rates.charge(CALLER, 1)).remaining == 999


async def test_what_is_refused_costs_nothing_and_says_when_to_come_again(rates: Rates, clock: StoppedClock) -> None:
    await rates.charge(CALLER, 900)
    clock.advance(seconds=18.5)

    with pytest.raises(RateLimited) as refused:
        await rates.charge(CALLER, 101)

    assert refused.value.extensions == {"code": "RATE_LIMITED", "retryable": True, "retryAfter": 42}
    assert refused.value.status == 429
    assert "101 points; 100 of 1,000" in refused.value.words("en")
    assert not refused.value.words("ar").isascii()
    assert rates.refusal_headers(refused.value) == {
        "RateLimit-Policy": '"points";q=1000;w=60',
        "RateLimit": '"points";r=100;t=42',
        "Retry-After": "42",
    }
    assert (await rates.charge(CALLER, 100)).remaining == 0


async def test_what_was_not_needed_is_given_back(rates: Rates) -> None:
    charged = await rates.charge(CALLER, 900)

    left = await rates.give_back(CALLER, 850, charged)

    assert left.remaining == 950
    assert rates.headers(left) == {"RateLimit-Policy": '"points";q=1000;w=60', "RateLimit": '"points";r=950;t=60'}
    assert (await rates.charge(CALLER, 950)).remaining == 0


async def test_the_next_minute_gets_nothing_from_the_last(rates: Rates, clock: StoppedClock) -> None:
    charged = await rates.charge(CALLER, 900)
    clock.advance(seconds=61)
    await rates.charge(CALLER, 10)

    await rates.give_back(CALLER, 850, charged)

    assert (await rates.standing(CALLER)).remaining == 990


async def test_more_is_never_given_back_than_was_spent(rates: Rates) -> None:
    charged = await rates.charge(CALLER, 10)

    await rates.give_back(CALLER, 500, charged)

    assert (await rates.standing(CALLER)).remaining == 990


async def test_an_operation_dearer_than_the_whole_minute_leaves_the_minute_as_it_was(rates: Rates) -> None:
    with pytest.raises(RateLimited):
        await rates.charge(CALLER, 1001)

    assert (await rates.charge(CALLER, 1000)).remaining == 0


async def test_looking_takes_nothing_and_callers_do_not_share(rates: Rates) -> None:
    await rates.charge(Caller("person:2", 1000), 700)

    standing = await rates.standing(CALLER)

    assert (standing.remaining, standing.reset_at) == (1000, NOW + timedelta(seconds=60))
    assert (await rates.standing(Caller("person:2", 1000))).remaining == 300


async def test_many_at_once_spend_no_more_than_there_is(rates: Rates) -> None:
    outcomes = await asyncio.gather(*(rates.charge(CALLER, 30) for _ in range(100)), return_exceptions=True)

    assert sum(not isinstance(outcome, RateLimited) for outcome in outcomes) == 33


async def test_counting_takes_microseconds_with_ten_thousand_callers(capsys: pytest.CaptureFixture[str]) -> None:
    rates = Rates(Settings())
    for number in range(10_000):
        await rates.charge(Caller(f"address:{number}", 6000), 1)

    began = time.process_time()
    for _ in range(2000):
        charged = await rates.charge(CALLER, 1)
        await rates.give_back(CALLER, 1, charged)
    took = (time.process_time() - began) / 2000

    with capsys.disabled():
        print(f"\n    {took * 1e6:.1f} us for a charge and what is given back", end="")
    assert took < 200e-6


async def test_callers_of_the_past_are_forgotten(clock: StoppedClock) -> None:
    memory = Memory(clock)
    for number in range(5000):
        await memory.incr(f"a{number}", 60)
        clock.advance(seconds=0.1)

    assert len(memory._kept) < 2000
    assert await memory.get("a4999") == 1
    assert await memory.reset() is not None


# ---- a storage that servers share ----------------------------------------------------------------------------------------


async def test_servers_share_their_counts() -> None:
    shared = Shared()
    one, other = Rates(Settings(), shared=shared), Rates(Settings(), shared=shared)

    charged = await one.charge(CALLER, 600)

    assert (await other.charge(CALLER, 300)).remaining == 100
    with pytest.raises(RateLimited):
        await other.charge(CALLER, 200)
    assert (await one.give_back(CALLER, 500, charged)).remaining == 600


@pytest.mark.parametrize("slow", [False, True])
async def test_a_storage_that_fails_is_told_once_a_minute_while_memory_counts(clock: StoppedClock, slow: bool) -> None:
    shared = Shared()
    rates = Rates(Settings(), clock=clock, shared=shared)
    shared.error, shared.slow = ConnectionError("gone"), slow

    with capture_logs() as logged:
        for expected in (900, 800, 700):
            assert (await rates.charge(CALLER, 100)).remaining == expected
        assert shared.asked == 1
        clock.advance(seconds=10)
        await rates.charge(CALLER, 100)
    assert shared.asked == 2
    assert [(entry["event"], entry["log_level"]) for entry in logged] == [("rate_storage_unavailable", "warning")]

    shared.error, shared.slow = None, False
    clock.advance(seconds=10)
    assert (await rates.charge(CALLER, 100)).remaining == 900
    assert shared.asked == 3


def test_a_storage_that_does_not_exist_is_told_at_start() -> None:
    with pytest.raises(ConfigurationError):
        Rates(Settings(rate_storage_url="carrier-pigeon://somewhere"))


def test_server_processes_share_their_counts_in_valkey_and_count_alone_while_it_is_away(templates: Templates, tmp_path: Path) -> None:
    url, port = templates.copy("sqlite", "blank")[0], free_port()
    settings = {"rate_storage_url": f"redis://127.0.0.1:{port}", "anonymous_points_a_minute": "1000"}
    with ExitStack() as stack:
        starting = [server_process(tmp_path / name, url, **settings) for name in ("one", "other")]
        one, other = stack.enter_context(ThreadPoolExecutor(2)).map(stack.enter_context, starting)

        with valkey(port):
            together = [_left(server) for server in (one, other, one, other)]
        alone = [_left(server) for server in (one, other)]
        with valkey(port):
            deadline, again = time.monotonic() + 10, 998  # a server looks again for what failed after two seconds
            while time.monotonic() < deadline and _left(one) != 998:
                time.sleep(0.1)
            while time.monotonic() < deadline and again >= 998:
                time.sleep(0.1)
                again = _left(other)

    assert together == [998, 996, 994, 992]
    assert alone == [998, 998]
    assert again < 998
    assert "rate_storage_unavailable" in one.log.read_text()


def _left(server: ServerProcess) -> int:
    """What is left of an address' points after a query that costs two."""
    response = httpx2.post(f"{server.url}/graphql", json={"query": "{ service { version } }"})
    assert response.status_code == 200
    return int(response.headers["ratelimit"].partition("r=")[2].partition(";")[0])


# ---- JSON ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("_case", "body", "expected"),
    [
        ("as deep as allowed", b"[" * 64 + b"]" * 64, False),
        ("one deeper", b"[" * 65 + b"]" * 65, True),
        ("objects and lists", b'{"a":[' * 32 + b"1" + b"]}" * 32, False),
        ("one object more", b'[{"a":[' + b'{"a":[' * 31 + b"1" + b"]}" * 31 + b"]}]", True),
        ("wide", orjson.dumps([[[]]] * 1000), False),
        ("brackets in a string", orjson.dumps(["[" * 1000, "]" * 1000]), False),
        ("escapes before a bracket", orjson.dumps(['\\"' + "[{" * 1000, "\\"]), False),
        ("unclosed", b"[" * 100_000, True),
        ("a hundred thousand", b"[" * 100_000 + b"]" * 100_000, True),
        ("a hundred thousand objects", b'{"a":' * 100_000 + b"1" + b"}" * 100_000, True),
        ("a megabyte, in and out", (b"[" * 60 + b"]" * 60) * 8000, False),
        ("a megabyte of quotes", b'"' * 1_000_000, False),
        ("a megabyte of escapes", b'"' + b'\\"' * 500_000 + b"[" * 65, False),
    ],
)
def test_json_nested_too_deeply_is_found_out_in_time(_case: str, body: bytes, expected: bool, capsys: pytest.CaptureFixture[str]) -> None:
    began = time.process_time()
    found = too_deep(body, 64)
    took = time.process_time() - began

    with capsys.disabled():
        print(f"\n    {_case}, {len(body):,} bytes: {took * 1000:.1f} ms", end="")
    assert found is expected
    assert took < 0.25


@given(seed=st.integers(0, 2**32))
def test_the_depth_is_that_of_the_value(seed: int) -> None:
    value = _value(Random(seed), 7)
    depth, body = _depth(value), orjson.dumps(value)

    assert not too_deep(body, depth)
    assert depth == 0 or too_deep(body, depth - 1)


def _value(random: Random, depth: int) -> Any:
    kind = random.random()
    if depth == 0 or kind < 0.3:
        return random.choice([1, None, "a", "[", '{"\\', "\\", '\\\\"]', '"["'])
    if kind < 0.65:
        return [_value(random, depth - 1) for _ in range(random.randrange(4))]
    return {random.choice(["a", "[", '\\"', '"']) + str(number): _value(random, depth - 1) for number in range(random.randrange(4))}


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(_depth, inner), default=0)
