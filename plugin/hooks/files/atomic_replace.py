"""Replaces files atomically: written beside the target, then renamed."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from plugin.errors import DamError, ResourceGone, Unreadable, WriteRefused

_EXPLANATIONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk is full",
    errno.EROFS: "the folder is read-only here: names wait until FaceLease may write",
}
PREFIX = ".facelease-"
"""What every draft's name begins with: what a crash left behind is known by it."""

_UNSUPPORTED = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EBADF, errno.EPERM, errno.EACCES})


@contextmanager
def explain_os_errors(path: Path) -> Iterator[None]:
    """Translate OSErrors about `path` into DamErrors."""
    try:
        yield
    except FileNotFoundError as error:
        raise ResourceGone(f"{path} is no longer there") from error
    except PermissionError as error:
        raise WriteRefused(f"{path}: permission denied; give FaceLease's account write access") from error
    except OSError as error:
        raise DamError(f"{path}: {_EXPLANATIONS.get(error.errno or 0, error.strerror)}") from error


@contextmanager
def explain_read_errors(path: Path) -> Iterator[None]:
    """The same for reads: Unreadable, ResourceGone."""
    try:
        yield
    except FileNotFoundError as error:
        raise ResourceGone(f"{path} is no longer there") from error
    except OSError as error:
        why = (
            "permission denied; give FaceLease's account access"
            if isinstance(error, PermissionError)
            else error.strerror
        )
        raise Unreadable(f"{path} cannot be read: {why}") from error


@dataclass(frozen=True)
class _Draft:
    target: Path
    temp: Path | None
    before: os.stat_result | None


class Drafts:
    """Pending changes: committed together, or discarded on leaving the block."""

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
        """A path beside `target` for its new contents; `before` is its stat when it was read, None if it is new."""
        temp = self.scratch(target)
        self._drafts.append(_Draft(target, temp, before))
        return temp

    def scratch(self, like: Path, ending: str | None = None) -> Path:
        """A path beside `like` for a temporary file, which is deleted on leaving."""
        suffix = like.suffix.lower() if ending is None else ending
        temp = like.with_name(f"{PREFIX}{secrets.token_hex(8)}{suffix}")
        self._temps.append(temp)
        return temp

    def mark(self) -> int:
        """The number of pending changes, for drop()."""
        return len(self._drafts)

    def drop(self, mark: int) -> None:
        """Discard the changes since mark()."""
        del self._drafts[mark:]

    def delete(self, target: Path, before: os.stat_result) -> None:
        """Delete `target` on commit; discards a draft that replaces it."""
        self._drafts.append(_Draft(target, None, before))

    def commit(self, like: Path) -> None:
        """Put all changes in place; a new file gets mode and owner of `like`.

        Raises DamError where another program changed a file since it was read: retry.
        """
        last = {draft.target: draft for draft in self._drafts}
        model = like.stat()
        for draft in last.values():
            if draft.temp is not None:
                with explain_os_errors(draft.target):
                    _copy_attributes(draft.temp, draft.target, draft.before, model)
        for draft in last.values():
            _refuse_changed(draft)
        for draft in last.values():
            _put_in_place(draft)
        for folder in {target.parent for target in last}:
            with suppress(OSError):  # not every file system has that for folders
                _sync(folder, os.O_RDONLY | os.O_DIRECTORY)


def _put_in_place(draft: _Draft) -> None:
    """A network share refuses this while another program has the file open."""
    try:
        draft.target.unlink() if draft.temp is None else draft.temp.replace(draft.target)
    except FileNotFoundError as error:
        raise ResourceGone(f"{draft.target} is no longer there") from error
    except OSError as error:
        raise DamError(
            f"{draft.target} cannot be replaced ({error.strerror}): it may be open elsewhere; it is tried again"
        ) from error


@contextmanager
def _skip_unsupported() -> Iterator[None]:
    """Ignore what the file system does not support or this account may not do."""
    try:
        yield
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise


def _copy_attributes(temp: Path, target: Path, before: os.stat_result | None, model: os.stat_result) -> None:
    """Give a draft the owner, mode and attributes of the old file, and sync it.

    Its mtime is now, so that backups notice the change.
    """
    with _skip_unsupported():
        _sync(temp, os.O_RDONLY)
    like = before or model
    owners = _give_owner(temp, target, like, required=before is not None)
    if before is not None:
        for name in _list_attributes(target):
            with suppress(OSError):  # those of the security modules are the system's own to set
                os.setxattr(temp, name, os.getxattr(target, name))
    mode = like.st_mode & (0o7777 if before else 0o666)
    with _skip_unsupported():
        temp.chmod(mode if owners else mode & ~0o6000)


def _give_owner(temp: Path, target: Path, like: os.stat_result, required: bool) -> bool:
    """Give it the old file's owner; where only root may, its group, by which the owner can still write."""
    now = temp.stat()
    for owner, group in ((like.st_uid, like.st_gid), (-1, like.st_gid)):
        if (owner, group) in {(now.st_uid, now.st_gid), (-1, now.st_gid)}:
            return owner != -1
        with _skip_unsupported():
            os.chown(temp, owner, group)
            return owner != -1
    if required and not like.st_mode & 0o002:
        raise WriteRefused(
            f"{target} belongs to another account ({like.st_uid}), and neither that nor its group ({like.st_gid}) "
            "could be kept, so its owner could not write it any more: put FaceLease's account into that group"
        )
    return False


def _list_attributes(target: Path) -> list[str]:
    try:
        return os.listxattr(target)
    except OSError:
        return []


def _refuse_changed(draft: _Draft) -> None:
    with explain_os_errors(draft.target):
        now = draft.target.stat() if draft.before or draft.target.exists() else None
    if not _is_same_state(now, draft.before):
        raise DamError(f"{draft.target} was changed by another program meanwhile; it is tried again")


def _is_same_state(now: os.stat_result | None, before: os.stat_result | None) -> bool:
    """Inode numbers are not stable on every file system, and not every one keeps ctime."""
    if now is None or before is None:
        return now is before
    looks = (now.st_size, now.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    return looks and (now.st_ino == before.st_ino or now.st_ctime_ns == before.st_ctime_ns)


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
