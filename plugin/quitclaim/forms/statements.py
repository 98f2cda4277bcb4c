"""What somebody agreed to, one line for each use, at one moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from plugin.quitclaim.consent import rules
from plugin.quitclaim.consent.model import AgeRules, EndKind, GrantKind, Person, Quitclaim, utc


class UseState(StrEnum):
    """The state of a use."""

    IN_FORCE = "in force"
    TO_COME = "to come"
    WITHDRAWN = "withdrawn"
    RESTRICTED = "restricted"
    SUPERSEDED = "superseded"
    LAPSED = "lapsed"
    OBJECTED = "objected"


@dataclass(frozen=True)
class StatementLine:
    """One use: `start` and `end` as they really are, `end` None where none is known.

    `purpose` and `channel` are None for recognition.
    """

    grant_id: str
    kind: GrantKind
    purpose: str | None
    channel: str | None
    start: datetime
    end: datetime | None
    state: UseState

    @property
    def open(self) -> bool:
        """Whether there is something to stop: it is in force or will be."""
        return self.state in (UseState.IN_FORCE, UseState.TO_COME)


def list_lines(person: Person, quitclaims: Sequence[Quitclaim], ages: AgeRules, at: datetime) -> list[StatementLine]:
    """Every use that was ever signed: what is in force or to come by name, then what is over, the latest first."""
    now = utc(at, "at")
    found = []
    for term in rules.terms(person, quitclaims, ages):
        grant, window = term.grant, term.window
        start, end = window if window is not None else (grant.valid_from, term.end)
        found.append(
            StatementLine(
                grant.id, grant.kind, grant.purpose, grant.channel, start, end, _find_state(term, start, end, now)
            )
        )
    named = sorted(found, key=_sort_key)
    past = sorted((line for line in named if not line.open), key=lambda line: line.end or line.start, reverse=True)
    return [*(line for line in named if line.open), *past]


def _sort_key(line: StatementLine) -> tuple[bool, str, str, datetime]:
    """Recognition first, then by purpose and channel, in the order in which they begin."""
    return line.kind is not GrantKind.RECOGNITION, line.purpose or "", line.channel or "", line.start


def _find_state(term: rules.Term, start: datetime, end: datetime | None, now: datetime) -> UseState:
    if term.window is None or (end is not None and end <= now):
        return UseState((term.why or EndKind.LAPSED).value)
    return UseState.IN_FORCE if start <= now else UseState.TO_COME
