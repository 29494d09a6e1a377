"""What no log line, error, event or stored text may hold: credentials, secrets, whole national ids."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable

from app.values import has_check_digit

SECRETS: set[str] = set()  # that the tests made, as they are
_TOKEN = re.compile(r"tw_(?:live|sandbox)_[0-9a-f]{7,}|[0-9a-f]{128}")
_NATIONAL_ID = re.compile(r"(?<![0-9A-Za-z_.-])[12][0-9]{9}(?![0-9A-Za-z_])")


class Written:
    """Stands for standard error, and remembers."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, text: str) -> int:
        self.lines.append(text)
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()

    def taken(self) -> str:
        text = "".join(self.lines)
        self.lines.clear()
        return text


def indiscreet(text: str, secrets: Iterable[str] = ()) -> list[str]:
    """What the text must not hold, shortened."""
    found = [match[0] for match in _TOKEN.finditer(text)]
    found += [match[0] for match in _NATIONAL_ID.finditer(text) if has_check_digit(match[0])]
    found += [secret for secret in (*SECRETS, *secrets) if secret in text]
    return [f"{each[:12]}…" for each in found]
