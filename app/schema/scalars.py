"""Scalars: Date and DateTime are strict; the format of the others is a rule, told in userErrors with its path."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

from app.engine.pages import write_instant
from app.errors import BadUserInput

EstablishmentNumber = NewType("EstablishmentNumber", str)
UnifiedNumber = NewType("UnifiedNumber", str)
MobileNumber = NewType("MobileNumber", str)
EmailAddress = NewType("EmailAddress", str)
NationalId = NewType("NationalId", str)
URL = NewType("URL", str)

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 300:
        raise BadUserInput("Give a string of at most 300 characters.")
    return value


def _instant(value: Any) -> datetime:
    try:
        if not isinstance(value, str) or not _INSTANT.fullmatch(value):
            raise ValueError
        made = datetime.fromisoformat(value)
        if not 1900 <= made.year <= 2999:  # beyond, conversions between zones and databases overflow
            raise ValueError
        return made
    except ValueError:
        raise BadUserInput('Give an instant such as "2026-11-22T09:30:00Z".') from None


def _day(value: Any) -> date:
    try:
        if not isinstance(value, str) or not _DAY.fullmatch(value):
            raise ValueError
        return date.fromisoformat(value)
    except ValueError:
        raise BadUserInput('Give a date such as "2026-11-22".') from None


def _scalar(
    name: str, description: str, serialize: Callable[[Any], str] = str, parse: Callable[[Any], Any] = _text, specified_by: str | None = None
) -> ScalarDefinition:
    return strawberry.scalar(name=name, description=description, serialize=serialize, parse_value=parse, specified_by_url=specified_by)


SCALARS: dict[object, ScalarDefinition] = {
    datetime: _scalar(
        "DateTime", "Instant, RFC 3339, always UTC with the suffix Z.", write_instant, _instant, "https://www.rfc-editor.org/rfc/rfc3339"
    ),
    date: _scalar(
        "Date",
        "Calendar date, RFC 3339 full-date, in Asia/Riyadh where a day must begin somewhere.",
        date.isoformat,
        _day,
        "https://www.rfc-editor.org/rfc/rfc3339",
    ),
    Decimal: _scalar("Decimal", 'Exact decimal as a string, e.g. "4500.00". Never a float.'),
    EstablishmentNumber: _scalar("EstablishmentNumber", 'MHRSD establishment number, "<labour office>-<sequence>", e.g. "11-1234567".'),
    UnifiedNumber: _scalar("UnifiedNumber", "Unified national number of an organization, ten digits beginning with 7."),
    MobileNumber: _scalar("MobileNumber", "Saudi mobile number; any usual spelling goes in, E.164 (+9665XXXXXXXX) comes out."),
    EmailAddress: _scalar("EmailAddress", "E-mail address."),
    NationalId: _scalar(
        "NationalId", "Saudi national identity number, ten digits with a check digit. Masked on output unless asked for whole by who may."
    ),
    URL: _scalar("URL", "Absolute http or https address.", specified_by="https://url.spec.whatwg.org/"),
}
