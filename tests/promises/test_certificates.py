"""V3, and E1 in its widened sense: a certificate against a search of all bytes in store, backups, folder and DAM."""

import base64
import json
import re
import subprocess
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from PIL import Image
from sqlalchemy import insert, select, update

from plugin.clock import ManualClock
from plugin.config import Config
from plugin.errors import VaultError
from plugin.flows.collections import modes
from plugin.flows.common.services import Services
from plugin.flows.people import register
from plugin.flows.rights import erasure, erasure_register
from plugin.flows.rights.certificate import Certificate
from plugin.flows.schedule import calendar
from plugin.ledger import tables as t
from plugin.ledger.backups import backup
from plugin.ledger.keys import sealing
from plugin.ledger.log.head_book import HeadBook
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from plugin.recognizer.process.examiner import Examiner
from tests import raw_search, support
from tests.doubles.resourcespace import Double
from tests.doubles.resourcespace_house import jpeg
from tests.doubles.resourcespace_state import Library
from tests.on_double import configuration
from tests.stores import Stores

NAME = "Åsa Kanarie Sample"
ADDRESS = "kanarie.sample@example.org"
NFD = unicodedata.normalize("NFD", NAME)
FIELDS = {
    "XMP-iptcExt:PersonInImage": NAME,
    "XMP-iptcExt:PersonInImageWDetails": f"{{PersonName={NAME}}}",
    "XMP-mwg-rs:RegionInfo": f"{{RegionList=[{{Name={NAME},Type=Face}}]}}",
    "XMP-MP:RegionInfoMP": f"{{Regions=[{{PersonDisplayName={NAME}}}]}}",
    "XMP-lr:HierarchicalSubject": f"People|{NAME}",
    "XMP-digiKam:TagsList": f"People/{NAME.upper()}",
    "XMP-dc:Subject": f"People|{NFD}",
    "IPTC:Keywords": NAME,
    "IFD0:XPKeywords": f"sun;{NAME}",
    "XMP-microsoft:LastKeywordXMP": NAME,
    "XMP-mediapro:CatalogSets": f"People|{NAME}",
    "XMP-mediapro:People": NAME,
    "XMP-acdsee:Categories": f"<Categories><Category>{NAME}</Category></Categories>",
    "XMP-mwg-kw:KeywordInfo": f"{{Hierarchy=[{{Keyword=People,Children=[{{Keyword={NAME}}}]}}]}}",
    "XMP-xmpMM:History": f"{{Action=tagged {NAME}}}",
    "XMP-dc:Title": f"The mayor, {NAME}, speaks",
    "XMP-dc:Description": f"left: {NAME}.",
    "XMP-dc:Creator": NAME,
    "XMP-photoshop:Headline": f"{NAME} opens",
    "XMP-photoshop:Instructions": f"ask {NAME}'s mother",
    "XMP-photoshop:Credit": f"photo/{NAME}",
    "IPTC:Caption-Abstract": f"with {NAME}",
    "IPTC:By-line": NAME,
    "IPTC:SpecialInstructions": f"not {NAME}",
    "IFD0:ImageDescription": f"{NAME} and others",
    "IFD0:Artist": NAME,
    "IFD0:XPComment": NAME,
    "ExifIFD:UserComment": f"{NAME} here",
    "File:Comment": NAME,
}
"""Every field into which a program of the field puts names, captions or credits."""


@dataclass
class Report:
    """What the independent search found, and what of it the certificate does not say; and the other way round."""

    found: int = 0
    unlisted: list[str] = field(default_factory=list)
    checked: int = 0
    left: list[str] = field(default_factory=list)
    contradicted: list[str] = field(default_factory=list)

    def found_in(self, what: str, listed: bool) -> None:
        self.found += 1
        if not listed:
            self.unlisted.append(what)

    def says(self, what: str, true: bool) -> None:
        self.checked += 1
        if not true:
            self.contradicted.append(what)

    def print(self, promise: Callable[[str, str], None], where: str) -> None:
        promise(
            "V3",
            f"{where}: names found and not listed {len(self.unlisted)} of {self.found}; statements contradicted "
            f"{len(self.contradicted)} of {self.checked}",
        )
        promise("E1", f"{where}: what stood with the person alone, left in {len(self.left)} places")
        assert self.found
        assert not self.left, self.left
        assert not self.unlisted, self.unlisted[:10]
        assert not self.contradicted, self.contradicted


def exiftool(path: Path, *arguments: str) -> None:
    done = subprocess.run(
        ["exiftool", "-charset", "utf8", "-overwrite_original", *arguments, str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def plain(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 48), (90, 80, 70)).save(path)
    support.settle(path)
    return path


def plant_in_folder(photos: Path) -> None:
    """Where an adversary would look: every field, in files and sidecars, and what things are called."""
    shoot = photos / support.SHOOT
    for number, (tag, value) in enumerate(FIELDS.items()):
        exiftool(plain(shoot / f"field{number:02}.jpg"), f"-{tag}={value}")
        if tag.startswith("XMP"):
            exiftool(plain(shoot / f"beside{number:02}.png").with_suffix(".png.xmp"), f"-{tag}={value}")
    for called in (
        f"{NAME}/one.jpg",
        NAME.replace(" ", "_").lower() + "_02.jpg",
        f"{NFD}.jpg",
        f"{NAME.upper()}.JPG",
        f"on {NAME.replace(' ', '%20')}.jpg",
        f"{NAME.replace(' ', '-')}-x.png",
    ):
        plain(shoot / called)
    (shoot / ".picasa.ini").write_text(f"[Contacts2]\n1=x;{NAME};;\n", "utf-8")
    (shoot / "film.mp4").write_bytes(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\0" * 64)
    exiftool(shoot / "film.mp4.xmp", f"-XMP-lr:HierarchicalSubject=People|{NAME}")
    (shoot / "list.txt").write_text(f"present: {NAME}\n", "utf-8")
    (shoot / "broken.xmp").write_text(f"<x:xmpmeta {NAME}", "utf-8")
    (photos / "#recycle").mkdir()
    exiftool(plain(photos / "#recycle" / "old.jpg"), f"-XMP-dc:Description={NAME}")


def plant_in_store(services: Services, cast: support.Cast, ref: str) -> None:
    """Reasons, references, requests, jobs, labels, other people's names."""
    modes.decide(
        services, ref, modes.Ruling(Mode.DETECT, Basis.ALL_ASKED, BasisEvidence(f"letter of {NAME}", "Ann")), "test"
    )
    other = cast.add(f"{NAME} Jr")
    cast.add(f"Maria {NAME.upper()}-Jones")
    with services.store.write() as tx:
        photo = tx.connection.scalar(select(t.resource.c.id).limit(1))
        box = {"left": 0.1, "top": 0.1, "width": 0.1, "height": 0.1, "width_px": 90}
        tx.execute(
            insert(t.face).values(
                resource_id=photo,
                file_version="x",
                state="dismissed",
                reason=f"the sister of {NAME}",
                created_at=tx.now,
                **box,
            )
        )
        tx.execute(
            insert(t.request).values(
                id=uuid4().hex,
                person_id=other,
                kind="erasure",
                asked_at=tx.now,
                asked_by="person",
                due_on=services.today(),
                decided_at=tx.now,
                decided_by="x",
                outcome="refused",
                reason=f"as for {NAME}",
            )
        )
        tx.execute(
            insert(t.job).values(
                kind="names",
                key=f"shoot/{NFD}.jpg",
                payload={"why": [f"for {NAME}"]},
                priority=5,
                state="dead",
                again=False,
                attempt=9,
                run_after=tx.now,
                created_at=tx.now,
                error=f"no file {NAME}.jpg",
            )
        )
        tx.execute(
            insert(t.api_token).values(
                id=uuid4().hex,
                label=f"phone of {NAME}",
                secret_sha256=uuid4().hex,
                scopes=[],
                created_at=tx.now,
                created_by="x",
            )
        )
        tx.execute(update(t.resource).where(t.resource.c.id == photo).values(examined_reason=f"asked by {NAME}"))
    log = services.config.path("{data}/logs/facelease.log")
    log.parent.mkdir(exist_ok=True)
    log.write_text(f"an older version wrote: {NAME}\n", "utf-8")


def back_up(services: Services) -> None:
    config = services.config
    folder, book = config.path(config.backup.folder), HeadBook.from_config(config)
    backup.write_backup(services.store, services.master, folder, services.clock, book, config.backup.key_days)


def check_ours(services: Services, config: Config, made: Certificate, person_id: str, report: Report) -> None:
    """Store, data folder, backups and keys against the certificate."""
    text = "\n".join(made.not_reached)
    store = config.store_url.replace("postgresql://", "postgresql+psycopg://")
    for column in raw_search.in_tables(store, NAME):
        report.found_in(column, column in text)
    data = config.path("{data}")
    for path in raw_search.in_files(data, NAME):
        ref = path.relative_to(data).as_posix()
        name = re.sub("^(store|manifest|keys)-|[.](db|json)$", "", path.name)
        report.found_in(ref, raw_search.shown(ref, NAME) in text or name in text or ref.startswith("ledger.db"))
    report.left += [path.name for path in raw_search.in_files(data, ADDRESS)]
    report.left += raw_search.in_tables(store, ADDRESS)
    _check_statements(services, made, person_id, report)


def _check_statements(services: Services, made: Certificate, person_id: str, report: Report) -> None:
    said = {one.key: one for part in (made.looks, made.done, made.left) for one in part}
    folder = services.config.path(services.config.backup.folder)
    with services.store.read() as conn:
        report.says(
            "keys are gone",
            conn.scalar(select(t.person_key.c.purpose).where(t.person_key.c.person_id == person_id)) is None,
        )
        report.says("rows are gone", conn.scalar(select(t.person.c.id).where(t.person.c.id == person_id)) is None)
        held = conn.scalar(select(t.erasure.c.held).where(t.erasure.c.person_id == person_id))
    report.says("what was held is gone, or the certificate says so", held is None or "letter_waits" in said)
    report.says(
        "every backup is told", said["looked_backups"].values["count"] == len(list(folder.glob("manifest-*.json")))
    )
    for one in (one for one in made.looks if one.key in {"backup_sealed", "backup_plain"}):
        copy = folder / f"store-{one.values['name']}.db"
        stands = any(needle in copy.read_bytes() for needle in raw_search.bytes_of(NAME).values())
        report.says(f"{one.key} {one.values['name']}", stands == (one.key == "backup_plain"))
    opened = _opened(services, folder, person_id)
    report.says("no older copy opens", ("master_gone" in said) == (not opened))
    shut = {str(one.values["name"]) for one in made.looks if one.key == "keys_shut"}
    holding = {
        path.name
        for path in folder.glob("keys-*.json")
        if any(who == person_id for who, *_ in json.loads(path.read_text())["keys"])
    }
    report.says("which files of keys hold the person's", shut == holding)
    text = made.text() + made.text("nl")
    report.says("the certificate names nobody", raw_search.bare(NAME) not in raw_search.bare(text))


def _opened(services: Services, folder: Path, person_id: str) -> int:
    """How many of the person's wrapped keys, in any file of keys, today's master key opens."""
    count = 0
    for path in folder.glob("keys-*.json"):
        for who, what, version, wrapped, _ in json.loads(path.read_text())["keys"]:
            if who == person_id:
                try:
                    sealing.unwrap(services.master.key(version), base64.b64decode(wrapped), who, what, version)
                    count += 1
                except VaultError:
                    continue
    return count


@contextmanager
def house(config: Config, clock: ManualClock, examiner: Examiner) -> Iterator[tuple[Services, support.Cast]]:
    with support.opened(config, clock, examiner) as services:
        yield services, support.Cast(services)


@pytest.mark.promise
def test_a_folders_certificate_lists_all_that_a_search_of_all_bytes_finds(
    tmp_path: Path,
    clock: ManualClock,
    examiner: Examiner,
    stores: Stores,
    store_kind: str,
    promise: Callable[[str, str], None],
) -> None:
    """The name in every place of an adversary's list; what the search finds is listed, what is said is so."""
    config = support.configuration(tmp_path, store={"url": stores.migrated(store_kind)})
    plant_in_folder(config.path(config.folder.path))
    report = Report()
    with house(config, clock, examiner) as (services, cast):
        asa = register.add(services, register.Newcomer(NAME, email=ADDRESS, of_age=True), "test", adopt=True)
        cast.sign(asa, recognition=False)
        calendar.poll_dam(services)
        cast.work()
        plant_in_store(services, cast, support.SHOOT)
        back_up(services)
        clock.advance(timedelta(days=1))
        made = erasure.erase(services, asa, "test")
        cast.work()
        made = erasure_register.read_certificate(services, made.number, "test")
        clock.advance(timedelta(days=1))
        text = "\n".join(made.not_reached)
        photos = config.path(config.folder.path)
        for ref, how in raw_search.in_photographs(photos, NAME):
            report.found_in(f"{ref} ({how})", raw_search.shown(ref, NAME) in text)
        check_ours(services, config, made, asa, report)
    report.print(promise, f"folder, {store_kind}")


@pytest.mark.promise
@pytest.mark.parametrize("plugin", [True, False], ids=["plugin", "classic"])
def test_a_servers_certificate_lists_all_that_stands_in_its_tables(
    tmp_path: Path,
    clock: ManualClock,
    examiner: Examiner,
    stores: Stores,
    store_kind: str,
    plugin: bool,
    promise: Callable[[str, str], None],
) -> None:
    """Captions, names of files, titles, the log, a neighbour's table; without the plugin it says what it cannot see."""
    report = Report()
    with Double(plugin=plugin) as double:
        config = configuration(tmp_path, double, store={"url": stores.migrated(store_kind)})
        library = double.library
        with house(config, clock, examiner) as (services, cast):
            asa = cast.add(NAME, email=ADDRESS)
            cast.sign(asa, recognition=False)
            _plant_on_server(double)
            calendar.poll_dam(services)
            cast.work()
            back_up(services)
            made = erasure_register.read_certificate(services, erasure.erase(services, asa, "test").number, "test")
            text = "\n".join(made.not_reached)
            unseen = "without the plugin facelease" in text
            assert unseen != plugin
            for what, listed in _on_server(library):
                report.found_in(what, listed in text or (unseen and what != "people"))
            check_ours(services, config, made, asa, report)
    report.print(promise, f"ResourceSpace (double, {'plugin' if plugin else 'classic'}), {store_kind}")


def _plant_on_server(double: Double) -> None:
    library = double.library
    photo = double.photo(jpeg(64, 48), f"{NAME.replace(' ', '_')}.jpg")
    library.photos[photo].texts[8] = f"The mayor meets {NFD}"
    library.photos[photo].alternatives.append(f"crop of {NAME}")
    by_hand = library.create(1)
    library.edit(by_hand.ref, add=[NAME.upper()])
    library.collect(f"Wedding of {NAME}")
    library.note(photo, "e", 1, 8, notes=f"renamed for {NAME}")
    library.consents[1] = {"name": NAME, "notes": ""}


def _on_server(library: Library) -> Iterator[tuple[str, str]]:
    """What stands in the double's own memory now, and how the certificate should call it."""
    for photo in library.photos.values():
        yield from (("text", f"resource {photo.ref} ") for text in photo.texts.values() if _stands(text))
        people = (library.nodes[node].name for node in photo.nodes)
        yield from (("people", f"resource {photo.ref} ") for name in people if _stands(name))
        beside = f"resource {photo.ref} (resource_alt_files"
        yield from (("alternative", beside) for text in photo.alternatives if _stands(text))
    shelves = library.shelves.values()
    yield from (("collection", f"collection {shelf.ref}") for shelf in shelves if _stands(shelf.name))
    for column in ("notes", "diff"):
        if any(_stands(str(row[column])) for row in library.log):
            yield "log", f"resource_log.{column}"
    if any(_stands(str(one["name"])) for one in library.consents.values()):
        yield "consent", "consent.name"


def _stands(text: str) -> bool:
    return raw_search.bare(NAME) in raw_search.bare(text)
