"""The demo's weekly reports: most weeks on time, one late, one with somebody missing, and the week that has just ended still to come."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from app.clock import ReportWindow, sunday, week_number
from app.models import (
    Company,
    Employment,
    Establishment,
    EventType,
    Job,
    LeavePeriod,
    Project,
    ReportLine,
    ReportSubmission,
    SubmissionStatus,
)
from app.models.report import week_key
from app.operations.demo.accounts import Account
from app.operations.demo.world import World
from app.operations.duty import Employed, Weeks, weeks_of_duty

WEEKS = 6  # back from the current one
LATE, PARTIAL, TO_COME = 3, 5, 1  # by how many weeks they lie back
WINDOW = ReportWindow(timedelta(), timedelta(hours=72), timedelta(days=28))  # as it is where nothing else is set
REASON = "عطل في نظام الموارد البشرية"


def add_reports(world: World, account: Account) -> None:
    """After everybody was hired: reports of the last weeks, by the token that the company's server has or by an editor."""
    duties, numbers = _duties(world, account.company), _numbers(world, account.company)
    current = week_number(world.today)
    for back in range(WEEKS, TO_COME, -1):
        due = sorted((weeks.place_id, person) for person, own in duties.items() for weeks in own if _holds(weeks, current - back))
        if back == PARTIAL:
            due = due[: len(due) // 2]
        if due:
            _add_report(world, account, current - back, due, numbers, is_late=back == LATE)


def _holds(weeks: Weeks, week: int) -> bool:
    return weeks.first <= week and (weeks.last is None or week <= weeks.last)


def _duties(world: World, company: Company) -> dict[UUID, set[Weeks]]:
    def rows(model: Any) -> list[Any]:
        return [row for row in world.rows.get(model.__tablename__, []) if cast("Any", row).company_id == company.id]

    projects = {row.id: row for row in rows(Project)}
    jobs = {row.id: projects[row.project_id] for row in rows(Job)}
    leaves = defaultdict(list)
    for leave in rows(LeavePeriod):
        leaves[leave.employment_id].append((leave.starts_on, leave.ends_on))
    employed: dict[UUID, list[Employed]] = defaultdict(list)
    for row in rows(Employment):
        place = jobs[row.job_id].establishment_id or company.id
        employed[row.teleworker_id].append(Employed(place, (row.starts_on, row.ends_on), leaves[row.id]))
    return {person: weeks_of_duty(own) for person, own in employed.items()}


def _numbers(world: World, company: Company) -> dict[UUID, tuple[int, int]]:
    places: list[Establishment | Company] = [company, *cast("list[Establishment]", world.rows["establishments"])]
    return {each.id: (each.labor_office_id, each.sequence_number) for each in places}


def _add_report(
    world: World,
    account: Account,
    week: int,
    due: list[tuple[UUID, UUID]],
    numbers: dict[UUID, tuple[int, int]],
    *,
    is_late: bool,
) -> None:
    company, key = account.company, week_key(account.company.id, week)
    opens, deadline = WINDOW.opens_at(week), WINDOW.due_at(week)
    at: datetime = deadline + timedelta(hours=14) if is_late else opens + (deadline - opens) * world.random.uniform(0.1, 0.9)
    at, sender = at.replace(microsecond=0), world.random.choice(account.editors)
    submission = world.add(
        ReportSubmission(
            id=world.new_id(at),
            company_id=company.id,
            week_id=key,
            week_start=sunday(week),
            revision=1,
            status=SubmissionStatus.ACCEPTED,
            line_count=len(due),
            accepted_lines=len(due),
            rejected_lines=0,
            received_at=at,
            user_id=sender.id,
            reason=REASON if is_late else None,
        )
    )
    world.record(company, EventType.REPORT_SUBMITTED, submission, at, sender)
    for place, person in due:
        tasks, logins = world.random.randrange(5, 40), world.random.randrange(4, 20)
        world.add(
            ReportLine(
                id=world.new_id(at),
                company_id=company.id,
                week_id=key,
                teleworker_id=person,
                place_id=place,
                labor_office_id=numbers[place][0],
                sequence_number=numbers[place][1],
                activity_level=Decimal(world.random.randrange(5000, 10_000)).scaleb(-2),
                login_count=logins,
                logout_count=logins - world.random.randrange(2),
                assigned_tasks=tasks,
                completed_tasks=world.random.randrange(tasks // 2, tasks + 1),
                total_work_minutes=world.random.randrange(900, 2800),
                revision=1,
                on_time=not is_late,
                is_due=True,
            )
        )
