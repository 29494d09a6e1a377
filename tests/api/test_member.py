"""Inviting people, changing their role, removing them, leaving; and that rights are looked at again when it counts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from app.models import Member, MemberStatus, Project, Role, Session, SpToken, User
from app.resolvers import mutation
from tests.portal import Caller, Reply
from tests.world import World, national_id

_SHOWN = "id role status user { name email mobile nationalId locale lastLoginAt }"
_ERRORS = "userErrors { code path message }"
INVITE = f"mutation($input: InviteMemberInput!) {{ inviteMember(input: $input) {{ member {{ {_SHOWN} }} {_ERRORS} }} }}"
UPDATE = f"mutation($input: UpdateMemberInput!) {{ updateMember(input: $input) {{ member {{ {_SHOWN} }} {_ERRORS} }} }}"
REMOVE = f"mutation($input: RemoveMemberInput!) {{ removeMember(input: $input) {{ member {{ id status }} {_ERRORS} }} }}"
WHO = "query { viewer { account { id } role permissions } }"
LIST = f"query {{ viewer {{ account {{ members {{ nodes {{ {_SHOWN} }} }} }} }} }}"


async def _invite(world: World, by: Role = Role.OWNER, **given: Any) -> Reply:
    filled = {"nationalId": "1000000008", "name": "سارة", "email": "sara@example.sa", "role": "MEMBER", **given}
    return await world.portal(INVITE, await world.person(by), input=filled)


async def _update(world: World, member: Member, role: str, by: Caller | None = None) -> Reply:
    return await world.portal(UPDATE, by or await world.person(), input={"memberId": member.public_id, "role": role})


async def _remove(world: World, member: Member, by: Caller | None = None) -> Reply:
    return await world.portal(REMOVE, by or await world.person(), input={"memberId": member.public_id})


async def _member(world: World, role: Role) -> Member:
    found: list[Member] = await world.portal.fetch(
        select(Member).where(Member.user_id == world.users[role].id, Member.company_id == world.north.id)
    )
    return found[0]


# ---- inviteMember ------------------------------------------------------------------------------------------------------


async def test_an_invited_person_is_shown_as_the_invitation_says(world: World) -> None:
    reply = await _invite(world, Role.ADMIN, nationalId="١٠٠٠٠٠٠٠٠٨", role="ADMIN")

    member = reply.data["inviteMember"]["member"]
    assert reply.codes == []
    user = {"name": "سارة", "email": "sara@example.sa", "mobile": None, "nationalId": "1*******08", "locale": "AR", "lastLoginAt": None}
    assert member == {"id": member["id"], "role": "ADMIN", "status": "INVITED", "user": user}
    assert await world.events() == [(1, "MEMBER_INVITED")]
    [user] = await world.portal.fetch(select(User).where(User.national_id == "1000000008"))
    assert (user.subject, user.email) == (None, None)


async def test_inviting_somebody_whom_the_portal_knows_tells_nothing_of_them(world: World) -> None:
    await world.alter(world.stranger, email="private@example.sa", mobile="+966512345678", locale="EN", last_login_at=world.portal.clock())

    known = await _invite(world, nationalId=world.stranger.national_id)
    unknown = await _invite(world, nationalId=national_id(4_000_000))
    asked = await world.portal("query($id: ID!) { node(id: $id) { id } }", await world.person(), id=world.stranger.public_id)

    answers = [reply.data["inviteMember"]["member"] for reply in (known, unknown)]
    assert [answer.pop("id")[:4] for answer in answers] == ["mem_", "mem_"]
    shown = [answer["user"].pop("nationalId") for answer in answers]
    assert shown == [f"1*******{digits[-2:]}" for digits in (world.stranger.national_id, national_id(4_000_000))]
    assert answers[0] == answers[1]
    assert asked.data["node"] is None
    assert world.stranger.name not in str(await world.portal(LIST, await world.person()))


async def test_who_has_joined_shows_under_their_own_name_and_keeps_it_when_removed(world: World) -> None:
    reply = await _invite(world, nationalId=world.stranger.national_id)
    [member] = await world.portal.fetch(select(Member).where(Member.status == MemberStatus.INVITED))
    await world.alter(member, status="ACTIVE")  # as their next sign-in does

    active = await world.portal(LIST, await world.person())
    await _remove(world, member)
    removed = await world.portal(LIST, await world.person())

    assert reply.codes == []
    for listed in (active, removed):
        [shown] = [node for node in listed.data["viewer"]["account"]["members"]["nodes"] if node["id"] == member.public_id]
        assert shown["user"]["name"] == world.stranger.name


# What inviting, signing in and removing do with a membership in each state: the new state, or the code of the refusal.
_ACTS: dict[tuple[str, str], str | None] = {
    ("INVITED", "invite"): "ALREADY_MEMBER",
    ("INVITED", "sign in"): "ACTIVE",
    ("INVITED", "remove"): "REVOKED",
    ("ACTIVE", "invite"): "ALREADY_MEMBER",
    ("ACTIVE", "sign in"): None,
    ("ACTIVE", "remove"): "REVOKED",
    ("REVOKED", "invite"): "INVITED",
    ("REVOKED", "sign in"): None,
    ("REVOKED", "remove"): "ILLEGAL_TRANSITION",
}
_TOLD = {"INVITED": "MEMBER_INVITED", "ACTIVE": "MEMBER_JOINED", "REVOKED": "MEMBER_REMOVED"}


@pytest.mark.parametrize(("status", "act"), list(_ACTS))
async def test_a_membership_takes_the_steps_of_the_table_and_no_other(world: World, status: str, act: str) -> None:
    person = await world.user()
    await world.join(person, world.north, Role.VIEWER, MemberStatus(status))
    [member] = await world.portal.fetch(select(Member).where(Member.user_id == person.id))

    if act == "sign in":
        await world.sign_in(person)
        codes = []
    else:
        reply = await (_remove(world, member) if act == "remove" else _invite(world, nationalId=person.national_id, role="MEMBER"))
        codes = reply.codes

    became = _ACTS[status, act]
    stored = await world.now_of(member)
    if became in _TOLD:
        assert (codes, stored.status, await world.events()) == ([], became, [(1, _TOLD[became])])
    else:
        assert (codes, stored.status, await world.events()) == ([became] if became else [], status, [])
    assert stored.role == (Role.MEMBER if became == "INVITED" else Role.VIEWER)


async def test_all_broken_rules_of_an_invitation_are_told_at_once(world: World) -> None:
    reply = await _invite(world, nationalId="1000000000", name=" ", email="nobody")

    assert reply.codes == ["VALIDATION_FAILED"] * 3
    assert sorted(reply.paths) == [["input", name] for name in ("email", "name", "nationalId")]
    assert "1000000000" not in str(reply.body)


async def test_one_person_is_invited_once_however_many_ask_and_two_companies_may(world: World) -> None:
    owner, other = await world.person(), await world.intruder()
    given = {"nationalId": "1000000008", "name": "سارة", "email": "sara@example.sa", "role": "VIEWER"}

    replies = await asyncio.gather(*(world.portal(INVITE, (owner, other)[n % 2], input=given) for n in range(20)))

    assert sorted(code for reply in replies for code in reply.codes) == ["ALREADY_MEMBER"] * 18
    assert len(await world.portal.fetch(select(User).where(User.national_id == "1000000008"))) == 1
    assert (await world.events(), await world.events(world.south)) == ([(1, "MEMBER_INVITED")], [(1, "MEMBER_INVITED")])


async def test_an_invitation_that_is_only_validated_leaves_nothing(world: World) -> None:
    owner, before = await world.person(), await world.snapshot()

    reply = await world.portal(
        INVITE, owner, input={"nationalId": "1000000008", "name": "س", "email": "s@example.sa", "role": "OWNER", "validateOnly": True}
    )

    after = await world.snapshot()
    assert (reply.codes, reply.data["inviteMember"]["member"]) == ([], None)
    assert after == before


# ---- who may do it to whom ---------------------------------------------------------------------------------------------

# by, to whom, what, the permission that is missing
REFUSED = [
    (Role.ADMIN, None, Role.OWNER, "PROFILE_WRITE"),
    (Role.MEMBER, None, Role.VIEWER, "MEMBERS_WRITE"),
    (Role.VIEWER, None, Role.VIEWER, "MEMBERS_WRITE"),
    (Role.ADMIN, Role.OWNER, Role.VIEWER, "PROFILE_WRITE"),
    (Role.ADMIN, Role.MEMBER, Role.OWNER, "PROFILE_WRITE"),
    (Role.ADMIN, Role.ADMIN, Role.OWNER, "PROFILE_WRITE"),
    (Role.MEMBER, Role.VIEWER, Role.MEMBER, "MEMBERS_WRITE"),
    (Role.ADMIN, Role.OWNER, None, "PROFILE_WRITE"),
    (Role.MEMBER, Role.VIEWER, None, "MEMBERS_WRITE"),
    (Role.VIEWER, Role.OWNER, None, "MEMBERS_WRITE"),
]


async def test_nobody_gives_or_takes_more_than_they_hold(world: World) -> None:
    before, refusals = await world.snapshot(), []

    for by, whom, what, _ in REFUSED:
        if whom is None:
            reply = await _invite(world, by, role=what)
        elif what:
            reply = await _update(world, await _member(world, whom), what, await world.person(by))
        else:
            reply = await _remove(world, await _member(world, whom), await world.person(by))
        refusals.append((by, whom, what, [(error["extensions"]["code"], error["extensions"]["permission"]) for error in reply.errors]))

    after = await world.snapshot()
    assert refusals == [(by, whom, what, [("FORBIDDEN", permission)]) for by, whom, what, permission in REFUSED]
    assert {name for name in after if after[name] != before[name]} == {"sessions"}


async def test_an_admin_changes_and_removes_whoever_is_no_owner(world: World) -> None:
    admin = await world.person(Role.ADMIN)
    member, viewer = await _member(world, Role.MEMBER), await _member(world, Role.VIEWER)

    twice = [await _update(world, member, "ADMIN", admin) for _ in range(2)]
    replies = [*twice, await _remove(world, viewer, admin)]

    assert [reply.codes for reply in replies] == [[], [], []]
    # The second changed nothing, so nothing is told of it.
    assert await world.events() == [(1, "MEMBER_UPDATED"), (2, "MEMBER_REMOVED")]


async def test_members_of_others_are_no_members(world: World) -> None:
    [foreign] = await world.portal.fetch(select(Member).where(Member.company_id == world.south.id))
    absent = Member(id=world.north.id)

    replies = [await act for member in (foreign, absent) for act in (_update(world, member, "VIEWER"), _remove(world, member))]

    assert [(reply.codes, reply.paths) for reply in replies] == [(["NOT_FOUND"], [["input", "memberId"]])] * 4
    assert replies[0].body == replies[2].body
    assert replies[1].body == replies[3].body


@pytest.mark.parametrize("act", ["update", "remove"])
async def test_who_is_out_stays_as_they_are(world: World, act: str) -> None:
    member = await _member(world, Role.MEMBER)
    await _remove(world, member)

    reply = await _update(world, member, "VIEWER") if act == "update" else await _remove(world, member)

    assert (reply.codes, reply.paths) == (["ILLEGAL_TRANSITION"], [["input", "memberId"]])
    assert await world.events() == [(1, "MEMBER_REMOVED")]


async def test_a_token_never_touches_members(world: World) -> None:
    listed = await world.portal('query { __type(name: "Permission") { enumValues { name } } }')
    every = [value["name"] for value in listed.data["__type"]["enumValues"]]
    token, member = await world.portal.token(world.north, *every), await _member(world, Role.VIEWER)

    replies = [await _update(world, member, "MEMBER", token), await _remove(world, member, token)]

    assert [reply.errors[0]["extensions"]["permission"] for reply in replies] == ["MEMBERS_WRITE"] * 2


# ---- the last owner ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", ["update", "remove"])
async def test_the_last_owner_stays_although_another_is_invited(world: World, act: str) -> None:
    await _invite(world, role="OWNER")
    owner = await _member(world, Role.OWNER)

    reply = await _update(world, owner, "ADMIN") if act == "update" else await _remove(world, owner)

    assert (reply.codes, reply.paths) == (["LAST_OWNER"], [["input", "memberId"]])
    assert (await world.now_of(owner)).status is MemberStatus.ACTIVE


async def test_fifty_owners_who_step_down_at_once_leave_one(world: World) -> None:
    people = [world.users[Role.OWNER], *[await world.user() for _ in range(49)]]
    for person in people[1:]:
        await world.join(person, world.north, Role.OWNER)
    members = {m.user_id: m for m in await world.portal.fetch(select(Member).where(Member.role == Role.OWNER))}
    callers = [await world.portal.person(person) for person in people]

    replies = await asyncio.gather(
        *(_update(world, members[person.id], "VIEWER", caller) for person, caller in zip(people, callers, strict=True))
    )

    assert [code for reply in replies for code in reply.codes] == ["LAST_OWNER"]
    mine = Member.company_id == world.north.id, Member.role == Role.OWNER
    assert len(await world.portal.fetch(select(Member).where(*mine))) == 1
    assert await world.events() == [(number, "MEMBER_UPDATED") for number in range(1, 50)]


# ---- leaving, and what a change of rights comes to ---------------------------------------------------------------------


async def test_one_may_leave_and_is_out_at_once_even_when_invited_again(world: World) -> None:
    role = Role.VIEWER
    caller, member = await world.person(role), await _member(world, role)

    left = await _remove(world, member, caller)
    after = await world.portal(WHO, caller)
    await _invite(world, nationalId=world.users[role].national_id)
    await world.alter(member, status="ACTIVE")
    again = await world.portal(WHO, caller)

    assert left.codes == []
    assert after.data["viewer"] == again.data["viewer"] == {"account": None, "role": None, "permissions": []}
    assert [session.company_id for session in await world.portal.fetch(select(Session)) if session.user_id == member.user_id] == [None]


async def test_a_role_that_changed_holds_for_the_session_that_is_open(world: World) -> None:
    caller = await world.person(Role.ADMIN)

    await _update(world, await _member(world, Role.ADMIN), "VIEWER")
    who = await world.portal(WHO, caller)
    refused = await world.portal(INVITE, caller, input={"nationalId": "1000000008", "name": "س", "email": "s@example.sa", "role": "VIEWER"})

    assert who.data["viewer"]["role"] == "VIEWER"
    assert refused.codes == ["FORBIDDEN"]


@pytest.mark.parametrize(
    ("_case", "alter", "codes"),
    [
        ("role", lambda world, member, token: world.alter(member, role="VIEWER"), ["FORBIDDEN"]),
        ("removed", lambda world, member, token: world.alter(member, status="REVOKED"), ["ACCOUNT_NOT_SELECTED"]),
        ("revoked", lambda world, member, token: world.alter(token, revoked_at=world.portal.clock()), ["UNAUTHENTICATED"]),
        ("scopes", lambda world, member, token: world.alter(token, scopes=["PROJECTS_READ"]), ["FORBIDDEN"]),
    ],
)
async def test_rights_that_went_while_the_request_was_under_way_are_gone(
    world: World, monkeypatch: pytest.MonkeyPatch, _case: str, alter: Any, codes: list[str]
) -> None:
    """Between the look at the credential and the account's lock: what is read under the lock decides."""
    member, project = await _member(world, Role.MEMBER), await world.project()
    token = await world.portal.token(world.north, "PROJECTS_READ", "PROJECTS_WRITE")
    [row] = await world.portal.fetch(select(SpToken))
    caller = await world.person(Role.MEMBER) if _case in ("role", "removed") else token
    waiting, go = asyncio.Event(), asyncio.Event()

    transact = mutation._transact

    async def pause(*arguments: Any) -> Any:
        waiting.set()
        await go.wait()
        return await transact(*arguments)

    monkeypatch.setattr(mutation, "_transact", pause)
    update = 'mutation($id: ID!) { updateProject(input: {projectId: $id, titleAr: "آخر"}) { userErrors { code } } }'
    under_way = asyncio.create_task(world.portal(update, caller, id=project.public_id))
    await waiting.wait()
    await alter(world, member, row)
    go.set()
    reply = await under_way

    assert reply.codes == codes
    [stored] = await world.portal.fetch(select(Project))
    assert stored.title_ar == "خدمة العملاء"
    assert await world.events() == []
