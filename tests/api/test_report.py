"""Weekly reports by HTTP: windows, lines, policies, corrections, and what a company sees of its weeks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select

from app.clock import RIYADH, ReportWindow, riyadh_day, sunday, week_number
from app.models import (
    Contract,
    Employment,
    Establishment,
    Job,
    LeavePeriod,
    Project,
    ProjectKind,
    ReportDuty,
    ReportLine,
    ReportLineVersion,
    ReportSubmission,
    ReportTally,
    Role,
    Teleworker,
)
from app.models.report import week_key
from app.operations.migrate import migrate
from tests.portal import Caller, Reply
from tests.world import World, national_id

SUBMIT = """mutation($input: SubmitWeeklyReportInput!) { submitWeeklyReport(input: $input) {
    submission { id weekStart revision status lineCount acceptedLines rejectedLines reason user { name } }
    week { id weekStart status expectedLines reportedLines onTimeLines revision }
    lineResults { index accepted line { id revision onTime establishmentNumber activityLevel loginCount teleworker { id } }
        errors { code path message } warnings { code path } }
    userErrors { code path } clientMutationId } }"""
WEEKS = """{ viewer { account {
    dashboard { complianceRate currentWeek { weekStart status } overdueWeeks { weekStart status } }
    reportWeeks(first: 60) { totalCount nodes { id weekStart weekEnd dueAt locksAt status expectedLines reportedLines onTimeLines revision
        lines { nodes { id } } missingTeleworkers { totalCount nodes { id } } submissions { nodes { status revision } } } } } } }"""
LAST = date(2026, 11, 15)  # the week that has ended; now is noon on the Sunday after it
LATE = datetime(2026, 11, 25, 9, tzinfo=UTC)


@dataclass
class Staff:
    """Three people at a client's, one in the company's own project, all for weeks."""

    world: World
    caller: Caller
    number: str
    people: list[Teleworker]
    employments: list[Employment]
    own: Teleworker

    def line(self, place: int = 0, **values: Any) -> dict[str, Any]:
        return line(self.number, self.people[place].national_id, **values)

    def own_line(self, **values: Any) -> dict[str, Any]:
        north = self.world.north
        return line(f"{north.labor_office_id}-{north.sequence_number}", self.own.national_id, **values)

    def lines(self) -> list[dict[str, Any]]:
        return [self.line(0), self.line(1), self.line(2), self.own_line()]

    async def submit(self, *lines: dict[str, Any], week: date = LAST, caller: Caller | None = None, **more: Any) -> Reply:
        return await self.world.portal(SUBMIT, caller or self.caller, input={"weekStart": week.isoformat(), "lines": list(lines), **more})

    async def week(self, start: date = LAST) -> dict[str, Any]:
        reply = await self.world.portal(WEEKS, self.caller)
        assert reply.errors == []
        return next(week for week in reply.data["viewer"]["account"]["reportWeeks"]["nodes"] if week["weekStart"] == start.isoformat())

    async def stored(self, model: Any) -> list[Any]:
        return await self.world.portal.fetch(select(model).where(model.company_id == self.world.north.id))


def line(number: str, national_id: str, **values: Any) -> dict[str, Any]:
    counts = {"loginCount": 5, "logoutCount": 5, "assignedTasks": 10, "completedTasks": 8, "totalWorkMinutes": 2400}
    return {"establishmentNumber": number, "nationalId": national_id, "activityLevel": "80", **counts, **values}


def result(reply: Reply) -> dict[str, Any]:
    assert reply.errors == [], reply.body
    made: dict[str, Any] = reply.data["submitWeeklyReport"]
    return made


def told(reply: Reply) -> list[tuple[bool, list[str]]]:
    """Of each line in order, whether it was kept, and its errors' codes."""
    return [(each["accepted"], [error["code"] for error in each["errors"]]) for each in result(reply)["lineResults"]]


@pytest.fixture
async def staff(world: World) -> Staff:
    return await make_staff(world)


async def make_staff(world: World, since: date = date(2026, 11, 1)) -> Staff:
    project = await world.project()
    job = await world.job(project, vacancies=9)
    own_job = await world.job(await world.project(kind=ProjectKind.OWN))
    people = [await world.teleworker() for _ in range(3)]
    own = await world.teleworker()
    employments = [await world.employment(job, teleworker=person, starts_on=since) for person in people]
    employments.append(await world.employment(own_job, teleworker=own, starts_on=since))
    [client] = await world.portal.fetch(select(Establishment).where(Establishment.id == project.establishment_id))
    return Staff(world, await world.person(), f"{client.labor_office_id}-{client.sequence_number}", people, employments, own)


# ---- the calendar ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("_case", "instant", "week"),
    [
        ("its first moment", "2026-11-22T00:00:00+03:00", "2026-11-22"),
        ("the moment before, a Saturday in Riyadh", "2026-11-21T23:59:59+03:00", "2026-11-15"),
        ("Sunday in UTC only later", "2026-11-21T21:00:00+00:00", "2026-11-22"),
        ("across a year", "2027-01-02T12:00:00+03:00", "2026-12-27"),
        ("a year of 53 ISO weeks", "2027-01-03T00:00:00+03:00", "2027-01-03"),
        ("29 February", "2028-02-29T12:00:00+03:00", "2028-02-27"),
        ("after it", "2028-03-05T00:00:00+03:00", "2028-03-05"),
        ("no leap year", "2100-02-28T12:00:00+03:00", "2100-02-28"),
    ],
)
def test_a_week_is_from_sunday_to_saturday_in_riyadh(_case: str, instant: str, week: str) -> None:
    number = week_number(riyadh_day(datetime.fromisoformat(instant)))

    assert sunday(number).isoformat() == week
    assert sunday(number).strftime("%A") == "Sunday"


WINDOW = ReportWindow(timedelta(0), timedelta(hours=72), timedelta(days=28))
RIYADH_TIMES = [
    ("the last second of the week", "2026-11-21T23:59:59", "PERIOD_NOT_OPEN", None),
    ("as it ends", "2026-11-22T00:00:00", None, True),
    ("the deadline's last second", "2026-11-24T23:59:59", None, True),
    ("the deadline itself", "2026-11-25T00:00:00", None, False),
    ("the lock's last second", "2026-12-19T23:59:59", None, False),
    ("the lock itself", "2026-12-20T00:00:00", "PERIOD_LOCKED", None),
    ("a year later", "2027-11-22T00:00:00", "PERIOD_LOCKED", None),
]


async def test_a_week_opens_is_due_and_locks(staff: Staff) -> None:
    """In order of time, and in the end with the clock put back."""
    answered = []
    for place, (_, moment, *_) in enumerate([*RIYADH_TIMES, RIYADH_TIMES[1]]):
        staff.world.portal.clock.now = datetime.fromisoformat(moment).replace(tzinfo=RIYADH).astimezone(UTC)
        caller = await staff.world.person()
        reply = await staff.submit(staff.line(loginCount=place), caller=caller, reason="as told")
        revision = (result(reply)["submission"] or {}).get("revision")
        answered.append((reply.codes, revision, [each["line"]["onTime"] for each in result(reply)["lineResults"]]))

    assert answered == [
        (["PERIOD_NOT_OPEN"], None, []),
        *[([], revision, [True]) for revision in (1, 2, 3, 4)],
        *[(["PERIOD_LOCKED"], None, [])] * 2,
        ([], 5, [True]),
    ]


@pytest.mark.parametrize(("_case", "moment", "code", "on_time"), RIYADH_TIMES, ids=[case[0] for case in RIYADH_TIMES])
def test_the_window_and_the_clocks_view_of_it_agree(_case: str, moment: str, code: str | None, on_time: bool | None) -> None:
    now, week = datetime.fromisoformat(moment).replace(tzinfo=RIYADH), week_number(LAST)

    assert (now < WINDOW.opens_at(week)) is (code == "PERIOD_NOT_OPEN")
    assert (now >= WINDOW.locks_at(week)) is (code == "PERIOD_LOCKED") is (WINDOW.last_locked(now) >= week)
    assert (now >= WINDOW.due_at(week)) is (WINDOW.last_due(now) >= week)
    assert on_time is None or (now < WINDOW.due_at(week)) is on_time


@pytest.mark.parametrize(("moment", "marks"), [("2026-11-24T20:59:59+00:00", True), ("2026-11-24T21:00:00+00:00", False)])
async def test_the_first_acceptance_makes_the_mark(staff: Staff, moment: str, marks: bool) -> None:
    staff.world.portal.clock.now = datetime.fromisoformat(moment)
    caller = await staff.world.person()

    reply = await staff.submit(*staff.lines(), caller=caller)

    made = result(reply)
    assert [each["line"]["onTime"] for each in made["lineResults"]] == [marks] * 4
    assert (made["week"]["status"], made["week"]["onTimeLines"]) == (("COMPLIANT", 4) if marks else ("LATE", 0))


WRONG_WHOLE: list[tuple[str, dict[str, Any], str, str]] = [
    ("a Monday", {"weekStart": "2026-11-16"}, "VALIDATION_FAILED", "weekStart"),
    ("the current week", {"weekStart": "2026-11-22"}, "PERIOD_NOT_OPEN", "weekStart"),
    ("a week to come", {"weekStart": "2999-12-29"}, "PERIOD_NOT_OPEN", "weekStart"),
    ("long past", {"weekStart": "1900-01-07"}, "PERIOD_LOCKED", "weekStart"),
    ("beyond the calendar", {"weekStart": "1899-12-31"}, "VALIDATION_FAILED", "weekStart"),
    ("no lines", {"lines": []}, "VALIDATION_FAILED", "lines"),
    ("nil with lines", {"nilReport": True}, "VALIDATION_FAILED", "nilReport"),
    ("an empty reason", {"reason": " "}, "VALIDATION_FAILED", "reason"),
    ("direction characters in the reason", {"reason": "a\u202eb"}, "VALIDATION_FAILED", "reason"),
]


async def test_what_is_wrong_with_the_whole_is_told_and_nothing_written(staff: Staff) -> None:
    before = await staff.world.snapshot()

    found = {}
    for case, given, *_ in WRONG_WHOLE:
        usual = {"weekStart": LAST.isoformat(), "lines": [staff.line()]}
        found[case] = result(await staff.world.portal(SUBMIT, staff.caller, input={**usual, **given}))["userErrors"]

    assert found == {case: [{"code": code, "path": ["input", path]}] for case, _, code, path in WRONG_WHOLE}
    assert await staff.world.snapshot() == before


async def test_at_most_so_many_lines(staff: Staff) -> None:
    reply = await staff.submit(*[staff.line()] * 5001)

    assert (reply.codes, reply.paths) == (["LIMIT_REACHED"], [["input", "lines"]])


# ---- lines -----------------------------------------------------------------------------------------------------------------

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"nationalId": "1000000000"}, "nationalId"),
    ({"nationalId": ""}, "nationalId"),
    ({"establishmentNumber": "0-1"}, "establishmentNumber"),
    ({"activityLevel": "100.01"}, "activityLevel"),
    ({"activityLevel": "-1"}, "activityLevel"),
    ({"activityLevel": "22 %"}, "activityLevel"),
    ({"activityLevel": "1.234"}, "activityLevel"),
    ({"loginCount": -1}, "loginCount"),
    ({"completedTasks": -(2**31)}, "completedTasks"),
    ({"totalWorkMinutes": 10_081}, "totalWorkMinutes"),
    ({"note": ""}, "note"),
    ({"note": "a\u200fb"}, "note"),
    ({"note": "x" * 501}, "note"),
]


async def test_a_wrong_value_is_its_lines_error(staff: Staff) -> None:
    wrong = [{**line(staff.number, national_id(7000 + place)), **values} for place, (values, _) in enumerate(WRONG)]

    reply = await staff.submit(staff.line(0), *wrong, errorPolicy="REJECT_FAILED_LINES")

    made = result(reply)
    assert told(reply) == [(True, []), *[(False, ["VALIDATION_FAILED"])] * len(WRONG)]
    paths = [each["errors"][0]["path"] for each in made["lineResults"][1:]]
    assert paths == [["input", "lines", str(place), path] for place, (_, path) in enumerate(WRONG, 1)]
    assert (made["userErrors"], made["submission"]["status"]) == ([], "PARTIALLY_ACCEPTED")
    assert len(await staff.stored(ReportLine)) == 1


async def test_all_that_is_wrong_with_a_line_is_told_at_once(staff: Staff) -> None:
    wrong = staff.line(activityLevel="x", loginCount=-1, note="\x00")

    reply = await staff.submit(wrong)

    assert told(reply) == [(False, ["VALIDATION_FAILED"] * 3)]
    assert reply.paths == [["input", "lines", "0", name] for name in ("activityLevel", "loginCount", "note")]


async def test_digits_of_other_scripts_and_blanks_are_read(staff: Staff) -> None:
    arabic = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
    sent = staff.line(nationalId=f" {staff.people[0].national_id.translate(arabic)} ", activityLevel="٨٠٫٥")
    sent["establishmentNumber"] = staff.number.translate(arabic)

    reply = await staff.submit(sent)

    [made] = result(reply)["lineResults"]
    assert (made["accepted"], made["line"]["activityLevel"], made["line"]["establishmentNumber"]) == (True, "80.50", staff.number)


async def test_warnings_do_not_refuse(staff: Staff) -> None:
    reply = await staff.submit(staff.line(logoutCount=6, completedTasks=11, totalWorkMinutes=2881), staff.line(1, totalWorkMinutes=2880))

    first, second = result(reply)["lineResults"]
    assert [(each["code"], each["path"][-1]) for each in first["warnings"]] == [
        ("LOGOUTS_EXCEED_LOGINS", "logoutCount"),
        ("COMPLETED_EXCEED_ASSIGNED", "completedTasks"),
        ("LONG_WEEK", "totalWorkMinutes"),
    ]
    assert (first["accepted"], second["warnings"]) == (True, [])


async def test_who_was_not_employed_there_is_unknown(staff: Staff) -> None:
    """Foreign people and establishments, and absent ones, are told alike."""
    world = staff.world
    theirs = await make_foreign(world)
    ended = await world.teleworker()
    [employment, *_] = staff.employments
    await world.employment(await job_of(world, employment), teleworker=ended, starts_on=date(2026, 10, 1), ends_on=date(2026, 11, 14))
    north = f"{world.north.labor_office_id}-{world.north.sequence_number}"
    sent = [
        line(staff.number, ended.national_id),
        line(staff.number, theirs[1]),
        line(staff.number, "1000000008"),
        line(north, staff.people[0].national_id),
        line(theirs[0], staff.people[0].national_id),
        line("999-999", staff.people[1].national_id),
        line(theirs[0], theirs[1]),
    ]

    reply = await staff.submit(*sent)

    made = result(reply)
    assert told(reply) == [(False, ["UNKNOWN_TELEWORKER"])] * 7
    assert [each["errors"][0]["path"][-1] for each in made["lineResults"]] == ["nationalId"] * 4 + ["establishmentNumber"] * 3
    assert len({each["errors"][0]["message"] for each in made["lineResults"]}) == 2
    assert (made["submission"]["status"], made["submission"]["revision"]) == ("REJECTED", 0)


async def make_foreign(world: World) -> tuple[str, str]:
    """The number of a client of the other company, and the national id of who works there."""
    project = await world.project(world.south)
    person = await world.teleworker(world.south)
    await world.employment(await world.job(project), teleworker=person, starts_on=date(2026, 10, 1))
    [client] = await world.portal.fetch(select(Establishment).where(Establishment.id == project.establishment_id))
    return f"{client.labor_office_id}-{client.sequence_number}", person.national_id


async def job_of(world: World, employment: Employment) -> Any:
    return (await world.portal.fetch(select(Job).where(Job.id == employment.job_id)))[0]


DAYS: list[tuple[date, date | None, bool]] = [
    (date(2026, 11, 21), None, True),
    (date(2026, 11, 22), None, False),
    (date(2026, 11, 1), date(2026, 11, 15), True),
    (date(2026, 11, 1), date(2026, 11, 14), False),
    (date(2026, 11, 18), date(2026, 11, 18), True),
    (date(2026, 11, 19), date(2026, 11, 18), False),
]


async def test_one_day_of_the_week_suffices(staff: Staff) -> None:
    job, people = await job_of(staff.world, staff.employments[0]), [await staff.world.teleworker() for _ in DAYS]
    for person, (starts_on, ends_on, _) in zip(people, DAYS, strict=True):
        await staff.world.employment(job, teleworker=person, starts_on=starts_on, ends_on=ends_on)

    reply = await staff.submit(*[line(staff.number, person.national_id) for person in people], errorPolicy="REJECT_FAILED_LINES")

    assert told(reply) == [(is_known, [] if is_known else ["UNKNOWN_TELEWORKER"]) for *_, is_known in DAYS]


async def test_employments_outlive_their_contract_and_so_do_their_reports(staff: Staff) -> None:
    [project] = await staff.world.portal.fetch(select(Project).where(Project.kind == ProjectKind.CLIENT))
    [contract] = await staff.world.portal.fetch(select(Contract).where(Contract.id == project.contract_id))
    await staff.world.alter(contract, terminated_at=datetime(2026, 11, 5, tzinfo=UTC), ends_on=date(2026, 11, 5), standing=False)

    reply = await staff.submit(*staff.lines())

    assert [accepted for accepted, _ in told(reply)] == [True] * 4
    assert (await staff.week())["status"] == "COMPLIANT"


async def test_the_same_teleworker_twice_is_a_duplicate(staff: Staff) -> None:
    reply = await staff.submit(staff.line(), staff.line(1), staff.line(loginCount=9), errorPolicy="REJECT_FAILED_LINES")

    assert told(reply) == [(True, []), (True, []), (False, ["DUPLICATE_LINE"])]
    assert result(reply)["lineResults"][0]["line"]["loginCount"] == 5


# ---- policies and corrections --------------------------------------------------------------------------------------------------


async def test_reject_all_keeps_nothing_but_the_attempt(staff: Staff) -> None:
    await staff.submit(staff.line(0))
    events = await staff.world.events()

    reply = await staff.submit(staff.line(1), line(staff.number, "1000000008"))

    made = result(reply)
    assert told(reply) == [(False, []), (False, ["UNKNOWN_TELEWORKER"])]
    assert made["userErrors"] == [{"code": "UNKNOWN_TELEWORKER", "path": ["input", "lines", "1", "nationalId"]}]
    assert [made["submission"][name] for name in ("status", "revision", "acceptedLines", "rejectedLines")] == ["REJECTED", 1, 0, 2]
    assert (len(await staff.stored(ReportLine)), await staff.world.events()) == (1, events)
    assert [each["status"] for each in (await staff.week())["submissions"]["nodes"]] == ["REJECTED", "ACCEPTED"]


async def test_where_no_line_is_good_the_whole_is_rejected(staff: Staff) -> None:
    await staff.submit(*staff.lines())

    reply = await staff.submit(line(staff.number, "1000000008"), errorPolicy="REJECT_FAILED_LINES", correctionMode="REPLACE")

    assert (result(reply)["submission"]["status"], reply.codes) == ("REJECTED", ["UNKNOWN_TELEWORKER"])
    assert len(await staff.stored(ReportLine)) == 4


async def test_a_correction_is_the_next_revision_and_overwrites_nothing(staff: Staff) -> None:
    first = result(await staff.submit(*staff.lines()))

    second = result(await staff.submit(staff.line(0), staff.line(1, loginCount=99), note := staff.line(2, note="ملاحظة")))

    before, after = ([each["line"] for each in made["lineResults"]] for made in (first, second))
    assert (first["submission"]["revision"], second["submission"]["revision"], second["week"]["revision"]) == (1, 2, 2)
    assert [each["id"] for each in after] == [each["id"] for each in before[:3]]
    assert [each["revision"] for each in after] == [1, 2, 2]
    assert note["note"] == "ملاحظة"
    assert sorted((version.revision, version.superseded_in, version.login_count) for version in await staff.stored(ReportLineVersion)) == [
        (1, 2, 5),
        (1, 2, 5),
    ]
    assert len(await staff.stored(ReportLine)) == 4


async def test_replace_drops_the_others_and_what_comes_back_keeps_its_mark(staff: Staff) -> None:
    await staff.submit(*staff.lines())

    dropping = result(await staff.submit(staff.line(0), correctionMode="REPLACE"))
    staff.world.portal.clock.now = LATE
    caller = await staff.world.person()
    again = result(await staff.submit(staff.line(1), caller=caller))

    assert (dropping["submission"]["revision"], dropping["week"]["status"], dropping["week"]["reportedLines"]) == (2, "OPEN", 1)
    assert (again["lineResults"][0]["line"]["onTime"], again["userErrors"], again["week"]["status"]) == (True, [], "PARTIAL")
    assert len(await staff.stored(ReportLineVersion)) == 3


async def test_lines_that_stand_already_make_no_revision(staff: Staff) -> None:
    first = result(await staff.submit(*staff.lines()))
    before = await staff.world.snapshot()

    repeated: list[dict[str, Any]] = [{}, {"correctionMode": "REPLACE"}, {"reason": "once more"}]
    for more in repeated:
        again = result(await staff.submit(*staff.lines(), **more))

        assert again["submission"] == first["submission"]
        assert [each["line"] for each in again["lineResults"]] == [each["line"] for each in first["lineResults"]]
    assert await staff.world.snapshot() == before


@pytest.mark.parametrize("mode", ["MERGE", "REPLACE"])
async def test_after_the_deadline_a_change_of_what_stands_needs_a_reason(staff: Staff, mode: str) -> None:
    await staff.submit(staff.line(0), staff.line(1))
    staff.world.portal.clock.now = LATE
    caller = await staff.world.person()
    sent = [staff.line(0, loginCount=6), staff.line(1), staff.line(2)]

    refused = await staff.submit(*sent, caller=caller, correctionMode=mode)
    partly = await staff.submit(*sent, caller=caller, correctionMode=mode, errorPolicy="REJECT_FAILED_LINES")
    with_reason = await staff.submit(*sent, caller=caller, correctionMode=mode, reason="عطل في النظام")

    assert (refused.codes, refused.paths) == (["REPORT_REASON_REQUIRED"], [["input", "reason"]])
    assert told(partly) == [(False, ["REPORT_REASON_REQUIRED"]), (True, []), (True, [])]
    made = result(with_reason)
    assert (made["submission"]["revision"], made["submission"]["reason"], made["week"]["status"]) == (3, "عطل في النظام", "PARTIAL")
    assert [each["line"]["onTime"] for each in made["lineResults"]] == [True, True, False]


async def test_after_the_deadline_dropping_needs_a_reason_too(staff: Staff) -> None:
    await staff.submit(staff.line(0), staff.line(1))
    staff.world.portal.clock.now = LATE
    caller = await staff.world.person()
    before = await staff.world.snapshot()

    reply = await staff.submit(staff.line(0), caller=caller, correctionMode="REPLACE")

    assert (reply.codes, reply.paths) == (["REPORT_REASON_REQUIRED"], [["input", "reason"]])
    assert await staff.world.snapshot() == before


async def test_a_nil_report_is_a_revision_once(staff: Staff) -> None:
    one, two = [result(await staff.submit(nilReport=True)) for _ in range(2)]
    await staff.submit(*staff.lines())
    gone = result(await staff.submit(nilReport=True, correctionMode="REPLACE"))

    assert (one["submission"]["revision"], one["submission"]["lineCount"], two["submission"]) == (1, 0, one["submission"])
    assert (gone["submission"]["revision"], gone["week"]["reportedLines"], gone["week"]["status"]) == (3, 0, "OPEN")


async def test_validating_tells_everything_and_writes_nothing(staff: Staff) -> None:
    await staff.submit(staff.line(0))
    before = await staff.world.snapshot()

    reply = await staff.submit(staff.line(0), staff.line(1, logoutCount=9), staff.line(2, loginCount=-1), validateOnly=True)
    good = await staff.submit(staff.line(0), staff.line(1, logoutCount=9), validateOnly=True)

    assert (reply.codes, result(reply)["submission"]) == (["VALIDATION_FAILED"], None)
    made = result(good)
    assert told(good) == [(True, []), (True, [])]
    assert [each["line"] is not None for each in made["lineResults"]] == [True, False]
    assert (made["lineResults"][1]["warnings"][0]["code"], made["week"]["revision"], made["submission"]) == (
        "LOGOUTS_EXCEED_LOGINS",
        1,
        None,
    )
    assert await staff.world.snapshot() == before


async def test_a_report_leaves_one_event_and_says_who_sent_it(staff: Staff) -> None:
    token = await staff.world.portal.token(staff.world.north, "REPORTS_READ", "REPORTS_WRITE")

    await staff.submit(*staff.lines())
    await staff.submit(staff.line(loginCount=6), caller=token)

    assert [type_ for _, type_ in await staff.world.events()] == ["REPORT_SUBMITTED"] * 2
    by_person, by_token = sorted(await staff.stored(ReportSubmission), key=lambda row: row.revision)
    assert (by_person.user_id, by_person.token_id) == (staff.world.users[Role.OWNER].id, None)
    assert (by_token.user_id, by_token.token_id is not None) == (None, True)


async def test_the_statements_do_not_depend_on_the_lines(staff: Staff) -> None:
    job, people = await job_of(staff.world, staff.employments[0]), [await staff.world.teleworker() for _ in range(20)]
    for person in people:
        await staff.world.employment(job, teleworker=person, starts_on=date(2026, 11, 1))
    unknown = line(staff.number, "1000000008")

    counts = []
    for count, week in ((2, date(2026, 11, 8)), (20, LAST)):
        sent = [line(staff.number, person.national_id) for person in people[:count]]
        first = await staff.submit(*sent, unknown, week=week, errorPolicy="REJECT_FAILED_LINES")
        changed = await staff.submit(*[{**each, "loginCount": 7} for each in sent], week=week, correctionMode="REPLACE", reason="x")
        assert [each["accepted"] for each in result(first)["lineResults"]] == [True] * count + [False]
        counts.append((len(first.statements), len(changed.statements)))

    assert counts[0] == counts[1]
    assert max(counts[0]) < 20


async def test_thirty_at_once_make_revisions_without_a_gap(staff: Staff) -> None:
    replies = await asyncio.gather(*(staff.submit(staff.line(place % 3, loginCount=place + 10)) for place in range(30)))

    assert [reply.codes for reply in replies] == [[]] * 30
    submissions = await staff.stored(ReportSubmission)
    assert sorted(row.revision for row in submissions) == list(range(1, 31))
    assert len(await staff.stored(ReportLine)) == 3
    assert len(await staff.stored(ReportLineVersion)) == 27
    assert [number for number, _ in await staff.world.events()] == list(range(1, 31))
    [tally] = [row for row in await staff.stored(ReportTally) if row.id == week_key(staff.world.north.id, week_number(LAST))]
    assert (tally.revision, tally.reported, tally.on_time) == (30, 3, 3)


# ---- weeks -------------------------------------------------------------------------------------------------------------------


async def test_weeks_from_the_first_employment_to_the_current_one(staff: Staff) -> None:
    reply = await staff.world.portal(WEEKS, staff.caller)

    account = reply.data["viewer"]["account"]
    weeks = account["reportWeeks"]["nodes"]
    assert [(week["weekStart"], week["weekEnd"], week["status"], week["expectedLines"]) for week in weeks] == [
        ("2026-11-22", "2026-11-28", "OPEN", 4),
        ("2026-11-15", "2026-11-21", "OPEN", 4),
        ("2026-11-08", "2026-11-14", "MISSING", 4),
        ("2026-11-01", "2026-11-07", "MISSING", 4),
    ]
    assert (weeks[1]["dueAt"], weeks[1]["locksAt"]) == ("2026-11-24T21:00:00Z", "2026-12-19T21:00:00Z")
    assert (account["reportWeeks"]["totalCount"], weeks[1]["missingTeleworkers"]["totalCount"]) == (4, 4)
    assert account["dashboard"] == {
        "complianceRate": 0.0,
        "currentWeek": {"weekStart": "2026-11-22", "status": "OPEN"},
        "overdueWeeks": [{"weekStart": "2026-11-01", "status": "MISSING"}, {"weekStart": "2026-11-08", "status": "MISSING"}],
    }


async def test_a_company_without_employments_owes_nothing(world: World) -> None:
    reply = await world.portal(WEEKS, await world.person())

    account = reply.data["viewer"]["account"]
    assert account["reportWeeks"] == {"totalCount": 0, "nodes": []}
    assert account["dashboard"] == {"complianceRate": None, "currentWeek": None, "overdueWeeks": []}


async def test_who_is_on_leave_all_week_is_not_expected_and_may_be_reported(staff: Staff) -> None:
    """Two leaves together cover the week of one; of another, a day is left."""
    world, north = staff.world, staff.world.north.id
    for employment, days in zip(staff.employments, [[(14, 17), (18, 21)], [(15, 20)]], strict=False):
        for first, last in days:
            await world.store(
                LeavePeriod(company_id=north, employment_id=employment.id, starts_on=date(2026, 11, first), ends_on=date(2026, 11, last))
            )
    before = await staff.week()

    made = result(await staff.submit(staff.line(0), staff.line(1), staff.line(2)))
    after = await staff.week()

    assert before["expectedLines"] == 3
    assert {each["id"] for each in before["missingTeleworkers"]["nodes"]} == {
        person.public_id for person in (staff.people[1], staff.people[2], staff.own)
    }
    assert (made["week"]["reportedLines"], made["week"]["status"], len(after["lines"]["nodes"])) == (2, "OPEN", 3)
    assert [each["id"] for each in after["missingTeleworkers"]["nodes"]] == [staff.own.public_id]


async def test_past_weeks_follow_employments_as_they_stand_now(staff: Staff) -> None:
    await staff.submit(*staff.lines())
    world = staff.world

    async with world.portal.database.writing() as session:
        employment = await session.get_one(Employment, staff.employments[0].id)
        employment.ends_on = date(2026, 11, 14)
    shorter = await staff.week()
    late = await world.employment(await job_of(world, staff.employments[0]), starts_on=date(2026, 11, 10))
    longer = await staff.week()

    assert [shorter[name] for name in ("expectedLines", "reportedLines", "status")] == [3, 3, "COMPLIANT"]
    assert len(shorter["lines"]["nodes"]) == 4
    assert [longer[name] for name in ("expectedLines", "reportedLines", "status")] == [4, 3, "OPEN"]
    assert longer["missingTeleworkers"]["nodes"] == [{"id": f"tlw_{late.teleworker_id.hex}"}]


FILTERS = {
    "{status: [MISSING]}": ["2026-11-08", "2026-11-01"],
    "{status: [OPEN, COMPLIANT]}": ["2026-11-22", "2026-11-15"],
    "{status: []}": [],
    '{weekStart: {from: "2026-11-02", to: "2026-11-15"}}': ["2026-11-15", "2026-11-08"],
    '{status: [COMPLIANT], weekStart: {from: "2026-11-15"}}': ["2026-11-15"],
}


async def test_weeks_are_filtered(staff: Staff) -> None:
    await staff.submit(*staff.lines())

    found = {}
    for where in FILTERS:
        asked = f"{{ viewer {{ account {{ reportWeeks(where: {where}) {{ totalCount nodes {{ weekStart }} }} }} }} }}"
        weeks = (await staff.world.portal(asked, staff.caller)).data["viewer"]["account"]["reportWeeks"]
        found[where] = [week["weekStart"] for week in weeks["nodes"]]
        assert weeks["totalCount"] == len(weeks["nodes"])

    assert found == FILTERS


async def test_weeks_are_paged_and_found_again_by_their_ids(staff: Staff) -> None:
    page = """query($after: String) { viewer { account {
        reportWeeks(first: 1, after: $after) { nodes { id weekStart } pageInfo { endCursor } } } } }"""
    seen, after = [], None
    for _ in range(4):
        reply = await staff.world.portal(page, staff.caller, after=after)
        weeks = reply.data["viewer"]["account"]["reportWeeks"]
        seen += weeks["nodes"]
        after = weeks["pageInfo"]["endCursor"]

    found = await staff.world.portal(
        "query($ids: [ID!]!) { nodes(ids: $ids) { id ... on ReportWeek { weekStart } } }", staff.caller, ids=[w["id"] for w in seen]
    )
    foreign = await staff.world.portal("query($id: ID!) { node(id: $id) { id } }", await staff.world.intruder(), id=seen[0]["id"])

    assert [week["weekStart"] for week in seen] == ["2026-11-22", "2026-11-15", "2026-11-08", "2026-11-01"]
    assert (found.data["nodes"], foreign.body) == (seen, {"data": {"node": None}})


async def test_weeks_cost_as_many_statements_however_many_they_are(world: World) -> None:
    counts = []
    for since in (date(2026, 11, 15), date(2024, 1, 1)):
        staff = await make_staff(world, since)
        reply = await world.portal(WEEKS, staff.caller)
        counts.append((len(reply.statements), len(reply.data["viewer"]["account"]["reportWeeks"]["nodes"])))

    assert (counts[0][0], [weeks for _, weeks in counts]) == (counts[1][0], [2, 60])


async def test_migrating_counts_what_was_there_before(staff: Staff) -> None:
    await staff.submit(staff.line(0), staff.line(1))
    before = await staff.week()
    async with staff.world.portal.database.writing() as session:
        for model in (ReportDuty, ReportTally):
            await session.execute(delete(model))

    await migrate(staff.world.portal.settings.database_url)

    assert await staff.week() == before


async def test_linking_tells_where_to_send_and_how_it_goes(staff: Staff) -> None:
    asked = """{ viewer { account { linking { graphqlUrl sandboxGraphqlUrl reportsUrl documentationUrl instructions activeTokens
        lastReportAt } } } }"""
    await staff.world.portal.token(staff.world.north, "REPORTS_READ")
    before = await staff.world.portal(asked, staff.caller)
    await staff.submit(*staff.lines())

    english, arabic = [
        (await staff.world.portal(asked, staff.caller, language)).data["viewer"]["account"]["linking"] for language in ("en", "ar")
    ]

    address = staff.world.portal.settings.public_url
    assert [english[name] for name in ("graphqlUrl", "sandboxGraphqlUrl", "reportsUrl")] == [
        f"{address}/graphql",
        None,
        f"{address}/sp-reports",
    ]
    assert (before.data["viewer"]["account"]["linking"]["lastReportAt"], english["lastReportAt"]) == (None, "2026-11-22T09:00:00Z")
    assert (english["activeTokens"], "Tuesday" in english["instructions"], "الثلاثاء" in arabic["instructions"]) == (1, True, True)
