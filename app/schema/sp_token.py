"""SP-Tokens: making, replacing and revoking them."""

from __future__ import annotations

from datetime import datetime

import strawberry

from app import models, values
from app.auth.permissions import Permission
from app.engine.declare import attribute, column, expression, graph_type, identity, related, related_by
from app.engine.inputs import CheckedInput, given, key_of, required
from app.engine.pages import sorted_by
from app.models import Environment, TokenStatus, token_status
from app.operations import sp_token as operations
from app.resolvers.mutation import Payload, mutation
from app.schema.shared import Node

TOKEN_ORDER = sorted_by(lambda row, _: row.created_at, descending=True)


@graph_type(models.SpToken, allow=Permission.TOKENS_READ, description="A company's credential for its servers.")
class SpToken(Node):
    id: strawberry.ID = identity(models.SpToken)
    name: str = column(models.SpToken.name, description="What it is for")
    display_code: str = column(models.SpToken.display_code, description="Six characters to tell it by, e.g. d708e4; never enough to use")
    environment: Environment = column(models.SpToken.environment, description="Where it works")
    scopes: list[Permission] = column(models.SpToken.scopes, description="What it may do")
    address_ranges: list[str] | None = column(
        models.SpToken.address_ranges, description="The networks that it may come from; null: from anywhere"
    )
    status: TokenStatus = expression(lambda row, asker: token_status(row, asker.real_now), description="Whether it works now")
    created_at: datetime = column(models.SpToken.created_at, description="When it was made")
    created_by = related(models.SpToken.created_by_id, description="Who made it")
    expires_at: datetime | None = column(models.SpToken.expires_at, description="The instant from which on it does not work")
    last_used_at: datetime | None = column(models.SpToken.last_used_at, description="When it was last used, to the minute")
    revoked_at: datetime | None = column(models.SpToken.revoked_at, description="When it stopped; ahead while it is in its grace")


@strawberry.input(description="A new token.")
class CreateTokenInput(CheckedInput):
    name: str = required("What it is for", values.text(100))
    environment: Environment = required("Where it is to work")
    scopes: list[Permission] | None = given("What it may do; left out: REPORTS_READ, REPORTS_WRITE, TELEWORKERS_READ", each=True)
    expires_at: datetime | None = given("The instant from which on it does not work; left out: never", values.an_instant)
    address_ranges: list[str] | None = given(
        "The addresses or networks (CIDR) that it may come from, at most 20; left out: from anywhere", values.network, each=True, most=20
    )


@strawberry.type(description="The token, made.")
class CreateTokenPayload(Payload):
    token = related_by(models.SpToken, "token_id", description="The token")
    secret: str | None = attribute(description="To be kept by the caller: it is answered this once and stored nowhere", once=True)


create_token = mutation(
    operations.create_token,
    CreateTokenInput,
    CreateTokenPayload,
    allow=Permission.TOKENS_WRITE,
    description="Get a verification code (SP-Token)",
)


@strawberry.input(description="Which token to replace.")
class RegenerateTokenInput(CheckedInput):
    token_id: strawberry.ID = required("The token", key_of(models.SpToken))
    grace_minutes: int = given("How long the old secret goes on working, 0 to 1,440 minutes", values.whole_number(0, 1440), default=0)


@strawberry.type(description="The token that takes the old one's place.")
class RegenerateTokenPayload(Payload):
    token = related_by(models.SpToken, "token_id", description="The new token")
    secret: str | None = attribute(description="To be kept by the caller: it is answered this once and stored nowhere", once=True)
    replaced_token = related_by(models.SpToken, "replaced_token_id", description="The old token")


regenerate_token = mutation(
    operations.regenerate_token,
    RegenerateTokenInput,
    RegenerateTokenPayload,
    allow=Permission.TOKENS_WRITE,
    description="Replace a token by a new one of the same name, scopes, networks and end",
)


@strawberry.input(description="Which token to stop.")
class RevokeTokenInput(CheckedInput):
    token_id: strawberry.ID = required("The token", key_of(models.SpToken))


@strawberry.type(description="The token, stopped.")
class RevokeTokenPayload(Payload):
    token = related_by(models.SpToken, "token_id", description="The token")


revoke_token = mutation(
    operations.revoke_token, RevokeTokenInput, RevokeTokenPayload, allow=Permission.TOKENS_WRITE, description="Stop a token at once"
)
