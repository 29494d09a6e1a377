"""The Starlette application put together."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from app.auth.sign_in import OpenIdClient, openid_client
from app.clock import Clock, system_clock
from app.database import Database
from app.engine.execute import Executor
from app.schema import schema
from app.settings import GRAPHIQL_DIST, Settings
from app.storage import document_store
from app.web.demo_provider import demo_sign_in
from app.web.document import download
from app.web.graphiql import graphiql_routes
from app.web.graphql import graphql
from app.web.middleware import RequestIds
from app.web.sign_in import sign_in_routes


def create_app(settings: Settings, *, clock: Clock = system_clock) -> Starlette:
    """The whole server over one database. Its pool is closed when the server stops."""
    if not settings.secret_key.get_secret_value():
        settings = settings.model_copy(update={"secret_key": SecretStr(secrets.token_hex(32))})
    database = Database(settings)
    client, provider_routes = _sign_in(settings, database, clock)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        if client is not None:
            await client.close()
        await database.close()

    routes: list[BaseRoute] = [
        Route("/", lambda _: RedirectResponse("/graphiql", 307)),
        Route("/graphql", graphql, methods=["GET", "POST"]),
        Route("/schema.graphql", _sdl),
        Route("/documents/{document_id}", download),
        *graphiql_routes(GRAPHIQL_DIST, graphql_url="/graphql", login_url="/auth/login", logout_url="/auth/logout"),
        *sign_in_routes(),
        *provider_routes,
    ]
    app = Starlette(routes=routes, lifespan=lifespan, middleware=[Middleware(RequestIds)])
    app.state.settings, app.state.database, app.state.clock = settings, database, clock
    app.state.executor = Executor(schema, way=settings.executor)
    app.state.documents = document_store(settings)
    app.state.sign_in = client
    return app


def _sdl(_: Request) -> Response:
    return PlainTextResponse(schema.as_str(), media_type="text/plain")


def _sign_in(settings: Settings, database: Database, clock: Clock) -> tuple[OpenIdClient | None, list[BaseRoute]]:
    """The unified login: the settings' issuer, else the demo's own provider where this is a demo, else none."""
    if settings.demo and settings.oidc_issuer is None:
        return demo_sign_in(settings, database, clock=clock)
    return openid_client(settings), []
