"""A long-running ExifTool, and the only code that passes arguments to it.

ExifTool reads arguments one a line. So nothing passes that could start a new line, or is neither an assignment nor an
absolute path; a name is passed after the `=` of an assignment, as data.
"""

import base64
import json
import re
import shutil
import tempfile
import threading
import unicodedata
import weakref
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from plugin.errors import DamError, WriteRefused
from plugin.hooks.files.exiftool_process import ExifToolProcess

SECONDS = 60
BATCH = 50  # files a call
_DEEPEST = 64  # structures within structures: those that the standards know are five deep

BASE64 = "base64:"
Fields = dict[str, object]


@dataclass(frozen=True)
class Assign:
    """A change: `tag` with its group, `=` sets (an empty value deletes), `+=` and `-=` add and remove a list item."""

    tag: str
    how: Literal["=", "+=", "-="]
    value: str


_C_NOTATION = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}
_LINE_SIGNS = re.compile("[\t\n\r]")


def check_text(text: str) -> str:
    """`text` if it fits on one UTF-8 line for ExifTool. Raises WriteRefused."""
    for sign in text:
        if unicodedata.category(sign) in {"Cc", "Cs"}:
            raise WriteRefused("a name or path holds a control character or half a character: take it out")
    return text


class ExifTool:
    """One ExifTool process, started on first use, one call at a time, restricted to `roots`.

    One thread of its own makes all calls. That serialises them, and the kernel ends ExifTool when that thread ends.
    """

    def __init__(self, executable: str, roots: Sequence[Path] = ()) -> None:
        self._executable = executable
        self._roots = tuple(roots)
        self._scratch: Path | None = None
        self._making = threading.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="exiftool")
        self._process: ExifToolProcess | None = None
        self._reached: list[tuple[int, int] | None] = []

    @classmethod
    def find(cls) -> "ExifTool | None":
        path = shutil.which("exiftool")
        return None if path is None else cls(path)

    def open_to(self, root: Path) -> None:
        """Allow access to this folder too."""
        if not any(root.is_relative_to(known) for known in self._roots):
            self._roots = (*self._roots, root)
            self._thread.submit(self._stop).result()  # a confined process gets no new rights

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A temporary folder that ExifTool may read, deleted afterwards."""
        with self._making:
            before, room = self._scratch, self._room()
        if before not in {None, room}:
            self._thread.submit(self._stop).result()  # it may reach only the folder that was removed
        with tempfile.TemporaryDirectory(dir=room) as folder:
            yield Path(folder)

    def _room(self) -> Path:
        if self._scratch is None or not self._scratch.is_dir():
            self._scratch = Path(tempfile.mkdtemp(prefix="facelease-")).resolve()
            weakref.finalize(self, shutil.rmtree, self._scratch, ignore_errors=True)
        return self._scratch

    @property
    def pid(self) -> int | None:
        """The process id; None before the first call."""
        return None if self._process is None else self._process.pid

    def read(
        self, paths: Sequence[Path], fields: Sequence[str], fast: bool = True, copies: bool = False
    ) -> dict[Path, Fields]:
        """The named fields of each path, keyed `Group:Field`; with `copies`, duplicates as `Group:CopyN:Field`.

        A path that cannot be read is missing, or has no `File:FileType`. `fast` skips maker notes and data after a
        JPEG. Numbers are returned as text.
        """
        found: dict[Path, Fields] = {}
        options = ["-j", "-struct", "-G1:4" if copies else "-G1", "-n", "-a", "-u"]
        options += [*(["-fast2"] if fast else []), *fields]
        for start in range(0, len(paths), BATCH):
            batch = paths[start : start + BATCH]
            for entry in self._json(options, [_format_path(p) for p in batch]):
                found[Path(str(entry.pop("SourceFile")))] = entry
        return found

    def block(self, path: Path, name: str) -> bytes:
        """The raw bytes of a metadata block (XMP, IPTC); b"" if there is none."""
        for entry in self._json(["-j", "-b", "-G1", f"-{name}"], [_format_path(path)]):
            for key, value in entry.items():
                if key.endswith(f":{name}"):
                    return to_bytes(str(value))
        return b""

    def edit(self, path: Path, changes: Sequence[Assign]) -> None:
        """Apply `changes` to a file of ours (a missing .xmp is created). Raises WriteRefused where ExifTool refuses."""
        args = [_format_argument(change) for change in changes]
        status, _, complaint = self._call(["-overwrite_original", *args, _format_path(path)])
        if status != 0:
            raise WriteRefused(f"exiftool would not write {path.name}: {complaint.strip()[:200]}")

    def close(self) -> None:
        """Stop ExifTool and delete its scratch folder; a later call restarts it."""
        self._thread.submit(self._stop).result()
        with self._making:
            scratch, self._scratch = self._scratch, None
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)

    def _json(self, options: list[str], paths: list[str]) -> list[Fields]:
        _, out, _ = self._call([*options, *paths])
        if not out.strip():
            return []
        try:
            # Numbers stay text: a name may be 007.
            entries: list[Fields] = json.loads(out, parse_int=str, parse_float=str)
        except (ValueError, RecursionError) as error:
            raise DamError(f"exiftool's answer cannot be read: {error}") from error
        if _is_deep(entries):
            raise DamError("exiftool's answer is nested too deep")
        return entries

    def _call(self, args: list[str]) -> tuple[int, str, str]:
        return self._thread.submit(self._execute, args).result()

    def _execute(self, args: list[str]) -> tuple[int, str, str]:
        try:
            status, out, complaint = self._ensure_process().execute(args, SECONDS)
            return status, out.decode(errors="replace"), complaint.decode(errors="replace")
        except Exception as error:  # its state is unknown: the next call starts another
            self._stop()
            raise DamError(f"exiftool failed: {error}") from error

    def _ensure_process(self) -> ExifToolProcess:
        standing = [_identify_root(root) for root in self._roots]
        if self._process is None or not self._process.usable or self._reached != standing:
            self._stop()  # what it may reach is the folder that was there when it began: a share comes back as another
            self._reached = standing
            with self._making:
                room = self._room()
            self._process = ExifToolProcess(self._executable, [*self._roots, room])
        return self._process

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.stop()


def to_bytes(text: str) -> bytes:
    """The bytes behind ExifTool's text: base64 where they are no text, unless the text only looks like that."""
    if text.startswith(BASE64):
        with suppress(ValueError):
            return base64.b64decode(text.removeprefix(BASE64), validate=True)
    return text.encode("utf-8", "surrogatepass")


def _is_deep(entries: list[Fields]) -> bool:
    level: list[Fields | list[object]] = [*entries]
    for _ in range(_DEEPEST):
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, dict | list)
        ]
    return bool(level)


def _identify_root(root: Path) -> tuple[int, int] | None:
    try:
        found = root.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _format_argument(change: Assign) -> str:
    """One line. A removed value is spelled as another program wrote it: tabs and line ends in C notation."""
    if change.how != "-=" or not _LINE_SIGNS.search(change.value):
        return f"-{check_text(change.tag)}{change.how}{check_text(change.value)}"
    text = f"-{check_text(change.tag)}-={change.value}".replace("\\", "\\\\")
    return "#[CSTR]" + check_text(_LINE_SIGNS.sub(lambda sign: _C_NOTATION[sign[0]], text))


def _format_path(path: Path) -> str:
    if not path.is_absolute():
        raise DamError(f"{path} is not an absolute path")
    return check_text(str(path))
