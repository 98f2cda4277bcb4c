"""Folders in which file servers and programs keep what was thrown away, older states, and small copies."""

from fnmatch import fnmatchcase
from pathlib import PurePosixPath

_NAMES = frozenset({
    "#recycle", "@recycle", ".recycle", "$recycle.bin", "recycler", "network trash folder", "lost+found",
    "#snapshot", "@snapshot", "@recently-snapshot", ".snapshot", ".snapshots", "~snapshot", ".zfs",
    "system volume information", ".stversions", ".sync", "@eadir", ".@__thumb", ".@upload_cache", ".thumbnails",
    ".appledouble", ".spotlight-v100", ".fseventsd", ".documentrevisions-v100", ".temporaryitems", "temporary items",
})  # fmt: skip
_PATTERNS = (".trash*", "*.lrdata")
_LIBRARIES = ("*.photoslibrary", "*.photolibrary", "*.aplibrary", "*.migratedphotolibrary", "*.lrlibrary")


def is_bin(name: str) -> bool:
    """Whether a folder of this name is a bin, a snapshot, or a program's own copies: never part of the library."""
    folded = name.casefold()
    return folded in _NAMES or any(fnmatchcase(folded, pattern) for pattern in _PATTERNS)


def is_library(name: str) -> bool:
    """Whether a folder is one that a program manages with a database of its own: nothing is written into it."""
    folded = name.casefold()
    return any(fnmatchcase(folded, pattern) for pattern in _LIBRARIES)


def is_in_bin(ref: str) -> bool:
    """Whether a file or folder lies in one of these."""
    return any(is_bin(part) for part in PurePosixPath(ref).parts)
