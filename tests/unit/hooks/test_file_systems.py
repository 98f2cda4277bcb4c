"""Of a file system no more is asked than it must give; what cannot be kept is said once."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from plugin.errors import DamError, WriteRefused
from plugin.hooks.dam import Write
from plugin.hooks.files import file_system
from plugin.hooks.folder.folder_dam import FolderDam
from tests.plain_account import plain_account

Photo = Callable[..., Path]
EXIF = frozenset({"exif"})
OTHER = 1234


def _put(dam: FolderDam, name: str) -> set[str]:
    return {one.node for one in dam.write("a.jpg", [Write(name, True, EXIF)], None).names}


def test_a_file_of_another_account_that_our_group_may_write_takes_a_name(
    dam: FolderDam, photo: Photo, root: Path
) -> None:
    """Its group and mode stay, so that its owner goes on writing it; where neither can be kept nothing is written."""
    path = photo()
    os.chown(path, OTHER, os.getegid())
    path.chmod(0o664)
    root.chmod(0o777)
    os.chown(root, OTHER, os.getegid())
    with plain_account():
        assert _put(dam, "Åsa") == {"Åsa"}
        (said,) = [line for line in file_system.list_limits(root) if "another account" in line]
        now = path.stat()
        assert (now.st_gid, now.st_mode & 0o7777) == (os.getegid(), 0o664)
    os.chown(path, OTHER, OTHER)
    before = path.read_bytes()
    path.chmod(0o664)
    with plain_account(), pytest.raises(DamError):
        _put(dam, "Bo")
    assert path.read_bytes() == before
    path.chmod(0o644)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "chown", _refuse(errno.EPERM))
        with pytest.raises(WriteRefused, match="belongs to another account"):
            _put(dam, "Bo")
    assert (path.read_bytes(), "group and mode stay" in said) == (before, True)


def _refuse(number: int) -> Callable[..., None]:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return refuse


@pytest.mark.parametrize("call", ["listxattr", "setxattr", "getxattr"])
@pytest.mark.parametrize("number", [errno.ENOTSUP, errno.EPERM, errno.ENODATA])
def test_no_extended_attributes(
    dam: FolderDam, photo: Photo, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    """There are none to keep."""
    photo()
    monkeypatch.setattr(os, call, _refuse(number))
    assert _put(dam, "Åsa") == {"Åsa"}


def test_what_only_some_file_systems_do(dam: FolderDam, photo: Photo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modes that cannot be set, folders that cannot be synced, numbers of files that are others each time."""
    photo()
    real, stat = os.fsync, Path.stat

    def fsync(handle: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{handle}"):  # noqa: PTH112
            raise OSError(errno.EINVAL, "Invalid argument")
        real(handle)

    numbers = iter(range(1 << 40, 1 << 41))

    def unstable(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        found = stat(path, follow_symlinks=follow_symlinks)
        return os.stat_result((found[0], next(numbers), *found[2:]), found.__reduce__()[1][1])  # type: ignore[arg-type]

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "chmod", _refuse(errno.EPERM))
    monkeypatch.setattr(Path, "stat", unstable)
    assert _put(dam, "Åsa") == {"Åsa"}


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EBUSY, errno.EACCES, errno.ETXTBSY])
def test_a_file_that_another_program_has_open_is_tried_again(
    dam: FolderDam, photo: Photo, root: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """It is no refusal for good, and nothing is left behind."""
    before = photo().read_bytes()
    monkeypatch.setattr(Path, "replace", _refuse(number))
    with pytest.raises(DamError, match="tried again") as caught:
        _put(dam, "Åsa")
    assert not isinstance(caught.value, WriteRefused)
    assert [one.read_bytes() for one in root.iterdir()] == [before]


def test_a_read_only_folder_is_said(root: Path) -> None:
    """Once, for the folder."""
    root.chmod(0o555)
    with plain_account():
        assert any("read-only" in line for line in file_system.list_limits(root))
