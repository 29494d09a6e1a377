"""Fills an empty database with the demo: providers, companies, and two and a half years of their business."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import select

from app.database import Database
from app.models import Base, Company, Environment
from app.operations.demo.accounts import DemoToken, add_accounts, add_tokens
from app.operations.demo.contracting import add_contracting, add_establishments
from app.operations.demo.documents import write_files
from app.operations.demo.hiring import PEOPLE, add_counts, add_people, add_slots, workforce
from app.operations.demo.projects import add_projects
from app.operations.demo.reports import add_reports
from app.operations.demo.world import World
from app.operations.duty import recount

NO_KEY = SecretStr("")


class NotEmpty(Exception):
    """There are companies already: nothing was changed."""


@dataclass(frozen=True)
class DemoResult:
    """rows: how many by table. tokens: the two of each company that work, the only place that knows their secrets."""

    rows: dict[str, int]
    tokens: list[DemoToken]


async def is_empty(database: Database) -> bool:
    async with database.reading() as connection:
        return (await connection.execute(select(Company.id).limit(1))).first() is None


async def seed_demo(
    database: Database,
    *,
    now: datetime,
    data_dir: Path,
    environment: Environment = Environment.LIVE,
    slot_key: SecretStr = NO_KEY,
) -> DemoResult:
    """Write the demo's data into a migrated database, in one transaction, and its documents below data_dir/documents.

    now          aware; all dates are counted from it. The same now makes the same rows, but for the secrets of tokens.
    environment  what the tokens are for.
    slot_key     the setting, which must be the server's.
    Raises NotEmpty.
    """
    if not await is_empty(database):
        raise NotEmpty
    world = World(now=now.astimezone(UTC).replace(microsecond=0))
    tokens = _make(world, environment)
    add_counts(world)
    add_slots(world, slot_key, environment)
    companies = [row.id for row in world.rows["companies"]]
    # The bytes first: a document without its file would be a lie, a file without its document is only litter.
    await asyncio.to_thread(write_files, world.files, data_dir / "documents")
    async with database.writing() as session:
        # The models have no relationships by which SQLAlchemy could tell parents from children: table by table, then.
        for table in Base.metadata.sorted_tables:
            session.add_all(world.rows.get(table.name, []))
            await session.flush()
        connection = await session.connection()
        for company in companies:
            await connection.run_sync(recount, company)
    return DemoResult({table: len(rows) for table, rows in sorted(world.rows.items())}, tokens)


def _make(world: World, environment: Environment) -> list[DemoToken]:
    tokens: list[DemoToken] = []
    accounts, establishments, known = add_accounts(world), add_establishments(world), workforce(world)
    people = Counter(place % len(accounts) for place in range(PEOPLE))
    for account in accounts:
        tokens += add_tokens(world, account, environment)
        openings = add_projects(world, account, add_contracting(world, account, establishments))
        add_people(world, account, openings, people[account.place], known)
        add_reports(world, account)
        world.number_events(account.company)
    return tokens
