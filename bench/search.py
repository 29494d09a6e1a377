"""Searches over a million jobs of one company, among a thousand companies of a thousand jobs each: how long the first page takes.

    python -m bench.search [--backend postgresql|sqlite] [--jobs N] [--companies N] [--contracts N] [--times N]

Goes through the whole server, on PostgreSQL as the role that row-level security holds. The data is kept in .data/search and made in parts:
what was stopped goes on where it was. Before measuring, the tables are vacuumed and analyzed.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import func, insert, select

from app.database import driver_of
from app.engine.dialects import PostgreSQL
from app.models import Base, Company, Contract, Establishment, Invitation, Job, Member, Project, Role, User
from app.operations.migrate import migrate
from app.text import fold
from bench.postgres import Postgres, postgres
from tests.portal import NOW, Caller, Portal, portal_on
from tests.world import make_world

_DIALECT: Any = PostgreSQL.sql
KEPT = Path(__file__).parents[1] / ".data" / "search"
PART = 10_000

ROLES = ["مدير", "كاتب", "محاسب", "مهندس", "مصمم", "مترجم", "مدقق", "منسق", "أخصائي", "مساعد", "محلل", "مشرف", "مطور", "مسوق", "باحث"]
FIELDS = ["مشاريع", "محتوى", "موارد بشرية", "برمجيات", "واجهات", "لغات", "بيانات", "إدارة المخازن", "خدمة عملاء", "تقارير", "جودة", "شبكات"]
ENGLISH = ["Manager", "Writer", "Accountant", "Engineer", "Designer", "Translator", "Reviewer", "Coordinator", "Specialist", "Assistant"]
RARE, RARE_EVERY = "زنبركية", 100_000

JOBS = {
    "common, 1 of 12 titles": "مشاريع",
    "common, titles begin with it": "مدير",
    "common, hamza spelled otherwise": "ادارة المخازن",
    "rare, 1 of 100,000": "زنبركية",
    "one of a million": "987654",
    "nowhere": "قسطنطينية",
    "two letters, common": "مد",
    "two letters, nowhere": "ظظ",
    "one letter": "ش",
}
ORDERS = ["CREATED_AT DESC", "CREATED_AT ASC", "PUBLISHED_AT DESC", "CLOSES_AT ASC", "SALARY_MIN DESC", "TITLE ASC", "TITLE DESC"]
OTHERS = {
    "contracts": {"common": "مؤسسة", "rare": "زنبركية", "a number": "C-0077", "nowhere": "قسطنطينية", "two letters": "مو"},
    "invitations": {"common": "مؤسسة", "rare": "زنبركية", "in a message": "رسالة 4321", "nowhere": "قسطنطينية"},
}


# ---- the data ----------------------------------------------------------------------------------------------------------


def key(kind: int, number: int) -> UUID:
    return UUID(int=kind << 100 | 7 << 76 | 2 << 62 | number)


def jobs_of(company: UUID, project: UUID, numbers: range, kind: int) -> Iterator[dict[str, Any]]:
    for number in numbers:
        pick = random.Random(number)
        role, field, english = pick.choice(ROLES), pick.choice(FIELDS), pick.choice(ENGLISH)
        rare = f" {RARE}" if number % RARE_EVERY == 77 else ""
        arabic, title = f"{role} {field}{rare} {number}", f"{english} {pick.randrange(10**6)}"
        made = NOW - timedelta(seconds=number * 30)
        yield {
            "id": key(kind, number),
            "company_id": company,
            "project_id": project,
            "title_ar": arabic,
            "title_en": title,
            "status": pick.choice(["OPEN"] * 7 + ["PAUSED", "CLOSED", "DRAFT"]),
            "vacancies": 3,
            "filled": pick.choice([0, 1, 3]),
            "employment_type": pick.choice(["FULL_TIME", "PART_TIME"]),
            "salary_min": pick.choice([None, 4000, 5000, 6000, 7000]),
            "weekly_hours": 40,
            "gender": "ANY",
            "skills": [],
            "disability_friendly": False,
            "published_at": made,
            "closes_at": made + timedelta(days=pick.randrange(10, 600)),
            "search_text": fold(f"{arabic} {title}"),
            "version": 1,
            "created_at": made,
            "updated_at": made,
        }


def clients(numbers: range) -> Iterator[dict[str, Any]]:
    for number in numbers:
        rare = f" {RARE}" if number % 10_000 == 77 else ""
        arabic, english = f"{'مؤسسة' if number % 3 else 'شركة'} {FIELDS[number % 12]}{rare} {number}", f"House {number * 7}"
        yield {
            "id": key(5, number),
            "labor_office_id": 9,
            "sequence_number": number + 1,
            "name_ar": arabic,
            "name_en": english,
            "search_text": fold(f"{arabic} {english}"),
            "created_at": NOW,
            "updated_at": NOW,
        }


def contracts_of(company: UUID, numbers: range) -> Iterator[dict[str, Any]]:
    for number in numbers:
        made = NOW - timedelta(minutes=number)
        yield {
            "id": key(6, number),
            "company_id": company,
            "establishment_id": key(5, number),
            "number": f"C-{number:07}",
            "standing": True,
            "starts_on": made.date(),
            "version": 1,
            "created_at": made,
            "updated_at": made,
        }


def invitations_of(company: UUID, numbers: range) -> Iterator[dict[str, Any]]:
    for number in numbers:
        made = NOW - timedelta(minutes=number)
        message = f"رسالة {number}"
        yield {
            "id": key(7, number),
            "company_id": company,
            "establishment_id": key(5, number),
            "status": "ACCEPTED",
            "message": message,
            "received_at": made,
            "expires_at": made + timedelta(days=30),
            "search_text": fold(message),
            "version": 1,
        }


async def build(portal: Portal, options: argparse.Namespace) -> Company:
    """The company with the million."""
    if not await portal.fetch(select(Company)):
        world = await make_world(portal)
        await world.project()
    [north] = await portal.fetch(select(Company).where(Company.name_en == "North", Company.labor_office_id == 1))
    [project, *_] = await portal.fetch(select(Project).where(Project.company_id == north.id))
    everybodys = select(func.count()).select_from(Job)
    several = options.companies * 1000
    if (await portal.fetch(everybodys))[0] < (options.jobs + several) // 2:
        await _index(portal, there=False)
    await _add(portal, Job, 1, options.jobs, lambda numbers: jobs_of(north.id, project.id, numbers, 1))
    await _add(portal, Company, 2, options.companies, lambda numbers: _companies(north, numbers))
    await _add(portal, Project, 3, options.companies, lambda numbers: _projects(project, numbers))
    await _add(portal, Job, 4, several, _their_jobs)
    await _index(portal, there=True)
    await _add(portal, Establishment, 5, options.contracts, clients)
    await _add(portal, Contract, 6, options.contracts, lambda numbers: contracts_of(north.id, numbers))
    await _add(portal, Invitation, 7, options.contracts, lambda numbers: invitations_of(north.id, numbers))
    return north  # type: ignore[no-any-return]


def _like(row: Any, **values: Any) -> dict[str, Any]:
    return {column.name: getattr(row, column.name) for column in row.__table__.columns} | values


def _companies(north: Company, numbers: range) -> Iterator[dict[str, Any]]:
    return (_like(north, id=key(2, number), labor_office_id=999, sequence_number=number + 1) for number in numbers)


def _projects(project: Project, numbers: range) -> Iterator[dict[str, Any]]:
    own = {"kind": "OWN", "contract_id": None, "establishment_id": None}
    return (_like(project, id=key(3, number), company_id=key(2, number), **own) for number in numbers)


def _their_jobs(numbers: range) -> Iterator[dict[str, Any]]:
    for number in numbers:
        yield from jobs_of(key(2, number // 1000), key(3, number // 1000), range(number, number + 1), 4)


async def _add(portal: Portal, model: type[Base], kind: int, wanted: int, rows: Any) -> None:
    """Keys of a kind begin alike, and go up: how many there are tells where to go on."""
    here = select(func.count()).select_from(model).where(model.id >= key(kind, 0), model.id < key(kind + 1, 0))
    [there] = await portal.fetch(here)
    for start in range(there, wanted, PART):
        made = list(rows(range(start, min(start + PART, wanted))))
        if portal.database.is_sqlite:
            async with portal.database.writing() as session:
                await session.execute(insert(model.__table__), made)  # type: ignore[arg-type]  # it is a table
        else:
            await _copy(portal, model, made)
        if start % (10 * PART) == 0:
            print(f"  {model.__tablename__}: {start} of {wanted}", flush=True)


async def _copy(portal: Portal, model: type[Base], made: list[dict[str, Any]]) -> None:
    table: Any = model.__table__
    converters = {name: table.c[name].type.dialect_impl(_DIALECT).bind_processor(_DIALECT) for name in made[0]}
    records = [
        [convert(row[name]) if (convert := converters[name]) and row[name] is not None else row[name] for name in made[0]] for row in made
    ]
    async with portal.database.engine.connect() as connection:
        driver = driver_of(connection)
        await driver.execute("SET session_replication_role = replica")  # what foreign keys refer to is there: it is made here
        await driver.copy_records_to_table(table.name, records=records, columns=list(made[0]))
        await driver.execute("RESET session_replication_role")


async def _index(portal: Portal, *, there: bool) -> None:
    """A row takes twice as long where it is indexed as it comes."""
    if portal.database.is_sqlite:
        return
    async with portal.database.engine.connect() as connection:
        made = (
            "CREATE INDEX IF NOT EXISTS ix_jobs_search ON jobs USING gin (telework_grams(company_id, search_text)) WITH (fastupdate = off)"
        )
        await driver_of(connection).execute(made if there else "DROP INDEX IF EXISTS ix_jobs_search")


# ---- the measuring -----------------------------------------------------------------------------------------------------


async def measure(portal: Portal, company: Company, times: int) -> None:
    owners = select(User).join(Member, Member.user_id == User.id).where(Member.company_id == company.id, Member.role == Role.OWNER)
    owner = await portal.person((await portal.fetch(owners))[0])
    print(f"{'':58}     p50     p95  ms")
    for name, term in JOBS.items():
        await _told(portal, owner, f"jobs: {name}", "jobs", {"search": term}, times=times)
    for name in ("common, 1 of 12 titles", "common, titles begin with it", "rare, 1 of 100,000", "nowhere"):
        await _told(portal, owner, f"jobs, PAUSED: {name}", "jobs", {"search": JOBS[name], "status": ["PAUSED"]}, times=times)
        for order in ORDERS:
            field, direction = order.split()
            by = {"field": field, "direction": direction}
            await _told(portal, owner, f"jobs by {order}: {name}", "jobs", {"search": JOBS[name]}, by, times=times)
    either = {"or": [{"search": JOBS["rare, 1 of 100,000"]}, {"search": JOBS["nowhere"]}]}
    await _told(portal, owner, "jobs: one rare term or another", "jobs", either, times=max(3, times // 10))
    for name in ("common, 1 of 12 titles", "rare, 1 of 100,000", "nowhere"):
        count = "totalCount"
        await _told(portal, owner, f"jobs, totalCount: {name}", "jobs", {"search": JOBS[name]}, fields=count, times=max(3, times // 10))
    for field, terms in OTHERS.items():
        for name, term in terms.items():
            await _told(portal, owner, f"{field}: {name}", field, {"search": term}, times=times)


async def _told(
    portal: Portal,
    owner: Caller,
    name: str,
    field: str,
    where: dict[str, Any],
    order: Any = None,
    *,
    fields: str = "nodes { id } pageInfo { hasNextPage }",
    times: int,
) -> None:
    if not name.startswith(arguments.only):
        return
    type_ = {"jobs": "Job", "contracts": "Contract", "invitations": "Invitation"}[field]
    declared, given = (f", $order: {type_}Order", " orderBy: $order") if order else ("", "")
    page = f"page: {field}(first: 20 where: $where{given}) {{ {fields} }}"
    text = f"query($where: {type_}Filter{declared}) {{ viewer {{ account {{ {page} }} }} }}"
    variables = {"where": where, **({"order": order} if order else {})}
    took: list[float] = []
    found: dict[str, Any] = {}
    for _ in range(times + 2):  # two to plan and to read what is on the disk
        start = time.perf_counter()
        reply = await portal(text, owner, **variables)
        took.append((time.perf_counter() - start) * 1000)
        if reply.errors:
            print(f"{name:58} {reply.codes}")
            return
        found = reply.data["viewer"]["account"]["page"]
    kept = sorted(took[2:])
    rows = len(found["nodes"]) if "nodes" in found else found["totalCount"]
    print(f"{name:58} {statistics.median(kept):7.1f} {kept[int(len(kept) * 0.95)]:7.1f}  {rows} found", flush=True)


async def main(url: str, options: argparse.Namespace) -> None:
    await migrate(url)
    async with portal_on(url, KEPT, database_pool_size=2) as portal:
        company = await build(portal, options)
        async with portal.database.engine.connect() as connection:
            driver = driver_of(connection)
            if portal.database.is_sqlite:
                await connection.exec_driver_sql("ANALYZE")
            else:
                await driver.execute("VACUUM ANALYZE")
    async with portal_on(url, KEPT, database_pool_size=2) as portal:
        await measure(portal, company, options.times)


async def _made(server: Postgres) -> str:
    """The database's address."""
    connection = await asyncpg.connect(**server.arguments("postgres"))
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = 'search'"):
            await connection.execute("CREATE DATABASE search")
    finally:
        await connection.close()
    return server.url("search")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.search", description="Searches over a million jobs.")
    parser.add_argument("--backend", choices=["postgresql", "sqlite"], default="postgresql")
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--companies", type=int, default=1000, help="others, of 1,000 jobs each")
    parser.add_argument("--contracts", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=30)
    parser.add_argument("--only", default="", help="what the line's name begins with")
    arguments = parser.parse_args(sys.argv[1:])
    KEPT.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        if arguments.backend == "sqlite":
            address = f"sqlite+aiosqlite:///{KEPT}/search.db"
        else:
            address = asyncio.run(_made(stack.enter_context(postgres(KEPT))))
        asyncio.run(main(address, arguments))
