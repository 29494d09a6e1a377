"""The rules that look at more than a role: what may be granted, and who plays the portal's gateway."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from app.auth.actor import ANONYMOUS, Actor
from app.auth.permissions import GATEWAY, GRANTABLE, ROLE_PERMISSIONS, Permission
from app.auth.policies import lacking_for_role, may_grant
from app.errors import Forbidden, GatewayOnly, PersonOnly, RequestError, Unauthenticated
from app.models import Role
from app.resolvers.mutation import ByGateway, _guard
from app.schema import MUTATIONS
from app.settings import Settings

KEY = UUID(int=1)
PERSON = {role: Actor(user_id=KEY, account_id=KEY, role=role, permissions=ROLE_PERMISSIONS[role]) for role in Role}
TOKEN = Actor(token_id=KEY, account_id=KEY, permissions=GRANTABLE)
PORTAL = Actor(gateway_id=KEY, permissions=GATEWAY)


@pytest.mark.parametrize("by", list(Role))
def test_a_role_is_given_by_who_may_do_as_much(by: Role) -> None:
    order = [Role.VIEWER, Role.MEMBER, Role.ADMIN, Role.OWNER]

    given = [role for role in order if lacking_for_role(PERSON[by], role) is None]

    assert given == order[: order.index(by) + 1]


def test_a_scope_is_granted_by_who_holds_it_and_never_by_a_token_what_makes_tokens() -> None:
    assert {scope for scope in Permission if may_grant(PERSON[Role.ADMIN], scope)} == GRANTABLE
    assert {scope for scope in Permission if may_grant(PERSON[Role.VIEWER], scope)} == GRANTABLE & ROLE_PERMISSIONS[Role.VIEWER]
    assert not may_grant(TOKEN, Permission.TOKENS_WRITE)


@pytest.mark.parametrize(
    ("gateway", "actor", "environment", "refusal"),
    [
        ("never", PORTAL, "LIVE", Forbidden),
        ("never", TOKEN, "LIVE", None),
        ("also", PORTAL, "LIVE", None),
        ("also", TOKEN, "LIVE", None),
        ("only", PORTAL, "LIVE", None),
        ("only", TOKEN, "LIVE", GatewayOnly),
        ("only", PERSON[Role.OWNER], "LIVE", GatewayOnly),
        ("only", TOKEN, "SANDBOX", None),
        ("only", PERSON[Role.OWNER], "SANDBOX", GatewayOnly),
        ("only", ANONYMOUS, "SANDBOX", Unauthenticated),
    ],
)
def test_the_gateway_does_what_is_declared_for_it_and_tokens_play_it_in_the_sandbox(
    gateway: ByGateway, actor: Actor, environment: str, refusal: type[RequestError] | None
) -> None:
    """On a mutation that takes JOBS_WRITE; one for the gateway alone takes no permission of the list."""
    allow = None if gateway == "only" else Permission.JOBS_WRITE
    declared = replace(MUTATIONS["add_job"], gateway=gateway, allow=allow)
    settings = Settings.model_validate({"environment": environment})

    if refusal is None:
        _guard(declared, actor, settings)
    else:
        with pytest.raises(refusal):
            _guard(declared, actor, settings)


def test_what_is_for_people_alone_is_refused_to_all_others() -> None:
    for actor in (TOKEN, PORTAL):
        with pytest.raises(PersonOnly):
            _guard(MUTATIONS["register_provider"], actor, Settings())
    _guard(MUTATIONS["register_provider"], PERSON[Role.VIEWER], Settings())
