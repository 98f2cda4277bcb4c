"""A burst of events at a real server while it scans photographs: lost events, and latency of the responses."""

import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

from sqlalchemy import func, select

from bench.figures import Figure, Workshop
from plugin.clock import SystemClock
from plugin.config import Config
from plugin.flows.collections import modes
from plugin.hooks.webhooks import signature
from plugin.ledger import tables as t
from plugin.ledger.store.store import Store
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from sidecar.running import bootstrap
from tests import sender
from tests.processes import House

_EVENTS = 1000
_SCANNED = 150  # photographs of _SIDE px that keep the scan busy for longer than the burst lasts
_SIDE = 1400
_AT_ONCE = 4
_PATIENCE = 600.0  # seconds until every event must be handled
_TRIES = 20


def run(workshop: Workshop) -> Iterator[Figure]:
    """1,000 events while nothing else is done, and 1,000 more while the first ones' photographs are scanned."""
    root = workshop.scratch / "burst"
    root.mkdir()
    with House(root, sender.secret_file(root / "events.secret", sender.SECRET)) as served:
        scanned = _copy_photographs(served, workshop)
        changed = [served.photograph(_make_folder(served, f"other/{number:04}.jpg")) for number in range(_EVENTS)]
        config = bootstrap.resolve_models(served.config)
        _enable_detection(config)
        served.start("serve")
        served.until_up()
        _post_all(served.url, changed[:50])  # the first requests of a process pay for its start
        idle = _post_all(served.url, [scanned[n % len(scanned)] for n in range(_EVENTS)])
        store = Store.open(config.store_url, SystemClock())
        served.start("work")
        before = _wait_for(store, "shoot", 5)
        busy = _post_all(served.url, changed)
        during = _count_examined(store, "shoot") - before
        still = len(scanned) - before - during
        _wait_for(store, "other", _EVENTS)
        lost = _EVENTS - _count_examined(store, "other")
        store.close()
    remarks = f"{_EVENTS} events, {_AT_ONCE} at once, {sum(again for _, again in busy)} sent again"
    yield Figure("burst_1000_lost", lost, remarks=remarks)
    quick, slow = _p99(idle), _p99(busy)
    remarks = f"p99 {quick * 1000:.0f} ms idle, {slow * 1000:.0f} ms while scanning; {during} photographs "
    remarks += f"scanned meanwhile, {still} still waiting at its end"
    yield Figure("burst_p99_ratio", round(slow / quick, 2), remarks=remarks)


def _copy_photographs(served: House, workshop: Workshop) -> list[str]:
    sources: Sequence[Path] = workshop.resized(side=_SIDE)
    refs = []
    for number in range(_SCANNED):
        ref = _make_folder(served, f"shoot/{number:04}.jpg")
        shutil.copyfile(sources[number % len(sources)], served.photos / ref)
        refs.append(ref)
    return refs


def _make_folder(served: House, ref: str) -> str:
    (served.photos / ref).parent.mkdir(parents=True, exist_ok=True)
    return ref


def _enable_detection(config: Config) -> None:
    with bootstrap.open_house(config) as services:
        evidence = BasisEvidence("bench", "bench", services.today(), None)
        modes.decide(services, "shoot", modes.Ruling(Mode.DETECT, Basis.ALL_ASKED, evidence), "bench")


def _post_all(url: str, refs: Sequence[str]) -> list[tuple[float, int]]:
    """For each event the seconds to its 202, and the number of retries, as the plugin does them."""
    with ThreadPoolExecutor(_AT_ONCE) as crew:
        return list(crew.map(lambda ref: _post(url, ref), refs))


def _post(url: str, ref: str) -> tuple[float, int]:
    message = f"msg_{uuid4().hex}"
    for again in range(_TRIES):
        now = SystemClock().now()
        body = sender.event("resource.created", ref, now)
        headers = signature.sign_request(sender.SECRET, message, now, body)
        began = time.perf_counter()
        status = sender.post(url + sender.EVENTS, body, headers, seconds=30)
        seconds = time.perf_counter() - began
        if status == 202:
            return seconds, again
        if status not in {0, 429, 500, 502, 503}:
            raise SystemExit(f"an event was answered with {status}")
        time.sleep(0.2)
    raise SystemExit("the server does not take an event")


def _p99(answers: Sequence[tuple[float, int]]) -> float:
    every = sorted(seconds for seconds, _ in answers)
    return every[int(len(every) * 0.99)]


def _count_examined(store: Store, folder: str) -> int:
    """Photographs of the folder that were handled: examined, or found where nothing is to be examined."""
    query = select(func.count()).where(t.resource.c.ref.like(f"{folder}/%"), t.resource.c.examined_at.is_not(None))
    with store.read() as conn:
        return conn.scalar(query) or 0


def _wait_for(store: Store, folder: str, count: int) -> int:
    end = time.monotonic() + _PATIENCE
    while (found := _count_examined(store, folder)) < count and time.monotonic() < end:
        time.sleep(0.2)
    return found
