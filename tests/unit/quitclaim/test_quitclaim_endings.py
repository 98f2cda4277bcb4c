from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin.errors import NotFound
from plugin.quitclaim.consent.lifecycle import object_to_recognition, restrict, withdraw
from plugin.quitclaim.consent.model import AgeRules, EndKind, Grant, GrantKind, Person, Quitclaim
from plugin.quitclaim.consent.rules import in_force, recognition_window

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
Household = tuple[Person, tuple[Quitclaim, ...]]
Lines = Callable[..., Grant]


def test_each_grant_is_withdrawn_alone(cast: dict[str, Household], rules: AgeRules) -> None:
    """Recognition goes from that moment on, publication stays, and the value before is untouched."""
    person, before = cast["Åsa"]
    after = withdraw(before, ["ar"], NOW + DAY)
    assert recognition_window(person, after, rules, NOW) == (NOW, NOW + DAY)
    assert {g.id for g in in_force(person, after, rules, NOW + DAY)} == {"ap"}
    assert before[0].grants[0].ended_at is None


@pytest.mark.parametrize(("end", "kind"), [(withdraw, EndKind.WITHDRAWN), (restrict, EndKind.RESTRICTED)])
def test_all_grants_end_at_once(
    end: Callable[..., tuple[Quitclaim, ...]], kind: EndKind, cast: dict[str, Household], rules: AgeRules
) -> None:
    """Without a choice every grant ends, those to come as well, each with its kind of end."""
    person, stored = cast["Åsa"]
    ended = end(stored, None, NOW + DAY)
    assert {(g.ended_at, g.ended_kind) for q in ended for g in q.grants} == {(NOW + DAY, kind)}
    assert in_force(person, ended, rules, NOW + DAY) == ()


def test_an_unknown_grant_is_not_found(cast: dict[str, Household]) -> None:
    """Withdrawing what is not there ends nothing in silence: it says so."""
    with pytest.raises(NotFound, match="nothing-like-it"):
        withdraw(cast["Åsa"][1], ["ar", "nothing-like-it"], NOW)
    assert withdraw(cast["Åsa"][1], [], NOW) == cast["Åsa"][1]


def test_what_the_calendar_ended_keeps_its_end(cast: dict[str, Household], publication: Lines) -> None:
    """A withdrawal after the end changes nothing; neither does one of a version that was replaced."""
    assert withdraw(cast["Dag"][1], None, NOW) == cast["Dag"][1]
    assert withdraw(cast["Bo"][1], None, NOW) == cast["Bo"][1]
    replaced = tuple(replace(q, superseded_at=NOW) for q in cast["Åsa"][1])
    assert withdraw(replaced, None, NOW) == replaced
    assert withdraw(replaced, None, NOW - DAY) != replaced


def test_an_objection_ends_recognition_only(cast: dict[str, Household], rules: AgeRules) -> None:
    """Recognition ends as objected, publication stays; a second objection keeps the first moment."""
    person, stored = cast["Clara"]
    objected, after = object_to_recognition(person, stored, NOW + DAY)
    assert objected.objected_at == NOW + DAY
    assert [(g.kind, g.ended_kind) for g in after[0].grants] == [
        (GrantKind.RECOGNITION, EndKind.OBJECTED),
        (GrantKind.PUBLICATION, None),
    ]
    assert object_to_recognition(objected, after, NOW + 2 * DAY) == (objected, after)


@given(st.data())
def test_no_step_ever_gives_time_back(
    households: st.SearchStrategy[Household], moments: st.SearchStrategy[datetime], data: st.DataObject
) -> None:
    """Whatever ends, in any order: what was not in force at a moment is not in force at it afterwards.

    The same step again changes nothing, and from the step on what it named is over.
    """
    (person, stored), rules = data.draw(households), AgeRules()
    asked = data.draw(st.lists(moments, min_size=3, max_size=6))
    for at in data.draw(st.lists(moments, max_size=4)):
        before = [{g.id for g in in_force(person, stored, rules, moment)} for moment in asked]
        ids = [g.id for q in stored for g in q.grants]
        chosen = data.draw(st.none() | (st.lists(st.sampled_from(ids), unique=True) if ids else st.just([])))
        step = data.draw(st.sampled_from([withdraw, restrict]))
        after = step(stored, chosen, at)
        assert step(after, chosen, at) == after
        named = set(ids if chosen is None else chosen)
        assert not named & {g.id for g in in_force(person, after, rules, at)}
        stored = after
        for was, moment in zip(before, asked, strict=True):
            assert {g.id for g in in_force(person, stored, rules, moment)} <= was
