"""Boxes between the upright and the stored picture."""

import pytest
from PIL import Image, ImageDraw, ImageOps

from plugin.hooks.dam import Box
from plugin.hooks.files import regions
from plugin.hooks.names_in_files.xmp import read_applied_size


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_box_lies_where_pillow_puts_the_pixels(orientation: int) -> None:
    """A rectangle drawn in the stored picture is found, upright, exactly at the box that we compute."""
    box = (0.1, 0.2, 0.3, 0.4)
    stored = Image.new("L", (100, 50), 0)
    ImageDraw.Draw(stored).rectangle((10, 10, 39, 29), fill=255)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.info["exif"] = exif.tobytes()
    stored.getexif()[0x0112] = orientation
    turned = ImageOps.exif_transpose(stored)
    left, top, right, bottom = turned.getbbox() or (0, 0, 0, 0)
    width, height = turned.size
    seen = (left / width, top / height, (right - left) / width, (bottom - top) / height)
    assert regions.to_upright(box, orientation) == pytest.approx(seen)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_there_and_back(orientation: int) -> None:
    """A box stored and read again is the same box, to six places."""
    box: Box = (0.123456, 0.05, 0.25, 0.5)
    area = regions.to_area(regions.to_stored(box, orientation))
    back = regions.from_area(area)
    assert back is not None
    assert regions.to_upright(back, orientation) == pytest.approx(box, abs=2e-6)


@pytest.mark.parametrize(
    ("applied", "orientation", "turned"),
    [
        (None, 6, 6),
        ((100, 50), 6, 6),
        ((50, 25), 6, 6),
        ((50, 100), 6, 1),
        ((50, 100), 3, None),
        ((70, 50), 6, None),
        ((0, 0), 6, 6),
    ],
)
def test_what_regions_were_drawn_on(applied: tuple[int, int] | None, orientation: int, turned: int | None) -> None:
    """Scaled is fine, upright is recognised, a cropped picture's boxes mean nothing."""
    assert regions.find_orientation(applied, (100, 50), orientation) == turned


@pytest.mark.parametrize(
    "area",
    [
        {},
        {"X": "0.5", "Y": "0.5", "W": "0", "H": "1"},
        {"X": "0.5", "Y": "x", "W": "0.1", "H": "0.1"},
        {"X": "300", "Y": "200", "W": "50", "H": "50", "Unit": "pixel"},
        {"X": "0.99", "Y": "0.5", "W": "0.5", "H": "0.1"},
        {"X": "nan", "Y": "0.5", "W": "0.5", "H": "0.1"},
    ],
)
def test_a_nonsense_area_is_no_box(area: dict[str, str]) -> None:
    """What cannot be a box in the picture is none."""
    assert regions.from_area(area) is None


def test_a_microsoft_rectangle_is_a_box() -> None:
    """Left, top, width, height; anything else is none."""
    assert regions.from_rectangle("0.1, 0.2, 0.3, 0.4") == (0.1, 0.2, 0.3, 0.4)
    assert regions.from_rectangle("0.1, 0.2, 0.3") is None
    assert regions.from_rectangle("a, b, c, d") is None


@pytest.mark.parametrize("width", ["x", "inf", ["100", "200"], {"W": "100"}, None])
def test_a_nonsense_size_is_no_size(width: object) -> None:
    """Another program's fields may hold anything, a list or a structure too."""
    assert read_applied_size({"AppliedToDimensions": {"W": width, "H": "50"}}) is None
    assert read_applied_size({"AppliedToDimensions": {"W": "100", "H": "50"}}) == (100, 50)
