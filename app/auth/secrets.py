"""Random secrets, the hashes that stand for them in the database, and what is kept there sealed. No secret itself is stored."""

from __future__ import annotations

import hashlib
import secrets

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey


def new_secret() -> str:
    """256 random bits in 43 characters that cookies, addresses and headers carry as they are."""
    return secrets.token_urlsafe(32)


def hash_of(secret: str) -> str:
    """SHA-256 in hex. Neither slow nor salted: what it hashes is random, so there is nothing to guess."""
    # Text from outside may hold lone surrogates, which plain UTF-8 refuses.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def sealed(text: str, key: str) -> str:
    """The text for nobody but who has the key (a JWE, A256GCM)."""
    return jwe.encrypt_compact({"alg": "dir", "enc": "A256GCM"}, text, _octets(key))


def unsealed(text: str, key: str) -> str | None:
    """None for what was sealed with another key."""
    try:
        opened = jwe.decrypt_compact(text, _octets(key)).plaintext
    except (JoseError, ValueError):
        return None
    return None if opened is None else opened.decode()


def _octets(key: str) -> OctKey:
    return OctKey.import_key(hashlib.sha256(b"sealed " + key.encode()).digest())
