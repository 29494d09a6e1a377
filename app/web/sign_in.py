"""The pages of signing in and out. What happens behind them is in app/auth/sign_in.py; the demo's provider is elsewhere.

They find `database`, `settings`, `clock` and `sign_in` (the client, or None) on the application's state.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from typing import Any, Final
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

import structlog
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from app.auth.actor import Actor
from app.auth.sessions import actor_of_session, end_session
from app.auth.sign_in import SIGN_IN_MINUTES, OpenIdClient, ProviderUnavailable, SignedIn, SignInFailed, is_loopback
from app.auth.visible import scope_of
from app.database import assume
from app.web.credentials import clear_session_cookie, session_cookie_name, set_cookie, set_session_cookie, sign_in_cookie_name

HOME: Final = "/graphiql"
_LONGEST_NEXT = 2000
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
    """/auth/login, /auth/callback and /auth/logout."""
    return [
        Route("/auth/login", _login, methods=["GET"]),
        Route("/auth/callback", _callback, methods=["GET"]),
        Route("/auth/logout", _logout_page, methods=["GET"]),
        Route("/auth/logout", _logout, methods=["POST"]),
    ]


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
    return path


async def _login(request: Request) -> Response:
    elsewhere = _canonical(request)
    if elsewhere:
        return _redirect(elsewhere)
    state = request.app.state
    try:
        begun = await _client(request).begin(state.database, next_path=own_path(request.query_params.get("next")), now=state.clock())
    except SignInFailed as failure:
        return _failed(request, failure)
    response = _redirect(begun.address)
    set_cookie(response, state.settings, sign_in_cookie_name(state.settings), begun.secret, seconds=SIGN_IN_MINUTES * 60)
    return response


async def _callback(request: Request) -> Response:
    state = request.app.state
    try:
        signed_in = await _completed(request)
    except SignInFailed as failure:
        return _failed(request, failure)
    await _leave(request)
    _tell("signed_in", request, user_id=str(signed_in.user_id))
    response = _redirect(signed_in.next_path)
    set_session_cookie(response, state.settings, signed_in.secret)
    set_cookie(response, state.settings, sign_in_cookie_name(state.settings), "", seconds=0)
    return response


async def _completed(request: Request) -> SignedIn:
    state = request.app.state
    return await _client(request).complete(
        state.database,
        request.query_params,
        secret=request.cookies.get(sign_in_cookie_name(state.settings)),
        hours=state.settings.session_hours,
        now=state.clock(),
    )


async def _logout_page(request: Request) -> Response:
    """A form, since a GET must not sign out: any site's image could."""
    body = (
        "<h1>تسجيل الخروج</h1><p>هل تريد تسجيل الخروج من بوابة العمل عن بعد؟</p>"
        '<div lang="en" dir="ltr"><h1>Sign out</h1><p>Do you want to sign out of the Telework portal?</p></div>'
        '<form method="post" action="/auth/logout"><button type="submit">تسجيل الخروج · <span lang="en">Sign out</span></button></form>'
    )
    return page("تسجيل الخروج · Sign out", body, form_targets=await _provider_origin(request))


async def _logout(request: Request) -> Response:
    if not _is_same_origin(request):
        return _notice(
            request, "لم تسجل الخروج", "You were not signed out", "جاء الطلب من موقع آخر.", "The request came from another site.", 403
        )
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
        actor = await actor_of_session(session, secret, now=state.clock())
        if actor:
            await assume(session, scope_of(actor))
        return actor, (await end_session(session, actor.session_id) if actor and actor.session_id else None)

    actor, id_token = await state.database.write(end)
    if actor:
        _tell("signed_out", request, user_id=str(actor.user_id), session_id=str(actor.session_id))
    return id_token  # type: ignore[no-any-return]  # the application's state is Any


async def _provider_origin(request: Request) -> str:
    """Where signing out leads to: Chrome holds a form's redirects, too, against the page's policy."""
    client: OpenIdClient | None = request.app.state.sign_in
    address = client and await client.logout_address(None, now=request.app.state.clock())
    return _origin(address) if address else ""


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


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _redirect(address: str) -> Response:
    return RedirectResponse(address, 303, {"Referrer-Policy": "same-origin", **_UNKEPT})


def _failed(request: Request, failure: SignInFailed) -> Response:
    """The page that says why nobody was signed in. The state of the browser stays as it was."""
    _tell("sign_in_failed", request, status=failure.status, reason=type(failure).__name__, detail=failure.detail)
    response = _notice(request, "لم يتم تسجيل الدخول", "You were not signed in", failure.words("ar"), failure.words("en"), failure.status)
    if failure.retryable:
        response.headers["Retry-After"] = "5"
    return response


def _notice(request: Request, title_ar: str, title_en: str, ar: str, en: str, status: int) -> Response:
    number = html.escape(_request_id(request))
    body = (
        f'<h1>{title_ar}</h1><p role="alert">{ar}</p><p><a href="/auth/login">تسجيل الدخول</a></p>'
        f'<div lang="en" dir="ltr"><h1>{title_en}</h1><p>{en}</p><p><a href="/auth/login">Sign in</a></p></div>'
        f'<p><small>رقم الطلب · <span lang="en">Request id</span>: <code dir="ltr">{number}</code></small></p>'
    )
    return page(f"{title_ar} · {title_en}", body, status=status)


def _request_id(request: Request) -> str:
    if not getattr(request.state, "request_id", None):
        request.state.request_id = uuid4().hex
    return str(request.state.request_id)


def _tell(event: str, request: Request, **facts: Any) -> None:
    """A line of the security log. Never a secret, a token or a national id."""
    _log.info(event, request_id=_request_id(request), address=request.client.host if request.client else None, **facts)
