"""A whole year of weekly reports in the sandbox, in seconds: python3 docs/rehearsal.py [demo.json]

What integrators.md tells, played: an invitation, its contract, a project that the token delivers as the portal's gateway, a job, three
people, then 52 weeks with the clock moved from one to the next: on time, late, partial, missing, locked, corrected, with leaves and an
employment that ends. In the end the weeks as the portal sees them must be those of PLAN. Resets the token's sandbox. Standard library only.
"""

from __future__ import annotations

import http.client
import json
import sys
import time
import urllib.error
import urllib.request
import uuid
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

RIYADH = timezone(timedelta(hours=3))
WEEKS = 52
MONDAY, TUESDAY, THURSDAY = 8, 9, 11  # days after a week's Sunday on which it is reported: the first two are before the deadline
PEOPLE = (("نورة سعد", "1000000008"), ("سارة خالد", "1000000016"), ("محمد فهد", "1000000024"))

SUBMIT = """mutation($input: SubmitWeeklyReportInput!) { submitWeeklyReport(input: $input) {
  submission { status revision } week { status } lineResults { index accepted errors { code } } userErrors { code } } }"""
CLOCK = "mutation($now: DateTime) { setSandboxClock(input: {now: $now}) { service { now } userErrors { code } } }"
LEAVE = """mutation($id: ID!, $from: Date!, $until: Date!) {
  updateEmployment(input: {employmentId: $id, onLeaveFrom: $from, onLeaveUntil: $until}) { userErrors { code message } } }"""
END = """mutation($id: ID!, $on: Date!) {
  endEmployment(input: {employmentId: $id, endsOn: $on, reason: "End of the season"}) { userErrors { code message } } }"""
YEAR = """query($from: Date!, $to: Date!) { viewer { account {
  reportWeeks(first: 60, where: {weekStart: {from: $from, to: $to}}) { nodes {
    weekStart status expectedLines reportedLines onTimeLines revision missingTeleworkers(first: 3) { totalCount } } } } } }"""


class Week(NamedTuple):
    """What the portal must say of a week in the end."""

    status: str
    expected: int
    reported: int
    on_time: int
    revision: int
    what: str = ""


def usual(people: int) -> Week:
    return Week("COMPLIANT", people, people, people, 1)


# What differs from a report of everybody on Monday, by the week's place in the year. play() does it, the end of the year compares.
PLAN = {
    4: Week("LATE", 3, 3, 0, 1, "all on Thursday"),
    7: Week("LATE", 3, 3, 2, 2, "two on Monday, one on Thursday"),
    10: Week("PARTIAL", 3, 2, 2, 1, "one never came; PERIOD_LOCKED when it was sent after all"),
    13: Week("MISSING", 3, 0, 0, 0, "nothing came; PERIOD_LOCKED"),
    16: Week("COMPLIANT", 3, 3, 3, 2, "corrected before the deadline"),
    19: Week("COMPLIANT", 3, 3, 3, 2, "corrected after it: REPORT_REASON_REQUIRED, then with a reason"),
    22: Week("COMPLIANT", 3, 3, 3, 1, "a line of a stranger: UNKNOWN_TELEWORKER, the others kept"),
    25: Week("COMPLIANT", 3, 3, 3, 3, "REPLACE dropped a line, which came again late: its first mark counts"),
    28: Week("COMPLIANT", 2, 2, 2, 1, "one on leave"),
    29: Week("COMPLIANT", 2, 2, 2, 1, "one on leave"),
    32: Week("COMPLIANT", 3, 3, 3, 1, "the last days of an employment"),
    33: Week("COMPLIANT", 2, 2, 2, 1, "without whoever left: UNKNOWN_TELEWORKER"),
    40: Week("NOT_REQUIRED", 0, 0, 0, 1, "all on leave: a nil report"),
}
LEFT_AFTER = 32
YEAR_EXPECTED = [PLAN.get(place, usual(3 if place <= LEFT_AFTER else 2)) for place in range(WEEKS)]


class Portal:
    """The sandbox, as one of its tokens reaches it."""

    def __init__(self, graph: str, reports: str, token: str) -> None:
        self.graph, self.reports, self.token, self.sent = graph, reports, token, 0

    def post(self, url: str, body: object, headers: dict[str, str]) -> tuple[dict[str, str], Any]:
        """Once more where that may help, with the same key: integrators.md tells when."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", "Accept-Language": "en", **headers}
        for attempt in range(6):
            self.sent += 1
            wait = 2.0**attempt
            try:
                request = urllib.request.Request(url, json.dumps(body).encode(), headers)  # noqa: S310  # as demo.json has it
                with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                    return {name.lower(): value for name, value in answer.headers.items()}, json.load(answer)
            except urllib.error.HTTPError as refusal:
                with refusal:
                    if refusal.code not in (408, 409, 429, 500, 502, 503, 504):
                        return {name.lower(): value for name, value in refusal.headers.items()}, json.load(refusal)
                    wait = float(refusal.headers.get("Retry-After") or wait)
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(wait)
        raise SystemExit(f"{url} did not answer")

    def ask(self, document: str, variables: dict[str, object] | None = None, key: str | None = None) -> tuple[dict[str, str], Any]:
        """The answer's headers, and the data of its only field."""
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        headers, answer = self.post(self.graph, {"query": document, "variables": variables or {}}, headers)
        if answer.get("errors"):
            raise SystemExit(f"{answer['errors']}")
        [data] = answer["data"].values()
        return headers, data

    def do(self, document: str, **variables: object) -> Any:
        """A mutation that must succeed."""
        _, payload = self.ask(document, variables)
        check(payload["userErrors"], [], document)
        return payload

    def stop_clock(self, day: date, hour: int = 10) -> None:
        self.do(CLOCK, now=datetime(day.year, day.month, day.day, hour, tzinfo=RIYADH).isoformat())


def check(found: object, expected: object, what: str) -> None:
    if found != expected:
        raise SystemExit(f"{what}: expected {expected}, found {found}")


class Rehearsal:
    def __init__(self, portal: Portal) -> None:
        self.portal = portal
        self.number = ""  # the client's
        self.first = date.min  # the Sunday of the first week
        self.employments: list[str] = []

    def begin(self) -> None:
        """From an empty sandbox to three people at work."""
        portal = self.portal
        portal.do("mutation { resetSandbox(input: {}) { userErrors { code } } }")
        _, service = portal.ask("{ service { environment currentWeekStart } }")
        check(service["environment"], "SANDBOX", "whose data this is")
        self.first = date.fromisoformat(service["currentWeekStart"]) + timedelta(days=7)
        _, viewer = portal.ask("{ viewer { account { invitations(first: 1) { nodes { id } } } } }")
        [invitation] = viewer["account"]["invitations"]["nodes"]
        accept = """mutation($id: ID!) { acceptInvitation(input: {invitationId: $id}) {
          contract { id establishment { establishmentNumber } } userErrors { code } } }"""
        contract = portal.do(accept, id=invitation["id"])["contract"]
        self.number = contract["establishment"]["establishmentNumber"]
        portal.stop_clock(self.first)
        deliver = """mutation($id: ID!) { deliverProject(input: {contractId: $id, titleAr: "خدمة العملاء"}) {
          project { id } userErrors { code } } }"""
        project = portal.do(deliver, id=contract["id"])["project"]
        add = """mutation($id: ID!) { addJob(input: {projectId: $id, titleAr: "موظف خدمة عملاء", vacancies: 3, employmentType: FULL_TIME,
          weeklyHours: 40}) { job { id } userErrors { code } } }"""
        job = portal.do(add, id=project["id"])["job"]
        hire = """mutation($job: ID!, $id: NationalId!, $name: String!, $on: Date!) { hireTeleworker(input: {jobId: $job,
          nationalId: $id, name: $name, birthDate: "1995-05-05", gender: FEMALE, employmentType: FULL_TIME, startsOn: $on,
          wage: "5000", weeklyHours: 40, gosiRegistered: true}) {
          employment { id } userErrors { code message path } } }"""
        for name, national_id in PEOPLE:
            made = portal.do(hire, job=job["id"], id=national_id, name=name, on=self.first.isoformat())
            self.employments.append(made["employment"]["id"])

    def sunday(self, place: int) -> date:
        return self.first + timedelta(days=7 * place)

    def stop_clock(self, place: int, days: int) -> None:
        """So many days after the Sunday of that week."""
        self.portal.stop_clock(self.sunday(place) + timedelta(days=days))

    def line(self, national_id: str, minutes: int = 2400) -> dict[str, object]:
        counts = {"loginCount": 5, "logoutCount": 5, "assignedTasks": 20, "completedTasks": 18, "totalWorkMinutes": minutes}
        return {"establishmentNumber": self.number, "nationalId": national_id, "activityLevel": "82.5", **counts}

    def lines(self, people: range | tuple[int, ...], minutes: int = 2400) -> list[dict[str, object]]:
        return [self.line(PEOPLE[person][1], minutes) for person in people]

    def submit(self, place: int, lines: list[dict[str, object]], codes: tuple[str, ...] = (), **more: object) -> Any:
        given = {"weekStart": self.sunday(place).isoformat(), "lines": lines, **more}
        _, payload = self.portal.ask(SUBMIT, {"input": given})
        of_lines = [error["code"] for line in payload["lineResults"] for error in line["errors"]]
        told = [error["code"] for error in payload["userErrors"]] or of_lines
        check(tuple(told), codes, f"the report of {self.sunday(place)}")
        return payload

    def post(self, place: int, people: range) -> None:
        """In the present wire format, as senders write it."""
        office, sequence = self.number.split("-")
        lines = [
            {
                "EstLaborOfficeId": office,
                "EstSequenceNumber": sequence,
                "IdNumber": PEOPLE[person][1],
                "ActivityLevel": "82.5 %",
                "LoginCount": "5",
                "LogoutCount": "5",
                "AssignedTasks": "20",
                "CompletedTasks": "18",
                "TotalWorkTime": "2400 mins",
            }
            for person in people
        ]
        headers = {"X-Week-Start": self.sunday(place).isoformat(), "Idempotency-Key": str(uuid.uuid4())}
        _, answer = self.portal.post(self.portal.reports, lines, headers)
        check((answer["success"], answer["codes"]), (True, []), f"the lines of {self.sunday(place)}")

    def repeat(self, place: int, people: range) -> None:
        """The same report twice under one key, as after an answer that was lost."""
        given = {"weekStart": self.sunday(place).isoformat(), "lines": self.lines(people)}
        key = str(uuid.uuid4())
        first, second = [self.portal.ask(SUBMIT, {"input": given}, key) for _ in range(2)]
        check(second[1], first[1], "the answer to a repetition")
        check((first[0].get("idempotency-replayed"), second[0].get("idempotency-replayed")), (None, "true"), "Idempotency-Replayed")

    def away(self, persons: range | tuple[int, ...], first: int, last: int) -> None:
        """On leave for these weeks."""
        days = {"from": self.sunday(first).isoformat(), "until": (self.sunday(last) + timedelta(days=6)).isoformat()}
        for person in persons:
            self.portal.do(LEAVE, id=self.employments[person], **days)

    def play(self, place: int) -> None:
        """What happens to the report of one week, from the Monday after it on."""
        people = range(3 if place <= LEFT_AFTER else 2)
        if place == 4:
            self.submit(place + 1, self.lines(people), ("PERIOD_NOT_OPEN",))
            self.stop_clock(place, THURSDAY)
            self.submit(place, self.lines(people))
        elif place == 7:
            self.submit(place, self.lines((0, 1)))
            self.stop_clock(place, THURSDAY)
            self.submit(place, self.lines((2,)))
        elif place == 10:
            self.submit(place, self.lines((0, 1)))
        elif place == 13:
            pass
        elif place == 16:
            self.submit(place, self.lines(people))
            self.stop_clock(place, TUESDAY)
            self.submit(place, self.lines((0,), 1800))
        elif place == 19:
            self.submit(place, self.lines(people))
            self.stop_clock(place, THURSDAY)
            self.submit(place, self.lines((0,), 1800), ("REPORT_REASON_REQUIRED",))
            self.submit(place, self.lines((0,), 1800), reason="The export had counted a day twice")
        elif place == 22:
            stranger = self.line("1000000032")
            self.submit(place, [*self.lines(people), stranger], ("UNKNOWN_TELEWORKER",))
            self.submit(place, [*self.lines(people), stranger], ("UNKNOWN_TELEWORKER",), errorPolicy="REJECT_FAILED_LINES")
        elif place == 25:
            self.submit(place, self.lines(people))
            self.submit(place, self.lines((0, 1)), correctionMode="REPLACE")
            self.stop_clock(place, THURSDAY)
            self.submit(place, self.lines((2,)))
        elif place in (28, 29):
            self.submit(place, self.lines((0, 1)))
        elif place == 33:
            self.submit(place, self.lines((2,)), ("UNKNOWN_TELEWORKER",))
            self.post(place, people)
        elif place == 40:
            self.submit(place, [], nilReport=True)
        elif place == 1:
            self.repeat(place, people)
        elif place % 2:
            self.post(place, people)
        else:
            self.submit(place, self.lines(people))

    def year(self) -> None:
        for place in range(WEEKS):
            self.stop_clock(place, MONDAY)
            if place == 26:
                self.away((2,), 28, 29)
            if place == 31:  # a Monday of week 32
                last_day = self.sunday(32) + timedelta(days=3)
                self.portal.do(END, id=self.employments[2], on=last_day.isoformat())
            if place == 38:
                self.away((0, 1), 40, 40)
            for late in (10, 13):
                if place == late + 4:  # a day after it was locked
                    self.submit(late, self.lines((2,)), ("PERIOD_LOCKED",))
            self.play(place)

    def compare(self) -> list[str]:
        """Prints the year; what is not as it was planned."""
        self.stop_clock(WEEKS - 1, THURSDAY)
        days = {"from": self.first.isoformat(), "to": self.sunday(WEEKS - 1).isoformat()}
        found = self.portal.ask(YEAR, {**days})[1]["account"]["reportWeeks"]["nodes"]
        found.sort(key=lambda week: str(week["weekStart"]))
        check(len(found), WEEKS, "weeks in the year")
        wrong = []
        print(f"{'week of':<12}{'status':<14}{'expected':>9}{'reported':>9}{'on time':>9}{'revision':>9}")
        for place, (week, expected) in enumerate(zip(found, YEAR_EXPECTED, strict=True)):
            figures = [week[name] for name in ("status", "expectedLines", "reportedLines", "onTimeLines", "revision")]
            is_right = figures == [*expected[:5]] and week["weekStart"] == self.sunday(place).isoformat()
            is_right = is_right and week["missingTeleworkers"]["totalCount"] == expected.expected - expected.reported
            if not is_right:
                wrong.append(f"{week}, not {expected}")
            status, *counts = figures
            row = f"{week['weekStart']:<12}{status:<14}{''.join(f'{each:>9}' for each in counts)}"
            print(f"{row}  {'' if is_right else '<< '}{expected.what}".rstrip())
        return wrong


def main() -> int:
    demo = json.loads(Path(sys.argv[1] if len(sys.argv) > 1 else ".data/demo.json").read_text(encoding="utf-8"))
    fit = [each["secret"] for each in demo["tokens"] if each["environment"] == "SANDBOX" and "TELEWORKERS_WRITE" in each["scopes"]]
    portal = Portal(demo["sandboxGraphqlUrl"], demo["sandboxReportsUrl"], fit[-1])
    began = datetime.now(UTC)
    rehearsal = Rehearsal(portal)
    rehearsal.begin()
    rehearsal.year()
    wrong = rehearsal.compare()
    portal.do(CLOCK, now=None)
    seconds = (datetime.now(UTC) - began).total_seconds()
    print(f"{WEEKS} weeks, {portal.sent} requests, {seconds:.1f} s: {f'{len(wrong)} weeks are not ' if wrong else ''}as planned")
    for week in wrong:
        print(week, file=sys.stderr)
    return bool(wrong)


if __name__ == "__main__":
    raise SystemExit(main())
