"""Who asks, told to PostgreSQL in front of each statement: what row-level security goes by (the second wall between tenants).

A statement outside a transaction is one round trip and must stay one. So what sets the scope goes out ahead of it in the same batch of
the protocol, which the server takes for one transaction: set for that transaction alone, it can reach no other caller's statement,
not even where PgBouncer lends the server's connection anew for each transaction. BEGIN, set_config, COMMIT around each statement cost
0.13 ms more, this a tenth of it (docs/decisions/0016). asyncpg does not offer batches of different statements; this reaches below it.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Any, Final, NamedTuple
from uuid import UUID

import asyncpg

APP_ROLE: Final = "telework_app"  # owns nothing; the policies are made for it
GATEWAY_ROLE: Final = "telework_gateway"  # reads for the portal's gateway, across companies (docs/decisions/0017)
ACCOUNT_SETTING: Final = "telework.account"
PERSON_SETTING: Final = "telework.person"

_PATIENCE = 1.0  # seconds
_STATEMENT = "telework_scope"
# Of no rows, so that the reader of the statement that follows meets none but its own; || has both calls made.
_TELL = f"SELECT WHERE set_config('{ACCOUNT_SETTING}', $1, true) || set_config('{PERSON_SETTING}', $2, true) IS NULL"
_RESTRICTED = """
    SELECT NOT role.rolsuper AND NOT role.rolbypassrls AND pg_has_role(current_user, $1, 'MEMBER')
        AND NOT EXISTS (SELECT FROM pg_class WHERE relowner = role.oid AND relnamespace = current_schema()::regnamespace)
    FROM pg_roles AS role WHERE role.rolname = current_user
"""


class Scope(NamedTuple):
    """The company that is acted for and the person who asks, where there is one. Nobody sees reference data alone.

    is_gateway   the portal's gateway, reading: in a role of its own. It writes as the company that it has entered
    """

    account: UUID | None = None
    person: UUID | None = None
    is_gateway: bool = False


NOBODY = Scope()


class Unrestricted(RuntimeError):
    """Row-level security does not hold on the connection, or cannot be told who asks: the server must not run on it."""


class ScopedConnection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """asyncpg's, which tells who asks in front of each statement, or of the first one of a transaction."""

    def __init__(self, protocol: Any, transport: Any, *rest: Any) -> None:
        super().__init__(_Telling(protocol, transport), transport, *rest)

    async def prepare_scope(self) -> None:
        """Once for each connection. Raises Unrestricted."""
        if not await self.fetchval(_RESTRICTED, APP_ROLE):
            self.terminate()  # SQLAlchemy does not know of it yet
            raise Unrestricted(f"the database's user must be a member of {APP_ROLE}, own no table and be no superuser")
        # Kept: asyncpg closes the statement with its last reference. Run once: what is only prepared leaves a transaction open.
        self.telling = await self.prepare(_TELL, name=_STATEMENT)
        await self.telling.fetch("", "")

    def ask_as(self, scope: Scope) -> None:
        """From the next statement on, in the middle of a transaction too."""
        self._protocol.ask_as(scope)


class _Telling:
    """Stands before asyncpg's protocol and sends the scope ahead."""

    def __init__(self, protocol: Any, transport: Any) -> None:
        self._protocol, self._transport = protocol, transport
        self._ahead = b""
        self._told = False  # in the transaction that is open

    def __getattr__(self, name: str) -> Any:
        return getattr(self._protocol, name)

    def ask_as(self, scope: Scope) -> None:
        # In the middle of a transaction nobody has to be told as well: who was told before would stand.
        must_tell = scope[:2] != NOBODY[:2] or self._told
        self._ahead, self._told = _message(scope) if must_tell else b"", False

    def query(self, *arguments: Any) -> Any:
        self._told = False  # BEGIN, COMMIT, ROLLBACK and the like come this way
        return self._protocol.query(*arguments)

    async def bind_execute(self, *arguments: Any, **named: Any) -> Any:
        return await self._told_first(self._protocol.bind_execute, arguments, named)

    async def bind_execute_many(self, *arguments: Any, **named: Any) -> Any:
        return await self._told_first(self._protocol.bind_execute_many, arguments, named)

    async def _told_first(self, run: Any, arguments: Any, named: Any) -> Any:
        protocol = self._protocol
        if not self._ahead or (self._told and protocol.is_in_transaction()):
            return await run(*arguments, **named)
        sent = protocol.queries_count
        self._transport.write(self._ahead)
        self._told = protocol.is_in_transaction()
        try:
            return await run(*arguments, **named)
        except BaseException as error:
            # A statement that was never sent (an argument that does not fit) leaves the scope standing before the next one.
            if protocol.queries_count == sent:
                await self._end_batch(error)
            raise

    async def _end_batch(self, error: BaseException) -> None:
        try:
            if not isinstance(error, Exception):
                raise error
            await self._protocol.query("", _PATIENCE)
        except BaseException:
            self._transport.abort()
            raise


@lru_cache(4096)
def _message(scope: Scope) -> bytes:
    """Bind and Execute of the prepared statement, without the Sync that would end their transaction."""
    values = b"".join(_sized(b"" if key is None else str(key).encode()) for key in scope[:2])
    return _typed(b"B", b"\0" + _STATEMENT.encode() + b"\0" + struct.pack("!hh", 0, 2) + values + b"\0\0") + _EXECUTE


def _typed(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def _sized(value: bytes) -> bytes:
    return struct.pack("!i", len(value)) + value


_EXECUTE: Final = _typed(b"E", b"\0" + struct.pack("!i", 0))
