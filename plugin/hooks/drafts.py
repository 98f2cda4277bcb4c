"""Files replaced as a whole or not at all: drafted beside, put in place by a rename."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from plugin.errors import DamError, ResourceGone, WriteRefused

PREFIX = ".facelease-"
"""What every draft's name begins with: what a crash left behind is known by it."""


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the operating system says about `path` into our errors."""
    try:
        yield
    except FileNotFoundError as error:
        raise ResourceGone(f"{path} is no longer there") from error
    except PermissionError as error:
        raise WriteRefused(f"{path}: permission denied; give FaceLease's account write access") from error
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        raise DamError(f"{path}: {'the disk is full' if full else error.strerror}") from error


@dataclass(frozen=True)
class _Draft:
    target: Path
    temp: Path | None
    before: os.stat_result | None


class Drafts:
    """What is about to change, all of it or, on leaving without commit(), nothing."""

    def __init__(self) -> None:
        self._drafts: list[_Draft] = []
        self._temps: list[Path] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for temp in self._temps:
            temp.unlink(missing_ok=True)
            temp.with_name(temp.name + "_exiftool_tmp").unlink(missing_ok=True)

    def replace(self, target: Path, before: os.stat_result | None) -> Path:
        """A path beside `target` to write its new contents to; `before` is what was read, None if nothing."""
        temp = self.scratch(target)
        self._drafts.append(_Draft(target, temp, before))
        return temp

    def scratch(self, like: Path, ending: str | None = None) -> Path:
        """A path beside `like`, of its ending or another, for a file that is gone when we leave."""
        suffix = like.suffix.lower() if ending is None else ending
        temp = like.with_name(f"{PREFIX}{secrets.token_hex(8)}{suffix}")
        self._temps.append(temp)
        return temp

    def mark(self) -> int:
        """How many changes are drafted now, for drop()."""
        return len(self._drafts)

    def drop(self, mark: int) -> None:
        """Give up what was drafted since mark()."""
        del self._drafts[mark:]

    def delete(self, target: Path, before: os.stat_result) -> None:
        """Have `target` deleted; a draft to replace it is dropped."""
        self._drafts.append(_Draft(target, None, before))

    def commit(self, like: Path) -> None:
        """Put everything in place; a new file gets mode and owner of `like`.

        Raises DamError where a file was changed by another since it was read: try again.
        """
        last = {draft.target: draft for draft in self._drafts}
        model = like.stat()
        for draft in last.values():
            if draft.temp is not None:
                with explained(draft.target):
                    _finish(draft.temp, draft.target, draft.before, model)
        for draft in last.values():
            _unchanged(draft)
        for draft in last.values():
            with explained(draft.target):
                draft.target.unlink() if draft.temp is None else draft.temp.replace(draft.target)
        for folder in {target.parent for target in last}:
            _sync(folder, os.O_RDONLY | os.O_DIRECTORY)


def _finish(temp: Path, target: Path, before: os.stat_result | None, model: os.stat_result) -> None:
    """Give a draft what the old file had beside its contents, and bring it to the disk.

    Its time of change is now: backups must notice that the bytes are others.
    """
    temp.chmod((before or model).st_mode & (0o7777 if before else 0o666))
    _own(temp, before or model, required=before is not None)
    if before is not None:
        for name in os.listxattr(target):
            with suppress(OSError):  # those of the security modules are the system's own to set
                os.setxattr(temp, name, os.getxattr(target, name))
    _sync(temp, os.O_RDONLY)


def _own(temp: Path, like: os.stat_result, required: bool) -> None:
    now = temp.stat()
    if (now.st_uid, now.st_gid) == (like.st_uid, like.st_gid):
        return
    try:
        os.chown(temp, like.st_uid, like.st_gid)
    except PermissionError:
        if required:
            raise


def _unchanged(draft: _Draft) -> None:
    with explained(draft.target):
        now = draft.target.stat() if draft.before or draft.target.exists() else None
    if _mark(now) != _mark(draft.before):
        raise DamError(f"{draft.target} was changed by another program meanwhile; it is tried again")


def _mark(stat: os.stat_result | None) -> tuple[int, ...]:
    return () if stat is None else (stat.st_ino, stat.st_size, stat.st_mtime_ns)


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
