"""Who belongs to a company: inviting people, changing their role, taking them out, leaving."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.exc import IntegrityError

from app.auth.doors import Door
from app.auth.permissions import Permission
from app.auth.policies import is_own, lacking_for_role
from app.auth.sessions import leave_company
from app.errors import AlreadyMember, LastOwner, NotEditable
from app.models import EventType, Locale, Member, MemberStatus, Role, User
from app.models.base import uuid7
from app.operations.work import Work

# What becomes of a membership: invited people join at their next sign-in, either may be taken out, and who is out may be invited anew.
TRANSITIONS: dict[MemberStatus, frozenset[MemberStatus]] = {
    MemberStatus.INVITED: frozenset({MemberStatus.ACTIVE, MemberStatus.REVOKED}),
    MemberStatus.ACTIVE: frozenset({MemberStatus.REVOKED}),
    MemberStatus.REVOKED: frozenset({MemberStatus.INVITED}),
}


async def invite_member(work: Work, *, national_id: str, name: str, email: str, role: Role) -> dict[str, object]:
    """Invite a person, who becomes a member at their next sign-in.

    The answer is the same whether the portal knows the person or not: until they join, the company sees what it wrote itself.
    Raises  Forbidden      the role may do more than the caller
            AlreadyMember  they are one, or invited
    Source  domain, people and rights.
    """
    work.require(lacking_for_role(work.actor, role))
    user_id = await _person(work, national_id, name)
    member: Member | None = await work.one(_membership(work, user_id).with_for_update())
    if member is not None and MemberStatus.INVITED not in TRANSITIONS[member.status]:
        raise AlreadyMember(("national_id",))
    stand_in = await work.add(_stand_in(work, national_id, name, email))
    if member is None:
        member = Member(company_id=work.company.id, user_id=user_id)
        work.session.add(member)
    member.role, member.status, member.stand_in_id = role, MemberStatus.INVITED, stand_in.id
    member.created_at = member.updated_at = work.now
    await work.session.flush()
    await work.record(EventType.MEMBER_INVITED, member)
    return {"member": member}


async def update_member(work: Work, *, member_id: UUID, role: Role) -> dict[str, object]:
    """Give a member, or somebody who is invited, another role.

    Raises  NotFound
            Forbidden    the role, or the one they have, may do more than the caller
            NotEditable  they are out already
            LastOwner
    """
    member = await work.find(Member, member_id, "member_id")
    work.require(lacking_for_role(work.actor, member.role) or lacking_for_role(work.actor, role))
    if member.status is MemberStatus.REVOKED:
        raise NotEditable(("member_id",), current=member.status)
    if role is not Role.OWNER:
        await _keep_an_owner(work, member)
    if work.change(member, {"role": role}):
        member.updated_at = work.now
        await work.record(EventType.MEMBER_UPDATED, member)
    return {"member": member}


async def remove_member(work: Work, *, member_id: UUID) -> dict[str, object]:
    """Take a member out, withdraw an invitation, or leave.

    Raises  Forbidden    without MEMBERS_WRITE, for anybody but oneself; where they may do more than the caller
            NotFound
            NotEditable  they are out already
            LastOwner
    """
    mine: Member | None = await work.one(_membership(work, work.actor.user_id)) if work.actor.user_id else None
    if mine is None or mine.id != member_id:
        work.require(Permission.MEMBERS_WRITE)  # before any look-up
    member = await work.find(Member, member_id, "member_id")
    if not is_own(work.actor, member):
        work.require(lacking_for_role(work.actor, member.role))
    if MemberStatus.REVOKED not in TRANSITIONS[member.status]:
        raise NotEditable(("member_id",), current=member.status)
    await _keep_an_owner(work, member)
    if member.status is MemberStatus.ACTIVE:
        member.stand_in_id = None
    member.status, member.updated_at = MemberStatus.REVOKED, work.now
    await leave_company(work.session, member.user_id, member.company_id)
    await work.record(EventType.MEMBER_REMOVED, member)
    return {"member": member}


def _membership(work: Work, user_id: UUID | None) -> Any:
    return select(Member).where(Member.company_id == work.company.id, Member.user_id == user_id)


# Whoever it is, a member of what company soever: nothing of them but their key.
USER_OF_NATIONAL_ID = Door("user_of_national_id", select(User.id).where(User.national_id == bindparam("national_id")))


async def _person(work: Work, national_id: str, name: str) -> UUID:
    """The user with that national id; made where there is none, to be filled in by their first sign-in."""
    asked = {"national_id": national_id}
    known: UUID | None = await work.session.scalar(USER_OF_NATIONAL_ID.on(work.session), asked)
    if known is not None:
        return known
    try:
        async with work.session.begin_nested():
            return (await work.add(User(national_id=national_id, name=name, locale=Locale.AR, created_at=work.now))).id
    except IntegrityError:
        # Another company invited them, or they signed in, at this very moment.
        found: UUID = (await work.session.scalars(USER_OF_NATIONAL_ID.on(work.session), asked)).one()
        return found


def _stand_in(work: Work, national_id: str, name: str, email: str) -> User:
    """Shows what the invitation says, under an id that tells nothing. Its national id is masked already, and nobody signs in with it."""
    masked = f"{national_id[0]}*******{national_id[-2:]} {uuid7().hex}"
    return User(national_id=masked, name=name, email=email, locale=Locale.AR, created_at=work.now)


async def _keep_an_owner(work: Work, member: Member) -> None:
    """Raises LastOwner where the member is the only owner. The account's lock makes those who ask at once follow one another."""
    if member.role is not Role.OWNER or member.status is not MemberStatus.ACTIVE:
        return
    owners = Member.company_id == work.company.id, Member.role == Role.OWNER, Member.status == MemberStatus.ACTIVE
    if await work.one(select(func.count()).select_from(Member).where(*owners)) < 2:
        raise LastOwner(("member_id",))
