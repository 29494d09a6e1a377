"""Which lines are expected: the weeks of each teleworker's duties, kept in step with employments and leaves whoever writes those.

The figures of weeks (`ReportTally`) follow in the same transaction. Bulk statements pass the session by: after one, call `restate`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Connection, bindparam, delete, event, func, insert, inspect, select, update
from sqlalchemy.orm import Session

from app.clock import week_number
from app.models import (
    Employment,
    Job,
    LeavePeriod,
    Project,
    ReportDuty,
    ReportLine,
    ReportSubmission,
    ReportTally,
    SubmissionStatus,
    Teleworker,
)
from app.models.report import week_key, week_of

_AT_ONCE = 500  # teleworkers
_DAY = timedelta(days=1)
_NEVER = date.max

Days = tuple[date, date | None]
"""Both included; None: open."""


@dataclass
class Employed:
    """One employment, as far as it matters here."""

    place_id: UUID
    days: Days
    leaves: list[Days] = field(default_factory=list)


@dataclass(frozen=True, order=True)
class Weeks:
    """At a place, both included; last None: open."""

    place_id: UUID
    first: int
    last: int | None


def weeks_of_duty(employments: Iterable[Employed]) -> set[Weeks]:
    """Those of one teleworker: every week with a day of work in it, as few and as long as can be."""
    found: dict[UUID, list[tuple[int, int | None]]] = defaultdict(list)
    for employed in employments:
        found[employed.place_id] += [(week_number(first), None if last is None else week_number(last)) for first, last in _worked(employed)]
    return {Weeks(place, *span) for place, spans in found.items() if spans for span in _joined(spans)}


def _worked(employed: Employed) -> Iterator[Days]:
    """The employment's days without those of its leaves, which may overlap."""
    first, last = employed.days
    end = last or _NEVER
    for away, back in sorted(employed.leaves, key=lambda leave: leave[0]):
        if first > end or away > end:
            break
        if back is not None and back < max(first, away):
            continue
        if away > first:
            yield first, away - _DAY
        if back is None:
            return
        first = back + _DAY
    if first <= end:
        yield first, last


def _joined(spans: list[tuple[int, int | None]]) -> Iterator[tuple[int, int | None]]:
    spans.sort(key=lambda span: span[0])
    first, last = spans[0]
    for begin, end in spans[1:]:
        if last is not None and begin > last + 1:
            yield first, last
            first, last = begin, end
        elif last is not None:
            last = None if end is None else max(last, end)
    yield first, last


# ---- kept in step ----------------------------------------------------------------------------------------------------------


@event.listens_for(Session, "after_flush")
def _keep_in_step(session: Session, _: Any) -> None:
    touched = (*session.new, *session.deleted, *filter(_moved, session.dirty))
    changed = [row for row in touched if isinstance(row, Employment | LeavePeriod)]
    if not changed:
        return
    connection = session.connection()
    people = {row.teleworker_id for row in changed if isinstance(row, Employment)}
    if leaves := {row.employment_id for row in changed if isinstance(row, LeavePeriod)}:
        people |= set(connection.scalars(select(Employment.teleworker_id).where(Employment.id.in_(leaves))))
    restate(connection, people)


def _moved(row: Any) -> bool:
    attributes = inspect(row).attrs
    return any(name in attributes and attributes[name].history.has_changes() for name in ("starts_on", "ends_on"))


def restate(connection: Connection, teleworkers: Iterable[UUID]) -> None:
    """Makes the duties of these people, and the figures that hang on them, what employments and leaves say. Their account is locked.

    A number of statements that grows with hundreds of people, not with what they did.
    """
    people = sorted(teleworkers)
    for start in range(0, len(people), _AT_ONCE):
        _restate(connection, people[start : start + _AT_ONCE])


def recount(connection: Connection, company: UUID) -> None:
    """Makes all of a company's duties and figures anew from its employments and lines: after rows were written past the session."""
    restate(connection, connection.scalars(select(Teleworker.id).where(Teleworker.company_id == company)))
    table: Any = ReportTally.__table__
    line, sent = ReportLine, ReportSubmission
    counted = func.count().filter(line.is_due), func.count().filter(line.is_due, line.on_time)
    lines = {
        row[0]: row[1:]
        for row in connection.execute(select(line.week_id, *counted).where(line.company_id == company).group_by(line.week_id))
    }
    accepted = sent.company_id == company, sent.status != SubmissionStatus.REJECTED
    revisions = select(sent.week_id, func.max(sent.revision)).where(*accepted).group_by(sent.week_id)
    known = set(connection.scalars(select(table.c.id).where(table.c.company_id == company)))
    for key, revision in connection.execute(revisions).all():
        reported, on_time = lines.get(key, (0, 0))
        figures = {"reported": reported, "on_time": on_time, "revision": revision}
        if key in known:
            connection.execute(update(table).where(table.c.id == key).values(figures))
        else:
            connection.execute(insert(table).values(id=key, company_id=company, week=week_of(key), change=0, **figures))


@dataclass
class _Change:
    """Of a week's figures."""

    change: int = 0
    reported: int = 0
    on_time: int = 0


def _restate(connection: Connection, people: list[UUID]) -> None:
    employed, companies, hired = _employed(connection, people)
    changes: dict[tuple[UUID, int], _Change] = defaultdict(_Change)
    for company, week in hired:  # a company owes reports from the week of its first employment on, though nobody worked in it
        changes[company, week] = _Change()
    duties = {person: weeks_of_duty(employed[person]) for person in people}
    gone: list[UUID] = []
    stand: dict[UUID, set[Weeks]] = defaultdict(set)
    for row in connection.execute(select(ReportDuty.__table__).where(ReportDuty.teleworker_id.in_(people))):
        weeks = Weeks(row.place_id, row.first_week, row.last_week)
        stand[row.teleworker_id].add(weeks)
        if weeks not in duties[row.teleworker_id]:
            gone.append(row.id)
            _count(changes, row.company_id, weeks, -1)
    made = [(person, weeks) for person in people for weeks in sorted(duties[person] - stand[person], key=lambda each: each.first)]
    for person, weeks in made:
        _count(changes, companies[person], weeks, +1)
    if gone:
        connection.execute(delete(ReportDuty).where(ReportDuty.id.in_(gone)))
    if made:
        connection.execute(insert(ReportDuty), [_duty(companies[person], person, weeks) for person, weeks in made])
    if gone or made:
        _mark_lines(connection, duties, changes)
    _keep_tallies(connection, changes)


def _duty(company: UUID, person: UUID, weeks: Weeks) -> dict[str, Any]:
    named = {"place_id": weeks.place_id, "first_week": weeks.first, "last_week": weeks.last}
    return {"id": uuid5(person, f"{weeks.place_id.hex} {weeks.first}"), "company_id": company, "teleworker_id": person, **named}


def _count(changes: dict[tuple[UUID, int], _Change], company: UUID, weeks: Weeks, sign: int) -> None:
    changes[company, weeks.first].change += sign
    if weeks.last is not None:
        changes[company, weeks.last + 1].change -= sign


def _employed(connection: Connection, people: list[UUID]) -> tuple[dict[UUID, list[Employed]], dict[UUID, UUID], set[tuple[UUID, int]]]:
    """By teleworker; their companies; and the weeks in which somebody was hired."""
    place = func.coalesce(Project.establishment_id, Project.company_id, type_=Project.company_id.type)
    rows = (
        select(
            Employment.id,
            Employment.company_id,
            Employment.teleworker_id,
            place.label("place_id"),
            Employment.starts_on,
            Employment.ends_on,
        )
        .join(Job, Job.id == Employment.job_id)
        .join(Project, Project.id == Job.project_id)
        .where(Employment.teleworker_id.in_(people))
    )
    found: dict[UUID, list[Employed]] = defaultdict(list)
    by_id, companies, hired = {}, {}, set()
    for row in connection.execute(rows):
        by_id[row.id] = Employed(row.place_id, (row.starts_on, row.ends_on))
        found[row.teleworker_id].append(by_id[row.id])
        companies[row.teleworker_id] = row.company_id
        hired.add((row.company_id, week_number(row.starts_on)))
    own = select(Employment.id).where(Employment.teleworker_id.in_(people))
    leaves = select(LeavePeriod.employment_id, LeavePeriod.starts_on, LeavePeriod.ends_on).where(LeavePeriod.employment_id.in_(own))
    for leave in connection.execute(leaves):
        if leave.employment_id in by_id:
            by_id[leave.employment_id].leaves.append((leave.starts_on, leave.ends_on))
    return found, companies, hired


def _mark_lines(connection: Connection, duties: dict[UUID, set[Weeks]], changes: dict[tuple[UUID, int], _Change]) -> None:
    """Whether the lines of these people are among the expected."""
    line = ReportLine
    columns = line.id, line.company_id, line.week_id, line.teleworker_id, line.place_id, line.on_time, line.is_due
    turned = []
    for row in connection.execute(select(*columns).where(line.teleworker_id.in_(list(duties)))):
        week = week_of(row.week_id)
        is_due = any(_holds(weeks, row.place_id, week) for weeks in duties[row.teleworker_id])
        if is_due is not row.is_due:
            turned.append({"key": row.id, "due": is_due})
            change = changes[row.company_id, week]
            change.reported += 1 if is_due else -1
            change.on_time += row.on_time * (1 if is_due else -1)
    if turned:
        table: Any = line.__table__
        connection.execute(update(table).where(table.c.id == bindparam("key")).values(is_due=bindparam("due")), turned)


def _holds(weeks: Weeks, place_id: UUID, week: int) -> bool:
    return weeks.place_id == place_id and weeks.first <= week and (weeks.last is None or week <= weeks.last)


def _keep_tallies(connection: Connection, changes: dict[tuple[UUID, int], _Change]) -> None:
    table: Any = ReportTally.__table__
    keys = {week_key(company, week): (company, week) for company, week in changes}
    known = set(connection.scalars(select(table.c.id).where(table.c.id.in_(list(keys))))) if keys else set()
    fresh = [
        {"id": key, "company_id": company, "week": week, "revision": 0, **vars(changes[company, week])}
        for key, (company, week) in keys.items()
        if key not in known
    ]
    added = [
        {"key": key, **{f"d_{name}": value for name, value in vars(changes[keys[key]]).items()}}
        for key in sorted(known)
        if changes[keys[key]] != _Change()
    ]
    if fresh:
        connection.execute(insert(table), fresh)
    if added:
        values = {name: table.c[name] + bindparam(f"d_{name}") for name in vars(_Change())}
        connection.execute(update(table).where(table.c.id == bindparam("key")).values(values), added)
