"""The worker inside the server: what `telework worker` does, every so often."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog

from app.clock import Clock
from app.database import Database
from app.operations.worker import tell_logs, tidy
from app.settings import Settings

_log = structlog.get_logger("worker")


async def work_once(database: Database, settings: Settings, clock: Clock) -> int:
    """How many events were written. What fails is tried again next time, and must not stop the server."""
    try:
        await tidy(database, settings, clock())
        return await tell_logs(database, settings, clock())
    except Exception as error:
        _log.exception("worker_failed", error=type(error).__name__)
        return 0


@asynccontextmanager
async def working(database: Database, settings: Settings, clock: Clock) -> AsyncIterator[None]:
    """Works in the background while the block runs."""

    async def work() -> None:
        while True:
            await asyncio.sleep(settings.worker_seconds)
            await work_once(database, settings, clock)

    task = asyncio.create_task(work()) if settings.worker_seconds else None
    try:
        yield
    finally:
        if task:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
