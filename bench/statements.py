"""How many statements the store is asked for to take one name of the machine off a photograph, and to put one there."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Engine, event, func, select, update

from bench import scan, write_cases
from bench.figures import Figure, Workshop
from bench.library import build_library
from plugin.config import parse
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.photos import scan_queue
from plugin.hooks.dam import Dam
from plugin.ledger import tables as t
from sidecar.running import bootstrap
from sidecar.running.runner import Runner
from tests.stores import Postgres

_TAGS = 500
_FEW, _MORE = 4, 14  # photographs of a scan: what a scan costs anyway is in both
_CONTROL = ("PRAGMA", "BEGIN", "SELECT pg_", "SET ", "SHOW ")


def run(workshop: Workshop) -> Iterator[Figure]:
    """`sql_per_tag`: a withdrawal by somebody whom the machine named on 500 photographs, all of it, by their number.

    The more of the two stores. What opens a transaction is not counted, nor is the DAM: it does as it is told.
    `sql_per_scanned_photo`: a photograph that is examined and gets one name, in a folder, on SQLite.
    """
    server = Postgres()
    try:
        server.do("CREATE DATABASE statements")
        found = {
            store: _withdrawn(workshop.scratch / f"statements-{store}", url)
            for store, url in (("SQLite", ""), ("PostgreSQL", server.url("statements")))
        }
    finally:
        server.stop()
    said = ", ".join(f"{store} {count / _TAGS:.1f}" for store, count in found.items())
    yield Figure("sql_per_tag", round(max(found.values()) / _TAGS, 1), remarks=f"{_TAGS} tags; {said}")
    few, more = (_scanned(workshop, count) for count in (_FEW, _MORE))
    remarks = f"a scan of {_MORE} photographs less one of {_FEW}, each with one face that is named"
    yield Figure("sql_per_scanned_photo", round((more - few) / (_MORE - _FEW), 1), remarks=remarks)


def _withdrawn(root: Path, url: str) -> int:
    with build_library(root, 2 * _TAGS, {_TAGS: 1}, url) as library:
        services = replace(library.services, dam=cast(Dam, write_cases.FilelessDam(library.services.dam)))
        (person,) = library.withdrawing[_TAGS]
        runner = Runner(services)
        runner.drain()
        with services.store.write() as tx:
            tx.execute(update(t.tag).where(t.tag.c.person_id == person).values(origin="machine"))
        with _counted() as statements:
            withdrawal.withdraw(services, person, None, "bench")
            runner.drain()
        if _tags(services, person):
            raise SystemExit("names of somebody who withdrew are left: there is nothing to count")
        return len(statements)


def _scanned(workshop: Workshop, count: int) -> int:
    root = workshop.scratch / f"statements-scan-{count}"
    photos, source = root / "photos" / "all", workshop.resized(side=700)[0]
    photos.mkdir(parents=True)
    for number in range(count):
        file = Path(shutil.copyfile(source, photos / f"{number:03}.jpg"))
        scan.date_file(file, time.time() - 60)
    config = parse({"data": str(root / "data"), "folder": {"path": str(root / "photos")}})
    bootstrap.init(config)
    with bootstrap.open_house(config) as services:
        scan.enrol(services)
        runner = Runner(services)
        runner.drain()
        scan_queue.enqueue(services, list(scan_queue.list_due(services)))
        with _counted() as statements:
            runner.drain()
        with services.store.read() as conn:
            named = conn.scalar(select(func.count()).select_from(t.tag))
    if named != count:
        raise SystemExit(f"{named} of {count} photographs were named: there is nothing to count")
    return len(statements)


def _tags(services: Services, person_id: str) -> int:
    with services.store.read() as conn:
        return int(conn.scalar(select(func.count()).where(t.tag.c.person_id == person_id)) or 0)


@contextmanager
def _counted() -> Iterator[list[str]]:
    """The statements of all connections meanwhile, those that open a transaction left out."""
    statements: list[str] = []

    def executed(_conn: Any, _cursor: Any, said: str, *_: Any) -> None:
        if not said.startswith(_CONTROL):
            statements.append(said)

    event.listen(Engine, "before_cursor_execute", executed)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", executed)
