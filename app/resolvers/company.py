"""A company's figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, distinct, func, select

from app.auth.visible import visible
from app.engine.context import Context
from app.engine.declare import Asker
from app.engine.dialects import Dialect, Statement
from app.models import (
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
    places_taken,
)
from app.resolvers.report import current_week


@dataclass(frozen=True)
class Dashboard:
    id: UUID
    current_week_id: UUID
    pending_invitations: int
    active_contracts: int
    approved_projects: int
    own_projects: int
    open_jobs: int
    open_vacancies: int
    active_teleworkers: int


async def dashboards(companies: Sequence[UUID], context: Context) -> list[Dashboard]:
    """company ids -> their figures; a statement for each of the five tables, whatever the companies hold."""
    made = [await context.fetch(count, companies) for count in (_invitations, _contracts, _projects, _jobs, _workers)]
    return [
        Dashboard(
            key,
            current_week(key, context),
            *(figure for found, width in zip(made, _WIDTHS, strict=True) for figure in _figures(found, key, width)),
        )
        for key in companies
    ]


_WIDTHS = (1, 1, 2, 2, 1)


def _figures(found: dict[UUID, Sequence[Any]], key: UUID, width: int) -> Sequence[int]:
    return found[key][1:] if key in found else (0,) * width


def _counted(dialect: Dialect, model: Any, figures: list[ColumnElement[Any]], *where: ColumnElement[bool]) -> Statement:
    company = model.company_id
    return select(company, *figures).where(visible(model, model), dialect.member(company, "keys"), *where).group_by(company)


def _invitations(dialect: Dialect) -> Statement:
    return _counted(dialect, Invitation, [func.count()], invitation_status(Invitation, Asker.now) == "PENDING")


def _contracts(dialect: Dialect) -> Statement:
    return _counted(dialect, Contract, [func.count()], contract_status(Contract, Asker.today) == "ACTIVE")


def _projects(dialect: Dialect) -> Statement:
    client = (Project.kind == ProjectKind.CLIENT) & (Project.status == ProjectStatus.APPROVED)
    own = Project.kind == ProjectKind.OWN
    return _counted(dialect, Project, [func.count().filter(client), func.count().filter(own)], Project.deleted_at.is_(None))


def _jobs(dialect: Dialect) -> Statement:
    places = func.coalesce(func.sum(Job.vacancies - places_taken(Job, Asker.today)), 0)
    return _counted(dialect, Job, [func.count(), places], job_status(Job, Asker.now, Asker.today) == "OPEN", Job.deleted_at.is_(None))


def _workers(dialect: Dialect) -> Statement:
    return _counted(dialect, Employment, [func.count(distinct(Employment.teleworker_id))], is_current(Employment, Asker.today))
