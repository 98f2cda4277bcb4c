"""A folder of photographs walked: what is there, how it looks from outside, what is left out."""

import hashlib
import os
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from plugin.errors import DamError, PictureError, ResourceGone
from plugin.hooks import drafts, jpeg, sidecars, tiff

JPEG = frozenset({".jpg", ".jpeg"})
PHOTOS = JPEG | {".png", ".heic", ".heif", ".webp", ".tif", ".tiff", ".gif", ".bmp"}
OTHERS = frozenset({
    ".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".mts", ".m2ts", ".3gp", ".wmv", ".pdf",
})  # fmt: skip
ROOT = "."


@dataclass(frozen=True)
class Entry:
    """A file of the tree from outside. `sidecar_mtime_ns` is the sum over its sidecars, None without any."""

    ref: str
    size: int
    mtime_ns: int
    sidecar_mtime_ns: int | None

    @property
    def kind(self) -> str:
        """`photo` or `other`, by the name's ending."""
        return "photo" if PurePosixPath(self.ref).suffix.lower() in PHOTOS else "other"


@dataclass
class Scan:
    """Everything found in one walk; `bare` if there was nothing in the root at all."""

    entries: dict[str, Entry] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    leftovers: list[Path] = field(default_factory=list)
    bare: bool = False


def scan(root: Path, ignore: Sequence[str]) -> Scan:
    """Walk the tree, links not followed. Raises DamError where a folder cannot be read.

    One that cannot be read must not look like one whose photographs were all deleted.
    """
    found = Scan()
    waiting = [ROOT]
    while waiting:
        folder = waiting.pop()
        found.folders.append(folder)
        inside = _inside(root, folder)
        if folder == ROOT:
            found.bare = not inside
        listing = frozenset(e.name for e in inside)
        for item in inside:
            _take(item, folder, listing, ignore, found, waiting)
    found.folders.sort()
    found.entries = dict(sorted(found.entries.items()))
    return found


def _inside(root: Path, folder: str) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(root / folder) as items:
            return list(items)
    except FileNotFoundError as error:
        if folder != ROOT:
            return []  # deleted while we walked
        raise DamError(f"the folder {root} is not there: is the share mounted?") from error
    except OSError as error:
        raise DamError(f"the folder {root / folder} cannot be read: {error.strerror}") from error


def _take(
    item: "os.DirEntry[str]",
    folder: str,
    listing: frozenset[str],
    ignore: Sequence[str],
    found: Scan,
    waiting: list[str],
) -> None:
    if item.name.startswith(drafts.PREFIX):
        found.leftovers.append(Path(item.path))
        return
    if item.is_symlink() or any(fnmatch(item.name, pattern) for pattern in ignore):
        return
    ref = item.name if folder == ROOT else f"{folder}/{item.name}"
    is_folder = item.is_dir(follow_symlinks=False)
    if not is_folder and PurePosixPath(ref).suffix.lower() not in PHOTOS | OTHERS:
        return
    if not sayable(ref):
        found.skipped.append(
            f"{ref!a} is left out: its name has control characters or is no UTF-8; rename it"
        )
    elif is_folder:
        waiting.append(ref)
    else:
        _stat_into(item, ref, listing, found)


def _stat_into(item: "os.DirEntry[str]", ref: str, listing: frozenset[str], found: Scan) -> None:
    try:
        stat = item.stat(follow_symlinks=False)
        beside = _sidecars(Path(item.path), listing)
    except FileNotFoundError:
        return  # deleted while we walked
    except OSError as error:
        raise DamError(f"{ref} cannot be read: {error.strerror}") from error
    found.entries[ref] = Entry(ref, stat.st_size, stat.st_mtime_ns, beside)


def _sidecars(path: Path, listing: frozenset[str]) -> int | None:
    times = [path.with_name(n).stat().st_mtime_ns for n in sidecars.readable(path.name, listing)]
    return sum(times) if times else None


def sayable(ref: str) -> bool:
    """Whether a name can be stored, and given to ExifTool, as it is."""
    return not any(unicodedata.category(sign) in {"Cc", "Cs"} for sign in ref)


def locate(root: Path, ref: str) -> Path:
    """The path of a resource. Raises ResourceGone where it is none, is a link or lies outside the tree.

    Raises DamError where the whole tree is missing: then nothing can be said of one file.
    """
    parts = ref.split("/")
    if not sayable(ref) or any(part in {"", ".", ".."} for part in parts):
        raise ResourceGone(f"{ref!a} names no photograph of the folder")
    path = root.joinpath(*parts)
    with drafts.explained(path):
        there = path.is_file() and path.resolve() == path
    if there and path.suffix.lower() in PHOTOS | OTHERS:
        return path
    if not root.is_dir() or not any(root.iterdir()):
        raise DamError(f"the folder {root} is missing or empty: is the share mounted?")
    raise ResourceGone(f"{ref} is not in the folder")


def entry(root: Path, ref: str) -> Entry:
    """One file of the tree as it is now. Raises ResourceGone."""
    path = locate(root, ref)
    with drafts.explained(path):
        stat = path.stat()
        listing = frozenset(p.name for p in path.parent.iterdir())
        return Entry(ref, stat.st_size, stat.st_mtime_ns, _sidecars(path, listing))


def collections(ref: str) -> tuple[str, ...]:
    """The folder of a resource and every folder above: what is set on one holds for what lies under it."""
    return tuple(str(parent) for parent in PurePosixPath(ref).parents)


def within(refs: Sequence[str], collection: str | None) -> Iterator[str]:
    """Those of `refs` that lie in or under `collection`."""
    prefix = "" if collection in {None, ROOT} else f"{collection}/"
    return (ref for ref in refs if ref.startswith(prefix))


def version(path: Path) -> str:
    """What changes when the picture may have changed.

    Of a JPEG the picture's own segments and the orientation, so that metadata may change; of
    anything else the whole file. A JPEG that cannot be read counts as a whole, too.
    """
    with drafts.explained(path):
        if path.suffix.lower() in JPEG:
            data = path.read_bytes()
            try:
                picture = jpeg.parse(data)
            except PictureError:
                return hashlib.sha256(data).hexdigest()
            return picture.picture_hash(tiff.orientation(picture.exif[0] if picture.exif else None))
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def whole(path: Path) -> bool:
    """Whether a JPEG or PNG goes on to its end; of other kinds that cannot be told cheaply: True."""
    suffix = path.suffix.lower()
    with drafts.explained(path):
        if suffix in JPEG:
            return jpeg.complete(path.read_bytes())
        if suffix == ".png":
            return b"IEND" in path.read_bytes()[-4096:]
    return True
