"""The inputs of mutations: each field declares its rule, and an input is read into plain values, all broken rules at once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from typing import Any

import orjson
import strawberry
from strawberry import UNSET

from app.engine.declare import NO_KEY, parse_public_id
from app.errors import AppError, AppErrors, ValidationFailed
from app.models import Base
from app.values import Rule


def _keep(value: Any) -> Any:
    return value


def given(
    description: str, rule: Rule = _keep, *, each: bool = False, most: int = 100, clearable: bool = True, default: Any = strawberry.UNSET
) -> Any:
    """A field of an input.

    rule       takes what came in and answers what is stored, or raises ValidationFailed
    each       the rule is for each item of the list, of which there are `most` at the most
    clearable  whether null is a value; where it is not, null is VALIDATION_FAILED (an absent field is left alone either way)
    """
    metadata = {"rule": rule, "each": each, "most": most, "clearable": clearable}
    return strawberry.field(default=default, description=description, metadata=metadata)


def required(description: str, rule: Rule = _keep, *, each: bool = False, plain: bool = False) -> Any:
    """A field that GraphQL itself insists on.

    plain   for long lists of inputs: the rule gets them as GraphQL's own dictionaries, or as objects from the reference executor.
            Strawberry takes 80 µs to make an object of one with nine fields.
    """
    metadata = {"rule": rule, "each": each, "most": 100, "clearable": False, "plain": plain}
    return strawberry.field(description=description, metadata=metadata)


def key_of(model: type[Base]) -> Rule:
    """The rule of a public id. One that is malformed, or another type's, finds as little as a foreign one: all are told alike."""

    def rule(value: str) -> Any:
        found = parse_public_id(value)
        return (found[1] if found and found[0] is model else None) or NO_KEY

    return rule


@strawberry.input
class MutationInput:
    """What every input takes besides its own fields."""

    client_mutation_id: str | None = strawberry.field(default=None, description="Echoed in the payload")


@strawberry.input
class CheckedInput(MutationInput):
    validate_only: bool = strawberry.field(default=False, description="Run every check and write nothing")


_OURS = {"client_mutation_id", "validate_only"}


def read_input(value: Any) -> dict[str, Any]:
    """The fields that were given, by Python name, as their rules keep them. Raises AppErrors with every broken rule."""
    read, errors = read_fields(value)
    if errors:
        raise AppErrors(errors)
    return read


def read_fields(value: Any) -> tuple[dict[str, Any], list[AppError]]:
    """The fields that keep their rules, and what is wrong with the others."""
    read: dict[str, Any] = {}
    errors: list[AppError] = []
    for declared in value.__strawberry_definition__.fields:
        name = declared.python_name
        raw = getattr(value, name)
        if name in _OURS or raw is UNSET:
            continue
        try:
            read[name] = _read(raw, declared.metadata, errors, name)
        except AppError as error:
            error.path = (name,)
            errors.append(error)
    return read, errors


def _read(raw: Any, metadata: Any, errors: list[AppError], name: str) -> Any:
    if raw is None:
        if not metadata["clearable"]:
            raise ValidationFailed(en="This cannot be cleared.")
        return None
    if not metadata["each"]:
        return metadata["rule"](raw)
    if len(raw) > metadata["most"]:  # before any item is looked at: each may make an error
        raise ValidationFailed(en="At most {most} of these.", most=metadata["most"])
    return _items(raw, metadata["rule"], errors, name)


def _items(raw: Sequence[Any], rule: Rule, errors: list[AppError], name: str) -> list[Any]:
    kept = []
    for place, item in enumerate(raw):
        try:
            kept.append(rule(item))
        except AppError as error:
            error.path = (name, place)
            errors.append(error)
    return kept


# ---- whether two inputs are the same -------------------------------------------------------------------------------------


def input_hash(name: str, value: Any) -> str:
    """SHA-256 of a mutation's name and of its input as GraphQL coerced it; `clientMutationId` is the answer's matter, and left out.

    A field that was left out is as one that was given its default: a field that is new changes no hash.
    """
    text = orjson.dumps([name, value], _plain, orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_SORT_KEYS)
    return hashlib.sha256(text).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, tuple):
        return list(value)
    kind: Any = type(value)
    defaults = _defaults(kind)
    return {name: each for name, each in vars(value).items() if name != "client_mutation_id" and each != defaults[name]}


@cache
def _defaults(input_type: Any) -> dict[str, Any]:
    return {declared.python_name: declared.default for declared in input_type.__strawberry_definition__.fields}
