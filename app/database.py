"""Connections: how each database is opened, read as one snapshot, and written in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any, TypeVar

from sqlalchemy import event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine

from app.scope import APP_ROLE, NOBODY, Scope, ScopedConnection
from app.settings import Settings

T = TypeVar("T")
_ATTEMPTS = 5
_WRITING, _MANUAL = "telework_writing", "telework_manual"
# serialization_failure, deadlock_detected, lock_not_available
_RETRIED = {"40001", "40P01", "55P03"}


class Database:
    """The application's pool. One for each process; disposed of at shutdown.

    restricted   works as the role that row-level security holds, as whoever `reading` and `writing` name: for what answers requests.
                 Else as whoever the address names, who owns the tables: for migrations and for an operator's commands.
    """

    def __init__(self, settings: Settings, *, restricted: bool = False) -> None:
        self.is_restricted = restricted = restricted and not settings.database_url.startswith("sqlite")
        self.engine = _engine(settings, settings.database_pool_size, restricted=restricted)
        # A pool of their own for writes: an operation that reads may come to write, and must not wait for connections that others hold
        # while they wait in the same way. SQLite has one writer.
        writers = 1 if self.engine.dialect.name == "sqlite" else settings.database_pool_size
        self.writer = _engine(settings, writers, restricted=restricted)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        # The same pool; SQLAlchemy begins nothing on these connections.
        self._reader = self.engine.execution_options(**({_MANUAL: True} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"}))
        # SQLite has one writer at a time and lets the others poll; a queue of our own is fair and does not sleep.
        self._writers: AbstractAsyncContextManager[Any] = asyncio.Lock() if self.is_sqlite else nullcontext()

    @asynccontextmanager
    async def reading(self, scope: Scope = NOBODY, *, snapshot: bool = True) -> AsyncIterator[AsyncConnection]:
        """A connection to read on; with a snapshot all its statements see the same moment, which a single statement does anyway.

        The transaction is ours, on the driver's connection: SQLAlchemy's statements and those frozen for the driver share it.
        """
        async with self._reader.connect() as connection:
            driver = driver_of(connection)
            self.ask_as(connection, scope)
            try:
                if snapshot:
                    await driver.execute("BEGIN" if self.is_sqlite else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                yield connection
            finally:
                if not self.is_sqlite and driver.is_closed():
                    # Lost behind SQLAlchemy's back: the pool must not lend it again.
                    await connection.invalidate()
                elif snapshot:
                    await driver.execute("ROLLBACK")

    @asynccontextmanager
    async def writing(self, scope: Scope = NOBODY) -> AsyncIterator[AsyncSession]:
        """One transaction: committed when the block ends well, rolled back when it raises."""
        async with self._writers, self.writer.connect() as connection:
            await connection.execution_options(**{_WRITING: True})
            self.ask_as(connection, scope)
            async with AsyncSession(connection, expire_on_commit=False) as session, session.begin():
                yield session

    async def write(self, work: Callable[[AsyncSession], Awaitable[T]], scope: Scope = NOBODY) -> T:
        """Runs `work` in a transaction, again when the database asked for it (a deadlock, a serialization failure): a few times at most."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                async with self.writing(scope) as session:
                    return await work(session)
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) not in _RETRIED or attempt == _ATTEMPTS:
                    raise
            await asyncio.sleep(0.01 * attempt)
        raise AssertionError("unreachable")

    def ask_as(self, connection: AsyncConnection, scope: Scope) -> None:
        """Goes on as somebody else, from the next statement on."""
        if self.is_restricted:
            driver_of(connection).ask_as(scope)

    async def close(self) -> None:
        await self.engine.dispose()
        await self.writer.dispose()


def driver_of(connection: AsyncConnection) -> Any:
    """The driver's own connection: asyncpg's or aiosqlite's."""
    # Not get_raw_connection(), which costs a greenlet for what is at hand.
    return connection.sync_connection.connection.driver_connection  # type: ignore[union-attr]  # it is open


async def assume(session: AsyncSession, scope: Scope) -> None:
    """Goes on as somebody whom the transaction has only now found: at sign-in, or where the gateway's target is known."""
    driver = driver_of(await session.connection())
    if isinstance(driver, ScopedConnection):
        driver.ask_as(scope)


def _engine(settings: Settings, size: int, *, restricted: bool) -> AsyncEngine:
    if not settings.database_url.startswith("sqlite"):
        # jit and parallel plans only cost on statements this small; the text forms of instants rely on UTC and ISO
        told = {"timezone": "UTC", "datestyle": "ISO", "jit": "off", "max_parallel_workers_per_gather": "0"}
        arguments: dict[str, Any] = {"server_settings": told | ({"role": APP_ROLE} if restricted else {})}
        made = create_async_engine(
            settings.database_url,
            pool_size=size,
            max_overflow=0,
            hide_parameters=True,  # an error is logged, and must not take a national id along
            pool_timeout=3,
            connect_args=arguments | ({"connection_class": ScopedConnection} if restricted else {}),
        )
        if restricted:
            event.listen(made.sync_engine, "connect", lambda connection, _: connection.run_async(ScopedConnection.prepare_scope))
        return made
    engine = create_async_engine(settings.database_url, pool_size=size, max_overflow=0, pool_timeout=30, hide_parameters=True)

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions behind our back
        cursor = connection.cursor()
        for pragma in ("journal_mode = WAL", "foreign_keys = ON", "busy_timeout = 10000", "synchronous = NORMAL"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:
        options = connection.get_execution_options()
        if _MANUAL not in options:
            # One that reads first and writes later would fail with SQLITE_BUSY where another wrote between: take the lock at once.
            connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get(_WRITING) else "BEGIN")

    return engine
