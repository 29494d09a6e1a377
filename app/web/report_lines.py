"""Lines of a weekly report as integrators write them: JSON, NDJSON or CSV, in today's names or ours, into what the rules read.

Lenient where the meaning is plain ("22 %", "480 mins", numbers as texts, any digits, further fields); where it is not, the line is handed
on as it is, and the rules refuse it. Nothing is decided here.
"""

from __future__ import annotations

import csv
import re
from codecs import BOM_UTF8
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

import orjson

from app.operations.report import GivenLine
from app.text import ascii_digits
from app.web.json_depth import too_deep
from app.words import english

LONGEST_RECORD = 20_000  # bytes of one line of NDJSON or CSV
_DEEPEST = 8
_LONGEST_VALUE = 2000  # characters; a longer one is refused by its rule as well

Json = Any


class NotLines(Exception):
    """The body as a whole is not what it says. `en` says why."""

    def __init__(self, en: str) -> None:
        super().__init__(en)
        self.en = en


class TooManyLines(Exception):
    """More than one report holds: nobody reads on."""


@dataclass
class Lines:
    """What was read. `unreadable`: the places of those that are no record at all."""

    most: int
    given: list[GivenLine] = field(default_factory=list)
    unreadable: set[int] = field(default_factory=set)

    def add(self, record: Json) -> None:
        """Raises TooManyLines."""
        if len(self.given) >= self.most:
            raise TooManyLines
        if not isinstance(record, dict):
            self.unreadable.add(len(self.given))
            record = {}
        self.given.append(line_of(record))


# ---- records -------------------------------------------------------------------------------------------------------------


_COUNTS = ("logincount", "logoutcount", "assignedtasks", "completedtasks")


def line_of(record: dict[Any, Any]) -> GivenLine:
    """Names count without case, spaces and underscores; of two that are the same then, the last one counts."""
    plain = {_name(name): value for name, value in record.items() if isinstance(name, str) and len(name) < 100}
    number = _text(plain.get("establishmentnumber"))
    if "estlaborofficeid" in plain or "estsequencenumber" in plain:
        number = "-".join(_whole(plain.get(name)).lstrip("0") for name in ("estlaborofficeid", "estsequencenumber"))
    logins, logouts, assigned, completed = (_count(plain.get(name)) for name in _COUNTS)
    return GivenLine(
        number,
        _whole(plain.get("idnumber", plain.get("nationalid"))),
        _percentage(plain.get("activitylevel")),
        logins,
        logouts,
        assigned,
        completed,
        _minutes(plain.get("totalworktime", plain.get("totalworkminutes"))),
        _text(plain["note"]) if plain.get("note") is not None else None,
    )


@lru_cache(1000)
def _name(name: str) -> str:
    return name.replace("_", "").replace(" ", "").replace("-", "").lower()


def _text(value: Any) -> str:
    """A text or a number as a text; nothing for what is neither."""
    if isinstance(value, str):
        return value if _is_plain(value) else ascii_digits(value[:_LONGEST_VALUE]).strip()
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return str(value) if isinstance(value, int) else _plain_number(value)


def _plain_number(value: float) -> str:
    return format(Decimal(repr(value)), "f") if abs(value) < 1e15 else ""


def _whole(value: Any) -> str:
    """ "3.0" is 3: some languages know no other numbers."""
    return re.sub(r"\.0+$", "", _text(value))


_THOUSANDS = re.compile(r"\d{1,3}([,٬]\d{3})+")
_UNIT = re.compile(r"(?<=[\d\s])(min|mins|minute|minutes|m|دقيقة|دقائق|د)\.?$", re.IGNORECASE)


def _is_plain(text: str) -> bool:
    """Nothing but digits, as in most lines."""
    return text.isascii() and text.isdecimal() and len(text) < 20


def _count(value: Any) -> int | str:
    if type(value) is int or (isinstance(value, str) and _is_plain(value)):
        return value
    text = _whole(value)
    return re.sub("[,٬]", "", text) if _THOUSANDS.fullmatch(text) else text


def _minutes(value: Any) -> int | str:
    return value if type(value) is int else _count(_UNIT.sub("", _text(value)).strip())


def _percentage(value: Any) -> str:
    text = _text(value).rstrip("%٪ ").replace("٫", ".")
    # What was divided has more than two decimals.
    if re.fullmatch(r"\d{1,3}\.\d{3,30}", text):
        return str(Decimal(text).quantize(Decimal("0.01"), ROUND_HALF_UP))
    return text


# ---- bodies ----------------------------------------------------------------------------------------------------------------


def json_lines(body: bytes, lines: Lines) -> None:
    """An array of records; one record; or an object whose only array holds them. Raises NotLines, TooManyLines."""
    body = body.removeprefix(BOM_UTF8)
    if too_deep(body, _DEEPEST):
        raise NotLines(english("The body is nested too deeply."))
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise NotLines(english("The body is not JSON in UTF-8.")) from None
    for record in _records(given):
        lines.add(record)


def _records(given: Json) -> list[Any]:
    if isinstance(given, list):
        return given
    arrays = [value for value in given.values() if isinstance(value, list)] if isinstance(given, dict) else []
    if len(arrays) == 1:
        return list(arrays[0])
    if isinstance(given, dict) and not arrays:
        return [given]
    raise NotLines(english("Send an array of lines."))


async def ndjson_lines(chunks: AsyncIterator[bytes], lines: Lines) -> None:
    """A record to each line, read as they come. Raises NotLines, TooManyLines."""
    async for text in _split(chunks):
        if text.strip():
            try:
                record = None if too_deep(text, _DEEPEST) else orjson.loads(text)
            except orjson.JSONDecodeError:
                record = None
            lines.add(record)


async def csv_lines(chunks: AsyncIterator[bytes], lines: Lines) -> None:
    """A row of names, then a row for each line; between commas, semicolons or tabs. Raises NotLines, TooManyLines."""
    rows = _Rows()
    names: list[str] | None = None
    blank = 0
    async for text in _split(chunks):
        for row in rows.feed(text):
            if not any(cell.strip() for cell in row):
                blank += 1
                if blank > lines.most:  # millions fit into a body
                    raise TooManyLines
                continue
            if names is None:
                names = row
            else:
                lines.add(dict(zip(names, row, strict=False)))
    if rows.is_open:
        raise NotLines(english("A quotation mark is never closed."))


class _Rows:
    """csv's reader, fed with lines: a cell in quotation marks may hold a line's end."""

    def __init__(self) -> None:
        self._waiting: list[str] = []
        self._length = self._quotes = 0  # of what waits: looked at once, for a record may have thousands of lines
        self._reader: Callable[[Iterator[str]], Iterator[list[str]]] | None = None

    @property
    def is_open(self) -> bool:
        return bool(self._waiting)

    def feed(self, text: bytes) -> list[list[str]]:
        try:
            line = text.decode("utf-8")
        except UnicodeDecodeError:
            raise NotLines(english("The body is not in UTF-8.")) from None
        if "\0" in line:
            raise NotLines(english("The body is not text."))
        if self._reader is None:
            between = max(",;\t", key=line.count)
            self._reader = lambda given: csv.reader(given, delimiter=between, strict=True)
        self._waiting.append(line)
        self._length += len(line)
        self._quotes += line.count('"')
        if self._length > LONGEST_RECORD:
            raise NotLines(english("A line is too long."))
        if self._quotes % 2:
            return []
        given, self._waiting = self._waiting, []
        self._length = self._quotes = 0
        try:
            return list(self._reader(iter(given)))
        except csv.Error:
            raise NotLines(english("The body is not CSV.")) from None


async def _split(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The body's lines, each as soon as it is there whole; never more than a chunk and a line are held."""
    rest, is_first = b"", True
    async for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for text in whole:
            yield _bounded(text.removeprefix(BOM_UTF8) if is_first else text) + b"\n"
            is_first = False
        _bounded(rest)
    if rest:
        yield rest.removeprefix(BOM_UTF8) if is_first else rest


def _bounded(text: bytes) -> bytes:
    if len(text) > LONGEST_RECORD:
        raise NotLines(english("A line is too long."))
    return text
