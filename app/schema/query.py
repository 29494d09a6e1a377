"""The roots: refetch by public id, who is asking, reference data, the service. And a person's session."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import strawberry

from app import models
from app.auth.permissions import Permission
from app.engine.declare import attribute, by_public_id, by_public_ids, related_by, resolver
from app.engine.filters import FOLDED, Argument, matching, own_text
from app.engine.inputs import CheckedInput, MutationInput, given, key_of, required
from app.engine.pages import connection
from app.models import Environment, Role
from app.models.company import is_own
from app.operations import account as operations
from app.resolvers.mutation import Payload, mutation
from app.resolvers.query import gateway, log_out, portal, rate_limit, service, switch, viewer
from app.schema.city import CITY_ORDER
from app.schema.company import COMPANY_ORDER
from app.schema.faq import FAQ_ORDER
from app.schema.gateway import Gateway
from app.schema.occupation import OCCUPATION_ORDER
from app.schema.scalars import URL, EmailAddress
from app.schema.session import SESSION_ORDER, is_live
from app.schema.shared import Node

_SEARCH = {"search": Argument(matching(own_text), str, f"Only those whose names or texts hold this. {FOLDED}")}


@strawberry.type(description="Who is asking.")
class Viewer:
    user_id: strawberry.Private[UUID | None]
    token_id: strawberry.Private[UUID | None]
    account_id: strawberry.Private[UUID | None]
    user = related_by(models.User, "user_id", free=True, description="The person; null for an SP-Token")
    token = related_by(models.SpToken, "token_id", free=True, description="The token in use; null for a person")
    account = related_by(
        models.Company, "account_id", free=True, description="The company that the caller acts for; null until one is chosen"
    )
    role: Role | None = attribute(description="The person's role in that company")
    permissions: list[Permission] = attribute(description="What the caller may do in that company")
    companies = connection(
        models.Company,
        order=COMPANY_ORDER,
        arguments=_SEARCH,
        only=lambda row, _: is_own(row),
        description="Companies that the caller may switch to, by Arabic name",
    )
    sessions = connection(
        models.Session,
        order=SESSION_ORDER,
        only=is_live,
        description="Browsers in which the person is signed in, the latest sign-in first; none for an SP-Token",
    )


@strawberry.type(description="What this deployment is.")
class Service:
    environment: Environment = attribute(description="Live or sandbox")
    version: str = attribute(description="Version of the software")
    now: datetime = attribute(description="The clock that deadlines follow")
    current_week_start: date = attribute(description="The Sunday that began the current reporting week")


@strawberry.type(description="About the portal, for anyone.")
class Portal:
    name: str = attribute(description="Name in the language that the caller asked for")
    description: str = attribute(description="What it is for, in the language that the caller asked for")
    guide_url: URL | None = attribute(description="Where its guide is to be read")
    support_email: EmailAddress | None = attribute(description="Whom to write to")


@strawberry.type(description="What this operation costs, and what is left of the caller's points.")
class RateLimit:
    limit: int = attribute(description="Points a minute")
    remaining: int = attribute(description="Points left in this minute, this operation's taken off")
    reset_at: datetime = attribute(description="When all of them come back")
    cost: int = attribute(description="Points that this operation may cost at most; what it does not use is given back")
    maximum_cost: int = attribute(description="Points that one operation may cost")


@strawberry.type(description="What callers may read.")
class Query:
    node = by_public_id(
        Node, description="Relay refetch; null for an id that does not exist or is not the caller's to see: the two look the same"
    )
    nodes = by_public_ids(Node, description="Several at once, in the order asked for; null in the place of each that is not there")
    viewer = resolver(viewer, Viewer | None, reads=False, description="Who is asking; null for an anonymous caller")
    cities = connection(
        models.City, order=CITY_ORDER, arguments=_SEARCH, nullable=True, description="Cities, by Arabic name; open to anyone"
    )
    occupations = connection(
        models.Occupation,
        order=OCCUPATION_ORDER,
        arguments=_SEARCH,
        nullable=True,
        description="Occupations, by Arabic name; open to anyone",
    )
    faqs = connection(
        models.Faq, order=FAQ_ORDER, arguments=_SEARCH, nullable=True, description="Frequently asked questions; open to anyone"
    )
    gateway = resolver(gateway, Gateway | None, reads=False, description="The portal's own gateway; null for every other caller")
    rate_limit = resolver(rate_limit, RateLimit | None, description="The caller's points; null where none are counted", reads=False)
    service = resolver(service, Service | None, reads=False, description="What this deployment is: live or sandbox, version, clock")
    portal = resolver(portal, Portal | None, reads=False, description="About the portal, for anyone: the home page's facts")


@strawberry.input(description="Which company to act for.")
class SwitchAccountInput(CheckedInput):
    company_id: strawberry.ID = required("One of the caller's companies", key_of(models.Company))


@strawberry.type(description="Who the caller is now.")
class SwitchAccountPayload(Payload):
    viewer = resolver(viewer, Viewer | None, reads=False, description="Who is asking")
    account = related_by(models.Company, "account_id", free=True, description="The company that the caller acts for now")


switch_account = mutation(
    operations.switch_account,
    SwitchAccountInput,
    SwitchAccountPayload,
    needs_account=False,
    person_only=True,
    after=switch,
    description="Act for another of one's companies, in this session",
)


@strawberry.input(description="Which sessions to end.")
class LogoutInput(MutationInput):
    everywhere: bool = given("End all of the person's sessions, not only this one", default=False)


@strawberry.type(description="The session is over.")
class LogoutPayload(Payload):
    logged_out: bool = attribute(description="Whether it is")


logout = mutation(
    operations.logout,
    LogoutInput,
    LogoutPayload,
    needs_account=False,
    person_only=True,
    after=log_out,
    description="End this session, or all of one's sessions",
)
