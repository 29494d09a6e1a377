"""What the files of app/data promise to the seeding and the demo; nothing here touches the database."""

import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).resolve().parents[2] / "app" / "data"

REGIONS = {
    "Riyadh Region", "Makkah Region", "Madinah Region", "Qassim Region", "Eastern Province", "Asir Region", "Tabuk Region",
    "Hail Region", "Northern Borders Region", "Jazan Region", "Najran Region", "Al Bahah Region", "Al Jawf Region",
}  # fmt: skip
FAQ_CATEGORIES = {"REGISTRATION", "CONTRACTING", "HIRING", "LINKING", "REPORTS", "ACCOUNT"}
DEMO_SIZES = {
    "maleNames": 60, "femaleNames": 60, "familyNames": 80, "establishments": 44, "providers": 3, "companies": 6, "projects": 60,
    "jobs": 60, "messages": 15, "rejectionReasons": 8, "terminationReasons": 6, "endReasons": 6,
}  # fmt: skip

IDENTIFIERS = {"key", "cityKey", "code", "occupationCode", "category", "websiteHost"}
ARABIC_LETTER = re.compile("[\u0621-\u063a\u0641-\u064a]")
# Tatweel, zero-width characters and direction controls: invisible, and they break search and sorting.
FORBIDDEN = re.compile("[\u0640\u061c\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def load(name: str) -> Any:
    return json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))


def texts(value: Any, where: str) -> Iterator[tuple[str, str]]:
    """Every string below `value` with its path: `jobs.3.titleAr`."""
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, list | dict):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from texts(inner, f"{where}.{key}")


def language(path: str) -> str:
    """ar, en, id or any, as the path says; pairs and triples of the demo pools are Arabic, English[, Arabic]."""
    pool, *_, last = path.split(".")
    if ".skills." in path:
        return "any"
    if last in IDENTIFIERS:
        return "id"
    if pool.endswith("Names") or pool == "projects":
        return "en" if last == "1" else "ar"
    return "en" if last.endswith("En") else "ar"


def everything() -> list[tuple[str, str]]:
    files = [*((name, load(name)) for name in ("cities", "occupations", "faqs")), *load("demo").items()]
    return [found for name, value in files for found in texts(value, name)]


def spoken(wanted: str) -> list[tuple[str, str]]:
    return [(path, text) for path, text in everything() if language(path) == wanted]


def test_every_text_is_filled_trimmed_and_normalised() -> None:
    assert [path for path, text in everything() if not text or text != unicodedata.normalize("NFC", text.strip())] == []


def test_no_text_hides_a_control_character() -> None:
    assert [path for path, text in everything() if FORBIDDEN.search(text) or not text.isprintable()] == []


def test_arabic_is_arabic() -> None:
    assert [path for path, text in spoken("ar") if not ARABIC_LETTER.search(text)] == []


def test_english_and_identifiers_are_ascii() -> None:
    assert [path for path, text in spoken("en") + spoken("id") if not text.isascii()] == []


@pytest.mark.parametrize(("name", "field", "shape"), [
    ("cities", "key", r"[a-z]+(-[a-z]+)*"),
    ("occupations", "code", r"[1-9][0-9]{5}"),
    ("faqs", "key", r"[a-z]+(-[a-z]+)*"),
])  # fmt: skip
def test_keys_are_unique_and_well_formed(name: str, field: str, shape: str) -> None:
    keys = [record[field] for record in load(name)]

    assert len(keys) == len(set(keys))
    assert [key for key in keys if not re.fullmatch(shape, key)] == []


@pytest.mark.parametrize("name", ["cities", "occupations"])
@pytest.mark.parametrize("field", ["nameAr", "nameEn"])
def test_no_two_records_share_a_name(name: str, field: str) -> None:
    names = [record[field] for record in load(name)]

    assert len(names) == len(set(names))


def test_all_thirteen_regions_are_there_under_one_name_each() -> None:
    regions = {(city["regionNameAr"], city["regionNameEn"]) for city in load("cities")}

    assert len(regions) == 13
    assert {english for _, english in regions} == REGIONS


def test_faqs_are_numbered_from_one_in_known_categories() -> None:
    faqs = load("faqs")

    assert [faq["position"] for faq in faqs] == list(range(1, 13))
    assert {faq["category"] for faq in faqs} == FAQ_CATEGORIES
    assert len({(faq["category"], faq["categoryAr"], faq["categoryEn"]) for faq in faqs}) == len(FAQ_CATEGORIES)


def test_demo_pools_have_their_sizes() -> None:
    assert {name: len(pool) for name, pool in load("demo").items()} == DEMO_SIZES


@pytest.mark.parametrize("pool", DEMO_SIZES)
def test_demo_pools_repeat_nothing(pool: str) -> None:
    # Names are told apart by either language alone, since a screen shows only one.
    records = [tuple(r[:2]) if isinstance(r, list) else (r.get("nameAr") or r["titleAr"],) if isinstance(r, dict) else (r,)
               for r in load("demo")[pool]]  # fmt: skip

    for column in zip(*records, strict=True):
        assert len(column) == len(set(column))


def test_demo_points_only_at_cities_and_occupations_that_exist() -> None:
    demo = load("demo")
    cities = {city["key"] for city in load("cities")}
    occupations = {occupation["code"] for occupation in load("occupations")}

    assert {place["cityKey"] for place in demo["establishments"] + demo["companies"]} <= cities
    assert {job["occupationCode"] for job in demo["jobs"]} <= occupations


def test_demo_wages_keep_the_legal_floor() -> None:
    for job in load("demo")["jobs"]:
        assert 4000 <= job["fullTime"][0] < job["fullTime"][1], job["titleEn"]
        assert 2000 <= job["partTime"][0] < job["partTime"][1], job["titleEn"]


def test_demo_hosts_belong_to_nobody() -> None:
    hosts = [provider["websiteHost"] for provider in load("demo")["providers"]]

    assert [host for host in hosts if not re.fullmatch(r"[a-z-]+\.example\.(com|sa)", host)] == []
