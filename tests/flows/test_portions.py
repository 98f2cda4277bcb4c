"""While portions are open nothing that does not count any more is read as cleared or shown, whoever dies when."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, update

from plugin.clock import ManualClock
from plugin.flows.clearance import photo_answers
from plugin.flows.collections import modes
from plugin.flows.common import batches
from plugin.flows.common.services import Services
from plugin.flows.photos import recompute_library, scan_queue
from plugin.flows.review import face_decisions
from plugin.flows.schedule import calendar, house_closing
from plugin.ledger import tables as t
from plugin.ledger.queue.jobs import IS_OPEN
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from plugin.recognizer.process.examiner import Examiner
from sidecar.running import metrics
from sidecar.running.runner import Runner
from tests import support
from tests.flows.test_anew import changed, listed
from tests.program import photograph

PHOTOS = 6


@pytest.fixture
def library(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """Six photographs of Åsa in one collection, named by the machine and cleared, on each store."""
    config = support.configuration(tmp_path)
    with support.opened(config, clock, examiner) as services:
        cast = support.Cast(services)
        calendar.start_process(services)
        asa = cast.add("Åsa", of_age=True)
        cast.sign(asa)
        (tmp_path / "photos" / "shoot").mkdir(parents=True, exist_ok=True)
        ids = [photograph(services, f"shoot/{n}.jpg", asa) for n in range(PHOTOS)]
        with services.store.write() as tx:
            tx.execute(update(t.tag).values(origin="machine"))
            tx.execute(update(t.face).values(decided_by=None))
            tx.execute(t.resource_collection.delete())
            tx.execute(insert(t.resource_collection), [{"resource_id": i, "collection_ref": "shoot"} for i in ids])
            photo_answers.recompute(services, tx, ids)
            tx.execute(t.job.delete())
        yield services


def _count(services: Services, kind: str) -> int:
    with services.store.read() as conn:
        return conn.scalar(select(func.count()).select_from(t.job).where(t.job.c.kind == kind, IS_OPEN)) or 0


def test_a_configuration_that_comes_back_begins_anew(library: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job of its first time that is still in hand takes its mark from the store: nothing before it is skipped."""
    monkeypatch.setattr(recompute_library, "PORTION", 2)
    first, second = (changed(library, "matching", count_px=25), changed(library, "clearance", needs_confirmed=True))
    recompute_library.follow_policy(first)
    Runner(first).run_one(["anew"])
    in_hand = first.queue.claim(["anew"])
    assert in_hand is not None
    recompute_library.follow_policy(second)
    Runner(second).run_one(["anew"])  # the first two are unknown now
    recompute_library.follow_policy(first)
    assert listed(first) == 0
    recompute_library.handle_portion(first, in_hand)
    assert listed(first) == 2
    while Runner(first).run_one(["anew"]):
        pass
    assert (listed(first), recompute_library.count_left(first)) == (PHOTOS, 0)


def test_a_closed_house_opens_to_nothing_before_it_was_computed(
    library: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closed in the middle of its rows, and opened: what is stored counts by its turn alone."""
    monkeypatch.setattr(recompute_library, "PORTION", 2)
    kept = library.ended.path.read_bytes() if library.ended.path.exists() else b""
    library.ended.path.write_bytes(kept + b"not a line of ours\n")
    library.ended.path.unlink()
    library.ended.read_anew()
    house_closing.check_ended_log(library)
    if kept:
        assert listed(library) == 0
        Runner(library).run_one(["anew"])
        library.ended.path.write_bytes(kept)
        library.ended.read_anew()
        house_closing.check_ended_log(library)
        assert listed(library) == 0
        while Runner(library).run_one(["anew"]):
            pass
    assert listed(library) == PHOTOS


def test_never_holds_from_its_commit_on(library: Services) -> None:
    """Before any job has run: not listed, not cleared when asked, not suggested; also after its job was given up."""
    with library.store.write() as tx:
        shown = tx.connection.scalar(select(func.max(t.face.c.id)))
        tx.execute(update(t.face).where(t.face.c.id == shown).values(state="suggested"))
        photo_answers.recompute(library, tx, [tx.connection.scalar(select(func.max(t.resource.c.id)))])
    assert listed(library) == PHOTOS - 1
    modes.decide(library, "shoot", modes.Ruling(Mode.NEVER), "cli:admin")
    for _ in range(2):
        with library.store.read() as conn:
            assert list(face_decisions.list_waiting(conn)) == []
        assert listed(library) == 0
        assert photo_answers.answer_photo(library, "shoot/0.jpg", "communication", "website").status.value != "cleared"
        with library.store.write() as tx:
            tx.execute(update(t.job).where(t.job.c.kind == "remode").values(state="dead", finished_at=tx.now))


def test_late_consent_counts_when_its_last_portion_is_done(
    library: Services, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between portions nobody is left out; a second call begins none beside it; who comes meanwhile is next."""
    monkeypatch.setattr(scan_queue, "PORTION", 2)
    modes.decide(
        library,
        "shoot",
        modes.Ruling(Mode.SUGGEST, Basis.ALL_ASKED, BasisEvidence("ref", "by", library.today(), None)),
        "x",
    )
    with library.store.write() as tx:
        tx.execute(update(t.face).values(state="unmatched", person_id=None))
        tx.execute(t.job.delete())
        _vouched(tx, "one")
    assert scan_queue.begin_late_consent(library) == 2
    assert (scan_queue.begin_late_consent(library), _count(library, scan_queue.LATE_JOB)) == (0, 1)
    assert library.queue.claim([scan_queue.LATE_JOB]) is not None  # and its process dies
    with library.store.write() as tx:
        tx.execute(update(t.job).where(t.job.c.state == "running").values(lease_until=tx.now))
        _vouched(tx, "another")
    assert _since(library) is None
    while Runner(library).run_one([scan_queue.LATE_JOB]):
        pass
    with library.store.read() as conn:
        assert len(set(conn.scalars(select(t.job.c.key).where(t.job.c.kind == "photo")))) == PHOTOS
    assert _since(library) is not None


def _vouched(tx: object, name: str) -> None:
    conn = tx.connection  # type: ignore[attr-defined]
    person, now = conn.scalar(select(t.person.c.id)), tx.now  # type: ignore[attr-defined]
    row = {"id": name, "person_id": person, "added_by": "x", "added_at": now, "came_by": "staff", "vouched_at": now}
    conn.execute(insert(t.reference_set).values(**row))


def _since(services: Services) -> object:
    with services.store.read() as conn:
        return conn.scalar(select(t.state.c.late_consent_at))


def test_a_write_ends_when_it_took_long_enough(library: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not after so many rows: each of what is left gets a write of its own, and all are done."""
    monkeypatch.setattr(batches, "_SHORT", 0.0)
    writes: list[float] = []
    library.store.watch = writes.append
    done: list[int] = []
    batches.in_short_writes(library.store, range(7), lambda _tx, some: done.extend(some), 3)
    assert (done, len(writes)) == (list(range(7)), 3)


def test_a_long_write_is_counted_and_told_by_whom(
    library: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Also one that failed in the end."""
    told: list[dict[str, object]] = []
    monkeypatch.setattr(metrics, "SLOW_WRITE_SECONDS", 0.0)
    monkeypatch.setattr(metrics.log, "warning", lambda said, **values: told.append({"said": said, **values}))
    library.store.watch = metrics.observe_write
    before = metrics.WRITE_SECONDS._sum.get()
    with library.store.write() as tx:
        tx.see()
    with pytest.raises(ZeroDivisionError), library.store.write():
        _ = 1 / 0
    mine = f"{__name__}.test_a_long_write_is_counted_and_told_by_whom"
    assert [one["by"] for one in told] == [mine, mine]
    assert metrics.WRITE_SECONDS._sum.get() > before
