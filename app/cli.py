"""The command line: the server's commands, the schema's, the documents', and the operator's. No rules of its own."""

from __future__ import annotations

import asyncio
import difflib
import ipaddress
import logging
import shutil
import sys
from collections.abc import Awaitable, Callable
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, TypeVar

import typer
import uvicorn
from pydantic import SecretStr
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncSession

from app import cli_operator
from app.clock import system_clock
from app.database import Database
from app.logs import configure_logs
from app.models import Environment
from app.operations.demo import DemoFile, is_empty, prepare_demo
from app.operations.document import Swept, sweep_documents
from app.operations.migrate import migrate as migrate_database
from app.operations.slot import WrongSlotKey
from app.operations.trusted_document import read_documents, register_documents, remove_documents
from app.operations.worker import tell_logs, tidy
from app.schema import schema as graph
from app.settings import Settings
from app.storage import document_store
from app.web.application import create_app
from app.web.protocol import protocol
from app.web.trusted import ManifestError, read_manifest

T = TypeVar("T")
SCHEMA = Path(__file__).parents[1] / "schema.graphql"

app = typer.Typer(name="telework", help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
documents = typer.Typer(name="documents", help="Trusted documents.", no_args_is_help=True)
app.add_typer(documents)
app.add_typer(cli_operator.token)
app.add_typer(cli_operator.gateway)
app.command()(cli_operator.suspend)
app.command()(cli_operator.unsuspend)
app.command(name="tickets")(cli_operator.list_tickets)

Host = Annotated[str, typer.Option(help="The address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on.")]


def main() -> None:
    # A console that cannot show Arabic shows question marks rather than a traceback.
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    app()


@app.command()
def serve(host: Host = "127.0.0.1", port: Port = 8000) -> None:
    """Run the server. The database must have been migrated."""
    settings = Settings()
    if settings.demo:
        _require_loopback(host)
    configure_logs()
    # No access log: it writes whole addresses, and those of uploads and of a sign-in's end open something.
    uvicorn.run(
        create_app(settings), host=host, port=port, access_log=False, server_header=False, proxy_headers=False, http=protocol(settings)
    )


@app.command()
def migrate() -> None:
    """Bring the database's tables and reference data up to date; the sandbox's as well, where there is one."""
    try:
        asyncio.run(_migrate(Settings()))
    except WrongSlotKey as error:
        raise _stop(str(error)) from None


@app.command()
def worker(once: Annotated[bool, typer.Option("--once", help="Look once and end.")] = False) -> None:
    """Tell the accounts' logs what the clock has changed, and forget outcomes that were kept long enough, over and over.

    `serve` does it as well. Any number may run, anywhere.
    """
    settings = Settings()
    configure_logs()
    asyncio.run(_work(settings, once=once))


@app.command()
def sweep() -> None:
    """Take away documents that nobody attached within a day, and bytes that belong to none. Safe at any time, from anywhere, any number."""
    settings = Settings()

    def run(database: Database) -> Awaitable[Swept]:
        return sweep_documents(database, document_store(settings), now=system_clock())

    swept = asyncio.run(_with_database(settings, run))
    typer.echo(f"{swept.documents} documents, {swept.files} files without one")


@app.command()
def seed() -> None:
    """Fill an empty, migrated database with the demo's data, and write demo.json."""
    settings = _demo_settings()
    if not asyncio.run(_with_database(settings, is_empty)):
        raise _stop("the database has companies already; `demo --reset` starts again")
    typer.echo(_welcome(asyncio.run(_prepare(settings)), settings.data_dir))


@app.command()
def demo(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    reset: Annotated[bool, typer.Option("--reset", help="Start again from fresh data.")] = False,
) -> None:
    """Migrate, fill with the demo's data where there is none, say who can sign in, and run the server."""
    settings = _demo_settings()
    _require_loopback(host)
    if "public_url" not in settings.model_fields_set:
        settings = settings.model_copy(update={"public_url": f"http://{f'[{host}]' if ':' in host else host}:{port}"})
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    if reset:
        _delete_data(settings)
    asyncio.run(_migrate(settings))
    file = asyncio.run(_prepare(settings))
    typer.echo(_welcome(file, settings.data_dir))
    configure_logs(logging.WARNING)
    uvicorn.run(
        create_app(settings),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        http=protocol(settings),
    )


@app.command()
def schema(
    check: Annotated[bool, typer.Option("--check", help="Only compare with schema.graphql; exit code 1 where they differ.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Write schema.graphql.")] = False,
) -> None:
    """Print the graph's schema, or compare it with schema.graphql, or write that file."""
    text = graph.as_str().rstrip("\n") + "\n"
    if write:
        SCHEMA.write_text(text, encoding="utf-8")
    elif not check:
        typer.echo(text, nl=False)
    elif text != (written := SCHEMA.read_text(encoding="utf-8") if SCHEMA.exists() else ""):
        changes = difflib.unified_diff(written.splitlines(), text.splitlines(), SCHEMA.name, "the code", lineterm="")
        typer.echo("\n".join(changes))
        raise _stop(f"{SCHEMA.name} is not the code's schema: `schema --write` writes it")


@documents.command(name="check")
def check_documents(file: Path) -> None:
    """Check a manifest {"sha256:...": "document"}: each valid, within the limits, under its own hash."""
    typer.echo(f"{len(_manifest(file, Settings()))} documents")


@documents.command(name="register")
def register(file: Path) -> None:
    """Check a manifest and register its documents, all or none; those that are there stay. Servers know them within a second."""
    settings = Settings()
    found = _manifest(file, settings)

    async def work(session: AsyncSession) -> int:
        return await register_documents(session, found, now=system_clock())

    new = asyncio.run(_with_database(settings, lambda database: database.write(work)))
    typer.echo(f"{len(found)} documents, {new} of them new")


@documents.command(name="list")
def list_registered() -> None:
    """Print what is registered: the id, and the document's beginning."""

    async def read(database: Database) -> dict[str, str]:
        async with database.reading(snapshot=False) as connection:
            return await read_documents(connection, {})

    for name, text in sorted(asyncio.run(_with_database(Settings(), read)).items()):
        typer.echo(f"{name}  {' '.join(text[:300].split())[:60]}")


@documents.command(name="remove")
def remove(ids: list[str]) -> None:
    """Remove documents, all or none. Clients that still ask for them are answered DOCUMENT_NOT_FOUND."""
    unknown = asyncio.run(_with_database(Settings(), lambda database: database.write(lambda session: remove_documents(session, ids))))
    if unknown:
        raise _stop("nothing is removed, for these are not registered: " + ", ".join(unknown))


def _manifest(file: Path, settings: Settings) -> dict[str, str]:
    try:
        return read_manifest(file, graph, settings)
    except ManifestError as error:
        raise _stop(str(error)) from None


@app.command(name="settings")
def show_settings() -> None:
    """Print the configuration as it is in force, without its secrets."""
    settings = Settings()
    prefix = settings.model_config.get("env_prefix", "")
    for name in type(settings).model_fields:
        typer.echo(f"{prefix}{name.upper()}={_shown(name, getattr(settings, name))}")


def _shown(name: str, value: object) -> str:
    if isinstance(value, SecretStr):
        return "********" if value.get_secret_value() else ""
    if name == "database_url":
        url = make_url(str(value))
        # A password may also hide among the driver's arguments.
        hidden = {argument: "***" for argument in url.query if "pass" in argument or "key" in argument}
        return url.update_query_dict(hidden).render_as_string(hide_password=True)
    return "" if value is None else str(value)


# The demo


async def _prepare(settings: Settings) -> DemoFile:
    def prepare(database: Database) -> Awaitable[DemoFile]:
        return prepare_demo(
            database,
            now=system_clock(),
            data_dir=settings.data_dir,
            public_url=settings.public_url,
            environment=Environment(settings.environment),
            slot_key=settings.slot_key,
            sandbox_url=settings.sandbox.public_url if settings.sandbox else None,
        )

    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    return await _with_database(settings, prepare)


def _demo_settings() -> Settings:
    settings = Settings()
    if not settings.demo:
        raise _stop("this is for the demo alone: set TELEWORK_DEMO=true, never where real data is")
    return settings


def _require_loopback(host: str) -> None:
    """Anybody who reaches the demo may sign in as anybody."""
    try:
        is_loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise _stop(f"the demo listens on this machine alone, not on {host}")


def _delete_data(settings: Settings) -> None:
    """The database's file with what belongs to it, and the documents."""
    urls = [make_url(each) for each in (settings.database_url, settings.sandbox_database_url) if each]
    if any(url.get_backend_name() != "sqlite" for url in urls):
        raise _stop("--reset deletes a database of SQLite only; drop this one yourself")
    for url in urls:
        for suffix in ("", "-wal", "-shm", "-journal"):
            Path(f"{url.database}{suffix}").unlink(missing_ok=True)
    for folder in ("documents", "sandbox"):
        shutil.rmtree(settings.data_dir / folder, ignore_errors=True)


def _welcome(file: DemoFile, data_dir: Path) -> str:
    """Where the demo answers, and who can sign in. Names come last: written from the right, they would carry what follows along."""
    rows = [
        (persona.national_id, ", ".join(f"{each.role} {each.establishment_number}" for each in persona.companies) or "-", persona.name)
        for persona in file.personas
    ]
    width = max(len(companies) for _, companies, _ in rows)
    # Isolated (U+2068, U+2069), lest an Arabic name turn the line around.
    people = [f"  {national_id}  {companies:<{width}}  \u2068{name}\u2069" for national_id, companies, name in rows]
    addresses = {"GraphiQL": file.graphiql_url, "graph": file.graphql_url, "sign in": file.login_url, "tokens": data_dir / "demo.json"}
    if file.sandbox_graphql_url:
        addresses["sandbox"] = file.sandbox_graphql_url
    places = [f"  {name:<8}  {address}" for name, address in addresses.items()]
    return "\n".join(["", *places, "", f"  national id {'companies':<{width}} name", *people, ""])


# Helpers


async def _work(settings: Settings, *, once: bool) -> None:
    databases = [(each, Database(each, restricted=each.row_security)) for each in (settings, settings.sandbox) if each]
    try:
        while True:
            tidied = [await tidy(database, each, system_clock()) for each, database in databases]
            written = [await tell_logs(database, each, system_clock()) for each, database in databases]
            if once:
                typer.echo(f"{sum(written)} events written, {sum(tidied)} kept outcomes forgotten")
                return
            await asyncio.sleep(settings.worker_seconds or 30)
    finally:
        for _, database in databases:
            await database.close()


async def _migrate(settings: Settings) -> None:
    for each in (settings, settings.sandbox):
        if each:
            await migrate_database(each.database_url, in_sandbox=each.environment == Environment.SANDBOX)


async def _with_database(settings: Settings, work: Callable[[Database], Awaitable[T]]) -> T:
    database = Database(settings)
    try:
        return await work(database)
    finally:
        await database.close()


def _stop(message: str) -> typer.Exit:
    typer.echo(f"telework: {message}", err=True)
    return typer.Exit(1)


if __name__ == "__main__":
    main()
