"""What another process, or another configuration, looked at proves nothing: unknown, never yes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from plugin.clock import ManualClock
from plugin.errors import ConsentError
from plugin.flows.clearance import dam_dates, photo_answers
from plugin.flows.common.services import Services
from plugin.flows.names import resources
from plugin.flows.photos import examination, reexamination
from plugin.flows.review import download_gate
from plugin.flows.schedule import calendar
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.answers import ClearanceStatus, ReasonCode
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from tests import support
from tests.flows.test_anew import changed, dates, library, listed
from tests.stores import KINDS, Stores

__all__ = ["library"]
REF = f"{support.SHOOT}/nobody.jpg"


@pytest.fixture(params=KINDS)
def empty(
    tmp_path: Path, clock: ManualClock, examiner: Examiner, stores: Stores, request: pytest.FixtureRequest
) -> Iterator[Services]:
    """A photograph that shows nobody, examined whole; on either store."""
    support.put(tmp_path / "photos", REF, samples.A_FRONT, (8, 8))
    config = support.configuration(tmp_path, store={"url": stores.migrated(request.param)})
    with support.opened(config, clock, examiner) as house:
        cast = support.Cast(house)
        cast.open_collection()
        calendar.poll_dam(house)
        cast.work()
        yield house


def said(services: Services) -> tuple[ClearanceStatus, int]:
    """The answer, and how many photographs the page of the plugin counts as open."""
    asked = photo_answers.answer_photo(services, REF, "communication", "website")
    return asked.status, download_gate.count_open(services, "website")


def test_who_wants_smaller_faces_found_knows_nothing_of_what_was_looked_at_before(empty: Services) -> None:
    """And it is examined anew; who asks for less needs nothing."""
    assert said(empty) == (ClearanceStatus.NO_PERSON_FOUND, 1)
    closer = changed(empty, "clearance", recognisable_px=32)
    calendar.start_process(closer)
    assert said(closer) == (ClearanceStatus.UNKNOWN, 0)
    answer = photo_answers.answer_photo(closer, REF, "communication", "website")
    assert [one.code for one in answer.reasons] == [ReasonCode.NOT_EXAMINED]
    support.Cast(closer).work()
    assert (said(closer), reexamination.count_waiting(closer)) == ((ClearanceStatus.NO_PERSON_FOUND, 1), 0)
    wider = changed(closer, "clearance", recognisable_px=100)
    calendar.start_process(wider)
    assert (said(wider), reexamination.count_waiting(wider)) == ((ClearanceStatus.NO_PERSON_FOUND, 1), 0)


def test_a_file_that_was_replaced_while_it_was_examined_is_examined_again(
    empty: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process, the console or a worker, entered it meanwhile: nobody would look at it again."""
    look = examination.examine
    replaced = iter([True])

    def slowly(services: Services, arrival: resources.EnteredResource) -> Any:
        seen = look(services, arrival)
        if next(replaced, False):
            support.put(empty.config.path(empty.config.folder.path), REF, samples.B_STANDING)
            resources.enter(services, REF)
        return seen

    monkeypatch.setattr(examination, "examine", slowly)
    with empty.store.write() as tx:
        empty.queue.put(tx, "photo", REF)
    support.Cast(empty).work()
    assert said(empty)[0] is ClearanceStatus.UNKNOWN
    with empty.store.read() as conn:
        seen = conn.execute(
            select(t.face.c.file_version, t.resource.c.file_version).join(
                t.resource, t.resource.c.id == t.face.c.resource_id
            )
        ).one()
    assert seen[0] == seen[1]


def test_a_process_that_was_not_restarted_lists_nothing_of_another_configuration(library: Services) -> None:
    """What is stored holds for copies of 1200 px by the other one; this one would say that of the original."""
    other = changed(library, "clearance", max_px={"website": 1200})
    calendar.start_process(other)
    support.Cast(other).work()
    assert listed(other) == 5
    for ask in (listed, lambda house: download_gate.count_open(house, "website")):
        with pytest.raises(ConsentError, match="another configuration"):
            ask(library)
    assert len(dates(other)) == 5
    dam_dates.renew(library)
    support.Cast(library).work()
    assert dates(other) == []
