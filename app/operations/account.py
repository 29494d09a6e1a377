"""A person's session: which company it acts for, and its end. It belongs to the security log, not to an account's events."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select

from app.auth.sessions import end_all_sessions, end_session, switch_session
from app.errors import NotFound, PersonOnly
from app.models import Company, Member, MemberStatus
from app.operations.work import Work


async def switch_account(work: Work, *, company_id: UUID) -> dict[str, object]:
    """Act for another of one's companies, in this session only.

    Raises  NotFound    not a company that the person is a member of
            PersonOnly  the caller is a token
    Source  guide 5, 6.
    """
    if work.actor.session_id is None:
        raise PersonOnly
    mine = select(Member.id).where(
        Member.user_id == work.actor.user_id, Member.company_id == company_id, Member.status == MemberStatus.ACTIVE
    )
    company: Company | None = await work.one(select(Company).where(Company.id == company_id, mine.exists()))
    if company is None:
        raise NotFound(("company_id",))
    await switch_session(work.session, work.actor.session_id, company.id)
    return {"account": company}


async def logout(work: Work, *, everywhere: bool) -> dict[str, object]:
    """End this session, or all of the person's. Raises PersonOnly for a token."""
    if work.actor.session_id is None or work.actor.user_id is None:
        raise PersonOnly
    if everywhere:
        await end_all_sessions(work.session, work.actor.user_id)
    else:
        await end_session(work.session, work.actor.session_id)
    return {"logged_out": True}
