"""What callers may write for each kind of value, and what is kept of it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from app.errors import ValidationFailed
from app.values import (
    Rule,
    a_date,
    an_instant,
    email,
    establishment_number,
    mobile,
    money,
    national_id,
    text,
    unified_number,
    url,
    whole_number,
)

# By code point: in an editor these are invisible, or turn the line around.
_REFUSED_CHARACTERS = [
    0x00, 0x07, 0x08, 0x0B, 0x0C, 0x0D, 0x1B, 0x1F, 0x7F, 0x80, 0x85, 0x9F,  # control
    0x061C, 0x200E, 0x200F, 0x202A, 0x202B, 0x202C, 0x202D, 0x202E, 0x2066, 0x2067, 0x2068, 0x2069,  # direction
    0x200B, 0x2028, 0x2029, 0x2060, 0xFEFF, 0xFFF9, 0xFFFB, 0xD800, 0xDFFF,  # invisible, or no character at all
]  # fmt: skip


def _check(rule: Rule, given: Any, kept: Any) -> None:
    """`kept` None: the rule refuses it, without a path, with words in both languages."""
    if kept is not None:
        made = rule(given)
        assert (made, type(made)) == (kept, type(kept))
        return
    with pytest.raises(ValidationFailed) as refused:
        rule(given)
    assert refused.value.path is None
    english, arabic = refused.value.words("en"), refused.value.words("ar")
    assert english.isascii()
    assert not arabic[:1].isascii()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        # The domain's own examples.
        ("1000000008", "1000000008"),
        ("1000000016", "1000000016"),
        ("2000000006", "2000000006"),
        ("1000000000", None),
        # Digits of three scripts, also mixed, and blanks around them.
        ("١٠٠٠٠٠٠٠٠٨", "1000000008"),
        ("۱۰۰۰۰۰۰۰۱۶", "1000000016"),
        ("٢۰0٠۰0٠۰0٦", "2000000006"),
        ("  1000000008\n", "1000000008"),
        # Every single wrong digit, and neighbours swapped.
        ("1000000009", None),
        ("1000000108", None),
        ("2000000008", None),
        ("1000000080", None),
        # Not an id at all.
        ("3000000004", None),
        ("0000000000", None),
        ("100000000", None),
        ("10000000080", None),
        ("1000 000008", None),
        ("1000-000008", None),
        ("-1000000008", None),
        ("1000000008x", None),
        ("１００００００００８", None),  # full-width: a third script that nobody types
        ("", None),
    ],
)
def test_national_ids(given: str, kept: str | None) -> None:
    _check(national_id, given, kept)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("+966512345678", "+966512345678"),
        ("00966512345678", "+966512345678"),
        ("966512345678", "+966512345678"),
        ("0512345678", "+966512345678"),
        ("٠٥١٢٣٤٥٦٧٨", "+966512345678"),
        ("۰۵۱۲۳۴۵۶۷۸", "+966512345678"),
        ("+٩٦٦٥١٢٣٤٥٦٧٨", "+966512345678"),
        (" 051 234 5678 ", "+966512345678"),
        ("+966-51-234-5678", "+966512345678"),
        ("(05) 1234.5678", "+966512345678"),
        ("512345678", None),
        ("0412345678", None),
        ("051234567", None),
        ("05123456789", None),
        ("+9660512345678", None),
        ("++966512345678", None),
        ("+971512345678", None),
        ("000966512345678", None),
        ("05١٢٣٤٥٦٧x", None),
        ("0512345678,0512345679", None),
        ("", None),
    ],
)
def test_mobile_numbers(given: str, kept: str | None) -> None:
    _check(mobile, given, kept)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("4500", Decimal("4500.00")),
        ("4500.5", Decimal("4500.50")),
        ("4500.55", Decimal("4500.55")),
        ("0", Decimal("0.00")),
        ("0.01", Decimal("0.01")),
        ("99999999.99", Decimal("99999999.99")),
        (" 4500.00 ", Decimal("4500.00")),
        ("٤٥٠٠", Decimal("4500.00")),
        ("٤٥٠٠٫٧٥", Decimal("4500.75")),
        ("۴۵۰۰.۷۵", Decimal("4500.75")),
        ("100000000", None),
        ("4500.555", None),
        ("4500.", None),
        (".5", None),
        ("-1", None),
        ("+1", None),
        ("4,500", None),
        ("4 500", None),
        ("1e3", None),
        ("0x10", None),
        ("1_000", None),
        ("NaN", None),
        ("Infinity", None),
        ("4500 SAR", None),
        ("", None),
    ],
)
def test_money(given: str, kept: Decimal | None) -> None:
    _check(money, given, kept)


def test_money_keeps_its_two_decimals() -> None:
    assert str(money("4500")) == "4500.00"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("11-1234567", (11, 1234567)),
        ("1-1", (1, 1)),
        ("999-999999999", (999, 999_999_999)),
        ("١١-١٢٣٤٥٦٧", (11, 1234567)),
        ("۱۱-۱۲۳۴۵۶۷", (11, 1234567)),
        (" 11-1234567 ", (11, 1234567)),
        ("0-1", None),
        ("1-0", None),
        ("01-1", None),
        ("1-01", None),
        ("1000-1", None),
        ("1-1000000000", None),
        ("11", None),
        ("11-", None),
        ("-11", None),
        ("11--1", None),
        ("11-1-1", None),
        ("11 - 1", None),
        ("11–1", None),  # a dash that is no hyphen
        ("", None),
    ],
)
def test_establishment_numbers(given: str, kept: tuple[int, int] | None) -> None:
    _check(establishment_number, given, kept)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("7000000001", "7000000001"),
        ("٧٠٠٠٠٠٠٠٠١", "7000000001"),
        ("۷۰۰۰۰۰۰۰۰۱", "7000000001"),
        (" 7000000001", "7000000001"),
        ("1000000008", None),
        ("700000000", None),
        ("70000000010", None),
        ("7OOOOOOOO1", None),
    ],
)
def test_unified_numbers(given: str, kept: str | None) -> None:
    _check(unified_number, given, kept)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("name@example.sa", "name@example.sa"),
        (" name@example.sa ", "name@example.sa"),
        ("first.last+tag@mail.example.com.sa", "first.last+tag@mail.example.com.sa"),
        ("o'neill@example.sa", "o'neill@example.sa"),
        ("name٢@example.sa", "name2@example.sa"),
        ("a" * 64 + "@example.sa", "a" * 64 + "@example.sa"),
        ("a" * 65 + "@example.sa", None),
        ("a@" + "b." * 130 + "sa", None),  # 264 characters
        ("name", None),
        ("name@", None),
        ("@example.sa", None),
        ("name@example", None),
        ("name@example.s", None),
        ("name@@example.sa", None),
        ("name@exa mple.sa", None),
        ("na me@example.sa", None),
        ("name@-example.sa", None),
        ("name@example-.sa", None),
        ("name@.sa", None),
        (".name@example.sa", None),
        ("name.@example.sa", None),
        ("first..last@example.sa", None),
        ("name@example.sa\nBcc: all@example.sa", None),
        ("name@example.sa, other@example.sa", None),
        ("<name@example.sa>", None),
        ("اسم@example.sa", None),
        ("", None),
    ],
)
def test_email_addresses(given: str, kept: str | None) -> None:
    _check(email, given, kept)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://example.sa", "https://example.sa"),
        ("http://example.sa:8080/path?q=1#part", "http://example.sa:8080/path?q=1#part"),
        (" https://example.sa ", "https://example.sa"),
        ("HTTPS://Example.sa", "HTTPS://Example.sa"),
        ("https://مثال.السعودية/صفحة", "https://مثال.السعودية/صفحة"),
        ("https://[2001:db8::1]/", "https://[2001:db8::1]/"),
        ("https://example.sa/" + "x" * 281, "https://example.sa/" + "x" * 281),
        ("https://example.sa/" + "x" * 282, None),
        ("example.sa", None),
        ("//example.sa", None),
        ("/path", None),
        ("https://", None),
        ("https:///path", None),
        ("https:example.sa", None),
        ("ftp://example.sa", None),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("https://user@example.sa", None),
        ("https://user:secret@example.sa", None),
        ("https://:secret@example.sa", None),
        ("https://example.sa:99999", None),
        ("https://example.sa:port", None),
        ("https://[2001:db8::1", None),
        ("https://example.sa/a b", None),
        ("https://example.sa/a\tb", None),
        ("https://example.sa/a\nb", None),
        ("https://exam\tple.sa", None),
        ("https://example.sa/a\N{NO-BREAK SPACE}b", None),
        ("https://example.sa/a\N{RIGHT-TO-LEFT OVERRIDE}b", None),
        ("", None),
    ],
)
def test_web_addresses(given: str, kept: str | None) -> None:
    _check(url, given, kept)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("عنوان", "عنوان"),
        ("  عنوان  ", "عنوان"),
        ("a\nb\tc", "a\nb\tc"),
        ("می‌خواهم", "می‌خواهم"),  # Persian needs its zero-width non-joiner
        ("شَرِكَة", "شَرِكَة"),
        ("👩‍💻", "👩‍💻"),
        ("x" * 10, "x" * 10),
        (" " + "x" * 10 + " ", "x" * 10),
        ("٣" * 10, "٣" * 10),  # digits in a text stay as they were written
        ("x" * 11, None),
        ("", None),
        ("   ", None),
        ("\n\t", None),
    ],
)
def test_texts_of_one_to_ten_characters(given: str, kept: str | None) -> None:
    _check(text(10), given, kept)


def test_a_text_may_be_asked_to_have_more_than_one_character() -> None:
    _check(text(10, least=3), " ab ", None)
    _check(text(10, least=3), "abc", "abc")


@pytest.mark.parametrize("code_point", _REFUSED_CHARACTERS, ids=hex)
def test_control_and_direction_characters_are_refused(code_point: int) -> None:
    _check(text(10), f"a{chr(code_point)}b", None)


@pytest.mark.parametrize(("given", "kept"), [(1, 1), (10, 10), (0, None), (11, None), (-1, None)])
def test_whole_numbers_from_one_to_ten(given: int, kept: int | None) -> None:
    _check(whole_number(1, 10), given, kept)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (date(1900, 1, 1), date(1900, 1, 1)),
        (date(2999, 12, 31), date(2999, 12, 31)),
        (date(1899, 12, 31), None),
        (date(3000, 1, 1), None),
    ],
)
def test_dates(given: date, kept: date | None) -> None:
    _check(a_date, given, kept)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (datetime(2999, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(2999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (datetime(3000, 1, 1, tzinfo=UTC), None),
        (datetime(1899, 12, 31, tzinfo=UTC), None),
    ],
)
def test_instants(given: datetime, kept: datetime | None) -> None:
    _check(an_instant, given, kept)
