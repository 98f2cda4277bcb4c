"""An administrator gives a person's node another name: it keeps its number, and stays that person's."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import func, select

from plugin.clock import ManualClock
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.rights import erasure
from plugin.flows.schedule import calendar
from plugin.hooks.dam import ListsNames
from plugin.ledger import tables as t
from plugin.recognizer.process.examiner import Examiner
from tests import on_double, support
from tests.doubles.resourcespace import Double


@pytest.fixture(params=["plugin", "classic"])
def double(request: pytest.FixtureRequest) -> Iterator[Double]:
    """The server, with our plugin and without."""
    with Double(plugin=request.param == "plugin") as made:
        yield made


@pytest.fixture
def served(tmp_path: Path, double: Double, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A house on it that knows three resources, on which Åsa is tagged by a confirmation of ours."""
    with on_double.house(tmp_path, double, clock, examiner) as services:
        cast = support.Cast(services)
        for _ in range(3):
            double.library.create(1)
        calendar.poll_dam(services)
        cast.work()
        asa = cast.add("Åsa Öberg")
        cast.sign(asa, recognition=False)
        on_double.tag(services, asa, "Åsa Öberg")
        calendar.begin_comparison(services)
        cast.work()
        yield services


def _asa(services: Services) -> str:
    with services.store.read() as conn:
        return str(conn.scalar(select(t.person.c.id).where(t.person.c.display_name == "Åsa Öberg")))


def _looked_again(services: Services) -> None:
    calendar.begin_comparison(services)
    support.Cast(services).work()


def _renamed(services: Services) -> Sequence[tuple[str, str]]:
    assert isinstance(services.dam, ListsNames)
    return services.dam.renamed()


def _rejections(services: Services) -> int:
    with services.store.read() as conn:
        return conn.scalar(select(func.count()).select_from(t.rejection)) or 0


def test_a_renamed_node_is_no_rejection(served: Services, double: Double) -> None:
    """Our tags stay ours and confirmed; the staff is told how the DAM calls the person now."""
    assert _renamed(served) == []
    double.library.node("Åsa Öberg").name = "Åsa Ek"
    _looked_again(served)
    assert set(support.Cast(served).tags(_asa(served)).values()) == {"confirmed"}
    assert len(support.Cast(served).tags(_asa(served))) == 3
    assert _rejections(served) == 0
    assert _renamed(served) == [("Åsa Öberg", "Åsa Ek")]


def test_a_new_tag_goes_to_the_renamed_node(served: Services, double: Double) -> None:
    """A second node would make two of one person."""
    double.library.node("Åsa Öberg").name = "Åsa Ek"
    new = double.library.create(1)
    calendar.poll_dam(served)
    support.Cast(served).work()
    on_double.tag(served, _asa(served), "Åsa Öberg")
    assert double.library.people(new.ref) == {"Åsa Ek"}
    assert {node.name for node in double.library.nodes.values()} == {"Åsa Ek"}


def test_a_withdrawal_takes_the_new_spelling_off(served: Services, double: Double) -> None:
    """Though nobody told us of it: not even the nightly look came in between. What an editor set stays."""
    double.library.node("Åsa Öberg").name = "Åsa Ek"
    double.library.edit(1, ["Bo Ek"])
    withdrawal.withdraw(served, _asa(served), None, "test")
    support.Cast(served).work()
    assert [double.library.people(ref) for ref in (1, 2, 3)] == [{"Bo Ek"}, set(), set()]
    assert support.Cast(served).tags(_asa(served)) == {}


def test_an_erasure_takes_the_renamed_node_along(served: Services, double: Double) -> None:
    """The name leaves the list too, where we may delete it; nothing of ours remembers the number."""
    double.library.node("Åsa Öberg").name = "Åsa Ek"
    certificate = erasure.erase(served, _asa(served), "test")
    assert certificate.finished_at is not None
    assert [double.library.people(ref) for ref in (1, 2, 3)] == [set(), set(), set()]
    if "facelease_delete_node" in double.calls:
        assert not double.library.nodes
    with served.store.read() as conn:
        assert conn.scalar(select(func.count()).select_from(t.dam_node)) == 0


def test_a_node_renamed_to_another_person_is_that_ones(served: Services, double: Double) -> None:
    """It says so itself; for the first one that is a rejection, as if an editor had taken the name off."""
    bo = support.Cast(served).add("Bo Ek")
    double.library.node("Åsa Öberg").name = "Bo Ek"
    _looked_again(served)
    assert support.Cast(served).tags(_asa(served)) == {}
    assert set(support.Cast(served).tags(bo).values()) == {"hand"}
    assert _rejections(served) == 3
    assert _renamed(served) == []
