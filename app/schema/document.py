"""Stored files."""

from __future__ import annotations

from datetime import datetime

import strawberry

from app import models, values
from app.auth.permissions import Permission
from app.engine.declare import attribute, column, graph_type, identity, related_by, resolver
from app.engine.inputs import CheckedInput, given, key_of, required
from app.models import DocumentStatus
from app.operations import document as operations
from app.resolvers.document import download_urls
from app.resolvers.mutation import Payload, mutation
from app.schema.scalars import URL, EstablishmentNumber
from app.schema.shared import Node


@graph_type(
    models.Document,
    allow=Permission.CONTRACTS_READ,
    description="A stored file. Its address is signed, bound to the caller and short-lived.",
)
class Document(Node):
    id: strawberry.ID = identity(models.Document)
    file_name: str = column(models.Document.file_name, description="Name for people")
    content_type: str = column(models.Document.content_type, description="Media type, found from the content")
    size: int = column(models.Document.size, description="Bytes")
    sha256: str = column(models.Document.sha256, description="Checksum of the bytes, in hex")
    status: DocumentStatus = column(models.Document.status, description="Whether it can be downloaded")
    download_url = resolver(
        download_urls,
        URL | None,
        description="Where to GET the bytes, for five minutes and with the caller's own credential; null before READY",
    )
    created_at: datetime = column(models.Document.created_at, description="When it was announced")


@strawberry.input(description="A file that is about to be sent.")
class CreateDocumentUploadInput(CheckedInput):
    company_number: EstablishmentNumber | None = given(
        "Number of the company whose document it is: for the gateway, which has none of its own",
        values.establishment_number,
        clearable=False,
    )
    file_name: str = required("Its name for people, without a path", values.file_name)
    content_type: str = required("application/pdf, image/png or image/jpeg", values.media_type)
    size: int = required("Its bytes, at most 10 MB", values.whole_number(1, 2**31 - 1))
    sha256: str = required("SHA-256 of its bytes, in hex", values.sha256)


@strawberry.type(description="A header to send along with the bytes.")
class UploadHeader:
    name: str = strawberry.field(description="Its name")
    value: str = strawberry.field(description="Its value")


@strawberry.type(description="Where and how to PUT the bytes; then attach the document.")
class CreateDocumentUploadPayload(Payload):
    document = related_by(models.Document, "document_id", description="The document, which waits for its bytes")
    upload_url: URL | None = attribute(
        once=True,
        description="Where to PUT the bytes: once, within some minutes, without a credential. Whoever has it may, so keep it to yourself; "
        "null when an answer is replayed",
    )
    upload_headers: list[UploadHeader] = attribute(description="What to send along")
    expires_at: datetime | None = attribute(description="When the address ends")


create_document_upload = mutation(
    operations.create_document_upload,
    CreateDocumentUploadInput,
    CreateDocumentUploadPayload,
    allow=Permission.CONTRACTS_WRITE,
    gateway="also",
    description="Announce a file; answers where to send its bytes. One that is attached to nothing within a day is taken away",
)


@strawberry.input(description="Which document to attach to which contract.")
class AttachContractDocumentInput(CheckedInput):
    contract_id: strawberry.ID = required("A contract that is in force or about to begin", key_of(models.Contract))
    document_id: strawberry.ID = required("A document whose bytes have come", key_of(models.Document))
    version: int | None = given("The contract's version that was read; another one is VERSION_CONFLICT")


@strawberry.type(description="The contract with its document.")
class AttachContractDocumentPayload(Payload):
    contract = related_by(models.Contract, "contract_id", description="The contract")


attach_contract_document = mutation(
    operations.attach_contract_document,
    AttachContractDocumentInput,
    AttachContractDocumentPayload,
    allow=Permission.CONTRACTS_WRITE,
    description="Make an uploaded document the contract's agreement, in place of the one before",
)
