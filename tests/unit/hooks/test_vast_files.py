"""Files that are larger than memory: they cost no more than a look at them from outside."""

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugin.flows.common.services import Services
from plugin.flows.schedule import calendar
from plugin.hooks.files import file_version
from plugin.ledger import tables as t
from sidecar.commands.demo import samples
from tests import support


def sparse(path: Path, size: int) -> Path:
    """A file that begins like a JPEG and says that it is so large; it takes no room on the disk."""
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as file:
        file.write(b"\xff\xd8\xff\xe0\x00\x10JFIF\0")
        file.truncate(size)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return path


@pytest.fixture
def little_memory() -> Iterator[None]:
    """No more than 800 MB beyond what is there now."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (800 << 20), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.parametrize("size", [file_version.JPEG_BYTES + 1, 6 << 30, 1 << 40])
def test_a_vast_jpeg_is_read_in_little_memory(tmp_path: Path, size: int, little_memory: None) -> None:
    """Its version, and whether it is all there, are told without its bytes; another time is another version."""
    path = sparse(tmp_path / "vast.jpg", size)
    version, further = file_version.read_versions(path)
    assert version
    assert further == ""
    assert file_version.is_complete(path)
    assert file_version.read_bounded(path) is None


def test_one_at_the_limit_is_read(tmp_path: Path) -> None:
    """To the byte."""
    path = sparse(tmp_path / "large.jpg", file_version.JPEG_BYTES)
    assert len(file_version.read_bounded(path) or b"") == file_version.JPEG_BYTES


def test_the_rest_of_its_folder_is_scanned(services: Services, cast: support.Cast, photos: Path) -> None:
    """A sparse file of 6 GiB beside a photograph: that one is examined, the other is told."""
    cast.open_collection()
    sparse(photos / "shoot" / "vast.jpg", 6 << 30)
    support.put(photos, "shoot/one.jpg", samples.A_STANDING)
    calendar.poll_dam(services)
    cast.work()
    with services.store.read() as conn:
        rows = {row.ref: (row.examined, row.examined_reason) for row in conn.execute(t.resource.select())}
    assert rows["shoot/one.jpg"][0] == "whole"
    assert rows["shoot/vast.jpg"][0] == "no"
    assert rows["shoot/vast.jpg"][1]
