"""The rival written by hand: one function a query, its own SQL on asyncpg, rows into dictionaries, orjson, Starlette. No GraphQL.

It carries what ours carries: the token's look-up by hash with all its conditions, the permissions, company_id in every statement,
states made of dates, the caller's language, public ids, and the same read-only snapshot where ours reads by several statements.
It takes the short cuts that its author may: it knows the five queries, joins where that is cheaper, and checks the company's id
by comparing it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import asyncpg  # it has no stubs
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.auth.secrets import hash_of
from app.auth.tokens import environment_of
from app.clock import riyadh_day

Rows = list[dict[str, Any]]

_CALLER = """
select t.company_id, t.scopes, t.last_used_at, c.status = 'SUSPENDED' or p.status = 'SUSPENDED'
from sp_tokens t join companies c on c.id = t.company_id join providers p on p.id = c.provider_id
where t.secret_hash = $1 and t.environment = 'LIVE'
  and (t.revoked_at is null or t.revoked_at > $2) and (t.expires_at is null or t.expires_at > $2)
"""
_CONTRACT_STATUS = """case when c.terminated_at is not null then 'TERMINATED' when c.ends_on < $2 then 'EXPIRED'
  when c.starts_on > $2 then 'SCHEDULED' else 'ACTIVE' end"""
_JOB_STATUS = """case when j.status in ('OPEN', 'PAUSED') and j.filled >= j.vacancies then 'FILLED'
  when j.status in ('OPEN', 'PAUSED') and j.closes_at <= $2 then 'EXPIRED' else j.status end"""


async def company(connection: asyncpg.Connection, account: UUID, size: int, language: str, now: datetime, today: date) -> Any:
    row = await connection.fetchrow(
        """select id, labor_office_id::text || '-' || sequence_number::text, unified_number,
             case when $2 = 'en' and name_en is not null then name_en else name_ar end, name_ar, name_en, activity, status
           from companies where id = $1""",
        account,
        language,
    )
    key, number, unified, name, arabic, english, activity, status = row
    return {
        "id": f"cmp_{key.hex}",
        "establishmentNumber": number,
        "unifiedNumber": unified,
        "name": name,
        "nameAr": arabic,
        "nameEn": english,
        "activity": activity,
        "status": status,
    }


async def contracts(connection: asyncpg.Connection, account: UUID, size: int, language: str, now: datetime, today: date) -> Any:
    rows = await connection.fetch(
        f"""select c.id, c.number, {_CONTRACT_STATUS}, c.starts_on, c.ends_on, c.created_at, e.id, e.labor_office_id::text || '-' ||
              e.sequence_number::text, e.name_ar, e.name_en, e.activity
            from contracts c join establishments e on e.id = c.establishment_id
            where c.company_id = $1 order by c.created_at desc, c.id desc limit $3""",
        account,
        today,
        size,
    )
    nodes = [
        {
            "id": f"con_{key.hex}",
            "number": number,
            "status": status,
            "startsOn": starts,
            "endsOn": ends,
            "createdAt": created,
            "establishment": {
                "id": f"est_{client.hex}",
                "establishmentNumber": client_number,
                "nameAr": arabic,
                "nameEn": english,
                "activity": activity,
            },
        }
        for key, number, status, starts, ends, created, client, client_number, arabic, english, activity in rows
    ]
    return {"contracts": {"nodes": nodes}}


async def deep(connection: asyncpg.Connection, account: UUID, size: int, language: str, now: datetime, today: date) -> Any:
    found = await connection.fetch(
        f"""select c.id, c.number, {_CONTRACT_STATUS} from contracts c where c.company_id = $1
            order by c.created_at desc, c.id desc limit $3""",
        account,
        today,
        size,
    )
    below = await connection.fetch(
        """select p.* from unnest($1::uuid[]) k cross join lateral (
             select contract_id, id, case when $3 = 'en' and title_en is not null then title_en else title_ar end, status,
               starts_on, ends_on
             from projects where contract_id = k and company_id = $2 and deleted_at is null
             order by created_at desc, id desc limit 10) p""",
        [row[0] for row in found],
        account,
        language,
    )
    lowest = await connection.fetch(
        f"""select j.* from unnest($1::uuid[]) k cross join lateral (
              select project_id, id, case when $4 = 'en' and title_en is not null then title_en else title_ar end, vacancies,
                salary_min::text, {_JOB_STATUS}, weekly_hours
              from jobs j where project_id = k and company_id = $3 and deleted_at is null
              order by created_at desc, id desc limit 10) j""",
        [row[1] for row in below],
        now,
        account,
        language,
    )
    jobs: dict[UUID, Rows] = {row[1]: [] for row in below}
    for project, key, title, vacancies, salary, status, hours in lowest:
        job = {"id": f"job_{key.hex}", "title": title, "vacancies": vacancies, "salaryMin": salary, "status": status, "weeklyHours": hours}
        jobs[project].append(job)
    projects: dict[UUID, Rows] = {row[0]: [] for row in found}
    for contract, key, title, status, starts, ends in below:
        project = {"id": f"prj_{key.hex}", "title": title, "status": status, "startsOn": starts, "endsOn": ends}
        projects[contract].append({**project, "jobs": {"nodes": jobs[key]}})
    nodes = [
        {"id": f"con_{key.hex}", "number": number, "status": status, "projects": {"nodes": projects[key]}} for key, number, status in found
    ]
    return {"contracts": {"nodes": nodes}}


async def wide(connection: asyncpg.Connection, account: UUID, size: int, language: str, now: datetime, today: date) -> Any:
    rows = await connection.fetch(
        f"""select j.id, j.title_ar, j.title_en, j.vacancies, j.salary_min::text, {_JOB_STATUS}, j.weekly_hours, j.created_at
            from jobs j where j.company_id = $1 and j.deleted_at is null order by j.created_at desc, j.id desc limit $3""",
        account,
        now,
        size,
    )
    nodes = [
        {
            "id": f"job_{key.hex}",
            "titleAr": arabic,
            "titleEn": english,
            "vacancies": vacancies,
            "salaryMin": salary,
            "status": status,
            "weeklyHours": hours,
            "createdAt": created,
        }
        for key, arabic, english, vacancies, salary, status, hours, created in rows
    ]
    return {"jobs": {"nodes": nodes}}


async def dashboard(connection: asyncpg.Connection, account: UUID, size: int, language: str, now: datetime, today: date) -> Any:
    figures = await connection.fetchrow(
        """select
             (select count(*) from invitations where company_id = $1 and status = 'PENDING' and expires_at > $2),
             (select count(*) from contracts where company_id = $1 and terminated_at is null and starts_on <= $3
                and (ends_on is null or ends_on >= $3)),
             p.client, p.own, j.open, j.places,
             (select count(distinct teleworker_id) from employments where company_id = $1 and ended_at is null
                and (ends_on is null or ends_on >= $3)),
             c.id, case when $4 = 'en' and c.name_en is not null then c.name_en else c.name_ar end
           from companies c,
             (select count(*) filter (where kind = 'CLIENT' and status = 'APPROVED') as client, count(*) filter (where kind = 'OWN') as own
              from projects where company_id = $1 and deleted_at is null) p,
             (select count(*) as open, coalesce(sum(vacancies - filled), 0) as places from jobs
              where company_id = $1 and deleted_at is null and status = 'OPEN' and filled < vacancies
                and (closes_at is null or closes_at > $2)) j
           where c.id = $1""",
        account,
        now,
        today,
        language,
    )
    names = ["pendingInvitations", "activeContracts", "approvedProjects", "ownProjects", "openJobs", "openVacancies", "activeTeleworkers"]
    *counts, key, name = figures
    return {"account": {"id": f"cmp_{key.hex}", "name": name, "dashboard": dict(zip(names, counts, strict=True))}}


Query = Callable[[asyncpg.Connection, UUID, int, str, datetime, date], Awaitable[Any]]

# Operation -> its function, the permissions it takes, whether ours reads it by several statements on one snapshot, its one root field.
_QUERIES: dict[str, tuple[Query, set[str], bool, str]] = {
    "Q1": (company, set(), False, "node"),
    "Q2": (contracts, {"CONTRACTS_READ"}, True, "node"),
    "Q3": (deep, {"CONTRACTS_READ", "PROJECTS_READ"}, True, "node"),
    "Q4": (wide, {"PROJECTS_READ"}, True, "node"),
    "Q5": (dashboard, {"REPORTS_READ"}, True, "viewer"),
}


async def graphql(request: Request) -> Response:
    now = datetime.now(UTC)
    language = "en" if request.headers.get("accept-language", "").startswith("en") else "ar"
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    asked = orjson.loads(await request.body())
    query, needed, several, root = _QUERIES[asked["operationName"]]
    variables = asked["variables"]
    if scheme != "Bearer" or environment_of(secret) is None:
        return Response(status_code=401)
    async with request.app.state.pool.acquire() as connection:
        caller = await connection.fetchrow(_CALLER, hash_of(secret), now)
        if caller is None:
            return Response(status_code=401)
        account, scopes = caller[0], orjson.loads(caller[1])
        if not needed.issubset(scopes) or variables.get("id", f"cmp_{account.hex}") != f"cmp_{account.hex}":
            found = None
        elif several:
            await connection.execute("begin isolation level repeatable read read only")
            found = await query(connection, account, variables.get("first", 0), language, now, riyadh_day(now))
            await connection.execute("commit")
        else:
            found = await query(connection, account, 0, language, now, riyadh_day(now))
    body = orjson.dumps({"data": {root: found}}, option=orjson.OPT_UTC_Z)
    return Response(body, headers={"Cache-Control": "private, no-store"}, media_type="application/graphql-response+json; charset=utf-8")


async def _no_reset(_: asyncpg.Connection) -> None:
    """asyncpg's own costs a trip to the server each time; nothing here leaves anything behind."""


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    size = int(os.environ["BENCH_POOL"])
    pool = asyncpg.create_pool(
        host=os.environ["BENCH_SOCKET"],
        port=5432,
        user="postgres",
        database=os.environ["BENCH_DATABASE"],
        min_size=size,
        max_size=size,
        reset=_no_reset,
    )
    async with pool:
        app.state.pool = pool
        yield


if __name__ == "__main__":
    uvicorn.run(
        Starlette(routes=[Route("/graphql", graphql, methods=["POST"])], lifespan=_lifespan),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        log_level="warning",
        access_log=False,
        server_header=False,
    )
