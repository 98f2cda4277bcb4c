"""First runs and late consent: one pass, resumable, with its cost told first."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from plugin.clock import ManualClock
from plugin.flows.collections import modes
from plugin.flows.common.recogniser import Recogniser
from plugin.flows.common.services import Services
from plugin.flows.photos import scan_queue
from plugin.flows.schedule import calendar
from plugin.hooks.dam import Picture
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Mode
from plugin.recognizer.examination.messages import Examination, ExaminationRequest
from plugin.recognizer.process.examiner import Examiner
from sidecar.running.runner import Runner
from tests import support
from tests.crowd import A, B, Crowd


class Counting(Recogniser):
    """The recogniser; counts what it examines, and ends the process as it were after `most`."""

    def __init__(self, examiner: Examiner, most: int = 10_000) -> None:
        super().__init__(examiner)
        self.examined = 0
        self._most = most

    def examine(self, picture: Picture, request: ExaminationRequest) -> Examination:
        if self.examined >= self._most:
            raise KeyboardInterrupt
        self.examined += 1
        return super().examine(picture, request)


@pytest.fixture
def refs(services: Services, photos: Path, examiner: Examiner) -> list[str]:
    """Six photographs: four with A, two without."""
    crowd = Crowd(examiner)
    return [crowd.put(photos, f"shoot/{n}.jpg", crowd.row([B if n % 3 == 2 else A[n % 2]])) for n in range(6)]


def enrolled(cast: support.Cast) -> str:
    asa = cast.add("Åsa")
    cast.sign(asa)
    cast.enrol(asa)
    return asa


def test_late_consent_is_one_pass(
    services: Services, cast: support.Cast, refs: list[str], clock: ManualClock, examiner: Examiner
) -> None:
    """Examined before anybody agreed; Åsa enrols later: the old unnamed faces are matched, and once."""
    cast.open_collection()
    calendar.poll_dam(services)
    cast.work()
    assert scan_queue.begin_late_consent(services) == 0
    clock.advance(timedelta(days=1))
    asa = enrolled(cast)
    assert scan_queue.begin_late_consent(services) == len(refs)
    assert scan_queue.begin_late_consent(services) == 0
    counting = Counting(examiner)
    support.Cast(replace(services, faces=counting)).work()
    assert counting.examined == len(refs)
    assert sorted(cast.tags(asa)) == [ref for n, ref in enumerate(refs) if n % 3 != 2]


def test_late_consent_leaves_collections_without_a_basis_alone(
    services: Services, cast: support.Cast, refs: list[str], clock: ManualClock
) -> None:
    """Faces that were only counted are not compared because somebody enrolled."""
    modes.decide(services, "shoot", modes.Ruling(Mode.DETECT), "test")
    calendar.poll_dam(services)
    cast.work()
    enrolled(cast)
    assert scan_queue.begin_late_consent(services) == 0


def test_a_backlog_goes_on_where_it_was(
    services: Services, cast: support.Cast, refs: list[str], examiner: Examiner
) -> None:
    """Stopped after three photographs, it examines the other three and none twice."""
    asa = enrolled(cast)
    cast.open_collection()
    due = list(scan_queue.list_due(services))
    assert (due, scan_queue.enqueue(services, due), scan_queue.count_waiting(services)) == (refs, 6, 6)
    dying = Counting(examiner, most=3)
    with pytest.raises(KeyboardInterrupt):
        Runner(replace(services, faces=dying)).drain()
    assert len(list(scan_queue.list_due(services))) == 3
    with services.store.write() as tx:  # the lease of the job in hand runs out
        tx.execute(update(t.job).where(t.job.c.state == "running").values(lease_until=tx.now))
    rest = Counting(examiner)
    support.Cast(replace(services, faces=rest)).work()
    assert rest.examined == 3
    assert list(scan_queue.list_due(services)) == []
    assert len(cast.tags(asa)) == 4


def test_what_a_scan_costs_is_told_first(
    services: Services, cast: support.Cast, refs: list[str], photos: Path, examiner: Examiner
) -> None:
    """How many, how long, how many are left out; nobody is compared for it, and nothing is looked at where never."""
    enrolled(cast)
    crowd = Crowd(examiner)
    crowd.put(photos, "private/one.jpg", crowd.row([A[0]]))
    crowd.put(photos, "shoot/0never/one.jpg", crowd.row([A[0]]))
    cast.open_collection()
    modes.decide(services, "shoot/0never", modes.Ruling(Mode.NEVER), "test")
    due = list(scan_queue.list_due(services))
    counting = Counting(examiner)
    cost = scan_queue.estimate_cost(replace(services, faces=counting), due)
    assert (cost.photos, cost.left_out) == (7, 1)
    assert cost.seconds is not None
    assert cost.seconds > 0
    assert counting.examined == 2
    with services.store.read() as conn:
        assert conn.execute(select(t.face)).all() == []


def test_what_was_examined_is_not_due_again(services: Services, cast: support.Cast, refs: list[str]) -> None:
    """Unless one asks for it again, or for what another engine examined: nothing else looks at that again."""
    cast.open_collection()
    calendar.poll_dam(services)
    cast.work()
    assert list(scan_queue.list_due(services)) == []
    assert list(scan_queue.list_due(services, again=True)) == refs
    with services.store.write() as tx:
        tx.execute(update(t.resource).values(engine="another/1"))
    assert list(scan_queue.list_due(services)) == []
    assert list(scan_queue.list_due(services, other_engine=True)) == refs


def test_what_died_between_intent_and_outcome_is_taken_up(
    services: Services, cast: support.Cast, refs: list[str], clock: ManualClock
) -> None:
    """No job is left for it: the sweep finds it once a lease's time has passed."""
    from plugin.flows.names import resources
    from plugin.flows.tags import intents

    asa = enrolled(cast)
    cast.open_collection()
    arrival = resources.enter(services, refs[0])
    places = services.dam.places
    with services.store.write() as tx:
        intents.propose(services, tx, intents.NewIntent(arrival.resource_id, asa, "Åsa", "add", "confirmed", places))
    calendar.sweep_endings(services)
    cast.work()
    assert cast.tags(asa) == {}
    clock.advance(timedelta(seconds=services.config.jobs.lease_seconds))
    calendar.sweep_endings(services)
    cast.work()
    assert cast.tags(asa)[refs[0]] == "confirmed"


def test_a_revocation_that_was_given_up_is_asked_for_again(
    services: Services, cast: support.Cast, refs: list[str], clock: ManualClock
) -> None:
    """Its job died with the DAM away for hours: the daily reconcile queues it anew."""
    from plugin.flows.consent import withdrawal

    asa = enrolled(cast)
    cast.open_collection()
    calendar.poll_dam(services)
    cast.work()
    withdrawal.withdraw(services, asa, None, "test")
    with services.store.write() as tx:
        tx.execute(update(t.job).where(t.job.c.kind == "revoke").values(state="dead"))
    cast.work()
    assert len(cast.tags(asa)) == 4
    calendar.begin_comparison(services)
    cast.work()
    assert cast.tags(asa) == {}
    assert [cast.names_on(ref) for ref in refs] == [set()] * len(refs)
