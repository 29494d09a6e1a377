"""Downloading documents: who gets the bytes, until when, and with which headers."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import unquote

import pytest
from sqlalchemy import select

from app.models import Company, Contract, Document, DocumentStatus, Member, MemberStatus, Role, User
from tests.portal import NOBODY, Caller, Portal
from tests.world import World

URL = "query($id: ID!) { node(id: $id) { ... on Document { downloadUrl } } }"


@pytest.fixture(params=["sqlite"])
def backend(request: pytest.FixtureRequest) -> str:
    """The bytes lie beside the database, whichever it is."""
    return str(request.param)


async def signed_in(demo: Portal, company: Company, role: Role = Role.OWNER) -> Caller:
    users = select(User).join(Member, Member.user_id == User.id)
    found = await demo.fetch(users.where(Member.company_id == company.id, Member.role == role, Member.status == MemberStatus.ACTIVE))
    caller = await demo.person(found[0])
    switch = "mutation($id: ID!) { switchAccount(input: {companyId: $id}) { userErrors { code } } }"
    assert (await demo(switch, caller, id=company.public_id)).codes == []
    return caller


async def a_contract(demo: Portal) -> tuple[Company, Document]:
    """A contract's document and its company."""
    statement = select(Document).join(Contract, Contract.document_id == Document.id).where(Document.status == DocumentStatus.READY)
    document: Document = (await demo.fetch(statement.limit(1)))[0]
    [company] = await demo.fetch(select(Company).where(Company.id == document.company_id))
    return company, document


async def address(demo: Portal, document: Document, caller: Caller) -> str:
    reply = await demo(URL, caller, id=document.public_id)
    assert reply.errors == []
    found: str = reply.data["node"]["downloadUrl"]
    return found


async def fetch(demo: Portal, url: str, caller: Caller = NOBODY) -> Any:
    demo.http.cookies.clear()
    return await demo.http.get(url, headers=caller.headers)


async def test_the_caller_whom_the_address_was_made_for_gets_the_very_bytes(demo: Portal) -> None:
    company, document = await a_contract(demo)
    owner = await signed_in(demo, company)

    response = await fetch(demo, await address(demo, document, owner), owner)

    assert response.status_code == 200
    assert hashlib.sha256(response.content).hexdigest() == document.sha256
    assert len(response.content) == document.size
    assert response.content == (demo.settings.data_dir / "documents" / document.storage_key).read_bytes()


async def test_the_bytes_are_never_shown_within_our_origin(demo: Portal) -> None:
    company, document = await a_contract(demo)
    owner = await signed_in(demo, company)

    headers = (await fetch(demo, await address(demo, document, owner), owner)).headers

    disposition, _, name = headers["content-disposition"].partition("filename*=UTF-8''")
    assert (disposition, unquote(name)) == ("attachment; ", document.file_name)
    assert headers["content-type"] == document.content_type
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "private, no-store"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'; sandbox"
    assert len(headers["x-request-id"]) == 32


async def test_a_token_downloads_with_its_own_address(demo: Portal) -> None:
    company, document = await a_contract(demo)
    token, other = await demo.token(company, "CONTRACTS_READ"), await demo.token(company, "CONTRACTS_READ")
    url = await address(demo, document, token)

    assert (await fetch(demo, url, token)).status_code == 200
    assert (await fetch(demo, url, other)).status_code == 404


async def test_whoever_else_holds_the_address_gets_the_same_404(demo: Portal) -> None:
    company, document = await a_contract(demo)
    owner, colleague = await signed_in(demo, company), await signed_in(demo, company, Role.ADMIN)
    url = await address(demo, document, owner)
    unknown = url.replace(document.public_id, "doc_" + "0" * 32)

    tries = [(url, NOBODY), (url, colleague), (url, Caller({"Authorization": "Bearer x"})), (unknown, owner)]
    replies = [await fetch(demo, tried, caller) for tried, caller in tries]

    assert {reply.status_code for reply in replies} == {404}
    assert len({reply.text for reply in replies}) == 1


async def test_the_address_is_good_in_the_company_that_it_was_made_in(demo: Portal) -> None:
    company, document = await a_contract(demo)
    owner = await signed_in(demo, company)
    url = await address(demo, document, owner)
    [other, *_] = await demo.fetch(select(Company).where(Company.provider_id == company.provider_id, Company.id != company.id))

    await demo("mutation($id: ID!) { switchAccount(input: {companyId: $id}) { userErrors { code } } }", owner, id=other.public_id)

    assert (await fetch(demo, url, owner)).status_code == 404


async def test_the_address_expires_after_five_minutes(demo: Portal) -> None:
    company, document = await a_contract(demo)
    owner = await signed_in(demo, company)
    url = await address(demo, document, owner)

    demo.clock.advance(seconds=299)
    in_time = await fetch(demo, url, owner)
    demo.clock.advance(seconds=1)
    too_late = await fetch(demo, url, owner)

    assert (in_time.status_code, too_late.status_code) == (200, 404)


async def test_an_address_that_was_tampered_with_is_404(demo: Portal) -> None:
    company, document = await a_contract(demo)
    owner = await signed_in(demo, company)
    url = await address(demo, document, owner)
    plain, _, query = url.partition("?")
    expires, _, signature = query.partition("&")
    [other] = await demo.fetch(select(Document).where(Document.company_id == company.id, Document.id != document.id).limit(1))
    later = f"expires={int(expires.partition('=')[2]) + 60}"
    tampered = [
        plain,
        f"{plain}?{expires}",
        f"{plain}?{signature}",
        f"{plain}?{later}&{signature}",
        f"{plain}?expires=x&{signature}",
        f"{plain}?expires=٩&{signature}",
        f"{plain}?expires=-1&{signature}",
        f"{plain}?expires={'9' * 5000}&{signature}",
        f"{plain}?{expires}&signature=",
        f"{plain}?{expires}&signature=ü",
        f"{plain}?{expires}&{signature[:-1]}{'0' if signature[-1] != '0' else '1'}",
        f"{plain}?{expires}&{signature.upper()}",
        url.replace(document.public_id, other.public_id),
        url.replace(document.public_id, document.public_id.replace("doc_", "con_")),
        url.replace(document.public_id, "..%2f..%2fetc%2fpasswd"),
        url.replace(document.public_id, "x"),
    ]

    assert [(await fetch(demo, each, owner)).status_code for each in tampered] == [404] * len(tampered)
    assert (await fetch(demo, url, owner)).status_code == 200


async def test_a_document_that_waits_for_its_bytes_has_no_address(world: World) -> None:
    waiting = await world.document(status=DocumentStatus.AWAITING_UPLOAD)

    assert (await world.portal(URL, await world.person(), id=waiting.public_id)).data == {"node": {"downloadUrl": None}}


async def test_bytes_that_are_gone_are_503_without_a_word_of_where_they_were(world: World) -> None:
    document, owner = await world.document(), await world.person()

    url, english = await address(world.portal, document, owner), Caller({**owner.headers, "Accept-Language": "en"})
    response = await fetch(world.portal, url, english)

    assert response.status_code == 503
    assert response.text == "This document cannot be read just now.\n"
