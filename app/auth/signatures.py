"""Signed addresses: who may fetch what, until when."""

from __future__ import annotations

import hmac
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from app.auth.actor import Actor
from app.settings import Settings


def sign_download(settings: Settings, actor: Actor, document_id: UUID, now: datetime) -> str:
    """The query string of an address that this caller, and nobody else, can use for some minutes. Real time, never a sandbox's."""
    expires = int(now.timestamp()) + settings.download_seconds
    return f"expires={expires}&signature={_signature(settings, actor, document_id, expires)}"


def is_signed(settings: Settings, actor: Actor, document_id: UUID, now: datetime, *, expires: str, signature: str) -> bool:
    if not (expires.isascii() and expires.isdecimal() and len(expires) < 12 and signature.isascii()):
        return False
    fresh = now.timestamp() < int(expires)
    return fresh and hmac.compare_digest(signature, _signature(settings, actor, document_id, int(expires)))


def _signature(settings: Settings, actor: Actor, document_id: UUID, expires: int) -> str:
    caller = actor.user_id or actor.token_id
    message = f"download {document_id} {caller} {actor.account_id} {expires}"
    return hmac.new(settings.secret_key.get_secret_value().encode(), message.encode(), sha256).hexdigest()
