"""Which caller a request comes from: its SP-Token, else its session cookie, else nobody. Also the cookies themselves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from app.auth.actor import ANONYMOUS, Actor
from app.auth.secrets import hash_of
from app.auth.sessions import Live, live_session, renew_secret, touch_session
from app.auth.tokens import (
    beginning_of,
    environment_of,
    gateway_in_use,
    is_bare,
    is_gateway_secret,
    is_stale,
    may_come_from,
    token_in_use,
    touch_gateway,
    touch_token,
)
from app.auth.visible import scope_of
from app.database import Database
from app.errors import Unauthenticated, WrongEnvironment
from app.models import Environment
from app.settings import Settings
from app.web.attempts import Attempts

_MOST_REMEMBERED = 10_000
_RENEWED = "renewed_secret"  # on the request's state
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
    request: HTTPConnection,
    database: Database,
    settings: Settings,
    now: datetime,
    *,
    remembered: Remembered | None = None,
    renewing: bool = False,
    address: str = "",
    attempts: Attempts | None = None,
    tokens_only: bool = False,
) -> Actor:
    """The caller of a request, or of a WebSocket's handshake.

    A token comes as `Authorization: Bearer` or as `Sp-Token`. A bad one never falls back to the cookie or to nobody: its sender would
    take the answer for their own. A cookie that is out of date does, since browsers keep those.

    renewing  whether the answer can carry a cookie: `renewed_secret` then tells the session's new secret, if the rights behind the old
              one have changed
    address   where the request comes from, for tokens that are tied to networks
    attempts  counts bad tokens, where they are to be counted
    tokens_only  whether cookies stand for nobody, as in the sandbox, and the gateway's credential belongs elsewhere
    Raises    Unauthenticated    an unknown, mistyped, revoked or expired token, or from a wrong network; another scheme; two that differ.
              WrongEnvironment   a token of the other environment.
              TooManyAttempts
    """
    presented = _presented(request)
    secret = request.cookies.get(session_cookie_name(settings)) if presented is None and not tokens_only else presented
    if secret is None or (not secret and presented is None):
        return ANONYMOUS
    if presented is not None and attempts:
        attempts.check(address, now)
    if tokens_only and is_gateway_secret(secret):
        raise WrongEnvironment(environment=Environment.LIVE, address=settings.elsewhere)
    name = f"{secret} {address}"  # a token may be tied to addresses
    if remembered and (known := remembered.find(name, now)):
        return known
    age = remembered.age if remembered else 0
    if presented is not None:
        try:
            actor = await authenticate_token(presented, database, settings, now, address=address)
        except Unauthenticated:
            _log.warning("token_refused", display_code=beginning_of(presented), address=address)
            if attempts:
                await attempts.failed(address, presented, now)
            raise
    else:
        actor = await _authenticate_session(request, secret, database, settings, now, renewing=renewing)
    if remembered and not actor.is_anonymous:
        remembered.keep(name, actor, now, age)
    return actor


async def caller_of(request: Request) -> tuple[Actor, str]:
    """Who asks one of the addresses beside the graph, and from where. Raises as `authenticate` does."""
    state = request.app.state
    address: str = state.rates.address(request.client.host if request.client else "", request.headers.getlist("x-forwarded-for"))
    known = {"address": address, "attempts": state.attempts, "tokens_only": bool(state.sandbox)}
    return await authenticate(request, state.accounts, state.settings, state.clock(), **known), address


async def authenticate_token(secret: str, database: Database, settings: Settings, now: datetime, *, address: str = "") -> Actor:
    """The caller that a token stands for, however it came. Notes the time of use, once a minute at most. Raises as above."""
    if is_gateway_secret(secret):
        return await _gateway(secret, database, now)
    environment = environment_of(secret)
    if environment is None and not is_bare(secret):
        raise Unauthenticated
    if environment is not None and environment != settings.environment:
        raise WrongEnvironment(environment=environment, address=settings.elsewhere)
    async with database.reading(snapshot=False) as connection:
        found = await token_in_use(connection, secret, now=now)
    if found is None:
        raise Unauthenticated
    if not may_come_from(found.address_ranges, address):
        # Told as if it were unknown: whoever stole it must not learn that it works elsewhere.
        _log.warning("token_from_elsewhere", token_id=str(found.actor.token_id), address=address)
        raise Unauthenticated
    if found.environment != settings.environment:
        raise WrongEnvironment(environment=found.environment, address=settings.elsewhere)
    if found.actor.token_id and is_stale(found.last_used_at, now):
        await _touch(database, touch_token, found.actor, found.actor.token_id, now)
    return found.actor


async def _authenticate_session(
    request: HTTPConnection, secret: str, database: Database, settings: Settings, now: datetime, *, renewing: bool
) -> Actor:
    """The person whom the cookie stands for. Notes the time of use, once a minute at most."""
    async with database.reading(snapshot=False) as connection:
        found = await live_session(connection, secret, now=now)
    if found is None:
        return ANONYMOUS
    renewing = renewing and found.has_new_rights
    if found.is_stale or renewing:
        await _keep_session(request, secret, found, database, settings, now, renewing=renewing)
    return found.actor


def renewed_secret(request: HTTPConnection) -> str | None:
    """The new secret for the cookie that `authenticate` made, if it made one."""
    return getattr(request.state, _RENEWED, None)


async def _gateway(secret: str, database: Database, now: datetime) -> Actor:
    async with database.reading(snapshot=False) as connection:
        found = await gateway_in_use(connection, secret)
    if found is None:
        raise Unauthenticated
    actor, last_used_at = found
    if actor.gateway_id and is_stale(last_used_at, now):
        await _touch(database, touch_gateway, actor, actor.gateway_id, now)
    return actor


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


async def _keep_session(
    request: HTTPConnection, secret: str, found: Live, database: Database, settings: Settings, now: datetime, *, renewing: bool
) -> None:
    """Notes the use of a session, and changes its secret where the rights behind it have."""
    session_id, address = found.actor.session_id, getattr(request.state, "address", None)
    assert session_id is not None  # noqa: S101  # a session's actor

    async def keep(session: AsyncSession) -> str | None:
        await touch_session(session, session_id, address=address, now=now, idle=timedelta(minutes=settings.session_idle_minutes))
        return await renew_secret(session, session_id, secret, now=now) if renewing else None

    try:
        setattr(request.state, _RENEWED, await database.write(keep, scope_of(found.actor)))
    except SQLAlchemyError as error:
        # As below.
        _log.warning("session_not_touched", session_id=str(session_id), error=type(error).__name__)


async def _touch(database: Database, note: Callable[..., Awaitable[None]], actor: Actor, key: UUID, now: datetime) -> None:
    async def touch(session: AsyncSession) -> None:
        await note(session, key, now=now)

    try:
        await database.write(touch, scope_of(actor))
    except SQLAlchemyError as error:
        # A time of use that could not be written is no reason to refuse the request.
        _log.warning("token_not_touched", credential_id=str(key), error=type(error).__name__)


def _cookie_prefix(settings: Settings) -> str:
    return "__Host-" if _is_https(settings) else ""


def _is_https(settings: Settings) -> bool:
    return settings.public_url.lower().startswith("https://")
