"""Where races are run: server processes over one database, and callers who send at the same instant by HTTP."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx2
from sqlalchemy import make_url, select, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app.models import Company, Contract, Employment, Event, EventType, Invitation, Job, Project, Role
from tests.portal import Caller, Portal, Reply, StoppedClock, portal_on
from tests.server import server_process
from tests.traces import indiscreet
from tests.world import World, make_world

# Nobody is to be slowed down by limits, nor given up on while the machine is busy.
SETTINGS = {
    "points_a_minute": str(10**9),
    "hires_a_minute": str(10**6),
    "deadline": "60",
    "remembered_seconds": "0",
    "secret_key": "0" * 64,
    "slot_key": "0" * 64,
    "database_pool_size": "8",
}
SCOPES = (
    *("INVITATIONS_READ", "INVITATIONS_DECIDE", "CONTRACTS_READ", "CONTRACTS_WRITE", "PROJECTS_READ", "PROJECTS_WRITE", "PROJECTS_DELETE"),
    *("JOBS_WRITE", "TELEWORKERS_READ", "TELEWORKERS_WRITE"),
)
_MADE = {
    EventType.INVITATION_RECEIVED,
    EventType.CONTRACT_CREATED,
    EventType.PROJECT_CREATED,
    EventType.JOB_ADDED,
    EventType.TELEWORKER_HIRED,
}
# What a later request notes of what the clock did: nobody changed the row.
_NOTED = {EventType.INVITATION_EXPIRED, EventType.CONTRACT_ACTIVATED, EventType.CONTRACT_EXPIRED}
_TRIES = 30
DONE = "done"


@dataclass(frozen=True)
class Place:
    """A database and how many server processes run over it."""

    backend: str
    servers: int

    def __str__(self) -> str:
        return f"{self.backend}-{self.servers}"


PLACES = (Place("sqlite", 1), Place("sqlite", 2), Place("postgresql", 2))


@dataclass(frozen=True)
class Call:
    """One mutation that somebody sends. `label` is what it is counted under; None: the mutation's name."""

    mutation: str
    caller: Caller
    input: dict[str, Any]
    label: str | None = None
    show: str = ""

    @property
    def body(self) -> bytes:
        kind = f"{self.mutation[0].upper()}{self.mutation[1:]}Input"
        query = f"mutation($input: {kind}!) {{ {self.mutation}(input: $input) {{ {self.show} userErrors {{ code path message }} }} }}"
        return json.dumps({"query": query, "variables": {"input": self.input}}).encode()


class Answer(NamedTuple):
    call: Call
    reply: Reply

    @property
    def outcome(self) -> str:
        return " ".join(self.reply.codes) or DONE

    @property
    def shown(self) -> Any:
        return self.reply.data[self.call.mutation]


@dataclass
class Outcomes:
    answers: list[Answer]
    counts: dict[str, Counter[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for answer in self.answers:
            self.counts.setdefault(answer.call.label or answer.call.mutation, Counter())[answer.outcome] += 1

    def __getitem__(self, label: str) -> Counter[str]:
        return self.counts[label]

    @property
    def done(self) -> list[Answer]:
        return [answer for answer in self.answers if answer.outcome == DONE]

    def __str__(self) -> str:
        told = (
            f"{label}: " + ", ".join(f"{count} {code}" for code, count in sorted(found.items())) for label, found in self.counts.items()
        )
        return "; ".join(told)


@dataclass
class Field:
    """portal    the rows, behind the servers' backs; no request goes to it
    addresses    of the server processes; callers are spread over them
    unavailable  how many answers said "try again", and were
    """

    place: Place
    portal: Portal
    addresses: list[str]
    callers: int
    pick: Random
    told: list[str] = field(default_factory=list)
    unavailable: int = 0

    async def deadlocks(self) -> int:
        """That PostgreSQL has broken up so far."""
        if self.place.backend == "sqlite":
            return 0
        counted = text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int((await self.portal.fetch(counted))[0])

    async def world(self) -> World:
        """Companies of its own for each race."""
        self.portal.clock.now = datetime.now(UTC)
        return await make_world(self.portal)

    async def crowd(self, world: World) -> Iterator[Caller]:
        """Who act for `north`, one after another: its owner in two browsers, an admin, a server."""
        people = [await world.person(), await world.person(), await world.person(Role.ADMIN)]
        return cycle([*people, await self.portal.token(world.north, *SCOPES)])

    async def race(self, world: World, *groups: Sequence[Call]) -> Outcomes:
        """All of the calls at the same instant, in a random order; the logs of both companies are watched meanwhile."""
        calls = [call for group in groups for call in group]
        self.pick.shuffle(calls)
        async with self._watched([world.north, world.south]):
            answers = await self._send(calls)
        outcomes = Outcomes(answers)
        self.told.append(str(outcomes))
        unexpected = [answer for answer in answers if answer.outcome in ("INTERNAL", "UNAUTHENTICATED", "DEADLINE_EXCEEDED")]
        assert not unexpected, [(answer.call, answer.reply.body) for answer in unexpected[:3]]
        await check_log(world)
        return outcomes

    async def _send(self, calls: Sequence[Call]) -> list[Answer]:
        addresses = cycle(self.addresses)
        sent = [(call, next(addresses)) for call in calls]
        async with AsyncExitStack() as stack:
            # Connected first, then written to without a pause between.
            lines = [await stack.enter_async_context(_Line.to(address)) for _, address in sent]
            for line, (call, _) in zip(lines, sent, strict=True):
                line.write(call)
            replies = await asyncio.gather(*(line.read() for line in lines))
        return [Answer(call, await self._insist(call, address, reply)) for (call, address), reply in zip(sent, replies, strict=True)]

    async def _insist(self, call: Call, address: str, reply: Reply) -> Reply:
        """As a client does whom the server tells that the same may succeed later."""
        for _ in range(_TRIES):
            if reply.codes != ["UNAVAILABLE"]:
                break
            self.unavailable += 1
            async with _Line.to(address) as line:
                line.write(call)
                reply = await line.read()
        return reply

    @asynccontextmanager
    async def _watched(self, companies: list[Company]) -> AsyncIterator[None]:
        """Whoever reads a log at any moment sees 1 to n, and what they saw before unchanged: so numbers are given in commit order."""
        over = asyncio.Event()

        async def watch(company: Company) -> None:
            seen: list[Any] = []
            log = select(Event.sequence, Event.id).where(Event.company_id == company.id).order_by(Event.sequence)
            while not over.is_set():
                async with self.portal.database.reading(snapshot=False) as connection:
                    now = [tuple(row) for row in await connection.execute(log)]
                assert now[: len(seen)] == seen
                assert [number for number, _ in now] == list(range(1, len(now) + 1))
                seen = now
                await asyncio.sleep(0.02)

        watchers = [asyncio.create_task(watch(company)) for company in companies]
        try:
            yield
        finally:
            over.set()
            await asyncio.gather(*watchers)


@dataclass
class _Line:
    """One connection, for one request."""

    address: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    @asynccontextmanager
    async def to(cls, address: str) -> AsyncIterator[_Line]:
        parts = urlsplit(address)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            yield cls(address, reader, writer)
        finally:
            writer.close()

    def write(self, call: Call) -> None:
        headers = {
            "Host": urlsplit(self.address).netloc,
            "Content-Type": "application/json",
            "Content-Length": str(len(call.body)),
            "Accept": "application/graphql-response+json",
            "Accept-Language": "en",
            "Connection": "close",
            **call.caller.headers,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.writer.write(f"POST /graphql HTTP/1.1\r\n{head}\r\n".encode() + call.body)

    async def read(self) -> Reply:
        head, _, body = (await self.reader.read(-1)).partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        headers = httpx2.Headers({name: value for name, _, value in (line.partition(": ") for line in lines)})
        reply = Reply(int(status.split()[1]), json.loads(body), headers, [])
        assert indiscreet(json.dumps(reply.errors, ensure_ascii=False)) == []
        return reply


async def check_log(world: World) -> None:
    """Gapless, ends where the company says; each change of a versioned row has its one event, and each that was made has one too."""
    fetch = world.portal.fetch
    for company in (world.north, world.south):
        # In one statement, as people may still be coming in.
        log = select(Company.last_event, Event.sequence).outerjoin(Event, Event.company_id == Company.id).where(Company.id == company.id)
        async with world.portal.database.writing() as session:
            entries = (await session.execute(log.order_by(Event.sequence))).all()
        assert [number for _, number in entries if number] == list(range(1, entries[0][0] + 1))
        events: list[Event] = await fetch(select(Event).where(Event.company_id == company.id))
        of = Counter((event.subject_id, event.type in _MADE) for event in events if event.type not in _NOTED)
        for model in (Invitation, Contract, Project, Job, Employment):
            rows: list[Any] = await fetch(select(model).where(model.company_id == company.id))
            for row in rows:
                assert of[row.id, False] == row.version - 1, (row, row.version, of[row.id, False])
                assert of[row.id, True] <= 1


@asynccontextmanager
async def servers(place: Place, folder: Path, url: str) -> AsyncIterator[list[str]]:
    """The addresses of so many `telework serve`, which share nothing but the database and the key."""
    if place.backend == "postgresql":
        await _look_for_deadlocks_soon(url)
    made = [server_process(folder / f"server{n}", url, **SETTINGS) for n in range(place.servers)]
    # Each takes a second or two to start, and to stop.
    started = await asyncio.gather(*(asyncio.to_thread(each.__enter__) for each in made), return_exceptions=True)
    running = [(each, server) for each, server in zip(made, started, strict=True) if not isinstance(server, BaseException)]
    try:
        if len(running) < len(made):
            raise RuntimeError(str(started))
        yield [server.url for _, server in running]
    finally:
        await asyncio.gather(*(asyncio.to_thread(each.__exit__, None, None, None) for each, _ in running))


async def _look_for_deadlocks_soon(url: str) -> None:
    """After 0.2 s, not 1: those who queue behind a deadlock are not to run out of patience. For connections that are still to be made."""
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.exec_driver_sql(f"ALTER DATABASE \"{make_url(url).database}\" SET deadlock_timeout = '200ms'")


@asynccontextmanager
async def field_on(place: Place, folder: Path, url: str, addresses: list[str], callers: int, seed: int = 0) -> AsyncIterator[Field]:
    async with portal_on(url, folder, clock=StoppedClock(datetime.now(UTC))) as portal:
        yield Field(place, portal, addresses, callers, Random(seed))
