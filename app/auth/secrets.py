"""Random secrets, and the hashes that stand for them in the database. No secret itself is ever stored."""

from __future__ import annotations

import hashlib
import secrets


def new_secret() -> str:
    """256 random bits in 43 characters that cookies, addresses and headers carry as they are."""
    return secrets.token_urlsafe(32)


def hash_of(secret: str) -> str:
    """SHA-256 in hex. Neither slow nor salted: what it hashes is random, so there is nothing to guess."""
    # Text from outside may hold lone surrogates, which plain UTF-8 refuses.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
