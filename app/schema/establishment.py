"""Client establishments."""

from __future__ import annotations

import strawberry

from app import models
from app.auth.permissions import Permission
from app.engine.declare import column, expression, graph_type, identity, related
from app.engine.pages import connection, sorted_by
from app.models.base import establishment_number
from app.schema.scalars import EmailAddress, EstablishmentNumber, MobileNumber, UnifiedNumber
from app.schema.shared import Node, Organization, name_in_language


@graph_type(models.Establishment, allow=Permission.CONTRACTS_READ, description="A client establishment.")
class Establishment(Node, Organization):
    id: strawberry.ID = identity(models.Establishment)
    establishment_number: EstablishmentNumber = expression(
        lambda row, _: establishment_number(row), description="Labour office and sequence at the Ministry"
    )
    unified_number: UnifiedNumber | None = column(models.Establishment.unified_number, description="Unified national number")
    name: str = expression(name_in_language(), description="Name in the language the caller asked for")
    name_ar: str = column(models.Establishment.name_ar, description="Name in Arabic")
    name_en: str | None = column(models.Establishment.name_en, description="Name in English")
    city = related(models.Establishment.city_id, description="Where it is")
    activity: str | None = column(models.Establishment.activity, description="What it does")
    email: EmailAddress | None = column(models.Establishment.email, description="E-mail address")
    mobile: MobileNumber | None = column(models.Establishment.mobile, description="Mobile number")
    contracts = connection(
        models.Contract.establishment_id,
        order=sorted_by(lambda row, _: row.created_at, descending=True),
        allow=Permission.CONTRACTS_READ,
        description="The acting company's contracts with this establishment, newest first",
    )
