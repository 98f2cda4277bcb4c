from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from plugin.errors import ConsentError
from plugin.quitclaim.consent.model import AgeRules, EndKind, Grant, Person, Quitclaim
from plugin.quitclaim.consent.rules import (
    due_endings,
    ended_altogether,
    in_force,
    may_auto,
    publication_windows,
    recognition_window,
    windows,
)

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)
Household = tuple[Person, tuple[Quitclaim, ...]]
Lines = Callable[..., Grant]
Form = Callable[..., Quitclaim]

CHILD = Person("c", "Clara", birth_date=date(2012, 3, 2), guardians=("g1", "g2"))
SIXTEEN = datetime(2028, 3, 1, 23, 0, tzinfo=UTC)  # midnight in Amsterdam, in winter


def _recognised(person: Person, quitclaims: tuple[Quitclaim, ...], at: datetime, rules: AgeRules) -> bool:
    return recognition_window(person, quitclaims, rules, at) is not None


# ---- the cast --------------------------------------------------------------------------------


def test_the_cast_at_noon(cast: dict[str, Household], rules: AgeRules) -> None:
    """Åsa and Clara are recognised and may be published, Bo, Dag and Eva neither."""
    for name, (person, quitclaims) in cast.items():
        allowed = name in {"Åsa", "Clara"}
        assert _recognised(person, quitclaims, NOW, rules) is allowed, name
        press = publication_windows(person, quitclaims, rules, "communication", "press")
        assert any(start <= NOW and (end is None or end > NOW) for start, end in press) is allowed, name
        assert ended_altogether(person, quitclaims, rules, NOW) is not allowed, name


def test_another_use_is_another_grant(cast: dict[str, Household], rules: AgeRules) -> None:
    """Who agreed to one purpose on one channel has agreed to no other purpose and no other channel."""
    person, quitclaims = cast["Åsa"]
    assert publication_windows(person, quitclaims, rules, "communication", "press") == [(NOW, None)]
    assert publication_windows(person, quitclaims, rules, "commercial", "press") == []
    assert publication_windows(person, quitclaims, rules, "communication", "print") == []


# ---- the earliest end ------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["until", "ended", "superseded"])
def test_a_grant_is_in_force_until_the_first_of_its_ends(
    first: str, quitclaim: Form, publication: Lines, rules: AgeRules
) -> None:
    """Whichever end comes first, it holds up to that moment and not at it."""
    ends = {name: NOW + (5 if name == first else 9) * DAY for name in ("until", "ended", "superseded")}
    line = replace(publication(until=ends["until"]), ended_at=ends["ended"], ended_kind=EndKind.WITHDRAWN)
    person = Person("p", "Åsa")
    stored = (quitclaim(person, line, superseded_at=ends["superseded"]),)
    assert [window[1:] for window in windows(person, stored, rules)] == [(NOW, NOW + 5 * DAY)]
    assert in_force(person, stored, rules, NOW) == in_force(person, stored, rules, NOW + 5 * DAY - TICK) == (line,)
    assert in_force(person, stored, rules, NOW - TICK) == in_force(person, stored, rules, NOW + 5 * DAY) == ()


def test_a_grant_that_ends_as_it_begins_has_no_window(quitclaim: Form, publication: Lines, rules: AgeRules) -> None:
    """Withdrawn at the very moment of its start, it was never in force, and says so by having no window."""
    line = replace(publication(), ended_at=NOW, ended_kind=EndKind.WITHDRAWN)
    person = Person("p", "Åsa")
    assert windows(person, (quitclaim(person, line),), rules) == []


def test_nobody_agrees_backwards(quitclaim: Form, publication: Lines, rules: AgeRules) -> None:
    """A grant dated from before the signature holds from the signature."""
    person = Person("p", "Åsa")
    stored = (quitclaim(person, publication(start=NOW - 9 * DAY)),)
    assert publication_windows(person, stored, rules, "communication", "press") == [(NOW, None)]


def test_a_renewal_without_a_gap_carries_recognition_on(quitclaim: Form, recognition: Lines, rules: AgeRules) -> None:
    """The window now reaches to the end of the last version that follows without a gap, no further."""
    person = Person("p", "Åsa")
    stored = (
        quitclaim(person, recognition("a"), superseded_at=NOW + DAY),
        quitclaim(person, recognition("b", NOW + DAY, NOW + 3 * DAY), version=2),
        quitclaim(person, recognition("c", NOW + 4 * DAY), version=3),
    )
    assert recognition_window(person, stored, rules, NOW) == (NOW, NOW + 3 * DAY)
    assert recognition_window(person, stored, rules, NOW + 3 * DAY) is None
    assert recognition_window(person, stored, rules, NOW + 4 * DAY) == (NOW + 4 * DAY, None)


def test_a_strangers_quitclaim_grants_nothing(cast: dict[str, Household], rules: AgeRules) -> None:
    """Another person's quitclaim is refused, not counted."""
    with pytest.raises(ConsentError, match="another person"):
        windows(cast["Eva"][0], cast["Åsa"][1], rules)


def test_a_moment_without_a_zone_is_refused(cast: dict[str, Household], rules: AgeRules) -> None:
    """No answer is given for a naive time."""
    with pytest.raises(ConsentError, match="time zone"):
        in_force(*cast["Åsa"], rules, datetime(2026, 3, 2))  # noqa: DTZ001 - the point of the test


# ---- minors ----------------------------------------------------------------------------------


def test_a_guardians_grant_ends_at_the_birthday(quitclaim: Form, recognition: Lines, rules: AgeRules) -> None:
    """What a guardian signed holds up to the sixteenth birthday, and is then due as lapsed."""
    line = recognition()
    stored = (quitclaim(CHILD, line, guardians=("g1",)),)
    assert recognition_window(CHILD, stored, rules, SIXTEEN - TICK) == (NOW, SIXTEEN)
    assert recognition_window(CHILD, stored, rules, SIXTEEN) is None
    assert due_endings(CHILD, stored, rules, SIXTEEN - TICK) == []
    assert due_endings(CHILD, stored, rules, SIXTEEN) == [(line, SIXTEEN, EndKind.LAPSED)]


@pytest.mark.parametrize("guardians", [(), ("g1",)])
def test_a_childs_own_signature_never_counts(
    guardians: tuple[str, ...], quitclaim: Form, recognition: Lines, rules: AgeRules
) -> None:
    """Signed at fifteen it does not count from sixteen on either, alone or beside a guardian's."""
    signed = SIXTEEN - DAY
    form = quitclaim(CHILD, recognition(start=signed), signed_at=signed, guardians=guardians)
    stored = (replace(form, signed_by_person=True),)
    assert _recognised(CHILD, stored, SIXTEEN - TICK, rules) is bool(guardians)
    assert not _recognised(CHILD, stored, SIXTEEN, rules)
    again = (*stored, quitclaim(CHILD, recognition("b", SIXTEEN), version=2, signed_at=SIXTEEN))
    assert _recognised(CHILD, again, SIXTEEN, rules)


@pytest.mark.parametrize(
    ("signed", "needed", "counts"),
    [
        (("g1",), 1, True),
        (("g1",), 2, False),
        (("g1", "g1"), 2, False),
        (("g1", "g2"), 2, True),
        (("g9",), 1, False),
        (("g1", "g9"), 2, False),
        ((), 1, False),
    ],
)
def test_guardians_are_counted_distinct_and_known(
    signed: tuple[str, ...], needed: int, counts: bool, quitclaim: Form, recognition: Lines
) -> None:
    """As many different guardians of this child must have signed as the rules ask."""
    stored = (replace(quitclaim(CHILD, recognition(), guardians=signed), signed_by_person=False),)
    rules = AgeRules(guardians=needed)
    assert _recognised(CHILD, stored, NOW, rules) is counts
    assert bool(due_endings(CHILD, stored, rules, NOW)) is not counts


def test_a_guardian_does_not_sign_for_an_adult(quitclaim: Form, publication: Lines, rules: AgeRules) -> None:
    """For somebody of age, or without a birth date, a guardian's signature grants nothing."""
    for birth in (None, date(1990, 1, 1)):
        adult = Person("a", "Åsa", birth_date=birth, guardians=("g1",))
        line = publication()
        stored = (quitclaim(adult, line, guardians=("g1",)),)
        assert windows(adult, stored, rules) == []
        assert due_endings(adult, stored, rules, NOW + DAY) == [(line, NOW + DAY, EndKind.LAPSED)]


def test_recognition_waits_for_its_lowest_age(
    quitclaim: Form, recognition: Lines, publication: Lines, rules: AgeRules
) -> None:
    """Below six a child may be published but not recognised; at six the grant begins by itself."""
    child = Person("c", "Clara", birth_date=date(2020, 7, 1), guardians=("g1",))
    stored = (quitclaim(child, recognition(), publication(), guardians=("g1",)),)
    six = datetime(2026, 6, 30, 22, 0, tzinfo=UTC)  # midnight in Amsterdam, in summer
    assert publication_windows(child, stored, rules, "communication", "press")[0][0] == NOW
    assert recognition_window(child, stored, rules, six - TICK) is None
    assert recognition_window(child, stored, rules, six) is not None


def test_a_minor_is_never_tagged_automatically(rules: AgeRules) -> None:
    """Below the age never, from it on yes; without a birth date only who is declared to be of age. That declaration
    turns no birth date off."""
    assert not may_auto(CHILD, rules, SIXTEEN - TICK)
    assert may_auto(CHILD, rules, SIXTEEN)
    assert may_auto(Person("a", "Åsa", of_age=True), rules, NOW)
    assert not may_auto(Person("a", "Åsa"), rules, NOW)
    assert not may_auto(replace(CHILD, of_age=True), rules, SIXTEEN - TICK)


def test_an_objection_stops_recognition_and_nothing_else(
    quitclaim: Form, recognition: Lines, publication: Lines, rules: AgeRules
) -> None:
    """From the objection on no recognition, also by what a guardian signs later; publication goes on."""
    child = replace(CHILD, objected_at=NOW + DAY)
    line, later = recognition(), recognition("b", NOW + 2 * DAY)
    stored = (
        quitclaim(child, line, publication(), guardians=("g1",)),
        quitclaim(child, later, version=2, signed_at=NOW + 2 * DAY, guardians=("g1",)),
    )
    assert _recognised(child, stored, NOW + DAY - TICK, rules)
    assert not any(_recognised(child, stored, NOW + days * DAY, rules) for days in (1, 2, 3, 900))
    assert publication_windows(child, stored, rules, "communication", "press") == [(NOW, SIXTEEN)]
    assert (line, NOW + DAY, EndKind.OBJECTED) in due_endings(child, stored, rules, NOW + DAY)


def test_only_the_person_takes_an_objection_back(quitclaim: Form, recognition: Lines, rules: AgeRules) -> None:
    """A signature of their own, of age and after the objection, counts; one at the same moment does not."""
    grown = replace(CHILD, objected_at=SIXTEEN)
    for signed, counts in ((SIXTEEN, False), (SIXTEEN + TICK, True)):
        stored = (quitclaim(grown, recognition(start=signed), signed_at=signed),)
        assert _recognised(grown, stored, SIXTEEN + DAY, rules) is counts
