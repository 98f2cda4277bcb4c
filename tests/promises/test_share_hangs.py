"""O1: a share that hangs holds up nobody who needs no photograph: real mounts, real processes."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from plugin.clock import SystemClock
from plugin.flows.collections import modes
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.people import register
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from sidecar.commands.demo import samples
from sidecar.running import bootstrap
from sidecar.running.scheduler import Timetable
from tests import support
from tests.hung_share import Share, mounted
from tests.processes import Processes, free_port

pytestmark = pytest.mark.promise

Promise = Callable[[str, str], None]
PHOTOGRAPHS = 8  # more than the worker has threads
PATIENCE = 60.0


class Hung(Processes):
    """A house whose folder is such a share."""

    def __init__(self, root: Path, share: Share) -> None:
        self.share, port = share, free_port()
        super().__init__(
            root,
            port,
            f'data = "{root}/data"\n[folder]\npath = "{share.path}"\n[dam]\npoll_seconds = 86400\n'
            f"[server]\nport = {port}\n[jobs]\nlease_seconds = 5\n[recognizer]\nprocesses = 1\n",
        )


@pytest.fixture
def hung(tmp_path: Path) -> Iterator[Hung]:
    """The same, with nothing hanging yet."""
    with mounted(tmp_path) as share:
        for number in range(PHOTOGRAPHS):
            support.put(share.path, f"shoot/{number}.jpg", samples.A_FRONT, (160, 200))
        with Hung(tmp_path, share) as made:
            yield made
            share.go_on()


def _until(true: Callable[[], object]) -> bool:
    ends = time.monotonic() + PATIENCE
    while not (found := true()) and time.monotonic() < ends:
        time.sleep(0.1)
    return bool(found)


def _running(services: Services, *kinds: str) -> int:
    query = select(func.count()).where(t.job.c.state == "running", t.job.c.kind.in_(kinds))
    with services.store.read() as conn:
        return conn.scalar(query) or 0


def _cuts(services: Services) -> tuple[int, int]:
    """Cuts that were not followed, and jobs that follow them."""
    with services.store.read() as conn:
        left = conn.scalar(select(func.count()).select_from(t.cut)) or 0
        return left, conn.scalar(select(func.count()).where(t.job.c.kind == "cut")) or 0


def test_a_worker_whose_threads_all_hang_in_the_share_follows_a_withdrawal(hung: Hung, promise: Promise) -> None:
    """Every thread that may ask the DAM waits for it; what a withdrawal cut is followed all the same."""
    with bootstrap.open_house(hung.config) as services:
        cast = support.Cast(services)
        asa = cast.add("Åsa")
        cast.sign(asa)
        modes.decide(
            services,
            support.SHOOT,
            modes.Ruling(Mode.DETECT, Basis.ALL_ASKED, BasisEvidence("list", "the test")),
            "test",
        )
        with services.store.write() as tx:
            for number in range(PHOTOGRAPHS):
                services.queue.put(tx, "gone", f"shoot/{number}.jpg")
        hung.share.hang()
        hung.start("work")
        assert _until(lambda: _running(services, "gone") == 3), "all threads of the worker are in the share"
        began = time.monotonic()
        withdrawal.withdraw(services, asa, None, "test")
        assert _cuts(services) != (0, 0)
        assert _until(lambda: _cuts(services) == (0, 0))
        took = time.monotonic() - began
        assert _running(services, "gone") == 3
        hung.share.go_on()
        assert _until(lambda: _running(services, "gone") == 0)
    promise("O1", f"a share that hangs, with all of a worker's threads in it: a withdrawal followed in {took:.1f} s")


def test_a_poll_and_a_comparison_that_hang_keep_no_other_chore(hung: Hung) -> None:
    """Sweep, housekeeping, heads and reminders come to their end while two walks are stuck."""
    with bootstrap.open_house(hung.config, SystemClock()) as services:
        register.add(services, register.Newcomer("Åsa", of_age=True), "test")
        table = Timetable(services, lambda: None)
        hung.share.hang()
        walks = [threading.Thread(target=table.act(name), daemon=True) for name in ("poll", "reconcile")]
        others = {
            name: threading.Thread(target=table.act(name), daemon=True)
            for name in ("sweep", "owed", "heads", "remind", "housekeeping")
        }
        for walk in walks:
            walk.start()
        time.sleep(1)  # they are in it; where they are not yet nothing is easier
        for other in others.values():
            other.start()
        for other in others.values():
            other.join(PATIENCE)
        stuck = [name for name, other in others.items() if other.is_alive()]
        inside = [walk.is_alive() for walk in walks]
        hung.share.go_on()
        for thread in (*walks, *others.values()):
            thread.join(PATIENCE)
        assert (stuck, inside) == ([], [True, True])
