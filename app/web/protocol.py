"""How requests are read off a connection: uvicorn's way, but with an end to how long a head may be, and may take to arrive."""

from __future__ import annotations

import asyncio
import re
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from app.settings import Settings

_UPGRADE = re.compile(rb"\r\nupgrade:[ \t]*h2c[ \t]*(?=\r\n)", re.IGNORECASE)


def protocol(settings: Settings) -> type[asyncio.Protocol]:
    """The class that uvicorn makes one of for each connection."""
    return type("Bounded", (_Bounded,), {"most": settings.most_head_bytes, "seconds": settings.arrival_seconds})


class _Bounded(HttpToolsProtocol):
    most: ClassVar[int]
    seconds: ClassVar[float]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self._at_head, self._begun, self._size, self._tail = True, False, 0, b""
        self._alarm: asyncio.TimerHandle | None = self.loop.call_later(self.seconds, self._refuse, 408)

    def connection_lost(self, exc: Exception | None) -> None:
        self._silence()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        end = 0
        if self._at_head:
            end = (self._tail + data if self._tail else data).find(b"\r\n\r\n", 0, self.most)
            if end < 0 and self._size + len(data) > self.most:
                self._begun = True
                self._refuse(431)
                return
            # Java's client offers HTTP/2 in this way; the parser would take the offer for accepted, and the body for what comes next.
            if end > 0 and not self._tail and b"h2c" in data[:end]:
                data = _UPGRADE.sub(b"", data[: end + 2]) + data[end + 2 :]
        super().data_received(data)
        if not self._begun or self.transport.is_closing():
            self._size, self._tail = 0, b""
            self._silence()
            return
        # Where a head ended in what came, the next one's beginning is not counted.
        self._size, self._tail = (self._size + len(data), data[-3:]) if end < 0 else (0, b"")
        if self._alarm is None:
            self._alarm = self.loop.call_later(self.seconds, self._refuse, 408)

    def on_message_begin(self) -> None:
        self._at_head = self._begun = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._at_head = self._begun = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._at_head = True  # of the next, which has not begun: until it does, uvicorn closes what is idle

    def _silence(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _refuse(self, status: int) -> None:
        self._silence()
        if self.transport.is_closing():
            return
        # Nothing where nothing was asked, or where another answer is still being written.
        if self._begun and getattr(self.cycle, "response_complete", True):
            self.transport.write(STATUS_LINE[status] + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()
