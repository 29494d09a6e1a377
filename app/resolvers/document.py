"""Addresses from which documents can be downloaded."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from app.auth.signatures import sign_download
from app.auth.visible import visible
from app.engine.context import Context
from app.engine.dialects import Dialect, Statement
from app.models import Document, DocumentStatus


async def download_urls(documents: Sequence[UUID], context: Context) -> list[str | None]:
    """document ids -> signed addresses; None for one whose bytes have not come."""
    ready = await context.fetch(_ready, documents)
    return [_address(context, key) if key in ready else None for key in documents]


def _ready(dialect: Dialect) -> Statement:
    mine = visible(Document, Document), dialect.member(Document.id, "keys")
    return select(Document.id).where(*mine, Document.status == DocumentStatus.READY)


def _address(context: Context, key: UUID) -> str:
    query = sign_download(context.settings, context.actor, key, context.now)
    return f"{context.settings.public_url}/documents/{Document.prefix}_{key.hex}?{query}"
