"""Trips to the provider that are under way: in the database, each tied to one browser, each used once."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.secrets import hash_of, new_secret
from app.auth.sign_in.failures import SignInInterrupted
from app.database import Database
from app.models import SignIn

SIGN_IN_MINUTES = 10
_OURS = re.compile(r"[\w-]{43}", re.ASCII)


async def begin_trip(database: Database, *, next_path: str, now: datetime) -> tuple[SignIn, str]:
    """The trip, and the secret for the cookie of the browser that makes it."""
    secret, state, nonce, verifier = (new_secret() for _ in range(4))
    trip = {
        "secret_hash": hash_of(secret),
        "state": state,
        "nonce": nonce,
        "code_verifier": verifier,
        "next_path": next_path,
        "expires_at": now + timedelta(minutes=SIGN_IN_MINUTES),
    }

    async def store(session: AsyncSession) -> None:
        await session.execute(delete(SignIn).where(SignIn.expires_at <= now))
        session.add(SignIn(**trip))

    await database.write(store)
    return SignIn(**trip), secret


async def take_trip(database: Database, secret: str | None, state: str | None, now: datetime) -> SignIn:
    """The trip of this browser, taken out of the database, so that it is used once however often the callback is called."""
    if not secret or not state or not _OURS.fullmatch(state):
        raise SignInInterrupted("no cookie" if not secret else "no state")
    # Both at once: another browser's state neither signs in here nor uses up the trip that is under way.
    taken = delete(SignIn).where(SignIn.secret_hash == hash_of(secret), SignIn.state == state).returning(SignIn)

    async def take(session: AsyncSession) -> SignIn | None:
        return (await session.scalars(taken, execution_options={"synchronize_session": False})).one_or_none()

    trip = await database.write(take)
    if trip is None:
        raise SignInInterrupted("unknown trip")
    if trip.expires_at <= now:
        raise SignInInterrupted("expired trip")
    return trip
