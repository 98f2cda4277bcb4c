"""E1: erased means erased."""

import base64
import json
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from plugin.clock import ManualClock
from plugin.errors import VaultError
from plugin.flows.common.services import Services
from plugin.flows.consent import recording
from plugin.flows.matching import gallery
from plugin.flows.rights import erasure
from plugin.flows.schedule import calendar
from plugin.ledger.backups import backup
from plugin.ledger.keys import sealing
from plugin.ledger.keys.master_keys import MasterKeys
from plugin.ledger.log.head_book import HeadBook
from plugin.quitclaim.consent.lifecycle import Signing
from plugin.quitclaim.consent.model import Grant, GrantKind
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from sidecar.running import logs
from tests import raw_search, support


@dataclass
class Life:
    """One person, and every byte string that must not survive them."""

    id: str
    name: str
    needles: dict[str, bytes] = field(default_factory=dict)


def _spellings(what: str, text: str) -> dict[str, bytes]:
    return {
        what: text.encode(),
        f"{what} decomposed": unicodedata.normalize("NFD", text).encode(),
        f"{what} folded": text.casefold().encode(),
        f"{what} UTF-16": text.encode("utf-16-le"),
        f"{what} escaped": json.dumps(text)[1:-1].encode(),
        f"{what} base64": base64.b64encode(text.encode()).rstrip(b"="),
    }


def _vector(template: bytes) -> dict[str, bytes]:
    numbers = np.frombuffer(template, "<f4")
    wide = numbers.astype("<f8").tobytes()
    return {
        "template": template[:64],
        "template float64": wide[:64],
        "template base64": base64.b64encode(template)[:80],
        "template float64 base64": base64.b64encode(wide)[:80],
        "template hex": template[:64].hex().encode(),
        "template text": ", ".join(repr(float(n)) for n in numbers[:4]).encode(),
    }


def _enter(services: Services, cast: support.Cast, number: int, *pictures: bytes) -> Life:
    """Somebody with a contact, a guardian on file, evidence, reference photographs and a template."""
    name, email = f"Åsa Kanarie-{number:04d}", f"kanarie{number:04d}@example.org"
    guardian, proof = f"Voogd Kanarie-{number:04d}", f"handtekening kanarie {number:04d} ".encode() * 20
    life = Life(cast.add(name, email=email, guardians=(guardian,)), name)
    now = services.clock.now()
    until = now + timedelta(days=365)
    lines = (
        Grant(f"rec{number}", GrantKind.RECOGNITION, None, None, now, until),
        Grant(f"pub{number}", GrantKind.PUBLICATION, "communication", "website", now, until),
    )
    signing = Signing("v1", None, "en", "paper", True, (), now, lines)
    recording.record(services, life.id, signing, [recording.SignatureEvidence(f"form-{number:04d}.pdf", proof)], "test")
    gallery.enrol(services, life.id, pictures, "test")
    with services.store.read() as conn:
        (found,) = services.vault.find(conn, life.id, "template")
        template = services.vault.open(conn, found)
    life.needles = _spellings("name", name) | _spellings("e-mail", email) | _spellings("guardian", guardian)
    life.needles |= _vector(template) | {"evidence": proof[:60], "evidence's name": f"form-{number:04d}".encode()}
    for place, picture in enumerate(pictures):
        middle = len(picture) // 2
        life.needles[f"reference photograph {place}"] = picture[middle : middle + 64]
    return life


def _found(services: Services, lives: list[Life], folders: list[Path]) -> list[str]:
    """Where any needle of these people stands, in any file and, where the store is a server's, in any row of it."""
    hits = []
    places = {path.name: path for folder in folders for path in folder.rglob("*") if path.is_file()}
    for name in [*sorted(places), *([] if services.store.is_sqlite else ["rows"])]:
        data = places[name].read_bytes() if name in places else raw_search.rows(_driver(services))
        for life in lives:
            hits += [f"{what} in {name}" for what, needle in life.needles.items() if needle in data]
    return hits


def _driver(services: Services) -> str:
    return services.store.url.replace("postgresql:", "postgresql+psycopg:")


Wrapped = tuple[str, str, int, bytes]


def _keys_in(url: str) -> list[Wrapped]:
    """The wrapped keys as they lie in the store, read without our code."""
    store = sa.create_engine(url)
    with store.connect() as conn:
        query = sa.text("SELECT person_id, purpose, master_version, wrapped FROM person_key")
        rows = [tuple(row) for row in conn.execute(query)]
    store.dispose()
    return rows


def _keys_of_backups(folder: Path) -> list[Wrapped]:
    return [
        (who, what, version, base64.b64decode(wrapped))
        for path in folder.glob("keys-*.json")
        for who, what, version, wrapped, _ in json.loads(path.read_text())["keys"]
    ]


def _opened(keys: list[Wrapped], who: set[str], master: MasterKeys) -> int:
    """How many of these people's wrapped keys the master key opens."""
    count = 0
    for person_id, purpose, version, wrapped in keys:
        if person_id not in who:
            continue
        try:
            sealing.unwrap(master.key(version), wrapped, person_id, purpose, version)
        except VaultError:
            continue
        count += 1
    return count


@pytest.fixture
def house_with_a_log(
    tmp_path: Path, clock: ManualClock, examiner: Examiner, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Services]:
    """A house that writes a log file, with a temp folder of its own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temp"))
    (tmp_path / "temp").mkdir()
    (tmp_path / "photos" / support.SHOOT).mkdir(parents=True)
    config = support.configuration(tmp_path, server={"log_file": "{data}/logs/facelease.log", "log_level": "debug"})
    import logging

    before = logging.getLogger().handlers
    logs.configure(config)
    with support.opened(config, clock, examiner) as services:
        yield services
    for handler in logging.getLogger().handlers:
        handler.close()
    logging.getLogger().handlers = before


@pytest.mark.promise
def test_erased_means_erased(
    house_with_a_log: Services, clock: ManualClock, tmp_path: Path, promise: Callable[[str, str], None], full: bool
) -> None:
    """After an erasure no byte of the person is left, and no key that ever was opens again.

    Searched for in every spelling: store, WAL, logs, temp folder, ended.log, photographs, and the backups
    made before. Opened with today's master key: what stands in the store, and in copies made before.
    """
    services, cast = house_with_a_log, support.Cast(house_with_a_log)
    photos = services.config.path(services.config.folder.path)
    pictures = [samples.portrait(p).read_bytes() for p in (samples.A_FRONT, samples.A_SPEECH)]
    first = _enter(services, cast, 0, *pictures)
    living = cast.add("Bo")
    cast.sign(living)
    cast.enrol(living, samples.B_STANDING)
    cast.open_collection()
    refs = [support.put(photos, f"shoot/{n}.jpg", samples.A_STANDING, (600, 800)) for n in range(2)]
    calendar.poll_dam(services)
    cast.work()
    assert all(first.name in cast.names_on(ref) for ref in refs)
    small = (tmp_path / support.put(tmp_path, "small.jpg", samples.A_FRONT, (300, 400))).read_bytes()
    lives = [first, *(_enter(services, cast, n, small) for n in range(1, 200 if full else 6))]
    folder = services.config.path(services.config.backup.folder)
    book, days = HeadBook.from_config(services.config), services.config.backup.key_days
    made = backup.write_backup(services.store, services.master, folder, clock, book, days)
    services.store.checkpoint()
    copy = _keys_in(_driver(services))
    who, everywhere = {life.id for life in lives}, [tmp_path / "data", tmp_path / "temp", tmp_path / "photos"]
    assert _opened(copy, who, services.master) == 2 * len(lives)
    assert _opened(_keys_of_backups(folder), who, services.master) == 2 * len(lives)
    stored = "ledger.db" if services.store.is_sqlite else "rows"
    assert {f"name in {stored}", "name UTF-16 in 0.jpg"} <= set(_found(services, lives, everywhere))

    for life in lives:
        clock.advance(timedelta(minutes=1))
        assert erasure.erase(services, life.id, "test").finished_at is not None
    cast.work()
    hits = _found(services, lives, everywhere)
    today = MasterKeys.load(services.config.path(services.config.keys.master_file))
    live = _opened(_keys_in(_driver(services)), who, today)
    older = _opened(copy + _keys_of_backups(folder), who, today)
    keys = 2 * len(lives)
    promise(
        "E1",
        f"{services.store.kind}: people {len(lives)}, bytes {len(hits)}; opened live {live} of {keys}; "
        f"opened from older copies {older} of {2 * keys}",
    )
    assert made.store.exists()
    assert not hits, sorted(set(hits))[:10]
    assert (live, older) == (0, 0)
    with services.store.read() as conn:
        assert services.vault.find(conn, living, "template")
        assert services.vault.open(conn, services.vault.find(conn, living, "template")[0])
