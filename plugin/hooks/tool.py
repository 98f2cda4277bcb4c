"""ExifTool, kept running, behind the one door through which anything reaches it.

ExifTool takes its arguments one a line. So what could start a new line, or is no assignment and no
absolute path, never passes; names travel behind the `=` of an assignment and are data from there on.
"""

import base64
import json
import os
import re
import select
import shutil
import time
import unicodedata
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from exiftool import ExifTool as PyExifTool
from exiftool import exiftool as pyexiftool

from plugin.errors import DamError, WriteRefused

SECONDS = 60
BATCH = 50  # files a call: their error lines must fit the pipe that is read last
_COMMON = ["-charset", "utf8", "-charset", "filename=utf8", "-q", "-q"]

Fields = dict[str, Any]


@dataclass(frozen=True)
class Assign:
    """One change: `tag` with its group, `=` sets (an empty value deletes), `+=` and `-=` a list's item."""

    tag: str
    how: Literal["=", "+=", "-="]
    value: str


_C_NOTATION = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}
_LINE_SIGNS = re.compile("[\t\n\r]")


def _read_until(fd: int, ending: bytes, block: int) -> bytes:
    """PyExifTool's reader, with an end: its own never returns once ExifTool has died."""
    data = bytearray()
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    deadline = time.monotonic() + SECONDS
    while not bytes(data[-len(ending) - 4 :]).strip().endswith(ending):
        if not poll.poll(max(0, (deadline - time.monotonic()) * 1000)):
            raise TimeoutError(f"exiftool did not answer within {SECONDS} s")
        chunk = os.read(fd, block)
        if not chunk:
            raise EOFError("exiftool stopped")
        data += chunk
    return bytes(data)


pyexiftool._read_fd_endswith = _read_until  # noqa: SLF001 (there is no other seam)


def checked(text: str) -> str:
    """`text` if it can be one line of UTF-8 to ExifTool. Raises WriteRefused."""
    for sign in text:
        if unicodedata.category(sign) in {"Cc", "Cs"}:
            raise WriteRefused("a name or path holds a control character or half a character: take it out")
    return text


class ExifTool:
    """One ExifTool process, started at first use, used by one call at a time.

    All of it happens in one thread of its own: that is the lock, and ExifTool is told by the kernel
    to stop when the thread that started it ends, which must not be a passing one.
    """

    def __init__(self, executable: str) -> None:
        self._executable = executable
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="exiftool")
        self._process: Any = None

    @classmethod
    def find(cls) -> "ExifTool | None":
        """ExifTool if this machine has it."""
        path = shutil.which("exiftool")
        return None if path is None else cls(path)

    def read(
        self, paths: Sequence[Path], fields: Sequence[str], fast: bool = True, copies: bool = False
    ) -> dict[Path, Fields]:
        """The named fields of each path, structures whole, keys as `Group:Field`, of further ones of a kind as
        `Group:CopyN:Field` (`copies`). What cannot be read is absent, or has no `File:FileType`.

        `fast` leaves out maker notes and what follows a JPEG. Numbers come as the text they are.
        """
        found: dict[Path, Fields] = {}
        options = [
            "-j",
            "-struct",
            "-G1:4" if copies else "-G1",
            "-n",
            "-a",
            "-u",
            *(["-fast2"] if fast else []),
            *fields,
        ]
        for start in range(0, len(paths), BATCH):
            batch = paths[start : start + BATCH]
            for entry in self._json(options, [_path(p) for p in batch]):
                found[Path(entry.pop("SourceFile"))] = entry
        return found

    def block(self, path: Path, name: str) -> bytes:
        """A block of metadata (XMP, IPTC) as its bytes are in the file; none where it has none."""
        for entry in self._json(["-j", "-b", "-G1", f"-{name}"], [_path(path)]):
            for key, value in entry.items():
                if key.endswith(f":{name}"):
                    text = str(value)
                    return base64.b64decode(text[7:]) if text.startswith("base64:") else text.encode()
        return b""

    def edit(self, path: Path, changes: Sequence[Assign]) -> None:
        """Carry out `changes` on a file of ours (it is made if an .xmp is not there).

        Raises WriteRefused where ExifTool will not.
        """
        args = [_argument(change) for change in changes]
        status, _, complaint = self._call(["-overwrite_original", *args, _path(path)])
        if status != 0:
            raise WriteRefused(f"exiftool would not write {path.name}: {complaint.strip()[:200]}")

    def close(self) -> None:
        """Stop our ExifTool; a later call starts it again."""
        self._thread.submit(self._stop).result()

    def _json(self, options: list[str], paths: list[str]) -> list[Fields]:
        _, out, _ = self._call([*options, *paths])
        if not out.strip():
            return []
        try:
            # Left as text: 007 is a name as good as any.
            entries: list[Fields] = json.loads(out, parse_int=str, parse_float=str)
        except ValueError as error:
            raise DamError(f"exiftool's answer cannot be read: {error}") from error
        return entries

    def _call(self, args: list[str]) -> tuple[int, str, str]:
        return self._thread.submit(self._execute, args).result()

    def _execute(self, args: list[str]) -> tuple[int, str, str]:
        try:
            tool = self._running()
            out = tool.execute(*(a.encode() for a in args), raw_bytes=True)
            complaint = tool.last_stderr
            return int(tool.last_status), out.decode(errors="replace"), complaint.decode(errors="replace")
        except Exception as error:  # whatever it was, this process is not to be trusted again
            self._stop()
            raise DamError(f"exiftool failed: {error}") from error

    def _running(self) -> Any:
        if self._process is None or self._process._process.poll() is not None:  # noqa: SLF001
            self._stop()
            # An empty configuration: a user's own ~/.ExifTool_config is Perl that would be run.
            self._process = PyExifTool(self._executable, _COMMON, config_file="", encoding="utf-8")
            self._process.run()
        return self._process

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with suppress(OSError, ValueError), warnings.catch_warnings(action="ignore"):
                process.terminate(timeout=5)


def _argument(change: Assign) -> str:
    """One line. What is to be taken out is as another program spelled it: with tabs or line ends, in C's notation."""
    if change.how != "-=" or not _LINE_SIGNS.search(change.value):
        return f"-{checked(change.tag)}{change.how}{checked(change.value)}"
    text = f"-{checked(change.tag)}-={change.value}".replace("\\", "\\\\")
    return "#[CSTR]" + checked(_LINE_SIGNS.sub(lambda sign: _C_NOTATION[sign[0]], text))


def _path(path: Path) -> str:
    if not path.is_absolute():
        raise DamError(f"{path} is not an absolute path")
    return checked(str(path))
