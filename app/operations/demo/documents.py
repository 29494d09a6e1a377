"""The demo's contracts on paper: one page each, made here, kept where documents are kept."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from app.models import Company, Document, DocumentStatus
from app.operations.demo.world import World


def add_document(world: World, company: Company, at: datetime, lines: Sequence[str], name: str) -> Document:
    """A READY document that says these lines of ASCII. Its bytes wait in the world's files."""
    content = pdf(lines)
    document = Document(
        id=world.new_id(at),
        company_id=company.id,
        file_name=f"contract-{name}.pdf",
        content_type="application/pdf",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        status=DocumentStatus.READY,
        storage_key=f"{world.random.getrandbits(128):032x}",
        created_at=at,
    )
    world.files[document.storage_key] = content
    return world.add(document)


def add_awaited_document(world: World, company: Company, at: datetime) -> Document:
    """One whose bytes have not come yet."""
    announced = pdf(["Announced, never sent"])
    return world.add(
        Document(
            id=world.new_id(at),
            company_id=company.id,
            file_name="contract-signed.pdf",
            content_type="application/pdf",
            size=len(announced),
            sha256=hashlib.sha256(announced).hexdigest(),
            status=DocumentStatus.AWAITING_UPLOAD,
            storage_key=f"{world.random.getrandbits(128):032x}",
            created_at=at,
        )
    )


def write_files(files: Mapping[str, bytes], folder: Path) -> None:
    """Each content under its storage key, readable by the server's account alone. Blocks."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for key, content in files.items():
        path = folder / key
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)


def pdf(lines: Sequence[str]) -> bytes:
    """One A4 page with the lines, of plain ASCII, in a font that every reader has."""
    shown = "\n".join(f"({_escaped(line)}) Tj T*" for line in lines)
    text = f"BT /F1 12 Tf 18 TL 72 770 Td\n{shown}\nET"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< /Length {len(text)} >>\nstream\n{text}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    body, offsets = "%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(body))
        body += f"{number} 0 obj\n{content}\nendobj\n"
    # Each entry of the table of places has twenty bytes, its end of line included.
    places = "0000000000 65535 f \n" + "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    size = len(objects) + 1
    tail = f"xref\n0 {size}\n{places}trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF\n"
    return (body + tail).encode("ascii")


def _escaped(line: str) -> str:
    return line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
