"""Photographs with metadata as cameras and other programs leave it, and a folder DAM over them."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from plugin.clock import ManualClock
from plugin.hooks.files.exiftool import ExifTool
from plugin.hooks.folder.folder_dam import FolderDam
from plugin.ledger.store import migrations
from plugin.ledger.store.store import Store

MakeDam = Callable[..., FolderDam]


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[Store]:
    """A migrated store in a file."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    migrations.upgrade(url)
    opened = Store(url, clock)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExifTool]:
    """This machine's ExifTool, kept running."""
    found = ExifTool.find()
    assert found is not None, "install exiftool"
    found.open_to(tmp_path_factory.getbasetemp())
    yield found
    found.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of photographs."""
    path = tmp_path / "photos"
    path.mkdir()
    return path


@pytest.fixture
def make_dam(store: Store, root: Path, clock: ManualClock, tool: ExifTool) -> MakeDam:
    """`make_dam()`: another object over the same folder and store, as after a restart."""

    def make(**options: object) -> FolderDam:
        return FolderDam(store, root, clock, **({"tool": tool} | options))  # type: ignore[arg-type]

    return make


@pytest.fixture
def dam(make_dam: MakeDam) -> FolderDam:
    """The folder as a DAM."""
    return make_dam()


@pytest.fixture
def photo(root: Path) -> Callable[..., Path]:
    """`photo("a.jpg")`: a small picture, never the same twice."""
    count = 0

    def make(name: str = "a.jpg", size: tuple[int, int] = (60, 40)) -> Path:
        nonlocal count
        count += 1
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = Image.new("RGB", size, (count * 37 % 256, count * 91 % 256, 90))
        ImageDraw.Draw(picture).rectangle((5, 5, 20, 15), fill=(250, 20, count % 256))
        picture.save(path)
        return path

    return make


@pytest.fixture
def exiftool() -> Callable[..., str]:
    """ExifTool as a program of its own: what somebody else writes and reads."""

    def run(*args: str | Path) -> str:
        command = ["exiftool", "-config", "", "-q", "-overwrite_original", *map(str, args)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    return run
