"""Stored files."""

from __future__ import annotations

from datetime import datetime

import strawberry

from app import models
from app.auth.permissions import Permission
from app.engine.declare import column, graph_type, identity, resolver
from app.models import DocumentStatus
from app.resolvers.document import download_urls
from app.schema.scalars import URL
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
