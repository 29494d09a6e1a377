"""graphql-http's audits of a real server: what does not pass is what docs/http.md lists, each with the sentence that it contradicts."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import dev
from tests.conftest import Templates
from tests.server import server_process

AUDITS = Path(__file__).with_name("audits")
DOCUMENTED = (Path(__file__).parents[2] / "docs" / "http.md").read_text(encoding="utf-8").partition("## graphql-http's audits")[2]


@pytest.fixture
def node() -> str:
    """Node, with the audits' package beside them."""
    try:
        npm, environment = dev.find_npm()
        if not (AUDITS / "node_modules").exists():
            command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1"]
            subprocess.run(command, cwd=AUDITS, env=environment, check=True, capture_output=True)
    except (dev.Stop, OSError, subprocess.CalledProcessError) as problem:
        pytest.skip(f"neither Node nor graphql-http can be had here: {problem}")
    found = shutil.which("node", path=environment["PATH"])
    assert found
    return found


def documented() -> Iterator[str]:
    """The ids of the table's first column, "LKJ0 to LKJ3" spelled out."""
    for line in DOCUMENTED.splitlines():
        cell = line.split("|")[1] if line.startswith("| ") else ""
        for first, last in re.findall(r"\b([0-9A-Z]{4})(?: to ([0-9A-Z]{4}))?\b", cell):
            yield from (f"{first[:3]}{digit}" for digit in range(int(first[3]), int(last[3]) + 1)) if last else (first,)


def test_the_audits_that_do_not_pass_are_those_that_the_documentation_explains(node: str, templates: Templates, tmp_path: Path) -> None:
    url, _ = templates.copy("sqlite", "blank")
    with server_process(tmp_path, url) as server:
        command = [node, "audits.mjs", f"{server.url}/graphql"]
        done = subprocess.run(command, cwd=AUDITS, capture_output=True, text=True, check=True, timeout=60)
    results: list[dict[str, Any]] = json.loads(done.stdout)

    failing = {result["id"]: result for result in results if result["status"] != "ok"}
    assert [result for result in failing.values() if result["status"] == "error"] == []
    assert sorted(failing) == sorted(documented()), "the first are those that do not pass, the second those that docs/http.md lists"
    assert f"{len(results) - len(failing)} of {len(results)} pass" in DOCUMENTED
