"""Row-level security behind PgBouncer in transaction mode: `PGBOUNCER=/path/to/pgbouncer python -m tests.isolation.pgbouncer [REQUESTS]`.

A command, not a test: PgBouncer must be 1.21 or newer, which Debian 12 does not have. It lends two connections to PostgreSQL to two
servers' pools. They ask at once as two companies and as nobody: single statements, snapshots, transactions that write, statements that
fail, callers who hang up. Then whole requests, and the isolation test's crawl. What is told are counts, and each thing that is wrong.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import structlog
from sqlalchemy import make_url, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.database import SESSION, Database, assume, driver_of
from app.models import Job
from app.models.base import uuid7
from app.scope import APP_ROLE, NOBODY, Scope, Unrestricted
from app.settings import Settings
from app.web.application import create_app
from tests.conftest import Templates
from tests.databases import _Account, _account, _home
from tests.isolation.cost import QUERIES
from tests.isolation.crawl import SETTINGS, Crawl
from tests.isolation.twins import Tenant, Twins, make_twins
from tests.portal import Caller, Portal, portal_on

CLIENTS = 24
LOGIN, OWNER = "telework_web", "postgres"
# PgBouncer passes time zone and date style on; the others it drops, so that the login has them instead.
KEPT = {name: value for name, value in SESSION.items() if name not in ("timezone", "datestyle")}
IGNORED = ", ".join(["role", *KEPT])
INI = """
[databases]
* = host={host} port={port}
[pgbouncer]
listen_addr =
unix_socket_dir = {home}
pidfile = {home}/data/postmaster.pid
listen_port = 6432
auth_type = trust
auth_file = {home}/users
pool_mode = transaction
default_pool_size = 2
server_lifetime = 1
{rest}
"""
SETTINGS_THAT_SERVE = {"max_prepared_statements": "200", "ignore_startup_parameters": IGNORED}


class Bouncer:
    def __init__(self, home: Path, database_url: str) -> None:
        self.home, self._url = home, make_url(database_url)

    def address(self, user: str = LOGIN) -> str:
        there = self._url.set(username=user, query={"host": str(self.home), "port": "6432"})
        return there.render_as_string(hide_password=False)


def _start(binary: str, home: Path, account: _Account) -> subprocess.Popen[bytes]:
    switch: Any = {} if account.uid is None else {"user": account.uid, "group": account.gid, "extra_groups": []}
    with (home / "log").open("w") as log:
        return subprocess.Popen([binary, home / "pgbouncer.ini"], stdout=log, stderr=log, stdin=subprocess.DEVNULL, **switch)


@asynccontextmanager
async def bouncer(binary: str, database_url: str, **settings: str) -> AsyncIterator[Bouncer]:
    """PgBouncer in front of the database, with two server connections to lend."""
    url, account = make_url(database_url), _account()
    with _home() as (home, _):
        rest = "\n".join(f"{name} = {value}" for name, value in settings.items())
        (home / "data").mkdir()
        account.own(home / "data")  # the process id where the home's guard looks for it, should we end before
        (home / "users").write_text("".join(f'"{user}" ""\n' for user in (LOGIN, OWNER)))
        ini = INI.format(host=url.query["host"], port=url.query["port"], home=home, rest=rest)
        (home / "pgbouncer.ini").write_text(ini)
        running = _start(binary, home, account)
        try:
            for _ in range(200):
                if (home / ".s.PGSQL.6432").exists():
                    break
                if running.poll() is not None:
                    raise RuntimeError((home / "log").read_text())
                await asyncio.sleep(0.02)
            yield Bouncer(home, database_url)
        finally:
            running.kill()  # from 1.23 on SIGTERM waits for its clients
            running.wait()
            (home / "data" / "postmaster.pid").unlink(missing_ok=True)


@dataclass
class Round:
    """What is asked of two servers' pools behind one PgBouncer."""

    database_url: str
    rows: dict[Scope, frozenset[UUID]]  # the jobs that each scope may see
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    async def run(self, made: Bouncer, asks: int) -> None:
        settings = Settings(database_url=made.address(), database_pool_size=8)
        databases = [Database(settings, restricted=True) for _ in range(2)]
        chance = random.Random(5)
        kinds = [self._single, self._snapshot, self._write, self._intrude, self._refused, self._failed, self._hang_up]

        async def client(number: int) -> None:
            for turn in range(asks // CLIENTS):
                kind = chance.choices(kinds, [8, 4, 4, 1, 1, 1, 3])[0]
                scope = chance.choice([*self.rows])
                self.counts[kind.__name__.strip("_")] += 1
                try:
                    await kind(databases[(number + turn) % 2], scope, chance)
                except Exception as error:
                    self.wrong.append(f"{kind.__name__}: {type(error).__name__}: {str(error)[:200]}")

        await asyncio.gather(*(client(number) for number in range(CLIENTS)))
        for database in databases:
            async with database.reading(snapshot=False) as connection:
                for name, value in SESSION.items():
                    seen = await driver_of(connection).fetchval("SELECT current_setting($1)", name)
                    self.wrong += [] if seen.split(",")[0] == value else [f"{name} is {seen}"]
        await self._idle()
        for database in databases:
            await database.close()

    def _compare(self, what: str, scope: Scope, seen: Any) -> None:
        if frozenset(seen) != self.rows[scope] or len(list(seen)) != len(self.rows[scope]):
            self.wrong.append(f"{what}: {len(seen)} rows where {len(self.rows[scope])} are the caller's")

    async def _single(self, database: Database, scope: Scope, chance: random.Random) -> None:
        async with database.reading(scope, snapshot=False) as connection:
            for _ in range(chance.randint(1, 3)):
                # Many texts, so that statements are prepared and forgotten all the time.
                seen = await driver_of(connection).fetch(f"SELECT id, {chance.randrange(60)} FROM jobs WHERE vacancies > $1", -1)
                self._compare("single", scope, [row[0] for row in seen])

    async def _snapshot(self, database: Database, scope: Scope, chance: random.Random) -> None:
        async with database.reading(scope) as connection:
            seen = [row[0] for row in await driver_of(connection).fetch(f"SELECT id, {chance.randrange(60)} FROM jobs")]
            self._compare("snapshot", scope, seen)
            self._compare("snapshot", scope, (await connection.execute(select(Job.id))).scalars().all())

    async def _write(self, database: Database, scope: Scope, chance: random.Random) -> None:
        other = chance.choice([*self.rows])

        async def work(session: AsyncSession) -> None:
            changed = await session.execute(update(Job).values(vacancies=chance.randint(1, 9)).returning(Job.id))
            self._compare("write", scope, changed.scalars().all())
            await assume(session, other)
            self._compare("assumed", other, (await session.scalars(select(Job.id))).all())

        await database.write(work, scope)

    async def _intrude(self, database: Database, scope: Scope, chance: random.Random) -> None:
        """Gives one's jobs to somebody else; who has none changes nothing."""
        try:
            async with database.writing(scope) as session:
                await session.execute(update(Job).values(company_id=uuid7()))
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) == "42501" and self.rows[scope]:
                return
            raise
        if self.rows[scope]:
            self.wrong.append("intrude: written into another's rows")

    async def _refused(self, database: Database, scope: Scope, chance: random.Random) -> None:
        """The driver refuses an argument: only the scope was sent."""
        async with database.reading(scope, snapshot=chance.random() < 0.5) as connection:
            try:
                await driver_of(connection).fetch("SELECT id FROM jobs WHERE id = $1", "no uuid")
            except asyncpg.DataError:
                self._compare("after a refusal", scope, [row[0] for row in await driver_of(connection).fetch("SELECT id FROM jobs")])

    async def _failed(self, database: Database, scope: Scope, chance: random.Random) -> None:
        async with database.reading(scope, snapshot=False) as connection:
            try:
                await driver_of(connection).fetchval(f"SELECT {chance.randrange(60)} / (SELECT count(*) * 0 FROM jobs)")
            except asyncpg.DivisionByZeroError:
                self._compare("after a failure", scope, [row[0] for row in await driver_of(connection).fetch("SELECT id FROM jobs")])

    async def _hang_up(self, database: Database, scope: Scope, chance: random.Random) -> None:
        """Gone at any moment: while a connection is awaited, a statement is prepared, runs, or is answered."""

        async def ask() -> None:
            async with database.reading(scope, snapshot=chance.random() < 0.5) as connection:
                seen = await driver_of(connection).fetch(
                    f"SELECT id, {chance.randrange(60)} FROM jobs, pg_sleep($1)", chance.random() / 100
                )
                self._compare("in time", scope, [row[0] for row in seen])

        with suppress(TimeoutError):
            await asyncio.wait_for(ask(), chance.random() / 50)

    async def _idle(self) -> None:
        """When nobody asks, no connection to PostgreSQL may be kept from the others."""
        await asyncio.sleep(0.3)
        url = make_url(self.database_url)
        direct = await asyncpg.connect(host=url.query["host"], port=int(str(url.query["port"])), user=OWNER, database=url.database)
        states = "SELECT state, left(query, 80) FROM pg_stat_activity WHERE usename = $1"
        found = await direct.fetch(states, LOGIN)
        await direct.close()
        self.counts["connections to PostgreSQL"] = len(found)
        self.wrong += [f"left behind: {state}, {query}" for state, query in found if state != "idle"]


async def requests(twins: Twins, direct: Portal, asks: int) -> tuple[Counter[str], list[str]]:
    """Whole requests of both tenants at once: each answer as the server gives it without PgBouncer."""
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    north, south = twins.north, twins.south
    callers = [(tenant, caller) for tenant in (north, south) for caller in (tenant.owner, tenant.token)]

    async def ask(portal: Portal, tenant: Tenant, caller: Caller, query: str) -> str:
        body = {"query": query, "variables": {"id": tenant.first("Job").public_id} if "$id" in query else {}}
        return (await portal.http.post("/graphql", json=body, headers=caller.headers)).text

    expected = {
        (tenant.mark, number, query): await ask(direct, tenant, caller, query)
        for number, (tenant, caller) in enumerate(callers)
        for query in QUERIES.values()
    }
    page = QUERIES["50 rows and a relation"]
    wrong += [f"nothing to compare with: {key}" for key, told in expected.items() if key[2] == page and key[0] not in told]
    gate = asyncio.Semaphore(CLIENTS)

    async def one(turn: int) -> None:
        number, name = turn % len(callers), [*QUERIES][turn // len(callers) % len(QUERIES)]
        tenant, caller = callers[number]
        async with gate:
            told = await ask(twins.portal, tenant, caller, QUERIES[name])
        counts[name] += 1
        if told != expected[tenant.mark, number, QUERIES[name]]:
            wrong.append(f"{name}, {tenant.mark}: {told[:200]}")

    await asyncio.gather(*(one(turn) for turn in range(asks)))
    return counts, wrong


def tell(name: str, counts: Counter[str], wrong: list[str], began: float) -> bool:
    told = ", ".join(f"{many} {what}" for what, many in sorted(counts.items()))
    print(f"{name}: {told}; {len(wrong)} wrong; {time.monotonic() - began:.0f} s")
    for what, many in Counter(wrong).most_common(10):
        print(f"    {many} x {what}")
    return not wrong


async def refuses(database_url: str) -> str | None:
    """What the server says to such a database as it starts; None where it starts."""
    app = create_app(Settings(database_url=database_url))
    try:
        async with app.router.lifespan_context(app):
            return None
    except Unrestricted as error:
        await app.state.database.close()
        return str(error)


async def main(templates: Templates, binary: str, asks: int) -> bool:
    url, data = await asyncio.to_thread(templates.copy, "postgresql", "blank")
    good = True
    async with portal_on(url, data, **SETTINGS) as direct:
        twins = await make_twins(direct)
        async with direct.database.engine.connect() as connection:
            await driver_of(connection).execute(f"CREATE ROLE {LOGIN} LOGIN IN ROLE {APP_ROLE}")
            for name, value in KEPT.items():
                await driver_of(connection).execute(f"ALTER ROLE {LOGIN} SET {name} = '{value}'")
        keys = [tenant.company.id for tenant in (twins.north, twins.south)]
        of_company = [(Scope(key), select(Job.id).where(Job.company_id == key)) for key in keys]
        rows = {scope: frozenset(await direct.fetch(jobs)) for scope, jobs in of_company} | {NOBODY: frozenset[UUID]()}
        print(f"two connections to PostgreSQL; jobs of each scope: {[len(each) for each in rows.values()]}")
        for kept in ("200", "2"):
            began = time.monotonic()
            async with bouncer(binary, url, **{**SETTINGS_THAT_SERVE, "max_prepared_statements": kept}) as made:
                asked = Round(url, rows)
                await asked.run(made, asks)
            good &= tell(f"max_prepared_statements {kept}", asked.counts, asked.wrong, began)
        async with (
            bouncer(binary, url, **SETTINGS_THAT_SERVE) as made,
            portal_on(made.address(), data, clock=direct.clock, **SETTINGS) as pooled,
        ):
            await pooled.database.close()
            pooled.database = direct.database
            through = replace(twins, portal=pooled)
            began = time.monotonic()
            good &= tell("requests", *await requests(through, direct, asks), began)
            began = time.monotonic()
            found = await Crawl(through).run()
            good &= tell(f"crawl ({found})", Counter(), found.leaks, began)
        for user, kept in ((LOGIN, "200"), (OWNER, "200"), (LOGIN, "0")):
            async with bouncer(binary, url, **{**SETTINGS_THAT_SERVE, "max_prepared_statements": kept}) as made:
                refusal = await refuses(made.address(user))
            good &= (refusal is None) is (user == LOGIN and kept != "0")
            print(f"as {user}, max_prepared_statements {kept}: {'starts' if refusal is None else f'does not start: {refusal}'}")
    return good


def own_names() -> None:
    """Each connection numbers its statements from 1, as if in a process of its own: different texts come under one name."""
    numbers: dict[int, Iterator[int]] = {}

    def name(self: Any, prefix: str) -> str:
        return f"__asyncpg_{prefix}_{next(numbers.setdefault(id(self), itertools.count(1)))}__"

    asyncpg.Connection._get_unique_id = name


if __name__ == "__main__":
    found = os.environ.get("PGBOUNCER") or shutil.which("pgbouncer")
    if found is None:
        sys.exit("no pgbouncer: set PGBOUNCER to its path")
    print(subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0])
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    own_names()
    with tempfile.TemporaryDirectory() as folder:
        made = Templates(Path(folder))
        try:
            well = asyncio.run(main(made, found, int(sys.argv[1]) if len(sys.argv) > 1 else 2000))
        finally:
            made.close()
    sys.exit(not well)
