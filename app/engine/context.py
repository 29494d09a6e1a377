"""What one operation carries: who asks, when, in which language; its snapshot of the database and its loaders."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiodataloader import DataLoader
from sqlalchemy.ext.asyncio import AsyncConnection

from app.auth.actor import Actor
from app.auth.visible import scope_parameters
from app.clock import riyadh_day
from app.database import Database
from app.engine.declare import Asker, Perform
from app.engine.dialects import Dialect, Statement, dialect_named
from app.errors import Language
from app.settings import Settings


@dataclass
class Context:
    """One operation's. Closed by whoever made it.

    now      aware, UTC; the clock that deadlines follow
    signals  what the operation wants done to the HTTP response, by name (a cookie to clear, ...)
    """

    database: Database
    settings: Settings
    actor: Actor
    language: Language
    now: datetime
    request_id: str
    signals: dict[str, Any] = field(default_factory=dict)
    dialect: Dialect = field(init=False)
    _loaders: dict[Any, DataLoader[Any, Any]] = field(default_factory=dict, init=False)
    _open: AsyncExitStack = field(default_factory=AsyncExitStack, init=False)
    _closed: bool = field(default=False, init=False)
    _connection: AsyncConnection | None = field(default=None, init=False)
    _performed: dict[str, Any] = field(default_factory=dict, init=False)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    def __post_init__(self) -> None:
        self.dialect = dialect_named(self.database.engine.dialect.name)

    @property
    def asker(self) -> Asker:
        return Asker(self.actor.permissions)

    @property
    def parameters(self) -> dict[str, Any]:
        """What any statement of the graph may be run with."""
        return {**scope_parameters(self.actor), "language": self.language, "now": self.now, "today": riyadh_day(self.now)}

    async def rows(self, statement: Statement, **more: Any) -> Sequence[Any]:
        """Runs a statement on the operation's one snapshot. One connection serves all its batches: a wide query cannot drain the pool."""
        async with self._turn:
            connection = await self.connection()
            result = await connection.execute(statement, {**self.parameters, **more})
            return result.all()

    async def connection(self, *, snapshot: bool = True) -> AsyncConnection:
        """The operation's one connection, opened when first asked for."""
        if self._closed:
            raise asyncio.CancelledError
        if self._connection is None:
            self._connection = await self._open.enter_async_context(self.database.reading(snapshot=snapshot))
        return self._connection

    async def load(self, name: Any, batch: Callable[[list[Any]], Awaitable[Sequence[Any]]], key: Any) -> Any:
        """The answer for one key, asked for together with all others of that name that are wanted at the same time."""
        if name not in self._loaders:
            self._loaders[name] = DataLoader(batch)  # type: ignore[arg-type]  # it wants a list, and takes any sequence
        return await self._loaders[name].load(key)

    async def perform(self, key: str, source: Perform, given: Any) -> Any:
        """The payload of the mutation under that response key: done the first time, remembered for an executor that comes second."""
        if key not in self._performed:
            try:
                self._performed[key] = await source.function(self, given)
            except Exception as error:
                self._performed[key] = error
        if isinstance(found := self._performed[key], Exception):
            raise found
        return found

    async def reset(self) -> None:
        """Forgets the snapshot: what comes next sees what has been written since."""
        async with self._turn:
            self._loaders.clear()
            self._connection = None
            await self._open.aclose()

    async def close(self) -> None:
        """Gives the connection back for good. A null that took its parents along leaves batches under way that nobody waits for."""
        self._closed = True
        await self.reset()
