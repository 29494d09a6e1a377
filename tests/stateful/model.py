"""The rules of contracting, projects, jobs and hiring once more, as a plain model in memory: what the server is compared with.

Written from the domain's tables and invariants, and from what the schema promises, without a look at the code: it counts day by day
where the code asks the database. An operation answers the codes of the rules that it breaks; where there are none, it has been done.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

RIYADH = timezone(timedelta(hours=3))
FOREVER = date(2999, 12, 31)
Codes = list[str]

DECISIONS = {
    "APPROVE": ("SUBMITTED", "APPROVED"),
    "RETURN": ("SUBMITTED", "RETURNED"),
    "REJECT": ("SUBMITTED", "REJECTED"),
    "SUSPEND": ("APPROVED", "SUSPENDED"),
    "RESUME": ("SUSPENDED", "APPROVED"),
    "COMPLETE": ("APPROVED", "COMPLETED"),
}
STEPS = {("DRAFT", "OPEN"), ("OPEN", "PAUSED"), ("PAUSED", "OPEN"), ("OPEN", "CLOSED"), ("PAUSED", "CLOSED"), ("EXPIRED", "OPEN")}


@dataclass(eq=False, kw_only=True)
class Thing:
    id: str = ""
    version: int = 1
    account: Account


@dataclass(eq=False, kw_only=True)
class Invitation(Thing):
    establishment: int
    starts_on: date | None
    ends_on: date | None
    expires_at: datetime
    decided: str = "PENDING"
    is_noted: bool = False  # that it expired

    def status(self, now: datetime) -> str:
        return "EXPIRED" if self.decided == "PENDING" and self.expires_at <= now else self.decided


@dataclass(eq=False, kw_only=True)
class Contract(Thing):
    number: str
    establishment: int
    starts_on: date
    ends_on: date | None
    is_terminated: bool = False

    def status(self, today: date) -> str:
        if self.is_terminated:
            return "TERMINATED"
        if self.ends_on is not None and self.ends_on < today:
            return "EXPIRED"
        return "SCHEDULED" if self.starts_on > today else "ACTIVE"


@dataclass(eq=False, kw_only=True)
class Project(Thing):
    contract: Contract | None
    status: str
    title: str = ""
    starts_on: date | None = None
    ends_on: date | None = None
    is_deleted: bool = False
    note: str | None = None


@dataclass(eq=False, kw_only=True)
class Job(Thing):
    project: Project
    stored: str
    vacancies: int
    closes_at: datetime | None
    title: str = ""
    is_deleted: bool = False

    def status(self, now: datetime, filled: int) -> str:
        if self.stored not in ("OPEN", "PAUSED"):
            return self.stored
        if filled >= self.vacancies:
            return "FILLED"
        return "EXPIRED" if self.has_expired(now) else self.stored

    def has_expired(self, now: datetime) -> bool:
        return self.stored in ("OPEN", "PAUSED") and self.closes_at is not None and self.closes_at <= now


@dataclass(eq=False, kw_only=True)
class Employment(Thing):
    job: Job
    person: int
    type: str
    starts_on: date
    ends_on: date | None
    wage: Decimal
    hours: int
    is_over: bool = False  # at once
    leaves: list[tuple[date, date | None]] = field(default_factory=list)

    def status(self, today: date) -> str:
        if self.is_over or (self.ends_on is not None and self.ends_on < today):
            return "ENDED"
        away = any(begins <= today <= (ends or FOREVER) for begins, ends in self.leaves)
        return "ON_LEAVE" if away else "ACTIVE"

    def covers(self, day: date) -> bool:
        return self.starts_on <= day <= (self.ends_on or FOREVER)


@dataclass(eq=False)
class Account:
    """A company: what is its own, and its log, as pairs of a type and the thing's id."""

    name: str
    invitations: list[Invitation] = field(default_factory=list)
    contracts: list[Contract] = field(default_factory=list)
    projects: list[Project] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    employments: list[Employment] = field(default_factory=list)
    log: list[tuple[str, Thing]] = field(default_factory=list)
    numbers: int = 0


class Model:
    """now and today are what the injected clock says. All operations take the thing that they work on, and what is given."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.accounts = [Account("north"), Account("south")]

    @property
    def today(self) -> date:
        return self.now.astimezone(RIYADH).date()

    @property
    def employments(self) -> Iterator[Employment]:
        for account in self.accounts:
            yield from account.employments

    # ---- the portal's side ----------------------------------------------------------------------------------------------

    def deliver_invitation(
        self, account: Account, establishment: int, starts_on: date | None, ends_on: date | None, expires_at: datetime | None
    ) -> Codes | Invitation:
        codes = []
        if expires_at is not None and expires_at <= self.now:
            codes.append("VALIDATION_FAILED")
        if ends_on is not None and (ends_on < self.today or (starts_on is not None and ends_on < starts_on)):
            codes.append("VALIDATION_FAILED")
        if codes:
            return codes
        waiting = [each for each in account.invitations if each.establishment == establishment and each.decided == "PENDING"]
        if any(each.status(self.now) == "PENDING" for each in waiting):
            return ["INVITATION_ALREADY_PENDING"]
        made = Invitation(
            account=account,
            establishment=establishment,
            starts_on=starts_on,
            ends_on=ends_on,
            expires_at=expires_at or self.now + timedelta(days=30),
        )
        for each in waiting:
            if not each.is_noted:
                each.is_noted = True
                account.log.append(("INVITATION_EXPIRED", each))
        account.invitations.append(made)
        account.log.append(("INVITATION_RECEIVED", made))
        return made

    def withdraw_invitation(self, invitation: Invitation) -> Codes:
        return self._decide(invitation, "WITHDRAWN")

    def deliver_project(self, contract: Contract, title: str) -> Codes | Project:
        if contract.status(self.today) != "ACTIVE":
            return ["CONTRACT_NOT_ACTIVE"]
        return self._add_project(Project(account=contract.account, contract=contract, status="APPROVED", title=title))

    def decide_project(self, project: Project, decision: str, note: str | None) -> Codes:
        if project.is_deleted:
            return ["NOT_FOUND"]
        before, after = DECISIONS[decision]
        if project.status != before:
            return ["ILLEGAL_TRANSITION"]
        project.status, project.note = after, note
        return self._changed(project, "PROJECT_DECIDED")

    # ---- contracting ------------------------------------------------------------------------------------------------------

    def accept_invitation(self, invitation: Invitation) -> Codes | Contract:
        if codes := self._undecidable(invitation):
            return codes
        if invitation.ends_on is not None and invitation.ends_on < self.today:
            return ["INVITATION_EXPIRED"]
        account = invitation.account
        theirs = [each for each in account.contracts if each.establishment == invitation.establishment]
        if any(each.status(self.today) in ("SCHEDULED", "ACTIVE") for each in theirs):
            return ["DUPLICATE_CONTRACT"]
        self._decide(invitation, "ACCEPTED")
        account.numbers += 1
        made = Contract(
            account=account,
            number=f"C-{self.today.year}-{account.numbers:06d}",
            establishment=invitation.establishment,
            starts_on=invitation.starts_on or self.today,
            ends_on=invitation.ends_on,
        )
        account.contracts.append(made)
        account.log.append(("CONTRACT_CREATED", made))
        return made

    def reject_invitation(self, invitation: Invitation) -> Codes:
        return self._decide(invitation, "REJECTED")

    def terminate_contract(self, contract: Contract, version: int | None) -> Codes:
        if self._stale(contract, version):
            return ["VERSION_CONFLICT"]
        if contract.status(self.today) not in ("SCHEDULED", "ACTIVE"):
            return ["ILLEGAL_TRANSITION"]
        contract.is_terminated = True
        return self._changed(contract, "CONTRACT_TERMINATED")

    def _undecidable(self, invitation: Invitation) -> Codes:
        status = invitation.status(self.now)
        return {"PENDING": [], "EXPIRED": ["INVITATION_EXPIRED"]}.get(status, ["INVITATION_ALREADY_DECIDED"])

    def _decide(self, invitation: Invitation, became: str) -> Codes:
        if codes := self._undecidable(invitation):
            return codes
        invitation.decided = became
        return self._changed(invitation, f"INVITATION_{became}")

    # ---- projects and jobs --------------------------------------------------------------------------------------------------

    def create_project(self, account: Account, title: str, starts_on: date | None, ends_on: date | None) -> Codes | Project:
        if starts_on is not None and ends_on is not None and ends_on < starts_on:
            return ["VALIDATION_FAILED"]
        made = Project(account=account, contract=None, status="DRAFT", title=title, starts_on=starts_on, ends_on=ends_on)
        return self._add_project(made)

    def update_project(self, project: Project, version: int | None, **changes: Any) -> Codes:
        if project.is_deleted:
            return ["NOT_FOUND"]
        if self._stale(project, version):
            return ["VERSION_CONFLICT"]
        if project.status not in ("DRAFT", "RETURNED", "APPROVED"):
            return ["ILLEGAL_TRANSITION"]
        starts_on, ends_on = (changes.get(name, getattr(project, name)) for name in ("starts_on", "ends_on"))
        if self._differs(project, changes) and starts_on is not None and ends_on is not None and ends_on < starts_on:
            return ["VALIDATION_FAILED"]
        return self._set(project, "PROJECT_UPDATED", changes)

    def submit_project(self, project: Project, version: int | None) -> Codes:
        if project.is_deleted:
            return ["NOT_FOUND"]
        if self._stale(project, version):
            return ["VERSION_CONFLICT"]
        if project.status not in ("DRAFT", "RETURNED"):
            return ["ILLEGAL_TRANSITION"]
        project.status = "SUBMITTED"
        return self._changed(project, "PROJECT_SUBMITTED")

    def delete_project(self, project: Project, version: int | None) -> Codes:
        if project.is_deleted:
            return ["NOT_FOUND"]
        if self._stale(project, version):
            return ["VERSION_CONFLICT"]
        jobs = [job for job in project.account.jobs if job.project is project and not job.is_deleted]
        if any(self.filled(job) for job in jobs):
            return ["PROJECT_IN_USE"]
        project.is_deleted = True
        self._changed(project, "PROJECT_DELETED")
        for job in jobs:
            job.is_deleted = True
            self._changed(job, "JOB_DELETED")
        return []

    def add_job(self, project: Project, title: str, vacancies: int, publish: bool) -> Codes | Job:
        if codes := ["NOT_FOUND"] if project.is_deleted else self._closed(project)[:1]:
            return codes
        made = Job(account=project.account, project=project, stored="DRAFT", vacancies=vacancies, closes_at=None, title=title)
        if publish:
            self._publish(made)
        project.account.jobs.append(made)
        project.account.log.append(("JOB_ADDED", made))
        return made

    def update_job(self, job: Job, version: int | None, **changes: Any) -> Codes:
        if job.is_deleted:
            return ["NOT_FOUND"]
        if self._stale(job, version):
            return ["VERSION_CONFLICT"]
        if job.stored == "CLOSED":
            return ["ILLEGAL_TRANSITION"]
        if changes.get("vacancies", job.vacancies) < self.filled(job):
            return ["VACANCIES_BELOW_FILLED"]
        return self._set(job, "JOB_UPDATED", changes)

    def change_job_status(self, job: Job, status: str, version: int | None) -> Codes:
        if job.is_deleted:
            return ["NOT_FOUND"]
        if self._stale(job, version):
            return ["VERSION_CONFLICT"]
        current = job.status(self.now, self.filled(job))
        if (current, status) not in STEPS:
            return ["ILLEGAL_TRANSITION"]
        if status == "OPEN" and (codes := self._closed(job.project)):
            return codes[:1]
        if current in ("DRAFT", "EXPIRED"):
            self._publish(job)
        job.stored = status
        return self._changed(job, "JOB_STATUS_CHANGED")

    def delete_job(self, job: Job, version: int | None) -> Codes:
        if job.is_deleted:
            return ["NOT_FOUND"]
        if self._stale(job, version):
            return ["VERSION_CONFLICT"]
        if self.filled(job):
            return ["JOB_IN_USE"]
        job.is_deleted = True
        return self._changed(job, "JOB_DELETED")

    def filled(self, job: Job) -> int:
        """Places that are taken: by employments that have not ended, those yet to begin among them."""
        return sum(each.job is job and each.status(self.today) != "ENDED" for each in job.account.employments)

    def _closed(self, project: Project) -> Codes:
        """Why the project takes neither jobs nor people."""
        codes = [] if project.status == "APPROVED" else ["PROJECT_NOT_APPROVED"]
        if project.contract is not None and project.contract.status(self.today) != "ACTIVE":
            codes.append("CONTRACT_NOT_ACTIVE")
        return codes

    def _publish(self, job: Job) -> None:
        """For a month, by Riyadh's calendar."""
        here = self.now.astimezone(RIYADH)
        year, month = (here.year, here.month + 1) if here.month < 12 else (here.year + 1, 1)
        job.stored = "OPEN"
        job.closes_at = here.replace(year=year, month=month, day=min(here.day, monthrange(year, month)[1]))

    # ---- direct hiring ------------------------------------------------------------------------------------------------------

    def hire_teleworker(
        self,
        job: Job,
        person: int,
        *,
        type: str,  # noqa: A002
        starts_on: date,
        ends_on: date | None,
        wage: Decimal,
        hours: int,
        registered: bool,
        birth_date: date,
        is_citizen: bool,
    ) -> Codes | Employment:
        codes = [] if is_citizen else ["WORKER_NOT_CITIZEN"]
        if job.is_deleted:
            codes.append("NOT_FOUND")
        else:
            codes += self._closed(job.project)
            codes += [] if job.stored == "OPEN" and not job.has_expired(self.now) else ["JOB_NOT_OPEN"]
            codes += ["VACANCIES_EXHAUSTED"] if self.filled(job) >= job.vacancies else []
        birthdays = sum(_birthday(birth_date, year) <= starts_on for year in range(birth_date.year + 1, starts_on.year + 1))
        codes += [] if 18 <= birthdays <= 60 else ["WORKER_AGE"]
        codes += self._terms(type, wage, hours, registered)
        if not self.today - timedelta(days=28) <= starts_on <= self.today + timedelta(days=366):
            codes.append("VALIDATION_FAILED")
        if ends_on is not None and ends_on < starts_on:
            codes.append("VALIDATION_FAILED")
        elif is_citizen and not self._has_room(job.account, person, type, starts_on, ends_on, None):
            codes.append("ALREADY_EMPLOYED")
        if codes:
            return codes
        made = Employment(
            account=job.account, job=job, person=person, type=type, starts_on=starts_on, ends_on=ends_on, wage=wage, hours=hours
        )
        job.account.employments.append(made)
        job.account.log.append(("TELEWORKER_HIRED", made))
        return made

    def update_employment(self, employment: Employment, version: int | None, **changes: Any) -> Codes:
        """changes: wage, hours, registered, ends_on; leave, a pair of days."""
        if self._stale(employment, version):
            return ["VERSION_CONFLICT"]
        if employment.status(self.today) == "ENDED":
            return ["ILLEGAL_TRANSITION"]
        registered, leave = changes.pop("registered", True), changes.pop("leave", None)
        wage, hours = changes.get("wage", employment.wage), changes.get("hours", employment.hours)
        codes = self._terms(employment.type, wage, hours, registered)
        ends_on = changes.get("ends_on", employment.ends_on)
        if ends_on != employment.ends_on:
            if ends_on is not None and (ends_on < employment.starts_on or ends_on < self.today):
                codes.append("VALIDATION_FAILED")
            elif not codes and self._grows_too_long(employment, ends_on):
                codes.append("ALREADY_EMPLOYED")
        if leave is not None and self._is_no_leave(employment, leave, ends_on):
            codes.append("VALIDATION_FAILED")
        if codes:
            return codes
        is_new = leave is not None and leave not in employment.leaves
        if is_new:
            employment.leaves = sorted([each for each in employment.leaves if each[0] != leave[0]] + [leave], key=lambda each: each[0])
        if is_new and not self._differs(employment, changes):
            return self._changed(employment, "EMPLOYMENT_UPDATED")
        return self._set(employment, "EMPLOYMENT_UPDATED", changes)

    def end_employment(self, employment: Employment, ends_on: date, version: int | None) -> Codes:
        if self._stale(employment, version):
            return ["VERSION_CONFLICT"]
        if employment.status(self.today) == "ENDED":
            return ["ILLEGAL_TRANSITION"]
        if ends_on < employment.starts_on:
            return ["VALIDATION_FAILED"]
        if self._grows_too_long(employment, ends_on):
            return ["ALREADY_EMPLOYED"]
        employment.ends_on, employment.is_over = ends_on, ends_on <= self.today
        employment.leaves = [(begins, min(ends or FOREVER, ends_on) if begins <= ends_on else ends) for begins, ends in employment.leaves]
        return self._changed(employment, "EMPLOYMENT_ENDED")

    def _terms(self, type: str, wage: Decimal, hours: int, registered: bool) -> Codes:  # noqa: A002
        codes = [] if registered else ["GOSI_REQUIRED"]
        codes += ["HOURS_ABOVE_MAXIMUM"] if hours > 48 else []
        return codes + (["WAGE_BELOW_MINIMUM"] if wage < (4000 if type == "FULL_TIME" else 2000) else [])

    def _grows_too_long(self, employment: Employment, ends_on: date | None) -> bool:
        longer = employment.ends_on is not None and (ends_on or FOREVER) > employment.ends_on
        person, kind = employment.person, employment.type
        return longer and not self._has_room(employment.account, person, kind, employment.starts_on, ends_on, employment)

    def _has_room(
        self,
        account: Account,
        person: int,
        kind: str,
        starts_on: date,
        ends_on: date | None,
        but: Employment | None,
    ) -> bool:
        """On every day: none other in the company; anywhere no other full-time one, or at most one other part-time."""
        others = [each for each in self.employments if each.person == person and each is not but]
        last = ends_on or FOREVER
        # The most there are on any day there are on a day on which one begins.
        days = {starts_on, *(each.starts_on for each in others if starts_on <= each.starts_on <= last)}
        for day in days:
            there = [each for each in others if each.covers(day)]
            if any(each.account is account for each in there):
                return False
            if sum(each.type == kind for each in there) >= (1 if kind == "FULL_TIME" else 2):
                return False
        return True

    def _is_no_leave(self, employment: Employment, leave: tuple[date, date | None], last_day: date | None) -> bool:
        begins, ends = leave
        if begins < employment.starts_on or begins > (last_day or FOREVER):
            return True
        if ends is not None and (ends < begins or ends > (last_day or FOREVER)):
            return True
        if begins < self.today - timedelta(days=28) and all(each[0] != begins for each in employment.leaves):
            return True
        others = [each for each in employment.leaves if each[0] != begins]
        return any(other[0] <= (ends or FOREVER) and begins <= (other[1] or FOREVER) for other in others)

    # ---- what all changes share -------------------------------------------------------------------------------------------------

    def _add_project(self, made: Project) -> Project:
        made.account.projects.append(made)
        made.account.log.append(("PROJECT_CREATED", made))
        return made

    def _stale(self, thing: Thing, version: int | None) -> bool:
        return version is not None and version != thing.version

    def _differs(self, thing: Thing, changes: dict[str, Any]) -> bool:
        return any(getattr(thing, name) != value for name, value in changes.items())

    def _set(self, thing: Thing, event: str, changes: dict[str, Any]) -> Codes:
        if not self._differs(thing, changes):
            return []
        for name, value in changes.items():
            setattr(thing, name, value)
        return self._changed(thing, event)

    def _changed(self, thing: Thing, event: str) -> Codes:
        thing.version += 1
        thing.account.log.append((event, thing))
        return []


def _birthday(born: date, year: int) -> date:
    """Who was born on a 29 February has it on 1 March where there is none."""
    try:
        return born.replace(year=year)
    except ValueError:
        return date(year, 3, 1)
