"""The enums of the graph and the words for each of their values."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import strawberry

from app.auth.permissions import Permission
from app.errors import ErrorCode
from app.models import (
    CompanyStatus,
    ComplianceStatus,
    ContractStatus,
    DocumentStatus,
    EducationLevel,
    EmploymentStatus,
    EmploymentType,
    Environment,
    EventType,
    Gender,
    GenderRequirement,
    InvitationStatus,
    JobStatus,
    Locale,
    MemberStatus,
    ProjectDecision,
    ProjectKind,
    ProjectStatus,
    ProviderStatus,
    Role,
    SubmissionStatus,
    TokenStatus,
)
from app.operations.report import CorrectionMode, ErrorPolicy, ReportWarningCode


def described(enum: type[StrEnum], description: str, **values: str) -> Any:
    """The enum in the graph, each value with its description."""
    if missing := set(enum.__members__) - set(values):
        raise TypeError(f"{enum.__name__} does not describe {missing}")
    made: Any = strawberry.enum(enum, description=description)
    for value in made.__strawberry_definition__.values:
        value.description = values[value.name]
    return made


described(
    CompanyStatus,
    "Whether a company may write.",
    ACTIVE="In good standing",
    SUSPENDED="Suspended by the portal: reads stand, writes are refused",
)
described(
    ContractStatus,
    "Where a contract stands, by today's date in Riyadh.",
    SCHEDULED="Begins later",
    ACTIVE="In force",
    EXPIRED="Its last day has passed",
    TERMINATED="Ended before its time",
)
described(
    DocumentStatus,
    "READY documents never change.",
    AWAITING_UPLOAD="Its bytes have not come yet",
    READY="Its bytes are there and agree with the checksum",
)
described(
    EmploymentStatus,
    "Where an employment stands, by today's date in Riyadh.",
    ACTIVE="In force, or about to begin",
    ON_LEAVE="On a leave that covers today",
    ENDED="Its last day has passed, or it was ended at once",
)
described(
    EventType,
    "What happened.",
    **{name: name.replace("_", " ").capitalize() for name in EventType.__members__},
)
described(
    InvitationStatus,
    "Where an invitation stands. All but PENDING are final.",
    PENDING="Waits for the company's decision",
    ACCEPTED="Accepted by the company; it has a contract",
    REJECTED="Turned down by the company",
    WITHDRAWN="Taken back by the establishment",
    EXPIRED="Not decided in time",
)
described(
    JobStatus,
    "Where a job stands now.",
    DRAFT="Not published yet",
    OPEN="Published, with places to fill",
    PAUSED="Published, but not taking anybody for now",
    FILLED="Every place is taken",
    CLOSED="Closed for good",
    EXPIRED="A month has passed since it was published; opening it renews it for another",
)
described(EmploymentType, "How much of a week.", FULL_TIME="The whole week", PART_TIME="Part of it")
described(GenderRequirement, "Whom a job is for.", ANY="Anybody", MALE="Men", FEMALE="Women")
described(
    EducationLevel,
    "A level of education.",
    NONE="None",
    SECONDARY="Secondary school",
    DIPLOMA="Diploma",
    BACHELOR="Bachelor's degree",
    MASTER="Master's degree",
    DOCTORATE="Doctorate",
)
described(
    Role,
    "What a member may do.",
    OWNER="Everything, the profile and other owners included",
    ADMIN="Everything but the profile and owners",
    MEMBER="Reads everything; writes projects, jobs and reports",
    VIEWER="Reads everything",
)
described(
    MemberStatus,
    "Where a membership stands.",
    INVITED="Becomes ACTIVE at the person's next sign-in",
    ACTIVE="In force",
    REVOKED="Over",
)
described(
    Permission,
    "What a caller may do; a token's scopes are drawn from the same list.",
    PROFILE_READ="Read the provider's profile",
    PROFILE_WRITE="Edit the provider's profile",
    MEMBERS_READ="Read who the company's members are",
    MEMBERS_WRITE="Invite, change and remove members",
    INVITATIONS_READ="Read invitations",
    INVITATIONS_DECIDE="Accept and reject invitations",
    CONTRACTS_READ="Read contracts, their establishments and documents",
    CONTRACTS_WRITE="Terminate contracts and attach documents",
    PROJECTS_READ="Read projects and jobs",
    PROJECTS_WRITE="Create, edit and submit projects",
    PROJECTS_DELETE="Delete projects",
    JOBS_WRITE="Add, edit, publish, close and delete jobs",
    TELEWORKERS_READ="Read teleworkers and employments",
    TELEWORKERS_WRITE="Hire, change and end employments",
    TELEWORKERS_REVEAL="See whole national ids and wages",
    REPORTS_READ="Read weekly reports, compliance and the dashboard",
    REPORTS_WRITE="Submit weekly reports",
    TOKENS_READ="Read tokens",
    TOKENS_WRITE="Make, replace and revoke tokens",
    WEBHOOKS_READ="Read webhooks",
    WEBHOOKS_WRITE="Make, change and delete webhooks",
    EVENTS_READ="Read the account's log",
)
described(ProjectKind, "Whose project it is.", CLIENT="A client establishment's, on a contract", OWN="The company's own, for direct hiring")
described(
    ProjectDecision,
    "What the portal says of a project.",
    APPROVE="It may begin: jobs can be added",
    RETURN="It is to be changed and submitted anew",
    REJECT="It may not begin",
    SUSPEND="It is halted for now",
    RESUME="It goes on",
    COMPLETE="It is over",
)
described(
    ProjectStatus,
    "Where a project stands.",
    DRAFT="Being written",
    SUBMITTED="Waits for the portal's review",
    RETURNED="Sent back with a note, to be submitted again",
    APPROVED="Open for jobs",
    REJECTED="Refused by the portal",
    SUSPENDED="Stopped by the portal for a time",
    COMPLETED="Over",
)
described(
    ProviderStatus,
    "Whether a provider may write.",
    ACTIVE="In good standing",
    SUSPENDED="Suspended by the portal: reads stand, writes are refused",
)
described(Environment, "Where a token works.", LIVE="The portal itself", SANDBOX="The rehearsal with data of its own")
described(
    TokenStatus,
    "Whether a token works.",
    ACTIVE="It works",
    GRACE="Replaced; works on until revokedAt",
    REVOKED="Stopped",
    EXPIRED="Its time is over",
)
described(
    ComplianceStatus,
    "Where a week's report stands.",
    NOT_REQUIRED="Nothing is expected",
    OPEN="Not all is in, and the deadline has not passed",
    COMPLIANT="All is in, on time",
    LATE="All is in, some of it late",
    PARTIAL="The deadline has passed, and some is missing",
    MISSING="The deadline has passed, and all is missing",
)
described(
    SubmissionStatus,
    "What became of a report.",
    ACCEPTED="All its lines were kept",
    PARTIALLY_ACCEPTED="Some of its lines were kept",
    REJECTED="Nothing of it was kept",
)
described(
    ErrorPolicy,
    "What becomes of the other lines where one is wrong.",
    REJECT_ALL="Nothing is kept",
    REJECT_FAILED_LINES="The good ones are kept",
)
described(
    CorrectionMode,
    "What becomes of lines that stand and are not sent.",
    MERGE="They stay",
    REPLACE="They are dropped; their history stays",
)
described(
    ReportWarningCode,
    "What is worth a look.",
    LOGOUTS_EXCEED_LOGINS="More logouts than logins",
    COMPLETED_EXCEED_ASSIGNED="More tasks completed than assigned",
    LONG_WEEK="More than 48 hours of work",
)
described(Gender, "A person's gender.", MALE="Male", FEMALE="Female")
described(Locale, "A language of the portal.", AR="Arabic", EN="English")
described(
    ErrorCode,
    "Which rule an input broke. A code never changes its meaning.",
    NOT_FOUND="Malformed, absent or not the caller's to see",
    VALIDATION_FAILED="A value breaks the rule of its field",
    ACCOUNT_NOT_SELECTED="No company is active: switchAccount chooses one",
    ACCOUNT_SUSPENDED="The account can be read, not changed",
    VERSION_CONFLICT="Somebody changed it since the version sent along was read",
    ILLEGAL_TRANSITION="The state table has no such step",
    INVITATION_ALREADY_DECIDED="It is not PENDING any more",
    INVITATION_ALREADY_PENDING="One from this establishment waits already",
    INVITATION_EXPIRED="Its time is over",
    DUPLICATE_CONTRACT="A contract with the establishment is in force or about to begin",
    CONTRACT_NOT_ACTIVE="The project's contract is not in force",
    PROJECT_NOT_APPROVED="The project is not open for jobs",
    PROJECT_IN_USE="People work in it",
    JOB_IN_USE="People work in it",
    JOB_NOT_OPEN="The job takes nobody now",
    VACANCIES_EXHAUSTED="Every place is taken",
    VACANCIES_BELOW_FILLED="Fewer places than are taken",
    WORKER_NOT_CITIZEN="Direct hiring is for citizens",
    WORKER_AGE="Younger or older than the law allows",
    WAGE_BELOW_MINIMUM="Less than the least wage",
    HOURS_ABOVE_MAXIMUM="More hours a week than allowed",
    GOSI_REQUIRED="Registration in Social Insurance is missing",
    ALREADY_EMPLOYED="The person has as much employment as is allowed",
    PERIOD_NOT_OPEN="The week has not ended yet",
    PERIOD_LOCKED="The week can no longer be reported",
    UNKNOWN_TELEWORKER="Nobody of that id was employed there in that week",
    DUPLICATE_LINE="The same teleworker twice in one request",
    REPORT_REASON_REQUIRED="Changing a line after the deadline takes a reason",
    LIMIT_REACHED="As many as are allowed",
    SCOPE_NOT_GRANTABLE="No token may hold this scope, or the caller does not hold it",
    FILE_TYPE_NOT_ALLOWED="Not a PDF, PNG or JPEG by its content",
    FILE_TOO_LARGE="Larger than is allowed",
    CHECKSUM_MISMATCH="The bytes are not those that were announced",
    UPLOAD_INCOMPLETE="The bytes have not come yet",
    SANDBOX_ONLY="Only in the sandbox",
    ALREADY_REGISTERED="The establishment has a provider already",
    ALREADY_MEMBER="The person is a member already",
    LAST_OWNER="A company keeps at least one owner",
)
