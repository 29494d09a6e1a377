"""Documents that need not be sent: those that are registered, and those that clients sent along with their hash (APQ)."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import OrderedDict
from datetime import datetime, timedelta
from pathlib import Path

import orjson
import strawberry

from app.auth.actor import Actor
from app.clock import Clock
from app.database import Database
from app.engine.answers import Refused
from app.engine.documents import read_document
from app.engine.limits import Meter
from app.errors import BadRequest, CostLimit, DocumentNotFound, DocumentRequired, DocumentTooComplex, PersistedQueryNotFound
from app.operations.trusted_document import read_documents
from app.settings import Settings
from app.web.requests import Asked

_ID = re.compile(r"sha256:[0-9a-f]{64}")
_LONGEST_KEPT = 20_000  # characters, so that nobody fills the memory


class ManifestError(Exception):
    """What is wrong with a manifest, a line for each document."""


def read_manifest(path: Path, schema: strawberry.Schema, settings: Settings) -> dict[str, str]:
    """{"sha256:...": document}, each of them valid, within the limits and under its own hash. Raises ManifestError.

    The hash alone will do as a name, as some generators write it.
    """
    try:
        given = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise ManifestError(f"{path}: {error}") from None
    if not isinstance(given, dict):
        raise ManifestError(f'{path}: not an object {{"sha256:...": "document"}}')
    meter = Meter(schema._schema, settings)
    named = {name if name.startswith("sha256:") else f"sha256:{name}": text for name, text in given.items()}
    wrong = [f"{name}: {fault}" for name, text in named.items() if (fault := _fault(name, text, schema, meter))]
    if wrong:
        raise ManifestError("\n".join(wrong))
    return named


def _fault(name: str, text: object, schema: strawberry.Schema, meter: Meter) -> str | None:
    if not isinstance(text, str):
        return "the document is no string"
    if "\0" in text:
        return "the document holds a NUL, which PostgreSQL does not keep"
    if not _ID.fullmatch(name) or name != document_id(text):
        return f"not this document's id, which is {document_id(text)}"
    try:
        for operation in read_document(schema, text, meter).operations.values():
            # With the smallest pages: what variables may ask for beyond is told when they do.
            smallest = {node.variable.name.value: 0 for node in operation.node.variable_definitions or ()}
            if operation.formula:
                operation.formula.check(smallest, meter.settings.most_cost)
    except Refused as refused:
        return refused.errors[0].message
    except (DocumentTooComplex, CostLimit) as error:
        return error.words("en")
    return None


def document_id(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class Documents:
    """One for each process."""

    def __init__(self, settings: Settings, database: Database, clock: Clock) -> None:
        self._registry = Registry(database, clock, settings.remembered_seconds)
        self._only, self._most = settings.trusted_only, settings.kept_documents
        self._kept: OrderedDict[str, str] = OrderedDict()

    async def text(self, asked: Asked, actor: Actor) -> str:
        """The document that is asked for. Raises DocumentNotFound, PersistedQueryNotFound, DocumentRequired, BadRequest."""
        text = await self._found(asked)
        # People in a browser: what a script injected into a page could send is then what our own pages send.
        if self._only and actor.user_id and document_id(text) not in await self._registry.documents():
            raise DocumentRequired
        if asked.hash and asked.query:
            self._keep(asked.hash, text)
        return text

    async def _found(self, asked: Asked) -> str:
        if asked.document_id:
            if (text := (await self._registry.documents()).get(asked.document_id)) is None:
                raise DocumentNotFound
            return text
        if asked.query:
            if asked.hash and document_id(asked.query) != f"sha256:{asked.hash}":
                raise BadRequest(en="The sha256Hash is not the query's.")
            return asked.query
        text = self._kept.get(asked.hash or "") or (await self._registry.documents()).get(f"sha256:{asked.hash}")
        if text is None:
            raise PersistedQueryNotFound
        return text

    def _keep(self, hash_: str, text: str) -> None:
        if self._most and len(text) <= _LONGEST_KEPT:
            self._kept[hash_] = text
            self._kept.move_to_end(hash_)
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)


class Registry:
    """The registered documents, kept in memory. Asking for ids that do not exist, however often, does not ask the database more often."""

    def __init__(self, database: Database, clock: Clock, seconds: float) -> None:
        self._database, self._clock, self._seconds = database, clock, timedelta(seconds=seconds)
        self._documents: dict[str, str] = {}
        self._read_at: datetime | None = None
        self._reading = asyncio.Lock()

    async def documents(self) -> dict[str, str]:
        """id -> text, as registered some `seconds` ago or later."""
        if not self._is_recent():
            async with self._reading:  # whoever waited finds it read
                if not self._is_recent():
                    now = self._clock()
                    async with self._database.reading(snapshot=False) as connection:
                        self._documents = await read_documents(connection, self._documents)
                    self._read_at = now
        return self._documents

    def _is_recent(self) -> bool:
        return self._read_at is not None and timedelta() <= self._clock() - self._read_at < self._seconds
