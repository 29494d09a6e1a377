"""Frequently asked questions."""

from __future__ import annotations

import strawberry

from app import models
from app.engine.declare import expression, graph_type, identity
from app.engine.pages import sorted_by
from app.schema.shared import Node, name_in_language

FAQ_ORDER = sorted_by(lambda row, _: row.position)


@graph_type(models.Faq, allow=None, description="A frequently asked question, in the language the caller asked for.")
class Faq(Node):
    id: strawberry.ID = identity(models.Faq)
    question: str = expression(name_in_language("question"), description="The question")
    answer: str = expression(name_in_language("answer"), description="The answer")
    category: str = expression(name_in_language("category"), description="What it is about")
