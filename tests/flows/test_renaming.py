"""A name is corrected, and the photographs follow; a birth date, and what rested on it ends."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from typing import cast as cast_to

import pytest
from sqlalchemy import func, select, update

from plugin.clock import ManualClock
from plugin.errors import ConsentError, DamError, NameTaken, NotFound, NothingDone
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.consent import rectification, renaming, withdrawal
from plugin.flows.review import face_decisions
from plugin.flows.schedule import calendar
from plugin.hooks.dam import Dam
from plugin.ledger import tables as t
from plugin.recognizer.process.examiner import Examiner
from sidecar.running.runner import Runner
from tests import support
from tests.crowd import A, B, Crowd

REFS = ("shoot/one.jpg", "shoot/two.jpg")


@pytest.fixture
def asa(services: Services, cast: support.Cast, photos: Path, examiner: Examiner) -> str:
    """Åsa, named by the machine on two photographs and confirmed on the first."""
    person = cast.add("Åsa Öberg")
    cast.sign(person)
    cast.enrol(person)
    cast.open_collection()
    for number, ref in enumerate(REFS):
        Crowd(examiner).put(photos, ref, Crowd(examiner).row([A[number], B]))
    calendar.poll_dam(services)
    cast.work()
    face_decisions.confirm(services, _face(services, person, REFS[0]), "dam:editor", person)
    assert cast.tags(person) == {REFS[0]: "confirmed", REFS[1]: "machine"}
    return person


def _face(services: Services, person: str, ref: str) -> int:
    with services.store.read() as conn:
        query = select(t.face.c.id).join(t.resource, t.resource.c.id == t.face.c.resource_id)
        return int(conn.scalar(query.where(t.resource.c.ref == ref, t.face.c.person_id == person)) or 0)


def _rows(services: Services, person: str) -> tuple[object, ...]:
    """Faces, rejections and clearances: what a new name must leave as it is."""
    with services.store.read() as conn:
        faces = conn.execute(select(t.face.c.id, t.face.c.state, t.face.c.person_id).order_by(t.face.c.id)).all()
        rejected = conn.scalar(select(func.count()).where(t.rejection.c.person_id == person))
        cleared = conn.execute(select(t.clearance).order_by(t.clearance.c.resource_id, t.clearance.c.channel)).all()
        return faces, rejected, cleared


@pytest.mark.parametrize("name", ["Asa Berg", "ÅSA ÖBERG", "Åsa  Öberg-Lind"])
def test_the_names_in_the_dam_follow(services: Services, cast: support.Cast, asa: str, name: str) -> None:
    """Also where only capitals change; faces, origins, rejections and clearances stay; each write had its intent."""
    before, origins = _rows(services, asa), cast.tags(asa)
    assert renaming.rename(services, asa, name, "dam:officer") == 2
    cast.work()
    clean = " ".join(name.split())
    assert [cast.names_on(ref) for ref in REFS] == [{clean}, {clean}]
    assert (_rows(services, asa), cast.tags(asa)) == (before, origins)
    calendar.begin_comparison(services)
    cast.work()
    assert [cast.names_on(ref) for ref in REFS] == [{clean}, {clean}]
    with services.store.read() as conn:
        assert conn.scalar(select(func.count()).where(t.intent.c.state == "open")) == 0
        (row,) = conn.execute(select(t.audit).where(t.audit.c.action == "person:record:change")).all()
    assert "Berg" not in row.details
    assert row.actor == "dam:officer"


def test_a_name_that_cannot_be_theirs_is_refused(
    services: Services, cast: support.Cast, photos: Path, asa: str
) -> None:
    """Somebody else's, one that stands in the DAM as nobody's, none, the same, and for nobody; nothing changes."""
    cast.add("Bo Berg")
    for name, why in (
        ("bo  berg", NameTaken),
        ("", ConsentError),
        ("a\u202eb", ConsentError),
        ("Åsa Öberg", NothingDone),
    ):
        with pytest.raises(why):
            renaming.rename(services, asa, name, "test")
    with pytest.raises(NotFound):
        renaming.rename(services, "nobody", "X", "test")
    cast.work()
    assert cast.names_on(REFS[0]) == {"Åsa Öberg"}


class Away:
    """A DAM that does not take writes while it is away."""

    def __init__(self, inner: Dam) -> None:
        self._inner, self.away, self.left = inner, True, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def write_many(self, tasks: Any) -> Any:
        if self.away and self.left <= 0:
            return {task.ref: DamError("away") for task in tasks}
        self.left -= 1
        return self._inner.write_many(tasks)


@pytest.mark.parametrize("done", [0, 1, 2])
def test_while_the_dam_is_away(services: Services, cast: support.Cast, clock: ManualClock, asa: str, done: int) -> None:
    """Wherever it went away: no photograph has neither name meanwhile, and all have the new one in the end."""
    dam = Away(services.dam)
    dam.left = done
    house = replace(services, dam=cast_to(Dam, dam))
    renaming.rename(house, asa, "Asa Berg", "test")
    Runner(house).drain()
    for ref in REFS:
        assert cast.names_on(ref) & {"Åsa Öberg", "Asa Berg"}, ref
    dam.away = False
    for _ in range(6):
        clock.advance(timedelta(hours=1))
        Runner(house).drain()
    assert [cast.names_on(ref) for ref in REFS] == [{"Asa Berg"}, {"Asa Berg"}]


def test_a_withdrawal_on_its_way_leaves_no_name(services: Services, cast: support.Cast, asa: str) -> None:
    """Withdrawn between the new name and its job: neither the old nor the new one stays, and none comes back."""
    renaming.rename(services, asa, "Asa Berg", "test")
    withdrawal.withdraw(services, asa, None, "test")
    cast.work()
    assert [cast.names_on(ref) for ref in REFS] == [set(), set()]


def test_by_hand_only_where_it_was_said(services: Services, cast: support.Cast, asa: str) -> None:
    """What somebody else wrote stays theirs; it is replaced where the staff says so."""
    with services.store.write() as tx:
        tx.execute(update(t.tag).where(t.tag.c.origin == "machine").values(origin="hand", places=[]))
    assert renaming.rename(services, asa, "Asa Berg", "test") == 1
    cast.work()
    assert cast.names_on(REFS[1]) == {"Åsa Öberg"}
    assert cast.tags(asa)[REFS[1]] == "hand"
    assert renaming.rename(services, asa, "Asa Lind", "test", by_hand=True) == 2
    cast.work()
    assert [cast.names_on(ref) for ref in REFS] == [{"Asa Lind"}, {"Asa Lind"}]


def test_a_birth_date_that_makes_them_a_child_ends_their_own_signature(
    services: Services, cast: support.Cast, clock: ManualClock, asa: str
) -> None:
    """Said before, cut in the same commit, and the names go; a day that cannot be is refused."""
    child = date(clock.now().year - 12, 1, 1)
    assert len(rectification.preview_birth_date(services, asa, child)) == 2
    assert rectification.preview_birth_date(services, asa, date(1980, 1, 1)) == []
    assert rectification.correct_birth_date(services, asa, child, "test") == 2
    with services.store.read() as conn:
        standing = roster.load(services, conn, asa)
        assert conn.scalar(select(func.count()).where(t.person_key.c.purpose == "face")) == 0
    assert standing.in_force(clock.now()) == ()
    cast.work()
    assert [cast.names_on(ref) for ref in REFS] == [set(), set()]
    with pytest.raises(NothingDone):
        rectification.correct_birth_date(services, asa, child, "test")
    for day in (date(1850, 1, 1), date(2999, 1, 1)):
        with pytest.raises(ConsentError):
            rectification.correct_birth_date(services, asa, day, "test")


def test_a_birth_date_of_an_adult_leaves_all_as_it_is(services: Services, cast: support.Cast, asa: str) -> None:
    """Nothing ends, nothing is taken off."""
    before = _rows(services, asa)
    assert rectification.correct_birth_date(services, asa, date(1980, 1, 1), "test") == 0
    cast.work()
    assert _rows(services, asa) == before
    assert cast.names_on(REFS[0]) == {"Åsa Öberg"}
