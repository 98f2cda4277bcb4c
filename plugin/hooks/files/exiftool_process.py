"""A confined ExifTool process: arguments on stdin, answers on two pipes with an end marker each.

PyExifTool would start it with our environment and rights, and offers no way to change that.
"""

import os
import re
import secrets
import selectors
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from subprocess import PIPE
from typing import IO, cast

from plugin.confinement import environment as child_environment
from plugin.confinement import launch, wire

_COMMON = ["-charset", "utf8", "-charset", "filename=utf8", "-q", "-q"]
_BUSY_SECONDS, _CPU_SECONDS = 900, 1200  # it is replaced before its time is used up
_MEMORY_MB, _FILE_MB = 1024, 8192
_MOST = 256 * 2**20  # bytes of one answer
_BLOCK = 65_536


class ExifToolProcess:
    """An ExifTool that may read and write under `roots` only. For one thread."""

    def __init__(self, executable: str, roots: Sequence[Path]) -> None:
        bounds: dict[str, object] = {"write": [str(root) for root in roots], "memory_mb": _MEMORY_MB}
        bounds |= {"cpu_seconds": _CPU_SECONDS, "file_mb": _FILE_MB}
        # An empty configuration: a user's own ~/.ExifTool_config is Perl that would be run.
        arguments = ["-config", "", "-stay_open", "True", "-@", "-", "-common_args", *_COMMON]
        command, environment = (
            launch.build_command(bounds, executable, *arguments),
            child_environment.build_environment(),
        )
        self._process = subprocess.Popen(  # noqa: S603 (the program that was found, confined)
            command, stdin=PIPE, stdout=PIPE, stderr=PIPE, cwd="/", start_new_session=True, env=environment
        )
        self._busy = 0.0

    @property
    def usable(self) -> bool:
        """Whether it runs and has CPU time left."""
        return self._process.poll() is None and self._busy < _BUSY_SECONDS

    @property
    def pid(self) -> int:
        """The launcher's process id, which ExifTool keeps."""
        return self._process.pid

    def execute(self, arguments: Sequence[str], seconds: float) -> tuple[int, bytes, bytes]:
        """Exit status, stdout and stderr of one call. Raises OSError or ValueError where it does not answer."""
        began = time.monotonic()
        number = secrets.randbelow(10**12)
        lines = [*arguments, "-echo4", f"{{said{number}=${{status}}}}", f"-execute{number}", ""]
        timer = threading.Timer(seconds, self._process.kill)  # one that does not even read what it is asked
        timer.daemon = True
        timer.start()
        try:
            stdin = cast(IO[bytes], self._process.stdin)
            stdin.write("\n".join(lines).encode())
            stdin.flush()
            out, complaint = self._read(number, began + seconds)
        finally:
            timer.cancel()
        self._busy += time.monotonic() - began
        said = re.search(rb"\{said[0-9]+=([0-9]+)\}\s*$", complaint)
        if said is None:
            raise ValueError("exiftool did not say how it went")
        return int(said[1]), out, complaint[: said.start()]

    def _read(self, number: int, deadline: float) -> tuple[bytes, bytes]:
        """Both pipes, each up to its end marker."""
        process = self._process
        ends = {process.stdout: b"{ready%d}" % number, process.stderr: b"}"}
        found = {process.stdout: bytearray(), process.stderr: bytearray()}
        status = b"{said%d=" % number
        with selectors.DefaultSelector() as waiting:
            for pipe in ends:
                waiting.register(cast(IO[bytes], pipe), selectors.EVENT_READ)
            while waiting.get_map():
                ready = waiting.select(max(0, deadline - time.monotonic()))
                if not ready:
                    raise TimeoutError("exiftool did not answer in time")
                for key, _ in ready:
                    data = found[cast(IO[bytes], key.fileobj)]
                    data += _read_block(key.fd)
                    if len(data) > _MOST:
                        raise ValueError("exiftool's answer is larger than any that is expected")
                    last = bytes(data[-200:]).rstrip()
                    if last.endswith(ends[cast(IO[bytes], key.fileobj)]) and (
                        key.fileobj is process.stdout or status in last
                    ):
                        waiting.unregister(key.fileobj)
        out = bytes(found[process.stdout]).rstrip().removesuffix(ends[process.stdout])
        return out, bytes(found[process.stderr])

    def stop(self) -> None:
        wire.end_process(self._process)


def _read_block(descriptor: int) -> bytes:
    data = os.read(descriptor, _BLOCK)
    if not data:
        raise EOFError("exiftool stopped")
    return data
