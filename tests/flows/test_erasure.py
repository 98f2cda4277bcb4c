"""Erasure: at once here, in the DAM as soon as it answers, and again whenever an old copy comes back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from plugin.clock import ManualClock
from plugin.errors import ConsentError, DamError
from plugin.flows.clearance import photo_answers
from plugin.flows.common.services import Services
from plugin.flows.people import register
from plugin.flows.rights import certificate as certificates
from plugin.flows.rights import erasure
from plugin.flows.schedule import calendar
from plugin.hooks.dam import Dam, Resource, Write
from plugin.hooks.mention import CertificateLine, Mentions
from plugin.hooks.name_search import SoughtName
from plugin.ledger import tables as t
from plugin.ledger.keys import rotation
from plugin.ledger.log.endings import Ending
from plugin.quitclaim.clearance.answers import ClearanceStatus
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from tests import support
from tests.dams import Through


@dataclass
class Switch:
    """Whether the DAM answers."""

    up: bool = True


class Unsteady(Through):
    """The real folder behind a line that can be cut."""

    def __init__(self, dam: Dam, switch: Switch) -> None:
        super().__init__(dam)
        self._switch = switch

    def write(self, ref: str, writes: Sequence[Write], released: bool | None) -> Resource:
        self._answer()
        return super().write(ref, writes, released)

    def mentions(self, sought: SoughtName, beat: Callable[[], None]) -> Mentions:
        self._answer()
        return super().mentions(sought, beat)

    def _answer(self) -> None:
        if not self._switch.up:
            raise DamError("the DAM does not answer: is it running?")


class Listing(Through):
    """The folder, with a list of names that cannot be cut."""

    def forget(self, node: str) -> bool:
        return False

    def renamed(self) -> list[tuple[str, str]]:
        return []


def _tagged(services: Services, cast: support.Cast, photos: Path) -> tuple[str, str]:
    asa = cast.add("Åsa", email="asa@example.org", guardians=("Somebody",))
    cast.sign(asa)
    cast.enrol(asa)
    cast.open_collection()
    ref = support.put(photos, "shoot/one.jpg", samples.A_STANDING)
    calendar.poll_dam(services)
    cast.work()
    assert cast.names_on(ref) == {"Åsa"}
    return asa, ref


def _rows(services: Services, person_id: str) -> dict[str, int]:
    """Rows that still speak of the person, by table; what shredding, jobs and the number of an erasure note is no
    personal data."""
    found = {}
    with services.store.read() as conn:
        for table in t.metadata.sorted_tables:
            column = table.c.id if table is t.person else table.c.get("person_id")
            if column is not None and table not in (t.shredding, t.erasure):
                found[table.name] = conn.scalar(select(func.count()).where(column == person_id)) or 0
    return {table: count for table, count in found.items() if count}


def test_the_certificate_says_what_was_reached_and_what_not(
    services: Services, cast: support.Cast, photos: Path
) -> None:
    """Finished, with the keys, the tags, the copies and the limits; it names nobody."""
    asa, ref = _tagged(services, cast, photos)
    certificate = erasure.erase(services, asa, "test")
    text = certificate.text()
    assert certificate.finished_at is not None
    assert cast.names_on(ref) == set()
    assert _rows(services, asa) == {}
    assert not rotation.is_rotation_due(services.store)
    for said in (
        asa,
        "destroyed",
        "taken out and then read back: 1",
        "version 2 made",
        "downloaded",
        "ended.log",
        "audit log",
    ):
        assert said in text
    assert ("overwritten" in text) == services.store.is_sqlite  # a server's files are not ours
    assert "Åsa" not in text
    assert "NOT FINISHED" not in text
    assert photo_answers.answer_photo(services, ref, "communication", "website").status is ClearanceStatus.UNKNOWN


@pytest.mark.embedded
def test_a_reader_in_the_way_stands_on_the_certificate_and_the_job_waits_for_it(
    services: Services, cast: support.Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the store's log cannot be cut it is not claimed, and the job comes again until it can."""
    asa = cast.add("Åsa")
    cast.sign(asa)
    checkpoint = services.store.checkpoint
    monkeypatch.setattr(services.store, "checkpoint", lambda wait=0.05: checkpoint(0.05))
    with services.store.read() as conn:
        conn.execute(select(t.person)).all()
        certificate = erasure.erase(services, asa, "test")
        assert "a reader holds it" in "\n".join(certificate.not_reached)
        assert not any("overwritten" in line for line in certificate.reached)
        cast.work()
        waiting = conn.engine
    with services.store.read() as conn:
        job = conn.execute(select(t.job).where(t.job.c.kind == "erase")).one()
    assert (job.state, waiting is not None) == ("queued", True)
    services.clock._inner.advance(timedelta(hours=2))  # type: ignore[attr-defined]
    cast.work()
    with services.store.read() as conn:
        assert conn.scalar(select(t.job.c.state).where(t.job.c.kind == "erase")) is None


def test_an_erasure_while_the_dam_is_down_ends_by_its_job(
    tmp_path: Path, clock: ManualClock, examiner: Examiner
) -> None:
    """Nothing opens or clears from the first moment; the tags go, and the rows, when the DAM is back."""
    switch = Switch()
    (tmp_path / "photos" / support.SHOOT).mkdir(parents=True)
    config = support.configuration(tmp_path)
    with support.opened(config, clock, examiner, wrap=lambda dam: Unsteady(dam, switch)) as services:
        cast = support.Cast(services)
        asa, ref = _tagged(services, cast, tmp_path / "photos")
        switch.up = False
        certificate = erasure.erase(services, asa, "test")
        assert certificate.finished_at is None
        assert "NOT FINISHED" in certificate.text()
        with services.store.read() as conn:
            assert not services.vault.has_key(conn, asa, "face")
            assert not services.vault.has_key(conn, asa, "record")
        assert (
            photo_answers.answer_photo(services, ref, "communication", "website").status is not ClearanceStatus.CLEARED
        )
        with pytest.raises(ConsentError, match="being erased"):
            cast.sign(asa)
        cast.work()
        assert cast.names_on(ref) == {"Åsa"}
        switch.up = True
        clock.advance(timedelta(hours=2))
        cast.work()
        assert cast.names_on(ref) == set()
        assert _rows(services, asa) == {}
        assert not rotation.is_rotation_due(services.store)
        kept = certificates.load(services, certificate.number).text()
        assert "CERTIFICATE OF ERASURE" in kept
        assert "NOT FINISHED" not in kept
        assert "Åsa" not in kept


def test_killed_after_the_rows_were_deleted_the_job_still_destroys_the_old_master_key(
    services: Services, cast: support.Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop between the deletion and the new master key: the job carries the rest out."""
    asa = cast.add("Åsa")
    cast.sign(asa)
    cast.enrol(asa)

    class Killed(BaseException):
        """The process died here."""

    def dies(_: Services, _person: str) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(erasure, "make_unreadable", dies)
        with pytest.raises(Killed):
            erasure.erase(services, asa, "test")
    assert _rows(services, asa) == {}
    assert rotation.is_rotation_due(services.store)
    cast.work()
    assert not rotation.is_rotation_due(services.store)


def test_ended_log_erases_again_whom_an_old_copy_brought_back(
    services: Services, cast: support.Cast, photos: Path
) -> None:
    """A line of an erasure whose person is there: the next start begins it, the worker ends it."""
    asa, ref = _tagged(services, cast, photos)
    bo = cast.add("Bo")
    cast.sign(bo)
    services.ended.write(Ending(asa, None, services.clock.now(), erasure.ERASED))
    calendar.start_process(services)
    with services.store.read() as conn:
        assert not services.vault.has_key(conn, asa, "face")
        assert services.vault.has_key(conn, bo, "record")
    cast.work()
    assert _rows(services, asa) == {}
    assert cast.names_on(ref) == set()
    assert register.export(services, bo, "test")["person"]["display_name"] == "Bo"


def test_what_the_dam_keeps_for_itself_stands_on_the_certificate(
    services: Services, cast: support.Cast, photos: Path
) -> None:
    """A log of the DAM's own, and a list of names that cannot be cut: both are said, not hidden."""
    asa, _ = _tagged(services, cast, photos)
    keeping = Listing(services.dam)
    keeping.keeps = (CertificateLine("dam_log"),)
    text = erasure.erase(replace(services, dam=keeping), asa, "test").text()
    unreached = text.split("Not reached:")[1]
    assert "the DAM's own log of changes" in unreached
    assert "the DAM's own list of names" in unreached
