"""V2: half A of a backup names nobody: no name, path, reason, reference or job stands in it, however it is spelled."""

import base64
import json
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import insert, select, update

from plugin.clock import ManualClock
from plugin.flows.access.programs import api_tokens
from plugin.flows.collections import modes
from plugin.flows.common.services import Services
from plugin.flows.review import dismissals
from plugin.flows.rights import erasure_requests
from plugin.flows.schedule import calendar
from plugin.ledger import tables as t
from plugin.ledger.backups import backup
from plugin.ledger.log.head_book import HeadBook
from plugin.ledger.tables import column_contents
from plugin.ledger.tables.column_contents import Holds
from plugin.quitclaim.clearance.dismissal import Dismissal
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from tests import support
from tests.stores import Stores

WORD = "kanarie"


def _spellings(text: str) -> Iterator[bytes]:
    for form in (text, text.casefold(), unicodedata.normalize("NFD", text), json.dumps(text)[1:-1], quote(text)):
        raw = form.encode()
        yield from (raw, form.encode("utf-16-le"), raw.hex().encode())
        yield from (base64.b64encode(b" " * n + raw)[4:-4] for n in range(3))


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (leaf for pair in value.items() for one in pair for leaf in _leaves(one))
    elif isinstance(value, list | tuple):
        yield from (leaf for one in value for leaf in _leaves(one))


def _needles(services: Services) -> set[str]:
    """Everything in a column that may hold a name, whole and in its parts, that is about somebody of the cast."""
    found: set[str] = set()
    with services.store.read() as conn:
        for _, column in column_contents.list_columns(Holds.NAME, Holds.TEXT, Holds.PLACE, Holds.MIXED):
            for value in conn.scalars(select(column)):
                for leaf in _leaves(value):
                    found |= {leaf, *leaf.split("/"), *leaf.split()}
    return {one for one in found if WORD in one.casefold()}


def _about_people(services: Services, cast: support.Cast, photos: Path) -> set[str]:
    """Names wherever the staff, programs or the DAM put them; returns what was typed."""
    folder = "Familie Kanarie-Dorp"
    anna = cast.add("Åsa Kanarie-Een", email="kanarie1@example.org", guardians=("Voogd Kanarie-Twee",))
    cast.sign(anna)
    cast.enrol(anna)
    typed = {f"{what} Kanarie-{what}" for what in ("reference", "by", "reason", "refusal", "label")}
    evidence = BasisEvidence("reference Kanarie-reference", "by Kanarie-by")
    support.put(photos, f"{folder}/Åsa Kanarie-Een.jpg", samples.A_STANDING, (600, 800))
    support.put(photos, f"{folder}/Bo Kanarie-Drie.jpg", samples.B_STANDING, (600, 800))
    modes.decide(services, folder, modes.Ruling(Mode.AUTO, Basis.ALL_ASKED, evidence), "test")
    calendar.poll_dam(services)
    cast.work()
    with services.store.read() as conn:
        unknown = conn.scalar(select(t.face.c.id).where(t.face.c.state == "unmatched").limit(1))
    assert unknown is not None
    dismissals.dismiss(services, unknown, Dismissal.OTHER, "test", "reason Kanarie-reason")
    api_tokens.create(services, "label Kanarie-label", ["people:read"], "test")
    bo = cast.add("Bo Kanarie-Drie")
    with services.store.write() as tx:
        asked = erasure_requests.request_in(services, tx, bo, "person", erasure_requests.read_filed(services, bo))
    if not asked.at_once:
        erasure_requests.decide(services, asked.id, False, "test", "refusal Kanarie-refusal")
    _by_programs(services, f"{folder}/Bo Kanarie-Drie.jpg")
    return typed | {folder}


def _by_programs(services: Services, ref: str) -> None:
    """A job that waits, one that is over, an error that quotes."""
    with services.store.write() as tx:
        services.queue.put(tx, "names", ref, {"name": "Cato Kanarie-Vier"})
        tx.execute(
            insert(t.job).values(
                kind="photo",
                key="dood/Kanarie-Vijf.jpg",
                payload={"ref": "Kanarie-Vijf"},
                state="dead",
                run_after=tx.now,
                created_at=tx.now,
                finished_at=tx.now,
                error="no such file: Kanarie-Vijf.jpg",
            )
        )
        tx.execute(update(t.intent).values(error="refused: Kanarie-Zes"))


@pytest.mark.promise
def test_half_a_names_nobody(
    tmp_path: Path,
    clock: ManualClock,
    examiner: Examiner,
    stores: Stores,
    store_kind: str,
    promise: Callable[[str, str], None],
) -> None:
    """Searched for in all its bytes, in every spelling: the live store has them, half A has none."""
    photos = tmp_path / "photos"
    photos.mkdir()
    config = support.configuration(tmp_path, store={"url": stores.empty(store_kind)})
    with support.opened(config, clock, examiner) as services:
        typed = _about_people(services, support.Cast(services), photos)
        needles = _needles(services) | typed | {"kanarie1@example.org", "Voogd Kanarie-Twee", "Kanarie"}
        book, days = HeadBook.from_config(config), config.backup.key_days
        made = backup.write_backup(services.store, services.master, tmp_path / "away", clock, book, days)
    assert len(needles) > 20
    assert any("kanarie-vijf" in one.casefold() for one in needles)
    hits = []
    for path in (made.store, made.keys, made.manifest):
        data = path.read_bytes()
        hits += [(one, path.name) for one in needles if any(spelled in data for spelled in _spellings(one))]
    promise("V2", f"backup {store_kind}: {len(needles)} names, paths, reasons, jobs: found in half A {len(hits)}")
    assert not hits
