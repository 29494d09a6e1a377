"""A PostgreSQL for the benchmark, kept in .data/bench between runs: started, stopped, its CPU clock. What it holds: bench/data.py."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.databases import NoPostgres, _Account, _account, _binaries, _is_open

# The planner's settings are those that ours asks for on each connection; here they hold for all rivals alike.
_CONFIGURATION = """
listen_addresses = ''
unix_socket_directories = '{socket}'
max_connections = 150
shared_buffers = {shared}MB
maintenance_work_mem = 256MB
effective_cache_size = {cache}MB
random_page_cost = 1.1
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
max_wal_size = 4GB
checkpoint_timeout = 1h
autovacuum = off
jit = off
max_parallel_workers_per_gather = 0
timezone = 'UTC'
"""

# Waits until the benchmark closes the pipe or dies, then ends the server in good order and takes the socket's folder away.
_GUARD = """
read -r _
pid_file="$1/postmaster.pid"
[ -e "$pid_file" ] && kill -INT "$(head -n 1 "$pid_file")"
tries=0
while [ -e "$pid_file" ] && [ $((tries += 1)) -le 1500 ]; do sleep 0.02; done
rm -rf "$2"
"""


@dataclass(frozen=True)
class Postgres:
    """A running server, reached by its socket alone."""

    pid: int
    socket: Path

    def url(self, database: str) -> str:
        """For SQLAlchemy."""
        return f"postgresql+asyncpg://postgres@/{database}?host={self.socket}&port=5432"

    def arguments(self, database: str) -> dict[str, object]:
        """For asyncpg.connect."""
        return {"host": str(self.socket), "port": 5432, "user": "postgres", "database": database}


@contextmanager
def postgres(kept: Path) -> Iterator[Postgres]:
    """Runs it over the files in `kept`; over files in a temporary folder where its user cannot reach those.

    Raises NoPostgres.
    """
    account = _account()
    socket = Path(tempfile.mkdtemp(prefix="telework-bench-", dir="/tmp"))
    account.own(socket)
    binaries = _binaries(socket, account)
    data = _data_folder(kept, socket, binaries, account)
    # Before there is a guard: it would end the other's server.
    if _is_running(data):
        raise NoPostgres("another benchmark is running: one at a time")
    guard = subprocess.Popen(
        ["/bin/sh", "-c", _GUARD, "guard", data, socket],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the benchmark; the guard then sees the pipe close
    )
    try:
        _start(binaries, data, socket, account)
        yield Postgres(_pid(data), socket)
    finally:
        guard.communicate()


def _data_folder(kept: Path, socket: Path, binaries: Path, account: _Account) -> Path:
    version = account.run([binaries / "postgres", "--version"], cwd=socket).stdout.split()[2].split(".")[0]
    kept = kept.resolve()
    kept.mkdir(parents=True, exist_ok=True)
    if account.uid is not None and not _is_open(kept):
        kept = socket  # a folder that only its owner may enter: nothing is kept
    data = kept / f"postgres-{version}"
    if not (data / "complete").exists():
        subprocess.run(["rm", "-rf", data], check=True)
        data.mkdir(mode=0o700)
        account.own(data)
        choices = ["--no-sync", "--encoding=UTF8", "--locale=C", "--auth=trust", "--username=postgres"]
        made = account.run([binaries / "initdb", *choices, "-D", data], cwd=socket)
        if made.returncode:
            raise NoPostgres(f"initdb failed:\n{made.stdout}")
        (data / "complete").touch()
    return data


def _start(binaries: Path, data: Path, socket: Path, account: _Account) -> None:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    configuration = data / "postgresql.auto.conf"
    configuration.write_text(_CONFIGURATION.format(socket=socket, shared=min(2048, memory // 4), cache=min(8192, memory // 2)))
    account.own(configuration)
    started = account.run([binaries / "pg_ctl", "start", "-w", "-t", "120", "-D", data, "-l", socket / "log"], cwd=socket)
    if started.returncode:
        log = (socket / "log").read_text() if (socket / "log").exists() else ""
        raise NoPostgres(f"PostgreSQL did not start:\n{started.stdout}\n{log}")


def _is_running(data: Path) -> bool:
    if not (data / "postmaster.pid").exists():
        return False
    command = Path("/proc", str(_pid(data)), "comm")
    return command.exists() and command.read_text().strip() == "postgres"


def _pid(data: Path) -> int:
    return int((data / "postmaster.pid").read_text().split("\n")[0])
