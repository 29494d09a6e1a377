"""Connections: how each database is opened, read as one snapshot, and written in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine

from app.scope import APP_ROLE, GATEWAY_ROLE, NOBODY, Scope, ScopedConnection, Unrestricted
from app.settings import Settings

T = TypeVar("T")
_ATTEMPTS = 5
_START = 5  # seconds
_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_WRITING, _MANUAL = "telework_writing", "telework_manual"
# serialization_failure, deadlock_detected, lock_not_available
_RETRIED = {"40001", "40P01", "55P03"}
# duplicate_prepared_statement, invalid_sql_statement_name
_MIXED_UP = {"42P05", "26000"}
# jit and parallel plans only cost on statements this small, and so does planning them for each run's values (0.1 ms of 0.17): what
# decides a plan, which filters and which order, is in a statement's text. The text forms of instants rely on UTC and ISO.
SESSION = {
    "timezone": "UTC",
    "datestyle": "ISO",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "plan_cache_mode": "force_generic_plan",
}


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
        reader = self.engine.execution_options(**({_MANUAL: True} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"}))
        self._readers = Readers(reader, settings.database_pool_size, 30 if self.is_sqlite else 3)
        # SQLite has one writer at a time and lets the others poll; a queue of our own is fair and does not sleep.
        # What this process has under way that may be done once: owner and key (app/operations/kept_outcome.py).
        self.under_way: set[tuple[UUID, str]] = set()
        self._writers: AbstractAsyncContextManager[Any] = asyncio.Lock() if self.is_sqlite else nullcontext()

    def reading(self, scope: Scope = NOBODY, *, snapshot: bool = True) -> Reading:
        """A connection to read on; with a snapshot all its statements see the same moment, which a single statement does anyway.

        The transaction is ours, on the driver's connection: SQLAlchemy's statements and those frozen for the driver share it.
        """
        begin = ("BEGIN" if self.is_sqlite else _SNAPSHOT) if snapshot else None
        if scope.is_gateway and self.is_restricted:
            begin = f"{_SNAPSHOT}; SET LOCAL ROLE {GATEWAY_ROLE}"  # for a transaction alone: behind a pooler it can reach no other's
        return Reading(self._readers, begin, scope if self.is_restricted else None)

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

    async def check(self) -> None:
        """At the server's start: raises Unrestricted. That the database does not answer yet is no reason not to start."""
        if not self.is_restricted:
            return
        try:
            # One of each pool: what a pooler mixes up shows with the second.
            async with asyncio.timeout(_START), self.reading(snapshot=False), self.writer.connect():
                pass
        except (OSError, PoolTimeout, DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            # Otherwise requests will tell; each connection is looked at again.
            if getattr(getattr(error, "orig", error), "sqlstate", None) in _MIXED_UP:
                raise Unrestricted("a pooler mixes up prepared statements: PgBouncer needs 1.21, max_prepared_statements above 0") from None

    async def close(self) -> None:
        await self._readers.close()
        await self.engine.dispose()
        await self.writer.dispose()


class Readers:
    """SQLAlchemy's connections, lent to one reader after the other: its pool and greenlets take 0.1 ms of CPU each time, this 2 µs."""

    def __init__(self, engine: AsyncEngine, size: int, patience: float) -> None:
        self._engine, self.patience = engine, patience  # seconds
        self._idle: list[AsyncConnection] = []
        self._free = asyncio.Semaphore(size)
        self._is_closed = False

    async def lend(self) -> AsyncConnection:
        """Raises sqlalchemy.exc.TimeoutError where none comes free in time."""
        try:
            if self._free.locked():
                async with asyncio.timeout(self.patience):
                    await self._free.acquire()
            else:
                await self._free.acquire()
        except TimeoutError:
            raise PoolTimeout("no connection came free") from None
        try:
            while self._idle:
                connection = self._idle.pop()
                if not is_lost(connection):
                    return connection
                await drop(connection)
            return await self._engine.connect()
        except BaseException:
            self._free.release()
            raise

    async def take_back(self, connection: AsyncConnection, *, broken: bool) -> None:
        try:
            if broken or self._is_closed:  # one that was lost is found out when it is lent again
                await drop(connection)
                return
            if connection.in_transaction():  # SQLAlchemy's notion of one, where its statements were run
                await connection.rollback()
            self._idle.append(connection)
        finally:
            self._free.release()

    async def close(self) -> None:
        """Ends those that are idle now, and each other one when it comes back."""
        self._is_closed = True
        await self.renew()

    async def renew(self) -> None:
        """Ends those that are idle: the next reader has a new one."""
        while self._idle:
            await self._idle.pop().close()


class Reading:
    """One loan. A loan begins with saying who asks, so that none goes on as whoever borrowed the connection before.

    begin   None where no snapshot is taken
    scope   None where nobody has to be told
    """

    __slots__ = ("_begin", "_connection", "_readers", "_scope")

    def __init__(self, readers: Readers, begin: str | None, scope: Scope | None) -> None:
        self._readers, self._begin, self._scope = readers, begin, scope

    async def __aenter__(self) -> AsyncConnection:
        self._connection = await self._readers.lend()
        try:
            if self._scope is not None:
                driver_of(self._connection).ask_as(self._scope)
            if self._begin:
                await driver_of(self._connection).execute(self._begin)
        except BaseException:
            await self._readers.take_back(self._connection, broken=True)
            raise
        return self._connection

    async def __aexit__(self, *_: object) -> None:
        broken = True
        try:
            if self._begin and not is_lost(self._connection):
                await driver_of(self._connection).execute("ROLLBACK")
            broken = False
        finally:
            await self._readers.take_back(self._connection, broken=broken)


def driver_of(connection: AsyncConnection) -> Any:
    """The driver's own connection: asyncpg's or aiosqlite's."""
    # Not get_raw_connection(), which costs a greenlet for what is at hand.
    return connection.sync_connection.connection.driver_connection  # type: ignore[union-attr]  # it is open


def is_lost(connection: AsyncConnection) -> bool:
    """Whether it ended behind SQLAlchemy's back."""
    return connection.closed or connection.invalidated or (connection.dialect.name != "sqlite" and driver_of(connection).is_closed())


async def drop(connection: AsyncConnection) -> None:
    """Ends a connection whose state nobody knows."""
    if not (connection.closed or connection.invalidated):
        await connection.invalidate()
    await connection.close()


async def assume(session: AsyncSession, scope: Scope) -> None:
    """Goes on as somebody whom the transaction has only now found: at sign-in, or where the gateway's target is known."""
    driver = driver_of(await session.connection())
    if issubclass(type(driver), ScopedConnection):  # asyncpg's metaclass calls every connection an instance of any such class
        driver.ask_as(scope)


def _engine(settings: Settings, size: int, *, restricted: bool) -> AsyncEngine:
    if not settings.database_url.startswith("sqlite"):
        arguments: dict[str, Any] = {
            "server_settings": SESSION | ({"role": APP_ROLE} if restricted else {}),
            "statement_cache_size": 500,
            "max_cacheable_statement_size": 0,
        }
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
