"""A provider's subsidiary: the account that everything else hangs on."""

from __future__ import annotations

from uuid import UUID

import strawberry

from app import models
from app.auth.permissions import Permission
from app.engine.declare import all_of, attribute, column, expression, graph_type, identity, related, related_by, resolver
from app.engine.pages import connection, sorted_by
from app.models import CompanyStatus, ProjectKind
from app.models.base import establishment_number
from app.models.report import is_overdue
from app.resolvers.company import dashboards
from app.resolvers.report import compliance_rates, linking
from app.schema.contract import CONTRACT_ORDER, ContractFilter
from app.schema.employment import EMPLOYMENT_ORDER, EmploymentFilter
from app.schema.event import EVENT_ORDER, EVENT_TYPES
from app.schema.invitation import INVITATION_ORDER, InvitationFilter
from app.schema.job import JOB_ORDER, JobFilter
from app.schema.member import MEMBER_ORDER
from app.schema.project import PROJECT_ORDER, ProjectFilter
from app.schema.report import SUBMISSION_ORDER, WEEK_ORDER, Linking, ReportWeekFilter
from app.schema.scalars import EstablishmentNumber, UnifiedNumber
from app.schema.shared import Node, Organization, name_in_language
from app.schema.sp_token import TOKEN_ORDER
from app.schema.teleworker import TELEWORKER_ORDER, TeleworkerFilter

COMPANY_ORDER = sorted_by(lambda row, _: row.name_ar)


@strawberry.type(description="Figures for the first page.")
class Dashboard:
    id: strawberry.Private[UUID]
    current_week_id: strawberry.Private[UUID]
    pending_invitations: int = attribute(description="Invitations that wait for a decision")
    active_contracts: int = attribute(description="Contracts in force")
    approved_projects: int = attribute(description="Clients' projects that are APPROVED")
    own_projects: int = attribute(description="The company's own projects")
    open_jobs: int = attribute(description="Jobs that are OPEN")
    open_vacancies: int = attribute(description="Places in open jobs that are not taken")
    active_teleworkers: int = attribute(description="People with an employment that is ACTIVE or ON_LEAVE")
    current_week = related_by(
        models.ReportWeek, "current_week_id", description="The week that is under way; null before the first employment"
    )
    compliance_rate = resolver(
        compliance_rates,
        float | None,
        description="Share of required closed weeks that were compliant, 0 to 1, over the last 12; null when none was due",
    )
    overdue_weeks = all_of(
        models.ReportWeek.company_id,
        sort="number",
        only=lambda row, _: is_overdue(row),
        description="Closed weeks whose report is missing or partial and can still be sent, the earliest first",
    )


@graph_type(
    models.Company,
    allow=None,
    description="A subsidiary company of a provider: the account that everything else belongs to. "
    "What hangs on it shows while it is the company that the caller acts for.",
)
class Company(Node, Organization):
    id: strawberry.ID = identity(models.Company)
    establishment_number: EstablishmentNumber = expression(
        lambda row, _: establishment_number(row), description="Labour office and sequence at the Ministry"
    )
    unified_number: UnifiedNumber | None = column(models.Company.unified_number, description="Unified national number")
    name: str = expression(name_in_language(), description="Name in the language the caller asked for")
    name_ar: str = column(models.Company.name_ar, description="Name in Arabic")
    name_en: str | None = column(models.Company.name_en, description="Name in English")
    city = related(models.Company.city_id, description="Where it is")
    activity: str | None = column(models.Company.activity, description="What it does")
    status: CompanyStatus = column(models.Company.status, description="Whether it may write")
    provider = related(models.Company.provider_id, description="The provider that it belongs to")
    members = connection(
        models.Member.company_id,
        order=MEMBER_ORDER,
        allow=Permission.MEMBERS_READ,
        only_in_account=True,
        description="Who belongs to it, the earliest first",
    )
    invitations = connection(
        models.Invitation.company_id,
        order=INVITATION_ORDER,
        where=InvitationFilter,
        allow=Permission.INVITATIONS_READ,
        only_in_account=True,
        description="Requests to join that came from establishments",
    )
    contracts = connection(
        models.Contract.company_id,
        order=CONTRACT_ORDER,
        where=ContractFilter,
        allow=Permission.CONTRACTS_READ,
        only_in_account=True,
        description="Contracts with establishments",
    )
    approved_projects = connection(
        models.Project.company_id,
        order=PROJECT_ORDER,
        where=ProjectFilter,
        only=lambda row, _: row.kind == ProjectKind.CLIENT,
        allow=Permission.PROJECTS_READ,
        only_in_account=True,
        description="Projects of client establishments that were approved",
    )
    own_projects = connection(
        models.Project.company_id,
        order=PROJECT_ORDER,
        where=ProjectFilter,
        only=lambda row, _: row.kind == ProjectKind.OWN,
        allow=Permission.PROJECTS_READ,
        only_in_account=True,
        description="The company's own projects, for direct hiring",
    )
    jobs = connection(
        models.Job.company_id,
        order=JOB_ORDER,
        where=JobFilter,
        allow=Permission.PROJECTS_READ,
        only_in_account=True,
        description="Jobs of all projects",
    )
    teleworkers = connection(
        models.Teleworker.company_id,
        order=TELEWORKER_ORDER,
        where=TeleworkerFilter,
        allow=Permission.TELEWORKERS_READ,
        only_in_account=True,
        description="People whom it employs or employed",
    )
    employments = connection(
        models.Employment.company_id,
        order=EMPLOYMENT_ORDER,
        where=EmploymentFilter,
        allow=Permission.TELEWORKERS_READ,
        only_in_account=True,
        description="Employments of all teleworkers, the latest start first",
    )
    report_weeks = connection(
        models.ReportWeek.company_id,
        order=WEEK_ORDER,
        where=ReportWeekFilter,
        allow=Permission.REPORTS_READ,
        only_in_account=True,
        description="Every week from the first employment's to the current one, the latest first",
    )
    report_submissions = connection(
        models.ReportSubmission.company_id,
        order=SUBMISSION_ORDER,
        allow=Permission.REPORTS_READ,
        only_in_account=True,
        description="Reports that were received, the latest first",
    )
    linking = resolver(linking, Linking, allow=Permission.REPORTS_READ, only_in_account=True, description="How to link, and how it goes")
    tokens = connection(
        models.SpToken.company_id,
        order=TOKEN_ORDER,
        allow=Permission.TOKENS_READ,
        only_in_account=True,
        description="SP-Tokens, newest first",
    )
    events = connection(
        models.Event.company_id,
        order=EVENT_ORDER,
        arguments={"types": EVENT_TYPES},
        allow=Permission.EVENTS_READ,
        only_in_account=True,
        description="The account's numbered log, in order",
    )
    dashboard = resolver(
        dashboards, Dashboard, allow=Permission.REPORTS_READ, only_in_account=True, description="Figures for the first page"
    )
