"""One's own sessions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import structlog

from app.engine.context import Context
from app.resolvers.query import log_out

_security = structlog.get_logger("security")


async def is_current(sessions: Sequence[UUID], context: Context) -> list[bool]:
    return [session_id == context.actor.session_id for session_id in sessions]


async def revoked(context: Context, outcome: Mapping[str, Any]) -> None:
    """As logging out, if it was this very session."""
    if outcome["ended"] == context.actor.session_id:
        await log_out(context, {"everywhere": False})
    else:
        user_id, session_id = str(context.actor.user_id), str(outcome["ended"])
        _security.info("session_revoked", user_id=user_id, session_id=session_id, request_id=context.request_id)
