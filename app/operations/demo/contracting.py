"""The demo's client establishments, what they asked of each company, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from app.clock import riyadh_day
from app.models import City, Contract, Document, Establishment, EventType, Invitation, InvitationStatus
from app.operations.demo.accounts import Account
from app.operations.demo.documents import add_awaited_document, add_document
from app.operations.demo.world import CLOCK, GATEWAY, World, email, mobile, start_of
from app.operations.reference import reference_id

ESTABLISHMENTS = 40
RENEWAL = 11  # the place among app/data's messages of the one that speaks of renewing
VALID = timedelta(days=30)


@dataclass(frozen=True)
class _Plan:
    """A contract to make: days from the day of seeding. client is the establishment's place among those that the company knows."""

    client: int
    starts: int
    ends: int | None
    made: int
    terminated: int | None = None
    standing: bool = True
    invited: int | None = None


# By client: 0 to 5 in force, 6 and 7 to begin, 8 and 9 over (and 0's first), 10 and 11 terminated.
CONTRACTS = [
    _Plan(0, -780, -415, -786, standing=False),
    _Plan(0, -400, 330, -405),
    _Plan(1, -65, 300, -70, invited=-78),
    _Plan(2, -520, None, -523),
    _Plan(3, -300, 65, -304),
    _Plan(4, -200, 530, -207),
    _Plan(5, -120, None, -121),
    _Plan(6, 12, 377, -3, invited=-9),
    _Plan(7, 30, 395, -10),
    _Plan(8, -500, -45, -506),
    _Plan(9, -700, -200, -703),
    _Plan(10, -450, 100, -452, terminated=-90, standing=False),
    _Plan(11, -350, 180, -355, terminated=-40, standing=False),
]
EXTRA = _Plan(19, -250, 115, -255)  # only the first companies have it
COMPANIES_WITH_EXTRA = 2

# Client, days since it came, and what it proposes: none of these clients has a contract in force. 8 asks for a renewal.
PENDING: list[tuple[int, int, int | None, int | None]] = [(12, 2, 0, 364), (13, 5, None, None), (14, 9, 20, 384), (8, 12, 5, 369)]


@dataclass
class Agreement:
    """A contract with what the projects need to know of it. until is when it ended, None while it has not."""

    contract: Contract
    since: datetime
    until: datetime | None


def add_establishments(world: World) -> list[Establishment]:
    return [_add_establishment(world, place, pool) for place, pool in enumerate(world.pools["establishments"][:ESTABLISHMENTS])]


def _add_establishment(world: World, place: int, pool: dict[str, str]) -> Establishment:
    since = world.between(world.ago(890), world.ago(870))
    return world.add(
        Establishment(
            id=world.new_id(since),
            labor_office_id=1 + place % 9,
            sequence_number=200_001 + 317 * place,
            unified_number=f"70000100{place:02d}",
            name_ar=pool["nameAr"],
            name_en=pool["nameEn"],
            city_id=reference_id(City, pool["cityKey"]),
            activity=pool["activityAr"],
            email=email(*pool["nameEn"].split()[:2]),
            mobile=mobile(200 + place),
            created_at=since,
            updated_at=since,
        )
    )


def add_contracting(world: World, account: Account, establishments: list[Establishment]) -> dict[int, list[Agreement]]:
    """The company's invitations and contracts, each state of either at least once. Answers the begun contracts by client, oldest first."""
    # Every establishment is known to some company, and most to several.
    known = [establishments[(7 * account.place + step) % len(establishments)] for step in range(20)]
    plans = sorted([*CONTRACTS, *([EXTRA] if account.place < COMPANIES_WITH_EXTRA else [])], key=lambda plan: plan.made)
    begun: dict[int, list[Agreement]] = {}
    for plan in plans:
        agreement = _add_contract(world, account, known[plan.client], plan)
        if plan.starts < 0:
            begun.setdefault(plan.client, []).append(agreement)
    for client, days, starts, ends in PENDING:
        _add_pending(world, account, known[client], days, starts, ends)
    _add_past_invitations(world, account, known)
    world.record(account.company, EventType.DOCUMENT_ATTACHED, begun[5][0].contract, world.at(-118), account.deciders[0])
    add_awaited_document(world, account.company, world.ago(0.02))
    return begun


def _add_contract(world: World, account: Account, client: Establishment, plan: _Plan) -> Agreement:
    company = account.company
    made = world.at(plan.made)
    company.last_contract += 1
    number = f"C-{riyadh_day(made).year}-{company.last_contract:06d}"
    starts_on, ends_on = world.day(plan.starts), None if plan.ends is None else world.day(plan.ends)
    document = _add_document(world, account, client, made if plan.invited is None else world.at(plan.invited), number)
    invitation = None
    if plan.invited is not None:
        invitation = _add_invitation(world, account, client, document.created_at, starts_on, ends_on, document)
        _decide(world, account, invitation, InvitationStatus.ACCEPTED, made)
    contract = world.add(
        Contract(
            id=world.new_id(made),
            company_id=company.id,
            establishment_id=client.id,
            invitation_id=invitation and invitation.id,
            number=number,
            standing=plan.standing,
            start_told=plan.starts <= 0,
            starts_on=starts_on,
            ends_on=ends_on,
            document_id=document.id,
            version=1,
            created_at=made,
            updated_at=made,
        )
    )
    world.record(company, EventType.CONTRACT_CREATED, contract, made, GATEWAY if invitation is None else account.deciders[0])
    if plan.starts < 0:
        world.record(company, EventType.CONTRACT_ACTIVATED, contract, start_of(starts_on), CLOCK)
    until = None
    if plan.terminated is not None:
        until = contract.terminated_at = contract.updated_at = world.at(plan.terminated)
        contract.termination_reason, contract.version = world.random.choice(world.pools["terminationReasons"]), 2
        world.record(company, EventType.CONTRACT_TERMINATED, contract, until, world.random.choice(account.deciders))
    elif ends_on is not None and ends_on < world.today:
        until, contract.end_told = start_of(ends_on + timedelta(days=1)), True
        world.record(company, EventType.CONTRACT_EXPIRED, contract, until, CLOCK)
    return Agreement(contract, max(made, start_of(starts_on)), until)


def _add_pending(world: World, account: Account, client: Establishment, days: int, starts: int | None, ends: int | None) -> None:
    received = world.at(-days)
    document = _add_document(world, account, client, received, f"draft-{client.labor_office_id}-{client.sequence_number}")
    starts_on, ends_on = None if starts is None else world.day(starts), None if ends is None else world.day(ends)
    invitation = _add_invitation(world, account, client, received, starts_on, ends_on, document)
    if starts == 5:
        invitation.message = world.pools["messages"][RENEWAL]


def _add_past_invitations(world: World, account: Account, known: list[Establishment]) -> None:
    clients = [(known[client], days) for client, days in ((15, 45), (16, 80), (17, 40), (18, 33))]
    # Of the first only the clock says that it is over: it stays PENDING until somebody writes that down.
    _, expired, rejected, withdrawn = (
        _add_invitation(world, account, client, world.at(-days), world.day(10 - days), None, None) for client, days in clients
    )
    expired.status, expired.version = InvitationStatus.EXPIRED, 2
    world.record(account.company, EventType.INVITATION_EXPIRED, expired, expired.expires_at, CLOCK)
    _decide(world, account, rejected, InvitationStatus.REJECTED, rejected.received_at + timedelta(days=4))
    rejected.rejection_reason = world.random.choice(world.pools["rejectionReasons"])
    withdrawn.status, withdrawn.version, withdrawn.decided_at = InvitationStatus.WITHDRAWN, 2, withdrawn.received_at + timedelta(days=6)
    world.record(account.company, EventType.INVITATION_WITHDRAWN, withdrawn, withdrawn.decided_at, GATEWAY)


def _add_invitation(
    world: World,
    account: Account,
    client: Establishment,
    received: datetime,
    starts_on: date | None,
    ends_on: date | None,
    document: Document | None,
) -> Invitation:
    messages = [message for place, message in enumerate(world.pools["messages"]) if place != RENEWAL]
    invitation = world.add(
        Invitation(
            id=world.new_id(received),
            company_id=account.company.id,
            establishment_id=client.id,
            status=InvitationStatus.PENDING,
            message=world.random.choice(messages),
            proposed_starts_on=starts_on,
            proposed_ends_on=ends_on,
            document_id=document and document.id,
            received_at=received,
            expires_at=received + VALID,
            version=1,
        )
    )
    world.record(account.company, EventType.INVITATION_RECEIVED, invitation, received, GATEWAY)
    return invitation


def _decide(world: World, account: Account, invitation: Invitation, status: InvitationStatus, at: datetime) -> None:
    decider = account.deciders[0]
    invitation.status, invitation.decided_at, invitation.decided_by_id, invitation.version = status, at, decider.id, 2
    type_ = EventType.INVITATION_ACCEPTED if status is InvitationStatus.ACCEPTED else EventType.INVITATION_REJECTED
    world.record(account.company, type_, invitation, at, decider)


def _add_document(world: World, account: Account, client: Establishment, at: datetime, name: str) -> Document:
    lines = [
        f"Contract {name}",
        f"Company {account.number}",
        f"Establishment {client.labor_office_id}-{client.sequence_number}",
        "Synthetic: made for the demo, binds nobody.",
    ]
    return add_document(world, account.company, at, lines, name)
