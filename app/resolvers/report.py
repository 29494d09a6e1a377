"""Weekly reports: a week's instants, the share of compliant weeks, what became of each line, and how to link."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, literal, select
from sqlalchemy.orm import aliased

from app.auth.visible import visible
from app.engine.context import Context
from app.engine.declare import Asker
from app.engine.dialects import Dialect, Statement
from app.errors import Language
from app.models import ReportDuty, ReportLine, ReportSubmission, ReportWeek, SpToken, SubmissionStatus, is_in_force
from app.models.report import LAST_DUE, is_in_duty, week_key, week_of
from app.operations.report import LineOutcome, ReportWarningCode
from app.resolvers.mutation import Broken, input_path, told
from app.words import english, said

RATED = 12  # weeks


async def due_ats(weeks: Sequence[UUID], context: Context) -> list[datetime]:
    return [context.settings.report_window.due_at(week_of(key)) for key in weeks]


async def locks_ats(weeks: Sequence[UUID], context: Context) -> list[datetime]:
    return [context.settings.report_window.locks_at(week_of(key)) for key in weeks]


def lacking(dialect: Dialect) -> Any:
    """Pairs of week and teleworker: those of whom a line is expected that is not there."""
    week, duty, line = aliased(ReportWeek), aliased(ReportDuty), aliased(ReportLine)
    there = select(line.id).where(line.week_id == week.id, line.place_id == duty.place_id, line.teleworker_id == duty.teleworker_id)
    return (
        select(week.id.label("parent"), duty.teleworker_id.label("child"))
        .join(duty, and_(duty.company_id == week.company_id, is_in_duty(duty, week.number)))
        .where(dialect.member(week.id, "keys"), ~there.exists())
        .distinct()
        .subquery()
    )


def _rate(dialect: Dialect) -> Statement:
    week = ReportWeek
    required = (
        select(week.company_id, week.on_time, week.expected)
        .where(visible(week, week), dialect.member(week.company_id, "keys"), week.number <= LAST_DUE, week.expected > 0)
        .order_by(week.number.desc())
        .limit(literal(RATED))
        .subquery()
    )
    compliant = func.count().filter(required.c.on_time >= required.c.expected)
    return select(required.c.company_id, compliant, func.count()).group_by(required.c.company_id)


async def compliance_rates(_: Sequence[Any], context: Context) -> list[float | None]:
    """The share of the account's last required closed weeks that were compliant; None where none was due."""
    account = context.actor.account_id
    found = await context.fetch(_rate, [account]) if account else {}
    return [found[account][1] / found[account][2] if account in found else None for _ in _]


def current_week(company: UUID, context: Context) -> UUID:
    return week_key(company, context.parameters["this_week"])


# ---- what became of each line --------------------------------------------------------------------------------------------


@dataclass(slots=True)  # thousands of them: to freeze each takes as long as all else about it
class LineResult:
    index: int
    accepted: bool
    line_id: UUID | None
    errors: list[Broken]
    warnings: list[LineWarning]


@dataclass(frozen=True, slots=True)
class LineWarning:
    code: ReportWarningCode
    message: str
    path: list[str] | None


_WORDS = {
    ReportWarningCode.LOGOUTS_EXCEED_LOGINS: english("There are more logouts than logins."),
    ReportWarningCode.COMPLETED_EXCEED_ASSIGNED: english("More tasks were completed than assigned."),
    ReportWarningCode.LONG_WEEK: english("This is more than 48 hours of work in a week."),
}


def warning_words(code: str, language: Language) -> str:
    return said(_WORDS[ReportWarningCode(code)], language)


def line_results(context: Context, made: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "line_results": [_result(context, outcome) for outcome in made["outcomes"]],
        "week_id": made["week_id"],
        "broken": made["broken"],
    }


def _result(context: Context, outcome: LineOutcome) -> LineResult:
    errors = [told(context, error) for error in outcome.errors]
    warnings = [
        LineWarning(code, warning_words(code, context.language), input_path(("lines", outcome.index, name)))
        for code, name in outcome.warnings
    ]
    return LineResult(outcome.index, outcome.accepted, outcome.line_id, errors, warnings)


# ---- how to link ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Linking:
    graphql_url: str
    sandbox_graphql_url: str | None
    reports_url: str
    documentation_url: str
    instructions: str
    active_tokens: int
    last_report_at: datetime | None


_INSTRUCTIONS = english(
    "Every service provider may send its reports by the API, and must send them each week: from Sunday, when a week has ended, until "
    "the end of Tuesday. Get a verification code (SP-Token) with createToken, keep it on your server, and send it with each request as "
    "Authorization: Bearer. Rehearse in the sandbox before you link."
)


async def linking(companies: Sequence[UUID], context: Context) -> list[Linking]:
    """company ids -> the addresses, how many tokens work, and when a report was last accepted."""
    tokens, reports = [await context.fetch(made, companies) for made in (_tokens, _reports)]
    address, sandbox = context.settings.public_url.rstrip("/"), context.settings.sandbox
    return [
        Linking(
            graphql_url=f"{address}/graphql",
            sandbox_graphql_url=f"{sandbox.public_url}/graphql" if sandbox else None,
            reports_url=f"{address}/sp-reports",
            documentation_url=f"{address}/graphiql",
            instructions=said(_INSTRUCTIONS, context.language),
            active_tokens=tokens[key][1] if key in tokens else 0,
            last_report_at=_instant(reports[key][1]) if key in reports else None,
        )
        for key in companies
    ]


def _instant(value: Any) -> datetime:
    """As the driver gives it: SQLite's is a text."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _tokens(dialect: Dialect) -> Statement:
    company = SpToken.company_id
    return (
        select(company, func.count())
        .where(visible(SpToken, SpToken), dialect.member(company, "keys"), is_in_force(SpToken, Asker.real_now))
        .group_by(company)
    )


def _reports(dialect: Dialect) -> Statement:
    made, company = ReportSubmission, ReportSubmission.company_id
    accepted = made.status != SubmissionStatus.REJECTED
    last = select(company, func.max(made.received_at)).where(visible(made, made), dialect.member(company, "keys"), accepted)
    return last.group_by(company)
