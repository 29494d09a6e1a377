"""What docs/integrators.md shows runs as it stands, also where answers get lost on the way; so does the year of docs/rehearsal.py."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx2
import pytest

import dev
from tests.conftest import Templates
from tests.server import ROOT, DemoServer, demo_server

pytestmark = pytest.mark.xdist_group("integrators")  # one server, one run of the blocks
DOCS = ROOT / "docs"
LANGUAGES = ("curl", "python", "js")


def blocks(page: str) -> list[tuple[str, str]]:
    """What each block of code is written in, and its text."""
    return re.findall(r"```(\w+)\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)


class Lossy(BaseHTTPRequestHandler):
    """Passes requests on. The answer to a report's first sending is lost: the graph's wholly, the other's behind a 503."""

    server: LossyServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        connection = http.client.HTTPConnection(self.server.behind, timeout=30)
        connection.request("POST", self.path, body, dict(self.headers))
        answer = connection.getresponse()
        told = answer.read()
        connection.close()
        key, in_graph = self.headers.get("Idempotency-Key", ""), self.path.endswith("/graphql")
        is_report = b"submitWeeklyReport" in body or not in_graph
        if is_report and key not in self.server.lost:
            self.server.lost.add(key)
            self.close_connection = True
            if not in_graph:
                self._answer(503, [("Retry-After", "1")], b"")
            return
        self._answer(answer.status, [each for each in answer.getheaders() if each[0].lower() not in ("content-length", "connection")], told)

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response(status)
        for name, value in [*headers, ("Content-Length", str(len(body)))]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


class LossyServer(ThreadingHTTPServer):
    def __init__(self, behind: str) -> None:
        super().__init__(("127.0.0.1", 0), Lossy)
        self.behind, self.lost = behind, set[str]()


@contextmanager
def lossy_server(behind: str) -> Iterator[str]:
    """Its address."""
    with LossyServer(urlsplit(behind).netloc) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


class Run(NamedTuple):
    said: list[str]
    wrong: str
    status: int


@pytest.fixture(scope="module")
def running(templates: Templates) -> Iterator[DemoServer]:
    (live, folder), (sandbox, _) = templates.copy("sqlite", "demo"), templates.copy("sqlite", "sandbox")
    with demo_server(folder, live, sandbox_database_url=sandbox) as server:
        yield server


@pytest.fixture(scope="module")
def runs(running: DemoServer, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, bool], Run]:
    """Each block, to the server itself and (True) where answers get lost: all at once, each in the sandbox of a company of its own."""
    folder = tmp_path_factory.mktemp("runs")
    (_, addresses), *rest = blocks("integrators.md")
    text = dict(rest)
    (folder / "quickstart.mjs").write_text(text["js"], encoding="utf-8")
    (folder / "quickstart.py").write_text(text["python"], encoding="utf-8")
    then = {
        "curl": text["bash"],
        "python": f"{sys.executable} {folder}/quickstart.py",
        "js": f"{shutil.which('node', path=dev.find_npm()[1]['PATH'])} {folder}/quickstart.mjs",
    }
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    companies = list(dict.fromkeys(token["companyId"] for token in running.demo["tokens"]))

    def run(place: int, language: str, url: str) -> Run:
        tokens = [token for token in running.demo["tokens"] if token["companyId"] == companies[place]]
        demo = json.loads(json.dumps({**running.demo, "tokens": tokens}).replace(running.url, url))
        own = folder / f"{place}.json"
        own.write_text(json.dumps(demo), encoding="utf-8")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f"{addresses}\n{then[language]}"],
            env={**os.environ, "PATH": path, "DEMO": str(own)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Run(done.stdout.splitlines(), done.stderr, done.returncode)

    with lossy_server(running.url) as lossy, ThreadPoolExecutor() as pool:
        wanted = [(language, is_lossy) for is_lossy in (False, True) for language in LANGUAGES]
        begun = [pool.submit(run, place, name, lossy if is_lossy else running.url) for place, (name, is_lossy) in enumerate(wanted)]
        return dict(zip(wanted, (each.result() for each in begun), strict=True))


@pytest.mark.parametrize("is_lossy", [False, True])
@pytest.mark.parametrize("language", ["python", "js"])
def test_a_first_report_in_a_language(runs: dict[tuple[str, bool], Run], language: str, is_lossy: bool) -> None:
    assert runs[language, is_lossy] == Run(
        [
            "hired: ACTIVE",
            f"reported: PARTIALLY_ACCEPTED 1 replayed: {str(is_lossy).lower()}",
            "reported: PARTIALLY_ACCEPTED 1 replayed: true",
            "line 0 kept",
            "line 1 UNKNOWN_TELEWORKER",
            "corrected: 1 of 1",
            "the week: COMPLIANT 2 1",
        ],
        "",
        0,
    )


@pytest.mark.parametrize("is_lossy", [False, True])
def test_a_first_report_with_curl(runs: dict[tuple[str, bool], Run], is_lossy: bool) -> None:
    run = runs["curl", is_lossy]
    assert (run.status, [line for line in run.wrong.splitlines() if "curl: (52)" not in line and "Warning: " not in line]) == (0, [])
    [where, hired, reported, replayed, corrected, week] = run.said
    assert json.loads(where)["data"]["service"]["environment"] == "SANDBOX"
    assert json.loads(hired)["data"]["hireTeleworker"] == {"employment": {"status": "ACTIVE"}, "userErrors": []}
    assert json.loads(reported)["data"]["submitWeeklyReport"]["submission"] == {"status": "ACCEPTED", "revision": 1}
    assert replayed == "replayed: true"
    assert json.loads(corrected)["success"] is True
    [stands] = json.loads(week)["data"]["viewer"]["account"]["reportWeeks"]["nodes"]
    assert (stands["status"], stands["revision"], stands["reportedLines"]) == ("COMPLIANT", 2, 1)


def test_both_languages_show_the_same_code_and_name_the_same_codes() -> None:
    english, arabic = (DOCS / "integrators.md").read_text(encoding="utf-8"), (DOCS / "integrators.ar.md").read_text(encoding="utf-8")
    named = re.findall(r"`([A-Z]+(?:_[A-Z]+)*)`", english)

    assert blocks("integrators.ar.md") == blocks("integrators.md")
    assert set(re.findall(r"`([A-Z]+(?:_[A-Z]+)*)`", arabic)) == set(named)
    known = "".join((ROOT / file).read_text(encoding="utf-8") for file in ("schema.graphql", "app/errors.py", "app/engine/answers.py"))
    assert [each for each in named if not re.search(rf"\b{each}\b", known)] == ["PLAN"], "which is the rehearsal's"


def test_the_queries_that_the_page_shows_are_valid(running: DemoServer) -> None:
    token = next(each["secret"] for each in running.demo["tokens"] if each["environment"] == "SANDBOX")
    shown = [text for kind, text in blocks("integrators.md") if kind == "graphql"]

    for query in shown:
        reply = httpx2.post(running.demo["sandboxGraphqlUrl"], json={"query": query}, headers={"Sp-Token": token})
        assert (reply.status_code, "errors" in reply.json()) == (200, False)


def test_a_whole_year_goes_as_planned(running: DemoServer, tmp_path: Path) -> None:
    demo = tmp_path / "demo.json"
    demo.write_text(json.dumps(running.demo), encoding="utf-8")

    run = subprocess.run([sys.executable, DOCS / "rehearsal.py", demo], capture_output=True, text=True, timeout=60, check=False)

    assert (run.returncode, run.stderr) == (0, "")
    _, *weeks, end = run.stdout.splitlines()
    assert len(weeks) == 52
    assert {line.split()[1] for line in weeks} == {"COMPLIANT", "LATE", "PARTIAL", "MISSING", "NOT_REQUIRED"}
    assert end.endswith(" s: as planned")
