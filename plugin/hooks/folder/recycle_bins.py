"""Folders in which servers and programs keep deleted files, snapshots and small copies."""

from fnmatch import fnmatchcase
from pathlib import PurePosixPath

_NAME_LIST = (
    "#recycle,@recycle,.recycle,$recycle.bin,recycler,network trash folder,lost+found,#snapshot,@snapshot,"
    "@recently-snapshot,.snapshot,.snapshots,~snapshot,.zfs,system volume information,.stversions,.sync,"
    "@eadir,.@__thumb,.@upload_cache,.thumbnails,.appledouble,.spotlight-v100,.fseventsd,"
    ".documentrevisions-v100,.temporaryitems,temporary items"
)
_NAMES = frozenset(_NAME_LIST.split(","))
_PATTERNS = (".trash*", "*.lrdata")
_LIBRARIES = ("*.photoslibrary", "*.photolibrary", "*.aplibrary", "*.migratedphotolibrary", "*.lrlibrary")


def is_bin(name: str) -> bool:
    """Whether the folder is a bin, a snapshot or a program's own copies: never part of the library."""
    folded = name.casefold()
    return folded in _NAMES or any(fnmatchcase(folded, pattern) for pattern in _PATTERNS)


def is_library(name: str) -> bool:
    """Whether a program manages the folder with its own database: we write nothing into it."""
    folded = name.casefold()
    return any(fnmatchcase(folded, pattern) for pattern in _LIBRARIES)


def is_in_bin(ref: str) -> bool:
    """Whether a file or folder is in one of these."""
    return any(is_bin(part) for part in PurePosixPath(ref).parts)
