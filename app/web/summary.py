"""Contracts as they are printed, at the signed addresses that the graph gives: what the caller may read of them."""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Date, Select, func, literal, select
from sqlalchemy.orm import aliased
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.auth.actor import Actor
from app.auth.permissions import Permission
from app.auth.signatures import is_signed
from app.auth.visible import scope_of, scope_parameters, visible
from app.clock import riyadh_day
from app.engine.declare import parse_public_id
from app.errors import RateLimited, RequestError, SummaryNotAvailable, Unavailable
from app.models import City, Company, Contract, Establishment, Project, Provider, contract_status
from app.models.base import establishment_number
from app.papers.summary import Agreement, FontsMissing, Party, PrintedProject, print_summary
from app.web.credentials import caller_of
from app.web.language import asked_language, plain_words

_MOST_PROJECTS = 50  # that are listed: a page of them takes 0.2 s
_MOST_WAITING = 20
_POINTS = 500  # as what an operation that answers with as many objects costs

_HomeOfClient, _HomeOfCompany = aliased(City), aliased(City)


class Press:
    """One page at a time in each process, in a thread; whoever would wait for many others is told to come again."""

    def __init__(self) -> None:
        self._free, self._waiting = asyncio.Semaphore(1), 0

    async def print(self, agreement: Agreement) -> bytes:
        """Raises Unavailable, FontsMissing."""
        if self._waiting >= _MOST_WAITING:
            raise Unavailable
        self._waiting += 1
        try:
            async with self._free:
                return await asyncio.to_thread(print_summary, agreement)
        finally:
            self._waiting -= 1


async def summary(request: Request) -> Response:
    """The PDF, to the caller whom the address was made for. Whatever is wrong with that, the answer is the same 404."""
    state = request.app.state
    language = asked_language(request.headers.get("accept-language")) or state.settings.default_language
    try:
        agreement = await _asked(request)
        if agreement is None:
            return plain_words(request, "There is no such contract, or this address has expired. Ask the graph for a new summaryUrl.", 404)
        content = await state.press.print(agreement)
    except FontsMissing:
        return _refused(SummaryNotAvailable(), language)
    except (RateLimited, Unavailable) as refused:
        return _refused(refused, language)
    return Response(
        content,
        headers={
            "Content-Disposition": f'attachment; filename="{agreement.number}.pdf"',
            "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
            "Cache-Control": "private, no-store",
        },
        media_type="application/pdf",
    )


async def _asked(request: Request) -> Agreement | None:
    """None where the address is not good for whoever asks, or they may not read contracts any more. Raises RateLimited."""
    state, query = request.app.state, request.query_params
    now = state.clock()
    named = parse_public_id(request.path_params["contract_id"])
    if named is None or named[0] is not Contract or named[1] is None:
        return None
    try:
        actor, address = await caller_of(request)
    except RequestError:
        return None
    signed = {"expires": query.get("expires", ""), "signature": query.get("signature", "")}
    if not is_signed(state.settings, actor, named[1], now, what="summary", **signed) or not actor.may(Permission.CONTRACTS_READ):
        return None
    await state.rates.charge(state.rates.caller(actor, address), _POINTS)
    stopped_at = await state.sandbox.enter(actor) if state.sandbox else None
    async with state.database.reading(scope_of(actor)) as connection:
        return await _agreement(connection, actor, named[1], stopped_at or now)


def _refused(error: RequestError, language: Any) -> Response:
    retry = {"Retry-After": str(error.values.get("retry_after", 5))} if error.retryable else {}
    answer = {"code": error.code, "message": error.words(language), "retryable": error.retryable}
    return JSONResponse(answer, error.status, {**retry, "Content-Language": language, "Cache-Control": "no-store"})


# What the page says


async def _agreement(connection: Any, actor: Actor, key: UUID, now: datetime) -> Agreement | None:
    today = riyadh_day(now)
    found = (await connection.execute(_contract(key, today), scope_parameters(actor))).one_or_none()
    if found is None:
        return None
    projects, more = None, 0
    if actor.may(Permission.PROJECTS_READ):
        mine = Project.contract_id == key, Project.deleted_at.is_(None), visible(Project, Project)
        columns = Project.title_ar, Project.title_en, Project.status, Project.starts_on, Project.ends_on
        listed = select(*columns).where(*mine).order_by(Project.created_at, Project.id).limit(_MOST_PROJECTS)
        rows = (await connection.execute(listed, scope_parameters(actor))).all()
        projects = [PrintedProject(row.title_ar, row.title_en, str(row.status), row.starts_on, row.ends_on) for row in rows]
        if len(rows) == _MOST_PROJECTS:
            counted = select(func.count()).select_from(Project).where(*mine)
            more = (await connection.execute(counted, scope_parameters(actor))).scalar_one() - _MOST_PROJECTS
    return Agreement(
        number=found.number,
        state=found.state,
        client=_party(found, "client"),
        company=_party(found, "company"),
        starts_on=found.starts_on,
        ends_on=found.ends_on,
        terminated_at=found.terminated_at,
        termination_reason=found.termination_reason,
        projects=projects,
        more=more,
        made_at=now,
    )


def _contract(key: UUID, today: date) -> Select[Any]:
    columns: list[Any] = [
        *(Contract.number, Contract.starts_on, Contract.ends_on, Contract.terminated_at, Contract.termination_reason),
        contract_status(Contract, literal(today, Date())).label("state"),
        *(Provider.name_ar.label("provider_ar"), Provider.name_en.label("provider_en")),
    ]
    for side, model, home in (("client", Establishment, _HomeOfClient), ("company", Company, _HomeOfCompany)):
        party = cast("Any", model)
        named = {"ar": party.name_ar, "en": party.name_en, "unified": party.unified_number, "number": establishment_number(party)}
        columns += [each.label(f"{side}_{name}") for name, each in named.items()]
        columns += [home.name_ar.label(f"{side}_city_ar"), home.name_en.label(f"{side}_city_en")]
    joined = (
        select(*columns)
        .join(Establishment, Establishment.id == Contract.establishment_id)
        .join(Company, Company.id == Contract.company_id)
        .join(Provider, Provider.id == Company.provider_id)
        .outerjoin(_HomeOfClient, _HomeOfClient.id == Establishment.city_id)
        .outerjoin(_HomeOfCompany, _HomeOfCompany.id == Company.city_id)
    )
    return joined.where(Contract.id == key, visible(Contract, Contract))


def _party(found: Any, side: str) -> Party:
    city_ar, city_en = getattr(found, f"{side}_city_ar"), getattr(found, f"{side}_city_en")
    return Party(
        name_ar=getattr(found, f"{side}_ar"),
        name_en=getattr(found, f"{side}_en"),
        number=getattr(found, f"{side}_number"),
        unified_number=getattr(found, f"{side}_unified"),
        city=city_ar and (city_en or city_ar, city_ar),
        provider=(found.provider_en or found.provider_ar, found.provider_ar) if side == "company" else None,
    )
