"""What the role alone does not decide: rules that look at the object as well. Each reads as a question and asks no database."""

from __future__ import annotations

from app.auth.actor import Actor
from app.auth.permissions import GRANTABLE, ROLE_PERMISSIONS, Permission
from app.models import Member, Role


def lacking_for_role(actor: Actor, role: Role) -> Permission | None:
    """What keeps the caller from giving the role, or from touching who has it: nobody grants, or takes, more than they hold."""
    return actor.missing(ROLE_PERMISSIONS[role])


def is_own(actor: Actor, member: Member) -> bool:
    """One's own membership may always be ended: to leave takes no permission."""
    return actor.user_id is not None and member.user_id == actor.user_id


def plays_gateway(actor: Actor, *, in_sandbox: bool) -> bool:
    """Whether the caller may deliver and decide as the portal's gateway does; in the sandbox every token does, for its own company."""
    return actor.is_gateway or (in_sandbox and actor.token_id is not None)


def may_grant(actor: Actor, scope: Permission) -> bool:
    """Whether the caller may give the scope to a token."""
    return scope in GRANTABLE and actor.may(scope)
