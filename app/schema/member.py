"""Who belongs to a company, in which role; inviting, changing and removing them."""

from __future__ import annotations

from datetime import datetime

import strawberry

from app import models, values
from app.auth.permissions import Permission
from app.engine.declare import column, graph_type, identity, related, related_by
from app.engine.inputs import CheckedInput, key_of, required
from app.engine.pages import sorted_by
from app.models import MemberStatus, Role
from app.operations import member as operations
from app.resolvers.mutation import Payload, mutation
from app.schema.scalars import EmailAddress, NationalId
from app.schema.shared import Node

MEMBER_ORDER = sorted_by(lambda row, _: row.created_at)


@graph_type(models.Member, allow=Permission.MEMBERS_READ, description="A person's membership in a company.")
class Member(Node):
    id: strawberry.ID = identity(models.Member)
    user = related_by(
        models.User, "shown_user_id", free=True, nullable=False, description="The person; until they have joined, as the invitation says"
    )
    company = related(models.Member.company_id, description="The company")
    role: Role = column(models.Member.role, description="What they may do")
    status: MemberStatus = column(models.Member.status, description="Where it stands")
    created_at: datetime = column(models.Member.created_at, description="When they were invited, or joined")


@strawberry.input(description="Whom to invite, and as what.")
class InviteMemberInput(CheckedInput):
    national_id: NationalId = required("National id, by which the unified login will know them", values.national_id)
    name: str = required("Full name", values.text(200))
    email: EmailAddress = required("E-mail address", values.email)
    role: Role = required("What they are to be allowed; at most what the caller is")


@strawberry.type(description="The membership, INVITED.")
class InviteMemberPayload(Payload):
    member = related_by(models.Member, "member_id", description="The membership")


invite_member = mutation(
    operations.invite_member,
    InviteMemberInput,
    InviteMemberPayload,
    allow=Permission.MEMBERS_WRITE,
    description="Invite a person to the company; they become a member at their next sign-in",
)


@strawberry.input(description="Whose role to change.")
class UpdateMemberInput(CheckedInput):
    member_id: strawberry.ID = required("The membership", key_of(models.Member))
    role: Role = required("The new role; at most what the caller is")


@strawberry.type(description="The membership, changed.")
class UpdateMemberPayload(Payload):
    member = related_by(models.Member, "member_id", description="The membership")


update_member = mutation(
    operations.update_member,
    UpdateMemberInput,
    UpdateMemberPayload,
    allow=Permission.MEMBERS_WRITE,
    description="Give a member another role; only an owner may touch owners, and one of them must remain",
)


@strawberry.input(description="Whom to take out.")
class RemoveMemberInput(CheckedInput):
    member_id: strawberry.ID = required("The membership; one's own to leave", key_of(models.Member))


@strawberry.type(description="The membership, REVOKED.")
class RemoveMemberPayload(Payload):
    member = related_by(models.Member, "member_id", free=True, description="The membership")


remove_member = mutation(
    operations.remove_member,
    RemoveMemberInput,
    RemoveMemberPayload,
    description="Take a member out of the company, or withdraw an invitation. Needs MEMBERS_WRITE, except to leave oneself.",
)
