"""The rounds of the isolation test: with both walls, with each alone, and with the first one taken down, a model at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from sqlalchemy import Table

from app.engine import context
from app.engine.execute import Executor
from app.models import Base
from app.models.base import everyone, nobody
from app.schema import schema
from tests.isolation.crawl import Crawl, Findings, Found
from tests.isolation.twins import Twins

Walls = Literal["both", "first", "second"]


def walled() -> list[type[Base]]:
    """The models whose rows are somebody's and that the graph shows."""
    tables = (mapper.class_ for mapper in Base.registry.mappers if isinstance(mapper.local_table, Table))
    models = sorted(tables, key=lambda model: model.__name__)
    shown = schema._schema.type_map
    return [model for model in models if model.scoped_by not in (everyone, nobody) and model.__name__ in shown]


@contextmanager
def without_first(*models: type[Base]) -> Iterator[None]:
    """`visible` lets everything of these models through."""
    walls = [(model, name) for model in models for name in ("scoped_by", "for_gateway")]
    before: dict[tuple[type[Base], str], Any] = {(model, name): model.__dict__[name] for model, name in walls}
    frozen = dict(context._FROZEN)
    context._FROZEN.clear()  # statements that were made with it
    for model, name in walls:
        setattr(model, name, staticmethod(everyone))
    try:
        yield
    finally:
        for (model, name), scope in before.items():
            setattr(model, name, scope)
        context._FROZEN.clear()
        context._FROZEN.update(frozen)


async def crawl(twins: Twins, walls: Walls) -> Findings:
    """`first`: over a server that works as the tables' owner (or SQLite); `second`: `visible` lets everything through."""
    with without_first(*(walled() if walls == "second" else [])):
        return await Crawl(twins).run()


async def first_leak_without(twins: Twins, model: type[Base]) -> str | None:
    """What the isolation test finds first when the model's rows are not walled in; None when it finds nothing."""
    state = twins.portal.app.state
    before, state.executor = state.executor, Executor(schema)  # plans hold the wall
    looked = Crawl(twins, first_only=model.__name__)
    try:
        with without_first(model):
            await looked.run()
    except Found:
        return looked.findings.leaks[0]
    finally:
        state.executor = before
    return None
