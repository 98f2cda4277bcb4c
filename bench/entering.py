"""The time to set up a person, also in a large folder, and to start a scan of one before anything is examined."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from PIL import Image
from sqlalchemy import insert

from bench.figures import Figure, Workshop
from bench.library import sign_quitclaim
from plugin.config import parse
from plugin.flows.collections import modes
from plugin.flows.common.services import Services
from plugin.flows.names import name_index
from plugin.flows.people import register
from plugin.flows.photos import scan_queue, scan_requests
from plugin.flows.schedule import calendar
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from sidecar.running import bootstrap

_FILES, _FOLDERS, _SMALL = 50_000, 200, 500
_WORDS = 20  # of a photograph, as keywords have them
_TRIES = 31
_LINKS = 30_000  # a file: file systems hold some 65,000 names of one


def run(workshop: Workshop) -> Iterator[Figure]:
    """`person_add_ratio_50k_500`, `person_set_up_ratio`, and `scan_start_s` of 50,000 files in 200 folders."""
    with ExitStack() as stack:
        houses = {}
        for files, folders in ((_SMALL, 1), (_FILES, _FOLDERS)):
            root = workshop.scratch / f"entering-{files}"
            make_tree(root / "photos", files, folders)
            config = parse({"data": str(root / "data"), "folder": {"path": str(root / "photos")}})
            bootstrap.init(config)
            houses[files] = services = stack.enter_context(bootstrap.open_house(config))
            heard = register_files(services)
            if files == _FILES:
                yield _measure_scan_start(services, folders, heard)
            _fill_index(root / "data" / "ledger.db", services)
        took: dict[int, list[float]] = {files: [] for files in houses}
        for number in range(_TRIES):  # by turns: the machine may not be ours alone
            for files, services in houses.items():
                took[files].append(_measure_add(services, number))
        yield _measure_set_up(houses[_SMALL])
    small, large = (sorted(took[files])[_TRIES // 2] for files in (_SMALL, _FILES))
    remarks = (
        f"{large * 1000:.1f} ms at {_FILES} files, {small * 1000:.1f} ms at {_SMALL}, median of {_TRIES}; each is in "
        f"the index with {_WORDS} words: rows that the bench writes, as a look at a photograph would"
    )
    yield Figure(f"person_add_ratio_{_FILES // 1000}k_{_SMALL}", round(large / small, 2), remarks=remarks)


def make_tree(photos: Path, files: int, folders: int) -> None:
    """Names of a few tiny JPEGs: hard links, since what is measured opens none, or only their first bytes."""
    source, old = photos.parent / "tiny.jpg", time.time() - 60
    for folder in range(folders):
        (photos / f"f{folder:03}").mkdir(parents=True)
    for number in range(files):
        if number % _LINKS == 0:
            source = photos.parent / f"tiny-{number}.jpg"
            Image.new("RGB", (16, 12), (number // _LINKS, 90, 90)).save(source)
            os.utime(source, (old, old))
        (photos / f"f{number % folders:03}" / f"p{number:06}.jpg").hardlink_to(source)


def register_files(services: Services) -> float:
    """Register the files, as the first poll does, without their jobs; returns the seconds that took."""
    began = time.perf_counter()
    services.dam.acknowledge(services.dam.changes())
    with services.store.write() as tx:
        name_index.note_empty_library(tx)
    return time.perf_counter() - began


def _measure_scan_start(services: Services, folders: int, heard: float) -> Figure:
    """What `facelease scan` does before it asks for the first photograph, every folder being switched on."""
    evidence = BasisEvidence("bench", "bench", services.today(), None)
    ruling = modes.Ruling(Mode.DETECT, Basis.ALL_ASKED, evidence)
    with services.dam.one_walk():
        for folder in range(folders):
            modes.decide(services, f"f{folder:03}", ruling, "bench")
    began = time.perf_counter()
    with services.dam.one_walk():
        calendar.poll_dam(services)
        scan_requests.refuse_nothing(services, ())
        due = sum(1 for _ in scan_queue.list_due(services))
        services.dam.collections()  # as the cost does, which then examines three of them
    seconds = time.perf_counter() - began
    remarks = (
        f"{due} files in {folders} folders, all switched on; poll, what is due and how many there are, without the "
        f"three photographs that are tried and the rows of the queue; hearing of the files before took {heard:.0f} s"
    )
    return Figure("scan_start_s", round(seconds, 2), remarks=remarks)


def _fill_index(store: Path, services: Services) -> None:
    """Fill the name index as if every file had been read."""
    refs, how = list(services.dam.refs()), name_index.index_version(services)
    seen = int(datetime.now(UTC).timestamp() * 1e6)
    photos = ((number, ref, f"v{number}", "photo", "no", seen, how) for number, ref in enumerate(refs, start=1))
    words = ((number * _WORDS + word, number) for number in range(1, len(refs) + 1) for word in range(_WORDS))
    with closing(sqlite3.connect(store)) as raw, raw:
        raw.executemany(
            "INSERT INTO resource (id, ref, file_version, kind, examined, matched, matched_generation, seen_at, "
            "indexed) VALUES (?, ?, ?, ?, ?, 0, 0, ?, ?)",
            photos,
        )
        raw.executemany("INSERT INTO name_word (mac, resource_id) VALUES (?, ?)", words)


def _measure_add(services: Services, number: int) -> float:
    began = time.perf_counter()
    register.add(services, register.Newcomer(f"Sample {number}", of_age=True), "bench")
    return time.perf_counter() - began


def _measure_set_up(services: Services) -> Figure:
    """Somebody who is entered and signs, by what one row in one transaction of the same store takes."""
    took: dict[str, list[float]] = {"person": [], "row": []}
    for number in range(_TRIES):
        began = time.process_time()
        person = register.add(services, register.Newcomer(f"Signer {number}", of_age=True), "bench")
        sign_quitclaim(services, person, services.clock.now(), recognition=True)
        took["person"].append(time.process_time() - began)
        began = time.process_time()
        with services.store.write() as tx:
            name = {"display_name": f"Row {number}", "name_key": f"row {number}", "node_adopted": False}
            tx.execute(insert(t.person).values(id=uuid4().hex, language="en", created_at=tx.now, **name))
        took["row"].append(time.process_time() - began)
    person_ms, row_ms = (sorted(took[what])[_TRIES // 2] * 1000 for what in ("person", "row"))
    remarks = f"{person_ms:.1f} ms by {row_ms:.2f} ms of the processor, median of {_TRIES}, on {services.store.kind}"
    return Figure("person_set_up_ratio", round(person_ms / row_ms, 1), remarks=remarks)
