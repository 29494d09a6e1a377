"""Brings a database up to date: its tables by the revisions in migrations/, its reference data by app/data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.database import Database, driver_of
from app.models import Company, Employment, ReportDuty
from app.operations import walls
from app.operations.duty import recount
from app.operations.reference import write_reference_data
from app.operations.slot import know_slot_key
from app.settings import Settings

_MIGRATIONS = Path(__file__).parents[2] / "migrations"
_LOCK = 0x74656C65776F726B  # any number that nobody else locks: "telework"


async def migrate(database_url: str, *, in_sandbox: bool = False) -> None:
    """Upgrade to the newest revision and write the reference data, in one transaction; nothing is written where nothing is to do.

    Servers that start together follow one another: the second finds the work done.
    """
    settings = Settings(database_url=database_url)
    database = Database(settings)
    try:
        async with database.writing() as session:
            if not database.is_sqlite:
                await session.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            await upgrade(session)
            if not database.is_sqlite:
                await raise_walls(session, in_sandbox=in_sandbox)
            await write_reference_data(session)
            await know_slot_key(session, settings.slot_key)
            await _count_duties(session)
    finally:
        await database.close()


async def _count_duties(session: AsyncSession) -> None:
    """For employments that were there before it was kept what they make expected."""
    is_counted = await session.scalar(select(ReportDuty.id).limit(1))
    if is_counted or not await session.scalar(select(Employment.id).limit(1)):
        return
    connection = await session.connection()
    for company in (await session.scalars(select(Company.id).order_by(Company.id))).all():
        await connection.run_sync(recount, company)


async def raise_walls(session: AsyncSession, *, in_sandbox: bool = False) -> None:
    """Makes row-level security what the models say, where it is not: after any revision, so that no new table stays outside of it."""
    schema = await session.scalar(text("SELECT quote_ident(current_schema())"))
    made = walls.raised(str(schema), in_sandbox=in_sandbox)
    mark = f"row-level security {walls.digest(made)}"
    if mark != await session.scalar(text("SELECT obj_description('alembic_version'::regclass)")):
        await driver_of(await session.connection()).execute(f"{made};\nCOMMENT ON TABLE alembic_version IS '{mark}'")


async def upgrade(session: AsyncSession, revision: str = "head") -> None:
    """Run the revisions up to this one that have not run yet; without row-level security, which `raise_walls` makes anew."""
    if await _is_behind(session, revision):
        await _lower_walls(session)
    await (await session.connection()).run_sync(_run, command.upgrade, revision)


async def downgrade(session: AsyncSession, revision: str) -> None:
    """Undo the revisions down to this one, and row-level security; `base` undoes all, and every row is lost."""
    await _lower_walls(session)
    await (await session.connection()).run_sync(_run, command.downgrade, revision)


async def _is_behind(session: AsyncSession, revision: str) -> bool:
    def current(connection: Connection) -> str | None:
        return MigrationContext.configure(connection).get_current_revision()

    return await (await session.connection()).run_sync(current) != _scripts().get_revision(revision).revision


async def _lower_walls(session: AsyncSession) -> None:
    connection = await session.connection()
    if connection.dialect.name == "postgresql":
        await session.execute(text("SELECT 1"))  # the driver's transaction begins with a statement of SQLAlchemy's
        await driver_of(connection).execute(
            f"{walls.LOWERED}; DO $$ BEGIN IF to_regclass('alembic_version') IS NOT NULL THEN"
            " COMMENT ON TABLE alembic_version IS NULL; END IF; END $$"
        )


def _run(connection: Connection, change: Callable[[Config, str], None], revision: str) -> None:
    config = _config()
    config.attributes["connection"] = connection
    change(config, revision)


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))  # the option's own escape
    config.set_main_option("path_separator", "os")
    return config
