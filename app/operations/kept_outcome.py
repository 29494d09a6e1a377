"""Exactly once: a mutation's outcome is kept under its Idempotency-Key, in the transaction of what it changed.

An outcome is what the payload is read from: keys of rows, plain values, the rules that the input broke. So a repetition is answered in
its own words, for its own selection and with its caller's rights of now.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import bindparam, delete, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.doors import Door
from app.auth.secrets import hash_of
from app.database import Database, assume
from app.errors import AppError, IdempotencyConflict, IdempotencyInProgress
from app.models import KeptOutcome
from app.models.base import Instant
from app.scope import Scope

# A batch, so that a sweep never holds up what is being written.
OUTCOMES_FORGOTTEN = Door(
    "outcomes_forgotten",
    delete(KeptOutcome)
    .where(
        KeptOutcome.id.in_(
            select(KeptOutcome.id)
            .where(KeptOutcome.created_at <= bindparam("before", type_=Instant()))
            .order_by(KeptOutcome.created_at)
            .limit(1000)
        )
    )
    .returning(KeptOutcome.id),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a mutation came to.

    values   by the payload's names: keys and plain values
    errors   the rules that the input broke; then nothing was changed
    """

    values: Mapping[str, Any]
    errors: list[AppError]


@dataclass(frozen=True, slots=True)
class Keyed:
    """One request under a key.

    owner        whose key it is: the account, the person where there is none, the gateway's credential
    scope        as whom the database is asked for it
    input_hash   of the mutation's name and its input: what has to agree
    since        outcomes kept before that are as if they were not there
    """

    owner: UUID
    scope: Scope
    key_hash: str
    input_hash: str
    now: datetime
    since: datetime

    @contextmanager
    def alone(self, database: Database) -> Iterator[None]:
        """Raises IdempotencyInProgress while this process is at it already, before a connection is taken."""
        name = self.owner, self.key_hash
        if name in database.under_way:
            raise IdempotencyInProgress
        database.under_way.add(name)
        try:
            yield
        finally:
            database.under_way.discard(name)

    async def recall(self, session: AsyncSession) -> Outcome | None:
        """The first outcome; None where there is none, and nobody else will come to one before this transaction has ended.

        Raises  IdempotencyInProgress
                IdempotencyConflict    another mutation, or another input, came under the key
        """
        await assume(session, self.scope)
        # Tried, not waited for: whoever waits holds a connection. SQLite has one writer, who is this one by now.
        if session.get_bind().dialect.name == "postgresql" and not await session.scalar(
            select(func.pg_try_advisory_xact_lock(literal(self._number)))
        ):
            raise IdempotencyInProgress
        # Not the row's object, which would stand in the way of the one that takes its place.
        asked = select(KeptOutcome.input_hash, KeptOutcome.outcome).where(*self._mine, KeptOutcome.created_at > self.since)
        found = (await session.execute(asked)).one_or_none()
        if found is None:
            return None
        if found.input_hash != self.input_hash:
            raise IdempotencyConflict
        values, errors = _unpacked(orjson.loads(found.outcome))
        return Outcome(values, errors)

    async def keep(self, session: AsyncSession, outcome: Outcome) -> None:
        """For whoever repeats it; committed with what was changed."""
        await assume(session, self.scope)
        text = orjson.dumps(_packed([dict(outcome.values), outcome.errors])).decode()
        values = {"input_hash": self.input_hash, "outcome": text, "created_at": self.now}
        # One that is too old to count, and has not been swept, gives way.
        old = (await session.execute(select(KeptOutcome).where(*self._mine))).scalar_one_or_none()
        if old is None:
            session.add(KeptOutcome(owner_id=self.owner, key_hash=self.key_hash, **values))
        else:
            for name, value in values.items():
                setattr(old, name, value)
        await session.flush()

    @property
    def _mine(self) -> tuple[Any, ...]:
        return KeptOutcome.owner_id == self.owner, KeptOutcome.key_hash == self.key_hash

    @property
    def _number(self) -> int:
        """What PostgreSQL locks by: 64 bits of owner and key."""
        return int.from_bytes(hashlib.sha256(self.owner.bytes + self.key_hash.encode()).digest()[:8], signed=True)


def keyed(key: str, owner: UUID, scope: Scope, *, input_hash: str, now: datetime, hours: int) -> Keyed:
    """A request under the key; `hours` is how long outcomes count."""
    return Keyed(owner, scope, hash_of(key), input_hash, now, now - timedelta(hours=hours))


async def forget_outcomes(session: AsyncSession, *, now: datetime, hours: int) -> int:
    """Deletes a batch of those that are too old to count, of all owners; how many. 0 when there are no more."""
    found = await session.execute(OUTCOMES_FORGOTTEN.on(session), {"before": now - timedelta(hours=hours)})
    return len(found.all())


class Keepable:
    """A part of an outcome that is more than a plain value. Its class is made anew of its parts."""

    def __init_subclass__(cls) -> None:
        _KEEPABLE[cls.__name__] = cls

    def parts(self) -> tuple[Any, ...]:
        """What to give to the class, in order; what is left out at the end has its default."""
        raise NotImplementedError


_KEEPABLE: dict[str, Any] = {}


# ---- as JSON -------------------------------------------------------------------------------------------------------------

# What JSON has not is a list that begins with its name; a plain list begins with null.


def _packed(value: Any) -> Any:
    """Raises TypeError for what cannot be kept: a mutation then fails, and nothing is changed."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Keepable):
        return ["part", type(value).__name__, *[_packed(part) for part in value.parts()]]
    if isinstance(value, UUID):
        return ["id", value.hex]
    if isinstance(value, list | tuple):
        return [None, *[_packed(each) for each in value]]
    if isinstance(value, dict):
        return {name: _packed(each) for name, each in value.items()}
    if isinstance(value, AppError):
        return ["error", type(value).__name__, _packed(vars(value))]
    if isinstance(value, Decimal):
        return ["decimal", str(value)]
    if isinstance(value, date):
        return ["instant" if isinstance(value, datetime) else "date", value.isoformat()]
    raise TypeError(f"{type(value).__name__} cannot be kept")


def _unpacked(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _unpacked(each) for name, each in value.items()}
    if not isinstance(value, list):
        return value
    match value:
        case [None, *items]:
            return [_unpacked(item) for item in items]
        case ["id", text]:
            return UUID(text)
        case ["decimal", text]:
            return Decimal(text)
        case ["instant", text]:
            return datetime.fromisoformat(text)
        case ["date", text]:
            return date.fromisoformat(text)
        case ["error", name, values]:
            return _error(name, _unpacked(values))
        case ["part", name, *parts]:
            return _KEEPABLE[name](*map(_unpacked, parts))
    raise ValueError("not an outcome that was kept here")


def _error(name: str, values: dict[str, Any]) -> AppError:
    """The error as it was raised, to be worded in the language of whoever repeats the request."""
    kind = next(each for each in _kinds(AppError) if each.__name__ == name)
    made = kind.__new__(kind)
    made.__dict__.update(values)
    if made.path is not None:
        made.path = tuple(made.path)
    return made


def _kinds(of: type[AppError]) -> Iterator[type[AppError]]:
    yield of
    for kind in of.__subclasses__():
        yield from _kinds(kind)
