"""Text as people write it: digits of three scripts, Arabic spellings folded for search, wildcards made harmless."""

from __future__ import annotations

import re
import unicodedata

_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "01234567890123456789")
_LETTERS = str.maketrans({"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ؤ": "و", "ئ": "ي", "ى": "ي", "ی": "ي", "ة": "ه", "ک": "ك", "ـ": None})
_MARKS = re.compile(r"[\u064b-\u065f\u0670\u06d6-\u06ed]")
# Control characters, and those that reorder or hide text: they can make a name read as another's.
_UNSAFE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)


def ascii_digits(text: str) -> str:
    """Arabic-Indic and Persian digits become ASCII; everything else stays."""
    return text.translate(_DIGITS)


def fold(text: str) -> str:
    """One spelling for all: hamza forms, taa marbuta, alef maqsura, diacritics, tatweel, digits, case, runs of spaces."""
    plain = unicodedata.normalize("NFKC", _UNSAFE.sub("", text)).translate(_DIGITS)
    plain = _MARKS.sub("", plain).translate(_LETTERS).casefold()
    return " ".join(plain.split())


def has_unsafe_characters(text: str) -> bool:
    """Whether the text holds control, bidirectional-override, invisible or lone-surrogate characters; a line feed and a tab are fine."""
    return bool(_UNSAFE.search(text))


def like_pattern(text: str) -> str:
    r"""A LIKE pattern for texts that hold this one, with `\` as its escape: the caller's wildcards are letters."""
    return "%" + re.sub(r"([\\%_])", r"\\\1", text) + "%"


def camel_case(name: str) -> str:
    """A Python name as the graph spells it."""
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)
