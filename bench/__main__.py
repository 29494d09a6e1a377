"""Ours against its rivals on the same rows: answers compared, then measured in interleaved rounds. `python3 dev.py bench --help`."""

from __future__ import annotations

import argparse
import asyncio
import difflib
import json
import os
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from statistics import median
from typing import Any

from bench.data import SIZES, Company, companies, prepare
from bench.generator import Burst, Generator, generator
from bench.postgres import Postgres, postgres
from bench.processes import ROOT, Server, install_peers, machine, postgres_cpu, request, rivals, running
from bench.queries import COLD, QUERIES, Query, cold, jobs_of_size, normal
from tests.databases import NoPostgres

KEPT = ROOT / ".data" / "bench"
CONNECTIONS = 16
ROWS = (10, 100, 1_000, 10_000)
CALLERS = (1, 4, 16, 64)
GROW_COMPANIES = 5


class Stop(Exception):
    """Ends the benchmark; its text says why."""


@dataclass(frozen=True)
class Sample:
    """One measurement; times in milliseconds, CPU for each request, memory in MB."""

    table: str
    query: str
    server: str
    round: int
    connections: int
    requests: int
    cpu: float
    postgres: float
    per_second: float
    p50: float
    p99: float
    memory: float
    bytes: float
    generator_busy: float


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    # Ended from outside, it takes its servers along as it does after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if options.peers or options.bare:
        install_peers()
    try:
        with postgres(KEPT) as server:
            name = asyncio.run(prepare(server, SIZES[options.size]))
            asked = asyncio.run(companies(server, name))
            compete(options, server, name, asked)
    except (Stop, NoPostgres, RuntimeError) as stop:
        print(f"bench: {stop}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="dev.py bench", description=__doc__)
    parser.add_argument("--peers", action="store_true", help="PostGraphile 5 and Mercurius too, from npm")
    parser.add_argument("--bare", action="store_true", help="the peers also without sign-in and tenant filter, which all others carry")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured; medians are shown (5)")
    parser.add_argument("--seconds", type=float, default=3, help="how long each measurement takes (3)")
    parser.add_argument("--size", choices=SIZES, default="full", help="full: a million jobs, loaded once; small: 10,000")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="these queries (Q1 to Q5) or servers alone; repeatable")
    parser.add_argument("--grow", action="store_true", help="instead: how cost grows with 10 to 10,000 rows")
    parser.add_argument("--callers", action="store_true", help="instead: 1 to 64 callers at once")
    parser.add_argument("--cold", action="store_true", help="instead: a document that no server has seen, each time")
    return parser.parse_args(arguments)


# ---- what is run --------------------------------------------------------------------------------------------------------


def compete(options: argparse.Namespace, server: Postgres, database: str, asked: list[Company]) -> None:
    """Start all, compare their answers, measure, print and save."""
    chosen = {name.lower() for name in options.only}
    known = rivals(server, database, peers=options.peers, bare=options.bare)
    names = {rival.name for rival in known}
    queries = [query for query in QUERIES if query.name.lower() in chosen] or QUERIES
    if unknown := chosen - names - {query.name.lower() for query in QUERIES}:
        raise Stop(f"no query or server is called {', '.join(sorted(unknown))}; servers are {', '.join(sorted(names))}")
    taking_part = [rival for rival in known if rival.name in chosen] or known
    first_core, *others = sorted(os.sched_getaffinity(0))
    load = set(others) or {first_core}
    # The servers have a core to themselves; new backends take after their postmaster.
    os.sched_setaffinity(server.pid, load)
    with generator(load) as source, running(taking_part, KEPT / "logs", {first_core}) as servers:
        bench = Bench(options, server, servers, source)
        tables = []
        if options.grow:
            tables.append(_grow(bench, asked))
        if options.callers:
            tables.append(_callers(bench, asked))
        if options.cold:
            tables.append(_cold(bench, asked))
        if not tables:
            tables.append(_main_table(bench, queries, asked))
    print("\n" + "\n\n".join(tables))
    bench.save()


def _main_table(bench: Bench, queries: list[Query], asked: list[Company]) -> str:
    work = [Work(query.name, query, asked, CONNECTIONS) for query in queries]
    samples = bench.measure("queries", work)
    return "\n\n".join([_queries_table(samples, queries), _targets_table(samples, queries)])


def _grow(bench: Bench, asked: list[Company]) -> str:
    work = []
    for rows in ROWS:
        made = jobs_of_size(rows, []) if rows <= 1000 else None
        if made is not None:
            work.append(Work(f"{rows:,} rows", made, asked, CONNECTIONS))
        elif bench.options.size == "full":
            # Cursors belong to a company: a few companies, walked through beforehand, each with its own variables.
            own = [jobs_of_size(rows, _cursors(bench, company, rows // 1000 - 1)) for company in asked[:GROW_COMPANIES]]
            work.append(Work(f"{rows:,} rows", own[0], asked[:GROW_COMPANIES], CONNECTIONS, own))
    samples = bench.measure("grow", work)
    return _plain_table("Rows of one list (10,000: ours and reference by ten pages in one operation)", samples)


def _cursors(bench: Bench, company: Company, count: int) -> list[str]:
    """Where a company's pages of 1,000 jobs end."""
    document = """query($id: ID!, $after: String) { node(id: $id) { ... on Company {
      jobs(first: 1000, after: $after) { pageInfo { endCursor } } } } }"""
    graph = next(server for server in bench.servers if server.name in ("ours", "reference"))
    found: list[str] = []
    for _ in range(count):
        variables = {"id": company.public_id, "after": found[-1] if found else None}
        answer = graph.ask({"query": document, "variables": variables}, company.secret)
        found.append(answer["data"]["node"]["jobs"]["pageInfo"]["endCursor"])
    return found


def _callers(bench: Bench, asked: list[Company]) -> str:
    query = QUERIES[1]
    samples = bench.measure("callers", [Work(f"{callers} callers", query, asked, callers) for callers in CALLERS])
    return _plain_table(f"Callers at once ({query.title})", samples)


def _cold(bench: Bench, asked: list[Company]) -> str:
    bench.servers = [server for server in bench.servers if server.name != "hand"]
    work = []
    for query in QUERIES[:3]:
        work.append(Work(f"{query.name} known", query, asked, CONNECTIONS))
        work.append(Work(f"{query.name} new", cold(query), asked, CONNECTIONS, varied=COLD.encode()))
    return _plain_table("A document that is new each time, against the same that is known", bench.measure("cold", work))


@dataclass(frozen=True)
class Work:
    """A query to be measured under a name; `own` holds a query for each company where they differ."""

    name: str
    query: Query
    companies: list[Company]
    connections: int
    own: list[Query] | None = None
    varied: bytes = b""

    def bodies(self, server: Server) -> Iterable[tuple[dict[str, Any], Company]]:
        queries = self.own or [self.query] * len(self.companies)
        for query, company in zip(queries, self.companies, strict=True):
            yield query.body(server.rival.dialect, company), company

    def takes(self, server: Server) -> bool:
        return server.rival.dialect in self.query.documents


# ---- measuring ----------------------------------------------------------------------------------------------------------


class Bench:
    """The servers under load, and all that was measured."""

    def __init__(self, options: argparse.Namespace, server: Postgres, servers: list[Server], source: Generator) -> None:
        self.options, self.postgres, self.servers, self.source = options, server, servers, source
        self.samples: list[Sample] = []
        self.started = datetime.now(UTC)
        self.idle: dict[str, float] = {}

    def measure(self, table: str, work: list[Work]) -> list[Sample]:
        """Compares all answers, then measures in rounds; within one, all servers by turns, each round another first."""
        for each in work:
            self._compare(each)
        self._measure_idle()
        for number in range(self.options.rounds):
            for each in work:
                taking = [server for server in self.servers if each.takes(server)]
                turn = number % len(taking)
                for server in taking[turn:] + taking[:turn]:
                    self.samples.append(self._sample(table, each, server, number))
            _say(f"round {number + 1} of {self.options.rounds} done")
        return [sample for sample in self.samples if sample.table == table]

    def _compare(self, work: Work) -> None:
        """All servers' answers for some companies, thrice, so that compiled and planned ways are compared too."""
        for place in sorted({0, len(work.companies) // 2, len(work.companies) - 1}):
            first: tuple[str, list[str]] | None = None
            for server in (server for server in self.servers if work.takes(server)):
                body, company = list(work.bodies(server))[place]
                for _ in range(3):
                    answer = server.ask(body, company.secret)
                    text = _comparable(answer)
                    if text is None:
                        raise Stop(f"{server.name} does not answer {work.name}: {str(answer)[:1500]}")
                    if first is None:
                        first = server.name, text
                    elif text != first[1]:
                        changes = list(difflib.unified_diff(first[1], text, first[0], server.name, lineterm="", n=2))
                        raise Stop(f"{work.name}: answers differ\n" + "\n".join(changes[:60]))
        _say(f"{work.name}: answers are equal")

    def _measure_idle(self) -> None:
        """How much CPU each takes while nobody asks; taken off what is measured."""
        time.sleep(0.5)
        before = {server.name: server.cpu() for server in self.servers} | {"postgres": postgres_cpu(self.postgres)}
        time.sleep(2)
        after = {server.name: server.cpu() for server in self.servers} | {"postgres": postgres_cpu(self.postgres)}
        self.idle = {name: (after[name] - before[name]) / 2 for name in before}

    def _sample(self, table: str, work: Work, server: Server, number: int) -> Sample:
        requests = [request(body, company.secret) for body, company in work.bodies(server)]
        burst = Burst(server.port, requests, work.connections, max(0.5, self.options.seconds / 3), work.varied)
        server.forget_peak()
        self.source.send(burst)
        cpu, theirs = server.cpu(), postgres_cpu(self.postgres)
        outcome = self.source.send(replace(burst, seconds=self.options.seconds))
        cpu = server.cpu() - cpu - self.idle[server.name] * outcome.seconds
        theirs = postgres_cpu(self.postgres) - theirs - self.idle["postgres"] * outcome.seconds
        if outcome.failures:
            raise Stop(f"{server.name} failed at {work.name}, {outcome.failures} of {outcome.requests}: {outcome.first_failure}")
        return Sample(
            table=table,
            query=work.name,
            server=server.name,
            round=number + 1,
            connections=work.connections,
            requests=outcome.requests,
            cpu=cpu * 1000 / outcome.requests,
            postgres=theirs * 1000 / outcome.requests,
            per_second=outcome.requests / outcome.seconds,
            p50=outcome.p50,
            p99=outcome.p99,
            memory=server.peak_memory(),
            bytes=outcome.bytes,
            generator_busy=outcome.busy,
        )

    def save(self) -> None:
        """All samples, beside what they were taken with."""
        folder = KEPT / "results"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.started:%Y-%m-%dT%H-%M-%S}.json"
        told = {
            "started": self.started.isoformat(),
            "machine": machine(),
            "options": vars(self.options),
            "idle_cpu_share": self.idle,
            "samples": [asdict(sample) for sample in self.samples],
        }
        path.write_text(json.dumps(told, indent=1))
        print(f"\nSaved as {path.relative_to(ROOT)}. {self.started:%Y-%m-%d}, {machine()}, {self.options.rounds} rounds of "
              f"{self.options.seconds:g} s, {self.options.size} data.")  # fmt: skip


def _comparable(answer: Any) -> list[str] | None:
    """The data as lines of text; None where it is no full answer. Pages of one list are joined."""
    if not isinstance(answer, dict) or answer.get("errors") or not isinstance(answer.get("data"), dict):
        return None
    data = normal(answer["data"])
    if any(value is None for value in data.values()):
        return None
    for value in data.values():
        pages = [name for name in value if name.startswith("page")]
        if pages:
            value["jobs"] = [row for name in sorted(pages, key=lambda name: int(name[4:])) for row in value.pop(name)]
    return json.dumps(data, ensure_ascii=False, indent=1, sort_keys=True).split("\n")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


# ---- tables -------------------------------------------------------------------------------------------------------------

_COLUMNS = ("cpu", "postgres", "per_second", "p50", "p99", "memory")
_HEAD = "server CPU ms | PostgreSQL CPU ms | both ms | requests/s | p50 ms | p99 ms | peak MB"


def _medians(samples: list[Sample]) -> dict[tuple[str, str], dict[str, float]]:
    """(query, server) -> the median of each figure, over the rounds."""
    groups: dict[tuple[str, str], list[Sample]] = defaultdict(list)
    for sample in samples:
        groups[sample.query, sample.server].append(sample)
    return {key: {name: median(getattr(each, name) for each in group) for name in _COLUMNS} for key, group in groups.items()}


def _figures(found: dict[str, float]) -> str:
    both = found["cpu"] + found["postgres"]
    values = [found["cpu"], found["postgres"], both, found["per_second"], found["p50"], found["p99"], found["memory"]]
    return " | ".join(_shown(value) for value in values)


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def _queries_table(samples: list[Sample], queries: list[Query]) -> str:
    found = _medians(samples)
    titles = {query.name: query.title for query in queries}
    lines = [f"| query | server | {_HEAD} |", "|---" * 9 + "|"]
    for (name, server), figures in sorted(found.items(), key=_by_query):
        lines.append(f"| {name} {titles[name]} | {server} | {_figures(figures)} |")
    return "\n".join(lines)


def _by_query(item: tuple[tuple[str, str], Any]) -> str:
    return item[0][0]


def _targets_table(samples: list[Sample], queries: list[Query]) -> str:
    """Ours as a multiple of each rival's server CPU, beside what is to be reached; the peers also by CPU with PostgreSQL's."""
    found = _medians(samples)
    present = list(dict.fromkeys(server for _, server in found if server != "ours"))
    lines = ["| ours against | " + " | ".join(present) + " |", "|---" * (len(present) + 1) + "|"]
    for query in queries:
        ours = found.get((query.name, "ours"))
        cells = [_against(query, ours, found.get((query.name, rival)), rival) for rival in present] if ours else []
        if cells:
            lines.append(f"| {query.name} {query.title} | " + " | ".join(cells) + " |")
    return "\n".join(lines) if len(lines) > 2 else ""


def _against(query: Query, ours: dict[str, float], theirs: dict[str, float] | None, rival: str) -> str:
    if theirs is None:
        return ""
    ratio = ours["cpu"] / max(theirs["cpu"], 1e-9)
    target = query.targets.get(rival.removesuffix(" bare"))
    said = f"{ratio:.2f}" if ratio >= 0.2 else f"{ratio:.3f}"
    if target is not None:
        said += f" (at most {target:.2g}: {'met' if ratio <= target else 'MISSED'})"
    if rival.startswith(("mercurius", "postgraphile")):
        total = (ours["cpu"] + ours["postgres"]) / (theirs["cpu"] + theirs["postgres"])
        said += f", with PostgreSQL {total:.2f} ({'met' if total < 1 else 'MISSED'})"
    return said


def _plain_table(title: str, samples: list[Sample]) -> str:
    lines = [f"{title}:", "", f"| | server | {_HEAD} |", "|---" * 9 + "|"]
    lines += [f"| {name} | {server} | {_figures(figures)} |" for (name, server), figures in _medians(samples).items()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
