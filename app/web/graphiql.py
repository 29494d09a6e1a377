"""Serves GraphiQL as vite built it into ui/dist, under a strict Content-Security-Policy. Knows nothing of the graph."""

import asyncio
import hashlib
import html
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

CONFIG: Final = re.compile(r'(<script type="application/json" id="config">).*?(</script>)', re.DOTALL)

NOT_BUILT: Final = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Telework · GraphiQL</title></head>
<body>
<h1>GraphiQL was not built</h1>
<p>Run <code>python3 dev.py run</code>: it builds GraphiQL and starts the server. The API at <code>{url}</code> works.</p>
<div lang="ar" dir="rtl">
<h1>لم تُبنَ واجهة GraphiQL</h1>
<p>شغّل <code dir="ltr">python3 dev.py run</code> فيبنيها ويشغّل الخادم. الواجهة البرمجية على <code dir="ltr">{url}</code> تعمل.</p>
</div>
</body>
</html>
"""


def graphiql_routes(
    dist: Path, *, graphql_url: str, login_url: str, logout_url: str, logout_targets: Callable[[Request], Awaitable[str]] | None = None
) -> list[Route | Mount]:
    """The page at /graphiql and its files under /graphiql/assets.

    dist    where vite put index.html and assets/. Looked at on each request: a build made while the server
            runs is served at once, and until then the page says with status 503 how to make one.
    *_url   what the page is told, absolute or from the root. The policy allows requests to the first one's origin and
            forms to the last one's.
    logout_targets   further origins that signing out redirects to, of a request: the identity provider's.
    """
    headers = _headers(graphql_url, logout_url)
    config = {"graphqlUrl": graphql_url, "loginUrl": login_url, "logoutUrl": logout_url}
    page = _page(dist, config, headers, logout_targets)
    return [
        # Both spellings answer: a redirect between them would be built from the Host header.
        Route("/graphiql", page, methods=["GET"]),
        Route("/graphiql/", page, methods=["GET"]),
        Mount("/graphiql/assets", _Assets(dist / "assets", headers)),
    ]


def _page(
    dist: Path, config: dict[str, str], headers: dict[str, str], logout_targets: Callable[[Request], Awaitable[str]] | None
) -> Callable[[Request], Awaitable[Response]]:
    async def page(request: Request) -> Response:
        further = await logout_targets(request) if logout_targets else ""
        policy = headers["Content-Security-Policy"].replace("form-action", f"form-action {further}".rstrip())
        return await asyncio.to_thread(answer, request, headers | {"Content-Security-Policy": policy})

    def answer(request: Request, headers: dict[str, str]) -> Response:
        try:
            built = (dist / "index.html").read_text(encoding="utf-8")
        except FileNotFoundError:
            answer = NOT_BUILT.format(url=html.escape(config["graphqlUrl"]))
            return HTMLResponse(answer, 503, headers | {"Cache-Control": "no-store"})
        text = _configured(built, config)
        etag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
        fresh = headers | {"Cache-Control": "no-cache", "ETag": etag}
        if etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=fresh)
        return HTMLResponse(text, headers=fresh)

    return page


def _configured(text: str, config: dict[str, str]) -> str:
    """The page with `config` in its data block."""
    # A "</script>" inside a value would end the block.
    value = json.dumps(config).replace("<", "\\u003c")
    return CONFIG.sub(lambda found: f"{found[1]}{value}{found[2]}", text, count=1)


class _Assets(StaticFiles):
    """Files whose names change with their content: browsers may keep them for ever."""

    def __init__(self, directory: Path, headers: dict[str, str]) -> None:
        super().__init__(directory=directory, check_dir=False)
        self._headers = headers

    async def check_config(self) -> None:
        # Before GraphiQL is built there is no folder, which StaticFiles takes for a mistake of ours: status 500.
        try:
            await super().check_config()
        except RuntimeError:
            raise HTTPException(404) from None

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        # The policy too: a worker obeys the one that its own script came with.
        response.headers.update(self._headers)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def _headers(graphql_url: str, logout_url: str) -> dict[str, str]:
    return {
        "Content-Security-Policy": _policy(_origins(graphql_url), _origins(logout_url)),
        "X-Content-Type-Options": "nosniff",
        # Not no-referrer: with that, browsers send the sign-out form with "Origin: null", which looks like a forgery.
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


def _origins(url: str) -> str:
    """'self', and the origin of `url` where it names one."""
    parts = urlsplit(url)
    return f"'self' {parts.scheme}://{parts.netloc}" if parts.netloc else "'self'"


def _policy(connect: str, form: str) -> str:
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            # Monaco makes <style> elements while it runs and gives every line of text a style attribute, with neither
            # nonce nor hash (4 and 142 refusals when this page loads without). What a style could carry away has
            # nowhere to go: images, fonts and requests stay here.
            "style-src 'self' 'unsafe-inline'",
            # GraphiQL's style sheet holds Roboto and Fira Code as data: addresses.
            "font-src 'self' data:",
            # Monaco's style sheet holds its squiggles and scroll shadows as data: addresses.
            "img-src 'self' data:",
            # Monaco checks GraphQL and JSON in workers, which are files of ours.
            "worker-src 'self'",
            f"connect-src {connect}",
            f"form-action {form}",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ]
    )
