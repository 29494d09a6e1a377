"""What one operation carries: who asks, when, in which language; its snapshot of the database and its loaders."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from aiodataloader import DataLoader
from graphql import GraphQLError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.auth.actor import Actor
from app.auth.visible import scope_of, scope_parameters
from app.clock import riyadh_day, week_number
from app.database import Database, Reading, driver_of
from app.engine.declare import Asker, Perform
from app.engine.dialects import Dialect, Statement, dialect_named
from app.engine.frozen import Frozen
from app.errors import Language
from app.scope import Scope
from app.settings import Settings

_FROZEN: dict[Any, Frozen] = {}  # statements of batch functions


@dataclass(frozen=True)
class Charge:
    """What the operation was charged, and where that leaves its caller. `reset_at` is aware, UTC."""

    limit: int
    remaining: int
    reset_at: datetime
    cost: int
    maximum_cost: int


async def _as_often_as_they_like(what: str, most: int, seconds: int) -> int:
    return 0


@dataclass
class Context:
    """One operation's. Closed by whoever made it.

    now         aware, UTC; what tokens, signatures and limits go by
    stopped_at  where the clock that the rules follow stands in the sandbox, if it was stopped
    charge      None where nothing is counted
    signals     what the operation wants done about the HTTP response, by name (a cookie to clear, a mail to send behind it, ...)
    attempt     counts one more of what may be done so many times a minute, by its name and that number; raises TriedTooOften. None
                where nothing is counted
    attempt_from_address  (what, how often, in how many seconds) -> the seconds to wait, for what the caller's address may not do all the
                time; 0: go on
    idempotency_key  under which its one mutation is done once; None where it may be done each time
    """

    database: Database
    settings: Settings
    actor: Actor
    language: Language
    now: datetime
    request_id: str
    charge: Charge | None = None
    stopped_at: datetime | None = None
    idempotency_key: str | None = None
    attempt_from_address: Callable[[str, int, int], Awaitable[int]] = _as_often_as_they_like
    signals: dict[str, Any] = field(default_factory=dict)
    attempt: Callable[[str, int], Awaitable[None]] | None = None
    dialect: Dialect = field(init=False)
    _loaders: dict[Any, DataLoader[Any, Any]] = field(default_factory=dict, init=False)
    _reading: Reading | None = field(default=None, init=False)
    _closed: bool = field(default=False, init=False)
    _connection: AsyncConnection | None = field(default=None, init=False)
    _scope: Scope | None = field(default=None, init=False)  # as whom it asks
    _performed: dict[str, Any] = field(default_factory=dict, init=False)
    _performing: str = field(default="", init=False)  # the response key of the mutation under way
    read: dict[str, tuple[Any, list[GraphQLError]]] = field(default_factory=dict, init=False)  # mutations' payloads, by response key
    committed: list[str] = field(default_factory=list, init=False)  # response keys of mutations that changed something
    _done: set[str] = field(default_factory=set, init=False)
    _once: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _batch: asyncio.Task[Any] | None = field(default=None, init=False)  # that is waiting for its rows
    _interrupting: asyncio.Task[None] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.dialect = dialect_named("sqlite" if self.database.is_sqlite else "postgresql")

    @property
    def asker(self) -> Asker:
        return Asker(self.actor.permissions, self.actor.is_gateway)

    @property
    def rules_now(self) -> datetime:
        """The clock that deadlines follow."""
        return self.stopped_at or self.now

    @property
    def parameters(self) -> dict[str, Any]:
        """What any statement of the graph may be run with."""
        now, window = self.rules_now, self.settings.report_window
        today = riyadh_day(now)
        weeks = {"this_week": week_number(today), "last_due": window.last_due(now), "last_locked": window.last_locked(now)}
        clocks = {"now": now, "real_now": self.now, "today": today}
        return {**scope_parameters(self.actor), "language": self.language, **clocks, **weeks}

    async def rows(self, statement: Statement, **more: Any) -> Sequence[Any]:
        """Runs a statement on the operation's one snapshot. One connection serves all its batches: a wide query cannot drain the pool."""
        async with self._turn:
            connection = await self.connection()
            self._batch = asyncio.current_task()
            try:
                result = await connection.execute(statement, {**self.parameters, **more})
                return result.all()
            finally:
                self._batch = None

    async def fetch(self, make: Callable[[Dialect], Statement], keys: Sequence[UUID]) -> dict[UUID, Sequence[Any]]:
        """Runs a statement whose text never changes, for many keys (`:keys`): its rows by their first column, as the driver gives them.

        make   a function of a module: the statement is compiled once for each.
        """
        name = (make, self.database.is_sqlite)
        if (frozen := _FROZEN.get(name)) is None:
            frozen = _FROZEN[name] = Frozen(self.dialect, make(self.dialect))
        rows = await self.rows_of(frozen, {"keys": self.dialect.pack([self.dialect.pack_one(key) for key in keys])})
        return {self.dialect.key(row[0]): row for row in rows}

    async def rows_of(self, statement: Frozen, values: Mapping[str, Any]) -> Sequence[Any]:
        """Runs a statement on the operation's one snapshot: rows as the driver gives them."""
        async with self._turn:
            connection = await self.connection()
            self._batch = asyncio.current_task()
            try:
                return await statement.fetch(driver_of(connection), {**self.parameters, **values})
            finally:
                self._batch = None

    async def once(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Does it the first time in the operation; whoever comes meanwhile waits, and does it if it failed."""
        async with self._once:
            if name not in self._done:
                await work()
                self._done.add(name)

    async def connection(self, *, snapshot: bool = True) -> AsyncConnection:
        """The operation's one connection, opened when first asked for."""
        if self._closed:
            raise asyncio.CancelledError
        scope = scope_of(self.actor)
        if self._connection is None:
            reading = self.database.reading(scope, snapshot=snapshot)
            self._connection, self._reading = await reading.__aenter__(), reading
        elif scope != self._scope:  # the account was switched
            self.database.ask_as(self._connection, scope)
        self._scope = scope
        return self._connection

    def interrupt(self, main: asyncio.Task[Any]) -> None:
        """Stops the SQL that is being read, for a task that is being cancelled. A loader's batch runs in a task of its own."""
        if self.database.is_sqlite:
            if self._connection is not None:
                self._interrupting = asyncio.ensure_future(_interrupt(self._connection))
        elif self._batch not in (None, main):  # asyncpg tells the server when its task is cancelled
            self._batch.cancel()

    async def load(self, name: Any, batch: Callable[[list[Any]], Awaitable[Sequence[Any]]], key: Any) -> Any:
        """The answer for one key, asked for together with all others of that name that are wanted at the same time."""
        if self._closed:
            raise asyncio.CancelledError
        if name not in self._loaders:
            self._loaders[name] = DataLoader(batch)  # type: ignore[arg-type]  # it wants a list, and takes any sequence
        # Several fields may wait for one answer: graphql-core cancels some, where a null takes their parent along, and not the others.
        return await asyncio.shield(self._loaders[name].load(key))

    async def perform(self, key: str, source: Perform, given: Any) -> Any:
        """The payload of the mutation under that response key: done the first time, remembered for an executor that comes second."""
        if key not in self._performed:
            self._performing = key
            try:
                self._performed[key] = await source.function(self, given), self.actor
            except Exception as error:
                self._performed[key] = error, self.actor
        # A later field may have switched the account, or ended the session: each payload is read as whoever it made of the caller.
        found, self.actor = self._performed[key]
        if isinstance(found, Exception):
            raise found
        return found

    def commits(self) -> None:
        """To be told when a mutation is about to commit: whoever is stopped after that may not be told that nothing was done."""
        if self._performing not in self.committed:
            self.committed.append(self._performing)

    async def reset(self) -> None:
        """Forgets the snapshot: what comes next sees what has been written since."""
        async with self._turn:
            self._loaders.clear()
            reading, self._reading, self._connection = self._reading, None, None
            if reading is not None:
                await reading.__aexit__()

    async def close(self) -> None:
        """Gives the connection back for good. A null that took its parents along leaves batches under way that nobody waits for."""
        self._closed = True
        loaders = list(self._loaders.values())
        await self.reset()
        for loader in loaders:  # nor do those who wait for them: a batch that is cancelled answers nobody
            for answer in loader._cache.values():
                answer.cancel()


async def _interrupt(connection: AsyncConnection) -> None:
    if not connection.closed:
        await driver_of(connection).interrupt()
