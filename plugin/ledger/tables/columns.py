"""The types that tables share: naming of constraints, moments, common columns."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import JSON, BigInteger, Boolean, Column, Date, Dialect, Float, ForeignKey, Integer, MetaData, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

W = TypeVar("W", bound=StrEnum)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BIG = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows itself only for INTEGER

# By default SQLite reuses the number of a deleted row: an intent's face or a job's token would then
# point to a later row.
NUMBERED: dict[str, Any] = {"sqlite_autoincrement": True}


class UnreadableCell:
    """Read from a cell with an invalid value, so that other rows are read.

    Each kind is a value on the strict side; consent decisions check for it.
    """


class UnreadableInstant(UnreadableCell, datetime):
    """A moment long past."""


class UnreadableDay(UnreadableCell, date):
    """A day so late that nobody born then comes of age."""


_NO_MOMENT, _NO_DAY = UnreadableInstant(1970, 1, 1, tzinfo=UTC), UnreadableDay(9000, 1, 1)


def stored_type(column: "Column[object]") -> TypeEngine[object]:
    """The type in which the database stores the column."""
    kept = column.type
    return kept.impl_instance if isinstance(kept, TypeDecorator) else kept


def parse_word(kind: type[W], cell: object, otherwise: W) -> W:
    """The member that the cell names; `otherwise`, the strict one, for an unknown name."""
    try:
        return kind(str(cell))
    except ValueError:
        return otherwise


class Instant(TypeDecorator[datetime]):
    """An aware datetime as microseconds since 1970, so that both databases compare it alike."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        return (value - _EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: int | float | str | bytes | None, dialect: Dialect) -> datetime | None:
        try:
            return None if value is None else _EPOCH + timedelta(microseconds=int(value))
        except (ValueError, OverflowError):
            return _NO_MOMENT


class Day(TypeDecorator[date]):
    """A date; SQLite keeps it as text."""

    impl = Date
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[object], date | None] | None:
        read = super().result_processor(dialect, coltype)
        if read is None:
            return None

        def process(value: object) -> date | None:
            try:
                return read(value)
            except (ValueError, TypeError):
                return _NO_DAY

        return process


class StrictBoolean(Boolean):
    """SQLite may store anything: only 1 is true."""

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[object], bool | None]:
        return lambda value: None if value is None else value in (0, 1) and bool(value)


class JsonList(TypeDecorator[list[str]]):
    """Permissions: none, where the list cannot be read."""

    impl = JSON
    cache_ok = True

    def process_result_value(self, value: object, dialect: Dialect) -> list[str]:
        return value if isinstance(value, list) else []


class PixelWidth(TypeDecorator[int]):
    """A width; None if it cannot be read."""

    impl = Integer
    cache_ok = True

    def process_result_value(self, value: object, dialect: Dialect) -> int | None:
        return value if isinstance(value, int) else None


class Fraction(TypeDecorator[float]):
    """A part of a picture's side; None if it cannot be read: without a box it applies to the whole photograph."""

    impl = Float
    cache_ok = True

    def process_result_value(self, value: object, dialect: Dialect) -> float | None:
        return value if isinstance(value, int | float) else None


class KeyVersion(TypeDecorator[int]):
    """A master key version; 0, which does not exist, if it cannot be read."""

    impl = Integer
    cache_ok = True

    def process_result_value(self, value: object, dialect: Dialect) -> int | None:
        return value if value is None or isinstance(value, int) else 0


EVERY_PLACE = ("exif", "node", "region", "xmp")
"""Every place of `hooks` where we may write a name."""


class PlaceList(TypeDecorator[list[str]]):
    """Where we wrote a name; every possible place if the list cannot be read."""

    impl = JSON
    cache_ok = True

    def process_result_value(self, value: object, dialect: Dialect) -> list[str]:
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            return value
        return list(EVERY_PLACE)


def person_id(nullable: bool = False, index: bool | None = None, primary_key: bool = False) -> "Column[str]":
    """The foreign key of the row's person."""
    return Column("person_id", Text, ForeignKey("person.id"), nullable=nullable, index=index, primary_key=primary_key)


def resource_id(primary_key: bool = False, index: bool | None = None) -> "Column[int]":
    """The foreign key of the row's resource."""
    return Column("resource_id", BIG, ForeignKey("resource.id"), nullable=False, primary_key=primary_key, index=index)
