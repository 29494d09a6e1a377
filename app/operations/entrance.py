"""How the portal's gateway comes to act for a company: by the company's number, or by the id of something that is the company's.

In the sandbox an SP-Token plays the gateway, for its own company alone: another's number or id is as good as none.
"""

from __future__ import annotations

from typing import TypeVar
from uuid import UUID

from sqlalchemy import bindparam, select

from app.auth.doors import Door
from app.errors import NotFound
from app.models import Base, Contract, Invitation, Project
from app.operations.provider import COMPANY_OF_NUMBER
from app.operations.work import Work

R = TypeVar("R", bound=Base)

# Whose it is, and no more: the row itself is read by who has entered.
COMPANY_OF: dict[type[Base], Door] = {
    model: Door(f"company_of_{model.__name__.lower()}", select(model.company_id).where(model.id == bindparam("key")))
    for model in (Invitation, Contract, Project)
}


async def company_of_number(work: Work, number: tuple[int, int], path: str) -> UUID:
    """The company that has the number. Raises NotFound at `path`."""
    office, sequence = number
    found: UUID | None = await work.session.scalar(COMPANY_OF_NUMBER.on(work.session), {"office": office, "sequence": sequence})
    if found is None or not (work.actor.is_gateway or found == work.actor.account_id):
        raise NotFound((path,))
    return found


async def enter_company(work: Work, number: tuple[int, int], path: str) -> None:
    """Acts for the company of that number from here on. Raises NotFound at `path`, AccountSuspended."""
    await work.enter(await company_of_number(work, number, path))


async def enter_with(work: Work, model: type[R], key: UUID, path: str) -> R:
    """The row of that key, locked, its company acted for from here on.

    Raises  NotFound          at `path`: it is absent or deleted; in the sandbox also another's
            AccountSuspended
    """
    owner = await work.session.scalar(COMPANY_OF[model].on(work.session), {"key": key}) if work.actor.is_gateway else work.actor.account_id
    if owner is None:
        raise NotFound((path,))
    await work.enter(owner)
    return await work.find(model, key, path)
