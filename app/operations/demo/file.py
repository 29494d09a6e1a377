"""demo.json: where the demo answers, who can sign in to it, and the secrets of its tokens and of the portal's gateway."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import select

from app.auth.permissions import DEFAULT_SCOPES, GRANTABLE
from app.auth.secrets import hash_of
from app.auth.tokens import make_gateway_secret
from app.database import Database
from app.models import Company, Environment, Event, EventType, GatewayCredential, Member, MemberStatus, Role, SpToken, User
from app.models.base import uuid7
from app.operations.demo.accounts import FULL, REPORTS, DemoToken, new_token, persona_ids
from app.operations.demo.seed import NO_KEY, is_empty, seed_demo
from app.operations.demo.world import CLOCK
from app.operations.gateway import add_gateway

NAME = "demo.json"
_GATEWAY = "بوابة العمل عن بعد"


@dataclass(frozen=True)
class Membership:
    id: str
    establishment_number: str
    role: Role


@dataclass(frozen=True)
class Persona:
    name: str
    national_id: str
    companies: list[Membership]


@dataclass(frozen=True)
class DemoGateway:
    """The portal's other side."""

    secret: str


@dataclass(frozen=True)
class DemoFile:
    """What demo.json says, member by member."""

    graphql_url: str
    graphiql_url: str
    login_url: str
    personas: list[Persona]
    tokens: list[DemoToken]
    gateway: DemoGateway

    def as_json(self) -> str:
        named = asdict(self, dict_factory=lambda members: {_camel(name): value for name, value in members})
        return json.dumps(named, ensure_ascii=False, indent=2) + "\n"


async def prepare_demo(
    database: Database,
    *,
    now: datetime,
    data_dir: Path,
    public_url: str,
    environment: Environment = Environment.LIVE,
    slot_key: SecretStr = NO_KEY,
) -> DemoFile:
    """See to it that a migrated database holds the demo, and that demo.json in data_dir tells of it.

    An empty database is seeded. One that is not keeps its tokens where demo.json still knows their secrets; otherwise two more
    are made for each company, and none is revoked. The gateway's credential is kept, or made anew, in the same way.
    """
    path = data_dir / NAME
    known = await asyncio.to_thread(_read, path)
    if await is_empty(database):
        tokens = (await seed_demo(database, now=now, data_dir=data_dir, environment=environment, slot_key=slot_key)).tokens
    else:
        tokens = await _kept_tokens(database, _tokens_in(known)) or await _add_tokens(database, now, environment)
    gateway = await _kept_gateway(database, known) or await _add_gateway(database, now)
    base = public_url.rstrip("/")
    file = DemoFile(f"{base}/graphql", f"{base}/graphiql", f"{base}/auth/login", await _personas(database), tokens, gateway)
    await asyncio.to_thread(_write, path, file.as_json())
    return file


async def _kept_tokens(database: Database, tokens: list[DemoToken]) -> list[DemoToken]:
    """The file's tokens, if the database knows every one of them: it might be another database's file."""
    async with database.reading() as connection:
        known = set((await connection.execute(select(SpToken.secret_hash))).scalars())
    return tokens if all(hash_of(token.secret) in known for token in tokens) else []


async def _add_tokens(database: Database, now: datetime, environment: Environment) -> list[DemoToken]:
    shown = []
    async with database.writing() as session:
        # In one order always, so that two who do this at once wait for one another rather than deadlock.
        for company in (await session.execute(select(Company).order_by(Company.id).with_for_update())).scalars().all():
            for name, scopes in ((FULL, GRANTABLE), (REPORTS, DEFAULT_SCOPES)):
                token, secret = new_token(uuid7(), company, name, environment, scopes, now)
                session.add(token)
                await session.flush()
                company.last_event += 1
                session.add(_token_created(token, company, now))
                await session.flush()
                shown.append(secret)
    return shown


async def _kept_gateway(database: Database, known: dict[str, Any]) -> DemoGateway | None:
    """The file's, where the database knows it and it works."""
    told = known.get("gateway")
    secret = told.get("secret") if isinstance(told, dict) else None
    if not isinstance(secret, str):
        return None
    async with database.reading() as connection:
        works = GatewayCredential.secret_hash == hash_of(secret), GatewayCredential.revoked_at.is_(None)
        found = (await connection.execute(select(GatewayCredential.id).where(*works))).first()
    return DemoGateway(secret) if found else None


async def _add_gateway(database: Database, now: datetime) -> DemoGateway:
    made = make_gateway_secret()
    async with database.writing() as session:
        await add_gateway(session, _GATEWAY, made, now=now)
    return DemoGateway(made.secret)


def _token_created(token: SpToken, company: Company, now: datetime) -> Event:
    return Event(
        company_id=company.id,
        sequence=company.last_event,
        type=EventType.TOKEN_CREATED,
        occurred_at=now,
        subject_prefix=token.prefix,
        subject_id=token.id,
        actor_name=CLOCK,
    )


async def _personas(database: Database) -> list[Persona]:
    """Those whom the seeding made, with the companies that they belong to by now."""
    statement = (
        select(User.national_id, User.name, Company.id, Company.labor_office_id, Company.sequence_number, Member.role)
        .outerjoin(Member, (Member.user_id == User.id) & (Member.status == MemberStatus.ACTIVE))
        .outerjoin(Company, Company.id == Member.company_id)
        .where(User.national_id.in_(persona_ids()))
        .order_by(Company.labor_office_id, Company.sequence_number)
    )
    found: dict[str, Persona] = {}
    async with database.reading() as connection:
        for national_id, name, company_id, office, sequence, role in (await connection.execute(statement)).all():
            persona = found.setdefault(national_id, Persona(name, national_id, []))
            if company_id is not None:
                persona.companies.append(Membership(f"{Company.prefix}_{company_id.hex}", f"{office}-{sequence}", role))
    return [found[national_id] for national_id in persona_ids() if national_id in found]


def _read(path: Path) -> dict[str, Any]:
    """What an earlier demo.json says; nothing where there is no such file, or not a whole one."""
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _tokens_in(known: dict[str, Any]) -> list[DemoToken]:
    """None where not all of them are whole."""
    try:
        tokens: list[dict[str, Any]] = known["tokens"]
        return [DemoToken(token["companyId"], token["environment"], token["scopes"], token["secret"]) for token in tokens]
    except (KeyError, TypeError):
        return []


def _write(path: Path, text: str) -> None:
    """All or nothing, and from the first readable by its owner alone: it holds secrets."""
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)  # with mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
