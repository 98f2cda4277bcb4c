"""What may be done with the faces of a resource: the modes of its collections, each with its basis."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from plugin.errors import ConsentError


class Mode(StrEnum):
    """How far a collection goes; `never` forbids even where another collection allows."""

    OFF = "off"
    DETECT = "detect"
    SUGGEST = "suggest"
    AUTO = "auto"
    NEVER = "never"


class Basis(StrEnum):
    """What makes the comparing of faces lawful in a collection."""

    ALL_ASKED = "all-asked"
    SHOOT = "shoot"
    CONTROLLER = "controller"


COMPARING = frozenset({Mode.SUGGEST, Mode.AUTO})
"""The modes in which encodings are computed, and which therefore need a basis."""


@dataclass(frozen=True)
class CollectionRule:
    """What was set for a collection; `members` are the person ids that signed up for a shoot."""

    ref: str
    mode: Mode
    basis: Basis | None = None
    review_date: date | None = None
    members: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Scope:
    """What may be done with a resource today.

    `auto` and `suggest` are the person ids that may be named, or suggested, there: None is
    everybody, the empty set nobody. Whoever is in `auto` is in `suggest` too.
    """

    mode: Mode
    auto: frozenset[str] | None = frozenset()
    suggest: frozenset[str] | None = frozenset()

    @property
    def compares(self) -> bool:
        """Whether an encoding may be computed at all."""
        return self.mode in COMPARING

    def may_suggest(self, person_id: str) -> bool:
        """Whether the person may be compared with the faces here, and suggested."""
        return self.suggest is None or person_id in self.suggest

    def may_auto(self, person_id: str) -> bool:
        """Whether the person may be named here by the machine."""
        return self.auto is None or person_id in self.auto


@dataclass(frozen=True)
class BasisEvidence:
    """What a basis rests on: a reference (of the DPIA for `controller`), who decided, when, until when."""

    reference: str = ""
    by: str = ""
    decided: date | None = None
    review_date: date | None = None


def current_mode(rule: CollectionRule, today: date) -> Mode:
    """The mode that a collection really has today: without a valid basis no more than detect.

    A basis is valid through its review date. `controller` has none without one.
    """
    if rule.mode not in COMPARING:
        return rule.mode
    dated = rule.review_date is not None or rule.basis is not Basis.CONTROLLER
    overdue = rule.review_date is not None and rule.review_date < today
    return rule.mode if rule.basis is not None and dated and not overdue else Mode.DETECT


def combine(rules: Iterable[CollectionRule], today: date) -> Scope:
    """What the collections of a resource allow together, today: the widest, person by person.

    A shoot allows only those who signed up for it; while that is nobody, nothing is compared.
    A resource in no collection is off.
    """
    stand = [(current_mode(rule, today), rule) for rule in rules]
    modes = {mode for mode, _ in stand}
    if Mode.NEVER in modes:
        return Scope(Mode.NEVER)
    auto = _unite_people(rule for mode, rule in stand if mode is Mode.AUTO)
    suggest = _unite_people(rule for mode, rule in stand if mode in COMPARING)
    if auto != frozenset():
        return Scope(Mode.AUTO, auto, suggest)
    if suggest != frozenset():
        return Scope(Mode.SUGGEST, auto, suggest)
    return Scope(Mode.OFF if modes <= {Mode.OFF} else Mode.DETECT)


def narrow(scope: Scope, other: Scope) -> Scope:
    """What both allow. Where the other one forbids to compare, faces are found at the most."""
    if not other.compares:
        return Scope(Mode.DETECT if other.mode is Mode.DETECT else Mode.OFF)
    auto, suggest = _intersect_people(scope.auto, other.auto), _intersect_people(scope.suggest, other.suggest)
    if auto != frozenset():
        return Scope(Mode.AUTO, auto, suggest)
    return Scope(Mode.SUGGEST, auto, suggest) if suggest != frozenset() else Scope(Mode.DETECT)


def _intersect_people(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other


def _unite_people(rules: Iterable[CollectionRule]) -> frozenset[str] | None:
    found: frozenset[str] = frozenset()
    for rule in rules:
        if rule.basis is not Basis.SHOOT:
            return None
        found |= rule.members
    return found


def refuse_mode(mode: Mode, basis: Basis | None, evidence: BasisEvidence, today: date) -> None:
    """Raise ConsentError, saying what is missing, where a collection may not be set to `mode`."""
    if mode not in COMPARING:
        return
    if basis is None:
        raise ConsentError(f"{mode} compares faces and needs a basis: {', '.join(Basis)}")
    missing = [what for what, given in _list_required(basis, evidence) if not given]
    if missing:
        raise ConsentError(f"the basis {basis} lacks {', '.join(missing)}: give what is missing")
    _refuse_dates(evidence, today)


def _list_required(basis: Basis, evidence: BasisEvidence) -> list[tuple[str, object]]:
    reference, by = evidence.reference.strip(), evidence.by.strip()
    if basis is Basis.SHOOT:
        return [("the reference of the shoot", reference)]
    if basis is Basis.ALL_ASKED:
        return [("a reference to the evidence", reference), ("the name of who decided", by)]
    return [
        ("the reference of the DPIA", reference),
        ("the name of who decided", by),
        ("the date of the decision", evidence.decided),
        ("a review date", evidence.review_date),
    ]


def _refuse_dates(evidence: BasisEvidence, today: date) -> None:
    if evidence.decided is not None and evidence.decided > today:
        raise ConsentError("the decision is dated in the future: correct its date")
    if evidence.review_date is not None and evidence.review_date < today:
        raise ConsentError("the review date is past: review the basis and give a later date")
