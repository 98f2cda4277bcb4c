"""An upgrade: what was examined by rules that looked less closely is unknown, and is examined anew behind all else."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from plugin.clock import ManualClock
from plugin.config import Config
from plugin.flows.clearance import photo_answers
from plugin.flows.common import face_rows
from plugin.flows.common.services import Services
from plugin.flows.photos import reexamination, scan_queue
from plugin.flows.schedule import calendar
from plugin.flows.views import waiting_list
from plugin.flows.views.waiting_list import WaitingKind
from plugin.ledger import tables as t
from plugin.ledger.queue.jobs import NIGHTLY
from plugin.ledger.store import migrations
from plugin.quitclaim.clearance.answers import ClearanceStatus
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from sidecar.words import staff_words
from tests import support
from tests.stores import KINDS, Stores

OPEN = {ClearanceStatus.CLEARED, ClearanceStatus.NO_PERSON_FOUND}
REFS = [f"{support.SHOOT}/{name}.jpg" for name in ("matched", "dismissed", "rejected", "nobody", "nobody-else")]


@pytest.fixture(params=KINDS)
def config(tmp_path: Path, stores: Stores, request: pytest.FixtureRequest) -> Config:
    """A house on either store, with five photographs."""
    photos = tmp_path / "photos"
    for ref in REFS[:3]:
        support.put(photos, ref, samples.B_STANDING if "matched" not in ref else samples.A_STANDING, None)
    for ref in REFS[3:]:
        support.put(photos, ref, samples.A_FRONT, (8, 8))
    return support.configuration(tmp_path, store={"url": stores.migrated(request.param)})


@contextmanager
def _house(config: Config, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    with support.opened(config, clock, examiner) as services:
        yield services


def _before(services: Services) -> str:
    """Somebody named by the machine, a face that is dismissed, one of which it was said that it is not her."""
    cast = support.Cast(services)
    person = cast.add("Ada Sample")
    cast.sign(person)
    cast.enrol(person, samples.A_FRONT, samples.A_SPEECH)
    cast.open_collection()
    calendar.poll_dam(services)
    cast.work()
    with services.store.write() as tx:
        for ref, state in ((REFS[1], "dismissed"), (REFS[2], "rejected")):
            row = tx.execute(select(t.face).join(t.resource).where(t.resource.c.ref == ref)).one()
            face_rows.set_state(tx, row.id, state, decided_by="cli:test", decided_at=tx.now)
            if state == "rejected":
                face_rows.reject(tx, row.resource_id, person, row.file_version, "cli:test")
    photo_answers.recompute_many(services, list(_ids(services)))
    return person


def _ids(services: Services) -> list[int]:
    with services.store.read() as conn:
        return list(conn.scalars(select(t.resource.c.id)))


def _open(services: Services) -> set[str]:
    asked = {ref: photo_answers.answer_channels(services, ref, "communication")["website"].status for ref in REFS}
    return {ref for ref, status in asked.items() if status in OPEN}


def _decisions(services: Services) -> dict[str, list[Any]]:
    """What was decided on each photograph's faces, and which names stand on it."""
    f, r = t.face.c, t.resource.c
    with services.store.read() as conn:
        seen = conn.execute(select(r.ref, f.state, f.person_id, f.decided_by).join(t.face, f.resource_id == r.id))
        kept = [tuple(row) for row in seen]
        kept += [tuple(row) for row in conn.execute(select(t.tag.c.node, t.tag.c.origin, t.tag.c.person_id))]
        kept += [(row.n,) for row in conn.execute(select(func.count().label("n")).select_from(t.rejection))]
    return {"rows": sorted(kept, key=str)}


def _waits(services: Services) -> int:
    return sum(one.count for one in waiting_list.list_counts(services) if one.kind is WaitingKind.LOOKED_BEFORE)


def test_nothing_is_cleared_before_it_was_examined_anew(config: Config, clock: ManualClock, examiner: Examiner) -> None:
    """Afterwards everything is as it was, where nothing new is found."""
    with _house(config, clock, examiner) as services:
        _before(services)
        opened, decided, url = _open(services), _decisions(services), config.store_url
    assert opened >= {REFS[0], REFS[3], REFS[4]}
    migrations.downgrade(url, "0008")
    migrations.upgrade(url)
    with _house(config, clock, examiner) as services:
        calendar.start_process(services)
        assert (_open(services), _waits(services), _decisions(services)) == (set(), len(REFS), decided)
        entry = next(one for one in waiting_list.list_counts(services) if one.kind is WaitingKind.LOOKED_BEFORE)
        assert "5 photographs" in staff_words.waiting(entry).said
        assert "5 foto's" in staff_words.waiting(entry, "nl").said
        support.Cast(services).work()
        assert (_waits(services), _decisions(services)) == (0, decided)
        assert _open(services) >= {REFS[0], REFS[3], REFS[4]}
        calendar.start_process(services)
        assert services.queue.counts()["queued"] == 0  # nothing is asked for twice


def test_it_goes_on_in_portions_behind_everything_else(
    config: Config, clock: ManualClock, examiner: Examiner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two at a time, and none while those wait; a start takes up what broke off."""
    monkeypatch.setattr(scan_queue, "PORTION", 2)
    with _house(config, clock, examiner) as services:
        _before(services)
    migrations.downgrade(config.store_url, "0008")
    migrations.upgrade(config.store_url)
    with _house(config, clock, examiner) as services:
        calendar.start_process(services)
        assert _portion(services) == 2
        assert _portion(services) == 4
        with services.store.write() as tx:
            services.queue.put(tx, "compare", "another/one.jpg", priority=NIGHTLY)
        assert _portion(services) == 4  # they wait still: no more of them
        with services.store.write() as tx:
            services.queue.put(tx, "photo", "somebody/waits.jpg")
        first = services.queue.claim(["photo"])
        assert first is not None
        assert first.key == "somebody/waits.jpg"
        with services.store.write() as tx:
            services.queue.finish(tx, first)
            tx.execute(t.job.delete().where(t.job.c.kind == reexamination.JOB))
        support.Cast(services).work()
        assert _waits(services) == 1
        calendar.start_process(services)
        support.Cast(services).work()
        assert _waits(services) == 0


def _portion(services: Services) -> int:
    """Carry out one; returns how many photographs wait in the queue."""
    with services.store.write() as tx:
        tx.execute(t.job.update().where(t.job.c.kind == reexamination.JOB).values(run_after=tx.now))
    job = services.queue.claim([reexamination.JOB])
    assert job is not None
    reexamination.handle_portion(services, job)
    with services.store.read() as conn:
        return conn.scalar(select(func.count()).where(t.job.c.kind == "photo", t.job.c.state == "queued")) or 0
