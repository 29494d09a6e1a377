"""Writing to the portal: how often, and what follows once a message is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.engine.context import Context
from app.errors import TooManyMessages

_HOUR = 3600  # seconds


async def check_frequency(context: Context) -> None:
    """Raises TooManyMessages where the caller's address has written so often within an hour."""
    most = context.settings.messages_an_hour
    if wait := await context.attempt_from_address("messages", most, _HOUR):
        raise TooManyMessages(limit=most, minutes=-(-wait // 60))


async def pass_on(context: Context, outcome: Mapping[str, Any]) -> None:
    """Has it mailed once the answer is on its way."""
    context.signals.setdefault("outgoing", []).append(outcome["outgoing"])
