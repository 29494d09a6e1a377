"""The portal's other side: what its gateway delivers, withdraws, decides and finds, and a token in its place in the sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.models import (
    Company,
    CompanyStatus,
    DocumentStatus,
    Establishment,
    Event,
    Invitation,
    InvitationStatus,
    ProjectDecision,
    ProjectKind,
    ProjectStatus,
)
from app.operations.invitation import TRANSITIONS
from app.operations.project import DECISIONS
from tests.api.test_invitation import ACCEPT, REJECT
from tests.conftest import Templates
from tests.portal import Caller, Reply, portal_on
from tests.world import World, make_world

DELIVER = """mutation($input: DeliverInvitationInput!) { deliverInvitation(input: $input) { invitation {
    id status message proposedStartsOn proposedEndsOn expiresAt version company { id establishmentNumber provider { name } }
    document { id fileName downloadUrl } decidedBy { id }
    establishment { id establishmentNumber unifiedNumber nameAr nameEn activity email mobile city { key } contracts { totalCount } } }
    userErrors { code path message retryable } clientMutationId } }"""
WITHDRAW = """mutation($id: ID!) { withdrawInvitation(input: {invitationId: $id}) {
    invitation { status decidedAt version } userErrors { code path } } }"""
PROJECT = """mutation($input: DeliverProjectInput!) { deliverProject(input: $input) { project {
    id kind status titleAr company { id } contract { id } establishment { id } plannedHeadcount jobs { totalCount } viewerCanUpdate }
    userErrors { code path } } }"""
DECIDE = """mutation($input: DecideProjectInput!) { decideProject(input: $input) { project { status reviewNote version }
    userErrors { code path } } }"""
READ = """query($company: EstablishmentNumber!, $status: [ProjectStatus!]) { gateway {
    projects(status: $status) { totalCount nodes { id titleAr status company { nameAr } } }
    contracts(companyNumber: $company) { totalCount nodes { id number company { nameAr } projects { totalCount } } }
    invitations(companyNumber: $company, first: 1) { totalCount nodes { id status company { nameAr } } pageInfo { hasNextPage } } } }"""


def number(company: Company | Establishment) -> str:
    return f"{company.labor_office_id}-{company.sequence_number}"


def told(company: Company, **more: Any) -> dict[str, Any]:
    return {"companyNumber": number(company), "establishmentNumber": "9-77", "establishmentNameAr": "مصنع الأثاث", **more}


async def deliver(world: World, gateway: Caller, company: Company | None = None, **more: Any) -> Reply:
    return await world.portal(DELIVER, gateway, input=told(company or world.north, **more))


@pytest.fixture
async def gateway(world: World) -> Caller:
    return await world.portal.gateway()


@pytest.fixture
async def sandbox(backend: str, templates: Templates) -> AsyncIterator[World]:
    url, data = await asyncio.to_thread(templates.copy, backend, "blank")
    async with portal_on(url, Path(data), environment="SANDBOX") as portal:
        yield await make_world(portal)
    templates.drop(url)


# ---- invitations -------------------------------------------------------------------------------------------------------


async def test_an_invitation_is_delivered_with_its_establishment_and_shows_to_the_company(world: World, gateway: Caller) -> None:
    document, day = await world.document(), world.today
    about: dict[str, Any] = {
        "establishmentNumber": " ٩-٧٧ ",
        "establishmentNameEn": "Furniture",
        "establishmentUnifiedNumber": "7000000077",
    }
    about |= {"establishmentCityKey": "jeddah", "establishmentActivity": "أثاث", "establishmentEmail": "a@example.sa"}
    proposed: dict[str, Any] = {
        "proposedStartsOn": f"{day}",
        "proposedEndsOn": f"{day + timedelta(days=90)}",
        "documentId": document.public_id,
    }

    reply = await deliver(world, gateway, **about, **proposed, establishmentMobile="0512345678", message="نرغب في خدماتكم")

    [made] = await world.portal.fetch(select(Invitation))
    mine = f'{{ node(id: "{made.public_id}") {{ ... on Invitation {{ status viewerCanDecide establishment {{ nameAr }} }} }} }}'
    seen = await world.portal(mine, await world.person())
    [event] = await world.portal.fetch(select(Event))
    invitation = reply.data["deliverInvitation"]["invitation"]
    assert reply.codes == []
    assert (invitation["id"], invitation["status"], invitation["message"]) == (made.public_id, "PENDING", "نرغب في خدماتكم")
    assert invitation["company"] == {
        "id": world.north.public_id,
        "establishmentNumber": number(world.north),
        "provider": {"name": "North provider"},
    }
    assert invitation["expiresAt"] == (world.portal.clock() + timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert invitation["document"] == {"id": document.public_id, "fileName": "contract.pdf", "downloadUrl": None}
    assert {name: invitation["establishment"][name] for name in ("establishmentNumber", "unifiedNumber", "mobile", "city", "nameEn")} == {
        "establishmentNumber": "9-77",
        "unifiedNumber": "7000000077",
        "mobile": "+966512345678",
        "city": {"key": "jeddah"},
        "nameEn": "Furniture",
    }
    assert seen.data["node"] == {"status": "PENDING", "viewerCanDecide": True, "establishment": {"nameAr": "مصنع الأثاث"}}
    told_by = (event.company_id, event.type, event.actor_name, event.user_id, event.token_id)
    assert told_by == (world.north.id, "INVITATION_RECEIVED", "بوابة المنصة", None, None)


async def test_a_second_invitation_corrects_the_establishment_in_what_it_tells_and_nothing_else(world: World, gateway: Caller) -> None:
    first = await deliver(world, gateway, establishmentNameEn="Old", establishmentActivity="قديم", establishmentCityKey="riyadh")
    before = await world.snapshot()
    establishment = first.data["deliverInvitation"]["invitation"]["establishment"]["id"]

    second = await deliver(
        world, gateway, world.south, establishmentNameAr="إسم جديد", establishmentCityKey=None, establishmentMobile="0512345678"
    )

    after, [row] = await world.snapshot(), await world.portal.fetch(select(Establishment))
    find = '{ viewer { account { invitations(where: {search: "اسم جديد"}) { nodes { status version establishment { nameAr } } } } } }'
    found = await world.portal(find, await world.person())
    shown = second.data["deliverInvitation"]["invitation"]["establishment"]
    assert (shown["id"], shown["nameAr"], shown["nameEn"], shown["activity"]) == (establishment, "إسم جديد", "Old", "قديم")
    assert (shown["city"], row.mobile, row.updated_at) == (None, "+966512345678", world.portal.clock())
    [node] = found.data["viewer"]["account"]["invitations"]["nodes"]
    assert node == {"status": "PENDING", "version": 1, "establishment": {"nameAr": "إسم جديد"}}
    assert {name for name in after if after[name] != before[name]} - {"gateway_credentials"} == {
        *("establishments", "invitations", "events", "companies")
    }
    assert await world.events(world.north) == [(1, "INVITATION_RECEIVED")] == await world.events(world.south)


BAD: dict[str, tuple[dict[str, Any], list[tuple[str, str]]]] = {
    "no such company": ({"companyNumber": "999-999999999"}, [("NOT_FOUND", "companyNumber")]),
    "no number": ({"companyNumber": "999"}, [("VALIDATION_FAILED", "companyNumber")]),
    "several": (
        {"establishmentNumber": "0-1", "establishmentUnifiedNumber": "1", "establishmentMobile": "1", "message": "a\u202eb"},
        [("VALIDATION_FAILED", name) for name in ("establishmentNumber", "establishmentUnifiedNumber", "establishmentMobile", "message")],
    ),
    "what no column holds": (
        {
            "establishmentNameAr": " ",
            "establishmentNameEn": "x" * 201,
            "establishmentCityKey": "",
            "establishmentEmail": "nobody",
            "message": "a\u0000b",
            "proposedStartsOn": "0001-01-01",
            "proposedEndsOn": "9999-12-31",
        },
        [
            ("VALIDATION_FAILED", name)
            for name in (
                *("establishmentNameAr", "establishmentNameEn", "establishmentCityKey", "establishmentEmail", "message"),
                *("proposedStartsOn", "proposedEndsOn"),
            )
        ],
    ),
    "expired already": ({"expiresAt": "2026-11-22T09:00:00Z"}, [("VALIDATION_FAILED", "expiresAt")]),
    "dates": ({"proposedStartsOn": "2027-02-02", "proposedEndsOn": "2027-02-01"}, [("VALIDATION_FAILED", "proposedEndsOn")]),
    "over already": ({"proposedEndsOn": "2026-11-21"}, [("VALIDATION_FAILED", "proposedEndsOn")]),
    "no such city and document": (
        {"establishmentCityKey": "atlantis", "documentId": "doc_" + "0" * 32},
        [("NOT_FOUND", "establishmentCityKey"), ("NOT_FOUND", "documentId")],
    ),
}


async def test_what_is_wrong_is_told_and_nothing_is_written(world: World, gateway: Caller) -> None:
    await world.portal("{ viewer { permissions } }", gateway)  # the credential's time of use is written once
    before = await world.snapshot()
    for case, (more, expected) in BAD.items():
        reply = await deliver(world, gateway, **more)

        payload = reply.data["deliverInvitation"]
        assert [(error["code"], *error["path"][1:]) for error in payload["userErrors"]] == expected, case
        assert payload["invitation"] is None
    assert await world.snapshot() == before


async def test_a_document_is_the_companys_and_there(world: World, gateway: Caller) -> None:
    documents = [await world.document(world.south), await world.document(status=DocumentStatus.AWAITING_UPLOAD), await world.document()]

    replies = [await deliver(world, gateway, documentId=each.public_id, validateOnly=True) for each in documents]

    assert [reply.codes for reply in replies] == [["NOT_FOUND"], ["UPLOAD_INCOMPLETE"], []]
    assert await world.portal.fetch(select(Invitation)) == []


async def test_one_invitation_waits_at_a_time_until_the_clock_has_ended_it(world: World, gateway: Caller) -> None:
    soon = (world.portal.clock() + timedelta(hours=1)).isoformat()
    await deliver(world, gateway, expiresAt=soon)

    second = await deliver(world, gateway)
    elsewhere = await deliver(world, gateway, world.south)
    world.portal.clock.advance(hours=1)
    third = await deliver(world, gateway)

    rows = await world.portal.fetch(select(Invitation).where(Invitation.company_id == world.north.id).order_by(Invitation.received_at))
    assert [second.codes, second.paths, elsewhere.data["deliverInvitation"]["userErrors"]] == [
        ["INVITATION_ALREADY_PENDING"],
        [["input", "establishmentNumber"]],
        [],
    ]
    assert third.data["deliverInvitation"]["userErrors"] == []
    assert [(row.status, row.version) for row in rows] == [(InvitationStatus.EXPIRED, 1), (InvitationStatus.PENDING, 1)]
    assert [type_ for _, type_ in await world.events()] == ["INVITATION_RECEIVED", "INVITATION_EXPIRED", "INVITATION_RECEIVED"]


async def test_thirty_deliveries_at_once_make_one_establishment_and_one_invitation_for_each_company(world: World, gateway: Caller) -> None:
    companies = [world.north, world.south] * 15

    replies = await asyncio.gather(*(deliver(world, gateway, company) for company in companies))

    codes = sorted(error["code"] for reply in replies for error in reply.data["deliverInvitation"]["userErrors"])
    assert codes == ["INVITATION_ALREADY_PENDING"] * 28
    assert len(await world.portal.fetch(select(Establishment))) == 1
    assert {row.company_id for row in await world.portal.fetch(select(Invitation))} == {world.north.id, world.south.id}


@pytest.mark.parametrize("wanted", [InvitationStatus.ACCEPTED, InvitationStatus.REJECTED, InvitationStatus.WITHDRAWN])
async def test_an_invitation_goes_where_its_state_table_says(world: World, gateway: Caller, wanted: InvitationStatus) -> None:
    way = {"ACCEPTED": (ACCEPT, "accept"), "REJECTED": (REJECT, "reject"), "WITHDRAWN": (WITHDRAW, "withdraw")}[wanted]
    caller = gateway if wanted is InvitationStatus.WITHDRAWN else await world.person()
    stored: list[tuple[InvitationStatus, InvitationStatus, dict[str, Any]]] = [(state, state, {}) for state in InvitationStatus]
    by_clock = (InvitationStatus.PENDING, InvitationStatus.EXPIRED, {"expires_at": world.portal.clock()})
    for state, current, values in (*stored, by_clock):
        invitation = await world.invitation(status=state, **values)

        reply = await world.portal(way[0], caller, id=invitation.public_id)

        row, payload = await world.now_of(invitation), reply.data[f"{way[1]}Invitation"]
        if wanted in TRANSITIONS[current]:
            assert (reply.codes, row.status, row.version, payload["invitation"]["status"]) == ([], wanted, 2, wanted)
        else:
            code = "INVITATION_EXPIRED" if current is InvitationStatus.EXPIRED else "INVITATION_ALREADY_DECIDED"
            assert (reply.codes, row.status, row.version) == ([code], state, 1)
    assert set(TRANSITIONS) == set(InvitationStatus)
    assert len(await world.events()) == (2 if wanted is InvitationStatus.ACCEPTED else 1)


@pytest.mark.parametrize("backend", ["postgresql"])
async def test_it_works_where_the_second_wall_is_not_wanted(backend: str, templates: Templates) -> None:
    url, data = await asyncio.to_thread(templates.copy, backend, "blank")
    async with portal_on(url, Path(data), row_security=False) as portal:
        world = await make_world(portal)
        caller = await portal.gateway()

        delivered = await deliver(world, caller)
        read = await portal(READ, caller, company=number(world.north))

    templates.drop(url)
    assert (delivered.codes, read.data["gateway"]["invitations"]["totalCount"]) == ([], 1)


# ---- projects ----------------------------------------------------------------------------------------------------------


async def test_a_clients_project_arrives_approved_on_a_contract_in_force_alone(world: World, gateway: Caller) -> None:
    day = timedelta(days=1)
    contracts = {
        "ACTIVE": await world.contract(),
        "SCHEDULED": await world.contract(starts_on=world.today + day),
        "EXPIRED": await world.contract(ends_on=world.today - day),
        "TERMINATED": await world.contract(terminated_at=world.portal.clock()),
    }
    values = {"titleAr": "خدمة العملاء", "plannedHeadcount": 5}

    replies = {
        state: await world.portal(PROJECT, gateway, input={"contractId": each.public_id, **values}) for state, each in contracts.items()
    }
    wrong = [
        await world.portal(PROJECT, gateway, input={**values, **each})
        for each in (
            {"contractId": "con_" + "0" * 32},
            {"contractId": "x"},
            {"contractId": contracts["ACTIVE"].public_id, "startsOn": "2027-01-02", "endsOn": "2027-01-01"},
        )
    ]

    codes = {state: reply.codes for state, reply in replies.items()}
    project = replies["ACTIVE"].data["deliverProject"]["project"]
    [job] = [await world.portal(ADD_JOB, await world.person(), id=project["id"])]
    assert codes == {"ACTIVE": [], **{state: ["CONTRACT_NOT_ACTIVE"] for state in ("SCHEDULED", "EXPIRED", "TERMINATED")}}
    assert [(reply.codes, reply.paths) for reply in wrong] == [
        (["NOT_FOUND"], [["input", "contractId"]]),
        (["NOT_FOUND"], [["input", "contractId"]]),
        (["VALIDATION_FAILED"], [["input", "endsOn"]]),
    ]
    shown = (project["kind"], project["status"], project["contract"]["id"], project["viewerCanUpdate"])
    assert shown == ("CLIENT", "APPROVED", contracts["ACTIVE"].public_id, False)
    assert job.codes == []
    assert await world.events() == [(1, "PROJECT_CREATED"), (2, "JOB_ADDED")]


ADD_JOB = """mutation($id: ID!) {
    addJob(input: {projectId: $id, titleAr: "موظف", vacancies: 1, employmentType: FULL_TIME, weeklyHours: 40}) { userErrors { code } } }"""


@pytest.mark.parametrize("kind", list(ProjectKind))
async def test_a_project_goes_where_the_portals_decisions_lead(world: World, gateway: Caller, kind: ProjectKind) -> None:
    events = 0
    contract = await world.contract() if kind is ProjectKind.CLIENT else None
    for state in ProjectStatus:
        for decision, (before, after) in DECISIONS.items():
            project = await world.project(kind=kind, contract=contract, status=state, review_note="سابق")

            given = {"projectId": project.public_id, "decision": decision, "note": "ملاحظة"}
            reply = await world.portal(DECIDE, gateway, input=given)

            row = await world.now_of(project)
            if state is before:
                events += 1
                payload = reply.data["decideProject"]
                assert payload == {"project": {"status": after, "reviewNote": "ملاحظة", "version": 2}, "userErrors": []}
                assert (row.status, row.review_note) == (after, "ملاحظة")
            else:
                assert (reply.codes, reply.paths) == (["ILLEGAL_TRANSITION"], [["input", "decision"]])
                assert (row.status, row.review_note, row.version) == (state, "سابق", 1)
    assert set(DECISIONS) == set(ProjectDecision)
    assert await world.events() == [(place, "PROJECT_DECIDED") for place in range(1, events + 1)]


# ---- whose company it is -----------------------------------------------------------------------------------------------


async def test_each_mutation_of_a_request_acts_for_the_company_that_it_names(world: World, gateway: Caller) -> None:
    own = await world.project(world.south, kind=ProjectKind.OWN, status=ProjectStatus.SUBMITTED)
    mine = "invitation { company { id } establishment { contracts { totalCount } } } userErrors { code }"
    text = f"""mutation($north: DeliverInvitationInput!, $south: DecideProjectInput!, $bad: DeliverInvitationInput!) {{
        a: deliverInvitation(input: $north) {{ {mine} }}
        b: decideProject(input: $south) {{ project {{ company {{ id }} status }} userErrors {{ code }} }}
        c: deliverInvitation(input: $bad) {{ {mine} }}
        d: deliverInvitation(input: $north) {{ {mine} }} }}"""
    given: dict[str, Any] = {
        "north": told(world.north),
        "south": {"projectId": own.public_id, "decision": "APPROVE"},
        "bad": told(world.north),
    }
    given["bad"]["companyNumber"] = "3-3"

    reply = await world.portal(text, gateway, **given)

    assert reply.errors == []
    shown = {"company": {"id": world.north.public_id}, "establishment": {"contracts": {"totalCount": 0}}}
    assert reply.data["a"] == {"invitation": shown, "userErrors": []}
    assert reply.data["b"] == {"project": {"company": {"id": world.south.public_id}, "status": "APPROVED"}, "userErrors": []}
    assert [reply.data[name]["userErrors"][0]["code"] for name in "cd"] == ["NOT_FOUND", "INVITATION_ALREADY_PENDING"]
    assert (await world.events(world.north), await world.events(world.south)) == ([(1, "INVITATION_RECEIVED")], [(1, "PROJECT_DECIDED")])


async def test_a_suspended_company_and_what_is_deleted_take_nothing(world: World, gateway: Caller) -> None:
    gone = await world.project(world.south, kind=ProjectKind.OWN, status=ProjectStatus.SUBMITTED, deleted_at=world.portal.clock())
    invitation, contract = await world.invitation(), await world.contract()
    project = await world.project(contract=contract, kind=ProjectKind.CLIENT)
    await world.alter(world.north, status=CompanyStatus.SUSPENDED)

    replies = [
        await deliver(world, gateway),
        await world.portal(WITHDRAW, gateway, id=invitation.public_id),
        await world.portal(PROJECT, gateway, input={"contractId": contract.public_id, "titleAr": "مشروع"}),
        await world.portal(DECIDE, gateway, input={"projectId": project.public_id, "decision": "SUSPEND"}),
        await world.portal(DECIDE, gateway, input={"projectId": gone.public_id, "decision": "APPROVE"}),
        await world.portal(WITHDRAW, gateway, id=gone.public_id),
    ]

    assert [reply.codes for reply in replies] == [["ACCOUNT_SUSPENDED"]] * 4 + [["NOT_FOUND"]] * 2
    assert (await world.events(world.north), await world.events(world.south)) == ([], [])


# ---- what it finds -----------------------------------------------------------------------------------------------------


async def test_the_gateway_finds_projects_of_all_companies_and_the_contracts_and_invitations_of_one(world: World, gateway: Caller) -> None:
    north = await world.project(await world.now_of(world.north), title_ar="شمالي")
    south = await world.project(world.south, title_ar="جنوبي", status=ProjectStatus.SUSPENDED)
    await world.project(title_ar="محذوف", deleted_at=world.portal.clock())
    for _ in range(2):
        await world.invitation()
    await world.job(north)

    reply = await world.portal(READ, gateway, company=f" {number(world.north)} ")
    some = await world.portal(READ, gateway, company=number(world.south), status=["SUSPENDED", "DRAFT"])
    nowhere = await world.portal(READ, gateway, company="999-999999999")
    wrong = await world.portal(READ, gateway, company="99")
    others = [await world.portal(READ, caller, company="1-1") for caller in (await world.person(), await world.portal.token(world.north))]
    everyone = await world.portal(READ, company="1-1")

    found = reply.data["gateway"]
    assert {(node["id"], node["company"]["nameAr"]) for node in found["projects"]["nodes"]} == {
        (north.public_id, world.north.name_ar),
        (south.public_id, world.south.name_ar),
    }
    assert (found["projects"]["totalCount"], found["contracts"]["totalCount"], found["invitations"]["totalCount"]) == (2, 2, 2)
    assert [len(found["invitations"]["nodes"]), found["invitations"]["pageInfo"]] == [1, {"hasNextPage": True}]
    assert [node["projects"]["totalCount"] for node in found["contracts"]["nodes"]] in ([1, 0], [0, 1])
    assert [node["id"] for node in some.data["gateway"]["projects"]["nodes"]] == [south.public_id]
    assert {name: found["totalCount"] for name, found in nowhere.data["gateway"].items() if name != "projects"} == {
        "contracts": 0,
        "invitations": 0,
    }
    assert wrong.codes == ["BAD_USER_INPUT"] * 2
    assert [each.data for each in (*others, everyone)] == [{"gateway": None}] * 3


CLOSED = """query($ids: [ID!]!, $project: ID!, $company: ID!, $establishment: ID!, $invitation: ID!) {
    nodes(ids: $ids) { __typename }
    project: node(id: $project) { ... on Project { jobs { totalCount nodes { id } }
        company { name provider { name email companies { totalCount } } } } }
    company: node(id: $company) { ... on Company { jobs { totalCount } projects: ownProjects { totalCount } } }
    people: node(id: $company) { ... on Company { members { totalCount } teleworkers { totalCount } tokens { totalCount }
        events { totalCount } dashboard { openJobs } } }
    establishment: node(id: $establishment) { ... on Establishment { name } }
    invitation: node(id: $invitation) { ... on Invitation { decidedBy { name } viewerCanDecide } }
    viewer { companies { totalCount } sessions { totalCount } account { id } } }"""


async def test_nothing_else_of_any_company_is_open_to_it(world: World, gateway: Caller) -> None:
    project = await world.project()
    job = await world.job(project)
    await world.employment(job)
    owner = next(iter(world.users.values()))
    invitation = await world.invitation(status=InvitationStatus.ACCEPTED, decided_by_id=owner.id)
    [establishment, *_] = await world.portal.fetch(select(Establishment))
    ids = [job.public_id, owner.public_id]

    reply = await world.portal(
        CLOSED,
        gateway,
        ids=ids,
        project=project.public_id,
        company=world.north.public_id,
        establishment=establishment.public_id,
        invitation=invitation.public_id,
    )

    data = reply.data
    assert data["nodes"] == [None, None]
    assert data["project"]["jobs"] == {"totalCount": 0, "nodes": []}
    provider = {"name": "North provider", "email": None, "companies": {"totalCount": 0}}
    assert data["project"]["company"] == {"name": "North", "provider": provider}
    assert set(data["company"].values()) | set(data["people"].values()) == {None}
    assert reply.codes == ["FORBIDDEN"] * 8
    assert data["establishment"] == {"name": establishment.name_en}
    assert data["invitation"] == {"decidedBy": None, "viewerCanDecide": False}
    assert data["viewer"] == {"companies": {"totalCount": 0}, "sessions": {"totalCount": 0}, "account": None}


# ---- the sandbox -------------------------------------------------------------------------------------------------------


async def test_in_the_sandbox_a_token_plays_the_gateway_for_its_own_company_alone(sandbox: World) -> None:
    world, portal = sandbox, sandbox.portal
    token = await portal.token(world.north, "INVITATIONS_READ", "PROJECTS_READ", "CONTRACTS_READ")
    contract, project = await world.contract(world.south), await world.project(world.south, kind=ProjectKind.OWN)
    invitation = await world.invitation(world.south)
    foreign: list[tuple[str, dict[str, Any]]] = [
        (DELIVER, {"input": told(world.south)}),
        (WITHDRAW, {"id": invitation.public_id}),
        (PROJECT, {"input": {"contractId": contract.public_id, "titleAr": "مشروع"}}),
        (DECIDE, {"input": {"projectId": project.public_id, "decision": "SUSPEND"}}),
        (READ, {"company": number(world.south)}),
    ]
    absent: list[tuple[str, dict[str, Any]]] = [
        (DELIVER, {"input": told(world.south, companyNumber="998-1")}),
        (WITHDRAW, {"id": "inv_" + "1" * 32}),
        (PROJECT, {"input": {"contractId": "con_" + "1" * 32, "titleAr": "مشروع"}}),
        (DECIDE, {"input": {"projectId": "prj_" + "1" * 32, "decision": "SUSPEND"}}),
        (READ, {"company": "998-1"}),
    ]

    answers = [[(await portal(text, token, **given)).body for text, given in each] for each in (foreign, absent)]
    people = [(await portal(text, await world.intruder(), **given)).codes for text, given in foreign[:4]]
    mine = await deliver(world, token)
    other = await deliver(world, await portal.token(world.south, "INVITATIONS_READ", "CONTRACTS_READ"), world.south)
    read = await portal(READ, token, company=number(world.north))

    assert answers[0] == answers[1]
    assert [error["code"] for body in answers[0][:4] for error in next(iter(body["data"].values()))["userErrors"]] == ["NOT_FOUND"] * 4
    assert people == [["FORBIDDEN"]] * 4
    establishments = [each.data["deliverInvitation"]["invitation"]["establishment"] for each in (mine, other)]
    assert [each["establishmentNumber"] for each in establishments] == ["9-77", "9-77"]
    assert establishments[0]["id"] != establishments[1]["id"]  # each company's sandbox is a world apart
    assert {row.world for row in await portal.fetch(select(Establishment).where(Establishment.labor_office_id == 9))} == {
        world.north.id,
        world.south.id,
    }
    assert (read.data["gateway"]["invitations"]["totalCount"], read.data["gateway"]["projects"]["totalCount"]) == (1, 0)
    assert [event.token_id is not None for event in await portal.fetch(select(Event))] == [True, True]
