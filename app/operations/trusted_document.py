"""The registry of trusted documents. Whether a document is valid is asked before, of app.web.trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from app.models import TrustedDocument


async def register_documents(session: AsyncSession, documents: Mapping[str, str], *, now: datetime) -> int:
    """Add those that are not there yet; how many those were.

    documents  id -> text, valid and under their own ids
    """
    known = set((await session.execute(select(TrustedDocument.id))).scalars())
    rows = [{"id": name, "text": text, "registered_at": now} for name, text in documents.items() if name not in known]
    if rows:
        insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
        # Two deployments may register the same at once.
        await session.execute(insert(TrustedDocument).on_conflict_do_nothing(), rows)
    return len(rows)


async def remove_documents(session: AsyncSession, names: Sequence[str]) -> list[str]:
    """Remove all of them, or none where some are not there: those are answered."""
    known = set((await session.execute(select(TrustedDocument.id))).scalars())
    if unknown := sorted(set(names) - known):
        return unknown
    await session.execute(delete(TrustedDocument).where(TrustedDocument.id.in_(names)))
    return []


async def read_documents(connection: AsyncConnection, known: Mapping[str, str]) -> dict[str, str]:
    """id -> text of all that are registered; `known` saves reading their texts again."""
    names = set((await connection.execute(select(TrustedDocument.id))).scalars())
    if names <= known.keys():
        return {name: text for name, text in known.items() if name in names}
    rows = await connection.execute(select(TrustedDocument.id, TrustedDocument.text))
    return {row.id: row.text for row in rows}
