"""Root without root's powers over files, for a block of a test: as a plain account meets a tree of other accounts.

In CI, and here, tests run as root; who runs them as somebody else has no such powers, and needs nothing taken away.
"""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

POWERS = (0, 1, 2, 3)  # CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER
_VERSION_3 = 0x20080522
_LIBC = ctypes.CDLL(None, use_errno=True)


def _call(function: str, data: "ctypes.Array[ctypes.c_uint32]") -> None:
    head = (ctypes.c_uint32 * 2)(_VERSION_3, 0)
    if getattr(_LIBC, function)(head, data) != 0:
        raise OSError(ctypes.get_errno(), f"{function} failed")


@contextmanager
def plain_account() -> Iterator[None]:
    """Of this thread, and of those that it starts meanwhile."""
    if os.geteuid() != 0:
        yield
        return
    before = (ctypes.c_uint32 * 6)()
    _call("capget", before)
    less = (ctypes.c_uint32 * 6)(*before)
    for power in POWERS:
        less[0] &= ~(1 << power)
    _call("capset", less)
    try:
        yield
    finally:
        _call("capset", before)
