"""National ids: masked for everybody, whole for who may see them, which leaves an event."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.permissions import Permission
from app.auth.visible import scope_of, visible
from app.engine.context import Context
from app.engine.dialects import Dialect, Statement
from app.errors import AccountNotSelected, Forbidden
from app.models import EventType, Teleworker
from app.models.teleworker import masked
from app.operations.work import Work

_FIELD = "Teleworker.nationalId"


async def national_ids(teleworkers: Sequence[UUID], context: Context, *, reveal: bool) -> list[str | None]:
    """teleworker ids -> their national ids.

    The first reveal of an operation writes its event before anything is read: what cannot be written down is not shown.
    """
    if reveal:
        if not context.actor.may(Permission.TELEWORKERS_REVEAL):
            raise Forbidden(permission=Permission.TELEWORKERS_REVEAL, field=_FIELD)
        # For each account: an operation may switch between two of its mutations.
        await context.once(f"reveal {context.actor.account_id}", partial(_record_reveal, context))
    found = await context.fetch(_whole if reveal else _masked, teleworkers)
    return [found[key][1] if key in found else None for key in teleworkers]


def _masked(dialect: Dialect) -> Statement:
    return _shown(dialect, masked(Teleworker.national_id))


def _whole(dialect: Dialect) -> Statement:
    return _shown(dialect, Teleworker.national_id)


def _shown(dialect: Dialect, what: Any) -> Statement:
    return select(Teleworker.id, what).where(visible(Teleworker, Teleworker), dialect.member(Teleworker.id, "keys"))


async def _record_reveal(context: Context) -> None:
    async def work(session: AsyncSession) -> None:
        unit = Work(session, context.actor, context.rules_now, context.request_id, context.settings, context.now)
        # A suspended account is still read. What the caller may do is looked at again under the lock.
        await unit.lock_account(though_suspended=True)
        unit.require(Permission.TELEWORKERS_REVEAL)
        await unit.record(EventType.NATIONAL_IDS_REVEALED, unit.company)

    try:
        await context.database.write(work, scope_of(context.actor))
    except AccountNotSelected:  # no member any more, since a moment
        raise Forbidden(permission=Permission.TELEWORKERS_REVEAL, field=_FIELD) from None
