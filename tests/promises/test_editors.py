"""L4: an editor's names are the editor's: none goes unasked, no namesake's goes, none that was taken off comes back."""

import json
import random
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select

from plugin.clock import ManualClock
from plugin.errors import ConsentError, NameTaken
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.people import register
from plugin.flows.photos import scan_queue
from plugin.flows.review import face_decisions
from plugin.flows.schedule import calendar
from plugin.ledger import tables as t
from plugin.recognizer.process.examiner import Examiner
from tests import support
from tests.crowd import A, Crowd

_FIELDS = {
    "exif": "-XPKeywords",
    "iptc": "-IPTC:Keywords",
    "xmp": "-XMP-iptcExt:PersonInImage",
    "embedded-xmp": "-XMP-iptcExt:PersonInImage",
}


class Editor:
    """Somebody with ExifTool, who changes names in files and knows nothing of us."""

    def __init__(self, photos: Path) -> None:
        self._photos = photos

    def _run(self, path: Path, *arguments: str) -> None:
        if path.suffix == ".xmp" and not path.exists():
            subprocess.run(["exiftool", "-q", "-o", str(path), *arguments], check=True, capture_output=True)
        else:
            subprocess.run(
                ["exiftool", "-q", "-overwrite_original", "-m", *arguments, str(path)], check=True, capture_output=True
            )
        support.settle(path)

    def put(self, ref: str, name: str, place: str) -> None:
        """Add a name in one place."""
        photo = self._photos / ref
        path = photo.with_name(photo.name + ".xmp") if place == "xmp" else photo
        if place == "exif":  # one text with semicolons, not a list
            there = self._keywords(photo)
            self._run(path, f"-XPKeywords={';'.join([*there, name])}")
        elif place == "iptc":
            self._run(path, "-IPTC:CodedCharacterSet=UTF8", f"-IPTC:Keywords+={name}")
        else:
            self._run(path, f"{_FIELDS[place]}+={name}")

    def take_off(self, ref: str, name: str) -> None:
        """Remove a name wherever it stands, the region around the face too."""
        photo = self._photos / ref
        left = [word for word in self._keywords(photo) if word != name]
        self._run(
            photo, f"-XPKeywords={';'.join(left)}", f"-IPTC:Keywords-={name}", f"-XMP-iptcExt:PersonInImage-={name}"
        )
        beside = photo.with_name(photo.name + ".xmp")
        if beside.exists():
            self._run(beside, f"-XMP-iptcExt:PersonInImage-={name}", "-XMP-mwg-rs:RegionInfo=")

    def copy(self, ref: str, new: str) -> None:
        """Copy a photograph with its sidecar."""
        for suffix in ("", ".xmp"):
            source = self._photos / (ref + suffix)
            if source.exists():
                shutil.copyfile(source, self._photos / (new + suffix))
                support.settle(self._photos / (new + suffix))

    def names(self, refs: list[str]) -> dict[str, set[tuple[str, str]]]:
        """(name, place) by ref, read from the files by ExifTool alone."""
        folder = self._photos / "shoot"
        command = ["exiftool", "-j", "-q", "-ext", "jpg", "-ext", "xmp", *_FIELDS.values(), str(folder)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found: dict[str, set[tuple[str, str]]] = {ref: set() for ref in refs}
        for entry in json.loads(done.stdout or "[]"):
            ref = str(Path(entry["SourceFile"]).relative_to(self._photos))
            beside = ref.endswith(".xmp")
            mine = found[ref.removesuffix(".xmp")]
            mine |= {(str(name), "exif") for name in str(entry.get("XPKeywords", "")).split(";") if name}
            mine |= {(name, "iptc") for name in _listed(entry.get("Keywords"))}
            place = "xmp" if beside else "embedded-xmp"
            mine |= {(name, place) for name in _listed(entry.get("PersonInImage"))}
        return found

    def _keywords(self, photo: Path) -> list[str]:
        done = subprocess.run(
            ["exiftool", "-s3", "-XPKeywords", str(photo)], check=True, capture_output=True, text=True
        )
        return [word for word in done.stdout.strip().split(";") if word]


def _listed(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)] if value else []


class Walk:
    """The editor and the system take turns; what has to hold is counted after each."""

    def __init__(self, services: Services, photos: Path, crowd: Crowd, seed: int) -> None:
        self.services, self.cast, self.editor = services, support.Cast(services), Editor(photos)
        self._photos, self._crowd, self._random = photos, crowd, random.Random(seed)
        self.refs: list[str] = []
        self.by_hand: set[tuple[str, str, str]] = set()  # ref, name, place: put there by the editor
        self.refused: set[str] = set()  # refs from which the editor took Åsa's name
        self.wrong: Counter[str] = Counter()
        self.steps: Counter[str] = Counter()
        self.put = self.taken = 0
        self.asa = self.cast.add("Åsa")
        self.bo: str | None = None
        self.cast.sign(self.asa)
        self.cast.enrol(self.asa)
        self.cast.open_collection()

    def overture(self) -> None:
        """What has to occur in every walk, in an order in which each could do harm."""
        acts: tuple[Callable[[], None], ...] = (
            lambda: self.arrive(""),
            lambda: self.arrive(""),
            lambda: self.arrive("Åsa", "exif"),
            lambda: self.arrive("Åsa", "xmp"),
            lambda: self.take_off("shoot/000.jpg"),
            self.save_anew,
            lambda: self.copy("shoot/001.jpg"),
            lambda: self._put("shoot/001.jpg", "Åsa", "iptc"),
            lambda: self.copy("shoot/003.jpg"),
            self.rescan,
            self.withdraw,
            self.sign_again,
            self.rescan,
        )
        for act in acts:
            self.steps["overture"] += 1
            act()
            self.settle()

    def step(self) -> None:
        """One act of somebody, the system's answer, and the count."""
        acts = [
            self.arrive,
            self.arrive,
            *[self.tag_by_hand] * 4,
            *[self.take_off] * 2,
            self.confirm,
            self.copy,
            self.rescan,
            self.withdraw,
            self.sign_again,
            self.sign_again,
            self.enter_bo,
            self.save_anew,
        ]
        act = self._random.choice(acts)
        act()
        self.steps[act.__name__] += 1
        self.settle()

    def settle(self) -> None:
        """The system's answer, and the count."""
        calendar.poll_dam(self.services)
        self.cast.work()
        self.check()

    def check(self) -> None:
        names = self.editor.names(self.refs)
        for ref in self.refs:
            there = names[ref]
            mine = {(name, place) for where, name, place in self.by_hand if where == ref}
            for name, _ in mine - there:
                self.wrong["namesake" if name == "Åsa Berg" else "hand"] += 1
            if ref in self.refused and ("Åsa" in {name for name, _ in there - mine}):
                self.wrong["re-applied"] += 1

    def _stands(self, ref: str, name: str) -> set[str]:
        return {p for named in self.services.dam.look(ref).names if named.node == name for p in named.places}

    def arrive(self, name: str | None = None, place: str | None = None) -> None:
        ref = f"shoot/{len(self.refs):03}.jpg"
        self._crowd.put(self._photos, ref, self._crowd.row([self._random.choice(A)], 150, self._random))
        if name is None and self._random.random() < 0.3:
            name = self._random.choice(["Åsa", "Åsa Berg", "Bo"])
        if name:  # somebody named it before we ever saw it
            self._put(ref, name, place)
        self.refs.append(ref)

    def _put(self, ref: str, name: str, place: str | None = None) -> None:
        place = place or self._random.choice(list(_FIELDS))
        if (name, place) not in self.editor.names([*self.refs, ref])[ref]:
            self.editor.put(ref, name, place)
            self.by_hand.add((ref, name, place))
            self.put += 1

    def tag_by_hand(self) -> None:
        self._put(self._random.choice(self.refs), self._random.choice(["Åsa", "Åsa Berg", "Bo"]))

    def take_off(self, where: str | None = None) -> None:
        names = self.editor.names(self.refs)
        refs = [where] if where else self.refs
        standing = [(ref, name) for ref in refs for name, _ in sorted(names[ref]) if name != "Åsa Berg"]
        if standing:
            ref, name = self._random.choice(standing)
            self.editor.take_off(ref, name)
            self.by_hand = {tag for tag in self.by_hand if tag[:2] != (ref, name)}
            if name == "Åsa":
                self.refused.add(ref)
                self.taken += 1

    def confirm(self) -> None:
        query = select(t.face.c.id, t.resource.c.ref).join(t.resource, t.resource.c.id == t.face.c.resource_id)
        with self.services.store.read() as conn:
            rows = conn.execute(query.where(t.face.c.state.in_(("matched", "suggested")))).all()
        if rows:
            face = self._random.choice(rows)
            try:
                face_decisions.confirm(self.services, face.id, "editor")
            except ConsentError:
                return
            self.refused.discard(face.ref)

    def copy(self, ref: str | None = None) -> None:
        ref, new = ref or self._random.choice(self.refs), f"shoot/{len(self.refs):03}.jpg"
        self.editor.copy(ref, new)
        self.by_hand |= {(new, name, place) for where, name, place in self.by_hand if where == ref}
        self.refs.append(new)

    def save_anew(self) -> None:
        """Another program saves the pictures anew: EXIF stays, other metadata in the file goes."""
        for ref in self.refs:
            with Image.open(self._photos / ref) as picture:
                exif = picture.info.get("exif", b"")
                picture.convert("RGB").save(self._photos / ref, "JPEG", quality=self._random.randint(60, 95), exif=exif)
            support.settle(self._photos / ref)
        self.by_hand = {tag for tag in self.by_hand if tag[2] in {"exif", "xmp"}}

    def rescan(self) -> None:
        scan_queue.enqueue(self.services, self.refs)

    def withdraw(self) -> None:
        with self.services.store.read() as conn:
            lines = conn.execute(
                select(t.grant.c.id, t.grant.c.kind).where(
                    t.grant.c.person_id == self.asa, t.grant.c.ended_at.is_(None)
                )
            ).all()
        kinds = self._random.choice([{"recognition"}, {"recognition", "publication"}])
        withdrawal.withdraw(self.services, self.asa, {row.id for row in lines if row.kind in kinds}, "test")

    def sign_again(self) -> None:
        self.cast.sign(self.asa)
        self.cast.enrol(self.asa)

    def enter_bo(self) -> None:
        """A name by hand becomes a person's by a decision only; a namesake is refused."""
        with pytest.raises(NameTaken):
            self.cast.add("åsa")
        standing = any(self._stands(ref, "Bo") for ref in self.refs)
        if self.bo is None and standing:
            with pytest.raises(NameTaken):
                self.cast.add("Bo")
            self.bo = register.add(self.services, register.Newcomer("Bo", of_age=True), "test", adopt=True)
        elif self.bo is not None:
            self.cast.sign(self.bo, recognition=False)
            withdrawal.withdraw(self.services, self.bo, None, "test")


@pytest.mark.promise
def test_an_editors_names_are_the_editors(
    tmp_path: Path, clock: ManualClock, examiner: Examiner, full: bool, promise: Callable[[str, str], None]
) -> None:
    """Names by hand in four places, ours, confirmations, removals in the file, copies, withdrawals, new
    signatures, adoption and second looks in any order: no name by hand goes, no namesake's, and what an
    editor took off is not put back unless an editor confirms it."""
    walks, steps = (20, 80) if full else (1, 20)
    wrong: Counter[str] = Counter()
    done: Counter[str] = Counter()
    hands = refused = 0
    for seed in range(walks):
        place = tmp_path / str(seed)
        (place / "photos" / "shoot").mkdir(parents=True)
        with support.opened(support.configuration(place), clock, examiner) as services:
            walk = Walk(services, place / "photos", Crowd(examiner), seed)
            walk.overture()
            for _ in range(steps):
                clock.advance(timedelta(seconds=1))
                walk.step()
            wrong, done = wrong + walk.wrong, done + walk.steps
            hands, refused = hands + walk.put, refused + walk.taken
    promise(
        "L4",
        f"steps {done.total()}, names by hand {hands}, removals by editors {refused}: hand tags removed "
        f"{wrong['hand']}; namesakes' {wrong['namesake']}; re-applied after an editor's removal {wrong['re-applied']}",
    )
    assert hands >= 4 * walks
    assert refused >= 2 * walks
    assert wrong == Counter()
