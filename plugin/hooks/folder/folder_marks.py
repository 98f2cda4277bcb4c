"""Identifies a folder across renames: by inode number and birth time.

The inode survives a rename and a move within a file system, not a copy, and is reused; together with the birth time it
is unique. Without birth times the inode is used alone.
"""

import ctypes
import os
import stat
import struct
from pathlib import Path

_AT_FDCWD, _NO_FOLLOW, _INO_AND_BIRTH, _BIRTH = -100, 0x100, 0x900, 0x800
_SIZE, _BIRTH_AT = 256, 80
_LIBC = ctypes.CDLL(None, use_errno=True)


def find_mark(path: Path) -> str | None:
    """The mark of a folder; None for anything else, links included."""
    try:
        found = path.stat(follow_symlinks=False)
    except OSError:
        return None
    if not stat.S_ISDIR(found.st_mode):
        return None
    birth = _read_birth(path)
    return f"{found.st_ino}" if birth is None else f"{found.st_ino}.{birth}"


def is_out_of_reach(path: Path) -> bool:
    """Whether the path cannot be examined, which differs from not existing."""
    try:
        path.stat(follow_symlinks=False)
    except OSError as error:
        return not isinstance(error, FileNotFoundError | NotADirectoryError)
    return False


def is_unique(mark: str) -> bool:
    """Whether no other folder can ever have this mark."""
    return "." in mark


def _read_birth(path: Path) -> str | None:
    """The birth time by statx(2), which Python does not offer."""
    call = getattr(_LIBC, "statx", None)
    if call is None:
        return None
    answer = ctypes.create_string_buffer(_SIZE)
    if call(_AT_FDCWD, os.fsencode(path), _NO_FOLLOW, _INO_AND_BIRTH, answer) != 0:
        return None
    (told,) = struct.unpack_from("=I", answer.raw, 0)
    seconds, fraction = struct.unpack_from("=qI", answer.raw, _BIRTH_AT)
    return f"{seconds}.{fraction}" if told & _BIRTH else None
