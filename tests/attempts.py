"""What somebody tries who has taken over a process by a file: each try answers whether it succeeded.

Run inside the confined processes, and outside of them as a control (`python -m tests.attempts TARGETS`).
"""

import ctypes
import errno
import fcntl
import json
import os
import signal
import socket
import stat
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

Targets = dict[str, Any]
_LIBC = ctypes.CDLL(None, use_errno=True)
_SEIZE, _NEW_USER, _REMOVE = 0x4206, 0x10000000, 0
PRIVILEGED = frozenset(
    {"read /etc/shadow", "read memory of the parent", "ptrace the parent", "io_uring", "new user namespace"}
)
"""Those that a machine may refuse to anybody but root; a control does not count on them."""


def tries(targets: Targets) -> dict[str, bool]:
    """Every try by name, and whether it succeeded."""
    parent = os.getppid()
    attempts: dict[str, Callable[[], object]] = {f"read {path}": partial(_read, path) for path in targets["files"]}
    attempts |= {f"list {path}": partial(os.listdir, path) for path in targets["folders"]}
    attempts |= {
        "read environment of the parent": lambda: _read(f"/proc/{parent}/environ"),
        "read memory of the parent": lambda: _memory(parent),
        "list descriptors of the parent": lambda: list(Path(f"/proc/{parent}/fd").iterdir()),
        "list processes": lambda: _read(f"/proc/{parent}/cmdline"),
        "environment holds a secret": lambda: _need(targets["secret"] in os.environ.values()),
        "inherit a descriptor": lambda: _need(_inherits(targets["inode"])),
        "TCP": lambda: socket.create_connection(("127.0.0.1", targets["tcp"]), 2).close(),
        "listen on TCP": _listen,
        "UDP": lambda: _datagram(targets["udp"]),
        "Unix socket": lambda: _unix(targets["unix"]),
        "pair of sockets": socket.socketpair,
        "memory as a file": lambda: os.memfd_create("x"),
        "io_uring": lambda: _call(425, 1, ctypes.create_string_buffer(120)),
        "signal to the parent": lambda: os.kill(parent, 0),
        "ptrace the parent": lambda: _need(_LIBC.ptrace(_SEIZE, parent, None, None) == 0),
        "fork": _fork,
        "start a program": _execute,
        "write a new file": lambda: Path(targets["outside"], "new").write_text("x"),
        "add to a file": lambda: _add_to(targets["victim"]),
        "open a file to all": lambda: Path(targets["victim"]).chmod(0o666),
        "set times": lambda: os.utime(targets["victim"], (1, 1)),
        "cut off a file": lambda: os.truncate(targets["victim"], 0),
        "read attributes of a file": lambda: os.listxattr(targets["victim"]),
        "make a folder": lambda: Path(targets["outside"], f"folder{os.getpid()}").mkdir(),
        "take a file away": lambda: Path(targets["victim"]).unlink(),
        "raise limits": _raise_limits,
        "send a signal by a pipe": lambda: _signal_by_pipe(parent),
        "say where the parent runs": lambda: os.sched_setaffinity(parent, os.sched_getaffinity(parent)),
        "watch a folder": lambda: _watch(targets["outside"]),
        "abstract socket": lambda: _unix(targets["abstract"]),
        "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close(),
        "shared memory": _shared_memory,
        "write where memory is a file": _file_in_memory,
        "new user namespace": lambda: _need(_LIBC.unshare(_NEW_USER) == 0),
    }
    return {name: _tried(attempt) for name, attempt in attempts.items()}


def answer(header: Targets, _parts: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
    """To `confinement.reader`."""
    return {"tries": tries(header["targets"])}, []


def _tried(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except Exception:
        return False
    return True


def _need(held: bool) -> None:
    if not held:
        raise OSError


def _read(path: str) -> None:
    with Path(path).open("rb") as file:
        file.read(1)


def _memory(pid: int) -> None:
    with Path(f"/proc/{pid}/mem").open("rb") as file:
        file.fileno()


def _inherits(inode: int) -> bool:
    found = []
    for descriptor in range(3, 256):
        try:
            found.append(os.fstat(descriptor))
        except OSError:
            continue
    return any(stat.S_ISREG(one.st_mode) and one.st_ino == inode for one in found)


def _listen() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))


def _datagram(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
        sending.sendto(b"x", ("127.0.0.1", port))


def _unix(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as sending:
        sending.connect(path)


def _call(number: int, *arguments: Any) -> None:
    _need(_LIBC.syscall(number, *arguments) >= 0)


def _fork() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def _execute() -> None:
    """A path that leads nowhere: where programs may be started, that is what is wrong with it."""
    try:
        os.execv("/bin/sh/nowhere", ["sh"])
    except OSError as error:
        _need(error.errno == errno.ENOTDIR)


def _signal_by_pipe(pid: int) -> None:
    """Have the kernel tell it that a pipe is ready, by a signal of our choice; 18 goes on, and harms nobody."""
    readable, writable = os.pipe()
    try:
        fcntl.fcntl(readable, fcntl.F_SETOWN, pid)
        fcntl.fcntl(readable, fcntl.F_SETSIG, signal.SIGCONT)
    finally:
        os.close(readable)
        os.close(writable)


def _shared_memory() -> None:
    number = _LIBC.shmget(0, 4096, 0o1600)
    _need(number >= 0)
    _LIBC.shmctl(number, _REMOVE, None)


def _file_in_memory() -> None:
    path = Path(f"/dev/shm/facelease{os.getpid()}")
    path.write_text("x")
    path.unlink()


def _watch(path: str) -> None:
    watching = _LIBC.inotify_init()
    _need(watching >= 0 and _LIBC.inotify_add_watch(watching, path.encode(), 0xFFF) >= 0)


def _add_to(path: str) -> None:
    with Path(path).open("ab") as file:
        file.write(b"x")


def _raise_limits() -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))


if __name__ == "__main__":
    print(json.dumps(tries(json.loads(sys.argv[1]))))
