"""What an answer is written in: the media type and the packing that a caller likes best."""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Callable, Iterator
from functools import lru_cache

import brotli  # it has no types
import zstandard

GRAPHQL, JSON = "application/graphql-response+json", "application/json"
SHORTEST_PACKED = 1000  # bytes; less fits into one packet anyway
_IN_A_THREAD = 100_000  # bytes that take a millisecond or more
_LONG = 200  # characters: headers that clients make up are not kept
_QUALITY = re.compile(r"[01](\.\d{0,3})?")


def media_type(accept: str | None) -> str | None:
    """The better liked of the two media types; None where neither is."""
    return _media_type(accept) if accept is None or len(accept) < _LONG else _media_type.__wrapped__(accept)


@lru_cache(1000)
def _media_type(accept: str | None) -> str | None:
    if not accept or not accept.strip():
        return GRAPHQL
    liked: dict[str, tuple[bool, float]] = {GRAPHQL: (False, 0.0), JSON: (False, 0.0)}  # whether named, how much liked
    for type_, quality in _items(accept):
        exact = type_ in liked
        for known in [type_] if exact else liked if type_ in ("*/*", "application/*") else []:
            # What is said of a type by its name counts, whatever the wildcards say.
            liked[known] = max(liked[known], (exact, quality - (0 if exact else 1e-4)))
    best = max(liked, key=lambda known: liked[known][1])
    return best if liked[best][1] > 0 else None


def _items(header: str) -> Iterator[tuple[str, float]]:
    """What the header names, and how much it is liked; 0 for a quality that is none."""
    for item in header.lower().split(",")[:50]:
        name, *parameters = (part.strip() for part in item.split(";"))
        found = next((parameter[2:] for parameter in parameters if parameter.startswith("q=")), "1")
        yield name, float(found) if _QUALITY.fullmatch(found) else 0.0


# ---- packing -------------------------------------------------------------------------------------------------------------


def _gzip(body: bytes) -> bytes:
    packer = zlib.compressobj(5, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


# Ours first, the best first. zstd: a packer of its own for each body, as they may not be shared between threads.
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "zstd": lambda body: zstandard.ZstdCompressor(level=3).compress(body),
    "br": lambda body: brotli.compress(body, quality=4),
    "gzip": _gzip,
}


async def packed(body: bytes, accept_encoding: str | None) -> tuple[bytes, str | None]:
    """The body, and the encoding that it is in. Long answers are packed outside of the loop.

    Packing tells a listener how much of a secret somebody's guess repeats (BREACH), where an answer holds both. Ours hold a secret once,
    when it is made, and only in answers to a POST that no other site can send.
    """
    if not accept_encoding or len(body) < SHORTEST_PACKED:
        return body, None
    liked = dict(_items(accept_encoding))
    quality = {name: liked.get(name, liked.get("*", 0.0)) for name in PACKERS}
    best = max(PACKERS, key=lambda name: quality[name])
    if quality[best] <= 0 or quality[best] < liked.get("identity", 0.0):
        return body, None
    pack = PACKERS[best]
    return (await asyncio.to_thread(pack, body) if len(body) >= _IN_A_THREAD else pack(body)), best
