"""The revisions make exactly what the models say, on both databases, and can be undone."""

import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from pydantic import SecretStr
from sqlalchemy import Column, Connection, Uuid, bindparam, delete, func, inspect, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.database import Database
from app.models import LIVE_WORLD, Base, City, Establishment, Faq, Job, Occupation, Slot, Teleworker
from app.models.base import Instant
from app.operations.migrate import downgrade, migrate, upgrade
from app.operations.reference import reference_id, write_reference_data
from app.operations.slot import WrongSlotKey, holder_key
from app.settings import Settings
from tests.conftest import Templates
from tests.databases import drop_database, fresh_database
from tests.portal import NOW, portal_on
from tests.world import make_world

BEFORE_SLOTS = "0004"
Fresh = Callable[[], AbstractContextManager[str]]

# What a database knows of its tables beyond their columns, in its own words.
POSTGRESQL = """
SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'
UNION ALL
SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND conrelid <> coalesce(to_regclass('alembic_version'), 0::regclass)
UNION ALL
SELECT concat_ws(' ', table_name, column_name, data_type, character_maximum_length, numeric_precision, numeric_scale,
                 collation_name, is_nullable, column_default)
FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'
"""
SQLITE = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'alembic_version'"


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest, templates: Templates, tmp_path: Path) -> Fresh:
    """Makes empty databases, one each time."""
    files = iter(range(9))

    @contextmanager
    def sqlite() -> Iterator[str]:
        yield f"sqlite+aiosqlite:///{tmp_path}/{next(files)}.db"

    if request.param == "sqlite":
        return sqlite
    server = templates.server_url

    @contextmanager
    def on_server() -> Iterator[str]:
        url = fresh_database(server)
        yield url
        drop_database(server, url)

    return on_server


@pytest.mark.filterwarnings("ignore:.*expression-based index")
async def test_upgrading_from_nothing_makes_what_the_models_say(fresh: Fresh) -> None:
    with fresh() as url, fresh() as other:
        await migrate(url)
        await run(other, Base.metadata.create_all)

        assert await run(url, differences) == []
        assert await run(url, definitions) == await run(other, definitions)


async def test_the_comparison_sees_constraints_and_indexed_expressions(fresh: Fresh) -> None:
    with fresh() as url:
        await migrate(url)
        found = "\n".join(await run(url, definitions))

        assert "ck_jobs_filled" in found
        assert re.search(r"uq_contracts_standing.*where.*standing", found, re.IGNORECASE)
        assert re.search(r"ix_jobs_salary_min_desc.*coalesce\(salary_min", found, re.IGNORECASE)


async def test_downgrading_leaves_nothing(fresh: Fresh) -> None:
    with fresh() as url:
        await migrate(url)
        async with opened(url) as database, database.writing() as session:
            await downgrade(session, "base")

        assert await run(url, definitions) == []


async def test_upgrading_after_a_downgrade_works_again(fresh: Fresh) -> None:
    with fresh() as url:
        await migrate(url)
        before = await run(url, definitions)
        async with opened(url) as database, database.writing() as session:
            await downgrade(session, "base")
            await upgrade(session)

        assert await run(url, definitions) == before


async def test_a_second_migration_changes_nothing(fresh: Fresh) -> None:
    with fresh() as url:
        await migrate(url)
        before = await run(url, definitions)
        async with opened(url) as database, database.writing() as session:
            written = await write_reference_data(session)
        await migrate(url)

        assert written == 0
        assert await run(url, definitions) == before


async def test_employments_from_before_there_were_slots_have_theirs_afterwards(
    fresh: Fresh, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TELEWORK_SLOT_KEY", "k" * 32)
    with fresh() as url:
        await migrate(url)
        async with portal_on(url, tmp_path) as portal:
            world = await make_world(portal)
            jobs = await world.job(), await world.job(await world.project(world.south))
            made = [await world.employment(job, ends_on=world.today if job is jobs[0] else None) for job in jobs]
            workers = await portal.fetch(select(Teleworker))
            async with portal.database.writing() as session:
                await downgrade(session, BEFORE_SLOTS)
        await migrate(url)

        async with opened(url) as database, database.writing() as session:
            found = {slot.id: slot for slot in (await session.execute(select(Slot))).scalars()}
            counted = {job.id: job.filled_until for job in (await session.execute(select(Job))).scalars()}
        numbers = {worker.id: worker.national_id for worker in workers}
        key = SecretStr("k" * 32)
        assert {row.id: (row.starts_on, row.ends_on, holder_key(key, LIVE_WORLD, numbers[row.teleworker_id])) for row in made} == {
            slot.id: (slot.starts_on, slot.ends_on, slot.holder_id) for slot in found.values()
        }
        assert counted == {jobs[0].id: date(1900, 1, 1), jobs[1].id: None}  # the first is counted at each reading
        monkeypatch.setenv("TELEWORK_SLOT_KEY", "another")
        with pytest.raises(WrongSlotKey):
            await migrate(url)


async def test_establishments_keep_their_rows_and_what_refers_to_them_as_they_come_to_worlds(fresh: Fresh) -> None:
    first, company, other, invited = (UUID(digit * 32) for digit in "1234")
    times, named = {"created_at": NOW, "updated_at": NOW}, {"name_ar": "x", "search_text": ""}
    numbers = {"labor_office_id": 7, "sequence_number": 77}
    waiting = {"status": "PENDING", "received_at": NOW, "expires_at": NOW, "search_text": "", "version": 1}
    with fresh() as url:
        async with opened(url) as database:
            async with database.writing() as session:
                await upgrade(session, "0004")
                await insert(session, "providers", id=other, name_ar="x", status="ACTIVE", version=1, **times)
                counts = {"last_event": 0, "last_contract": 0}
                await insert(session, "companies", id=company, provider_id=other, status="ACTIVE", **numbers, **named, **counts, **times)
                await insert(session, "establishments", id=first, **numbers, **named, **times)
                await insert(session, "invitations", id=invited, company_id=company, establishment_id=first, **waiting)
            async with database.writing() as session:
                await upgrade(session)
                await insert(session, "establishments", id=other, world=company, **numbers, **named, **times)
            async with database.reading() as connection:
                found = (await connection.execute(select(Establishment.id, Establishment.world).order_by(Establishment.id))).all()
            for refused in (
                delete(Establishment).where(Establishment.id == first),  # an invitation refers to it
                update(Establishment).values(world=company),
            ):
                with pytest.raises(IntegrityError):
                    async with database.writing() as session:
                        await session.execute(refused)

    assert [tuple(each) for each in found] == [(first, LIVE_WORLD), (other, company)]


async def insert(session: AsyncSession, table: str, **values: Any) -> None:
    """A row as an older version writes it, which knows other columns than the models."""
    types: dict[type, Any] = {UUID: Uuid(), datetime: Instant()}
    bound = [bindparam(name, type_=types[type(value)]) for name, value in values.items() if type(value) in types]
    statement = f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(f':{name}' for name in values)})"  # ours
    await session.execute(text(statement).bindparams(*bound), values)


@pytest.mark.parametrize(("model", "rows"), [(City, 69), (Occupation, 120), (Faq, 12)])
async def test_reference_data_is_there(fresh: Fresh, model: Any, rows: int) -> None:
    with fresh() as url:
        await migrate(url)
        async with opened(url) as database, database.reading() as connection:
            assert (await connection.execute(select(func.count()).select_from(model))).scalar_one() == rows


async def test_reference_data_is_corrected_under_the_same_id(fresh: Fresh) -> None:
    with fresh() as url:
        await migrate(url)
        async with opened(url) as database:
            async with database.writing() as session:
                city = (await session.execute(select(City).where(City.key == "riyadh"))).scalar_one()
                city.name_en = "Riyad"
            await migrate(url)
            async with database.reading() as connection:
                row = (await connection.execute(select(City.id, City.name_en, City.search_text).where(City.key == "riyadh"))).one()

        assert row.id == reference_id(City, "riyadh")
        assert (row.name_en, "riyadh" in row.search_text) == ("Riyadh", True)


def test_reference_ids_are_the_same_everywhere() -> None:
    identifier = reference_id(City, "riyadh")

    assert str(identifier) == "019b76da-a800-747a-bab7-29b0bd971171"
    assert (identifier.version, identifier.variant) == (7, "specified in RFC 4122")


def differences(connection: Connection) -> Any:
    """What Alembic would change; indexes over expressions and of texts aside, which it reads back in other words, or not at all."""
    indexes = [index for table in Base.metadata.sorted_tables for index in table.indexes]
    untold = {index.name for index in indexes if not all(isinstance(each, Column) for each in index.expressions)}
    beside = [name for name in inspect(connection).get_table_names() if "_search" in name or name == "search_places"]  # SQLite's
    options = {
        "compare_type": True,
        "compare_server_default": True,
        "include_object": lambda _, name, *rest: name not in (*untold, *beside),
    }
    return compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata)


def definitions(connection: Connection) -> list[str]:
    """Every table, constraint and index as the database tells it, in one order; lines of a table may come in any."""
    statement = SQLITE if connection.dialect.name == "sqlite" else POSTGRESQL
    found = connection.execute(text(statement)).scalars()
    return sorted("\n".join(sorted(_parts(each))) for each in found)


def _parts(definition: str) -> list[str]:
    """Its lines; SQLite writes a column that was added later behind the others, on one line with what closes the table."""
    if definition.startswith("CREATE TABLE"):
        definition = definition.rstrip().removesuffix(")")
    return [part for line in re.split(r"\n|, (?=[a-z_]+ [A-Z])", definition) if (part := line.strip(" ,\t"))]


async def run(url: str, work: Callable[[Connection], Any]) -> Any:
    async with opened(url) as database, database.writing() as session:
        return await (await session.connection()).run_sync(work)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = Database(Settings(database_url=url))
    try:
        yield database
    finally:
        await database.close()
