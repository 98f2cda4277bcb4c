"""People whom the engine cannot tell apart: only suggested, and where they are many it is said."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from plugin.clock import ManualClock
from plugin.flows.collections import modes
from plugin.flows.common import closed_house
from plugin.flows.common.reference_sets import PictureSource
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.matching import gallery, look_alikes, serving_engine, vouching
from plugin.flows.matching.look_alikes import LookAlikes
from plugin.flows.schedule import calendar
from plugin.ledger import tables as t
from plugin.ledger.log import house_state
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from plugin.recognizer.engines.registry import EngineSource
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from sidecar.doctor import checks
from sidecar.doctor.finding import Finding
from tests import staff, support
from tests.crowd import A, B, Crowd

REF = "shoot/one.jpg"
EVIDENCE = BasisEvidence("list of who was asked", "the administrator")


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A house with a console."""
    with support.opened(staff.configuration(tmp_path), clock, examiner) as open_:
        yield open_


def counted(services: Services) -> tuple[int, int]:
    """How many have a look-alike, of how many."""
    found = look_alikes.count(services)
    return found.barred, found.compared


def enrolled(cast: support.Cast, name: str, *prefixes: str) -> str:
    """A person who signed and is enrolled."""
    person = cast.add(name)
    cast.sign(person)
    cast.enrol(person, *prefixes)
    return person


def declare(services: Services, person_id: str, prefix: str) -> str:
    """A picture comes by a link that somebody made."""
    body = [samples.portrait(prefix).read_bytes()]
    enrolment, source = services.faces.enrol(body), PictureSource("link", "link", "dam:inviter")
    with services.store.write() as tx:
        return gallery.enrol_in(services, tx, person_id, enrolment, body, "person", source)


def look_at_a(services: Services, cast: support.Cast, examiner: Examiner, photos: Path) -> list[str]:
    """The states of the faces on a new photograph of person A, on which nobody is named unless it is automatic."""
    crowd = Crowd(examiner)
    crowd.put(photos, REF, crowd.row([A[0]]))
    calendar.poll_dam(services)
    cast.work()
    with services.store.read() as conn:
        states = list(conn.scalars(select(t.face.c.state)))
    assert bool(cast.names_on(REF)) == (states == ["matched"])
    return states


class TestOnlySuggested:
    """Whoever has a look-alike among those compared, whatever that one is."""

    def test_a_look_alike_who_is_only_suggested_herself(
        self, services: Services, cast: support.Cast, photos: Path, examiner: Examiner
    ) -> None:
        """Eva's age is unknown, so that she is never named automatically: nor is Åsa."""
        enrolled(cast, "Åsa")
        eva = cast.add("Eva", of_age=False)
        cast.sign(eva)
        cast.enrol(eva, A[2])
        cast.open_collection()
        assert look_at_a(services, cast, examiner, photos) == ["suggested"]

    def test_a_look_alike_who_is_not_compared_in_that_collection(
        self, services: Services, cast: support.Cast, photos: Path, examiner: Examiner
    ) -> None:
        """A shoot of Åsa's: Eva is no member, and may be on the photograph."""
        enrolled(cast, "Åsa")
        enrolled(cast, "Eva", A[2])
        modes.decide(services, support.SHOOT, modes.Ruling(Mode.AUTO, Basis.SHOOT, EVIDENCE, ("Åsa",)), "test")
        assert look_at_a(services, cast, examiner, photos) == ["suggested"]

    def test_of_several_sets_the_one_that_is_compared_decides(
        self, services: Services, cast: support.Cast, photos: Path, examiner: Examiner
    ) -> None:
        """Bo's vouched pictures look like nobody; those declared beside them do, and are held: Åsa is named."""
        enrolled(cast, "Åsa")
        bo = enrolled(cast, "Bo", B)
        held = declare(services, bo, A[2])
        assert counted(services) == (0, 2)
        cast.open_collection()
        assert look_at_a(services, cast, examiner, photos) == ["matched"]
        vouching.vouch(services, held, "badge", "dam:editor")
        assert counted(services) == (2, 2)

    def test_once_the_look_alike_is_gone_the_other_is_named(
        self, services: Services, cast: support.Cast, photos: Path, examiner: Examiner
    ) -> None:
        """Eva withdrew."""
        enrolled(cast, "Åsa")
        eva = enrolled(cast, "Eva", A[2])
        withdrawal.withdraw(services, eva, None, "test")
        cast.open_collection()
        assert look_at_a(services, cast, examiner, photos) == ["matched"]


class TestCount:
    """How many of those compared have a look-alike among the others."""

    def test_only_who_is_compared_counts(self, services: Services, cast: support.Cast, clock: ManualClock) -> None:
        """Not whose grant is over, nor whose pictures wait for somebody who knows the face."""
        assert counted(services) == (0, 0)
        enrolled(cast, "Åsa")
        enrolled(cast, "Bo", B)
        assert counted(services) == (0, 2)
        eva, dag = cast.add("Eva"), cast.add("Dag")
        cast.sign(eva)
        declare(services, eva, A[1])
        assert counted(services) == (0, 2)
        cast.sign(dag, lasts=timedelta(days=1))
        cast.enrol(dag, A[2])
        assert counted(services) == (2, 3)
        clock.advance(timedelta(days=2))
        assert counted(services) == (0, 2)

    def test_nobody_is_compared_in_a_closed_house(self, services: Services, cast: support.Cast) -> None:
        """Nor counted."""
        enrolled(cast, "Åsa")
        enrolled(cast, "Eva", A[2])
        with services.store.write() as tx:
            house_state.close(tx, "missing", house_state.read(tx.connection).mark or house_state.NOTHING_ENDED)
        assert closed_house.find_reason(services) is not None
        assert counted(services) == (0, 0)

    @pytest.mark.parametrize(
        ("barred", "compared", "many"),
        [(0, 0, False), (2, 2, False), (2, 3, False), (3, 3, True), (3, 14, True), (3, 15, False), (21, 100, True)],
    )
    def test_more_than_a_pair_and_more_than_a_fifth_are_many(self, barred: int, compared: int, many: bool) -> None:
        """Twins say nothing of an engine."""
        assert LookAlikes(barred, compared).many is many


def test_where_they_are_many_it_is_said(
    services: Services, cast: support.Cast, app: Flask, administrator: FlaskClient, clock: ManualClock
) -> None:
    """On the page of the collections, in the account's language, and in the doctor, with numbers; a pair is not."""
    enrolled(cast, "Åsa", A[0])
    enrolled(cast, "Eva", A[1])
    enrolled(cast, "Bo", B)
    with services.store.write() as tx:
        serving_engine.put(tx, "serving", EngineSource(services.faces.engine_id, services.faces.card.name))
    look_alikes.note(services)
    assert "does not tell" not in administrator.get("/console/collections").text
    told = find_finding(services, clock)
    assert (told.ok, told.waits) == (True, False)
    assert "3 people are compared; only suggested, because somebody else looks too much like them: 2" in told.said
    assert "is lowered by" not in find_finding(services, clock, "thresholds").said
    enrolled(cast, "Frida", A[2])
    assert "does not tell" not in administrator.get("/console/collections").text  # it is counted each hour
    look_alikes.note(services)
    page = administrator.get("/console/collections").text
    assert "3 of the 4 look" in page
    assert services.faces.engine_id in page
    told = find_finding(services, clock)
    assert (told.ok, told.waits) == (True, True)
    assert "3 of the 4 look" in told.said
    assert "is lowered by" in find_finding(services, clock, "thresholds").said
    assert "engine" in told.mend
    dutch = staff.signed_in(app, clock, "administrator", "nl")
    assert "3 van de 4 lijken" in dutch.get("/console/collections").text


def find_finding(services: Services, clock: ManualClock, what: str = "look-alikes") -> Finding:
    """What the doctor says of them, or of something else."""
    (found,) = [one for one in checks.run_checks(services.config, clock) if one.what == what]
    return found
