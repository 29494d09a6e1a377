"""Which caller a request comes from: its SP-Token, else its session cookie, else nobody. Also the cookies themselves."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import HTTPConnection
from starlette.responses import Response

from app.auth.actor import ANONYMOUS, Actor
from app.auth.secrets import hash_of
from app.auth.sessions import actor_of_session
from app.auth.tokens import environment_of, is_bare, is_stale, token_in_use, touch_token
from app.auth.visible import scope_of
from app.database import Database
from app.errors import Unauthenticated, WrongEnvironment
from app.settings import Settings

_MOST_REMEMBERED = 10_000
_log = structlog.get_logger("security")


class Remembered:
    """Callers found a moment ago: looking one up costs more than a point query. By the hash of their secret; failures are never kept.

    What another process revokes counts here after `seconds`; what this one does, at once, since every mutation makes it forget.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = timedelta(seconds=seconds)
        self._kept: dict[str, tuple[Actor, datetime]] = {}
        self.age = 0  # how often it forgot: what was looked up before then is not kept after

    def find(self, secret: str, now: datetime) -> Actor | None:
        found = self._kept.get(hash_of(secret))
        return found[0] if found and timedelta() <= now - found[1] < self._seconds else None

    def keep(self, secret: str, actor: Actor, now: datetime, age: int) -> None:
        if self._seconds and age == self.age:
            if len(self._kept) >= _MOST_REMEMBERED:
                self._kept.clear()
            self._kept[hash_of(secret)] = actor, now

    def forget(self) -> None:
        self._kept.clear()
        self.age += 1


async def authenticate(
    request: HTTPConnection, database: Database, settings: Settings, now: datetime, *, remembered: Remembered | None = None
) -> Actor:
    """The caller of a request, or of a WebSocket's handshake.

    A token comes as `Authorization: Bearer` or as `Sp-Token`. A bad one never falls back to the cookie or to nobody: its sender would
    take the answer for their own. A cookie that is out of date does, since browsers keep those.
    Raises  Unauthenticated    an unknown, mistyped, revoked or expired token; another scheme; two that differ.
            WrongEnvironment   a token of the other environment.
    """
    presented = _presented(request)
    secret = request.cookies.get(session_cookie_name(settings)) if presented is None else presented
    if secret is None or (not secret and presented is None):
        return ANONYMOUS
    if remembered and (known := remembered.find(secret, now)):
        return known
    age = remembered.age if remembered else 0
    if presented is not None:
        actor = await authenticate_token(presented, database, settings, now)
    else:
        async with database.reading(snapshot=False) as connection:
            actor = await actor_of_session(connection, secret, now=now) or ANONYMOUS
    if remembered and not actor.is_anonymous:
        remembered.keep(secret, actor, now, age)
    return actor


async def authenticate_token(secret: str, database: Database, settings: Settings, now: datetime) -> Actor:
    """The caller that a token stands for, however it came. Notes the time of use, once a minute at most. Raises as above."""
    environment = environment_of(secret)
    if environment is None and not is_bare(secret):
        raise Unauthenticated
    if environment is not None and environment != settings.environment:
        raise WrongEnvironment(environment=environment)
    async with database.reading(snapshot=False) as connection:
        found = await token_in_use(connection, secret, now=now)
    if found is None:
        raise Unauthenticated
    if found.environment != settings.environment:
        raise WrongEnvironment(environment=found.environment)
    if is_stale(found.last_used_at, now):
        await _touch(database, found.actor, now)
    return found.actor


def session_cookie_name(settings: Settings) -> str:
    """`__Host-` makes browsers refuse the cookie from other hosts and over plain http, which only a loopback address may use."""
    return f"{_cookie_prefix(settings)}telework_session"


def sign_in_cookie_name(settings: Settings) -> str:
    """The cookie that ties a trip to the identity provider to this browser."""
    return f"{_cookie_prefix(settings)}telework_sign_in"


def set_session_cookie(response: Response, settings: Settings, secret: str) -> None:
    set_cookie(response, settings, session_cookie_name(settings), secret, seconds=settings.session_hours * 3600)


def clear_session_cookie(response: Response, settings: Settings) -> None:
    set_cookie(response, settings, session_cookie_name(settings), "", seconds=0)


def set_cookie(response: Response, settings: Settings, name: str, value: str, *, seconds: int) -> None:
    """A cookie that scripts cannot read and that other sites' forms do not send; gone at once with 0 seconds."""
    response.set_cookie(name, value, max_age=seconds, path="/", secure=_is_https(settings), httponly=True, samesite="lax")


def _presented(request: HTTPConnection) -> str | None:
    """The one token that the headers hold, None without such a header."""
    tokens = set(request.headers.getlist("sp-token"))
    for header in request.headers.getlist("authorization"):
        scheme, _, token = header.partition(" ")
        tokens.add(token.strip() if scheme.lower() == "bearer" else "")
    if not tokens:
        return None
    if len(tokens) > 1 or "" in tokens:
        raise Unauthenticated
    return tokens.pop()


async def _touch(database: Database, actor: Actor, now: datetime) -> None:
    async def touch(session: AsyncSession) -> None:
        if actor.token_id:
            await touch_token(session, actor.token_id, now=now)

    try:
        await database.write(touch, scope_of(actor))
    except SQLAlchemyError as error:
        # A time of use that could not be written is no reason to refuse the request.
        _log.warning("token_not_touched", token_id=str(actor.token_id), error=type(error).__name__)


def _cookie_prefix(settings: Settings) -> str:
    return "__Host-" if _is_https(settings) else ""


def _is_https(settings: Settings) -> bool:
    return settings.public_url.lower().startswith("https://")
