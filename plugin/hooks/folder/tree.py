"""Walks a folder of photographs: its files, their stat, and what is left out."""

import os
import stat
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from itertools import chain, takewhile
from pathlib import Path, PurePosixPath

from plugin.errors import ResourceGone, Unreadable
from plugin.hooks.files import atomic_replace, file_kinds, file_system, regular_files
from plugin.hooks.folder import recycle_bins
from plugin.hooks.left_out import LeftOut, LeftOutReason
from plugin.hooks.names_in_files import companions
from plugin.hooks.names_in_files.companions import FolderListing, Listings

ROOT = "."
_LONGEST = 2000  # bytes of a path
SniffedFormats = Mapping[str, tuple[tuple[int, ...], str]]
"""By ref: what a file looked like from outside when its first bytes were read (`stamp`), and the format found."""


@dataclass(frozen=True)
class FileEntry:
    """The stat of a file. `sidecar_mtime_ns` is a stamp of its sidecars, None without any.

    `ctime_ns`: None if not noted. `format`: by its first bytes (`file_kinds`).
    """

    ref: str
    size: int
    mtime_ns: int
    sidecar_mtime_ns: int | None
    format: str = field(default="", compare=False)
    ctime_ns: int | None = None

    def stands_as(self, noted: "FileEntry") -> bool:
        """Whether the file itself is unchanged; ignores its sidecars."""
        times = (self.size, self.mtime_ns) == (noted.size, noted.mtime_ns)
        return times and noted.ctime_ns in {None, self.ctime_ns}

    @property
    def kind(self) -> str:
        """`photo` for what the recogniser examines, else `other`."""
        return "other" if self.format in file_kinds.OTHERS else "photo"


@dataclass
class Scan:
    """The result of one walk.

    `bare`: the root is empty; `arriving`: files without content are being copied. `held`: unreadable, or gone during
    the walk: nothing is known of it or what is below. `shut`: known photographs that cannot be read now.
    """

    entries: dict[str, FileEntry] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    leftovers: list[Path] = field(default_factory=list)
    sniffed: dict[str, tuple[tuple[int, ...], str]] = field(default_factory=dict)
    held: list[str] = field(default_factory=list)
    shut: set[str] = field(default_factory=set)
    bare: bool = False
    arriving: bool = False


class Walk:
    """One walk through the tree."""

    def __init__(self, root: Path, ignore: Sequence[str], before: SniffedFormats, now: float) -> None:
        self._root = root
        self._ignore = ignore
        self._before = before
        self._now = now
        self._waiting = [ROOT]
        self._places: dict[str, tuple[int, int, int]] = {}
        self.found = Scan()

    def go(self) -> Scan:
        """Does not follow links. Raises DamError where the root cannot be read."""
        found = self.found
        while self._waiting:
            folder = self._waiting.pop()
            inside = self._inside(folder)
            if folder == ROOT:
                found.bare = not inside
            listing = FolderListing.of(e.name for e in inside)
            for item in inside:
                self._try(item, item.name if folder == ROOT else f"{folder}/{item.name}", listing)
        found.folders.sort()
        found.entries = dict(sorted(found.entries.items()))
        found.left_out.sort(key=lambda one: one.ref)
        return found

    def _inside(self, folder: str) -> list["os.DirEntry[str]"]:
        path = self._root / folder
        try:
            with os.scandir(path) as items:
                inside = list(items)
            if self._leads_back(folder, path.stat(), inside):
                self._leave_out(folder, LeftOutReason.LOOP)
                return []
        except OSError as error:
            if folder == ROOT:
                raise file_system.build_away_error(self._root, error) from error
            self._hold(folder, LeftOutReason.CLOSED, error)
            return []
        self.found.folders.append(folder)
        return inside

    def _leads_back(self, folder: str, this: os.stat_result, inside: "list[os.DirEntry[str]]") -> bool:
        """Whether it is one of the folders above (a loop mount); compares names too where inodes are all equal."""
        place = (this.st_dev, this.st_ino, hash(frozenset(e.name for e in inside)))
        above = {self._places[one] for one in list_folders(folder) if one != folder}
        self._places[folder] = place
        return place in above

    def _hold(self, ref: str, why: LeftOutReason, error: OSError) -> None:
        """Nothing is known of it now; what went during the walk is gone in the next one."""
        self.found.held.append(ref)
        if not isinstance(error, FileNotFoundError | NotADirectoryError):
            if why is LeftOutReason.CLOSED:
                self.found.folders.append(ref)
            self._leave_out(ref, why)

    def _try(self, item: "os.DirEntry[str]", ref: str, listing: FolderListing) -> None:
        try:
            self._take(item, ref, listing)
        except OSError as error:
            self._hold(ref, LeftOutReason.UNREADABLE, error)

    def _take(self, item: "os.DirEntry[str]", ref: str, listing: FolderListing) -> None:
        if item.name.startswith(atomic_replace.PREFIX):
            self.found.leftovers.append(Path(item.path))
        elif any(fnmatch(item.name, pattern) for pattern in self._ignore):
            return
        elif item.is_symlink():
            self._leave_out(ref, LeftOutReason.LINK)
        elif item.is_dir(follow_symlinks=False):
            self._enter(item.name, ref)
        else:
            self._take_file(item, ref, listing)

    def _enter(self, name: str, ref: str) -> None:
        if recycle_bins.is_bin(name):
            return
        if recycle_bins.is_library(name):
            self._leave_out(ref, LeftOutReason.LIBRARY)
        elif not is_sayable(ref):
            self._leave_out(ref, LeftOutReason.NAME)
        else:
            self._waiting.append(ref)

    def _take_file(self, item: "os.DirEntry[str]", ref: str, listing: FolderListing) -> None:
        info = item.stat(follow_symlinks=False)
        form = self._format(item, ref, info)
        if form in file_kinds.EXAMINED | file_kinds.OTHERS and is_sayable(ref):
            beside = companions.build_stamp(Path(item.path), listing)
            self.found.entries[ref] = FileEntry(ref, info.st_size, info.st_mtime_ns, beside, form, info.st_ctime_ns)
        else:
            self._refuse(item.name, ref, info, form)

    def _format(self, item: "os.DirEntry[str]", ref: str, outside: os.stat_result) -> str:
        """By its first bytes, which are read only where the stat differs from the last read."""
        seen: tuple[int, ...] = (outside.st_size, outside.st_mtime_ns, outside.st_ctime_ns)
        known = self._before.get(ref)
        if known is not None and known[0] == seen:
            form = known[1]
        elif not stat.S_ISREG(outside.st_mode):
            form = file_kinds.UNKNOWN
        else:
            try:
                form = file_kinds.read_format(Path(item.path))
            except FileNotFoundError:
                raise
            except OSError:
                self._leave_out(ref, LeftOutReason.UNREADABLE)
                self.found.held.append(ref)
                form = known[1] if known is not None else file_kinds.guess_by_ending(item.name)
                seen = (-1,)  # looked at again the next time
        self.found.sniffed[ref] = (seen, form)
        return form

    def _refuse(self, name: str, ref: str, outside: os.stat_result, form: str) -> None:
        """Report what is left out; not a file that is no picture and is not named like one."""
        called_one = PurePosixPath(name).suffix.lower() in file_kinds.PHOTO_ENDINGS
        if not stat.S_ISREG(outside.st_mode):
            self._leave_out(ref, LeftOutReason.SPECIAL)
        elif form in file_kinds.EXAMINED | file_kinds.OTHERS:
            self._leave_out(ref, LeftOutReason.NAME)
        elif form:
            self._leave_out(ref, LeftOutReason.FORMAT, form)
        elif called_one and file_kinds.is_arriving(outside.st_mtime_ns, self._now):
            self.found.arriving = True
        elif called_one:
            self._leave_out(ref, LeftOutReason.NO_PICTURE)

    def _leave_out(self, ref: str, why: LeftOutReason, form: str = "") -> None:
        self.found.left_out.append(LeftOut(ref if is_sayable(ref) else ascii(ref), why, form))


def scan(root: Path, ignore: Sequence[str], before: SniffedFormats, now: float) -> Scan:
    """Walk the tree without following links. Raises DamError where the root cannot be read.

    An unreadable folder must not look like one of deleted photographs: it is held. `before`: the last walk's formats.
    """
    return Walk(root, ignore, before, now).go()


def is_sayable(ref: str) -> bool:
    """Whether a ref can be stored and passed to ExifTool; PostgreSQL cannot index longer text."""
    hidden = any(unicodedata.category(sign) in {"Cc", "Cs"} for sign in ref)
    return not hidden and (len(ref) <= _LONGEST // 4 or len(ref.encode()) <= _LONGEST)


def locate(root: Path, ref: str) -> Path:
    """The path of a resource. Raises ResourceGone where it is none, is a link or is outside the tree.

    Raises Unreadable where that is unknown, DamError where the whole tree is missing.
    """
    parts = ref.split("/")
    if not is_sayable(ref) or any(part in {"", ".", ".."} for part in parts):
        raise ResourceGone(f"{ref!a} names no photograph of the folder")
    path = root.joinpath(*parts)
    try:
        with atomic_replace.explain_read_errors(path):
            there = regular_files.is_regular(path) and path.resolve() == path
    except Unreadable:
        file_system.refuse_away(root)
        raise
    if there and not any(recycle_bins.is_bin(part) or recycle_bins.is_library(part) for part in parts[:-1]):
        if find_format(path):
            return path
        with atomic_replace.explain_read_errors(path):
            file_kinds.refuse_arriving(path, ref)
    file_system.refuse_away(root)
    raise ResourceGone(f"{ref} is not in the folder")


def find_format(path: Path) -> str:
    """The format of what is taken up, "" otherwise; by its ending if it cannot be opened.

    Raises Unreadable where it cannot be opened and its ending is unknown.
    """
    try:
        form = file_kinds.read_format(path)
    except OSError as error:
        form = file_kinds.guess_by_ending(path.name)
        if not form and not isinstance(error, FileNotFoundError):
            raise Unreadable(f"{path} cannot be read ({error.strerror}): give FaceLease's account access") from error
    return form if form in file_kinds.EXAMINED | file_kinds.OTHERS else ""


def read_entry(root: Path, ref: str, listings: Listings | None = None) -> FileEntry:
    """One file of the tree now; without its sidecars if there are no `listings`. Raises ResourceGone."""
    path = locate(root, ref)
    with atomic_replace.explain_read_errors(path):
        now = path.stat()
        beside = None if listings is None else companions.build_stamp(path, listings.of(path.parent))
        return FileEntry(ref, now.st_size, now.st_mtime_ns, beside, find_format(path), now.st_ctime_ns)


def list_folders(ref: str) -> tuple[str, ...]:
    """The folder of a resource and every folder above: a mode on one applies to what is below."""
    return tuple(str(parent) for parent in PurePosixPath(ref).parents)


def filter_within(refs: Iterable[str], folders: frozenset[str]) -> Iterator[str]:
    """The `refs` in or below these folders; all of them for no folder."""
    found = sorted(refs)
    if not folders or ROOT in folders:
        return iter(found)
    outermost = sorted(f"{one}/" for one in folders if folders.isdisjoint(list_folders(one)))
    return chain.from_iterable(_filter_below(found, prefix) for prefix in outermost)


def _filter_below(refs: Sequence[str], prefix: str) -> Iterator[str]:
    return takewhile(
        lambda ref: ref.startswith(prefix), map(refs.__getitem__, range(bisect_left(refs, prefix), len(refs)))
    )
