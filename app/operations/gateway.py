"""The credential of the portal's own gateway: made, listed and revoked by an operator. It belongs to no company, so no log tells of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.tokens import NewSecret
from app.models import GatewayCredential

_audit = structlog.get_logger("audit")


async def add_gateway(session: AsyncSession, name: str, made: NewSecret, *, now: datetime) -> GatewayCredential:
    """Keeps what is to be kept of a new secret."""
    row = GatewayCredential(name=name, display_code=made.display_code, secret_hash=made.secret_hash, created_at=now)
    session.add(row)
    await session.flush()
    _audit.info("gateway_created", gateway=str(row.id), display_code=row.display_code)
    return row


async def gateways(session: AsyncSession) -> Sequence[GatewayCredential]:
    """All credentials, the latest first."""
    return (await session.scalars(select(GatewayCredential).order_by(GatewayCredential.created_at.desc()))).all()


async def revoke_gateway(session: AsyncSession, public_id: str, *, now: datetime) -> bool:
    """Stops it; running servers notice within a second. False where there is none of that id that works."""
    for row in await gateways(session):
        if row.public_id == public_id and row.revoked_at is None:
            row.revoked_at = now
            _audit.info("gateway_revoked", gateway=str(row.id))
            return True
    return False
