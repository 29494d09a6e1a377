"""The load: a process of its own that sends prepared requests over a number of connections, each its next as soon as it has its answer."""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import os
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from typing import cast

import uvloop

PATIENCE = 60  # seconds beyond a burst's own for the last answers


@dataclass(frozen=True)
class Burst:
    """What is to be sent: the requests in turn, for so long. `varied` is a text in them that each request has anew."""

    port: int
    requests: list[bytes]
    connections: int
    seconds: float
    varied: bytes = b""


@dataclass(frozen=True)
class Outcome:
    """What came of it; times in milliseconds. `busy` is the generator's share of a core: near 1 it was the bottleneck."""

    requests: int
    seconds: float
    p50: float
    p99: float
    busy: float
    bytes: float
    failures: int
    first_failure: str


class Generator:
    """The process, seen from outside."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def send(self, burst: Burst) -> Outcome:
        self._pipe.send(burst)
        if not self._pipe.poll(burst.seconds + PATIENCE):
            raise RuntimeError("the server has stopped answering")
        outcome = self._pipe.recv()
        if isinstance(outcome, str):
            raise RuntimeError(outcome)
        assert isinstance(outcome, Outcome)
        return outcome


@contextmanager
def generator(cores: set[int]) -> Iterator[Generator]:
    """Runs it on these cores."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, cores), daemon=True)
    process.start()
    try:
        yield Generator(ours)
    finally:
        ours.close()
        process.join(5)
        process.kill()


def _serve(pipe: Connection, cores: set[int]) -> None:
    os.sched_setaffinity(0, cores)
    while True:
        try:
            burst = pipe.recv()
        except (EOFError, KeyboardInterrupt):
            return
        try:
            pipe.send(uvloop.run(_run(burst)))
        except OSError as error:
            pipe.send(f"the server cannot be reached: {error}")


async def _run(burst: Burst) -> Outcome:
    loop = asyncio.get_running_loop()
    bodies = itertools.cycle(burst.requests)
    numbers = itertools.count(time.time_ns() // 1000 % 90_000_000)

    def following() -> bytes:
        request = next(bodies)
        return request.replace(burst.varied, b"x%08d" % next(numbers)) if burst.varied else request

    started = time.perf_counter()
    before = resource.getrusage(resource.RUSAGE_SELF)
    ends = started + burst.seconds
    clients = [_Client(following, ends, loop.create_future()) for _ in range(burst.connections)]
    for client in clients:
        await loop.create_connection(partial(_itself, client), "127.0.0.1", burst.port)
    await asyncio.gather(*(client.done for client in clients))
    lasted = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_SELF)
    times = sorted(itertools.chain.from_iterable(client.times for client in clients))
    failures = [failure for client in clients for failure in client.failures]
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    count = max(len(times), 1)
    return Outcome(
        requests=len(times),
        seconds=lasted,
        p50=times[len(times) // 2] * 1000 if times else 0.0,
        p99=times[int(len(times) * 0.99)] * 1000 if times else 0.0,
        busy=spent / lasted,
        bytes=sum(client.received for client in clients) / count,
        failures=len(failures),
        first_failure=failures[0] if failures else "",
    )


def _itself(client: _Client) -> _Client:
    return client


class _Client(asyncio.Protocol):
    """One connection. Reads only as much HTTP as it takes to find an answer's end."""

    def __init__(self, following: Callable[[], bytes], ends: float, done: asyncio.Future[None]) -> None:
        self.times: list[float] = []
        self.failures: list[str] = []
        self.received = 0
        self.done = done
        self._following, self._ends = following, ends
        self._answer = bytearray()
        self._length: int | None = None  # of head and body; None while not known
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by class
        self._send()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if self._length is None:
            self._length = self._expected()
        if self._length is None:
            complete = b"chunked" in self._answer[:2000].lower() and self._answer.endswith(b"\r\n0\r\n\r\n")
        else:
            complete = len(self._answer) >= self._length
        if complete:
            self._finish()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.failures.append("the connection was closed")
            self.done.set_result(None)

    def _expected(self) -> int | None:
        end = self._answer.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = bytes(self._answer[:end]).lower()
        place = head.find(b"content-length:")
        return None if place < 0 else end + 4 + int(head[place + 15 :].split(b"\r\n", 1)[0])

    def _finish(self) -> None:
        now = time.perf_counter()
        self.times.append(now - self._sent)
        self.received += len(self._answer)
        answer = self._answer
        if not answer.startswith(b"HTTP/1.1 200") or b'"errors"' in answer[:1500] or b'"errors"' in answer[-500:]:
            self.failures.append(answer[:1500].decode(errors="replace"))
        self._answer, self._length = bytearray(), None
        if now < self._ends:
            self._send()
        else:
            self.done.set_result(None)
            self._transport.close()

    def _send(self) -> None:
        request = self._following()
        self._sent = time.perf_counter()
        self._transport.write(request)
