"""Plays random operations through HTTP and compares the server with the model after each: codes, states, counts, versions, the log."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from datetime import date, timedelta
from decimal import Decimal
from itertools import count
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.portal import NOW, Caller, Portal, Reply
from tests.stateful.model import DECISIONS, Account, Codes, Model, Thing
from tests.world import make_world, national_id

T = TypeVar("T")
SETTINGS: dict[str, Any] = {"points_a_minute": 10**9, "hires_a_minute": 10**6, "most_cost": 10**8, "most_fields": 5000}
SCOPES = (
    *("INVITATIONS_READ", "INVITATIONS_DECIDE", "CONTRACTS_READ", "CONTRACTS_WRITE", "PROJECTS_READ", "PROJECTS_WRITE", "PROJECTS_DELETE"),
    *("JOBS_WRITE", "TELEWORKERS_READ", "TELEWORKERS_WRITE", "TELEWORKERS_REVEAL", "EVENTS_READ", "REPORTS_READ"),
)
READ = """query { viewer { account {
    invitations(first: 1000) { nodes { id status version expiresAt viewerCanDecide } }
    contracts(first: 1000) { nodes { id number status version startsOn endsOn } }
    approvedProjects(first: 1000) { nodes { id status version title reviewNote startsOn endsOn viewerCanUpdate viewerCanDelete } }
    ownProjects(first: 1000) { nodes { id status version title reviewNote startsOn endsOn viewerCanUpdate viewerCanDelete } }
    jobs(first: 1000) { nodes { id status version title vacancies filled closesAt project { id } } }
    employments(first: 1000) { nodes { id status version startsOn endsOn wage weeklyHours job { id } leavePeriods { startsOn endsOn } } }
    dashboard { pendingInvitations activeContracts approvedProjects ownProjects openJobs openVacancies activeTeleworkers }
    events(%s) { totalCount nodes { sequence type subject { id } } } } } }"""

_worlds = count(1)
_PEOPLE = 4
_DAYS = st.sampled_from([-40, -28, -2, -1, 0, 0, 1, 2, 10, 35])
_SOME_DAYS = st.none() | _DAYS
_WHICH = st.integers(0, 11)  # of what there is, counted from the newest
_VERSION = st.sampled_from([None, None, None, 0, 0, -1, 1])  # beside the current one; None: none is named
_TITLE = st.sampled_from(["أ", "ب", "ج"])
_DRY = st.sampled_from([False, False, False, False, True])


class Tally:
    """Steps and outcomes, over as many machines as run."""

    def __init__(self) -> None:
        self.steps = 0
        self.outcomes: Counter[str] = Counter()

    def note(self, name: str, codes: Codes) -> None:
        self.steps += 1
        self.outcomes[f"{name}: {' '.join(sorted(set(codes))) or 'done'}"] += 1


class Stage:
    """The server that machines play on, one after the other, each with companies and people of its own; and the loop that it runs in."""

    def __init__(self, runner: asyncio.Runner, portal: Portal, tally: Tally) -> None:
        self.runner, self.portal, self.tally = runner, portal, tally

    def __call__(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(coroutine)


def machine_on(stage: Stage) -> type[RuleBasedStateMachine]:
    """The machine, to be run by hypothesis on that stage."""
    return type("Company", (_Company,), {"stage": stage})


def _has(*kinds: str) -> Callable[[Any], bool]:
    return lambda machine: all(machine.things(kind) for kind in kinds)


class _Company(RuleBasedStateMachine):
    stage: Stage

    def __init__(self) -> None:
        super().__init__()
        self.stage(self._begin())

    async def _begin(self) -> None:
        portal = self.portal = self.stage.portal
        portal.clock.now = NOW
        world = await make_world(portal)
        self.model = Model(NOW)
        self.accounts = dict(zip(("north", "south"), self.model.accounts, strict=True))
        companies = dict(zip(("north", "south"), (world.north, world.south), strict=True))
        self.numbers = {name: f"{each.labor_office_id}-{each.sequence_number}" for name, each in companies.items()}
        self.callers = {name: await portal.token(each, *SCOPES) for name, each in companies.items()}
        self.gateway = await portal.gateway()
        self.place = next(_worlds)
        self.told = dict.fromkeys(companies, 0)  # events that were compared

    def things(self, kind: str) -> list[Any]:
        return [each for account in self.model.accounts for each in getattr(account, kind)]

    def live(self, kind: str) -> list[Any]:
        return [each for each in self.things(kind) if not getattr(each, "is_deleted", False)]

    def pick(self, kind: str, which: int) -> Any:
        """One of them; one that was deleted now and then."""
        found = (which != 0 and self.live(kind)) or self.things(kind)
        return found[-(which or 1) % len(found)]

    def day(self, days: int | None) -> date | None:
        return None if days is None else self.model.today + timedelta(days=days)

    # ---- how a step is taken --------------------------------------------------------------------------------------------

    def play(
        self, mutation: str, caller: Caller, given: dict[str, Any], expect: Callable[[], Codes | Thing], dry: bool, shown: str | None = None
    ) -> None:
        """Sends it; unless it is only to validate or the model refuses it, the model does it too. `shown` names what the payload holds."""
        self.stage(self._play(mutation, caller, given, expect, dry, shown))

    async def _play(
        self, mutation: str, caller: Caller, given: dict[str, Any], expect: Callable[[], Codes | Thing], dry: bool, shown: str | None
    ) -> None:
        kind = f"{mutation[0].upper()}{mutation[1:]}Input"
        show = f"{shown} {{ id version }}" if shown else ""
        text = f"mutation($input: {kind}!) {{ {mutation}(input: $input) {{ {show} userErrors {{ code path }} }} }}"
        sent = {name: value.isoformat() if isinstance(value, date) else value for name, value in given.items()}
        validated = None
        if dry:
            validated = self._outcome(f"{mutation} validated", await self.portal(text, caller, input={**sent, "validateOnly": True}))
            await self.compare()  # nothing has changed
        reply = await self.portal(text, caller, input=sent)
        codes = self._outcome(mutation, reply)
        assert validated in (None, codes), (validated, codes)
        expected = expect()
        if isinstance(expected, Thing):
            assert codes == [], (mutation, given, codes, "but the model did it")
            made = reply.data[mutation][str(shown)]
            assert made["version"] == expected.version
            expected.id = made["id"]
        else:
            assert set(codes) == set(expected), (mutation, given, codes, expected)
        await self.compare()

    def _outcome(self, name: str, reply: Reply) -> Codes:
        assert reply.errors == [], reply.body
        self.stage.tally.note(name, reply.codes)
        return reply.codes

    async def compare(self) -> None:
        for name, account in self.accounts.items():
            known = self.told[name]
            news = f"last: {len(account.log) - known + 1}" if len(account.log) > known else "last: 1"
            reply = await self.portal(READ % news, self.callers[name])
            assert reply.errors == [], reply.body
            seen = reply.data["viewer"]["account"]
            assert seen["events"]["totalCount"] == len(account.log), (account.log[-3:], seen["events"])
            self._compare_log(account, seen["events"]["nodes"])
            self.told[name] = len(account.log)
            for kind, expected in self._expected(account).items():
                found = seen[kind] if kind == "dashboard" else {node.pop("id"): node for node in seen[kind]["nodes"]}
                assert found == expected, (kind, found, expected)

    def _compare_log(self, account: Account, nodes: list[dict[str, Any]]) -> None:
        """Of its end; each entry in its turn has been at the end."""
        for node in nodes:
            type_, thing = account.log[node["sequence"] - 1]
            subject = node["subject"] and node["subject"]["id"]
            assert (node["type"], subject) == (type_, None if getattr(thing, "is_deleted", False) else thing.id)

    def _expected(self, account: Account) -> dict[str, Any]:
        model, now, today = self.model, self.model.now, self.model.today
        live = [project for project in account.projects if not project.is_deleted]
        jobs = [job for job in account.jobs if not job.is_deleted]
        filled = {job: model.filled(job) for job in account.jobs}
        projects = {
            project: {
                "status": project.status,
                "version": project.version,
                "title": project.title,
                "reviewNote": project.note,
                "startsOn": _iso(project.starts_on),
                "endsOn": _iso(project.ends_on),
                "viewerCanUpdate": project.status in ("DRAFT", "RETURNED", "APPROVED"),
                "viewerCanDelete": not any(filled[job] for job in jobs if job.project is project),
            }
            for project in live
        }
        states = {job: job.status(now, filled[job]) for job in jobs}
        current = [each for each in account.employments if each.status(today) != "ENDED"]
        return {
            "invitations": {
                each.id: {
                    "status": each.status(now),
                    "version": each.version,
                    "expiresAt": _stamp(each.expires_at),
                    "viewerCanDecide": each.status(now) == "PENDING",
                }
                for each in account.invitations
            },
            "contracts": {
                each.id: {
                    "number": each.number,
                    "status": each.status(today),
                    "version": each.version,
                    "startsOn": _iso(each.starts_on),
                    "endsOn": _iso(each.ends_on),
                }
                for each in account.contracts
            },
            "approvedProjects": {each.id: shown for each, shown in projects.items() if each.contract is not None},
            "ownProjects": {each.id: shown for each, shown in projects.items() if each.contract is None},
            "jobs": {
                job.id: {
                    "status": states[job],
                    "version": job.version,
                    "title": job.title,
                    "vacancies": job.vacancies,
                    "filled": filled[job],
                    "closesAt": job.closes_at and _stamp(job.closes_at),
                    "project": {"id": job.project.id},
                }
                for job in jobs
            },
            "employments": {
                each.id: {
                    "status": each.status(today),
                    "version": each.version,
                    "startsOn": _iso(each.starts_on),
                    "endsOn": _iso(each.ends_on),
                    "wage": f"{each.wage:.2f}",
                    "weeklyHours": each.hours,
                    "job": {"id": each.job.id},
                    "leavePeriods": [{"startsOn": _iso(begins), "endsOn": _iso(ends)} for begins, ends in each.leaves],
                }
                for each in account.employments
            },
            "dashboard": {
                "pendingInvitations": sum(each.status(now) == "PENDING" for each in account.invitations),
                "activeContracts": sum(each.status(today) == "ACTIVE" for each in account.contracts),
                "approvedProjects": sum(each.contract is not None and each.status == "APPROVED" for each in live),
                "ownProjects": sum(each.contract is None for each in live),
                "openJobs": sum(state == "OPEN" for state in states.values()),
                "openVacancies": sum(job.vacancies - filled[job] for job, state in states.items() if state == "OPEN"),
                "activeTeleworkers": len({each.person for each in current}),
            },
        }

    def versioned(self, thing: Thing, version: int | None) -> tuple[dict[str, Any], int | None]:
        """What is sent, and what the model is told."""
        if version is None:
            return {}, None
        return {"version": thing.version + version}, thing.version + version

    @initialize(company=st.sampled_from(["north", "south", "both"]))
    def a_beginning(self, company: str) -> None:
        """A contract with a project and a job, which random steps alone take long to come to."""
        for name in self.accounts if company == "both" else [company]:
            self.deliver_invitation(name, 1, None, None, None, False)
            self.decide_invitation(1, "accept", False)
            self.deliver_project(1, "أ", False)
            self.add_job(1, "أ", 2, True, False)

    # ---- the clock, and strangers ------------------------------------------------------------------------------------------

    @rule(by=st.sampled_from([{"minutes": 1}, {"hours": 5}, {"hours": 12}, {"days": 1}, {"days": 3}, {"days": 16}, {"days": 31}]))
    def the_clock_moves(self, by: dict[str, int]) -> None:
        self.portal.clock.advance(**by)
        self.model.now = self.portal.clock.now
        self.stage.tally.note("clock", [])
        self.stage(self.compare())

    @precondition(_has("jobs"))
    @rule(which=_WHICH, act=st.sampled_from(["acceptInvitation", "terminateContract", "updateProject", "updateJob", "endEmployment"]))
    def a_stranger_finds_nothing(self, which: int, act: str) -> None:
        kinds: dict[str, tuple[str, str, dict[str, Any]]] = {
            "acceptInvitation": ("invitations", "invitationId", {}),
            "terminateContract": ("contracts", "contractId", {"reason": "x"}),
            "updateProject": ("projects", "projectId", {"titleAr": "د"}),
            "updateJob": ("jobs", "jobId", {"titleAr": "د"}),
            "endEmployment": ("employments", "employmentId", {"endsOn": self.model.today, "reason": "x"}),
        }
        kind, name, rest = kinds[act]
        if self.things(kind):
            thing = self.pick(kind, which)
            self.play(act, self.stranger_to(thing), {name: thing.id, **rest}, lambda: ["NOT_FOUND"], False)

    def stranger_to(self, thing: Thing) -> Caller:
        return self.callers["south" if thing.account.name == "north" else "north"]

    # ---- contracting ---------------------------------------------------------------------------------------------------------

    @rule(
        company=st.sampled_from(["north", "south"]),
        establishment=st.integers(1, 2),
        starts=_SOME_DAYS,
        ends=_SOME_DAYS,
        expires=st.none() | st.sampled_from([-1, 3, 100]),
        dry=_DRY,
    )
    def deliver_invitation(
        self, company: str, establishment: int, starts: int | None, ends: int | None, expires: int | None, dry: bool
    ) -> None:
        expires_at = None if expires is None else self.model.now + timedelta(days=expires)
        starts_on, ends_on = self.day(starts), self.day(ends)
        given = {
            "companyNumber": self.numbers[company],
            "establishmentNumber": f"{self.place % 999 + 1}-{self.place * 10 + establishment}",
            "establishmentNameAr": "منشأة",
            "proposedStartsOn": starts_on,
            "proposedEndsOn": ends_on,
            "expiresAt": expires_at and _stamp(expires_at),
        }
        account = self.accounts[company]
        self.play(
            "deliverInvitation",
            self.gateway,
            given,
            lambda: self.model.deliver_invitation(account, establishment, starts_on, ends_on, expires_at),
            dry,
            "invitation",
        )

    @precondition(_has("invitations"))
    @rule(which=_WHICH, decision=st.sampled_from(["accept", "accept", "accept", "reject", "withdraw"]), dry=_DRY)
    def decide_invitation(self, which: int, decision: str, dry: bool) -> None:
        invitation = self.pick("invitations", which)
        caller = self.gateway if decision == "withdraw" else self.callers[invitation.account.name]
        done: Callable[[Any], Codes | Thing] = getattr(self.model, f"{decision}_invitation")
        shown = "contract" if decision == "accept" else None
        self.play(f"{decision}Invitation", caller, {"invitationId": invitation.id}, lambda: done(invitation), dry, shown)

    @precondition(_has("contracts"))
    @rule(which=_WHICH, version=_VERSION, dry=_DRY)
    def terminate_contract(self, which: int, version: int | None, dry: bool) -> None:
        contract = self.pick("contracts", which)
        sent, told = self.versioned(contract, version)
        given = {"contractId": contract.id, "reason": "x", **sent}
        self.play("terminateContract", self.own(contract), given, lambda: self.model.terminate_contract(contract, told), dry)

    def own(self, thing: Thing) -> Caller:
        return self.callers[thing.account.name]

    # ---- projects --------------------------------------------------------------------------------------------------------------

    @precondition(_has("contracts"))
    @rule(which=_WHICH, title=_TITLE, dry=_DRY)
    def deliver_project(self, which: int, title: str, dry: bool) -> None:
        contract = self.pick("contracts", which)
        given = {"contractId": contract.id, "titleAr": title}
        self.play("deliverProject", self.gateway, given, lambda: self.model.deliver_project(contract, title), dry, "project")

    @rule(company=st.sampled_from(["north", "south"]), title=_TITLE, starts=_SOME_DAYS, ends=_SOME_DAYS, dry=_DRY)
    def create_project(self, company: str, title: str, starts: int | None, ends: int | None, dry: bool) -> None:
        account, starts_on, ends_on = self.accounts[company], self.day(starts), self.day(ends)
        given = {"titleAr": title, "startsOn": starts_on, "endsOn": ends_on}
        done = lambda: self.model.create_project(account, title, starts_on, ends_on)  # noqa: E731
        self.play("createProject", self.callers[company], given, done, dry, "project")

    @precondition(_has("projects"))
    @rule(which=_WHICH, title=st.none() | _TITLE, starts=st.just("left") | _SOME_DAYS, version=_VERSION, dry=_DRY)
    def update_project(self, which: int, title: str | None, starts: Any, version: int | None, dry: bool) -> None:
        project = self.pick("projects", which)
        sent, told = self.versioned(project, version)
        given: dict[str, Any] = {"projectId": project.id, **sent}
        changes: dict[str, Any] = {}
        if title is not None:
            given["titleAr"] = changes["title"] = title
        if starts != "left":
            given["startsOn"] = changes["starts_on"] = self.day(starts)
        self.play("updateProject", self.own(project), given, lambda: self.model.update_project(project, told, **changes), dry)

    @precondition(_has("projects"))
    @rule(which=_WHICH, version=_VERSION, dry=_DRY)
    def submit_project(self, which: int, version: int | None, dry: bool) -> None:
        project = self.pick("projects", which)
        sent, told = self.versioned(project, version)
        given = {"projectId": project.id, **sent}
        self.play("submitProject", self.own(project), given, lambda: self.model.submit_project(project, told), dry)

    @precondition(_has("projects"))
    @rule(which=_WHICH, decision=st.sampled_from(["APPROVE", "APPROVE", "RESUME", *DECISIONS]), note=st.none() | _TITLE, dry=_DRY)
    def decide_project(self, which: int, decision: str, note: str | None, dry: bool) -> None:
        project = self.pick("projects", which)
        given = {"projectId": project.id, "decision": decision, "note": note}
        self.play("decideProject", self.gateway, given, lambda: self.model.decide_project(project, decision, note), dry)

    @precondition(lambda machine: len(machine.live("projects")) > 3)
    @rule(which=_WHICH, version=_VERSION, dry=_DRY)
    def delete_project(self, which: int, version: int | None, dry: bool) -> None:
        project = self.pick("projects", which)
        sent, told = self.versioned(project, version)
        given = {"projectId": project.id, **sent}
        self.play("deleteProject", self.own(project), given, lambda: self.model.delete_project(project, told), dry)

    # ---- jobs --------------------------------------------------------------------------------------------------------------------

    @precondition(_has("projects"))
    @rule(which=_WHICH, title=_TITLE, vacancies=st.integers(1, 3), publish=st.sampled_from([True, True, False]), dry=_DRY)
    def add_job(self, which: int, title: str, vacancies: int, publish: bool, dry: bool) -> None:
        project = self.pick("projects", which)
        given = {"projectId": project.id, "titleAr": title, "vacancies": vacancies, "publish": publish}
        rest = {"employmentType": "FULL_TIME", "weeklyHours": 40}
        done = lambda: self.model.add_job(project, title, vacancies, publish)  # noqa: E731
        self.play("addJob", self.own(project), {**given, **rest}, done, dry, "job")

    @precondition(_has("jobs"))
    @rule(which=_WHICH, title=st.none() | _TITLE, vacancies=st.none() | st.integers(1, 4), version=_VERSION, dry=_DRY)
    def update_job(self, which: int, title: str | None, vacancies: int | None, version: int | None, dry: bool) -> None:
        job = self.pick("jobs", which)
        sent, told = self.versioned(job, version)
        given: dict[str, Any] = {"jobId": job.id, **sent}
        changes: dict[str, Any] = {}
        if title is not None:
            given["titleAr"] = changes["title"] = title
        if vacancies is not None:
            given["vacancies"] = changes["vacancies"] = vacancies
        self.play("updateJob", self.own(job), given, lambda: self.model.update_job(job, told, **changes), dry)

    @precondition(_has("jobs"))
    @rule(
        which=_WHICH,
        status=st.sampled_from(["OPEN", "OPEN", "PAUSED", "PAUSED", "CLOSED", "DRAFT", "FILLED", "EXPIRED"]),
        version=_VERSION,
        dry=_DRY,
    )
    def change_job_status(self, which: int, status: str, version: int | None, dry: bool) -> None:
        job = self.pick("jobs", which)
        sent, told = self.versioned(job, version)
        given = {"jobId": job.id, "status": status, **sent}
        self.play("changeJobStatus", self.own(job), given, lambda: self.model.change_job_status(job, status, told), dry)

    @precondition(lambda machine: len(machine.live("jobs")) > 3)
    @rule(which=_WHICH, version=_VERSION, dry=_DRY)
    def delete_job(self, which: int, version: int | None, dry: bool) -> None:
        job = self.pick("jobs", which)
        sent, told = self.versioned(job, version)
        self.play("deleteJob", self.own(job), {"jobId": job.id, **sent}, lambda: self.model.delete_job(job, told), dry)

    # ---- direct hiring --------------------------------------------------------------------------------------------------------------

    @precondition(_has("jobs"))
    @rule(
        which=_WHICH,
        person=st.integers(0, _PEOPLE - 1),
        kind=st.sampled_from(["FULL_TIME", "PART_TIME", "PART_TIME"]),
        starts=st.sampled_from([0, 0, 0, 0, -28, -29, -5, 1, 20, 366, 367]),
        lasts=st.none() | st.sampled_from([-1, 0, 5, 30]),
        wage=st.sampled_from(["4000", "4000", "4000", "9000", "3999.99", "2000", "1999.99"]),
        hours=st.sampled_from([40, 40, 40, 48, 49, 1]),
        registered=st.sampled_from([True, True, True, False]),
        age=st.sampled_from([30, 30, 30, 30, 18, 17, 60, 61]),
        citizen=st.sampled_from([True, True, True, True, True, False]),
        dry=_DRY,
    )
    def hire_teleworker(
        self,
        which: int,
        person: int,
        kind: str,
        starts: int,
        lasts: int | None,
        wage: str,
        hours: int,
        registered: bool,
        age: int,
        citizen: bool,
        dry: bool,
    ) -> None:
        self._hire(self.pick("jobs", which), person, kind, starts, lasts, wage, hours, registered, age, citizen, dry)

    @precondition(_has("jobs"))
    @rule(
        which=_WHICH,
        person=st.integers(0, _PEOPLE - 1),
        kind=st.sampled_from(["FULL_TIME", "PART_TIME"]),
        starts=st.sampled_from([0, 0, 2, 20]),
        lasts=st.none() | st.sampled_from([0, 5, 30]),
    )
    def hire_as_one_should(self, which: int, person: int, kind: str, starts: int, lasts: int | None) -> None:
        self._hire(self.pick("jobs", which), person, kind, starts, lasts, "4000", 40, True, 30, True, False)

    def _hire(
        self,
        job: Any,
        person: int,
        kind: str,
        starts: int,
        lasts: int | None,
        wage: str,
        hours: int,
        registered: bool,
        age: int,
        citizen: bool,
        dry: bool,
    ) -> None:
        starts_on = self.model.today + timedelta(days=starts)
        ends_on = None if lasts is None else starts_on + timedelta(days=lasts)
        born = _years_before(starts_on, age)
        given = {
            "jobId": job.id,
            "nationalId": self.national_id(person) if citizen else "2000000006",
            "name": f"عامل {person}",
            "birthDate": born,
            "gender": "FEMALE",
            "employmentType": kind,
            "startsOn": starts_on,
            "endsOn": ends_on,
            "wage": wage,
            "weeklyHours": hours,
            "gosiRegistered": registered,
        }
        terms: dict[str, Any] = {"type": kind, "starts_on": starts_on, "ends_on": ends_on, "wage": Decimal(wage), "hours": hours}
        rest: dict[str, Any] = {"registered": registered, "birth_date": born, "is_citizen": citizen}
        done = lambda: self.model.hire_teleworker(job, person, **terms, **rest)  # noqa: E731
        self.play("hireTeleworker", self.own(job), given, done, dry, "employment")

    def national_id(self, person: int) -> str:
        """People are this machine's alone."""
        return national_id(20_000_000 + self.place * _PEOPLE + person)

    @precondition(_has("employments"))
    @rule(
        which=_WHICH,
        wage=st.none() | st.sampled_from(["4000", "5000", "3000", "1000"]),
        hours=st.none() | st.sampled_from([20, 48, 49]),
        registered=st.sampled_from([None, None, True, False]),
        ends=st.just("left") | _SOME_DAYS,
        version=_VERSION,
        dry=_DRY,
    )
    def update_employment(
        self, which: int, wage: str | None, hours: int | None, registered: bool | None, ends: Any, version: int | None, dry: bool
    ) -> None:
        employment = self.pick("employments", which)
        sent, told = self.versioned(employment, version)
        given: dict[str, Any] = {"employmentId": employment.id, **sent}
        changes: dict[str, Any] = {}
        if wage is not None:
            given["wage"], changes["wage"] = wage, Decimal(wage)
        if hours is not None:
            given["weeklyHours"] = changes["hours"] = hours
        if registered is not None:
            given["gosiRegistered"] = changes["registered"] = registered
        if ends != "left":
            given["endsOn"] = changes["ends_on"] = self.day(ends)
        self.play("updateEmployment", self.own(employment), given, lambda: self.model.update_employment(employment, told, **changes), dry)

    @precondition(_has("employments"))
    @rule(which=_WHICH, begins=_DAYS, ends=_SOME_DAYS, dry=_DRY)
    def go_on_leave(self, which: int, begins: int, ends: int | None, dry: bool) -> None:
        employment = self.pick("employments", which)
        leave = (self.model.today + timedelta(days=begins), self.day(ends))
        given = {"employmentId": employment.id, "onLeaveFrom": leave[0], "onLeaveUntil": leave[1]}
        self.play("updateEmployment", self.own(employment), given, lambda: self.model.update_employment(employment, None, leave=leave), dry)

    @precondition(_has("employments"))
    @rule(which=_WHICH, ends=_DAYS, version=_VERSION, dry=_DRY)
    def end_employment(self, which: int, ends: int, version: int | None, dry: bool) -> None:
        employment = self.pick("employments", which)
        sent, told = self.versioned(employment, version)
        ends_on = self.model.today + timedelta(days=ends)
        given = {"employmentId": employment.id, "endsOn": ends_on, "reason": "x", **sent}
        self.play("endEmployment", self.own(employment), given, lambda: self.model.end_employment(employment, ends_on, told), dry)


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _stamp(instant: Any) -> str:
    return str(instant.astimezone(NOW.tzinfo).isoformat().replace("+00:00", "Z"))


def _years_before(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return date(day.year - years, 2, 28)
