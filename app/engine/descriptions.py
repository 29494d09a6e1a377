"""A schema's own descriptions, in Arabic."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    is_specified_scalar_type,
)

from app.words import english, said

_NEEDS, _GATEWAY = english("Needs {permissions}."), english("For the portal's gateway alone.")
# As fields and mutations end that not everybody may use.
_ENDING = re.compile(rf"(?P<words>.*?)\. (Needs (?P<permissions>[A-Z_, ]+)\.|{re.escape(_GATEWAY)})", re.DOTALL)


def described(schema: GraphQLSchema) -> Iterator[tuple[str, Any]]:
    """(type's name, what has a description) for all that is ours: types, fields, arguments, values of enums."""
    for name, type_ in schema.type_map.items():
        if name.startswith("__") or is_specified_scalar_type(type_):  # every schema of the process shares these
            continue
        yield name, type_
        if isinstance(type_, GraphQLEnumType):
            yield from ((name, value) for value in type_.values.values())
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            fields: dict[str, GraphQLField | GraphQLInputField] = {**type_.fields}
            for field in fields.values():
                yield name, field
                arguments: dict[str, GraphQLArgument] = getattr(field, "args", {})
                yield from ((name, argument) for argument in arguments.values())


def plain(description: str) -> str:
    """A description without who may."""
    found = _ENDING.fullmatch(description)
    return found["words"] if found else description


def describe_in_arabic(schema: GraphQLSchema) -> None:
    """Changes the schema. One English text may mean two things: the type's name is asked with."""
    for name, each in described(schema):
        if each.description:
            each.description = _in_arabic(each.description, name)


def _in_arabic(description: str, context: str) -> str:
    if (found := _ENDING.fullmatch(description)) is None:
        return said(description, "ar", context=context)
    who = said(_NEEDS, "ar", permissions=found["permissions"]) if found["permissions"] else said(_GATEWAY, "ar")
    return f"{said(found['words'], 'ar', context=context).rstrip('.')}. {who}"
