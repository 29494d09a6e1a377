"""What the benchmark's database holds, and loading it: set-based SQL, resumable, the same rows each time.

Each company has an SP-Token with every scope that a token may have. Rows hang together as

    company  -> contracts -> establishment
                the newest contracts -> 10 projects each -> 10 jobs each

so that every company has the same number of jobs. Dates lie far enough from today that states do not change with the clock.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import asyncpg  # it has no stubs

from app.auth.permissions import GRANTABLE
from app.auth.secrets import hash_of
from app.operations.migrate import migrate
from bench.postgres import Postgres

_MIGRATIONS = Path(__file__).parents[1] / "migrations" / "versions"
_BATCH = 100_000


@dataclass(frozen=True)
class Size:
    """How much: `busy` of a company's contracts have projects, ten each with ten jobs each."""

    name: str
    companies: int
    contracts: int
    busy: int
    establishments: int

    @property
    def projects(self) -> int:
        return self.companies * self.busy * 10

    @property
    def jobs(self) -> int:
        return self.projects * 10


SIZES = {size.name: size for size in (Size("small", 10, 60, 10, 500), Size("full", 100, 100, 100, 5000))}


@dataclass(frozen=True)
class Company:
    """One whose token asks."""

    key: UUID
    secret: str

    @property
    def public_id(self) -> str:
        return f"cmp_{self.key.hex}"


def secret_of(number: int) -> str:
    """The token of a company, by its number; well-formed, and the same each time."""
    body = "tw_live_" + hashlib.sha512(f"benchmark {number}".encode()).hexdigest()
    return f"{body}{zlib.crc32(body.encode()):08x}"


# ---- the rows -----------------------------------------------------------------------------------------------------------

# A key as uuid7 makes them, in the order of n; the rest drawn from the table's name and n.
_KEY = """
create function bench.key(kind text, n bigint) returns uuid language sql immutable strict parallel safe as $$
  select (lpad(to_hex(1767225600000 + n), 12, '0') || '7' || substr(md5(kind || n), 1, 3) || '8' || substr(md5(kind || n), 4, 15))::uuid
$$;
-- An instant some time after n; its last digit is never 0, so that one spelling of a fraction fits all rivals.
create function bench.instant(n bigint) returns timestamptz language sql immutable strict parallel safe as $$
  select timestamptz '2026-01-01 00:00:00.000007+00' + n * interval '1.00013 seconds'
$$
"""

_USERS = """
insert into users (id, issuer, subject, national_id, name, locale, created_at)
select bench.key('user', i), 'bench', 'bench-' || i, lpad((1000000000 + i)::text, 10, '0'), 'عبد الله رقم ' || i, 'AR', bench.instant(i)
from generate_series(1, {companies} * 3) i
"""

_COMPANIES = """
insert into providers (id, name_ar, name_en, status, version, created_at, updated_at)
select bench.key('provider', i), 'مزود خدمة رقم ' || i, 'Service provider ' || i, 'ACTIVE', 1, bench.instant(i), bench.instant(i)
from generate_series(1, {companies}) i;
insert into companies (id, provider_id, labor_office_id, sequence_number, unified_number, name_ar, name_en, city_id, activity, status,
                       search_text, last_event, last_contract, created_at, updated_at)
select bench.key('company', i), bench.key('provider', i), 1 + i % 9, 100000 + i, (7000000000 + i)::text, 'شركة العمل عن بعد رقم ' || i,
       case when i % 5 > 0 then 'Telework company ' || i end, (select id from cities order by id offset i % 7 limit 1),
       (array['Call centres', 'Data entry', 'Customer support'])[1 + i % 3], 'ACTIVE',
       'شركه العمل عن بعد رقم ' || i || ' telework company ' || i, 0, {contracts}, bench.instant(i), bench.instant(i)
from generate_series(1, {companies}) i;
insert into members (id, company_id, user_id, role, status, created_at, updated_at)
select bench.key('member', i), bench.key('company', 1 + (i - 1) / 3), bench.key('user', i),
       (array['OWNER', 'ADMIN', 'MEMBER'])[1 + (i - 1) % 3], 'ACTIVE', bench.instant(i), bench.instant(i)
from generate_series(1, {companies} * 3) i
"""

# last_used_at lies ahead, so that noting the use of a token (at most once a minute) never falls due and disturbs.
_TOKENS = """
insert into sp_tokens (id, company_id, name, display_code, secret_hash, environment, scopes, created_at, last_used_at)
select bench.key('token', i), bench.key('company', i), 'Server ' || i, substr(hash, 1, 6), hash, 'LIVE', $2::text::jsonb, bench.instant(i),
       timestamptz '2099-01-01 00:00:00+00'
from unnest($1::text[]) with ordinality as made(hash, i)
"""

_ESTABLISHMENTS = """
insert into establishments (id, labor_office_id, sequence_number, unified_number, name_ar, name_en, city_id, activity, email, mobile,
                            search_text, created_at, updated_at)
select bench.key('establishment', i), 11 + i % 9, 200000 + i, (7100000000 + i)::text, 'منشأة رقم ' || i,
       case when i % 4 > 0 then 'Establishment ' || i end, (select id from cities order by id offset i % 7 limit 1),
       (array['Retail', 'Health', 'Education', 'Logistics', 'Insurance'])[1 + i % 5], 'office' || i || '@example.sa',
       '+9665' || lpad(i::text, 8, '0'), 'منشاه رقم ' || i || ' establishment ' || i, bench.instant(i), bench.instant(i)
from generate_series(1, {establishments}) i
"""

_CONTRACTS = """
insert into invitations (id, company_id, establishment_id, status, message, search_text, received_at, expires_at, version)
select bench.key('invitation', i), bench.key('company', 1 + (i - 1) / 20), bench.key('establishment', 1 + (i * 41) % {establishments}),
       case when i % 2 = 0 then 'PENDING' else 'REJECTED' end, 'نرغب في التعاقد معكم', 'نرغب في التعاقد معكم',
       bench.instant(i),
       case when i % 4 = 0 then timestamptz '2099-01-01 00:00:00+00' else timestamptz '2026-03-01 00:00:00+00' end, 1
from generate_series(1, {companies} * 20) i;
insert into contracts (id, company_id, establishment_id, number, standing, starts_on, ends_on, terminated_at, termination_reason, version,
                       created_at, updated_at)
select bench.key('contract', i), bench.key('company', 1 + (i - 1) / {contracts}),
       bench.key('establishment', 1 + (i * 37) % {establishments}), 'C-2026-' || lpad((1 + (i - 1) % {contracts})::text, 6, '0'),
       i % 4 in (0, 3),
       case when i % 4 = 3 then date '2099-01-01' + (i % 200)::int else date '2026-01-01' + (i % 200)::int end,
       case when i % 4 = 1 then date '2026-09-01' + (i % 30)::int when i % 8 < 4 then date '2099-12-31' end,
       case when i % 4 = 2 then timestamptz '2026-10-01 09:00:00+00' end, case when i % 4 = 2 then 'انتهاء الحاجة' end, 1 + (i % 3)::int,
       bench.instant(i * 60), bench.instant(i * 60)
from generate_series(1, {companies} * {contracts}::bigint) i
"""

# Project p stands on a busy contract: of each company's contracts the last, which are the newest.
_PROJECTS = """
insert into projects (id, company_id, kind, contract_id, establishment_id, title_ar, title_en, scope, status, starts_on, ends_on,
                      planned_headcount, search_text, version, created_at, updated_at)
select bench.key('project', p), bench.key('company', 1 + (c - 1) / {contracts}), 'CLIENT', bench.key('contract', c),
       bench.key('establishment', 1 + (c * 37) % {establishments}), 'دعم العملاء عن بعد ' || p,
       case when p % 3 > 0 then 'Remote customer support ' || p end, repeat('الرد على استفسارات العملاء. ', 3),
       (array['APPROVED', 'APPROVED', 'SUBMITTED', 'COMPLETED'])[1 + p % 4], date '2026-02-01' + (p % 200)::int,
       case when p % 2 = 0 then date '2027-02-01' + (p % 200)::int end, 10 + (p % 90)::int,
       'دعم العملاء عن بعد ' || p || case when p % 3 > 0 then ' remote customer support ' || p else '' end, 1 + (p % 3)::int,
       bench.instant(p * 10), bench.instant(p * 10)
from (select p, (p - 1) / ({busy} * 10) * {contracts} + {contracts} - {busy} + 1 + (p - 1) / 10 % {busy} as c
      from generate_series(1, {projects}::bigint) p) numbered;
insert into projects (id, company_id, kind, title_ar, title_en, status, starts_on, search_text, version, created_at, updated_at)
select bench.key('own project', p), bench.key('company', 1 + (p - 1) / 5), 'OWN', 'توظيف مباشر ' || p, 'Direct hiring ' || p, 'APPROVED',
       date '2026-02-01', 'توظيف مباشر ' || p || ' direct hiring ' || p, 1, bench.instant(p), bench.instant(p)
from generate_series(1, {companies} * 5) p
"""

# A fifth each is a draft, closed, full, out of date; the rest is open.
_JOBS = """
insert into jobs (id, company_id, project_id, title_ar, title_en, occupation_id, description, status, vacancies, filled, employment_type,
                  salary_min, salary_max, weekly_hours, gender, education_level, experience_years, skills, disability_friendly, city_id,
                  published_at, closes_at, search_text, version, created_at, updated_at)
select bench.key('job', j), bench.key('company', 1 + (j - 1) / ({busy} * 100)), bench.key('project', 1 + (j - 1) / 10),
       'موظف خدمة عملاء ' || j, case when j % 4 > 0 then 'Customer service agent ' || j end,
       (select ids[1 + j % array_length(ids, 1)] from (select array_agg(id order by id) as ids from occupations) known),
       repeat('الرد على المكالمات والرسائل. ', 4), case j % 5 when 0 then 'DRAFT' when 1 then 'CLOSED' else 'OPEN' end, 1 + (j % 20)::int,
       case when j % 5 = 2 then 1 + (j % 20)::int else 0 end, case when j % 3 = 0 then 'PART_TIME' else 'FULL_TIME' end,
       case when j % 7 > 0 then 4000 + j % 60 * 100 + j % 4 * 0.25 end, case when j % 7 > 0 then 8000 + j % 60 * 100 end,
       20 + (j % 28)::int,
       (array['ANY', 'ANY', 'FEMALE', 'MALE'])[1 + j % 4], (array['NONE', 'SECONDARY', 'DIPLOMA', 'BACHELOR'])[1 + j % 4], (j % 6)::int,
       '["اللغة الإنجليزية", "Excel"]', j % 2 = 0,
       (select ids[1 + j % array_length(ids, 1)] from (select array_agg(id order by id) as ids from cities) known),
       case when j % 5 > 0 then bench.instant(j) end,
       case when j % 5 = 0 then null when j % 5 = 3 then timestamptz '2026-02-01 00:00:00+00' else timestamptz '2099-01-01 00:00:00+00' end,
       'موظف خدمه عملاء ' || j || case when j % 4 > 0 then ' customer service agent ' || j else '' end, 1 + (j % 3)::int,
       bench.instant(j), bench.instant(j)
from generate_series({first}::bigint, {last}::bigint) j
"""

_TELEWORKERS = """
insert into teleworkers (id, company_id, national_id, name, gender, search_text, created_at, updated_at)
select bench.key('teleworker', i), bench.key('company', 1 + (i - 1) / 50), lpad((1100000000 + i)::text, 10, '0'), 'موظف رقم ' || i,
       case when i % 2 = 0 then 'FEMALE' else 'MALE' end, 'موظف رقم ' || i, bench.instant(i), bench.instant(i)
from generate_series(1, {companies} * 50) i;
insert into employments (id, company_id, job_id, teleworker_id, employment_type, starts_on, ends_on, wage, weekly_hours, gosi_registered,
                         version, created_at, updated_at)
select bench.key('employment', i), bench.key('company', 1 + (i - 1) / 50),
       bench.key('job', (i - 1) / 50 * {busy} * 100 + 1 + i % ({busy} * 100)), bench.key('teleworker', i), 'FULL_TIME', date '2026-02-01',
       case when i % 5 = 0 then date '2026-06-01' end, 4500, 40, true, 1, bench.instant(i), bench.instant(i)
from generate_series(1, {companies} * 50) i
"""


def _steps(size: Size) -> Iterator[tuple[str, str, tuple[object, ...]]]:
    """Name, SQL and parameters, in the order in which they are done; each is a transaction of its own."""
    scopes = json.dumps(sorted(GRANTABLE))
    numbers = {name: getattr(size, name) for name in ("companies", "contracts", "busy", "establishments", "projects", "jobs")}
    yield "users", _USERS.format(**numbers), ()
    yield "companies", _COMPANIES.format(**numbers), ()
    yield "tokens", _TOKENS, ([hash_of(secret_of(number)) for number in range(1, size.companies + 1)], scopes)
    yield "establishments", _ESTABLISHMENTS.format(**numbers), ()
    yield "contracts", _CONTRACTS.format(**numbers), ()
    yield "projects", _PROJECTS.format(**numbers), ()
    for first in range(1, size.jobs + 1, _BATCH):
        last = min(first + _BATCH - 1, size.jobs)
        yield f"jobs {first:,} to {last:,}", _JOBS.format(**numbers, first=first, last=last), ()
    yield "teleworkers", _TELEWORKERS.format(**numbers), ()


# ---- loading ------------------------------------------------------------------------------------------------------------


async def prepare(server: Postgres, size: Size) -> str:
    """The database of this size, loaded now or by an earlier run; its name. One interrupted goes on where it was."""
    name = f"bench_{size.name}_{_fingerprint(size)}"
    await _create(server, name, size)
    await migrate(server.url(name))
    connection = await asyncpg.connect(**server.arguments(name))
    try:
        await _load(connection, size)
    finally:
        await connection.close()
    return name


async def companies(server: Postgres, database: str) -> list[Company]:
    """Every company with its token, in the order of their numbers."""
    connection = await asyncpg.connect(**server.arguments(database))
    try:
        keys = await connection.fetch("select id from companies order by sequence_number")
    finally:
        await connection.close()
    return [Company(UUID(str(key)), secret_of(number)) for number, (key,) in enumerate(keys, 1)]


def _fingerprint(size: Size) -> str:
    """Of all that decides what the database holds: another one is made when tables or rows change, not when lines are broken elsewhere."""
    made = [f"{name}{sql}{parameters}" for name, sql, parameters in _steps(size)]
    texts = [_KEY, *made, *(path.read_text(encoding="utf-8") for path in sorted(_MIGRATIONS.glob("*.py")))]
    return hashlib.sha256(" ".join(" ".join(texts).split()).encode()).hexdigest()[:12]


async def _create(server: Postgres, name: str, size: Size) -> None:
    """The database, empty where it is missing; those of this size with other contents are dropped."""
    connection = await asyncpg.connect(**server.arguments("postgres"))
    try:
        known = [row[0] for row in await connection.fetch("select datname from pg_database where datname like $1", f"bench_{size.name}_%")]
        for old in known:
            if old != name:
                await connection.execute(f'drop database "{old}" with (force)')
        if name not in known:
            await connection.execute(f'create database "{name}"')
    finally:
        await connection.close()


async def _load(connection: asyncpg.Connection, size: Size) -> None:
    # Foreign keys are right by construction; looking up each would double the time.
    await connection.execute("set session_replication_role = replica")
    await connection.execute("create schema if not exists bench; create table if not exists bench.steps (name text primary key)")
    done = {row[0] for row in await connection.fetch("select name from bench.steps")}
    waiting = [step for step in [("functions", _KEY, ()), *_steps(size), ("indexes", "", ())] if step[0] not in done]
    for name, sql, parameters in waiting:
        print(f"loading: {name}", flush=True)
        if name == "indexes":
            await _make_indexes(connection)
        if name.startswith("jobs"):
            await _set_indexes_aside(connection)
        async with connection.transaction():
            if parameters:
                await connection.execute(sql, *parameters)
            elif sql:
                await connection.execute(sql)
            await connection.execute("insert into bench.steps values ($1)", name)
    if waiting:
        await connection.execute("vacuum analyze")
        await connection.execute("checkpoint")


async def _set_indexes_aside(connection: asyncpg.Connection) -> None:
    """Those of jobs: made once all rows are there, they take a tenth of the time and no more room than they need."""
    async with connection.transaction():
        await connection.execute("create table if not exists bench.indexes (definition text primary key)")
        plain = """select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition
                   from pg_index where indrelid = 'jobs'::regclass and not indisunique"""
        for name, definition in await connection.fetch(plain):
            await connection.execute("insert into bench.indexes values ($1) on conflict do nothing", definition)
            await connection.execute(f"drop index {name}")


async def _make_indexes(connection: asyncpg.Connection) -> None:
    async with connection.transaction():
        for (definition,) in await connection.fetch("select definition from bench.indexes"):
            await connection.execute(definition)
        await connection.execute("delete from bench.indexes")
