"""The speed of a whole scan (store, audit, tags, metadata) as a share of the bare engine's."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from bench.figures import Figure, Workshop
from plugin.config import Config, parse
from plugin.flows.collections import modes
from plugin.flows.common.services import Services
from plugin.flows.consent import recording
from plugin.flows.matching import gallery
from plugin.flows.names import name_index
from plugin.flows.people import register
from plugin.flows.photos import scan_queue
from plugin.flows.schedule import calendar
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from plugin.quitclaim.consent.lifecycle import Signing
from plugin.quitclaim.consent.model import Grant, GrantKind
from sidecar.commands.demo import samples
from sidecar.running import bootstrap
from sidecar.running.runner import Runner

_COPIES = 20  # of each photograph: enough that starting up does not count
_SIDE = 1400


def run(workshop: Workshop) -> Iterator[Figure]:
    """A scan of a folder with one person enrolled, against the bare engine over the same files."""
    root = workshop.scratch / "scan"
    photos = root / "photos" / "all"
    photos.mkdir(parents=True)
    sources = workshop.resized(side=_SIDE)
    for copy in range(_COPIES):
        for number, source in enumerate(sources):
            shutil.copyfile(source, photos / f"{copy:03}-{number}.jpg")
    files = sorted(photos.glob("*.jpg"))
    old = time.time() - 60
    for file in files:
        date_file(file, old)
    before = _measure_engine(workshop, files)
    config = parse({"data": str(root / "data"), "folder": {"path": str(root / "photos")}})
    scanned, tagged = _measure_scan(config, len(files))
    bare = (before + _measure_engine(workshop, files)) / 2  # before and after: the machine may not be ours alone
    remarks = f"{len(files)} photographs of {_SIDE} px, {tagged} tagged; bare {bare:.1f}/s, scan {scanned:.1f}/s"
    yield Figure("scan_efficiency", scanned / bare, remarks=f"{remarks}; detect {config.recognizer.detect_px} px")


def date_file(file: Path, moment: float) -> None:
    """Old enough to be taken up at once."""
    os.utime(file, (moment, moment))


def _measure_engine(workshop: Workshop, files: list[Path]) -> float:
    """Images a second of the engine alone, one process and one thread."""
    engine = "retinaface-dlib"  # which `auto` chooses for a scan without files of others
    command = [sys.executable, "-m", "bench.engine_pass", engine, str(workshop.cache), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds = [row["clock"] for row in json.loads(done.stdout)]
    return len(seconds) / float(sum(seconds))


def _measure_scan(config: Config, count: int) -> tuple[float, int]:
    """Images a second of `facelease scan` with one examiner; and how many photographs were tagged."""
    bootstrap.init(config)
    with bootstrap.open_house(config) as services:
        enrol(services)
        gallery.refresh(services)
        refs = list(scan_queue.list_due(services))
        scan_queue.estimate_cost(services, refs)  # as the command does; it also starts the child
        scan_queue.enqueue(services, refs)
        runner = Runner(services)
        began = time.perf_counter()
        runner.drain(threads=runner.threads)
        seconds = time.perf_counter() - began
        if scan_queue.count_waiting(services):
            raise SystemExit("the scan did not end: some photographs wait for another try")
        with services.store.read() as conn:
            tagged = len(name_index.list_holders(services, conn, "Sample person"))
    return count / seconds, tagged


def enrol(services: Services) -> None:
    """One person, whom the machine may name in the folder `all`."""
    calendar.start_process(services)
    person = register.add(services, register.Newcomer("Sample person", of_age=True), "bench")
    now = datetime.now(UTC)
    grant = Grant(uuid4().hex, GrantKind.RECOGNITION, None, None, now, None)
    signing = Signing("bench", None, "en", "sample", True, (), now, (grant,))
    recording.record(services, person, signing, [recording.SignatureEvidence("sample", b"sample")], "bench")
    pictures = [samples.portrait(sha).read_bytes() for sha in (samples.A_FRONT, samples.A_SPEECH)]
    gallery.enrol(services, person, pictures, "bench")
    evidence = BasisEvidence("bench", "bench", services.today(), None)
    modes.decide(services, "all", modes.Ruling(Mode.AUTO, Basis.ALL_ASKED, evidence), "bench")
