"""A request read strictly: from a body of JSON or from an address, into what it asks for. Nothing is run here."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson
from starlette.requests import ClientDisconnect, Request

from app.auth.actor import Actor
from app.auth.permissions import Permission
from app.errors import BadRequest, Language
from app.settings import Settings
from app.web.json_depth import too_deep
from app.web.media import JSON
from app.words import said

METHODS = "GET, HEAD, POST, QUERY, OPTIONS"
_IN_A_THREAD = 200_000  # bytes
_HASH = re.compile(r"[0-9a-f]{64}")


class HttpError(Exception):
    """A request that is not GraphQL over HTTP: answered in plain text, with the headers that its status asks for."""

    def __init__(self, status: int, en: str, **more: Any) -> None:
        """In `more`, names in capitals are headers; the others fill the braces of the words."""
        super().__init__(en)
        self.status, self.en = status, en
        self.headers = {name.replace("_", "-"): value for name, value in more.items() if name[0].isupper()}
        self.values = {name: value for name, value in more.items() if not name[0].isupper()}

    def words(self, language: Language) -> str:
        return said(self.en, language, **self.values)


@dataclass(frozen=True)
class Asked:
    """One operation. Its document: as text, under the id of a registered one, or under its hash (with APQ the text may come along)."""

    query: str | None
    document_id: str | None
    hash: str | None
    variables: dict[str, Any] | None
    operation: str | None
    size: int = 0  # bytes of the request that it came in


def most_bytes(actor: Actor, settings: Settings) -> int:
    """How long a body the caller may send."""
    if actor.is_anonymous:
        return settings.most_bytes_anonymous
    return settings.most_bytes_reports if actor.may(Permission.REPORTS_WRITE) else settings.most_bytes


def from_address(request: Request, settings: Settings) -> Asked:
    """Of a GET. Raises HttpError, BadRequest."""
    # A page of another site can make a browser send this with its cookie; a browser says where it comes from.
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site not in ("none", "same-origin", None) or (site is None and origin is not None and origin != _origin(settings.public_url)):
        raise HttpError(403, "Queries by GET come from this site, or from a program.")
    if len(request.url.query) > settings.most_address_bytes:
        raise HttpError(414, "A query string has at most {most:,} bytes: send a POST.", most=settings.most_address_bytes)
    given: dict[str, Any] = {name: value for name, value in request.query_params.items() if value}
    for name in ("variables", "extensions"):
        if name in given:
            given[name] = _parsed(given[name].encode(), name, settings)
    return asked(given, len(request.url.query))


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


async def from_body(request: Request, most: int, settings: Settings) -> Asked | list[Asked]:
    """Of a POST or QUERY; a list is a batch. Raises HttpError, BadRequest."""
    content_type = ", ".join(request.headers.getlist("content-type")).lower()
    essence, _, parameters = content_type.partition(";")
    charset = re.search(r"charset=\"?([^\s;\"]+)", parameters)
    if essence.strip() != JSON or (charset and charset[1] not in ("utf-8", "utf8")):
        raise HttpError(415, "Send {media}, in UTF-8.", media=JSON, Accept=JSON, Accept_Query=JSON)
    if request.headers.get("content-encoding", "identity") != "identity":
        raise HttpError(415, "Send the body as it is, without a Content-Encoding.")
    try:
        async with asyncio.timeout(settings.arrival_seconds):
            body = await _body(request, most)
    except TimeoutError:
        raise HttpError(408, "The request took too long to arrive.", Connection="close") from None
    except ClientDisconnect:  # nobody reads this; it is no bug, and must not be logged as one
        raise HttpError(400, "The body did not arrive whole.", Connection="close") from None
    # A megabyte of brackets takes 50 ms.
    aside = asyncio.to_thread(_parsed, body, "body", settings) if len(body) > _IN_A_THREAD else None
    given = await aside if aside else _parsed(body, "body", settings)
    if not isinstance(given, list):
        return asked(given, len(body))
    if not 1 <= len(given) <= settings.most_batched:
        raise BadRequest(en="A batch has 1 to {most_batched} operations.", most_batched=settings.most_batched)
    return [asked(one, len(body)) for one in given]


async def _body(request: Request, most: int) -> bytes:
    announced = request.headers.get("content-length", "")
    size, chunks = int(announced) if announced.isdecimal() and len(announced) < 20 else 0, []
    if size <= most:
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > most:
                break
            chunks.append(chunk)
    if size > most:
        raise HttpError(413, "A request of yours has at most {most:,} bytes.", most=most, Connection="close")
    return b"".join(chunks)


def _parsed(text: bytes, what: str, settings: Settings) -> Any:
    if too_deep(text, settings.most_json_depth):
        raise HttpError(400, "The {what} is nested more than {most} deep.", what=what, most=settings.most_json_depth)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise HttpError(400, "The {what} is not JSON.", what=what) from None


def asked(given: Any, size: int) -> Asked:
    """What a decoded request asks for. Raises BadRequest."""
    if not isinstance(given, dict):
        raise BadRequest(en="A request is a JSON object.")
    query, document_id, name = (_text(given, key) for key in ("query", "documentId", "operationName"))
    variables, extensions = (_object(given, key) for key in ("variables", "extensions"))
    hash_ = _persisted_hash(extensions)
    if document_id and (query or hash_):
        raise BadRequest(en="Send a documentId or a query, not both.")
    if not query and not document_id and not hash_:
        raise BadRequest(en="A request has a `query`: the document, as a string.")
    return Asked(query, document_id, hash_, variables, name, size)


def _text(given: dict[str, Any], key: str) -> str | None:
    """None for what is missing, null or blank, which are the same."""
    value = given.get(key)
    if value is not None and not isinstance(value, str):
        raise BadRequest(en="`{key}` is a string.", key=key)
    return value if value and value.strip() else None


def _object(given: dict[str, Any], key: str) -> dict[str, Any] | None:
    value = given.get(key)
    if value is not None and not isinstance(value, dict):
        raise BadRequest(en="`{key}` is an object.", key=key)
    return value


def _persisted_hash(extensions: dict[str, Any] | None) -> str | None:
    if not extensions or (persisted := extensions.get("persistedQuery")) is None:
        return None
    found = persisted.get("sha256Hash") if isinstance(persisted, dict) and persisted.get("version") == 1 else None
    if not isinstance(found, str) or not _HASH.fullmatch(found.lower()):
        raise BadRequest(en="`extensions.persistedQuery` has version 1 and a sha256Hash of 64 hex digits.")
    return found.lower()
