"""Addresses of contracts as they are printed."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from app.auth.signatures import sign_summary
from app.engine.context import Context
from app.models import Contract
from app.papers.summary import can_print


async def summary_urls(contracts: Sequence[UUID], context: Context) -> list[str | None]:
    """contract ids -> signed addresses; None where contracts cannot be printed, and for a caller who acts for no company."""
    if context.actor.account_id is None or not can_print():
        return [None] * len(contracts)
    return [_address(context, key) for key in contracts]


def _address(context: Context, key: UUID) -> str:
    query = sign_summary(context.settings, context.actor, key, context.now)
    return f"{context.settings.public_url}/contracts/{Contract.prefix}_{key.hex}/summary?{query}"
