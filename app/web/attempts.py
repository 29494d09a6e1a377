"""How often bad credentials may be tried: by address, and by the beginning of the secret. Never by the prefix that all tokens share.
And how often an account may try what could be used to find things out."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.auth.tokens import beginning_of
from app.errors import RateLimited, TooManyAttempts, TriedTooOften
from app.settings import Settings
from app.web.rates import Caller, Rates

_MOST_SHUT = 10_000


class Attempts:
    """One for each process; counted where Rates counts.

    An address with too many failures is shut for the rest of its minute: nothing from there is looked up. A secret's beginning is shown
    in the portal, so anybody could shut it: there the failures alone are refused, and the token itself goes on working.
    """

    def __init__(self, settings: Settings, rates: Rates) -> None:
        self._by_address, self._by_secret = settings.failed_attempts_of_address, settings.failed_attempts_of_secret
        self._rates = rates
        self._shut: dict[str, datetime] = {}  # an address and until when: kept here, so that good callers cost no look at shared counts

    def check(self, address: str, now: datetime) -> None:
        """Raises TooManyAttempts."""
        until = self._shut.get(address)
        if until is not None and now < until:
            raise TooManyAttempts(retry_after=_seconds(until - now))

    async def failed(self, address: str, secret: str, now: datetime) -> None:
        """Counts a failure. Raises TooManyAttempts where there were too many before it."""
        wait = await self._count(f"failed:secret:{beginning_of(secret)}", self._by_secret)
        if shut := await self._count(f"failed:address:{self._rates.household(address)}", self._by_address):
            if len(self._shut) >= _MOST_SHUT:
                self._shut.clear()
            self._shut[address] = now + timedelta(seconds=shut)
        if wait or shut:
            raise TooManyAttempts(retry_after=max(wait, shut))

    async def tried(self, what: str, limit: int) -> None:
        """Counts what may be tried so often a minute. Raises TriedTooOften."""
        if wait := await self._count(f"tried:{what}", limit):
            raise TriedTooOften(limit=limit, retry_after=wait)

    async def _count(self, key: str, limit: int) -> int:
        """The seconds to wait, 0 where the limit is not reached."""
        try:
            await self._rates.charge(Caller(key, limit), 1)
        except RateLimited as limited:
            return int(limited.values["retry_after"])
        return 0


def _seconds(rest: timedelta) -> int:
    return max(1, -int(-rest.total_seconds() // 1))
