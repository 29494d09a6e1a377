"""What holds for every request: an id, and no bug shown to anybody."""

from __future__ import annotations

import os

import orjson
import structlog
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.engine.answers import is_unavailable, refusal
from app.errors import Internal, Language, Unavailable
from app.web.language import asked_language

_log = structlog.get_logger("web")


class Direct:
    """Sends one path straight to its application: Starlette's router and wrappers cost as much as a point query's SQL."""

    def __init__(self, app: ASGIApp, path: str, to: ASGIApp) -> None:
        self.app, self.path, self.to = app, path, to

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self.to if scope["type"] == "http" and scope["path"] == self.path else self.app)(scope, receive, send)


class RequestIds:
    """Gives each request an id, answers it in X-Request-Id, and masks what was not foreseen under that id."""

    def __init__(self, app: ASGIApp, language: Language) -> None:
        """language: of whoever asks for none."""
        self.app, self.language = app, language

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = os.urandom(16).hex()
        scope.setdefault("state", {})["request_id"] = request_id
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                names = {name for name, _ in message["headers"]}
                if b"x-request-id" not in names:
                    message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        except Exception as error:
            passing = is_unavailable(error)
            if passing:
                _log.error("database_unavailable", request_id=request_id, path=scope["path"], error=type(error).__name__)
            else:
                _log.exception("unexpected", request_id=request_id, path=scope["path"])
            if started:
                raise
            told = Unavailable() if passing else Internal(request_id=request_id)
            language = asked_language(Headers(scope=scope).get("accept-language")) or self.language
            body, headers = orjson.dumps(refusal(told, language)), {"Content-Language": language, "Vary": "Accept-Language"}
            await Response(body, told.status, headers, "application/json")(scope, receive, send_with_headers)
