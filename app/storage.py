"""Where the bytes of documents lie: one interface over a folder, or another kind of store."""

from __future__ import annotations

from obstore.store import LocalStore, ObjectStore

from app.settings import Settings


def document_store(settings: Settings) -> ObjectStore:
    return LocalStore(settings.data_dir / "documents", mkdir=True)
