"""What may be signed, and how it ends: each step returns new values and changes none.

An end is never moved later and never taken back: what ended comes back as a new version only.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import combinations

from plugin.errors import ConsentError, NotFound
from plugin.quitclaim.consent.intervals import earlier
from plugin.quitclaim.consent.model import AgeRules, EndKind, Grant, GrantKind, Person, Quitclaim, utc
from plugin.quitclaim.consent.rules import Term, birthday, of_age, own_signature, terms

# What the person did, as against what the calendar did.
_ACTS = frozenset({EndKind.WITHDRAWN, EndKind.RESTRICTED, EndKind.OBJECTED})


@dataclass(frozen=True)
class Signing:
    """What was signed: by whom, when, under which text, and the grants with ids of the caller's."""

    text_version: str
    text_sha256: str | None
    language: str
    method: str
    signed_by_person: bool
    signed_by_guardians: tuple[str, ...]
    signed_at: datetime
    grants: tuple[Grant, ...]


def record(
    person: Person,
    existing: Sequence[Quitclaim],
    signing: Signing,
    rules: AgeRules,
    *,
    quitclaim_id: str,
    now: datetime,
    by: str,
) -> Quitclaim:
    """The next version of the person's quitclaim. Raises ConsentError with the rule that it breaks.

    The earlier versions are unchanged: `supersede` gives those to be stored beside it.
    """
    quitclaim = Quitclaim(
        id=quitclaim_id,
        person_id=person.id,
        version=1 + max((q.version for q in existing), default=0),
        text_version=signing.text_version,
        text_sha256=signing.text_sha256,
        language=signing.language,
        method=signing.method,
        signed_by_person=signing.signed_by_person,
        signed_by_guardians=signing.signed_by_guardians,
        signed_at=signing.signed_at,
        recorded_at=now,
        recorded_by=by,
        grants=signing.grants,
    )
    _check_lines(existing, quitclaim)
    _check_times(person, existing, quitclaim, rules)
    _check_signatures(person, quitclaim, rules)
    for term in terms(person, [quitclaim], rules):
        _check_window(person, term, rules, quitclaim.recorded_at)
    return quitclaim


def supersede(existing: Iterable[Quitclaim], by: Quitclaim) -> tuple[Quitclaim, ...]:
    """The earlier versions once `by` is recorded: all their grants end as it takes effect.

    It takes effect when it is recorded or, if all its grants begin later, when the first does: a renewal in June from
    September on does not withdraw the summer.
    """
    effective = max(by.recorded_at, min(grant.valid_from for grant in by.grants))
    return tuple(
        replace(q, superseded_at=earlier(q.superseded_at, effective)) if q.version < by.version else q for q in existing
    )


def withdraw(quitclaims: Iterable[Quitclaim], grant_ids: Collection[str] | None, at: datetime) -> tuple[Quitclaim, ...]:
    """End the grants of these ids, or all (None), at `at`. Raises NotFound for an id of none of them."""
    return _end_named(quitclaims, grant_ids, at, EndKind.WITHDRAWN)


def restrict(quitclaims: Iterable[Quitclaim], grant_ids: Collection[str] | None, at: datetime) -> tuple[Quitclaim, ...]:
    """As `withdraw`, where the person asked for restriction (GDPR Art. 18): the evidence stays."""
    return _end_named(quitclaims, grant_ids, at, EndKind.RESTRICTED)


def object_to_recognition(
    person: Person, quitclaims: Iterable[Quitclaim], at: datetime
) -> tuple[Person, tuple[Quitclaim, ...]]:
    """The person objects to recognition: every recognition grant ends at `at`, publication stays.

    The first objection is the one that is kept on the person.
    """
    now = utc(at, "at")
    ended = _end(quitclaims, lambda g: g.kind is GrantKind.RECOGNITION, now, EndKind.OBJECTED)
    return replace(person, objected_at=earlier(person.objected_at, now)), ended


def _end_named(
    quitclaims: Iterable[Quitclaim], grant_ids: Collection[str] | None, at: datetime, kind: EndKind
) -> tuple[Quitclaim, ...]:
    stored = tuple(quitclaims)
    unknown = set(grant_ids or ()) - {grant.id for q in stored for grant in q.grants}
    if unknown:
        raise NotFound(f"no grant {', '.join(sorted(unknown))} of this person: list the grants and choose again")
    return _end(stored, lambda g: grant_ids is None or g.id in grant_ids, utc(at, "at"), kind)


def _end(
    quitclaims: Iterable[Quitclaim], chosen: Callable[[Grant], bool], at: datetime, kind: EndKind
) -> tuple[Quitclaim, ...]:
    ended = []
    for q in quitclaims:
        grants = (_stamp(g, at, kind) if chosen(g) and not _is_over(q, g, at) else g for g in q.grants)
        ended.append(replace(q, grants=tuple(grants)))
    return tuple(ended)


def _is_over(quitclaim: Quitclaim, grant: Grant, at: datetime) -> bool:
    """Whether the calendar or a later version ended the grant before anybody could."""
    end = earlier(quitclaim.superseded_at, grant.valid_until)
    return end is not None and end <= at


def _stamp(grant: Grant, at: datetime, kind: EndKind) -> Grant:
    """The grant with this end written on it; an earlier end stays."""
    if grant.ended_at is not None and grant.ended_at <= at:
        return grant
    return replace(grant, ended_at=at, ended_kind=kind)


def _check_lines(existing: Sequence[Quitclaim], quitclaim: Quitclaim) -> None:
    if any(q.person_id != quitclaim.person_id for q in existing):
        raise ConsentError("the earlier versions belong to another person: pass this person's own")
    if not quitclaim.grants:
        raise ConsentError("nothing was agreed to: a quitclaim has at least one grant")
    if any(grant.ended_at is not None for grant in quitclaim.grants):
        raise ConsentError("a new grant cannot have ended: record it without an end, then withdraw it")
    taken = {grant.id for q in existing for grant in q.grants}
    if any(grant.id in taken for grant in quitclaim.grants):
        raise ConsentError("a grant id is in use already: give each new grant its own")
    for one, other in combinations(quitclaim.grants, 2):
        if _is_same_line(one, other):
            raise ConsentError(f"the form says {_line(one)} twice for one time: keep one line, so that it ends alone")


def _is_same_line(one: Grant, other: Grant) -> bool:
    same = (one.kind, one.purpose, one.channel) == (other.kind, other.purpose, other.channel)
    first, second = sorted((one, other), key=lambda grant: grant.valid_from)
    return same and (first.valid_until is None or second.valid_from < first.valid_until)


def _check_times(person: Person, existing: Sequence[Quitclaim], quitclaim: Quitclaim, rules: AgeRules) -> None:
    """A signature is not in the future, and older than nothing that the person said since."""
    signed = quitclaim.signed_at
    if signed > quitclaim.recorded_at:
        raise ConsentError("the signature is dated in the future: correct the date of signing")
    if person.birth_date is not None and signed < birthday(person.birth_date, 0, rules.zone):
        raise ConsentError("the signature is older than the person: correct the birth date or the date of signing")
    if any(q.signed_at > signed for q in existing):
        raise ConsentError("a version signed later is recorded already: record forms in the order of signing")
    ends = [g.ended_at for q in existing for g in q.grants if g.ended_at is not None and g.ended_kind in _ACTS]
    if any(end > signed for end in ends):
        raise ConsentError("the person withdrew or objected after signing this: have a new form signed")


def _check_signatures(person: Person, quitclaim: Quitclaim, rules: AgeRules) -> None:
    guardians = set(quitclaim.signed_by_guardians)
    majority = of_age(person, rules)
    if majority is None or majority <= quitclaim.signed_at:
        if guardians:
            raise ConsentError("a guardian cannot sign for an adult: have the person sign")
        if not own_signature(person, quitclaim, rules):
            raise ConsentError("nobody signed: have the person sign")
        return
    if guardians - set(person.guardians):
        raise ConsentError("a guardian who signed is not known: add the guardian to the person first")
    if len(guardians) < rules.guardians:
        raise ConsentError(
            f"the person is under {rules.age}: have {rules.guardians} guardian(s) sign, {len(guardians)} did"
        )


def _check_window(person: Person, term: Term, rules: AgeRules, now: datetime) -> None:
    """A grant that is over, or can never begin, is refused rather than stored as an empty promise."""
    if term.window is not None and (term.end is None or term.end > now):
        return
    line, grant = _line(term.grant), term.grant
    if grant.valid_until is not None and grant.valid_until <= now:
        raise ConsentError(f"{line} would have ended already: have it signed with a later end")
    if term.why is EndKind.OBJECTED:
        raise ConsentError(f"the person objected to {line}: only they can agree to it again, from age {rules.age}")
    runs = term.end is None or grant.valid_from < term.end  # if recognition had no lowest age
    if grant.kind is GrantKind.RECOGNITION and runs:
        raise ConsentError(
            f"{line} cannot begin before age {rules.recognition_from}, and has ended by then: leave it out"
        )
    raise ConsentError(
        f"{line} would not be in force at any time from now: the guardians' say ends at age {rules.age}, "
        "have the person sign from then on"
    )


def _line(grant: Grant) -> str:
    return "recognition" if grant.kind is GrantKind.RECOGNITION else f"{grant.purpose} on {grant.channel}"


class StopMode(StrEnum):
    """How a use is stopped: for good, or restricted, with its record kept as it is (GDPR Art. 18)."""

    WITHDRAW = "withdraw"
    RESTRICT = "restrict"


CHANGES: dict[StopMode, Callable[..., tuple[Quitclaim, ...]]] = {
    StopMode.WITHDRAW: withdraw,
    StopMode.RESTRICT: restrict,
}
