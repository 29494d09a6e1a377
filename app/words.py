"""What the portal says, in both languages: English stands in the code and is the key, Arabic in app/locale/ar/LC_MESSAGES/telework.po.

`python -m tests.catalogue` tells what the catalogue lacks and what nobody says any more; `--write` makes and takes away the entries.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any, Literal

from babel.dates import format_date, format_datetime
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from app.clock import RIYADH

Language = Literal["ar", "en"]
CATALOGUE = Path(__file__).with_name("locale") / "ar" / "LC_MESSAGES" / "telework.po"


def english(words: str) -> str:
    """The words as they are: for the catalogue, where it is not seen that somebody will say them."""
    return words


def said(english: str, language: Language, /, *, context: str | None = None, **values: Any) -> str:
    """The words in the language, English where there are none; `values` fill the braces.

    context  what is spoken of, where the same English is two things in Arabic: asked for first, then the words without one.
    """
    arabic = _arabic(english, context) if language == "ar" else None
    return filled(arabic[0] if arabic else english, language, values)


def counted(one: str, many: str, number: int, language: Language, /, **values: Any) -> str:
    """The words for so many: Arabic has six forms, for none, one, two, a few, many and the rest."""
    if language == "en":
        return filled(one if number == 1 else many, language, values)
    arabic = _arabic(one, None)
    return filled(arabic[_arabic_form(number)] if arabic else many, language, values)


def filled(template: str, language: Language, values: Mapping[str, Any]) -> str:
    """The template with its braces filled: dates written out, and numbers grouped where it says {x:,}."""
    return _Filling(language).vformat(template, (), values) if values else template


class _Filling(Formatter):
    def __init__(self, language: Language) -> None:
        self._locale = "en_GB" if language == "en" else "ar_SA"

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, datetime):
            return format_datetime(value, "d MMMM y, HH:mm", tzinfo=RIYADH, locale=self._locale)
        if isinstance(value, date):
            return format_date(value, "long", locale=self._locale)
        if format_spec == ",":
            return format_decimal(value, locale=self._locale)
        return str(format(value, format_spec))


def _arabic(english: str, context: str | None) -> tuple[str, ...] | None:
    known = _catalogue()
    return known.get((context, english)) or known.get((None, english))


@cache
def _catalogue() -> dict[tuple[str | None, str], tuple[str, ...]]:
    """(context, English) -> Arabic, six forms of what is counted. Fuzzy entries were nobody's words yet."""
    with CATALOGUE.open("rb") as file:
        entries = list(read_po(file, locale="ar"))
    made: dict[tuple[str | None, str], tuple[str, ...]] = {}
    for entry in entries:
        written: Any = entry.id, entry.string  # Babel's types allow for either of both
        english, arabic = (written[0][0], tuple(written[1])) if entry.pluralizable else (written[0], (written[1],))
        if english and all(arabic) and not entry.fuzzy:
            made[entry.context, english] = arabic
    return made


def _arabic_form(number: int) -> int:
    """As the catalogue's Plural-Forms has it."""
    if number in (0, 1, 2):
        return number
    return 3 if 3 <= number % 100 <= 10 else 4 if 11 <= number % 100 <= 99 else 5
