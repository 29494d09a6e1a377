"""The pages of signing in and out. What happens behind them is in app/auth/sign_in and app/operations/sign_in.py.

They find `database`, `settings`, `clock`, `rates` and `sign_in` (the client, or None) on the application's state.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import wraps
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import UUID, uuid4

import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from structlog.contextvars import bind_contextvars

from app.auth.actor import Actor
from app.auth.sessions import end_session, live_session
from app.auth.sign_in import SIGN_IN_MINUTES, Arrived, OpenIdClient, ProviderAtFault, ProviderUnavailable, SignInFailed, TooManySignIns
from app.auth.visible import scope_of
from app.database import assume
from app.engine.answers import is_unavailable
from app.errors import RateLimited, Unavailable
from app.operations.sign_in import Visit, enter, leave
from app.values import is_loopback
from app.web.credentials import clear_session_cookie, session_cookie_name, set_cookie, set_session_cookie, sign_in_cookie_name
from app.web.rates import Rates
from app.words import said

HOME: Final = "/graphiql"
_LONGEST_NEXT = 2000
_LONGEST_TOKEN = 20_000  # of a logout token; without claims of ours it has a thousandth of an answer's length
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\\]")
_log = structlog.get_logger("security")

STYLE: Final = """
:root { color-scheme: light dark; font: 1rem/1.6 system-ui, "Noto Naskh Arabic", sans-serif; }
body { max-width: 40rem; margin: 4rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin: 0 0 .5rem; }
[lang=en][dir=ltr] { margin-top: 2rem; }
ul { list-style: none; padding: 0; }
li { margin: .6rem 0; }
button { font: inherit; padding: .6rem 1rem; border: 1px solid #8a8f98; border-radius: .5rem; cursor: pointer; }
button { background: Canvas; color: CanvasText; }
button:hover, button:focus-visible { border-color: #1b8354; outline: 2px solid #1b8354; }
li button { width: 100%; text-align: start; }
small { opacity: .8; }
[role=alert] { border-inline-start: 4px solid #b42318; padding-inline-start: .8rem; }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()


def sign_in_routes() -> list[Route]:
    """/auth/login, /auth/callback, /auth/logout, and /auth/backchannel-logout, where the provider says that somebody logged out there."""
    return [
        Route("/auth/login", answering(_login), methods=["GET"]),
        Route("/auth/callback", answering(_callback), methods=["GET"]),
        Route("/auth/logout", answering(_logout_page), methods=["GET"]),
        Route("/auth/logout", answering(_logout), methods=["POST"]),
        Route("/auth/backchannel-logout", answering(_told_of_logout), methods=["POST"]),
    ]


Endpoint = Callable[[Request], Awaitable[Response]]


def answering(endpoint: Endpoint) -> Endpoint:
    """The endpoint, with a page for what it may raise: a failed sign-in, and a database that does not answer."""

    @wraps(endpoint)
    async def answer(request: Request) -> Response:
        bind_contextvars(address=_address(request))  # on every line that the log will have of it
        try:
            return await endpoint(request)
        except SignInFailed as failure:
            return await _failed(request, failure)
        except Exception as error:
            if not is_unavailable(error):
                raise
            _log.error("database_unavailable", request_id=_request_id(request), path=request.url.path, error=type(error).__name__)
            return _unavailable(request)

    return answer


def page(title: str, body: str, *, status: int = 200, form_targets: str = "") -> HTMLResponse:
    """A small page of ours, that runs no script and loads nothing.

    title, body    HTML: the caller escapes what is not a constant.
    form_targets   further origins where a form of the page may lead, its redirects included.
    """
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self' {form_targets}; base-uri 'none'; frame-ancestors 'none'"
    )
    text = (
        '<!doctype html>\n<html lang="ar" dir="rtl">\n<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{STYLE}</style></head>\n<body>\n<main>{body}</main>\n</body>\n</html>\n"
    )
    # Not no-referrer: with that, browsers send forms with "Origin: null", which looks like a forgery.
    headers = {"Content-Security-Policy": policy, "Referrer-Policy": "same-origin", **_UNKEPT}
    return HTMLResponse(text, status, headers)


_UNKEPT: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def own_path(path: str | None) -> str:
    """The path, when it can lead nowhere but here; else the home page.

    Browsers read `//host` and `/\\host` as another site's address, and leave out tabs and line ends before they look.
    """
    if not path or len(path) > _LONGEST_NEXT or not path.startswith("/") or "//" in path or _CONTROL.search(path):
        return HOME
    if path.startswith("/auth/"):  # round and round
        return HOME
    return path


async def _login(request: Request) -> Response:
    elsewhere = _canonical(request)
    if elsewhere:
        return _redirect(elsewhere)
    state = request.app.state
    await _spend(request, "begun", state.settings.sign_ins_a_minute)
    begun = await _client(request).begin(state.database, next_path=own_path(request.query_params.get("next")), now=state.clock())
    response = _redirect(begun.address)
    set_cookie(response, state.settings, sign_in_cookie_name(state.settings), begun.secret, seconds=SIGN_IN_MINUTES * 60)
    return response


async def _callback(request: Request) -> Response:
    state = request.app.state
    await _check_failures(request)
    arrived = await _arrived(request)
    entered = await enter(state.database, state.settings, arrived, _visit(request))
    await _leave(request)
    _tell("signed_in", request, user_id=str(entered.user_id), session_id=str(entered.session_id), provider=arrived.person.issuer)
    response = _redirect(arrived.next_path)
    set_session_cookie(response, state.settings, entered.secret)
    set_cookie(response, state.settings, sign_in_cookie_name(state.settings), "", seconds=0)
    return response


async def _arrived(request: Request) -> Arrived:
    state = request.app.state
    secret = request.cookies.get(sign_in_cookie_name(state.settings))
    return await _client(request).complete(state.database, request.query_params.multi_items(), secret=secret, now=state.clock())


def _visit(request: Request) -> Visit:
    return Visit(request.app.state.clock(), _request_id(request), request.headers.get("user-agent"), _address(request))


async def _logout_page(request: Request) -> Response:
    """A form, since a GET must not sign out: any site's image could."""
    title, question = _both("Sign out"), _both("Do you want to sign out of the Telework portal?")
    body = (
        f"<h1>{title.ar}</h1><p>{question.ar}</p>"
        f'<div lang="en" dir="ltr"><h1>{title.en}</h1><p>{question.en}</p></div>'
        f'<form method="post" action="/auth/logout"><button type="submit">{title.ar} · <span lang="en">{title.en}</span></button></form>'
    )
    return page(f"{title.ar} · {title.en}", body, form_targets=await _provider_origin(request))


async def _logout(request: Request) -> Response:
    if not _is_same_origin(request):
        return _notice(request, _both("You were not signed out"), _both("The request came from another site."), 403)
    state = request.app.state
    id_token = await _leave(request)
    client: OpenIdClient | None = state.sign_in
    response = _redirect((client and await client.logout_address(id_token, now=state.clock())) or HOME)
    clear_session_cookie(response, state.settings)
    return response


async def _leave(request: Request) -> str | None:
    """Ends the session that the request's cookie stands for, if any, and answers the identity provider's token of it."""
    state = request.app.state
    secret = request.cookies.get(session_cookie_name(state.settings))
    if not secret:
        return None

    async def end(session: AsyncSession) -> tuple[Actor | None, str | None]:
        found = await live_session(session, secret, now=state.clock())
        if found is None or found.actor.session_id is None:
            return None, None
        await assume(session, scope_of(found.actor))
        return found.actor, await end_session(session, found.actor.session_id)

    actor, id_token = await state.database.write(end)
    if actor:
        _tell("signed_out", request, user_id=str(actor.user_id), session_id=str(actor.session_id))
    return id_token  # type: ignore[no-any-return]  # the application's state is Any


async def _provider_origin(request: Request) -> str:
    """Where signing out leads to: Chrome holds a form's redirects, too, against the page's policy."""
    client: OpenIdClient | None = request.app.state.sign_in
    return (client and await client.logout_origin(now=request.app.state.clock())) or ""


async def logout_targets(request: Request) -> str:
    """The same, for a page that anybody may open: only who is signed in can sign out, and waits for a provider that is slow to say."""
    return await _provider_origin(request) if session_cookie_name(request.app.state.settings) in request.cookies else ""


async def _told_of_logout(request: Request) -> Response:
    """The provider's own request (OpenID Connect Back-Channel Logout 1.0): whoever logged out there is signed out here."""
    state, client = request.app.state, _client(request)
    try:
        await _check_failures(request)
        token = await _logout_token(request)
        departed = await client.departed(token, now=state.clock())
    except SignInFailed as failure:
        # The one who made a token that we do not believe is at fault, and it is not us who asked.
        status = 400 if failure.status == 502 else failure.status
        await _note(request, "logout_token_refused", failure)
        headers = {**_UNKEPT, **({"Retry-After": str(failure.retry_after)} if failure.retryable else {})}
        return JSONResponse({"error": "invalid_request" if status == 400 else "temporarily_unavailable"}, status, headers)

    async def end(session: AsyncSession) -> list[UUID]:
        return await leave(session, departed, issuer=client.provider.issuer, now=state.clock())

    try:
        users = await state.database.write(end)
    except IntegrityError:  # the same token twice at once: the other one was obeyed
        users = []
    for user_id in users:
        _tell("signed_out_by_provider", request, user_id=str(user_id))
    return Response(status_code=200, headers=_UNKEPT)


async def _logout_token(request: Request) -> str:
    """Raises ProviderAtFault where the body is no form, or too long to hold one."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise ProviderAtFault("no form")
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > _LONGEST_TOKEN:
            raise ProviderAtFault("too long")
    given = parse_qs(received.decode("ascii", "replace")).get("logout_token", [])
    if len(given) != 1:
        raise ProviderAtFault("no logout_token")
    return given[0]


# How often one may fail


async def _spend(request: Request, what: str, most: int) -> None:
    """Raises TooManySignIns where the address has had its number of these for this minute."""
    rates: Rates = request.app.state.rates
    try:
        await rates.charge(rates.sign_in_caller(what, _address(request), most), 1)
    except RateLimited as limited:
        raise TooManySignIns(what, limited.values["retry_after"]) from None


async def _check_failures(request: Request) -> None:
    """Raises TooManySignIns where the address has failed too often lately."""
    state = request.app.state
    rates: Rates = state.rates
    standing = await rates.standing(rates.sign_in_caller("failed", _address(request), state.settings.failed_sign_ins_a_minute))
    if standing.remaining == 0:
        raise TooManySignIns("failed", max(1, round((standing.reset_at - state.clock()).total_seconds())))


def _client(request: Request) -> OpenIdClient:
    client: OpenIdClient | None = request.app.state.sign_in
    if client is None:
        raise ProviderUnavailable("not configured")
    return client


def _canonical(request: Request) -> str | None:
    """Our own address for a request that used another name of this machine: its cookie would not be there at the callback.

    Between the names of the loopback alone: behind a proxy, the Host header may well be another for good.
    """
    public, host = urlsplit(request.app.state.settings.public_url), request.headers.get("host", "")
    if host == public.netloc or not (is_loopback(public.geturl()) and is_loopback(f"{public.scheme}://{host}")):
        return None
    next_path = own_path(request.query_params.get("next"))
    return f"{public.scheme}://{public.netloc}/auth/login?{urlencode({'next': next_path})}"


def _is_same_origin(request: Request) -> bool:
    """Whether a page of ours sent the form, as far as the browser tells; scripts tell nothing, and hold no one else's cookie."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None and site != "same-origin":
        return False
    # By host: behind a proxy that ends TLS the scheme that we see is not the browser's.
    ours = {urlsplit(request.app.state.settings.public_url).netloc, request.headers.get("host")}
    return origin is None or origin.partition("://")[2] in ours


def _redirect(address: str) -> Response:
    return RedirectResponse(address, 303, {"Referrer-Policy": "same-origin", **_UNKEPT})


async def _failed(request: Request, failure: SignInFailed) -> Response:
    """The page that says why nobody was signed in. The state of the browser stays as it was."""
    await _note(request, "sign_in_failed", failure)
    response = _notice(request, _both("You were not signed in"), Both(failure.words("ar"), failure.words("en")), failure.status)
    if failure.retryable:
        response.headers["Retry-After"] = str(failure.retry_after)
    return response


async def _note(request: Request, event: str, failure: SignInFailed) -> None:
    """In the log, and against the address, unless it could not help it: the provider is down, or it was told to wait."""
    _tell(event, request, status=failure.status, reason=type(failure).__name__, detail=failure.detail)
    if not failure.retryable:
        with suppress(TooManySignIns):
            await _spend(request, "failed", request.app.state.settings.failed_sign_ins_a_minute)


def _unavailable(request: Request) -> Response:
    words = Unavailable()
    response = _notice(request, _both("The portal is not available"), Both(words.words("ar"), words.words("en")), words.status)
    response.headers["Retry-After"] = "5"
    return response


class Both(NamedTuple):
    """A page of ours speaks both languages: nobody is signed in yet whose language it could be."""

    ar: str
    en: str


def _both(english: str) -> Both:
    return Both(said(english, "ar"), english)


def _notice(request: Request, title: Both, words: Both, status: int) -> Response:
    number = html.escape(_request_id(request))
    link, request_id = _both("Sign in"), _both("Request id")
    body = (
        f'<h1>{title.ar}</h1><p role="alert">{words.ar}</p><p><a href="/auth/login">{link.ar}</a></p>'
        f'<div lang="en" dir="ltr"><h1>{title.en}</h1><p>{words.en}</p><p><a href="/auth/login">{link.en}</a></p></div>'
        f'<p><small>{request_id.ar} · <span lang="en">{request_id.en}</span>: <code dir="ltr">{number}</code></small></p>'
    )
    return page(f"{title.ar} · {title.en}", body, status=status)


def _request_id(request: Request) -> str:
    if not getattr(request.state, "request_id", None):
        request.state.request_id = uuid4().hex
    return str(request.state.request_id)


def _tell(event: str, request: Request, **facts: Any) -> None:
    """A line of the security log. Never a secret, a token or a national id."""
    _log.info(event, request_id=_request_id(request), address=_address(request), **facts)


def _address(request: Request) -> str:
    """Where it comes from, as far as proxies that we know tell."""
    rates: Rates = request.app.state.rates
    return rates.address(request.client.host if request.client else "", request.headers.getlist("x-forwarded-for"))
