"""Pictures are read upright and whole, or refused in a sentence."""

import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile, PngImagePlugin

from plugin.errors import PictureError, PictureTooLarge
from plugin.recognizer.pictures.decode import Decoded, Limits, decode
from plugin.recognizer.pictures.partial_reasons import Partly

Make = Callable[..., Image.Image]
Save = Callable[..., bytes]
RED, GREEN, BLUE, WHITE = (0, 0, 255), (0, 255, 0), (255, 0, 0), (255, 255, 255)  # BGR


def corners(decoded: Decoded) -> list[tuple[int, ...]]:
    """The four quarters' colours, rounded to 0 or 255: top left, top right, bottom left, bottom right."""
    height, width = decoded.pixels.shape[:2]
    places = [(y, x) for y in (height // 4, height * 3 // 4) for x in (width // 4, width * 3 // 4)]
    return [tuple(int(v > 127) * 255 for v in decoded.pixels[place]) for place in places]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "HEIF"])
def test_the_usual_formats_are_read_in_full(kind: str, picture: Make, saved: Save) -> None:
    """Size, orientation and colours (as BGR) are the file's."""
    decoded = decode(saved(picture(), kind), 1024, Limits())
    assert (decoded.width, decoded.height, decoded.note) == (64, 48, "")
    assert decoded.scale == 1
    assert corners(decoded) == [RED, GREEN, BLUE, WHITE]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "AVIF"])
@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (1, [RED, GREEN, BLUE, WHITE]),
        (2, [GREEN, RED, WHITE, BLUE]),
        (3, [WHITE, BLUE, GREEN, RED]),
        (4, [BLUE, WHITE, RED, GREEN]),
        (5, [RED, BLUE, GREEN, WHITE]),
        (6, [BLUE, RED, WHITE, GREEN]),
        (7, [WHITE, GREEN, BLUE, RED]),
        (8, [GREEN, WHITE, RED, BLUE]),
        (9, [RED, GREEN, BLUE, WHITE]),
    ],
)
def test_exif_orientation_is_applied(
    kind: str, orientation: int, expected: list[tuple[int, ...]], picture: Make, saved: Save
) -> None:
    """All eight orientations come out upright, with the sides swapped where they are; others mean none."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = decode(saved(picture(), kind, exif=exif), 1024, Limits())
    assert corners(decoded) == expected
    assert (decoded.width, decoded.height) == ((48, 64) if orientation in (5, 6, 7, 8) else (64, 48))
    assert decoded.pixels.shape[:2] == (decoded.height, decoded.width)


@pytest.mark.parametrize(
    ("longest", "side"), [(4000, 4000), (2200, 4000), (1999, 2000), (1024, 1000), (1100, 2000), (400, 500)]
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_pictures_are_reduced_only_as_far_as_serves(
    kind: str, longest: int, side: int, picture: Make, saved: Save
) -> None:
    """The longest side stays at what was asked for, or a sixteenth below; the full size is reported."""
    decoded = decode(saved(picture(4000, 100), kind), longest, Limits())
    assert decoded.pixels.shape[1] == side
    assert (decoded.width, decoded.height) == (4000, 100)
    assert decoded.scale == pytest.approx(side / 4000)


@pytest.mark.parametrize("kind", ["WEBP", "GIF", "BMP", "HEIF"])
def test_what_no_viewer_goes_by_turns_nothing(kind: str, picture: Make, saved: Save) -> None:
    """EXIF in WebP, in HEIF without irot, and in formats that have none; other programs' turn is seen beside it."""
    exif = Image.Exif()
    exif[0x0112] = 6
    decoded = decode(saved(picture(), kind, exif=exif), 1024, Limits())
    assert corners(decoded) == [RED, GREEN, BLUE, WHITE]
    assert [aside.code for aside in decoded.asides] == ([Partly.TURNED] if kind in ("WEBP", "HEIF") else [])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_xmp_turns_nothing(kind: str, picture: Make, saved: Save) -> None:
    """tiff:Orientation in XMP is nobody's but the program's that wrote it."""
    packet = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6"/></x:xmpmeta>'
    options: dict[str, object] = {"xmp": packet}
    if kind == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", packet.decode())
        options = {"pnginfo": info}
    if kind == "TIFF":
        options = {"tiffinfo": {700: packet}}
    data = saved(picture(), kind, **options)
    assert packet in data
    decoded = decode(data, 1024, Limits())
    assert corners(decoded) == [RED, GREEN, BLUE, WHITE]
    assert not decoded.asides


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF"])
def test_more_than_one_frame_is_told(kind: str, picture: Make, saved: Save) -> None:
    """Of an animation the first frame is examined, and that it was not all is said."""
    other = Image.new("RGB", (64, 48), "black")
    decoded = decode(saved(picture(), kind, save_all=True, append_images=[other]), 1024, Limits())
    assert decoded.note == Partly.FRAMES
    assert corners(decoded) == [RED, GREEN, BLUE, WHITE]


def test_a_cameras_second_picture_is_no_second_page(picture: Make, saved: Save) -> None:
    """An MPO is a JPEG with a preview of the same shot behind it, which is looked at for itself."""
    data = saved(picture(), "MPO", save_all=True, append_images=[Image.new("RGB", (64, 48), "black")])
    decoded = decode(data, 1024, Limits())
    assert decoded.note == ""
    assert corners(decoded) == [RED, GREEN, BLUE, WHITE]


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("CMYK", "JPEG"), ("CMYK", "TIFF"), ("P", "PNG"), ("RGBA", "PNG"), ("P", "GIF"), ("YCbCr", "TIFF")],
)
def test_colour_spaces_become_bgr(mode: str, kind: str, picture: Make, saved: Save) -> None:
    """CMYK, palettes and the like show the colours that a viewer shows."""
    decoded = decode(saved(picture().convert(mode), kind), 1024, Limits())
    assert corners(decoded) == [RED, GREEN, BLUE, WHITE]


@pytest.mark.parametrize("mode", ["L", "LA", "1", "I;16"])
def test_grey_pictures_become_bgr(mode: str, saved: Save) -> None:
    """Grey, with alpha, bilevel or 16 bits deep: three equal channels, and dark stays dark."""
    ramp = np.repeat(np.linspace(0, 255, 64)[None], 48, axis=0)
    if mode == "I;16":
        image = Image.fromarray((ramp * 257 / 4).astype(np.uint16))
    else:
        image = Image.fromarray(ramp.astype(np.uint8)).convert(mode)
    pixels = decode(saved(image, "PNG"), 1024, Limits()).pixels
    assert pixels.shape == (48, 64, 3)
    assert (pixels == pixels[:, :, :1]).all()
    assert pixels[:, :4].max() < 40
    brightest = int(pixels[:, -4:].mean())
    assert 50 < brightest < 70 if mode == "I;16" else brightest > 230


def test_what_is_transparent_is_white(picture: Make, saved: Save) -> None:
    """Hidden colours under an alpha of zero are not examined: what a page shows is."""
    image = picture().convert("RGBA")
    image.putalpha(Image.new("L", image.size, 0))
    assert (decode(saved(image, "PNG"), 1024, Limits()).pixels == 255).all()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "TIFF", "WEBP"])
def test_a_picture_that_ends_early_is_refused(kind: str, saved: Save) -> None:
    """No part of a truncated file passes for the photograph, wherever it ends."""
    noise = np.random.default_rng(1).integers(0, 255, (200, 300, 3), np.uint8)
    data = saved(Image.fromarray(noise), kind)
    for part in (0.02, 0.3, 0.6, 0.9):
        with pytest.raises(PictureError):
            decode(data[: int(len(data) * part)], 1024, Limits())


def test_limits_hold_before_decoding(tmp_path: Path, picture: Make, saved: Save) -> None:
    """Too many pixels or bytes are refused by the header and the size alone, naming the setting."""
    data = saved(picture(2000, 1000), "PNG")
    header_only = data[:64]
    with pytest.raises(PictureTooLarge, match="max_megapixels"):
        decode(header_only, 1024, Limits(megapixels=1))
    with pytest.raises(PictureTooLarge, match="max_megabytes"):
        decode(b"\0" * 1_000_001, 1024, Limits(megabytes=1))
    sparse = tmp_path / "sparse.jpg"
    with sparse.open("wb") as file:
        file.truncate(10**12)
    with pytest.raises(PictureTooLarge, match="max_megabytes"):
        decode(sparse, 1024, Limits())


def test_what_is_no_picture_is_refused_in_a_sentence(tmp_path: Path, saved: Save) -> None:
    """Empty, missing, a folder, a pipe, text, a PDF: a PictureError that says what it is about."""
    os.mkfifo(tmp_path / "pipe")
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"/>'
    for source in (b"", b"hello", b"%PDF-1.7\n", svg, tmp_path, tmp_path / "pipe", tmp_path / "none.jpg"):
        with pytest.raises(PictureError) as error:
            decode(source, 1024, Limits())
        assert len(str(error.value)) > 15


def test_pillow_is_left_as_it_was(picture: Make, saved: Save, capfd: pytest.CaptureFixture[str]) -> None:
    """Pillow's process-wide switches return to what they were, and nothing is written to stderr."""
    before = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
    data = saved(picture(), "JPEG")
    decode(data, 1024, Limits())
    with pytest.raises(PictureError):
        decode(data[:300], 1024, Limits())
    assert before == (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)
    assert capfd.readouterr() == ("", "")


def test_broken_exif_means_no_orientation(picture: Make) -> None:
    """Metadata that cannot be parsed does not spoil the picture."""
    file = io.BytesIO()
    picture().save(file, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + b"\xff" * 40)
    assert corners(decode(file.getvalue(), 1024, Limits())) == [RED, GREEN, BLUE, WHITE]
