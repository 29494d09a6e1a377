"""Where the bytes of documents lie: one interface over a folder, or S3 and its like. What lies there is known by its row alone."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

import obstore
from obstore.store import LocalStore, ObjectStore, from_url

from app.settings import Settings

_OURS = re.compile(r"[0-9a-f]{32}")  # a storage key: what else lies there is not ours to touch
_PATIENCE = timedelta(seconds=20)  # for a store that does not answer; then the caller is told to try again


def document_store(settings: Settings) -> ObjectStore:
    """The folder or the bucket that the settings name. Each environment's is apart: a sweep takes away what its database does not know."""
    name = "documents" if settings.environment == "LIVE" else "sandbox-documents"
    if not settings.documents_url:
        return LocalStore(settings.data_dir / name, mkdir=True)
    # It reads the other AWS_... by itself; this one is lost where options are given.
    in_the_clear = os.environ.get("AWS_ALLOW_HTTP", "").lower() == "true"
    return from_url(
        f"{settings.documents_url.rstrip('/')}/{name}",
        client_options={"timeout": _PATIENCE, "connect_timeout": timedelta(seconds=5), "allow_http": in_the_clear},
        retry_config={"max_retries": 3, "retry_timeout": _PATIENCE},
    )


async def put_file(store: ObjectStore, key: str, file: IO[bytes]) -> None:
    """Whole or not at all, whatever fails; once this has returned, also after the power has."""
    file.seek(0)
    await obstore.put_async(store, key, file)
    if isinstance(store, LocalStore):
        await asyncio.to_thread(_settle, Path(str(store.prefix)), key)


async def remove_file(store: ObjectStore, key: str) -> None:
    with suppress(FileNotFoundError):  # another sweep was quicker
        await obstore.delete_async(store, key)


async def files_before(store: ObjectStore, moment: datetime) -> AsyncIterator[list[str]]:
    """The keys of all files that were written before then, some at a time."""
    async for batch in obstore.list(store, chunk_size=500):
        found = [each["path"] for each in batch if each["last_modified"] < moment and _OURS.fullmatch(each["path"])]
        if found:
            yield found


async def remove_unfinished(store: ObjectStore, before: datetime) -> int:
    """Takes away what a crash left of files half written. S3 does so itself, by a rule of the bucket's."""
    return await asyncio.to_thread(_remove_unfinished, Path(str(store.prefix)), before) if isinstance(store, LocalStore) else 0


def _settle(folder: Path, key: str) -> None:
    for path in (folder / key, folder):
        opened = os.open(path, os.O_RDONLY)
        try:
            if path != folder:
                os.fchmod(opened, 0o600)
            os.fsync(opened)
        finally:
            os.close(opened)


def _remove_unfinished(folder: Path, before: datetime) -> int:
    count = 0
    for path in folder.glob("*#*"):  # as the store names what it has not finished
        with suppress(FileNotFoundError):
            if _OURS.fullmatch(path.name.partition("#")[0]) and path.stat().st_mtime < before.timestamp():
                path.unlink()
                count += 1
    return count
