"""The operator's commands: `telework token | gateway | suspend | unsuspend | tickets`. No rules of their own."""

from __future__ import annotations

import asyncio
import csv
import io
import sys
from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.tokens import make_gateway_secret
from app.clock import system_clock
from app.database import Database
from app.logs import configure_logs
from app.operations.contact import Mailer, mark_tickets, tickets, unsent
from app.operations.gateway import add_gateway, gateways, revoke_gateway
from app.operations.operator import OldToken, OperatorError, import_tokens, set_suspended, stop_token, tokens_of
from app.settings import Settings

T = TypeVar("T")
token = typer.Typer(name="token", help="Companies' SP-Tokens.", no_args_is_help=True)
gateway = typer.Typer(name="gateway", help="The credential of the portal's own gateway.", no_args_is_help=True)


class Kind(StrEnum):
    COMPANY = "company"
    PROVIDER = "provider"


Name = Annotated[str, typer.Argument(help="A company's establishment number; a provider's unified number or id.")]


def suspend(kind: Kind, name: Name) -> None:
    """Let a company or a provider read, and write no more."""
    _set_suspended(kind, name, suspended=True)


def unsuspend(kind: Kind, name: Name) -> None:
    """Let it write again."""
    _set_suspended(kind, name, suspended=False)


def _set_suspended(kind: Kind, name: str, *, suspended: bool) -> None:
    changed = _run(lambda session, _: set_suspended(session, kind, name, suspended=suspended, now=system_clock()))
    typer.echo("done" if changed else "it was so already")


@token.command(name="list")
def list_tokens(number: Annotated[str, typer.Argument(help="The company's establishment number.")]) -> None:
    """Print a company's tokens: id, the six characters shown, state, last use, scopes, name."""
    for row, works in _run(lambda session, _: tokens_of(session, number, now=system_clock())):
        used = row.last_used_at.isoformat() if row.last_used_at else "never used"
        typer.echo(f"{row.public_id}  {row.display_code}  {'works' if works else 'stopped'}  {used}  {','.join(row.scopes)}  {row.name}")


@token.command(name="revoke")
def revoke_token(token_id: str) -> None:
    """Stop a token; running servers notice within a second."""
    _run(lambda session, settings: stop_token(session, settings, token_id, now=system_clock()))
    typer.echo("revoked")


@token.command(name="import")
def import_old_tokens(
    file: Annotated[Path, typer.Argument(help="CSV without a header: establishment number, token or its SHA-256, name, first six digits.")],
) -> None:
    """Take over tokens of 128 hexadecimal digits that integrators hold already. Only their hashes are kept; `-` reads standard input."""
    text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    rows = [row for row in csv.reader(io.StringIO(text)) if row]
    if any(not 3 <= len(row) <= 4 for row in rows):
        raise _stop("each line has three or four columns")
    old = [OldToken(*(cell.strip() for cell in row)) for row in rows]
    imported = _run(lambda session, settings: import_tokens(session, settings, old, now=system_clock()))
    typer.echo(f"{imported} imported")


@gateway.command(name="create")
def create_gateway(name: Annotated[str, typer.Argument(help="What it is for, as logs name it.")]) -> None:
    """Make a credential and print it, this once: it is stored nowhere."""
    made = make_gateway_secret()
    row = _run(lambda session, _: add_gateway(session, name, made, now=system_clock()))
    typer.echo(f"{row.public_id}  {row.display_code}", err=True)
    typer.echo(made.secret)


@gateway.command(name="list")
def list_gateways() -> None:
    """Print the credentials: id, the six characters shown, state, last use, name."""
    for row in _run(lambda session, _: gateways(session)):
        used = row.last_used_at.isoformat() if row.last_used_at else "never used"
        typer.echo(f"{row.public_id}  {row.display_code}  {'revoked' if row.revoked_at else 'works'}  {used}  {row.name}")


@gateway.command(name="revoke")
def revoke(gateway_id: str) -> None:
    """Stop a credential; running servers notice within a second."""
    if not _run(lambda session, _: revoke_gateway(session, gateway_id, now=system_clock())):
        raise _stop(f"no credential {gateway_id} works")
    typer.echo("revoked")


def list_tickets(
    everything: Annotated[bool, typer.Option("--all", help="Those that are closed as well.")] = False,
    close: Annotated[list[str] | None, typer.Option("--close", metavar="NUMBER", help="Mark it as done; may be repeated.")] = None,
    reopen: Annotated[list[str] | None, typer.Option("--open", metavar="NUMBER", help="Mark it as not done after all.")] = None,
    send: Annotated[bool, typer.Option("--send", help="Mail the open ones that were not sent.")] = False,
) -> None:
    """What people wrote by contactUs, the latest first: number, when, whether mailed, who, about what, and the message."""
    if close or reopen:
        closed = _run(lambda session, _: mark_tickets(session, close or [], closed_at=system_clock())) if close else 0
        opened = _run(lambda session, _: mark_tickets(session, reopen or [], closed_at=None)) if reopen else 0
        typer.echo(f"{closed} closed, {opened} opened")
        return
    if send:
        sent, failed = asyncio.run(_send_tickets())
        typer.echo(f"{sent} sent, {failed} not sent")
        if failed:
            raise typer.Exit(1)
        return
    for row in _run(lambda session, _: tickets(session, closed=everything)):
        state = "closed" if row.closed_at else "mailed" if row.mailed_at else "not mailed"
        typer.echo(f"{row.number}  {row.created_at.isoformat(timespec='minutes')}  {state}  {row.email}  {row.name}  {row.subject}")
        typer.echo("".join(f"    {line}\n" for line in row.message.splitlines()))


async def _send_tickets() -> tuple[int, int]:
    configure_logs()
    settings = Settings()
    if not settings.smtp_url.get_secret_value():
        raise _stop("TELEWORK_SMTP_URL names no mail server")
    database, mailer = Database(settings), Mailer(settings)
    try:
        waiting = await database.write(unsent)
        done = [await mailer.send(ticket, database, now=system_clock()) for ticket in waiting]
    finally:
        await mailer.close()
        await database.close()
    return sum(done), len(done) - sum(done)


def _run(work: Callable[[AsyncSession, Settings], Awaitable[T]]) -> T:
    """One transaction on the configured database."""

    configure_logs()

    async def run() -> T:
        settings = Settings()
        database = Database(settings)
        try:
            return await database.write(lambda session: work(session, settings))
        finally:
            await database.close()

    try:
        return asyncio.run(run())
    except OperatorError as error:
        raise _stop(str(error)) from None


def _stop(message: str) -> typer.Exit:
    typer.echo(f"telework: {message}", err=True)
    return typer.Exit(1)
