"""What is not taken up into the library is told with its number, and has no clearance; bins are no library."""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image

from plugin.clock import ManualClock
from plugin.errors import NotFound, ResourceGone
from plugin.flows.clearance import photo_answers
from plugin.flows.common.services import Services
from plugin.flows.photos import scan_queue
from plugin.flows.schedule import calendar
from plugin.flows.views import waiting_list
from plugin.flows.views.waiting_list import WaitingKind
from plugin.quitclaim.clearance.scope import Mode
from sidecar.doctor import checks
from sidecar.words import left_out_words
from tests import support

pytestmark = pytest.mark.promise

_HEADS = {
    "a.psd": b"8BPS" + bytes(60),
    "b.jxl": b"\xff\x0a" + bytes(60),
    "c.jp2": b"\0\0\0\x0cjP  \r\n\x87\n",
    "d.nef": b"II*\0" + bytes(60),
    "e.cr3": b"\0\0\0\x18ftypcrx \0\0\0\1crx isom",
    "f.svg": b"<svg xmlns='x'/>",
    "g.jpg": b"8BPS" + bytes(60),
    "h.jpg": b"a text",
    "i.heic": b"<html>",
    "j": b"gimp xcf file",
    "k.eps": b"%!PS",
}


def _left_out(photos: Path) -> int:
    """One of each; how many there are."""
    shoot = photos / support.SHOOT
    for name, head in _HEADS.items():
        (shoot / name).write_bytes(head)
        support.settle(shoot / name)
    Image.new("RGB", (40, 30)).save(shoot / "outside.png")
    (shoot / "link.png").symlink_to(shoot / "outside.png")
    (shoot / "gone.png").symlink_to("/nonexistent")
    (photos / "folder").symlink_to(shoot)
    os.mkfifo(shoot / "pipe.jpg")
    shutil.copy(shoot / "outside.png", shoot / os.fsdecode(b"bad\xff.png"))
    (photos / "Foto's.photoslibrary").mkdir()
    return len(_HEADS) + 6


def test_everything_that_is_left_out_is_told(
    services: Services, photos: Path, clock: ManualClock, promise: Callable[[str, str], None]
) -> None:
    """By the list, by the number behind a scan, by the doctor, on the first page; in no log line by its name."""
    number = _left_out(photos)
    calendar.poll_dam(services)
    found = services.dam.left_out()
    assert list(services.dam.refs()) == ["shoot/outside.png"]
    lines = [left_out_words.one(one) for one in found]
    assert all(any(name in line for line in lines) for name in (*_HEADS, "link.png", "gone.png", "pipe.jpg"))
    assert left_out_words.data(found)["count"] == number
    assert left_out_words.summary(found)[0].startswith(f"{number} left out")
    (entry,) = [one for one in waiting_list.list_counts(services) if one.kind is WaitingKind.LEFT_OUT]
    assert (entry.count, entry.wrong) == (number, False)
    (finding,) = [one for one in checks.run_checks(services.config, clock) if one.code == WaitingKind.LEFT_OUT.value]
    assert (finding.waits, finding.ok, finding.count) == (True, True, number)
    assert "--left-out" in finding.mend
    promise("D3", f"files and folders left out: told {len(found)} of {number}")
    assert len(found) == number


def test_the_log_says_numbers_and_no_names(services: Services, photos: Path, caplog: pytest.LogCaptureFixture) -> None:
    _left_out(photos)
    (photos / "Bo Sample.psd").write_bytes(b"8BPS")
    services.dam.left_out()
    said = caplog.text
    assert "Photoshop 3" in said
    assert "Bo" not in said


@pytest.fixture
def house(services: Services, cast: support.Cast) -> Services:
    cast.open_collection(support.SHOOT, Mode.DETECT)
    return services


def _status(services: Services, ref: str) -> str:
    return photo_answers.answer_photo(services, ref, "communication", "website").status.value


def _work(services: Services, cast: support.Cast, clock: ManualClock) -> None:
    clock.advance(timedelta(minutes=5))
    calendar.poll_dam(services)
    cast.work()
    scan_queue.enqueue(services, list(scan_queue.list_due(services, (), False)))
    cast.work()


def test_what_leaves_the_library_has_no_clearance(
    house: Services, cast: support.Cast, photos: Path, clock: ManualClock, promise: Callable[[str, str], None]
) -> None:
    """Thrown into a bin of the server, or overwritten by what cannot be examined; taken out again, it has one."""
    shoot = photos / support.SHOOT
    names = ("a.png", "b.jfif", "c.avif", "d", "e.dat")
    for number, name in enumerate(names):
        with (shoot / name).open("wb") as file:
            Image.new("RGB", (64 + number, 48), "teal").save(
                file, {".jfif": "JPEG", ".avif": "AVIF"}.get(Path(name).suffix, "PNG")
            )
        support.settle(shoot / name)
    _work(house, cast, clock)
    before = [_status(house, f"shoot/{name}") for name in names]
    bins = ("#recycle", "@Recycle", "$RECYCLE.BIN", ".Trash-1000", "#snapshot")
    for name, bin_ in zip(names, bins, strict=True):
        (photos / bin_).mkdir()
        (shoot / name).rename(photos / bin_ / name)
    _work(house, cast, clock)
    kept = sum(
        _usable(house, ref)
        for name, bin_ in zip(names, bins, strict=True)
        for ref in (f"shoot/{name}", f"{bin_}/{name}")
    )
    assert [one.ref for one in house.dam.collections()] == [".", "shoot"]
    for name, bin_ in zip(names, bins, strict=True):
        (photos / bin_ / name).rename(shoot / name)
    _work(house, cast, clock)
    after = [_status(house, f"shoot/{name}") for name in names]
    (shoot / "a.png").write_bytes(b"8BPS" + bytes(600))
    support.settle(shoot / "a.png")
    _work(house, cast, clock)
    kept += _usable(house, "shoot/a.png")
    promise("D3", f"moved into bins or made into what cannot be examined: still usable {kept} of {len(names) + 1}")
    assert (before, after, kept) == (["no_person_found"] * 5, ["no_person_found"] * 5, 0)


def _usable(services: Services, ref: str) -> bool:
    """A photograph that the ledger does not know has no clearance at all."""
    with suppress(NotFound, ResourceGone):
        return _status(services, ref) in {"cleared", "no_person_found"}
    return False
