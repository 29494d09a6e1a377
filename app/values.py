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

from app.errors import ValidationFailed
from app.text import ascii_digits, has_unsafe_characters

Rule = Callable[[Any], Any]

_FIRST_DAY, _LAST_DAY = date(1900, 1, 1), date(2999, 12, 31)


def text(most: int, *, least: int = 1) -> Rule:
    """A text of so many characters once trimmed; control and bidirectional characters are refused."""

    def rule(value: str) -> str:
        trimmed = value.replace("\r\n", "\n").strip()
        if has_unsafe_characters(trimmed):
            raise ValidationFailed(en="Control and direction characters are not allowed.", ar="لا يسمح بأحرف التحكم أو أحرف الاتجاه.")
        if not least <= len(trimmed) <= most:
            raise ValidationFailed(en=f"Write {least} to {most} characters.", ar=f"اكتب من {least} إلى {most} حرفا.")
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
            raise ValidationFailed(en=f"Give a whole number from {least} to {most}.", ar=f"أدخل عددا صحيحا من {least} إلى {most}.")
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
        raise ValidationFailed(en='Give an amount in riyals such as "4500.00".', ar='أدخل مبلغا بالريال مثل "4500.00".') from None


def a_date(value: date) -> date:
    if not _FIRST_DAY <= value <= _LAST_DAY:
        raise ValidationFailed(en="Give a date from 1900 to 2999.", ar="أدخل تاريخا بين عامي 1900 و2999.")
    return value


def an_instant(value: datetime) -> datetime:
    a_date(value.date())
    return value


def _matching(pattern: str, en: str, ar: str = "") -> Callable[[str], str]:
    compiled = re.compile(pattern, re.ASCII)

    def rule(value: str) -> str:
        plain = ascii_digits(value).strip()
        if not compiled.fullmatch(plain):
            raise ValidationFailed(en=en, ar=ar)
        return plain

    return rule


_number = _matching(
    r"[1-9]\d{0,2}-[1-9]\d{0,8}",
    'Write the establishment number as <labour office>-<sequence>, e.g. "11-1234567".',
    'اكتب رقم المنشأة بصيغة <مكتب العمل>-<التسلسلي>، مثل "11-1234567".',
)


def establishment_number(value: str) -> tuple[int, int]:
    """Labour office and sequence."""
    office, _, sequence = _number(value).partition("-")
    return int(office), int(sequence)


unified_number = _matching(r"7\d{9}", "A unified number has ten digits and begins with 7.", "الرقم الموحد عشرة أرقام ويبدأ بالرقم 7.")

_national_id = _matching(
    r"[12]\d{9}",
    "A national id has ten digits and begins with 1 or 2.",
    "رقم الهوية عشرة أرقام ويبدأ بالرقم 1 أو 2.",
)


def has_check_digit(digits: str) -> bool:
    """Luhn over ten digits, the 1st, 3rd, ... doubled."""
    doubled = [int(d) * 2 if place % 2 == 0 else int(d) for place, d in enumerate(digits)]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def national_id(value: str) -> str:
    plain = _national_id(value)
    if not has_check_digit(plain):
        raise ValidationFailed(
            en="This national id is mistyped: its check digit does not agree.", ar="رقم الهوية غير صحيح: خانة التحقق لا تتطابق."
        )
    return plain


_mobile = _matching(
    r"(?:\+966|00966|966|0)5\d{8}", 'Write a Saudi mobile number such as "0512345678".', 'اكتب رقم جوال سعودي مثل "0512345678".'
)


def mobile(value: str) -> str:
    """E.164: +9665 and eight digits."""
    return "+966" + _mobile(re.sub(r"[\s().-]", "", value))[-9:]


email = _matching(
    r"(?=.{3,254}$)(?=[^@]{1,64}@)[A-Za-z0-9_%+'-]+(?:\.[A-Za-z0-9_%+'-]+)*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}",
    'Write an e-mail address such as "name@example.sa".',
    'اكتب بريدا إلكترونيا مثل "name@example.sa".',
)


def network(value: str) -> str:
    """An address, or a network in CIDR notation, of either version; host bits are dropped."""
    try:
        return str(ip_network(ascii_digits(value).strip(), strict=False))
    except ValueError:
        raise ValidationFailed(
            en='Write an address or a network such as "203.0.113.7" or "203.0.113.0/24".',
            ar='اكتب عنوانا أو شبكة مثل "203.0.113.7" أو "203.0.113.0/24".',
        ) from None


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
        raise ValidationFailed(en='Write a whole address such as "https://example.sa".', ar='اكتب عنوانا كاملا مثل "https://example.sa".')
    return str(trimmed)


def is_loopback(address: str) -> bool:
    """Whether the address of a page is on this very machine, by its name."""
    try:
        host = urlsplit(address).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
