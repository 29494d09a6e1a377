"""The header Idempotency-Key: a structured field's string (draft-ietf-httpapi-idempotency-key-header-08), or the key as it is."""

from __future__ import annotations

import re

from starlette.datastructures import Headers

from app.errors import BadIdempotencyKey

LONGEST = 255
# RFC 9651: printable ASCII in quotes, of which two characters are escaped. What parameters may follow says nothing to us.
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"(?: *;.*)?')
# No comma: several headers may come joined by one.
_PLAIN = re.compile(r"[!#-+\--~]+")


def idempotency_key(headers: Headers) -> str | None:
    """None where there is none. Raises BadIdempotencyKey."""
    given = headers.getlist("idempotency-key")
    if not given:
        return None
    text = given[0].strip(" \t")
    quoted = _QUOTED.fullmatch(text)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else text
    if len(given) > 1 or not (quoted or _PLAIN.fullmatch(text)) or not 1 <= len(key) <= LONGEST:
        raise BadIdempotencyKey(most=LONGEST)
    return key
