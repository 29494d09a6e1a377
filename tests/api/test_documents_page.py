"""The block of curl in docs/documents.md runs as it stands."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

from tests.server import ROOT, demo_server


def test_a_document_is_sent_with_curl_as_the_page_shows_it(tmp_path: Path) -> None:
    [block] = re.findall(r"```bash\n(.*?)```", (ROOT / "docs" / "documents.md").read_text(encoding="utf-8"), re.DOTALL)
    with demo_server(tmp_path):
        environment = {**os.environ, "DEMO": str(tmp_path / "demo.json")}
        run = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block], env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    assert (run.returncode, run.stderr) == (0, "")
    first, second, printed = run.stdout.splitlines()
    assert json.loads(first)["status"] == "READY"
    assert json.loads(second)["code"] == "ALREADY_UPLOADED"
    assert printed == "%PDF-"
