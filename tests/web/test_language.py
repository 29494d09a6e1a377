"""Which language an answer is in, and that it says so."""

from __future__ import annotations

import pytest

from app.models import Locale, Role, User
from app.web.language import asked_language
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
