"""Ending a contract before its time."""

from __future__ import annotations

from uuid import UUID

from app.errors import IllegalTransition
from app.models import Contract, ContractStatus, EventType, contract_status
from app.operations.work import Work

# What a person may make of a contract. Acceptance makes it; that it is to begin, in force or expired is a matter of dates.
TRANSITIONS: dict[ContractStatus, frozenset[ContractStatus]] = {
    ContractStatus.SCHEDULED: frozenset({ContractStatus.TERMINATED}),
    ContractStatus.ACTIVE: frozenset({ContractStatus.TERMINATED}),
    ContractStatus.EXPIRED: frozenset(),
    ContractStatus.TERMINATED: frozenset(),
}


async def terminate_contract(work: Work, *, contract_id: UUID, reason: str, version: int | None = None) -> dict[str, object]:
    """End a contract that is in force or about to begin. Its projects take no job and no hire any more; employments stand until ended.

    Raises  NotFound, VersionConflict
            IllegalTransition  it is over already
    Source  guide 9; domain, states.
    """
    contract = await work.find(Contract, contract_id, "contract_id")
    work.check_version(contract, version)
    current = ContractStatus(await work.status(contract, contract_status, work.today))
    if ContractStatus.TERMINATED not in TRANSITIONS[current]:
        raise IllegalTransition(("contract_id",), current=current, wanted=ContractStatus.TERMINATED)
    contract.terminated_at, contract.termination_reason = work.now, reason
    contract.standing = False  # the establishment may invite anew
    work.touch(contract)
    await work.record(EventType.CONTRACT_TERMINATED, contract)
    return {"contract": contract}
