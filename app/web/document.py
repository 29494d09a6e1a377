"""Downloading documents by the signed addresses that the graph gives."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import structlog
from obstore.exceptions import BaseError
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from app.auth.actor import ANONYMOUS, Actor
from app.auth.signatures import is_signed
from app.auth.visible import scope_of, scope_parameters, visible
from app.engine.declare import parse_public_id
from app.errors import RequestError
from app.models import Document, DocumentStatus
from app.values import FILE_TYPES
from app.web.credentials import caller_of
from app.web.language import plain_words
from app.web.upload import upload
from app.words import english

_CHUNK = 256 * 1024  # bytes
_log = structlog.get_logger("documents")


async def documents(request: Request) -> Response:
    """One address for both ways: signed anew for each."""
    return await (upload if request.method == "PUT" else download)(request)


async def download(request: Request) -> Response:
    """The bytes, to the caller whom the address was made for. Whatever is wrong, the answer is the same 404: a stranger learns nothing."""
    state = request.app.state
    try:
        actor, _ = await caller_of(request)
    except RequestError:
        return _not_found(request)
    found = await _document(request, actor)
    if found is None:
        return _not_found(request, actor)
    try:
        stored = await state.documents.get_async(found.storage_key)
    except (BaseError, FileNotFoundError):
        _log.error("document_missing", document=str(found.id), request_id=request.state.request_id)
        return plain_words(request, "This document cannot be read just now.", 503, actor)
    # As they are read: who reads slowly, in a hundred connections, would hold a hundred documents in memory.
    headers = {**_headers(_saved_as(found)), "Content-Length": str(stored.meta["size"])}
    return StreamingResponse(stored.stream(min_chunk_size=_CHUNK), headers=headers, media_type=found.content_type)


async def _document(request: Request, actor: Actor) -> Any:
    """The stored row's id, storage_key, file_name and content_type; None where the address is not good."""
    state, query = request.app.state, request.query_params
    named = parse_public_id(request.path_params["document_id"])
    if named is None or named[0] is not Document or named[1] is None:
        return None
    key = named[1]
    if not is_signed(state.settings, actor, key, state.clock(), expires=query.get("expires", ""), signature=query.get("signature", "")):
        return None
    async with state.database.reading(scope_of(actor), snapshot=False) as connection:
        columns = select(Document.id, Document.storage_key, Document.file_name, Document.content_type)
        statement = columns.where(Document.id == key, Document.status == DocumentStatus.READY, visible(Document, Document))
        return (await connection.execute(statement, scope_parameters(actor))).one_or_none()


def _saved_as(found: Any) -> str:
    """The name that people gave it, with an ending that is its type's: a computer opens by the ending, whatever we say."""
    name, endings = str(found.file_name), FILE_TYPES[found.content_type][1]
    return name if name.lower().endswith(endings) else name + endings[0]


def _headers(file_name: str) -> dict[str, str]:
    # Never shown within our origin, whatever its bytes are.
    return {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file_name, safe='')}",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
        "Cache-Control": "private, no-store",
    }


def _not_found(request: Request, actor: Actor = ANONYMOUS) -> Response:
    words = english("There is no such document, or this address has expired. Ask the graph for a new downloadUrl.")
    return plain_words(request, words, 404, actor)
