"""The log: one JSON object a line on standard error. Nothing secret and no whole national id is ever handed to it."""

from __future__ import annotations

import logging
import re
import sys
from typing import Any, TextIO

import structlog

_NATIONAL_ID = re.compile(r"(?<![0-9])([12])[0-9]{7}([0-9]{2})(?![0-9])")


def _without_ids(logger: Any, method: str, line: Any) -> Any:
    """A database's own words may quote a row: whatever looks like a national id is masked in the line as it is written."""
    return _NATIONAL_ID.sub(r"\1*******\2", line)


def configure_logs(level: int = logging.INFO, file: TextIO | None = None) -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # Without local variables: they hold whatever a bug had in hand, national ids among it.
            structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(ensure_ascii=False),
            _without_ids,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=file or sys.stderr),
        cache_logger_on_first_use=False,
    )
