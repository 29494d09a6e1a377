"""What it costs to read how many places are taken: kept with the days for which it is true, and counted anew.

python -m bench.places    one company with 10,000 jobs and 40,000 employments, on a PostgreSQL of its own; the best of 15, in ms
"""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Date, func, literal, literal_column, select, text
from sqlalchemy.dialects import postgresql as dialect

from app.database import Database
from app.models import Job, job_status, places_taken
from app.models.base import Instant
from app.operations.migrate import migrate
from app.settings import Settings
from tests.databases import drop_database, fresh_database, postgresql

JOBS, PER_JOB, RUNS = 10_000, 4, 15
COMPANY = UUID(int=1)
TODAY = literal(date(2026, 11, 22), Date())
NOW: Any = literal_column("timestamptz '2026-11-22 09:00:00+00'", Instant())

_ROWS = f"""
INSERT INTO providers (id, name_ar, status, email, version, created_at, updated_at)
VALUES ('{UUID(int=2)}', 'x', 'ACTIVE', 'x@example.sa', 1, now(), now());
INSERT INTO companies (id, provider_id, labor_office_id, sequence_number, name_ar, status, last_event, last_contract, search_text,
                       created_at, updated_at)
VALUES ('{COMPANY}', '{UUID(int=2)}', 1, 1, 'x', 'ACTIVE', 0, 0, 'x', now(), now());
INSERT INTO projects (id, company_id, kind, title_ar, status, search_text, version, created_at, updated_at)
VALUES ('{UUID(int=3)}', '{COMPANY}', 'OWN', 'x', 'APPROVED', 'x', 1, now(), now());
INSERT INTO jobs (id, company_id, project_id, title_ar, status, vacancies, filled, employment_type, weekly_hours, gender, skills,
                  disability_friendly, published_at, closes_at, search_text, version, created_at, updated_at)
SELECT gen_random_uuid(), '{COMPANY}', '{UUID(int=3)}', 'x' || n, 'OPEN', {PER_JOB}, {PER_JOB - 1}, 'FULL_TIME', 40, 'ANY', '[]', false,
       now(), '2099-01-01', 'x', 1, now() + n * interval '1 s', now() FROM generate_series(1, {JOBS}) n;
INSERT INTO teleworkers (id, company_id, national_id, name, search_text, created_at, updated_at)
SELECT gen_random_uuid(), '{COMPANY}', cast(n AS text), 'x', 'x', now(), now() FROM generate_series(1, {JOBS * PER_JOB}) n;
INSERT INTO employments (id, company_id, job_id, teleworker_id, employment_type, starts_on, ends_on, wage, weekly_hours, gosi_registered,
                         version, created_at, updated_at)
SELECT gen_random_uuid(), '{COMPANY}', j.id, t.id, 'FULL_TIME', date '2026-02-01',
       CASE t.n % 4 WHEN 0 THEN date '2026-06-01' WHEN 1 THEN date '2027-06-01' END, 4500, 40, true, 1, now(), now()
FROM (SELECT id, row_number() OVER () - 1 AS n FROM teleworkers) t
JOIN (SELECT id, row_number() OVER () - 1 AS n FROM jobs) j ON j.n = t.n / {PER_JOB}
"""


def statements() -> dict[str, Any]:
    open_ = job_status(Job, NOW, TODAY) == "OPEN"
    free = func.coalesce(func.sum(Job.vacancies - places_taken(Job, TODAY)), 0)
    shown = select(Job.id, job_status(Job, NOW, TODAY), places_taken(Job, TODAY)).where(Job.company_id == COMPANY)
    return {
        "dashboard: open jobs and vacancies of 10,000": select(func.count(), free).where(Job.company_id == COMPANY, open_),
        "1,000 jobs with state and places": shown.order_by(Job.created_at.desc(), Job.id.desc()).limit(1000),
        "the first 20 that are OPEN": shown.where(open_).order_by(Job.created_at.desc(), Job.id.desc()).limit(20),
    }


async def main() -> None:
    with postgresql() as server:
        url = await asyncio.to_thread(fresh_database, server)
        await migrate(url)
        database = Database(Settings(database_url=url))
        ways = {"kept": "filled_until = NULL", "counted": "filled_until = '1900-01-01'"}
        async with database.writing() as session:
            for statement in _ROWS.split(";\n"):
                await session.execute(text(statement))
        found: dict[str, list[float]] = {}
        for change in ways.values():
            async with database.writing() as session:
                await session.execute(text(f"UPDATE jobs SET {change}"))
            async with database.engine.connect() as connection:
                driver = await connection.execution_options(isolation_level="AUTOCOMMIT")
                await driver.execute(text("VACUUM ANALYZE"))
                for name, statement in statements().items():
                    written = str(statement.compile(dialect=dialect.dialect(), compile_kwargs={"literal_binds": True}))
                    found.setdefault(name, []).append(min([await _time(driver, written) for _ in range(RUNS)]))
        await database.close()
        drop_database(server, url)
    print(f"{'':<46}{'kept':>10}{'counted':>10}")
    for name, times in found.items():
        print(f"{name:<46}" + "".join(f"{time:>10.2f}" for time in times))


async def _time(connection: Any, statement: str) -> float:
    plan = (await connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}")).scalar_one()
    made = orjson.loads(plan) if isinstance(plan, str) else plan
    return float(made[0]["Execution Time"])


if __name__ == "__main__":
    asyncio.run(main())
