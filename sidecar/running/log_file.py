"""A log file that rotates daily and that several processes write: whole lines, none lost at the rotation."""

import fcntl
import json
import logging
import os
import sys
import time
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path


class DailyLogFile(logging.Handler):
    """Appends to the file at `path`, one write a line, while other processes write or rotate it.

    The first line of a day renames the file of the day before to PATH.2026-11-30 (UTC); other processes reopen the
    path at their next line. An error of writing is reported once, on standard error, and raises nothing.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._fd = -1
        self._day = date.min
        self._lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            line = (self.format(record) + "\n").encode(errors="backslashreplace")
            self._follow()
            self._write(line)
        except OSError as error:
            self._lose(error)
        except Exception:  # a record that cannot be put into words
            self.handleError(record)

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        super().close()

    def _follow(self) -> None:
        """Reopen the file if it was renamed, and rotate it if it is of a day before."""
        today = _utc_day(time.time())
        if not self._is_there():
            self._open(today)
        if self._day < today and self._put_aside():
            if not self._is_there():
                self._open(today)
            self._day = today

    def _is_there(self) -> bool:
        """Whether the open file is the one at the path."""
        if self._fd < 0:
            return False
        try:
            return os.path.samestat(os.fstat(self._fd), self._path.stat())
        except FileNotFoundError:
            return False

    def _open(self, today: date) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, found = fd, os.fstat(fd)
        if found.st_mode & 0o007:  # an earlier version made it; its group's rights are the administrator's choice
            with suppress(PermissionError):
                os.fchmod(fd, found.st_mode & 0o660)
        self._day = min(today, _utc_day(found.st_mtime)) if found.st_size else today

    def _put_aside(self) -> bool:
        """Rename the file to its day; False where another process does so now. Never overwrites a file."""
        aside = self._path.with_name(f"{self._path.name}.{self._day}")
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if self._is_there() and not aside.exists():
                self._path.rename(aside)
        except BlockingIOError:
            return False
        except OSError:
            pass  # a folder or a file system that does not let us: it is written on
        return True

    def _write(self, line: bytes) -> None:
        if self._lost:
            line = self._missing() + line
        size = os.fstat(self._fd).st_size
        if size and os.pread(self._fd, 1, size - 1) != b"\n":  # cut off by a kill or a full disk
            line = b"\n" + line
        while line:
            line = line[os.write(self._fd, line) :]
        self._lost = 0

    def _missing(self) -> bytes:
        at = datetime.now(UTC).isoformat()
        record = {"lines": self._lost, "event": "lines were lost", "level": "error", "timestamp": at}
        return json.dumps(record).encode() + b"\n"

    def _lose(self, error: OSError) -> None:
        self._lost += 1
        if self._lost == 1:
            with suppress(OSError, ValueError):  # it may be shut, or as full
                why = f"cannot be written ({error.strerror})"
                sys.stderr.write(f"the log {self._path} {why}: what happens meanwhile is not in it\n")
                sys.stderr.flush()


def _utc_day(moment: float) -> date:
    return datetime.fromtimestamp(moment, UTC).date()
