"""The exported schema: it is the code's, it keeps the contract, and everything in it is described."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    build_schema,
    find_breaking_changes,
    get_named_type,
)

from app.schema import schema

ROOT = Path(__file__).parents[2]
EXPORTED = build_schema(schema.as_str())
MUTATIONS = cast(GraphQLObjectType, EXPORTED.mutation_type).fields

# What the contract promises and a later part of the portal brings. A name that has come is to be struck out here.
LATER = {
    "Subscription", "Webhook", "WebhookStatus", "WebhookDelivery", "DeliveryStatus", "Company.webhooks",
}  # fmt: skip
LATER_MUTATIONS = {
    "createWebhook", "updateWebhook", "deleteWebhook", "redeliverWebhook",
}  # fmt: skip


def test_schema_graphql_is_the_codes_schema() -> None:
    written = (ROOT / "schema.graphql").read_text(encoding="utf-8")

    assert written == schema.as_str().rstrip("\n") + "\n", "`telework schema --write` writes it"


def test_the_schema_keeps_the_contract() -> None:
    contract = build_schema((ROOT / "tests" / "contract" / "contract.graphql").read_text(encoding="utf-8"))

    broken = {change.description for change in find_breaking_changes(contract, EXPORTED)}

    assert {words for words in broken if not _is_later(words)} == set()


def test_nothing_is_called_later_that_has_come() -> None:
    fields = {f"{name}.{field}" for name, type_ in EXPORTED.type_map.items() for field in getattr(type_, "fields", {})}

    assert (LATER & (set(EXPORTED.type_map) | fields), LATER_MUTATIONS & set(MUTATIONS)) == (set(), set())


def test_everything_in_the_schema_is_described() -> None:
    bare = []
    for name, type_ in EXPORTED.type_map.items():
        if name.startswith("__"):
            continue
        if not type_.description:
            bare.append(name)
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            bare += [f"{name}.{key}" for key, field in type_.fields.items() if not field.description]
        if isinstance(type_, GraphQLEnumType):
            bare += [f"{name}.{key}" for key, value in type_.values.items() if not value.description]

    assert [name for name in bare if not name.startswith(("Connection", "Edge"))] == []


@pytest.mark.parametrize("mutation", sorted(MUTATIONS))
def test_a_mutation_takes_one_input_and_tells_user_errors(mutation: str) -> None:
    field = MUTATIONS[mutation]
    payload = get_named_type(field.type)

    assert list(field.args) == ["input"]
    assert isinstance(payload, GraphQLObjectType)
    assert {"userErrors", "clientMutationId"} <= set(payload.fields)


def _is_later(words: str) -> bool:
    """Whether a missing thing is one of those, or hangs on one by its name."""
    name = next((word.strip(".") for word in words.split() if word[0].isupper() and word not in ("Field", "Argument", "Standard")), "")
    stem = name.removesuffix("Connection").removesuffix("Edge").removesuffix("Payload").removesuffix("Input")
    mutation = stem[:1].lower() + stem[1:]
    return "was removed" in words and (
        name in LATER or stem in LATER or mutation in LATER_MUTATIONS or name.removeprefix("Mutation.") in LATER_MUTATIONS
    )
