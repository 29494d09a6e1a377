"""What of the schema random operations reached: fields whose parent was there to be read, and the arguments that they were read with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    get_named_type,
    is_abstract_type,
)


def fields_of(schema: GraphQLSchema) -> set[str]:
    """`Type.field` for every field of an object type."""
    return {f"{type_.name}.{name}" for type_ in _objects(schema) for name in type_.fields}


def arguments_of(schema: GraphQLSchema) -> set[str]:
    """`Type.field(argument:)` for every argument."""
    return {f"{type_.name}.{name}({each}:)" for type_ in _objects(schema) for name, made in type_.fields.items() for each in made.args}


def input_fields_of(schema: GraphQLSchema) -> set[str]:
    """`Input.field` for every field of an input."""
    inputs = (type_ for type_ in schema.type_map.values() if isinstance(type_, GraphQLInputObjectType))
    return {f"{type_.name}.{name}" for type_ in inputs for name in type_.fields}


def _objects(schema: GraphQLSchema) -> Iterator[GraphQLObjectType]:
    return (type_ for type_ in schema.type_map.values() if isinstance(type_, GraphQLObjectType) and not type_.name.startswith("__"))


def reached(schema: GraphQLSchema, document: DocumentNode, name: str | None, data: Any) -> Iterator[str]:
    """The fields and arguments that the answer shows to have been read."""
    operations = [made for made in document.definitions if isinstance(made, OperationDefinitionNode)]
    operation = next((made for made in operations if name is None or (made.name and made.name.value == name)), operations[0])
    fragments = {made.name.value: made for made in document.definitions if isinstance(made, FragmentDefinitionNode)}
    root = schema.mutation_type if operation.operation is OperationType.MUTATION else schema.query_type
    if root and data:
        yield from _read(schema, fragments, root, operation.selection_set.selections, data)


def _read(
    schema: GraphQLSchema, fragments: dict[str, FragmentDefinitionNode], type_: Any, selections: Sequence[SelectionNode], data: Any
) -> Iterator[str]:
    if isinstance(data, list):
        for item in data:
            yield from _read(schema, fragments, type_, selections, item)
        return
    if not isinstance(data, dict):
        return
    if is_abstract_type(type_) and (type_ := schema.type_map.get(data.get("__typename", ""))) is None:
        return
    for selection in selections:
        if isinstance(selection, FieldNode):
            key = selection.alias.value if selection.alias else selection.name.value
            if key in data and (made := type_.fields.get(selection.name.value)):
                yield f"{type_.name}.{selection.name.value}"
                yield from (f"{type_.name}.{selection.name.value}({each.name.value}:)" for each in selection.arguments or ())
                if selection.selection_set:
                    yield from _read(schema, fragments, get_named_type(made.type), selection.selection_set.selections, data[key])
            continue
        assert isinstance(selection, InlineFragmentNode | FragmentSpreadNode)
        node = fragments[selection.name.value] if isinstance(selection, FragmentSpreadNode) else selection
        wanted = schema.type_map[node.type_condition.name.value] if node.type_condition else type_
        if wanted is type_ or (is_abstract_type(wanted) and schema.is_sub_type(wanted, type_)):
            yield from _read(schema, fragments, type_, node.selection_set.selections, data)
