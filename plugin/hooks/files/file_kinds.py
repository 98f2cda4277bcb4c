"""The format of a file by its first bytes (magic numbers of the formats' standards), not by its name.

EXAMINED are the formats that `recognizer.decode.FORMATS` opens. Others are recognised to be reported as left out.
"""

import re
import time
from pathlib import Path, PurePosixPath

from plugin.errors import DamError
from plugin.hooks.files import regular_files

EXAMINED = frozenset({"JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "HEIF", "AVIF"})
FILM, PDF, RAW, DRAWING, PICTURE, UNKNOWN = "film", "PDF", "raw", "drawing", "picture", ""
JXL, JP2, PHOTOSHOP = "JPEG XL", "JPEG 2000", "Photoshop"
OTHERS = frozenset({FILM, PDF})
NOT_EXAMINED = frozenset({RAW, JXL, JP2, PHOTOSHOP, DRAWING, PICTURE})

_HEAD = 512
_COPYING = 60  # seconds after its last write, in which a file without a beginning may still get one


def _endings(text: str) -> frozenset[str]:
    return frozenset(f".{word}" for word in text.split())


_CALLED = {
    **dict.fromkeys(_endings("jpg jpeg jpe jif jfif jfi mpo insp"), "JPEG"), **dict.fromkeys(_endings("png apng"),
    "PNG"),
    **dict.fromkeys(_endings("heic heif heics heifs hif"), "HEIF"), **dict.fromkeys(_endings("avif avifs"), "AVIF"),
    **dict.fromkeys(_endings("tif tiff btf"), "TIFF"), **dict.fromkeys(_endings("bmp dib"), "BMP"), ".webp": "WEBP",
    ".gif": "GIF",
}  # fmt: skip
PHOTO_ENDINGS = frozenset(_CALLED)
"""What photographs are called that can be examined; anything else may be one as well."""

_RAW_ENDINGS = _endings(
    "3fr ari arw bay cap cr2 cr3 crw dcr dcs dng drf eip erf fff gpr iiq k25 kdc mdc mef mos mrw nef nrw orf ori pef "
    "ptx pxn r3d raf raw rw2 rwl rwz sr2 srf srw x3f"
)
_OTHER_ENDINGS = {
    **dict.fromkeys(_endings("mp4 m4v mov avi mkv webm mpg mpeg mts m2ts 3gp wmv insv"), FILM), ".pdf": PDF,
    **dict.fromkeys(_RAW_ENDINGS, RAW), ".jxl": JXL, **dict.fromkeys(_endings("jp2 j2k j2c jpc jpf jpx jpm jph"), JP2),
    **dict.fromkeys(_endings("psd psb psdt"), PHOTOSHOP), **dict.fromkeys(_endings("ai svg svgz eps ps"), DRAWING),
    **dict.fromkeys(_endings(
        "xcf kra ora clip procreate afphoto exr hdr jxr wdp hdp tga pcx ppm pgm pbm pnm pfm dds dcm fits fit bpg flif "
        "qoi"
    ), PICTURE),
}  # fmt: skip

_STARTS = (
    (b"\xff\xd8\xff", "JPEG"), (b"\x89PNG\r\n\x1a\n", "PNG"), (b"GIF87a", "GIF"), (b"GIF89a", "GIF"),
    (b"IIU\0", RAW), (b"IIRO", RAW), (b"IIRS", RAW), (b"MMOR", RAW), (b"FUJIFILMCCD-RAW", RAW), (b"\0MRM", RAW),
    (b"FOVb", RAW), (b"II\x1a\0\0\0HEAPCCDR", RAW),
    (b"II*\0", "TIFF"), (b"MM\0*", "TIFF"), (b"II+\0", "TIFF"), (b"MM\0+", "TIFF"),
    (b"\xff\x0a", JXL), (b"\0\0\0\x0cJXL ", JXL), (b"\0\0\0\x0cjP  ", JP2), (b"\xff\x4f\xff\x51", JP2),
    (b"8BPS", PHOTOSHOP), (b"%!PS", DRAWING), (b"\xc5\xd0\xd3\xc6", DRAWING), (b"%PDF-", PDF),
    (b"gimp xcf", PICTURE), (b"v/1\x01", PICTURE), (b"#?RADIANCE", PICTURE), (b"II\xbc\x01", PICTURE),
    (b"DDS ", PICTURE), (b"BPG\xfb", PICTURE), (b"FLIF", PICTURE), (b"qoif", PICTURE), (b"SIMPLE  =", PICTURE),
    (b"\x1aE\xdf\xa3", FILM), (b"\0\0\x01\xba", FILM), (b"\0\0\x01\xb3", FILM), (b"0&\xb2u\x8ef\xcf\x11", FILM),
    (b"FLV\x01", FILM),
)  # fmt: skip
_AVIF = frozenset({b"avif", b"avis"})
_HEIF = frozenset((b"heic heix heim heis hevc hevx hevm hevs mif1 mif2 msf1").split())
_FILM_ATOMS = frozenset({b"moov", b"mdat", b"wide", b"pnot"})
_SVG = re.compile(rb"(\xef\xbb\xbf)?\s*<(\?xml|svg|!--|!DOCTYPE svg)")
_BITMAP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})


def sniff(head: bytes, ending: str) -> str:
    """The format of a file that begins with `head`; the ending decides only where the bytes are ambiguous."""
    found = _find_by_content(head)
    if found == "TIFF" and (ending in _RAW_ENDINGS or head[8:10] == b"CR"):
        return RAW  # most raw files are TIFF to all but their own programs
    if found in {PDF, UNKNOWN}:
        by_name = _OTHER_ENDINGS.get(ending, UNKNOWN)
        return by_name if found == UNKNOWN or by_name == DRAWING else found
    return found


def _find_by_content(head: bytes) -> str:
    if head[4:8] == b"ftyp":
        return _find_by_brand(head)
    for start, found in _STARTS:
        if head.startswith(start):
            return found
    if head[:4] == b"RIFF":
        return {b"WEBP": "WEBP", b"AVI ": FILM}.get(head[8:12], UNKNOWN)
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BITMAP_HEADERS:
        return "BMP"
    if head[4:8] in _FILM_ATOMS or _is_transport_stream(head):
        return FILM
    return DRAWING if _SVG.match(head) and b"<svg" in head else UNKNOWN


def _find_by_brand(head: bytes) -> str:
    """ISO base media covers pictures, raw and films: the major brand decides, then the compatible ones."""
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))]
    if brands[0] == b"crx ":
        return RAW
    if brands[0] == b"jxl ":
        return JXL
    if brands[0] in _AVIF or (brands[0] in {b"mif1", b"mif2", b"msf1"} and _AVIF & set(brands)):
        return "AVIF"
    return "HEIF" if brands[0] in _HEIF else FILM


def _is_transport_stream(head: bytes) -> bool:
    return any(head[at : at + 1] == head[at + step : at + step + 1] == b"G" for at, step in ((0, 188), (4, 192)))


def read_format(path: Path) -> str:
    """The format of the file at `path`. Raises OSError; does not open a FIFO, device or socket."""
    try:
        with regular_files.open_regular(path) as file:
            return sniff(file.read(_HEAD), path.suffix.lower())
    except regular_files.NotRegular:
        return UNKNOWN


def is_jpeg(path: Path) -> bool:
    """Whether the file is a JPEG by content; by its ending if it cannot be opened."""
    return find_format(path) == "JPEG"


def find_format(path: Path) -> str:
    """The format of a file; by its ending if it cannot be opened."""
    try:
        return read_format(path)
    except OSError:
        return guess_by_ending(path.name)


def guess_by_ending(name: str) -> str:
    """The format by the ending alone: a file that cannot be opened must not look deleted."""
    ending = PurePosixPath(name).suffix.lower()
    return _CALLED.get(ending) or _OTHER_ENDINGS.get(ending, UNKNOWN)


def is_arriving(mtime_ns: int, now: float) -> bool:
    """Whether a file without content was written seconds ago: it is being copied."""
    return 0 <= now - mtime_ns / 1e9 < _COPYING


def refuse_arriving(path: Path, ref: str) -> None:
    """Raises DamError for a file named like a photograph without content yet: it is not gone, it arrives."""
    called_one = path.suffix.lower() in PHOTO_ENDINGS
    if called_one and find_format(path) == UNKNOWN and is_arriving(path.stat().st_mtime_ns, time.time()):
        raise DamError(f"{ref} is being written just now: it is looked at again")
