"""Signed addresses: who may fetch or send what, until when."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from hashlib import sha256
from typing import Literal
from uuid import UUID

from app.auth.actor import Actor
from app.settings import Settings

Fetched = Literal["download", "summary"]


def sign_download(settings: Settings, actor: Actor, document_id: UUID, now: datetime) -> str:
    """The query string of an address that this caller, and nobody else, can use for some minutes. Real time, never a sandbox's."""
    return _signed_for(settings, actor, "download", document_id, now)


def sign_summary(settings: Settings, actor: Actor, contract_id: UUID, now: datetime) -> str:
    """The same for a contract as it is printed."""
    return _signed_for(settings, actor, "summary", contract_id, now)


def is_signed(
    settings: Settings, actor: Actor, key: UUID, now: datetime, *, expires: str, signature: str, what: Fetched = "download"
) -> bool:
    return (
        _is_number(expires) and now.timestamp() < int(expires) and _same(signature, _for_caller(settings, actor, what, key, int(expires)))
    )


def sign_upload(settings: Settings, document_id: UUID, company_id: UUID, now: datetime) -> tuple[str, datetime]:
    """The query string of an address that takes the document's bytes, from whoever holds it, and the moment when it ends.

    It names the company: without a credential, nothing else would tell as whom the database is to be asked.
    """
    expires = int(now.timestamp()) + settings.upload_seconds
    signature = _signature(settings, "upload", document_id, company_id, expires)
    return f"account={company_id.hex}&expires={expires}&signature={signature}", datetime.fromtimestamp(expires, UTC)


def is_upload(settings: Settings, document_id: UUID, *, account: str, expires: str, signature: str) -> bool:
    """Whether we made it; whether its time is over is another matter."""
    if not (_is_number(expires) and len(account) == 32 and account.isascii() and account.isalnum()):
        return False
    try:
        return _same(signature, _signature(settings, "upload", document_id, UUID(hex=account), int(expires)))
    except ValueError:  # no key
        return False


def _signed_for(settings: Settings, actor: Actor, what: Fetched, key: UUID, now: datetime) -> str:
    expires = int(now.timestamp()) + settings.download_seconds
    return f"expires={expires}&signature={_for_caller(settings, actor, what, key, expires)}"


def _for_caller(settings: Settings, actor: Actor, what: Fetched, key: UUID, expires: int) -> str:
    return _signature(settings, what, key, actor.user_id or actor.token_id, actor.account_id, expires)


def _signature(settings: Settings, *signed: object) -> str:
    # The sandbox has the portal's key, and its companies have the portal's ids: an address is of one environment alone.
    message = " ".join(map(str, (settings.environment, *signed)))
    return hmac.new(settings.secret_key.get_secret_value().encode(), message.encode(), sha256).hexdigest()


def _same(given: str, right: str) -> bool:
    return given.isascii() and hmac.compare_digest(given, right)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 12
