"""What an operator does on the command line: suspending, and the tokens of integrators who ask for help or linked long ago."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import values
from app.auth.actor import Actor
from app.auth.permissions import DEFAULT_SCOPES
from app.auth.tokens import NewSecret, is_bare, kept_of_bare
from app.errors import ValidationFailed
from app.models import Base, Company, CompanyStatus, Environment, EventType, Provider, ProviderStatus, SpToken, is_in_force
from app.models.base import Instant
from app.operations.work import Work
from app.settings import Settings

_OPERATOR = "مشغل المنصة"  # as an account's log names who it was
_HASH = re.compile(r"[0-9a-f]{64}")
_CODE = re.compile(r"[0-9a-f]{6}")
_audit = structlog.get_logger("audit")


class OperatorError(Exception):
    """Something that an operator asked for and that cannot be done, in words for them. Nothing was changed."""


async def set_suspended(session: AsyncSession, kind: str, name: str, *, suspended: bool, now: datetime) -> bool:
    """Suspends a company (by its establishment number) or a provider (by its unified number or its id), or lets it write again.

    Reads stand and every write is refused, from within a second on. Answers whether that changed anything. Raises OperatorError.
    """
    row: Any = await _company(session, name) if kind == "company" else await _provider(session, name)
    states: Any = CompanyStatus if kind == "company" else ProviderStatus
    wanted = states.SUSPENDED if suspended else states.ACTIVE
    if row.status is wanted:
        return False
    row.status, row.updated_at = wanted, now
    _audit.info("suspended" if suspended else "unsuspended", kind=kind, id=row.public_id)
    return True


async def _company(session: AsyncSession, number: str) -> Company:
    try:
        office, sequence = values.establishment_number(number)
    except ValidationFailed as error:
        raise OperatorError(f"{number}: {error.words('en')}") from None
    mine = Company.labor_office_id == office, Company.sequence_number == sequence
    found: Company | None = await session.scalar(select(Company).where(*mine).with_for_update())
    if found is None:
        raise OperatorError(f"no company has the number {number}")
    return found


async def _provider(session: AsyncSession, name: str) -> Provider:
    mine = Provider.id == key if (key := _key(Provider, name)) else Provider.unified_number == name
    found: Provider | None = await session.scalar(select(Provider).where(mine).with_for_update())
    if found is None:
        raise OperatorError(f"no provider has the unified number or the id {name}")
    return found


def _key(model: type[Base], public_id: str) -> UUID | None:
    """The key behind a public id of that model."""
    prefix, _, key = public_id.partition("_")
    return UUID(hex=key) if prefix == model.prefix and re.fullmatch("[0-9a-f]{32}", key) else None


# ---- tokens ------------------------------------------------------------------------------------------------------------


async def tokens_of(session: AsyncSession, number: str, *, now: datetime) -> Sequence[Any]:
    """(token, whether it works) of each of the company's, the latest first. Raises OperatorError."""
    company = await _company(session, number)
    working = is_in_force(SpToken, literal(now, Instant()))
    mine = select(SpToken, working).where(SpToken.company_id == company.id).order_by(SpToken.created_at.desc(), SpToken.id)
    return (await session.execute(mine)).all()


async def stop_token(session: AsyncSession, settings: Settings, public_id: str, *, now: datetime) -> None:
    """Revokes it, a suspended company's too. Raises OperatorError."""
    key = _key(SpToken, public_id)
    company_id = await session.scalar(select(SpToken.company_id).where(SpToken.id == key))
    if key is None or company_id is None:
        raise OperatorError(f"there is no token {public_id}")
    work = await _on_behalf(session, settings, company_id, now)
    token = await work.find(SpToken, key, "token_id")
    if token.revoked_at is not None and token.revoked_at <= now:
        raise OperatorError(f"{public_id} is revoked already")
    token.revoked_at = now
    await work.record(EventType.TOKEN_REVOKED, token)
    _audit.info("token_revoked", token=str(token.id), by="operator")


@dataclass(frozen=True)
class OldToken:
    """A token from before the prefix: whose, the secret or its SHA-256, what it is for; the first six digits where only a hash is known."""

    establishment_number: str
    secret: str
    name: str
    display_code: str = ""


async def import_tokens(session: AsyncSession, settings: Settings, tokens: Sequence[OldToken], *, now: datetime) -> int:
    """Takes over bare tokens, kept by their hash, with the default scopes. All of them or, raising OperatorError, none."""
    errors = []
    for line, old in enumerate(tokens, start=1):
        try:
            await _import(session, settings, old, now)
        except OperatorError as error:
            errors.append(f"{line}: {error}")  # never the secret
    if errors:
        raise OperatorError("nothing was imported\n" + "\n".join(errors))
    return len(tokens)


async def _import(session: AsyncSession, settings: Settings, old: OldToken, now: datetime) -> None:
    kept, company = _kept(old), await _company(session, old.establishment_number)
    try:
        name = values.text(100)(old.name)
    except ValidationFailed as error:
        raise OperatorError(f"name: {error.words('en')}") from None
    if await session.scalar(select(SpToken.id).where(SpToken.secret_hash == kept.secret_hash)) is not None:
        raise OperatorError("this token is there already")
    work = await _on_behalf(session, settings, company.id, now)
    token = await work.add(
        SpToken(
            company_id=company.id,
            name=name,
            display_code=kept.display_code,
            secret_hash=kept.secret_hash,
            environment=Environment(settings.environment),
            scopes=sorted(DEFAULT_SCOPES),
            created_at=now,
        )
    )
    await work.record(EventType.TOKEN_CREATED, token)
    _audit.info("token_imported", token=str(token.id), display_code=token.display_code)


def _kept(old: OldToken) -> NewSecret:
    secret = old.secret.strip()
    if is_bare(secret):
        return kept_of_bare(secret)
    if _HASH.fullmatch(secret.lower()) and _CODE.fullmatch(old.display_code.lower()):
        return NewSecret("", secret.lower(), old.display_code.lower())
    raise OperatorError("give 128 hexadecimal digits, or their SHA-256 (of the digits in lower case) with the first six of them")


async def _on_behalf(session: AsyncSession, settings: Settings, company_id: Any, now: datetime) -> Work:
    work = Work(session, Actor(name=_OPERATOR, account_id=company_id), now, "command line", settings)
    await work.lock_account(though_suspended=True)
    return work
