"""What the demo promises: how much there is of what, every state in every company, and that no rule of the domain is broken."""

import asyncio
import hashlib
import json
import re
import shutil
import stat
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Date, Table, literal, select, update

from app.auth.permissions import DEFAULT_SCOPES, GRANTABLE
from app.auth.secrets import hash_of
from app.auth.tokens import environment_of, gateway_in_use
from app.clock import month_later, riyadh_day
from app.database import Database
from app.models import (
    Base,
    Company,
    Contract,
    ContractStatus,
    Document,
    DocumentStatus,
    Employment,
    EmploymentStatus,
    EmploymentType,
    Environment,
    Establishment,
    Event,
    EventType,
    GatewayCredential,
    Invitation,
    InvitationStatus,
    Job,
    JobStatus,
    LeavePeriod,
    Member,
    MemberStatus,
    Project,
    ProjectKind,
    ProjectStatus,
    Provider,
    Role,
    SpToken,
    Teleworker,
    TokenStatus,
    User,
    contract_status,
    employment_status,
    invitation_status,
    job_status,
    token_status,
)
from app.models.base import Instant
from app.operations.demo import DemoFile, NotEmpty, prepare_demo, seed_demo
from app.operations.migrate import migrate
from app.settings import Settings
from app.values import has_check_digit
from tests.conftest import Templates
from tests.databases import drop_database, fresh_database

# Just after midnight in Riyadh, when it is still the day before in UTC.
NOW = datetime(2026, 11, 22, 21, 7, 30, 123456, tzinfo=UTC)
TODAY = riyadh_day(NOW)
PUBLIC_URL = "http://127.0.0.1:8000/"

COUNTS = [
    (Provider, 3), (Company, 6), (Establishment, 40), (Invitation, 60), (Contract, 80), (Project, 200), (Job, 1500), (Teleworker, 2000),
]  # fmt: skip
LOGGED = [
    EventType.INVITATION_RECEIVED, EventType.INVITATION_ACCEPTED, EventType.INVITATION_REJECTED, EventType.CONTRACT_CREATED,
    EventType.PROJECT_CREATED, EventType.PROJECT_SUBMITTED, EventType.PROJECT_DECIDED, EventType.JOB_ADDED, EventType.TELEWORKER_HIRED,
]  # fmt: skip
FUNNEL = {EventType.INVITATION_RECEIVED: Invitation, EventType.CONTRACT_CREATED: Contract, EventType.PROJECT_CREATED: Project,
          EventType.JOB_ADDED: Job, EventType.TELEWORKER_HIRED: Employment}  # fmt: skip
SECRET = {"secret_hash", "display_code"}


@dataclass
class Demo:
    """All rows of a seeded database by model, and by model and id what the clock makes of their status."""

    rows: dict[type[Base], list[Any]]
    statuses: dict[type[Base], dict[UUID, str]]
    folder: Path = Path()  # of its documents

    def by_company(self, model: type[Base]) -> dict[UUID, list[Any]]:
        return grouped(self.rows[model], lambda row: row.company_id)

    def by_id(self, model: type[Base]) -> dict[UUID, Any]:
        return {row.id: row for row in self.rows[model]}

    def states(self, model: type[Base]) -> dict[UUID, set[str]]:
        """By company, those that occur."""
        return {company: {self.statuses[model][row.id] for row in rows} for company, rows in self.by_company(model).items()}


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database's file, to be copied."""
    path = tmp_path_factory.mktemp("empty") / "telework.db"
    asyncio.run(migrate(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture(scope="module")
def demo_rows(empty: Path, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    return asyncio.run(seeded(empty, tmp_path_factory.mktemp("seeded")))


@pytest.fixture
async def database(empty: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """A migrated database without rows."""
    async with copied(empty, tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def first_run(empty: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DemoFile]:
    """A folder with the prepared demo, to be copied, and what demo.json in it says."""
    folder = tmp_path_factory.mktemp("prepared")

    async def prepare() -> DemoFile:
        async with copied(empty, folder) as database:
            return await prepare_demo(database, now=NOW, data_dir=folder, public_url=PUBLIC_URL)

    return folder, asyncio.run(prepare())


@pytest.fixture
async def prepared(first_run: tuple[Path, DemoFile], tmp_path: Path) -> AsyncIterator[Database]:
    """The prepared demo's database, with demo.json in tmp_path."""
    shutil.copy(first_run[0] / "demo.json", tmp_path)
    async with copied(first_run[0] / "telework.db", tmp_path) as made:
        yield made


# How much of what


@pytest.mark.parametrize(("model", "count"), COUNTS)
def test_there_is_as_much_as_was_said(demo_rows: Demo, model: type[Base], count: int) -> None:
    assert len(demo_rows.rows[model]) == count


@pytest.mark.parametrize(
    ("model", "states"),
    [
        (Invitation, InvitationStatus),
        (Contract, ContractStatus),
        (Job, JobStatus),
        (Employment, EmploymentStatus),
        (SpToken, TokenStatus),
        (Project, ProjectStatus),
        (Member, MemberStatus),
        (Document, DocumentStatus),
    ],
)
def test_every_company_has_every_state(demo_rows: Demo, model: type[Base], states: Iterable[str]) -> None:
    assert [found for found in demo_rows.states(model).values() if found != set(states)] == []
    assert len(demo_rows.states(model)) == 6


def test_every_company_has_every_status_of_each_kind_of_project(demo_rows: Demo) -> None:
    found = defaultdict(set)
    for project in demo_rows.rows[Project]:
        found[project.company_id, project.kind].add(project.status)
    client = {ProjectStatus.APPROVED, ProjectStatus.SUSPENDED, ProjectStatus.COMPLETED}

    assert all(statuses == (client if kind is ProjectKind.CLIENT else set(ProjectStatus)) for (_, kind), statuses in found.items())


def test_every_company_has_an_invitation_that_only_the_clock_expired(demo_rows: Demo) -> None:
    pending = [row for row in demo_rows.rows[Invitation] if row.status is InvitationStatus.PENDING and row.expires_at <= NOW]

    assert len({row.company_id for row in pending}) == 6


def test_every_company_has_three_invitations_that_can_be_accepted(demo_rows: Demo) -> None:
    live = {(row.company_id, row.establishment_id) for row in demo_rows.rows[Contract] if row.standing and (row.ends_on or TODAY) >= TODAY}
    for rows in demo_rows.by_company(Invitation).values():
        pending = [row for row in rows if demo_rows.statuses[Invitation][row.id] == "PENDING"]
        free = [row for row in pending if (row.company_id, row.establishment_id) not in live]
        assert len(free) >= 3
        assert all(row.proposed_ends_on is None or row.proposed_ends_on > TODAY for row in free)


def test_every_company_has_a_client_project_with_people_and_one_without(demo_rows: Demo) -> None:
    working = Counter(row.job_id for row in demo_rows.rows[Employment] if demo_rows.statuses[Employment][row.id] != "ENDED")
    people = Counter({job.project_id: 0 for job in demo_rows.rows[Job]})
    for job in demo_rows.rows[Job]:
        people[job.project_id] += working[job.id]
    for projects in demo_rows.by_company(Project).values():
        active = [row for row in projects if row.contract_id and demo_rows.statuses[Contract][row.contract_id] == "ACTIVE"]
        counts = [people[row.id] for row in active if row.status is ProjectStatus.APPROVED and row.id in people]
        assert max(counts) > 0
        assert min(counts) == 0
        assert any(people[row.id] for row in projects if row.kind is ProjectKind.OWN)


def test_employments_ended_both_ways(demo_rows: Demo) -> None:
    for rows in demo_rows.by_company(Employment).values():
        ended = [row for row in rows if demo_rows.statuses[Employment][row.id] == "ENDED"]
        assert {row.ended_at is None for row in ended} == {True, False}
        assert any(row.ends_on == TODAY for row in ended)


# The rules of the domain


def test_a_full_job_is_full_and_every_job_counts_its_people(demo_rows: Demo) -> None:
    current = Counter(row.job_id for row in demo_rows.rows[Employment] if demo_rows.statuses[Employment][row.id] != "ENDED")

    assert [job.id for job in demo_rows.rows[Job] if job.filled != current[job.id] or job.filled > job.vacancies] == []


def test_no_job_had_more_people_at_once_than_vacancies(demo_rows: Demo) -> None:
    jobs = demo_rows.by_id(Job)
    for job_id, rows in grouped(demo_rows.rows[Employment], lambda row: row.job_id).items():
        busiest = max(sum(covers(row, day) for row in rows) for day in {row.starts_on for row in rows})
        assert busiest <= jobs[job_id].vacancies


def test_jobs_are_in_projects_that_were_approved(demo_rows: Demo) -> None:
    statuses = {demo_rows.by_id(Project)[job.project_id].status for job in demo_rows.rows[Job]}

    assert statuses == {ProjectStatus.APPROVED, ProjectStatus.SUSPENDED, ProjectStatus.COMPLETED}


def test_jobs_close_a_month_after_publication(demo_rows: Demo) -> None:
    published = [job for job in demo_rows.rows[Job] if job.published_at]

    assert all(job.closes_at == month_later(job.published_at) and job.published_at <= NOW for job in published)
    assert {job.published_at for job in demo_rows.rows[Job] if job.status is JobStatus.DRAFT} == {None}


def test_people_are_hired_into_published_jobs_that_fit(demo_rows: Demo) -> None:
    jobs, people = demo_rows.by_id(Job), demo_rows.by_id(Teleworker)
    for row in demo_rows.rows[Employment]:
        job, person = jobs[row.job_id], people[row.teleworker_id]
        assert job.published_at is not None
        assert job.published_at <= row.created_at <= NOW
        assert (row.company_id, row.employment_type) == (job.company_id, job.employment_type)
        assert (riyadh_day(row.created_at) - row.starts_on).days <= 28
        assert job.gender in ("ANY", person.gender)


def test_hires_keep_to_age_wage_hours_and_registration(demo_rows: Demo) -> None:
    people = demo_rows.by_id(Teleworker)
    for row in demo_rows.rows[Employment]:
        assert 18 <= age(people[row.teleworker_id].birth_date, row.starts_on) <= 60
        assert row.wage >= (4000 if row.employment_type is EmploymentType.FULL_TIME else 2000)
        assert row.weekly_hours <= 48
        assert row.gosi_registered


def test_nobody_works_more_than_the_law_allows(demo_rows: Demo) -> None:
    people = demo_rows.by_id(Teleworker)
    careers = grouped(demo_rows.rows[Employment], lambda row: people[row.teleworker_id].national_id)
    for rows in careers.values():
        assert not any(first.company_id == second.company_id and overlap(first, second) for first, second in combinations(rows, 2))
        for day in {row.starts_on for row in rows}:
            at_once = Counter(row.employment_type for row in rows if covers(row, day))
            assert at_once[EmploymentType.FULL_TIME] <= 1
            assert at_once[EmploymentType.PART_TIME] <= 2
    # Some work for two companies, some came back.
    assert any(len({row.company_id for row in rows}) == 2 for rows in careers.values())
    assert any(len(rows) > len({row.company_id for row in rows}) for rows in careers.values())


def test_national_ids_are_citizens_and_valid(demo_rows: Demo) -> None:
    ids = {row.national_id for model in (User, Teleworker) for row in demo_rows.rows[model]}

    assert all(re.fullmatch(r"1000\d{6}", each) and has_check_digit(each) for each in ids)


def test_leaves_lie_within_their_employments(demo_rows: Demo) -> None:
    employments, leaves = demo_rows.by_id(Employment), demo_rows.rows[LeavePeriod]

    assert all(covers(employments[row.employment_id], day) for row in leaves for day in (row.starts_on, row.ends_on) if day)


def test_one_standing_contract_for_each_establishment_and_projects_began_under_theirs(demo_rows: Demo) -> None:
    contracts = demo_rows.by_id(Contract)
    standing = Counter((row.company_id, row.establishment_id) for row in contracts.values() if row.standing)

    assert set(standing.values()) == {1}
    assert all(row.standing for row in contracts.values() if demo_rows.statuses[Contract][row.id] in ("ACTIVE", "SCHEDULED"))
    for project in demo_rows.rows[Project]:
        if project.contract_id:
            contract = contracts[project.contract_id]
            assert contract.starts_on <= riyadh_day(project.created_at) <= (contract.ends_on or TODAY)
            assert contract.terminated_at is None or project.created_at < contract.terminated_at


def test_accepted_invitations_have_their_contracts_and_only_they(demo_rows: Demo) -> None:
    accepted = {row.id for row in demo_rows.rows[Invitation] if row.status is InvitationStatus.ACCEPTED}

    assert {row.invitation_id for row in demo_rows.rows[Contract] if row.invitation_id} == accepted


def test_every_contract_has_a_document_whose_bytes_are_there(demo_rows: Demo) -> None:
    documents = demo_rows.by_id(Document)
    for contract in demo_rows.rows[Contract]:
        document = documents[contract.document_id]
        path = demo_rows.folder / "documents" / document.storage_key
        content = path.read_bytes()
        assert (document.status, document.size, document.sha256) == ("READY", len(content), hashlib.sha256(content).hexdigest())
        assert document.file_name == f"contract-{contract.number}.pdf"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert_is_pdf(content, contract.number)


# The log


def test_each_log_is_gapless_in_time_order_and_ends_now(demo_rows: Demo) -> None:
    companies = demo_rows.by_id(Company)
    for company_id, events in demo_rows.by_company(Event).items():
        events.sort(key=lambda event: event.sequence)
        assert [event.sequence for event in events] == list(range(1, companies[company_id].last_event + 1))
        assert all(first.occurred_at <= second.occurred_at for first, second in pairwise(events))
        assert events[-1].occurred_at <= NOW
        assert set(LOGGED) <= {event.type for event in events}


def test_every_row_was_logged_when_it_came(demo_rows: Demo) -> None:
    for type_, model in FUNNEL.items():
        logged = [event.subject_id for event in demo_rows.rows[Event] if event.type is type_]
        assert sorted(logged) == sorted(row.id for row in demo_rows.rows[model])
        assert {event.subject_prefix for event in demo_rows.rows[Event] if event.type is type_} == {model.prefix}


def test_nothing_happened_to_a_thing_before_it_came(demo_rows: Demo) -> None:
    came = {row.id: row.created_at for model in (Contract, Project, Job, Employment, Member) for row in demo_rows.rows[model]}

    assert [event.type for event in demo_rows.rows[Event] if event.occurred_at < came.get(event.subject_id, event.occurred_at)] == []


def test_contract_numbers_count_up(demo_rows: Demo) -> None:
    companies = demo_rows.by_id(Company)
    for company_id, contracts in demo_rows.by_company(Contract).items():
        contracts.sort(key=lambda contract: contract.created_at)
        expected = [f"C-{riyadh_day(row.created_at).year}-{place:06d}" for place, row in enumerate(contracts, start=1)]
        assert [contract.number for contract in contracts] == expected
        assert companies[company_id].last_contract == len(contracts)


# Seeding


async def test_the_same_moment_makes_the_same_rows(empty: Path, demo_rows: Demo, tmp_path: Path) -> None:
    again = await seeded(empty, tmp_path)

    assert plain(again) == plain(demo_rows)
    assert bytes_of(again.folder) == bytes_of(demo_rows.folder)
    hashes = [{row.secret_hash for row in each.rows[SpToken]} for each in (again, demo_rows)]
    assert hashes[0].isdisjoint(hashes[1])


async def test_another_moment_works_as_well(database: Database, tmp_path: Path) -> None:
    result = await seed_demo(database, now=datetime(2028, 2, 29, 9, tzinfo=UTC), data_dir=tmp_path)

    assert result.rows["teleworkers"] == 2000


async def test_a_database_with_companies_is_left_alone(prepared: Database, tmp_path: Path) -> None:
    with pytest.raises(NotEmpty):
        await seed_demo(prepared, now=NOW, data_dir=tmp_path)
    assert not (tmp_path / "documents").exists()


async def test_postgresql_gets_the_same_rows(demo_rows: Demo, templates: Templates, tmp_path: Path) -> None:
    url = await asyncio.to_thread(fresh_database, templates.server_url)
    await migrate(url)
    async with opened(url) as database:
        await seed_demo(database, now=NOW, data_dir=tmp_path)
        found = await load(database)
    await asyncio.to_thread(drop_database, templates.server_url, url)

    assert plain(found) == plain(demo_rows)
    assert found.statuses == demo_rows.statuses


# demo.json


def test_the_file_is_private_and_tells_where_and_who(first_run: tuple[Path, DemoFile]) -> None:
    path = first_run[0] / "demo.json"
    told = json.loads(path.read_text(encoding="utf-8"))

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert set(told) == {
        *("graphqlUrl", "graphiqlUrl", "loginUrl", "reportsUrl", "sandboxGraphqlUrl", "sandboxReportsUrl"),
        *("personas", "tokens", "gateway"),
    }
    assert set(told["gateway"]) == {"secret"}
    assert (told["graphqlUrl"], told["loginUrl"]) == ("http://127.0.0.1:8000/graphql", "http://127.0.0.1:8000/auth/login")
    assert {frozenset(persona) for persona in told["personas"]} == {frozenset({"name", "nationalId", "companies"})}
    assert {frozenset(token) for token in told["tokens"]} == {frozenset({"companyId", "environment", "scopes", "secret"})}


def test_personas_have_every_role_in_every_company(first_run: tuple[Path, DemoFile]) -> None:
    personas, roles = first_run[1].personas, defaultdict(set)
    for each in (each for persona in personas for each in persona.companies):
        roles[each.id].add(each.role)
        assert re.fullmatch(r"cmp_[0-9a-f]{32}", each.id)
        assert re.fullmatch(r"\d{2}-\d{7}", each.establishment_number)

    assert list(roles.values()) == [set(Role)] * 6
    assert 10 <= len(personas) <= 17
    assert {each.role for persona in personas if len(persona.companies) == 1 for each in persona.companies} == set(Role)
    assert sum(not persona.companies for persona in personas) == 1
    assert any({Role.OWNER, Role.ADMIN} <= {each.role for each in persona.companies} for persona in personas)


async def test_each_company_has_two_tokens_that_work(prepared: Database, first_run: tuple[Path, DemoFile]) -> None:
    tokens = first_run[1].tokens
    scopes = grouped(tokens, lambda token: token.company_id)

    assert len(scopes) == 6
    assert all([token.scopes for token in made] == [sorted(GRANTABLE), sorted(DEFAULT_SCOPES)] for made in scopes.values())
    assert {environment_of(token.secret) for token in tokens} == {Environment.LIVE}
    assert {hash_of(token.secret) for token in tokens} == active_tokens(await load(prepared))


async def test_the_gateway_comes_in_with_the_files_secret(prepared: Database, first_run: tuple[Path, DemoFile]) -> None:
    async with prepared.reading() as connection:
        found = await gateway_in_use(connection, first_run[1].gateway.secret)

    assert found is not None
    assert found[0].is_gateway


@pytest.mark.parametrize("left", ["lost", "revoked"])
async def test_a_gateways_secret_that_is_lost_or_does_not_work_is_made_anew(
    prepared: Database, first_run: tuple[Path, DemoFile], tmp_path: Path, left: str
) -> None:
    if left == "lost":  # an older demo.json knows of none
        told = json.loads((tmp_path / "demo.json").read_text(encoding="utf-8"))
        (tmp_path / "demo.json").write_text(json.dumps({**told, "gateway": None}), encoding="utf-8")
    else:
        async with prepared.writing() as session:
            await session.execute(update(GatewayCredential).values(revoked_at=NOW))

    second = await prepare_demo(prepared, now=NOW, data_dir=tmp_path, public_url=PUBLIC_URL)

    rows = (await load(prepared)).rows[GatewayCredential]
    assert second.tokens == first_run[1].tokens
    assert {row.secret_hash for row in rows} == {hash_of(each.gateway.secret) for each in (first_run[1], second)}
    assert len(rows) == 2


async def test_a_second_run_keeps_the_secrets_and_moves_the_addresses(
    prepared: Database, first_run: tuple[Path, DemoFile], tmp_path: Path
) -> None:
    second = await prepare_demo(prepared, now=NOW, data_dir=tmp_path, public_url="http://127.0.0.1:8001")

    addresses: Any = dict.fromkeys(("graphql_url", "graphiql_url", "login_url", "reports_url"), "")
    assert replace(second, **addresses) == replace(first_run[1], **addresses)
    assert json.loads((tmp_path / "demo.json").read_text(encoding="utf-8"))["graphqlUrl"] == "http://127.0.0.1:8001/graphql"


@pytest.mark.parametrize("left", [None, "{", '{"tokens": []}', '{"tokens": [{"companyId": "cmp_0"}]}'])
async def test_a_lost_file_makes_new_tokens_and_revokes_none(
    prepared: Database, first_run: tuple[Path, DemoFile], tmp_path: Path, left: str | None
) -> None:
    path = tmp_path / "demo.json"
    path.unlink()
    if left is not None:
        path.write_text(left, encoding="utf-8")

    second = await prepare_demo(prepared, now=NOW, data_dir=tmp_path, public_url=PUBLIC_URL)

    found = await load(prepared)
    assert {hash_of(token.secret) for token in (*first_run[1].tokens, *second.tokens)} == active_tokens(found)
    assert len(active_tokens(found)) == 24
    assert_gapless(found)


# Helpers


async def seeded(empty: Path, folder: Path) -> Demo:
    async with copied(empty, folder) as database:
        await seed_demo(database, now=NOW, data_dir=folder)
        return replace(await load(database), folder=folder)


@asynccontextmanager
async def copied(empty: Path, folder: Path) -> AsyncIterator[Database]:
    shutil.copy(empty, folder / "telework.db")
    async with opened(f"sqlite+aiosqlite:///{folder}/telework.db") as database:
        yield database


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = Database(Settings(database_url=url))
    try:
        yield database
    finally:
        await database.close()


async def load(database: Database) -> Demo:
    now, today = literal(NOW, Instant()), literal(TODAY, Date())
    expressions: dict[type[Base], Any] = {
        Invitation: invitation_status(Invitation, now),
        Contract: contract_status(Contract, today),
        Job: job_status(Job, now, today),
        Employment: employment_status(Employment, today),
        SpToken: token_status(SpToken, now),
        **{model: model.status for model in (Project, Member, Document)},
    }
    async with database.reading() as connection:
        models = [mapper.class_ for mapper in Base.registry.mappers if isinstance(mapper.local_table, Table)]
        rows = {model: list((await connection.execute(select(model.__table__))).all()) for model in models}
        statuses = {
            model: {key: str(status) for key, status in (await connection.execute(select(model.id, expression))).all()}
            for model, expression in expressions.items()
        }
    return Demo(rows, statuses)


def plain(demo: Demo) -> dict[str, list[dict[str, Any]]]:
    """All rows by table, in the order of their ids, without what is random each time."""
    return {
        model.__tablename__: sorted(
            ({name: value for name, value in row._mapping.items() if name not in SECRET} for row in rows), key=lambda row: str(row["id"])
        )
        for model, rows in demo.rows.items()
    }


def active_tokens(demo: Demo) -> set[str]:
    """The hashes of their secrets."""
    return {row.secret_hash for row in demo.rows[SpToken] if demo.statuses[SpToken][row.id] == "ACTIVE"}


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "documents").iterdir()}


def grouped(rows: Iterable[Any], key: Callable[[Any], Any]) -> dict[Any, list[Any]]:
    found: dict[Any, list[Any]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return found


def assert_gapless(demo: Demo) -> None:
    for company in demo.rows[Company]:
        sequences = sorted(event.sequence for event in demo.rows[Event] if event.company_id == company.id)
        assert sequences == list(range(1, company.last_event + 1))


def assert_is_pdf(content: bytes, number: str) -> None:
    """Every object is where the table of places says, and the table where the end says."""
    start = int(content.rsplit(b"startxref\n", 1)[1].split()[0])
    places = [int(line[:10]) for line in content[start:].splitlines() if line.endswith(b" 00000 n ")]
    assert content.startswith(b"%PDF-1.4\n")
    assert content[start:].startswith(b"xref\n")
    assert [content[place:].split(b" ", 1)[0] for place in places] == [b"1", b"2", b"3", b"4", b"5"]
    assert number.encode() in content


def covers(row: Any, day: date) -> bool:
    """Whether an employment or a leave has begun by the day and not ended; one that was ended today is over."""
    return bool(row.starts_on <= day) and (row.ends_on is None or row.ends_on >= day)


def overlap(first: Any, second: Any) -> bool:
    return covers(first, second.starts_on) or covers(second, first.starts_on)


def age(birth_date: date, day: date) -> int:
    return day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))
