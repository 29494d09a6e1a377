"""The first wall between tenants: which rows of a table a caller may see."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement

from app.auth.actor import Actor
from app.models import Base
from app.models.base import Row
from app.scope import Scope


def visible(model: type[Base], row: Row, *, to_gateway: bool = False) -> ColumnElement[bool]:
    """A condition over `row` (the model or an alias). It reads the parameters of `scope_parameters`: NULL there sees nothing.

    to_gateway   for the portal's gateway, reading: a text of its own, since `or` in the one that all others share would cost it its indexes
    """
    return model.for_gateway(row) if to_gateway else model.scoped_by(row)


def scope_parameters(actor: Actor) -> dict[str, Any]:
    """The values that every statement holding `visible` is run with."""
    return {"account": actor.account_id, "user": actor.user_id}


def scope_of(actor: Actor) -> Scope:
    """The same for the second wall: as whom the database is asked."""
    is_reading_across = actor.is_gateway and actor.account_id is None
    return Scope(actor.account_id, actor.user_id, is_reading_across)
