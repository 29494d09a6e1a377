"""The races for people and places (invariants 5, 6 and 7); the manner is that of invariants.py."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import count
from typing import Any

from sqlalchemy import select

from app.models import Employment, EmploymentType, Job, Role, Slot
from tests.portal import Caller
from tests.races.field import DONE, Call, Field
from tests.races.invariants import FEW, one, race, types
from tests.world import World, national_id

_people = count(10_000_000)  # no other company of the same database hires them


def somebody() -> str:
    return national_id(next(_people))


def hire(world: World, job: Job, **given: Any) -> dict[str, Any]:
    """An input that is fine, of somebody whom nobody employs."""
    return {
        "jobId": job.public_id,
        "nationalId": given.get("nationalId") or somebody(),
        "name": "عامل",
        "birthDate": "1995-01-01",
        "gender": "FEMALE",
        "employmentType": "FULL_TIME",
        "startsOn": world.today.isoformat(),
        "wage": "5000",
        "weeklyHours": 40,
        "gosiRegistered": True,
        **given,
    }


async def current(world: World, job: Job) -> list[Employment]:
    """Employments of the job that have not ended, and the job's own count of them."""
    found: list[Employment] = await world.portal.fetch(select(Employment).where(Employment.job_id == job.id, Employment.ended_at.is_(None)))
    assert (await world.now_of(job)).filled == len(found)
    return found


async def hired(field: Field, world: World, job: Job) -> Employment:
    """By a caller, as a race of one."""
    owner = await world.person()
    made = await field.race(world, [Call("hireTeleworker", owner, hire(world, job), show="employment { id }")])
    assert made["hireTeleworker"] == {DONE: 1}
    [employment] = await current(world, job)
    return employment


async def competitors(world: World, number: int) -> list[tuple[Caller, Job]]:
    """Owners of as many companies, `north` and `south` first, each with an open job."""
    made = [
        (await world.person(), await world.job(vacancies=50)),
        (await world.intruder(), await world.job(await world.project(world.south), vacancies=50)),
    ]
    for n in range(number - 2):
        company, user = await world.company(f"شركة {n}", f"Company {n}"), await world.user()
        await world.join(user, company, Role.OWNER)
        made.append((await world.portal.person(user), await world.job(await world.project(company), vacancies=50)))
    return made


@race
async def places_are_taken_once(field: Field, world: World) -> None:
    job, crowd = await world.job(vacancies=3), await field.crowd(world)

    made = await field.race(world, [Call("hireTeleworker", next(crowd), hire(world, job)) for _ in range(field.callers)])

    assert made["hireTeleworker"] == {DONE: 3, "VACANCIES_EXHAUSTED": field.callers - 3}
    assert len(await current(world, job)) == 3
    assert await types(world) == ["TELEWORKER_HIRED"] * 3


@race
async def a_place_that_comes_free_is_taken_once(field: Field, world: World) -> None:
    job, crowd = await world.job(vacancies=1), await field.crowd(world)
    employment, many = await hired(field, world, job), field.callers - FEW
    end = {"employmentId": employment.public_id, "endsOn": world.today.isoformat(), "reason": "x"}

    made = await field.race(
        world,
        [Call("hireTeleworker", next(crowd), hire(world, job)) for _ in range(many)],
        [Call("endEmployment", next(crowd), end) for _ in range(FEW)],
    )

    assert made["endEmployment"] == one(FEW, "ILLEGAL_TRANSITION")
    taken = made["hireTeleworker"][DONE]
    assert taken in (0, 1)
    assert made["hireTeleworker"] == Counter({DONE: taken, "VACANCIES_EXHAUSTED": many - taken})
    assert len(await current(world, job)) == taken
    assert await types(world) == ["TELEWORKER_HIRED", "EMPLOYMENT_ENDED"] + ["TELEWORKER_HIRED"] * taken


@race
async def there_are_never_fewer_places_than_people(field: Field, world: World) -> None:
    job, crowd, many = await world.job(vacancies=field.callers), await field.crowd(world), field.callers - FEW
    place = field.callers // 4

    made = await field.race(
        world,
        [Call("hireTeleworker", next(crowd), hire(world, job)) for _ in range(many)],
        [Call("updateJob", next(crowd), {"jobId": job.public_id, "vacancies": place + n}) for n in range(FEW)],
    )

    stored = await world.now_of(job)
    taken = made["hireTeleworker"][DONE]
    assert set(made["hireTeleworker"]) <= {DONE, "VACANCIES_EXHAUSTED"}
    assert set(made["updateJob"]) <= {DONE, "VACANCIES_BELOW_FILLED"}
    assert len(await current(world, job)) == taken == stored.filled <= stored.vacancies


@race
async def a_person_works_full_time_for_one_company(field: Field, world: World) -> None:
    (north, job), (south, other) = await competitors(world, 2)
    person, half = somebody(), field.callers // 2

    made = await field.race(
        world,
        [Call("hireTeleworker", north, hire(world, job, nationalId=person), "north") for _ in range(half)],
        [Call("hireTeleworker", south, hire(world, other, nationalId=person), "south") for _ in range(half)],
    )

    assert made["north"] + made["south"] == one(2 * half, "ALREADY_EMPLOYED")
    assert len(await current(world, job)) + len(await current(world, other)) == 1
    assert len(await world.portal.fetch(_slots())) == 1


def _slots() -> Any:
    """Of whoever was hired: what came of it and no more."""
    holder = select(Slot.holder_id).order_by(Slot.id.desc()).limit(1).scalar_subquery()
    return select(Slot).where(Slot.holder_id == holder)


@race
async def a_person_works_part_time_for_two_companies(field: Field, world: World) -> None:
    offers, person = await competitors(world, 4), somebody()
    given = {"nationalId": person, "employmentType": "PART_TIME", "wage": "2500", "weeklyHours": 20}

    made = await field.race(
        world,
        *(
            [Call("hireTeleworker", caller, hire(world, job, **given), f"company {n}")] * (field.callers // 4)
            for n, (caller, job) in enumerate(offers)
        ),
    )

    everybody = sum(made.counts.values(), Counter())
    assert everybody == Counter({DONE: 2, "ALREADY_EMPLOYED": 4 * (field.callers // 4) - 2})
    assert sorted([len(await current(world, job)) for _, job in offers]) == [0, 0, 1, 1]
    assert len(await world.portal.fetch(_slots())) == 2


@race
async def a_longer_employment_here_or_one_after_it_there(field: Field, world: World) -> None:
    """The last day of one is taken away while another company hires for the time after."""
    (north, job), (south, other) = await competitors(world, 2)
    person, half, last = somebody(), field.callers // 2, world.today + timedelta(days=10)
    first = await field.race(world, [Call("hireTeleworker", north, hire(world, job, nationalId=person, endsOn=last.isoformat()))])
    assert first["hireTeleworker"] == {DONE: 1}
    [employment] = await current(world, job)
    later = {"nationalId": person, "startsOn": (last + timedelta(days=1)).isoformat()}

    made = await field.race(
        world,
        [Call("updateEmployment", north, {"employmentId": employment.public_id, "endsOn": None}) for _ in range(half)],
        [Call("hireTeleworker", south, hire(world, other, **later)) for _ in range(half)],
    )

    # Saying again what stands is done, too, and changes nothing.
    longer, there = bool(made["updateEmployment"][DONE]), made["hireTeleworker"][DONE]
    assert longer + there == 1
    assert made["updateEmployment"] == {DONE if longer else "ALREADY_EMPLOYED": half}
    assert made["hireTeleworker"] == Counter({DONE: there, "ALREADY_EMPLOYED": half - there})
    assert ((await world.now_of(employment)).ends_on is None) == longer
    assert await types(world) == ["TELEWORKER_HIRED"] + ["EMPLOYMENT_UPDATED"] * longer


async def _deleted_or_used(field: Field, world: World, mutation: str, code: str, given: dict[str, Any], job: Job) -> None:
    crowd, half = await field.crowd(world), field.callers // 2

    made = await field.race(
        world,
        [Call("hireTeleworker", next(crowd), hire(world, job)) for _ in range(half)],
        [Call(mutation, next(crowd), given) for _ in range(half)],
    )

    gone = made[mutation][DONE]
    assert made[mutation] == (one(half, "NOT_FOUND") if gone else {code: half})
    assert made["hireTeleworker"] == {"NOT_FOUND" if gone else DONE: half}
    assert len(await current(world, job)) == (0 if gone else half)
    assert ((await world.now_of(job)).deleted_at is None) == (not gone)


@race
async def a_job_is_deleted_or_somebody_works_in_it(field: Field, world: World) -> None:
    job = await world.job(vacancies=50)
    await _deleted_or_used(field, world, "deleteJob", "JOB_IN_USE", {"jobId": job.public_id}, job)


@race
async def a_project_is_deleted_or_somebody_works_in_it(field: Field, world: World) -> None:
    project = await world.project()
    job = await world.job(project, vacancies=50)
    await _deleted_or_used(field, world, "deleteProject", "PROJECT_IN_USE", {"projectId": project.public_id}, job)


@race
async def nobody_is_hired_once_the_contract_is_over(field: Field, world: World) -> None:
    contract, crowd, many = await world.contract(), await field.crowd(world), field.callers - FEW
    job = await world.job(await world.project(contract=contract), vacancies=50)

    made = await field.race(
        world,
        [Call("hireTeleworker", next(crowd), hire(world, job)) for _ in range(many)],
        [Call("terminateContract", next(crowd), {"contractId": contract.public_id, "reason": "x"}) for _ in range(FEW)],
    )

    assert made["terminateContract"] == one(FEW, "ILLEGAL_TRANSITION")
    taken = made["hireTeleworker"][DONE]
    assert made["hireTeleworker"] == Counter({DONE: taken, "CONTRACT_NOT_ACTIVE": many - taken})
    assert await types(world) == ["TELEWORKER_HIRED"] * taken + ["CONTRACT_TERMINATED"]
    assert len(await current(world, job)) == taken  # they stand until they are ended


@race
async def one_of_those_who_change_a_version_of_an_employment_wins(field: Field, world: World) -> None:
    employment, crowd = await hired(field, world, await world.job()), await field.crowd(world)
    given = {"employmentId": employment.public_id, "version": 1}

    made = await field.race(world, [Call("updateEmployment", next(crowd), {**given, "wage": str(6000 + n)}) for n in range(field.callers)])

    assert made["updateEmployment"] == one(field.callers, "VERSION_CONFLICT")
    stored = await world.now_of(employment)
    assert (str(stored.wage), stored.version) == (f"{made.done[0].call.input['wage']}.00", 2)
    assert await types(world) == ["TELEWORKER_HIRED", "EMPLOYMENT_UPDATED"]


@race
async def an_employment_that_has_ended_is_not_changed(field: Field, world: World) -> None:
    employment, crowd, many = await hired(field, world, await world.job()), await field.crowd(world), field.callers - FEW
    given = {"employmentId": employment.public_id}
    end = {**given, "endsOn": world.today.isoformat(), "reason": "x"}

    made = await field.race(
        world,
        [Call("updateEmployment", next(crowd), {**given, "wage": str(6000 + n)}) for n in range(many)],
        [Call("endEmployment", next(crowd), end) for _ in range(FEW)],
    )

    assert made["endEmployment"] == one(FEW, "ILLEGAL_TRANSITION")
    changed = made["updateEmployment"][DONE]
    assert made["updateEmployment"] == Counter({DONE: changed, "ILLEGAL_TRANSITION": many - changed})
    assert await types(world) == ["TELEWORKER_HIRED"] + ["EMPLOYMENT_UPDATED"] * changed + ["EMPLOYMENT_ENDED"]
    assert (await world.now_of(employment)).employment_type is EmploymentType.FULL_TIME


@race
async def a_project_that_is_suspended_takes_nobody(field: Field, world: World) -> None:
    project, crowd, gateway = await world.project(), await field.crowd(world), await world.portal.gateway()
    job, many = await world.job(project, vacancies=50), field.callers - FEW

    made = await field.race(
        world,
        [Call("hireTeleworker", next(crowd), hire(world, job)) for _ in range(many)],
        [Call("decideProject", gateway, {"projectId": project.public_id, "decision": "SUSPEND"}) for _ in range(FEW)],
    )

    assert made["decideProject"] == one(FEW, "ILLEGAL_TRANSITION")
    taken = made["hireTeleworker"][DONE]
    assert made["hireTeleworker"] == Counter({DONE: taken, "PROJECT_NOT_APPROVED": many - taken})
    assert await types(world) == ["TELEWORKER_HIRED"] * taken + ["PROJECT_DECIDED"]
