"""The declarative base, column types that mean the same on both databases, and what ties a row to its company."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ColumnElement,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    Integer,
    MetaData,
    Numeric,
    String,
    Text,
    TypeDecorator,
    Uuid,
    and_,
    bindparam,
    case,
    cast,
    event,
    false,
    func,
    literal_column,
    or_,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, Mapper, mapped_column
from sqlalchemy.types import TypeEngine

from app.text import fold

Row = Any  # a model or an alias of it: its attributes are SQL columns
Scope = Callable[[Row], ColumnElement[bool]]

ACCOUNT = bindparam("account", type_=Uuid())  # the caller's company; NULL ties to nothing
USER = bindparam("user", type_=Uuid())  # the caller as a person; NULL for a token
LIVE_WORLD = UUID(int=0)  # within which establishments and people are one and the same; in the sandbox each company's id names its own


def everyone(_: Row) -> ColumnElement[bool]:
    """Reference data, the same for all callers."""
    return true()


def nobody(_: Row) -> ColumnElement[bool]:
    """The server's own tables, never to be read through the graph."""
    return false()


def by_company(row: Row) -> ColumnElement[bool]:
    """Rows that belong to one company, in `company_id`."""
    return row.company_id == ACCOUNT  # type: ignore[no-any-return]  # an alias' attributes are Any


def uuid7() -> UUID:
    """A time-ordered key: 48 bits of milliseconds, then random."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10))
    return UUID(int=value & ~(0xF000 << 64) & ~(0xC000 << 48) | 0x7000 << 64 | 0x8000 << 48)


class Instant(TypeDecorator[datetime]):
    """timestamptz on PostgreSQL; fixed-width UTC text on SQLite, so that text order is time order."""

    impl, cache_ok = DateTime(timezone=True), True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return String(27) if dialect.name == "sqlite" else DateTime(timezone=True)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return datetime.fromisoformat(value) if isinstance(value, str) else value


class Money(TypeDecorator[Decimal]):
    """Riyals with two decimals: numeric on PostgreSQL, whole halalas on SQLite, which has no exact decimal."""

    impl, cache_ok = Numeric(10, 2), True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return Integer() if dialect.name == "sqlite" else Numeric(10, 2)

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        return int(value * 100) if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        return Decimal(value).scaleb(-2) if value is not None and dialect.name == "sqlite" else value


class Choice(TypeDecorator[StrEnum]):
    """One of an enum's names as text, held by a check constraint: text from the database is trusted under an enum of the graph."""

    impl, cache_ok = Text(), True

    def __init__(self, enum: type[StrEnum]) -> None:
        super().__init__()
        self.enum = enum

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else str(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else self.enum(value)


# Titles sort by code points on both databases; SQLite does so by itself.
_TEXT = Text().with_variant(Text(collation="C"), "postgresql")
STRINGS = JSON().with_variant(JSONB(), "postgresql")
SOME_STRINGS = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


class Base(DeclarativeBase):
    """A table says at its head whose its rows are (`scoped_by`) and what its public ids begin with (`prefix`)."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {str: _TEXT, datetime: Instant, Decimal: Money, date: Date, UUID: Uuid()}
    scoped_by: ClassVar[Scope]
    for_gateway: ClassVar[Scope]
    prefix: ClassVar[str]
    searched: ClassVar[tuple[str, ...]]
    id: Any

    @property
    def public_id(self) -> str:
        return f"{self.prefix}_{self.id.hex}"

    def __init_subclass__(
        cls, *, scoped_by: Scope, prefix: str, searched: tuple[str, ...] = (), for_gateway: Scope | None = None, **rest: Any
    ) -> None:
        """scoped_by and prefix have no default: a table that does not say whose its rows are fails at import.

        for_gateway   the rows that the portal's gateway may read, of whatever company; none, unless it is reference data
        """
        cls.scoped_by, cls.prefix, cls.searched = staticmethod(scoped_by), prefix, searched
        cls.for_gateway = staticmethod(for_gateway or (everyone if scoped_by is everyone else nobody))
        super().__init_subclass__(**rest)
        for column in cls.__table__.columns:
            if isinstance(column.type, Choice):
                names = ", ".join(f"'{member}'" for member in column.type.enum)
                cls.__table__.append_constraint(CheckConstraint(f"{column.name} IN ({names})", name=column.name))  # type: ignore[attr-defined]
        if searched:
            for moment in ("before_insert", "before_update"):
                event.listen(cls, moment, _fold_searched)


def _fold_searched(mapper: Mapper[Any], connection: Any, row: Any) -> None:
    """Keeps `search_text` in step with the columns that it folds."""
    row.search_text = fold(" ".join(getattr(row, name) or "" for name in row.searched))


def key() -> Any:
    return mapped_column(primary_key=True, default=uuid7)


def link(target: str) -> Any:
    """A foreign key to `table.column`; whether it may be null is said by the annotation."""
    return mapped_column(ForeignKey(target))


def choice(enum: type[StrEnum], **options: Any) -> Any:
    return mapped_column(Choice(enum), **options)


def in_language(row: Row, language: ColumnElement[str], stem: str = "name") -> ColumnElement[str]:
    """English where it was asked for and exists, Arabic otherwise, of a pair of columns such as name_ar and name_en."""
    arabic, english = getattr(row, f"{stem}_ar"), getattr(row, f"{stem}_en")
    return case((and_(language == "en", english.is_not(None)), english), else_=arabic)


def is_one_of(column: ColumnElement[Any] | InstrumentedAttribute[Any], values: Iterable[StrEnum]) -> ColumnElement[bool]:
    """Not IN: SQLAlchemy writes that out at run time, and the text of a compiled statement is made before."""
    return or_(*(column == value for value in sorted(values)))


def establishment_number(row: Row) -> ColumnElement[str]:
    """ "<labour office>-<sequence>" of a row that keeps the two as integers."""
    return cast(row.labor_office_id, Text()) + "-" + cast(row.sequence_number, Text())


def told_of(condition: str) -> dict[str, Any]:
    """An index of those rows alone: what the log has still to be told, of all that it was told already."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


# Nulls sort last in both directions. A sentinel beyond every real value keeps the sort key one non-null expression, which keyset
# paging compares and an expression index serves; written as text so that the query and the index hold the same words. Not the ends of
# what a date can hold: asyncpg turns those into infinity.
_LAST: list[tuple[type[TypeEngine[Any]], str, str]] = [
    (Instant, "'9000-01-01T00:00:00.000000Z'", "'1000-01-01T00:00:00.000000Z'"),
    (Date, "'9000-01-01'", "'1000-01-01'"),
    (Money, "100000000000", "-1"),
]


def nulls_last(column: ColumnElement[Any] | InstrumentedAttribute[Any], descending: bool) -> ColumnElement[Any]:
    """A nullable column as a sort key."""
    highest, lowest = next((high, low) for kind, high, low in _LAST if isinstance(column.type, kind))
    return func.coalesce(column, literal_column(lowest if descending else highest, column.type), type_=column.type)
