"""The account's numbered log."""

from __future__ import annotations

from datetime import datetime

import strawberry

from app import models
from app.auth.permissions import Permission
from app.engine.declare import by_typed_key, column, graph_type, identity, related
from app.engine.filters import Argument, one_of
from app.engine.pages import sorted_by
from app.models import EventType
from app.schema.shared import Node

EVENT_ORDER = sorted_by(lambda row, _: row.sequence)
EVENT_TYPES = Argument(one_of(lambda row, _: row.type), list[EventType], "Only of these types")


@graph_type(
    models.Event,
    allow=Permission.EVENTS_READ,
    description="One entry of the account's numbered log: gapless, in order, the same log behind subscriptions, webhooks and audit.",
)
class Event(Node):
    id: strawberry.ID = identity(models.Event)
    sequence: int = column(models.Event.sequence, description="Its number in the account's log")
    type: EventType = column(models.Event.type, description="What happened")
    occurred_at: datetime = column(models.Event.occurred_at, description="When")
    subject = by_typed_key(
        Node, "subject_prefix", "subject_id", description="What it happened to; null where it is gone or not the caller's to see"
    )
    actor_name: str = column(models.Event.actor_name, description="Who did it, in words")
    user = related(models.Event.user_id, description="The person who did it")
    token = related(models.Event.token_id, description="The token that did it")
    request_id: str | None = column(models.Event.request_id, description="The request that did it, as the X-Request-Id header answered")
