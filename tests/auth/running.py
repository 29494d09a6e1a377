"""Servers on loopback for the tests of signing in: ours, and the providers that it has to do with."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from starlette.types import ASGIApp

import dev

if dev.WINDOWS is False:
    import fcntl

T = TypeVar("T")
_SOURCES = Path(__file__).parent / "provider"
_PATIENCE = 30  # seconds until Node must answer


class Running:
    """An application in a thread, on a loop of its own, reached by real HTTP."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.loop = asyncio.new_event_loop()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs it where the application runs, whose connections belong to that loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=30)


@contextmanager
def running(make: Callable[[str], ASGIApp], close: Callable[[], Coroutine[Any, Any, None]] | None = None) -> Iterator[Running]:
    """The application that `make` makes for its address."""
    made = Running(free_port())
    app: list[ASGIApp] = []

    async def start() -> None:
        app.append(make(made.url))

    server = uvicorn.Server(
        uvicorn.Config(lambda: app[0], factory=True, host="127.0.0.1", port=made.port, log_level="critical", lifespan="off")
    )

    async def serve() -> None:
        await start()
        await server.serve()
        if close is not None:
            await close()

    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    thread = threading.Thread(target=lambda: made.loop.run_until_complete(serve()), daemon=True)
    thread.start()
    try:
        _wait_for(made.port, thread.is_alive)
        yield made
    finally:
        server.should_exit = server.force_exit = True
        thread.join(timeout=10)
        made.loop.run_until_complete(made.loop.shutdown_asyncgens())
        made.loop.close()


@contextmanager
def real_provider(ours: str, port: int, secret: str) -> Iterator[str]:
    """The npm package oidc-provider, whose only client is our server at that address. Answers its issuer."""
    folder, environment = installed_provider()
    command = ["node", "provider.js", str(port), ours, secret]
    command[0] = shutil.which("node", path=environment.get("PATH")) or "node"
    process = subprocess.Popen(
        command, cwd=folder, env={**environment, "NODE_NO_WARNINGS": "1"}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout
    try:
        reader = threading.Thread(target=process.stdout.read, daemon=True)
        _wait_for(port, lambda: process.poll() is None)
        reader.start()  # so that it never waits for us to read
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
        if reader.is_alive():
            reader.join(timeout=5)
        process.stdout.close()


def installed_provider() -> tuple[Path, dict[str, str]]:
    """The folder with the provider and its packages, installed once for each version of their lock file; and Node's environment."""
    npm, environment = dev.find_npm()
    folder = dev.ROOT / ".data" / "test-provider" / dev.digest(sorted(_SOURCES.iterdir()))[:16]
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)  # other workers, other runs
        if not (folder / "complete").exists():
            shutil.copytree(_SOURCES, folder, dirs_exist_ok=True)
            quiet = ["--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1", "--fetch-retry-mintimeout=1000"]
            subprocess.run([*npm, "ci", *quiet], cwd=folder, env=environment, stdin=subprocess.DEVNULL, check=True, capture_output=True)
            (folder / "complete").touch()
    finally:
        os.close(lock)
    return folder, environment


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, is_alive: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(_PATIENCE * 50):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if not is_alive():
            break
        pause.wait(0.02)
    raise RuntimeError(f"nothing answers on port {port}")
