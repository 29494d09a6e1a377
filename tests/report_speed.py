"""How fast reports are: 5,000 lines submitted, and the weeks of a company with 2,000 teleworkers, on PostgreSQL and on SQLite.

    python -m tests.report_speed [--backend sqlite|postgresql] [--profile]

Wall is told as a client meets it by HTTP (in the same process, so that CPU is the server's and the client's together), the best and the
median of several; memory is what the process grew by. A busy machine makes all of it slower.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import pstats
import resource
import statistics
import tempfile
import time
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import func, insert, literal, select, text

from app.clock import sunday, week_number
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
from tests.portal import Caller, Portal, portal_on
from tests.world import World, make_world, national_id

SUBMIT = """mutation($input: SubmitWeeklyReportInput!) { submitWeeklyReport(input: $input) { submission { id status revision }
    week { status reportedLines } lineResults { index accepted line { id revision onTime } errors { code path message } warnings { code } }
    userErrors { code path } } }"""
DASHBOARD = """{ viewer { account { dashboard { pendingInvitations activeContracts approvedProjects ownProjects openJobs openVacancies
    activeTeleworkers complianceRate currentWeek { weekStart status expectedLines } overdueWeeks { weekStart status } }
    reportWeeks(first: 12) { nodes { weekStart status dueAt expectedLines reportedLines onTimeLines } } } } }"""
PAGE = """query($after: String, $where: ReportWeekFilter) { viewer { account { reportWeeks(first: 50, after: $after, where: $where) {
    nodes { id weekStart status dueAt expectedLines reportedLines onTimeLines revision } pageInfo { endCursor hasNextPage } } } } }"""
LINES, PEOPLE, YEARS = 5000, 2000, 5
LAST = date(2026, 11, 15)


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


async def timed(portal: Portal, operation: str, caller: Caller, times: int, **variables: Any) -> tuple[Any, str]:
    """The last answer, and how long it took, without the tests' own bookkeeping."""
    body = orjson.dumps({"query": operation, "variables": variables})
    headers = {"Content-Type": "application/json", **caller.headers}
    walls, cpus, answer = [], [], None
    for _ in range(times):
        wall, cpu = time.perf_counter(), time.process_time()
        response = await portal.http.post("/graphql", content=body, headers=headers)
        walls.append((time.perf_counter() - wall) * 1000)
        cpus.append((time.process_time() - cpu) * 1000)
        answer = orjson.loads(response.content)
        assert "errors" not in answer, answer
    told = [f"{name} {min(found):.0f} best, {statistics.median(found):.0f} median" for name, found in (("wall", walls), ("CPU", cpus))]
    return answer, f"{told[0]} ms; {told[1]} ms"


async def measure(templates: Templates, backend: str, *, profile: bool) -> None:
    url, data = await asyncio.to_thread(templates.copy, backend, "blank")
    async with portal_on(url, data, points_a_minute=10**9, deadline=60) as portal:
        world = await make_world(portal)
        number, *ids = await staffed(world, world.north, LINES, date(2026, 10, 4), offset=100_000)
        caller = await portal.token(world.north, "REPORTS_READ", "REPORTS_WRITE")
        counts = {"loginCount": 5, "logoutCount": 5, "assignedTasks": 9, "completedTasks": 9, "totalWorkMinutes": 2400}

        def lines(**more: Any) -> list[dict[str, Any]]:
            return [{"establishmentNumber": number, "nationalId": each, "activityLevel": "80.5", **counts, **more} for each in ids]

        weeks = [LAST - timedelta(days=7 * back) for back in range(4)]
        await timed(portal, SUBMIT, caller, 1, input={"weekStart": LAST.isoformat(), "lines": lines()[:10]})
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for name, week in [("the rest of one week", weeks[0]), *[("a first report", week) for week in weeks[1:]]]:
            watch = cProfile.Profile(time.process_time) if profile and week == weeks[1] else None
            if watch:
                watch.enable()
            answer, took = await timed(portal, SUBMIT, caller, 1, input={"weekStart": week.isoformat(), "lines": lines()})
            if watch:
                watch.disable()
                pstats.Stats(watch).sort_stats("tottime").print_stats(25)
            made = answer["data"]["submitWeeklyReport"]
            assert (made["submission"]["status"], len(made["lineResults"])) == ("ACCEPTED", LINES), made["userErrors"][:3]
            print(f"{backend}: {LINES} lines, {name}: {took}")
        for name, more in (("all of them changed", {"loginCount": 6}), ("sent once more, nothing new", {"loginCount": 6})):
            _, took = await timed(portal, SUBMIT, caller, 1, input={"weekStart": weeks[0].isoformat(), "lines": lines(**more)})
            print(f"{backend}: {LINES} lines, {name}: {took}")
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        print(f"{backend}: memory at its highest grew by {grown / 1024:.0f} MB")

        since = LAST - timedelta(days=7 * 52 * YEARS)
        number, *_ = await staffed(world, world.south, PEOPLE, since, offset=200_000)
        await reported(world, world.south, number, since)
        caller = await portal.token(world.south, "REPORTS_READ", "REPORTS_WRITE", "PROJECTS_READ")
        _, took = await timed(portal, DASHBOARD, caller, 30)
        print(f"{backend}: dashboard and 12 weeks, {PEOPLE} teleworkers: {took}")
        pages: list[str] = []
        after, seen = None, 0
        while after is not None or not pages:
            answer, took = await timed(portal, PAGE, caller, 15, after=after)
            page = answer["data"]["viewer"]["account"]["reportWeeks"]
            seen, pages = seen + len(page["nodes"]), [*pages, took]
            after = page["pageInfo"]["endCursor"] if page["pageInfo"]["hasNextPage"] else None
        print(f"{backend}: {seen} weeks in pages of 50: " + " | ".join(pages))
        _, took = await timed(portal, PAGE, caller, 15, where={"status": ["MISSING", "PARTIAL"]})
        print(f"{backend}: those of {sunday(week_number(since))} and on that are missing: {took}")
    templates.drop(url)


async def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.report_speed", description="How fast reports are.")
    parser.add_argument("--backend", choices=BACKENDS, action="append", help="only this database; may be given twice")
    parser.add_argument("--profile", action="store_true", help="where the time of a first report goes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        templates = Templates(Path(folder))
        try:
            for backend in options.backend or BACKENDS:
                await measure(templates, backend, profile=options.profile)
        finally:
            templates.close()


if __name__ == "__main__":
    asyncio.run(_main())
