"""A small declared graph whose fields say what they were given, or break in the ways that fields can: no database behind it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, is_dataclass
from decimal import Decimal
from enum import Enum
from typing import Any, Union

import strawberry
from strawberry import UNSET
from strawberry.annotation import StrawberryAnnotation
from strawberry.schema.config import StrawberryConfig
from strawberry.types.arguments import StrawberryArgument

import app.engine.reference  # noqa: F401  # answers the fields that are declared here
from app.engine.context import Context
from app.engine.declare import attribute, performing, resolver
from app.errors import BadUserInput
from app.schema.scalars import SCALARS

Batch = Callable[..., Awaitable[Sequence[Any]]]


@strawberry.enum
class Colour(Enum):
    RED = strawberry.enum_value("r")
    BLUE = strawberry.enum_value("b")


@strawberry.input
class Inner:
    must: str
    many: list[str] | None = UNSET


@strawberry.input
class Outer:
    text: str | None = UNSET
    number: int = 7
    amount: Decimal | None = UNSET
    colour: Colour | None = Colour.BLUE
    listed: list[str | None] | None = UNSET
    inner: Inner | None = UNSET
    inners: list[Inner] | None = UNSET


@strawberry.input(one_of=True)
class Either:
    text: strawberry.Maybe[str]
    number: strawberry.Maybe[int]


def said(value: Any) -> Any:
    """What a field was given, as text that two executors can be compared by."""
    if value is UNSET:
        return "unset"
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, list):
        return [said(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {name: said(each) for name, each in vars(value).items()}
    return repr(value)


async def echo(keys: Sequence[Any], context: Context, **given: Any) -> list[str]:
    return [str({name: said(value) for name, value in given.items()})] * len(keys)


def answering(value: Any) -> Batch:
    async def answer(keys: Sequence[Any], context: Context) -> list[Any]:
        return [value] * len(keys)

    return answer


def raising(error: Exception) -> Batch:
    async def answer(keys: Sequence[Any], context: Context) -> list[Any]:
        raise error

    return answer


def _argument(name: str, annotation: Any, default: Any = UNSET) -> StrawberryArgument:
    return StrawberryArgument(name, None, StrawberryAnnotation(annotation), default=default)


def echoing(annotation: Any, **more: Any) -> Any:
    return resolver(echo, str | None, description="Says it", arguments=[_argument("value", annotation, **more)], reads=False)


def answers(value: Any, annotation: Any) -> Any:
    return resolver(answering(value), annotation, description="Answers it", reads=False)


@dataclass
class Values:
    text: str | None = "text"
    must: str | None = "must"
    tags: Any = field(default_factory=lambda: ["a", "b"])
    holes: Any = field(default_factory=lambda: ["a", None])
    full: Any = field(default_factory=lambda: ["a", "b"])
    grid: Any = field(default_factory=lambda: [[1, None], None, []])
    colour: Colour | None = Colour.RED
    amount: Decimal = Decimal("1.50")


@strawberry.type
class Deep:
    must: str = attribute(description="Never null, it says")
    lost = resolver(answering(None), str, description="Never null, and null", reads=False)
    broken = resolver(raising(ValueError("secret words")), str, description="Never null, and broken", reads=False)
    refused = resolver(raising(BadUserInput("Not so.", ["value"])), str | None, description="Refuses what it is asked", reads=False)


@strawberry.type
class Thing:
    text: str | None = attribute(description="Text")
    must: str = attribute(description="Text")
    tags: list[str] = attribute(description="[String!]!")
    holes: list[str | None] | None = attribute(description="[String]")
    full: list[str] | None = attribute(description="[String!]")
    grid: list[list[int | None] | None] | None = attribute(description="[[Int]]")
    colour: Colour | None = attribute(description="Colour")
    amount: Decimal = attribute(description="Amount")
    deep = answers(Values(), Deep)
    maybe = answers(Values(), Deep | None)
    nothing = answers(None, Deep | None)
    echo = echoing(int | None)


@strawberry.type
class Query:
    thing = answers(Values(), Thing | None)
    empty = answers(Values(text=None, tags=[], holes=None, full=[], grid=None, colour=None), Thing | None)
    without_must = answers(Values(must=None), Thing | None)
    without_tag = answers(Values(tags=["a", None]), Thing | None)
    without_full = answers(Values(full=["a", None]), Thing | None)
    sure = answers(Values(), Thing)
    nothing = answers(None, Thing | None)
    either_type = answers(None, Union[Thing, Deep, None])  # noqa: UP007  # Strawberry's unions
    text = echoing(str | None)
    must_text = echoing(str, default=UNSET)
    default_text = echoing(str, default="default")
    listed = echoing(list[str | None] | None)
    full_list = echoing(list[str] | None)
    must_list = echoing(list[str | None], default=UNSET)
    must_full_list = echoing(list[str], default=UNSET)
    colour = echoing(Colour | None)
    outer = echoing(Outer | None)
    either = echoing(Either | None)
    two = resolver(
        echo, str | None, description="Says both", arguments=[_argument("one", int | None), _argument("other", int | None)], reads=False
    )


@strawberry.input
class CountInput:
    by: int = 1
    fail: str | None = None


class Counted:
    def __init__(self, number: int) -> None:
        self.number = number


@strawberry.type
class CountPayload:
    number: int = attribute(description="So far")
    again = resolver(answering("again"), str | None, description="A field of the payload", reads=False)
    lost = resolver(answering(None), str, description="Never null, and null", reads=False)


async def count(context: Context, given: CountInput) -> Counted:
    """Slower the earlier: run side by side, they would come out of order."""
    number = context.signals.get("number", 0)
    if given.fail == "refused":
        raise BadUserInput("Not so.")
    if given.fail == "broken":
        raise ValueError("secret words")
    context.signals["number"] = number + given.by
    context.signals.setdefault("order", []).append(given.by)
    return Counted(number + given.by)


@strawberry.type
class Mutation:
    count = performing(count, CountInput, CountPayload | None, description="Counts")


schema = strawberry.Schema(Query, Mutation, config=StrawberryConfig(scalar_map=SCALARS))
