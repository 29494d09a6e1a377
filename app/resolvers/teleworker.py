"""National ids: masked for everybody, whole for who may see them, which leaves an event."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.permissions import Permission
from app.auth.visible import visible
from app.engine.context import Context
from app.errors import Forbidden
from app.models import EventType, Teleworker
from app.models.teleworker import masked
from app.operations.work import Work


async def national_ids(teleworkers: Sequence[UUID], context: Context, *, reveal: bool) -> list[str | None]:
    """teleworker ids -> their national ids. The first reveal of an operation writes its event before anything is read."""
    if reveal:
        if not context.actor.may(Permission.TELEWORKERS_REVEAL):
            raise Forbidden(permission=Permission.TELEWORKERS_REVEAL)
        await _record_reveal(context)
    shown = Teleworker.national_id if reveal else masked(Teleworker.national_id)
    statement = select(Teleworker.id, shown).where(visible(Teleworker, Teleworker), context.dialect.member(Teleworker.id, "keys"))
    found = {row[0]: row[1] for row in await context.rows(statement, keys=context.dialect.pack(teleworkers))}
    return [found.get(key) for key in teleworkers]


async def _record_reveal(context: Context) -> None:
    if context.signals.setdefault("revealed", False):
        return
    context.signals["revealed"] = True

    async def work(session: AsyncSession) -> None:
        unit = Work(session, context.actor, context.now, context.request_id, context.settings)
        await unit.lock_account()
        await unit.record(EventType.NATIONAL_IDS_REVEALED, unit.company)

    await context.database.write(work)
