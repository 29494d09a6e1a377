"""The demo as a user runs it: a process of its own on a loopback port, known only by its demo.json."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2

PATIENCE = 60  # seconds until it must answer
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class DemoServer:
    """demo is what demo.json holds."""

    demo: dict[str, Any]

    @property
    def url(self) -> str:
        address = urlsplit(self.demo["graphqlUrl"])
        return f"{address.scheme}://{address.netloc}"

    def sign_in(self, national_id: str) -> dict[str, str]:
        """The cookies of a browser in which that persona has signed in."""
        with httpx2.Client() as browser:
            sign_in(browser, self.demo["loginUrl"], national_id)
            return dict(browser.cookies)


def sign_in(browser: httpx2.Client, login_url: str, national_id: str) -> httpx2.Response:
    """Goes to the sign-in page, fills in its form as a person would, and follows on to wherever that leads."""
    page = browser.get(login_url, follow_redirects=True)
    action = unescape(re.search(r'<form[^>]*action="([^"]*)"', page.text)[1])  # type: ignore[index]  # a page without a form fails the test
    fields = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', page.text)
    filled = {name: unescape(value) for name, value in fields} | {"persona": national_id}
    return browser.post(urljoin(str(page.url), action), data=filled, follow_redirects=True)


@contextmanager
def demo_server(folder: Path, database_url: str | None = None, **settings: str) -> Iterator[DemoServer]:
    """Starts it over a database of its own; SQLite in the folder where no other is named. Settings as for server_process."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TELEWORK_")} | {
        "TELEWORK_DEMO": "true",
        "TELEWORK_DATA_DIR": str(folder),
        "TELEWORK_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "TELEWORK_DATABASE_URL": database_url or f"sqlite+aiosqlite:///{folder}/telework.db",
        **{f"TELEWORK_{name.upper()}": value for name, value in settings.items()},
    }
    command = [sys.executable, "-m", "app.cli", "demo", "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait_for(process, port, folder)
            yield DemoServer(json.loads((folder / "demo.json").read_text()))
        finally:
            process.terminate()
            process.wait(timeout=20)


@dataclass(frozen=True)
class ServerProcess:
    url: str
    pid: int
    log: Path


@contextmanager
def server_process(folder: Path, database_url: str, **settings: str) -> Iterator[ServerProcess]:
    """`telework serve` over a migrated database; settings as in the environment, without their prefix."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TELEWORK_")} | {
        "TELEWORK_DATA_DIR": str(folder),
        "TELEWORK_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "TELEWORK_DATABASE_URL": database_url,
        **{f"TELEWORK_{name.upper()}": value for name, value in settings.items()},
    }
    log = folder / "server.log"
    with log.open("w") as output:
        command = [sys.executable, "-m", "app.cli", "serve", "--port", str(port)]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            _wait_for(process, port, folder)
            yield ServerProcess(f"http://127.0.0.1:{port}", process.pid, log)
        finally:
            process.terminate()
            process.wait(timeout=20)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    for _ in range(PATIENCE * 10):
        if process.poll() is not None:
            break
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError(f"the server did not start: {(folder / 'server.log').read_text()[-2000:]}")
