"""XPKeywords in a JPEG: exactly ours in, exactly ours out, or not at all."""

import io
import struct

import piexif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from plugin.errors import PictureError, WriteRefused
from plugin.hooks.files import jpeg, tiff
from plugin.hooks.names_in_files import exif


def picture(**blocks: object) -> bytes:
    """A small JPEG; with keyword arguments, piexif's directories as its EXIF."""
    out = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(out, "JPEG")
    if not blocks:
        return out.getvalue()
    made = piexif.dump({name.replace("ifd", ""): value for name, value in blocks.items()})
    return jpeg.parse(out.getvalue()).with_exif(made.removeprefix(jpeg.EXIF)).join()


def words(data: bytes) -> str:
    """What stands in XPKeywords."""
    return exif.read_keywords(jpeg.parse(data).exif[0])


def with_block(block: bytes) -> bytes:
    """A JPEG with this very EXIF block."""
    return jpeg.parse(picture()).with_exif(block).join()


def entry(tag: int, kind: int, count: int, value: bytes) -> bytes:
    """One little-endian directory entry."""
    return struct.pack("<HHL", tag, kind, count) + value.ljust(4, b"\0")


def block(*entries: bytes, after: bytes = b"", next_at: int = 0) -> bytes:
    """A little-endian TIFF block of one directory."""
    head = b"II*\0" + struct.pack("<LH", 8, len(entries))
    return head + b"".join(entries) + struct.pack("<L", next_at) + after


def test_without_exif_the_file_comes_back_byte_for_byte() -> None:
    """We made the segment, so we take it out again; JFIF stays where it was."""
    data = picture()
    tagged = exif.edit_keywords(data, ["Åsa"], [])
    assert [s.code for s in jpeg.parse(tagged).head[:2]] == [0xE0, 0xE1]
    assert words(tagged) == "Åsa"
    assert exif.edit_keywords(tagged, [], ["Åsa"]) == data


@pytest.mark.parametrize(
    ("stood", "tagged"), [("a", "a;Åsa"), ("a; b ", "a; b ;Åsa"), ("a;;", "a;;;Åsa"), (" ", " ;Åsa")]
)
def test_keywords_of_others_keep_their_spelling(stood: str, tagged: str) -> None:
    """Ours goes behind theirs, and later only ours is cut out."""
    data = exif.edit_keywords(picture(ifd0th={0x010F: b"Maker"}), [], [])
    before = exif.edit_keywords(data, ["x"], [])
    before = with_block(exif._dump(jpeg.parse(before).exif[0], stood))
    result = exif.edit_keywords(before, ["Åsa"], [])
    assert words(result) == tagged
    assert words(exif.edit_keywords(result, [], ["Åsa"])) == stood


def test_a_rewrite_that_changes_nothing_is_no_rewrite() -> None:
    """A keyword that is there is not added, one that is not there is not removed: the same bytes."""
    data = exif.edit_keywords(picture(), ["Åsa"], [])
    assert exif.edit_keywords(data, ["Åsa"], []) is data
    assert exif.edit_keywords(data, [], ["Bo"]) is data


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (block(entry(0x014A, 4, 1, b"\x08")), "carry along"),
        (block(entry(0x0111, 4, 1, b"\x08")), "carry along"),
        (block(entry(0x0201, 4, 1, b"\x08")), "carry along"),
        (block(entry(0x010F, 2, 4, b"abcd")), "would not survive"),
        (block(entry(0xC000, 4, 1, b"\x08")), "would not survive"),
        (block(entry(0x010F, 99, 1, b"")), "unknown type"),
        (block(entry(0x010F, 2, 400, b"\x20")), "outside itself"),
        (block(entry(0x010F, 2, 4, b"abc"), entry(0x010F, 2, 4, b"abc")), "twice"),
        (block(entry(0x010F, 2, 4, b"abc"), next_at=9999), "outside itself"),
        (block(entry(0x8769, 4, 1, struct.pack("<L", 9999))), "outside itself"),
        (block(entry(0x9C9E, 1, 3, b"a\0b")), "UTF-16"),
        (b"garbage", "TIFF header"),
        (b"", "TIFF header"),
    ],
)
def test_what_would_not_survive_is_refused(made: bytes, why: str) -> None:
    """A block that piexif would lose something of, or that is broken, stays as it is."""
    with pytest.raises(WriteRefused, match=why):
        exif.edit_keywords(with_block(made), ["Åsa"], [])


def test_a_thumbnail_in_the_wrong_place_is_refused() -> None:
    """So is a second directory without a thumbnail: piexif drops it."""
    second = struct.pack("<H", 1) + entry(0x0103, 3, 1, b"\x06\0") + struct.pack("<L", 0)
    made = block(entry(0x010F, 2, 4, b"abc"), after=second, next_at=26)
    with pytest.raises(WriteRefused, match="would not survive"):
        exif.edit_keywords(with_block(made), ["Åsa"], [])


def test_more_than_a_segment_is_refused() -> None:
    """EXIF beyond 64 KB, or two EXIF segments, are left alone."""
    data = picture(ifdExif={0x9286: b"x" * 65_000})
    assert words(exif.edit_keywords(data, ["Åsa"], [])) == "Åsa"
    with pytest.raises(WriteRefused, match="one segment"):
        exif.edit_keywords(data, ["x" * 400], [])
    twice = jpeg.parse(data)
    segment = next(s for s in twice.head if s.body.startswith(jpeg.EXIF))
    two = jpeg.Jpeg((segment, *twice.head), twice.scans).join()
    with pytest.raises(WriteRefused, match="more than one"):
        exif.edit_keywords(two, ["Åsa"], [])


def test_a_file_of_several_pictures_is_left_alone() -> None:
    """Its index counts the bytes of the first picture."""
    data = picture()
    index = b"\xff\xe2\x00\x0aMPF\0II*\0"
    with pytest.raises(WriteRefused, match="further pictures"):
        exif.edit_keywords(data[:2] + index + data[2:], ["Åsa"], [])


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"\xff\xd8\xff\xe1\xff", b"GIF89a", b"\xff\xd8junk"])
def test_what_is_no_jpeg_is_refused(data: bytes) -> None:
    """And reading the keywords of it finds none."""
    with pytest.raises(WriteRefused):
        exif.edit_keywords(data, ["Åsa"], [])
    assert jpeg.read_exif(io.BytesIO(data)) is None


def test_fill_bytes_and_trailers_stay() -> None:
    """Bytes between and behind the segments are nobody's to tidy."""
    data = picture()
    odd = data[:2] + b"\xff\xff" + data[2:] + b"trailer \xff\xd8"
    tagged = exif.edit_keywords(odd, ["Åsa"], [])
    assert tagged.endswith(b"trailer \xff\xd8")
    assert jpeg.read_exif(io.BytesIO(tagged)) == jpeg.parse(tagged).exif[0]
    assert exif.edit_keywords(tagged, [], ["Åsa"]) == odd


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_orientation_is_read_in_both_byte_orders(order: str) -> None:
    """1 where there is none, or nonsense."""
    mark = b"II*\0" if order == "<" else b"MM\0*"

    def made(value: int) -> bytes:
        head = struct.pack(order + "LH", 8, 1)
        return mark + head + struct.pack(order + "HHLHHL", 0x0112, 3, 1, value, 0, 0)

    assert [tiff.read_orientation(made(n)) for n in (0, 1, 6, 8, 9)] == [1, 1, 6, 8, 1]
    assert tiff.read_orientation(None) == tiff.read_orientation(b"junk") == 1


@settings(max_examples=300, deadline=None, database=None)
@given(st.binary(max_size=200), st.integers(0, 120), st.integers(0, 255))
def test_a_damaged_block_never_crashes(tail: bytes, at: int, byte: int) -> None:
    """Whatever stands in EXIF, it is rewritten with every field intact, or refused."""
    good = bytearray(jpeg.parse(picture(ifd0th={0x010F: b"Maker"}, ifdExif={0x9286: b"abc" * 9})).exif[0] + tail)
    good[at % len(good)] = byte
    data = with_block(bytes(good))
    try:
        result = exif.edit_keywords(data, ["Åsa"], [])
    except WriteRefused:
        return
    before, after = exif._read_foreign(bytes(good)), exif._read_foreign(jpeg.parse(result).exif[0])
    assert after == before
    assert words(result).endswith("Åsa")


@settings(max_examples=300, deadline=None, database=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_jpeg_or_not(junk: bytes) -> None:
    """Reading junk raises nothing but PictureError."""
    for data in (junk, b"\xff\xd8" + junk, b"\xff\xd8\xff\xe1\x00\x20Exif\0\0" + junk):
        jpeg.read_exif(io.BytesIO(data))
        try:
            parsed = jpeg.parse(data)
        except PictureError:
            continue
        assert parsed.join() == data
