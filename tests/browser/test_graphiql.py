"""GraphiQL in a real browser: it loads under its policy, knows who is asking, runs operations, asks nobody else."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.browser import chromium
from tests.browser.chromium import Chromium, Page

OWNER = "1000000008"  # the demo provider's owner

READY = "document.querySelector('.graphiql-query-editor .view-line')"
BAR = "document.querySelector('.bar').innerText"
ANSWER = "document.querySelector('.result-window').innerText"
SCHEMA_READ = "document.querySelector('.graphiql-sidebar') && !document.querySelector('.graphiql-spinner')"


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    path = chromium.executable()
    if path is None:
        pytest.skip("no chromium on PATH")
    with Chromium(path) as browser:
        yield browser


@pytest.fixture
def page(browser: Chromium) -> Page:
    return browser.page()


@pytest.fixture
def open_graphiql(page: Page, demo_server: Any) -> Page:
    """GraphiQL for nobody, in English, with its editor ready."""
    page.open(f"{demo_server.url}/graphiql")
    page.wait_for(READY)
    return page


@pytest.fixture
async def signed_in(page: Page, demo_server: Any) -> Page:
    """GraphiQL for the demo's owner, in English, with its editor ready and the bar filled."""
    cookies = demo_server.sign_in(OWNER)
    page.set_cookies(demo_server.url, await cookies if inspect.isawaitable(cookies) else cookies)
    page.open(f"{demo_server.url}/graphiql")
    page.wait_for(READY)
    page.wait_for("document.querySelector('.bar form button')")
    return page


def test_the_page_loads_without_a_complaint(open_graphiql: Page) -> None:
    open_graphiql.wait_for(SCHEMA_READ)
    open_graphiql.wait_for("performance.getEntriesByType('resource').some(one => one.name.includes('json.worker'))")

    assert open_graphiql.problems == []


def test_nobody_is_shown_where_to_sign_in(open_graphiql: Page) -> None:
    open_graphiql.wait_for(f"{BAR}.includes('You are not signed in')")

    link = open_graphiql.evaluate("document.querySelector('a.bar-button').getAttribute('href')")
    assert link.endswith("?next=/graphiql")


def test_the_bar_turns_to_arabic_and_every_request_with_it(open_graphiql: Page) -> None:
    open_graphiql.wait_for(f"{BAR}.includes('You are not signed in')")
    open_graphiql.requests.clear()

    open_graphiql.click(".bar-languages [lang=ar]")

    open_graphiql.wait_for(f"{BAR}.includes('تسجيل الدخول')")
    assert open_graphiql.evaluate("getComputedStyle(document.querySelector('.bar')).direction") == "rtl"
    assert [one.headers["accept-language"] for one in open_graphiql.requests if one.method == "POST"] == ["ar"]


def test_a_signed_in_person_runs_the_first_example_and_sees_the_answer(signed_in: Page) -> None:
    name = signed_in.evaluate("document.querySelector('.bar-name').textContent")

    signed_in.click(".graphiql-execute-button")

    # Monaco shows spaces as no-break spaces.
    signed_in.wait_for(f"{ANSWER}.replaceAll('\\u00a0', ' ').includes({name!r})")
    assert signed_in.problems == []


def test_every_example_fits_the_schema(signed_in: Page) -> None:
    signed_in.wait_for(SCHEMA_READ)
    tabs = signed_in.evaluate("document.querySelectorAll('.graphiql-tab-button').length")

    wrong = []
    for number in range(tabs):
        signed_in.evaluate(f"document.querySelectorAll('.graphiql-tab-button')[{number}].click()")
        # Time for the workers to check what the tab holds: 0.3 s on two busy cores.
        signed_in.evaluate("new Promise((done) => setTimeout(done, 1000))")
        if signed_in.evaluate("document.querySelectorAll('.squiggly-error, .squiggly-warning').length"):
            wrong.append(signed_in.evaluate("document.querySelector('.graphiql-tab-active').innerText"))

    assert (tabs, wrong) == (9, [])


def test_signing_out_leaves_nobody(signed_in: Page) -> None:
    signed_in.click(".bar form button")

    signed_in.wait_for(f"location.pathname !== '/graphiql' || {BAR}.includes('You are not signed in')")


def test_no_request_leaves_the_server(signed_in: Page, demo_server: Any) -> None:
    signed_in.wait_for(SCHEMA_READ)
    signed_in.click(".graphiql-execute-button")
    signed_in.wait_for(f"{ANSWER}.includes('data')")

    asked = [urlsplit(one.url) for one in signed_in.requests]

    assert {one.netloc for one in asked if one.scheme != "data"} == {urlsplit(demo_server.url).netloc}
    assert any("worker" in one.path for one in asked)
