"""Taking the bytes of documents, at the signed addresses that the graph gives: once, and only those that were announced."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any
from uuid import UUID

import structlog
from obstore.exceptions import BaseError
from sqlalchemy import select
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from app.auth.signatures import is_upload
from app.engine.declare import parse_public_id
from app.errors import (
    AlreadyUploaded,
    RequestError,
    Unavailable,
    UploadBusy,
    UploadDiffers,
    UploadExpired,
    UploadNotSigned,
    UploadOfAnotherType,
    UploadTooLarge,
    UploadTooShort,
    UploadTooSlow,
)
from app.models import Document, DocumentStatus
from app.operations.document import receive_document
from app.scope import Scope
from app.storage import put_file
from app.values import HEAD_BYTES, is_of_type
from app.web.language import asked_language

_IN_MEMORY = 1_000_000  # bytes; longer ones wait in a file that nobody sees
_MOST_AT_ONCE = 3  # for one document: a connection that broke unnoticed must not keep its sender out
_DRAINED, _PATIENCE = 1_000_000, 1  # bytes and seconds that are read of what is refused: many clients read no answer while they send
_log = structlog.get_logger("documents")


class Uploads:
    """How many are under way in this process, by document."""

    def __init__(self) -> None:
        self._counts: Counter[UUID] = Counter()

    @contextmanager
    def counting(self, document_id: UUID) -> Iterator[None]:
        """Raises UploadBusy."""
        if self._counts[document_id] >= _MOST_AT_ONCE:
            raise UploadBusy
        self._counts[document_id] += 1
        try:
            yield
        finally:
            self._counts[document_id] -= 1
            self._counts += Counter()  # forgets those at zero


async def upload(request: Request) -> Response:
    """PUT. Nothing is read before the signature is found good; the document is READY once its bytes are stored, not before."""
    state = request.app.state
    language = asked_language(request.headers.get("accept-language")) or state.settings.default_language
    document_id = None
    try:
        document_id, scope = _asked(request)
        with state.uploads.counting(document_id):
            await _take(request, document_id, scope)
    except RequestError as refused:
        _tell("upload_refused", request, document_id, code=refused.code)
        await _drain(request)
        answer = {"code": refused.code, "message": refused.words(language), "retryable": refused.retryable}
        # What was not read is not the beginning of another request.
        return JSONResponse(answer, refused.status, {"Connection": "close", "Content-Language": language, "Cache-Control": "no-store"})
    except ClientDisconnect:  # nobody reads this
        return Response(status_code=400)
    _tell("document_uploaded", request, document_id)
    return JSONResponse({"id": f"{Document.prefix}_{document_id.hex}", "status": DocumentStatus.READY}, 201, {"Cache-Control": "no-store"})


def _asked(request: Request) -> tuple[UUID, Scope]:
    """The document of a good address, and as whom to ask for it. Raises UploadNotSigned, UploadExpired."""
    settings, query = request.app.state.settings, request.query_params
    account, expires = query.get("account", ""), query.get("expires", "")
    named = parse_public_id(request.path_params["document_id"])
    if named is None or named[0] is not Document or named[1] is None:
        raise UploadNotSigned
    if not is_upload(settings, named[1], account=account, expires=expires, signature=query.get("signature", "")):
        raise UploadNotSigned
    if request.app.state.clock().timestamp() >= int(expires):
        raise UploadExpired
    return named[1], Scope(UUID(hex=account), None)


async def _take(request: Request, document_id: UUID, scope: Scope) -> None:
    state = request.app.state
    announced = await _announced(state.database, document_id, scope)
    _check_head(request, announced)
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
        try:
            async with asyncio.timeout(state.settings.upload_arrival_seconds):
                await _receive(request, announced, file)
        except TimeoutError:
            raise UploadTooSlow(seconds=state.settings.upload_arrival_seconds) from None
        try:
            # Two who send the same bytes at once store the same: which of them made the document READY is the row's to say.
            await put_file(state.documents, announced.storage_key, file)
        except (BaseError, OSError) as error:
            _log.error("document_not_stored", document=str(document_id), error=type(error).__name__, request_id=request.state.request_id)
            raise Unavailable from None
    if not await state.database.write(lambda session: receive_document(session, document_id), scope):
        raise AlreadyUploaded


async def _announced(database: Any, document_id: UUID, scope: Scope) -> Any:
    """The row's size, sha256, content_type and storage_key. Raises AlreadyUploaded, and UploadExpired for one that was swept."""
    columns = select(Document.size, Document.sha256, Document.content_type, Document.storage_key, Document.status)
    async with database.reading(scope, snapshot=False) as connection:
        mine = Document.id == document_id, Document.company_id == scope.account
        found = (await connection.execute(columns.where(*mine))).one_or_none()
    if found is None:
        raise UploadExpired
    if found.status is not DocumentStatus.AWAITING_UPLOAD:
        raise AlreadyUploaded
    return found


def _check_head(request: Request, announced: Any) -> None:
    """Raises what can be told before any byte is read."""
    told = request.headers.get("content-type")
    if told is not None and told.partition(";")[0].strip().lower() != announced.content_type:
        raise UploadOfAnotherType(content_type=announced.content_type)
    if request.headers.get("content-encoding", "identity") != "identity":
        raise UploadOfAnotherType(content_type=announced.content_type)
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdecimal():
        if len(length) > 18 or int(length) > announced.size:
            raise UploadTooLarge(size=announced.size)
        if int(length) < announced.size:
            raise UploadTooShort(size=announced.size, received=int(length))


async def _receive(request: Request, announced: Any, file: IO[bytes]) -> None:
    """Writes the body to the file. Raises as soon as it cannot be what was announced."""
    hashed, received, head = hashlib.sha256(), 0, b""
    async for chunk in request.stream():
        received += len(chunk)
        if received > announced.size:
            raise UploadTooLarge(size=announced.size)
        if len(head) < HEAD_BYTES:
            head += chunk[:HEAD_BYTES]
            _check_type(head, announced, whole=len(head) >= HEAD_BYTES)
        hashed.update(chunk)
        file.write(chunk)
    _check_type(head, announced, whole=True)
    if received < announced.size:
        raise UploadTooShort(size=announced.size, received=received)
    if hashed.hexdigest() != announced.sha256:
        raise UploadDiffers


def _check_type(head: bytes, announced: Any, *, whole: bool) -> None:
    if whole and not is_of_type(head, announced.content_type):
        raise UploadOfAnotherType(content_type=announced.content_type)


async def _drain(request: Request) -> None:
    """Reads a little of what is refused, so that the answer is not lost behind a connection that is reset."""
    read = 0
    with suppress(TimeoutError, ClientDisconnect, RuntimeError):  # RuntimeError: it was read to its end
        async with asyncio.timeout(_PATIENCE):
            async for chunk in request.stream():
                read += len(chunk)
                if read > _DRAINED:
                    break


def _tell(event: str, request: Request, document_id: UUID | None, **facts: Any) -> None:
    _log.info(event, document=document_id and str(document_id), request_id=request.state.request_id, **facts)
