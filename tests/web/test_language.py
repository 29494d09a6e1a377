"""Which language an answer is in, and that it says so."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import pytest
from graphql import build_schema, lexicographic_sort_schema, print_schema

from app.engine.descriptions import described
from app.errors import VacanciesBelowFilled
from app.models import Locale, Role, User
from app.schema import in_arabic, schema
from app.web.language import asked_language
from app.words import _arabic_form, filled
from tests.catalogue import catalogue, faults, said_by_code
from tests.portal import Portal
from tests.world import World


@pytest.fixture(params=["sqlite"])
def backend(request: pytest.FixtureRequest) -> str:
    """Languages know nothing of the database."""
    return str(request.param)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, None),
        ("", None),
        ("*", None),
        ("fr", None),
        ("ar", "ar"),
        ("en", "en"),
        ("AR-sa", "ar"),
        ("en-GB,ar;q=0.9", "en"),
        ("ar;q=0.8, en;q=0.9", "en"),
        ("ar, en", "ar"),
        ("en, ar", "en"),
        ("fr, en;q=0.5", "en"),
        ("en;q=0", None),
        ("en;q=0, ar;q=0.1", "ar"),
        ("en;q=x, ar;q=0.1", "ar"),
        ("en;q=nan, ar;q=0.1", "ar"),
        ("en ; q=0.2 , ar ; q=0.1", "en"),
        ("english", None),
        ("en" * 1000, None),
        ("fr," * 20 + "en", None),
        ("ar-SA;q=0.9,en-US;q=0.95,*;q=0.1", "en"),
        ("*;q=0.5, en;q=0.1", "ar"),
        ("*, en", "en"),
        ("en;q=0, *", "ar"),
        ("ar;q=0, *;q=0.3", "en"),
        ("ar;q=0, en;q=0, *", None),
        ("en;q=-1, ar;q=0.2", "ar"),
        ("en;q=1.5;x=y", "en"),
        (";;,,=;q", None),
    ],
)
def test_the_best_liked_of_arabic_and_english(header: str | None, language: str | None) -> None:
    assert asked_language(header) == language


async def test_names_errors_and_the_header_are_in_the_language_asked_for(portal: Portal) -> None:
    text = "{ faqs(first: 1) { nodes { question } } cities(first: 0) { totalCount } }"

    arabic, english = [await portal(text, language=language) for language in ("ar-SA", "fr, en;q=0.5")]

    assert (arabic.headers["content-language"], english.headers["content-language"]) == ("ar", "en")
    assert english.data["faqs"]["nodes"][0]["question"].isascii()
    assert not arabic.data["faqs"]["nodes"][0]["question"].isascii()
    assert english.errors[0]["message"] == "A page has 1 to 1000 rows."
    assert arabic.errors[0]["message"] == "عدد عناصر الصفحة من 1 إلى 1000."
    assert arabic.codes == english.codes == ["BAD_USER_INPUT"]


async def test_a_name_without_english_falls_back_to_arabic(world: World) -> None:
    job = await world.job(title_ar="محاسب", title_en=None)

    reply = await world.portal("query($id: ID!) { node(id: $id) { ... on Job { title titleEn } } }", await world.person(), id=job.public_id)

    assert reply.data["node"] == {"title": "محاسب", "titleEn": None}


async def test_without_a_wish_a_person_gets_their_own_language_and_others_the_default(world: World) -> None:
    user: User = world.users[Role.OWNER]
    user.locale = Locale.EN
    await world.store(user)
    owner, text = await world.person(), "{ cities(first: 0) { totalCount } }"

    person = await world.portal(text, owner, language="")
    nobody = await world.portal(text, language="fr")
    asked = await world.portal(text, owner, language="ar")

    assert [reply.headers["content-language"] for reply in (person, nobody, asked)] == ["en", "ar", "ar"]


async def test_a_refused_token_is_told_so_in_the_language_asked_for(portal: Portal) -> None:
    headers = {"Authorization": "Bearer x", "Accept-Language": "ar"}

    response = await portal.http.post("/graphql", json={"query": "{ service { version } }"}, headers=headers)

    assert response.json()["errors"][0]["message"] == "سجل الدخول أو أرسل رمز تحقق صالحا."


# ---- the graph about itself ---------------------------------------------------------------------------------------------

ABOUT = """{ __type(name: "JobStatus") { description enumValues { name description } }
  job: __type(name: "Job") { fields { name description } } service { environment } }"""


async def test_the_graph_describes_itself_in_the_language_asked_for_also_beside_data(portal: Portal) -> None:
    english, arabic = [await portal(ABOUT, language=language) for language in ("en", "ar")]

    told = [{value["name"]: value["description"] for value in reply.data["__type"]["enumValues"]} for reply in (english, arabic)]
    assert (told[0]["OPEN"], told[1]["OPEN"]) == ("Published, with places to fill", "منشورة وفيها شواغر")
    assert all(_is_arabic(field["description"]) for field in arabic.data["job"]["fields"])
    assert [reply.data["service"] for reply in (english, arabic)] == [{"environment": "LIVE"}] * 2
    assert (await portal(ABOUT, language="en")).body == english.body


def test_only_descriptions_differ_between_the_schemas() -> None:
    english, arabic = schema._schema, in_arabic()._schema

    bare = [
        lexicographic_sort_schema(build_schema(re.sub(r'"""(?:[^"\\]|\\.|"(?!""))*"""', "", print_schema(each))))
        for each in (english, arabic)
    ]
    described_in_english = [each.description for _, each in described(arabic) if each.description and not _is_arabic(each.description)]

    assert print_schema(bare[0]) == print_schema(bare[1])
    assert described_in_english == []


async def test_the_schema_as_text_is_english_unless_arabic_is_asked_for(portal: Portal) -> None:
    plain, arabic = [await portal.http.get("/schema.graphql", headers=headers) for headers in ({}, {"Accept-Language": "ar"})]
    again = await portal.http.get("/schema.graphql", headers={"Accept-Language": "ar", "If-None-Match": plain.headers["etag"]})
    known = await portal.http.get("/schema.graphql", headers={"Accept-Language": "ar", "If-None-Match": arabic.headers["etag"]})

    assert ("Places to fill in a project." in plain.text, "وظيفة بشواغرها في مشروع." in arabic.text) == (True, True)
    assert (plain.headers["content-language"], arabic.headers["content-language"]) == ("en", "ar")
    assert "Accept-Language" in plain.headers["vary"]
    assert (again.status_code, known.status_code) == (200, 304)


async def test_a_cached_answer_about_the_graph_serves_its_own_language_alone(portal: Portal) -> None:
    query = {"query": '{ __type(name: "Gender") { description } }'}

    english, arabic = [await portal.http.get("/graphql", params=query, headers={"Accept-Language": each}) for each in ("en", "ar")]
    other = await portal.http.get("/graphql", params=query, headers={"Accept-Language": "ar", "If-None-Match": english.headers["etag"]})

    assert [each.json()["data"]["__type"]["description"] for each in (english, arabic)] == ["A person's gender.", "جنس الشخص."]
    assert (other.status_code, "Accept-Language" in other.headers["vary"]) == (200, True)


# ---- what does not come from a resolver -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "arabic"),
    [
        ("{", "تعذرت قراءة المستند: Syntax Error"),
        ("{ nobody }", "المستند غير صالح: Cannot query field 'nobody'"),
        ("query($n: Int!) { cities(first: $n) { totalCount } }", "قيم المتغيرات غير صحيحة: Variable '$n'"),
        ("query a { service { version } } query b { service { version } }", "حدد في operationName العملية المطلوب تنفيذها."),
        ("{ cities(first: 0) { totalCount } }", "عدد عناصر الصفحة من 1 إلى 1000."),
    ],
)
async def test_documents_are_refused_in_arabic_the_words_of_others_behind_a_lead(portal: Portal, query: str, arabic: str) -> None:
    reply = await portal(query, language="ar")

    assert reply.errors[0]["message"].startswith(arabic)


async def test_refusals_in_plain_text_are_in_the_language_asked_for(portal: Portal) -> None:
    asked = {"Accept-Language": "ar", "Content-Type": "application/json"}

    no_json = await portal.http.post("/graphql", content=b"{", headers=asked)
    method = await portal.http.delete("/graphql", headers={"Accept-Language": "en"})
    document = await portal.http.get("/documents/doc_x", headers={"Accept-Language": "ar"})

    assert (no_json.text, no_json.headers["content-language"]) == ("body ليس بصيغة JSON.\n", "ar")
    assert method.text.startswith("Send one of GET, ")
    assert (document.text.splitlines()[0][:12], document.headers["content-language"]) == ("لا يوجد مستن", "ar")


# ---- the catalogue --------------------------------------------------------------------------------------------------------


def test_whatever_is_said_is_in_the_catalogue_and_nothing_else_is() -> None:
    said_now, known = said_by_code(), catalogue()

    assert list(faults(said_now, known)) == []  # `python -m tests.catalogue` tells
    assert len(said_now.words) > 600

    known.add("Nobody says this {x}.", "لا أحد")
    for words, spoilt in {"Which rule": "English", "lower {what} to {size}": "خفض {size}"}.items():
        entry = known.get(words)
        assert entry
        entry.string = spoilt
    known.delete("In one of these states")
    assert sorted(fault.partition(":")[0] for fault in faults(said_now, known)) == [
        "braces differ", "missing (schema)", "no Arabic", "obsolete",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("filled", "arabic"),
    [
        (1, "شاغر واحد مشغول"),
        (2, "شاغران مشغولان"),
        (3, "3 شواغر مشغولة"),
        (10, "10 شواغر مشغولة"),
        (11, "11 شاغرا مشغولا"),
        (99, "99 شاغرا مشغولا"),
        (100, "100 شاغر مشغول"),
        (103, "103 شواغر مشغولة"),
    ],
)
def test_what_is_counted_has_arabics_six_forms(filled: int, arabic: str) -> None:
    error = VacanciesBelowFilled(("vacancies",), filled=filled)

    assert error.words("ar").partition("؛")[0] == arabic
    assert error.words("en").startswith("One place is" if filled == 1 else f"{filled} places are")


def test_every_form_of_the_catalogue_is_the_one_that_its_head_says() -> None:
    rule = catalogue().plural_expr
    by_head = eval(f"lambda n: {_python(rule)}")

    assert [_arabic_form(number) for number in range(1000)] == [int(by_head(number)) for number in range(1000)]


def test_numbers_and_dates_are_written_as_each_language_does() -> None:
    values = {"many": 1234567, "day": date(2026, 11, 22), "moment": datetime(2026, 11, 22, 21, 30, tzinfo=UTC)}

    english, arabic = [filled("{many:,} · {day} · {moment}", language, values) for language in ("en", "ar")]

    assert english == "1,234,567 · 22 November 2026 · 23 November 2026, 00:30"
    assert arabic == "1,234,567 · 22 نوفمبر 2026 · 23 نوفمبر 2026, 00:30"


def _is_arabic(text: str) -> bool:
    return any("\u0621" <= letter <= "\u064a" for letter in text)


def _python(rule: str) -> str:
    """C's conditions as Python's."""
    rule = rule.replace("&&", " and ").replace("||", " or ").strip().strip("()")
    condition, _, rest = rule.partition("?")
    this, _, other = rest.partition(":")
    return f"({this}) if ({condition}) else ({_python(other)})" if rest else rule
