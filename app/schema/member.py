"""Who belongs to a company, in which role."""

from __future__ import annotations

from datetime import datetime

import strawberry

from app import models
from app.auth.permissions import Permission
from app.engine.declare import column, graph_type, identity, related
from app.engine.pages import sorted_by
from app.models import MemberStatus, Role
from app.schema.shared import Node

MEMBER_ORDER = sorted_by(lambda row, _: row.created_at)


@graph_type(models.Member, allow=Permission.MEMBERS_READ, description="A person's membership in a company.")
class Member(Node):
    id: strawberry.ID = identity(models.Member)
    user = related(models.Member.user_id, description="The person")
    company = related(models.Member.company_id, description="The company")
    role: Role = column(models.Member.role, description="What they may do")
    status: MemberStatus = column(models.Member.status, description="Where it stands")
    created_at: datetime = column(models.Member.created_at, description="When they were invited, or joined")
