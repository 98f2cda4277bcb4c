"""Searches a whole folder for a name: file and folder names, and every field that ExifTool shows.

Includes files that are never examined, sidecars of every program, and what the library leaves out. What cannot be read
is counted.
"""

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from plugin.errors import DamError, WriteRefused
from plugin.hooks.files import file_kinds, xmp_file_paths
from plugin.hooks.files.exiftool import BATCH, ExifTool, Fields, check_text
from plugin.hooks.folder import recycle_bins, tree
from plugin.hooks.mention import CertificateLine, Mention, Mentions
from plugin.hooks.name_search import SoughtName
from plugin.hooks.name_spellings import list_decodings
from plugin.hooks.names_in_files import exif, unreadable_files
from plugin.hooks.names_in_files.metadata_fields import find_in_fields, find_in_iptc, is_named_in

_READ = ("-api", "largefilesupport=1", "-G1:4")
_BLOCKS = ("-b", "-IPTC")
_TEXT_ENDINGS = (
    ".ini .txt .csv .tsv .json .xml .htm .html .md .log .nfo .srt .vtt .url .yaml .yml .toml .xmp .pp3 .dop "
    ".on1 .cos .rtf .vcf"
)
_TEXTS = frozenset(_TEXT_ENDINGS.split())
_LONGEST_TEXT = 8 << 20
_NAME, _LINK, _ATTRIBUTES, _WORDS = "name", "link", "attributes", "text"


@dataclass
class _Findings:
    """Mentions and counters of one search."""

    ignore: tuple[str, ...]
    mentions: list[Mention] = field(default_factory=list)
    files: int = 0
    folders: int = 0
    closed: int = 0
    doubtful: int = 0
    documents: int = 0
    unread: Counter[str] = field(default_factory=Counter)


def search_folder(
    root: Path, tool: ExifTool | None, ignore: Sequence[str], sought: SoughtName, beat: Callable[[], None]
) -> Mentions:
    """Every mention in the folder. Does not follow links; an ignored file is no resource."""
    seen = _Findings(tuple(ignore))
    waiting: list[str] = []
    for ref in _walk(root, sought, seen):
        waiting.append(ref)
        if len(waiting) == BATCH:
            _read(root, tool, waiting, sought, seen)
            waiting = []
            beat()
    _read(root, tool, waiting, sought, seen)
    return Mentions(tuple(seen.mentions), _list_looked(seen), tuple(_list_unread(seen, tool)))


def _walk(root: Path, sought: SoughtName, seen: _Findings) -> Iterator[str]:
    """Every regular file; checks names and link targets on the way."""

    def closed(_: OSError) -> None:
        seen.closed += 1

    for folder, folders, files in os.walk(root, onerror=closed):
        here = Path(folder).relative_to(root).as_posix()
        folders.sort()
        for name in [*folders, *sorted(files)]:
            ref = name if here == "." else f"{here}/{name}"
            fields = list(_find_outside(root / ref, ref, name, "" if here == "." else here, sought))
            if fields:
                resource = _find_resource(root, ref, seen.ignore)
                seen.mentions.append(Mention(_mask_ref(sought, ref), tuple(fields), resource))
            if name in files and _is_regular(root / ref):
                seen.files += 1
                yield ref
        seen.folders += len(folders)


def _find_outside(path: Path, ref: str, name: str, parent: str, sought: SoughtName) -> Iterator[str]:
    if sought.stands_in(name) or (sought.stands_in(ref) and not sought.stands_in(parent)):
        yield _NAME
    try:
        if path.is_symlink():
            if sought.stands_in(str(path.readlink())):
                yield _LINK
            return
        texts = (os.getxattr(path, one).decode("utf-8", "replace") for one in os.listxattr(path))
        if any(sought.stands_in(text) for text in texts):
            yield _ATTRIBUTES
    except OSError:
        return  # a file system without attributes, or the file has gone


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _read(root: Path, tool: ExifTool | None, refs: list[str], sought: SoughtName, seen: _Findings) -> None:
    sayable = [ref for ref in refs if _is_sayable(root / ref)]
    fields = _read_fields(tool, [root / ref for ref in sayable])
    for ref in refs:
        path = root / ref
        within = list(_find_inside(path, tool, fields.get(path), sought, seen)) if ref in sayable else []
        if ref not in sayable:
            seen.unread[""] += 1
        if within:
            named = any(is_name for _, is_name in within)
            places = tuple(dict.fromkeys(place for place, _ in within))
            seen.mentions.append(Mention(_mask_ref(sought, ref), places, _find_photo(root, ref, seen.ignore), named))


def _is_sayable(path: Path) -> bool:
    try:
        check_text(str(path))
    except WriteRefused:
        return False
    return True


def _read_fields(tool: ExifTool | None, paths: list[Path]) -> dict[Path, Fields]:
    """The fields of all paths; where ExifTool fails on one, the others are read alone."""
    if tool is None or not paths:
        return {}
    try:
        found = tool.read(paths, _READ, fast=False)
        blocks = tool.read([*found], _BLOCKS, fast=False, copies=True)
        return {path: said | blocks.get(path, {}) for path, said in found.items()}
    except DamError:
        if len(paths) == 1:
            return {}
        return {path: said for one in paths for path, said in _read_fields(tool, [one]).items()}


def _find_inside(
    path: Path, tool: ExifTool | None, fields: Fields | None, sought: SoughtName, seen: _Findings
) -> Iterator[tuple[str, bool]]:
    """The fields that contain the name, and whether a field is exactly the name."""
    failed = fields is None or "ExifTool:Error" in fields
    warned = str((fields or {}).get("ExifTool:Warning", "[minor]"))
    if fields is not None:
        yield from find_in_fields(fields, sought)
        yield from find_in_iptc(fields, sought)
        yield from _find_undecoded(path, tool, fields, sought)
    if file_kinds.is_jpeg(path):
        yield from _find_keywords(path, sought)
    words = _read_texts(path) if failed or path.suffix.lower() in _TEXTS else ()
    if any(is_named_in(text, sought) for text in words):
        yield _WORDS, False
    if failed and not words and path.exists():
        seen.unread[_find_ending(path)] += 1
    elif not warned.startswith("[minor]"):
        seen.doubtful += 1
    if not words and file_kinds.find_format(path) not in file_kinds.EXAMINED:
        seen.documents += 1


def _find_undecoded(path: Path, tool: ExifTool | None, fields: Fields, name: SoughtName) -> Iterator[tuple[str, bool]]:
    """Searches the bytes of XMP where ExifTool shows a question mark for what it cannot decode."""
    lost = any("?" in str(value) for key, value in fields.items() if key.startswith("XMP"))
    if tool and lost and any(is_named_in(text, name) for text in list_decodings(tool.block(path, "XMP"))):
        yield "XMP", False


def _find_keywords(path: Path, sought: SoughtName) -> Iterator[tuple[str, bool]]:
    try:
        words = exif.read_xp_keywords(path)
    except OSError:
        return
    for text in [*words.words, *words.meant]:
        if is_named_in(text, sought):
            yield "IFD0:XPKeywords", sought.is_name(text)


def _read_texts(path: Path) -> tuple[str, ...]:
    """The possible decodings of a text file; () if it is none, too long or unreadable."""
    data = unreadable_files.read_contents(path)
    if data is None or len(data) > _LONGEST_TEXT:
        return ()
    if (encoding := unreadable_files.find_unicode_encoding(data)) is not None:
        return (data.decode(encoding, "replace"),)
    return () if b"\0" in data[:4096] else list_decodings(data)


def _find_ending(path: Path) -> str:
    """The ending if it is a short word: anything else may be a name."""
    ending = path.suffix.lower()
    return ending if ending[1:].isalnum() and ending.isascii() and len(ending) <= 5 else ""


def _mask_ref(sought: SoughtName, ref: str) -> str:
    return sought.masked(ref) if tree.is_sayable(ref) else ascii(sought.masked(ref))


def _find_resource(root: Path, ref: str, ignore: Sequence[str]) -> str | None:
    left_out = any(fnmatch(part, pattern) for part in PurePosixPath(ref).parts for pattern in ignore)
    if left_out or recycle_bins.is_in_bin(ref) or not tree.is_sayable(ref) or not _is_regular(root / ref):
        return None
    return ref if file_kinds.find_format(root / ref) in file_kinds.EXAMINED | file_kinds.OTHERS else None


def _find_photo(root: Path, ref: str, ignore: Sequence[str]) -> str | None:
    """The photograph that a file or sidecar is about."""
    if not xmp_file_paths.is_sidecar(ref):
        return _find_resource(root, ref, ignore)
    path = root / ref
    try:
        listing = frozenset(one.name for one in path.parent.iterdir())
    except OSError:
        return None
    about = (name for name in sorted(listing) if path.name in xmp_file_paths.list_sidecars(name, listing))
    photos = (_find_resource(root, str(PurePosixPath(ref).with_name(name)), ignore) for name in about)
    return next((photo for photo in photos if photo), None)


def _list_looked(seen: _Findings) -> tuple[CertificateLine, ...]:
    called = sum(1 for one in seen.mentions if set(one.fields) <= {_NAME, _LINK, _ATTRIBUTES})
    binned = sum(1 for one in seen.mentions if recycle_bins.is_in_bin(one.at))
    return (
        CertificateLine("dam_names", {"files": seen.files, "folders": seen.folders, "found": called}),
        CertificateLine("dam_fields", {"files": seen.files, "found": len(seen.mentions) - called}),
        CertificateLine("dam_bins", {"found": binned}),
    )


def _list_unread(seen: _Findings, tool: ExifTool | None) -> Iterator[CertificateLine]:
    if tool is None:
        yield CertificateLine("unread_tool", {"files": seen.files})
    elif seen.unread:
        kinds = ", ".join(f"{kind or '?'} {count}" for kind, count in sorted(seen.unread.items()))
        yield CertificateLine("unread_files", {"count": seen.unread.total(), "kinds": kinds})
    if seen.doubtful:
        yield CertificateLine("unread_doubtful", {"count": seen.doubtful})
    if seen.documents:
        yield CertificateLine("unread_documents", {"count": seen.documents})
    if seen.closed:
        yield CertificateLine("unread_folders", {"count": seen.closed})
