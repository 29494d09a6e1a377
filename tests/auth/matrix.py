"""Who may do what, tried out: every field and every mutation of the schema for every kind of caller, against the table in matrix.txt.

    python -m tests.auth.matrix    prints what is, in the table's form, for whoever has to write a row: to be judged, not to be copied

A field is reached by its row's id, or down from there, and is answered (x), refused (-), or null as if nothing were there (.).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import fill
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
    is_leaf_type,
    is_required_argument,
    is_required_input_field,
)
from sqlalchemy import select, update

from app.clock import sunday, week_number
from app.models import (
    City,
    EducationLevel,
    Event,
    EventType,
    Faq,
    Gender,
    InvitationStatus,
    LeavePeriod,
    Member,
    Occupation,
    Provider,
    ReportLine,
    ReportSubmission,
    Role,
    Session,
    SpToken,
    SubmissionStatus,
    User,
)
from app.models.report import week_key
from app.operations.migrate import migrate
from app.schema import schema
from tests.portal import NOBODY, Caller, Portal, Reply, portal_on
from tests.world import World, make_world

SCHEMA = schema._schema
PERSONAL = "Session"  # a node that is one person's
TABLE = Path(__file__).with_name("matrix.txt")
COLUMNS = ("OWNER", "ADMIN", "MEMBER", "VIEWER", "suspended", "unchosen", "gateway", "anonymous")
# Written out, not read from the code: what a token may hold is part of what is tried.
GRANTABLE = [
    *("PROFILE_READ", "INVITATIONS_READ", "INVITATIONS_DECIDE", "CONTRACTS_READ", "CONTRACTS_WRITE", "PROJECTS_READ"),
    *("PROJECTS_WRITE", "PROJECTS_DELETE", "JOBS_WRITE", "TELEWORKERS_READ", "TELEWORKERS_WRITE", "TELEWORKERS_REVEAL"),
    *("REPORTS_READ", "REPORTS_WRITE", "WEBHOOKS_READ", "EVENTS_READ"),
]
SCOPE_SETS = {
    **{f"token {scope}": {scope} for scope in GRANTABLE},
    "token default": {"REPORTS_READ", "REPORTS_WRITE", "TELEWORKERS_READ"},
    "token all": set(GRANTABLE),
}
# A document that asks for everything at once is beyond what a caller may.
GENEROUS = {
    "most_fields": 10_000,
    "most_root_fields": 1000,
    "most_aliases": 1000,
    "most_tokens": 100_000,
    "most_cost": 10**8,
    "points_a_minute": 10**9,
    "anonymous_points_a_minute": 10**9,
    "deadline": 60,
    "guide_url": "https://example.sa/guide",
    "support_email": "support@example.sa",
}
_CODES = {
    "FORBIDDEN": "-",
    "UNAUTHENTICATED": "401",
    "ACCOUNT_SUSPENDED": "suspended",
    "ACCOUNT_NOT_SELECTED": "unchosen",
}


# ---- the table -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """What the table says of a field: the permissions that it takes, a cell for each caller, and one (`token`) for all tokens."""

    permissions: frozenset[str]
    cells: dict[str, str]
    token: str

    def expected(self, caller: str) -> str:
        if caller not in SCOPE_SETS:
            return self.cells[caller]
        if self.token in ("x", "."):
            return self.token
        if self.token == "empty":
            return "." if self.permissions <= SCOPE_SETS[caller] else "-"
        return "x" if self.token == "scope" and self.permissions <= SCOPE_SETS[caller] else "-"


def read_table() -> dict[str, Row]:
    """By "Type.field". Raises ValueError for a field that stands there twice."""
    found: dict[str, Row] = {}
    row, of = None, ""
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        words = line.split()
        if not line.startswith(" "):
            of, permissions, *cells, token = words
            row = Row(frozenset(permissions.split("+")) - {"none"}, dict(zip(COLUMNS, cells, strict=True)), token)
            continue
        assert row is not None
        for name in words:
            if f"{of}.{name}" in found:
                raise ValueError(f"{of}.{name} stands there twice")
            found[f"{of}.{name}"] = row
    return found


# ---- what is there to be tried -------------------------------------------------------------------------------------------


def types() -> dict[str, GraphQLObjectType]:
    return {name: type_ for name, type_ in SCHEMA.type_map.items() if isinstance(type_, GraphQLObjectType) and not name.startswith("__")}


def fields() -> set[str]:
    return {f"{name}.{each}" for name, type_ in types().items() for each in type_.fields}


def _is_node(type_: GraphQLObjectType) -> bool:
    """Whether one row of the company's serves all callers; a session is its own person's, and reached through them."""
    return type_.name != PERSONAL and any(interface.name == "Node" for interface in type_.interfaces)


@cache
def routes() -> dict[str, tuple[str, ...]]:
    """Down to each type that a query reaches: its name for one with an id, else a way of fields from there or from the root."""
    found: dict[str, tuple[str, ...]] = {"Query": ()}
    found |= {name: (name,) for name, type_ in types().items() if _is_node(type_)}
    front = list(found)
    while front:
        name = front.pop(0)
        for each, declared in types()[name].fields.items():
            inner = get_named_type(declared.type)
            by_id = each in ("node", "nodes") and inner.name != PERSONAL
            if isinstance(inner, GraphQLObjectType) and inner.name not in found and not by_id:
                found[inner.name] = (*found[name], each)
                front.append(inner.name)
    return found


def _selection(declared: Any, name: str) -> str:
    inner = get_named_type(declared.type)
    wanted = ", ".join(f'{each}: "7-1"' for each, argument in declared.args.items() if is_required_argument(argument))
    asked = f"{name}({wanted})" if wanted and name not in ("node", "nodes") else name
    return asked if is_leaf_type(inner) else f"{asked} {{ __typename }}"


def _fields_of(name: str, extra: list[str]) -> str:
    """Everything that a type offers, under names of their own where a field is asked for twice."""
    declared = types()[name].fields
    written = [_selection(declared[each], each) for each in declared]
    for place, each in enumerate(extra):
        written.append(f"extra{place}: {_selection(declared[each.partition('(')[0]], each)}")
    return " ".join(written)


@dataclass
class Outcome:
    """What one caller got: cells by "Type.field", and the permission that each refusal named."""

    cells: dict[str, str] = field(default_factory=dict)
    named: dict[str, str | None] = field(default_factory=dict)


@dataclass
class Probe:
    """Asks everything on behalf of one caller, in a handful of requests."""

    portal: Portal
    ids: dict[str, str]
    extras: dict[str, list[str]]  # type -> fields with arguments that the table names as well

    async def run(self, caller: Caller) -> Outcome:
        outcome = Outcome()
        async with self.portal.database.writing() as session:
            await session.execute(update(Session).values(device="x", address="x"))
        await self._queries(caller, outcome)
        await self._mutations(caller, outcome)
        return outcome

    async def _queries(self, caller: Caller, outcome: Outcome) -> None:
        starts = {route[0] for route in routes().values() if route}
        parts = [
            f'{start}: node(id: "{self.ids[start]}") {{ ... on {start} {{ {self._written((start,))} }} }}'
            if start in self.ids
            else f"{start} {{ {self._written((start,))} }}"
            for start in sorted(starts)
        ]
        some = self.ids["City"]
        asked = {"node": f'node(id: "{some}") {{ id }}', "nodes": f'nodes(ids: ["{some}"]) {{ id }}'}
        roots = types()["Query"].fields
        parts += [asked.get(name) or _selection(roots[name], name) for name in roots]
        reply = await self.portal(f"query {{ {' '.join(parts)} }}", caller)
        for name, route in routes().items():
            names = {each: each for each in types()[name].fields}
            names |= {f"extra{place}": each for place, each in enumerate(self.extras.get(name, []))}
            for key, shown in names.items():
                full = f"{name}.{shown}"
                outcome.cells[full], outcome.named[full] = _cell(reply, [*route, key])

    def _written(self, route: tuple[str, ...]) -> str:
        """All fields of the type at the end of the route, and all that lies below it."""
        [name] = [name for name, each in routes().items() if each == route]
        below = [each for each in routes().values() if each[:-1] == route]
        return " ".join([_fields_of(name, self.extras.get(name, [])), *(f"{each[-1]} {{ {self._written(each)} }}" for each in below)])

    async def _mutations(self, caller: Caller, outcome: Outcome) -> None:
        root: Any = SCHEMA.mutation_type
        order = sorted(root.fields, key=lambda name: name == "logout")  # last: it ends the session
        wanted = [f"${name}: {root.fields[name].args['input'].type}" for name in order]
        parts = []
        for name in order:
            payload: Any = get_named_type(root.fields[name].type)
            selected = _fields_of(payload.name, []).replace("userErrors {", "userErrors { code message path retryable")
            selected = selected.replace("lineResults {", f"lineResults {{ {_fields_of('ReportLineResult', [])} ")
            selected = selected.replace("warnings {", f"warnings {{ {_fields_of('ReportWarning', [])} ")
            parts.append(f"{name}(input: ${name}) {{ {selected} }}")
        given = {name: sample_input(root.fields[name].args["input"].type) for name in order}
        given["submitWeeklyReport"] |= {"weekStart": "2026-11-15", "lines": [UNKNOWN_LINE]}
        reply = await self.portal(f"mutation({', '.join(wanted)}) {{ {' '.join(parts)} }}", caller, **given)
        for name in order:
            payload = get_named_type(root.fields[name].type)
            done, permission = _cell(reply, [name])
            codes = [error["code"] for error in ((reply.data or {}).get(name) or {}).get("userErrors", [])]
            cell = next((_CODES[code] for code in codes if code in _CODES), done)
            outcome.cells[f"Mutation.{name}"], outcome.named[f"Mutation.{name}"] = cell, permission
            for each in payload.fields:
                cell, permission = _cell(reply, [name, each])
                # What was not done has nothing to show: what counts is whether it was refused.
                outcome.cells[f"{payload.name}.{each}"] = "x" if cell == "." and done == "x" else cell
                outcome.named[f"{payload.name}.{each}"] = permission
        within = {"ReportLineResult": ["lineResults"], "ReportWarning": ["lineResults", "warnings"]}
        for name, way in within.items():
            for each in types()[name].fields:
                at, shown = ["submitWeeklyReport", *way, each], f"{name}.{each}"
                cell, outcome.named[shown] = _cell(reply, at)
                is_told = outcome.cells.get("ReportLineResult.index") == "x"  # a line that was refused has nothing to show
                outcome.cells[shown] = "x" if cell == "." and is_told else cell
        for each in types()["UserError"].fields:
            at, shown = ["revokeToken", "userErrors", each], f"UserError.{each}"
            outcome.cells[shown], outcome.named[shown] = _cell(reply, at)
        for each in types()["UploadHeader"].fields:
            cell, outcome.named[f"UploadHeader.{each}"] = _cell(reply, ["createDocumentUpload", "uploadHeaders", each])
            # As above: nothing was done.
            outcome.cells[f"UploadHeader.{each}"] = "x" if cell == "." else cell


# Of nobody, with something to warn of.
UNKNOWN_LINE = {
    "establishmentNumber": "7-1", "nationalId": "1000000008", "activityLevel": "1", "loginCount": 1, "logoutCount": 2, "assignedTasks": 1,
    "completedTasks": 1, "totalWorkMinutes": 1,
}  # fmt: skip


def _cell(reply: Reply, path: list[str]) -> tuple[str, str | None]:
    """What stands at the path, into the first item of each list; and the permission that a refusal on the way named."""
    value: Any = reply.data
    walked: list[str | int] = []
    for step in path:
        if value is not None:
            while isinstance(value, list) and value:
                value = value[0]
                walked.append(0)
            value = value.get(step) if isinstance(value, dict) else None
            walked.append(step)
        if value is None:
            for error in reply.errors:
                if error.get("path") == walked:
                    return _CODES.get(error["extensions"]["code"], error["extensions"]["code"]), error["extensions"].get("permission")
            return ".", None
    return "x", None


def sample_input(type_: Any) -> Any:
    """An input that GraphQL takes and that refers to nothing; to be validated only, where that is offered."""
    if isinstance(type_, GraphQLNonNull):
        return sample_input(type_.of_type)
    if isinstance(type_, GraphQLList):
        return []
    if isinstance(type_, GraphQLEnumType):
        return next(iter(type_.values))
    if isinstance(type_, GraphQLInputObjectType):
        wanted = {name: sample_input(each.type) for name, each in type_.fields.items() if is_required_input_field(each)}
        return wanted | ({"validateOnly": True} if "validateOnly" in type_.fields else {})
    moments = {"Int": 1, "Boolean": True, "Date": "2026-11-22", "DateTime": "2027-01-01T00:00:00Z"}
    return moments.get(type_.name, "1000000008")


# ---- the callers, and rows in which every column holds something -----------------------------------------------------------


async def sample_rows(world: World) -> dict[str, str]:
    """The public id of one row of each type, all of one company, with no column empty."""
    reach: dict[str, Any]
    portal, now, day = world.portal, world.portal.clock(), world.today
    [city, *_] = await portal.fetch(select(City))
    [occupation, *_] = await portal.fetch(select(Occupation))
    [faq, *_] = await portal.fetch(select(Faq))
    reach = {"email": "x@example.sa", "mobile": "+966512345678"}
    [provider] = await portal.fetch(select(Provider).where(Provider.id == world.north.provider_id))
    await world.alter(provider, description="x", website="https://x.example.sa", contact_name="x", national_address="x", **reach)
    await world.alter(world.north, city_id=city.id, activity="x", unified_number="7000000001")
    for user in world.users.values():
        await world.alter(user, last_login_at=now, **reach)
    viewer, owner = world.users[Role.VIEWER], world.users[Role.OWNER]
    [member] = await portal.fetch(select(Member).where(Member.user_id == viewer.id))
    establishment = await world.establishment(unified_number="7000000002", city_id=city.id, activity="x", **reach)
    document = await world.document()
    decided: dict[str, Any] = {"decided_at": now, "decided_by_id": owner.id, "rejection_reason": "x"}
    proposed: dict[str, Any] = {"proposed_starts_on": day, "proposed_ends_on": day, "document_id": document.id, "message": "x"}
    invitation = await world.invitation(establishment=establishment, status=InvitationStatus.ACCEPTED, **decided, **proposed)
    contract = await world.contract(
        establishment=establishment, invitation_id=invitation.id, document_id=document.id, terminated_at=now, termination_reason="x"
    )
    dates: dict[str, Any] = {"starts_on": day, "ends_on": day}
    project = await world.project(contract=contract, scope="x", review_note="x", planned_headcount=1, **dates)
    asked = {"education_level": EducationLevel.DIPLOMA, "experience_years": 1, "description": "x"}
    wages = {"salary_min": Decimal(5000), "salary_max": Decimal(6000)}
    job = await world.job(project, occupation_id=occupation.id, city_id=city.id, **asked, **wages)
    education = {"gender": Gender.FEMALE, "education_level": EducationLevel.DIPLOMA, "city_id": city.id}
    teleworker = await world.teleworker(**reach, **education)
    ended = {"starts_on": day - timedelta(days=14), "ends_on": day, "qiwa_contract_number": "x", "end_reason": "x"}
    employment = await world.employment(job, teleworker=teleworker, **ended)
    await world.store(LeavePeriod(company_id=world.north.id, employment_id=employment.id, starts_on=day, ends_on=day))
    await portal.token(world.north)
    [token] = await portal.fetch(select(SpToken))
    times = {"expires_at": now + timedelta(days=1), "last_used_at": now, "revoked_at": now}
    await world.alter(token, created_by_id=owner.id, address_ranges=["203.0.113.0/24"], **times)
    event = await world.store(
        Event(
            company_id=world.north.id,
            sequence=1,
            type=EventType.PROFILE_UPDATED,
            occurred_at=now,
            subject_prefix="prv",
            subject_id=provider.id,
            actor_name="x",
            user_id=owner.id,
            token_id=token.id,
            request_id="x",
        )
    )
    await world.alter(world.north, last_event=1)
    week = week_key(world.north.id, week_number(day) - 1)
    sender = {"token_id": token.id, "user_id": owner.id, "reason": "x", "received_at": now, "week_start": sunday(week_number(day) - 1)}
    counts = {"revision": 1, "line_count": 1, "accepted_lines": 1, "rejected_lines": 0}
    mine = {"company_id": world.north.id, "week_id": week}
    submission = await world.store(ReportSubmission(**mine, **sender, **counts, status=SubmissionStatus.ACCEPTED))
    figures = dict.fromkeys(
        ("activity_level", "login_count", "logout_count", "assigned_tasks", "completed_tasks", "total_work_minutes", "revision"), 1
    )
    place = {"place_id": world.north.id, "labor_office_id": 7, "sequence_number": 1, "teleworker_id": teleworker.id}
    line = await world.store(ReportLine(**mine, **place, **figures, note="x", on_time=True, is_due=False))
    rows = [city, occupation, faq, provider, world.north, viewer, member, establishment, document, invitation, contract, project]
    rows += [job, teleworker, employment, token, event]
    rows += [submission, line]
    return {**{type(row).__name__: row.public_id for row in rows}, "ReportWeek": f"wek_{week.hex}"}


async def callers(world: World) -> list[tuple[str, Caller]]:
    found = [(str(role.value), await world.person(role)) for role in Role]
    person: User = await world.user()
    for company in (world.north, world.south):
        await world.join(person, company, Role.OWNER)
    found.append(("unchosen", await world.portal.person(person)))
    found += [(name, await world.portal.token(world.north, *scopes)) for name, scopes in SCOPE_SETS.items()]
    return [*found, ("gateway", await world.portal.gateway()), ("anonymous", NOBODY)]


async def outcomes(world: World, extras: dict[str, list[str]]) -> dict[str, Outcome]:
    """What each caller got, by the caller's name."""
    probe = Probe(world.portal, await sample_rows(world), extras)
    found = {name: await probe.run(caller) for name, caller in await callers(world)}
    await world.alter(world.north, status="SUSPENDED")
    return {**found, "suspended": await probe.run(await world.person())}


def extras_of(table: dict[str, Row]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in table:
        if "(" in name:
            type_, _, each = name.partition(".")
            found.setdefault(type_, []).append(each)
    return found


def wrong(table: dict[str, Row], found: dict[str, Outcome]) -> Iterator[str]:
    for caller, outcome in found.items():
        for name, row in table.items():
            cell, expected = outcome.cells.get(name, "not tried"), row.expected(caller)
            if cell != expected:
                yield f"{name} for {caller}: {cell}, not {expected}"
            elif cell == "-" and row.permissions and caller != "gateway" and outcome.named[name] not in row.permissions:
                yield f"{name} for {caller}: refused for {outcome.named[name]}, not {'+'.join(sorted(row.permissions))}"


def as_found(found: dict[str, Outcome]) -> str:
    """The rows that the table would have if everything were right as it is."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for name in found["OWNER"].cells:
        cells = [found[caller].cells[name] for caller in COLUMNS]
        of_tokens = {found[caller].cells[name] for caller in SCOPE_SETS}
        token = "scope" if len(of_tokens) > 1 else "never" if of_tokens == {"-"} else of_tokens.pop()
        named = sorted({each for outcome in found.values() if (each := outcome.named[name])})
        type_, _, shown = name.partition(".")
        rows.setdefault((type_, "+".join(named) or "none", *cells, token), []).append(shown)
    widths = (30, 38, 6, 6, 7, 7, 10, 9, 8, 10, 6)
    return "\n".join(
        "".join(f"{cell:<{width}}" for cell, width in zip(head, widths, strict=True)).rstrip()
        + "\n"
        + fill(" ".join(names), 136, initial_indent="    ", subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
        for head, names in rows.items()
    )


async def _main() -> None:
    with TemporaryDirectory() as folder:
        url = f"sqlite+aiosqlite:///{folder}/matrix.db"
        await migrate(url)
        async with portal_on(url, Path(folder), **GENEROUS) as portal:
            print(as_found(await outcomes(await make_world(portal), extras_of(read_table()))))


if __name__ == "__main__":
    asyncio.run(_main())
