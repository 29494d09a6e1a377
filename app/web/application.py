"""The Starlette application put together."""

from __future__ import annotations

import asyncio
import gc
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache

from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.auth.sign_in import OpenIdClient, openid_client
from app.clock import Clock, system_clock
from app.database import Database
from app.engine.execute import Executor
from app.engine.limits import Meter
from app.errors import Language
from app.operations.contact import Mailer
from app.schema import in_arabic, schema
from app.settings import GRAPHIQL_DIST, SANDBOX_PATH, Settings
from app.storage import document_store
from app.web.attempts import Attempts
from app.web.credentials import Remembered
from app.web.demo_provider import demo_sign_in
from app.web.document import documents
from app.web.graphiql import graphiql_routes
from app.web.graphql import GraphQLEndpoint, etag_of, is_known
from app.web.headers import Headers, exact_origins
from app.web.language import asked_language
from app.web.media import packed
from app.web.middleware import Direct, RequestIds
from app.web.rates import Rates
from app.web.reports import ReportsEndpoint
from app.web.sandbox import Sandbox
from app.web.sign_in import logout_targets, sign_in_routes
from app.web.summary import Press, summary
from app.web.trusted import Documents
from app.web.upload import Uploads
from app.web.worker import working


def create_app(settings: Settings, *, clock: Clock = system_clock) -> Starlette:
    """The whole server: the portal, and below it the sandbox where there is one. Their pools are closed when the server stops."""
    if not settings.secret_key.get_secret_value():
        settings = settings.model_copy(update={"secret_key": SecretStr(secrets.token_hex(32))})
    portal = _application(settings, clock)
    if settings.sandbox:
        portal.state.mounted = _application(settings.sandbox, clock, live=portal)
        portal.router.routes.append(Mount(SANDBOX_PATH, portal.state.mounted))
    return portal


def _application(settings: Settings, clock: Clock, *, live: Starlette | None = None) -> Starlette:
    """The server over one database. With `live`, its sandbox: the same but for signing in, and the tokens that count are the live ones."""
    origins = exact_origins(settings.cors_origins)
    database = Database(settings, restricted=settings.row_security)
    remembered = Remembered(settings.remembered_seconds)
    # The demo's personas are everybody: its provider asks as the tables' owner. Nowhere but on a loopback address.
    everybody = Database(settings) if settings.demo and database.is_restricted else database
    mailer = Mailer(settings)
    client, provider_routes = _sign_in(settings, everybody, clock)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await database.check()
        await asyncio.to_thread(in_arabic)  # takes as long as a hundred requests
        # What start-up made stays: the collector need not look at it again, nor stop everybody for it in the middle of a large answer.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)
        # A thread that reads a large document hands over after half a millisecond, ten times as soon as it would.
        sys.setswitchinterval(0.0005)
        async with AsyncExitStack() as stack:
            if app.state.mounted is not None:  # Starlette starts no application that is mounted
                await stack.enter_async_context(app.state.mounted.router.lifespan_context(app.state.mounted))
            await stack.enter_async_context(working(database, settings, clock))
            yield
        if client is not None:
            await client.close()
        await mailer.close()
        await database.close()
        await everybody.close()

    endpoint, path = GraphQLEndpoint(), SANDBOX_PATH if live else ""
    routes: list[BaseRoute] = [
        Route("/", lambda _: RedirectResponse(f"{path}/graphiql", 307)),
        Route("/graphql", endpoint),
        Route("/sp-reports", ReportsEndpoint()),
        Route("/schema.graphql", _sdl),
        Route("/documents/{document_id}", documents, methods=["GET", "PUT"]),
        Route("/contracts/{contract_id}/summary", summary, methods=["GET"]),
        *graphiql_routes(
            GRAPHIQL_DIST,
            graphql_url=f"{path}/graphql",
            login_url="" if live else "/auth/login",
            logout_url="" if live else "/auth/logout",
            logout_targets=None if live else logout_targets,
        ),
        *([] if live else _forgetting(sign_in_routes(), remembered)),
        *provider_routes,
    ]
    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[
            Middleware(Headers, settings=settings, origins=origins),
            Middleware(RequestIds, language=settings.default_language),
            Middleware(Direct, path=f"{path}/graphql", to=endpoint),
        ],
    )
    app.state.settings, app.state.database, app.state.clock = settings, database, clock
    app.state.executor = Executor(schema, way=settings.executor, meter=Meter(schema._schema, settings), in_arabic=in_arabic)
    app.state.rates = Rates(settings, clock=clock)
    app.state.attempts = live.state.attempts if live else Attempts(settings, app.state.rates)
    app.state.trusted, app.state.remembered = Documents(settings, database, clock), remembered
    app.state.documents, app.state.uploads, app.state.press = document_store(settings), Uploads(), Press()
    app.state.mailer = mailer
    app.state.sign_in, app.state.everybody = client, everybody
    app.state.accounts = live.state.database if live else database  # whose credentials count
    app.state.sandbox = Sandbox(settings, live.state.database, database, clock) if live else None
    app.state.mounted = None
    return app


async def _sdl(request: Request) -> Response:
    # Not the deployment's language where none is asked for: programs compare it with schema.graphql.
    language = asked_language(request.headers.get("accept-language")) or "en"
    body = _sdl_text(language)
    etag = etag_of(body)
    headers = {"Cache-Control": "private, no-cache", "ETag": etag, "Vary": "Accept-Encoding, Accept-Language", "Content-Language": language}
    if is_known(request, etag):
        return Response(status_code=304, headers=headers)
    body, encoding = await packed(body, request.headers.get("accept-encoding"))
    return Response(body, headers={**headers, **({"Content-Encoding": encoding} if encoding else {})}, media_type="text/plain")


@cache
def _sdl_text(language: Language) -> bytes:
    return (in_arabic() if language == "ar" else schema).as_str().encode()


def _forgetting(routes: list[Route], remembered: Remembered) -> list[Route]:
    """Signing in and out changes whom a cookie stands for."""

    def forgetting(inner: ASGIApp) -> ASGIApp:
        async def run(scope: Scope, receive: Receive, send: Send) -> None:
            async def send_after(message: Message) -> None:
                remembered.forget()
                await send(message)

            await inner(scope, receive, send_after)

        return run

    for route in routes:
        route.app = forgetting(route.app)
    return routes


def _sign_in(settings: Settings, everybody: Database, clock: Clock) -> tuple[OpenIdClient | None, list[BaseRoute]]:
    """The unified login: the settings' issuer, else the demo's own provider where this is a demo, else none."""
    if settings.demo and settings.oidc_issuer is None:
        return demo_sign_in(settings, everybody, clock=clock)
    return openid_client(settings), []
