"""Files beside a photograph that describe it: its sidecars, and its folder's lists of names."""

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from plugin.hooks.files import xmp_file_paths
from plugin.hooks.names_in_files import picasa


class FolderListing(NamedTuple):
    """The names in one folder; `lists`: the lists of names among them."""

    names: frozenset[str]
    lists: tuple[str, ...]

    @classmethod
    def of(cls, names: Iterable[str]) -> "FolderListing":
        every = frozenset(names)
        return cls(every, tuple(sorted(name for name in every if picasa.is_picasa_list(name))))


def list_names(folder: Path) -> frozenset[str]:
    """The names in a folder, without a Path for each: there may be 20,000. Raises OSError."""
    return frozenset(os.listdir(folder))  # noqa: PTH208


class Listings:
    """A cache of folder listings, for one moment."""

    def __init__(self) -> None:
        self._known: dict[Path, FolderListing] = {}

    def of(self, folder: Path) -> FolderListing:
        """The names in the folder. Raises OSError."""
        if folder not in self._known:
            self._known[folder] = FolderListing.of(list_names(folder))
        return self._known[folder]


def find_changed_ns(path: Path, listing: FolderListing) -> int:
    """The newest ctime of the photograph and the files that describe it."""
    beside = [*xmp_file_paths.list_sidecars(path.name, listing.names), *listing.lists]
    return max(path.stat().st_ctime_ns, *(_read_stat(path.with_name(name))[2] for name in beside), 0)


def build_stamp(path: Path, listing: FolderListing) -> int | None:
    """One number for the stat of those files, None without any.

    It includes ctime: exiftool -P and others restore mtime.
    """
    beside = [*xmp_file_paths.list_sidecars(path.name, listing.names), *listing.lists]
    if not beside:
        return None
    looks = repr([(name, *_read_stat(path.with_name(name))) for name in beside])
    return int.from_bytes(hashlib.blake2b(looks.encode(), digest_size=8).digest(), signed=True)


def _read_stat(path: Path) -> tuple[int, int, int]:
    """A broken link and an unreachable file have a stat too."""
    for look in (path.stat, path.lstat):
        with suppress(OSError):
            now = look()
            return now.st_size, now.st_mtime_ns, now.st_ctime_ns
    return -1, 0, 0
