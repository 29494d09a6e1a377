"""A person's session: which company it acts for, and its end. It belongs to the security log, not to an account's events."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select

from app.auth.sessions import end_all_sessions, end_own_session, end_session, switch_session
from app.errors import NotFound, PersonOnly
from app.models import Company, Member, MemberStatus, Session
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
    secret = await switch_session(work.session, work.actor.session_id, company.id, now=work.now)
    return {"account": company, "session_secret": secret}


async def logout(work: Work, *, everywhere: bool) -> dict[str, object]:
    """End this session, or all of the person's. Raises PersonOnly for a token."""
    if work.actor.session_id is None or work.actor.user_id is None:
        raise PersonOnly
    if everywhere:
        await end_all_sessions(work.session, work.actor.user_id)
    else:
        await end_session(work.session, work.actor.session_id)
    return {"logged_out": True, "everywhere": everywhere}


async def revoke_session(work: Work, *, session_id: UUID) -> dict[str, object]:
    """End one of one's own sessions, in whatever browser.

    Raises  NotFound    not a session of the person
            PersonOnly  the caller is a token
    """
    if work.actor.user_id is None:
        raise PersonOnly
    if not await end_own_session(work.session, session_id, work.actor.user_id):
        raise NotFound(("session_id",))
    return {"revoked_session_id": f"{Session.prefix}_{session_id.hex}", "ended": session_id}
