"""What the tables are made of: the naming of constraints, moments, and the columns that many share."""

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    Dialect,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    Text,
)
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

# SQLite gives a deleted row's number out again unless told not to: an intent's face or a job's token
# would then point to what came later.
NUMBERED: dict[str, Any] = {"sqlite_autoincrement": True}


class UnreadableCell:
    """What is read of a cell that holds no value of its type, so that the rows beside it are read.

    Each kind is a value on the strict side; what decides who agreed to what asks whether it is one.
    """


class UnreadableInstant(UnreadableCell, datetime):
    """For a moment: one that is long past."""


class UnreadableDay(UnreadableCell, date):
    """For a day: one so late that nobody born then comes of age."""


_NO_MOMENT, _NO_DAY = UnreadableInstant(1970, 1, 1, tzinfo=UTC), UnreadableDay(9000, 1, 1)


def stored_type(column: "Column[Any]") -> TypeEngine[Any]:
    """What a store keeps in the column, whatever is made of it when it is read."""
    kept = column.type
    return kept.impl_instance if isinstance(kept, TypeDecorator) else kept


def parse_word(kind: type[W], cell: Any, otherwise: W) -> W:
    """The member that the cell names; `otherwise`, the strict one, where it names none."""
    try:
        return kind(cell)
    except ValueError:
        return otherwise


class Instant(TypeDecorator[datetime]):
    """An aware datetime as whole microseconds since 1970, so that both stores compare it alike."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        return (value - _EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        try:
            return None if value is None else _EPOCH + timedelta(microseconds=int(value))
        except (ValueError, OverflowError):
            return _NO_MOMENT


class Day(TypeDecorator[date]):
    """A date; SQLite keeps it as text."""

    impl = Date
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        read = super().result_processor(dialect, coltype)

        def process(value: Any) -> Any:
            try:
                return read(value) if read else value
            except (ValueError, TypeError):
                return _NO_DAY

        return process


class StrictBoolean(Boolean):
    """SQLite may hold anything in one: what is no 0 or 1 is no."""

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        return lambda value: None if value is None else value in (0, 1) and bool(value)


class JsonList(TypeDecorator[list[Any]]):
    """What somebody may do: nothing, where the list cannot be read."""

    impl = JSON
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> list[Any]:
        return value if isinstance(value, list) else []


class PixelWidth(TypeDecorator[int]):
    """A width; one that cannot be read is not known."""

    impl = Integer
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        return value if isinstance(value, int) else None


class Fraction(TypeDecorator[float]):
    """A part of a picture's side; none where it cannot be read: what has no box holds for the whole photograph."""

    impl = Float
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> float | None:
        return value if isinstance(value, int | float) else None


class KeyVersion(TypeDecorator[int]):
    """Of the master key: 0, which there is not, where it cannot be read."""

    impl = Integer
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        return value if value is None or isinstance(value, int) else 0


EVERY_PLACE = ("exif", "node", "region", "xmp")
"""Where a DAM may have a name from us, as `hooks` calls the places."""


class PlaceList(TypeDecorator[list[str]]):
    """Where we wrote a name: anywhere that we can, where the list cannot be read."""

    impl = JSON
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> list[str]:
        whole = isinstance(value, list) and all(isinstance(one, str) for one in value)
        return value if whole else list(EVERY_PLACE)


def person_id(nullable: bool = False, **options: Any) -> "Column[str]":
    """The column that says whose a row is."""
    return Column("person_id", Text, ForeignKey("person.id"), nullable=nullable, **options)


def resource_id(**options: Any) -> "Column[int]":
    """The column that says of which resource a row is."""
    return Column("resource_id", BIG, ForeignKey("resource.id"), nullable=False, **options)
