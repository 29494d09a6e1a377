"""The races, a function each: what is sent at once, and what must be so when all have been answered.

    @race
    async def what_holds(field, world): ...

Each has companies of its own. Whatever it is, the log is gapless, in commit order, and tells of each change once: the field looks.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from app.models import (
    Company,
    Contract,
    Invitation,
    InvitationStatus,
    Job,
    JobStatus,
    Member,
    MemberStatus,
    ProjectKind,
    ProjectStatus,
    Role,
    SpToken,
)
from app.operations.sp_token import MOST_TOKENS
from tests.races.field import DONE, Call, Field
from tests.world import World

_numbers = count(1)
Race = Callable[[Field, World], Awaitable[None]]
RACES: dict[str, Race] = {}

FEW = 4  # who end something that many others work on
NEW_JOB = {"titleAr": "موظف", "vacancies": 1, "employmentType": "FULL_TIME", "weeklyHours": 40}


def race(function: Race) -> Race:
    RACES[function.__name__] = function
    return function


async def types(world: World) -> list[str]:
    """Of the log of `north`, in order."""
    return [name for _, name in await world.events()]


def one(of: int, code: str) -> Counter[str]:
    """One of so many did it, and the others were told why not."""
    return Counter({DONE: 1, code: of - 1})


def number_of(company: Company) -> str:
    return f"{company.labor_office_id}-{company.sequence_number}"


# ---- decisions (invariants 2 and 3) --------------------------------------------------------------------------------------------


@race
async def an_invitation_is_accepted_once(field: Field, world: World) -> None:
    invitation, crowd = await world.invitation(), await field.crowd(world)

    made = await field.race(
        world, [Call("acceptInvitation", next(crowd), {"invitationId": invitation.public_id}) for _ in range(field.callers)]
    )

    assert made["acceptInvitation"] == one(field.callers, "INVITATION_ALREADY_DECIDED")
    [contract] = await world.portal.fetch(select(Contract).where(Contract.company_id == world.north.id))
    assert (contract.invitation_id, contract.standing, contract.number[-6:]) == (invitation.id, True, "000001")
    assert await types(world) == ["INVITATION_ACCEPTED", "CONTRACT_CREATED"]


@race
async def an_invitation_is_accepted_or_rejected(field: Field, world: World) -> None:
    invitation, crowd, half = await world.invitation(), await field.crowd(world), field.callers // 2
    given = {"invitationId": invitation.public_id}

    made = await field.race(
        world,
        [Call("acceptInvitation", next(crowd), given) for _ in range(half)],
        [Call("rejectInvitation", next(crowd), {**given, "reason": "x"}) for _ in range(half)],
    )

    [winner] = made.done
    assert made["acceptInvitation"] + made["rejectInvitation"] == one(2 * half, "INVITATION_ALREADY_DECIDED")
    accepted = winner.call.mutation == "acceptInvitation"
    stored = await world.now_of(invitation)
    assert stored.status is (InvitationStatus.ACCEPTED if accepted else InvitationStatus.REJECTED)
    assert (stored.rejection_reason, stored.version) == (None if accepted else "x", 2)
    contracts = await world.portal.fetch(select(Contract).where(Contract.company_id == world.north.id))
    assert len(contracts) == accepted
    assert await types(world) == (["INVITATION_ACCEPTED", "CONTRACT_CREATED"] if accepted else ["INVITATION_REJECTED"])


@race
async def an_establishment_has_one_standing_contract(field: Field, world: World) -> None:
    """While one contract is terminated, invitations of its establishment are accepted, one after another."""
    establishment, crowd, third = await world.establishment(), await field.crowd(world), field.callers // 3
    contract = await world.contract(establishment=establishment)
    # Stored as PENDING, one may be there at a time: the others are other companies' of the same establishment.
    invitation = await world.invitation(establishment=establishment)
    theirs, stranger = await world.invitation(world.south, establishment=establishment), await world.intruder()

    made = await field.race(
        world,
        [Call("acceptInvitation", next(crowd), {"invitationId": invitation.public_id}) for _ in range(third)],
        [Call("terminateContract", next(crowd), {"contractId": contract.public_id, "reason": "x"}) for _ in range(third)],
        [Call("acceptInvitation", stranger, {"invitationId": theirs.public_id}, "accept theirs") for _ in range(third)],
    )

    assert made["terminateContract"] == one(third, "ILLEGAL_TRANSITION")
    assert made["accept theirs"] == one(third, "INVITATION_ALREADY_DECIDED")
    accepted = made["acceptInvitation"][DONE]
    assert accepted in (0, 1)
    assert set(made["acceptInvitation"]) <= {DONE, "DUPLICATE_CONTRACT", "INVITATION_ALREADY_DECIDED"}
    standing = select(func.count()).where(Contract.company_id == world.north.id, Contract.standing)
    assert await world.portal.fetch(standing) == [accepted]
    log = ["CONTRACT_TERMINATED", *(["INVITATION_ACCEPTED", "CONTRACT_CREATED"] if accepted else [])]
    assert await types(world) == log  # in this order alone: before the end of the first there was no room for a second


@race
async def an_invitation_is_withdrawn_or_decided(field: Field, world: World) -> None:
    invitation, crowd, gateway, third = await world.invitation(), await field.crowd(world), await world.portal.gateway(), field.callers // 3
    given = {"invitationId": invitation.public_id}

    made = await field.race(
        world,
        [Call("acceptInvitation", next(crowd), given) for _ in range(third)],
        [Call("rejectInvitation", next(crowd), given) for _ in range(third)],
        [Call("withdrawInvitation", gateway, given) for _ in range(third)],
    )

    [winner] = made.done
    became = {"acceptInvitation": "ACCEPTED", "rejectInvitation": "REJECTED", "withdrawInvitation": "WITHDRAWN"}[winner.call.mutation]
    assert sum(made.counts.values(), Counter()) == one(3 * third, "INVITATION_ALREADY_DECIDED")
    assert (await world.now_of(invitation)).status == became
    assert await types(world) == [f"INVITATION_{became}", *(["CONTRACT_CREATED"] if became == "ACCEPTED" else [])]


@race
async def an_establishment_has_one_invitation_that_waits(field: Field, world: World) -> None:
    """Two companies are invited by an establishment that nobody knew before: it is made once, each is invited once."""
    gateway, half = await world.portal.gateway(), field.callers // 2
    number = f"9-{next(_numbers)}"
    told = {"establishmentNumber": number, "establishmentNameAr": "مصنع", "message": "أهلا"}

    made = await field.race(
        world,
        *(
            [Call("deliverInvitation", gateway, {**told, "companyNumber": number_of(company)}, label) for _ in range(half)]
            for label, company in (("to north", world.north), ("to south", world.south))
        ),
    )

    assert [made["to north"], made["to south"]] == [one(half, "INVITATION_ALREADY_PENDING")] * 2
    ours = Invitation.company_id.in_([world.north.id, world.south.id])
    invitations = await world.portal.fetch(select(Invitation).where(ours))
    assert [each.status for each in invitations] == [InvitationStatus.PENDING] * 2
    assert len({each.establishment_id for each in invitations}) == 1
    assert [await types(world), [name for _, name in await world.events(world.south)]] == [["INVITATION_RECEIVED"]] * 2


@race
async def a_contract_that_is_over_takes_no_project(field: Field, world: World) -> None:
    contract, crowd, gateway = await world.contract(), await field.crowd(world), await world.portal.gateway()
    many, given = field.callers - FEW, {"contractId": contract.public_id}

    made = await field.race(
        world,
        [Call("deliverProject", gateway, {**given, "titleAr": "مشروع"}) for _ in range(many)],
        [Call("terminateContract", next(crowd), {**given, "reason": "x"}) for _ in range(FEW)],
    )

    assert made["terminateContract"] == one(FEW, "ILLEGAL_TRANSITION")
    delivered = made["deliverProject"][DONE]
    assert made["deliverProject"] == Counter({DONE: delivered, "CONTRACT_NOT_ACTIVE": many - delivered})
    assert await types(world) == ["PROJECT_CREATED"] * delivered + ["CONTRACT_TERMINATED"]


# ---- versions (invariant 8) ----------------------------------------------------------------------------------------------------


async def _one_version(field: Field, world: World, mutation: str, row: Any, name: str) -> None:
    crowd = await field.crowd(world)
    given = {name: row.public_id, "version": 1}

    made = await field.race(world, [Call(mutation, next(crowd), {**given, "titleAr": f"عنوان {n}"}) for n in range(field.callers)])

    assert made[mutation] == one(field.callers, "VERSION_CONFLICT")
    stored = await world.now_of(row)
    assert (stored.title_ar, stored.version) == (made.done[0].call.input["titleAr"], 2)
    assert len(await types(world)) == 1


@race
async def one_of_those_who_edit_a_version_of_a_job_wins(field: Field, world: World) -> None:
    await _one_version(field, world, "updateJob", await world.job(), "jobId")


@race
async def one_of_those_who_edit_a_version_of_a_project_wins(field: Field, world: World) -> None:
    await _one_version(field, world, "updateProject", await world.project(), "projectId")


@race
async def edits_that_name_no_version_all_count(field: Field, world: World) -> None:
    job, crowd = await world.job(), await field.crowd(world)

    made = await field.race(
        world, [Call("updateJob", next(crowd), {"jobId": job.public_id, "titleAr": f"عنوان {n}"}) for n in range(field.callers)]
    )

    assert made["updateJob"] == {DONE: field.callers}
    assert (await world.now_of(job)).version == 1 + field.callers
    assert await types(world) == ["JOB_UPDATED"] * field.callers


@race
async def what_changes_states_moves_its_version_too(field: Field, world: World) -> None:
    """Pausing, closing, editing and deleting one version of a job: one of them is done, whichever."""
    job, crowd, quarter = await world.job(), await field.crowd(world), field.callers // 4
    given = {"jobId": job.public_id, "version": 1}
    kinds: list[tuple[str, dict[str, Any], str]] = [
        ("changeJobStatus", {"status": "PAUSED"}, "pause"),
        ("changeJobStatus", {"status": "CLOSED"}, "close"),
        ("updateJob", {"titleAr": "آخر"}, "edit"),
        ("deleteJob", {}, "delete"),
    ]

    made = await field.race(
        world, *([Call(mutation, next(crowd), {**given, **more}, label) for _ in range(quarter)] for mutation, more, label in kinds)
    )

    [_] = made.done
    assert set().union(*made.counts.values()) <= {DONE, "VERSION_CONFLICT", "NOT_FOUND"}
    assert (await world.now_of(job)).version == 2
    assert len(await types(world)) == 1


# ---- states and what hangs on them (invariants 4 to 6) ---------------------------------------------------------------------------


@race
async def nothing_is_added_to_a_project_that_is_gone(field: Field, world: World) -> None:
    project, crowd, many = await world.project(), await field.crowd(world), field.callers - FEW

    made = await field.race(
        world,
        [Call("addJob", next(crowd), {"projectId": project.public_id, **NEW_JOB}) for _ in range(many)],
        [Call("deleteProject", next(crowd), {"projectId": project.public_id}) for _ in range(FEW)],
    )

    assert made["deleteProject"] == one(FEW, "NOT_FOUND")
    added = made["addJob"][DONE]
    assert made["addJob"] == Counter({DONE: added, "NOT_FOUND": many - added})
    jobs = await world.portal.fetch(select(Job).where(Job.project_id == project.id))
    assert (len(jobs), {job.deleted_at is None for job in jobs} - {False}) == (added, set())
    assert await types(world) == ["JOB_ADDED"] * added + ["PROJECT_DELETED"] + ["JOB_DELETED"] * added


@race
async def a_job_that_is_deleted_is_not_edited_after(field: Field, world: World) -> None:
    job, crowd, many = await world.job(), await field.crowd(world), field.callers - FEW

    made = await field.race(
        world,
        [Call("updateJob", next(crowd), {"jobId": job.public_id, "titleAr": f"عنوان {n}"}) for n in range(many)],
        [Call("deleteJob", next(crowd), {"jobId": job.public_id}) for _ in range(FEW)],
    )

    assert made["deleteJob"] == one(FEW, "NOT_FOUND")
    edited = made["updateJob"][DONE]
    assert made["updateJob"] == Counter({DONE: edited, "NOT_FOUND": many - edited})
    assert await types(world) == ["JOB_UPDATED"] * edited + ["JOB_DELETED"]


@race
async def a_contract_that_is_over_takes_no_job(field: Field, world: World) -> None:
    contract, crowd, some = await world.contract(), await field.crowd(world), field.callers // 2 - 2
    project = await world.project(contract=contract)
    drafts = [await world.job(project, status=JobStatus.DRAFT, published_at=None, closes_at=None) for _ in range(some)]

    made = await field.race(
        world,
        [Call("addJob", next(crowd), {"projectId": project.public_id, **NEW_JOB}) for _ in range(some)],
        [Call("changeJobStatus", next(crowd), {"jobId": draft.public_id, "status": "OPEN"}) for draft in drafts],
        [Call("terminateContract", next(crowd), {"contractId": contract.public_id, "reason": "x"}) for _ in range(FEW)],
    )

    assert made["terminateContract"] == one(FEW, "ILLEGAL_TRANSITION")
    for label in ("addJob", "changeJobStatus"):
        assert made[label] == Counter({DONE: made[label][DONE], "CONTRACT_NOT_ACTIVE": some - made[label][DONE]})
    log = await types(world)
    assert log[-1] == "CONTRACT_TERMINATED"
    done = {"CONTRACT_TERMINATED": 1, "JOB_ADDED": made["addJob"][DONE], "JOB_STATUS_CHANGED": made["changeJobStatus"][DONE]}
    assert Counter(log) == Counter(done)


@race
async def a_project_that_is_suspended_takes_no_job(field: Field, world: World) -> None:
    project, crowd, gateway = await world.project(), await field.crowd(world), await world.portal.gateway()
    many, given = field.callers - FEW, {"projectId": project.public_id}

    made = await field.race(
        world,
        [Call("addJob", next(crowd), {**given, **NEW_JOB}) for _ in range(many)],
        [Call("decideProject", gateway, {**given, "decision": "SUSPEND"}) for _ in range(FEW)],
    )

    assert made["decideProject"] == one(FEW, "ILLEGAL_TRANSITION")
    added = made["addJob"][DONE]
    assert made["addJob"] == Counter({DONE: added, "PROJECT_NOT_APPROVED": many - added})
    assert await types(world) == ["JOB_ADDED"] * added + ["PROJECT_DECIDED"]


@race
async def a_project_is_submitted_once_and_stays_as_it_was_then(field: Field, world: World) -> None:
    project = await world.project(kind=ProjectKind.OWN, status=ProjectStatus.DRAFT)
    crowd, many = await field.crowd(world), field.callers - FEW

    made = await field.race(
        world,
        [Call("updateProject", next(crowd), {"projectId": project.public_id, "titleAr": f"عنوان {n}"}) for n in range(many)],
        [Call("submitProject", next(crowd), {"projectId": project.public_id}) for _ in range(FEW)],
    )

    assert made["submitProject"] == one(FEW, "ILLEGAL_TRANSITION")
    edited = made["updateProject"][DONE]
    assert made["updateProject"] == Counter({DONE: edited, "ILLEGAL_TRANSITION": many - edited})
    assert await types(world) == ["PROJECT_UPDATED"] * edited + ["PROJECT_SUBMITTED"]


@race
async def a_job_walks_its_states_one_step_at_a_time(field: Field, world: World) -> None:
    job, crowd, half = await world.job(), await field.crowd(world), field.callers // 2 - 1
    walkers = {"PAUSED": half, "OPEN": half, "CLOSED": 2}

    made = await field.race(
        world,
        *(
            [Call("changeJobStatus", next(crowd), {"jobId": job.public_id, "status": status}, status) for _ in range(each)]
            for status, each in walkers.items()
        ),
    )

    # OPEN and PAUSED take turns, until it is closed for good.
    assert made["CLOSED"][DONE] == 1
    assert made["PAUSED"][DONE] - made["OPEN"][DONE] in (0, 1)
    assert set().union(*made.counts.values()) == {DONE, "ILLEGAL_TRANSITION"}
    assert (await world.now_of(job)).status is JobStatus.CLOSED
    assert len(await types(world)) == len(made.done)


# ---- members and tokens -----------------------------------------------------------------------------------------------------------


@race
async def a_company_keeps_an_owner(field: Field, world: World) -> None:
    """Everyone steps down at once, or leaves."""
    callers, calls = [await world.person()], []
    for _ in range(field.callers // 2 - 1):
        user = await world.user()
        await world.join(user, world.north, Role.OWNER)
        callers.append(await world.portal.person(user))
    mine = select(Member).where(Member.company_id == world.north.id, Member.role == Role.OWNER).order_by(Member.id)
    members = await world.portal.fetch(mine)
    owners = {member.user_id: member for member in members}
    assert len(owners) == len(callers)
    for caller, member in zip(callers, members, strict=True):
        calls.append((caller, {"memberId": member.public_id}))

    made = await field.race(
        world,
        [Call("updateMember", caller, {**given, "role": "VIEWER"}) for caller, given in calls],
        [Call("removeMember", caller, given) for caller, given in calls],
    )

    left = await world.portal.fetch(mine.where(Member.status == MemberStatus.ACTIVE))
    assert len(left) == 1
    assert set().union(*made.counts.values()) <= {DONE, "LAST_OWNER", "FORBIDDEN", "ACCOUNT_NOT_SELECTED", "ILLEGAL_TRANSITION"}
    assert (made["updateMember"] + made["removeMember"])["LAST_OWNER"] >= 1
    assert len(await types(world)) == len(made.done)


@race
async def a_person_is_invited_once_however_often_they_come_in(field: Field, world: World) -> None:
    """Sign-ins hold the person and want the company; invitations hold the company and refer to the person."""
    person, owner, half = await world.user(), await world.person(), field.callers // 2
    given = {"nationalId": person.national_id, "name": "x", "email": "x@example.sa", "role": "MEMBER"}

    async def come_in() -> None:
        for _ in range(5):
            await world.sign_in(person)

    coming = asyncio.gather(*(come_in() for _ in range(3)))
    made = await field.race(world, [Call("inviteMember", owner, given, show="member { id }") for _ in range(half)])
    await coming

    assert made["inviteMember"] == one(half, "ALREADY_MEMBER")
    await world.sign_in(person)
    [member] = await world.portal.fetch(select(Member).where(Member.user_id == person.id))
    assert (member.status, member.role) == (MemberStatus.ACTIVE, Role.MEMBER)
    assert await types(world) == ["MEMBER_INVITED", "MEMBER_JOINED"]


@race
async def who_was_a_member_writes_nothing_after(field: Field, world: World) -> None:
    """A role is lowered while its holder writes: nothing of theirs comes after that in the log."""
    owner, writer = await world.person(), await world.person(Role.MEMBER)
    user, project, some = world.users[Role.MEMBER], await world.project(), field.callers - FEW
    [member] = await world.portal.fetch(select(Member).where(Member.user_id == user.id, Member.company_id == world.north.id))

    made = await field.race(
        world,
        [Call("updateProject", writer, {"projectId": project.public_id, "titleAr": f"عنوان {n}"}) for n in range(some)],
        [Call("updateMember", owner, {"memberId": member.public_id, "role": "VIEWER"}) for _ in range(FEW)],
    )

    edited = made["updateProject"][DONE]
    assert made["updateProject"] == Counter({DONE: edited, "FORBIDDEN": some - edited})
    assert await types(world) == ["PROJECT_UPDATED"] * edited + ["MEMBER_UPDATED"]


@race
async def a_company_has_no_more_tokens_than_it_may(field: Field, world: World) -> None:
    owner = await world.person()
    for _ in range(MOST_TOKENS - 2):
        await world.portal.token(world.north, "EVENTS_READ")

    made = await field.race(world, [Call("createToken", owner, {"name": "x", "environment": "LIVE"}) for _ in range(field.callers)])

    assert made["createToken"] == {DONE: 2, "LIMIT_REACHED": field.callers - 2}
    assert await world.portal.fetch(select(func.count()).where(SpToken.company_id == world.north.id)) == [MOST_TOKENS]
    assert await types(world) == ["TOKEN_CREATED"] * 2


@race
async def a_token_is_replaced_or_revoked_once(field: Field, world: World) -> None:
    owner, half = await world.person(), field.callers // 2
    await world.portal.token(world.north, "EVENTS_READ")
    [token] = await world.portal.fetch(select(SpToken).where(SpToken.company_id == world.north.id))

    made = await field.race(
        world,
        [Call("regenerateToken", owner, {"tokenId": token.public_id, "graceMinutes": 0}) for _ in range(half)],
        [Call("revokeToken", owner, {"tokenId": token.public_id}) for _ in range(half)],
    )

    assert made["regenerateToken"] + made["revokeToken"] == one(2 * half, "ILLEGAL_TRANSITION")
    replaced = made["regenerateToken"][DONE]
    assert await types(world) == (["TOKEN_REGENERATED", "TOKEN_CREATED"] if replaced else ["TOKEN_REVOKED"])
    assert await world.portal.fetch(select(func.count()).where(SpToken.company_id == world.north.id)) == [1 + replaced]


# ---- the database's own refusals ----------------------------------------------------------------------------------------------------


@race
async def nobody_notices_what_locks_the_database_takes(field: Field, world: World) -> None:
    """PostgreSQL: somebody else takes the same rows the other way round, and the servers' transactions are the ones to be broken off.
    SQLite: somebody else holds the file's lock again and again."""
    invitation, crowd, over = await world.invitation(), await field.crowd(world), asyncio.Event()
    # A small crowd: each round breaks off all who queue, one after the other, and waiting has an end of its own.
    callers, before = 8, field.unavailable

    async def disturb() -> int:
        hinder = _hold_the_file if field.place.backend == "sqlite" else _lock_the_other_way
        # The servers try five times.
        return sum([await hinder(world, invitation) for _ in range(4) if not over.is_set()])

    disturbing = asyncio.create_task(disturb())
    await asyncio.sleep(0.05)
    try:
        made = await field.race(
            world, [Call("acceptInvitation", next(crowd), {"invitationId": invitation.public_id}) for _ in range(callers)]
        )
    finally:
        over.set()
        disturbed = await disturbing

    field.told[-1] += f"; {disturbed} times disturbed"
    assert disturbed > 0
    assert field.unavailable == before
    assert made["acceptInvitation"] == one(callers, "INVITATION_ALREADY_DECIDED")
    assert await types(world) == ["INVITATION_ACCEPTED", "CONTRACT_CREATED"]


async def _hold_the_file(world: World, invitation: Invitation) -> int:
    async with world.portal.database.writing():
        await asyncio.sleep(0.1)
    return 1


async def _lock_the_other_way(world: World, invitation: Invitation) -> int:
    """Whether a server's transaction was broken off: it has the company and waits for the invitation, we the other way round."""
    waits = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")
    try:
        async with world.portal.database.writing() as session:
            await session.execute(text("SET LOCAL deadlock_timeout = '5s'"))  # the servers look first
            await session.execute(select(Invitation).where(Invitation.id == invitation.id).with_for_update())
            for _ in range(100):
                if await session.scalar(waits):
                    break
                await asyncio.sleep(0.005)
            else:
                return 0
            await session.execute(select(Company).where(Company.id == world.north.id).with_for_update())
            return 1
    except DBAPIError:  # we were the one: they had looked before we waited
        return 0
