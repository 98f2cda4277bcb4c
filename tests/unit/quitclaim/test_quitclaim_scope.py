from dataclasses import replace
from datetime import date, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin.errors import ConsentError
from plugin.quitclaim.clearance.scope import (
    Basis,
    BasisEvidence,
    CollectionRule,
    Mode,
    Scope,
    combine,
    current_mode,
    refuse_mode,
)

TODAY = date(2026, 3, 2)
LATER, YESTERDAY = TODAY + timedelta(days=1), TODAY - timedelta(days=1)
NOBODY: frozenset[str] = frozenset()


def _rule(mode: str, basis: str | None = None, review: date | None = None, members: str = "") -> CollectionRule:
    return CollectionRule("c", Mode(mode), Basis(basis) if basis else None, review, frozenset(members.split()))


def test_no_collection_is_off() -> None:
    """A resource in no collection is not even looked at."""
    assert combine([], TODAY) == Scope(Mode.OFF, NOBODY, NOBODY)


@pytest.mark.parametrize(
    ("rule", "mode"),
    [
        (_rule("off", "all-asked"), "off"),
        (_rule("detect", "all-asked"), "detect"),
        (_rule("never", "all-asked"), "never"),
        (_rule("suggest"), "detect"),
        (_rule("auto"), "detect"),
        (_rule("auto", "all-asked"), "auto"),
        (_rule("suggest", "all-asked"), "suggest"),
        (_rule("auto", "controller"), "detect"),
        (_rule("auto", "controller", TODAY), "auto"),
        (_rule("auto", "controller", YESTERDAY), "detect"),
        (_rule("suggest", "all-asked", YESTERDAY), "detect"),
        (_rule("auto", "shoot", YESTERDAY, "asa"), "detect"),
        (_rule("auto", "shoot", None, "asa"), "auto"),
    ],
)
def test_comparing_needs_a_basis_that_stands(rule: CollectionRule, mode: str) -> None:
    """Without a basis, past its review date, or for the controller's reading without one: detect."""
    assert current_mode(rule, TODAY) == mode
    assert combine([rule], TODAY).mode == mode
    assert combine([rule], TODAY).compares is (mode in {"suggest", "auto"})


def test_never_forbids_whatever_else_allows() -> None:
    """One collection with `never` is enough, also beside one that allows everything."""
    assert combine([_rule("auto", "all-asked"), _rule("never")], TODAY) == Scope(Mode.NEVER, NOBODY, NOBODY)


def test_a_shoot_allows_who_signed_up_for_it() -> None:
    """Only they are compared; while nobody signed up nothing is."""
    scope = combine([_rule("auto", "shoot", None, "asa clara")], TODAY)
    assert scope == Scope(Mode.AUTO, frozenset({"asa", "clara"}), frozenset({"asa", "clara"}))
    assert scope.may_auto("asa")
    assert scope.may_suggest("clara")
    assert not scope.may_auto("bo")
    assert not scope.may_suggest("bo")
    assert combine([_rule("auto", "shoot")], TODAY) == Scope(Mode.DETECT, NOBODY, NOBODY)


def test_the_widest_counts_person_by_person() -> None:
    """A shoot on auto beside a collection on suggest: who signed up is named, the others are suggested."""
    scope = combine([_rule("auto", "shoot", None, "asa"), _rule("suggest", "all-asked")], TODAY)
    assert scope == Scope(Mode.AUTO, frozenset({"asa"}), None)
    two = combine([_rule("auto", "shoot", None, "asa"), _rule("suggest", "shoot", None, "bo")], TODAY)
    assert two == Scope(Mode.AUTO, frozenset({"asa"}), frozenset({"asa", "bo"}))
    assert combine([_rule("suggest", "all-asked"), _rule("off")], TODAY) == Scope(Mode.SUGGEST, NOBODY, None)
    assert combine([_rule("off"), _rule("auto")], TODAY).mode is Mode.DETECT


_rules = st.lists(
    st.builds(
        CollectionRule,
        st.just("c"),
        st.sampled_from(Mode),
        st.none() | st.sampled_from(Basis),
        st.sampled_from([None, YESTERDAY, TODAY, LATER]),
        st.frozensets(st.sampled_from(["asa", "bo"])),
    ),
    max_size=4,
)


def _allows(rule: CollectionRule, mode: Mode, person: str) -> bool:
    """Whether this one collection alone lets the person be handled in `mode`, told in another way."""
    reviewed = rule.review_date in ({TODAY, LATER} if rule.basis is Basis.CONTROLLER else {None, TODAY, LATER})
    joined = {None: False, Basis.SHOOT: person in rule.members}.get(rule.basis, True)
    wide_enough = rule.mode is Mode.AUTO or (rule.mode is Mode.SUGGEST and mode is Mode.SUGGEST)
    return wide_enough and reviewed and joined


@given(_rules, st.sampled_from(["asa", "bo", "eva"]))
def test_a_person_is_handled_as_some_collection_allows_and_none_forbids(
    rules: list[CollectionRule], person: str
) -> None:
    """Any set of collections: each person is treated as a naive reading of them says."""
    scope = combine(rules, TODAY)
    forbidden = any(rule.mode is Mode.NEVER for rule in rules)
    assert scope.may_auto(person) is (not forbidden and any(_allows(r, Mode.AUTO, person) for r in rules))
    assert scope.may_suggest(person) is (not forbidden and any(_allows(r, Mode.SUGGEST, person) for r in rules))
    assert scope.compares or not any(scope.may_suggest(who) for who in ("asa", "bo", "eva"))
    assert not scope.compares or any(scope.may_suggest(who) for who in ("asa", "bo", "eva"))


WHOLE = BasisEvidence("DPIA 7", "the controller", YESTERDAY, LATER)


@pytest.mark.parametrize(("mode", "basis"), list(product([Mode.SUGGEST, Mode.AUTO], Basis)))
def test_whole_evidence_is_accepted(mode: Mode, basis: Basis) -> None:
    """With everything that a basis needs the mode may be set, and then it stands."""
    refuse_mode(mode, basis, WHOLE, TODAY)
    assert current_mode(CollectionRule("c", mode, basis, WHOLE.review_date), TODAY) is mode


@pytest.mark.parametrize("mode", [Mode.OFF, Mode.DETECT, Mode.NEVER])
def test_what_compares_nothing_needs_no_basis(mode: Mode) -> None:
    """Off, detect and never may always be set."""
    refuse_mode(mode, None, BasisEvidence(), TODAY)
    assert current_mode(CollectionRule("c", mode), TODAY) is mode


@pytest.mark.parametrize(
    ("basis", "change", "message"),
    [
        (None, {}, "needs a basis: all-asked, shoot, controller"),
        (Basis.ALL_ASKED, {"reference": " "}, "a reference to the evidence"),
        (Basis.ALL_ASKED, {"by": ""}, "the name of who decided"),
        (Basis.SHOOT, {"reference": ""}, "the reference of the shoot"),
        (Basis.CONTROLLER, {"reference": ""}, "the reference of the DPIA"),
        (Basis.CONTROLLER, {"by": " "}, "the name of who decided"),
        (Basis.CONTROLLER, {"decided": None}, "the date of the decision"),
        (Basis.CONTROLLER, {"review_date": None}, "a review date"),
        (Basis.CONTROLLER, {"review_date": YESTERDAY}, "the review date is past"),
        (Basis.ALL_ASKED, {"decided": LATER}, "dated in the future"),
    ],
)
def test_a_mode_without_its_evidence_is_refused(
    basis: Basis | None, change: dict[str, str | date | None], message: str
) -> None:
    """Suggest and auto are refused, naming what is missing."""
    evidence = replace(WHOLE, **change)  # type: ignore[arg-type]
    for mode in (Mode.SUGGEST, Mode.AUTO):
        with pytest.raises(ConsentError, match=message):
            refuse_mode(mode, basis, evidence, TODAY)
