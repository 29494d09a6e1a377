"""Cities, occupations and frequent questions: app/data into the database, under ids that are the same everywhere."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import City, Faq, Occupation

_DATA = Path(__file__).parents[1] / "data"
_SINCE = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000)

Reference = City | Faq | Occupation
_NATURAL_KEYS: dict[type[Reference], str] = {City: "key", Occupation: "code", Faq: "key"}


async def write_reference_data(session: AsyncSession) -> int:
    """Insert what is missing and correct what differs, by key or code; rows that app/data dropped stay, for others may point at them.

    Returns how many rows were written; flushed, not committed.
    """
    written = 0
    for model, natural in _NATURAL_KEYS.items():
        known = {getattr(row, natural): row for row in (await session.execute(select(model))).scalars()}
        for values in _rows(model):
            if (row := known.get(values[natural])) is None:
                session.add(model(id=reference_id(model, values[natural]), **values))
            else:
                for column, value in values.items():
                    setattr(row, column, value)
        written += len(session.new) + sum(session.is_modified(row) for row in session.dirty)
        await session.flush()
    return written


def reference_id(model: type[Reference], natural: str) -> UUID:
    """A UUIDv7 of one fixed instant, its random part drawn from the table and the row's own key."""
    drawn = int.from_bytes(hashlib.sha256(f"{model.__tablename__}:{natural}".encode()).digest()[:10])
    return UUID(int=_SINCE << 80 | drawn & ~(0xF000 << 64) & ~(0xC000 << 48) | 0x7000 << 64 | 0x8000 << 48)


@cache
def load(name: str) -> Any:
    """A file of app/data; shared, so not to be changed."""
    return json.loads((_DATA / f"{name}.json").read_text(encoding="utf-8"))


def _rows(model: type[Reference]) -> list[dict[str, Any]]:
    """The file's objects with the model's column names; members that are no column are for people who edit the file."""
    columns = model.__table__.columns.keys()
    named = [{_column(member): value for member, value in each.items()} for each in load(model.__tablename__)]
    return [{column: value for column, value in each.items() if column in columns} for each in named]


def _column(member: str) -> str:
    """nameAr is name_ar."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in member)
