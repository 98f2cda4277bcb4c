"""May this photograph be used? The clearance of one photograph for one purpose on one channel.

Blocked comes first: somebody named has not agreed. Then unknown, which is never yes: something was
not looked at, or not decided. What remains is cleared, until the first of the grants that it rests
on ends; where nobody is found and nobody named there is nothing to clear.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import reduce

from plugin.quitclaim.clearance.dismissal import SETTLING, Dismissal, settles
from plugin.quitclaim.clearance.face_size import is_wide
from plugin.quitclaim.clearance.reasons import Reason as Reason
from plugin.quitclaim.clearance.reasons import ReasonCode as ReasonCode
from plugin.quitclaim.consent.intervals import containing, earlier, intersect, union
from plugin.quitclaim.consent.model import Window, utc


class Examined(StrEnum):
    """How much of a resource the recogniser has looked at."""

    NO = "no"
    WHOLE = "whole"
    PARTLY = "partly"


class FaceState(StrEnum):
    """What is known of a face."""

    MATCHED = "matched"
    SUGGESTED = "suggested"
    UNMATCHED = "unmatched"
    REJECTED = "rejected"
    DISMISSED = "dismissed"


class NameOrigin(StrEnum):
    """Where a name on a photograph comes from."""

    MACHINE = "machine"
    CONFIRMED = "confirmed"
    HAND = "hand"
    RETURNED = "returned"  # we took it off, and a restored DAM brought it back: it goes again


class ClearanceStatus(StrEnum):
    """The answer. Only `cleared` is yes."""

    CLEARED = "cleared"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"
    NO_PERSON_FOUND = "no_person_found"


@dataclass(frozen=True)
class FaceFact:
    """A face as it is known: `file_px`, its width in the file, None if not known; `reason`: the note on a dismissal.

    `dismissal`: None if not dismissed, or before there was a list. `vouched`: False if it rests on unvouched pictures.
    """

    state: FaceState
    person_id: str | None
    file_px: int | None
    reason: str | None = None
    vouched: bool = True
    dismissal: Dismissal | None = None


@dataclass(frozen=True)
class NameFact:
    """A name on the photograph; `person_id` is None while nobody has linked it; `vouched` as a face's."""

    person_id: str | None
    origin: NameOrigin
    label: str
    vouched: bool = True


@dataclass(frozen=True)
class Facts:
    """What is known of a photograph; `reason` says why it was not, or only partly, examined.

    `longest_px`: the longer side of the original, None where not known. `unread`: why the names on it could not be
    read, None where they were.
    """

    examined: Examined
    reason: str | None = None
    faces: tuple[FaceFact, ...] = ()
    names: tuple[NameFact, ...] = ()
    longest_px: int | None = None
    unread: str | None = None


@dataclass(frozen=True)
class Policy:
    """What the house decided: see `clearance`, `matching.count_px` and `recognizer.detect_px` in the configuration.

    `shown_px`: the longest side at which the photograph is used; None: the file's own.
    """

    needs_confirmed: bool = True
    small_figures_block: bool = False
    count_px: int = 20
    recognisable_px: int = 64
    detect_px: int = 1024
    shown_px: int | None = None


@dataclass(frozen=True)
class IntendedUse:
    """What the photograph is to be used for; it only words the reasons."""

    purpose: str
    channel: str


@dataclass(frozen=True)
class Answer:
    """The answer, with all its reasons: first what blocks, then what is unknown, then what was left out.

    `until` is set only where the status is cleared, and None there where no end is known.
    """

    status: ClearanceStatus
    until: datetime | None
    reasons: tuple[Reason, ...]


GrantsOf = Mapping[str, Sequence[Window]]
"""By person id, when they agree to the use in question; a person who is missing never does."""


def answer(facts: Facts, grants_of: GrantsOf, policy: Policy, at: datetime, use: IntendedUse | None = None) -> Answer:
    """The clearance at `at`."""
    now = utc(at, "at")
    blocking = _list_blocking(facts, grants_of, now, use)
    undecided = _list_undecided(facts, policy)
    reasons = (*blocking, *undecided, *_list_left_out(facts, policy, use))
    if blocking or undecided:
        return Answer(ClearanceStatus.BLOCKED if blocking else ClearanceStatus.UNKNOWN, None, reasons)
    people = _list_named(facts)
    if not people:
        return Answer(ClearanceStatus.NO_PERSON_FOUND, None, reasons)
    held = (containing(grants_of[person], now) for person in people)
    until = reduce(earlier, (window[1] for window in held if window is not None))
    return Answer(ClearanceStatus.CLEARED, until, reasons)


def cleared_windows(facts: Facts, grants_of: GrantsOf, policy: Policy) -> list[Window]:
    """When the photograph is cleared, over all time, given these facts: in order, joined.

    At each moment it agrees with `answer`: cleared inside a window, until its end.
    """
    people = _list_named(facts)
    if not people or any(name.person_id is None for name in facts.names) or _list_undecided(facts, policy):
        return []
    return reduce(intersect, (union(grants_of.get(person, ())) for person in people))


def _list_named(facts: Facts) -> dict[str, str]:
    """Everybody named, by a name that is linked or a face that is matched: id to label, "" if it has none."""
    people = {name.person_id: name.label for name in facts.names if name.person_id is not None}
    for face in facts.faces:
        if face.state is FaceState.MATCHED and face.person_id is not None:
            people.setdefault(face.person_id, "")
    return people


def _list_blocking(facts: Facts, grants_of: GrantsOf, at: datetime, use: IntendedUse | None) -> list[Reason]:
    unlinked = dict.fromkeys(name.label for name in facts.names if name.person_id is None)
    reasons = [Reason(ReasonCode.NAME_NOT_LINKED, (("name", label),)) for label in unlinked]
    for person, label in _list_named(facts).items():
        windows = union(grants_of.get(person, ()))
        if containing(windows, at) is None:
            reasons.append(_find_refusal(windows, at, (("name", label), *_use(use))))
    return reasons


def _find_refusal(windows: Sequence[Window], at: datetime, values: tuple[tuple[str, str], ...]) -> Reason:
    """Why somebody does not agree at `at`, given that no window is around it."""
    to_come = [start for start, _ in windows if start > at]
    if to_come:
        return Reason(ReasonCode.AGREEMENT_TO_COME, (*values, ("moment", min(to_come).isoformat())))
    ended = [end for _, end in windows if end is not None]
    if ended:
        return Reason(ReasonCode.AGREEMENT_ENDED, (*values, ("moment", max(ended).isoformat())))
    return Reason(ReasonCode.NEVER_AGREED, values)


def _use(use: IntendedUse | None) -> tuple[tuple[str, str], ...]:
    return () if use is None else (("purpose", use.purpose), ("channel", use.channel))


def _list_undecided(facts: Facts, policy: Policy) -> list[Reason]:
    reasons = [] if facts.unread is None else [Reason(ReasonCode.NAMES_UNREAD, (("why", facts.unread),))]
    if facts.examined is not Examined.WHOLE:
        code = ReasonCode.NOT_EXAMINED if facts.examined is Examined.NO else ReasonCode.EXAMINED_PARTLY
        reasons.append(Reason(code, (("why", facts.reason),) if facts.reason else ()))
    counts = dict.fromkeys(_OPEN.values(), 0)
    for face in facts.faces:
        if face.state in _OPEN and _is_counted(face, facts.longest_px, policy) and not _is_settled(face, policy):
            counts[_OPEN[face.state]] += 1
    reasons += [Reason(code, (("count", str(n)),)) for code, n in counts.items() if n]
    reasons += _count_dismissed(face for face in facts.faces if _is_open(face, facts.longest_px, policy))
    return reasons + _list_unvouched(facts) + _list_unconfirmed(facts, policy)


# A match without a person settles nothing.
_OPEN = {
    FaceState.UNMATCHED: ReasonCode.FACE_NOT_NAMED,
    FaceState.SUGGESTED: ReasonCode.FACE_SUGGESTED,
    FaceState.REJECTED: ReasonCode.FACE_REJECTED,
    FaceState.MATCHED: ReasonCode.FACE_NOT_NAMED,
}


def _is_open(face: FaceFact, longest: int | None, policy: Policy) -> bool:
    """Whether the face is dismissed and not settled.

    Of any size if the reason settles nothing: dismissing a small face that was named, or of somebody who objects,
    moves the photograph no nearer to use.
    """
    if face.state is not FaceState.DISMISSED or _is_settled(face, policy):
        return False
    return face.dismissal not in SETTLING or _is_counted(face, longest, policy)


def _count_dismissed(faces: Iterable[FaceFact], settled: bool = False) -> list[Reason]:
    """One reason for all faces that were dismissed in the same words."""
    same = Counter((face.dismissal, (face.reason or "").strip()) for face in faces)
    return [
        Reason(
            ReasonCode.FACE_DISMISSED if settled else _NOT_SETTLED.get(why, ReasonCode.FACE_SET_ASIDE),
            (("dismissal", why.value if why else ""), ("why", said), ("count", str(count))),
        )
        for (why, said), count in same.items()
    ]


_NOT_SETTLED = {None: ReasonCode.FACE_DISMISSED_BEFORE, Dismissal.TOO_SMALL: ReasonCode.FACE_NOT_SMALL}


def _list_unvouched(facts: Facts) -> list[Reason]:
    """People named by unvouched pictures, on faces of any size."""
    labels = _list_named(facts)
    doubtful = [name.person_id for name in facts.names if not name.vouched]
    doubtful += [f.person_id for f in facts.faces if f.state is FaceState.MATCHED and not f.vouched]
    people = dict.fromkeys(person for person in doubtful if person is not None)
    return [Reason(ReasonCode.FACE_NOT_VOUCHED, (("name", labels[person]),)) for person in people]


def _list_unconfirmed(facts: Facts, policy: Policy) -> list[Reason]:
    """Names that no human confirmed, and faces without their name on the photograph."""
    names = [name for name in facts.names if name.person_id is not None]
    machine = {n.person_id: n.label for n in names if n.origin is NameOrigin.MACHINE and policy.needs_confirmed}
    reasons = [Reason(ReasonCode.NOT_CONFIRMED, (("name", label),)) for label in machine.values()]
    tagged = {name.person_id for name in names}
    bare = sum(1 for person in _list_named(facts) if person not in tagged)
    return reasons + ([Reason(ReasonCode.NAME_MISSING, (("count", str(bare)),))] if bare else [])


def _is_counted(face: FaceFact, longest: int | None, policy: Policy) -> bool:
    """Whether the face can be recognised at the shown size, or is wide enough in the small picture of the whole."""
    if policy.small_figures_block or face.file_px is None or longest is None or longest <= 0:
        return True
    shown = longest if policy.shown_px is None else policy.shown_px
    small = min(shown, policy.detect_px)
    recognised = is_wide(face.file_px, longest, shown, policy.recognisable_px)
    return recognised or is_wide(face.file_px, longest, small, policy.count_px)


def _is_settled(face: FaceFact, policy: Policy) -> bool:
    """Whether the face is given a name, or dismissed by a reason that leaves nothing to decide."""
    if face.state is FaceState.DISMISSED:
        return settles(face.dismissal, face.file_px, policy.recognisable_px)
    return face.state is FaceState.MATCHED and face.person_id is not None


def _list_left_out(facts: Facts, policy: Policy, use: IntendedUse | None) -> Iterable[Reason]:
    """What does not block, and is shown with the answer all the same."""
    dismissed = [f for f in facts.faces if f.state is FaceState.DISMISSED and _is_settled(f, policy)]
    yield from _count_dismissed(dismissed, settled=True)
    longest = facts.longest_px
    uncounted = (f for f in facts.faces if not _is_counted(f, longest, policy) and not _is_settled(f, policy))
    small = sum(1 for face in uncounted if not _is_open(face, longest, policy))
    if small:
        yield Reason(ReasonCode.SMALL_FIGURES, (("count", str(small)),))
    if not facts.faces and facts.examined is Examined.WHOLE:
        yield Reason(ReasonCode.NO_FACE)
    if policy.shown_px is not None:
        yield Reason(ReasonCode.SHOWN_AT, (("px", str(policy.shown_px)), *_use(use)))
