"""Fixtures: each test has a database of its own, made from a template, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TextIO, cast

import pytest

from app.database import Database
from app.logs import configure_logs
from app.operations.demo.seed import seed_demo
from app.operations.migrate import migrate
from app.settings import Settings
from tests.databases import drop_database, fresh_database, postgresql
from tests.portal import NOW, Portal, portal_on
from tests.server import DemoServer
from tests.server import demo_server as running_demo
from tests.traces import Written, indiscreet
from tests.world import World, known_world, make_world

BACKENDS = ("sqlite", "postgresql")


class Templates:
    """Databases made once, since copies cost a twentieth of a second.

    `blank` holds reference data alone, `world` the companies of `make_world` as well, `demo` the whole demo.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._server = postgresql()
        self._server_url: str | None = None
        self._made: dict[tuple[str, str], str] = {}
        self._copies = 0

    @property
    def server_url(self) -> str:
        if self._server_url is None:
            self._server_url = self._server.__enter__()
        return self._server_url

    def close(self) -> None:
        if self._server_url is not None:
            self._server.__exit__(None, None, None)

    def copy(self, backend: str, kind: str) -> tuple[str, Path]:
        """A fresh database's address and its folder of documents."""
        if (backend, kind) not in self._made:
            self._made[backend, kind] = self._make(backend, kind)
        template, self._copies = self._made[backend, kind], self._copies + 1
        data = self.folder / f"copy{self._copies}"
        data.mkdir()
        documents = self.folder / f"{backend}-{kind}" / "documents"
        if kind == "demo" and documents.exists():
            (data / "documents").symlink_to(documents)
        if backend == "postgresql":
            return fresh_database(self.server_url, template=template), data
        shutil.copy(template.removeprefix("sqlite+aiosqlite:///"), data / "copy.db")
        return f"sqlite+aiosqlite:///{data}/copy.db", data

    def drop(self, url: str) -> None:
        if url.startswith("postgresql"):
            drop_database(self.server_url, url)

    def _make(self, backend: str, kind: str) -> str:
        data = self.folder / f"{backend}-{kind}"
        data.mkdir()
        url = fresh_database(self.server_url) if backend == "postgresql" else f"sqlite+aiosqlite:///{data}/template.db"

        async def make() -> None:
            await migrate(url, in_sandbox=kind == "sandbox")
            if kind == "demo":
                database = Database(Settings(database_url=url))
                await seed_demo(database, now=NOW, data_dir=data)
                await database.close()
            if kind == "world":
                async with portal_on(url, data) as portal:
                    await make_world(portal)

        asyncio.run(make())
        return url


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Templates]:
    made = Templates(tmp_path_factory.mktemp("databases"))
    yield made
    made.close()


@pytest.fixture(scope="session")
def written() -> Written:
    """The log, as a server writes it."""
    made = Written()
    configure_logs(file=cast("TextIO", made))
    return made


@pytest.fixture(autouse=True)
def discreet_log(written: Written) -> Iterator[None]:
    """Whatever a test has the server log holds no secret."""
    yield
    assert indiscreet(written.taken()) == []


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def portal(request: pytest.FixtureRequest, backend: str, templates: Templates) -> AsyncIterator[Portal]:
    """The server over a database that holds reference data alone; the world, too, for those who ask for it."""
    url, data = await asyncio.to_thread(templates.copy, backend, "world" if "world" in request.fixturenames else "blank")
    async with portal_on(url, data) as made:
        yield made
    templates.drop(url)


@pytest.fixture
async def demo(backend: str, templates: Templates) -> AsyncIterator[Portal]:
    """The server over the demo's data."""
    url, data = await asyncio.to_thread(templates.copy, backend, "demo")
    async with portal_on(url, data) as made:
        yield made
    templates.drop(url)


@pytest.fixture
async def world(portal: Portal) -> World:
    return await known_world(portal)


@pytest.fixture(scope="session")
def demo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoServer]:
    """The demo in a process of its own, on SQLite, as a browser meets it."""
    with running_demo(tmp_path_factory.mktemp("demo")) as running:
        yield running
