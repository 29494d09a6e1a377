"""Slots: whether a person has room for an employment, whoever else employs them. Nothing else may be asked, and nobody learns where.

A holder's row is locked before anything is asked of them, always after the account's own row: two accounts that want one person follow
one another, and neither can wait for what the other one holds.
"""

from __future__ import annotations

import hmac
from datetime import date
from typing import Any
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import ColumnElement, Date, Text, Uuid, and_, bindparam, case, delete, func, literal, or_, select
from sqlalchemy.dialects.postgresql import insert  # what it writes is SQLite's SQL, too
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.auth.doors import Door
from app.models import LIVE_WORLD, Employment, EmploymentType, Slot, SlotHolder
from app.operations.work import Work

_FOREVER = date(9000, 1, 1)  # an open end, as a parameter that is compared


def holder_key(key: SecretStr, world: UUID, national_id: str) -> UUID:
    """Under which a person's slots stand: without the key nobody finds out whose, although there are only a billion national ids."""
    return UUID(bytes=hmac.digest(key.get_secret_value().encode(), world.bytes + national_id.encode(), "sha256")[:16])


class WrongSlotKey(Exception):
    """The key is not the one that the slots were made with: nobody would be found in them any more."""


async def know_slot_key(session: AsyncSession, key: SecretStr) -> None:
    """Notes the key, by a holder whom nobody is, while there are no slots. Raises WrongSlotKey where there are some, made with another."""
    noted = holder_key(key, LIVE_WORLD, "")
    if await session.get(SlotHolder, noted) is not None:
        return
    if (await session.execute(select(Slot.id).limit(1))).first() is not None:
        raise WrongSlotKey("TELEWORK_SLOT_KEY is not the one that the slots in this database were made with: set that one")
    await session.execute(delete(SlotHolder))
    session.add(SlotHolder(id=noted))


async def hold(work: Work, national_id: str) -> UUID:
    """The person's key, locked until the end: whoever else hires them waits."""
    holder = holder_key(work.settings.slot_key, work.world, national_id)
    await SLOT_HOLDER.one(work.session, {"holder": holder})
    return holder


async def is_taken(work: Work, holder: UUID, employment: Employment, ends_on: date | None) -> bool:
    """Whether others leave no room for the employment from its first day to that last one: a person has at most one full-time and two
    part-time employments at once."""
    found = await SLOT_TAKEN.one(
        work.session,
        {
            "holder": holder,
            "slot": employment.id,
            "employment_type": employment.employment_type,
            "starts_on": employment.starts_on,
            "ends_on": ends_on or _FOREVER,
        },
    )
    return bool(found.taken)


async def keep_slot(work: Work, holder: UUID, employment: Employment) -> None:
    """Writes the employment's days down as they are now."""
    days = {"starts_on": employment.starts_on, "ends_on": employment.ends_on}
    kept = {"slot": employment.id, "holder": holder, "employment_type": employment.employment_type, **days}
    await SLOT_KEPT.one(work.session, kept)


_HOLDER: ColumnElement[UUID] = bindparam("holder", type_=Uuid())
_SLOT: ColumnElement[UUID] = bindparam("slot", type_=Uuid())
_TYPE: ColumnElement[Any] = bindparam("employment_type", type_=Text())
_STARTS: ColumnElement[date] = bindparam("starts_on", type_=Date())
_ENDS: ColumnElement[date] = bindparam("ends_on", type_=Date())


def _in_the_way(slot: type[Slot]) -> ColumnElement[bool]:
    """Another one of that person and type on some of the days."""
    same = and_(slot.holder_id == _HOLDER, slot.employment_type == _TYPE, slot.id != _SLOT)
    return and_(same, slot.starts_on <= _ENDS, or_(slot.ends_on.is_(None), slot.ends_on >= _STARTS))


def _taken() -> ColumnElement[bool]:
    one, other = aliased(Slot), aliased(Slot)
    # Three periods of which each two share a day share one day all together.
    share = and_(
        one.starts_on <= func.coalesce(other.ends_on, literal(_FOREVER)), other.starts_on <= func.coalesce(one.ends_on, literal(_FOREVER))
    )
    two = select(one.id).where(_in_the_way(one), _in_the_way(other), one.id < other.id, share)
    return case((literal(EmploymentType.FULL_TIME.value) == _TYPE, select(one.id).where(_in_the_way(one)).exists()), else_=two.exists())


SLOT_HOLDER = Door(
    "slot_holder",
    insert(SlotHolder)
    .values(id=_HOLDER)
    # An update that changes nothing locks the row, be it new or not.
    .on_conflict_do_update(index_elements=[SlotHolder.id], set_={"id": _HOLDER})
    .returning(SlotHolder.id),
)
SLOT_TAKEN = Door("slot_taken", select(_taken().label("taken")))
SLOT_KEPT = Door(
    "slot_kept",
    insert(Slot)
    .values(id=_SLOT, holder_id=_HOLDER, employment_type=_TYPE, starts_on=_STARTS, ends_on=_ENDS)
    .on_conflict_do_update(index_elements=[Slot.id], set_={"ends_on": _ENDS})
    .returning(Slot.id),
)
