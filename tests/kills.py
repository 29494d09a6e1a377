"""kill -9 of the server at random moments, under writers who repeat with their keys whatever was not answered.

    python -m tests.kills [ROUNDS] [--backend sqlite|postgresql] [--deed reports|jobs] [--seed N] [--resume]

A round: `telework serve` over a database that outlives it, 16 writers in four companies, the kill. Then, in the database: what was answered
is there exactly once, what was not at most once; what a round left unanswered the next one begins by repeating, and it must be told
what the row says. Event logs are gapless, and hold as many entries as there are changes. At the end nothing is unanswered, and all is there
exactly once. `--resume` goes on where a run of that seed stopped (its position is kept in .data/); each run has a database of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import signal
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import httpx2
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.cli import serve
from app.clock import system_clock, week_start
from app.database import Database
from app.models import Company, Event, Job, ProjectKind, ReportLine, ReportLineVersion, ReportSubmission
from app.settings import Settings
from tests.conftest import BACKENDS, Templates
from tests.portal import Caller, portal_on
from tests.server import ROOT, free_port
from tests.world import World, make_world

WRITERS, COMPANIES = 16, 4
PATIENCE = 60.0  # seconds that a writer repeats for
_AGAIN = {409, 429, 503}


class Deed(Protocol):
    """What the writers do. Each is known by a name that it leaves in the database."""

    scopes: tuple[str, ...]
    document: str

    async def prepare(self, world: World, companies: list[Company]) -> None: ...

    def input(self, writer: int, name: str) -> dict[str, Any]: ...

    def told(self, payload: Any) -> str:
        """The id that the answer tells."""

    def found(self) -> Any:
        """Selects name and key of each that is there."""

    async def wrong(self, session: AsyncSession) -> list[str]:
        """What else does not agree."""


class AddJob:
    scopes: tuple[str, ...] = ("JOBS_WRITE", "PROJECTS_READ")
    document = "mutation($input: AddJobInput!) { payload: addJob(input: $input) { job { id } userErrors { code } } }"

    async def prepare(self, world: World, companies: list[Company]) -> None:
        self.projects = [(await world.project(company)).public_id for company in companies]

    def input(self, writer: int, name: str) -> dict[str, Any]:
        project = self.projects[writer % COMPANIES]
        return {"projectId": project, "titleAr": name, "vacancies": 1, "employmentType": "FULL_TIME", "weeklyHours": 40}

    def told(self, payload: Any) -> str:
        return str(payload["job"]["id"])

    def found(self) -> Any:
        return select(Job.title_ar, Job.id)

    async def wrong(self, session: AsyncSession) -> list[str]:
        return []


class Report:
    """Each writer corrects the line of one person, in the report that its company's other writers correct, too."""

    scopes: tuple[str, ...] = ("REPORTS_READ", "REPORTS_WRITE")
    document = """mutation($input: SubmitWeeklyReportInput!) { payload: submitWeeklyReport(input: $input) {
        submission { id } lineResults { accepted } userErrors { code } } }"""

    async def prepare(self, world: World, companies: list[Company]) -> None:
        self.week = week_start(world.today) - timedelta(days=7)
        self.people = []
        jobs = [await world.job(await world.project(company, kind=ProjectKind.OWN), vacancies=9) for company in companies]
        for writer in range(WRITERS):
            company = companies[writer % COMPANIES]
            person = await world.teleworker(company)
            await world.employment(jobs[writer % COMPANIES], teleworker=person, starts_on=self.week - timedelta(days=30))
            self.people.append((f"{company.labor_office_id}-{company.sequence_number}", person.national_id))

    def input(self, writer: int, name: str) -> dict[str, Any]:
        number, national_id = self.people[writer]
        counts = {"loginCount": 5, "logoutCount": 5, "assignedTasks": 1, "completedTasks": 1, "totalWorkMinutes": 2400, "note": name}
        line = {"establishmentNumber": number, "nationalId": national_id, "activityLevel": "80", **counts}
        return {"weekStart": self.week.isoformat(), "lines": [line], "reason": name}

    def told(self, payload: Any) -> str:
        return str(payload["submission"]["id"])

    def found(self) -> Any:
        return select(ReportSubmission.reason, ReportSubmission.id)

    async def wrong(self, session: AsyncSession) -> list[str]:
        """Revisions are gapless, and each line is what some submission said, all before it among the versions."""
        made, line, version = ReportSubmission, ReportLine, ReportLineVersion
        revisions = select(made.week_id, func.count(), func.count(made.revision.distinct()), func.max(made.revision)).group_by(made.week_id)
        weeks = [tuple(week) for week in await session.execute(revisions)]
        found = [f"revisions of {week}" for week in weeks if len(set(week[1:])) != 1]
        [submissions] = (await session.execute(select(func.count()).select_from(made))).one()
        notes = [note for model in (line, version) for note in (await session.scalars(select(model.note))).all()]
        return [*found, *([] if len(set(notes)) == len(notes) == submissions else [f"{len(notes)} notes of {submissions} submissions"])]


DEEDS: dict[str, Callable[[], Deed]] = {"jobs": AddJob, "reports": Report}


@dataclass
class Tally:
    """What all rounds came to. `replayed`: of those repeated, how many had been done before the kill."""

    rounds: int = 0
    done: int = 0
    repeated: int = 0
    replayed: int = 0
    waited: int = 0  # answers that say that the same may succeed later
    wrong: list[str] = field(default_factory=list)

    def told(self) -> str:
        return (
            f"{self.rounds} rounds, {self.done} changes, each there once; {self.repeated} unanswered and repeated, of which "
            f"{self.replayed} had been done; {self.waited} times told to wait; {len(self.wrong)} wrong"
        )


class Siege:
    """One database, and what its writers know."""

    def __init__(self, deed: Deed, url: str, pick: random.Random, tally: Tally) -> None:
        self.deed, self.url, self.pick, self.tally = deed, url, pick, tally
        self.callers: list[Caller] = []
        self.answered: dict[str, str] = {}  # name -> the id that was told
        self.open: dict[int, str] = {}  # writer -> the name that was not answered
        self.count = self.answers = self.wanted = 0
        self.enough = asyncio.Event()  # answers, for the kill

    async def prepare(self, data: Path) -> None:
        async with portal_on(self.url, data) as portal:
            portal.clock.now = system_clock()
            world = await make_world(portal)
            companies = [world.north, world.south]
            companies += [await world.company(f"شركة {number}", f"Company {number}") for number in range(COMPANIES - 2)]
            await self.deed.prepare(world, companies)
            self.callers = [await portal.token(companies[writer % COMPANIES], *self.deed.scopes) for writer in range(WRITERS)]
            self.before = {company.id: company.last_event for company in companies}

    async def write(self, url: str, writer: int, *, only_repeat: bool = False) -> None:
        """Repeats what is unanswered, then goes on with what is new until the connection fails."""
        async with httpx2.AsyncClient(base_url=url, timeout=PATIENCE, headers=self.callers[writer].headers) as http:
            while True:
                repeats = writer in self.open
                if only_repeat and not repeats:
                    return
                if not repeats:
                    self.count += 1
                    self.open[writer] = f"{self.count}-{uuid4().hex}"
                name = self.open[writer]
                body = {"query": self.deed.document, "variables": {"input": self.deed.input(writer, name)}}
                try:
                    response = await http.post("/graphql", json=body, headers={"Idempotency-Key": name})
                except httpx2.TransportError:
                    return
                if response.status_code in _AGAIN or any(error["extensions"]["retryable"] for error in response.json().get("errors", [])):
                    self.tally.waited += 1
                    await asyncio.sleep(0.05)
                    continue
                self._answered(writer, name, response, repeats=repeats)

    def _answered(self, writer: int, name: str, response: httpx2.Response, *, repeats: bool) -> None:
        payload = (response.json().get("data") or {}).get("payload")
        if not payload or payload["userErrors"]:
            self.tally.wrong.append(f"{name}: {response.status_code} {response.text[:300]}")
        else:
            self.answered[name] = self.deed.told(payload)
        del self.open[writer]
        self.answers += 1
        if self.answers >= self.wanted:
            self.enough.set()
        self.tally.done += 1
        self.tally.repeated += repeats
        self.tally.replayed += "idempotency-replayed" in response.headers

    async def look(self) -> None:
        """What the database holds against what the writers know."""
        database = Database(Settings(database_url=self.url))
        try:
            async with database.writing() as session:
                found = [(name, key) for name, key in (await session.execute(self.deed.found())).all() if "-" in name]
                logs = (
                    await session.execute(
                        select(Company.id, Company.last_event, func.count(Event.id), func.min(Event.sequence), func.max(Event.sequence))
                        .outerjoin(Event, Event.company_id == Company.id)
                        .group_by(Company.id, Company.last_event)
                    )
                ).all()
                wrong = await self.deed.wrong(session)
        finally:
            await database.close()
        times = Counter(name for name, _ in found)
        keys = {name: key.hex for name, key in found}
        known = {*self.answered, *self.open.values()}
        wrong += [f"{name}: {times[name]} times" for name in self.answered if times[name] != 1]
        wrong += [f"{name}: {count} times" for name, count in times.items() if count > 1 or name not in known]
        wrong += [f"{name}: told {told}" for name, told in self.answered.items() if name in keys and keys[name] not in told]
        wrong += [f"log of {log}" for log in logs if log[1] != log[2] or (log[2] and (log[3], log[4]) != (1, log[1]))]
        entries = sum(log[1] for log in logs) - sum(self.before.values())
        if entries != len(times):
            wrong.append(f"{entries} entries of {len(times)} changes")
        self.tally.wrong += wrong


_fork = multiprocessing.get_context("forkserver")
_fork.set_forkserver_preload(["app.cli"])  # importing it takes as long as a round


def _serve(environment: dict[str, str], port: int, log: Path) -> None:
    with log.open("a") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    os.environ.update(environment)
    serve(port=port)


@contextmanager
def served(url: str, folder: Path) -> Iterator[tuple[str, int]]:
    """`telework serve` in a process of its own, over a migrated database: its address and its process id. Killed in the end."""
    folder.mkdir(parents=True, exist_ok=True)
    port, log = free_port(), folder / "server.log"
    settings = {"DATABASE_URL": url, "DATA_DIR": str(folder), "PUBLIC_URL": f"http://127.0.0.1:{port}", "POINTS_A_MINUTE": "100000000"}
    process = _fork.Process(target=_serve, args=({f"TELEWORK_{name}": value for name, value in settings.items()}, port, log), daemon=True)
    process.start()
    try:
        for _ in range(1200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if not process.is_alive():
                raise RuntimeError(f"the server did not start: {log.read_text()[-2000:]}")
            time.sleep(0.05)
        assert process.pid is not None
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.kill()
        process.join(20)


async def rounds(siege: Siege, folder: Path, number: int, save: Any = None) -> None:
    """So many kills, and one more start, to answer whatever is left."""
    for last in [False] * number + [True]:
        with served(siege.url, folder) as (address, pid):
            writing = [asyncio.create_task(siege.write(address, writer, only_repeat=last)) for writer in range(WRITERS)]
            if last:
                await asyncio.gather(*writing)
                if siege.open:
                    siege.tally.wrong.append(f"unanswered: {siege.open}")
            else:
                # After so many answers: also while what was open is being repeated, and before anything is answered.
                if more := siege.pick.choice([0, 1, 8, 16, 24, 40, 80, 160]):
                    siege.wanted = siege.answers + more
                    siege.enough.clear()
                    await asyncio.wait_for(siege.enough.wait(), PATIENCE)
                await asyncio.sleep(siege.pick.uniform(0, 0.1))
                os.kill(pid, signal.SIGKILL)
                await asyncio.gather(*writing)
                siege.tally.rounds += 1
        await siege.look()
        if save:
            save()


async def siege_of(templates: Templates, backend: str, deed: str, number: int, seed: str, tally: Tally, save: Any = None) -> Tally:
    url, data = await asyncio.to_thread(templates.copy, backend, "blank")
    siege = Siege(DEEDS[deed](), url, random.Random(seed), tally)
    await siege.prepare(data)
    await rounds(siege, data / "server", number, save)
    templates.drop(url)
    return tally


def _main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description="kill -9 under writers who repeat.")
    parser.add_argument("rounds", type=int, nargs="?", default=5, help="for each database (5)")
    parser.add_argument("--backend", choices=BACKENDS, action="append", help="only this database; may be given twice")
    parser.add_argument("--deed", choices=DEEDS, default=next(reversed(DEEDS)), help="what the writers do")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--resume", action="store_true", help="go on where a run of this seed stopped")
    options = parser.parse_args(arguments)
    wrong = 0
    for backend in options.backend or BACKENDS:
        kept = ROOT / ".data" / f"kills-{options.deed}-{backend}-{options.seed}.json"
        tally = Tally(**json.loads(kept.read_text())) if options.resume and kept.exists() else Tally()
        if tally.rounds < options.rounds:
            _run(backend, options.deed, options.rounds, f"{options.seed} {tally.rounds}", tally, kept)
        print(f"{backend}: {tally.told()}")
        print("\n".join(tally.wrong[:20]), end="\n" if tally.wrong else "")
        wrong += len(tally.wrong)
    return int(wrong > 0)


def _run(backend: str, deed: str, most: int, seed: str, tally: Tally, kept: Path) -> None:
    def save() -> None:
        """Whole or not at all."""
        kept.parent.mkdir(exist_ok=True)
        fresh = kept.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(tally)))
        fresh.replace(kept)
        print(f"{backend}: {tally.told()}", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        templates = Templates(Path(folder))
        try:
            asyncio.run(siege_of(templates, backend, deed, most - tally.rounds, seed, tally, save))
        finally:
            templates.close()


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
