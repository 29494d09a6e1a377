"""GraphQL over HTTP: a request read strictly, one operation run, an answer in the media type that was asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import OperationType
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from app.engine.answers import Answer, Refused, refusal
from app.engine.context import Context
from app.engine.execute import Executor
from app.errors import RequestError
from app.web.credentials import authenticate, clear_session_cookie
from app.web.language import asked_language

MOST_BYTES = 1_000_000
GRAPHQL, JSON = "application/graphql-response+json", "application/json"
_STATUS = {"parse": 400, "document": 422, "variables": 422}


class HttpError(Exception):
    """A request that is not GraphQL over HTTP: answered in plain text, with the headers that its status asks for."""

    def __init__(self, status: int, words: str, **headers: str) -> None:
        super().__init__(words)
        self.status, self.words, self.headers = status, words, headers


@dataclass(frozen=True)
class Asked:
    query: str
    variables: dict[str, Any] | None
    operation: str | None


async def graphql(request: Request) -> Response:
    """The endpoint: POST for any operation, GET for queries; a browser that asks for HTML is led to GraphiQL."""
    if request.method == "GET" and "query" not in request.query_params and "text/html" in request.headers.get("accept", ""):
        return RedirectResponse("/graphiql", 303)
    try:
        media_type = _media_type(request.headers.get("accept"))
        asked = _from_url(request) if request.method == "GET" else await _from_body(request)
    except HttpError as error:
        return PlainTextResponse(error.words + "\n", error.status, headers=error.headers)
    return await _answer(request, asked, media_type)


async def _answer(request: Request, asked: Asked, media_type: str) -> Response:
    state = request.app.state
    spoken = asked_language(request.headers.get("accept-language"))
    try:
        actor = await authenticate(request, state.database, state.settings, state.clock())
    except RequestError as error:
        language = spoken or state.settings.default_language
        headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
        return _json(refusal(error, language), error.status, media_type, headers)
    language = spoken or actor.language or state.settings.default_language
    context = Context(state.database, state.settings, actor, language, state.clock(), request.state.request_id)
    executor: Executor = state.executor
    if request.method == "GET" and _is_mutation(executor, asked):
        return PlainTextResponse("Send mutations with POST.\n", 405, headers={"Allow": "POST"})
    answer = await executor.execute(asked.query, asked.variables, asked.operation, context)
    response = _json(answer.body, _status(answer, media_type), media_type, {"Content-Language": language})
    if context.signals.get("logged_out"):
        clear_session_cookie(response, state.settings)
    return response


def _status(answer: Answer, media_type: str) -> int:
    if answer.refusal:
        return _STATUS[answer.refusal]
    if answer.data is None:
        return 200 if media_type == JSON else 294
    return 294 if answer.errors and media_type == GRAPHQL else 200


def _json(body: Any, status: int, media_type: str, headers: dict[str, str]) -> Response:
    headers = {**headers, "Cache-Control": "private, no-store", "Vary": "Accept, Accept-Language, Authorization, Cookie, Sp-Token"}
    return Response(orjson.dumps(body), status, headers, f"{media_type}; charset=utf-8")


def _is_mutation(executor: Executor, asked: Asked) -> bool:
    try:
        return executor.operation(asked.query, asked.operation).kind is OperationType.MUTATION
    except Refused:
        return False


# ---- reading the request -------------------------------------------------------------------------------------------------


def _media_type(accept: str | None) -> str:
    """The better liked of the two media types. Raises HttpError 406 where neither is."""
    if not accept or not accept.strip():
        return GRAPHQL
    liked: dict[str, tuple[bool, float]] = {GRAPHQL: (False, 0.0), JSON: (False, 0.0)}  # whether named, how much liked
    for item in accept.lower().split(",")[:50]:
        type_, *parameters = (part.strip() for part in item.split(";"))
        found = next((parameter[2:] for parameter in parameters if parameter.startswith("q=")), "1")
        quality = float(found) if re.fullmatch(r"[01](\.\d{0,3})?", found) else 0.0
        exact = type_ in liked
        for known in [type_] if exact else liked if type_ in ("*/*", "application/*") else []:
            # What is said of a type by its name counts, whatever the wildcards say.
            liked[known] = max(liked[known], (exact, quality - (0 if exact else 1e-4)))
    best = max(liked, key=lambda known: liked[known][1])
    if liked[best][1] <= 0:
        raise HttpError(406, f"Accept {GRAPHQL} or {JSON}.")
    return best


def _from_url(request: Request) -> Asked:
    # A page of another site can make a browser send this with its cookie; a browser says where it comes from.
    if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise HttpError(403, "Queries by GET come from this site, or from a program.")
    given: dict[str, Any] = dict(request.query_params)
    for name in ("variables", "extensions"):
        if text := given.pop(name, ""):
            given[name] = _parsed(text.encode(), name)
    return _asked({name: value for name, value in given.items() if value != ""})


async def _from_body(request: Request) -> Asked:
    content_type = request.headers.get("content-type", "").lower()
    essence, _, parameters = content_type.partition(";")
    charset = re.search(r"charset=\"?([^\s;\"]+)", parameters)
    if essence.strip() != JSON or (charset and charset[1] not in ("utf-8", "utf8")):
        raise HttpError(415, f"Send {JSON}, in UTF-8.", Accept=JSON)
    if request.headers.get("content-encoding", "identity") != "identity":
        raise HttpError(415, "Send the body as it is, without a Content-Encoding.")
    return _asked(_parsed(await _body(request), "body"))


async def _body(request: Request) -> bytes:
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MOST_BYTES:
            raise HttpError(413, f"A request has at most {MOST_BYTES:,} bytes.", Connection="close")
        chunks.append(chunk)
    return b"".join(chunks)


def _parsed(text: bytes, what: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise HttpError(400, f"The {what} is not JSON.") from None


def _asked(given: Any) -> Asked:
    if not isinstance(given, dict):
        raise HttpError(422, "A request is a JSON object.")
    query, variables, name = (given.get(key) for key in ("query", "variables", "operationName"))
    if not isinstance(query, str) or not query.strip():
        raise HttpError(422, "A request has a `query`: the document, as a string.")
    if variables is not None and not isinstance(variables, dict):
        raise HttpError(422, "`variables` is an object.")
    if name is not None and not isinstance(name, str):
        raise HttpError(422, "`operationName` is a string.")
    if given.get("extensions") is not None and not isinstance(given["extensions"], dict):
        raise HttpError(422, "`extensions` is an object.")
    return Asked(query, variables, name or None)
