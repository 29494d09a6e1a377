"""Compares the executors on random operations. `python -m tests.engine.differential OPERATIONS [SEED]` runs on both databases."""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import select

from app.engine.context import Context
from app.engine.execute import Executor
from app.errors import Language
from app.models import (
    Base,
    Company,
    Contract,
    Employment,
    Establishment,
    Event,
    Invitation,
    Job,
    Member,
    Project,
    SpToken,
    Teleworker,
    User,
)
from app.schema import schema
from tests.conftest import Templates
from tests.engine.operations import Generator, Made
from tests.portal import Caller, Portal, portal_on

LANGUAGES: list[Language] = ["ar", "en"]
_SAMPLED: list[Any] = [Company, Contract, Employment, Establishment, Event, Invitation, Job, Member, Project, SpToken, Teleworker, User]


@dataclass
class Outcome:
    counts: Counter[str]
    operations: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)


async def compare(url: str, data: Path, *, operations: int, seed: int) -> Outcome:
    async with portal_on(url, data) as portal:
        compiled, reference = Executor(schema), Executor(schema, way="reference")
        outcome, pick = Outcome(compiled.counts), random.Random(seed)
        generator = Generator(schema._schema, pick, await _ids(portal, pick))
        contexts = await _actors(portal)
        for number in range(operations):
            made, actor, language = generator.operation(), pick.choice(contexts), pick.choice(LANGUAGES)
            answers = []
            for executor in (compiled, reference):
                context = Context(portal.database, portal.settings, actor, language, portal.clock(), "request")
                answers.append(orjson.loads(orjson.dumps((await executor.execute(made.text, made.variables, None, context)).body)))
            outcome.operations += 1
            outcome.errors.update(error["extensions"]["code"] for error in answers[1].get("errors", ()))
            if _bytes(answers[0]) != _bytes(answers[1]):
                outcome.differences.append(_told(seed, number, made, answers))
            _gather(answers[1], generator)
        return outcome


def _bytes(body: dict[str, Any]) -> bytes:
    """The order of keys counts; errors have none of their own."""
    errors = sorted(body.get("errors", []), key=orjson.dumps)
    return orjson.dumps([body.get("data"), errors])


def _told(seed: int, number: int, made: Made, answers: list[Any]) -> str:
    shown = [orjson.dumps(answer).decode()[:1500] for answer in answers]
    return f"seed {seed}, operation {number}\n{made.text}\n{made.variables}\ncompiled  {shown[0]}\nreference {shown[1]}\n"


def _gather(body: Any, generator: Generator) -> None:
    """Cursors of answers, to be given back."""
    if isinstance(body, dict):
        for name, value in body.items():
            if isinstance(value, str) and name.lower().endswith("cursor") and len(generator.cursors) < 200:
                generator.cursors.append(value)
            _gather(value, generator)
    elif isinstance(body, list):
        for item in body:
            _gather(item, generator)


async def _ids(portal: Portal, pick: random.Random) -> list[str]:
    found: list[str] = []
    for model in _SAMPLED:
        rows: list[Base] = await portal.fetch(select(model).order_by(model.id))
        found += [row.public_id for row in pick.sample(rows, min(len(rows), 25))]
    return found


async def _actors(portal: Portal) -> list[Any]:
    """Somebody of each role with one company, somebody of several without an active one, a token of few scopes, nobody."""
    people = {user.national_id: user for user in await portal.fetch(select(User))}
    members = await portal.fetch(select(Member).where(Member.status == "ACTIVE"))
    companies = Counter(member.user_id for member in members)
    single = {member.role: member.user_id for member in members if companies[member.user_id] == 1}
    chosen = [user for user in people.values() if user.id in single.values() or companies[user.id] == 3]
    company = (await portal.fetch(select(Company).order_by(Company.id)))[0]
    callers = [await portal.person(user) for user in chosen]
    callers += [await portal.token(company, "TELEWORKERS_READ", "REPORTS_READ"), Caller()]
    return [await portal.actor(caller) for caller in callers]


async def _main(operations: int, seed: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        templates = Templates(Path(folder))
        failed = 0
        for backend in ("sqlite", "postgresql"):
            url, data = await asyncio.to_thread(templates.copy, backend, "demo")
            outcome = await compare(url, data, operations=operations, seed=seed)
            print(f"{backend}: {outcome.operations} operations, {len(outcome.differences)} differences")
            print(f"  {dict(outcome.counts.most_common())}\n  errors {dict(outcome.errors)}")
            print("\n".join(outcome.differences[:3]))
            failed += len(outcome.differences)
        templates.close()
    return failed


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:]]
    sys.exit(bool(asyncio.run(_main(*(arguments or [300])[:1], *(arguments[1:] or [1])))))
