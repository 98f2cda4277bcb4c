"""A share that hangs, for tests: a FUSE mount whose program is stopped, so that every call into it waits."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class Share:
    """A folder that is mounted at `path`; it hangs while its program is stopped."""

    def __init__(self, path: Path, program: "subprocess.Popen[bytes]") -> None:
        self.path, self._program = path, program

    def hang(self) -> None:
        """From now on no call into it returns."""
        self._program.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """What waits is answered."""
        self._program.send_signal(signal.SIGCONT)


@contextmanager
def mounted(root: Path) -> Iterator[Share]:
    """`root`/behind, seen at `root`/photos. Skips where this machine may mount nothing."""
    program, unmount = shutil.which("bindfs"), shutil.which("fusermount") or shutil.which("fusermount3")
    if program is None or unmount is None or not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("needs bindfs, and the right to mount")
    behind, path = root / "behind", root / "photos"
    behind.mkdir()
    path.mkdir()
    # No thread of the kernel's remembers anything: each question comes to the program.
    options = ["-o", "attr_timeout=0,entry_timeout=0,negative_timeout=0"]
    process = subprocess.Popen([program, "-f", *options, str(behind), str(path)])
    try:
        ends = time.monotonic() + 20
        while not os.path.ismount(path):
            if process.poll() is not None or time.monotonic() > ends:
                pytest.skip("bindfs may not mount here")
            time.sleep(0.02)
        yield Share(path, process)
    finally:
        process.send_signal(signal.SIGCONT)
        subprocess.run([unmount, "-uz", str(path)], check=False)
        process.terminate()
        process.wait(20)
