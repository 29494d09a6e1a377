"""The whole server over a database of its own, entered as callers enter it: by HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import HTTPConnection

from app.auth.actor import Actor
from app.auth.doors import Door
from app.auth.sessions import start_session
from app.auth.tokens import make_gateway_secret, make_secret
from app.engine.frozen import Frozen
from app.models import Company, Environment, SpToken, User
from app.operations.gateway import add_gateway
from app.settings import Settings
from app.web.application import create_app
from app.web.credentials import authenticate, session_cookie_name
from tests.traces import SECRETS, indiscreet

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)  # noon in Riyadh, a Sunday


PATIENT = 60  # seconds that an operation has, and may wait for a connection: a busy machine is no failure


class StoppedClock:
    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass(frozen=True)
class Caller:
    """What a request carries to say who sends it."""

    headers: dict[str, str] = field(default_factory=dict)


NOBODY = Caller()


@dataclass
class Reply:
    status: int
    body: dict[str, Any]
    headers: httpx2.Headers
    statements: list[str]
    cost: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """The body is told without what it cost."""
        self.cost = self.body.pop("extensions", {}).get("cost", {})

    @property
    def data(self) -> Any:
        return self.body.get("data")

    @property
    def errors(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.body.get("errors", [])
        return found

    @property
    def codes(self) -> list[str]:
        """Of all errors, those of the request first, then those of payloads."""
        told = [error["extensions"]["code"] for error in self.errors]
        payloads = [value for value in (self.data or {}).values() if isinstance(value, dict)]
        return told + [error["code"] for payload in payloads for error in payload.get("userErrors", [])]

    @property
    def paths(self) -> list[Any]:
        return [error["path"] for payload in self.data.values() for error in payload["userErrors"]]


class Portal:
    """Call it with an operation; keyword arguments are its variables."""

    def __init__(self, database_url: str, data_dir: Path, clock: StoppedClock | None = None, **settings: Any) -> None:
        self.clock = clock or StoppedClock()
        # Tests change rows behind the server's back: it is to look callers up each time.
        self.settings = Settings(database_url=database_url, data_dir=data_dir, demo=True, **{"remembered_seconds": 0, **settings})
        self.app = create_app(self.settings, clock=self.clock)
        self.server_database = self.app.state.database  # as the server asks it
        self.database = self.app.state.everybody  # as the tables' owner, behind the server's back
        databases = {self.database, self.server_database}
        self.sandbox = self.app.state.mounted  # the sandbox's application, None without one
        if self.sandbox is not None:
            databases.add(self.sandbox.state.database)
        for database in databases:
            database._readers.patience = database.writer.sync_engine.pool._timeout = PATIENT
        self.http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=self.app), base_url=self.settings.public_url)

    async def __call__(self, text: str, as_: Caller = NOBODY, language: str = "en", at: str = "/graphql", **variables: Any) -> Reply:
        headers = {"Accept-Language": language, "Accept": "application/graphql-response+json", **as_.headers}
        with self.statements() as seen:
            response = await self.http.post(at, json={"query": text, "variables": variables}, headers=headers)
        self._as_a_browser(as_, response)
        reply = Reply(response.status_code, response.json(), response.headers, list(seen))
        assert indiscreet(json.dumps(reply.errors, ensure_ascii=False)) == []
        return reply

    def _as_a_browser(self, caller: Caller, response: httpx2.Response) -> None:
        """A session's new secret takes the place of the old one, and is nobody else's."""
        name = session_cookie_name(self.settings)
        secret = response.cookies.get(name)
        if secret and "Cookie" in caller.headers:
            caller.headers["Cookie"] = f"{name}={secret}"
        self.http.cookies.clear()

    @contextmanager
    def statements(self) -> Iterator[list[str]]:
        """What the database is asked meanwhile, transactions aside."""
        seen: list[str] = []

        def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
            if not statement.startswith(("BEGIN", "COMMIT", "ROLLBACK", "PRAGMA")):
                seen.append(statement)

        fetch, look_up = Frozen.fetch, Door.on_driver

        async def looked_up(self: Door, driver: Any, values: Any) -> Any:
            seen.append(self.text)
            return await look_up(self, driver, values)

        async def noted(self: Frozen, driver: Any, values: Any) -> Any:
            seen.append(self.text)
            return await fetch(self, driver, values)

        engines = self.server_database.engine.sync_engine, self.server_database.writer.sync_engine
        for engine in engines:
            event.listen(engine, "before_cursor_execute", note)
        # What runs on the driver passes SQLAlchemy by.
        Frozen.fetch, Door.on_driver = noted, looked_up  # type: ignore[method-assign]
        try:
            yield seen
        finally:
            Frozen.fetch, Door.on_driver = fetch, look_up  # type: ignore[method-assign]
            for engine in engines:
                event.remove(engine, "before_cursor_execute", note)

    async def person(self, user: User) -> Caller:
        """Signed in, in a session of their own."""

        async def start(session: AsyncSession) -> str:
            return await start_session(session, user.id, id_token=None, now=self.clock(), hours=12)

        secret = await self.database.write(start)
        SECRETS.add(secret)
        return Caller({"Cookie": f"{session_cookie_name(self.settings)}={secret}"})

    async def token(
        self, company: Company, *scopes: str, environment: Environment | None = None, expires_at: datetime | None = None
    ) -> Caller:
        environment = environment or Environment(self.settings.environment)
        made = make_secret(environment)
        row = SpToken(
            company_id=company.id,
            name="A server",
            display_code=made.display_code,
            secret_hash=made.secret_hash,
            environment=environment,
            scopes=sorted(scopes),
            created_at=self.clock(),
            expires_at=expires_at,
        )
        await self.store(row)
        SECRETS.add(made.secret)
        return Caller({"Authorization": f"Bearer {made.secret}"})

    async def gateway(self, name: str = "بوابة المنصة") -> Caller:
        """The portal's own."""
        made = make_gateway_secret()
        async with self.database.writing() as session:
            await add_gateway(session, name, made, now=self.clock())
        SECRETS.add(made.secret)
        return Caller({"Authorization": f"Bearer {made.secret}"})

    async def actor(self, caller: Caller) -> Actor:
        """Whom the server takes the caller for."""
        headers = [(name.lower().encode(), value.encode()) for name, value in caller.headers.items()]
        return await authenticate(HTTPConnection({"type": "http", "headers": headers}), self.server_database, self.settings, self.clock())

    async def store(self, *rows: Any) -> None:
        async with self.database.writing() as session:
            for row in rows:
                session.add(row)
                await session.flush()

    async def fetch(self, statement: Any) -> list[Any]:
        """The statement's rows; of a model, its objects as they are stored now."""
        async with self.database.writing() as session:
            return list((await session.execute(statement)).scalars().all())

    async def close(self) -> None:
        await self.http.aclose()
        if self.sandbox is not None:
            await self.sandbox.state.database.close()
        await self.server_database.close()
        await self.database.close()


@asynccontextmanager
async def portal_on(database_url: str, data_dir: Path, **settings: Any) -> AsyncIterator[Portal]:
    portal = Portal(database_url, data_dir, **{"deadline": PATIENT, **settings})
    try:
        yield portal
    finally:
        await portal.close()
