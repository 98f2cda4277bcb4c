"""Files that hold more than their main picture, of every kind that programs write, and ordinary ones like them."""

import base64
import io
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import piexif
import pillow_heif
from PIL import Image, ImageFilter, PngImagePlugin, TiffImagePlugin

import plugin.hooks.names_in_files.exif  # noqa: F401 (has piexif keep thumbnails as they are)

Maker = Callable[[Image.Image, Image.Image], bytes]
"""Makes a file that shows the first picture and holds the second."""

pillow_heif.register_heif_opener()
FILM = struct.pack(">I4s4sI4s4s", 24, b"ftyp", b"mp42", 0, b"mp42", b"isom") + struct.pack(">I4s", 3008, b"mdat")
FILM += bytes(range(250)) * 12
_NOISE = np.random.default_rng(7).integers(0, 256, 5000, "u1").tobytes()


def saved(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    """The file that Pillow writes."""
    file = io.BytesIO()
    image.copy().save(file, kind, **options)  # a copy: Pillow leaves the settings of one format on a picture
    return file.getvalue()


def small(image: Image.Image, side: int = 160) -> Image.Image:
    """The picture as a thumbnail."""
    result = image.copy()
    result.thumbnail((side, side))
    return result


def segment(code: int, body: bytes) -> bytes:
    """A marker segment of a JPEG."""
    return bytes([0xFF, code]) + struct.pack(">H", len(body) + 2) + body


def with_segments(jpeg: bytes, *segments: bytes) -> bytes:
    """The JPEG with these segments behind its first marker."""
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def spanning(code: int, data: bytes, head: Callable[[int, int], bytes], step: int = 9000) -> list[bytes]:
    """`data` over several segments; `head` of a part's number and offset stands before each."""
    return [segment(code, head(n, at) + data[at : at + step]) for n, at in enumerate(range(0, len(data), step))]


def exif(thumbnail: bytes, orientation: int = 1, note: bytes = b"") -> bytes:
    """An EXIF block with a thumbnail, as piexif makes it; with its header."""
    inner = {piexif.ExifIFD.MakerNote: note} if note else {}
    tree = {
        "0th": {274: orientation},
        "Exif": inner,
        "1st": {259: 6} if thumbnail else {},
        "thumbnail": thumbnail or None,
    }
    return bytes(piexif.dump(tree))


def tiff(
    directories: list[tuple[Image.Image, int]], order: str = "<", sub: bool = False, empty_first: bool = False
) -> bytes:
    """A TIFF without compression: pictures with their NewSubfileType, on a chain, or all but the first below it."""
    buf = bytearray((b"II*\0" if order == "<" else b"MM\0*") + b"\0" * 4)
    rows = []
    for image, kind in directories:
        at, bits = len(buf), len(buf) + len(image.tobytes())
        buf += image.tobytes() + struct.pack(order + "HHH", 8, 8, 8)
        w, h = image.size
        rows.append(
            [
                (254, 4, 1, kind),
                (256, 4, 1, w),
                (257, 4, 1, h),
                (258, 3, 3, bits),
                (259, 3, 1, 1),
                (262, 3, 1, 2),
                (273, 4, 1, at),
                (277, 3, 1, 3),
                (278, 4, 1, h),
                (279, 4, 1, w * h * 3),
            ]
        )
    if empty_first:
        rows.insert(0, [(274, 3, 1, 1)])
    below = 0
    for place, row in reversed(list(enumerate(rows))):
        if sub and place == 0 and below:
            row, below = [*row, (330, 4, 1, below)], 0
        at = len(buf) + len(buf) % 2
        buf += b"\0" * (at - len(buf)) + struct.pack(order + "H", len(row))
        for tag, kind, many, value in sorted(row):
            if (kind, many) == (3, 1):
                buf += struct.pack(order + "HHIHH", tag, kind, many, value, 0)
            else:
                buf += struct.pack(order + "HHII", tag, kind, many, value)
        buf += struct.pack(order + "I", below)
        below = at
    buf[4:8] = struct.pack(order + "I", below)
    return bytes(buf)


def xmp(inner: str) -> bytes:
    """A packet of XMP."""
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
        f'xmlns:xmpGImg="http://ns.adobe.com/xap/1.0/g/img/">{inner}</rdf:Description></rdf:RDF></x:xmpmeta>'
    ).encode()


def xmp_thumbnail(picture: bytes, line: str = "&#xA;") -> bytes:
    """XMP with xmp:Thumbnails, in lines as Adobe writes them."""
    text = base64.b64encode(picture).decode()
    lines = line.join(text[at : at + 76] for at in range(0, len(text), 76))
    return xmp(
        f"<xmp:Thumbnails><rdf:Alt><rdf:li><xmpGImg:image>{lines}</xmpGImg:image></rdf:li></rdf:Alt></xmp:Thumbnails>"
    )


def thumb(picture: Image.Image) -> bytes:
    """An EXIF block with this picture as its thumbnail."""
    return exif(saved(small(picture)))


def side(picture: Image.Image) -> Image.Image:
    """The picture lying on its side."""
    return picture.transpose(Image.Transpose.ROTATE_90)


def irb(number: int, data: bytes) -> bytes:
    """A resource of Photoshop's: a thumbnail with its header."""
    body = struct.pack(">IIIIIIHH", 1, 160, 120, 480, 57600, len(data), 24, 1) + data
    return b"8BIM" + struct.pack(">HHI", number, 0, len(body)) + body + b"\0" * (len(body) % 2)


def chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_with(image: Image.Image, *chunks: bytes) -> bytes:
    """A PNG with chunks behind its first."""
    data = saved(image, "PNG")
    return data[:33] + b"".join(chunks) + data[33:]


def riff_with(webp: bytes, kind: bytes, body: bytes) -> bytes:
    """A WebP with a chunk at its end."""
    data = webp[8:] + kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
    return b"RIFF" + struct.pack("<I", len(data)) + data


def alpha(main: Image.Image, other: Image.Image) -> Image.Image:
    """`other` under a transparency that shows `main`'s half of it."""
    mask = Image.new("L", other.size, 0)
    mask.paste(255, (0, 0, other.width // 2, other.height))
    result = other.convert("RGBA")
    result.putalpha(mask)
    return result


def mask(main: Image.Image, other: Image.Image) -> Image.Image:
    """A white page whose transparency is `other`: seen on black alone."""
    result = Image.new("RGBA", other.size, "white")
    result.putalpha(other.convert("L"))
    return result


def heif(images: list[Image.Image], **info: Any) -> bytes:
    """A HEIF file of several pictures."""
    file = pillow_heif.from_pillow(images[0])
    for image in images[1:]:
        file.add_from_pillow(image)
    for name, value in info.items():
        file[0].info[name] = value
    target = io.BytesIO()
    file.save(target, quality=80)
    return target.getvalue()


def heif_in_data(main: Image.Image, other: Image.Image) -> bytes:
    """A HEIF file with a picture among the data of its items."""
    data, inner = saved(main, "HEIF"), saved(small(other))
    at = data.index(b"mdat") - 4
    return data[:at] + struct.pack(">I", len(data) - at + len(inner)) + data[at + 4 :] + inner


def heif_thumbnail(main: Image.Image, other: Image.Image) -> bytes:
    """A HEIF file whose thumbnail is another's: of a picture that stands behind the main one and is hidden."""
    data = bytearray(heif([other, main], thumbnails=[160]))
    at = data.index(b"pitm") + 8
    ids = [i for i in range(1, 5) if _item(data, i) and not _is_thumbnail(data, i)]
    data[at : at + 2] = struct.pack(">H", ids[-1])
    spot = data.index(b"thmb") + 8
    data[spot : spot + 2] = struct.pack(">H", ids[-1])
    hidden = _item(data, ids[0])
    data[hidden + 7] |= 1
    return bytes(data)


def _item(data: bytes | bytearray, number: int) -> int:
    at = data.find(b"infe\x02\0\0\0" + struct.pack(">H", number))
    return max(at, 0)


def _is_thumbnail(data: bytes | bytearray, number: int) -> bool:
    at = data.index(b"thmb") + 4
    return bytes(data[at : at + 2]) == struct.pack(">H", number)


def jfxx(kind: int, image: Image.Image) -> bytes:
    """A JFXX segment: JPEG, palette or RGB."""
    if kind == 0x10:
        return segment(0xE0, b"JFXX\0\x10" + saved(small(image)))
    picture = small(image, 130)
    size = bytes(picture.size)
    if kind == 0x13:
        return segment(0xE0, b"JFXX\0\x13" + size + picture.tobytes())
    colours = picture.quantize(256)
    table = bytes(colours.getpalette() or ()).ljust(768, b"\0")
    return segment(0xE0, b"JFXX\0\x11" + size + table + colours.tobytes())


def jfif(image: Image.Image, main: Image.Image) -> bytes:
    """A JPEG with the thumbnail of JFIF itself."""
    picture = small(image, 130)
    data = saved(main)
    first = segment(0xE0, data[6:18] + bytes(picture.size) + picture.tobytes())
    return data[:2] + first + data[4 + int.from_bytes(data[4:6], "big") :]


def raw_profile(block: bytes) -> bytes:
    """EXIF as ImageMagick writes it into PNG."""
    text = block.hex()
    lines = "\n".join(text[at : at + 72] for at in range(0, len(text), 72))
    return chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(f"\nexif\n {len(block)}\n{lines}\n".encode()))


def photoshop_layers(main: Image.Image) -> bytes:
    """A TIFF with Photoshop's own data, a layer in it."""
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[37724] = b"Adobe Photoshop Document Data Block\0MIB8ryaL" + struct.pack("<IH", 400, 1) + b"x" * 398
    info.tagtype[37724] = 7
    return saved(main, "TIFF", tiffinfo=info)


def tiff_field(main: Image.Image, tag: int, value: bytes) -> bytes:
    """A TIFF with a field of bytes."""
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[tag] = value
    info.tagtype[tag] = 7
    return saved(main, "TIFF", tiffinfo=info)


def jumbf(data: bytes) -> list[bytes]:
    """A box of C2PA over several segments."""
    box = struct.pack(">I4s", len(data) + 8, b"jumb")
    parts = [data[at : at + 9000] for at in range(0, len(data), 9000)]
    return [segment(0xEB, b"JP\0\1" + struct.pack(">I", n + 1) + box + part) for n, part in enumerate(parts)]


def extended_xmp(packet: bytes) -> list[bytes]:
    """XMP that spans segments, the last part first."""
    head = b"http://ns.adobe.com/xmp/extension/\0" + b"A" * 32 + struct.pack(">I", len(packet))
    return spanning(0xE1, packet, lambda _, at: head + struct.pack(">I", at), 6000)[::-1]


def letterboxed(image: Image.Image, size: tuple[int, int] = (160, 120)) -> Image.Image:
    """A thumbnail of a fixed size with black bars."""
    inner = image.copy()
    inner.thumbnail(size)
    result = Image.new("RGB", size)
    result.paste(inner, ((size[0] - inner.width) // 2, (size[1] - inner.height) // 2))
    return result


def multi_page(main: Image.Image, other: Image.Image) -> bytes:
    """A TIFF of two pages."""
    return saved(main, "TIFF", save_all=True, append_images=[other.copy()])


def between_scans(main: Image.Image, other: Image.Image) -> bytes:
    """A progressive JPEG with a segment between its scans that holds a picture."""
    data = saved(main, progressive=True)
    at = data.index(b"\xff\xda", data.index(b"\xff\xda") + 2)
    return data[:at] + segment(0xE5, saved(small(other))) + data[at:]


def bmp_gap(main: Image.Image, other: Image.Image) -> bytes:
    """A BMP with a picture between its header and its pixels."""
    data, inner = saved(main, "BMP"), saved(small(other))
    where = struct.unpack("<I", data[10:14])[0]
    return data[:10] + struct.pack("<I", where + len(inner)) + data[14:where] + inner + data[where:]


def gif_comment(main: Image.Image, body: bytes) -> bytes:
    """A GIF with a comment."""
    data = saved(main, "GIF")
    at = 13 + (3 << (data[10] & 7) + 1)
    blocks = b"".join(bytes([len(body[n : n + 255])]) + body[n : n + 255] for n in range(0, len(body), 255))
    return data[:at] + b"!\xfe" + blocks + b"\0" + data[at:]


def box(kind: bytes, body: bytes) -> bytes:
    """A box of ISO 14496-12."""
    return struct.pack(">I4s", len(body) + 8, kind) + body


def jpegs() -> Iterator[tuple[str, Maker]]:
    """What a JPEG may hold."""
    app = with_segments
    note = b"MYCAM\0\0\1" + b"\0" * 40
    yield "exif thumbnail", lambda m, o: saved(m, exif=exif(saved(small(o))))
    yield "exif thumbnail without end", lambda m, o: saved(m, exif=exif(saved(small(o))[:-2]))
    yield "exif thumbnail letterboxed", lambda m, o: saved(m, exif=exif(saved(letterboxed(o))))
    for order in "<>":
        yield (
            f"exif thumbnail raw {order}",
            lambda m, o, order=order: saved(  # type: ignore[misc]
                m, exif=b"Exif\0\0" + tiff([(small(o, 110), 1)], order, empty_first=True)
            ),
        )
        yield (
            f"exif sub directory {order}",
            lambda m, o, order=order: saved(  # type: ignore[misc]
                m, exif=b"Exif\0\0" + tiff([(small(o, 110), 1)], order, sub=True, empty_first=True)
            ),
        )
    yield "maker note", lambda m, o: saved(m, exif=exif(b"", note=note + saved(small(o))))
    yield (
        "thumbnail in a thumbnail",
        lambda m, o: saved(m, exif=exif(saved(small(m), exif=exif(saved(small(o, 120)))))),
    )
    yield "jfif", lambda m, o: jfif(o, m)
    for kind in (0x10, 0x11, 0x13):
        yield f"jfxx {kind:x}", lambda m, o, kind=kind: app(saved(m), jfxx(kind, o))  # type: ignore[misc]
    for number in (0x0409, 0x040C):
        yield (
            f"photoshop {number:x}",
            lambda m, o, number=number: app(  # type: ignore[misc]
                saved(m), segment(0xED, b"Photoshop 3.0\0" + irb(number, saved(small(o))))
            ),
        )
    yield (
        "photoshop in two",
        lambda m, o: app(
            saved(m), *spanning(0xED, irb(0x040C, saved(small(o, 240))), lambda *_: b"Photoshop 3.0\0", 3000)
        ),
    )
    yield (
        "xmp",
        lambda m, o: app(saved(m), segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp_thumbnail(saved(small(o))))),
    )
    yield (
        "xmp in a line",
        lambda m, o: app(
            saved(m), segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp_thumbnail(saved(small(o)), ""))
        ),
    )
    yield (
        "xmp png",
        lambda m, o: app(
            saved(m),
            segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp_thumbnail(saved(small(o, 110), "PNG"), "\n")),
        ),
    )
    yield "extended xmp", lambda m, o: app(saved(m), *extended_xmp(xmp_thumbnail(saved(small(o, 320)))))
    yield (
        "flashpix",
        lambda m, o: app(
            saved(m), *spanning(0xE2, saved(small(o, 320)), lambda _, at: b"FPXR\0\0\2\0\1" + struct.pack(">I", at))
        ),
    )
    yield "c2pa", lambda m, o: app(saved(m), *jumbf(saved(small(o, 480))))
    yield "other segments", lambda m, o: app(saved(m), *spanning(0xE4, saved(small(o, 480)), lambda *_: b""))
    yield "comment", lambda m, o: app(saved(m), segment(0xFE, saved(small(o))))
    yield "between scans", between_scans
    yield "mpo", lambda m, o: saved(m, "MPO", save_all=True, append_images=[o])
    yield ("mpo gain map", lambda m, o: saved(m, "MPO", save_all=True, append_images=[small(o.convert("L"), 320)]))
    for form in ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "HEIF", "AVIF"):
        yield f"{form} behind", lambda m, o, form=form: saved(m) + saved(o, form)  # type: ignore[misc]
    yield "JPEG behind padding", lambda m, o: saved(m) + b"\0" * 70_000 + saved(o)
    yield "base64 behind", lambda m, o: saved(m) + b"<!-- " + base64.b64encode(saved(o)) + b" -->"
    yield "cut JPEG behind", lambda m, o: saved(m) + saved(o)[:9000]
    yield "larger behind", lambda m, o: saved(small(m, 300)) + saved(m)
    yield ("sideways thumbnail", lambda m, o: saved(m, exif=exif(saved(small(o.transpose(Image.Transpose.ROTATE_90))))))
    yield (
        "thumbnail as stored",
        lambda m, o: saved(
            m.transpose(Image.Transpose.ROTATE_90), exif=exif(saved(small(o.transpose(Image.Transpose.ROTATE_90))), 6)
        ),
    )
    for name, data in (
        ("mp4", FILM),
        ("mov", box(b"moov", box(b"mvhd", b"\0" * 100)) + box(b"mdat", _NOISE)),
        ("avi", b"RIFF" + struct.pack("<I", 5004) + b"AVI " + _NOISE),
        ("mkv", b"\x1aE\xdf\xa3" + _NOISE),
        ("wav", b"RIFF" + struct.pack("<I", 5004) + b"WAVE" + _NOISE),
        ("mp3", b"ID3\4\0" + _NOISE),
        ("m4a", box(b"ftyp", b"M4A \0\0\0\0") + box(b"mdat", _NOISE)),
        ("zip", b"PK\3\4" + _NOISE),
        ("pdf", b"%PDF-1.7\n" + _NOISE),
        ("unknown", _NOISE),
        ("psd", b"8BPS\0\1" + _NOISE),
        ("sef film", b"\0\0\x30\x0a\x10\0\0\0MotionPhoto_Data" + FILM + b"SEFH" + b"\0" * 30 + b"SEFT"),
    ):
        yield f"{name} behind", lambda m, o, data=data: saved(m) + data  # type: ignore[misc]


def others() -> Iterator[tuple[str, Maker]]:
    """What the other formats may hold."""
    yield "png exif", lambda m, o: saved(m, "PNG", exif=thumb(o))
    yield "png raw profile", lambda m, o: png_with(m, raw_profile(thumb(o)))
    for packed in (False, True):

        def texts(m: Image.Image, o: Image.Image, packed: bool = packed) -> bytes:
            info = PngImagePlugin.PngInfo()
            info.add_itxt("XML:com.adobe.xmp", xmp_thumbnail(saved(small(o))).decode(), zip=packed)
            return saved(m, "PNG", pnginfo=info)

        yield f"png xmp {packed}", texts
    yield ("png text", lambda m, o: png_with(m, chunk(b"tEXt", b"preview\0" + base64.b64encode(saved(small(o))))))
    yield "png private chunk", lambda m, o: png_with(m, chunk(b"prVw", saved(small(o))))
    yield "png cropped without cutting", lambda m, o: saved(m, "PNG") + saved(o, "PNG")[300:]
    yield "apng", lambda m, o: saved(m, "PNG", save_all=True, append_images=[o])
    for kind in ("PNG", "WEBP", "TIFF", "AVIF"):
        options = {"WEBP": {"lossless": True, "exact": True}}.get(kind, {})
        yield f"under {kind}", lambda m, o, kind=kind, options=options: saved(alpha(m, o), kind, **options)  # type: ignore[misc]
    yield (
        "under a palette",
        lambda m, o: saved(alpha(m, o).convert("RGB").quantize(64), "PNG", transparency=bytes(range(0, 128, 2))),
    )
    yield "on black only", lambda m, o: saved(mask(m, o), "PNG")
    yield "webp exif", lambda m, o: saved(m, "WEBP", exif=thumb(o))
    yield "webp xmp", lambda m, o: saved(m, "WEBP", xmp=xmp_thumbnail(saved(small(o))))
    yield ("webp private chunk", lambda m, o: riff_with(saved(m, "WEBP", exif=exif(b"")), b"PRVW", saved(small(o))))
    yield "webp behind", lambda m, o: saved(m, "WEBP") + saved(o)
    for kind in ("GIF", "WEBP", "AVIF"):
        yield f"animated {kind}", lambda m, o, kind=kind: saved(m, kind, save_all=True, append_images=[o])  # type: ignore[misc]
    yield "gif comment", lambda m, o: gif_comment(m, base64.b64encode(saved(small(o))))
    yield "gif behind", lambda m, o: saved(m, "GIF") + saved(o)
    yield "tiff preview first", lambda m, o: tiff([(small(m, 120), 1), (o, 0)], sub=True)
    yield "tiff sub directory", lambda m, o: tiff([(m, 0), (small(o, 320), 1)], sub=True)
    yield "tiff sub directory MM", lambda m, o: tiff([(m, 0), (small(o, 320), 1)], ">", sub=True)
    yield "tiff reduced page", lambda m, o: tiff([(m, 0), (small(o, 320), 1)])
    yield "tiff pages", multi_page
    yield "tiff layers", lambda m, o: photoshop_layers(m)
    yield "tiff photoshop", lambda m, o: tiff_field(m, 34377, irb(0x040C, saved(small(o))))
    yield "tiff xmp", lambda m, o: tiff_field(m, 700, xmp_thumbnail(saved(small(o))))
    yield "tiff behind", lambda m, o: saved(m, "TIFF") + saved(o)
    yield "bmp behind", lambda m, o: saved(m, "BMP") + saved(o, "BMP")
    yield "bmp gap", bmp_gap
    for kind in ("HEIF", "AVIF"):
        yield f"{kind} motion photo", lambda m, o, kind=kind: saved(m, kind) + box(b"mpvd", FILM)  # type: ignore[misc]
        yield f"{kind} behind", lambda m, o, kind=kind: saved(m, kind) + box(b"free", saved(o))  # type: ignore[misc]
    yield "heif exif", lambda m, o: saved(m, "HEIF", exif=thumb(o))
    yield "heif data", heif_in_data
    yield "heif pictures", lambda m, o: heif([m, o])
    yield "film behind heif", lambda m, o: saved(m, "HEIF") + FILM
    yield "heif thumbnail", heif_thumbnail


def retouched(main: Image.Image, face: tuple[int, int, int, int], how: str, other: Image.Image) -> Image.Image:
    """The picture with the face made unknown."""
    crop = main.crop(face)
    match how:
        case "blurred":
            crop = crop.filter(ImageFilter.GaussianBlur(crop.width / 9))
        case "pixels":
            crop = crop.resize((9, 9), Image.Resampling.BOX).resize(crop.size, Image.Resampling.NEAREST)
        case "barred":
            crop.paste((0, 0, 0), (0, crop.height // 4, crop.width, crop.height // 2))
        case _:
            crop = other.resize(crop.size)
    result = main.copy()
    result.paste(crop, face[:2])
    return result


def ordinary() -> Iterator[tuple[str, Callable[[Image.Image], bytes]]]:
    """Files as cameras and programs write them, which hold nothing else than they show."""
    for quality in (50, 90):
        yield f"thumbnail {quality}", lambda m, q=quality: saved(m, exif=exif(saved(small(m), quality=q)))  # type: ignore[misc]
    yield "letterboxed thumbnail", lambda m: saved(m, exif=exif(saved(letterboxed(m))))
    yield "thumbnail without end", lambda m: saved(m, exif=exif(saved(small(m))[:-2]))
    yield ("raw thumbnail", lambda m: saved(m, exif=b"Exif\0\0" + tiff([(small(m, 110), 1)], ">", empty_first=True)))
    yield "turned, thumbnail as stored", lambda m: saved(side(m), exif=exif(saved(small(side(m))), 6))
    yield "turned, thumbnail upright", lambda m: saved(side(m), exif=exif(saved(small(m)), 6))
    yield "preview behind", lambda m: saved(m) + b"\0" * 900 + saved(small(m, 480))
    yield "mpo", lambda m: saved(m, "MPO", save_all=True, append_images=[small(m, 480)])
    yield "gain map", lambda m: saved(m, "MPO", save_all=True, append_images=[gain_map(m)])
    yield (
        "depth map",
        lambda m: saved(m, "MPO", save_all=True, append_images=[Image.linear_gradient("L").resize((192, 144))]),
    )
    yield "padding", lambda m: saved(m) + b"\0" * 30_000
    yield (
        "samsung",
        lambda m: (
            saved(m) + b"\0\0\1\x0a\x0e\0\0\0Image_UTC_Data1458170015363"
            b"SEFHk\0\0\0\1\0\0\0\0\0\1\x0a#\0\0\0\x24\0\0\0\x18\0\0\0SEFT"
        ),
    )
    yield "text behind", lambda m: saved(m) + b'vivo{"portrait":0}' + b" " * 400
    yield (
        "photoshop",
        lambda m: with_segments(saved(m), segment(0xED, b"Photoshop 3.0\0" + irb(0x040C, saved(small(m))))),
    )
    yield (
        "xmp thumbnail",
        lambda m: with_segments(
            saved(m), segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp_thumbnail(saved(small(m, 240))))
        ),
    )
    yield ("extended xmp", lambda m: with_segments(saved(m), *extended_xmp(xmp("<xmp:Label>none</xmp:Label>" * 900))))
    yield "c2pa", lambda m: with_segments(saved(m), *jumbf(saved(small(m, 480))))
    yield "progressive", lambda m: saved(m, progressive=True, exif=exif(saved(small(m))))
    yield "restarts", lambda m: saved(m, restart_marker_rows=1)
    yield (
        "brighter than its thumbnail",
        lambda m: saved(m.point(lambda v: min(255, int(v * 1.2 + 8))), exif=exif(saved(small(m)))),
    )
    for kind in ("PNG", "WEBP", "TIFF", "GIF", "BMP", "HEIF", "AVIF"):
        yield f"plain {kind}", lambda m, kind=kind: saved(m, kind)  # type: ignore[misc]
    for kind in ("PNG", "WEBP"):
        yield f"thumbnail in {kind}", lambda m, kind=kind: saved(m, kind, exif=exif(saved(small(m))))  # type: ignore[misc]
    yield "thumbnail in HEIF", lambda m: heif([m], thumbnails=[320], exif=exif(saved(small(m))))
    yield "pyramid", lambda m: tiff([(m, 0), (small(m, 320), 1), (small(m, 160), 1)])
    yield "preview in a sub directory", lambda m: tiff([(m, 0), (small(m, 320), 1)], sub=True)
    yield "compressed TIFF", lambda m: saved(m, "TIFF", compression="jpeg")
    yield "flat TIFF of Photoshop", lambda m: tiff_field(m, 34377, irb(0x040C, saved(small(m))))
    yield "rounded corners", corners
    yield "cut out", cut_out


def gain_map(m: Image.Image) -> Image.Image:
    """The highlights alone, at a quarter of the size, as phones add them."""
    grey = np.asarray(m.convert("L").resize((m.width // 4, m.height // 4))).astype("f4") / 255
    return Image.fromarray((np.clip((grey - 0.35) / 0.65, 0, 1) ** 1.5 * 255).astype("u1"))


def corners(m: Image.Image) -> bytes:
    """A PNG whose corners are transparent, as of a screen."""
    shape = Image.new("L", m.size, 255)
    shape.paste(0, (0, 0, 20, 20))
    result = m.convert("RGBA")
    result.putalpha(shape)
    return saved(result, "PNG")


def cut_out(m: Image.Image) -> bytes:
    """A PNG of somebody on nothing."""
    shape = Image.new("L", m.size, 0)
    shape.paste(255, (m.width // 10, m.height // 20, m.width * 9 // 10, m.height))
    result = Image.composite(m, Image.new("RGB", m.size), shape).convert("RGBA")
    result.putalpha(shape)
    return saved(result, "PNG")
