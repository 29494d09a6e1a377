"""How fast reports are: 5,000 lines submitted, and the weeks of a company with 2,000 teleworkers, on PostgreSQL and on SQLite.

    python -m tests.report_speed [--backend sqlite|postgresql]

The server is a process of its own, entered by HTTP. Wall is told as a client meets it; CPU is the server's alone, all of its threads; the
best and the median of several, each a week of its own. Memory is what the server's highest mark grew by. Linux only: it reads /proc. A busy
machine makes all of it slower, CPU as well.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import statistics
import tempfile
import time
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy import func, insert, literal, select, text

from app.clock import riyadh_day, sunday, system_clock, week_number, week_start
from app.models import (
    Employment,
    EmploymentType,
    Establishment,
    LeavePeriod,
    ReportDuty,
    ReportLine,
    ReportTally,
    Teleworker,
)
from app.models.base import uuid7
from app.models.report import is_in_duty, week_key
from app.operations.duty import restate
from tests.conftest import BACKENDS, Templates
from tests.portal import Caller, portal_on
from tests.server import ServerProcess, server_process
from tests.world import World, make_world, national_id

SUBMIT = """mutation($input: SubmitWeeklyReportInput!) { submitWeeklyReport(input: $input) { submission { id status revision }
    week { status reportedLines } lineResults { index accepted line { id revision onTime } errors { code path message } warnings { code } }
    userErrors { code path } } }"""
DASHBOARD = """{ viewer { account { dashboard { pendingInvitations activeContracts approvedProjects ownProjects openJobs openVacancies
    activeTeleworkers complianceRate currentWeek { weekStart status expectedLines } overdueWeeks { weekStart status } }
    reportWeeks(first: 12) { nodes { weekStart status dueAt expectedLines reportedLines onTimeLines } } } } }"""
PAGE = """query($after: String, $where: ReportWeekFilter) { viewer { account { reportWeeks(first: 50, after: $after, where: $where) {
    nodes { id weekStart status dueAt expectedLines reportedLines onTimeLines revision } pageInfo { endCursor hasNextPage } } } } }"""
LINES, PEOPLE, YEARS, WEEKS = 5000, 2000, 5, 4
LAST = week_start(riyadh_day(system_clock())) - timedelta(days=7)
QUIET = {"points_a_minute": str(10**9), "deadline": "60", "report_locks_hours": str(24 * 7 * 20)}  # what limits callers would limit this


async def staffed(world: World, company: Any, number: int, since: date, *, offset: int) -> list[str]:
    """The national ids of so many people who work for the company at one client's; each is on leave for two weeks a year."""
    project = await world.project(company)
    job = await world.job(project, vacancies=9999)
    now, people = world.portal.clock(), [uuid7() for _ in range(number)]
    ids = [national_id(offset + place) for place in range(number)]
    times = {"company_id": company.id, "created_at": now, "updated_at": now}
    employed = {
        "employment_type": EmploymentType.FULL_TIME,
        "wage": Decimal(5000),
        "weekly_hours": 40,
        "gosi_registered": True,
        "version": 1,
    }
    rows = [{"id": uuid7(), "teleworker_id": key, "job_id": job.id, "starts_on": since, **employed, **times} for key in people]
    leaves = [
        {"id": uuid7(), "company_id": company.id, "employment_id": row["id"], "starts_on": first, "ends_on": first + timedelta(days=13)}
        for place, row in enumerate(rows)
        for year in range((LAST - since).days // 365)
        for first in [since + timedelta(days=365 * year + place % 300)]
    ]
    async with world.portal.database.writing() as session:
        named = [{"id": key, "national_id": id_, "name": id_, "search_text": id_, **times} for key, id_ in zip(people, ids, strict=True)]
        await session.execute(insert(Teleworker.__table__), named)  # type: ignore[arg-type]
        await session.execute(insert(Employment.__table__), rows)  # type: ignore[arg-type]
        if leaves:
            await session.execute(insert(LeavePeriod.__table__), leaves)  # type: ignore[arg-type]
        await (await session.connection()).run_sync(restate, people)
    [client] = await world.portal.fetch(select(Establishment).where(Establishment.id == project.establishment_id))
    return [f"{client.labor_office_id}-{client.sequence_number}", *ids]


async def reported(world: World, company: Any, number: str, since: date) -> None:
    """Every expected line of all weeks, on time."""
    office, _, sequence = number.partition("-")
    line: Any = ReportLine.__table__
    async with world.portal.database.writing() as session:
        for week in range(week_number(since), week_number(LAST) + 1):
            key = week_key(company.id, week)
            same = {
                "company_id": company.id, "week_id": key, "labor_office_id": int(office), "sequence_number": int(sequence),
                "activity_level": Decimal(80), "login_count": 5, "logout_count": 5, "assigned_tasks": 9, "completed_tasks": 9,
                "total_work_minutes": 2400, "revision": 1, "on_time": True, "is_due": True,
            }  # fmt: skip
            new = func.gen_random_uuid() if not world.portal.database.is_sqlite else func.lower(func.hex(func.randomblob(16)))
            mine = select(
                new, ReportDuty.teleworker_id, ReportDuty.place_id, *(literal(value, line.c[name].type) for name, value in same.items())
            ).where(ReportDuty.company_id == company.id, is_in_duty(ReportDuty, week))
            await session.execute(insert(line).from_select(["id", "teleworker_id", "place_id", *same], mine))
            count = await session.scalar(select(func.count()).select_from(line).where(line.c.week_id == key))
            tally = await session.get(ReportTally, key) or ReportTally(id=key, company_id=company.id, week=week, change=0)
            tally.reported, tally.on_time, tally.revision = count or 0, count or 0, 1
            session.add(tally)
        if not world.portal.database.is_sqlite:
            await session.execute(text("ANALYZE report_lines"))
            await session.execute(text("ANALYZE report_duties"))


@dataclass
class Server:
    """The server's process, and how it is asked."""

    process: ServerProcess
    http: httpx2.AsyncClient

    def cpu(self) -> float:
        """Milliseconds so far."""
        return cpu_of(self.process.pid)

    def peak(self) -> float:
        """MB, its highest so far."""
        return int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text())[1]) / 1024  # type: ignore[index]

    async def ask(self, watch: Watch, caller: Caller, path: str, body: Any, **more: str) -> Any:
        """The answer; how long it took is noted."""
        content = json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **caller.headers, **more}
        wall, cpu = time.perf_counter(), self.cpu()
        response = await self.http.post(path, content=content, headers=headers)
        watch.walls.append((time.perf_counter() - wall) * 1000)
        watch.cpus.append(self.cpu() - cpu)
        answer = response.json()
        assert (response.status_code, answer.get("errors")) == (200, None), response.text[:1000]
        return answer

    async def graph(self, watch: Watch, caller: Caller, operation: str, **variables: Any) -> Any:
        return (await self.ask(watch, caller, "/graphql", {"query": operation, "variables": variables}))["data"]


def cpu_of(pid: int) -> float:
    """Milliseconds of CPU that a process' threads have taken so far."""
    return sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir()) / 1e6


class Watch:
    """How long the same took, several times."""

    def __init__(self) -> None:
        self.walls: list[float] = []
        self.cpus: list[float] = []

    def __str__(self) -> str:
        told = [f"{name} {min(found):.0f} best, {statistics.median(found):.0f} median" for name, found in self._found]
        return f"{told[0]} ms; {told[1]} ms"

    @property
    def _found(self) -> tuple[tuple[str, list[float]], ...]:
        return ("wall", self.walls), ("server CPU", self.cpus)


async def measure(templates: Templates, backend: str) -> None:
    url, data = await asyncio.to_thread(templates.copy, backend, "blank")
    async with portal_on(url, data) as portal:
        portal.clock.now = system_clock()
        world = await make_world(portal)
        sent = [LAST - timedelta(days=7 * back) for back in range(2 * WEEKS)]
        number, *ids = await staffed(world, world.north, LINES, sent[-1] - timedelta(days=7), offset=100_000)
        north = await portal.token(world.north, "REPORTS_READ", "REPORTS_WRITE")
        since = LAST - timedelta(days=7 * 52 * YEARS)
        place, *_ = await staffed(world, world.south, PEOPLE, since, offset=200_000)
        await reported(world, world.south, place, since)
        south = await portal.token(world.south, "REPORTS_READ", "REPORTS_WRITE", "PROJECTS_READ")
    with server_process(data / "server", url, **QUIET) as process:
        async with httpx2.AsyncClient(base_url=process.url, timeout=120) as http:
            server = Server(process, http)
            await _submit(server, backend, north, number, ids, sent)
            await _read(server, backend, south, since)
    templates.drop(url)


async def _submit(server: Server, backend: str, caller: Caller, number: str, ids: list[str], weeks: list[date]) -> None:
    counts = {"loginCount": 5, "logoutCount": 5, "assignedTasks": 9, "completedTasks": 9, "totalWorkMinutes": 2400}

    def lines(**more: Any) -> list[dict[str, Any]]:
        return [{"establishmentNumber": number, "nationalId": each, "activityLevel": "80.5", **counts, **more} for each in ids]

    async def send(week: date, sent: list[Any], watch: Watch) -> None:
        given = {"weekStart": week.isoformat(), "lines": sent, "reason": "They were counted once more."}
        made = (await server.graph(watch, caller, SUBMIT, input=given))["submitWeeklyReport"]
        assert (made["submission"]["status"], len(made["lineResults"])) == ("ACCEPTED", len(sent)), made["userErrors"][:3]

    under_key, weeks = weeks[WEEKS:], weeks[:WEEKS]
    await send(weeks[0], lines()[:10], Watch())
    before = server.peak()
    watch = Watch()
    for week in under_key:
        body = {"query": SUBMIT, "variables": {"input": {"weekStart": week.isoformat(), "lines": lines(), "reason": "It came late."}}}
        await server.ask(watch, caller, "/graphql", body, **{"Idempotency-Key": week.isoformat()})
    print(f"{backend}: {LINES} lines, a first report, under an Idempotency-Key: {watch}")
    for name, sent in (
        ("a first report", lines()),
        ("all of them changed", lines(loginCount=6)),
        ("sent once more, nothing new", lines(loginCount=6)),
    ):
        watch = Watch()
        for week in weeks:
            await send(week, sent, watch)
        print(f"{backend}: {LINES} lines, {name}: {watch}")
    watch = Watch()
    for times in range(WEEKS):  # of the last closed week
        told = await server.ask(watch, caller, "/sp-reports", lines(loginCount=7 + times))
        assert told["success"], told["message"]
    print(f"{backend}: {LINES} lines, all of them changed, by /sp-reports: {watch}")
    print(f"{backend}: memory at its highest grew by {server.peak() - before:.0f} MB")


async def _read(server: Server, backend: str, caller: Caller, since: date) -> None:
    watch = Watch()
    for _ in range(30):
        await server.graph(watch, caller, DASHBOARD)
    print(f"{backend}: dashboard and 12 weeks, {PEOPLE} teleworkers: {watch}")
    pages: list[str] = []
    after, seen = None, 0
    while after is not None or not pages:
        watch = Watch()
        answers = [await server.graph(watch, caller, PAGE, after=after) for _ in range(15)]
        page = answers[-1]["viewer"]["account"]["reportWeeks"]
        seen, pages = seen + len(page["nodes"]), [*pages, str(watch)]
        after = page["pageInfo"]["endCursor"] if page["pageInfo"]["hasNextPage"] else None
    print(f"{backend}: {seen} weeks in pages of 50: " + " | ".join(pages))
    watch = Watch()
    for _ in range(15):
        await server.graph(watch, caller, PAGE, where={"status": ["MISSING", "PARTIAL"]})
    print(f"{backend}: those of {sunday(week_number(since))} and on that are missing: {watch}")


async def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.report_speed", description="How fast reports are.")
    parser.add_argument("--backend", choices=BACKENDS, action="append", help="only this database; may be given twice")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        templates = Templates(Path(folder))
        try:
            for backend in options.backend or BACKENDS:
                await measure(templates, backend)
        finally:
            templates.close()


if __name__ == "__main__":
    asyncio.run(_main())
