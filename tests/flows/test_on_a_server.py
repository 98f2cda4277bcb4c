"""Many photographs of a server at once, the files beside them, and names that came with a file."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from plugin.clock import ManualClock
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.names import dam_names
from plugin.flows.rights import dam_leftovers, erasure
from plugin.flows.schedule import calendar
from plugin.flows.tags import intents
from plugin.hooks.resourcespace import with_plugin
from plugin.hooks.resourcespace.api import client
from plugin.ledger import tables as t
from plugin.recognizer.process.examiner import Examiner
from tests import on_double, support
from tests.doubles.resourcespace import Double
from tests.doubles.resourcespace_house import jpeg

COUNT = 10


@pytest.fixture
def served(
    tmp_path: Path, double: Double, clock: ManualClock, examiner: Examiner, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Services]:
    """A house on it, with Åsa tagged by a confirmation of ours on ten resources, which are dated for it."""
    monkeypatch.setattr(client, "_FIRST_PAUSE", 0.001)
    with on_double.house(tmp_path, double, clock, examiner) as services:
        cast = support.Cast(services)
        on_double.with_dates(services.config, double)
        for _ in range(COUNT):
            double.library.create(1)
        calendar.poll_dam(services)
        cast.work()
        asa = cast.add("Åsa Öberg")
        cast.sign(asa, recognition=False)
        on_double.tag(services, asa, "Åsa Öberg")
        cast.work()
        yield services


def _asa(services: Services) -> str:
    with services.store.read() as conn:
        return str(conn.scalar(select(t.person.c.id).where(t.person.c.display_name == "Åsa Öberg")))


def _tagged(double: Double) -> list[int]:
    return [ref for ref in double.library.photos if "Åsa Öberg" in double.library.people(ref)]


def _open(services: Services) -> int:
    with services.store.read() as conn:
        return conn.scalar(select(func.count()).where(t.intent.c.state == "open")) or 0


def _owed(services: Services) -> list[str]:
    """The photographs whose dates the DAM was not told to empty yet."""
    with services.store.read() as conn:
        query = select(t.resource.c.ref).join(t.statement, t.statement.c.resource_id == t.resource.c.id)
        return list(conn.scalars(query.where(t.statement.c.stated_at.is_(None))))


def test_one_photograph_that_breaks_the_call_keeps_none_of_the_others(
    served: Services, double: Double, clock: ManualClock
) -> None:
    """The others are clean at once; it stays open and is tried again, until the server takes it."""
    double.library.item_fault = lambda ref: "break" if ref == 4 else None
    withdrawal.withdraw(served, _asa(served), None, "test")
    support.Cast(served).work()
    assert _tagged(double) == [4]
    assert _open(served) == 1
    assert list(support.Cast(served).tags(_asa(served))) == ["4"]
    others = [ref for ref in double.library.photos if ref != 4]
    assert (on_double.dates(double.library, others), _owed(served)) == (0, ["4"])
    double.library.item_fault = lambda ref: None
    clock.advance(on_double.LATER)
    support.Cast(served).work()
    assert (_tagged(double), _open(served), on_double.dates(double.library, [4])) == ([], 0, 0)


def test_one_date_that_breaks_the_call_keeps_none_of_the_others(
    served: Services, double: Double, clock: ManualClock
) -> None:
    """It gets a job of its own, and the others are told without it."""
    asa = _asa(served)
    refs = list(double.library.photos)
    assert on_double.dates(double.library, refs) == COUNT
    double.library.item_fault = lambda ref: "refuse" if ref == 4 else None
    with served.store.write() as tx:
        for ref in refs:
            double.library.edit(ref, [], ["Åsa Öberg"])
            served.queue.put(tx, "names", str(ref))
    support.Cast(served).work()
    assert on_double.dates(double.library, refs) == on_double.dates(double.library, [4]) == 1
    with served.store.read() as conn:
        own = conn.scalars(select(t.job.c.key).where(t.job.c.kind == "state", t.job.c.state == "queued"))
        assert list(own) == ["4"]
    double.library.item_fault = lambda ref: None
    clock.advance(on_double.LATER)
    support.Cast(served).work()
    assert on_double.dates(double.library, refs) == 0
    assert support.Cast(served).tags(asa) == {}


def test_so_many_go_in_a_call_and_the_rest_in_the_next(
    served: Services, double: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten names, four in a call: three writes of names, three of dates; twice the list of who stands there."""
    monkeypatch.setattr(with_plugin, "_WRITES", 4)
    double.calls.clear()
    withdrawal.withdraw(served, _asa(served), None, "test")
    support.Cast(served).work()
    assert (double.calls["facelease_apply"], double.calls["facelease_named"]) == (6, 2)
    assert _tagged(double) == []


def test_a_tag_in_flight_goes_with_the_others(served: Services, double: Double) -> None:
    """An intent whose call was made and whose outcome nobody recorded; and one whose call never was."""
    with served.store.write() as tx:
        ids = list(tx.connection.scalars(select(t.resource.c.id).order_by(t.resource.c.id)))[:2]
        tx.execute(t.tag.delete().where(t.tag.c.resource_id.in_(ids)))
        for one in ids:
            proposal = intents.NewIntent(one, _asa(served), "Åsa Öberg", "add", "confirmed", on_double.NODE)
            intents.propose(served, tx, proposal)
    double.library.edit(2, [], ["Åsa Öberg"])
    withdrawal.withdraw(served, _asa(served), None, "test")
    support.Cast(served).work()
    assert (_tagged(double), _open(served)) == ([], 0)


def test_a_server_that_is_down_is_asked_by_the_withdrawal_alone(
    served: Services, double: Double, clock: ManualClock
) -> None:
    """Its intents stay open for longer than a lease: nobody else takes them up, a thousand of them at a time."""
    double.faults = lambda function: "502"
    withdrawal.withdraw(served, _asa(served), None, "test")
    support.Cast(served).work()
    assert _open(served) == COUNT
    clock.advance(on_double.LATER)
    calendar.sweep_endings(served)
    with served.store.read() as conn:
        assert set(conn.scalars(select(t.job.c.kind).where(t.job.c.state == "queued"))) == {"revoke", "state"}
    double.faults = lambda function: None
    support.Cast(served).work()
    assert (_tagged(double), _open(served)) == ([], 0)


def test_what_a_server_keeps_beside_a_photograph_stands_on_the_certificate(served: Services, double: Double) -> None:
    """The old file of one that was replaced shows whom it showed. Resource and number; not what it is called."""
    for _ in range(2):
        double.library.upload(3, jpeg(), "b.jpg", 1, replace=True)
    double.library.photos[5].alternatives.append("Åsa Öberg, portrait.jpg")
    double.library.photos[double.library.create(1).ref].alternatives.append("of nobody we know")
    assert dam_leftovers.find_beside(served, dam_leftovers.list_named(served, _asa(served))) == [("3", 2), ("5", 1)]
    certificate = erasure.erase(served, _asa(served), "test")
    beside = [line for line in certificate.not_reached if "alternative files" in line]
    assert [line.rpartition(": ")[2] for line in beside] == ["3 (2), 5 (1)"]
    assert "Åsa" not in certificate.text()


def test_a_name_that_came_with_a_file_is_listed(served: Services, double: Double) -> None:
    """The server makes a node of it by itself; whoever uploaded it, it is by hand and belongs to nobody."""
    for name in ("Embedded, Name", "Embedded, Name", "Another One"):
        ref = double.library.create(1).ref
        double.library.edit(ref, [name])
    calendar.poll_dam(served)
    support.Cast(served).work()
    with served.store.read() as conn:
        assert dam_names.list_unlinked(conn) == [("Embedded, Name", 2), ("Another One", 1)]
