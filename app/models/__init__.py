"""Tables, one file an entity, with the facts that one row can tell. No permissions, no GraphQL."""

from app.models.base import LIVE_WORLD, Base
from app.models.city import City
from app.models.company import Company, CompanyStatus
from app.models.contract import Contract, ContractStatus, contract_status
from app.models.document import Document, DocumentStatus
from app.models.employment import Employment, EmploymentStatus, LeavePeriod, employment_status, is_current
from app.models.establishment import Establishment
from app.models.event import Event, EventType
from app.models.faq import Faq
from app.models.invitation import Invitation, InvitationStatus, invitation_status
from app.models.job import EducationLevel, EmploymentType, GenderRequirement, Job, JobStatus, job_status
from app.models.member import Member, MemberStatus, Role
from app.models.occupation import Occupation
from app.models.project import Project, ProjectKind, ProjectStatus
from app.models.provider import Provider, ProviderStatus
from app.models.session import LogoutToken, Session, SignIn
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
    "LeavePeriod",
    "Locale",
    "LogoutToken",
    "Member",
    "MemberStatus",
    "Occupation",
    "Project",
    "ProjectKind",
    "ProjectStatus",
    "Provider",
    "ProviderStatus",
    "Role",
    "Session",
    "SignIn",
    "SpToken",
    "Teleworker",
    "Ticket",
    "TicketCount",
    "TokenStatus",
    "TrustedDocument",
    "User",
    "UserEstablishment",
    "contract_status",
    "employment_status",
    "invitation_status",
    "is_current",
    "is_in_force",
    "job_status",
    "token_status",
]
