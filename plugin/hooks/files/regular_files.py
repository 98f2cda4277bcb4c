"""Opens regular files only: a pipe would block, and a device may have side effects."""

import errno
import hashlib
import os
import stat
from io import BufferedReader
from pathlib import Path

_NO_WAITING = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class NotRegular(OSError):
    """A pipe, a device or a folder."""


def is_regular(path: Path) -> bool:
    """Whether the path leads to a regular file; False for a broken link. Raises OSError."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}:
            return False
        raise


def open_regular(path: Path) -> BufferedReader:
    """The file, open for reading. Raises OSError; a file that is not regular is not opened."""
    _refuse_irregular(path, path.stat())
    handle = os.open(path, _NO_WAITING)
    try:
        _refuse_irregular(path, os.fstat(handle))  # it may be another by now
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read(path: Path) -> bytes:
    """The whole file. Raises OSError."""
    with open_regular(path) as file:
        return file.read()


def digest(path: Path) -> "hashlib._Hash":
    """The SHA-256 of the file. Raises OSError."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256")


def _refuse_irregular(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise NotRegular(errno.EINVAL, "it is a pipe, a device or a folder, and no file", str(path))
