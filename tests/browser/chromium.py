"""Drives a headless Chromium through its DevTools pipe: no driver, no WebSocket, no port, no package. Holds no tests."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

Message = dict[str, Any]

FLAGS = (
    "--headless",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-sandbox",  # the sandbox refuses root, which is who runs in containers
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",  # /dev/shm is 64 MB in containers
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-breakpad",
    "--password-store=basic",
    "--accept-lang=en-US",  # the page opens in the language that the browser prefers
    "--window-size=1440,900",
)

# Chromium reads commands from descriptor 3 and answers on 4; Popen alone can't choose those numbers.
WITH_PIPES = "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"

# Told at the moment of violation, in every document, before the page's own scripts run.
REPORT_VIOLATIONS = """addEventListener('securitypolicyviolation', (event) => console.error(
  `CSP ${event.effectiveDirective} blocked ${event.blockedURI} at ${event.sourceFile}:${event.lineNumber}`))"""


class ChromiumError(Exception):
    """A script threw, something did not happen in time, or Chromium is gone."""


class RefusedError(ChromiumError):
    """Chromium refused a command, maybe because the page that it was for went away meanwhile."""


def executable() -> str | None:
    """Path of the Chromium on PATH, None when there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request that a page or one of its workers made."""

    url: str
    method: str
    headers: dict[str, str]
    by: str  # "page" or "worker"


@dataclass
class Page:
    """A tab. `requests` and `problems` fill up while other methods wait: each of them reads what the browser says."""

    browser: Chromium
    session: str
    requests: list[Request] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def open(self, url: str) -> None:
        """Goes to `url`; returns once the answer has begun. Wait for what the page shows next."""
        answer = self.call("Page.navigate", url=url)
        if "errorText" in answer:
            raise ChromiumError(f"{url}: {answer['errorText']}")

    def evaluate(self, script: str) -> Any:
        """The value of the expression, promises awaited. Raises ChromiumError when it throws."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise ChromiumError(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait_for(self, script: str, *, seconds: float = 20) -> None:
        """Returns when the expression is truthy; one that throws is not. ChromiumError, with what the page shows, after `seconds`."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            # Refused while the page changes for another, which is often what we wait for.
            with contextlib.suppress(RefusedError):
                if self.evaluate(f"(() => {{ try {{ return Boolean({script}) }} catch {{ return false }} }})()"):
                    return
            self.browser.listen(0.1)
        shown = self.evaluate("document.body?.innerText.slice(0, 2000)")
        raise ChromiumError(f"not within {seconds} s: {script}\nproblems: {self.problems}\nthe page shows:\n{shown}")

    def click(self, selector: str) -> None:
        """Clicks the middle of the first element that matches, with the mouse."""
        script = f"(() => {{ const at = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
        x, y = self.evaluate(script + " return [at.x + at.width / 2, at.y + at.height / 2]; })()")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def type(self, text: str) -> None:
        """Puts `text` where the cursor is."""
        self.call("Input.insertText", text=text)

    def set_cookies(self, url: str, cookies: dict[str, str]) -> None:
        """Cookies for the host of `url`, as a sign-in would have set them."""
        for name, value in cookies.items():
            self.call("Network.setCookie", url=url, name=name, value=value, httpOnly=True, sameSite="Lax")

    def screenshot(self, path: Path) -> None:
        """What the window shows, as PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def call(self, method: str, **params: Any) -> Message:
        """One DevTools command on this tab; its result."""
        return self.browser.call(method, self.session, **params)

    def heard(self, message: Message, by: str) -> None:
        """Takes note of an event from this tab or from one of its workers."""
        method, params = message["method"], message["params"]
        if method == "Network.requestWillBeSent":
            asked = params["request"]
            self.requests.append(Request(url=asked["url"], method=asked["method"], headers=asked["headers"], by=by))
        elif method == "Network.webSocketCreated":
            self.requests.append(Request(url=params["url"], method="GET", headers={}, by=by))
        elif method == "Runtime.exceptionThrown":
            self.problems.append(f"{by}: {params['exceptionDetails']}")
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "assert"):
            self.problems.append(f"{by}: {[one.get('value', one.get('description')) for one in params['args']]}")
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.problems.append(f"{by}: {params['entry']['text']} {params['entry'].get('url', '')}")


class Chromium:
    """A browser with a profile of its own, gone with the `with` block. Every wait has an end."""

    def __init__(self, path: str, *, answer_seconds: float = 30) -> None:
        self._answer_seconds = answer_seconds
        self._next_id = 0
        self._answers: dict[int, Message] = {}
        self._pages: dict[str, tuple[Page, str]] = {}  # session → the page it belongs to, and "page" or "worker"
        self._unread = b""
        self._profile = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        self._process, self._write, self._read = _start([path, *FLAGS, f"--user-data-dir={self._profile.name}", "about:blank"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self.call("Browser.close")
            self._process.wait(5)
        except (ChromiumError, OSError, subprocess.TimeoutExpired):
            pass
        finally:
            _end(self._process)
            os.close(self._write)
            os.close(self._read)
            self._profile.cleanup()

    def page(self) -> Page:
        """A new tab in a context of its own, so without cookies or storage of another's."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        self._pages[session] = (page, "page")
        for domain in ("Page", "Runtime", "Network", "Log"):
            page.call(f"{domain}.enable")
        page.call("Page.addScriptToEvaluateOnNewDocument", source=REPORT_VIOLATIONS)
        self._watch_workers(session)
        return page

    def call(self, method: str, session: str | None = None, **params: Any) -> Message:
        """One DevTools command, its result. Raises RefusedError, and ChromiumError when there is no answer."""
        sent = self._send(method, session, params)
        end = time.monotonic() + self._answer_seconds
        while sent not in self._answers:
            if not self.listen(end - time.monotonic()):
                raise ChromiumError(f"no answer to {method} within {self._answer_seconds} s")
        answer = self._answers.pop(sent)
        if "error" in answer:
            raise RefusedError(f"{method}: {answer['error']}")
        result: Message = answer["result"]
        return result

    def listen(self, seconds: float) -> bool:
        """Waits up to `seconds` for the browser to say something and takes it in; False when it said nothing."""
        readable, _, _ = select.select([self._read], [], [], max(0.0, seconds))
        if not readable:
            return False
        heard = os.read(self._read, 1 << 20)
        if not heard:
            raise ChromiumError("Chromium ended")
        *whole, self._unread = (self._unread + heard).split(b"\0")
        for text in whole:
            self._take(json.loads(text))
        return True

    def _send(self, method: str, session: str | None, params: Message) -> int:
        self._next_id += 1
        message: Message = {"id": self._next_id, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        return self._next_id

    def _take(self, message: Message) -> None:
        if "id" in message:
            self._answers[message["id"]] = message
        elif message["method"] == "Target.attachedToTarget" and "sessionId" in message:
            self._adopt(message["params"]["sessionId"], message["sessionId"])
        elif message.get("sessionId") in self._pages:
            page, by = self._pages[message["sessionId"]]
            page.heard(message, by)

    def _adopt(self, worker: str, parent: str) -> None:
        """Listens to a worker that waits to be let run. Sent without waiting: we are inside of listen()."""
        self._pages[worker] = (self._pages[parent][0], "worker")
        for method in ("Runtime.enable", "Network.enable", "Log.enable"):
            self._send(method, worker, {})
        self._watch_workers(worker)
        self._send("Runtime.runIfWaitingForDebugger", worker, {})

    def _watch_workers(self, session: str) -> None:
        # Workers start paused, so that we hear their first request too.
        self._send("Target.setAutoAttach", session, {"autoAttach": True, "waitForDebuggerOnStart": True, "flatten": True})


def _start(command: list[str]) -> tuple[subprocess.Popen[bytes], int, int]:
    """The browser, the descriptor to write commands to, the one to read from."""
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    # Out of the way of 3 and 4, or one dup2 would close the other's source.
    high = [fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, 10) for one in (theirs_in, theirs_out)]
    wrapped = [sys.executable, "-c", WITH_PIPES, str(high[0]), str(high[1]), *command]
    try:
        process = subprocess.Popen(
            wrapped, pass_fds=high, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
    finally:
        for one in (theirs_in, theirs_out, *high):
            os.close(one)
    return process, ours_out, ours_in


def _end(process: subprocess.Popen[bytes]) -> None:
    # The group: renderers and helpers outlive a browser that was killed.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)
