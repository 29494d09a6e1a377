"""A person's session: who is asking, switching companies, logging out. And what every mutation asks of its caller first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select

from app.models import Company, Member, MemberStatus, ProjectKind, ProjectStatus, Provider, Role, Session, SpToken, User
from tests.portal import NOBODY, Caller, Reply
from tests.world import World

VIEWER = "query { viewer { user { id name } token { id } account { id } role permissions companies { nodes { id } } } }"
SWITCH = """mutation($id: ID!, $validateOnly: Boolean! = false) { switchAccount(input: {companyId: $id, validateOnly: $validateOnly}) {
    account { id name } viewer { account { id } role permissions } userErrors { code path message retryable } } }"""
LOGOUT = "mutation($everywhere: Boolean! = false) { logout(input: {everywhere: $everywhere}) { loggedOut userErrors { code } } }"
_READS = ["CONTRACTS_READ", "EVENTS_READ", "INVITATIONS_READ", "MEMBERS_READ", "PROFILE_READ"]
_READS += ["PROJECTS_READ", "REPORTS_READ", "TELEWORKERS_READ", "TOKENS_READ", "WEBHOOKS_READ"]


async def _viewer(world: World, caller: Caller) -> Any:
    return (await world.portal(VIEWER, caller)).data["viewer"]


async def _of_both(world: World, role_in_south: Role = Role.VIEWER) -> User:
    """North's owner, who also belongs to south."""
    await world.join(world.users[Role.OWNER], world.south, role_in_south)
    return world.users[Role.OWNER]


# ---- viewer ------------------------------------------------------------------------------------------------------------


async def test_nobody_is_asking_without_a_credential(world: World) -> None:
    reply = await world.portal(VIEWER)

    assert (reply.codes, reply.data) == ([], {"viewer": None})


async def test_a_person_of_one_company_acts_for_it(world: World) -> None:
    viewer = await _viewer(world, await world.person(Role.VIEWER))

    assert viewer == {
        "user": {"id": world.users[Role.VIEWER].public_id, "name": world.users[Role.VIEWER].name},
        "token": None,
        "account": {"id": world.north.public_id},
        "role": "VIEWER",
        "permissions": _READS,
        "companies": {"nodes": [{"id": world.north.public_id}]},
    }


async def test_a_person_of_two_companies_acts_for_none_until_they_choose(world: World) -> None:
    viewer = await _viewer(world, await world.portal.person(await _of_both(world)))

    assert (viewer["account"], viewer["role"], viewer["permissions"]) == (None, None, [])
    assert {company["id"] for company in viewer["companies"]["nodes"]} == {world.north.public_id, world.south.public_id}


@pytest.mark.parametrize("status", [MemberStatus.INVITED, MemberStatus.REVOKED])
async def test_a_membership_that_is_not_in_force_opens_nothing(world: World, status: MemberStatus) -> None:
    person = await world.user()
    await world.join(person, world.north, Role.OWNER, status)
    caller = await world.portal.person(person)

    viewer = await _viewer(world, caller)
    switched = await world.portal(SWITCH, caller, id=world.north.public_id)

    assert (viewer["account"], viewer["companies"]["nodes"], viewer["permissions"]) == (None, [], [])
    assert switched.codes == ["NOT_FOUND"]


async def test_a_session_ends_with_its_time(world: World) -> None:
    caller = await world.person()
    world.portal.clock.advance(hours=12, microseconds=-1)
    before = await _viewer(world, caller)

    world.portal.clock.advance(microseconds=1)

    assert before["account"] == {"id": world.north.public_id}
    assert await _viewer(world, caller) is None


# ---- switchAccount -----------------------------------------------------------------------------------------------------


async def test_switching_answers_at_once_with_the_rights_in_the_new_company(world: World) -> None:
    caller = await world.portal.person(await _of_both(world))

    reply = await world.portal(SWITCH, caller, id=world.south.public_id)

    assert reply.codes == []
    assert reply.data["switchAccount"]["account"] == {"id": world.south.public_id, "name": "South"}
    assert reply.data["switchAccount"]["viewer"] == {"account": {"id": world.south.public_id}, "role": "VIEWER", "permissions": _READS}
    assert (await _viewer(world, caller))["account"] == {"id": world.south.public_id}


async def test_what_follows_in_the_same_operation_is_done_for_the_new_company(world: World) -> None:
    caller = await world.portal.person(await _of_both(world))
    north, south = await world.project(), await world.project(world.south)
    await world.portal(SWITCH, caller, id=world.north.public_id)

    reply = await world.portal(
        """mutation($company: ID!, $north: ID!, $south: ID!) {
            before: updateProject(input: {projectId: $north, titleAr: "قبل"}) { userErrors { code } }
            switchAccount(input: {companyId: $company}) { userErrors { code } }
            after: updateProject(input: {projectId: $south, titleAr: "بعد"}) { userErrors { code } }
            reject: rejectInvitation(input: {invitationId: "inv_x"}) { userErrors { code } } }""",
        caller,
        company=world.south.public_id,
        north=north.public_id,
        south=south.public_id,
    )

    assert reply.codes == ["FORBIDDEN", "FORBIDDEN"]  # a viewer there
    assert [error["path"] for error in reply.errors] == [["after"], ["reject"]]
    assert (await world.now_of(north)).title_ar == "قبل"
    assert (await world.now_of(south)).version == 1


async def test_switching_back_and_forth_sees_only_the_active_companys_rows(world: World) -> None:
    caller = await world.portal.person(await _of_both(world, Role.OWNER))
    north, south = await world.project(), await world.project(world.south)
    seen = []

    for company in (world.north, world.south, world.north):
        await world.portal(SWITCH, caller, id=company.public_id)
        reply = await world.portal("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", caller, ids=[north.public_id, south.public_id])
        seen.append([node and node["id"] for node in reply.data["nodes"]])

    assert seen == [[north.public_id, None], [None, south.public_id], [north.public_id, None]]


async def test_another_session_of_the_same_person_stays_where_it_is(world: World) -> None:
    person = await _of_both(world)
    here, there = await world.portal.person(person), await world.portal.person(person)
    await world.portal(SWITCH, there, id=world.north.public_id)

    await world.portal(SWITCH, here, id=world.south.public_id)

    assert (await _viewer(world, here))["account"] == {"id": world.south.public_id}
    assert (await _viewer(world, there))["account"] == {"id": world.north.public_id}


async def test_switching_to_what_is_not_ones_own_answers_alike_and_changes_nothing(world: World) -> None:
    caller = await world.person()
    ids = [world.south.public_id, "cmp_" + "0" * 32, "cmp_nonsense", "", f"prj_{world.north.id.hex}", world.north.public_id.upper()]

    replies = [await world.portal(SWITCH, caller, id=id_) for id_ in ids]

    assert replies[0].codes == ["NOT_FOUND"]
    assert replies[0].paths == [["input", "companyId"]]
    assert (replies[0].data["switchAccount"]["account"], replies[0].data["switchAccount"]["viewer"]["role"]) == (None, "OWNER")
    assert [reply.body for reply in replies[1:]] == [replies[0].body] * 5
    assert (await _viewer(world, caller))["account"] == {"id": world.north.public_id}


async def test_a_token_never_switches_and_never_logs_out(world: World) -> None:
    caller = await world.portal.token(world.north, "PROJECTS_READ")

    replies = [await world.portal(SWITCH, caller, id=company.public_id) for company in (world.north, world.south)]
    replies.append(await world.portal(LOGOUT, caller))

    assert [reply.codes for reply in replies] == [["FORBIDDEN"]] * 3
    assert (await _viewer(world, caller))["account"] == {"id": world.north.public_id}


async def test_one_may_switch_to_a_suspended_company_to_read_it(world: World) -> None:
    caller = await world.portal.person(await _of_both(world, Role.OWNER))
    project = await world.project(world.south)
    await world.alter(world.south, status="SUSPENDED")

    reply = await world.portal(
        """mutation($company: ID!, $project: ID!) { switchAccount(input: {companyId: $company}) { userErrors { code } }
            updateProject(input: {projectId: $project, titleAr: "آخر"}) { userErrors { code } } }""",
        caller,
        company=world.south.public_id,
        project=project.public_id,
    )
    read = await world.portal("query($id: ID!) { node(id: $id) { id } }", caller, id=project.public_id)

    assert reply.codes == ["ACCOUNT_SUSPENDED"]
    assert reply.data["switchAccount"]["userErrors"] == []
    assert read.data["node"] == {"id": project.public_id}


async def test_switching_that_is_only_validated_switches_nothing(world: World) -> None:
    caller = await world.portal.person(await _of_both(world))
    await world.portal(SWITCH, caller, id=world.north.public_id)

    reply = await world.portal(SWITCH, caller, id=world.south.public_id, validateOnly=True)

    assert reply.codes == []
    assert reply.data["switchAccount"]["viewer"]["account"] == {"id": world.north.public_id}
    assert (await _viewer(world, caller))["account"] == {"id": world.north.public_id}


async def test_switching_is_no_event_of_either_company(world: World) -> None:
    caller = await world.portal.person(await _of_both(world))

    await world.portal(SWITCH, caller, id=world.south.public_id)

    assert (await world.events(world.north), await world.events(world.south)) == ([], [])


async def test_a_membership_that_ends_takes_the_account_from_a_running_session(world: World) -> None:
    caller = await world.person(Role.MEMBER)
    job = await world.job()
    [member] = await world.portal.fetch(_membership(world.users[Role.MEMBER], world.north))
    await world.alter(member, status=MemberStatus.REVOKED)

    reply = await world.portal("mutation($id: ID!) { deleteJob(input: {jobId: $id}) { userErrors { code } } }", caller, id=job.public_id)

    assert reply.codes == ["ACCOUNT_NOT_SELECTED"]
    assert (await _viewer(world, caller))["account"] is None
    assert (await world.now_of(job)).deleted_at is None


# ---- logout ------------------------------------------------------------------------------------------------------------


async def test_logging_out_kills_the_session_on_the_server_and_clears_the_cookie(world: World) -> None:
    person = world.users[Role.OWNER]
    here, there = await world.portal.person(person), await world.portal.person(person)

    reply = await world.portal(LOGOUT, here)

    assert reply.codes == []
    assert reply.data["logout"] == {"loggedOut": True, "userErrors": []}
    cookie = reply.headers["set-cookie"]
    assert cookie.startswith(here.headers["Cookie"].partition("=")[0] + "=")
    assert "max-age=0" in cookie.lower()
    assert await _viewer(world, here) is None  # the same cookie, sent again
    assert (await _viewer(world, there))["user"]["id"] == person.public_id


async def test_logging_out_everywhere_ends_all_of_ones_sessions_and_nobody_elses(world: World) -> None:
    person = world.users[Role.OWNER]
    here, there = await world.portal.person(person), await world.portal.person(person)
    other = await world.person(Role.ADMIN)

    reply = await world.portal(LOGOUT, here, everywhere=True)

    assert reply.codes == []
    assert [await _viewer(world, caller) for caller in (here, there)] == [None, None]
    assert (await _viewer(world, other))["role"] == "ADMIN"
    assert len(await world.portal.fetch(select(Session))) == 1


async def test_after_logging_out_the_rest_of_the_operation_is_nobodys(world: World) -> None:
    project = await world.project()

    reply = await world.portal(
        """mutation($id: ID!) { logout(input: {clientMutationId: "bye"}) { loggedOut clientMutationId }
            updateProject(input: {projectId: $id, titleAr: "آخر"}) { userErrors { code } } }""",
        await world.person(),
        id=project.public_id,
    )

    assert reply.data == {"logout": {"loggedOut": True, "clientMutationId": "bye"}, "updateProject": None}
    assert reply.codes == ["UNAUTHENTICATED"]
    assert (await world.now_of(project)).version == 1


async def test_a_person_without_a_company_logs_out_all_the_same(world: World) -> None:
    caller = await world.portal.person(await world.user())

    reply = await world.portal(LOGOUT, caller)

    assert reply.data["logout"]["loggedOut"] is True
    assert await _viewer(world, caller) is None


async def test_nobody_logs_out_or_switches(world: World) -> None:
    replies = [await world.portal(LOGOUT), await world.portal(SWITCH, id=world.north.public_id)]

    assert [reply.codes for reply in replies] == [["UNAUTHENTICATED"]] * 2
    assert [reply.data for reply in replies] == [{"logout": None}, {"switchAccount": None}]


# ---- every mutation of an account --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Each:
    """A mutation of an account.

    given     a row of the company's for it to work on -> an input that is fine
    subject   the field that names that row; None where it names none
    """

    name: str
    permission: str
    roles: set[Role]
    given: Callable[[World, Company], Awaitable[dict[str, Any]]]
    subject: str | None

    @property
    def text(self) -> str:
        kind = f"{self.name[0].upper()}{self.name[1:]}Input"
        return f"""mutation($input: {kind}!) {{ {self.name}(input: $input) {{
            clientMutationId userErrors {{ code path message retryable }} }} }}"""

    async def __call__(self, world: World, caller: Caller, given: dict[str, Any], language: str = "en", **more: Any) -> Reply:
        return await world.portal(self.text, caller, language, input={**given, **more})


async def _invitation(world: World, company: Company) -> dict[str, Any]:
    return {"invitationId": (await world.invitation(company)).public_id}


async def _project(world: World, company: Company) -> dict[str, Any]:
    return {"projectId": (await world.project(company)).public_id}


async def _changed_project(world: World, company: Company) -> dict[str, Any]:
    return {**await _project(world, company), "titleAr": "آخر"}


async def _new_project(world: World, company: Company) -> dict[str, Any]:
    return {"titleAr": "مشروع"}


async def _draft(world: World, company: Company) -> dict[str, Any]:
    return {"projectId": (await world.project(company, kind=ProjectKind.OWN, status=ProjectStatus.DRAFT)).public_id}


async def _contract(world: World, company: Company) -> dict[str, Any]:
    return {"contractId": (await world.contract(company)).public_id, "reason": "انتهت الحاجة"}


async def _new_job(world: World, company: Company) -> dict[str, Any]:
    return {**await _project(world, company), "titleAr": "موظف", "vacancies": 1, "employmentType": "FULL_TIME", "weeklyHours": 40}


async def _job(world: World, company: Company) -> dict[str, Any]:
    return {"jobId": (await world.job(await world.project(company))).public_id}


async def _changed_job(world: World, company: Company) -> dict[str, Any]:
    return {**await _job(world, company), "titleAr": "آخر"}


async def _paused_job(world: World, company: Company) -> dict[str, Any]:
    return {**await _job(world, company), "status": "PAUSED"}


async def _new_token(world: World, company: Company) -> dict[str, Any]:
    return {"name": "خادم", "environment": "LIVE"}


async def _token(world: World, company: Company) -> dict[str, Any]:
    await world.portal.token(company, "EVENTS_READ")
    token: SpToken
    [token] = await world.portal.fetch(select(SpToken).where(SpToken.company_id == company.id))
    return {"tokenId": token.public_id}


async def _profile(world: World, company: Company) -> dict[str, Any]:
    return {"nameAr": "آخر"}


_OWNERS, _MANAGERS, _WRITERS = {Role.OWNER}, {Role.OWNER, Role.ADMIN}, {Role.OWNER, Role.ADMIN, Role.MEMBER}
EVERY = [
    Each("acceptInvitation", "INVITATIONS_DECIDE", _MANAGERS, _invitation, "invitationId"),
    Each("rejectInvitation", "INVITATIONS_DECIDE", _MANAGERS, _invitation, "invitationId"),
    Each("terminateContract", "CONTRACTS_WRITE", _MANAGERS, _contract, "contractId"),
    Each("createProject", "PROJECTS_WRITE", _WRITERS, _new_project, None),
    Each("submitProject", "PROJECTS_WRITE", _WRITERS, _draft, "projectId"),
    Each("updateProject", "PROJECTS_WRITE", _WRITERS, _changed_project, "projectId"),
    Each("deleteProject", "PROJECTS_DELETE", _MANAGERS, _project, "projectId"),
    Each("addJob", "JOBS_WRITE", _WRITERS, _new_job, "projectId"),
    Each("updateJob", "JOBS_WRITE", _WRITERS, _changed_job, "jobId"),
    Each("changeJobStatus", "JOBS_WRITE", _WRITERS, _paused_job, "jobId"),
    Each("deleteJob", "JOBS_WRITE", _WRITERS, _job, "jobId"),
    Each("createToken", "TOKENS_WRITE", _MANAGERS, _new_token, None),
    Each("regenerateToken", "TOKENS_WRITE", _MANAGERS, _token, "tokenId"),
    Each("revokeToken", "TOKENS_WRITE", _MANAGERS, _token, "tokenId"),
    Each("updateProviderProfile", "PROFILE_WRITE", _OWNERS, _profile, None),
]
each = pytest.mark.parametrize("mutation", EVERY, ids=lambda mutation: mutation.name)
each_of_a_row = pytest.mark.parametrize(
    "mutation", [mutation for mutation in EVERY if mutation.subject], ids=lambda mutation: mutation.name
)


@each
async def test_validating_only_writes_nothing_and_the_id_of_the_client_comes_back(world: World, mutation: Each) -> None:
    given, owner = await mutation.given(world, world.north), await world.person()
    before = await world.snapshot()

    validated = await mutation(world, owner, given, validateOnly=True, clientMutationId="رقم-١")
    between = await world.snapshot()
    done = await mutation(world, owner, given, clientMutationId="رقم-٢")

    assert (validated.codes, done.codes) == ([], [])
    assert [reply.data[mutation.name]["clientMutationId"] for reply in (validated, done)] == ["رقم-١", "رقم-٢"]
    assert between == before
    assert await world.snapshot() != before


@each
async def test_a_validated_input_tells_the_same_errors_and_the_id_comes_back_with_them(world: World, mutation: Each) -> None:
    given, owner = await mutation.given(world, world.north), await world.person()
    wrong = (
        {**given, mutation.subject: "none"}
        if mutation.subject
        else {**given, **{name: " " for name in given if name.startswith(("name", "title"))}}
    )

    validated = await mutation(world, owner, wrong, validateOnly=True, clientMutationId="a")
    refused = await mutation(world, owner, wrong, clientMutationId="a")

    assert refused.codes == ["NOT_FOUND" if mutation.subject else "VALIDATION_FAILED"]
    assert refused.data[mutation.name]["clientMutationId"] == "a"
    assert validated.body == refused.body


@each
async def test_a_role_does_what_the_table_of_rights_says(world: World, mutation: Each) -> None:
    given = await mutation.given(world, world.north)
    before = await world.snapshot()
    replies = {role: await mutation(world, await world.person(role), given, validateOnly=True) for role in Role}

    for role, reply in replies.items():
        assert (role, reply.codes) == (role, [] if role in mutation.roles else ["FORBIDDEN"])
        told = [error["extensions"]["permission"] for error in reply.errors]
        assert (role, told) == (role, [] if role in mutation.roles else [mutation.permission])
    assert {name: rows for name, rows in (await world.snapshot()).items() if name != "sessions"} == {
        name: rows for name, rows in before.items() if name != "sessions"
    }


@each
async def test_a_token_does_what_its_scopes_say(world: World, mutation: Each) -> None:
    given = await mutation.given(world, world.north)
    listed = await world.portal('query { __type(name: "Permission") { enumValues { name } } }')
    others = [value["name"] for value in listed.data["__type"]["enumValues"] if value["name"] != mutation.permission]

    with_it = await mutation(world, await world.portal.token(world.north, mutation.permission), given, validateOnly=True)
    without = await mutation(world, await world.portal.token(world.north, *others), given, validateOnly=True)

    never = mutation.permission in {"TOKENS_WRITE", "PROFILE_WRITE"}
    assert with_it.codes == (["FORBIDDEN"] if never else [])
    assert without.codes == ["FORBIDDEN"]
    assert without.errors[0]["extensions"]["permission"] == mutation.permission


@each
async def test_nobody_is_told_to_sign_in_whatever_they_send(world: World, mutation: Each) -> None:
    given = await mutation.given(world, world.north)
    wrong = {**given, mutation.subject: "none"} if mutation.subject else given
    before = await world.snapshot()

    replies = [await mutation(world, NOBODY, sent) for sent in (given, wrong)]

    assert [reply.codes for reply in replies] == [["UNAUTHENTICATED"]] * 2
    assert [reply.data for reply in replies] == [{mutation.name: None}] * 2
    assert await world.snapshot() == before


@each
async def test_without_a_company_one_is_told_to_choose(world: World, mutation: Each) -> None:
    given, caller = await mutation.given(world, world.north), await world.portal.person(await _of_both(world, Role.OWNER))
    before = await world.snapshot()

    reply = await mutation(world, caller, given)

    assert reply.codes == ["ACCOUNT_NOT_SELECTED"]
    assert reply.paths == [None]
    assert await world.snapshot() == before


@each
@pytest.mark.parametrize("suspended", ["company", "provider"])
async def test_a_suspended_account_changes_nothing(world: World, mutation: Each, suspended: str) -> None:
    given, owner = await mutation.given(world, world.north), await world.person()
    [provider] = await world.portal.fetch(select(Provider).where(Provider.id == world.north.provider_id))
    await world.alter(world.north if suspended == "company" else provider, status="SUSPENDED")
    before = await world.snapshot()

    reply = await mutation(world, owner, given)
    read = await world.portal("query { viewer { account { id contracts { totalCount } jobs { totalCount } } } }", owner)

    assert reply.codes == ["ACCOUNT_SUSPENDED"]
    assert reply.paths == [None]
    assert (read.codes, read.data["viewer"]["account"]["id"]) == ([], world.north.public_id)
    assert await world.snapshot() == before


@each_of_a_row
async def test_another_companys_id_answers_as_one_that_never_was(world: World, mutation: Each) -> None:
    subject = str(mutation.subject)
    own, foreign = await mutation.given(world, world.north), await mutation.given(world, world.south)
    owner = await world.person()
    prefix, _, key = own[subject].partition("_")
    ids = [f"{prefix}_" + "0" * 32, f"{prefix}_nonsense", prefix, "", f"emp_{key}", own[subject].upper(), own[subject] + " "]
    before = await world.snapshot()

    answer = await mutation(world, owner, foreign)
    others = [await mutation(world, owner, {**own, subject: id_}) for id_ in ids]

    assert answer.codes == ["NOT_FOUND"]
    assert answer.paths == [["input", subject]]
    assert [other.body for other in others] == [answer.body] * len(ids)
    assert await world.snapshot() == before


@each_of_a_row
async def test_an_error_speaks_the_callers_language(world: World, mutation: Each) -> None:
    given, owner = {**await mutation.given(world, world.north), str(mutation.subject): "none"}, await world.person()

    replies = [await mutation(world, owner, given, language) for language in ("en", "ar", "ar-SA,en;q=0.5", "fr, en;q=0.1", "fr")]

    english, arabic = "There is no such thing among what you can see.", "لا يوجد عنصر بهذا المعرف ضمن ما يمكنك الاطلاع عليه."
    told = [reply.data[mutation.name]["userErrors"][0]["message"] for reply in replies]
    assert told == [english, arabic, arabic, english, arabic]


@pytest.mark.parametrize(
    ("language", "words"), [("en", "This takes the permission PROFILE_WRITE"), ("ar", "يتطلب هذا الصلاحية PROFILE_WRITE")]
)
async def test_a_refusal_speaks_the_callers_language(world: World, language: str, words: str) -> None:
    reply = await world.portal(
        'mutation { updateProviderProfile(input: {nameAr: "أ"}) { userErrors { code } } }', await world.person(Role.ADMIN), language
    )

    assert reply.codes == ["FORBIDDEN"]
    assert reply.errors[0]["message"].startswith(words)
    assert reply.headers["Content-Language"] == language


def _membership(user: User, company: Company) -> Any:
    return select(Member).where(Member.user_id == user.id, Member.company_id == company.id)
