"""Documents that need not be sent: those registered in a manifest, and those that clients sent along with their hash (APQ)."""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from pathlib import Path

import orjson
import strawberry

from app.auth.actor import Actor
from app.engine.answers import Refused
from app.engine.documents import read_document
from app.engine.limits import Meter
from app.errors import BadRequest, DocumentNotFound, DocumentRequired, DocumentTooComplex, PersistedQueryNotFound
from app.settings import Settings
from app.web.requests import Asked

_ID = re.compile(r"sha256:[0-9a-f]{64}")
_LONGEST_KEPT = 20_000  # characters, so that nobody fills the memory


class ManifestError(Exception):
    """What is wrong with a manifest, a line for each document."""


def read_manifest(path: Path, schema: strawberry.Schema, settings: Settings) -> dict[str, str]:
    """{"sha256:...": document}, each of them valid and under its own hash. Raises ManifestError."""
    try:
        given = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise ManifestError(f"{path}: {error}") from None
    if not isinstance(given, dict):
        raise ManifestError(f'{path}: not an object {{"sha256:...": "document"}}')
    meter = Meter(schema._schema, settings)
    wrong = [f"{name}: {fault}" for name, text in given.items() if (fault := _fault(name, text, schema, meter))]
    if wrong:
        raise ManifestError("\n".join(wrong))
    return given


def _fault(name: str, text: object, schema: strawberry.Schema, meter: Meter) -> str | None:
    if not isinstance(text, str):
        return "the document is no string"
    if not _ID.fullmatch(name) or name != document_id(text):
        return f"not this document's id, which is {document_id(text)}"
    try:
        read_document(schema, text, meter)
    except Refused as refused:
        return refused.errors[0].message
    except DocumentTooComplex as error:
        return error.words("en")
    return None


def document_id(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class Documents:
    """One for each process."""

    def __init__(self, settings: Settings, registered: dict[str, str]) -> None:
        self._registered, self._texts = registered, frozenset(registered.values())
        self._only, self._most = settings.trusted_only, settings.kept_documents
        self._kept: OrderedDict[str, str] = OrderedDict()

    def text(self, asked: Asked, actor: Actor) -> str:
        """The document that is asked for. Raises DocumentNotFound, PersistedQueryNotFound, DocumentRequired, BadRequest."""
        text = self._found(asked)
        # People in a browser: what a script injected into a page could send is then what our own pages send.
        if self._only and actor.user_id and text not in self._texts:
            raise DocumentRequired
        if asked.hash and asked.query:
            self._keep(asked.hash, text)
        return text

    def _found(self, asked: Asked) -> str:
        if asked.document_id:
            if (text := self._registered.get(asked.document_id)) is None:
                raise DocumentNotFound
            return text
        if asked.query:
            if asked.hash and document_id(asked.query) != f"sha256:{asked.hash}":
                raise BadRequest(en="The sha256Hash is not the query's.", ar="قيمة sha256Hash لا تطابق query.")
            return asked.query
        text = self._kept.get(asked.hash or "") or self._registered.get(f"sha256:{asked.hash}")
        if text is None:
            raise PersistedQueryNotFound
        return text

    def _keep(self, hash_: str, text: str) -> None:
        if self._most and len(text) <= _LONGEST_KEPT:
            self._kept[hash_] = text
            self._kept.move_to_end(hash_)
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
