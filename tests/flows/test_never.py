"""In a *never* collection no machine tag stays, however the photograph came to lie there; other names do."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, update

from plugin.clock import ManualClock
from plugin.errors import DamError
from plugin.flows.clearance import photo_answers
from plugin.flows.collections import modes
from plugin.flows.collections.modes import Ruling
from plugin.flows.common.services import Services
from plugin.flows.photos import mode_change
from plugin.flows.review import face_decisions
from plugin.flows.schedule import calendar
from plugin.flows.views.photos import photo_panel
from plugin.flows.views.review import proposals
from plugin.hooks.dam import Resource, Write
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.answers import ClearanceStatus
from plugin.quitclaim.clearance.scope import Mode
from plugin.recognizer.process.examiner import Examiner
from sidecar.running.runner import Runner
from tests import on_double, support
from tests.crowd import A, Crowd
from tests.dams import Through
from tests.doubles.resourcespace import Double
from tests.support import find_face

NEVER = Ruling(Mode.NEVER)
FORBIDDEN = {"mode": "never", "set_by": "admin", "set_at": "2026-03-01 10:00:00"}
ONE, TWO, THREE = (f"{support.SHOOT}/{name}.jpg" for name in ("one", "two", "three"))


@pytest.fixture
def asa(services: Services, cast: support.Cast, photos: Path, examiner: Examiner) -> str:
    """Åsa, tagged by the machine on three photographs."""
    crowd = Crowd(examiner)
    asa = cast.add("Åsa")
    cast.sign(asa)
    cast.enrol(asa)
    cast.open_collection()
    for ref in (ONE, TWO, THREE):
        crowd.put(photos, ref, crowd.row([A[0]]))
    calendar.poll_dam(services)
    cast.work()
    assert cast.tags(asa) == dict.fromkeys((ONE, TWO, THREE), "machine")
    return asa


def _states(services: Services) -> dict[str, str]:
    with services.store.read() as conn:
        query = select(t.resource.c.ref, t.face.c.state).join(t.face, t.face.c.resource_id == t.resource.c.id)
        return {row.ref: row.state for row in conn.execute(query)}


def test_never_takes_the_machines_names_and_no_others(
    services: Services, cast: support.Cast, photos: Path, asa: str
) -> None:
    """One machine's, one confirmed, one by hand: the first goes from ledger and file, with what it cleared."""
    face_decisions.confirm(services, find_face(services, TWO), "cli:editor")
    cast.work()
    services.dam.write(THREE, [Write("Åsa", False, services.dam.places)], None)
    services.dam.write(THREE, [Write("Åsa", True, services.dam.places)], None)
    with services.store.write() as tx:  # an editor's own name, as the ledger enters one
        three = select(t.resource.c.id).where(t.resource.c.ref == THREE).scalar_subquery()
        tx.execute(update(t.tag).where(t.tag.c.resource_id == three).values(origin="hand", places=[]))
    assert photo_answers.answer_photo(services, ONE, "communication", "website").status is ClearanceStatus.CLEARED
    modes.decide(services, support.SHOOT, NEVER, "cli:admin")
    cast.work()
    assert cast.tags(asa) == {TWO: "confirmed", THREE: "hand"}
    assert [cast.names_on(ref) for ref in (ONE, TWO, THREE)] == [set(), {"Åsa"}, {"Åsa"}]
    assert _states(services)[ONE] == "unmatched"
    assert _states(services)[TWO] == "matched"
    assert photo_answers.answer_photo(services, ONE, "communication", "website").status is not ClearanceStatus.CLEARED
    with services.store.read() as conn:
        stored = select(func.count()).select_from(t.clearance).join(t.resource)
        assert not conn.scalar(stored.where(t.resource.c.ref == ONE))
        said = conn.scalars(select(t.audit.c.action).where(t.audit.c.action == "photo:tag:remove")).all()
    assert len(said) == 1


def test_nobody_reads_the_machines_names_from_the_commit_on(services: Services, cast: support.Cast, asa: str) -> None:
    """No worker runs: the panel and the lists name nobody by what the machine alone said; who was confirmed stays."""
    face_decisions.confirm(services, find_face(services, TWO), "cli:editor")
    cast.work()
    with services.store.write() as tx:
        tx.execute(update(t.face).where(t.face.c.id == find_face(services, THREE)).values(state="suggested"))
    assert _read(services) == ({ONE: ("matched", "Åsa"), TWO: ("matched", "Åsa"), THREE: ("suggested", "Åsa")}, [ONE])
    modes.decide(services, support.SHOOT, NEVER, "cli:admin")
    nobody = ("unmatched", "")
    assert _read(services) == ({ONE: nobody, TWO: ("matched", "Åsa"), THREE: nobody}, [])
    assert _states(services) == {ONE: "matched", TWO: "matched", THREE: "suggested"}


def test_nobody_reads_a_proposal_where_none_is_made_any_more(services: Services, cast: support.Cast, asa: str) -> None:
    """Off leaves the machine's names and takes its proposals."""
    with services.store.write() as tx:
        tx.execute(update(t.face).where(t.face.c.id == find_face(services, THREE)).values(state="suggested"))
    modes.decide(services, support.SHOOT, Ruling(Mode.OFF), "cli:admin")
    named = ("matched", "Åsa")
    assert _read(services)[0] == {ONE: named, TWO: named, THREE: ("unmatched", "")}


def _read(services: Services) -> tuple[dict[str, tuple[str, str]], list[str]]:
    """The one face of each photograph as the panel shows it, and the photographs listed to be confirmed."""
    shown = {}
    for ref in (ONE, TWO, THREE):
        view = photo_panel.load_panel(services, ref)
        assert view is not None
        shown[ref] = next((face.state, face.person) for face in view.faces)
    with services.store.read() as conn:
        return shown, [row.ref for row in proposals.list_unconfirmed(conn)]


def test_of_two_names_on_a_photograph_only_the_machines_goes(
    services: Services, cast: support.Cast, photos: Path, asa: str
) -> None:
    """Bo beside Åsa, confirmed."""
    cast.sign(cast.add("Bo"))
    services.dam.write(ONE, [Write("Bo", True, services.dam.places)], None)
    for path in photos.joinpath(support.SHOOT).iterdir():
        support.settle(path)
    calendar.poll_dam(services)
    cast.work()
    with services.store.write() as tx:
        bos = t.tag.c.node == "Bo"
        tx.execute(update(t.tag).where(bos).values(origin="confirmed", places=sorted(services.dam.places)))
    modes.decide(services, support.SHOOT, NEVER, "cli:admin")
    cast.work()
    assert cast.names_on(ONE) == {"Bo"}


@pytest.mark.parametrize("mode", [Mode.OFF, Mode.DETECT])
def test_off_and_detect_leave_names_where_they_are(
    services: Services, cast: support.Cast, asa: str, mode: Mode
) -> None:
    """They stop what is to come; *never* is the word for what was."""
    modes.decide(services, support.SHOOT, Ruling(mode), "cli:admin")
    cast.work()
    assert set(cast.tags(asa).values()) == {"machine"}


def test_a_photograph_that_is_moved_into_a_never_collection_loses_them(
    services: Services, cast: support.Cast, photos: Path, asa: str
) -> None:
    """And one that is copied there, with the tag of ours in its metadata."""
    (photos / "kids").mkdir()
    modes.decide(services, "kids", NEVER, "cli:admin")
    (photos / ONE).rename(photos / "kids" / "one.jpg")
    for part in photos.joinpath(support.SHOOT).glob("one.jpg.xmp"):
        part.rename(photos / "kids" / part.name)
    (photos / "kids" / "two.jpg").write_bytes((photos / TWO).read_bytes())
    for path in (photos / "kids").iterdir():
        support.settle(path)
    calendar.poll_dam(services)
    cast.work()
    assert {ref: cast.names_on(ref) for ref in ("kids/one.jpg", "kids/two.jpg")} == {
        "kids/one.jpg": set(),
        "kids/two.jpg": set(),
    }
    assert cast.tags(asa) == {TWO: "machine", THREE: "machine"}
    assert cast.names_on(TWO) == {"Åsa"}


def test_on_a_server_only_the_daily_comparison_tells_of_it(
    tmp_path: Path, clock: ManualClock, examiner: Examiner
) -> None:
    """No log says that a resource was put into a collection. The machine's name goes, the confirmed one stays."""
    with Double() as double, on_double.house(tmp_path, double, clock, examiner) as services:
        cast, library = support.Cast(services), double.library
        for _ in range(2):
            library.create(1)
        calendar.poll_dam(services)
        cast.work()
        asa = cast.add("Åsa Öberg")
        cast.sign(asa)
        on_double.tag(services, asa, "Åsa Öberg")
        with services.store.write() as tx:
            first = select(t.resource.c.id).where(t.resource.c.ref == "1").scalar_subquery()
            tx.execute(update(t.tag).where(t.tag.c.resource_id == first).values(origin="machine"))
        library.collect("Kids", resources=[1, 2], ruling=FORBIDDEN)
        calendar.poll_dam(services)
        cast.work()
        assert [library.people(ref) for ref in (1, 2)] == [{"Åsa Öberg"}, {"Åsa Öberg"}]
        calendar.begin_comparison(services)
        cast.work()
        assert [library.people(ref) for ref in (1, 2)] == [set(), {"Åsa Öberg"}]
        assert cast.tags(asa) == {"2": "confirmed"}


class Failing(Through):
    """The folder, on which the photographs in `stuck` cannot be written."""

    stuck: frozenset[str] = frozenset()

    def write(self, ref: str, writes: Sequence[Write], released: bool | None) -> Resource:
        if ref in self.stuck:
            raise DamError("the disk does not answer")
        return self.inner.write(ref, writes, released)


@pytest.mark.parametrize("stuck", [{ONE}, {ONE, TWO, THREE}])
def test_photographs_that_fail_keep_none_of_the_others(
    services: Services,
    cast: support.Cast,
    clock: ManualClock,
    asa: str,
    stuck: set[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that cannot be written waits alone, a DAM that is down is asked again; in the end all are off."""
    monkeypatch.setattr(mode_change, "PORTION", 1)  # the one that fails is a portion of its own
    failing = Failing(services.dam)
    failing.stuck = frozenset(stuck)
    held = support.Cast(replace(services, dam=failing))
    modes.decide(services, support.SHOOT, NEVER, "cli:admin")
    held.work()
    assert set(cast.tags(asa)) == stuck
    failing.stuck = frozenset()
    for _ in range(3):
        clock.advance(timedelta(minutes=10))
        held.work()
    assert cast.tags(asa) == {}
    assert [cast.names_on(ref) for ref in (ONE, TWO, THREE)] == [set(), set(), set()]


def _suggested(services: Services, asa: str, count: int) -> None:
    """So many photographs in the collection with a face that is suggested, as rows."""
    with services.store.write() as tx:
        tx.execute(
            insert(t.resource),
            [
                {"ref": f"{support.SHOOT}/n{n}.jpg", "file_version": f"v{n}", "kind": "photo", "seen_at": tx.now}
                for n in range(count)
            ],
        )
        new = t.resource.c.ref.like(f"{support.SHOOT}/n%")
        ids = list(tx.connection.scalars(select(t.resource.c.id).where(new)))
        tx.execute(
            insert(t.resource_collection), [{"resource_id": one, "collection_ref": support.SHOOT} for one in ids]
        )
        tx.execute(
            insert(t.face),
            [
                {
                    "resource_id": one,
                    "file_version": "v",
                    "left": 0.1,
                    "top": 0.1,
                    "width": 0.2,
                    "height": 0.2,
                    "width_px": 60,
                    "state": "suggested",
                    "person_id": asa,
                    "created_at": tx.now,
                }
                for one in ids
            ],
        )


def _left(services: Services) -> int:
    with services.store.read() as conn:
        return conn.scalar(select(func.count()).where(t.face.c.state == "suggested")) or 0


def test_a_change_for_many_goes_in_portions_and_goes_on_where_it_was(services: Services, cast: support.Cast) -> None:
    """No transaction touches more than a portion; a worker that dies repeats that one; another change begins anew."""
    asa = cast.add("Åsa")
    cast.sign(asa)
    cast.enrol(asa)
    cast.open_collection()
    cast.work()
    count = 2 * mode_change.PORTION + 50
    _suggested(services, asa, count)
    modes.decide(services, support.SHOOT, NEVER, "cli:admin")
    steps = [count]
    while Runner(services).run_one(["remode"]):
        steps.append(_left(services))
        with services.store.read() as conn:
            waiting = conn.scalars(select(t.job.c.payload).where(t.job.c.kind == "remode", t.job.c.state == "queued"))
            assert [bool(payload.get("after")) for payload in waiting] == ([True] if steps[-1] else [])
    assert [before - after for before, after in pairwise(steps)] == [mode_change.PORTION, mode_change.PORTION, 50]


def test_a_mode_that_changes_while_it_is_carried_out_begins_anew(services: Services, cast: support.Cast) -> None:
    """The portions before it were looked at under another mode."""
    asa = cast.add("Åsa")
    cast.sign(asa)
    _suggested(services, asa, mode_change.PORTION + 1)
    with services.store.write() as tx:
        services.queue.put(tx, "remode", support.SHOOT, {})
    job = services.queue.claim(["remode"])
    assert job is not None
    modes.decide(services, support.SHOOT, NEVER, "cli:admin")
    mode_change.handle_mode_change(services, job)
    with services.store.read() as conn:
        queued = conn.scalars(select(t.job.c.payload).where(t.job.c.kind == "remode", t.job.c.state == "queued"))
        assert list(queued) == [{}]
    cast.work()
    assert _left(services) == 0
