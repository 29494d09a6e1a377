"""Tables, one file an entity, with the facts that one row can tell. No permissions, no GraphQL."""

from app.models.base import LIVE_WORLD, Base
from app.models.city import City
from app.models.company import Company, CompanyStatus
from app.models.contract import Contract, ContractStatus, contract_status
from app.models.document import Document, DocumentStatus, is_unattached
from app.models.employment import Employment, EmploymentStatus, LeavePeriod, employment_status, is_current
from app.models.establishment import Establishment
from app.models.event import Event, EventType
from app.models.faq import Faq
from app.models.invitation import Invitation, InvitationStatus, invitation_status
from app.models.job import EducationLevel, EmploymentType, GenderRequirement, Job, JobStatus
from app.models.kept_outcome import KeptOutcome
from app.models.member import Member, MemberStatus, Role
from app.models.occupation import Occupation
from app.models.places import job_status, places_taken
from app.models.project import Project, ProjectDecision, ProjectKind, ProjectStatus
from app.models.provider import Provider, ProviderStatus
from app.models.report import (
    ComplianceStatus,
    ReportDuty,
    ReportLine,
    ReportLineVersion,
    ReportSubmission,
    ReportTally,
    ReportWeek,
    SubmissionStatus,
    compliance_status,
)
from app.models.session import LogoutToken, Session, SignIn
from app.models.slot import Slot, SlotHolder
from app.models.sp_token import Environment, GatewayCredential, SpToken, TokenStatus, is_in_force, token_status
from app.models.teleworker import Gender, Teleworker
from app.models.ticket import Ticket, TicketCount
from app.models.trusted_document import TrustedDocument
from app.models.user import Locale, User
from app.models.user_establishment import UserEstablishment

__all__ = [
    "LIVE_WORLD",
    "Base",
    "City",
    "Company",
    "CompanyStatus",
    "ComplianceStatus",
    "Contract",
    "ContractStatus",
    "Document",
    "DocumentStatus",
    "EducationLevel",
    "Employment",
    "EmploymentStatus",
    "EmploymentType",
    "Environment",
    "Establishment",
    "Event",
    "EventType",
    "Faq",
    "GatewayCredential",
    "Gender",
    "GenderRequirement",
    "Invitation",
    "InvitationStatus",
    "Job",
    "JobStatus",
    "KeptOutcome",
    "LeavePeriod",
    "Locale",
    "LogoutToken",
    "Member",
    "MemberStatus",
    "Occupation",
    "Project",
    "ProjectDecision",
    "ProjectKind",
    "ProjectStatus",
    "Provider",
    "ProviderStatus",
    "ReportDuty",
    "ReportLine",
    "ReportLineVersion",
    "ReportSubmission",
    "ReportTally",
    "ReportWeek",
    "Role",
    "Session",
    "SignIn",
    "Slot",
    "SlotHolder",
    "SpToken",
    "SubmissionStatus",
    "Teleworker",
    "Ticket",
    "TicketCount",
    "TokenStatus",
    "TrustedDocument",
    "User",
    "UserEstablishment",
    "compliance_status",
    "contract_status",
    "employment_status",
    "invitation_status",
    "is_current",
    "is_in_force",
    "is_unattached",
    "job_status",
    "places_taken",
    "token_status",
]
