"""Confines this process: limits, capabilities, Landlock and seccomp, in the order that works."""

import ctypes
import resource
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from plugin.confinement import landlock, seccomp
from plugin.confinement.landlock import Right

_NO_NEW_PRIVILEGES, _DROP_BOUND = 38, 24
_CAPABILITIES = 0x20080522  # the version of their format
_KEPT = 0b1111  # to own, read and write files as root does, where Landlock still allows it
_LIBC = ctypes.CDLL(None, use_errno=True)
_MEGA = 2**20


@dataclass(frozen=True)
class Bounds:
    """What stays allowed: `paths` with the rights beneath each, and limits.

    `cpu_seconds`: in total, 0 for no limit. `file_mb`: the largest file written. `runs`: the process will start a
    program. `threads`: it will start more threads, which count against all of this account.
    """

    paths: Sequence[tuple[Path, Right]]
    memory_mb: int
    cpu_seconds: int = 0
    file_mb: int = 0
    open_files: int = 64
    runs: bool = False
    threads: bool = False


@dataclass(frozen=True)
class Confinement:
    """Which measures are in force. `landlock`: its ABI version, 0 for none."""

    landlock: int
    seccomp: bool
    threads: int = 1
    limits: bool = True

    def to_json(self) -> dict[str, object]:
        return asdict(self)

    @classmethod
    def from_json(cls, tree: object) -> "Confinement":
        if not isinstance(tree, dict):
            raise TypeError("no confinement")
        return cls(int(tree["landlock"]), bool(tree["seccomp"]), int(tree["threads"]), bool(tree["limits"]))

    @property
    def lacking(self) -> tuple[str, ...]:
        """The measures that are not in force, by name."""
        return tuple(
            word
            for word, held in (
                ("Landlock", self.landlock > 0 and self.threads == 1),
                ("Landlock for TCP (ABI 4)", self.landlock >= 4 or self.seccomp),
                ("seccomp", self.seccomp),
                ("limits of memory and time", self.limits),
            )
            if not held
        )


def confine(bounds: Bounds) -> Confinement:
    """Give up everything but `bounds`, irrevocably. The result says what the kernel did not do; the rest is done."""
    threads = _count_threads()
    limits = _set_limits(bounds)
    _LIBC.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    _drop_capabilities()
    version = landlock.restrict_paths(bounds.paths)
    names = (*seccomp.ALWAYS_REFUSED, *(() if bounds.runs else (*seccomp.STARTING_CALLS, *seccomp.FILE_TIME_CALLS)))
    return Confinement(
        version, seccomp.refuse_calls((*names, *(() if bounds.threads else seccomp.THREAD_CALLS))), threads, limits
    )


def _count_threads() -> int:
    """The number of threads: Landlock applies to the calling one and those it starts."""
    try:
        return sum(1 for _ in Path("/proc/self/task").iterdir())
    except OSError:
        return 1


def _set_limits(bounds: Bounds) -> bool:
    limits = {resource.RLIMIT_CORE: 0, resource.RLIMIT_DATA: bounds.memory_mb * _MEGA}
    limits |= {resource.RLIMIT_FSIZE: bounds.file_mb * _MEGA, resource.RLIMIT_NOFILE: bounds.open_files}
    if bounds.cpu_seconds:
        limits[resource.RLIMIT_CPU] = bounds.cpu_seconds
    for kind, most in limits.items():
        hard = resource.getrlimit(kind)[1]
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        try:
            resource.setrlimit(kind, (least, least))
        except (OSError, ValueError):
            return False
    return True


def _drop_capabilities() -> None:
    """Drop root's capabilities except those about files; other accounts have none."""
    header, found = struct.pack("=Ii", _CAPABILITIES, 0), ctypes.create_string_buffer(24)
    if _LIBC.capget(header, found) != 0:
        return
    for number in range(64):
        if not _KEPT >> number & 1:
            _LIBC.prctl(_DROP_BOUND, number, 0, 0, 0)
    effective, permitted, _, *_ = struct.unpack("=6I", found.raw)
    _LIBC.capset(header, struct.pack("=6I", effective & _KEPT, permitted & _KEPT, 0, 0, 0, 0))
