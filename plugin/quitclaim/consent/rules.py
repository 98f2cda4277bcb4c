"""When a grant really is in force: computed from dates at each use, never read from a flag.

The decisions that this page takes, each to the strict side:

- Nobody agrees backwards: a grant is in force from its signature at the earliest.
- Below the age, only guardians count: as many distinct known ones as the rules ask. What they
  signed lapses on the birthday that ends their say.
- A person's own signature given below the age never counts, not even after that birthday: they
  are asked again, and sign then.
- Somebody without a birth date signs for themselves; a guardian's signature does nothing. Only who is
  declared to be of age, or whose birth date says so, may be named without a human decision.
- An objection ends recognition at once, and no guardian can bring it back: only the person, of
  age, by a signature of their own after it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from plugin.errors import ConsentError
from plugin.quitclaim.consent.intervals import containing, contains, union
from plugin.quitclaim.consent.model import AgeRules, EndKind, Grant, GrantKind, Person, Quitclaim, Window, utc


@dataclass(frozen=True)
class Term:
    """What a grant amounts to. `window` is None if it is never in force; `end` and `why` are set anyway."""

    grant: Grant
    window: Window | None
    end: datetime | None
    why: EndKind | None
    signed: bool


@lru_cache(maxsize=1 << 16)
def birthday(birth_date: date, years: int, zone: ZoneInfo) -> datetime:
    """The moment, in UTC, at which somebody becomes `years` old: the first of that day in `zone`.

    Who was born on 29 February becomes a year older on 1 March in a common year: on 28 February
    the year of life is not complete, it is when that day is over. Where the clocks skip midnight,
    the day begins with the skip; where midnight comes twice, with the first.
    """
    year = birth_date.year + years
    try:
        day = birth_date.replace(year=year)
    except ValueError:
        day = date(year, 3, 1)
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def of_age(person: Person, rules: AgeRules) -> datetime | None:
    """From when the person decides alone; None without a birth date: always, as far as is known."""
    return None if person.birth_date is None else birthday(person.birth_date, rules.age, rules.zone)


def is_minor(person: Person, rules: AgeRules, at: datetime) -> bool:
    """Whether guardians decide for the person at `at`: only a birth date says so."""
    majority = of_age(person, rules)
    return majority is not None and majority > utc(at, "at")


def may_auto(person: Person, rules: AgeRules, at: datetime) -> bool:
    """Whether the person may be tagged without a human decision: no minor, and nobody of unknown age."""
    majority = of_age(person, rules)
    return person.of_age if majority is None else majority <= utc(at, "at")


def own_signature(person: Person, quitclaim: Quitclaim, rules: AgeRules) -> bool:
    """Whether the person signed, and was of age when they did."""
    majority = of_age(person, rules)
    return quitclaim.signed_by_person and (majority is None or majority <= quitclaim.signed_at)


def signature_window(person: Person, quitclaim: Quitclaim, rules: AgeRules) -> Window | None:
    """When the signatures on a quitclaim carry its grants; None is never."""
    if own_signature(person, quitclaim, rules):
        return quitclaim.signed_at, None
    majority = of_age(person, rules)
    known = set(quitclaim.signed_by_guardians) & set(person.guardians)
    if majority is None or majority <= quitclaim.signed_at or len(known) < rules.guardians:
        return None
    return quitclaim.signed_at, majority


def terms(person: Person, quitclaims: Iterable[Quitclaim], rules: AgeRules) -> list[Term]:
    """What each grant comes to, also those that never are in force. Raises ConsentError for a stranger's."""
    found = []
    for quitclaim in quitclaims:
        if quitclaim.person_id != person.id:
            raise ConsentError(f"quitclaim {quitclaim.id} belongs to another person: pass this person's own")
        signature = signature_window(person, quitclaim, rules)
        found += [_find_term(person, quitclaim, grant, signature, rules) for grant in quitclaim.grants]
    return found


def _find_term(person: Person, quitclaim: Quitclaim, grant: Grant, signature: Window | None, rules: AgeRules) -> Term:
    ends = _list_ends(person, quitclaim, grant, signature, rules)
    end, why = min(ends, key=lambda item: item[0]) if ends else (None, None)
    start = max(grant.valid_from, quitclaim.signed_at)
    if grant.kind is GrantKind.RECOGNITION and person.birth_date is not None:
        start = max(start, birthday(person.birth_date, rules.recognition_from, rules.zone))
    empty = signature is None or (end is not None and end <= start)
    return Term(grant, None if empty else (start, end), end, why, signature is not None)


def _list_ends(
    person: Person, quitclaim: Quitclaim, grant: Grant, signature: Window | None, rules: AgeRules
) -> list[tuple[datetime, EndKind]]:
    """Every end that the grant has; of two at one moment, what a person did comes first."""
    ends = [
        (grant.ended_at, grant.ended_kind),
        (_find_objection(person, quitclaim, grant, rules), EndKind.OBJECTED),
        (quitclaim.superseded_at, EndKind.SUPERSEDED),
        (grant.valid_until, EndKind.LAPSED),
        (signature[1] if signature else None, EndKind.LAPSED),
    ]
    return [(moment, kind) for moment, kind in ends if moment is not None and kind is not None]


def _find_objection(person: Person, quitclaim: Quitclaim, grant: Grant, rules: AgeRules) -> datetime | None:
    if grant.kind is not GrantKind.RECOGNITION or person.objected_at is None:
        return None
    changed_mind = person.objected_at < quitclaim.signed_at and own_signature(person, quitclaim, rules)
    return None if changed_mind else person.objected_at


def windows(
    person: Person, quitclaims: Iterable[Quitclaim], rules: AgeRules
) -> list[tuple[Grant, datetime, datetime | None]]:
    """When each grant really is in force; a grant that never is has no line."""
    return [(t.grant, *t.window) for t in terms(person, quitclaims, rules) if t.window is not None]


def in_force(person: Person, quitclaims: Iterable[Quitclaim], rules: AgeRules, at: datetime) -> tuple[Grant, ...]:
    """The grants in force at `at`. While there is none, no tag of ours may stand."""
    now = utc(at, "at")
    return tuple(g for g, start, end in windows(person, quitclaims, rules) if contains((start, end), now))


def recognition_windows(person: Person, quitclaims: Iterable[Quitclaim], rules: AgeRules) -> list[Window]:
    """When the person may be recognised, over all time; windows that touch are joined."""
    found = windows(person, quitclaims, rules)
    return union((start, end) for grant, start, end in found if grant.kind is GrantKind.RECOGNITION)


def recognition_window(person: Person, quitclaims: Iterable[Quitclaim], rules: AgeRules, at: datetime) -> Window | None:
    """The unbroken time around `at` in which the person may be recognised; None is not now.

    A renewal that follows without a gap carries it on, so its end is when the face key must go.
    """
    return containing(recognition_windows(person, quitclaims, rules), utc(at, "at"))


def publication_windows(
    person: Person, quitclaims: Iterable[Quitclaim], rules: AgeRules, purpose: str, channel: str
) -> list[Window]:
    """When the person agrees to this purpose on this channel, over all time, joined and in order."""
    found = windows(person, quitclaims, rules)
    return union((start, end) for g, start, end in found if (g.purpose, g.channel) == (purpose, channel))


def ended_altogether(person: Person, quitclaims: Iterable[Quitclaim], rules: AgeRules, at: datetime) -> bool:
    """Whether no grant of any kind is in force at `at`, and none is to come.

    This decides the evidence term and the record key: a grant to come still needs its proof. It
    does not decide the tags: between two grants nobody agrees to anything, so for a tag ask
    `in_force`. True as well for a person who never had a grant.
    """
    now = utc(at, "at")
    return all(end is not None and end <= now for _, _, end in windows(person, quitclaims, rules))


def due_endings(
    person: Person, quitclaims: Iterable[Quitclaim], rules: AgeRules, at: datetime
) -> list[tuple[Grant, datetime, EndKind]]:
    """Grants that are over at `at` but have no end written yet: when each ended, and why.

    A grant that no signature carries (any more: a guardian was taken off, a birth date corrected)
    is over too, from `at`, because no earlier moment can be told.
    """
    now = utc(at, "at")
    due = []
    for term in terms(person, quitclaims, rules):
        if term.grant.ended_at is not None:
            continue
        if term.end is not None and term.why is not None and term.end <= now:
            due.append((term.grant, term.end, term.why))
        elif not term.signed:
            due.append((term.grant, now, EndKind.LAPSED))
    return due
