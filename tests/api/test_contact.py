"""Writing to those who run the portal: anybody may, so many times an hour; kept, numbered, mailed when the mail server takes it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import structlog
from sqlalchemy import select
from typer.testing import CliRunner

from app.cli import app
from app.models import Ticket
from tests.conftest import Templates
from tests.mail import MailServer, mail_server
from tests.portal import NOBODY, Portal, portal_on
from tests.world import make_world

WRITE = """mutation($input: ContactUsInput!) { contactUs(input: $input) { ticketNumber userErrors { code message path retryable } } }"""
SAID = {"name": "نورة", "email": "noura@example.sa", "subject": "رمز التحقق", "message": "كيف أحصل على رمز؟\nHow?"}
SETTINGS: dict[str, Any] = {"support_email": "support@example.sa", "mail_from": "portal@example.sa", "messages_an_hour": 3}


@pytest.fixture
async def post() -> AsyncIterator[MailServer]:
    async with mail_server() as made:
        yield made


@pytest.fixture
async def place(backend: str, templates: Templates, post: MailServer) -> AsyncIterator[Portal]:
    url, data = await asyncio.to_thread(templates.copy, backend, "blank")
    async with portal_on(url, data, smtp_url=post.url, **SETTINGS) as made:
        yield made
        await made.app.state.mailer.close()
    templates.drop(url)


async def _write(portal: Portal, as_: Any = NOBODY, language: str = "ar", **changed: Any) -> Any:
    return (await portal(WRITE, as_, language, input=SAID | changed)).data["contactUs"]


async def _stored(portal: Portal, *, mailed: int = 0) -> list[Ticket]:
    """All of them, the earliest first, once so many are mailed."""
    while True:
        found = await portal.fetch(select(Ticket).order_by(Ticket.number))
        if sum(ticket.mailed_at is not None for ticket in found) >= mailed:
            return found
        await asyncio.sleep(0.02)


async def test_anybodys_message_is_kept_numbered_and_mailed(place: Portal, post: MailServer) -> None:
    world = await make_world(place)
    answers = [await _write(place), await _write(place, await world.person(), "en")]

    stored = await _stored(place, mailed=2)

    assert [answer["ticketNumber"] for answer in answers] == ["T-2026-000001", "T-2026-000002"] == [ticket.number for ticket in stored]
    assert [(ticket.language, ticket.company_id) for ticket in stored] == [("AR", None), ("EN", world.north.id)]
    assert [getattr(stored[0], name) for name in SAID] == list(SAID.values())
    [mail, _] = post.mails
    assert post.envelopes[0] == ("portal@example.sa", ["support@example.sa"])
    assert (mail["Subject"], mail["Reply-To"]) == ("[T-2026-000001] رمز التحقق", "نورة <noura@example.sa>")
    assert SAID["message"] in mail.get_content().replace("\r\n", "\n")


async def test_thirty_at_once_have_thirty_numbers(backend: str, templates: Templates) -> None:
    url, data = await asyncio.to_thread(templates.copy, backend, "blank")
    async with portal_on(url, data, messages_an_hour=30) as portal:
        answers = await asyncio.gather(*(_write(portal) for _ in range(30)))

    assert sorted(answer["ticketNumber"] for answer in answers) == [f"T-2026-{number:06}" for number in range(1, 31)]
    templates.drop(url)


async def test_an_address_writes_so_often_an_hour_and_what_is_wrong_or_only_tried_does_not_count(place: Portal) -> None:
    tried = [await _write(place, email="x"), await _write(place, validateOnly=True), await _write(place, message=" ")]
    taken = [await _write(place) for _ in range(3)]
    refused, english = await _write(place), await _write(place, language="en")
    place.clock.advance(minutes=60)
    later = await _write(place)

    assert [answer["ticketNumber"] for answer in tried] == [None] * 3
    assert [answer["ticketNumber"] for answer in [*taken, later]] == [f"T-2026-00000{number}" for number in (1, 2, 3, 4)]
    [error] = refused["userErrors"]
    assert (refused["ticketNumber"], error["code"], error["path"], error["retryable"]) == (None, "LIMIT_REACHED", None, True)
    assert error["message"] == "وصلت 3 رسائل من عنوانك خلال الساعة الماضية، ولا يستقبل أكثر منها. حاول مجددا بعد 60 دقيقة."
    assert english["userErrors"][0]["message"].startswith("3 messages were sent from your address within an hour")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "noura@example.sa\nBcc: all@example.sa"),
        ("email", "Noura <noura@example.sa>"),
        ("name", "x\nBcc: all@example.sa"),
        ("name", "x\u2028y"),
        ("subject", "x\r\nBcc: all@example.sa"),
        ("subject", "x" * 151),
        ("subject", "\u202etxt"),
        ("message", "\x00"),
        ("message", ""),
        ("message", "x" * 5001),
    ],
)
async def test_what_could_forge_a_mail_is_refused_with_its_path(place: Portal, field: str, value: str) -> None:
    answer = await _write(place, **{field: value})

    assert [(error["code"], error["path"]) for error in answer["userErrors"]] == [("VALIDATION_FAILED", ["input", field])]
    assert await _stored(place) == []


async def test_a_mail_that_was_not_taken_stays_marked_and_is_sent_again_by_command(
    place: Portal, post: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    post.refuses = True
    assert (await _write(place))["ticketNumber"] == "T-2026-000001"
    await asyncio.gather(*place.app.state.mailer._waiting)
    [unsent] = await _stored(place)
    post.refuses = False
    settings = {"database_url": place.settings.database_url, "smtp_url": post.url, "support_email": SETTINGS["support_email"]}
    for name, value in settings.items():
        monkeypatch.setenv(f"TELEWORK_{name.upper()}", value)

    async def telework(*arguments: str) -> str:
        try:
            return (await asyncio.to_thread(CliRunner().invoke, app, ["tickets", *arguments])).output
        finally:
            structlog.reset_defaults()  # its log went to a stream that is gone

    listed = await telework()
    sent = [await telework("--send") for _ in range(2)]
    [mailed] = await _stored(place)
    closed = [await telework("--close", "t-2026-000001"), await telework(), await telework("--all"), await telework("--close", "T-1")]
    reopened = await telework("--open", "T-2026-000001"), await telework()

    assert (unsent.mailed_at, len(post.mails)) == (None, 1)
    assert mailed.mailed_at is not None
    assert "T-2026-000001" in listed
    assert "not mailed" in listed
    assert "    How?" in listed
    assert [line.strip().splitlines()[-1] for line in sent] == ["1 sent, 0 not sent", "0 sent, 0 not sent"]
    assert closed[0].endswith("1 closed, 0 opened\n")
    assert ("T-2026-000001" in closed[1], "closed" in closed[2], "there is no ticket T-1" in closed[3]) == (False, True, True)
    assert "mailed" in reopened[1]


async def test_no_request_waits_for_a_mail_server_that_says_nothing(backend: str, templates: Templates) -> None:
    url, data = await asyncio.to_thread(templates.copy, backend, "blank")
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and says nothing
        async with portal_on(url, data, smtp_url=f"smtp://127.0.0.1:{silent.getsockname()[1]}", **SETTINGS) as portal:
            answer = await _write(portal)
            waiting = len(portal.app.state.mailer._waiting)
            silent.close()
            await portal.app.state.mailer.close()

    assert (answer["ticketNumber"], waiting) == ("T-2026-000001", 1)
    templates.drop(url)


async def test_the_portal_tells_about_itself_in_the_language_asked_for(place: Portal) -> None:
    text = "{ portal { name description guideUrl supportEmail } }"

    arabic, english = [(await place(text, language=language)).data["portal"] for language in ("ar", "en")]

    assert (arabic["name"], english["name"]) == ("بوابة العمل عن بعد لمزودي الخدمة", "Telework portal for service providers")
    assert (english["guideUrl"], english["supportEmail"]) == (None, "support@example.sa")
    assert arabic["description"] != english["description"]
