"""People's names in the EXIF of a JPEG: `XPKeywords`, UTF-16LE, separated by semicolons.

piexif rewrites the whole EXIF block, big-endian, and drops what it does not know. So its result is compared field by
field before the file changes; if another program's field would not survive, the write is refused: the sidecar is used.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import piexif
from piexif import _dump as piexif_dump

from plugin.confinement import wire
from plugin.errors import PictureError, WriteRefused
from plugin.hooks.dam import node_key
from plugin.hooks.files import jpeg, regular_files, tiff
from plugin.hooks.name_spellings import is_spelling_of, list_decodings
from plugin.hooks.names_in_files.xmp import list_texts

# piexif omits the last word of inner directories; the block must not end with the last of them.
_NO_NEXT = b"\x00" * 4

# It also strips metadata from the thumbnail, which must stay as it is.
piexif_dump._get_thumbnail = lambda thumbnail: thumbnail  # noqa: SLF001 (there is no other seam)

# Maker notes with offsets from their own start, by ExifTool's MakerNotes.pm: they may move.
_MOVABLE = (b"Apple iOS\x00", b"Nikon\x00\x02", b"FUJIFILM", b"OLYMPUS\x00", b"OM SYSTEM\x00")


def read_keywords(block: bytes | None) -> str:
    """`XPKeywords` of an EXIF block as one text. Raises PictureError where it is not UTF-16."""
    field = tiff.read_first_directory(block).get(tiff.XP_KEYWORDS) if block else None
    try:
        return _field_bytes(field).decode("utf-16-le").rstrip("\x00")
    except ValueError as error:
        raise PictureError("XPKeywords is not UTF-16") from error


class XpKeywords(NamedTuple):
    """The keywords in UTF-16; and in other encodings, if one was written."""

    words: list[str]
    meant: list[str]


def read_xp_keywords(path: Path) -> XpKeywords:
    """The keywords in a JPEG's EXIF; none where it cannot be read."""
    with regular_files.open_regular(path) as file:
        block = jpeg.read_exif(file)
    try:
        field = tiff.read_first_directory(block).get(tiff.XP_KEYWORDS) if block else None
        data = _field_bytes(field)
    except PictureError:
        return XpKeywords([], [])
    words: list[str] = []
    with suppress(ValueError):
        words = split_keywords(data.decode("utf-16-le").rstrip("\x00"))
    return XpKeywords(words, [part for text in list_meant(data) for part in split_keywords(text)])


def list_meant(data: bytes) -> tuple[str, ...]:
    """Other readings of bytes that should be UTF-16LE; () where they can be nothing else."""
    data = data.rstrip(b"\0")
    if not data[1::2].strip(b"\0"):
        return ()
    return (data.decode("utf-16-be", "ignore"), *list_decodings(data))


def split_keywords(text: str) -> list[str]:
    """The keywords in `text`, stripped."""
    return [part.strip() for part in text.split(";") if part.strip()]


def change_keywords(text: str, add: Sequence[str], remove: Sequence[str]) -> str:
    """`text` with `add` appended, once each, and `remove` taken out in any spelling; the rest unchanged."""
    gone = {node_key(name) for name in remove}
    left = [p for p in text.split(";") if not p.strip() or not is_spelling_of(p, gone)] if text else []
    there = split_keywords(text)
    fresh = (name for name in reversed(add) if not any(is_spelling_of(part, {node_key(name)}) for part in there))
    new = {node_key(name): name for name in fresh}
    return ";".join([*left, *reversed(new.values())])


def edit_keywords(data: bytes, add: Sequence[str], remove: Sequence[str]) -> bytes:
    """The JPEG with keywords added and removed; the same bytes if nothing changes.

    Raises WriteRefused where a name cannot be a keyword, or another program's data would not survive.
    """
    for name in add:
        if ";" in name:
            raise WriteRefused("a name holds a semicolon, which parts keywords in EXIF")
    try:
        picture = jpeg.parse(data)
        block = _find_block(picture)
        before = read_keywords(block)
        after = change_keywords(before, add, remove)
        if after == before:
            return data
        result = picture.with_exif(_rewrite(block, after))
        verify_edit(picture, result, after)
    except PictureError as error:
        raise WriteRefused(f"the EXIF stays as it is: {error}") from error
    return result.join()


def answer(header: dict[str, object], parts: list[bytes]) -> wire.Message:
    """For `confinement.reader`: `edit_keywords` of the file."""
    return {}, [edit_keywords(parts[0], list_texts(header["add"]), list_texts(header["remove"]))]


def verify_edit(old: jpeg.Jpeg, new: jpeg.Jpeg, text: str) -> None:
    """Raises PictureError unless `new` differs from `old` in XPKeywords alone, which reads `text`."""
    if new.other() != old.other() or jpeg.parse(new.join()) != new:
        raise PictureError("another segment would change")
    block = _find_block(new)
    if read_keywords(block) != text:
        raise PictureError("the keywords would not read as written")
    if _read_foreign(_find_block(old)) != _read_foreign(block):
        raise PictureError("a field of the camera's or of another program would not survive")


def _find_block(picture: jpeg.Jpeg) -> bytes | None:
    if picture.several_pictures:
        raise PictureError("an index of further pictures in the file would no longer fit")
    if len(picture.exif) > 1:
        raise PictureError("it has more than one EXIF segment")
    if picture.exif == (b"",):
        raise PictureError("its EXIF has no TIFF header")
    return picture.exif[0] if picture.exif else None


def _read_foreign(block: bytes | None) -> tiff.ExifFields:
    found = tiff.read_fields(block) if block else {}
    found.pop(("0th", tiff.XP_KEYWORDS), None)
    return found


def _rewrite(block: bytes | None, text: str) -> bytes | None:
    """The EXIF block with `text` as keywords; None where nothing would be left in it."""
    foreign = _read_foreign(block)
    if not text and not foreign:
        return None
    note = foreign.get(("Exif", tiff.MAKER_NOTE))
    if note is not None and not _field_bytes(note).startswith(_MOVABLE):
        raise PictureError("the maker note would break when moved")
    _register_fields(foreign)
    made = _dump(block, text)
    if len(made) > jpeg.LARGEST_EXIF:
        raise PictureError("it would grow beyond one segment")
    return made


def _field_bytes(field: tiff.TiffField | None) -> bytes:
    return b"" if field is None else bytes(int(v) for v in field.value)


def _register_fields(fields: tiff.ExifFields) -> None:
    """Register unknown fields with piexif, such as InteroperabilityVersion, which it would drop.

    Not four-byte integers: they may be offsets, which a rewrite would leave wrong.
    """
    for (directory, tag), field in fields.items():
        if tag >= 0 and field.kind not in {4, 9, 13}:
            piexif.TAGS[directory].setdefault(tag, {"name": f"0x{tag:04x}", "type": field.kind})


def _dump(block: bytes | None, text: str) -> bytes:
    """The block as piexif writes it. Raises PictureError for any of its failures."""
    try:
        tree: dict[str, dict[int, object]] = piexif.load(jpeg.EXIF + block) if block else {"0th": {}}
        tree["0th"].pop(tiff.XP_KEYWORDS, None)
        if text:
            tree["0th"][tiff.XP_KEYWORDS] = tuple(text.encode("utf-16-le") + b"\x00\x00")
        made: bytes = piexif.dump(tree)
    except Exception as error:  # piexif raises any exception
        raise PictureError("piexif cannot rewrite it") from error
    return made.removeprefix(jpeg.EXIF) + _NO_NEXT
