"""Each format in each orientation, in a real browser and in our decoder: the same picture, upright or not."""

import base64
import io

import pillow_heif
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from plugin.recognizer.pictures.decode import Limits, decode

SHOWN = """async (address) => {
  const image = new Image(); image.src = address; await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
  const pen = canvas.getContext('2d'); pen.drawImage(image, 0, 0);
  const colour = ([x, y]) => Array.from(pen.getImageData(x * canvas.width, y * canvas.height, 1, 1).data.slice(0, 3));
  const spots = [[.25,.25],[.75,.25],[.25,.75],[.75,.75]];
  return [canvas.width, canvas.height, ...spots.map(spot => colour(spot).map(v => +(v > 127)).join(''))];
}"""


@pytest.fixture(scope="module")
def page(chromium: Browser) -> Page:
    """An empty page."""
    fresh = chromium.new_page()
    fresh.goto("about:blank")
    return fresh


def quarters() -> Image.Image:
    """Red, blue, green and white, wider than high."""
    image = Image.new("RGB", (64, 32), "white")
    for colour, place in (("#f00", (0, 0, 32, 16)), ("#00f", (32, 0, 64, 16)), ("#0f0", (0, 16, 32, 32))):
        image.paste(colour, place)
    return image


def ours(data: bytes) -> list[object]:
    """What our decoder makes of it, as the page tells it."""
    decoded = decode(data, 1024, Limits())
    height, width = decoded.pixels.shape[:2]
    spots = [(y, x) for y in (height // 4, height * 3 // 4) for x in (width // 4, width * 3 // 4)]
    colours = ["".join(str(int(v > 127)) for v in decoded.pixels[spot][::-1]) for spot in spots]
    return [decoded.width, decoded.height, *colours]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP"])
def test_the_decoder_turns_pictures_as_the_browser_does(kind: str, page: Page) -> None:
    """All eight orientations; in XMP as well, by which nobody turns."""
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        file = io.BytesIO()
        quarters().save(file, kind, exif=exif)
        address = f"data:image/{kind.lower()};base64," + base64.b64encode(file.getvalue()).decode()
        assert ours(file.getvalue()) == page.evaluate(SHOWN, address), (kind, orientation)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF"])
def test_the_decoder_does_not_turn_by_xmp_as_the_browser_does_not(kind: str, page: Page) -> None:
    """tiff:Orientation alone."""
    file = io.BytesIO()
    quarters().save(file, kind, xmp=b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6"/></x:xmpmeta>')
    address = f"data:image/{kind.lower()};base64," + base64.b64encode(file.getvalue()).decode()
    shown = page.evaluate(SHOWN, address)
    assert ours(file.getvalue()) == shown
    assert shown[:2] == [64, 32]


def test_a_heif_is_turned_by_irot_as_programs_that_show_it_do() -> None:
    """No browser here shows HEIF: libheif, which most programs use, turns by irot and imir while it decodes."""
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        jpeg, heif = io.BytesIO(), io.BytesIO()
        quarters().save(jpeg, "JPEG", exif=exif)
        file = pillow_heif.from_bytes("RGB", quarters().size, quarters().tobytes())
        file.save(heif, exif=exif.tobytes())  # as EXIF says, by irot and imir
        assert ours(heif.getvalue()) == ours(jpeg.getvalue()), orientation
