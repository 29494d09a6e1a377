"""A contract as a page or more of PDF, Arabic and English side by side: its words, its dates in both calendars, and how it is set."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson
import typst
from hijridate import Gregorian

from app.clock import RIYADH
from app.settings import GRAPHIQL_DIST

FONTS: Final = GRAPHIQL_DIST / "fonts"  # they come as GraphiQL comes, and are built with it
_TEMPLATE: Final = Path(__file__).with_name("contract.typ")
_MONTHS_EN: Final = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_MONTHS_AR: Final = ("يناير", "فبراير", "مارس", "أبريل", "مايو", "يونيو", "يوليو", "أغسطس", "سبتمبر", "أكتوبر", "نوفمبر", "ديسمبر")
_STATES: Final = {
    "SCHEDULED": ("Scheduled", "مجدول"),
    "ACTIVE": ("In force", "سار"),
    "EXPIRED": ("Expired", "منتهي المدة"),
    "TERMINATED": ("Terminated", "منهى"),
    "DRAFT": ("Draft", "مسودة"),
    "SUBMITTED": ("Submitted", "مقدم"),
    "APPROVED": ("Approved", "معتمد"),
    "RETURNED": ("Returned", "معاد"),
    "REJECTED": ("Rejected", "مرفوض"),
    "SUSPENDED": ("Suspended", "موقوف"),
    "COMPLETED": ("Completed", "مكتمل"),
}
Pair = dict[str, str]
_setting = threading.Lock()


@dataclass(frozen=True)
class Party:
    name_ar: str
    name_en: str | None
    number: str  # establishment number
    unified_number: str | None
    city: tuple[str, str] | None  # English, Arabic
    provider: tuple[str, str] | None = None  # the same


@dataclass(frozen=True)
class PrintedProject:
    title_ar: str
    title_en: str | None
    state: str
    starts_on: date | None
    ends_on: date | None


@dataclass(frozen=True)
class Agreement:
    """Everything that the page says. projects: None where they are not to be told; `more`: how many are not listed."""

    number: str
    state: str
    client: Party
    company: Party
    starts_on: date
    ends_on: date | None
    terminated_at: datetime | None
    termination_reason: str | None
    projects: Sequence[PrintedProject] | None
    more: int
    made_at: datetime


class FontsMissing(Exception):
    """The UI was not built here."""


def can_print() -> bool:
    """Whether the fonts are here. Asked each time: they may be built while the server runs."""
    return FONTS.is_dir()


def print_summary(agreement: Agreement) -> bytes:
    """The PDF; PDF/A-2b, where our fonts have all its letters. One at a time. Raises FontsMissing.

    Takes 0.1 to 0.3 s of a core, nearly all of it without Python's lock.
    """
    if not can_print():
        raise FontsMissing
    with _setting:
        try:
            return _set(agreement, archived=True)
        except typst.TypstError:  # a script that our fonts have no letters for: an archive takes no page with a gap, people do
            return _set(agreement, archived=False)


def _set(agreement: Agreement, *, archived: bool) -> bytes:
    made: Any = _compiler().compile(
        _TEMPLATE,
        sys_inputs={"paper": paper(agreement)},
        format="pdf",
        pdf_standards="a-2b" if archived else None,
        timestamp=int(agreement.made_at.timestamp()),
    )
    return bytes(made)


@cache
def _compiler() -> typst.Compiler:
    # No package and no file but the template; no font but ours and typst's own: the same page on every machine.
    return typst.Compiler(root=_TEMPLATE.parent, font_paths=[FONTS], ignore_system_fonts=True)


def paper(agreement: Agreement) -> str:
    """The template's data, as JSON."""
    told: dict[str, Any] = {
        "portal": _pair("Telework portal", "بوابة العمل عن بعد"),
        "title": _pair("Telework services contract", "عقد تقديم خدمات العمل عن بعد"),
        "number": isolated(agreement.number),
        "state": _state(agreement.state),
        "made": _made(agreement),
        "sections": [
            _section("Client establishment", "المنشأة المستفيدة", _party(agreement.client)),
            _section("Service provider", "مزود الخدمة", _party(agreement.company)),
            _section("Term", "مدة العقد", _term(agreement)),
        ],
        "projects": _projects(agreement),
        "note": _pair(
            "Made from the portal's record at the moment given below. It does not replace the agreement that the parties signed, where "
            "one is attached to the contract.",
            "صدر هذا المستند من سجلات البوابة في الوقت المبين أدناه، ولا يغني عن الاتفاق الموقع بين الطرفين إن كان مرفقا بالعقد.",
        ),
    }
    return orjson.dumps(told).decode()


def isolated(text: str) -> str:
    """Numbers, and dates in figures, read from left to right wherever they stand: between U+2066 and U+2069 nothing turns them round."""
    return f"\u2066{text}\u2069"


def both_calendars(day: date | None, *, none: tuple[str, str] = ("Open-ended", "غير محددة المدة")) -> Pair:
    """A day by the Gregorian and the Umm al-Qura calendar; by the first alone where the second's tables end (1924 to 2077)."""
    if day is None:
        return _pair(*none)
    english = f"{day.day} {_MONTHS_EN[day.month - 1]} {day.year}"
    arabic = f"{isolated(str(day.day))} {_MONTHS_AR[day.month - 1]} {isolated(str(day.year))}م"
    try:
        hijri = Gregorian.fromdate(day).to_hijri()
    except (OverflowError, ValueError):
        return _pair(english, arabic)
    return _pair(
        f"{english}\n{hijri.day} {hijri.month_name('en')} {hijri.year} AH",
        f"{isolated(str(hijri.day))} {hijri.month_name('ar')} {isolated(str(hijri.year))}هـ\nالموافق {arabic}",
    )


def _pair(english: str, arabic: str) -> Pair:
    return {"en": english, "ar": arabic}


def _state(name: str) -> Pair:
    return _pair(*_STATES[name])


def _section(english: str, arabic: str, rows: list[dict[str, Pair]]) -> dict[str, Any]:
    return {"title": _pair(english, arabic), "rows": rows}


def _row(english: str, arabic: str, value: Pair) -> dict[str, Pair]:
    return {"label": _pair(english, arabic), "value": value}


def _same(text: str | None) -> Pair:
    shown = isolated(text) if text else "—"
    return _pair(shown, shown)


def _party(party: Party) -> list[dict[str, Pair]]:
    rows = [
        _row("Name", "الاسم", _pair(party.name_en or party.name_ar, party.name_ar)),
        _row("Establishment no.", "رقم المنشأة", _same(party.number)),
        _row("Unified no.", "الرقم الموحد", _same(party.unified_number)),
        _row("City", "المدينة", _pair(*(party.city or ("—", "—")))),
    ]
    return rows if party.provider is None else [_row("Provider", "المزود", _pair(*party.provider)), *rows]


def _term(agreement: Agreement) -> list[dict[str, Pair]]:
    rows = [
        _row("First day", "أول يوم", both_calendars(agreement.starts_on)),
        _row("Last day", "آخر يوم", both_calendars(agreement.ends_on)),
    ]
    if agreement.terminated_at is not None:
        rows.append(_row("Terminated on", "تاريخ الإنهاء", both_calendars(agreement.terminated_at.astimezone(RIYADH).date())))
        reason = agreement.termination_reason or "—"
        rows.append(_row("Reason", "سبب الإنهاء", _pair(reason, reason)))
    return rows


def _projects(agreement: Agreement) -> dict[str, Any]:
    listed = agreement.projects or ()
    return {
        "title": _pair("Projects", "المشاريع"),
        "none": _pair("None.", "لا توجد مشاريع.") if agreement.projects is not None else _pair("Not shown.", "غير معروضة."),
        "columns": [
            {"en": "#"},
            {"en": "Project"},
            _pair("First day", "أول يوم"),
            _pair("Last day", "آخر يوم"),
            _pair("State", "الحالة"),
            {"ar": "المشروع"},
            {"ar": "م"},
        ],
        "rows": [
            {
                "place": isolated(str(place)),
                "title": _pair(project.title_en or project.title_ar, project.title_ar),
                "first": _figures(project.starts_on),
                "last": _figures(project.ends_on),
                "state": _state(project.state),
            }
            for place, project in enumerate(listed, 1)
        ],
        "more": _pair(f"And {agreement.more:,} more.", f"و{isolated(f'{agreement.more:,}')} غيرها.") if agreement.more else None,
    }


def _figures(day: date | None) -> str:
    """A table has no room for two calendars in words."""
    return isolated(day.isoformat()) if day else "—"


def _made(agreement: Agreement) -> Pair:
    moment = agreement.made_at.astimezone(RIYADH)
    number, at = isolated(agreement.number), isolated(moment.strftime("%Y-%m-%d %H:%M:%S"))
    return _pair(f"{number}\nMade on {at}, Riyadh time", f"{number}\nصدر في {at} بتوقيت الرياض")
