"""What the tables are made of: the naming of constraints, moments, and the columns that many share."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Column, Dialect, ForeignKey, Integer, MetaData, Text
from sqlalchemy.types import TypeDecorator

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BIG = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows itself only for INTEGER

MOST_NUMBER = (1 << 63) - 1
"""No store has a larger number; what asks for one is refused before it is asked."""

# SQLite gives a deleted row's number out again unless told not to: an intent's face or a job's token
# would then point to what came later.
NUMBERED: dict[str, Any] = {"sqlite_autoincrement": True}


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
        return None if value is None else _EPOCH + timedelta(microseconds=int(value))


def person_id(nullable: bool = False, **options: Any) -> "Column[str]":
    """The column that says whose a row is."""
    return Column("person_id", Text, ForeignKey("person.id"), nullable=nullable, **options)


def resource_id(**options: Any) -> "Column[int]":
    """The column that says of which resource a row is."""
    return Column("resource_id", BIG, ForeignKey("resource.id"), nullable=False, **options)
