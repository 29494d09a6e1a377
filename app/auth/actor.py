"""Who is calling: a person in a session, an SP-Token, the portal's gateway, or nobody known."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from app.auth.permissions import NONE, Permission, Permissions
from app.errors import Language
from app.models import Role


@dataclass(frozen=True, slots=True)
class Actor:
    """One caller of one request.

    account_id   the company that is acted for; None until one is chosen
    suspended    whether that company or its provider is: reads stand, writes are refused
    language     a person's own, for requests that name none
    """

    name: str = ""
    user_id: UUID | None = None
    token_id: UUID | None = None
    gateway_id: UUID | None = None
    session_id: UUID | None = None
    account_id: UUID | None = None
    role: Role | None = None
    permissions: Permissions = NONE
    suspended: bool = False
    language: Language | None = None

    @property
    def is_anonymous(self) -> bool:
        return self.user_id is None and self.token_id is None and self.gateway_id is None

    @property
    def is_gateway(self) -> bool:
        return self.gateway_id is not None

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions

    def missing(self, needed: Permissions) -> Permission | None:
        """One of the needed permissions that the caller lacks, the first by name; None if none does."""
        return min(needed - self.permissions, default=None)


ANONYMOUS = Actor()
