"""`POST /sp-reports`: today's wire format as its senders write it, and reports in bulk."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from sqlalchemy import func, select

from app.auth.secrets import hash_of
from app.models import Event, ReportLine, ReportSubmission, SpToken
from app.web.report_lines import Lines, TooManyLines, csv_lines
from tests.api.test_report import Staff, make_staff
from tests.portal import Caller
from tests.traces import SECRETS, indiscreet
from tests.world import World

LAST = date(2026, 11, 15)  # the week that has ended; now is noon on the Sunday after it


@dataclass
class Sender:
    """An integrator: staff of north's, and a token that may report."""

    staff: Staff
    token: Caller

    @property
    def world(self) -> World:
        return self.staff.world

    def line(self, place: int = 0, **values: Any) -> dict[str, Any]:
        office, _, sequence = self.staff.number.partition("-")
        return {
            "EstLaborOfficeId": int(office),
            "EstSequenceNumber": int(sequence),
            "IdNumber": self.staff.people[place].national_id,
            "ActivityLevel": 80,
            "LoginCount": 5,
            "LogoutCount": 5,
            "AssignedTasks": 10,
            "CompletedTasks": 8,
            "TotalWorkTime": 2400,
            **values,
        }

    def own(self) -> dict[str, Any]:
        north = self.world.north
        return {"Est-Labor-Office-Id": str(north.labor_office_id), "Est-Sequence-Number": str(north.sequence_number)}

    async def post(self, body: Any, kind: str = "application/json", caller: Caller | None = None, **headers: str) -> Any:
        content = body if isinstance(body, bytes | AsyncIterator) else json.dumps(body, ensure_ascii=False).encode()
        named = {"Accept-Language": "en", **(caller or self.token).headers, **({"Content-Type": kind} if kind else {})}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {name.encode(): value.encode() for name, value in named.items()}
        response = await self.world.portal.http.post("/sp-reports", content=content, headers=sent)
        told = response.json()
        assert set(told) == {"success", "message", "codes", "lines"}
        assert isinstance(told["message"], str)
        assert told["success"] is (response.status_code == 200 and not told["codes"])
        assert indiscreet(response.text) == []
        assert response.headers["x-request-id"]
        return response

    async def rows(self) -> list[tuple[Any, ...]]:
        columns = (ReportLine.activity_level, ReportLine.login_count, ReportLine.total_work_minutes, ReportLine.revision)
        async with self.world.portal.database.writing() as session:
            return [tuple(row) for row in await session.execute(select(*columns).order_by(ReportLine.id))]

    async def submissions(self) -> int:
        return len(await self.world.portal.fetch(select(ReportSubmission.id)))


@pytest.fixture
async def sender(world: World) -> Sender:
    return Sender(await make_staff(world), await world.portal.token(world.north, "REPORTS_READ", "REPORTS_WRITE"))


def told(response: Any) -> list[tuple[bool, list[str]]]:
    return [(line["accepted"], line["codes"]) for line in response.json()["lines"]]


# ---- today's format ---------------------------------------------------------------------------------------------------------

DIGITS = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


def _as_documented(line: dict[str, Any]) -> Any:
    return [line]


def _as_texts(line: dict[str, Any]) -> Any:
    return [{name: str(value) for name, value in line.items()} | {"ActivityLevel": "80 %", "TotalWorkTime": "2400 mins"}]


def _in_arabic(line: dict[str, Any]) -> Any:
    texts = {name: str(value).translate(DIGITS) for name, value in line.items()}
    return [texts | {"ActivityLevel": "٨٠٫٠ ٪", "TotalWorkTime": "٢٤٠٠ دقيقة"}]


def _as_floats_in_an_object(line: dict[str, Any]) -> Any:
    floats = {name: float(value) for name, value in line.items() if isinstance(value, int)}
    return {"Provider": "x", "Data": [{**line, **floats, "IdNumber": int(line["IdNumber"]), "EmployeeName": "فلان", "Extra": {"a": [1]}}]}


def _in_other_case(line: dict[str, Any]) -> Any:
    return {name[0].lower() + name[1:]: f" {value} " for name, value in line.items()} | {"TotalWorkTime": "2,400 Minutes"}


def _in_our_names(line: dict[str, Any]) -> Any:
    number = f"{line['EstLaborOfficeId']}-{line['EstSequenceNumber']}"
    ours = {"establishmentNumber": number, "national_id": line["IdNumber"], "activityLevel": "80.0", "totalWorkMinutes": 2400}
    return [ours | {"login_count": 5, "LOGOUT COUNT": "5", "assignedTasks": 10, "completedTasks": "8", "note": None}]


SPELLINGS = [_as_documented, _as_texts, _in_arabic, _as_floats_in_an_object, _in_other_case, _in_our_names]


@pytest.mark.parametrize("spelling", SPELLINGS, ids=lambda spelling: spelling.__name__.strip("_"))
async def test_a_line_means_the_same_in_each_spelling(sender: Sender, spelling: Any) -> None:
    first = await sender.post(_as_documented(sender.line()))

    response = await sender.post(spelling(sender.line()), Sp_Token=sender.token.headers["Authorization"].partition(" ")[2], **sender.own())

    assert (response.status_code, told(response)) == (200, [(True, [])]), response.text
    assert response.json() == first.json() | {"message": "All 1 lines were accepted."}
    # It equals the line that stands, so nothing is new.
    assert (await sender.rows(), await sender.submissions()) == ([(80, 5, 2400, 1)], 1)


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize(
    ("field", "value", "kept"),
    [
        ("ActivityLevel", "22 %", "22.00"),
        ("ActivityLevel", 66.66666666666667, "66.67"),
        ("ActivityLevel", 0, "0.00"),
        ("ActivityLevel", "100%", "100.00"),
        ("ActivityLevel", 100.01, None),
        ("ActivityLevel", -1, None),
        ("ActivityLevel", "22 %%x", None),
        ("ActivityLevel", True, None),
        ("ActivityLevel", 1e300, None),
        ("TotalWorkTime", "480 mins", 480),
        ("TotalWorkTime", "480min.", 480),
        ("TotalWorkTime", 480.0, 480),
        ("TotalWorkTime", "1,480", 1480),
        ("TotalWorkTime", 10_081, None),
        ("TotalWorkTime", "8 hours", None),
        ("TotalWorkTime", 480.5, None),
        ("TotalWorkTime", None, None),
        ("TotalWorkTime", [480], None),
        ("TotalWorkTime", 10**30, None),
        ("TotalWorkTime", "9" * 5000, None),
        ("IdNumber", "1000000000", None),
        ("IdNumber", {"a": 1}, None),
        ("EstLaborOfficeId", "", None),
        ("note", "x" * 501, None),
    ],
)
async def test_what_a_value_may_look_like(sender: Sender, field: str, value: Any, kept: Any) -> None:
    response = await sender.post([sender.line(**{field: value})])

    if kept is None:
        assert (response.status_code, told(response)) == (422, [(False, ["VALIDATION_FAILED"])]), response.text
        assert await sender.rows() == []
    else:
        assert (response.status_code, told(response)) == (200, [(True, [])]), response.text
        [row] = await sender.rows()
        assert str(kept) in (str(row[0]), str(row[2]))


# ---- policy, week, reason, key ----------------------------------------------------------------------------------------------


async def test_good_lines_are_kept_unless_the_policy_says_all_or_none(sender: Sender) -> None:
    lines = [sender.line(0), sender.line(1, IdNumber="1000000008"), sender.line(2, LogoutCount=6), sender.line(0)]

    none = await sender.post(lines, X_Error_Policy="reject_all")
    before = await sender.rows()
    some = await sender.post(lines)
    arabic = await sender.post(lines, Accept_Language="ar")

    outcomes = [(False, []), (False, ["UNKNOWN_TELEWORKER"]), (False, []), (False, ["DUPLICATE_LINE"])]
    assert (none.status_code, told(none), before) == (422, outcomes, [])
    assert (some.status_code, some.json()["success"], some.json()["message"]) == (200, False, "2 of 4 lines were accepted.")
    assert told(some) == [(True, []), outcomes[1], (True, []), outcomes[3]]
    assert some.json()["codes"] == ["UNKNOWN_TELEWORKER", "DUPLICATE_LINE"]
    assert [each["code"] for each in some.json()["lines"][2]["warnings"]] == ["LOGOUTS_EXCEED_LOGINS"]
    assert (arabic.json()["message"], arabic.headers["content-language"]) == ("قبل 2 من 4 من الأسطر.", "ar")
    assert len(await sender.rows()) == 2


async def test_the_week_and_the_reason_come_in_headers(sender: Sender) -> None:
    earlier = await sender.post([sender.line()], X_Week_Start="٢٠٢٦-١١-٠٨")
    await sender.post([sender.line()])
    changed = [sender.line(LoginCount=6)]
    sender.world.portal.clock.advance(days=4)  # after the deadline

    refused = await sender.post(changed, X_Week_Start="2026-11-15")
    accepted = await sender.post(changed, X_Week_Start="2026-11-15", X_Reason="خطأ في العد")

    assert (earlier.status_code, refused.status_code, accepted.status_code) == (200, 422, 200)
    assert told(refused) == [(False, ["REPORT_REASON_REQUIRED"])]
    made = await sender.world.portal.fetch(select(ReportSubmission).order_by(ReportSubmission.received_at, ReportSubmission.id))
    assert {(each.week_start, each.reason) for each in made} >= {(date(2026, 11, 8), None), (LAST, "خطأ في العد")}


async def test_a_key_replays_the_outcome_in_the_next_week_too(sender: Sender) -> None:
    lines = [sender.line(), sender.line(1, IdNumber="1000000008")]

    first = await sender.post(lines, Idempotency_Key='"k"')
    sender.world.portal.clock.advance(hours=13)  # a day later, it is not the last week any more that is meant
    again = await sender.post(lines, Idempotency_Key="k")
    other = await sender.post([sender.line(LoginCount=6)], Idempotency_Key="k")
    rule = [await sender.post([sender.line()], Idempotency_Key="locked", X_Week_Start="2026-01-04") for _ in range(2)]

    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert ("idempotency-replayed" in first.headers, again.headers["idempotency-replayed"]) == (False, "true")
    assert (other.status_code, other.json()["codes"]) == (422, ["IDEMPOTENCY_CONFLICT"])
    assert [(each.status_code, each.json()["codes"]) for each in rule] == [(422, ["PERIOD_LOCKED"])] * 2
    assert "idempotency-replayed" in rule[1].headers
    assert await sender.submissions() == 1


async def test_without_a_key_a_repetition_changes_nothing(sender: Sender) -> None:
    lines = [sender.line(place) for place in range(3)]

    responses = await asyncio.gather(*(sender.post(lines) for _ in range(10)))

    assert {(response.status_code, response.text) for response in responses} == {(200, responses[0].text)}
    assert ([row[3] for row in await sender.rows()], await sender.submissions()) == ([1, 1, 1], 1)
    [events] = await sender.world.portal.fetch(select(func.count()).select_from(Event).where(Event.type == "REPORT_SUBMITTED"))
    assert events == 1


# ---- who sends it -----------------------------------------------------------------------------------------------------------


async def test_an_imported_bare_token_works(sender: Sender) -> None:
    bare = "0a" * 64
    [token] = await sender.world.portal.fetch(select(SpToken))
    await sender.world.alter(token, secret_hash=hash_of(bare), display_code=bare[:6])
    SECRETS.add(bare)

    response = await sender.post([sender.line()], caller=Caller({"Sp-Token": bare}), **sender.own())

    assert (response.status_code, told(response)) == (200, [(True, [])])


async def test_who_may_not_report_is_told_so_before_anything_is_read(sender: Sender) -> None:
    world, lines = sender.world, [sender.line()]
    sandbox = "tw_sandbox_" + "0" * 8
    callers: dict[str, tuple[Caller, dict[str, Any], int, str]] = {
        "nobody": (Caller(), {}, 401, "UNAUTHENTICATED"),
        "a cookie": (await world.person(), {}, 401, "UNAUTHENTICATED"),
        "unknown": (Caller({"Sp-Token": "0b" * 64}), {}, 401, "UNAUTHENTICATED"),
        "mistyped": (Caller({"Sp-Token": sandbox}), {}, 401, "UNAUTHENTICATED"),
        "no scope": (await world.portal.token(world.north, "REPORTS_READ"), {}, 403, "FORBIDDEN"),
        "another's establishment": (sender.token, {"Est_Labor_Office_Id": "1", "Est_Sequence_Number": "999999"}, 422, "NOT_FOUND"),
        "half of one": (sender.token, {"Est_Labor_Office_Id": "1"}, 422, "NOT_FOUND"),
        "no establishment": (sender.token, {"Est_Labor_Office_Id": "x", "Est_Sequence_Number": "y"}, 422, "NOT_FOUND"),
        "south": (await world.portal.token(world.south, "REPORTS_WRITE"), {}, 422, "UNKNOWN_TELEWORKER"),
    }

    for name, (caller, headers, status, code) in callers.items():
        response = await sender.post(lines, caller=caller, **headers)
        codes = response.json()["codes"]
        assert (response.status_code, codes) == (status, [code]) or (name == "south" and status == 422 and codes), (name, response.text)
        assert ("www-authenticate" in response.headers) is (status == 401)
    assert await sender.rows() == []


async def test_a_suspended_account_and_other_methods(sender: Sender) -> None:
    http = sender.world.portal.http
    got = await http.get("/sp-reports", headers=sender.token.headers)
    await sender.world.alter(sender.world.north, status="SUSPENDED")

    suspended = await sender.post([sender.line()])

    assert (got.status_code, got.headers["allow"], got.json()["success"]) == (405, "POST", False)
    assert (suspended.status_code, suspended.json()["codes"]) == (422, ["ACCOUNT_SUSPENDED"])


# ---- hostile and broken bodies ----------------------------------------------------------------------------------------------

BODIES: dict[str, tuple[bytes, str, int, list[str]]] = {
    "nothing": (b"", "application/json", 400, ["BAD_REQUEST"]),
    "not JSON": (b"[{]", "application/json", 400, ["BAD_REQUEST"]),
    "NaN": (b'[{"LoginCount": NaN}]', "application/json", 400, ["BAD_REQUEST"]),
    "a huge number": (b'[{"LoginCount": 1e400}]', "application/json", 400, ["BAD_REQUEST"]),
    "deep": (b"[" * 100_000, "application/json", 400, ["BAD_REQUEST"]),
    "deep in a value": (b'[{"x": ' + b"[" * 50 + b"]" * 50 + b"}]", "application/json", 400, ["BAD_REQUEST"]),
    "another charset": ("[{}]".encode("utf-16"), "application/json", 400, ["BAD_REQUEST"]),
    "not UTF-8": (b'[{"note": "\xff"}]', "application/json", 400, ["BAD_REQUEST"]),
    "a lone surrogate": (b'[{"note": "\\ud800"}]', "application/json", 400, ["BAD_REQUEST"]),
    "a charset that is said": (b"[]", "application/json; charset=windows-1256", 415, ["BAD_REQUEST"]),
    "two arrays": (b'{"a": [], "b": []}', "application/json", 400, ["BAD_REQUEST"]),
    "a text": (b'"x"', "application/json", 400, ["BAD_REQUEST"]),
    "no lines": (b"[]", "application/json", 422, ["VALIDATION_FAILED"]),
    "no objects": (b"[1, null, [], true]", "application/json", 422, ["VALIDATION_FAILED"]),
    "the same name twice": (b'[{"IdNumber": 1, "IdNumber": 2}]', "application/json", 422, ["VALIDATION_FAILED"]),
    "XML": (b"<a/>", "application/xml", 415, ["BAD_REQUEST"]),
    "a form with files": (b"--x", "multipart/form-data; boundary=x", 415, ["BAD_REQUEST"]),
    "CSV without rows": (b"IdNumber,LoginCount\r\n", "text/csv", 422, ["VALIDATION_FAILED"]),
    "CSV with an open quote": (b'IdNumber,note\r\n1,"a\r\n', "text/csv", 400, ["BAD_REQUEST"]),
    "CSV that is not UTF-8": (b"IdNumber\r\n\xff\r\n", "text/csv", 400, ["BAD_REQUEST"]),
    "CSV with NUL": (b"IdNumber\r\n\x00\r\n", "text/csv", 400, ["BAD_REQUEST"]),
    "CSV with a long row": (b"IdNumber\r\n" + b"x" * 30_000 + b"\r\n", "text/csv", 400, ["BAD_REQUEST"]),
    "CSV, quoted without end": (b'IdNumber\r\n"' + b"x\r\n" * 20_000, "text/csv", 400, ["BAD_REQUEST"]),
    "NDJSON with a long line": (b'{"a": "' + b"x" * 30_000, "application/x-ndjson", 400, ["BAD_REQUEST"]),
    "NDJSON that is none": (b"[1]\nx\n{", "application/x-ndjson", 422, ["VALIDATION_FAILED"]),
    "too many lines": (b"[" + b"{}," * 5000 + b"{}]", "application/json", 422, ["LIMIT_REACHED"]),
    "too many lines of NDJSON": (b"{}\n" * 5001, "application/x-ndjson", 422, ["LIMIT_REACHED"]),
}


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_body_that_is_no_report(sender: Sender) -> None:
    for name, (body, kind, status, codes) in BODIES.items():
        response = await sender.post(body, kind)
        assert (response.status_code, response.json()["codes"]) == (status, codes), (name, response.text[:300])
    packed = await sender.post(gzip.compress(b"[" + b" " * 10_000_000 + b"]"), Content_Encoding="gzip")
    key = await sender.post([sender.line()], Idempotency_Key="a b")
    policy = await sender.post([sender.line()], X_Error_Policy="SOME")
    week = [await sender.post([sender.line()], X_Week_Start=text) for text in ("2026-11-16", "16.11.2026", "0000-00-00", "2026-11-22")]

    assert (packed.status_code, packed.json()["codes"]) == (415, ["BAD_REQUEST"])
    assert (key.status_code, key.json()["codes"]) == (400, ["BAD_REQUEST"])
    assert (policy.status_code, policy.json()["codes"]) == (422, ["VALIDATION_FAILED"])
    assert [(each.status_code, each.json()["codes"]) for each in week] == [(422, ["VALIDATION_FAILED"])] * 3 + [(422, ["PERIOD_NOT_OPEN"])]
    assert await sender.rows() == []


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_limits_hold_before_any_work(sender: Sender) -> None:
    portal = sender.world.portal
    portal.app.state.settings = portal.settings.model_copy(update={"most_bytes_reports": 50_000, "arrival_seconds": 0.2})
    portal.app.state.rates._settings = portal.settings.model_copy(update={"points_a_minute": 30})

    async def slowly() -> AsyncIterator[bytes]:
        yield b"["
        await asyncio.sleep(1)
        yield b"]"

    large = await sender.post(b" " * 60_000 + b"[]")
    slow = await sender.post(slowly())
    limited = [await sender.post([sender.line()]) for _ in range(3)]

    assert [(each.status_code, each.headers["connection"]) for each in (large, slow)] == [(413, "close"), (408, "close")]
    assert limited[-1].status_code == 429
    assert (limited[-1].json()["codes"], int(limited[-1].headers["retry-after"]) > 0) == (["RATE_LIMITED"], True)
    assert limited[-1].headers["ratelimit-policy"] == '"points";q=30;w=60'


# ---- in bulk ----------------------------------------------------------------------------------------------------------------


def _ndjson(lines: list[dict[str, Any]]) -> bytes:
    return b"\n".join(json.dumps(line, ensure_ascii=False).encode() for line in lines)


def _csv(lines: list[dict[str, Any]], between: str = ",") -> bytes:
    rows = [list(lines[0]), *([str(value) for value in line.values()] for line in lines)]
    return b"\xef\xbb\xbf" + "\r\n".join(between.join(row) for row in rows).encode()


@pytest.mark.parametrize(
    ("kind", "write"),
    [
        ("application/x-ndjson", _ndjson),
        ("text/csv", _csv),
        ("text/csv; charset=utf-8", lambda lines: _csv(lines, ";")),
        ("text/csv", lambda lines: _csv([{"note": '"a, ""b""\nc"', "x": "", **line} for line in lines])),
    ],
    ids=["NDJSON", "CSV", "semicolons", "quoted"],
)
async def test_a_report_in_bulk_is_told_line_by_line(sender: Sender, kind: str, write: Any) -> None:
    lines = [sender.line(0), sender.line(1, TotalWorkTime="٤٨٠"), sender.line(2, IdNumber="1000000008")]
    body: bytes = write(lines)

    async def dripping() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 7):
            yield body[start : start + 7]

    response = await sender.post(dripping(), kind)

    assert (response.status_code, told(response)) == (200, [(True, []), (True, []), (False, ["UNKNOWN_TELEWORKER"])]), response.text
    assert [row[2] for row in await sender.rows()] == [2400, 480]


async def test_a_line_that_is_no_record_is_refused_by_itself(sender: Sender) -> None:
    body = b"\n\n" + _ndjson([sender.line(0)]) + b"\n{oops\n\n" + _ndjson([sender.line(1)]) + b"\n"

    response = await sender.post(body, "application/x-ndjson")

    assert told(response) == [(True, []), (False, ["VALIDATION_FAILED"]), (True, [])]
    assert response.json()["lines"][1]["message"] == "This line is not an object of JSON."
    assert len(await sender.rows()) == 2


@pytest.mark.parametrize(
    ("body", "count"),
    [
        (b'note\n"' + b"\n" * 19_000 + b'x"\n', 1),  # was read through anew at each of its lines: 4 s, for 19 of 8,000 kB
        (b"note,x\n" + b",\n" * 100_000, 0),
    ],
)
async def test_no_body_keeps_everybody_waiting(body: bytes, count: int) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield body

    lines, began = Lines(5000), time.process_time()
    with nullcontext() if count else pytest.raises(TooManyLines):
        await csv_lines(chunks(), lines)

    assert len(lines.given) == count
    assert time.process_time() - began < 1
