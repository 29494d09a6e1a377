"""What all parts of the seeding share: the moment, chance, ids, synthetic people, rows not written yet, and each company's log."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, TypeVar
from uuid import UUID

from app.clock import RIYADH, riyadh_day
from app.models import Base, Company, Event, EventType, User
from app.operations.reference import load
from app.values import has_check_digit

R = TypeVar("R", bound=Base)
T = TypeVar("T")

GATEWAY = "بوابة العمل عن بعد"
CLOCK = "النظام"
OFFICE_OPENS, OFFICE_HOURS = 8, 9


@dataclass
class World:
    """The data being made. now is aware, UTC, in whole seconds: everything in it happened before, or is planned for later."""

    now: datetime
    random: Random = field(default_factory=lambda: Random(20261122))  # noqa: S311  # to look lively, not to be secret
    rows: dict[str, list[Base]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    _logs: dict[UUID, list[Event]] = field(default_factory=dict)

    @property
    def today(self) -> date:
        return riyadh_day(self.now)

    @property
    def pools(self) -> Any:
        """app/data/demo.json."""
        return load("demo")

    def add(self, row: R) -> R:
        """Keeps a row to be written in the end, when its parents are."""
        self.rows.setdefault(row.__tablename__, []).append(row)
        return row

    def record(self, company: Company, type_: EventType, subject: Base, at: datetime, by: User | str) -> None:
        """Notes what happened in the company's log; its number comes when all is known."""
        name, user_id = (by, None) if isinstance(by, str) else (by.name, by.id)
        event = Event(
            id=self.new_id(at),
            company_id=company.id,
            type=type_,
            occurred_at=at,
            subject_prefix=subject.prefix,
            subject_id=subject.id,
            actor_name=name,
            user_id=user_id,
        )
        self._logs.setdefault(company.id, []).append(event)

    def number_events(self, company: Company) -> None:
        """Gives the company's events their numbers, in time order, and the company its last one."""
        # Stable: what happened in one instant stays in the order in which it was noted.
        for sequence, event in enumerate(sorted(self._logs[company.id], key=lambda event: event.occurred_at), start=1):
            event.sequence = company.last_event = sequence
            self.add(event)

    def new_id(self, at: datetime) -> UUID:
        """A UUIDv7 of the instant; the same for the same place in the seeding."""
        value = int(at.timestamp() * 1000) << 80 | self.random.getrandbits(80)
        return UUID(int=value & ~(0xF000 << 64) & ~(0xC000 << 48) | 0x7000 << 64 | 0x8000 << 48)

    def day(self, offset: int) -> date:
        return self.today + timedelta(days=offset)

    def ago(self, days: float) -> datetime:
        return self.now - timedelta(days=days)

    def at(self, offset: int) -> datetime:
        """A moment in the office hours of an earlier day."""
        minutes = self.random.randrange(OFFICE_HOURS * 60)
        return start_of(self.day(offset)) + timedelta(hours=OFFICE_OPENS, minutes=minutes)

    def between(self, earliest: datetime, latest: datetime) -> datetime:
        """A moment of the span, in office hours where one is near. Where the span is empty, its start."""
        drawn = earliest + max(latest - earliest, timedelta()) * self.random.random()
        office = self.at((riyadh_day(drawn) - self.today).days)
        return office if earliest <= office <= latest else drawn.replace(microsecond=0)

    def one_of(self, choices: dict[T, float]) -> T:
        """One of the keys, as often as its weight says."""
        return self.random.choices(list(choices), list(choices.values()))[0]

    def maybe(self, chance: float) -> bool:
        return self.random.random() < chance


def start_of(day: date) -> datetime:
    """The instant at which the business day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=RIYADH).astimezone(UTC)


def national_id(number: int) -> str:
    """The citizen's id of a small number: its first digits are zeros, which tells that nobody is meant."""
    return next(digits for check in range(10) if has_check_digit(digits := f"1{number:08d}{check}"))


def mobile(number: int) -> str:
    return f"+9665000{number:05d}"


def email(*parts: str) -> str:
    return ".".join("".join(filter(str.isalnum, part)).lower() for part in parts) + "@example.sa"
