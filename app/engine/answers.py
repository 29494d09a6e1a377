"""What a request is answered: data, and errors that are coded, worded, and hold nothing of what is inside."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import asyncpg  # it has no types
import orjson
import structlog
from graphql import GraphQLError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.engine.context import Context
from app.errors import Forbidden, Internal, Language, RequestError, Unavailable
from app.text import ascii_digits
from app.words import english, said

_log = structlog.get_logger("engine")

Refusal = Literal["parse", "document", "variables"]
STATUS: dict[Refusal, int] = {"parse": 400, "document": 422, "variables": 422}


@dataclass(frozen=True)
class Answer:
    """What a response holds. `refusal` says at which step a request ended that was never executed; `data` is then absent."""

    data: dict[str, Any] | None
    errors: list[dict[str, Any]]
    refusal: Refusal | None = None

    @property
    def body(self) -> dict[str, Any]:
        """As a client reads it: in `data` there may be JSON that is written already."""
        errors = {"errors": self.errors} if self.errors else {}
        body: dict[str, Any] = orjson.loads(orjson.dumps(errors if self.refusal else {**errors, "data": self.data}))
        return body


class Refused(Exception):
    """A request that is not executed, with the errors that say why."""

    def __init__(self, step: Refusal, errors: Sequence[GraphQLError]) -> None:
        super().__init__(step)
        self.step, self.errors = step, errors


_CODES: dict[Refusal, str] = {"parse": "PARSE_FAILED", "document": "DOCUMENT_INVALID", "variables": "BAD_USER_INPUT"}
_PLACE = re.compile(r"Variable '\$(\w+)' has invalid value(?: at ([\w.\[\]]+))?:")  # graphql-core's words are all it tells of the place
_PERSONAL = re.compile(r"(?<![0-9])([12])[0-9]{7}([0-9]{2})(?![0-9])|[0-9A-Fa-f]{100,}")  # national ids, tokens


def formatted(error: GraphQLError, context: Context, step: Refusal | None = None) -> dict[str, Any]:
    """An error as it is answered: coded, in the caller's language, and holding nothing of what is inside."""
    known = _expected(error, context, step)
    words = _core_words(error.message, context.language, step) if known is None else known.words(context.language)
    made: dict[str, Any] = {"message": words}
    if error.locations:
        made["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path:
        made["path"] = error.path
    made["extensions"] = {"code": _CODES[step or "variables"], "retryable": False} if known is None else known.extensions
    if isinstance(known, Forbidden) and context.actor.token_id:  # whoever linked it wants to know what to ask for
        made["extensions"]["scopes"] = sorted(context.actor.permissions)
    if step == "variables" and (place := _PLACE.match(error.message)):
        made["extensions"]["path"] = [place[1], *re.findall(r"\w+", place[2] or "")]
    return made


_LEADS: dict[Refusal | None, str] = {
    "parse": english("The document cannot be read"),
    "document": english("The document is not valid"),
    "variables": english("The variables are not valid"),
    None: english("The value is not valid"),
}


def _core_words(message: str, language: Language, step: Refusal | None) -> str:
    """graphql-core speaks English: behind a lead in the caller's language, where the words are not ours."""
    if language == "en" or (ours := said(message, language)) == message:
        told = _redacted(message)
        return told if language == "en" else f"{said(_LEADS[step], language)}: {told}"
    return ours


def _redacted(message: str) -> str:
    """graphql-core repeats what it was sent; an error holds no whole national id and no secret all the same."""
    return _PERSONAL.sub(lambda found: f"{found[1]}*******{found[2]}" if found[1] else "***", ascii_digits(message))


def _expected(error: GraphQLError, context: Context, step: Refusal | None) -> RequestError | None:
    """What to tell of an error; None where graphql-core's own words are meant for the caller."""
    original = _root(error)
    if isinstance(original, RequestError):
        return original
    if step is not None or (isinstance(original, GraphQLError) and error.nodes):
        return None
    if is_unavailable(original):
        _log.error(
            "database_unavailable",
            request_id=context.request_id,
            error=type(original).__name__,
            detail=str(getattr(original, "orig", original)),
        )
        return Unavailable()
    _log.error("unexpected", request_id=context.request_id, path=error.path, exc_info=original)
    return Internal(request_id=context.request_id)


# SQLSTATEs, by their beginnings: connection lost, no resources, shutting down, locked and still so after several attempts.
_PASSING = ("08", "53", "57P", "55P03", "40001", "40P01")
_SQLITE_PASSING = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN}


def is_unavailable(error: BaseException) -> bool:
    """Whether the database cannot be reached, or is locked: the same request may succeed later. A broken table is a bug."""
    if isinstance(error, PoolTimeout | OSError | asyncpg.InterfaceError) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    ):
        return True
    cause = error.orig if isinstance(error, DBAPIError) else error
    if str(getattr(cause, "sqlstate", None) or "").startswith(_PASSING):
        return True
    return getattr(cause, "sqlite_errorcode", 0) & 0xFF in _SQLITE_PASSING


def _root(error: GraphQLError) -> BaseException:
    found: BaseException = error
    while isinstance(found, GraphQLError) and found.original_error is not None:
        found = found.original_error
    return found


def refusal(error: RequestError, language: Language) -> dict[str, Any]:
    """The body of a request that was refused before any document was looked at."""
    return {"errors": [{"message": error.words(language), "extensions": error.extensions}]}
