"""The demo's teleworkers: who is hired into which job, who is on leave, who has left."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from pydantic import SecretStr

from app.clock import riyadh_day
from app.models import (
    LIVE_WORLD,
    City,
    EducationLevel,
    Employment,
    EmploymentType,
    Environment,
    EventType,
    Gender,
    GenderRequirement,
    Job,
    JobStatus,
    LeavePeriod,
    Slot,
    SlotHolder,
    Teleworker,
)
from app.operations.demo.accounts import Account
from app.operations.demo.projects import Opening
from app.operations.demo.world import World, email, mobile, national_id, start_of
from app.operations.reference import load, reference_id
from app.operations.slot import holder_key

PEOPLE = 2000
WORKING = 245  # in each company, more or less
REHIRED = 25
ON_LEAVE, BACK, PLANNED = 15, 25, 5
_PEOPLE_FROM = 1000  # the first small number of their national ids
_LEVELS = list(EducationLevel)
_GENDERS = {GenderRequirement.MALE: Gender.MALE, GenderRequirement.FEMALE: Gender.FEMALE}
_SHARED = 0.12  # how many of a company's part-timers work for another too
_YOUNGEST, _OLDEST = 19, 55  # at the first hire, so that nobody is under 18 or over 60 at another


@dataclass
class _Place:
    """One employment to be. told_on is when its end was told, ended_at when it ended at once."""

    opening: Opening
    hired: datetime
    starts_on: date
    ends_on: date | None = None
    told: datetime | None = None
    ended_at: datetime | None = None
    has_ended: bool = False

    @property
    def gender(self) -> Gender | None:
        return _GENDERS.get(self.opening.job.gender)

    @property
    def is_part_time(self) -> bool:
        return self.opening.job.employment_type is EmploymentType.PART_TIME


@dataclass
class Person:
    """Somebody whom one company employs, or two."""

    national_id: str
    name: str
    gender: Gender
    birth_date: date
    mobile: str
    email: str | None
    city: str
    education: EducationLevel


@dataclass
class Workforce:
    """Who has been made so far in all companies, and who of them may take a second part-time job elsewhere."""

    numbers: list[int]
    part_timers: list[Person] = field(default_factory=list)


def add_slots(world: World, slot_key: SecretStr, environment: Environment) -> None:
    """The days of all employments, by which further hires are held against them."""
    national_ids = {row.id: row.national_id for row in world.rows["teleworkers"] if isinstance(row, Teleworker)}
    holders = set()
    for row in world.rows["employments"]:
        assert isinstance(row, Employment)  # noqa: S101  # the table's rows
        within = row.company_id if environment is Environment.SANDBOX else LIVE_WORLD
        holder = holder_key(slot_key, within, national_ids[row.teleworker_id])
        if holder not in holders:
            holders.add(holder)
            world.add(SlotHolder(id=holder))
        days = {"starts_on": row.starts_on, "ends_on": row.ends_on}
        world.add(Slot(id=row.id, holder_id=holder, employment_type=row.employment_type, **days))


def add_counts(world: World) -> None:
    """Until when each job's count of places taken is true, and from when."""
    jobs = {row.id: row for row in world.rows["jobs"] if isinstance(row, Job)}
    for row in world.rows["employments"]:
        if not isinstance(row, Employment) or row.ends_on is None or row.ended_at is not None:
            continue
        job = jobs[row.job_id]
        if row.ends_on >= world.today:
            job.filled_until = min(job.filled_until or row.ends_on, row.ends_on)
        else:
            job.filled_from = max(job.filled_from or row.ends_on, row.ends_on + timedelta(days=1))


def workforce(world: World) -> Workforce:
    return Workforce(world.random.sample(range(_PEOPLE_FROM, _PEOPLE_FROM + 2 * PEOPLE), PEOPLE))


def add_people(world: World, account: Account, openings: list[Opening], people: int, known: Workforce) -> None:
    """Hires so many people into the company's jobs; each job's `filled` says how many of them have not left."""
    current, ended = _current_places(world, openings), _ended_places(world, openings, people)
    careers = _careers(current, ended, people)
    part_timers, added = [], []
    for career in careers:
        shared = _shared(world, known, career)
        person = shared or _new_person(world, known, career)
        teleworker = _add_teleworker(world, account, person, min(place.hired for place in career))
        added += [(place, _add_employment(world, account, teleworker, place)) for place in career]
        if shared is None and len(career) == 1 and career[0].is_part_time and not career[0].has_ended:
            part_timers.append(person)
    known.part_timers += part_timers
    _add_leaves(world, account, [(place, employment) for place, employment in added if not place.has_ended])


# Which jobs take how many


def _current_places(world: World, openings: list[Opening]) -> list[_Place]:
    """Full jobs are full; the others leave a vacancy, but for closed ones."""
    places = [opening for opening in openings if opening.status is JobStatus.FILLED for _ in range(opening.job.vacancies)]
    others = [opening for opening in openings if opening.status is not JobStatus.FILLED and opening.over_at is None]
    spare = []
    for opening in others:
        room = opening.job.vacancies if opening.status is JobStatus.CLOSED else opening.job.vacancies - 1
        # Few have come already to what was published just now.
        spare += [opening] * (min(room, 1) if opening.status in (JobStatus.OPEN, JobStatus.PAUSED) else room)
    world.random.shuffle(spare)
    places += spare[: max(WORKING - len(places), 0)]
    return [_current_place(world, opening) for opening in places]


def _current_place(world: World, opening: Opening) -> _Place:
    opening.job.filled += 1
    hired = world.between(opening.hires_from, opening.hires_until)
    starts_on = riyadh_day(hired) + timedelta(days=world.random.randrange(-2, 12))
    fixed = max(starts_on, world.today) + timedelta(days=world.random.randrange(20, 400))
    return _Place(opening, hired, starts_on, fixed if world.maybe(0.25) else None)


def _ended_places(world: World, openings: list[Opening], people: int) -> list[_Place]:
    """Of the jobs of long ago, those of completed projects first; never more at once than there were vacancies."""
    was_open = (JobStatus.CLOSED, JobStatus.EXPIRED)
    old = [opening for opening in openings if opening.status in was_open and opening.hires_from < world.ago(70)]
    free = [opening for opening in old for _ in range(opening.job.vacancies - opening.job.filled)]
    over, going = [opening for opening in free if opening.over_at], [opening for opening in free if not opening.over_at]
    world.random.shuffle(over)
    world.random.shuffle(going)
    wanted = people + REHIRED - sum(opening.job.filled for opening in openings)
    chosen = [*going[:20], *over][:wanted]
    return [_ended_place(world, opening, ends_today=place == 0) for place, opening in enumerate(chosen)]


def _ended_place(world: World, opening: Opening, *, ends_today: bool) -> _Place:
    """Ended in one of three ways: at once, on notice given before, or as agreed from the first."""
    hired = world.between(opening.hires_from, min(opening.hires_until, world.ago(50)))
    starts_on = riyadh_day(hired) + timedelta(days=world.random.randrange(-2, 12))
    place = _Place(opening, hired, starts_on, has_ended=True)
    if ends_today:
        place.ends_on, place.ended_at = world.today, max(start_of(world.today), world.now - timedelta(minutes=40))
        place.told = place.ended_at
        return place
    earliest = start_of(starts_on + timedelta(days=20))
    left = world.between(earliest, min(opening.over_at or world.now, world.ago(3)))
    place.ends_on = riyadh_day(left)
    way = world.one_of({"at once": 0.4, "on notice": 0.3, "as agreed": 0.3})
    if way == "at once":
        place.told = place.ended_at = left
    elif way == "on notice":
        place.told = max(hired, start_of(place.ends_on) - timedelta(days=10))
    return place


# Who takes them


def _careers(current: list[_Place], ended: list[_Place], people: int) -> list[list[_Place]]:
    """One list of places for each person: some came back after they had left, most have had one job."""
    returned: list[list[_Place]] = []
    remaining = list(current)
    for first in ended:
        if len(returned) == len(current) + len(ended) - people:
            break
        second = next((place for place in remaining if _may_follow(first, place)), None)
        if second is not None:
            remaining.remove(second)
            returned.append([first, second])
    once = {id(first) for first, _ in returned}
    careers = [*returned, *([place] for place in remaining), *([place] for place in ended if id(place) not in once)]
    if len(careers) != people:
        raise AssertionError(f"{len(careers)} people instead of {people}")
    return careers


def _may_follow(first: _Place, second: _Place) -> bool:
    left, genders = first.ends_on or date.max, {first.gender, second.gender} - {None}
    return left < min(second.starts_on, riyadh_day(second.hired)) and len(genders) <= 1


def _shared(world: World, known: Workforce, career: list[_Place]) -> Person | None:
    """Somebody who works part time for another company and may take this part-time job besides."""
    place = career[0]
    if len(career) > 1 or place.has_ended or not place.is_part_time or not world.maybe(_SHARED):
        return None
    for person in known.part_timers:
        fits = _LEVELS.index(person.education) >= _needed(career) and place.gender in (None, person.gender)
        if fits and _years(person.birth_date, place.starts_on) >= _YOUNGEST:
            known.part_timers.remove(person)
            return person
    return None


def _new_person(world: World, known: Workforce, career: list[_Place]) -> Person:
    pools, chance, number = world.pools, world.random, known.numbers.pop()
    gender = next((place.gender for place in career if place.gender), None) or world.one_of({Gender.FEMALE: 0.55, Gender.MALE: 0.45})
    first = chance.choice(pools["maleNames" if gender is Gender.MALE else "femaleNames"])
    father, family = chance.choice(pools["maleNames"]), chance.choice(pools["familyNames"])
    age = chance.triangular(_YOUNGEST, _OLDEST, 26)
    level = min(_needed(career) + chance.choice([0, 0, 0, 1]), len(_LEVELS) - 1)
    return Person(
        national_id=national_id(number),
        name=f"{first[0]} {father[0]} {family[0]}",
        gender=gender,
        birth_date=min(place.starts_on for place in career) - timedelta(days=int(age * 365.25) + 1),
        mobile=mobile(number),
        email=email(first[1], f"{family[1]}{number}") if world.maybe(0.7) else None,
        city=chance.choice(load("cities"))["key"],
        education=_LEVELS[max(level, 1)],
    )


def _needed(career: list[_Place]) -> int:
    """The place of the highest level that the jobs ask for."""
    return max(_LEVELS.index(place.opening.job.education_level or EducationLevel.NONE) for place in career)


def _years(since: date, day: date) -> int:
    return day.year - since.year - ((day.month, day.day) < (since.month, since.day))


def _add_teleworker(world: World, account: Account, person: Person, since: datetime) -> Teleworker:
    return world.add(
        Teleworker(
            id=world.new_id(since),
            company_id=account.company.id,
            national_id=person.national_id,
            name=person.name,
            birth_date=person.birth_date,
            gender=person.gender,
            mobile=person.mobile,
            email=person.email,
            city_id=reference_id(City, person.city),
            education_level=person.education,
            created_at=since,
            updated_at=since,
        )
    )


def _add_employment(world: World, account: Account, teleworker: Teleworker, place: _Place) -> Employment:
    job, (least, most) = place.opening.job, place.opening.wages
    by = world.random.choice(account.deciders)
    employment = world.add(
        Employment(
            id=world.new_id(place.hired),
            company_id=account.company.id,
            job_id=job.id,
            teleworker_id=teleworker.id,
            employment_type=job.employment_type,
            starts_on=place.starts_on,
            ends_on=place.ends_on,
            ended_at=place.ended_at,
            wage=Decimal(world.random.randrange(least, most + 1, 50)).quantize(Decimal("0.01")),
            weekly_hours=job.weekly_hours,
            gosi_registered=True,
            qiwa_contract_number=f"QW{world.random.randrange(10**8):08d}" if world.maybe(0.8) else None,
            end_reason=world.random.choice(world.pools["endReasons"]) if place.told else None,
            version=1,
            created_at=place.hired,
            updated_at=place.hired,
        )
    )
    world.record(account.company, EventType.TELEWORKER_HIRED, employment, place.hired, by)
    if place.told is not None:
        employment.version, employment.updated_at = 2, place.told
        world.record(account.company, EventType.EMPLOYMENT_ENDED, employment, place.told, by)
    return employment


# Leaves


def _add_leaves(world: World, account: Account, working: list[tuple[_Place, Employment]]) -> None:
    """Some are away today, two of them for nobody knows how long; others were, or will be."""
    settled = [employment for place, employment in working if place.starts_on <= world.day(-60) and place.ends_on is None]
    chosen = iter(world.random.sample(settled, ON_LEAVE + BACK + PLANNED))
    for place in range(ON_LEAVE):
        starts, ends = world.day(-world.random.randrange(12)), world.day(world.random.randrange(30))
        _add_leave(world, account, next(chosen), starts, None if place < 2 else ends)
    for _ in range(BACK):
        starts = world.day(-world.random.randrange(20, 50))
        _add_leave(world, account, next(chosen), starts, starts + timedelta(days=world.random.randrange(2, 15)))
    for employment in chosen:
        starts = world.day(world.random.randrange(3, 40))
        _add_leave(world, account, employment, starts, starts + timedelta(days=world.random.randrange(5, 20)))


def _add_leave(world: World, account: Account, employment: Employment, starts_on: date, ends_on: date | None) -> None:
    told = world.between(min(start_of(starts_on), world.now) - timedelta(days=5), min(start_of(starts_on), world.now) - timedelta(days=1))
    world.add(
        LeavePeriod(id=world.new_id(told), company_id=account.company.id, employment_id=employment.id, starts_on=starts_on, ends_on=ends_on)
    )
    employment.version, employment.updated_at = employment.version + 1, told
    world.record(account.company, EventType.EMPLOYMENT_UPDATED, employment, told, world.random.choice(account.deciders))
