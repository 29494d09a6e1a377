"""The first wall between tenants: which rows of a table a caller may see."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement

from app.auth.actor import Actor
from app.models import Base
from app.models.base import Row
from app.scope import Scope


def visible(model: type[Base], row: Row) -> ColumnElement[bool]:
    """A condition over `row` (the model or an alias). It reads the parameters of `scope_parameters`: NULL there sees nothing."""
    return model.scoped_by(row)


def scope_parameters(actor: Actor) -> dict[str, Any]:
    """The values that every statement holding `visible` is run with."""
    return {"account": actor.account_id, "user": actor.user_id}


def scope_of(actor: Actor) -> Scope:
    """The same for the second wall: as whom the database is asked."""
    return Scope(actor.account_id, actor.user_id)
