"""A unit of work: one transaction on behalf of one caller, and what every rule that writes needs of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Date, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.actor import Actor
from app.auth.permissions import ROLE_PERMISSIONS, Permission
from app.auth.tokens import permissions_of
from app.auth.visible import scope_of, scope_parameters, visible
from app.clock import riyadh_day
from app.database import assume
from app.errors import AccountNotSelected, AccountSuspended, Forbidden, Language, NotFound, Unauthenticated, VersionConflict
from app.models import (
    LIVE_WORLD,
    Base,
    Company,
    CompanyStatus,
    Environment,
    Event,
    EventType,
    Member,
    MemberStatus,
    Provider,
    ProviderStatus,
    SpToken,
    is_in_force,
)
from app.models.base import Instant
from app.settings import Settings

R = TypeVar("R", bound=Base)


@dataclass
class Work:
    """now is aware, UTC, and injected; account is the caller's company, its row locked, None where the caller acts for none.

    real_now is what credentials go by where somebody stopped the clock that the rules follow, as one may in the sandbox.
    """

    session: AsyncSession
    actor: Actor
    now: datetime
    request_id: str
    settings: Settings
    real_now: datetime | None = None
    language: Language = "ar"
    account: Company | None = field(default=None, init=False)

    @property
    def wall_clock(self) -> datetime:
        """What tokens and signatures go by, whatever the rules' clock says."""
        return self.real_now or self.now

    @property
    def today(self) -> date:
        return riyadh_day(self.now)

    @property
    def company(self) -> Company:
        """The account, for rules that are only reached with one."""
        if self.account is None:
            raise LookupError("no account is active")
        return self.account

    @property
    def world(self) -> UUID:
        """What tells establishments and people apart: one world in live; in the sandbox each company's is a world of its own."""
        return self.company.id if self.settings.environment == Environment.SANDBOX else LIVE_WORLD

    async def lock_account(self, *, though_suspended: bool = False) -> None:
        """Takes the account's row, before anything else: an account's writes follow one another, so that none can lock another out.

        Whoever changes a role, a token or the account's state holds that lock: what the caller may do is read again under it, since
        they came in a while ago.
        Raises  AccountSuspended    unless `though_suspended`
                AccountNotSelected  the person is no member any more
                Unauthenticated     the token does not work any more
        """
        locked = select(Company).where(Company.id == self.actor.account_id).with_for_update()
        self.account = (await self.session.execute(locked)).scalar_one_or_none()
        if self.account is None:
            return
        # A statement of its own: one that waits for a lock sees the other tables as they were when it began to wait.
        provider_status, held = (await self.session.execute(self._standing(self.account))).one()
        if self.actor.role:  # who came in without one, to join, has nothing to lose
            if held is None:
                raise AccountNotSelected
            self.actor = replace(self.actor, role=held, permissions=ROLE_PERMISSIONS[held])
        elif self.actor.token_id:
            if held is None:
                raise Unauthenticated
            self.actor = replace(self.actor, permissions=permissions_of(held))
        # In the sandbox the row is a copy, and what the portal said when the caller came in stands.
        as_it_came = self.actor.suspended and self.settings.environment == Environment.SANDBOX
        is_suspended = as_it_came or self.account.status is CompanyStatus.SUSPENDED or provider_status is ProviderStatus.SUSPENDED
        if is_suspended and not though_suspended:
            raise AccountSuspended

    async def enter(self, company_id: UUID) -> None:
        """Goes on for that company, which the transaction has only now found: the portal's gateway has none of its own.

        For this unit of work alone: whatever the caller asks next is asked as before. Raises AccountSuspended.
        """
        self.actor = replace(self.actor, account_id=company_id)
        await assume(self.session, scope_of(self.actor))
        await self.lock_account()

    def _standing(self, account: Company) -> Any:
        """The provider's state; the person's role, or the token's scopes, null where it is over."""
        own = Provider.id == account.provider_id
        if self.actor.user_id:
            mine = (Member.user_id == self.actor.user_id) & (Member.company_id == account.id) & (Member.status == MemberStatus.ACTIVE)
            return select(Provider.status, Member.role).outerjoin(Member, mine).where(own)
        if self.actor.token_id:
            mine = (SpToken.id == self.actor.token_id) & is_in_force(SpToken, literal(self.wall_clock, Instant()))
            return select(Provider.status, SpToken.scopes).outerjoin(SpToken, mine).where(own)
        return select(Provider.status, literal(None)).where(own)

    def require(self, permission: Permission | None) -> None:
        """Raises Forbidden unless the caller, as they stand under the lock, holds it."""
        if permission is not None and not self.actor.may(permission):
            raise Forbidden(permission=permission)

    async def find(self, model: type[R], key: UUID, path: str, *, lock: bool = True) -> R:
        """The row of that key, locked unless it is only referred to.

        Raises NotFound at `path` for one that is absent, deleted or another's: all alike.
        """
        statement = select(model).where(model.id == key, visible(model, model))
        if (deleted_at := getattr(model, "deleted_at", None)) is not None:
            statement = statement.where(deleted_at.is_(None))
        if (row := await self.one(statement.with_for_update(of=model) if lock else statement)) is None:
            raise NotFound((path,))
        return row  # type: ignore[no-any-return]  # Select[Any] after the second where

    async def one(self, statement: Any) -> Any:
        """The statement's one row, or None; it may use the caller's scope."""
        return (await self.session.execute(statement, scope_parameters(self.actor))).scalar_one_or_none()

    async def status(self, row: Base, of: Callable[[Any, Any], ColumnElement[str]], moment: datetime | date) -> str:
        """What the clock makes of the row's state at the moment: the model's own expression, asked of the database."""
        model = type(row)
        bound = literal(moment, Instant() if isinstance(moment, datetime) else Date())
        return str((await self.session.execute(select(of(model, bound)).where(model.id == row.id))).scalar_one())

    async def all(self, statement: Any) -> list[Any]:
        return list((await self.session.execute(statement, scope_parameters(self.actor))).scalars())

    async def add(self, row: R) -> R:
        """Writes the row at once: the models have no relationships by which SQLAlchemy could tell parents from children."""
        self.session.add(row)
        await self.session.flush()
        return row

    def check_version(self, row: Any, version: int | None) -> None:
        """Raises VersionConflict where the caller changes another version than they read."""
        if version is not None and version != row.version:
            raise VersionConflict(("version",), current=row.version)

    def change(self, row: Any, values: dict[str, Any]) -> bool:
        """Sets the columns by name; tells whether anything is different now."""
        different = {name: value for name, value in values.items() if getattr(row, name) != value}
        for name, value in different.items():
            setattr(row, name, value)
        return bool(different)

    def touch(self, row: Any) -> None:
        """Marks a versioned row as changed now."""
        row.version += 1
        row.updated_at = self.now

    async def record(self, type_: EventType, subject: Base | type[Base], key: UUID | None = None) -> None:
        """Writes the account's next event. The number is taken under the account's lock: gapless, in commit order.

        key   of a subject that has no row of its own: its model is named instead
        """
        self.company.last_event += 1
        await self.add(
            Event(
                company_id=self.company.id,
                sequence=self.company.last_event,
                type=type_,
                occurred_at=self.now,
                subject_prefix=subject.prefix,
                subject_id=key or subject.id,
                actor_name=self.actor.name,
                user_id=self.actor.user_id,
                token_id=self.actor.token_id,
                request_id=self.request_id,
            )
        )
