"""Rule 13: who gave neither a birth date nor that they are of age is listed, and never named automatically."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from plugin.clock import ManualClock
from plugin.errors import ConsentError
from plugin.flows.collections import modes
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.people import ages, register
from plugin.flows.people.ages import Age
from plugin.flows.schedule import calendar
from plugin.flows.views.people import people_list
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from sidecar.commands.demo import samples
from tests import support
from tests.signers import Desk, Visit

Promise = Callable[[str, str], None]
CHILD, ADULT = "2014-05-01", "1990-05-01"


def _row(services: Services, person_id: str) -> Any:
    with services.store.read() as conn:
        return conn.execute(select(t.person).where(t.person.c.id == person_id)).one()


def _unknown(services: Services) -> list[str]:
    return [one.person.display_name for one in people_list.search(services) if not one.age_known]


def _shoot(desk: Desk) -> Visit:
    ruling = modes.Ruling(Mode.SUGGEST, Basis.SHOOT, BasisEvidence("shoot", "photographer"))
    modes.decide(desk.services, support.SHOOT, ruling, "test")
    return desk.visit(collection_ref=support.SHOOT)


@pytest.mark.parametrize("where", ["shoot", "invited"])
@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ({"of_age": ""}, "Say that the person in the photographs is of age"),
        ({"of_age": "no"}, "Say that the person in the photographs is of age"),
        ({"of_age": "yes", "birth_date": CHILD}, "The date of birth says otherwise"),
        ({"of_age": "yes", "birth_date": "2099-01-01"}, "cannot be right"),
    ],
)
def test_the_form_wants_the_one_or_the_other(services: Services, where: str, said: dict[str, str], fault: str) -> None:
    """Of age, or a birth date; nothing is signed before it is said, and what contradicts itself is not taken."""
    desk = Desk(services)
    who = register.add(services, register.Newcomer("Åsa"), "test")
    visit = _shoot(desk) if where == "shoot" else desk.visit(who)
    fields = {"name": "Bo"} if where == "shoot" else {"signer": "Greta"}
    page = visit.sign("press", **fields, email="g@example.org", **said)
    assert page.status_code == 422
    assert fault in page.get_data(as_text=True)
    with services.store.read() as conn:
        assert conn.execute(select(t.quitclaim)).all() == []
    assert _unknown(services) == ["Åsa"]


@pytest.mark.parametrize("where", ["shoot", "invited"])
@pytest.mark.parametrize("said", [{"of_age": "yes"}, {"of_age": "", "birth_date": ADULT}])
def test_who_says_it_is_known(services: Services, where: str, said: dict[str, str]) -> None:
    """It is kept with who declared it; from then on the form does not ask again."""
    desk = Desk(services)
    who = register.add(services, register.Newcomer("Åsa"), "test") if where == "invited" else None
    visit = desk.visit(who) if who else _shoot(desk)
    assert 'name="of_age"' in visit.page()
    assert visit.sign("press", **({} if who else {"name": "Bo"}), **said).status_code == 303
    with services.store.read() as conn:
        row = conn.execute(select(t.person)).one()
        standing = roster.load(services, conn, row.id)
    assert (row.birth_date, row.of_age_by) == ((None, "person") if said["of_age"] else (date(1990, 5, 1), None))
    assert standing.may_auto(services.clock.now())
    assert _unknown(services) == []
    assert 'name="of_age"' not in desk.visit(row.id, may_replace=True).page()


def test_a_child_who_was_entered_without_an_age_is_signed_for_by_a_guardian(services: Services) -> None:
    """The one who opens the link says the birth date: then a guardian signs, at an address of their own."""
    desk = Desk(services)
    clara = register.add(services, register.Newcomer("Clara", email="clara@example.org"), "test")
    visit = desk.visit(clara)
    alone = {"of_age": "", "birth_date": CHILD, "signer": "Greta"}
    assert visit.sign("press", **alone, email="g@example.org").status_code == 303
    with services.store.read() as conn:
        standing = roster.load(services, conn, clara)
        known = register.guardians_of(services, conn, clara)
        assert register.email_of(services, conn, clara) == "clara@example.org"
    (claim,) = standing.quitclaims
    assert standing.person.birth_date == date(2014, 5, 1)
    assert [one["email"] for one in known] == ["g@example.org"]
    assert (claim.signed_by_person, claim.signed_by_guardians) == (False, (known[0]["id"],))


def test_nobody_says_it_of_somebody_whose_birth_date_is_known(services: Services, cast: support.Cast) -> None:
    """Neither by a form that does not ask, nor by the staff: a child stays a child."""
    clara = cast.add("Clara", birth_date=date(2014, 5, 1))
    desk = Desk(services)
    visit = desk.visit(clara)
    assert 'name="of_age"' not in visit.page()
    done = visit.sign("press", of_age="yes", birth_date=ADULT, signer="Greta", email="g@example.org")
    assert done.status_code == 303
    for said in (Age(of_age=True), Age(birth_date=date(1990, 5, 1))):
        with pytest.raises(ConsentError, match="is known"):
            ages.declare(services, clara, said, "test")
    with services.store.write() as tx:
        ages.declare_in(services, tx, clara, Age(True, date(1990, 5, 1)), "test")
    row = _row(services, clara)
    assert (row.birth_date, row.of_age_at) == (date(2014, 5, 1), None)


@pytest.mark.parametrize("said", [Age(), Age(birth_date=date(1850, 1, 1)), Age(True, date(2014, 5, 1))])
def test_what_cannot_be_is_not_taken_from_the_staff(services: Services, said: Age) -> None:
    """Nothing, a day that cannot be, and a child who is of age."""
    asa = register.add(services, register.Newcomer("Åsa"), "test")
    with pytest.raises(ConsentError):
        ages.declare(services, asa, said, "test")
    assert _unknown(services) == ["Åsa"]


def test_a_birth_date_that_comes_later_ends_what_a_child_signed_alone(services: Services) -> None:
    """Who was believed to be an adult, and is none: their own signature counts from that moment on for nothing."""
    clara = register.add(services, register.Newcomer("Clara", of_age=True), "test")
    support.Cast(services).sign(clara)
    ages.declare(services, clara, Age(birth_date=date(2014, 5, 1)), "test")
    with services.store.read() as conn:
        standing = roster.load(services, conn, clara)
    assert standing.recognition(services.clock.now()) is None
    assert not standing.in_force(services.clock.now())


@pytest.mark.promise
def test_nobody_of_unknown_age_is_named_automatically(
    services: Services, cast: support.Cast, photos: Path, clock: ManualClock, promise: Promise
) -> None:
    """The same face in a collection on *auto*: suggested while nobody said an age, also where it is a guardian's
    word; named once it is said."""
    cast.open_collection()
    asa = register.add(services, register.Newcomer("Åsa"), "test")
    cast.sign(asa)
    cast.enrol(asa)
    register.add_guardian(services, asa, "Greta", "test")
    refs = [support.put(photos, f"shoot/{n}.jpg", samples.A_STANDING) for n in range(3)]
    calendar.poll_dam(services)
    cast.work()
    before = cast.tags(asa)
    with services.store.read() as conn:
        states = set(conn.scalars(select(t.face.c.state).where(t.face.c.person_id == asa)))
    promise(
        "V1", f"of unknown age, on {len(refs)} photographs in a collection on auto: named {len(before)} of {len(refs)}"
    )
    assert (before, states) == ({}, {"suggested"})
    ages.declare(services, asa, Age(of_age=True), "cli:one")
    support.put(photos, "shoot/later.jpg", samples.A_STANDING)
    clock.advance(timedelta(minutes=5))
    calendar.poll_dam(services)
    cast.work()
    assert cast.tags(asa).get("shoot/later.jpg") == "machine"


def test_who_signs_on_paper_is_listed_too(services: Services, cast: support.Cast) -> None:
    """No form asked them: the staff is told by the list, and may say it."""
    asa = register.add(services, register.Newcomer("Åsa"), "test")
    cast.sign(asa)
    withdrawal.withdraw(services, asa, None, "test")
    assert _unknown(services) == ["Åsa"]
    ages.declare(services, asa, Age(of_age=True), "cli:one")
    assert (_unknown(services), _row(services, asa).of_age_by) == ([], "cli:one")
