"""What the calendar asks for before a quitclaim ends, and when a child comes of age. Pure: days in, answers out."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from plugin.quitclaim.consent.model import AgeRules, EndKind, Person, Quitclaim
from plugin.quitclaim.consent.rules import of_age, own_signature, terms, windows


def last_end(person: Person, claim: Quitclaim, rules: AgeRules, at: datetime) -> datetime | None:
    """When the last grant of this version ends, where that is still to come.

    None where a later version has taken its place or will, and where a grant of it has no end.
    """
    if claim.superseded_at is not None:
        return None
    ends = [end for _, _, end in windows(person, [claim], rules)]
    if not ends or None in ends:
        return None
    last = max(end for end in ends if end is not None)
    return last if last > at else None


def ends_with_age(person: Person, claim: Quitclaim, rules: AgeRules, end: datetime) -> bool:
    """Whether `end` is the birthday from which the person decides, and not the guardians who signed."""
    return not own_signature(person, claim, rules) and end == of_age(person, rules)


def coming_of_age(person: Person, claims: Sequence[Quitclaim], rules: AgeRules) -> datetime | None:
    """The birthday that ends, or has ended, what guardians agreed to; None where nothing rests on it.

    None as well once the person has signed for themselves.
    """
    majority = of_age(person, rules)
    if majority is None or any(own_signature(person, claim, rules) for claim in claims):
        return None
    ended = (term for term in terms(person, claims, rules) if term.window is not None)
    return majority if any(term.end == majority and term.why is EndKind.LAPSED for term in ended) else None


def find_due_alert(end: datetime, days: Iterable[int], at: datetime, since: datetime, late: timedelta) -> int | None:
    """The alert that is due at `at`, as days before `end`: the last one reached; None for none."""
    due = [(end - timedelta(days=count), count) for count in days]
    come = [(moment, count) for moment, count in due if since < moment <= at]
    if not come:
        return None
    moment, count = max(come)
    return count if at - moment < late else None
