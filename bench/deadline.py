"""The hour before the deadline: many companies send their weekly reports at once, to one server over PostgreSQL.

    python -m bench.deadline [--companies 300] [--lines 50] [--writers 16] [--weeks 2]

Each company sends a report for each of the weeks, with an Idempotency-Key, to /graphql; then as many to /sp-reports. Writers send the next
when they have the answer, so that the server is always busy: what is sustained, not what an hour holds. Linux only: it reads /proc.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any

import httpx2
from sqlalchemy import make_url

from app.clock import system_clock
from bench.processes import _family_cpu
from tests.conftest import Templates
from tests.portal import portal_on
from tests.report_speed import LAST, QUIET, cpu_of, staffed
from tests.server import server_process
from tests.world import make_world

SUBMIT = """mutation($input: SubmitWeeklyReportInput!) { submitWeeklyReport(input: $input) { submission { id status revision }
    week { status reportedLines } lineResults { index accepted errors { code path message } } userErrors { code path } } }"""
COUNTS = {"loginCount": 5, "logoutCount": 5, "assignedTasks": 9, "completedTasks": 9, "totalWorkMinutes": 2400}


@dataclass
class Sender:
    """A company that reports."""

    headers: dict[str, str]
    lines: list[dict[str, Any]]


async def prepare(url: str, data: Path, companies: int, people: int, first: date) -> list[Sender]:
    senders = []
    async with portal_on(url, data) as portal:
        portal.clock.now = system_clock()
        world = await make_world(portal)
        for place in range(companies):
            company = await world.company(f"شركة {place}", f"Company {place}")
            number, *ids = await staffed(world, company, people, first - timedelta(days=30), offset=300_000 + place * people)
            caller = await portal.token(company, "REPORTS_READ", "REPORTS_WRITE")
            lines = [{"establishmentNumber": number, "nationalId": id_, "activityLevel": "80.5", **COUNTS} for id_ in ids]
            senders.append(Sender(caller.headers, lines))
    return senders


def reports(senders: list[Sender], weeks: list[date], path: str) -> Iterator[tuple[dict[str, str], bytes]]:
    """Headers and body of each, in the order in which they are sent."""
    for week in weeks:
        for place, sender in enumerate(senders):
            headers = {"Content-Type": "application/json", "Idempotency-Key": f"{week}-{place}{path}", **sender.headers}
            if path == "/graphql":
                given = {"weekStart": week.isoformat(), "lines": sender.lines}
                yield headers, json.dumps({"query": SUBMIT, "variables": {"input": given}}).encode()
            else:
                yield {**headers, "X-Week-Start": week.isoformat()}, json.dumps(sender.lines).encode()


async def run(http: httpx2.AsyncClient, path: str, waiting: Iterator[tuple[dict[str, str], bytes]], writers: int) -> list[float]:
    """Milliseconds that each report took."""
    took: list[float] = []

    async def write() -> None:
        for headers, body in waiting:
            start = time.perf_counter()
            response = await http.post(path, content=body, headers=headers)
            took.append((time.perf_counter() - start) * 1000)
            assert response.status_code == 200, response.text[:500]
            assert '"ACCEPTED"' in response.text or '"success":true' in response.text, response.text[:500]

    await asyncio.gather(*(write() for _ in range(writers)))
    return took


async def _main(options: argparse.Namespace) -> None:
    weeks = [LAST - timedelta(days=7 * back) for back in range(2 * options.weeks)]
    with tempfile.TemporaryDirectory() as folder:
        templates = Templates(Path(folder))
        try:
            url, data = await asyncio.to_thread(templates.copy, "postgresql", "blank")
            senders = await prepare(url, data, options.companies, options.lines, weeks[-1])
            limits = httpx2.Limits(max_connections=options.writers)
            with server_process(data / "server", url, **QUIET) as process:
                async with httpx2.AsyncClient(base_url=process.url, timeout=120, limits=limits) as http:
                    for path, mine in (("/graphql", weeks[: options.weeks]), ("/sp-reports", weeks[options.weeks :])):
                        await _measure(http, path, reports(senders, mine, path), process.pid, url, options)
        finally:
            templates.close()


async def _measure(http: httpx2.AsyncClient, path: str, waiting: Any, pid: int, url: str, options: argparse.Namespace) -> None:
    begun, cpu, postgres = time.perf_counter(), cpu_of(pid), _postgres_cpu(url)
    took = await run(http, path, waiting, options.writers)
    seconds, count = time.perf_counter() - begun, len(took)
    cuts = quantiles(took, n=100)
    print(
        f"{path}: {count} reports of {options.lines} lines by {options.writers} writers in {seconds:.1f} s: "
        f"{count / seconds:.1f} reports/s, {count * options.lines / seconds:,.0f} lines/s; p50 {cuts[49]:.0f} ms, p99 {cuts[98]:.0f} ms; "
        f"CPU a report: server {(cpu_of(pid) - cpu) / count:.1f} ms, PostgreSQL {(_postgres_cpu(url) - postgres) * 1000 / count:.1f} ms; "
        f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )


def _postgres_cpu(url: str) -> float:
    """Seconds so far; nothing where it is not one of our own."""
    with suppress(OSError, KeyError):
        home = Path(str(make_url(url).query["host"]))
        return _family_cpu(int((home / "data" / "postmaster.pid").read_text().split()[0]))
    return 0.0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.deadline", description="The hour before the deadline, as fast as it goes.")
    parser.add_argument("--companies", type=int, default=300, help="that report (300)")
    parser.add_argument("--lines", type=int, default=50, help="of each report (50)")
    parser.add_argument("--writers", type=int, default=16, help="that send at once (16)")
    parser.add_argument("--weeks", type=int, default=2, help="that each company reports on, by each of the two ways (2)")
    asyncio.run(_main(parser.parse_args()))
