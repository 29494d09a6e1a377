"""The sandbox below the portal: the same application over data of its own, for SANDBOX tokens alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

import pytest
from sqlalchemy import select

from app.auth.permissions import GRANTABLE
from app.auth.signatures import is_upload, sign_upload
from app.auth.tokens import make_gateway_secret
from app.database import Database
from app.models import Company, CompanyStatus, Environment, Role, Ticket
from tests.conftest import Templates
from tests.portal import NOBODY, Caller, Portal, Reply, portal_on
from tests.world import World, make_world

SANDBOX = "/sandbox/graphql"
STATE = """{ service { environment now } viewer { token { status } account {
    establishmentNumber nameAr
    invitations { nodes { id status establishment { id establishmentNumber nameAr city { key } } } }
    contracts { nodes { id number status establishment { establishmentNumber } } }
    approvedProjects { nodes { id status title jobs { nodes { id status vacancies } } } }
    ownProjects { totalCount }
    teleworkers { totalCount }
    events { nodes { sequence type actorName } } } } }"""
SET = """mutation($now: DateTime) { setSandboxClock(input: {now: $now, clientMutationId: "c"}) {
    service { now currentWeekStart } userErrors { code path message } clientMutationId } }"""
RESET = "mutation { resetSandbox(input: {}) { account { invitations { totalCount } } userErrors { code } } }"
ACCEPT = "mutation($id: ID!) { acceptInvitation(input: {invitationId: $id}) { contract { number status } userErrors { code } } }"
DELIVER = """mutation($company: EstablishmentNumber!) { deliverInvitation(input: {companyNumber: $company, establishmentNumber: "99-5",
    establishmentNameAr: "مؤسسة"}) { invitation { status expiresAt } userErrors { code path } } }"""

WRITE = """mutation { contactUs(input: {name: "نورة", email: "noura@example.sa", subject: "رمز", message: "كيف؟"}) {
    ticketNumber userErrors { code } } }"""

HIRE = """mutation($job: ID! = "job_00000000000000000000000000000001") { hireTeleworker(input: {jobId: $job,
    nationalId: "1000000008", name: "سارة", birthDate: "2000-01-01", gender: FEMALE, mobile: "+966500000000",
    employmentType: FULL_TIME, startsOn: "2026-11-22", wage: "5000", weeklyHours: 40, gosiRegistered: true}) { userErrors { code } } }"""


class Sandboxed:
    """The portal with its sandbox, and a token of each company for it."""

    def __init__(self, world: World) -> None:
        self.world, self.portal = world, world.portal
        self.north, self.south = NOBODY, NOBODY

    async def ask(self, text: str, as_: Caller, **variables: Any) -> Reply:
        reply = await self.portal(text, as_, at=SANDBOX, **variables)
        assert reply.headers["telework-environment"] == "SANDBOX"
        return reply

    async def state(self, as_: Caller) -> Any:
        reply = await self.ask(STATE, as_)
        assert reply.errors == []
        return reply.data["viewer"]["account"]

    async def token(self, company: Company, **more: Any) -> Caller:
        return await self.portal.token(company, *GRANTABLE, environment=Environment.SANDBOX, **more)


@pytest.fixture
async def sandboxed(backend: str, templates: Templates) -> AsyncIterator[Sandboxed]:
    (live, data), (own, _) = [await asyncio.to_thread(templates.copy, backend, kind) for kind in ("blank", "sandbox")]
    async with portal_on(live, data, sandbox_database_url=own, hires_a_minute=2) as portal:
        made = Sandboxed(await make_world(portal))
        made.north, made.south = await made.token(made.world.north), await made.token(made.world.south)
        yield made
    templates.drop(own)
    templates.drop(live)


async def test_a_company_finds_its_world_when_it_first_comes_and_no_other_company_does(sandboxed: Sandboxed) -> None:
    # Ten at once: the world is made once.
    north, *others = await asyncio.gather(*(sandboxed.state(sandboxed.north) for _ in range(10)))
    south = await sandboxed.state(sandboxed.south)

    assert all(other == north for other in others)
    invitations, projects = north["invitations"]["nodes"], north["approvedProjects"]["nodes"]
    assert [each["status"] for each in invitations] == ["PENDING"] * 2
    assert [each["status"] for each in north["contracts"]["nodes"]] == ["ACTIVE"] * 2
    assert [[job["status"] for job in each["jobs"]["nodes"]] for each in projects] == [["OPEN"] * 2] * 2
    assert (north["ownProjects"]["totalCount"], north["teleworkers"]["totalCount"]) == (0, 0)
    assert [each["sequence"] for each in north["events"]["nodes"]] == list(range(1, 11))
    assert {each["actorName"] for each in north["events"]["nodes"]} == {"Sandbox"}
    assert all(each["establishment"]["city"] for each in invitations)
    names = [[each["establishment"]["nameAr"] for each in state["invitations"]["nodes"]] for state in (north, south)]
    assert names[0] == names[1]
    ids = [{each["id"] for each in state["invitations"]["nodes"]} for state in (north, south)]
    assert not ids[0] & ids[1]
    assert (await sandboxed.portal("{ viewer { account { invitations { totalCount } } } }", await sandboxed.world.person())).data["viewer"][
        "account"
    ]["invitations"]["totalCount"] == 0


async def test_what_one_company_does_there_no_other_sees_and_a_reset_undoes(sandboxed: Sandboxed) -> None:
    before, other = await sandboxed.state(sandboxed.north), await sandboxed.state(sandboxed.south)
    accepted = await sandboxed.ask(ACCEPT, sandboxed.north, id=before["invitations"]["nodes"][0]["id"])
    foreign = await sandboxed.ask(ACCEPT, sandboxed.north, id=other["invitations"]["nodes"][0]["id"])
    changed = await sandboxed.state(sandboxed.north)

    reset = await sandboxed.ask(RESET, sandboxed.north)

    assert (accepted.codes, foreign.codes, reset.codes) == ([], ["NOT_FOUND"], [])
    assert len(changed["contracts"]["nodes"]) == 3
    assert reset.data["resetSandbox"]["account"]["invitations"]["totalCount"] == 2
    assert await sandboxed.state(sandboxed.north) == before
    assert await sandboxed.state(sandboxed.south) == other


async def test_the_clock_stops_for_its_company_and_for_the_rules_alone(sandboxed: Sandboxed) -> None:
    clock = sandboxed.portal.clock
    token = await sandboxed.token(sandboxed.world.north, expires_at=clock() + timedelta(days=1))
    before = await sandboxed.state(token)

    later = await sandboxed.ask(SET, token, now="2027-02-28T20:59:59Z")
    stopped = await sandboxed.ask(STATE, token)
    clock.advance(hours=1)
    after_an_hour = await sandboxed.ask("{ service { now } }", token)
    late = await sandboxed.ask(ACCEPT, token, id=before["invitations"]["nodes"][0]["id"])
    elsewhere = await sandboxed.ask(STATE, sandboxed.south)
    back = await sandboxed.ask(SET, token, now=None)

    assert later.data["setSandboxClock"] == {
        "service": {"now": "2027-02-28T20:59:59Z", "currentWeekStart": "2027-02-28"},
        "userErrors": [],
        "clientMutationId": "c",
    }
    assert [each["status"] for each in stopped.data["viewer"]["account"]["invitations"]["nodes"]] == ["EXPIRED"] * 2
    assert {job["status"] for each in stopped.data["viewer"]["account"]["approvedProjects"]["nodes"] for job in each["jobs"]["nodes"]} == {
        "EXPIRED"
    }
    assert stopped.data["viewer"]["token"]["status"] == "ACTIVE", "tokens keep real time"
    assert after_an_hour.data["service"]["now"] == "2027-02-28T20:59:59Z"
    assert late.codes == ["INVITATION_EXPIRED"]
    assert [each["status"] for each in elsewhere.data["viewer"]["account"]["invitations"]["nodes"]] == ["PENDING"] * 2
    assert back.data["setSandboxClock"]["service"]["now"] == clock().isoformat().replace("+00:00", "Z")
    assert [each["status"] for each in (await sandboxed.state(token))["invitations"]["nodes"]] == ["PENDING"] * 2
    clock.advance(days=1)
    assert (await sandboxed.ask(STATE, token)).codes == ["UNAUTHENTICATED"]


@pytest.mark.parametrize("now", ["1924-12-31T00:00:00Z", "2101-01-01T00:00:00Z"])
async def test_the_clock_goes_no_further_than_calendars(sandboxed: Sandboxed, now: str) -> None:
    reply = await sandboxed.ask(SET, sandboxed.north, now=now)

    assert (reply.codes, reply.paths) == (["VALIDATION_FAILED"], [["input", "now"]])


async def test_a_token_plays_the_gateway_for_its_own_company_alone(sandboxed: Sandboxed) -> None:
    numbers = [f"{each.labor_office_id}-{each.sequence_number}" for each in (sandboxed.world.north, sandboxed.world.south)]
    await sandboxed.state(sandboxed.south)

    own, other, none = [await sandboxed.ask(DELIVER, sandboxed.north, company=each) for each in (*numbers, "11-999999")]

    assert own.data["deliverInvitation"]["invitation"]["status"] == "PENDING"
    assert other.data["deliverInvitation"] == none.data["deliverInvitation"]
    assert (other.codes, other.paths) == (["NOT_FOUND"], [["input", "companyNumber"]])
    assert len((await sandboxed.state(sandboxed.south))["invitations"]["nodes"]) == 2


async def test_a_credential_is_told_where_it_belongs(sandboxed: Sandboxed) -> None:
    portal, world = sandboxed.portal, sandboxed.world
    live = await portal.token(world.north, *GRANTABLE)
    gateway = Caller({"Authorization": f"Bearer {make_gateway_secret().secret}"})

    here, there = await portal("{ viewer { role } }", sandboxed.north), await sandboxed.ask("{ viewer { role } }", live)
    of_gateway = await sandboxed.ask("{ viewer { role } }", gateway)
    by_cookie = await sandboxed.ask("{ viewer { role } }", await world.person(Role.OWNER))

    assert [reply.codes for reply in (here, there, of_gateway)] == [["WRONG_ENVIRONMENT"]] * 3
    assert [reply.status for reply in (here, there)] == [403] * 2
    assert "/sandbox/graphql" in here.errors[0]["message"]
    assert "/graphql" in there.errors[0]["message"]
    assert "/sandbox/graphql" not in there.errors[0]["message"]
    assert here.headers["telework-environment"] == "LIVE"
    assert by_cookie.data == {"viewer": None}


async def test_the_portal_itself_has_no_clock_to_move(sandboxed: Sandboxed) -> None:
    owner = await sandboxed.world.person(Role.OWNER)

    replies = [await sandboxed.portal(SET, owner, now="2030-01-01T00:00:00Z"), await sandboxed.portal(RESET, owner)]

    assert [reply.codes for reply in replies] == [["SANDBOX_ONLY"]] * 2


async def test_pages_and_files_of_the_sandbox_are_its_own(sandboxed: Sandboxed) -> None:
    http = sandboxed.portal.http
    page, sdl, root = [await http.get(f"/sandbox{path}") for path in ("/graphiql", "/schema.graphql", "/")]

    assert page.status_code in (200, 503)  # not built in every checkout
    assert "/sandbox/graphql" in page.text
    assert sdl.text == (await http.get("/schema.graphql")).text
    assert root.headers["location"] == "/sandbox/graphiql"
    assert {reply.headers["telework-environment"] for reply in (page, sdl, root)} == {"SANDBOX"}
    assert (await http.get("/sandbox/auth/login")).status_code == 404


def test_without_a_sandbox_there_is_none(portal: Portal) -> None:
    assert portal.sandbox is None


async def test_a_company_that_is_suspended_is_so_in_its_sandbox_until_it_is_not(sandboxed: Sandboxed) -> None:
    """Whatever the way in: plainly, under a key, as the gateway. Also where it first came while it was suspended."""
    north, number = sandboxed.world.north, f"{sandboxed.world.north.labor_office_id}-{sandboxed.world.north.sequence_number}"
    keyed = Caller({**sandboxed.north.headers, "Idempotency-Key": "k"})
    await sandboxed.world.alter(north, status=CompanyStatus.SUSPENDED)
    [invitation, other] = [each["id"] for each in (await sandboxed.state(sandboxed.north))["invitations"]["nodes"]]

    refused = [
        await sandboxed.ask(ACCEPT, sandboxed.north, id=invitation),
        await sandboxed.ask(ACCEPT, keyed, id=other),
        await sandboxed.ask(DELIVER, sandboxed.north, company=number),
        await sandboxed.ask(RESET, keyed),
    ]
    await sandboxed.world.alter(north, status=CompanyStatus.ACTIVE)
    taken = await sandboxed.ask(ACCEPT, sandboxed.north, id=invitation)

    assert [reply.codes for reply in refused] == [["ACCOUNT_SUSPENDED"]] * 4
    assert taken.codes == []


async def test_after_a_reset_no_key_brings_back_what_is_gone_and_no_message_is_lost(sandboxed: Sandboxed) -> None:
    keyed, resetting = [Caller({**sandboxed.north.headers, "Idempotency-Key": key}) for key in ("k", "reset")]
    invitation = (await sandboxed.state(sandboxed.north))["invitations"]["nodes"][0]["id"]
    assert (await sandboxed.ask(WRITE, sandboxed.north)).codes == []

    first, reset, again = [
        await sandboxed.ask(text, as_, **given)
        for text, as_, given in ((ACCEPT, keyed, {"id": invitation}), (RESET, resetting, {}), (RESET, resetting, {}))
    ]
    second = await sandboxed.ask(ACCEPT, keyed, id=invitation)

    assert [reply.codes for reply in (first, reset, again, second)] == [[]] * 4
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in second.headers
    assert second.data["acceptInvitation"]["contract"] is not None
    owner = Database(sandboxed.portal.sandbox.state.settings)
    async with owner.reading() as connection:
        assert len((await connection.execute(select(Ticket.id))).all()) == 1
    await owner.close()


async def test_nothing_of_the_sandbox_counts_at_the_portal(sandboxed: Sandboxed) -> None:
    """Signed addresses though the key is the same, attempts, and the clock in what people are to read."""
    portal, north = sandboxed.portal, sandboxed.world.north
    live, sandbox = portal.settings, portal.sandbox.state.settings
    key, now = UUID(int=7), portal.clock()
    await sandboxed.ask(SET, sandboxed.north, now="2099-01-01T00:00:00Z")

    written = await sandboxed.ask(WRITE, sandboxed.north)
    hired = [await sandboxed.ask(HIRE, sandboxed.north) for _ in range(3)]
    owner = await sandboxed.world.person(Role.OWNER)
    query = dict(parse_qsl(sign_upload(sandbox, key, north.id, now)[0]))

    assert written.data["contactUs"]["ticketNumber"] == "T-2026-000001"
    assert [reply.codes == ["RATE_LIMITED"] for reply in hired] == [False, False, True]
    assert "NOT_FOUND" in (await portal(HIRE, owner)).codes
    assert is_upload(sandbox, key, **query)
    assert not is_upload(live, key, **query)


async def test_a_reset_frees_whom_the_company_has_hired_and_nobody_else(sandboxed: Sandboxed) -> None:
    async def hire(as_: Caller) -> list[str]:
        job = (await sandboxed.state(as_))["approvedProjects"]["nodes"][0]["jobs"]["nodes"][0]["id"]
        sandboxed.portal.clock.advance(minutes=1)
        return (await sandboxed.ask(HIRE, as_, job=job)).codes

    hired = [await hire(caller) for caller in (sandboxed.north, sandboxed.south, sandboxed.north)]
    assert (await sandboxed.ask(RESET, sandboxed.north)).codes == []

    again = [await hire(caller) for caller in (sandboxed.north, sandboxed.south)]

    assert hired == [[], [], ["ALREADY_EMPLOYED"]]
    assert again == [[], ["ALREADY_EMPLOYED"]]
