from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin.errors import ConsentError
from plugin.quitclaim.consent.lifecycle import Signing, object_to_recognition, record, supersede, withdraw
from plugin.quitclaim.consent.model import AgeRules, EndKind, Grant, Person, Quitclaim
from plugin.quitclaim.consent.rules import in_force, publication_windows, recognition_window, windows

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
Household = tuple[Person, tuple[Quitclaim, ...]]
Lines = Callable[..., Grant]

ASA = Person("asa", "Åsa")
CLARA = Person("clara", "Clara", birth_date=date(2015, 6, 1), guardians=("g1", "g2"))


def _signing(*grants: Grant, **changes: Any) -> Signing:
    signing = Signing(
        "2026-1", "0" * 64, "en", "paper", signed_by_person=True, signed_by_guardians=(), signed_at=NOW, grants=grants
    )
    return replace(signing, **changes)


def _for_clara(*grants: Grant, **changes: Any) -> Signing:
    return _signing(*grants, **({"signed_by_person": False, "signed_by_guardians": ("g1",)} | changes))


def _record(
    person: Person,
    signing: Signing,
    existing: tuple[Quitclaim, ...] = (),
    rules: AgeRules | None = None,
    now: datetime = NOW,
) -> Quitclaim:
    return record(person, existing, signing, rules or AgeRules(), quitclaim_id="new", now=now, by="editor")


# ---- recording -------------------------------------------------------------------------------


def test_versions_count_up_and_take_over(recognition: Lines, publication: Lines, rules: AgeRules) -> None:
    """A second form is version 2, and from its recording nothing of version 1 is in force."""
    first = _record(ASA, _signing(recognition("r1"), publication("p1")))
    second = _record(ASA, _signing(publication("p2", NOW + DAY), signed_at=NOW + DAY), (first,), now=NOW + DAY)
    (earlier,) = supersede((first,), second)
    assert (first.version, second.version) == (1, 2)
    assert first.superseded_at is None
    assert earlier.superseded_at == NOW + DAY
    assert {g.id for g in in_force(ASA, (earlier, second), rules, NOW + DAY)} == {"p2"}
    assert recognition_window(ASA, (earlier, second), rules, NOW) == (NOW, NOW + DAY)


def test_a_renewal_for_later_leaves_today_alone(publication: Lines, rules: AgeRules) -> None:
    """A form whose grants all begin in September takes over then, without a gap and without an overlap."""
    september = NOW + 180 * DAY
    first = _record(ASA, _signing(publication("p1")))
    second = _record(ASA, _signing(publication("p2", september)), (first,))
    stored = (*supersede((first,), second), second)
    assert {g.id for g in in_force(ASA, stored, rules, september - DAY)} == {"p1"}
    assert {g.id for g in in_force(ASA, stored, rules, september)} == {"p2"}
    assert publication_windows(ASA, stored, rules, "communication", "press") == [(NOW, None)]


def test_superseding_never_moves_an_end_later(publication: Lines) -> None:
    """A third form that begins later than the second does not give the first its time back."""
    first = _record(ASA, _signing(publication("p1")))
    second = _record(ASA, _signing(publication("p2", NOW + 5 * DAY)), (first,))
    stored = (*supersede((first,), second), second)
    third = _record(ASA, _signing(publication("p3", NOW + 9 * DAY)), stored)
    assert [q.superseded_at for q in supersede(stored, third)] == [NOW + 5 * DAY, NOW + 9 * DAY]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"grants": ()}, "at least one grant"),
        ({"signed_at": NOW + timedelta(microseconds=1)}, "dated in the future"),
        ({"signed_by_person": False}, "nobody signed"),
        ({"signed_by_guardians": ("g1",)}, "cannot sign for an adult"),
        ({"signed_by_person": False, "signed_by_guardians": ("g1",)}, "cannot sign for an adult"),
    ],
)
def test_a_form_is_refused_with_its_rule(changes: dict[str, Any], message: str, publication: Lines) -> None:
    """Empty, future, unsigned, or signed by a guardian for an adult: each is refused in a sentence."""
    with pytest.raises(ConsentError, match=message):
        _record(replace(ASA, guardians=("g1",)), replace(_signing(publication()), **changes))


@pytest.mark.parametrize("person", [ASA, replace(ASA, birth_date=date(1990, 1, 1))])
def test_an_adult_signs_alone(person: Person, recognition: Lines) -> None:
    """With a birth date of an adult, or none, the person's own signature is enough."""
    assert _record(person, _signing(recognition())).version == 1


@pytest.mark.parametrize(
    ("changes", "needed", "message"),
    [
        ({"signed_by_guardians": ()}, 1, "under 16"),
        ({"signed_by_guardians": (), "signed_by_person": True}, 1, "under 16"),
        ({"signed_by_guardians": ("g1", "g1")}, 2, r"have 2 guardian\(s\) sign, 1 did"),
        ({"signed_by_guardians": ("g1", "g9")}, 1, "not known"),
    ],
)
def test_a_minor_needs_known_guardians(changes: dict[str, Any], needed: int, message: str, recognition: Lines) -> None:
    """No guardian, too few, the same twice or an unknown one: refused, also where the child signed."""
    with pytest.raises(ConsentError, match=message):
        _record(CLARA, _for_clara(recognition(), **changes), rules=AgeRules(guardians=needed))


def test_a_minors_form_is_recorded_with_guardians(recognition: Lines, rules: AgeRules) -> None:
    """With as many guardians as asked it is in force; the child may sign beside them."""
    for signers, person_too in ((("g1",), False), (("g1", "g2"), True)):
        form = _for_clara(recognition(), signed_by_guardians=signers, signed_by_person=person_too)
        assert recognition_window(CLARA, [_record(CLARA, form)], rules, NOW) is not None


def test_a_grant_that_has_ended_is_refused(publication: Lines) -> None:
    """An until that is not after now is refused: it would be an empty promise."""
    with pytest.raises(ConsentError, match="communication on press would have ended already"):
        _record(ASA, _signing(publication(start=NOW - 9 * DAY, until=NOW), signed_at=NOW - 9 * DAY))


def test_a_guardians_form_is_refused_after_the_birthday(publication: Lines) -> None:
    """Signed by a guardian at fifteen and brought in at sixteen, it is refused: the person is asked."""
    young = replace(CLARA, birth_date=date(2010, 3, 1))
    form = _for_clara(publication(start=NOW - 9 * DAY), signed_at=NOW - 9 * DAY)
    with pytest.raises(ConsentError, match="guardians' say ends at age 16"):
        _record(young, form)


def test_recognition_below_the_lowest_age_is_refused_if_it_never_begins(recognition: Lines, rules: AgeRules) -> None:
    """It is recorded if it reaches the sixth birthday, where it begins, and refused if it ends before."""
    toddler = replace(CLARA, birth_date=date(2022, 3, 2))
    with pytest.raises(ConsentError, match="recognition cannot begin before age 6"):
        _record(toddler, _for_clara(recognition(until=NOW + 365 * DAY)))
    stored = (_record(toddler, _for_clara(recognition())),)
    assert windows(toddler, stored, rules)[0][1] == datetime(2028, 3, 1, 23, tzinfo=UTC)


def test_a_guardian_cannot_undo_an_objection(recognition: Lines, publication: Lines) -> None:
    """After a child objected recognition is refused, publication is not."""
    child = replace(CLARA, objected_at=NOW - DAY)
    with pytest.raises(ConsentError, match="objected to recognition"):
        _record(child, _for_clara(recognition()))
    assert _record(child, _for_clara(publication())).version == 1


def test_an_older_form_does_not_undo_what_was_said_since(publication: Lines, recognition: Lines) -> None:
    """A form signed before a withdrawal, or before a version that is recorded, is refused."""
    first = _record(ASA, _signing(publication("p1"), recognition("r1")))
    gone = withdraw((first,), ["r1"], NOW + 2 * DAY)
    late = _signing(recognition("r2"), signed_at=NOW + DAY)
    with pytest.raises(ConsentError, match="withdrew or objected after signing"):
        _record(ASA, late, gone, now=NOW + 3 * DAY)
    with pytest.raises(ConsentError, match="in the order of signing"):
        _record(ASA, replace(late, signed_at=NOW - DAY), (first,), now=NOW + 3 * DAY)
    assert _record(ASA, replace(late, signed_at=NOW + 2 * DAY), gone, now=NOW + 3 * DAY).version == 2


def test_a_form_older_than_the_person_is_refused(publication: Lines) -> None:
    """A signature from before the birth is a slip in one of the two dates; on the day itself it is none."""
    with pytest.raises(ConsentError, match="older than the person"):
        _record(replace(CLARA, birth_date=date(2026, 3, 3)), _for_clara(publication()))
    midnight = datetime(2026, 3, 1, 23, tzinfo=UTC)  # in Amsterdam: a form that bears a day and no time
    newborn = replace(CLARA, birth_date=date(2026, 3, 2))
    assert _record(newborn, _for_clara(publication(), signed_at=midnight)).version == 1


def test_one_line_stands_once(publication: Lines) -> None:
    """Two lines for the same use and time are refused, since withdrawing one would leave the other."""
    with pytest.raises(ConsentError, match="communication on press twice"):
        _record(ASA, _signing(publication("a", until=NOW + 9 * DAY), publication("b", NOW + 8 * DAY)))
    apart = _signing(publication("a", until=NOW + 9 * DAY), publication("b", NOW + 9 * DAY))
    other = _signing(publication("a"), publication("b", purpose="commercial"), publication("c", channel="print"))
    assert [len(_record(ASA, form).grants) for form in (apart, other)] == [2, 3]


def test_ids_and_owners_are_not_mixed_up(publication: Lines, cast: dict[str, Household], rules: AgeRules) -> None:
    """A grant id in use, an ended new grant, and another person's versions are refused."""
    first = _record(ASA, _signing(publication("p1")))
    with pytest.raises(ConsentError, match="in use already"):
        _record(ASA, _signing(publication("p1")), (first,))
    with pytest.raises(ConsentError, match="cannot have ended"):
        _record(ASA, _signing(replace(publication(), ended_at=NOW, ended_kind=EndKind.WITHDRAWN)))
    with pytest.raises(ConsentError, match="another person"):
        _record(ASA, _signing(publication("p2")), cast["Bo"][1])


def test_somebody_may_object_again(recognition: Lines, rules: AgeRules) -> None:
    """Objected, agreed to again in person, objected once more: the second objection ends it too."""
    objected, _ = object_to_recognition(ASA, (), NOW)
    again = _record(objected, _signing(recognition(), signed_at=NOW + DAY), now=NOW + DAY)
    assert recognition_window(objected, [again], rules, NOW + DAY) is not None
    twice, ended = object_to_recognition(objected, [again], NOW + 2 * DAY)
    assert recognition_window(twice, ended, rules, NOW + 2 * DAY) is None


@given(st.data())
def test_what_is_recorded_is_in_force_some_day(households: st.SearchStrategy[Household], data: st.DataObject) -> None:
    """A form is either refused in a sentence, or each of its grants is in force at some time from now."""
    (person, quitclaims), rules = data.draw(households), AgeRules()
    said: list[str] = []
    for form in quitclaims:
        signing = Signing(
            "1", None, "en", "import", form.signed_by_person, form.signed_by_guardians, form.signed_at, form.grants
        )
        try:
            recorded = _record(person, signing)
        except ConsentError as error:
            said.append(str(error))
            continue
        found = windows(person, [recorded], rules)
        assert [g.id for g, _, _ in found] == [g.id for g in form.grants]
        assert all(end is None or end > NOW for _, _, end in found)
    assert all(len(sentence) > 20 for sentence in said)
