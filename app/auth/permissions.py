"""Everything that a caller may be allowed to do, and which role allows what."""

from __future__ import annotations

from enum import StrEnum

from app.models import Role


class Permission(StrEnum):
    """A token's scopes are drawn from the same list."""

    PROFILE_READ = "PROFILE_READ"
    PROFILE_WRITE = "PROFILE_WRITE"
    MEMBERS_READ = "MEMBERS_READ"
    MEMBERS_WRITE = "MEMBERS_WRITE"
    INVITATIONS_READ = "INVITATIONS_READ"
    INVITATIONS_DECIDE = "INVITATIONS_DECIDE"
    CONTRACTS_READ = "CONTRACTS_READ"
    CONTRACTS_WRITE = "CONTRACTS_WRITE"
    PROJECTS_READ = "PROJECTS_READ"
    PROJECTS_WRITE = "PROJECTS_WRITE"
    PROJECTS_DELETE = "PROJECTS_DELETE"
    JOBS_WRITE = "JOBS_WRITE"
    TELEWORKERS_READ = "TELEWORKERS_READ"
    TELEWORKERS_WRITE = "TELEWORKERS_WRITE"
    TELEWORKERS_REVEAL = "TELEWORKERS_REVEAL"
    REPORTS_READ = "REPORTS_READ"
    REPORTS_WRITE = "REPORTS_WRITE"
    TOKENS_READ = "TOKENS_READ"  # a name, no secret
    TOKENS_WRITE = "TOKENS_WRITE"
    WEBHOOKS_READ = "WEBHOOKS_READ"
    WEBHOOKS_WRITE = "WEBHOOKS_WRITE"
    EVENTS_READ = "EVENTS_READ"


Permissions = frozenset[Permission]

NONE: Permissions = frozenset()
_READ: Permissions = frozenset(permission for permission in Permission if permission.endswith("_READ"))
_MEMBER = _READ | {Permission.PROJECTS_WRITE, Permission.JOBS_WRITE, Permission.REPORTS_WRITE}
_OWNER: Permissions = frozenset(Permission)

ROLE_PERMISSIONS: dict[Role, Permissions] = {
    Role.OWNER: _OWNER,
    Role.ADMIN: _OWNER - {Permission.PROFILE_WRITE},
    Role.MEMBER: _MEMBER,
    Role.VIEWER: _READ,
}

# What the portal's gateway may read of the companies that it serves; what it does there, deliver and decide, no role may.
GATEWAY: Permissions = frozenset({Permission.INVITATIONS_READ, Permission.CONTRACTS_READ, Permission.PROJECTS_READ})

# What a token may hold. Not what governs people and credentials: a token must not mint its successor, or it would outlive revocation.
GRANTABLE: Permissions = _OWNER - {
    Permission.PROFILE_WRITE,
    Permission.MEMBERS_READ,
    Permission.MEMBERS_WRITE,
    Permission.TOKENS_READ,
    Permission.TOKENS_WRITE,
    Permission.WEBHOOKS_WRITE,
}
DEFAULT_SCOPES: Permissions = frozenset({Permission.REPORTS_READ, Permission.REPORTS_WRITE, Permission.TELEWORKERS_READ})
