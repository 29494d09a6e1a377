"""What an attack costs us, and those who ask meanwhile: a real server on loopback, a neighbour with a small query, attacks one by one.

    .venv/bin/python -m tests.attack [--backend sqlite|postgresql] [--rounds N] [--only WORD]

Prints for each attack, sent by nobody and by somebody with a token: the answer, the milliseconds until it came (the median), the CPU that
one took of the server's, and the longest that the neighbour waited meanwhile (the median over the rounds, and the longest of all). The
limits on points are lifted: each attack meets the defence that is meant for it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http.client
import multiprocessing
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

import orjson
from graphql import get_introspection_query

from app.operations.migrate import migrate
from tests.databases import fresh_database, postgresql
from tests.portal import Portal
from tests.server import server_process
from tests.world import make_world

Body = bytes | Iterator[bytes]
INTERVAL = 0.005  # seconds between the neighbour's questions
NEIGHBOUR = orjson.dumps({"query": '{ cities(first: 1, search: "riyadh") { nodes { id name } } }'})
PAUSE = 0.05


# ---- attacks ------------------------------------------------------------------------------------------------------------


def asking(document: str, **variables: Any) -> bytes:
    return orjson.dumps({"query": document, "variables": variables})


def bomb(levels: int = 20, spreads: int = 2) -> str:
    chain = "".join(f"fragment F{n} on Query{{{f'...F{n + 1} ' * spreads}}}" for n in range(levels))
    return f"{{...F0}} {chain} fragment F{levels} on Query{{__typename}}"


def nested(opening: str, inner: str, closing: str, depth: int) -> str:
    return opening * depth + inner + closing * depth


def worst() -> str:
    """A document that passes every limit on its text, and is as dear to read as the author of this could think of."""
    fields = " ".join(f"a{n}:viewer{{account{{jobs(first:1){{nodes{{id title{{x}}}}}}}}}}" for n in range(48))
    return "{" + fields + "}"


INTROSPECTION = "__schema{types{name description fields{name description type{name ofType{name ofType{name}}} args{name type{name}}}}}"

ATTACKS: dict[str, bytes] = {
    "a bomb of 20 fragments, each spread twice": asking(bomb()),
    "a bomb of 20 fragments, each spread 10 times": asking(bomb(spreads=10)),
    "10,000 aliases": asking("{" + " ".join(f"a{n}:id" for n in range(10_000)) + "}"),
    "3,300 aliases, within the tokens": asking("{" + " ".join(f"a{n}:id" for n in range(3_300)) + "}"),
    "1 MB of tokens": asking("{" + "a " * 499_000 + "}"),
    "100 kB of tokens": asking("{" + "a " * 49_900 + "}"),
    "9,900 tokens, one name": asking("{" + "a " * 9_900 + "}"),
    "9,900 tokens, each unknown": asking("{" + " ".join(f"a{n}" for n in range(990)) + "}"),
    "JSON 100,000 deep": b"[" * 100_000 + b"]" * 100_000,
    "JSON 49,000 deep": b"[" * 49_000 + b"]" * 49_000,
    "variables 100,000 deep": b'{"query":"{a}","variables":{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
    "variables 49,000 deep": b'{"query":"{a}","variables":{"a":' + b"[" * 49_000 + b"]" * 49_000 + b"}}",
    "lists 4,900 deep in an argument": asking("{cities(first:" + nested("[", "", "]", 4_900) + "){nodes{id}}}"),
    "objects 150 deep in an argument": asking("{cities(first:" + nested("{a:", "1", "}", 150) + "){nodes{id}}}"),
    "selections 4,900 deep": asking(nested("{a", "", "}", 4_900)),
    "10,000 fragments": asking("{a}" + "".join(f"fragment F{n} on A{{a}}" for n in range(4_000))),
    "1,600 fragments, within the tokens": asking("{a}" + "".join(f"fragment F{n} on A{{a}}" for n in range(1_400))),
    "100 fragments of 9 fields": asking(
        "{...F0}" + "".join(f"fragment F{n} on Query{{{'viewer{role}' * 9}...F{n + 1}}}" for n in range(98)) + "fragment F98 on Query{a}"
    ),
    "4,900 directives": asking("{a" + "@a" * 4_900 + "}"),
    "200 directives that are unknown": asking("{" + "".join(f"a{n}@b{n}@c{n}" for n in range(100)) + "}"),
    "an integer of 90,000 digits": asking("{cities(first:" + "9" * 90_000 + "){nodes{id}}}"),
    "a string of 90 kB": asking('{cities(search:"' + "x" * 90_000 + '"){nodes{id}}}'),
    "a string of 45,000 escapes": asking('{cities(search:"' + "\\n" * 45_000 + '"){nodes{id}}}'),
    "a block string of 90,000 quotes": asking('{cities(search:"""' + '" ' * 45_000 + '"""){nodes{id}}}'),
    "a comment of 90 kB": asking("#" + "x" * 90_000 + "\n{a}"),
    "an integer of 90,000 digits in variables": b'{"query":"query($a:Int){a}","variables":{"a":' + b"9" * 90_000 + b"}}",
    "20,000 ids in variables": asking("query($i:[ID!]!){nodes(ids:$i){id}}", i=["x"] * 20_000),
    "240,000 ids in variables": asking("query($i:[ID!]!){nodes(ids:$i){id}}", i=["x"] * 240_000),
    "1 MB of brackets in variables": b'{"query":"query($i:ID!){node(id:$i){id}}","variables":{"i":[' + b"[{}]," * 190_000 + b"1]}}",
    "20,000 wrong values in variables": asking("query($i:[ID!]!){nodes(ids:$i){id}}", i=[{}] * 20_000),
    "6,000 unknown variables": asking("query($i:Int){cities(first:$i){nodes{id}}}", **{f"v{n}": n for n in range(6_000)}),
    "900 variables": asking(
        "query("
        + "".join(f"$v{n}:Int" for n in range(900))
        + "){"
        + " ".join(f"cities(first:$v{n}){{nodes{{id}}}}" for n in range(49))
        + "}"
    ),
    "fields that must merge": asking("{viewer{" + " ".join(["account{id}"] * 300) + "}}"),
    "fields that cannot merge": asking("{" + " ".join(f"cities(first:{n}){{nodes{{id}}}}" for n in range(49)) + "}"),
    "48 times what passes": asking(worst()),
    "introspection, types within types": asking("{__schema{types" + nested("{fields{type", "{name}", "}}", 11) + "}}"),
    "introspection, 50 times": asking("{" + " ".join(f"a{n}:{INTROSPECTION}" for n in range(49)) + "}"),
    "introspection, its fields 90 times": asking(
        "{__schema{types{" + " ".join(f"a{n}:fields{{name args{{name type{{name}}}}}}" for n in range(90)) + "}}}"
    ),
    "introspection, once": asking("{" + INTROSPECTION + "}"),
    "introspection, as tools ask": asking(get_introspection_query()),
    "a batch of ten bombs": orjson.dumps([{"query": bomb(spreads=10).replace("F", f"G{n}x")} for n in range(10)]),
    "a batch of ten with 9,900 tokens": orjson.dumps([{"query": f"{{b{n} " + "a " * 4_900 + "}"} for n in range(10)]),
    "a batch of ten at the limits": orjson.dumps([{"query": worst().replace("a", f"b{n}x", 1)} for n in range(10)]),
    "a body that drips": b"",
}


# ---- processes ----------------------------------------------------------------------------------------------------------


def neighbour(port: int, token: str, pipe: Connection) -> None:
    """Asks while it is told to. Whatever it receives, it answers the longest wait (ms) since the last time; `rest` and `ask` switch it."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    longest, due, asks = 0.0, time.perf_counter(), True
    while True:
        if pipe.poll(None if not asks else 0):
            word = pipe.recv()
            pipe.send(longest * 1000)
            if not asks:
                connection.close()  # the server has closed it while it rested
            longest, due, asks = 0.0, time.perf_counter(), word == "ask"
            continue
        connection.request("POST", "/graphql", NEIGHBOUR, headers)
        response = connection.getresponse()
        assert response.status == 200, response.read()
        response.read()
        longest = max(longest, time.perf_counter() - due)
        due = max(due + INTERVAL, time.perf_counter())
        time.sleep(max(0.0, due - time.perf_counter()))


@contextmanager
def next_door(port: int, token: str) -> Iterator[Callable[[str], float]]:
    """What it yields tells the neighbour to `ask` or to `rest`, and answers the longest wait (ms) since it was last called."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=neighbour, args=(port, token, theirs), daemon=True)
    process.start()

    def tell(word: str) -> float:
        ours.send(word)
        if not ours.poll(30):
            raise RuntimeError("the neighbour gave up waiting")
        return float(ours.recv())

    try:
        yield tell
    finally:
        process.terminate()


def cpu(pid: int) -> float:
    """Milliseconds of CPU so far, of all threads that live."""
    return sum(int(task.joinpath("schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir()) / 1e6


@dataclass(frozen=True)
class Answer:
    status: int
    told: str
    took: float  # ms


def send(port: int, body: bytes, token: str | None) -> Answer:
    headers = {"Content-Type": "application/json", "Accept": "application/graphql-response+json", "Accept-Language": "en"}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    if not body:
        return drip(port, headers)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.connect()
    began = time.perf_counter()
    with contextlib.suppress(OSError):  # refused before all was sent
        connection.request("POST", "/graphql", body, headers)
    response = connection.getresponse()
    text = response.read()
    took = (time.perf_counter() - began) * 1000
    connection.close()
    return Answer(response.status, _told(text), took)


def drip(port: int, headers: dict[str, str]) -> Answer:
    """A byte every tenth of a second until the server has enough of it."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        connection.sendall(f"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 90000\r\n{head}\r\n".encode())
        began, answer = time.perf_counter(), b""
        connection.settimeout(0.1)
        while not answer:
            try:
                connection.sendall(b" ")
                answer = connection.recv(65_536)
            except TimeoutError:
                continue
        return Answer(int(answer.split()[1]), _told(answer.partition(b"\r\n\r\n")[2]), (time.perf_counter() - began) * 1000)


def _told(text: bytes) -> str:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text.decode().strip()[:70]
    errors = (found[0] if isinstance(found, list) else found).get("errors")
    return f"{errors[0]['extensions']['code']}: {' '.join(errors[0]['message'].split())[:60]}" if errors else "data"


# ---- the command --------------------------------------------------------------------------------------------------------


async def prepared(url: str, folder: Path) -> str:
    """A migrated database with two companies; the secret of a token of one."""
    await migrate(url)
    portal = Portal(url, folder)
    try:
        world = await make_world(portal)
        caller = await portal.token(world.north, "REPORTS_READ")
    finally:
        await portal.close()
    return caller.headers["Authorization"].removeprefix("Bearer ")


def measure(backend: str, url: str, rounds: int, only: str) -> None:
    """Prints the table."""
    folder = Path(tempfile.mkdtemp())
    token = asyncio.run(prepared(url, folder))
    settings = {"points_a_minute": "2000000000", "anonymous_points_a_minute": "2000000000", "arrival_seconds": "1"}
    with server_process(folder, url, **settings) as server:
        port = int(server.url.rpartition(":")[2])
        for _ in range(5):
            send(port, NEIGHBOUR, token)
        with next_door(port, token) as tell:
            tell("ask")
            quiet = []
            for _ in range(rounds):
                time.sleep(0.1)
                quiet.append(tell("ask"))
            print(
                f"\n{backend}: without an attack, the neighbour waits {median(quiet):.1f} ms at most, {max(quiet):.1f} in the worst round"
            )
            print(f"{'attack':48} {'by':6} {'took ms':>8} {'CPU ms':>7} {'neighbour ms':>14}  answer")
            for name, body in ATTACKS.items():
                for who, secret in (("nobody", None), ("token", token)) if only in name else ():
                    print(_row(f"{name:48} {who:6}", port, server.pid, tell, body, secret, rounds if body else 1), flush=True)


def _row(title: str, port: int, pid: int, tell: Callable[[str], float], body: bytes, secret: str | None, rounds: int) -> str:
    tell("rest")
    send(port, body, secret)
    before = cpu(pid)
    answers = [send(port, body, secret) for _ in range(rounds)]
    spent = (cpu(pid) - before) / rounds
    tell("ask")
    waits = []
    for _ in range(rounds):
        time.sleep(PAUSE)
        tell("ask")
        send(port, body, secret)
        waits.append(tell("ask"))
    took = median(answer.took for answer in answers)
    return f"{title} {took:8.1f} {spent:7.1f} {median(waits):7.1f} {max(waits):6.1f}  {answers[-1].status} {answers[-1].told}"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="tests.attack", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", choices=("sqlite", "postgresql"), help="one database alone")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is sent (5)")
    parser.add_argument("--only", default="", metavar="WORD", help="the attacks whose name holds it")
    options = parser.parse_args(arguments)
    if options.backend != "postgresql":
        with tempfile.TemporaryDirectory() as folder:
            measure("sqlite", f"sqlite+aiosqlite:///{folder}/attack.db", options.rounds, options.only)
    if options.backend != "sqlite":
        with postgresql() as server:
            measure("postgresql", fresh_database(server), options.rounds, options.only)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
