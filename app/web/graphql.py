"""GraphQL over HTTP: who asks, what they may spend, one operation or several run, an answer in the media type that was asked for."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from app.auth.actor import ANONYMOUS, Actor
from app.engine.answers import STATUS, Refused, formatted, refusal
from app.engine.context import Charge, Context
from app.engine.cost import written_cost
from app.engine.execute import Executor, Prepared
from app.errors import BadRequest, IdempotencyInProgress, Language, RateLimited, RequestError, TooManyAttempts
from app.settings import Settings
from app.web.credentials import authenticate, clear_session_cookie, renewed_secret, set_session_cookie
from app.web.idempotency import idempotency_key
from app.web.language import asked_language
from app.web.media import GRAPHQL, JSON, media_type, packed
from app.web.rates import Caller, Rates, Standing
from app.web.requests import METHODS, Asked, HttpError, from_address, from_body, most_bytes

VARY = "Accept, Accept-Encoding, Accept-Language, Authorization, Cookie, Sp-Token"
QUICK, LARGE = 2000, 50_000  # characters of a new document, bytes of a request, that are read within 5 ms or so
COLD = 10  # points held while a document is read for the first time; kept where it turns out to be none


class GraphQLEndpoint:
    """The endpoint, as an ASGI application: Starlette's own wrapping costs as much as a point query's SQL."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await _respond(Request(scope, receive))
        await response(scope, receive, send)


async def _respond(request: Request) -> Response:
    if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
        asks = {"query", "documentId", "extensions"} & request.query_params.keys()
        if not asks:
            return RedirectResponse("/graphiql", 303)
    visit = Visit(request)
    try:
        response = await visit.answer()
    except HttpError as error:
        said = {"Vary": VARY, "Content-Language": visit.language, **error.headers}
        response = PlainTextResponse(error.words(visit.language) + "\n", error.status, headers=said)
    except RequestError as error:
        response = visit.refused(error)
    if visit.secret and not visit.logged_out:
        # On refusals too: the old one ends in a moment.
        set_session_cookie(response, visit.settings, visit.secret)
    told = {**visit.told, **await visit.rate_headers()}
    response.raw_headers += [(name.lower().encode(), value.encode()) for name, value in told.items()]
    return response


class Head(Headers):
    """Headers that are read once: Starlette's look through all of them at each question."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope=scope)
        self._pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self._list]
        self._first = dict(reversed(self._pairs))

    def get(self, key: str, default: Any = None) -> Any:
        """`key` in lower case, here and below."""
        return self._first.get(key, default)

    def getlist(self, key: str) -> list[str]:
        return [value for name, value in self._pairs if name == key] if key in self._first else []


@dataclass(frozen=True)
class Outcome:
    """One operation's part of the answer."""

    status: int
    body: bytes


class Visit:
    """One request."""

    def __init__(self, request: Request) -> None:
        state = request.app.state
        self.request, self.state = request, state
        request._headers = Head(scope=request.scope)
        self.settings: Settings = state.settings
        self.rates: Rates = state.rates
        self.executor: Executor = state.executor
        self.spoken = asked_language(request.headers.get("accept-language"))
        self.language: Language = self.spoken or self.settings.default_language
        self.media: str = GRAPHQL
        self.actor: Actor = ANONYMOUS
        peer = request.client.host if request.client else ""
        self.address = request.state.address = self.rates.address(peer, request.headers.getlist("x-forwarded-for"))
        bind_contextvars(address=self.address)  # on every line that the log will have of it
        self.caller: Caller = self.rates.caller(ANONYMOUS, self.address)
        self.standing: Standing | None = None
        self.limited: RateLimited | None = None
        self.logged_out = False
        self.secret: str | None = None  # the session's new one
        self.stopped_at: datetime | None = None  # the sandbox's clock
        self.told: dict[str, str] = {}  # in headers, whatever the answer

    async def answer(self) -> Response:
        """Raises HttpError, RequestError."""
        media = media_type(self.request.headers.get("accept"))
        self.media = media or GRAPHQL
        await self._authenticate()
        method = self.request.method
        if method not in ("GET", "HEAD", "POST", "QUERY", "OPTIONS"):
            raise HttpError(405, "Send one of {methods}.", methods=METHODS, Allow=METHODS, Accept_Query=JSON)
        if method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": METHODS, "Accept-Query": JSON})
        if media is None:
            raise HttpError(406, "Accept {this} or {that}.", this=GRAPHQL, that=JSON)
        if method == "HEAD":  # tells what there is to ask; runs nothing
            return Response(headers={"Accept-Query": JSON, "Vary": VARY}, media_type=f"{media}; charset=utf-8")
        if method == "GET":
            return await self._written(await self._operate(from_address(self.request, self.settings)))
        asked = await from_body(self.request, most_bytes(self.actor, self.settings), self.settings)
        if isinstance(asked, Asked):
            return await self._written(await self._operate(asked))
        if "idempotency-key" in self.request.headers:
            raise BadRequest(en="An Idempotency-Key is for one operation, not for a batch.")
        # One after the other, as if they had come so; each entry tells what became of it, and the list is answered as such.
        outcomes = [await self._operate(one, last=one is asked[-1]) for one in asked]
        return await self._written(Outcome(200, b"[" + b",".join(outcome.body for outcome in outcomes) + b"]"))

    async def _authenticate(self) -> None:
        state = self.state
        known = {"remembered": state.remembered, "address": self.address, "attempts": state.attempts, "tokens_only": bool(state.sandbox)}
        self.actor = await authenticate(self.request, state.accounts, self.settings, state.clock(), **known, renewing=True)
        if state.sandbox:
            self.stopped_at = await state.sandbox.enter(self.actor)
        self.secret = self.secret or renewed_secret(self.request)
        self.language = self.spoken or self.actor.language or self.settings.default_language
        self.caller = self.rates.caller(self.actor, self.address)

    # ---- one operation -------------------------------------------------------------------------------------------------------

    async def _operate(self, asked: Asked, *, last: bool = True) -> Outcome:
        context = Context(self.state.database, self.settings, self.actor, self.language, self.state.clock(), self.request.state.request_id)
        context.attempt, context.stopped_at = self.state.attempts.tried, self.stopped_at
        context.attempt_from_address = self._attempt
        try:
            prepared = await self._prepared(asked)
            context.idempotency_key = self._key(prepared)
            outcome = await self._run(prepared, context)
        except Refused as refused:
            errors = [formatted(error, context, refused.step) for error in refused.errors]
            return Outcome(STATUS[refused.step], orjson.dumps({"errors": errors}))
        except RequestError as error:
            return self._told(error)
        if prepared.is_mutation and not last:  # who the caller is may have changed
            await self._authenticate()
        return outcome

    async def _prepared(self, asked: Asked) -> Prepared:
        """Raises Refused, RequestError, HttpError."""
        most = min(self.settings.most_cost, self.caller.limit)
        text = await self.state.trusted.text(asked, self.actor)
        if self.executor.knows(text) and asked.size <= LARGE:
            prepared = self.executor.prepare(text, asked.variables, asked.operation, most_cost=most)
        else:
            # Reading takes milliseconds: whoever has nothing left is refused before, and refused documents are not free.
            held = await self._charge(min(COLD, self.caller.limit))
            if len(text) <= QUICK and asked.size <= LARGE:
                prepared = self.executor.prepare(text, asked.variables, asked.operation, most_cost=most)
            else:
                prepared = await self.executor.prepare_aside(text, asked.variables, asked.operation, most_cost=most)
            await self.rates.give_back(self.caller, min(COLD, self.caller.limit), held)
        if prepared.is_mutation and self.request.method == "GET":
            raise HttpError(405, "Send mutations with POST.", Allow="POST")
        if prepared.is_mutation and self.request.method == "QUERY":
            raise BadRequest(en="Send mutations with POST.")
        return prepared

    def _key(self, prepared: Prepared) -> str | None:
        """Under which the operation's mutation is done once. Raises BadRequest."""
        if not prepared.is_mutation or (key := idempotency_key(self.request.headers)) is None:
            return None
        if self.executor.mutations(prepared) > 1:
            raise BadRequest(en="A request with an Idempotency-Key has one mutation.")
        return key

    async def _attempt(self, what: str, most: int, seconds: int) -> int:
        return await self.rates.attempt(what, self.address, most, seconds)

    async def _charge(self, points: int) -> Standing:
        try:
            self.standing = await self.rates.charge(self.caller, points)
        except RateLimited as limited:
            self.limited = limited
            raise
        return self.standing

    async def _run(self, prepared: Prepared, context: Context) -> Outcome:
        """Raises RequestError: RateLimited, DeadlineExceeded."""
        most, cost = min(self.settings.most_cost, self.caller.limit), prepared.cost
        charged = await self._charge(cost)
        context.charge = Charge(charged.limit, charged.remaining, charged.reset_at, cost, most)
        try:
            answer = await self.executor.run(prepared, context)
        finally:
            if prepared.is_mutation:  # it may have changed what any credential stands for
                self.state.remembered.forget()
            for outgoing in context.signals.get("outgoing", ()):
                self.state.mailer.pass_on(outgoing, self.state.database, now=context.now)
        self.logged_out = self.logged_out or bool(context.signals.get("logged_out"))
        self.secret = context.signals.get("session_secret") or self.secret
        data = orjson.dumps(answer.data)
        unused = prepared.unused(written_cost(data))
        self.standing = await self.rates.give_back(self.caller, unused, charged)
        if refused := context.signals.get("refused"):
            if isinstance(refused, IdempotencyInProgress):
                self.told["Retry-After"] = str(refused.retry_after)
            raise refused
        if context.signals.get("replayed"):
            self.told["Idempotency-Replayed"] = "true"
        errors = {"errors": answer.errors} if answer.errors else {}
        told = {"requested": cost, "actual": cost - unused, "maximum": most}
        body = orjson.dumps({**errors, "data": orjson.Fragment(data), "extensions": {"cost": told}})
        return Outcome(294 if (answer.errors or answer.data is None) and self.media == GRAPHQL else 200, body)

    # ---- the answer ----------------------------------------------------------------------------------------------------------

    def _told(self, error: RequestError) -> Outcome:
        return Outcome(error.status, orjson.dumps(refusal(error, self.language)))

    def refused(self, error: RequestError) -> Response:
        """A request of which nothing was run."""
        outcome = self._told(error)
        headers = {"WWW-Authenticate": "Bearer"} if outcome.status == 401 else {}
        if isinstance(error, TooManyAttempts):
            headers["Retry-After"] = str(error.values["retry_after"])
        return self._response(outcome, {**headers, "Cache-Control": "private, no-store"})

    async def _written(self, outcome: Outcome) -> Response:
        headers = {"Cache-Control": "private, no-store", "Content-Language": self.language}
        if self.request.method == "GET" and outcome.status == 200:
            headers["Cache-Control"] = "private, no-cache"
            headers["ETag"] = etag = etag_of(self.media.encode() + self.language.encode() + outcome.body)
            if is_known(self.request, etag):
                return self._response(Outcome(304, b""), headers)
        body, encoding = await packed(outcome.body, self.request.headers.get("accept-encoding"))
        if encoding:
            headers["Content-Encoding"] = encoding
        response = self._response(Outcome(outcome.status, body), headers)
        if self.logged_out:
            clear_session_cookie(response, self.settings)
        return response

    def _response(self, outcome: Outcome, headers: dict[str, str]) -> Response:
        response = Response(status_code=outcome.status)
        response.body = outcome.body
        told = {**headers, "Vary": VARY, "Content-Type": f"{self.media}; charset=utf-8"}
        response.raw_headers = [(name.lower().encode(), value.encode()) for name, value in told.items()]
        if outcome.status != 304:
            response.raw_headers.append((b"content-length", str(len(outcome.body)).encode()))
        return response

    async def rate_headers(self) -> dict[str, str]:
        """On every answer, refusals as well."""
        if self.limited is not None:
            return self.rates.refusal_headers(self.limited)
        return self.rates.headers(self.standing or await self.rates.standing(self.caller))


def etag_of(body: bytes) -> str:
    """Weak, as one body is sent packed in several ways."""
    return f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'


def is_known(request: Request, etag: str) -> bool:
    """Whether If-None-Match names it."""
    known: Any = request.headers.get("if-none-match", "")
    names = {name.strip().removeprefix("W/") for name in known.split(",")}
    return "*" in names or etag.removeprefix("W/") in names
