"""What a term finds among a company's rows, by the indexes of texts: up to `most` keys.

These are doors because under row-level security no index serves LIKE, which is not leakproof and so is asked after the policy. They take
no company: on PostgreSQL the function reads for whom it works, as the policies do.
"""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import ColumnElement, Integer, Text, bindparam, func, select, true, union

from app.auth.doors import Door
from app.models import Base, Contract, Establishment, Invitation, Job, Project, Teleworker
from app.models.base import ACCOUNT, Row
from app.models.search import holds

TERM, PATTERN = bindparam("term", type_=Text()), bindparam("pattern", type_=Text())
MOST = bindparam("most", type_=Integer())

# Planned for the very company, as one may have a thousand times the rows of another; along its index of texts and nothing else.
# With memory for what it finds: of pages that are known by their numbers alone each row would be cut into its runs again, 80 µs each.
_SETTINGS = {
    "plan_cache_mode": "force_custom_plan",
    "enable_seqscan": "off",
    "enable_indexscan": "off",
    "enable_indexonlyscan": "off",
    "work_mem": "'64MB'",
}


def _of_company(model: Row) -> ColumnElement[bool]:
    """IS TRUE, for no other index is to come in: that of texts has the company in it."""
    return (model.company_id == ACCOUNT).is_(true())  # type: ignore[no-any-return]  # an alias' attributes are Any


def _own(model: Row, texts: Any) -> Any:
    held = holds(model, texts, TERM, company=ACCOUNT)
    return select(model.id).where(_of_company(model), held, texts.like(PATTERN, escape="\\"))


def _of_establishment(model: Row) -> Any:
    texts = cast("ColumnElement[str]", Establishment.search_text)
    named = select(Establishment.id).where(holds(Establishment, texts, TERM), texts.like(PATTERN, escape="\\"))
    return select(model.id).where(model.company_id == ACCOUNT, model.establishment_id.in_(named))


def _door(model: type[Base], *parts: Any) -> Door:
    found = union(*parts).subquery() if len(parts) > 1 else parts[0].subquery()
    return Door(f"found_{model.__tablename__}", select(found.c.id).limit(MOST), **_SETTINGS)


FOUND: dict[type[Base], Door] = {
    Contract: _door(Contract, _own(Contract, func.lower(Contract.number)), _of_establishment(Contract)),
    Invitation: _door(Invitation, _own(Invitation, Invitation.search_text), _of_establishment(Invitation)),
    **{model: _door(model, _own(model, model.search_text)) for model in (Job, Project, Teleworker)},
}
