import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin.errors import ConsentError
from plugin.quitclaim.clearance.answers import (
    Answer,
    ClearanceStatus,
    Examined,
    FaceFact,
    FaceState,
    Facts,
    IntendedUse,
    NameFact,
    NameOrigin,
    Policy,
    ReasonCode,
    answer,
    cleared_windows,
)
from plugin.quitclaim.clearance.dismissal import Dismissal
from plugin.quitclaim.consent.model import AgeRules, Person, Quitclaim, Window
from plugin.quitclaim.consent.rules import publication_windows

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
GRANTS: dict[str, list[Window]] = {
    "asa": [(NOW - DAY, NOW + 30 * DAY)],
    "bo": [(NOW - 9 * DAY, NOW - DAY)],
    "clara": [(NOW - DAY, NOW + 10 * DAY)],
    "dag": [(NOW - 90 * DAY, NOW - 60 * DAY), (NOW + 5 * DAY, None)],
    "finn": [(NOW - DAY, None)],
}
POLICY = Policy()


def _face(
    state: str = "matched",
    person: str | None = None,
    width: int | None = 60,
    reason: str | None = None,
    why: str | None = None,
) -> FaceFact:
    dismissal = None if why is None else Dismissal(why)
    return FaceFact(FaceState(state), person, width, reason, dismissal=dismissal)


def _name(person: str | None, origin: str = "confirmed", label: str = "") -> NameFact:
    return NameFact(person, NameOrigin(origin), label or (person or "Eva").title())


def _ask(*parts: FaceFact | NameFact, policy: Policy = POLICY, examined: str = "whole") -> Answer:
    faces = tuple(part for part in parts if isinstance(part, FaceFact))
    names = tuple(part for part in parts if isinstance(part, NameFact))
    return answer(Facts(Examined(examined), "a video", faces, names, 900), GRANTS, policy, NOW)


def _codes(found: Answer) -> list[ReasonCode]:
    return [reason.code for reason in found.reasons]


def test_everybody_named_and_agreed_is_cleared_until_the_first_end() -> None:
    """Two people with a grant: cleared, until the earlier of their ends."""
    found = _ask(_face(person="asa"), _name("asa"), _face(person="clara"), _name("clara", "hand"))
    assert found == Answer(ClearanceStatus.CLEARED, NOW + 10 * DAY, ())


def test_without_an_end_there_is_no_until() -> None:
    """A grant without an end clears without an end."""
    assert _ask(_face(person="finn"), _name("finn")) == Answer(ClearanceStatus.CLEARED, None, ())


def test_a_name_by_hand_clears_where_no_face_was_found() -> None:
    """Somebody seen from behind, named by hand, with a grant: cleared, and it says that no face was found."""
    found = _ask(_name("asa", "hand"))
    assert (found.status, _codes(found)) == (ClearanceStatus.CLEARED, [ReasonCode.NO_FACE])


@pytest.mark.parametrize(
    ("person", "code"),
    [
        ("bo", ReasonCode.AGREEMENT_ENDED),
        ("dag", ReasonCode.AGREEMENT_TO_COME),
        ("eva", ReasonCode.NEVER_AGREED),
        (None, ReasonCode.NAME_NOT_LINKED),
    ],
)
@pytest.mark.parametrize("origin", ["machine", "confirmed", "hand"])
def test_anybody_named_without_a_grant_blocks(person: str | None, code: ReasonCode, origin: str) -> None:
    """Whoever named them, machine or human: without a grant now the photograph is blocked, and it says why."""
    found = _ask(_face(person="asa"), _name("asa"), _name(person, origin))
    assert (found.status, found.until) == (ClearanceStatus.BLOCKED, None)
    assert _codes(found)[0] is code


def test_a_matched_face_without_a_tag_blocks_too() -> None:
    """A face matched to somebody without a grant blocks, although no name stands on the photograph."""
    assert _ask(_face(person="bo")).status is ClearanceStatus.BLOCKED
    assert _ask(_face(person="bo", width=5)).status is ClearanceStatus.BLOCKED


def test_blocked_comes_before_unknown() -> None:
    """Both hold: the answer is blocked, and what is unknown is told after it."""
    found = _ask(_face("unmatched"), _name("bo"), examined="partly")
    assert found.status is ClearanceStatus.BLOCKED
    assert _codes(found) == [ReasonCode.AGREEMENT_ENDED, ReasonCode.EXAMINED_PARTLY, ReasonCode.FACE_NOT_NAMED]


@pytest.mark.parametrize(
    ("face", "code"),
    [
        (_face("unmatched"), ReasonCode.FACE_NOT_NAMED),
        (_face("suggested", "asa"), ReasonCode.FACE_SUGGESTED),
        (_face("rejected"), ReasonCode.FACE_REJECTED),
        (_face("matched", None), ReasonCode.FACE_NOT_NAMED),
        (_face("dismissed"), ReasonCode.FACE_DISMISSED_BEFORE),
        (_face("dismissed", reason="objects"), ReasonCode.FACE_DISMISSED_BEFORE),
        (_face("dismissed", reason="objects", width=5), ReasonCode.FACE_DISMISSED_BEFORE),
        (_face("dismissed", why="bystander"), ReasonCode.FACE_SET_ASIDE),
        (_face("dismissed", why="objects", width=5), ReasonCode.FACE_SET_ASIDE),
        (_face("dismissed", why="other", reason="statue"), ReasonCode.FACE_SET_ASIDE),
        (_face("dismissed", why="too_small", width=128), ReasonCode.FACE_NOT_SMALL),
        (_face("dismissed", why="too_small", width=None), ReasonCode.FACE_NOT_SMALL),
        (_face("unmatched", width=20), ReasonCode.FACE_NOT_NAMED),
        (_face("matched", "asa"), ReasonCode.NAME_MISSING),
        (_face("matched", "asa", width=5), ReasonCode.NAME_MISSING),
    ],
)
def test_a_face_that_is_not_settled_is_unknown(face: FaceFact, code: ReasonCode) -> None:
    """Unmatched, suggested, rejected, dismissed by what settles nothing, or matched without its name: never yes."""
    found = _ask(face, _face(person="finn"), _name("finn"))
    assert (found.status, found.until, _codes(found)) == (ClearanceStatus.UNKNOWN, None, [code])


def test_a_suggestion_names_nobody() -> None:
    """The candidate of a suggestion does not block: they are not named."""
    assert _ask(_face("suggested", "bo")).status is ClearanceStatus.UNKNOWN


@pytest.mark.parametrize(
    ("examined", "code"), [("no", ReasonCode.NOT_EXAMINED), ("partly", ReasonCode.EXAMINED_PARTLY)]
)
def test_what_was_not_looked_at_is_unknown(examined: str, code: ReasonCode) -> None:
    """Not, or not wholly, examined: unknown with the reason, also where a name by hand has a grant."""
    for parts in ((), (_name("asa", "hand"),)):
        found = _ask(*parts, examined=examined)
        assert found.status is ClearanceStatus.UNKNOWN
        assert (found.reasons[0].code, dict(found.reasons[0].values)) == (code, {"why": "a video"})


def test_a_machine_tag_clears_only_where_the_house_says_so() -> None:
    """Unconfirmed it leaves the answer unknown by default; it blocks in either case."""
    parts = (_face(person="asa"), _name("asa", "machine"))
    found = _ask(*parts)
    assert (found.status, _codes(found)) == (ClearanceStatus.UNKNOWN, [ReasonCode.NOT_CONFIRMED])
    assert _ask(*parts, policy=Policy(needs_confirmed=False)).status is ClearanceStatus.CLEARED
    assert _ask(_name("bo", "machine"), policy=Policy(needs_confirmed=False)).status is ClearanceStatus.BLOCKED


def test_a_dismissed_face_does_not_block_and_is_shown() -> None:
    """A statue and eleven small faces beside Åsa: cleared, with the reasons of the dismissals in the answer."""
    small = [_face("dismissed", why="too_small", width=127)] * 11
    found = _ask(_face("dismissed", reason=" statue", why="no_person"), *small, _face(person="asa"), _name("asa"))
    assert found.status is ClearanceStatus.CLEARED
    assert [(r.code, dict(r.values)) for r in found.reasons] == [
        (ReasonCode.FACE_DISMISSED, {"dismissal": "no_person", "why": "statue", "count": "1"}),
        (ReasonCode.FACE_DISMISSED, {"dismissal": "too_small", "why": "", "count": "11"}),
    ]


def test_small_figures_are_told_and_block_only_on_request() -> None:
    """Below 20 px a face does not count, and the answer says that it was seen; configured, it is unknown."""
    parts = (_face("unmatched", width=19), _face("rejected", width=3), _face(person="asa"), _name("asa"))
    found = _ask(*parts)
    assert (found.status, _codes(found)) == (ClearanceStatus.CLEARED, [ReasonCode.SMALL_FIGURES])
    assert dict(found.reasons[0].values) == {"count": "2"}
    strict = _ask(*parts, policy=Policy(small_figures_block=True))
    assert (strict.status, _codes(strict)) == (
        ClearanceStatus.UNKNOWN,
        [ReasonCode.FACE_NOT_NAMED, ReasonCode.FACE_REJECTED],
    )


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ((), ReasonCode.NO_FACE),
        ((_face("unmatched", width=9),), ReasonCode.SMALL_FIGURES),
        ((_face("dismissed", why="too_small"),), ReasonCode.FACE_DISMISSED),
    ],
)
def test_where_nobody_is_named_nothing_is_cleared(parts: tuple[FaceFact, ...], code: ReasonCode) -> None:
    """No face, only small figures, or only dismissed faces: no person found, which is not cleared."""
    found = _ask(*parts)
    assert (found.status, found.until, _codes(found)) == (ClearanceStatus.NO_PERSON_FOUND, None, [code])
    assert cleared_windows(Facts(Examined.WHOLE, None, parts, (), 900), GRANTS, POLICY) == []


def test_the_use_stands_in_the_reason() -> None:
    """A refusal carries name, purpose and channel, so that it can be said in words."""
    facts = Facts(Examined.WHOLE, names=(_name("eva", "hand"),))
    (reason, _) = answer(facts, GRANTS, POLICY, NOW, IntendedUse("communication", "press")).reasons
    assert dict(reason.values) == {"name": "Eva", "purpose": "communication", "channel": "press"}


def test_a_moment_without_a_zone_gets_no_answer() -> None:
    """A naive time is refused."""
    with pytest.raises(ConsentError, match="time zone"):
        answer(Facts(Examined.NO), GRANTS, POLICY, datetime(2026, 3, 2))  # noqa: DTZ001 - the point of the test


def _window(start: int, length: int | None) -> Window:
    return NOW + start * DAY, None if length is None else NOW + (start + length) * DAY


_people = st.sampled_from(["asa", "bo", "clara"])
_faces = st.builds(
    FaceFact,
    st.sampled_from(FaceState),
    st.none() | _people,
    st.sampled_from([None, 5, 19, 20, 60, 119, 400]),
    st.sampled_from([None, "", "crowd"]),
    st.booleans(),
    st.none() | st.sampled_from(Dismissal),
)
_small = st.integers(1, 400).map(lambda width: FaceFact(FaceState.UNMATCHED, None, width))
_settled = _people.map(lambda person: FaceFact(FaceState.MATCHED, person, 60))
_names = st.builds(NameFact, st.none() | _people, st.sampled_from(NameOrigin), st.just("x"))
_confirmed = _people.map(lambda person: NameFact(person, NameOrigin.CONFIRMED, "x"))
_facts = st.one_of(
    st.builds(
        Facts,
        st.sampled_from(Examined),
        st.none(),
        st.lists(_faces, max_size=3).map(tuple),
        st.lists(_names, max_size=3).map(tuple),
        st.sampled_from([None, 0, 900, 6000]),
        st.sampled_from([None, None, None, "sidecar"]),
    ),
    # Mostly settled, so that "cleared" is reached often.
    st.builds(
        lambda people, faces, small: Facts(Examined.WHOLE, None, (*faces, *small), tuple(people), 6000),
        st.lists(_confirmed, min_size=1, max_size=3),
        st.lists(_settled, max_size=1),
        st.lists(_small, max_size=1),
    ),
)
_windows = st.lists(st.builds(_window, st.integers(-9, 9), st.none() | st.integers(-2, 9)), max_size=4)
_grants = st.dictionaries(_people, _windows)
_sizes = st.none() | st.integers(1, 8000)
_policies = st.builds(Policy, st.booleans(), st.booleans(), shown_px=_sizes)


@given(_facts, _grants, _policies, st.integers(-10, 20))
def test_spans_and_answers_agree_at_each_moment(
    facts: Facts, grants: dict[str, list[Window]], policy: Policy, day: int
) -> None:
    """Cleared at a moment exactly if a span holds it, and then until that span's end."""
    at = NOW + day * DAY
    found = answer(facts, grants, policy, at)
    around = [
        span for span in cleared_windows(facts, grants, policy) if span[0] <= at and (span[1] is None or at < span[1])
    ]
    assert (found.status is ClearanceStatus.CLEARED) == bool(around)
    if around:
        assert found.until == around[0][1]
        assert found.until is None or answer(facts, grants, policy, found.until).status is not ClearanceStatus.CLEARED


@given(_facts, _grants, _policies, st.integers(-10, 20))
def test_less_agreement_never_clears_more(
    facts: Facts, grants: dict[str, list[Window]], policy: Policy, day: int
) -> None:
    """Take any person's grants away: what was not cleared does not become cleared."""
    at = NOW + day * DAY
    if answer(facts, grants, policy, at).status is ClearanceStatus.CLEARED:
        return
    for person in grants:
        fewer = {other: windows for other, windows in grants.items() if other != person}
        assert answer(facts, fewer, policy, at).status is not ClearanceStatus.CLEARED


@given(_facts, _grants, _policies)
def test_an_answer_that_is_not_yes_says_why(facts: Facts, grants: dict[str, list[Window]], policy: Policy) -> None:
    """No answer but "cleared" comes without a reason."""
    found = answer(facts, grants, policy, NOW)
    assert found.status is ClearanceStatus.CLEARED or found.reasons


@given(st.integers(1, 4000), st.integers(1, 12_000), _sizes, _sizes)
def test_a_larger_shown_size_never_makes_fewer_faces_count(
    width: int, longest: int, one: int | None, other: int | None
) -> None:
    """What counts at a size counts at each larger one, and at the file's own size most of all."""
    small, large = sorted((one, other), key=lambda size: math.inf if size is None else size)
    assert not _counted(width, longest, small) or _counted(width, longest, large)
    assert _counted(width, longest, None) == _counted(width, longest, longest)


@given(st.floats(0.5, 3000), st.floats(0.05, 1), st.integers(100, 12_000), st.booleans(), st.booleans())
def test_what_the_detector_measured_as_wide_enough_still_counts(
    box: float, ratio: float, longest: int, upright: bool, decoded_smaller: bool
) -> None:
    """20 px as detected, however both widths were rounded: a face that counted before counts at the file's own size."""
    width = longest if not upright else max(24, round(longest * ratio))
    box = min(box, float(width))
    decoded = -(-width // 2) if decoded_smaller and longest > 2048 else width
    seen = box * decoded / width
    scale = 1024 / (longest * decoded / width)
    looked_at = decoded if scale >= 1 else max(1, round(decoded * scale))
    as_detected = int(seen * looked_at / decoded)
    in_the_file = round(seen / (decoded / width))
    assert as_detected < 20 or looked_at <= 20 or _counted(in_the_file, longest, None)


def _counted(width: int, longest: int, shown: int | None) -> bool:
    facts = Facts(Examined.WHOLE, None, (_face("unmatched", width=width),), (), longest)
    return answer(facts, {}, Policy(shown_px=shown), NOW).status is ClearanceStatus.UNKNOWN


@pytest.mark.parametrize(
    ("width", "longest", "shown", "counts"),
    [
        (90, 12_000, None, True),  # 8 px as detected, and recognised by anybody who looks at the file
        (90, 12_000, 1200, False),
        (63, 12_000, None, False),
        (64, 12_000, None, True),
        (640, 12_000, 1200, True),
        (230, 12_000, 1200, True),  # 20 px in the small picture
        (225, 12_000, 1200, False),
        (40, 2048, None, True),
        (38, 2048, None, False),
        (20, 900, 5000, True),  # never enlarged
        (19, 900, 5000, False),
        (None, 12_000, 100, True),
        (1, None, 100, True),
        (1, 0, 100, True),
    ],
)
def test_a_face_counts_by_its_size_where_it_is_used(
    width: int | None, longest: int | None, shown: int | None, counts: bool
) -> None:
    """Recognisable at the shown size, or 20 px in the small picture; what is not known counts."""
    face = FaceFact(FaceState.UNMATCHED, None, width)
    facts = Facts(Examined.WHOLE, None, (face, _face(person="asa")), (_name("asa"),), longest)
    found = answer(facts, GRANTS, Policy(shown_px=shown), NOW)
    assert found.status is (ClearanceStatus.UNKNOWN if counts else ClearanceStatus.CLEARED)
    assert bool(cleared_windows(facts, GRANTS, Policy(shown_px=shown))) is not counts
    said = [dict(reason.values)["px"] for reason in found.reasons if reason.code is ReasonCode.SHOWN_AT]
    assert said == ([] if shown is None else [str(shown)])
    assert (ReasonCode.SMALL_FIGURES in _codes(found)) is not counts


def test_names_that_could_not_be_read_are_unknown() -> None:
    """Whoever they name: no answer is not "no name". Somebody who did not agree blocks all the same."""
    names = (_name("asa"),)
    facts = Facts(Examined.WHOLE, None, (), names, 900, "broken")
    found = answer(facts, GRANTS, POLICY, NOW)
    assert (found.status, _codes(found)[0]) == (ClearanceStatus.UNKNOWN, ReasonCode.NAMES_UNREAD)
    assert dict(found.reasons[0].values) == {"why": "broken"}
    assert cleared_windows(facts, GRANTS, POLICY) == []
    assert answer(replace(facts, names=(_name("bo"),)), GRANTS, POLICY, NOW).status is ClearanceStatus.BLOCKED


@pytest.mark.parametrize(
    ("extra", "status"),
    [
        (None, ClearanceStatus.CLEARED),
        ("Bo", ClearanceStatus.BLOCKED),
        ("Dag", ClearanceStatus.BLOCKED),
        ("Eva", ClearanceStatus.BLOCKED),
    ],
)
def test_the_cast_in_one_photograph(
    extra: str | None, status: ClearanceStatus, cast: dict[str, tuple[Person, tuple[Quitclaim, ...]]]
) -> None:
    """With the rules' own windows: Åsa and Clara together are cleared, and each of the others blocks."""
    grants = {
        person.id: publication_windows(person, quitclaims, AgeRules(), "communication", "press")
        for person, quitclaims in cast.values()
    }
    shown = [cast[name][0].id for name in ("Åsa", "Clara", extra) if name]
    faces = tuple(_face(person=person) for person in shown)
    names = tuple(_name(person) for person in shown)
    assert answer(Facts(Examined.WHOLE, None, faces, names), grants, POLICY, NOW).status is status
