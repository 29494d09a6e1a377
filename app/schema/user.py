"""People who sign in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import strawberry
from sqlalchemy import ColumnElement, case, null

from app import models
from app.auth.permissions import Permission
from app.engine.declare import Asker, Expression, column, expression, graph_type, identity
from app.models import Locale
from app.models.base import Row
from app.models.teleworker import masked
from app.schema.scalars import EmailAddress, MobileNumber, NationalId
from app.schema.shared import Node


def _personal(value: Callable[[Row], ColumnElement[Any]]) -> Expression:
    """One's own, and that of others for who manages members; null otherwise."""

    def sql(row: Row, asker: Asker) -> ColumnElement[Any]:
        return value(row) if asker.may(Permission.MEMBERS_READ) else case((row.id == asker.user, value(row)), else_=null())

    return sql


@graph_type(models.User, allow=None, description="A person. Contact data shows to the person, and to who may read members.")
class User(Node):
    id: strawberry.ID = identity(models.User)
    name: str = column(models.User.name, description="Full name")
    email: EmailAddress | None = expression(_personal(lambda row: row.email), description="E-mail address")
    mobile: MobileNumber | None = expression(_personal(lambda row: row.mobile), description="Mobile number")
    national_id: NationalId | None = expression(_personal(lambda row: masked(row.national_id)), description="National id, masked")
    locale: Locale = column(models.User.locale, description="Language where the request names none")
    last_login_at: datetime | None = expression(_personal(lambda row: row.last_login_at), description="When they last signed in")
