"""A company's figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, distinct, func, select

from app.auth.visible import visible
from app.engine.context import Context
from app.engine.dialects import Statement
from app.models import (
    Base,
    Contract,
    Employment,
    Invitation,
    Job,
    Project,
    ProjectKind,
    ProjectStatus,
    contract_status,
    invitation_status,
    is_current,
    job_status,
)


@dataclass(frozen=True)
class Dashboard:
    pending_invitations: int
    active_contracts: int
    approved_projects: int
    own_projects: int
    open_jobs: int
    open_vacancies: int
    active_teleworkers: int


async def dashboards(companies: Sequence[UUID], context: Context) -> list[Dashboard]:
    """company ids -> their figures; five statements, whatever the companies hold."""
    asker = context.asker

    async def counted(model: type[Base], figures: list[ColumnElement[Any]], *where: ColumnElement[bool]) -> dict[UUID, Sequence[Any]]:
        company: Any = model.company_id  # type: ignore[attr-defined]  # every model counted here has it
        statement: Statement = select(company, *figures).where(visible(model, model), context.dialect.member(company, "keys"), *where)
        rows = await context.rows(statement.group_by(company), keys=context.dialect.pack(companies))
        return {row[0]: row[1:] for row in rows}

    invitations = await counted(Invitation, [func.count()], invitation_status(Invitation, asker.now) == "PENDING")
    contracts = await counted(Contract, [func.count()], contract_status(Contract, asker.today) == "ACTIVE")
    client = (Project.kind == ProjectKind.CLIENT) & (Project.status == ProjectStatus.APPROVED)
    own = Project.kind == ProjectKind.OWN
    projects = await counted(Project, [func.count().filter(client), func.count().filter(own)], Project.deleted_at.is_(None))
    places = func.coalesce(func.sum(Job.vacancies - Job.filled), 0)
    jobs = await counted(Job, [func.count(), places], job_status(Job, asker.now) == "OPEN", Job.deleted_at.is_(None))
    workers = await counted(Employment, [func.count(distinct(Employment.teleworker_id))], is_current(Employment, asker.today))
    return [
        Dashboard(
            *invitations.get(key, (0,)),
            *contracts.get(key, (0,)),
            *projects.get(key, (0, 0)),
            *jobs.get(key, (0, 0)),
            *workers.get(key, (0,)),
        )
        for key in companies
    ]
