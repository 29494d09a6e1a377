"""The sandbox beside the portal: whose tokens count there, and that their company finds its world when it comes."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.actor import Actor
from app.auth.visible import scope_of
from app.clock import Clock
from app.database import Database
from app.errors import Unauthenticated
from app.models import Company
from app.operations.sandbox import move_in, resident
from app.settings import Settings

_MOST_KNOWN = 100_000


class Sandbox:
    """Of one process. `live` holds the tokens and the companies as they are, `own` what the sandbox makes of them."""

    def __init__(self, settings: Settings, live: Database, own: Database, clock: Clock) -> None:
        self._settings, self._live, self._own, self._clock = settings, live, own, clock
        self._known: set[UUID] = set()  # tokens that have been here

    async def enter(self, actor: Actor) -> datetime | None:
        """Sees to it that the token's company has its world; where its clock was stopped, None while it runs. Nobody has none."""
        if actor.token_id is None:
            return None
        if actor.token_id not in self._known:
            await self._move_in(actor)
        async with self._own.reading(scope_of(actor), snapshot=False) as connection:
            stopped_at: datetime | None = await connection.scalar(select(Company.clock_at).where(Company.id == actor.account_id))
        return stopped_at

    async def _move_in(self, actor: Actor) -> None:
        async with self._live.reading(scope_of(actor)) as connection:
            found = await resident(connection, actor)
        if found is None:  # revoked since a moment
            raise Unauthenticated

        async def work(session: AsyncSession) -> None:
            await move_in(session, found, self._clock(), self._settings)

        await self._own.write(work, scope_of(actor))
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        if actor.token_id:
            self._known.add(actor.token_id)
