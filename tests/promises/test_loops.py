"""O1: the store away, workers killed, the server killed, all told to stop: the loops go on, or end quietly and soon."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Select, func, select

from plugin.clock import SystemClock
from plugin.flows.collections import modes
from plugin.flows.schedule import calendar
from plugin.ledger import tables as t
from plugin.ledger.store.engine import BUSY_SECONDS
from plugin.ledger.store.store import Store
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from sidecar.commands.demo import samples
from sidecar.running import bootstrap
from tests import support
from tests.processes import Processes, descendants, free_port, is_alive
from tests.stores import Stores

pytestmark = pytest.mark.promise

Promise = Callable[[str, str], None]
_JOBS, _KILLS, _PATIENCE = 40, 3, 60
_PHOTOGRAPHS = 12
_STOP = 10.0  # seconds


class Kept(Processes):
    """A folder as the DAM, on a store of either kind; leases are short and nothing is polled."""

    def __init__(self, root: Path, url: str) -> None:
        (root / "photos" / "shoot").mkdir(parents=True)
        port = free_port()
        self._asked = 0
        super().__init__(
            root,
            port,
            f'data = "{root}/data"\n[folder]\npath = "{root}/photos"\n[dam]\npoll_seconds = 86400\n'
            f'[server]\nport = {port}\n[store]\nurl = "{url}"\n[resourcespace]\nseconds = 1\n'
            "[jobs]\nlease_seconds = 5\nbackoff_seconds = 1\n",
        )

    @cached_property
    def store(self) -> Store:
        """The store, for a look."""
        return Store.open(self.config.store_url, SystemClock())

    def find(self, query: Select[Any]) -> Any:
        """The one value that it asks for."""
        with self.store.read() as conn:
            return conn.scalar(query)

    def swept(self) -> Any:
        """When a worker has last; None before."""
        return self.find(select(t.state.c.worked_at))

    def ask(self, count: int) -> None:
        """So many jobs, each of which writes."""
        with bootstrap.open_house(self.config) as services, services.store.write() as tx:
            for number in range(self._asked, self._asked + count):
                services.queue.put(tx, "gone", f"shoot/{number}.jpg")
        self._asked += count

    def jobs(self, *states: str) -> int:
        """How many are in these states."""
        return int(self.find(select(func.count()).where(t.job.c.state.in_(states))))

    def ready(self) -> tuple[int, str, float]:
        """Status, words and seconds of /ready."""
        began = time.monotonic()
        try:
            with urllib.request.urlopen(f"{self.url}/ready", timeout=20) as answer:
                status, body = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, body = error.code, error.read()
        return status, str(json.loads(body).get("detail", "")), time.monotonic() - began

    def said(self, what: str = "serve") -> str:
        """The log of a process."""
        return (self.root / f"{what}.log").read_text()


@pytest.fixture
def kept(tmp_path: Path, stores: Stores, store_kind: str) -> Iterator[Kept]:
    """Such a house, without a process yet."""
    with Kept(tmp_path, stores.empty(store_kind)) as made:
        yield made


def _until(true: Callable[[], object], seconds: float = _PATIENCE) -> bool:
    ends = time.monotonic() + seconds
    while not true() and time.monotonic() < ends:
        time.sleep(0.1)
    return bool(true())


def _worker(server: "subprocess.Popen[bytes]") -> int:
    """The worker beside a server, once there is one."""
    found: list[int] = []

    def there() -> bool:
        lines = descendants(server.pid).items()
        found[:] = [pid for pid, line in lines if "--beside-server" in line and is_alive(pid)]
        return bool(found)

    assert _until(there), "no worker beside the server"
    return found[0]


def _stopped(process: "subprocess.Popen[bytes]", number: int = signal.SIGTERM) -> tuple[int, float, list[str]]:
    """Exit code, seconds, and what is left of its children, after one signal."""
    below = descendants(process.pid)
    began = time.monotonic()
    process.send_signal(number)
    try:
        code = process.wait(30)
    except subprocess.TimeoutExpired:
        code = -99
    took = time.monotonic() - began
    _until(lambda: not any(map(is_alive, below)), 1)  # the kernel ends them with it
    return code, took, [line for pid, line in below.items() if is_alive(pid)]


@contextmanager
def _away(kept: Kept, stores: Stores, kind: str) -> Iterator[None]:
    """The store does not answer: its server is stopped, or another program holds the file."""
    if kind == "postgresql":
        stores.server.halt()
        try:
            yield
        finally:
            stores.server.start()
        return
    path = kept.config.store_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as held:
        held.execute("BEGIN IMMEDIATE")
        yield
        held.execute("ROLLBACK")


@pytest.mark.slow
def test_the_store_away_and_workers_killed(
    kept: Kept, stores: Stores, store_kind: str, full: bool, promise: Promise
) -> None:
    """What is due is done afterwards, by nobody's hand; one that starts meanwhile waits, and stops when it is told."""
    server = kept.start("serve", "--with-worker")
    kept.until_up()
    assert _until(lambda: kept.ready()[0] == 200), kept.ready()
    killed = 0
    for _ in range(_KILLS - 1):
        kept.ask(_JOBS)
        os.kill(_worker(server), signal.SIGKILL)
        killed += 1
        time.sleep(0.2)
    seconds = 62 if full else BUSY_SECONDS + 3 if store_kind == "sqlite" else 8
    kept.ask(_JOBS)
    began = time.monotonic()
    with _away(kept, stores, store_kind):
        os.kill(_worker(server), signal.SIGKILL)
        killed += 1
        other = kept.start("work")
        if store_kind == "postgresql":
            assert _until(lambda: '"loop": "house"' in kept.said("work")), "it waits, and says so"
            assert "the store does not answer" in kept.said("work")
        else:
            time.sleep(4)
        asked = kept.ready()
        code, took, left = _stopped(other)
        time.sleep(max(0.0, began + seconds - time.monotonic()))
    away = time.monotonic() - began
    assert (code, left) == (0, [])
    assert took < _STOP
    if store_kind == "postgresql":
        assert (asked[0], asked[1].partition(":")[0]) == (503, "store"), asked
    assert asked[2] < 4  # 1.5 s, on a machine that is busy
    done = _until(lambda: kept.jobs("queued", "running", "dead") == 0, 120)
    lost = kept.jobs("queued", "running", "dead")
    assert _until(lambda: kept.ready()[0] == 200), kept.ready()
    worker = _worker(server)
    said = kept.said()
    promise(
        "O1",
        f"the store away for {'a minute' if away >= 60 else f'{away:.0f} s'} ({store_kind}), workers killed {killed} "
        f"times: done {killed * _JOBS - lost} of {killed * _JOBS}, forgotten {lost}, started again by hand 0",
    )
    assert done
    assert said.count('"worker ended"') == killed
    assert "Traceback" not in said
    os.kill(server.pid, signal.SIGKILL)
    assert _until(lambda: not is_alive(worker), _STOP), "the worker outlives its server"


@pytest.mark.slow
@pytest.mark.parametrize("words", [("work",), ("serve", "--with-worker")])
def test_all_that_runs_stops_quietly_at_every_moment(words: tuple[str, ...], tmp_path: Path, stores: Stores) -> None:
    """While it loads, while it opens the house, idle, and with a body that arrives slowly: code 0, without a word."""
    with Kept(tmp_path, stores.empty("sqlite")) as kept:
        for seconds, number in ((0.0, signal.SIGINT), (1.2, signal.SIGTERM)):
            early = kept.start(*words)
            assert _until(lambda: _hears(early.pid))  # noqa: B023 - before, nothing but the interpreter is there
            time.sleep(seconds)
            assert _stopped(early, number)[0::2] == (0, []), (seconds, kept.said(words[0]))
        before = kept.swept()
        running = kept.start(*words)
        if words[0] == "serve":
            kept.until_up()
            slow = _slow_upload(kept.port)
        assert _until(lambda: kept.swept() != before)
        code, took, left = _stopped(running, signal.SIGINT)
        if words[0] == "serve":
            slow.close()
        assert (code, left) == (0, []), kept.said(words[0])
        assert took < _STOP
        assert "Traceback" not in kept.said(words[0])


def _hears(process: int) -> bool:
    """Whether it has a handler for SIGTERM: the line is a mask, the lowest bit that of signal 1."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    mask = next(line.split()[1] for line in lines if line.startswith("SigCgt:"))
    return bool(int(mask, 16) >> (signal.SIGTERM - 1) & 1)


def _slow_upload(port: int) -> socket.socket:
    line = socket.create_connection(("127.0.0.1", port))
    line.sendall(b"POST /s/form HTTP/1.1\r\nHost: here\r\nContent-Length: 9000\r\n\r\nsome=")
    return line


@pytest.mark.slow
def test_a_recogniser_that_hangs_keeps_nothing_from_stopping(tmp_path: Path, stores: Stores) -> None:
    """The job is the next worker's at once; its lease was lengthened while it hung; a second signal ends at once."""
    with Kept(tmp_path, stores.empty("sqlite")) as kept:
        _photographs(kept)
        work = kept.start("work")
        _freeze(kept, work)
        time.sleep(7)  # a lease is 5 s
        running = t.job.c.state == "running"
        late = select(func.count()).where(running, t.job.c.lease_until < kept.store.clock.now())
        assert kept.find(late) == 0
        assert kept.find(select(func.max(t.job.c.attempt)).where(running)) == 1
        code, took, left = _stopped(work)
        assert (code, left, "Traceback" in kept.said("work")) == (0, [], False)
        assert took < _STOP
        assert (kept.jobs("running"), kept.jobs("queued") > 0) == (0, True)
        again = kept.start("work")
        _freeze(kept, again)
        again.send_signal(signal.SIGTERM)
        time.sleep(1)
        again.send_signal(signal.SIGTERM)
        assert again.wait(3) == 128 + signal.SIGTERM


@pytest.mark.slow
def test_a_scan_that_is_stopped_says_so_and_goes_on_next_time(tmp_path: Path, stores: Stores) -> None:
    """Ctrl-C: a sentence and 130; what was in hand is not lost."""
    with Kept(tmp_path, stores.empty("sqlite")) as kept:
        _photographs(kept)
        scan = kept.start("scan", "--yes")
        _freeze(kept, scan)
        code, took, left = _stopped(scan, signal.SIGINT)
        assert (code, left) == (130, []), kept.said("scan")
        assert took < _STOP
        assert "facelease scan goes on where it was" in kept.said("scan")
        assert "Traceback" not in kept.said("scan")
        kept.run("scan", "--yes", handed_on=True)  # what hung is due some seconds later
        examined = kept.find(select(func.count()).where(t.resource.c.examined.in_(("whole", "partly"))))
        assert examined >= _PHOTOGRAPHS - 1
        assert (kept.jobs("running", "dead"), kept.jobs("queued")) == (0, _PHOTOGRAPHS - examined)


def _photographs(kept: Kept) -> None:
    """Some in the folder, which is switched on, and a job for each."""
    for number in range(_PHOTOGRAPHS):
        support.put(kept.root / "photos", f"shoot/{number}.jpg", samples.A_STANDING, (300, 400))
    with bootstrap.open_house(kept.config) as services:
        ruling = modes.Ruling(Mode.DETECT, Basis.SHOOT, BasisEvidence("shoot", "photographer"))
        modes.decide(services, "shoot", ruling, "test")
        calendar.poll_dam(services)


def _freeze(kept: Kept, process: "subprocess.Popen[bytes]") -> None:
    """Stop the child that examines while it is at a job."""
    found: list[int] = []

    def at_it() -> bool:
        found[:] = [pid for pid, line in descendants(process.pid).items() if "recognizer.process.child" in line]
        return bool(found) and kept.jobs("running") > 0

    assert _until(at_it)
    for child in found:
        os.kill(child, signal.SIGSTOP)
    assert kept.jobs("running") > 0
