"""Contracts as they are printed: to whom, with what on them, and that nobody else waits for it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.models import City, ProjectStatus, Role
from app.papers import summary as printed
from app.papers.summary import Agreement, Party, PrintedProject, both_calendars, paper, print_summary
from tests.portal import NOBODY, Caller, Portal
from tests.world import World

URL = "query($id: ID!) { node(id: $id) { ... on Contract { summaryUrl } } }"


async def address(portal: Portal, id_: str, caller: Caller) -> str:
    reply = await portal(URL, caller, id=id_)
    assert reply.errors == []
    found: str = reply.data["node"]["summaryUrl"]
    return found


async def fetch(portal: Portal, url: str, caller: Caller = NOBODY) -> Any:
    portal.http.cookies.clear()
    return await portal.http.get(url, headers={"Accept-Language": "ar", **caller.headers})


@pytest.fixture
def papers(monkeypatch: pytest.MonkeyPatch) -> list[Agreement]:
    """What is printed from here on: the page itself is not read back."""
    seen: list[Agreement] = []

    def note(agreement: Agreement) -> bytes:
        seen.append(agreement)
        return b"%PDF-"

    monkeypatch.setattr("app.web.summary.print_summary", note)
    return seen


async def test_the_page_says_what_the_graph_says(world: World, papers: list[Agreement]) -> None:
    [city, *_] = await world.portal.fetch(select(City).order_by(City.id))
    client = await world.establishment(city_id=city.id, unified_number="7000000002", labor_office_id=11, sequence_number=1234567)
    contract = await world.contract(establishment=client, starts_on=date(2026, 1, 1), ends_on=None)
    await world.project(contract=contract, starts_on=date(2026, 2, 1))
    await world.project(contract=contract, title_en=None, status=ProjectStatus.COMPLETED)
    await world.project(contract=contract, deleted_at=world.portal.clock())
    await world.project()
    owner, token = await world.person(), await world.portal.token(world.north, "CONTRACTS_READ")

    response = await fetch(world.portal, await address(world.portal, contract.public_id, owner), owner)
    by_token = await fetch(world.portal, await address(world.portal, contract.public_id, token), token)

    assert (response.status_code, by_token.status_code) == (200, 200)
    assert response.headers["content-disposition"] == f'attachment; filename="{contract.number}.pdf"'
    assert (response.headers["content-type"], response.headers["x-content-type-options"]) == ("application/pdf", "nosniff")
    assert response.headers["cache-control"] == "private, no-store"
    [agreement, without] = papers
    assert agreement.client == Party(client.name_ar, client.name_en, "11-1234567", "7000000002", (city.name_en or "", city.name_ar))
    number = f"{world.north.labor_office_id}-{world.north.sequence_number}"
    provider = ("North provider", "مزود شركة الشمال")
    assert agreement.company == Party("شركة الشمال", "North", number, None, None, provider)
    assert (agreement.number, agreement.state, agreement.starts_on, agreement.ends_on) == (
        contract.number,
        "ACTIVE",
        date(2026, 1, 1),
        None,
    )
    assert agreement.projects == [
        PrintedProject("خدمة العملاء", "Customer service", "APPROVED", date(2026, 2, 1), None),
        PrintedProject("خدمة العملاء", None, "COMPLETED", None, None),
    ]
    assert (without.projects, without.number) == (None, contract.number)


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_whoever_else_holds_the_address_gets_the_same_404(world: World, papers: list[Agreement]) -> None:
    contract, foreign, portal = await world.contract(), await world.contract(world.south), world.portal
    owner, colleague = await world.person(), await world.person(Role.ADMIN)
    url = await address(portal, contract.public_id, owner)
    plain = url.partition("?")[0]
    document = await world.document()
    download = await portal("query($id: ID!) { node(id: $id) { ... on Document { downloadUrl } } }", owner, id=document.public_id)
    query = download.data["node"]["downloadUrl"].partition("?")[2]
    tries = [
        *[(url, each) for each in (NOBODY, colleague, Caller({"Authorization": "Bearer x"}))],
        *[(each, owner) for each in (plain, f"{plain}?{query}", url[:-1], url.replace(contract.public_id, foreign.public_id))],
        *[(url.replace(contract.public_id, each), owner) for each in ("x", "con_" + "0" * 32, contract.public_id.replace("con", "doc"))],
    ]

    replies = [await fetch(portal, *each) for each in tries]
    good = await fetch(portal, url, owner)
    portal.clock.advance(seconds=300)
    replies.append(await fetch(portal, url, owner))

    assert [reply.status_code for reply in replies] == [404] * len(replies)
    assert len({reply.text for reply in replies}) == 1
    assert (good.status_code, len(papers)) == (200, 1)


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_without_fonts_there_is_no_address_and_an_older_one_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    contract, owner = await world.contract(), await world.person()
    url = await address(world.portal, contract.public_id, owner)
    monkeypatch.setattr(printed, "FONTS", tmp_path / "none")

    response = await fetch(world.portal, url, owner)

    assert (response.status_code, response.json()["code"], response.headers["content-language"]) == (503, "UNAVAILABLE", "ar")
    assert "الخطوط" in response.json()["message"]
    assert (await world.portal(URL, owner, id=contract.public_id)).data == {"node": {"summaryUrl": None}}


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_who_asks_for_too_many_pages_is_told_to_wait_and_neighbours_are_not(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    contract, owner = await world.contract(), await world.person()
    url = await address(world.portal, contract.public_id, owner)

    ready = threading.Event()

    def slow(_: Agreement) -> bytes:
        assert ready.wait(60)
        return b"%PDF-"

    monkeypatch.setattr("app.web.summary.print_summary", slow)
    at_once = [asyncio.create_task(fetch(world.portal, url, owner)) for _ in range(40)]
    waiting = set(at_once)
    while len(waiting) > 20:
        _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    neighbour = await world.portal("{ service { version } }")
    ready.set()
    replies = await asyncio.gather(*at_once)
    spent = [await fetch(world.portal, url, owner) for _ in range(80)]

    assert neighbour.errors == []
    assert Counter(reply.status_code for reply in replies) == {200: 20, 503: 20}
    assert [reply.status_code for reply in spent] == [200] * 79 + [429]
    assert int(spent[-1].headers["retry-after"]) in range(1, 61)


AGREEMENT = Agreement(
    number="C-2026-000001",
    state="TERMINATED",
    client=Party('#panic("x") *x* $1$ [ \\', "任意 🙂", "11-1234567", None, None),
    company=Party("شركة", None, "1-7654321", "7012345678", ("Riyadh", "الرياض"), ("Provider", "مزود")),
    starts_on=date(2026, 1, 1),
    ends_on=date(2126, 1, 1),
    terminated_at=datetime(2026, 11, 22, 21, 30, tzinfo=UTC),
    termination_reason="سطر\nآخر",
    projects=[PrintedProject("مشروع", None, state, date(2026, 1, 1), None) for state in ProjectStatus] * 8,
    more=1234,
    made_at=datetime(2026, 11, 22, 21, 30, 5, tzinfo=UTC),
)


def test_what_people_wrote_is_text_and_never_markup() -> None:
    content = print_summary(AGREEMENT)

    # As markup, the name would have stopped it. The second page is there, too.
    assert content.startswith(b"%PDF-")
    assert content.rstrip().endswith(b"%%EOF")
    assert content == print_summary(AGREEMENT)


@pytest.mark.parametrize(
    ("day", "english", "arabic"),
    [
        (date(2026, 11, 22), "22 November 2026\n12 Jumada al-Akhirah 1448 AH", "12 جمادى الآخرة 1448هـ\nالموافق 22 نوفمبر 2026م"),
        (date(2024, 2, 29), "29 February 2024\n19 Sha'ban 1445 AH", "19 شعبان 1445هـ\nالموافق 29 فبراير 2024م"),
        (date(2077, 11, 16), None, None),
        (date(2077, 11, 17), "17 November 2077", "17 نوفمبر 2077م"),
        (date(1924, 7, 31), "31 July 1924", "31 يوليو 1924م"),
        (date(2999, 12, 31), "31 December 2999", "31 ديسمبر 2999م"),
        (None, "Open-ended", "غير محددة المدة"),
    ],
)
def test_days_are_told_by_both_calendars_as_far_as_the_second_goes(day: date | None, english: str | None, arabic: str | None) -> None:
    told = both_calendars(day)
    plain = {language: text.replace("\u2066", "").replace("\u2069", "") for language, text in told.items()}

    if english is None:
        assert [text.count("\n") for text in plain.values()] == [1, 1]
    else:
        assert plain == {"en": english, "ar": arabic}


def test_every_number_within_arabic_is_isolated() -> None:
    data = json.loads(paper(AGREEMENT))
    bare: list[str] = []

    def look(value: Any, *, arabic: bool = False) -> None:
        if isinstance(value, dict):
            for name, each in value.items():
                look(each, arabic=name == "ar")
        elif isinstance(value, list):
            for each in value:
                look(each)
        elif arabic and value is not None:
            outside = "".join(part.rpartition("\u2069")[2] for part in value.split("\u2066"))
            bare.extend([value] if any(letter.isdigit() for letter in outside) else [])

    look(data)

    assert [text for text in bare if not text.startswith("#panic")] == []
    assert data["made"]["ar"].count("2026-11-23 00:30:05") == 1  # Riyadh's day, not Greenwich's
    assert data["projects"]["more"]["en"] == "And 1,234 more."
