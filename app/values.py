"""What a caller may write for each kind of value, and what we keep of it.

A rule takes what came in and answers what is stored, or raises ValidationFailed without a path: whoever asks knows the path.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit

from app.errors import FileTypeNotAllowed, ValidationFailed
from app.text import ascii_digits, has_unsafe_characters

Rule = Callable[[Any], Any]

_FIRST_DAY, _LAST_DAY = date(1900, 1, 1), date(2999, 12, 31)


def text(most: int, *, least: int = 1) -> Rule:
    """A text of so many characters once trimmed; control and bidirectional characters are refused."""

    def rule(value: str) -> str:
        trimmed = value.replace("\r\n", "\n").strip()
        if has_unsafe_characters(trimmed):
            raise ValidationFailed(en="Control and direction characters are not allowed.")
        if not least <= len(trimmed) <= most:
            raise ValidationFailed(en="Write {least} to {most} characters.", least=least, most=most)
        return trimmed

    return rule


def line(most: int) -> Rule:
    """A text in one line: what goes into the head of a mail, say."""
    whole = text(most)

    def rule(value: str) -> str:
        trimmed: str = whole(value)
        if "\n" in trimmed or "\t" in trimmed:
            raise ValidationFailed(en="Write it in one line.")
        return trimmed

    return rule


def whole_number(least: int, most: int) -> Rule:
    def rule(value: int) -> int:
        if not least <= value <= most:
            raise ValidationFailed(en="Give a whole number from {least} to {most}.", least=least, most=most)
        return value

    return rule


def money(value: str) -> Decimal:
    """Riyals, two decimals at most."""
    plain = ascii_digits(value).strip().replace("٫", ".")
    try:
        if not re.fullmatch(r"\d{1,8}(\.\d{1,2})?", plain, re.ASCII):
            raise InvalidOperation
        return Decimal(plain).quantize(Decimal("0.01"))
    except InvalidOperation:
        raise ValidationFailed(en='Give an amount in riyals such as "4500.00".') from None


def count(least: int, most: int) -> Rule:
    """A whole number, which may have come as a text."""
    within = whole_number(least, most)

    def rule(value: int | str) -> int:
        if isinstance(value, str):
            plain = ascii_digits(value).strip()
            value = int(plain) if re.fullmatch(r"\d{1,12}", plain, re.ASCII) else -1
        return int(within(value))

    return rule


def percentage(value: str) -> Decimal:
    """0 to 100, two decimals at most."""
    plain = ascii_digits(value).strip().replace("٫", ".")
    if not re.fullmatch(r"\d{1,3}(\.\d{1,2})?", plain, re.ASCII) or (found := Decimal(plain)) > 100:
        raise ValidationFailed(en='Give a number from 0 to 100 such as "87.50".')
    return found.quantize(Decimal("0.01"))


def a_date(value: date) -> date:
    if not _FIRST_DAY <= value <= _LAST_DAY:
        raise ValidationFailed(en="Give a date from 1900 to 2999.")
    return value


def an_instant(value: datetime) -> datetime:
    a_date(value.date())
    return value


def _matching(pattern: str, en: str) -> Callable[[str], str]:
    compiled = re.compile(pattern, re.ASCII)

    def rule(value: str) -> str:
        plain = ascii_digits(value).strip()
        if not compiled.fullmatch(plain):
            raise ValidationFailed(en=en)
        return plain

    return rule


_number = _matching(r"[1-9]\d{0,2}-[1-9]\d{0,8}", 'Write the establishment number as <labour office>-<sequence>, e.g. "11-1234567".')


def establishment_number(value: str) -> tuple[int, int]:
    """Labour office and sequence."""
    office, _, sequence = _number(value).partition("-")
    return int(office), int(sequence)


unified_number = _matching(r"7\d{9}", "A unified number has ten digits and begins with 7.")

_national_id = _matching(r"[12]\d{9}", "A national id has ten digits and begins with 1 or 2.")


_ZERO = ord("0")
_DOUBLED = bytes.maketrans(b"0123456789", b"0246813579")  # 9 subtracted above 9


def has_check_digit(digits: str) -> bool:
    """Luhn over ten digits, the 1st, 3rd, ... doubled."""
    written = digits.encode()
    return (sum(written[1::2]) + sum(written[::2].translate(_DOUBLED)) - len(written) * _ZERO) % 10 == 0


def national_id(value: str) -> str:
    plain = _national_id(value)
    if not has_check_digit(plain):
        raise ValidationFailed(en="This national id is mistyped: its check digit does not agree.")
    return plain


_mobile = _matching(r"(?:\+966|00966|966|0)5\d{8}", 'Write a Saudi mobile number such as "0512345678".')


def mobile(value: str) -> str:
    """E.164: +9665 and eight digits."""
    return "+966" + _mobile(re.sub(r"[\s().-]", "", value))[-9:]


email = _matching(
    r"(?=.{3,254}$)(?=[^@]{1,64}@)[A-Za-z0-9_%+'-]+(?:\.[A-Za-z0-9_%+'-]+)*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}",
    'Write an e-mail address such as "name@example.sa".',
)


def network(value: str) -> str:
    """An address, or a network in CIDR notation, of either version; host bits are dropped."""
    try:
        return str(ip_network(ascii_digits(value).strip(), strict=False))
    except ValueError:
        raise ValidationFailed(en='Write an address or a network such as "203.0.113.7" or "203.0.113.0/24".') from None


def url(value: str) -> str:
    """An absolute http or https address."""
    trimmed = text(300)(value)
    try:
        parts = urlsplit(trimmed)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None and not re.search(r"\s", trimmed)
        _ = parts.port
    except ValueError:
        valid = False
    if not valid:
        raise ValidationFailed(en='Write a whole address such as "https://example.sa".')
    return str(trimmed)


def file_name(value: str) -> str:
    """A name alone, no way to a place: it is shown to people, and names what they download."""
    trimmed: str = text(200)(value)
    if re.search(r"[/\\\n\t]", trimmed) or not trimmed.strip("."):
        raise ValidationFailed(en='Write a file\'s name alone, such as "contract.pdf".')
    return trimmed


def media_type(value: str) -> str:
    """One of the types that documents have. Raises FileTypeNotAllowed."""
    plain = value.strip().lower()
    if plain not in FILE_TYPES:
        raise FileTypeNotAllowed
    return plain


_sha256 = _matching(r"[0-9a-fA-F]{64}", "Write the SHA-256 as 64 hexadecimal digits.")


def sha256(value: str) -> str:
    """In lower case."""
    return _sha256(value).lower()


# What a file of each type begins with, and what its name ends in, the usual one first. At the very beginning: a reader of PDFs may look
# further, and find one in what a browser takes for a page.
FILE_TYPES: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "application/pdf": (b"%PDF-", (".pdf",)),
    "image/png": (b"\x89PNG\r\n\x1a\n", (".png",)),
    "image/jpeg": (b"\xff\xd8\xff", (".jpg", ".jpeg")),
}
HEAD_BYTES = 8  # enough to tell


def is_of_type(head: bytes, content_type: str) -> bool:
    """Whether bytes that begin so are of the type."""
    return head.startswith(FILE_TYPES[content_type][0])


def is_loopback(address: str) -> bool:
    """Whether the address of a page is on this very machine, by its name."""
    try:
        host = urlsplit(address).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
