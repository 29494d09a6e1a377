"""Who is asking, and what this deployment is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import select

from app.auth.actor import ANONYMOUS
from app.auth.permissions import ROLE_PERMISSIONS, Permission
from app.auth.policies import plays_gateway
from app.clock import riyadh_day, week_start
from app.engine.context import Charge, Context
from app.models import Company, CompanyStatus, Environment, Member, Provider, ProviderStatus, Role
from app.settings import VERSION
from app.words import said

_security = structlog.get_logger("security")


@dataclass(frozen=True)
class Viewer:
    user_id: UUID | None
    token_id: UUID | None
    account_id: UUID | None
    role: Role | None
    permissions: list[Permission]


@dataclass(frozen=True)
class Portal:
    name: str
    description: str
    guide_url: str | None
    support_email: str | None


@dataclass(frozen=True)
class Service:
    environment: Environment
    version: str
    now: datetime
    current_week_start: date


async def viewer(keys: Sequence[Any], context: Context) -> list[Viewer | None]:
    """The caller, for each that asks; None for an anonymous one."""
    actor = context.actor
    known = Viewer(actor.user_id, actor.token_id, actor.account_id, actor.role, sorted(actor.permissions))
    return [None if actor.is_anonymous else known for _ in keys]


async def service(keys: Sequence[Any], context: Context) -> list[Service]:
    now = context.rules_now
    made = Service(Environment(context.settings.environment), VERSION, now, week_start(riyadh_day(now)))
    return [made for _ in keys]


@dataclass(frozen=True)
class Gateway:
    """All that it shows is asked of the database."""


async def gateway(keys: Sequence[Any], context: Context) -> list[Gateway | None]:
    """For who is, or plays, the portal's gateway; None for every other caller."""
    plays = plays_gateway(context.actor, in_sandbox=context.settings.environment == Environment.SANDBOX)
    return [Gateway() if plays else None for _ in keys]


async def portal(keys: Sequence[Any], context: Context) -> list[Portal]:
    found = Portal(
        said("Telework portal for service providers", context.language),
        said(
            "One place for the service providers of telework: establishments' invitations, contracts, projects, jobs, direct hiring"
            " and weekly reports.",
            context.language,
        ),
        context.settings.guide_url,
        context.settings.support_email,
    )
    return [found for _ in keys]


async def rate_limit(keys: Sequence[Any], context: Context) -> list[Charge | None]:
    return [context.charge for _ in keys]


async def switch(context: Context, outcome: Mapping[str, Any]) -> None:
    """The rest of the operation is answered as the company that was switched to."""
    company_id: UUID = outcome["account_id"]
    role_and_state = (
        select(Member.role, Company.status, Provider.status)
        .join(Company, Company.id == Member.company_id)
        .join(Provider, Provider.id == Company.provider_id)
        .where(Member.user_id == context.actor.user_id, Member.company_id == company_id)
    )
    [(role, company_status, provider_status)] = await context.rows(role_and_state)
    suspended = company_status is CompanyStatus.SUSPENDED or provider_status is ProviderStatus.SUSPENDED
    permissions = ROLE_PERMISSIONS[role]
    _security.info("account_switched", **_who(context), account_id=str(company_id))
    context.signals["session_secret"] = outcome["session_secret"]
    context.actor = replace(context.actor, account_id=company_id, role=role, permissions=permissions, suspended=suspended)


async def set_clock(context: Context, outcome: Mapping[str, Any]) -> None:
    """The rest of the operation follows the sandbox's clock as it stands now."""
    context.stopped_at = outcome["stopped_at"]


async def log_out(context: Context, outcome: Mapping[str, Any]) -> None:
    _security.info("signed_out", **_who(context), everywhere=outcome["everywhere"])
    context.actor = ANONYMOUS
    context.signals["logged_out"] = True


def _who(context: Context) -> dict[str, str]:
    """For the security log; the address is on each of its lines."""
    return {"user_id": str(context.actor.user_id), "session_id": str(context.actor.session_id), "request_id": context.request_id}
