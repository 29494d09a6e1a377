"""Interfaces, ranges, and the few expressions that several types show."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import strawberry

from app.engine.declare import Expression, Node, maybe, type_of
from app.models import City
from app.models.base import in_language
from app.schema import enums  # described before any module's fields name them
from app.schema.scalars import EstablishmentNumber, UnifiedNumber

__all__ = ["Node", "enums"]


def name_in_language(stem: str = "name") -> Expression:
    return lambda row, asker: in_language(row, asker.language, stem)


@strawberry.interface(description="What every registered organization has in common.")
class Organization:
    id: strawberry.ID = strawberry.field(description="Public id, stable for ever")
    establishment_number: EstablishmentNumber = strawberry.field(description="Labour office and sequence at the Ministry")
    unified_number: UnifiedNumber | None = strawberry.field(description="Unified national number")
    name: str = strawberry.field(description="Name in the language the caller asked for (Accept-Language), Arabic where there is no other")
    name_ar: str = strawberry.field(description="Name in Arabic")
    name_en: str | None = strawberry.field(description="Name in English")
    city: maybe(type_of(City), True) = strawberry.field(description="Where it is")  # type: ignore[valid-type]  # made at run time


@strawberry.input(description="From one day to another, both included; either may be left out.")
class DateRange:
    from_: date | None = strawberry.field(default=strawberry.UNSET, name="from", description="First day")
    to: date | None = strawberry.field(default=strawberry.UNSET, description="Last day")


@strawberry.input(description="From one instant to another, the second excluded; either may be left out.")
class DateTimeRange:
    from_: datetime | None = strawberry.field(default=strawberry.UNSET, name="from", description="First instant")
    to: datetime | None = strawberry.field(default=strawberry.UNSET, description="The instant before which it ends")


@strawberry.input(description="From one amount to another, both included; either may be left out.")
class DecimalRange:
    from_: Decimal | None = strawberry.field(default=strawberry.UNSET, name="from", description="Least")
    to: Decimal | None = strawberry.field(default=strawberry.UNSET, description="Most")
