"""Occupations."""

from __future__ import annotations

import strawberry

from app import models
from app.engine.declare import column, expression, graph_type, identity
from app.engine.pages import sorted_by
from app.schema.shared import Node, name_in_language

OCCUPATION_ORDER = sorted_by(lambda row, _: row.name_ar)


@graph_type(models.Occupation, allow=None, description="An occupation that a job may be for.")
class Occupation(Node):
    id: strawberry.ID = identity(models.Occupation)
    code: str = column(models.Occupation.code, description="The portal's code of the occupation")
    name: str = expression(name_in_language(), description="Name in the language the caller asked for")
    name_ar: str = column(models.Occupation.name_ar, description="Name in Arabic")
    name_en: str = column(models.Occupation.name_en, description="Name in English")
