"""Text as people write it: digits of three scripts, Arabic spellings folded for search, wildcards made harmless."""

from __future__ import annotations

import re
import unicodedata

_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "01234567890123456789")
# What decomposing does not bring together: letters of Persian, Urdu and Kurdish keyboards, and signs that each keyboard has its own of.
_ALIKE = {
    "ا": "ٱٲٳ",
    "ه": "ةہھەۃ",
    "ي": "ىیےېۍێ",
    "ك": "کڪ",
    "-": "‐‑‒–—―−",
    "'": "‘’‚‛ʼ",
    '"': "“”„‟«»",
    ",": "،٬",
    ".": "٫",
    ";": "؛",
    "?": "؟",
    "%": "٪",
}
_LETTERS = {other: letter for letter, others in _ALIKE.items() for other in others}
# Tatweel, high hamza, signs of the Quran, joiners, variation selectors: no letters, though Unicode does not call them marks.
_SILENT = re.compile(
    r"[\u0600-\u0605\u0640\u0674\u06d6-\u06ed\u08d3-\u08ff\u034f\u180b-\u180f\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)
# Control characters, and those that reorder or hide text: they can make a name read as another's.
_UNSAFE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)


def ascii_digits(text: str) -> str:
    """Arabic-Indic and Persian digits become ASCII; everything else stays."""
    return text if text.isascii() else text.translate(_DIGITS)


class _Folded(dict[int, str]):
    """Each character's spelling, for str.translate; kept for the scripts that are in use here, so that nobody fills the memory."""

    def __missing__(self, code: int) -> str:
        made = _folded(chr(code))
        if code < 0x2100 or 0xFB50 <= code < 0xFF00:
            self[code] = made
        return made


def _folded(character: str) -> str:
    if _UNSAFE.match(character) or _SILENT.match(character):
        return ""
    # Twice: folding the case of some letters makes marks.
    parts = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
    bare = (part for part in parts if not unicodedata.combining(part) and not _SILENT.match(part))
    return "".join(str(unicodedata.decimal(part)) if part.isdecimal() else _LETTERS.get(part, part) for part in bare)


_FOLDED = _Folded()


def fold(text: str) -> str:
    """One spelling for all: hamza forms, taa marbuta, alef maqsura, marks and accents, tatweel, digits, presentation forms, letters of
    other Arabic keyboards, signs, case, runs of spaces.

    Character by character: what is part of a text is, folded, part of the folded text.
    """
    return " ".join(text.translate(_FOLDED).split())


def has_unsafe_characters(text: str) -> bool:
    """Whether the text holds control, bidirectional-override, invisible or lone-surrogate characters; a line feed and a tab are fine."""
    return bool(_UNSAFE.search(text))


def like_pattern(text: str) -> str:
    r"""A LIKE pattern for texts that hold this one, with `\` as its escape: the caller's wildcards are letters."""
    return "%" + re.sub(r"([\\%_])", r"\\\1", text) + "%"


def text_of_pattern(pattern: str) -> str:
    """The text that such a pattern was made for."""
    return re.sub(r"\\(.)", r"\1", pattern[1:-1], flags=re.DOTALL)


def camel_case(name: str) -> str:
    """A Python name as the graph spells it."""
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)
