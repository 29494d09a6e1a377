"""The language a caller asked for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from starlette.requests import Request
from starlette.responses import PlainTextResponse

from app.auth.actor import ANONYMOUS, Actor
from app.errors import Language
from app.words import said

_LONG = 200  # characters: headers that clients make up are not kept
_LANGUAGES: dict[str, tuple[Language, ...]] = {"ar": ("ar",), "en": ("en",)}


def asked_language(header: str | None) -> Language | None:
    """Arabic or English by Accept-Language's quality values; None where the header asks for neither."""
    return _asked_language(header) if header is None or len(header) < _LONG else _asked_language.__wrapped__(header)


@lru_cache(1000)
def _asked_language(header: str | None) -> Language | None:
    found: dict[Language, float] = {}
    others: float | None = None  # what a wildcard says of the one that is not named
    for place, item in enumerate((header or "").split(",")[:20]):
        tag, *parameters = item.split(";")
        quality = max(_quality(parameters) - place * 1e-6, 0)  # the first of equals wins
        for language in _meant(tag.strip().lower()):
            found[language] = max(found.get(language, 0), quality)
        if tag.strip() == "*":
            others = quality
    if found and others is not None:
        for (language,) in _LANGUAGES.values():
            found.setdefault(language, others - 1e-4)  # who is named goes first
    best = max(found.items(), key=lambda item: item[1], default=(None, 0.0))
    return best[0] if best[1] > 0 else None


def _meant(tag: str) -> tuple[Language, ...]:
    return _LANGUAGES.get(tag.partition("-")[0], ())


def _quality(parameters: Sequence[str]) -> float:
    for each in parameters:
        name, _, value = each.partition("=")
        if name.strip().lower() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0


def plain_words(request: Request, english: str, status: int, actor: Actor = ANONYMOUS) -> PlainTextResponse:
    """A refusal in plain text, in the language that is asked for, or is the caller's own, or the deployment's."""
    spoken = asked_language(request.headers.get("accept-language")) or actor.language or request.app.state.settings.default_language
    headers = {"Content-Language": spoken, "Vary": "Accept-Language, Authorization, Cookie, Sp-Token"}
    return PlainTextResponse(said(english, spoken) + "\n", status, headers)
