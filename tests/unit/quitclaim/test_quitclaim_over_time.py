from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin.quitclaim.consent.model import AgeRules, EndKind, Grant, GrantKind, Person, Quitclaim
from plugin.quitclaim.consent.rules import birthday, due_endings, ended_altogether, in_force, recognition_window

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)
Household = tuple[Person, tuple[Quitclaim, ...]]
Lines = Callable[..., Grant]
Form = Callable[..., Quitclaim]


def _recognised(person: Person, quitclaims: tuple[Quitclaim, ...], at: datetime, rules: AgeRules) -> bool:
    return recognition_window(person, quitclaims, rules, at) is not None


# ---- birthdays -------------------------------------------------------------------------------


def test_a_leap_day_falls_on_the_first_of_march() -> None:
    """Born on 29 February, a year is complete on 1 March in a common year, on 29 February in a leap year."""
    zone = ZoneInfo("Europe/Amsterdam")
    assert birthday(date(2012, 2, 29), 6, zone) == datetime(2018, 2, 28, 23, tzinfo=UTC)
    assert birthday(date(2012, 2, 29), 16, zone) == datetime(2028, 2, 28, 23, tzinfo=UTC)
    assert birthday(date(2000, 2, 29), 100, zone) == datetime(2100, 2, 28, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "birth", "years", "moment"),
    [
        # Clocks skip from 24:00 to 01:00: the day begins with the skip.
        ("America/Sao_Paulo", date(2002, 11, 4), 16, datetime(2018, 11, 4, 3, tzinfo=UTC)),
        ("Asia/Beirut", date(2010, 3, 27), 12, datetime(2022, 3, 26, 22, tzinfo=UTC)),
        # Clocks go back over midnight: it comes twice, the first counts.
        ("America/Havana", date(2010, 11, 2), 15, datetime(2025, 11, 2, 4, tzinfo=UTC)),
        # Samoa skipped 30 December 2011 altogether.
        ("Pacific/Apia", date(1995, 12, 30), 16, datetime(2011, 12, 30, 10, tzinfo=UTC)),
        ("Pacific/Kiritimati", date(2010, 1, 1), 16, datetime(2025, 12, 31, 10, tzinfo=UTC)),
    ],
)
def test_a_birthday_begins_where_the_person_lives(zone: str, birth: date, years: int, moment: datetime) -> None:
    """A birthday is the first moment of the day there, whatever the clocks do at midnight."""
    found = birthday(birth, years, ZoneInfo(zone))
    assert found == moment
    assert found.tzinfo is UTC


@given(
    st.dates(date(1960, 1, 1), date(2030, 12, 31)),
    st.integers(0, 21),
    st.sampled_from(["Europe/Amsterdam", "Asia/Kathmandu", "Pacific/Chatham", "America/New_York", "UTC"]),
)
def test_the_moment_before_a_birthday_is_another_day(birth: date, years: int, name: str) -> None:
    """At the birthday the local date has reached it, one microsecond earlier it has not."""
    zone, moment = ZoneInfo(name), birthday(birth, years, ZoneInfo(name))
    here, before = moment.astimezone(zone).date(), (moment - TICK).astimezone(zone).date()
    anniversary = (birth.year + years, birth.month, birth.day)
    assert (before.year, before.month, before.day) < anniversary <= (here.year, here.month, here.day)


# ---- over all time ---------------------------------------------------------------------------


def test_a_grant_to_come_keeps_the_proof_but_no_tag(quitclaim: Form, publication: Lines, rules: AgeRules) -> None:
    """Between two grants nothing is in force, and the person has not ended altogether."""
    person = Person("p", "Åsa")
    stored = (quitclaim(person, publication("a", NOW, NOW + DAY), publication("b", NOW + 9 * DAY, NOW + 10 * DAY)),)
    assert in_force(person, stored, rules, NOW + 2 * DAY) == ()
    assert not ended_altogether(person, stored, rules, NOW + 2 * DAY)
    assert ended_altogether(person, stored, rules, NOW + 10 * DAY)
    assert ended_altogether(person, (), rules, NOW)


def _age(person: Person, rules: AgeRules, moment: datetime) -> int:
    birth, here = person.birth_date or date(1900, 1, 1), moment.astimezone(rules.zone).date()
    return here.year - birth.year - ((here.month, here.day) < (birth.month, birth.day))


def _signed(person: Person, q: Quitclaim, rules: AgeRules, at: datetime) -> bool:
    if _age(person, rules, q.signed_at) >= rules.age:
        return q.signed_by_person
    signers = {guardian for guardian in q.signed_by_guardians if guardian in person.guardians}
    return len(signers) >= rules.guardians and _age(person, rules, at) < rules.age


def _silent(person: Person, q: Quitclaim, rules: AgeRules, at: datetime) -> bool:
    """Whether recognition is out of the question, because of the age or an objection."""
    objected = person.objected_at
    if _age(person, rules, at) < rules.recognition_from or objected is None:
        return _age(person, rules, at) < rules.recognition_from
    own = q.signed_by_person and _age(person, rules, q.signed_at) >= rules.age
    return at >= objected and not (own and q.signed_at > objected)


def _naive(person: Person, quitclaims: tuple[Quitclaim, ...], rules: AgeRules, at: datetime) -> set[str]:
    """Grant ids in force at `at`, decided line by line at that one moment, by ages and not by windows."""
    found = set()
    for q in quitclaims:
        for g in q.grants:
            began = at >= q.signed_at and at >= g.valid_from
            over = any(end is not None and at >= end for end in (g.valid_until, g.ended_at, q.superseded_at))
            silent = g.kind is GrantKind.RECOGNITION and _silent(person, q, rules, at)
            if began and not over and not silent and _signed(person, q, rules, at):
                found.add(g.id)
    return found


@given(st.data())
def test_windows_say_what_a_look_at_each_line_says(
    households: st.SearchStrategy[Household], moments: st.SearchStrategy[datetime], data: st.DataObject
) -> None:
    """For any person, any quitclaims and any moment, the windows agree with a naive reading."""
    person, quitclaims = data.draw(households)
    at = data.draw(moments) + data.draw(st.sampled_from([-TICK, 0 * DAY, timedelta(hours=12)]))
    rules = AgeRules(guardians=data.draw(st.sampled_from([1, 2])))
    naive = _naive(person, quitclaims, rules, at)
    assert {grant.id for grant in in_force(person, quitclaims, rules, at)} == naive
    kinds = {g.kind for q in quitclaims for g in q.grants if g.id in naive}
    assert _recognised(person, quitclaims, at, rules) is (GrantKind.RECOGNITION in kinds)


def _written(
    quitclaims: tuple[Quitclaim, ...], endings: list[tuple[Grant, datetime, EndKind]]
) -> tuple[Quitclaim, ...]:
    """With the ends that were due on the grants, as the sweep writes them."""
    due = {grant.id: replace(grant, ended_at=at, ended_kind=kind) for grant, at, kind in endings}
    return tuple(replace(q, grants=tuple(due.get(g.id, g) for g in q.grants)) for q in quitclaims)


@given(st.data())
def test_settling_what_is_due_changes_no_decision_and_is_done_once(
    households: st.SearchStrategy[Household], moments: st.SearchStrategy[datetime], data: st.DataObject
) -> None:
    """Once the ends are written nothing is due any more, and before and after they say the same."""
    (person, quitclaims), rules = data.draw(households), AgeRules()
    at, asked = data.draw(moments), data.draw(moments)
    settled = _written(quitclaims, due_endings(person, quitclaims, rules, at))
    assert due_endings(person, settled, rules, at) == []
    before = {g.id for g in in_force(person, quitclaims, rules, asked)}
    assert {g.id for g in in_force(person, settled, rules, asked)} == before
    assert _written(settled, due_endings(person, settled, rules, at)) == settled


def test_due_endings_say_which_end_it_was(quitclaim: Form, publication: Lines, rules: AgeRules) -> None:
    """A version that took over is `superseded`, the calendar `lapsed`; of two at once the act is told."""
    person = Person("p", "Åsa")
    lapsed, superseded = publication("a", until=NOW + DAY), publication("b", channel="print")
    stored = (quitclaim(person, lapsed, superseded, superseded_at=NOW + 2 * DAY),)
    assert due_endings(person, stored, rules, NOW + 2 * DAY) == [
        (lapsed, NOW + DAY, EndKind.LAPSED),
        (superseded, NOW + 2 * DAY, EndKind.SUPERSEDED),
    ]
    both = (quitclaim(person, lapsed, superseded_at=NOW + DAY),)
    assert due_endings(person, both, rules, NOW + DAY) == [(lapsed, NOW + DAY, EndKind.SUPERSEDED)]
