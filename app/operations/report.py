"""Weekly reports: what may be sent for a week, and what becomes of each line. How the lines came in is no matter here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Boolean, Integer, Text, Uuid, and_, delete, func, insert, literal, or_, select
from sqlalchemy.orm import aliased

from app import values
from app.clock import RIYADH, riyadh_day, sunday, week_number, week_start
from app.errors import (
    AppError,
    AppErrors,
    DuplicateLine,
    LimitReached,
    NobodyWorksThere,
    PeriodLocked,
    PeriodNotOpen,
    ReportReasonRequired,
    UnknownTeleworker,
    ValidationFailed,
)
from app.models import (
    Contract,
    Employment,
    Establishment,
    EventType,
    Job,
    Project,
    ReportDuty,
    ReportLine,
    ReportLineVersion,
    ReportSubmission,
    ReportTally,
    SubmissionStatus,
    Teleworker,
)
from app.models.base import Money, uuid7
from app.models.report import is_in_duty, week_key
from app.operations.bulk import among, table_of
from app.operations.kept_outcome import Keepable
from app.operations.work import Work

LONG_WEEK, WHOLE_WEEK = 2880, 10_080  # minutes
MOST_TOLD = 100  # errors of lines that are told among those of the whole


class ErrorPolicy(StrEnum):
    REJECT_ALL = "REJECT_ALL"
    REJECT_FAILED_LINES = "REJECT_FAILED_LINES"


class CorrectionMode(StrEnum):
    MERGE = "MERGE"
    REPLACE = "REPLACE"


class ReportWarningCode(StrEnum):
    LOGOUTS_EXCEED_LOGINS = "LOGOUTS_EXCEED_LOGINS"
    COMPLETED_EXCEED_ASSIGNED = "COMPLETED_EXCEED_ASSIGNED"
    LONG_WEEK = "LONG_WEEK"


class GivenLine(NamedTuple):
    """A line as it was sent. Numbers may be texts, in any digits."""

    establishment_number: str
    national_id: str
    activity_level: str
    login_count: int | str
    logout_count: int | str
    assigned_tasks: int | str
    completed_tasks: int | str
    total_work_minutes: int | str
    note: str | None = None


class Figures(NamedTuple):
    """What a line says, by the names of its columns."""

    activity_level: Decimal
    login_count: int
    logout_count: int
    assigned_tasks: int
    completed_tasks: int
    total_work_minutes: int
    note: str | None


Number = tuple[int, int]
"""An establishment's: labour office and sequence."""


@dataclass(slots=True)
class LineOutcome(Keepable):
    """What became of the line at that index. line_id: the line that stands because of it, None where it was refused."""

    index: int
    line_id: UUID | None = None
    errors: list[AppError] = field(default_factory=list)
    warnings: list[tuple[ReportWarningCode, str]] = field(default_factory=list)  # with the field that it is about

    @property
    def accepted(self) -> bool:
        return self.line_id is not None

    def parts(self) -> tuple[Any, ...]:
        more = (self.errors, self.warnings) if self.errors or self.warnings else ()
        return (self.index, self.line_id, *more)


@dataclass(slots=True)
class _Line:
    """A line that can be read."""

    outcome: LineOutcome
    number: Number
    national_id: str
    figures: Figures


class _Post(NamedTuple):
    """Where somebody was employed in the week. is_due: whether a line is expected."""

    teleworker_id: UUID
    place_id: UUID
    is_due: bool


@dataclass
class _Standing:
    """What the week holds already."""

    revision: int
    lines: dict[tuple[UUID, UUID], Any]  # by place and teleworker
    tally: ReportTally | None


async def submit_weekly_report(
    work: Work,
    *,
    week_start: date,
    lines: Sequence[GivenLine],
    nil_report: bool = False,
    error_policy: ErrorPolicy = ErrorPolicy.REJECT_ALL,
    correction_mode: CorrectionMode = CorrectionMode.MERGE,
    reason: str | None = None,
) -> dict[str, object]:
    """Report on a week. A number of statements that does not depend on the lines.

    Answers `submission` (the one that made the standing revision, where nothing is new), `week_id`, `outcomes` (LineOutcome by index) and
    `broken`: what the lines broke, where nothing of them was kept. The attempt is then kept all the same, as REJECTED.
    Raises  AppErrors of ValidationFailed, LimitReached, PeriodNotOpen, PeriodLocked
            ReportReasonRequired  lines would be dropped after the deadline
    Source  guide 13; domain, the weekly report.
    """
    week = _check_whole(work, week_start, lines, nil_report=nil_report)
    key, on_time = week_key(work.company.id, week), work.now < work.settings.report_window.due_at(week)
    outcomes, read = _read(lines)
    posts = await _posts(work, week, read)
    standing = await _standing(work, key)
    known = await _known(work, week, read, posts)
    must_say_why = not on_time and reason is None
    if must_say_why:
        _ask_for_reason(known, standing)
    good = [(line, post) for line, post in known if not line.outcome.errors]
    refused = _refused(outcomes) if error_policy is ErrorPolicy.REJECT_ALL or not good else []
    if refused:
        good = []
    changed = [(line, post) for line, post in good if not _stands(standing, line, post)] if standing.lines else good
    dropped = _dropped(standing, known) if correction_mode is CorrectionMode.REPLACE and not refused else []
    if dropped and must_say_why:
        raise ReportReasonRequired(("reason",))
    if not refused and not changed and not dropped and standing.revision:
        _tell_lines(standing, good)
        return {"submission": await _last(work, key, standing.revision), "week_id": key, "outcomes": outcomes, "broken": []}
    revision = standing.revision + (not refused)
    submission = await _submit(work, key, week, revision, outcomes, len(good), reason)
    if not refused:
        rows = await _rows(work, key, revision, standing, changed, on_time=on_time)
        await _keep(work, key, revision, standing, rows, dropped)
        await _tally(work, key, week, revision, standing, rows, dropped)
        await work.record(EventType.REPORT_SUBMITTED, submission)
        _tell_lines(standing, good)
    return {"submission": submission, "week_id": key, "outcomes": outcomes, "broken": refused}


# ---- the whole -----------------------------------------------------------------------------------------------------------


def _check_whole(work: Work, start: date, lines: Sequence[GivenLine], *, nil_report: bool) -> int:
    """The week's number."""
    errors: list[AppError] = []
    week, window = week_number(start), work.settings.report_window
    if week_start(start) != start:
        errors.append(ValidationFailed(("week_start",), en="A week is named by its Sunday."))
    elif work.now < window.opens_at(week):
        errors.append(PeriodNotOpen(("week_start",), opens=_told(window.opens_at(week))))
    elif work.now >= window.locks_at(week):
        errors.append(PeriodLocked(("week_start",), locked=_told(window.locks_at(week))))
    if len(lines) > work.settings.most_report_lines:
        errors.append(LimitReached(("lines",), limit=work.settings.most_report_lines))
    if nil_report and lines:
        errors.append(ValidationFailed(("nil_report",), en="A nil report has no lines."))
    if not nil_report and not lines:
        errors.append(ValidationFailed(("lines",), en="Send at least one line, or say that there is nothing with nilReport."))
    if errors:
        raise AppErrors(errors)
    return week


def _told(instant: datetime) -> str:
    return instant.astimezone(RIYADH).strftime("%Y-%m-%d %H:%M")


# ---- lines, each by itself -------------------------------------------------------------------------------------------------


_note = values.text(500)
_count = values.count(0, 2**31 - 1)
_minutes = values.count(0, WHOLE_WEEK)
_RULES: tuple[tuple[str, values.Rule], ...] = (
    ("establishment_number", values.establishment_number),
    ("national_id", values.national_id),
    ("activity_level", values.percentage),
    ("login_count", _count),
    ("logout_count", _count),
    ("assigned_tasks", _count),
    ("completed_tasks", _count),
    ("total_work_minutes", _minutes),
    ("note", lambda note: None if note is None else _note(note)),
)


_DIFFERENT = {"national_id", "note"}
"""All else many lines of a report say alike, and is read once: half of the time that reading 5,000 takes."""


def _read(lines: Sequence[GivenLine]) -> tuple[list[LineOutcome], list[_Line]]:
    """An outcome for each line, and the lines that can be read. One that is about the same as one before it cannot stand beside it."""
    outcomes, read = [LineOutcome(index) for index in range(len(lines))], []
    first: dict[tuple[Number, str], int] = {}
    rules = tuple(rule if name in _DIFFERENT else cache(rule) for name, rule in _RULES)
    try:  # column by column, a third of the time that line by line takes
        columns = [[*map(rule, column)] for rule, column in zip(rules, zip(*lines, strict=True), strict=False)]
        values_of: Iterable[Sequence[Any]] = zip(*columns, strict=True)
    except AppError:
        values_of = (_values_of(line, rules, outcome) for line, outcome in zip(lines, outcomes, strict=True))
    for index, (outcome, (number, national_id, *figures)) in enumerate(zip(outcomes, values_of, strict=True)):
        if number and national_id and (earlier := first.setdefault((number, national_id), index)) != index:
            outcome.errors.append(DuplicateLine(("lines", index), first=earlier))
        if not outcome.errors:
            made = Figures(*figures)
            outcome.warnings = _warnings(made)
            read.append(_Line(outcome, number, national_id, made))
    return outcomes, read


def _values_of(line: GivenLine, rules: Sequence[values.Rule], outcome: LineOutcome) -> list[Any]:
    """What is right in the line, with None in the place of what is not: all of that is told."""
    with suppress(AppError):
        return [rule(given) for rule, given in zip(rules, line, strict=True)]
    found: list[Any] = []
    for (name, rule), given in zip(_RULES, line, strict=True):
        try:
            found.append(rule(given))
        except AppError as error:
            error.path = ("lines", outcome.index, name)
            outcome.errors.append(error)
            found.append(None)
    return found


def _warnings(line: Figures) -> list[tuple[ReportWarningCode, str]]:
    found = []
    if line.logout_count > line.login_count:
        found.append((ReportWarningCode.LOGOUTS_EXCEED_LOGINS, "logout_count"))
    if line.completed_tasks > line.assigned_tasks:
        found.append((ReportWarningCode.COMPLETED_EXCEED_ASSIGNED, "completed_tasks"))
    if line.total_work_minutes > LONG_WEEK:
        found.append((ReportWarningCode.LONG_WEEK, "total_work_minutes"))
    return found


# ---- lines, against what is known ------------------------------------------------------------------------------------------


async def _posts(work: Work, week: int, lines: Sequence[_Line]) -> dict[tuple[Number, str], _Post]:
    """By establishment and national id: who of those named was employed where, on at least one day of the week."""
    first, last = sunday(week), sunday(week + 1)
    company = work.company
    place = func.coalesce(Project.establishment_id, Project.company_id, type_=Uuid())
    duty = aliased(ReportDuty)
    due = select(duty.id).where(duty.teleworker_id == Teleworker.id, duty.place_id == place, is_in_duty(duty, week))
    statement = (
        select(Establishment.labor_office_id, Establishment.sequence_number, Teleworker.national_id, Teleworker.id, place, due.exists())
        .select_from(Teleworker)
        .join(Employment, Employment.teleworker_id == Teleworker.id)
        .join(Job, Job.id == Employment.job_id)
        .join(Project, Project.id == Job.project_id)
        .outerjoin(Establishment, Establishment.id == Project.establishment_id)
        .where(
            Teleworker.company_id == company.id,
            among(work.session, Teleworker.national_id, [line.national_id for line in lines]),
            Employment.starts_on < last,
            or_(Employment.ends_on.is_(None), and_(Employment.ends_on >= first, Employment.ends_on >= Employment.starts_on)),
        )
    )
    own = company.labor_office_id, company.sequence_number
    found = {}
    connection = await work.session.connection()  # the session's own way of making rows takes twice as long
    for office, sequence, national_id, teleworker_id, place_id, is_due in (await connection.execute(statement)).all():
        found[own if place_id == company.id else (office, sequence), national_id] = _Post(teleworker_id, place_id, is_due)
    return found


async def _known(work: Work, week: int, lines: Sequence[_Line], posts: Mapping[tuple[Number, str], _Post]) -> list[tuple[_Line, _Post]]:
    """The lines about somebody who was employed there; the others are told that nobody was."""
    found, unknown = [], []
    for line in lines:
        if (post := posts.get((line.number, line.national_id))) is None:
            unknown.append(line)
        else:
            found.append((line, post))
    if unknown:
        numbers = await _numbers(work, week) | {number for number, _ in posts}
        for line in unknown:
            path = ("lines", line.outcome.index)
            is_place = line.number in numbers
            line.outcome.errors.append(
                UnknownTeleworker((*path, "national_id")) if is_place else NobodyWorksThere((*path, "establishment_number"))
            )
    return found


async def _numbers(work: Work, week: int) -> set[Number]:
    """The company's own, and of those with whom a contract was in force in the week."""
    statement = (
        select(Establishment.labor_office_id, Establishment.sequence_number, Contract.terminated_at)
        .join(Contract, Contract.establishment_id == Establishment.id)
        .where(
            Contract.company_id == work.company.id,
            Contract.starts_on < sunday(week + 1),
            or_(Contract.ends_on.is_(None), Contract.ends_on >= sunday(week)),
        )
    )
    found = {(work.company.labor_office_id, work.company.sequence_number)}
    for office, sequence, terminated_at in await work.session.execute(statement):
        if terminated_at is None or riyadh_day(terminated_at) >= sunday(week):
            found.add((office, sequence))
    return found


async def _standing(work: Work, key: UUID) -> _Standing:
    tally: ReportTally | None = await work.one(select(ReportTally).where(ReportTally.id == key))
    if tally is None or tally.revision == 0:
        return _Standing(0, {}, tally)
    rows = (await (await work.session.connection()).execute(select(ReportLine.__table__).where(ReportLine.week_id == key))).all()
    return _Standing(tally.revision, {(row.place_id, row.teleworker_id): row for row in rows}, tally)


_figures_of = attrgetter(*Figures._fields)


def _stands(standing: _Standing, line: _Line, post: _Post) -> bool:
    """Whether the line equals the one that stands."""
    row = standing.lines.get((post.place_id, post.teleworker_id))
    return row is not None and bool(_figures_of(row) == line.figures)


def _ask_for_reason(known: Sequence[tuple[_Line, _Post]], standing: _Standing) -> None:
    """A first line for somebody needs none."""
    for line, post in known:
        if (post.place_id, post.teleworker_id) in standing.lines and not _stands(standing, line, post):
            line.outcome.errors.append(ReportReasonRequired(("reason",)))


def _dropped(standing: _Standing, known: Sequence[tuple[_Line, _Post]]) -> list[Any]:
    """Those that stand, and that no line names, be it a refused one."""
    named = {(post.place_id, post.teleworker_id) for _, post in known}
    return [row for pair, row in standing.lines.items() if pair not in named]


def _refused(outcomes: Sequence[LineOutcome]) -> list[AppError]:
    """The lines' errors, those of one code and place once, and not all of very many."""
    found: dict[Any, AppError] = {}
    for outcome in outcomes:
        for error in outcome.errors:
            if len(found) < MOST_TOLD:
                found.setdefault((error.code, error.path), error)
    return list(found.values())


# ---- what is kept ----------------------------------------------------------------------------------------------------------


async def _last(work: Work, key: UUID, revision: int) -> ReportSubmission:
    made = ReportSubmission.week_id == key, ReportSubmission.revision == revision, ReportSubmission.status != SubmissionStatus.REJECTED
    found: ReportSubmission = await work.one(select(ReportSubmission).where(*made))
    return found


async def _submit(
    work: Work, key: UUID, week: int, revision: int, outcomes: Sequence[LineOutcome], accepted: int, reason: str | None
) -> ReportSubmission:
    rejected = len(outcomes) - accepted
    whole = SubmissionStatus.PARTIALLY_ACCEPTED if rejected else SubmissionStatus.ACCEPTED
    return await work.add(
        ReportSubmission(
            company_id=work.company.id,
            week_id=key,
            week_start=sunday(week),
            revision=revision,
            status=SubmissionStatus.REJECTED if rejected and not accepted else whole,
            line_count=len(outcomes),
            accepted_lines=accepted,
            rejected_lines=rejected,
            received_at=work.now,
            token_id=work.actor.token_id,
            user_id=work.actor.user_id,
            reason=reason,
        )
    )


async def _rows(
    work: Work, key: UUID, revision: int, standing: _Standing, changed: Sequence[tuple[_Line, _Post]], *, on_time: bool
) -> dict[tuple[UUID, UUID], dict[str, Any]]:
    """The lines to be written, by place and teleworker. One that takes another's place keeps its key; each keeps its first mark.

    The outcomes are told their keys.
    """
    before: dict[tuple[UUID, UUID], bool] = {}
    if standing.revision and any((post.place_id, post.teleworker_id) not in standing.lines for _, post in changed):
        version = ReportLineVersion
        dropped = select(version.place_id, version.teleworker_id, version.on_time).where(version.week_id == key).distinct()
        before = {(place, person): mark for place, person, mark in await work.session.execute(dropped)}
    fresh, made = uuid7().int, {}
    for place, (line, post) in enumerate(changed):
        pair = post.place_id, post.teleworker_id
        row = standing.lines.get(pair) if standing.lines else None
        line.outcome.line_id = row.id if row else UUID(int=fresh + place)  # one after the other: they sort as they came
        mark = row.on_time if row else before.get(pair, on_time) if before else on_time
        written = line.outcome.line_id, *post[:2], *line.number, *line.figures, mark, post.is_due
        made[pair] = dict(zip(_NAMES, written, strict=True))
    return made


_GIVEN: tuple[tuple[str, Any], ...] = (
    ("id", Uuid()),
    ("teleworker_id", Uuid()),
    ("place_id", Uuid()),
    ("labor_office_id", Integer()),
    ("sequence_number", Integer()),
    ("activity_level", Money()),
    *((name, Integer()) for name in Figures._fields[1:-1]),
    ("note", Text()),
    ("on_time", Boolean()),
    ("is_due", Boolean()),
)
_NAMES = [name for name, _ in _GIVEN]
_KEPT = [column.name for column in ReportLineVersion.__table__.columns if column.name not in ("id", "line_id", "superseded_in")]


async def _keep(
    work: Work,
    key: UUID,
    revision: int,
    standing: _Standing,
    rows: Mapping[tuple[UUID, UUID], dict[str, Any]],
    dropped: Sequence[Any],
) -> None:
    """Moves what is changed or dropped among the versions, and writes the new lines: each in one statement."""
    session = work.session
    line: Any = ReportLine.__table__
    version: Any = ReportLineVersion.__table__
    past = [*(standing.lines[pair].id for pair in rows if pair in standing.lines), *(row.id for row in dropped)]
    if past:
        fresh = uuid7().int
        moving = [{"id": UUID(int=fresh + place), "line_id": id_} for place, id_ in enumerate(past)]
        ids = table_of(session, moving, (("id", Uuid()), ("line_id", Uuid())))
        columns = ids.c.id, ids.c.line_id, literal(revision).label("superseded_in"), *(line.c[name] for name in _KEPT)
        moved = select(*columns).select_from(ids.join(line, line.c.id == ids.c.line_id))
        await session.execute(insert(version).from_select(["id", "line_id", "superseded_in", *_KEPT], moved))
        await session.execute(delete(line).where(among(session, line.c.id, past)))
    if rows:
        given = table_of(session, list(rows.values()), _GIVEN)
        same = {"company_id": literal(work.company.id, Uuid()), "week_id": literal(key, Uuid()), "revision": literal(revision)}
        await session.execute(insert(line).from_select([*given.c.keys(), *same], select(*given.c, *same.values())))


async def _tally(
    work: Work,
    key: UUID,
    week: int,
    revision: int,
    standing: _Standing,
    rows: Mapping[tuple[UUID, UUID], dict[str, Any]],
    dropped: Sequence[Any],
) -> None:
    tally = standing.tally
    if tally is None:
        tally = ReportTally(id=key, company_id=work.company.id, week=week, change=0, reported=0, on_time=0)
        work.session.add(tally)
    before = [standing.lines[pair] for pair in rows if pair in standing.lines] + [*dropped]
    new = rows.values()
    tally.reported += sum(row["is_due"] for row in new) - sum(row.is_due for row in before)
    tally.on_time += sum(row["is_due"] and row["on_time"] for row in new) - sum(row.is_due and row.on_time for row in before)
    tally.revision = revision


def _tell_lines(standing: _Standing, good: Sequence[tuple[_Line, _Post]]) -> None:
    """Those that stand already."""
    for line, post in good:
        if line.outcome.line_id is None:
            line.outcome.line_id = standing.lines[post.place_id, post.teleworker_id].id
