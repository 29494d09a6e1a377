"""Documents: announcing one, taking its bytes, attaching it to a contract, and sweeping what nobody attached."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from obstore.store import ObjectStore
from sqlalchemy import CursorResult, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.signatures import sign_upload
from app.database import Database
from app.errors import ContractEnded, DocumentInUse, FileTooLarge, LimitReached, NotFound, UploadIncomplete, ValidationFailed
from app.models import Contract, ContractStatus, Document, DocumentStatus, EventType, Invitation, contract_status, is_unattached
from app.models.base import is_one_of
from app.operations.entrance import enter_company
from app.operations.kept_outcome import Keepable
from app.operations.work import Work
from app.storage import files_before, remove_file, remove_unfinished

# A document that is READY never changes.
TRANSITIONS: dict[DocumentStatus, frozenset[DocumentStatus]] = {
    DocumentStatus.AWAITING_UPLOAD: frozenset({DocumentStatus.READY}),
    DocumentStatus.READY: frozenset(),
}
UNATTACHED_FOR = timedelta(days=1)  # then it is swept
_AT_ONCE = 100


@dataclass(frozen=True)
class UploadHeader(Keepable):
    name: str
    value: str

    def parts(self) -> tuple[str, str]:
        return self.name, self.value


@dataclass(frozen=True)
class Swept:
    """How many documents without a contract, and files without a document."""

    documents: int
    files: int


async def create_document_upload(
    work: Work, *, file_name: str, content_type: str, size: int, sha256: str, company_number: tuple[int, int] | None = None
) -> dict[str, object]:
    """Announce a document. Answers it with the address that takes its bytes, once, for some minutes.

    company_number  whose it is to be, for the gateway, which has no company; from others, their own
    Raises  NotFound          no company has that number, or another than the caller's
            ValidationFailed  the gateway names none
            FileTooLarge, AccountSuspended
            LimitReached      too many are attached to nothing yet
    Source  guide 8; domain, states.
    """
    await _enter(work, company_number)
    if size > work.settings.most_upload_bytes:
        raise FileTooLarge(("size",), most=work.settings.most_upload_bytes)
    await _check_room(work)
    document = await work.add(
        Document(
            company_id=work.company.id,
            file_name=file_name,
            content_type=content_type,
            size=size,
            sha256=sha256,
            status=DocumentStatus.AWAITING_UPLOAD,
            storage_key=secrets.token_hex(16),
            created_at=work.wall_clock,
        )
    )
    query, expires_at = sign_upload(work.settings, document.id, work.company.id, work.wall_clock)
    return {
        "document": document,
        "upload_url": f"{work.settings.public_url}/documents/{document.public_id}?{query}",
        "upload_headers": [UploadHeader("Content-Type", content_type)],
        "expires_at": expires_at,
    }


async def attach_contract_document(work: Work, *, contract_id: UUID, document_id: UUID, version: int | None = None) -> dict[str, object]:
    """Make an uploaded document the contract's agreement. The one before stays as it is, where it is still shown.

    Raises  NotFound, VersionConflict
            ContractEnded     it has expired or was terminated
            UploadIncomplete  the bytes have not come
            DocumentInUse     another contract or invitation shows it
    Source  guide 8.
    """
    contract = await work.find(Contract, contract_id, "contract_id")
    document = await work.find(Document, document_id, "document_id")  # locked: a sweep must not take it away meanwhile
    work.check_version(contract, version)
    current = await work.status(contract, contract_status, work.today)
    if current not in (ContractStatus.ACTIVE, ContractStatus.SCHEDULED):
        raise ContractEnded(("contract_id",), current=current)
    if document.status is not DocumentStatus.READY:
        raise UploadIncomplete(("document_id",))
    if await _is_shown_elsewhere(work, document, contract):
        raise DocumentInUse(("document_id",))
    if work.change(contract, {"document_id": document.id}):
        document.attached_at = document.attached_at or work.now
        work.touch(contract)
        await work.record(EventType.DOCUMENT_ATTACHED, contract)
    return {"contract": contract}


async def receive_document(session: AsyncSession, document_id: UUID) -> bool:
    """The bytes are stored, and are those that were announced. False where somebody was quicker, or it was swept."""
    before = [status for status, after in TRANSITIONS.items() if DocumentStatus.READY in after]
    waiting = Document.id == document_id, is_one_of(Document.status, before)
    done = cast("CursorResult[None]", await session.execute(update(Document).where(*waiting).values(status=DocumentStatus.READY)))
    return done.rowcount == 1


async def sweep_documents(database: Database, store: ObjectStore, *, now: datetime) -> Swept:
    """Take away documents that were not attached within a day of their announcement, with their bytes, and bytes that no document has.

    It asks as the tables' owner. May be run anywhere, at any time, by several at once, and again after a crash: the row goes first,
    for a document without its bytes would be a lie, and bytes without a document are found by the next sweep.
    """
    before, documents, files = now - UNATTACHED_FOR, 0, 0
    while keys := await database.write(lambda session: _forget_some(session, before)):
        for key in keys:
            await remove_file(store, key)
        documents += len(keys)
    async for found in files_before(store, before):
        async with database.reading(snapshot=False) as connection:
            known = set((await connection.execute(select(Document.storage_key).where(Document.storage_key.in_(found)))).scalars())
        for key in set(found) - known:
            await remove_file(store, key)
            files += 1
    return Swept(documents, files + await remove_unfinished(store, before))


async def _enter(work: Work, company_number: tuple[int, int] | None) -> None:
    if not work.actor.is_gateway:
        if company_number not in (None, (work.company.labor_office_id, work.company.sequence_number)):
            raise NotFound(("company_number",))
    elif company_number is None:
        raise ValidationFailed(("company_number",), en="Name the company whose document it is.")
    else:
        await enter_company(work, company_number, "company_number")


async def _check_room(work: Work) -> None:
    """Of addresses that have expired unused, none counts."""
    fresh = work.wall_clock - timedelta(seconds=work.settings.upload_seconds)
    counts = or_(Document.status == DocumentStatus.READY, Document.created_at > fresh)
    waiting = select(func.count()).select_from(Document).where(Document.company_id == work.company.id, is_unattached(Document), counts)
    if await work.one(waiting) >= work.settings.most_uploads:
        raise LimitReached(limit=work.settings.most_uploads)


async def _is_shown_elsewhere(work: Work, document: Document, contract: Contract) -> bool:
    contracts = select(Contract.id).where(Contract.document_id == document.id, Contract.id != contract.id)
    invitations = select(Invitation.id).where(Invitation.document_id == document.id, Invitation.id.is_distinct_from(contract.invitation_id))
    return any([await work.one(found.limit(1)) is not None for found in (contracts, invitations)])


async def _forget_some(session: AsyncSession, before: datetime) -> Sequence[str]:
    """Deletes some rows, and answers where their bytes are."""
    old = select(Document).where(is_unattached(Document), Document.created_at < before).limit(_AT_ONCE)
    rows = (await session.execute(old.with_for_update(skip_locked=True, of=Document))).scalars().all()
    # Once more now that they are locked: one may have been attached a moment ago.
    keys = select(Document.id).where(Document.id.in_([row.id for row in rows]), is_unattached(Document))
    gone = set((await session.execute(keys)).scalars())
    await session.execute(delete(Document).where(Document.id.in_(gone)))
    return [row.storage_key for row in rows if row.id in gone]
