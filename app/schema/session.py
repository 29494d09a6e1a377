"""One's own sessions: in which browsers one is signed in, and ending one of them."""

from __future__ import annotations

from datetime import datetime

import strawberry
from sqlalchemy import ColumnElement, and_, func, or_

from app import models
from app.engine.declare import Asker, attribute, column, expression, graph_type, identity, related, resolver
from app.engine.inputs import CheckedInput, key_of, required
from app.engine.pages import sorted_by
from app.models.base import Instant, Row
from app.operations import account as operations
from app.resolvers.mutation import Payload, mutation
from app.resolvers.session import is_current, revoked
from app.schema.shared import Node

SESSION_ORDER = sorted_by(lambda row, _: row.created_at, descending=True)


def is_live(row: Row, asker: Asker) -> ColumnElement[bool]:
    """Neither too old nor unused for too long."""
    return and_(row.expires_at > asker.real_now, or_(row.idle_at.is_(None), row.idle_at > asker.real_now))


@graph_type(models.Session, allow=None, description="A browser in which the caller is signed in. Nobody sees another person's.")
class Session(Node):
    id: strawberry.ID = identity(models.Session)
    is_current: bool = resolver(is_current, bool, reads=False, description="Whether it is the one that asks")
    device: str | None = column(models.Session.device, description="What the browser said of itself when it signed in (User-Agent)")
    address: str | None = column(models.Session.address, description="The network address that it was last used from")
    account = related(models.Session.company_id, description="The company that it acts for; null until one is chosen")
    created_at: datetime = column(models.Session.created_at, description="When it began, by signing in")
    last_used_at: datetime = expression(
        lambda row, _: func.coalesce(row.last_used_at, row.created_at, type_=Instant()), description="When it was last used, to the minute"
    )
    expires_at: datetime = column(models.Session.expires_at, description="When it ends, however much it is used")


@strawberry.input(description="Which session to end.")
class RevokeSessionInput(CheckedInput):
    session_id: strawberry.ID = required("One of the caller's sessions", key_of(models.Session))


@strawberry.type(description="The session is over; its browser is signed out.")
class RevokeSessionPayload(Payload):
    revoked_session_id: strawberry.ID | None = attribute(description="The id that it had")


revoke_session = mutation(
    operations.revoke_session,
    RevokeSessionInput,
    RevokeSessionPayload,
    needs_account=False,
    after=revoked,
    description="End one of one's own sessions, as that of a lost device",
)
