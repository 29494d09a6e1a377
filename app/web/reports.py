"""`POST /sp-reports`: weekly reports in the wire format that integrators send today, and in bulk. The operation is the graph's own."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from datetime import date, timedelta
from functools import partial
from typing import Any

import orjson
import structlog
from sqlalchemy import select
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from app import values
from app.auth.actor import Actor
from app.auth.permissions import Permission
from app.auth.visible import scope_of, scope_parameters
from app.clock import riyadh_day, week_start
from app.engine.answers import is_unavailable
from app.engine.context import Context
from app.errors import (
    AppError,
    BadRequest,
    DeadlineExceeded,
    Forbidden,
    IdempotencyInProgress,
    Internal,
    Language,
    LimitReached,
    NotFound,
    RateLimited,
    RequestError,
    TooManyAttempts,
    Unauthenticated,
    Unavailable,
    ValidationFailed,
)
from app.models import Company
from app.models.base import ACCOUNT
from app.operations.report import ErrorPolicy, LineOutcome
from app.resolvers.mutation import Done, perform
from app.resolvers.report import warning_words
from app.schema.report import submit_weekly_report
from app.text import ascii_digits, camel_case
from app.web.credentials import authenticate
from app.web.idempotency import idempotency_key
from app.web.language import asked_language
from app.web.media import packed
from app.web.rates import Caller, Rates, Standing
from app.web.report_lines import Lines, NotLines, TooManyLines, csv_lines, json_lines, ndjson_lines
from app.web.requests import most_bytes
from app.words import english, said

CHARGED = 10  # points before the body is read; then one for each line
_IN_A_THREAD = 100_000  # bytes
_JSON = ("", "application/json", "text/json", "text/plain", "application/x-www-form-urlencoded")  # what curl says where nobody tells it
_NDJSON = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")
_CSV = ("text/csv", "application/csv")
_ACCEPT = "application/json, application/x-ndjson, text/csv"
_OWN_NUMBER = select(Company.labor_office_id, Company.sequence_number).where(Company.id == ACCOUNT)
_ALL_ACCEPTED = english("All {count} lines were accepted.")
_SOME_ACCEPTED = english("{kept} of {count} lines were accepted.")
_UNREADABLE = english("This line is not an object of JSON.")
_log = structlog.get_logger("web")


class HttpRefusal(BadRequest):
    """What HTTP itself has a status for. `en` says what to do; of the rest, what begins with a capital is a header."""

    def __init__(self, status: int, en: str, **more: Any) -> None:
        super().__init__(en, **{name: value for name, value in more.items() if not name[0].isupper()})
        self.http_status = status
        self.headers = {name.replace("_", "-"): str(value) for name, value in more.items() if name[0].isupper()}


class ReportsEndpoint:
    """As an ASGI application."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await Report(Request(scope, receive)).answer()
        await response(scope, receive, send)


class Report:
    """One request."""

    def __init__(self, request: Request) -> None:
        state = request.app.state
        self.request, self.state, self.settings = request, state, state.settings
        self.rates: Rates = state.rates
        self.spoken = asked_language(request.headers.get("accept-language"))
        self.language: Language = self.spoken or self.settings.default_language
        peer = request.client.host if request.client else ""
        self.address = request.state.address = self.rates.address(peer, request.headers.getlist("x-forwarded-for"))
        bind_contextvars(address=self.address)
        self.caller: Caller | None = None
        self.standing: Standing | None = None
        self.headers: dict[str, str] = {}

    async def answer(self) -> Response:
        try:
            status, body = await self._submit()
        except RequestError as error:
            status, body = self._refused(error)
        except Exception as error:
            status, body = self._refused(self._surprise(error))
        told, encoding = await packed(orjson.dumps(body), self.request.headers.get("accept-encoding"))
        headers = {
            "Cache-Control": "private, no-store",
            "Content-Language": self.language,
            "Vary": "Accept-Encoding, Accept-Language, Authorization, Sp-Token",
            **({"Content-Encoding": encoding} if encoding else {}),
            **self.headers,
        }
        if "RateLimit" not in headers and self.caller:
            headers |= self.rates.headers(self.standing or await self.rates.standing(self.caller))
        return Response(told, status, headers, "application/json")

    async def _submit(self) -> tuple[int, dict[str, Any]]:
        """Raises RequestError."""
        if self.request.method != "POST":
            raise HttpRefusal(405, english("Send reports with POST."), Allow="POST")
        actor = await self._authenticate()
        if not actor.may(Permission.REPORTS_WRITE):
            raise Forbidden(permission=Permission.REPORTS_WRITE)  # before megabytes are read
        context = Context(self.state.database, self.settings, actor, self.language, self.state.clock(), self.request.state.request_id)
        context.stopped_at = await self.state.sandbox.enter(actor) if self.state.sandbox else None
        context.idempotency_key = idempotency_key(self.request.headers)
        await self._charge(CHARGED)
        try:
            given = await self._given(actor)
            lines = await self._lines(actor)
        except AppError as error:
            return self._told(Done({}, [error]), set())
        except TooManyLines:
            # The rest is not read.
            self.headers["Connection"] = "close"
            return self._told(Done({}, [LimitReached(("lines",), limit=self.settings.most_report_lines)]), set())
        except NotLines as error:
            raise HttpRefusal(400, error.en, Connection="close") from None
        await self._charge(len(lines.given))
        return self._told(await self._perform(context, given | {"lines": lines.given}), lines.unreadable)

    async def _authenticate(self) -> Actor:
        # A cookie is not looked at: other sites' pages can make a browser send one.
        if not {"sp-token", "authorization"} & set(self.request.headers.keys()):
            raise Unauthenticated
        state = self.state
        known = {"remembered": state.remembered, "address": self.address, "attempts": state.attempts, "tokens_only": bool(state.sandbox)}
        actor = await authenticate(self.request, state.accounts, self.settings, state.clock(), **known)
        self.language = self.spoken or actor.language or self.settings.default_language
        self.caller = self.rates.caller(actor, self.address)
        return actor

    async def _charge(self, points: int) -> None:
        assert self.caller is not None  # noqa: S101  # known before anything costs
        self.standing = await self.rates.charge(self.caller, points)

    # ---- what was sent -------------------------------------------------------------------------------------------------------

    async def _given(self, actor: Actor) -> dict[str, Any]:
        """What the headers say, as it was sent: a repetition is known by it. Raises AppError."""
        await self._check_establishment(actor)
        given: dict[str, Any] = {"week_start": None, "error_policy": ErrorPolicy.REJECT_FAILED_LINES, "reason": None}
        if week := self._header("x-week-start"):
            given["week_start"] = _ruled(_day, week, "week_start")
        if policy := self._header("x-error-policy"):
            given["error_policy"] = _ruled(_policy, policy, "error_policy")
        if reason := self._header("x-reason"):
            given["reason"] = _ruled(values.text(500), reason, "reason")
        return given

    async def _check_establishment(self, actor: Actor) -> None:
        """The provider's own, where the headers name one: somebody who mixed up two tokens must be told."""
        named = [self._header(name) for name in ("est-labor-office-id", "est-sequence-number")]
        if named == ["", ""]:
            return
        async with self.state.database.reading(scope_of(actor), snapshot=False) as connection:
            found = (await connection.execute(_OWN_NUMBER, scope_parameters(actor))).one_or_none()
        if found is None or [name.lstrip("0") for name in named] != [str(each) for each in found]:
            raise NotFound(("est_labor_office_id",))

    def _header(self, name: str) -> str:
        """Its text, whatever digits it is in; nothing where it is missing."""
        text: str = self.request.headers.get(name, "")
        with suppress(UnicodeError):
            text = text.encode("latin-1").decode("utf-8")
        return ascii_digits(text).strip()

    async def _lines(self, actor: Actor) -> Lines:
        """Raises HttpRefusal, NotLines, TooManyLines."""
        essence, _, parameters = self.request.headers.get("content-type", "").lower().partition(";")
        essence, charset = essence.strip(), parameters.partition("charset=")[2].strip(' "').partition(";")[0]
        is_json = essence in _JSON or essence.endswith("+json")
        if not (is_json or essence in (*_NDJSON, *_CSV)) or charset not in ("", "utf-8", "utf8"):
            raise HttpRefusal(415, english("Send {types}, in UTF-8."), types=_ACCEPT, Accept=_ACCEPT)
        if self.request.headers.get("content-encoding", "identity") != "identity":
            raise HttpRefusal(415, english("Send the body as it is, without a Content-Encoding."))
        body, lines, chunks = b"", Lines(self.settings.most_report_lines), self._chunks(most_bytes(actor, self.settings))
        try:
            async with asyncio.timeout(self.settings.arrival_seconds):
                if is_json:
                    body = b"".join([chunk async for chunk in chunks])
                else:
                    await (csv_lines if essence in _CSV else ndjson_lines)(chunks, lines)
        except TimeoutError:
            raise HttpRefusal(408, english("The request took too long to arrive."), Connection="close") from None
        except ClientDisconnect:
            raise HttpRefusal(400, english("The body did not arrive whole."), Connection="close") from None
        if is_json:
            if len(body) > _IN_A_THREAD:
                await asyncio.to_thread(json_lines, body, lines)
            else:
                json_lines(body, lines)
        return lines

    async def _chunks(self, most: int) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self.request.stream():
            size += len(chunk)
            if size > most:
                raise HttpRefusal(413, english("A request of yours has at most {most:,} bytes."), most=most, Connection="close")
            yield chunk

    # ---- what becomes of it --------------------------------------------------------------------------------------------------

    async def _perform(self, context: Context, given: Mapping[str, Any]) -> Done:
        """Raises RequestError."""
        seconds = self.settings.deadline
        try:
            async with asyncio.timeout(seconds):
                return await perform(submit_weekly_report, context, given, partial(_read, context))
        except TimeoutError:
            # Whatever has been done by now: to send it once more changes nothing.
            raise DeadlineExceeded(seconds=seconds) from None
        finally:
            self.state.remembered.forget()
            if context.signals.get("replayed"):
                self.headers["Idempotency-Replayed"] = "true"
            await context.close()

    def _told(self, done: Done, unreadable: set[int]) -> tuple[int, dict[str, Any]]:
        outcomes: Sequence[LineOutcome] = done.values.get("outcomes", ())
        lines = [self._line(outcome, outcome.index in unreadable) for outcome in outcomes]
        kept = sum(line["accepted"] for line in lines)
        whole = [error for error in done.errors if (error.path or ("",))[0] != "lines" or len(error.path or ()) < 2]
        if not outcomes:
            codes, message = _codes(whole), " ".join(dict.fromkeys(self._worded(error) for error in whole))
        else:
            codes = [code for code, _ in Counter(code for line in lines for code in line["codes"]).most_common()]
            message = said(_ALL_ACCEPTED if kept == len(lines) else _SOME_ACCEPTED, self.language, kept=kept, count=len(lines))
        is_done = not codes
        return 200 if kept else 422, {"success": is_done, "message": message, "codes": codes, "lines": lines}

    def _line(self, outcome: LineOutcome, is_unreadable: bool) -> dict[str, Any]:
        words = [said(_UNREADABLE, self.language)] if is_unreadable else [self._worded(error) for error in outcome.errors]
        warnings = [{"code": code, "message": warning_words(code, self.language)} for code, _ in outcome.warnings]
        return {
            "index": outcome.index,
            "accepted": outcome.accepted,
            "codes": _codes(outcome.errors),
            "message": " ".join(dict.fromkeys(words)) or None,
            "warnings": warnings,
        }

    def _worded(self, error: AppError) -> str:
        """With the field that it is about, where it is about one."""
        field = next((str(step) for step in reversed(error.path or ()) if isinstance(step, str) and step != "lines"), "")
        words = error.words(self.language)
        return f"{camel_case(field)}: {words}" if field and isinstance(error, ValidationFailed) else words

    def _refused(self, error: RequestError) -> tuple[int, dict[str, Any]]:
        """A report of which nothing was looked at."""
        status = error.http_status if isinstance(error, HttpRefusal) else 403 if error.code == "FORBIDDEN" else error.status
        if isinstance(error, HttpRefusal):
            self.headers |= error.headers
        if isinstance(error, RateLimited):
            self.headers |= self.rates.refusal_headers(error)
        if isinstance(error, TooManyAttempts):
            self.headers["Retry-After"] = str(error.values["retry_after"])
        if isinstance(error, IdempotencyInProgress):
            self.headers["Retry-After"] = str(error.retry_after)
        if status == 401:
            self.headers["WWW-Authenticate"] = "Bearer"
        return status, {"success": False, "message": error.words(self.language), "codes": [error.code], "lines": []}

    def _surprise(self, error: Exception) -> RequestError:
        request_id = self.request.state.request_id
        if is_unavailable(error):
            _log.error("database_unavailable", request_id=request_id, path="/sp-reports", error=type(error).__name__)
            return Unavailable()
        _log.error("unexpected", request_id=request_id, path="/sp-reports", exc_info=error)
        return Internal(request_id=request_id)


def _read(context: Context, given: Mapping[str, Any]) -> dict[str, Any]:
    """The operation's arguments."""
    closed = week_start(riyadh_day(context.rules_now)) - timedelta(days=7)
    return {**given, "week_start": given["week_start"] or closed}


def _ruled(rule: values.Rule, text: str, name: str) -> Any:
    try:
        return rule(text)
    except AppError as error:
        error.path = (name,)
        raise


def _day(text: str) -> date:
    try:
        return values.a_date(date.fromisoformat(text))
    except ValueError:
        raise ValidationFailed(en="Write the week's Sunday such as 2026-11-15.") from None


def _policy(text: str) -> ErrorPolicy:
    try:
        return ErrorPolicy(text.upper())
    except ValueError:
        raise ValidationFailed(en="Write REJECT_ALL or REJECT_FAILED_LINES.") from None


def _codes(errors: Sequence[AppError]) -> list[str]:
    return list(dict.fromkeys(str(error.code) for error in errors))
