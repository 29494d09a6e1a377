"""Uploading documents: announcing one, sending its bytes, attaching it; and what is swept."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from typer.testing import CliRunner

from app.cli import app
from app.models import Document, DocumentStatus, Role
from app.operations.document import TRANSITIONS, Swept, sweep_documents
from tests.conftest import Templates
from tests.portal import NOBODY, Caller, Portal, Reply, portal_on
from tests.world import World, make_world

PDF = b"%PDF-1.7\n" + b"1 0 obj << /Type /Catalog >> endobj\n" * 40 + b"%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(200)
JPEG = b"\xff\xd8\xff\xe0" + bytes(200)

CREATE = """mutation($input: CreateDocumentUploadInput!) { createDocumentUpload(input: $input) {
  document { id fileName contentType size sha256 status downloadUrl } uploadUrl uploadHeaders { name value } expiresAt
  userErrors { code path message } } }"""
ATTACH = """mutation($c: ID!, $d: ID!, $v: Int, $only: Boolean! = false) {
  attachContractDocument(input: {contractId: $c, documentId: $d, version: $v, validateOnly: $only}) {
  contract { version document { id status } } userErrors { code path } } }"""


@pytest.fixture(params=["sqlite"])
def backend(request: pytest.FixtureRequest) -> str:
    """What the databases have of their own here, the lock and the second wall, is asked for by name."""
    return str(request.param)


both = pytest.mark.parametrize("backend", ["sqlite", "postgresql"])


@dataclass
class Announced:
    id: str
    url: str
    headers: dict[str, str]


def about(content: bytes = PDF, **values: Any) -> dict[str, Any]:
    """The input that announces these bytes."""
    kind = {b"\x89": "image/png", b"\xff": "image/jpeg"}.get(content[:1], "application/pdf")
    told = {"fileName": "عقد 7.pdf", "contentType": kind, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return told | values


async def create(portal: Portal, caller: Caller, **input_: Any) -> Reply:
    return await portal(CREATE, caller, input=input_)


async def announce(world: World, caller: Caller | None = None, content: bytes = PDF, **values: Any) -> Announced:
    reply = await create(world.portal, caller or await world.person(), **about(content, **values))
    assert reply.codes == []
    made = reply.data["createDocumentUpload"]
    headers = {header["name"]: header["value"] for header in made["uploadHeaders"]}
    return Announced(made["document"]["id"], made["uploadUrl"], headers)


async def put(portal: Portal, url: str, content: Any = PDF, headers: dict[str, str] | None = None, language: str = "en") -> tuple[int, str]:
    """The status and the code of the answer."""
    sent = {"Accept-Language": language, **(headers or {"Content-Type": "application/pdf"})}
    response = await portal.http.put(url, content=content, headers=sent)
    answer = response.json()
    if response.status_code != 201:
        assert set(answer) == {"code", "message", "retryable"}
        assert response.headers["connection"] == "close"
    return response.status_code, answer.get("code") or answer["status"]


async def stored(world: World, made: Announced) -> Document:
    row: Document
    [row] = [each for each in await world.portal.fetch(select(Document)) if each.public_id == made.id]
    return row


async def files(portal: Portal) -> set[str]:
    folder = portal.settings.data_dir / "documents"
    return await asyncio.to_thread(lambda: {path.name for path in folder.iterdir()} if folder.exists() else set())


# ---- the whole way ----------------------------------------------------------------------------------------------------------


@both
async def test_a_document_goes_from_its_announcement_to_the_contract_and_back(world: World) -> None:
    owner, contract = await world.person(), await world.contract()
    reply = await create(world.portal, owner, **about(sha256=about()["sha256"].upper(), contentType=" Application/PDF "))
    made = reply.data["createDocumentUpload"]
    url = made.pop("uploadUrl")
    id_ = made["document"].pop("id")
    assert made == {
        "document": {**about(), "status": "AWAITING_UPLOAD", "downloadUrl": None},
        "uploadHeaders": [{"name": "Content-Type", "value": "application/pdf"}],
        "expiresAt": "2026-11-22T09:15:00Z",
        "userErrors": [],
    }
    early = await world.portal(ATTACH, owner, c=contract.public_id, d=id_)

    assert await put(world.portal, url) == (201, "READY")
    only = await world.portal(ATTACH, owner, c=contract.public_id, d=id_, only=True)
    attached = [await world.portal(ATTACH, owner, c=contract.public_id, d=id_) for _ in range(2)]

    assert (early.codes, early.paths) == (["UPLOAD_INCOMPLETE"], [["input", "documentId"]])
    assert only.data["attachContractDocument"]["contract"] == {"version": 1, "document": None}
    assert [reply.data["attachContractDocument"] for reply in attached] == [
        {"contract": {"version": 2, "document": {"id": id_, "status": "READY"}}, "userErrors": []}
    ] * 2
    assert await world.events() == [(1, "DOCUMENT_ATTACHED")]
    asked = await world.portal("query($id: ID!) { node(id: $id) { ... on Document { downloadUrl } } }", owner, id=id_)
    downloaded = await world.portal.http.get(asked.data["node"]["downloadUrl"], headers={**owner.headers, "Range": "bytes=0-3"})
    assert (downloaded.status_code, downloaded.content) == (200, PDF)


async def test_no_document_lies_in_memory_while_its_reader_takes_time(world: World) -> None:
    owner, content, taken = await world.person(), PDF + bytes(3_000_000), bytearray()
    made = await announce(world, owner, content)
    await put(world.portal, made.url, content)
    reply = await world.portal("query($id: ID!) { node(id: $id) { ... on Document { downloadUrl } } }", owner, id=made.id)
    path, _, query = reply.data["node"]["downloadUrl"].removeprefix(world.portal.settings.public_url).partition("?")
    headers = [(name.lower().encode(), value.encode()) for name, value in owner.headers.items()]
    scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": query.encode(), "headers": headers}

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        assert len(message.get("body", b"")) < 1_000_000
        taken.extend(message.get("body", b""))

    await world.portal.app(scope | {"client": ("127.0.0.1", 1), "root_path": ""}, receive, send)

    assert bytes(taken) == content


async def test_what_is_downloaded_is_named_as_what_it_is(world: World) -> None:
    owner, saved = await world.person(), {}
    for content, name in [(PNG, "x.png"), (JPEG, "x.jpeg"), (PDF, "page.html"), (JPEG, "y.pdf"), (PDF, "X.PDF")]:
        made = await announce(world, owner, content, fileName=name)
        assert await put(world.portal, made.url, content, made.headers) == (201, "READY")
        asked = await world.portal("query($id: ID!) { node(id: $id) { ... on Document { downloadUrl } } }", owner, id=made.id)
        headers = (await world.portal.http.get(asked.data["node"]["downloadUrl"], headers=owner.headers)).headers
        assert headers["content-type"] == made.headers["Content-Type"]
        saved[name] = headers["content-disposition"].rpartition("''")[2]

    assert saved == {"x.png": "x.png", "x.jpeg": "x.jpeg", "page.html": "page.html.pdf", "y.pdf": "y.pdf.jpg", "X.PDF": "X.PDF"}


# ---- announcing ---------------------------------------------------------------------------------------------------------------


WRONG: list[tuple[str, str, list[Any]]] = [
    ("fileName", "VALIDATION_FAILED", ["", "  ", "../x.pdf", "a/b.pdf", "C:\\x.pdf", "..", ".", "x\n.pdf", "x\t.pdf"]),
    ("fileName", "VALIDATION_FAILED", ["x\x00.pdf", "x\u202efdp.exe", "x" * 201, "x\u2066.pdf"]),
    ("contentType", "FILE_TYPE_NOT_ALLOWED", ["", "text/html", "image/svg+xml", "application/pdf; x=y", "pdf", "٣"]),
    ("size", "VALIDATION_FAILED", [0, -1, -(2**31)]),
    ("size", "FILE_TOO_LARGE", [10_485_761, 2**31 - 1]),
    ("sha256", "VALIDATION_FAILED", ["", "0" * 63, "0" * 65, "g" * 64, "' OR 1=1 --"]),
]


async def test_what_may_not_be_announced_is_told_with_its_path_and_written_nowhere(world: World) -> None:
    owner = await world.person()

    for field, code, values in WRONG:
        for value in values:
            reply = await create(world.portal, owner, **about(**{field: value}))
            assert (reply.codes, reply.paths) == ([code], [["input", field]]), (field, value)
            made = reply.data["createDocumentUpload"]
            assert (made["document"], made["uploadUrl"], made["uploadHeaders"], made["expiresAt"]) == (None, None, [], None)

    assert await world.portal.fetch(select(func.count()).select_from(Document)) == [0]


async def test_all_that_is_wrong_is_told_at_once_and_a_trial_writes_nothing(world: World) -> None:
    owner = await world.person()

    wrong = await create(world.portal, owner, **about(fileName="/", contentType="x", size=0, sha256="x"))
    trial = await create(world.portal, owner, **about(validateOnly=True))

    assert wrong.codes == ["VALIDATION_FAILED", "FILE_TYPE_NOT_ALLOWED", "VALIDATION_FAILED", "VALIDATION_FAILED"]
    assert trial.data["createDocumentUpload"] == {
        "document": None, "uploadUrl": None, "uploadHeaders": [], "expiresAt": None, "userErrors": [],
    }  # fmt: skip
    assert await world.portal.fetch(select(func.count()).select_from(Document)) == [0]


@both
async def test_a_company_has_so_many_documents_that_are_attached_to_nothing(backend: str, templates: Templates) -> None:
    url, data = await asyncio.to_thread(templates.copy, backend, "blank")
    async with portal_on(url, data, most_uploads=2) as portal:
        world = await make_world(portal)
        owner, other, contract = await world.person(), await world.intruder(), await world.contract()
        first = await announce(world, owner)
        await announce(world, owner)
        full = await create(portal, owner, **about())
        elsewhere = await create(portal, other, **about())
        # One that is attached counts no more; neither does one whose address has expired unused.
        assert await put(portal, first.url) == (201, "READY")
        still = await create(portal, owner, **about())
        assert (await portal(ATTACH, owner, c=contract.public_id, d=first.id)).codes == []
        after = await create(portal, owner, **about())
        portal.clock.advance(seconds=901)
        later = await create(portal, owner, **about())
    templates.drop(url)

    assert [reply.codes for reply in (full, elsewhere, still, after, later)] == [["LIMIT_REACHED"], [], ["LIMIT_REACHED"], [], []]


async def test_a_number_of_another_company_is_no_more_known_than_one_that_nobody_has(world: World) -> None:
    owner = await world.person()
    own, other = (f"{company.labor_office_id}-{company.sequence_number}" for company in (world.north, world.south))

    replies = [await create(world.portal, owner, **about(companyNumber=number)) for number in (own, other, "9-999999", "x")]

    assert [reply.codes for reply in replies] == [[], ["NOT_FOUND"], ["NOT_FOUND"], ["VALIDATION_FAILED"]]


# ---- sending ------------------------------------------------------------------------------------------------------------------


async def in_pieces(content: bytes, size: int = 1, pause: float = 0) -> AsyncIterator[bytes]:
    """Without a Content-Length, as a chunked body comes."""
    for start in range(0, len(content), size):
        await asyncio.sleep(pause)
        yield content[start : start + size]


HTML = b"<html><script>alert(1)</script>"
HOSTILE: dict[str, tuple[Any, tuple[int, str]]] = {
    "a page called a PDF": (HTML.ljust(len(PDF)), (415, "FILE_TYPE_NOT_ALLOWED")),
    "a page with a PDF within": ((HTML + PDF)[: len(PDF)], (415, "FILE_TYPE_NOT_ALLOWED")),
    "a picture": (PNG.ljust(len(PDF)), (415, "FILE_TYPE_NOT_ALLOWED")),
    "a picture, byte by byte": (lambda: in_pieces(PNG.ljust(len(PDF))), (415, "FILE_TYPE_NOT_ALLOWED")),
    "a space before it": (b" " + PDF[:-1], (415, "FILE_TYPE_NOT_ALLOWED")),
    "one bit changed": (PDF[:-1] + b"\x0b", (422, "CHECKSUM_MISMATCH")),
    "one byte more": (PDF + b"x", (413, "FILE_TOO_LARGE")),
    "endless, without a length": (lambda: in_pieces(PDF * 10_000, 65_536), (413, "FILE_TOO_LARGE")),
    "one byte less": (PDF[:-1], (422, "UPLOAD_INCOMPLETE")),
    "one byte less, without a length": (lambda: in_pieces(PDF[:-1], 100), (422, "UPLOAD_INCOMPLETE")),
    "nothing": (b"", (422, "UPLOAD_INCOMPLETE")),
    "nothing, without a length": (lambda: in_pieces(b""), (415, "FILE_TYPE_NOT_ALLOWED")),
}


async def test_bytes_that_were_not_announced_are_refused_and_the_right_ones_may_still_come(world: World) -> None:
    made = await announce(world)

    answers = {
        case: await put(world.portal, made.url, content() if callable(content) else content) for case, (content, _) in HOSTILE.items()
    }

    assert answers == {case: expected for case, (_, expected) in HOSTILE.items()}
    assert (await stored(world, made)).status == DocumentStatus.AWAITING_UPLOAD
    assert await files(world.portal) == set()
    assert await put(world.portal, made.url, in_pieces(PDF)) == (201, "READY")


async def test_what_the_headers_tell_must_agree(world: World) -> None:
    made = await announce(world)
    wrong = [
        ({"Content-Type": "text/html"}, (415, "FILE_TYPE_NOT_ALLOWED")),
        ({"Content-Type": "application/x-www-form-urlencoded"}, (415, "FILE_TYPE_NOT_ALLOWED")),
        ({"Content-Encoding": "gzip"}, (415, "FILE_TYPE_NOT_ALLOWED")),
        ({"Content-Length": "99999999999999999999"}, (413, "FILE_TOO_LARGE")),
    ]

    assert [await put(world.portal, made.url, PDF, headers) for headers, _ in wrong] == [expected for _, expected in wrong]
    assert await put(world.portal, made.url, PDF, {"Content-Type": "Application/PDF; x=y"}) == (201, "READY")
    assert await put(world.portal, (await announce(world)).url, PDF, {"X": "no type told"}) == (201, "READY")


async def test_an_address_takes_its_bytes_once_and_they_never_change(world: World) -> None:
    made = await announce(world)
    await put(world.portal, made.url)
    key = (await stored(world, made)).storage_key

    again = [await put(world.portal, made.url, content) for content in (PDF, PDF[:-1] + b"\x0b", HTML)]

    assert again == [(409, "ALREADY_UPLOADED")] * 3
    assert (world.portal.settings.data_dir / "documents" / key).read_bytes() == PDF
    assert await files(world.portal) == {key}


@both
async def test_of_many_who_send_at_once_one_wins(world: World) -> None:
    made = await announce(world)

    answers = await asyncio.gather(*(put(world.portal, made.url, in_pieces(PDF, 100)) for _ in range(8)))

    assert sorted(answers)[:1] == [(201, "READY")]
    assert set(answers) <= {(201, "READY"), (409, "ALREADY_UPLOADED"), (429, "UPLOAD_IN_PROGRESS")}
    assert answers.count((201, "READY")) == 1
    assert len(await files(world.portal)) == 1


async def test_an_address_ends_and_one_that_was_changed_is_none(world: World) -> None:
    made, other = await announce(world), await announce(world, await world.intruder())
    plain, _, query = made.url.partition("?")
    account, expires, signature = query.split("&")
    their_account, _, their_signature = other.url.partition("?")[2].split("&")
    tampered = [
        plain,
        f"{plain}?{expires}&{signature}",
        f"{plain}?{account}&{signature}",
        f"{plain}?{account}&{expires}",
        f"{plain}?{account}&{expires[:-1]}9&{signature}",
        f"{plain}?{account}&expires=٩&{signature}",
        f"{plain}?{account}&expires={'9' * 5000}&{signature}",
        f"{plain}?{account}&{expires}&signature=ü",
        f"{plain}?{account}&{expires}&signature={signature[10:].upper()}",
        f"{plain}?{their_account}&{expires}&{signature}",
        f"{plain}?{their_account}&{expires}&{their_signature}",
        f"{plain}?account={'z' * 32}&{expires}&{signature}",
        made.url.replace(made.id, other.id),
        made.url.replace(made.id, made.id.replace("doc_", "con_")),
        made.url.replace(made.id, "x"),
    ]

    refused = [await put(world.portal, url) for url in tampered]
    arabic = await world.portal.http.put(plain, content=PDF, headers={"Accept-Language": "ar"})
    world.portal.clock.advance(seconds=900)
    late = await put(world.portal, made.url)

    assert refused == [(403, "SIGNATURE_INVALID")] * len(tampered)
    assert (arabic.headers["content-language"], "createDocumentUpload" in arabic.json()["message"]) == ("ar", True)
    assert late == (410, "UPLOAD_EXPIRED")
    assert await files(world.portal) == set()


async def test_a_download_address_takes_no_bytes_and_an_upload_address_gives_none(world: World) -> None:
    made, owner = await announce(world), await world.person()
    await put(world.portal, made.url)
    asked = await world.portal("query($id: ID!) { node(id: $id) { ... on Document { downloadUrl } } }", owner, id=made.id)

    assert await put(world.portal, asked.data["node"]["downloadUrl"]) == (403, "SIGNATURE_INVALID")
    assert (await world.portal.http.get(made.url, headers=owner.headers)).status_code == 404
    assert (await world.portal.http.request("POST", made.url)).status_code == 405


async def test_bytes_that_come_too_slowly_are_not_waited_for(backend: str, templates: Templates) -> None:
    url, data = await asyncio.to_thread(templates.copy, backend, "blank")
    async with portal_on(url, data, upload_arrival_seconds=0.05) as portal:
        world = await make_world(portal)
        made = await announce(world)

        assert await put(portal, made.url, in_pieces(PDF, 100, 0.02)) == (408, "UPLOAD_TOO_SLOW")
        assert await put(portal, made.url) == (201, "READY")
    templates.drop(url)


async def test_where_the_store_fails_the_document_waits_on(world: World) -> None:
    made = await announce(world)
    folder = world.portal.settings.data_dir / "documents"
    await asyncio.to_thread(folder.rename, folder.with_name("gone"))
    await asyncio.to_thread(folder.write_text, "not a folder")

    failed = await put(world.portal, made.url)
    await asyncio.to_thread(folder.unlink)
    await asyncio.to_thread(folder.with_name("gone").rename, folder)

    assert failed == (503, "UNAVAILABLE")
    assert (await stored(world, made)).status == DocumentStatus.AWAITING_UPLOAD
    assert await put(world.portal, made.url) == (201, "READY")


# ---- attaching ----------------------------------------------------------------------------------------------------------------


async def test_what_cannot_be_attached(world: World) -> None:
    owner, day = await world.person(), world.today
    contract, document = await world.contract(), await world.document()
    theirs, their_contract = await world.document(world.south), await world.contract(world.south)
    shown, invited = await world.document(), await world.document()
    await world.contract(document_id=shown.id)
    await world.invitation(document_id=invited.id)
    over = await world.contract(starts_on=day - timedelta(days=9), ends_on=day - timedelta(days=1))
    ended = await world.contract(terminated_at=world.portal.clock())

    async def codes(contract_id: str, document_id: str, version: int | None = None) -> list[str]:
        return (await world.portal(ATTACH, owner, c=contract_id, d=document_id, v=version)).codes

    assert await codes(contract.public_id, theirs.public_id) == ["NOT_FOUND"]
    assert await codes(contract.public_id, "doc_" + "0" * 32) == ["NOT_FOUND"]
    assert await codes(their_contract.public_id, document.public_id) == ["NOT_FOUND"]
    assert await codes(document.public_id, contract.public_id) == ["NOT_FOUND"]
    assert await codes(contract.public_id, document.public_id, 2) == ["VERSION_CONFLICT"]
    assert await codes(over.public_id, document.public_id) == ["CONTRACT_NOT_ACTIVE"]
    assert await codes(ended.public_id, document.public_id) == ["CONTRACT_NOT_ACTIVE"]
    assert await codes(contract.public_id, shown.public_id) == ["ILLEGAL_TRANSITION"]
    assert await codes(contract.public_id, invited.public_id) == ["ILLEGAL_TRANSITION"]
    assert (await world.now_of(contract)).document_id is None
    assert await world.events() == []


async def test_a_contract_that_is_to_begin_takes_another_document_and_its_invitations_stays(world: World) -> None:
    owner, sent, own = await world.person(), await world.document(), await world.document()
    invitation = await world.invitation(document_id=sent.id)
    begins = world.today + timedelta(days=5)
    contract = await world.contract(starts_on=begins, invitation_id=invitation.id, document_id=sent.id)

    replies = [await world.portal(ATTACH, owner, c=contract.public_id, d=each.public_id) for each in (own, sent)]

    assert [reply.codes for reply in replies] == [[], []]
    assert (await world.now_of(invitation)).document_id == sent.id
    assert [name for _, name in await world.events()] == ["DOCUMENT_ATTACHED"] * 2


# ---- the sweep ----------------------------------------------------------------------------------------------------------------


@both
async def test_what_nobody_attached_within_a_day_is_swept_with_its_bytes_and_nothing_else(world: World) -> None:
    portal, owner, contract = world.portal, await world.person(), await world.contract()
    made = [await announce(world, owner) for _ in range(4)]
    sent = await announce(world, await world.intruder(), PNG)
    for each in made[1:]:
        assert await put(portal, each.url) == (201, "READY")
    assert await put(portal, sent.url, PNG, sent.headers) == (201, "READY")
    for each in made[2:]:  # the second of them takes the first one's place, which is kept all the same
        assert (await portal(ATTACH, owner, c=contract.public_id, d=each.id)).codes == []
    sent_row = await stored(world, sent)
    await world.invitation(world.south, document_id=sent_row.id)
    store, folder = portal.app.state.documents, portal.settings.data_dir / "documents"
    for name in ("f" * 32, "f" * 31 + "e#1", "README"):  # without a row; half written; somebody else's
        await asyncio.to_thread((folder / name).write_bytes, b"%PDF-")
    began = max(datetime.now(UTC), portal.clock())
    kept = {(await stored(world, each)).storage_key for each in (*made[2:], sent)}

    too_early = await sweep_documents(portal.database, store, now=min(datetime.now(UTC), portal.clock()) + timedelta(hours=23))
    swept = await asyncio.gather(*(sweep_documents(portal.database, store, now=began + timedelta(hours=25)) for _ in range(3)))

    assert too_early == Swept(0, 0)
    assert sum(each.documents for each in swept) == 2
    # One of them may come upon the bytes of a document that another one has just forgotten.
    assert max(each.files for each in swept) in (2, 3)
    assert {row.public_id for row in await portal.fetch(select(Document))} == {made[2].id, made[3].id, sent.id}
    assert await files(portal) == {*kept, "README"}
    assert await sweep_documents(portal.database, store, now=began + timedelta(hours=25)) == Swept(0, 0)
    assert await put(portal, made[0].url) == (410, "UPLOAD_EXPIRED")


async def test_the_demos_documents_stay_but_for_those_never_sent(demo: Portal) -> None:
    documents = select(func.count()).select_from(Document)
    [before], held = await demo.fetch(documents), await files(demo)
    [never_sent] = await demo.fetch(documents.where(Document.status == DocumentStatus.AWAITING_UPLOAD))

    await sweep_documents(demo.database, demo.app.state.documents, now=demo.clock() + timedelta(days=400))

    assert never_sent > 0
    assert (await demo.fetch(documents), await files(demo)) == ([before - never_sent], held)


# ---- who may ------------------------------------------------------------------------------------------------------------------


async def test_who_may_not_write_contracts_announces_nothing(world: World) -> None:
    member, token = await world.person(Role.MEMBER), await world.portal.token(world.north, "CONTRACTS_READ")

    assert [(await create(world.portal, each, **about())).codes for each in (member, token, NOBODY)] == [
        ["FORBIDDEN"], ["FORBIDDEN"], ["UNAUTHENTICATED"],
    ]  # fmt: skip


@both
async def test_the_gateway_sends_a_companys_document_along_with_an_invitation(world: World) -> None:
    gateway, portal = await world.portal.gateway(), world.portal
    number = f"{world.south.labor_office_id}-{world.south.sequence_number}"
    deliver = """mutation($d: ID!, $n: EstablishmentNumber!) { deliverInvitation(input: {companyNumber: $n, establishmentNumber: "11-77",
      establishmentNameAr: "منشأة", documentId: $d}) { invitation { document { id status downloadUrl } } userErrors { code path } } }"""

    nobodys = [await create(portal, gateway, **about(), **values) for values in ({}, {"companyNumber": "9-999999"})]
    made = (await create(portal, gateway, **about(companyNumber=number))).data["createDocumentUpload"]
    early = await portal(deliver, gateway, d=made["document"]["id"], n=number)
    sent = await put(portal, made["uploadUrl"])
    elsewhere = await portal(deliver, gateway, d=made["document"]["id"], n=f"{world.north.labor_office_id}-{world.north.sequence_number}")
    delivered = await portal(deliver, gateway, d=made["document"]["id"], n=number)
    await sweep_documents(portal.database, portal.app.state.documents, now=datetime.now(UTC) + timedelta(days=400))

    assert [(reply.codes, reply.paths) for reply in nobodys] == [
        (["VALIDATION_FAILED"], [["input", "companyNumber"]]), (["NOT_FOUND"], [["input", "companyNumber"]]),
    ]  # fmt: skip
    assert (early.codes, sent, elsewhere.codes) == (["UPLOAD_INCOMPLETE"], (201, "READY"), ["NOT_FOUND"])
    # Where its bytes are is for the company to know.
    document = {"id": made["document"]["id"], "status": "READY", "downloadUrl": None}
    assert delivered.data["deliverInvitation"] == {"invitation": {"document": document}, "userErrors": []}
    asked = await portal("query($id: ID!) { node(id: $id) { ... on Document { downloadUrl } } }", await world.intruder(), id=document["id"])
    response = await portal.http.get(asked.data["node"]["downloadUrl"], headers=(await world.intruder()).headers)
    assert (response.status_code, response.content) == (200, PDF)


def test_the_command_tells_what_it_swept(templates: Templates, monkeypatch: pytest.MonkeyPatch) -> None:
    url, data = templates.copy("sqlite", "blank")
    monkeypatch.setenv("TELEWORK_DATABASE_URL", url)
    monkeypatch.setenv("TELEWORK_DATA_DIR", str(data))
    litter = data / "documents" / ("a" * 32)
    litter.parent.mkdir()
    litter.write_bytes(b"%PDF-")
    os.utime(litter, (0, 0))

    swept = [CliRunner().invoke(app, ["sweep"]).output for _ in range(2)]

    assert swept == ["0 documents, 1 files without one\n", "0 documents, 0 files without one\n"]


@pytest.mark.parametrize("state", list(DocumentStatus))
async def test_a_documents_states_go_as_the_table_says(world: World, state: DocumentStatus) -> None:
    made = await announce(world)
    await world.alter(await stored(world, made), status=state)

    answer = await put(world.portal, made.url)

    assert answer == ((201, "READY") if DocumentStatus.READY in TRANSITIONS[state] else (409, "ALREADY_UPLOADED"))
    assert (await stored(world, made)).status == DocumentStatus.READY
