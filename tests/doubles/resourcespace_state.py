"""What the double keeps: resources, nodes, collections, accounts and the log, as the recorded server kept them."""

import copy
import hashlib
import io
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from PIL import Image, ImageOps

PEOPLE = 29
TITLE = 8
_SIZES = {"col": (140, 140), "thm": (200, 200), "pre": (900, 540), "scr": (1400, 800), "lpr": (2000, 2000)}
_START = datetime(2026, 3, 2, 13, 0)  # noqa: DTZ001 - the server's times have no zone
SUPER, ADMIN, GENERAL, RESTRICTED = 3, 1, 2, 6
GROUPS = {
    SUPER: {"a", "t", "u", "v", "k", "R", "e0", "e-1", "e-2", "f*"},
    ADMIN: {"t", "u", "v", "k", "R", "e0", "e-1", "e-2", "cm", "f*"},
    GENERAL: {"e-1", "e-2", "f*"},
    RESTRICTED: {"f*"},
}


_TABLES = ("users", "photos", "nodes", "shelves", "fields", "log", "consents", "consent_links", "_next", "files")


@dataclass
class User:
    """An account; permissions follow from its group, and may be changed by a test."""

    ref: int
    name: str
    key: str
    group: int
    permissions: set[str] = field(default_factory=set)
    active: bool = True
    """Whether it may sign in: approved, and not expired."""

    def may(self, permission: str) -> bool:
        return permission in self.permissions


@dataclass
class Node:
    ref: int
    field: int
    name: str
    active: int = 1

    @property
    def translated(self) -> str:
        found = re.search(r"~en:([^~]*)", self.name) if self.name.startswith("~") else None
        return found[1] if found else self.name


@dataclass
class Photo:
    ref: int
    resource_type: int = 1
    archive: int = 0
    access: int = 0
    extension: str = ""
    has_image: int = 0
    checksum: str | None = None
    modified: str = ""
    tweaks: str = "0|1"
    created_by: int = 1
    original: bytes = b""
    changed: int = 0
    """What the file system tells of the file: it moves with each write that it notices."""
    previews: dict[str, tuple[int, int, bytes]] = field(default_factory=dict)
    nodes: list[int] = field(default_factory=list)
    texts: dict[int, str] = field(default_factory=dict)
    alternatives: list[str] = field(default_factory=list)


@dataclass
class Shelf:
    """A collection. `ruling` is what our plugin keeps of it."""

    ref: int
    name: str
    user: int
    kind: int = 0
    parent: int = 0
    shared_with: set[int] = field(default_factory=set)
    resources: list[int] = field(default_factory=list)
    ruling: dict[str, Any] = field(default_factory=dict)


class Library:
    """The whole state behind one lock: each API call sees and leaves it whole, as a transaction would."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.users: dict[str, User] = {}
        self.photos: dict[int, Photo] = {}
        self.nodes: dict[int, Node] = {}
        self.shelves: dict[int, Shelf] = {}
        self.fields: dict[int, dict[str, Any]] = {
            TITLE: {"name": "title", "title": "Title", "type": 0, "required": 1},
            12: {"name": "date", "title": "Date", "type": 4, "required": 0},
            PEOPLE: {"name": "person", "title": "Named person(s)", "type": 9, "required": 0},
        }
        self.item_fault: Callable[[int], str | None] = lambda ref: None
        """Told the resource of an item of a write of many: `refuse` that one, or `break` the call there."""
        self.plugins: list[str] = []
        """Plugins of the server's own that are on."""
        self.date_sizes: dict[str, int] = {}
        """By date field, the longest side of the copies that its days hold for, as it was said with the last day."""
        self.log: list[dict[str, Any]] = []
        self.sizes = dict(_SIZES)
        """Which previews are made, and how large; an administrator may add others."""
        self.files: dict[int, tuple[str, int, str, str, str]] = {}
        """What our plugin keeps of a file: version, how it looked, content, how it is shown, what its row says."""
        self.away: set[int] = set()
        """Whose files lie on a storage that is away just now."""
        self.consents: dict[int, dict[str, Any]] = {}
        self.consent_links: list[tuple[int, int]] = []
        self._later = timedelta()
        self._next = {"consent": 0, "photo": 0, "node": 278, "shelf": 1, "log": 0, "field": 87}
        self.add_user("admin", SUPER)

    def dump(self) -> dict[str, Any]:
        """The database as it is, to be put back later: the log and the numbers too. The hour is not in it."""
        with self.lock:
            return copy.deepcopy({name: getattr(self, name) for name in _TABLES})

    def restore(self, dump: dict[str, Any]) -> None:
        """Put the tables of a dump in the place of those that are there. Time goes on meanwhile."""
        with self.lock:
            self._later += timedelta(seconds=self._next["log"]) + timedelta(hours=1)
            for name, table in copy.deepcopy(dump).items():
                setattr(self, name, table)

    def number(self, kind: str) -> int:
        self._next[kind] += 1
        return self._next[kind]

    def add_user(self, name: str, group: int) -> User:
        key = hashlib.sha256(f"{len(self.users) + 1}scramble".encode()).hexdigest()
        user = User(len(self.users) + 1, name, key, group, set(GROUPS[group]))
        self.users[name.casefold()] = user
        return user

    def now(self) -> str:
        """Server-local, to the second: it goes on with every row of the log."""
        return f"{_START + self._later + timedelta(seconds=self._next['log']):%Y-%m-%d %H:%M:%S}"

    def note(self, ref: int, kind: str, user: int, field: int | None = 0, notes: str = "", diff: str = "") -> int:
        row: dict[str, Any] = {
            "date": self.now(),
            "ref": self.number("log"),
            "resource": ref,
            "type": kind,
            "field": field,
            "user": user,
            "notes": notes,
            "diff": diff,
            "usageoption": -1,
        }
        self.log.append(row)
        return int(row["ref"])

    # ---- resources --------------------------------------------------------------------------

    def create(self, user: int, archive: int = 0) -> Photo:
        with self.lock:
            photo = Photo(self.number("photo"), archive=archive, created_by=user)
            self.photos[photo.ref] = photo
            self.note(photo.ref, "c", user, notes="Created from API")
            return photo

    def upload(self, ref: int, data: bytes, name: str, user: int, previews: bool = True, replace: bool = False) -> None:
        """A file onto a resource. `previews` False: only the minimal ones yet, the rest by a job later."""
        with self.lock:
            photo = self.photos[ref]
            self.note(ref, "t", user, notes="Upload file")
            if replace:
                photo.alternatives.append(f"Original {photo.extension.upper()} file")
            photo.original, photo.extension = data, name.rsplit(".", 1)[-1].lower()
            photo.checksum = hashlib.md5(data[:50_000], usedforsecurity=False).hexdigest()
            photo.modified = self.now()
            photo.changed += 1
            photo.tweaks = "0|1"
            photo.texts[51] = name
            photo.previews = {}
            self.note(ref, "e", user, 51, diff=f"+ {name}")
            self._previews(photo, ("pre", "thm", "col") if not previews else tuple(self.sizes))
            photo.has_image = 1 if previews else 2
            self.note(ref, "t", user, notes="Create previews")
            self.note(ref, "u", user)
            if replace:
                self.note(ref, "f", user)

    def make_previews(self, ref: int) -> None:
        """What the offline job does."""
        with self.lock:
            photo = self.photos[ref]
            self._previews(photo, tuple(self.sizes))
            photo.has_image = 1
            photo.modified = self.now()
            self.note(ref, "t", 1, notes="Create previews")

    def overwrite(self, ref: int, data: bytes, noticed: bool = True) -> None:
        """Another program writes the file in its place, behind the server's back; its previews stay.

        `noticed` False: not even the file system tells that it was changed.
        """
        with self.lock:
            photo = self.photos[ref]
            photo.original = data
            photo.changed += noticed

    def turn(self, ref: int, degrees: int) -> None:
        """An editor turns the previews, counter-clockwise; the file stays as it is."""
        with self.lock:
            photo = self.photos[ref]
            angle = (int(photo.tweaks.split("|")[0]) + degrees) % 360
            photo.tweaks, photo.modified = f"{angle}|1", self.now()
            for name, (_, _, data) in photo.previews.items():
                with Image.open(io.BytesIO(data)) as picture:
                    turned = picture.rotate(degrees, expand=True)
                out = io.BytesIO()
                turned.save(out, "JPEG", quality=90)
                photo.previews[name] = (*turned.size, out.getvalue())
            self.note(ref, "e", 1, notes="Turned")

    def _previews(self, photo: Photo, names: tuple[str, ...]) -> None:
        with Image.open(io.BytesIO(photo.original)) as picture:
            upright = ImageOps.exif_transpose(picture).convert("RGB")
        for name in names:
            width, height = self.sizes[name]
            if name not in {"col", "thm", "pre"} and upright.width <= width and upright.height <= height:
                continue
            small = upright.copy()
            small.thumbnail((width, height))
            out = io.BytesIO()
            small.save(out, "JPEG", quality=90)
            photo.previews[name] = (*small.size, out.getvalue())

    def delete(self, ref: int, user: int) -> None:
        """Into the bin; from there for good."""
        photo = self.photos[ref]
        if photo.archive != 3:
            photo.archive = 3
            self.note(ref, "x", user)
            self.note(ref, "x", user)
            return
        del self.photos[ref]
        self.note(ref, "xx", user, None)

    # ---- people ------------------------------------------------------------------------------

    def node(self, name: str, field: int = PEOPLE) -> Node:
        """The node of exactly this name, made where there is none."""
        found = next((n for n in self.nodes.values() if (n.field, n.name) == (field, name)), None)
        if found is None:
            found = Node(self.number("node"), field, name)
            self.nodes[found.ref] = found
        return found

    def put(self, ref: int, nodes: list[int], user: int) -> None:
        """Replace the people of a resource, with its log row."""
        photo = self.photos[ref]
        less = [n for n in photo.nodes if n not in nodes]
        more = [n for n in nodes if n not in photo.nodes]
        photo.nodes = list(nodes)
        if less or more:
            lines = [f"- {self.nodes[n].name}" for n in less] + [f"+ {self.nodes[n].name}" for n in more]
            self.note(ref, "e", user, PEOPLE, diff="\n".join(lines) + "\n")

    def add_nodes(self, ref: int, nodes: list[int], user: int) -> None:
        """Additive; logs again where nothing changed."""
        photo = self.photos[ref]
        photo.nodes += [n for n in nodes if n not in photo.nodes]
        names = "\n".join(f"+ {self.nodes[n].name}" for n in nodes)
        self.note(ref, "e", user, PEOPLE, diff=names)

    def edit(self, ref: int, add: list[str] = [], remove: list[str] = [], user: int = 1) -> None:  # noqa: B006
        """An editor at the form, whose save is one transaction against the set as it is then."""
        with self.lock:
            photo = self.photos[ref]
            off = {self.node(name).ref for name in remove}
            on = [self.node(name).ref for name in add]
            self.put(ref, [n for n in photo.nodes if n not in off] + [n for n in on if n not in photo.nodes], user)

    def revert(self, row: int, user: int = 1) -> None:
        """A row of the log reverted by an editor: what it took off is put on, what it put on is taken off."""
        with self.lock:
            found = next(one for one in self.log if one["ref"] == row)
            lines = [line for line in found["diff"].splitlines() if line]
            back = [self.node(x[2:].removeprefix(",").strip()).ref for x in lines if x.startswith("- ")]
            away = [self.node(x[2:].removeprefix(",").strip()).ref for x in lines if x.startswith("+ ")]
            photo = self.photos[found["resource"]]
            photo.nodes = [n for n in photo.nodes if n not in away]
            photo.nodes += [n for n in back if n not in photo.nodes]
            told = [f"- {self.nodes[n].name}" for n in away] + [f"+ {self.nodes[n].name}" for n in back]
            self.note(photo.ref, "e", user, PEOPLE, "(revert)", "\n".join(told))

    def people(self, ref: int) -> set[str]:
        with self.lock:
            return {self.nodes[n].name for n in self.photos[ref].nodes}

    # ---- collections -------------------------------------------------------------------------

    def collect(self, name: str, user: int = 1, resources: list[int] = [], **more: Any) -> Shelf:  # noqa: B006
        with self.lock:
            shelf = Shelf(self.number("shelf"), name, user, resources=list(resources), **more)
            self.shelves[shelf.ref] = shelf
            return shelf

    def seen_by(self, user: User) -> list[Shelf]:
        """Own and shared ones: what the server's lists are filtered to, whatever the account's rights."""
        return [s for s in self.shelves.values() if s.user == user.ref or user.ref in s.shared_with]
