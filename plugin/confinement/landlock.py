"""Landlock: which files this process may still reach, by three system calls with the same numbers everywhere.

Support is tested by the call itself: the kernel version says nothing where a container denies it.
"""

import ctypes
import os
import struct
from collections.abc import Iterable
from contextlib import suppress
from enum import IntFlag
from pathlib import Path

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_ASK_VERSION, _BENEATH = 1, 1
_BIND_TCP, _CONNECT_TCP = 1, 2
_ABSTRACT_SOCKETS, _SIGNALS = 1, 2
_LIBC = ctypes.CDLL(None, use_errno=True)


class Right(IntFlag):
    """Rights beneath a path, as the kernel numbers them."""

    EXECUTE = 1
    WRITE_FILE = 1 << 1
    READ_FILE = 1 << 2
    READ_DIR = 1 << 3
    REMOVE_FILE = 1 << 5
    MAKE_REG = 1 << 8
    TRUNCATE = 1 << 14


READ = Right.READ_FILE | Right.READ_DIR
RUN = Right.READ_FILE | Right.EXECUTE
WRITE = READ | Right.WRITE_FILE | Right.REMOVE_FILE | Right.MAKE_REG | Right.TRUNCATE
_OF_FILES = Right.EXECUTE | Right.WRITE_FILE | Right.READ_FILE | Right.TRUNCATE


def find_abi() -> int:
    """The usable Landlock ABI version; 0 for none."""
    return max(0, _call(_CREATE, None, 0, _ASK_VERSION))


def restrict_paths(rights: Iterable[tuple[Path, Right]]) -> int:
    """Restrict this thread, and what it starts, to these paths, without TCP. Returns the ABI version; 0: no effect.

    Needs PR_SET_NO_NEW_PRIVS. Skips missing paths.
    """
    version = find_abi()
    if not version:
        return 0
    every = _list_rights(version)
    tcp = _BIND_TCP | _CONNECT_TCP if version >= 4 else 0
    scoped = _ABSTRACT_SOCKETS | _SIGNALS if version >= 6 else 0
    attributes = struct.pack("=QQQ", every, tcp, scoped)[: 24 if version >= 6 else 16 if version >= 4 else 8]
    ruleset = _call(_CREATE, attributes, len(attributes), 0)
    if ruleset < 0:
        return 0
    try:
        for path, right in rights:
            _allow(ruleset, path, right & every)
        return version if _call(_RESTRICT, ruleset, 0) == 0 else 0
    finally:
        os.close(ruleset)


def _list_rights(version: int) -> int:
    """Every right that this version can restrict."""
    bits = 13 + (version >= 2) + (version >= 3) + (version >= 5)
    return int((1 << bits) - 1)


def _allow(ruleset: int, path: Path, right: int) -> None:
    with suppress(OSError):
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            given = right if path.is_dir() else right & _OF_FILES
            _call(_ADD, ruleset, _BENEATH, struct.pack("=Qi", given, beneath), 0)
        finally:
            os.close(beneath)


def _call(number: int, *arguments: int | bytes | None) -> int:
    given = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    return int(_LIBC.syscall(ctypes.c_long(number), *given))
