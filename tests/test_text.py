"""Folding: spellings that people take for the same are the same, and others are not."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.text import fold

ALIKE = {
    "hamza forms": ["أحمد", "إحمد", "آحمد", "ٱحمد", "احمد", "ا\u0654حمد", "ا\u0655حمد", "\u0672حمد"],
    "hamza on a seat": ["مسؤول شئون", "مسوول شيون", "مسو\u0654ول شي\u0654ون"],
    "taa marbuta": ["مكتبة", "مكتبه", "مکتبہ", "مكتبۃ", "مكتبۀ", "مكتبە"],
    "alef maqsura and its likes": ["مصطفى", "مصطفي", "مصطفی", "مصطفے"],
    "diacritics, alone and together": ["عُمَرُ الفاروقُّ", "عمر الفاروق", "عمر\u0610 الفاروق\u06da"],
    "superscript alef": ["الرحمٰن", "الرحمن"],
    "tatweel": ["الفاروقــي", "الفاروقي"],
    "kaf": ["شركة كبيرة", "شرکة کبیرة", "شرڪة ڪبيرة"],
    "presentation forms": ["ﺷﺮﻛﺔ", "شركة", "شركه"],
    "lam-alef": ["ﻻ إله", "لا إله", "ﻵ اله"],
    "the ligature of God's name": ["ﷲ", "الله", "اللّٰه"],
    "a long ligature": ["ﷺ", "صلى الله عليه وسلم"],
    "joiners and what cannot be seen": ["می\u200cخواهم", "میخواهم", "م\u200dيخوا\u200bهم\u200f", "\ufeffميخواهم\u2069"],
    "digits": ["٢٠٢٦", "۲۰۲۶", "2026", "２０２６", "२०२६"],
    "signs of each keyboard": ["١٠٠٪، ما؟", "100%, ما?"],
    "dashes and quotes": ["C–2026 “x” l’été", 'c-2026 "X" L\'ete'],
    "case": ["Straße ÉCLAIR İzmir", "STRASSE éclair izmir"],
    "spaces": ["  a \u00a0\t b\n", "a b"],
    "compatibility": ["ﬁnance ①", "finance 1"],
}
DIFFERENT = [
    ("سلمى", "سالم"),
    ("حمد", "احمد"),
    ("قوقل", "گوگل"),
    ("سماء", "سما"),
    ("علي", "عالي"),
    ("a%b", "a_b"),
    ("10", "1 0"),
    ("ط", "ت"),
]


@pytest.mark.parametrize("spellings", ALIKE.values(), ids=ALIKE)
def test_spellings_of_one_word_are_one(spellings: list[str]) -> None:
    assert {fold(spelling) for spelling in spellings} == {fold(spellings[-1])}


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_words_stay_different(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=30), st.text(max_size=10), st.text(max_size=30))
@example("مك", "ت\u0651ب", "ة")
@example("", "\u1112\u1161", "\u11ab")
def test_what_is_part_of_a_text_is_found_in_it(before: str, part: str, after: str) -> None:
    assert fold(part) in fold(before + part + after)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40))
def test_folding_again_changes_nothing_and_nothing_hidden_stays(text: str) -> None:
    once = fold(text)

    assert fold(once) == once
    assert "\x00" not in once
    once.encode()  # no lone surrogate
