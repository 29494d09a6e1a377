"""What the second wall costs: CPU a request with it and without, and the plans of a page.

`python -m tests.isolation.cost [REQUESTS] [JOBS]`; so many jobs are added to the demo's.
Turns are interleaved, and CPU time is counted rather than the clock's, so that neighbours on the machine matter less.
"""

from __future__ import annotations

import asyncio
import logging
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import select, text

from app.database import driver_of
from app.models import Company, Job, Member, MemberStatus, Role, User
from app.scope import Scope
from tests.conftest import Templates
from tests.isolation.crawl import SETTINGS
from tests.portal import Caller, Portal, portal_on

TURNS = 12
QUERIES = {
    "one row": "query($id: ID!) { node(id: $id) { ... on Job { titleAr status vacancies } } }",
    "50 rows and a relation": "{ viewer { account { jobs(first: 50) { nodes { titleAr city { name } } } } } }",
    "nested, a snapshot": "{ viewer { account { projects: approvedProjects(first: 5) { totalCount nodes { titleAr jobs(first: 5)"
    " { nodes { titleAr } } } } } } }",
    "a mutation refused": 'mutation { deleteJob(input: {jobId: "job_00000000000000000000000000000001"}) { userErrors { code } } }',
}
PAGES = {
    "newest jobs": "SELECT id, title_ar FROM jobs WHERE company_id = $1 AND deleted_at IS NULL ORDER BY created_at DESC, id DESC LIMIT 21",
    "the next page": "SELECT id, title_ar FROM jobs WHERE company_id = $1 AND deleted_at IS NULL AND (created_at, id) <"
    " (now() - interval '1 day', '00000000-0000-7000-8000-000000000000') ORDER BY created_at DESC, id DESC LIMIT 21",
    "by key": "SELECT id, title_ar FROM jobs WHERE id = ANY(ARRAY(SELECT id FROM jobs WHERE company_id = $1 LIMIT 50)) AND company_id = $1",
    "a search": "SELECT id FROM jobs WHERE company_id = $1 AND deleted_at IS NULL AND search_text LIKE '%nobody%'"
    " ORDER BY created_at, id LIMIT 21",
}


async def main(templates: Templates, requests: int, jobs: int) -> None:
    url, data = await asyncio.to_thread(templates.copy, "postgresql", "demo")
    given: Any = {**SETTINGS, "remembered_seconds": 0.5, "database_pool_size": 1}
    async with portal_on(url, data, **given) as walled, portal_on(url, data, row_security=False, **given) as bare:
        job: Any = (await walled.fetch(select(Job).limit(1)))[0]
        await _many(walled, job, jobs)
        owners = select(Member.user_id).where(Member.company_id == job.company_id, Member.role == Role.OWNER)
        owner = (await walled.fetch(select(User).where(User.id.in_(owners.where(Member.status == MemberStatus.ACTIVE)))))[0]
        for name, query in QUERIES.items():
            callers = [(portal, await _acting(portal, owner, job)) for portal in (bare, walled)]
            turns = [[await _turn(*each, query, job.public_id, requests // TURNS) for each in callers] for _ in range(TURNS + 1)]
            told = [statistics.median(turn[place] for turn in turns[1:]) for place in range(2)]  # the first one makes plans
            print(f"{name:24} CPU a request: without {told[0]:7.1f} µs, with {told[1]:7.1f} µs, {told[1] - told[0]:+6.1f} µs")
        for portal, name in ((bare, "without"), (walled, "with")):
            async with portal.server_database.reading(snapshot=False) as connection:
                plans = "SELECT sum(generic_plans)::int, sum(custom_plans)::int FROM pg_prepared_statements"
                generic, custom = await driver_of(connection).fetchrow(plans)
                print(f"{name:8} {generic} executions by kept plans, {custom} by new ones")
        await _explain(walled, Scope(job.company_id, owner.id), job.company_id)


async def _acting(portal: Portal, owner: User, job: Job) -> Caller:
    caller = await portal.person(owner)
    company: Any = (await portal.fetch(select(Company).where(Company.id == job.company_id)))[0]
    switch = "mutation($id: ID!) { switchAccount(input: {companyId: $id}) { userErrors { code } } }"
    await portal(switch, caller, id=company.public_id)
    return caller


async def _turn(portal: Portal, caller: Caller, query: str, key: str, requests: int) -> float:
    """Microseconds of CPU a request."""
    body = {"query": query, "variables": {"id": key} if "$id" in query else {}}
    backends = await _backends(portal)
    before = time.process_time() + _cpu(backends)
    for _ in range(requests):
        answer = await portal.http.post("/graphql", json=body, headers=caller.headers)
        assert '"data"' in answer.text, answer.text
    return (time.process_time() + _cpu(backends) - before) / requests * 1e6


async def _backends(portal: Portal) -> list[int]:
    asked = text("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'")
    async with portal.database.reading() as connection:
        return list((await connection.execute(asked)).scalars())


def _cpu(backends: list[int]) -> float:
    ticks = 0
    for pid in backends:
        try:
            fields = Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()
        except FileNotFoundError:
            continue
        ticks += int(fields[0])
    return ticks / 1e9


async def _many(portal: Portal, job: Job, jobs: int) -> None:
    columns = [column.name for column in Job.__table__.columns if column.name not in ("id", "created_at")]
    insert = (
        f"INSERT INTO jobs (id, created_at, {', '.join(columns)}) SELECT gen_random_uuid(), now() - i * interval '1 minute',"
        f" {', '.join(columns)} FROM jobs, generate_series(1, {jobs}) AS i WHERE id = '{job.id}'"
    )
    async with portal.database.writing() as session:
        await session.execute(text(insert))
    async with portal.database.engine.connect() as connection:
        await driver_of(connection).execute("ANALYZE jobs")


async def _explain(portal: Portal, scope: Scope, company: Any) -> None:
    async with portal.server_database.reading(scope, snapshot=False) as connection:
        driver = driver_of(connection)
        for name, query in PAGES.items():
            plan = await driver.fetch(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {query}", company)
            print(f"\n{name}\n  " + "\n  ".join(row[0] for row in plan))


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    numbers = [int(each) for each in sys.argv[1:]]
    with tempfile.TemporaryDirectory() as folder:
        made = Templates(Path(folder))
        try:
            asyncio.run(main(made, *(numbers + [2400, 0][len(numbers) :])))
        finally:
            made.close()
