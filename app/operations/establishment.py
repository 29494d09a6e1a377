"""Clients, as the portal's gateway tells of them: shared by the companies of a world, made and corrected by it alone."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select, update
from sqlalchemy.exc import IntegrityError

from app.auth.doors import Door
from app.errors import NotFound
from app.models import City, Establishment
from app.models.base import uuid7
from app.operations.work import Work
from app.text import fold

_TOLD = ("unified_number", "name_ar", "name_en", "city_id", "activity", "email", "mobile")
_COLUMNS = {name: Establishment.__table__.c[name] for name in (*_TOLD, "search_text", "updated_at")}

# Whosesoever clients they are. Locked so that what only refers to the row, a contract that is being made, need not wait.
ESTABLISHMENT_OF_NUMBER = Door(
    "establishment_of_number",
    select(Establishment.id, *(_COLUMNS[name] for name in _TOLD))
    .where(
        Establishment.world == bindparam("world"),
        Establishment.labor_office_id == bindparam("office"),
        Establishment.sequence_number == bindparam("sequence"),
    )
    .with_for_update(key_share=True),
)
ESTABLISHMENT_CORRECTED = Door(
    "establishment_corrected",
    update(Establishment)
    .where(Establishment.id == bindparam("key", type_=Establishment.id.type))
    .values({name: bindparam(f"new_{name}", type_=column.type) for name, column in _COLUMNS.items()})
    .returning(Establishment.id),
)


async def told_establishment(work: Work, number: tuple[int, int], told: dict[str, Any]) -> UUID:
    """The establishment of that number in the caller's world, as it is told now; made where there is none.

    told   columns by name: one that is absent stays as it is. Companies that know it see what it is told to be; nothing of theirs changes.
    """
    if (known := await _known(work, number)) is None:
        try:
            async with work.session.begin_nested():
                return await _made(work, number, told)
        except IntegrityError:
            # Another company's invitation from it came at this very moment.
            known = await _known(work, number)
            assert known is not None  # noqa: S101  # that is what the constraint refused
    before = {name: getattr(known, name) for name in _TOLD}
    if (after := before | told) != before:
        values = {**after, "search_text": _search_text(after), "updated_at": work.now}
        named = {f"new_{name}": value for name, value in values.items()}
        statement = ESTABLISHMENT_CORRECTED.on(work.session)
        await work.session.execute(statement, {"key": known.id, **named}, execution_options={"synchronize_session": False})
    return known.id  # type: ignore[no-any-return]  # a door's row


async def city_of_key(work: Work, key: str, path: str) -> UUID:
    """Raises NotFound at `path`."""
    found: UUID | None = await work.one(select(City.id).where(City.key == key))
    if found is None:
        raise NotFound((path,))
    return found


async def _known(work: Work, number: tuple[int, int]) -> Any:
    named = {"world": work.world, "office": number[0], "sequence": number[1]}
    return (await work.session.execute(ESTABLISHMENT_OF_NUMBER.on(work.session), named)).one_or_none()


async def _made(work: Work, number: tuple[int, int], told: dict[str, Any]) -> UUID:
    office, sequence = number
    numbers = {"world": work.world, "labor_office_id": office, "sequence_number": sequence}
    row = await work.add(Establishment(id=uuid7(), **numbers, **told, created_at=work.now, updated_at=work.now))
    return row.id


def _search_text(values: dict[str, Any]) -> str:
    return fold(" ".join(values[name] or "" for name in Establishment.searched))
