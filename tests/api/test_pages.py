"""Connections, taken from the schema: what walking a list in pages shows, and how many statements a page costs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from graphql import GraphQLInterfaceType, GraphQLList, GraphQLNonNull, GraphQLObjectType, get_named_type, is_leaf_type, is_required_argument
from sqlalchemy import select

from app.engine.declare import Many, graph_field
from app.models import (
    City,
    Company,
    CompanyStatus,
    Employment,
    Environment,
    Establishment,
    Event,
    EventType,
    Invitation,
    InvitationStatus,
    Job,
    JobStatus,
    LeavePeriod,
    Locale,
    Member,
    MemberStatus,
    Occupation,
    ProjectKind,
    Role,
    Session,
    SpToken,
    User,
)
from app.schema import schema
from tests.conftest import BACKENDS, Templates
from tests.portal import NOBODY, Caller, Portal, Reply, portal_on
from tests.world import World, make_world, national_id

shared_loop = pytest.mark.asyncio(loop_scope="module")

# ---- the connections of the schema ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Listed:
    """A connection of the schema: the type and field that offer it."""

    type: str
    field: str
    source: Many
    node: GraphQLObjectType

    @property
    def name(self) -> str:
        return f"{self.type}.{self.field}"

    @property
    def orders(self) -> list[tuple[str, bool]]:
        """(name, whether descending) of each order that a client can have."""
        if self.source.order.input is None:
            return [(self.source.order.first, self.source.order.descending)]
        return [(by, descending) for by in self.source.order.by for descending in (False, True)]


def _listed() -> list[Listed]:
    found = []
    for type_ in schema._schema.type_map.values():
        for name, declared in type_.fields.items() if isinstance(type_, GraphQLObjectType) else ():
            graph = graph_field(declared)
            if graph is not None and isinstance(graph.source, Many):
                connection: Any = get_named_type(declared.type)
                node: Any = get_named_type(connection.fields["nodes"].type)
                found.append(Listed(type_.name, name, graph.source, node))
    return sorted(found, key=lambda listed: listed.name)


LISTED = _listed()
every_connection = pytest.mark.parametrize("listed", LISTED, ids=lambda listed: listed.name)
nested_connection = pytest.mark.parametrize("listed", [listed for listed in LISTED if listed.source.key], ids=lambda listed: listed.name)

# How a query comes to the type: of one parent, and of a page of $parents parents.
ROUTES = {
    "Query": "%s",
    "Viewer": "viewer { %s }",
    "Company": "viewer { account { %s } }",
    "Provider": "viewer { account { provider { %s } } }",
    "Gateway": "gateway { %s }",
}
PARENTS = {
    "Company": "viewer { companies(first: $parents) { nodes { members(first: 1) { nodes { company { %s } } } } } }",
    "Provider": "viewer { companies(first: $parents) { nodes { provider { %s } } } }",
    "Contract": "viewer { account { contracts(first: $parents) { nodes { %s } } } }",
    "Establishment": "viewer { account { contracts(first: $parents) { nodes { establishment { %s } } } } }",
    "Project": "viewer { account { approvedProjects(first: $parents) { nodes { %s } } } }",
    "Job": "viewer { account { jobs(first: $parents) { nodes { %s } } } }",
    "Teleworker": "viewer { account { teleworkers(first: $parents) { nodes { %s } } } }",
    "ReportWeek": 'viewer { account { reportWeeks(first: $parents, where: {weekStart: {to: "2026-11-15"}}) { nodes { %s } } } }',
}
# What the field of the graph is called by which an order sorts, where it is not the order's own name.
SORTED_BY = {"TITLE": "titleAr", "NAME": "name"}
SORTED_BY_DEFAULT = {
    "City": "nameAr",
    "Occupation": "nameAr",
    "Company": "nameAr",
    "Member": "createdAt",
    "Employment": "startsOn",
    "SpToken": "createdAt",
    "Event": "sequence",
    "Contract": "createdAt",
    "Project": "createdAt",
    "Invitation": "receivedAt",
    "Session": "createdAt",
    "ReportWeek": "weekStart",
    "ReportSubmission": "receivedAt",
    "Teleworker": "name",
}


def _sort_field(listed: Listed, by: str) -> str | None:
    """None where the graph does not show what it is sorted by (the position of a question)."""
    if by == "DEFAULT":
        return SORTED_BY_DEFAULT.get(listed.node.name)
    head, *rest = by.lower().split("_")
    return SORTED_BY.get(by) or head + "".join(word.capitalize() for word in rest)


# ---- asking --------------------------------------------------------------------------------------------------------------


@dataclass
class Crowd:
    """Twenty of everything and more, with ties and nulls, all links filled; `parents` are those that have twenty of each child."""

    portal: Portal
    owner: Caller
    gateway: Caller
    number: str  # of the owner's company
    parents: dict[str, str] = field(default_factory=dict)

    async def page(self, listed: Listed, arguments: str, selection: str) -> dict[str, Any]:
        reply = await self.portal(self.query(listed, arguments, selection), self.caller(listed))
        assert reply.errors == [], (listed.name, arguments, reply.errors)
        return _dig(reply.data)

    def query(self, listed: Listed, arguments: str, selection: str) -> str:
        route = ROUTES.get(listed.type) or f'node(id: "{self.parents[listed.type]}") {{ ... on {listed.type} {{ %s }} }}'
        if listed.name in ("Gateway.contracts", "Gateway.invitations"):
            arguments += f' companyNumber: "{self.number}"'
        return "{ " + route % _page(listed, arguments, selection) + " }"

    def caller(self, listed: Listed) -> Caller:
        return self.gateway if listed.type == "Gateway" else self.owner


def _page(listed: Listed, arguments: str, selection: str) -> str:
    return f"page: {listed.field}({arguments}) {{ {selection} }}"


def _dig(data: Any) -> dict[str, Any]:
    while "page" not in data:
        [data] = data.values()
    found: dict[str, Any] = data["page"]
    return found


def _ordered(listed: Listed, by: str, descending: bool) -> str:
    return f" orderBy: {{field: {by}, direction: {'DESC' if descending else 'ASC'}}}" if listed.source.order.input else ""


def _walked(listed: Listed, by: str) -> str:
    shown = _sort_field(listed, by)
    value = f"value: {shown}" if shown else ""
    node = f"id {value}"
    info = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
    return f"edges {{ cursor node {{ {node} }} }} nodes {{ {node} }} {info} totalCount"


async def _walk(crowd: Crowd, listed: Listed, by: str, order: str, size: int, *, forward: bool) -> list[dict[str, Any]]:
    pages: list[dict[str, Any]] = []
    more = True
    while more:
        place = ""
        if pages:
            place = f'after: "{pages[-1]["pageInfo"]["endCursor"]}"' if forward else f'before: "{pages[-1]["pageInfo"]["startCursor"]}"'
        pages.append(await crowd.page(listed, f"{'first' if forward else 'last'}: {size} {place}{order}", _walked(listed, by)))
        more = pages[-1]["pageInfo"]["hasNextPage" if forward else "hasPreviousPage"]
        assert len(pages) <= 100
    return pages


def _in_order(rows: list[dict[str, Any]], *, descending: bool) -> list[dict[str, Any]]:
    """Python's own opinion: nulls last either way, strings by code points, ids break ties."""

    def key(row: dict[str, Any]) -> Any:
        value = row.get("value")
        amount = re.fullmatch(r"[0-9]+\.[0-9]{2}", str(value))
        return Decimal(amount[0]) if amount else value, row["id"]

    told = sorted((row for row in rows if row.get("value") is not None), key=key, reverse=descending)
    return told + sorted((row for row in rows if row.get("value") is None), key=lambda row: str(row["id"]), reverse=descending)


# ---- walking -------------------------------------------------------------------------------------------------------------


@shared_loop
@every_connection
async def test_pages_of_three_walked_either_way_are_the_one_big_page(crowd: Crowd, listed: Listed) -> None:
    for by, descending in listed.orders:
        order = _ordered(listed, by, descending)
        whole = await crowd.page(listed, f"first: 1000{order}", _walked(listed, by))

        forward = await _walk(crowd, listed, by, order, 3, forward=True)
        backward = await _walk(crowd, listed, by, order, 3, forward=False)

        rows = [edge["node"] for edge in whole["edges"]]
        assert len(rows) >= 12, (listed.name, "too few to tell anything")
        assert len({row["id"] for row in rows}) == len(rows)
        assert [edge for page in forward for edge in page["edges"]] == whole["edges"], (listed.name, by, descending)
        assert [edge for page in reversed(backward) for edge in page["edges"]] == whole["edges"], (listed.name, by, descending)
        if _sort_field(listed, by):
            assert rows == _in_order(rows, descending=descending), (listed.name, by, descending)


@shared_loop
@every_connection
async def test_a_page_says_exactly_where_it_lies(crowd: Crowd, listed: Listed) -> None:
    [(by, descending), *_] = listed.orders
    order = _ordered(listed, by, descending)
    whole = await crowd.page(listed, f"first: 1000{order}", _walked(listed, by))
    total = len(whole["edges"])

    forward = await _walk(crowd, listed, by, order, 4, forward=True)
    backward = await _walk(crowd, listed, by, order, 4, forward=False)

    for page in [whole, *forward, *backward]:
        edges, info = page["edges"], page["pageInfo"]
        assert page["nodes"] == [edge["node"] for edge in edges]
        assert page["totalCount"] == total
        assert (info["startCursor"], info["endCursor"]) == (edges[0]["cursor"], edges[-1]["cursor"])
        assert info["hasPreviousPage"] is (edges[0] != whole["edges"][0])
        assert info["hasNextPage"] is (edges[-1] != whole["edges"][-1])
    assert {len(page["edges"]) for page in forward[:-1]} == {len(page["edges"]) for page in backward[:-1]} == {4}


@shared_loop
@every_connection
async def test_behind_the_last_row_there_is_an_empty_page(crowd: Crowd, listed: Listed) -> None:
    [(by, descending), *_] = listed.orders
    order = _ordered(listed, by, descending)
    whole = await crowd.page(listed, f"first: 1000{order}", _walked(listed, by))

    behind = await crowd.page(listed, f'first: 3 after: "{whole["pageInfo"]["endCursor"]}"{order}', _walked(listed, by))
    ahead = await crowd.page(listed, f'last: 3 before: "{whole["pageInfo"]["startCursor"]}"{order}', _walked(listed, by))

    nothing = {"edges": [], "nodes": [], "totalCount": len(whole["edges"])}
    nowhere = {"startCursor": None, "endCursor": None}
    assert behind == {**nothing, "pageInfo": {**nowhere, "hasNextPage": False, "hasPreviousPage": True}}
    assert ahead == {**nothing, "pageInfo": {**nowhere, "hasNextPage": True, "hasPreviousPage": False}}


@shared_loop
async def test_every_nullable_order_has_nulls_and_ties_to_prove_itself_on(crowd: Crowd) -> None:
    seen = {}
    for listed in LISTED:
        for by, descending in listed.orders:
            if _sort_field(listed, by):
                page = await crowd.page(listed, f"first: 1000{_ordered(listed, by, descending)}", _walked(listed, by))
                seen[f"{listed.name} by {by}", descending] = [node["value"] for node in page["nodes"]]

    nullable = {name for (name, _), values in seen.items() if None in values}
    tied = {name for (name, _), values in seen.items() if len(set(values)) < len(values)}
    company = {f"Company.{one}" for one in ("contracts by ENDS_ON", "jobs by CLOSES_AT", "jobs by PUBLISHED_AT", "jobs by SALARY_MIN")}
    assert nullable >= company | {"Project.jobs by SALARY_MIN", "Contract.projects by STARTS_ON", "Company.ownProjects by STARTS_ON"}
    assert tied >= company | {"Company.jobs by TITLE", "Company.employments by DEFAULT", "Company.invitations by RECEIVED_AT"}


@shared_loop
async def test_titles_sort_by_code_points(crowd: Crowd) -> None:
    [jobs] = [listed for listed in LISTED if listed.name == "Company.jobs"]

    page = await crowd.page(jobs, "first: 1000 orderBy: {field: TITLE, direction: ASC}", "nodes { titleAr }")

    titles = [node["titleAr"] for node in page["nodes"]]
    assert titles == sorted(titles)
    assert [title for title in dict.fromkeys(titles) if title in TITLES] == sorted(TITLES)


async def test_the_demo_in_every_order_is_the_same_in_small_pages_as_in_one(demo: Portal) -> None:
    crowd = Crowd(demo, await _demo_owner(demo), NOBODY, "")

    for listed in (listed for listed in LISTED if listed.type == "Company"):
        for by, descending in listed.orders:
            order = _ordered(listed, by, descending)
            whole = await crowd.page(listed, f"first: 60{order}", _walked(listed, by))
            pages = [await crowd.page(listed, f"first: 25{order}", _walked(listed, by))]
            while pages[-1]["pageInfo"]["hasNextPage"] and len(pages) < 3:
                pages.append(
                    await crowd.page(listed, f'first: 25 after: "{pages[-1]["pageInfo"]["endCursor"]}"{order}', _walked(listed, by))
                )
            back = await crowd.page(listed, f'last: 25 before: "{pages[-1]["edges"][0]["cursor"]}"{order}', _walked(listed, by))

            walked = [edge for page in pages for edge in page["edges"]]
            assert walked[:60] == whole["edges"], (listed.name, by, descending)
            assert back["edges"] == (pages[-2]["edges"] if len(pages) > 1 else []), (listed.name, by, descending)
            assert whole["nodes"] == _in_order(whole["nodes"], descending=descending), (listed.name, by, descending)


# ---- statements ----------------------------------------------------------------------------------------------------------


@shared_loop
@every_connection
async def test_a_page_of_twenty_takes_as_many_statements_as_a_page_of_one(
    crowd: Crowd, listed: Listed, record_property: Callable[[str, object], None]
) -> None:
    one, twenty = [await _counted(crowd, listed, crowd.query(listed, f"first: {n}", _everything(listed))) for n in (1, 20)]

    print(
        f"{crowd.portal.database.engine.dialect.name:>10} {listed.name:<28} own page  {len(one.statements):>3} {len(twenty.statements):>3}"
    )
    record_property("statements", [len(one.statements), len(twenty.statements)])
    assert _rows(one) == 1
    assert _rows(twenty) >= 12
    assert len(twenty.statements) == len(one.statements), _difference(one, twenty)


@shared_loop
@nested_connection
async def test_pages_of_twenty_parents_take_as_many_statements_as_that_of_one(
    crowd: Crowd, listed: Listed, record_property: Callable[[str, object], None]
) -> None:
    inner = {n: _page(listed, f"first: {n}", _everything(listed)) for n in (1, 20)}

    # What is beneath a company shows for the one that the caller acts for: its own page is all that there is.
    parents = {n: 1 if listed.type == "Company" else n for n in (1, 20)}
    one, twenty = [
        await _counted(crowd, listed, "query($parents: Int!) { " + _parents(listed) % inner[n] + " }", parents=parents[n]) for n in (1, 20)
    ]

    print(
        f"{crowd.portal.database.engine.dialect.name:>10} {listed.name:<28} in parents {len(one.statements):>2} {len(twenty.statements):>3}"
    )
    record_property("statements", [len(one.statements), len(twenty.statements)])
    assert len(twenty.statements) == len(one.statements), _difference(one, twenty)


@shared_loop
@every_connection
async def test_what_is_not_asked_for_is_not_counted(crowd: Crowd, listed: Listed) -> None:
    without = await _counted(crowd, listed, crowd.query(listed, "first: 3", "nodes { id } pageInfo { hasNextPage }"))
    with_count = await _counted(crowd, listed, crowd.query(listed, "first: 3", "nodes { id } pageInfo { hasNextPage } totalCount"))

    assert [statement for statement in without.statements if "count(" in statement.lower()] == []
    assert len([statement for statement in with_count.statements if "count(" in statement.lower()]) == 1
    assert len(with_count.statements) == len(without.statements) + 1


async def test_the_dashboard_takes_as_many_statements_however_much_there_is(
    world: World, record_property: Callable[[str, object], None]
) -> None:
    dashboard = schema._schema.type_map["Dashboard"]
    assert isinstance(dashboard, GraphQLObjectType)
    text, owner = f"query {{ viewer {{ account {{ dashboard {{ {_all_fields(dashboard)} }} }} }} }}", await world.person()

    seen = [await world.portal(text, owner)]
    for more in (1, 4):
        for _ in range(more):
            await world.invitation()
            project = await world.project()
            await world.project(kind=ProjectKind.OWN, status="DRAFT")
            await world.employment(await world.job(project, vacancies=5, filled=1))
        seen.append(await world.portal(text, owner))

    names = ["pendingInvitations", "activeContracts", "approvedProjects", "ownProjects", "openJobs", "openVacancies", "activeTeleworkers"]
    figures = [[reply.data["viewer"]["account"]["dashboard"][name] for name in names] for reply in seen]
    counts = [len(reply.statements) for reply in seen]
    print(f"{world.portal.database.engine.dialect.name:>10} dashboard {counts}")
    record_property("statements", counts)
    assert figures == [[0] * 7, [1, 1, 1, 1, 1, 4, 1], [5, 5, 5, 5, 5, 20, 5]]
    assert len(set(counts)) == 1, _difference(seen[0], seen[2])


async def _counted(crowd: Crowd, listed: Listed, text: str, **variables: Any) -> Reply:
    reply = await crowd.portal(text, crowd.caller(listed), **variables)
    assert reply.errors == []
    return reply


def _parents(listed: Listed) -> str:
    return "viewer { companies(first: $parents) { totalCount } account { %s } }" if listed.type == "Company" else PARENTS[listed.type]


def _everything(listed: Listed) -> str:
    return f"edges {{ cursor }} nodes {{ {_all_fields(listed.node)} }} pageInfo {{ hasNextPage hasPreviousPage }} totalCount"


def _all_fields(type_: GraphQLObjectType) -> str:
    """Every leaf, {id} of every row that it leads to, and the leaves of every plain list."""
    found = []
    for name, declared in type_.fields.items():
        named = get_named_type(declared.type)
        if any(is_required_argument(argument) for argument in declared.args.values()):
            continue
        if is_leaf_type(named):
            found.append(name)
        elif isinstance(named, GraphQLObjectType | GraphQLInterfaceType) and "id" in named.fields:
            found.append(f"{name} {{ id }}")
        elif isinstance(named, GraphQLObjectType) and _is_list(declared.type):
            found.append(f"{name} {{ {_all_fields(named)} }}")
    return " ".join(found)


def _is_list(type_: Any) -> bool:
    return isinstance(type_.of_type if isinstance(type_, GraphQLNonNull) else type_, GraphQLList)


def _rows(reply: Reply) -> int:
    return len(_dig(reply.data)["nodes"])


def _difference(one: Reply, twenty: Reply) -> str:
    rest = list(twenty.statements)
    for statement in one.statements:
        if statement in rest:
            rest.remove(statement)
    return "\n".join(rest)


# ---- the crowd -----------------------------------------------------------------------------------------------------------

N = 20
# A surrogate pair in UTF-16 sorts before U+FB50; by code points it comes last. A locale's collation would mix the cases.
TITLES = ["\U0001f600 وجه", "ﭐ", "ي", "ب", "ا", "أ", "آ", "é", "ئ", "ۏ", "a", "Z", "_", "٣"]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=BACKENDS)
async def crowd(request: pytest.FixtureRequest, templates: Templates) -> AsyncIterator[Crowd]:
    """One for all tests of this module that only read."""
    url, data = await asyncio.to_thread(templates.copy, request.param, "blank")
    async with portal_on(url, data) as portal:
        yield await _make_crowd(await make_world(portal))
    templates.drop(url)


async def _make_crowd(world: World) -> Crowd:
    # Signed in while they belong to one company, which is then the account.
    owner, now, north = world.users[Role.OWNER], world.portal.clock(), world.north
    number = f"{north.labor_office_id}-{north.sequence_number}"
    crowd = Crowd(world.portal, await world.person(), await world.portal.gateway(), number)
    newest = now + timedelta(hours=1)
    city = (await world.portal.fetch(select(City).limit(1)))[0]
    occupation = (await world.portal.fetch(select(Occupation).limit(1)))[0]
    north.city_id = city.id
    document = await world.document()
    await world.portal.store(north)
    first: Establishment = await world.establishment(city_id=city.id)
    second: Establishment = await world.establishment(city_id=city.id)

    def sparse(i: int, value: Any) -> Any:
        return None if i % 5 == 4 else value

    def made_at(i: int) -> Any:
        return newest if i == 0 else now - timedelta(hours=i // 3)

    for i in range(N):
        company = Company(
            provider_id=north.provider_id,
            labor_office_id=2,
            sequence_number=i + 1,
            name_ar=f"فرع {i // 3}",
            city_id=city.id,
            status=CompanyStatus.ACTIVE,
            created_at=now,
            updated_at=now,
        )
        user = User(national_id=national_id(500_000 + i), name=f"عضو {i}", locale=Locale.AR, created_at=now)
        await world.portal.store(company, user)
        dates = {"status": MemberStatus.ACTIVE, "created_at": made_at(i), "updated_at": now}
        await world.portal.store(
            Member(user_id=owner.id, company_id=company.id, role=Role.OWNER, **dates),
            Member(user_id=user.id, company_id=north.id, role=Role.VIEWER, **dates),
            SpToken(
                company_id=north.id,
                name=f"Server {i}",
                display_code=f"{i:06x}",
                secret_hash=f"{i:064x}",
                environment=Environment.LIVE,
                scopes=["REPORTS_READ"],
                created_by_id=owner.id,
                created_at=made_at(i),
            ),
            Session(
                user_id=owner.id,
                company_id=north.id,
                secret_hash=f"{i:064x}",
                created_at=made_at(i),
                expires_at=now + timedelta(days=1),
            ),
        )
    contracts, jobs = [], []
    for i in range(N):
        establishment = first if i < 15 else second
        invitation = Invitation(
            company_id=north.id,
            establishment_id=establishment.id,
            status=InvitationStatus.ACCEPTED,
            document_id=document.id,
            received_at=now - timedelta(days=i // 3),
            expires_at=now + timedelta(days=i // 4),
            decided_at=now,
            decided_by_id=owner.id,
        )
        await world.portal.store(invitation)
        contracts.append(
            await world.contract(
                establishment=establishment,
                invitation_id=invitation.id,
                document_id=document.id,
                standing=False,
                number=f"{'ABab'[i % 4]}-{i:03d}",
                starts_on=world.today - timedelta(days=i // 3),
                ends_on=sparse(i, world.today + timedelta(days=i // 4)),
                created_at=made_at(i),
            )
        )
    projects = [
        await world.project(
            contract=contract,
            title_ar=TITLES[i % len(TITLES)],
            starts_on=sparse(i, world.today + timedelta(days=i // 3)),
            created_at=made_at(i),
        )
        for i, contract in enumerate([contracts[0]] * N + contracts[1:2])
    ]
    for i in range(N):
        starts_on = sparse(i, world.today + timedelta(days=i // 3))
        # A minute before: the newest of all, as the gateway sees them, has all that a project can have.
        made = made_at(i) - timedelta(minutes=1)
        await world.project(kind=ProjectKind.OWN, title_ar=TITLES[i % len(TITLES)], starts_on=starts_on, created_at=made)
    for i, project in enumerate([projects[0]] * N + projects[1:2]):
        jobs.append(
            await world.job(
                project,
                title_ar=TITLES[i % len(TITLES)],
                occupation_id=occupation.id,
                city_id=city.id,
                status=JobStatus.DRAFT if i % 5 == 4 else JobStatus.OPEN,
                published_at=sparse(i, now - timedelta(days=i // 3)),
                closes_at=sparse(i, now + timedelta(days=i // 3)),
                salary_min=sparse(i + 1, Decimal(4000 + 1000 * (i // 3)) + Decimal("0.50")),
                vacancies=100,
                created_at=made_at(i),
            )
        )
    names = ["ا", *(title + "ي" for title in (TITLES * 2)[1:N])]
    people = [await world.teleworker(name=name, city_id=city.id, created_at=made_at(i)) for i, name in enumerate(names)]
    for i, (job, person) in enumerate([(jobs[0], person) for person in people] + [(job, people[0]) for job in jobs[1:N]]):
        employment: Employment = await world.employment(job, teleworker=person, starts_on=world.today - timedelta(days=i // 3))
        leave = LeavePeriod(company_id=north.id, employment_id=employment.id, starts_on=world.today, ends_on=None)
        await world.portal.store(leave)
    token = (await world.portal.fetch(select(SpToken).limit(1)))[0]
    await world.portal.store(
        *(
            Event(
                company_id=north.id,
                sequence=i + 1,
                type=EventType.CONTRACT_CREATED,
                occurred_at=now,
                subject_prefix="con",
                subject_id=contracts[0].id,
                actor_name="x",
                user_id=owner.id,
                token_id=token.id,
            )
            for i in range(N)
        )
    )
    await world.alter(north, last_event=N)
    week = await _reported(world, crowd, jobs[0], first)
    having = {"Contract": contracts[0], "Establishment": first, "Project": projects[0], "Job": jobs[0], "Teleworker": people[0]}
    crowd.parents = {name: row.public_id for name, row in having.items()} | {"ReportWeek": week}
    return crowd


async def _reported(world: World, crowd: Crowd, job: Job, client: Establishment) -> str:
    """A week that two dozen owe and fourteen are reported of, in as many reports; its id. Weeks are owed since some months."""
    await world.employment(job, starts_on=world.today - timedelta(days=150), ends_on=world.today - timedelta(days=20))
    people = [await world.teleworker(name=f"عامل {i // 2}") for i in range(28)]
    for person in people:
        await world.employment(job, teleworker=person, starts_on=world.today - timedelta(days=10))
    submit = """mutation($week: Date!, $lines: [ReportLineInput!]!) { submitWeeklyReport(input: {weekStart: $week, lines: $lines}) {
        week { id reportedLines } userErrors { code } } }"""
    figures = {"activityLevel": "50", "loginCount": 1, "logoutCount": 1, "assignedTasks": 1, "completedTasks": 1, "totalWorkMinutes": 60}
    of = f"{client.labor_office_id}-{client.sequence_number}"
    lines = [{"establishmentNumber": of, "nationalId": person.national_id, **figures} for person in people[:14]]
    replies = [await crowd.portal(submit, crowd.owner, week="2026-11-15", lines=[line]) for line in lines]
    assert [reply.codes for reply in replies] == [[]] * 14
    week = replies[-1].data["submitWeeklyReport"]["week"]
    assert week["reportedLines"] == 14
    return str(week["id"])


async def _demo_owner(demo: Portal) -> Caller:
    [user] = await demo.fetch(select(User).where(User.national_id == "1000000016"))
    owner = await demo.person(user)
    company = (await demo.fetch(select(Company).join(Member, Member.company_id == Company.id).where(Member.user_id == user.id)))[0]
    switch = "mutation($id: ID!) { switchAccount(input: {companyId: $id}) { userErrors { code } } }"
    assert (await demo(switch, owner, id=company.public_id)).codes == []
    return owner
