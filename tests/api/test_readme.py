"""The README's block of curl runs as it stands, and its answers are those that it promises."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.server import ROOT, demo_server


@pytest.fixture
def block() -> str:
    [found] = re.findall(r"```bash\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    return str(found)


def test_the_journey_with_curl_runs_as_the_readme_shows_it(block: str, tmp_path: Path) -> None:
    with demo_server(tmp_path):
        environment = {**os.environ, "DEMO": str(tmp_path / "demo.json")}
        run = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block], env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    assert (run.returncode, run.stderr) == (0, "")
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    payloads = [payload for answer in answers[1:-2] for payload in answer["data"].values()]
    assert [payload.get("userErrors", []) for payload in payloads] == [[]] * 5
    assert answers[-2]["data"]["viewer"]["token"]["name"] == "Reports server"
    assert answers[-1]["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
