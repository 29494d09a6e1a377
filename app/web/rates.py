"""How many points a caller may spend in a minute: counted with the library `limits`, told in headers. Prices are not set here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from math import ceil
from typing import TypeVar

import structlog
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import Storage
from limits.storage import storage_from_string

from app.auth.actor import Actor
from app.clock import Clock, system_clock
from app.errors import RateLimited
from app.settings import Settings

SECONDS = 60
_PATIENCE = 0.25  # seconds that the shared storage has for an answer
_PAUSE = 2.0  # seconds without it after it failed, so that not every request waits
_SWEEP = 1000  # keys kept in memory before those out of date are looked for, and again whenever they have doubled
_log = structlog.get_logger("rates")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose points are spent.

    key    a token's, a person's or an address's, marked as such
    limit  points a minute
    """

    key: str
    limit: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What is left of a caller's points, and when (aware, UTC) all of them come back."""

    limit: int
    remaining: int
    reset_at: datetime


class Rates:
    """One for each process. The window is fixed and begins with its first charge, so that `remaining` and `reset_at` are exact.

    A shared storage that fails, or is slow, never takes the portal down: points are counted in memory meanwhile.
    """

    def __init__(self, settings: Settings, *, clock: Clock = system_clock, shared: Storage | None = None) -> None:
        self._settings, self._clock = settings, clock
        self._memory = Memory(clock)
        self._shared = shared or _shared(settings.rate_storage_url)
        self._items: dict[int, RateLimitItem] = {}
        self._away_until = self._logged_at = float("-inf")
        self._trusted = tuple(ip_network(each.strip(), strict=False) for each in settings.trusted_proxies.split(",") if each.strip())

    def caller(self, actor: Actor, address: str) -> Caller:
        """`address` is what `address` below answers; it counts for callers whom nobody knows."""
        if actor.token_id:
            return _caller("token", actor.token_id, self._settings.points_a_minute)
        if actor.gateway_id:
            return _caller("gateway", actor.gateway_id, self._settings.points_a_minute)
        if actor.user_id:
            return _caller("person", actor.user_id, self._settings.points_a_minute)
        return _caller("address", _household(address), self._settings.anonymous_points_a_minute)

    def sign_in_caller(self, what: str, address: str, limit: int) -> Caller:
        """An address' sign-ins of a kind, counted apart from its points."""
        return Caller(f"sign-in:{what}:{_household(address)}", limit)

    def household(self, address: str) -> str:
        """What one subscriber's addresses have in common."""
        return _household(address)

    def address(self, peer: str, forwarded: Iterable[str] = ()) -> str:
        """Where a request comes from: its peer, or, if that is a trusted proxy, the right-most X-Forwarded-For entry that is none.

        forwarded  the values of the X-Forwarded-For headers, in their order
        """
        if not self._trusted or not self._is_trusted(peer):
            return peer
        found = peer
        for hop in reversed([entry.strip() for value in forwarded for entry in value.split(",")]):
            # What a trusted proxy did not write is not believed: an entry that is no address ends the search.
            if not _is_address(hop):
                return found
            found = hop
            if not self._is_trusted(hop):
                return hop
        return found

    async def charge(self, caller: Caller, cost: int) -> Standing:
        """Takes the points. Raises RateLimited where they do not suffice; then none are taken."""
        key = self._key(caller)
        if self._shared is None:
            spent, reset_at = self._memory.add(key, SECONDS, cost)
        else:
            spent, reset_at = await self._on_storage(lambda storage: _add(storage, key, cost))
        if spent > caller.limit:
            # Counted before looked at, so that two at once cannot both pass; what was refused costs nothing.
            await self._on_storage(lambda storage: _take_back(storage, key, cost))
            remaining = min(max(caller.limit - (spent - cost), 0), caller.limit)
            raise RateLimited(cost=cost, remaining=remaining, limit=caller.limit, retry_after=self._seconds_until(reset_at))
        return Standing(caller.limit, caller.limit - spent, datetime.fromtimestamp(reset_at, UTC))

    async def give_back(self, caller: Caller, points: int, charged: Standing) -> Standing:
        """Returns what an operation did not need of what it was charged, unless that minute is over."""
        if points <= 0 or self._now() >= charged.reset_at.timestamp():
            return charged
        key = self._key(caller)
        if self._shared is None:
            spent = self._memory.take_back(key, points)
        else:
            spent = await self._on_storage(lambda storage: _take_back(storage, key, points))
        return Standing(caller.limit, min(max(caller.limit - spent, 0), caller.limit), charged.reset_at)

    async def standing(self, caller: Caller) -> Standing:
        """Takes nothing. A caller without a window of their own would begin one now."""
        key = self._key(caller)
        spent, reset_at = await self._on_storage(lambda storage: _look(storage, key))
        reset_at = reset_at if spent else self._now() + SECONDS
        return Standing(caller.limit, min(max(caller.limit - spent, 0), caller.limit), datetime.fromtimestamp(reset_at, UTC))

    async def attempt(self, what: str, address: str, most: int, seconds: int) -> int:
        """Counts one of what an address may do so often in so many seconds: the seconds to wait where that is too often, else 0."""
        key = self._key(Caller(f"{what}:{_household(address)}", most))
        spent, reset_at = await self._on_storage(lambda storage: _add(storage, key, 1, seconds))
        return 0 if spent <= most else min(max(ceil(reset_at - self._now()), 1), seconds)

    def headers(self, standing: Standing) -> dict[str, str]:
        """The fields of draft-ietf-httpapi-ratelimit-headers-11: structured, seconds as whole numbers."""
        return {
            "RateLimit-Policy": f'"points";q={standing.limit};w={SECONDS}',
            "RateLimit": f'"points";r={standing.remaining};t={self._seconds_until(standing.reset_at.timestamp())}',
        }

    def refusal_headers(self, refused: RateLimited) -> dict[str, str]:
        limit, remaining, seconds = (refused.values[name] for name in ("limit", "remaining", "retry_after"))
        return {
            "RateLimit-Policy": f'"points";q={limit};w={SECONDS}',
            "RateLimit": f'"points";r={remaining};t={seconds}',
            "Retry-After": str(seconds),
        }

    async def _on_storage(self, run: Callable[[Storage], Awaitable[T]]) -> T:
        if self._shared is not None and (now := self._now()) >= self._away_until:
            try:
                async with asyncio.timeout(_PATIENCE):
                    return await run(self._shared)
            except Exception as error:  # whatever a client library may raise: counting must not stop the portal
                self._away_until = now + _PAUSE
                if now >= self._logged_at + 60:
                    self._logged_at = now
                    _log.warning("rate_storage_unavailable", error=type(error).__name__, detail=str(error)[:200])
        return await run(self._memory)

    def _key(self, caller: Caller) -> str:
        if (item := self._items.get(caller.limit)) is None:
            item = self._items[caller.limit] = RateLimitItemPerMinute(caller.limit, namespace="telework")
        return item.key_for(caller.key)

    def _is_trusted(self, address: str) -> bool:
        return any(_is_in(address, network) for network in self._trusted)

    def _seconds_until(self, moment: float) -> int:
        return min(max(ceil(moment - self._now()), 1), SECONDS)

    def _now(self) -> float:
        return self._clock().timestamp()


@lru_cache(10_000)  # writing a UUID out takes longer than counting
def _caller(kind: str, key: object, limit: int) -> Caller:
    return Caller(f"{kind}:{key}", limit)


async def _add(storage: Storage, key: str, cost: int, seconds: int = SECONDS) -> tuple[int, float]:
    return await storage.incr(key, seconds, cost), await storage.get_expiry(key)


async def _take_back(storage: Storage, key: str, points: int) -> int:
    # Looked at first: less than nothing spent would be a gift to the next minute.
    spent = await storage.get(key)
    return await storage.incr(key, SECONDS, -points) if points <= spent else spent


async def _look(storage: Storage, key: str) -> tuple[int, float]:
    return await storage.get(key), await storage.get_expiry(key)


def _shared(url: str) -> Storage | None:
    """None for memory. Raises limits.errors.ConfigurationError for an address that nothing answers to, or without its library."""
    if url.startswith("memory:"):
        return None
    options = {"implementation": "redispy"} if "redis" in url.partition(":")[0] else {}
    made = storage_from_string(url if url.startswith("async+") else f"async+{url}", **options)
    assert isinstance(made, Storage)  # noqa: S101  # the scheme says async
    return made


class Memory(Storage):
    """Counts in this process. The library's own looks at all keys at each count: 145 µs with 1,000 callers, 1 ms with 10,000; this 1 µs."""

    STORAGE_SCHEME = None

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._kept: dict[str, tuple[int, float]] = {}  # key -> spent, when it ends
        self._sweep_at = _SWEEP

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        return self.add(key, expiry, amount)[0]

    def add(self, key: str, expiry: int, amount: int) -> tuple[int, float]:
        """What is spent then, and when the window ends."""
        now = self._clock().timestamp()
        spent, end = self._kept.get(key, (0, 0.0))
        if end <= now:
            spent, end = 0, now + expiry
            self._sweep(now)
        self._kept[key] = spent + amount, end
        return spent + amount, end

    def take_back(self, key: str, amount: int) -> int:
        """What is spent then; never less than nothing."""
        spent, end = self._kept.get(key, (0, 0.0))
        if end <= self._clock().timestamp():
            return 0
        if amount <= spent:
            spent -= amount
            self._kept[key] = spent, end
        return spent

    async def get(self, key: str) -> int:
        spent, end = self._kept.get(key, (0, 0.0))
        return spent if end > self._clock().timestamp() else 0

    async def get_expiry(self, key: str) -> float:
        found = self._kept.get(key)
        return found[1] if found else self._clock().timestamp()

    async def check(self) -> bool:
        return True

    async def reset(self) -> int | None:
        found = len(self._kept)
        self._kept.clear()
        return found

    async def clear(self, key: str) -> None:
        self._kept.pop(key, None)

    def _sweep(self, now: float) -> None:
        if len(self._kept) >= self._sweep_at:
            self._kept = {key: kept for key, kept in self._kept.items() if kept[1] > now}
            self._sweep_at = max(_SWEEP, 2 * len(self._kept))


# ---- addresses -----------------------------------------------------------------------------------------------------------


@lru_cache(10_000)
def _household(address: str) -> str:
    """Whose address it is: of the sixth version a subscriber has 2**64, and could take a new one for each request."""
    if not _is_address(address):
        return address
    found = ip_address(address)
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped) if found.ipv4_mapped else str(ip_network((int(found) >> 64 << 64, 64)))
    return str(found)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


@lru_cache(10_000)
def _is_in(address: str, network: IPv4Network | IPv6Network) -> bool:
    if not _is_address(address):
        return False
    found = ip_address(address)
    return ((found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found) in network
