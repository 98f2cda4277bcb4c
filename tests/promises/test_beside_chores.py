"""Q1: whoever withdraws is never kept waiting, whatever chore is at work in the library, and no event is refused."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import func, insert, literal, select

from bench.library import Library, build_library
from plugin.errors import QueueFull
from plugin.flows.collections import modes
from plugin.flows.common import dam_events, valid_clearances
from plugin.flows.common.services import Services
from plugin.flows.consent import cuts, withdrawal
from plugin.flows.photos import recompute_library, scan_queue
from plugin.flows.schedule import calendar
from plugin.hooks.webhooks import events
from plugin.ledger import tables as t
from plugin.ledger.log.endings import Ending
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from sidecar.running.runner import Runner
from tests.stores import Stores

_EACH = 4  # withdrawals beside each chore
_SHOWN = 20  # photographs of each who withdraws
_PHOTOGRAPHS = ("photo", "names", "compare", "gone", "revoke", "mail", "look-again")
"""The jobs that need files, of which there are none: everything else that a chore asks for is done beside it."""


@dataclass
class Beside:
    """One chore at work in a thread of its own, with the jobs that follow from it, until it is told to stop."""

    services: Services
    act: Callable[[], object]
    failed: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    refused: int = 0
    events_refused: int = 0

    def __enter__(self) -> "Beside":
        self._stop, self._acted = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._acted.wait()
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        try:
            self.act()
        except Exception as error:
            self.failed.append(repr(error))
        finally:
            self._acted.set()
        runner, kinds = Runner(self.services), sorted(set(calendar.HANDLERS) - set(_PHOTOGRAPHS))
        while not self._stop.is_set():
            if not runner.run_one(kinds):
                self._stop.wait(0.01)

    def withdraw(self, person_id: str) -> None:
        """Withdraw as a page does, and let an event of the DAM come in; both are timed."""
        began = time.monotonic()
        try:
            withdrawal.withdraw(self.services, person_id, None, "test")
        except Exception:
            self.refused += 1
        self.waits.append(time.monotonic() - began)
        with suppress(QueueFull):
            dam_events.accept(
                self.services, uuid4().hex, events.ResourceCreated(f"new-{person_id}", self.services.clock.now())
            )
            return
        self.events_refused += 1


@pytest.fixture
def library(tmp_path: Path, full: bool, stores: Stores, store_kind: str) -> Iterator[Library]:
    """Five chores beside which people withdraw, in a collection that holds every third photograph."""
    photos = 1_000_000 if full else 5_000
    (tmp_path / "house" / "photos" / "shoot").mkdir(parents=True)
    with build_library(tmp_path / "house", photos, {_SHOWN: 5 * _EACH}, stores.empty(store_kind)) as made:
        jobs = made.services.config.jobs.model_copy(update={"limit": 500})
        config = made.services.config.model_copy(update={"jobs": jobs})
        services = replace(made.services, config=config)
        services.queue._config = jobs
        with services.store.write() as tx:
            third = select(t.resource.c.id, literal("shoot")).where(t.resource.c.id % 3 == 0)
            tx.execute(insert(t.resource_collection).from_select(["resource_id", "collection_ref"], third))
            ruled = {"mode": "auto", "basis": "all-asked", "set_by": "test", "set_at": tx.now}
            tx.execute(insert(t.collection).values(ref="shoot", title="shoot", **ruled))
        yield replace(made, services=services)


def _ruling(mode: Mode) -> modes.Ruling:
    return modes.Ruling(mode, Basis.ALL_ASKED, BasisEvidence("a list: sample", "the administrator"))


def _late_consent(services: Services) -> None:
    """Somebody was vouched for: every photograph with an unnamed face, where comparing is allowed, is asked for."""
    with services.store.write() as tx:
        who = tx.connection.scalar(select(t.person.c.id).where(t.person.c.display_name == t.person.c.id).limit(1))
        values = {"added_at": tx.now, "added_by": "test", "vouched_at": tx.now, "vouched_how": "met"}
        tx.execute(insert(t.reference_set).values(id="late", person_id=who, came_by="link", **values))
        tx.move_generation()
    scan_queue.begin_late_consent(services)


def _configured_anew(services: Services) -> None:
    clearance = services.config.clearance.model_copy(update={"small_figures_block": True})
    recompute_library.follow_policy(
        replace(services, config=services.config.model_copy(update={"clearance": clearance}))
    )


def _after_a_restore(services: Services) -> None:
    """ended.log goes further than the copy that was put back: everybody of some who signed ended meanwhile."""
    with services.store.read() as conn:
        rows = conn.execute(select(t.grant.c.id, t.grant.c.person_id).where(t.grant.c.ended_at.is_(None)).limit(40))
        lines = [Ending(row.person_id, row.id, services.clock.now(), "withdrawn") for row in rows]
    for line in lines:
        services.ended.write(line)
    calendar.start_process(services)
    calendar.begin_comparison(services, gone=True)


_CHORES: dict[str, Callable[[Services], object]] = {
    "late consent": _late_consent,
    "a mode change": lambda services: modes.decide(services, "shoot", _ruling(Mode.NEVER), "test"),
    "reconcile": calendar.begin_comparison,
    "a restore's aftermath": _after_a_restore,
    "a change of the configuration": _configured_anew,
}


@pytest.mark.promise
def test_a_withdrawal_beside_any_chore_is_done_within_two_seconds(
    library: Library, store_kind: str, promise: Callable[[str, str], None]
) -> None:
    """Nobody is refused, none waits for two seconds, no event is refused; and from each commit on nothing counts that
    rests on whoever withdrew, however far the chores are."""
    services = library.services
    people = iter(library.withdrawing[_SHOWN])
    done: list[Beside] = []
    slowest: dict[str, float] = {}
    still = 0
    for name, chore in _CHORES.items():
        with Beside(services, lambda chore=chore: chore(services)) as beside:  # type: ignore[misc]
            for _ in range(_EACH):
                person = next(people)
                beside.withdraw(person)
                still += _counted(services, person)
                time.sleep(0.05)
        slowest[name] = max(beside.waits)
        done.append(beside)
    Runner(services).drain([cuts.JOB])
    tried = sum(len(one.waits) for one in done)
    refused, events_refused = sum(one.refused for one in done), sum(one.events_refused for one in done)
    promise(
        "Q1",
        f"{store_kind}, {library.photos} photographs, beside {', '.join(_CHORES)}: refused {refused} of {tried}, "
        f"slowest {max(slowest.values()):.2f} s, events refused meanwhile {events_refused}; "
        f"counted after the commit {still}",
    )
    assert [failure for one in done for failure in one.failed] == []
    assert (refused, events_refused, still) == (0, 0, 0), slowest
    assert max(slowest.values()) <= 2, slowest
    with services.store.read() as conn:
        assert conn.scalar(select(func.count()).select_from(t.cut)) == 0


def _counted(services: Services, person_id: str) -> int:
    """How many stored clearances count that name the person."""
    c = t.clearance.c
    mine = c.resource_id.in_(select(t.tag.c.resource_id).where(t.tag.c.person_id == person_id))
    with services.store.read() as conn:
        query = select(func.count()).select_from(t.clearance)
        later = c.valid_until > services.clock.now()
        return conn.scalar(query.where(mine, later, valid_clearances.is_valid(conn))) or 0
