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

from app.words import said

_NEEDS = re.compile(r"(?P<words>.*?)\. Needs (?P<permissions>[A-Z_, ]+)\.", re.DOTALL)  # as fields and mutations have it


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


def plain(description: str) -> tuple[str, str]:
    """A description without what it needs, and the permissions that it does."""
    found = _NEEDS.fullmatch(description)
    return (found["words"], found["permissions"]) if found else (description, "")


def describe_in_arabic(schema: GraphQLSchema) -> None:
    """Changes the schema. One English text may mean two things: the type's name is asked with."""
    for name, each in described(schema):
        if each.description:
            words, permissions = plain(each.description)
            arabic = said(words, "ar", context=name)
            needs = said("Needs {permissions}.", "ar", permissions=permissions)
            each.description = f"{arabic.rstrip('.')}. {needs}" if permissions else arabic
