"""Base models and types for bodies, paths and queries: no unknown keys, no control characters, bounded dates."""

from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

LINE = r"^[^\x00-\x1f\x7f]*$"
Word = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=LINE)]
Line = Annotated[str, StringConstraints(max_length=1000, pattern=LINE)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
Ref = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=LINE)]
Px = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
Number = Annotated[int, Field(ge=1, lt=1 << 63)]
Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(9000, 1, 1))]
Moment = Annotated[AwareDatetime, Field(ge=datetime(1970, 1, 2, tzinfo=UTC), le=datetime(9000, 1, 1, tzinfo=UTC))]


class RequestModel(BaseModel):
    """What is asked: unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PageQuery(RequestModel):
    """A page: at most `limit`, after the `next` of the page before."""

    limit: Annotated[int, Field(ge=1, le=500)] = 100
    after: Annotated[str, StringConstraints(max_length=200, pattern=LINE)] = ""


class PersonPath(RequestModel):
    """Whose."""

    person_id: Id


class RefPath(RequestModel):
    """Of which resource; its reference in the DAM, with slashes as they are."""

    ref: Ref


class NumberPath(RequestModel):
    """Which one, by its number."""

    number: Number


class Created(BaseModel):
    """What was made."""

    id: str


class EndResult(BaseModel):
    """To how many it was done; where to none, `ended_before` says since when that was so already.

    `finished` is false while a job has something of it left to do in the DAM. Where there never was anything to do it
    on, the answer is no success (409).
    """

    id: str
    count: int
    ended_before: datetime | None = None
    finished: bool = True


class ChangeResult(BaseModel):
    """What was meant; `changed` is false where it was so already."""

    id: str
    changed: bool


class EmptyRequest(RequestModel):
    """A body with nothing in it: {}."""
