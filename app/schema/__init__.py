"""The graph: types, names, nullability, descriptions and permissions, as declarations; put together and checked here."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module

import strawberry
from strawberry.schema.config import StrawberryConfig

import app.schema.enums  # first: an enum that a field names before it is described stays without words

# isort: split
import app.engine.reference  # noqa: F401  # answers the fields that the modules below declare
from app.engine.declare import TYPES, check
from app.engine.descriptions import describe_in_arabic
from app.resolvers.mutation import Mutation
from app.schema.scalars import SCALARS

_MODULES = [import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
MUTATIONS = {name: declared for module in _MODULES for name, declared in vars(module).items() if isinstance(declared, Mutation)}

check(TYPES)
_mutation = strawberry.type(
    type("Mutation", (), {name: declared.field() for name, declared in MUTATIONS.items()}), description="What callers may change."
)


def _made() -> strawberry.Schema:
    query = import_module(f"{__name__}.query").Query
    return strawberry.Schema(query, _mutation, types=list(TYPES.values()), config=StrawberryConfig(scalar_map=SCALARS))


schema = _made()


@cache
def in_arabic() -> strawberry.Schema:
    """The same graph, described in Arabic: for whoever asks about the graph itself."""
    made = _made()
    describe_in_arabic(made._schema)
    return made
