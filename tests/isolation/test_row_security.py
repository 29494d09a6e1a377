"""The second wall: PostgreSQL itself answers with the caller's rows alone, whatever is asked."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest
from sqlalchemy import event, func, insert, make_url, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from app.database import Database, assume, driver_of
from app.models import Event, Job, Project, Role, Session, Teleworker
from app.models.base import uuid7
from app.operations import walls
from app.operations.migrate import migrate
from app.operations.sign_in import SESSIONS_OF_LOGIN
from app.scope import APP_ROLE, GATEWAY_ROLE, NOBODY, Scope, ScopedConnection, Unrestricted
from app.web.application import create_app
from tests.conftest import Templates
from tests.databases import fresh_database
from tests.portal import Portal, portal_on
from tests.world import World, make_world

pytestmark = pytest.mark.parametrize("backend", ["postgresql"])
COUNT = "SELECT count(*) FROM jobs"

# The list is fixed: a further door is a further way past the wall, and takes a reason in docs/security.md.
DOORS = {
    "telework_accounts_behind",
    "telework_company_of_contract",
    "telework_company_of_invitation",
    "telework_company_of_number",
    "telework_company_of_project",
    "telework_dead_sessions",
    "telework_establishment_corrected",
    "telework_establishment_of_number",
    "telework_found_contracts",
    "telework_found_invitations",
    "telework_found_jobs",
    "telework_found_projects",
    "telework_found_teleworkers",
    "telework_gateway_of_secret",
    "telework_gateway_used",
    "telework_next_ticket",
    "telework_outcomes_forgotten",
    "telework_person_signing_in",
    "telework_provider_of_number",
    "telework_session_of_previous_secret",
    "telework_session_of_secret",
    "telework_sessions_leaving",
    "telework_sessions_of_login",
    "telework_slot_holder",
    "telework_slot_kept",
    "telework_slot_taken",
    "telework_ticket_mailed",
    "telework_token_of_secret",
    "telework_user_of_national_id",
}


async def _jobs(world: World) -> tuple[Scope, Scope]:
    """Two of north's, one of south's; as whom each is seen."""
    for company, jobs in ((world.north, 2), (world.south, 1)):
        project = await world.project(company)
        for _ in range(jobs):
            await world.job(project)
    return Scope(world.north.id), Scope(world.south.id)


async def test_every_table_has_the_wall_and_the_servers_role_is_under_it(world: World) -> None:
    tables = {model.__tablename__ for model in walls.models()}
    async with world.portal.database.reading() as connection:
        walled = await connection.execute(text("SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity"))
        policies = (await connection.execute(text("SELECT tablename, cmd, roles::text, qual, with_check FROM pg_policies"))).all()
        grants = "SELECT table_name, privilege_type FROM information_schema.role_table_grants WHERE grantee = :role"
        granted = {(table, right) for table, right in await connection.execute(text(grants), {"role": APP_ROLE})}
        role = "SELECT rolsuper, rolbypassrls, rolcanlogin, (SELECT count(*) FROM pg_class WHERE relowner = pg_roles.oid) FROM pg_roles"
        about = (await connection.execute(text(f"{role} WHERE rolname = :role"), {"role": APP_ROLE})).one()

    assert set(walled.scalars()) == tables
    assert {(table, command) for table, command, roles, *_ in policies if roles == f"{{{APP_ROLE}}}"} == granted
    assert {table for table, *_ in granted} == tables - {"gateway_credentials", "slot_holders", "slots", "ticket_counts"}
    open_to_all = {table for table, _, roles, *rules in policies if roles == f"{{{APP_ROLE}}}" and "true" in rules}
    assert open_to_all == {"cities", "faqs", "occupations", "trusted_documents", "tickets"}
    assert {right for table, right in granted if table == "tickets"} == {"INSERT"}
    assert tuple(about) == (False, False, False, 0)
    assert granted >= {("events", "INSERT")}
    assert not {("events", "UPDATE"), ("events", "DELETE"), ("jobs", "DELETE"), ("trusted_documents", "INSERT")} & granted


async def test_the_gateways_role_reads_some_tables_and_is_nobodys_by_inheritance(world: World) -> None:
    await world.job()
    async with world.portal.database.reading() as connection:

        async def asked(statement: str) -> list[tuple[Any, ...]]:
            return [tuple(row) for row in await connection.execute(text(statement), {"role": GATEWAY_ROLE, "app": APP_ROLE})]

        policies = await asked("SELECT tablename, cmd, qual FROM pg_policies WHERE :role = ANY(roles::text[])")
        granted = await asked("SELECT DISTINCT table_name, privilege_type FROM information_schema.column_privileges WHERE grantee = :role")
        powers = "rolsuper, rolbypassrls, rolcanlogin, pg_has_role(:app, oid, 'USAGE'), pg_has_role(:app, oid, 'MEMBER')"
        role = await asked(f"SELECT {powers} FROM pg_roles WHERE rolname = :role")
        columns = await asked(
            "SELECT has_column_privilege(:role, 'documents', name, 'SELECT') FROM unnest(ARRAY['size', 'storage_key']) AS names (name)"
        )
    seen = {}
    for scope in (Scope(is_gateway=True), NOBODY):
        async with world.portal.server_database.reading(scope, snapshot=False) as connection:
            counted = "SELECT (SELECT count(*) FROM projects), (SELECT count(*) FROM jobs), (SELECT count(*) FROM users)"
            seen[scope.is_gateway] = tuple((await connection.execute(text(counted))).one())

    open_ = {
        "companies",
        "contracts",
        "documents",
        "establishments",
        "invitations",
        "projects",
        "providers",
        "cities",
        "faqs",
        "occupations",
    }
    assert set(policies) == {(table, "SELECT", "true") for table in open_}
    assert {right for _, right in granted} == {"SELECT"}
    assert not {"gateway_credentials", "sign_ins", "logout_tokens", "trusted_documents"} & {table for table, _ in granted}
    assert (role, columns) == ([(False, False, False, False, True)], [(True,), (False,)])
    assert seen == {True: (1, 0, 0), False: (0, 0, 0)}


async def test_the_doors_are_those_that_are_listed_and_each_is_shut_to_others(world: World) -> None:
    made = text(
        "SELECT proname, proconfig::text, has_function_privilege('public', oid, 'EXECUTE'), has_function_privilege(:role, oid, 'EXECUTE')"
        " FROM pg_proc WHERE prosecdef"
    )
    async with world.portal.database.reading() as connection:
        found = (await connection.execute(made, {"role": APP_ROLE})).all()

    assert {name for name, *_ in found} == DOORS == {door.name for door in walls.DOORS}
    assert {(public, role) for *_, public, role in found} == {(False, True)}
    assert all(settings.startswith('{"search_path=public, pg_temp"') for _, settings, *_ in found)


async def test_a_door_of_searches_answers_for_whoever_asks_and_for_nobody_else(world: World) -> None:
    north, south = await _jobs(world)
    asked, counts = "SELECT count(*) FROM telework_found_jobs(9, '%agent%', 'agent')", []
    for scope in (north, south, NOBODY, Scope(uuid7()), Scope(None, world.users[Role.OWNER].id)):
        async with world.portal.server_database.reading(scope, snapshot=False) as connection:
            counts.append(await driver_of(connection).fetchval(asked))

    assert counts == [2, 1, 0, 0, 0]


async def test_the_server_does_not_work_as_who_is_above_the_wall(world: World) -> None:
    url = make_url(world.portal.settings.database_url)
    given = {"host": url.query["host"], "user": url.username, "database": url.database, "connection_class": ScopedConnection}
    above = await asyncpg.connect(**given)
    below = await asyncpg.connect(**given, server_settings={"role": APP_ROLE})

    with pytest.raises(Unrestricted):
        await above.prepare_scope()
    await below.prepare_scope()
    await above.close()
    await below.close()


async def test_the_server_does_not_start_where_a_pooler_drops_its_role(portal: Portal) -> None:
    """As PgBouncer does with the start-up parameters that it is told to ignore."""
    app = create_app(portal.settings)
    async with app.router.lifespan_context(app):
        pass
    app = create_app(portal.settings)

    @event.listens_for(app.state.database.engine.sync_engine, "do_connect")
    def drop(_dialect: Any, _record: Any, _arguments: Any, named: dict[str, Any]) -> None:
        named["server_settings"] = {name: value for name, value in named["server_settings"].items() if name != "role"}

    with pytest.raises(Unrestricted):
        async with app.router.lifespan_context(app):
            pass
    await app.state.database.close()


async def test_the_rows_are_the_callers_whatever_is_asked(world: World) -> None:
    north, south = await _jobs(world)
    database, seen = world.portal.server_database, []
    for scope in (north, south, NOBODY, Scope(uuid7()), north):
        for snapshot in (False, True):
            async with database.reading(scope, snapshot=snapshot) as connection:
                seen.append((await driver_of(connection).fetchval(COUNT), (await connection.execute(text(COUNT))).scalar_one()))

    assert seen == [(2, 2)] * 2 + [(1, 1)] * 2 + [(0, 0)] * 4 + [(2, 2)] * 2


async def test_a_scope_stands_for_one_transaction_and_outlives_no_failure(world: World) -> None:
    north, south = await _jobs(world)
    async with world.portal.server_database.reading(north, snapshot=False) as connection:
        driver = driver_of(connection)
        with pytest.raises(asyncpg.DataError):  # the driver refuses the argument: nothing is sent but the scope
            await driver.fetch("SELECT id FROM jobs WHERE id = $1", "no uuid")
        driver.ask_as(NOBODY)
        after_refusal = await driver.fetchval(COUNT), await driver.fetchval("SELECT current_setting('telework.account', true)")
        driver.ask_as(north)
        with pytest.raises(asyncpg.DivisionByZeroError):
            await driver.fetchval("SELECT 1 / (SELECT count(*) - 2 FROM jobs)")
        async with driver.transaction():
            counts = [await driver.fetchval(COUNT)]
            savepoint = driver.transaction()
            await savepoint.start()
            driver.ask_as(south)
            counts.append(await driver.fetchval(COUNT))
            await savepoint.rollback()
            counts.append(await driver.fetchval(COUNT))
            driver.ask_as(NOBODY)
            counts.append(await driver.fetchval(COUNT))
            driver.ask_as(south)
            counts += [each["n"] for each in await driver.fetchmany("SELECT count(*) + $1 AS n FROM jobs", [(0,), (10,)])]
        driver.ask_as(NOBODY)
        after = await driver.fetchval(COUNT)

    assert after_refusal == (0, "")
    assert counts == [2, 1, 1, 0, 1, 11]
    assert after == 0


async def test_callers_who_share_connections_see_their_own_rows_alone(world: World, templates: Templates) -> None:
    north, south = await _jobs(world)
    settings = world.portal.settings.model_copy(update={"database_pool_size": 2})
    database = Database(settings, restricted=True)

    async def count(number: int) -> tuple[int, int]:
        scope, expected = [(north, 2), (south, 1), (NOBODY, 0)][number % 3]
        async with database.reading(scope, snapshot=number % 2 == 0) as connection:
            if number % 7 == 0:  # gone before the answer comes, as a caller who hangs up is
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(driver_of(connection).fetchval("SELECT pg_sleep(1)"), 0.005)
                return expected, expected
            return expected, await driver_of(connection).fetchval(COUNT)

    answers = await asyncio.gather(*(count(number) for number in range(150)))
    await database.close()

    assert [pair for pair in answers if pair[0] != pair[1]] == []


async def test_nothing_is_written_into_another_tenants_rows(world: World) -> None:
    north, _south = await _jobs(world)
    project, [theirs] = await world.project(world.north), await world.portal.fetch(select(Job).where(Job.company_id == world.south.id))
    values = {column.name: getattr(theirs, column.name) for column in Job.__table__.columns} | {"id": uuid7()}
    database = world.portal.server_database

    async with database.writing(north) as session:
        changed = await session.execute(update(Job).values(title_ar="x").where(Job.id == theirs.id))
        mine = await session.execute(update(Project).values(title_ar="x").where(Project.id == project.id))
    refused = []
    for work in (
        insert(Job).values(values),
        update(Job).values(company_id=world.south.id),
        update(Event).values(actor_name="x"),
        text("DELETE FROM teleworkers"),
        text("SELECT id FROM gateway_credentials"),
        text("UPDATE trusted_documents SET text = 'x'"),
        text("ALTER TABLE jobs DISABLE ROW LEVEL SECURITY"),
    ):
        with pytest.raises(DBAPIError) as error:
            async with database.writing(north) as session:
                await session.execute(work)
        refused.append(str(getattr(error.value.orig, "sqlstate", "")))

    assert (changed.rowcount, mine.rowcount) == (0, 1)
    assert refused == ["42501"] * 7
    assert (await world.now_of(theirs)).title_ar == theirs.title_ar


async def test_sessions_are_found_by_their_secret_and_otherwise_by_their_person(world: World) -> None:
    await world.person()
    await world.intruder()
    count = select(func.count()).select_from(Session)
    database = world.portal.server_database
    async with database.writing(Scope(world.north.id)) as session:
        none = await session.scalar(count)
        await assume(session, Scope(None, world.stranger.id))
        own = await session.scalar(count)

    assert (none, own) == (0, 1)


async def test_the_login_ends_no_session_but_those_that_it_names(world: World) -> None:
    """The door is open to the server's role, whatever it asks with."""
    await world.person()
    await world.alter(world.users[Role.OWNER], issuer="https://login.example", subject="owner")
    count = select(func.count()).select_from(Session)
    ended = []
    for subject, provider_session in ((None, None), ("another", None), ("another", "x"), (None, "x"), ("owner", None)):
        over = {"issuer": "https://login.example", "subject": subject, "provider_session": provider_session}
        async with world.portal.server_database.writing() as session:
            ended.append(len((await session.scalars(SESSIONS_OF_LOGIN.on(session), over)).all()))

    assert ended == [0, 0, 0, 0, 1]
    assert (await world.portal.fetch(count)) == [0]


async def test_an_owner_who_is_no_superuser_migrates_and_serves(templates: Templates, backend: str, tmp_path: Any) -> None:
    """As on a managed server: the tables' owner has no rights but over its own database."""
    url = await asyncio.to_thread(fresh_database, templates.server_url)
    await asyncio.to_thread(templates.copy, backend, "blank")  # the role is there, as another database made it
    owner = "plain_owner"
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.exec_driver_sql(f"DROP ROLE IF EXISTS {owner}")
        await connection.exec_driver_sql(f"CREATE ROLE {owner} LOGIN")
        await connection.exec_driver_sql(f"GRANT {APP_ROLE} TO {owner}")
        await connection.exec_driver_sql(f"GRANT ALL ON SCHEMA public TO {owner}")
    await engine.dispose()
    plain = make_url(url).set(username=owner).render_as_string(hide_password=False)

    await migrate(plain)
    async with portal_on(plain, tmp_path) as portal:
        world = await make_world(portal)
        await world.teleworker(world.south)
        await world.teleworker(world.north)
        reply = await portal("{ viewer { account { teleworkers { totalCount } } } }", await world.person())
        async with portal.server_database.reading(Scope(world.south.id)) as connection:
            seen = (await connection.execute(select(func.count()).select_from(Teleworker))).scalar_one()

    templates.drop(url)
    assert reply.data == {"viewer": {"account": {"teleworkers": {"totalCount": 1}}}}
    assert seen == 1
