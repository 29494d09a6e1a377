"""Cities and their regions."""

from __future__ import annotations

import strawberry

from app import models
from app.engine.declare import column, expression, graph_type, identity
from app.engine.pages import sorted_by
from app.schema.shared import Node, name_in_language

CITY_ORDER = sorted_by(lambda row, _: row.name_ar)


@graph_type(models.City, allow=None, description="A city and its region.")
class City(Node):
    id: strawberry.ID = identity(models.City)
    key: str = column(models.City.key, description="Stable name for programs, e.g. riyadh")
    name: str = expression(name_in_language(), description="Name in the language the caller asked for")
    name_ar: str = column(models.City.name_ar, description="Name in Arabic")
    name_en: str = column(models.City.name_en, description="Name in English")
    region_name_ar: str = column(models.City.region_name_ar, description="The region's name in Arabic")
    region_name_en: str = column(models.City.region_name_en, description="The region's name in English")
