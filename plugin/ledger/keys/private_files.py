"""Small files that survive a crash and are readable by their owner only."""

import fcntl
import os
import stat
from collections.abc import Callable
from pathlib import Path

from plugin.errors import FaceLeaseError


def make_folder(folder: Path) -> None:
    """Create `folder` for its owner only, unless it exists."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def refuse_open_to_others(path: Path, error: type[FaceLeaseError]) -> None:
    """Raise `error` where the group or the world may read or write `path`."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise error(f"{path} is open to others (mode {mode:o}): run `chmod 600 {path}`")


def write_secret(path: Path, data: bytes, fresh: bool = False) -> None:
    """Write `data` to `path` for its owner only, atomically and durably.

    The old content is overwritten with zeros; after a crash the next call does that. Raises FileExistsError if `fresh`
    and the file exists.
    """
    make_folder(path.parent)
    half, old = path.with_name(f".{path.name}.new"), path.with_name(f".{path.name}.old")
    _clear(half, path)
    _clear(old, path)
    handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    if fresh:
        try:
            os.link(half, path)  # fails where the file exists, unlike a rename
        finally:
            half.unlink()
    else:
        if path.exists():
            os.link(path, old)
        half.replace(path)
    sync_folder(path.parent)
    _clear(old, path)


def destroy(path: Path) -> None:
    """Overwrite `path` with zeros in place and delete it.

    Old blocks that a copying file system or an SSD keeps are out of reach.
    """
    with path.open("r+b") as file:
        file.write(b"\0" * path.stat().st_size)
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    sync_folder(path.parent)


def _clear(spare: Path, living: Path) -> None:
    """Destroy what a crash left at `spare`, unless it is a hard link to `living`."""
    if not spare.exists():
        return
    if living.exists() and spare.samefile(living):
        spare.unlink()
    else:
        destroy(spare)


TORN = b" #torn\n"
"""Ends a line that a crash left incomplete."""


def append_lines(path: Path, lines: bytes, whole: Callable[[bytes], bool]) -> None:
    """Append `lines` durably, for the owner only.

    Concurrent processes may do so. A last line without its end, left by a crash, is completed: with TORN if `whole`
    says that it is incomplete.
    """
    fresh = not path.exists()
    make_folder(path.parent)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        data = _mend(handle, whole) + lines
        while data:
            data = data[os.write(handle, data) :]
        os.fsync(handle)
    finally:
        os.close(handle)
    if fresh:
        sync_folder(path.parent)


def _mend(handle: int, whole: Callable[[bytes], bool]) -> bytes:
    size = os.fstat(handle).st_size
    if size == 0 or os.pread(handle, 1, size - 1) == b"\n":
        return b""
    tail = os.pread(handle, min(size, 65536), max(0, size - 65536)).rpartition(b"\n")[2]
    return b"\n" if whole(tail) else TORN


def sync_folder(folder: Path) -> None:
    """Make a new or renamed entry of `folder` durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
