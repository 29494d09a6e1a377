"""Compares the executors on random operations, on both databases, for as long as one likes.

    python -m tests.engine.differential [OPERATIONS] [--seed N] [--backend sqlite|postgresql] [--resume]

OPERATIONS are for each database (300). A round of 200 starts from fresh copies of the demo, one for each executor, so that mutations may
write. `--resume` repeats the rounds of that seed that had a difference, and goes on where the run stopped (its position is kept in .data/).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from uuid import UUID

import orjson
import structlog
from sqlalchemy import select

from app.auth.actor import Actor
from app.auth.permissions import GRANTABLE, ROLE_PERMISSIONS
from app.engine.context import Charge, Context
from app.engine.declare import MODELS
from app.engine.execute import Executor
from app.errors import Language
from app.models import Company, Member, ReportTally, ReportWeek, User
from app.schema import schema
from tests.conftest import BACKENDS, Templates
from tests.engine.coverage import arguments_of, fields_of, input_fields_of, reached
from tests.engine.operations import Generator, Made
from tests.portal import NOW, Caller, Portal, portal_on
from tests.server import ROOT

CORE = schema._schema
LANGUAGES: list[Language] = ["ar", "en"]
ROUND = 200
_ID = re.compile(r"([a-z]{3})_[0-9a-f]{32}")


@dataclass
class Outcome:
    """counts: how the compiled executor ran them. reached: fields and arguments that answers held. used: input fields that were given."""

    operations: int = 0
    mutations: int = 0
    answered: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    reached: Counter[str] = field(default_factory=Counter)
    used: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)  # where the rounds begin that had one

    def add(self, other: Outcome) -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    def told(self) -> str:
        fields, arguments, inputs = fields_of(CORE), arguments_of(CORE), input_fields_of(CORE)
        shares = [
            (fields, self.reached, "(type, field)"),
            (arguments, self.reached, "(field, argument)"),
            (inputs, self.used, "(input, field)"),
        ]
        missing = sorted(name for all_, seen, _ in shares for name in all_ - seen.keys())
        lines = [
            f"{self.operations} operations ({self.mutations} mutations), {self.answered} with data, {len(self.differences)} differences",
            "  reached " + ", ".join(f"{len(all_ & seen.keys())} of {len(all_)} {what} pairs" for all_, seen, what in shares),
            f"  not reached: {', '.join(missing) or 'nothing'}",
            f"  run: {dict(self.counts.most_common())}",
            f"  errors: {dict(self.errors.most_common())}",
        ]
        return "\n".join(lines)


@dataclass
class Side:
    """One executor with a database of its own, and the same callers as the other has."""

    portal: Portal
    executor: Executor
    actors: list[Actor] = field(default_factory=list)

    async def answer(self, made: Made, language: Language, randomness: str) -> dict[str, Any]:
        now = NOW + timedelta(days=made.days)
        context = Context(self.portal.database, self.portal.settings, self.actors[made.caller], language, now, "request")
        context.charge = Charge(60_000, 59_000, NOW, 1_000, 20_000)
        with repeatable(randomness), patch("app.engine.search.WALKED", len(randomness) % 2), patch("app.engine.search.MOST_FOUND", 4):
            answer = await self.executor.execute(made.text, made.variables, made.name, context)
        return answer.body


async def compare(templates: Templates, backend: str, *, operations: int, seed: str) -> Outcome:
    """One round: the same operations on two copies of the demo."""
    copies = [await asyncio.to_thread(templates.copy, backend, "demo") for _ in range(2)]
    (url, data), (other_url, other_data) = copies
    given: dict[str, Any] = {"secret_key": "x" * 32, "deadline": 600.0}  # a busy machine is no difference
    async with portal_on(url, data, **given) as one, portal_on(other_url, other_data, **given) as other:
        sides = Side(one, Executor(schema)), Side(other, Executor(schema, way="reference"))
        sides[1].executor._documents = sides[0].executor._documents  # read alike by both, which is half of the time
        for side in sides:
            with repeatable(seed):
                side.actors = await actors_of(side.portal, random.Random(seed))
        outcome = await _round(sides, operations, seed)
    for url, _ in copies:
        templates.drop(url)
    return outcome


async def _round(sides: tuple[Side, Side], operations: int, seed: str) -> Outcome:
    outcome, pick = Outcome(counts=sides[0].executor.counts), random.Random(seed)
    generator = Generator(CORE, pick, await ids_of(sides[0].portal, pick), len(sides[0].actors))
    for number in range(operations):
        made, language = generator.operation(), pick.choice(LANGUAGES)
        answers = [await side.answer(made, language, f"{seed} {number}") for side in sides]
        outcome.operations += 1
        outcome.mutations += made.is_mutation
        outcome.answered += "data" in answers[1]
        outcome.errors.update(error["extensions"]["code"] for error in answers[1].get("errors", ()))
        if "data" in answers[1]:
            operation = sides[0].executor.operation(made.text, made.name)
            outcome.reached.update(set(reached(CORE, operation.document, made.name, answers[1]["data"])))
        if await _are_waiting():
            outcome.differences.append(_told(seed, number, made, answers).replace("compiled", "somebody waits on\ncompiled", 1))
        if _bytes(answers[0]) != _bytes(answers[1]):
            outcome.differences.append(_told(seed, number, made, answers))
            if made.is_mutation:  # what follows would differ because of it
                break
        _gather(answers[1], generator)
    outcome.used = generator.used
    return outcome


async def _are_waiting() -> bool:
    """Whether the operation left tasks behind that do not come to an end."""
    for _ in range(50):
        if len(asyncio.all_tasks()) == 1:  # this one
            return False
        await asyncio.sleep(0)
    await asyncio.sleep(0.2)
    return len(asyncio.all_tasks()) > 1


@contextmanager
def repeatable(seed: str) -> Iterator[None]:
    """Keys and secrets that both executors make alike."""
    made = random.Random(seed)
    system = SimpleNamespace(urandom=made.randbytes)
    clock = SimpleNamespace(time_ns=lambda: int(NOW.timestamp()) * 10**9)
    with patch("app.models.base.os", system), patch("app.auth.tokens.os", system), patch("app.models.base.time", clock):
        yield


def _bytes(body: dict[str, Any]) -> bytes:
    """The order of keys counts; errors have none of their own."""
    errors = sorted(body.get("errors", []), key=orjson.dumps)
    return orjson.dumps([body.get("data"), errors])


def _told(seed: str, number: int, made: Made, answers: list[Any]) -> str:
    """Cut to where the answers part."""
    texts = [_bytes(answer).decode() for answer in answers]
    parting = next((place for place, (one, other) in enumerate(zip(*texts, strict=False)) if one != other), 0)
    shown = [text[max(0, parting - 300) : parting + 700] for text in texts]
    return f"round {seed}, operation {number}\n{made}\ncompiled  …{shown[0]}\nreference …{shown[1]}\n"


def _gather(body: Any, generator: Generator) -> None:
    """Cursors and ids of answers, to be given back."""
    if isinstance(body, dict):
        for name, value in body.items():
            if isinstance(value, str) and name.lower().endswith("cursor"):
                generator.note_cursor(value)
            elif isinstance(value, str) and (found := _ID.fullmatch(value)) and found[1] in generator.ids:
                known = generator.ids[found[1]]
                known[generator.pick.randrange(len(known))] = value
            _gather(value, generator)
    elif isinstance(body, list):
        for item in body:
            _gather(item, generator)


async def ids_of(portal: Portal, pick: random.Random) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for prefix, shown in MODELS.items():
        model = ReportTally if shown is ReportWeek else shown  # weeks have no rows, and their figures have their keys
        keys: list[UUID] = await portal.fetch(select(model.id).order_by(model.id))
        found[prefix] = [f"{prefix}_{key.hex}" for key in pick.sample(keys, min(len(keys), 25))]
    return {prefix: ids for prefix, ids in found.items() if ids}


async def actors_of(portal: Portal, pick: random.Random) -> list[Actor]:
    """Somebody of each role, of several companies with one active and without; tokens of all, of few, of no scopes; the gateway; nobody."""
    members = await portal.fetch(select(Member).where(Member.status == "ACTIVE").order_by(Member.id))
    people = {user.id: user for user in await portal.fetch(select(User).order_by(User.id))}
    companies = await portal.fetch(select(Company).order_by(Company.id))
    several = Counter(member.user_id for member in members)
    chosen = {member.role: member for member in pick.sample(members, len(members))}.values()
    actors = []
    for member in [*chosen, *pick.sample([member for member in members if several[member.user_id] > 1], 2)]:
        actor = await portal.actor(await portal.person(people[member.user_id]))
        actors += [replace(actor, account_id=member.company_id, role=member.role, permissions=ROLE_PERMISSIONS[member.role])]
    actors += [await portal.actor(await portal.person(next(people[user] for user in people if several[user] > 1)))]
    scopes = sorted(GRANTABLE)
    for granted in (scopes, pick.sample(scopes, 4), pick.sample(scopes, 8), []):
        actors.append(await portal.actor(await portal.token(pick.choice(companies), *granted)))
    owners = [actor for actor in actors if actor.role == "OWNER"]
    return [*actors, *owners, replace(owners[0], suspended=True), await portal.actor(await portal.gateway()), await portal.actor(Caller())]


# ---- the command -------------------------------------------------------------------------------------------------------


def _kept(seed: int, backend: str) -> Path:
    return ROOT / ".data" / f"differential-{backend}-{seed}.json"


def _load(path: Path) -> Outcome:
    found = json.loads(path.read_text(encoding="utf-8"))
    made = Outcome()
    for name, value in found.items():
        setattr(made, name, Counter(value) if isinstance(value, dict) else value)
    return made


def _save(path: Path, outcome: Outcome) -> None:
    """Whole or not at all."""
    path.parent.mkdir(exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(vars(outcome)), encoding="utf-8")
    fresh.replace(path)


def _main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.engine.differential", description="Compare the executors on random operations.")
    parser.add_argument("operations", type=int, nargs="?", default=300, help="for each database (300)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--backend", choices=BACKENDS, action="append", help="only this database; may be given twice")
    parser.add_argument("--resume", action="store_true", help="go on where a run of this seed stopped")
    options = parser.parse_args(arguments)
    structlog.configure(processors=[_drop])
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        templates = Templates(Path(folder))
        try:
            for backend in options.backend or BACKENDS:
                outcome = _run(templates, backend, options.operations, options.seed, resume=options.resume)
                print(f"{backend}: {outcome.told()}")
                failed += len(outcome.differences)
        finally:
            templates.close()
    return int(failed > 0)


def _run(templates: Templates, backend: str, operations: int, seed: int, *, resume: bool) -> Outcome:
    kept = _kept(seed, backend)
    outcome = _load(kept) if resume and kept.exists() else Outcome()
    again = [*outcome.failed]
    for start in [*again, *range(outcome.operations, operations, ROUND)]:
        started = datetime.now(UTC)
        # Named by where it begins: whichever rounds came before, it is the same.
        size = min(ROUND, operations - start)
        made = asyncio.run(compare(templates, backend, operations=size, seed=f"{seed}/{start}"))
        print("\n".join(made.differences), end="")
        made.operations = size  # a round that a difference cut short is over
        made.failed = [start] if made.differences else []
        if start in again:
            outcome.failed.remove(start)
            outcome.differences = [told for told in outcome.differences if not told.startswith(_round_named(seed, start))]
            made = Outcome(differences=made.differences, failed=made.failed)
        outcome.add(made)
        _save(kept, outcome)
        seconds = (datetime.now(UTC) - started).total_seconds()
        print(f"{backend}: {outcome.operations} of {operations}, {len(outcome.differences)} differences, {seconds:.0f} s", flush=True)
    return outcome


def _round_named(seed: int, start: int) -> str:
    return f"round {seed}/{start},"


def _drop(*_: Any) -> Any:
    raise structlog.DropEvent


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
