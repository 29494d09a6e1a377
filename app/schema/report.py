"""Weekly reports: the weeks that a company owes, the lines that stand, what was submitted; and submitting."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from operator import itemgetter
from typing import Any
from uuid import UUID

import strawberry

from app import models, values
from app.auth.permissions import Permission
from app.engine.declare import attribute, column, expression, graph_type, hijri, identity, related, related_by, resolver
from app.engine.filters import any_of, between, filter_input
from app.engine.inputs import CheckedInput, given, required
from app.engine.pages import connection, sorted_by
from app.models import ComplianceStatus, SubmissionStatus, compliance_status
from app.models.base import establishment_number
from app.operations import report as operations
from app.operations.report import CorrectionMode, ErrorPolicy, GivenLine, ReportWarningCode
from app.resolvers.mutation import Payload, UserError, mutation
from app.resolvers.report import due_ats, lacking, line_results, locks_ats
from app.schema.scalars import URL, EstablishmentNumber, NationalId
from app.schema.shared import DateRange, Node
from app.text import camel_case

WEEK_ORDER = sorted_by(lambda row, _: row.week_start, descending=True)
SUBMISSION_ORDER = sorted_by(lambda row, _: row.received_at, descending=True)
_LINE_ORDER = sorted_by(lambda row, _: row.revision)
_NAME_ORDER = sorted_by(lambda row, _: row.name)


@filter_input(description="Which weeks.")
class ReportWeekFilter:
    status: list[ComplianceStatus] | None = any_of(lambda row, _: compliance_status(row), "Where they stand now")
    week_start: DateRange | None = between(lambda row, _: row.week_start, "The Sunday that begins them")


@graph_type(
    models.ReportLine,
    allow=Permission.REPORTS_READ,
    description="The effective line of one teleworker at one establishment in one week: the newest accepted revision.",
)
class ReportLine(Node):
    id: strawberry.ID = identity(models.ReportLine)
    teleworker = related(models.ReportLine.teleworker_id, description="Whom it is about")
    establishment_number: EstablishmentNumber = expression(
        lambda row, _: establishment_number(row), description="Where they worked: a client's, or the company's own"
    )
    activity_level: Decimal = column(models.ReportLine.activity_level, description="Level of activity, 0 to 100")
    login_count: int = column(models.ReportLine.login_count, description="How often they logged in")
    logout_count: int = column(models.ReportLine.logout_count, description="How often they logged out")
    assigned_tasks: int = column(models.ReportLine.assigned_tasks, description="Tasks that they were given")
    completed_tasks: int = column(models.ReportLine.completed_tasks, description="Tasks that they finished")
    total_work_minutes: int = column(models.ReportLine.total_work_minutes, description="Minutes of work in the week")
    note: str | None = column(models.ReportLine.note, description="What the sender added")
    revision: int = column(models.ReportLine.revision, description="The week's revision in which it became as it is")
    on_time: bool = column(models.ReportLine.on_time, description="Whether its first acceptance was before the deadline")


@graph_type(models.ReportSubmission, allow=Permission.REPORTS_READ, description="A report as it was received, be it one that was rejected.")
class ReportSubmission(Node):
    id: strawberry.ID = identity(models.ReportSubmission)
    week_start: date = column(models.ReportSubmission.week_start, description="The Sunday that begins the week")
    week_start_hijri: str | None = hijri(models.ReportSubmission.week_start)
    revision: int = column(
        models.ReportSubmission.revision, description="The week's revision that it made; of a rejected one, the one that stood, 0 for none"
    )
    status: SubmissionStatus = column(models.ReportSubmission.status, description="What became of it")
    line_count: int = column(models.ReportSubmission.line_count, description="Lines that it held")
    accepted_lines: int = column(models.ReportSubmission.accepted_lines, description="Lines that were kept, or stood already")
    rejected_lines: int = column(models.ReportSubmission.rejected_lines, description="Lines that were not")
    received_at: datetime = column(models.ReportSubmission.received_at, description="When it came")
    received_at_hijri: str | None = hijri(models.ReportSubmission.received_at)
    token = related(models.ReportSubmission.token_id, description="The token that sent it")
    user = related(models.ReportSubmission.user_id, description="The person who sent it")
    reason: str | None = column(models.ReportSubmission.reason, description="Why something was changed after the deadline")


@graph_type(
    models.ReportWeek,
    allow=Permission.REPORTS_READ,
    description="The account's report obligation for one week, Sunday to Saturday, Asia/Riyadh.",
)
class ReportWeek(Node):
    id: strawberry.ID = identity(models.ReportWeek)
    week_start: date = column(models.ReportWeek.week_start, description="Its Sunday, by which it is named")
    week_start_hijri: str | None = hijri(models.ReportWeek.week_start)
    week_end: date = column(models.ReportWeek.week_end, description="Its Saturday")
    week_end_hijri: str | None = hijri(models.ReportWeek.week_end)
    due_at = resolver(due_ats, datetime, reads=False, description="The instant from which on a report is late")
    locks_at = resolver(locks_ats, datetime, reads=False, description="The instant from which on it cannot be reported any more")
    status: ComplianceStatus = expression(lambda row, _: compliance_status(row), description="Where it stands now")
    expected_lines: int = expression(
        lambda row, _: row.expected,
        description="Teleworkers, once for each establishment, who were employed on at least one day on which they were not on leave",
    )
    reported_lines: int = expression(lambda row, _: row.reported, description="How many of the expected lines stand")
    on_time_lines: int = expression(lambda row, _: row.on_time, description="How many of the expected lines came before the deadline")
    revision: int = column(models.ReportWeek.revision, description="How often an accepted report changed it")
    lines = connection(
        models.ReportLine.week_id, order=_LINE_ORDER, description="All lines that stand, those that were not expected too, as they came"
    )
    missing_teleworkers = connection(
        models.Teleworker, through=lacking, order=_NAME_ORDER, description="Of whom an expected line is missing, by name"
    )
    submissions = connection(models.ReportSubmission.week_id, order=SUBMISSION_ORDER, description="What was received, the latest first")


@strawberry.type(description="How to link: the addresses and the state of the account's tokens.")
class Linking:
    graphql_url: URL = attribute(description="Where this graph is")
    sandbox_graphql_url: URL | None = attribute(description="Where to rehearse; null where there is no sandbox")
    reports_url: URL = attribute(description="Where reports in the present wire format go")
    documentation_url: URL = attribute(description="Where to read on")
    instructions: str = attribute(description="What to do, in the language that the caller asked for")
    active_tokens: int = attribute(description="Tokens that work now")
    last_report_at: datetime | None = attribute(description="When a report was last accepted")


# ---- submitting ----------------------------------------------------------------------------------------------------------


@strawberry.input(description="What is reported of one teleworker at one establishment.")
class ReportLineInput:
    establishment_number: EstablishmentNumber = strawberry.field(description="Where they worked: a client's, or the company's own")
    national_id: NationalId = strawberry.field(description="Whose line it is")
    activity_level: Decimal = strawberry.field(description="Level of activity, 0 to 100, two decimals at most")
    login_count: int = strawberry.field(description="0 or more")
    logout_count: int = strawberry.field(description="0 or more; more than logins is a warning")
    assigned_tasks: int = strawberry.field(description="0 or more")
    completed_tasks: int = strawberry.field(description="0 or more; more than assigned is a warning")
    total_work_minutes: int = strawberry.field(description="0 to 10,080; above 2,880 is a warning")
    note: str | None = strawberry.field(default=None, description="Up to 500 characters")


_values_of = itemgetter(*(camel_case(name) for name in GivenLine._fields))


def _given_lines(lines: list[Any]) -> list[GivenLine]:
    if lines and isinstance(lines[0], dict):
        return [*map(GivenLine._make, map(_values_of, lines))]
    return [GivenLine(*[getattr(line, name) for name in GivenLine._fields]) for line in lines]


@strawberry.input(description="A week's report.")
class SubmitWeeklyReportInput(CheckedInput):
    week_start: date = required("The Sunday that begins the week", values.a_date)
    lines: list[ReportLineInput] = required("1 to 5,000, each about another teleworker or establishment", _given_lines, plain=True)
    nil_report: bool = given("There is nothing to report; with no lines", default=False)
    error_policy: ErrorPolicy = given("What becomes of the others where a line is wrong", default=ErrorPolicy.REJECT_ALL)
    correction_mode: CorrectionMode = given("What becomes of lines that stand and are not sent", default=CorrectionMode.MERGE)
    reason: str | None = given("Why lines that stand are changed after the deadline", values.text(500))


@strawberry.type(description="Something that may be right, and is worth a look.")
class ReportWarning:
    code: ReportWarningCode = attribute(description="What it is about")
    message: str = attribute(description="In the language that the caller asked for")
    path: list[str] | None = attribute(description="The input's field")


@strawberry.type(description="Outcome of one input line, in input order.")
class ReportLineResult:
    line_id: strawberry.Private[UUID | None]
    index: int = attribute(description="The line's place in the input, from 0")
    accepted: bool = attribute(description="Whether it was kept, or stood already")
    line = related_by(models.ReportLine, "line_id", description="The line that stands because of it; null where it was refused")
    errors: list[UserError] = attribute(description="The rules that it broke")
    warnings: list[ReportWarning] = attribute(description="What is worth a look")


@strawberry.type(description="What became of the report.")
class SubmitWeeklyReportPayload(Payload):
    submission = related_by(
        models.ReportSubmission,
        "submission_id",
        description="The report; where it changed nothing, the one that made the standing revision",
    )
    week = related_by(models.ReportWeek, "week_id", description="The week as it stands now")
    line_results: list[ReportLineResult] = attribute(description="What became of each line, in input order")


submit_weekly_report = mutation(
    operations.submit_weekly_report,
    SubmitWeeklyReportInput,
    SubmitWeeklyReportPayload,
    allow=Permission.REPORTS_WRITE,
    results=line_results,
    description="Report on a week that has ended, or correct what was reported",
)
