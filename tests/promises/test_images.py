"""D1: broken and hostile pictures, sent through a real child process under a memory limit."""

import base64
import io
import random
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from plugin.config import MatchingSection, RecognizerSection
from plugin.errors import ExaminationFailed, PictureError
from plugin.recognizer.examination.messages import Examination, ExaminationRequest
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from tests import further

MEMORY_MB = 640
SECONDS = 20
KINDS = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "HEIF", "AVIF")
PLAIN = ExaminationRequest(datetime(2026, 3, 2, tzinfo=UTC), compare=False)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """The bytes of the file Pillow writes."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png(width: int, height: int, data: bytes) -> bytes:
    """A PNG that claims this size, over compressed data of any kind."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def portrait() -> Image.Image:
    """A sample portrait, small."""
    with Image.open(samples.portrait(samples.A_FRONT)) as image:
        return image.convert("RGB").resize((240, 300))


def corpus() -> Iterator[tuple[str, bytes]]:
    """Pictures that are whole, odd, broken or hostile, with a name each."""
    image = portrait()
    for kind in KINDS:
        whole = saved(image, kind)
        yield f"whole {kind}", whole
        for part in (0.01, 0.1, 0.5, 0.97):
            yield f"truncated {kind} {part}", whole[: int(len(whole) * part)]
        yield f"doubled {kind}", whole + whole
        yield f"{kind} behind a script", b"<script>" + whole
    for orientation in range(10):
        exif = Image.Exif()
        exif[0x0112] = orientation
        yield f"turned {orientation}", saved(image, "JPEG", exif=exif)
    for mode, kind in (("CMYK", "JPEG"), ("CMYK", "TIFF"), ("P", "PNG"), ("LA", "PNG"), ("1", "TIFF"), ("F", "TIFF")):
        yield f"{mode} {kind}", saved(image.convert("L" if mode == "F" else mode).convert(mode), kind)
    yield "16 bit", saved(Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257), "PNG")
    for kind in ("GIF", "WEBP", "PNG", "TIFF", "MPO"):
        frames = [image.rotate(angle) for angle in (90, 180)]
        yield f"several {kind}", saved(image, kind, save_all=True, append_images=frames)
    yield from hostile(image)
    yield from hostile_inside(image)


def hostile(image: Image.Image) -> Iterator[tuple[str, bytes]]:
    """Files that lie about what they hold, or are no pictures."""
    yield "empty", b""
    for text in (b"\0", b"GIF89a", b"\xff\xd8\xff", b"%PDF-1.7", b"PK\x03\x04", b"\x7fELF", b"<svg/>", b"<html>"):
        yield f"only {text!r}", text
        yield f"{text!r} and zeros", text + b"\0" * 5000
    yield "bomb by size", png(60_000, 60_000, zlib.compress(b"\0" * 100))
    yield "bomb by content", png(10_500, 10_500, zlib.compress(b"\0" * (10_500 * 3 + 1) * 10_500, 9))
    yield "bomb of text", png(10, 10, zlib.compress(b"\0" * 10**8, 9))
    yield "no width", png(0, 10, zlib.compress(b"\0"))
    jpeg = bytearray(saved(image, "JPEG"))
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = b"\xff\xff\xff\xff"
    yield "JPEG that claims 65535 x 65535", bytes(jpeg)
    jpeg[at : at + 4] = b"\x20\x00\x20\x00"
    yield "JPEG that claims 8192 x 8192", bytes(jpeg)
    yield "very wide", saved(Image.new("L", (60_000, 2)), "PNG")
    yield "very high", saved(Image.new("L", (1, 30_000)), "PNG")
    yield "one pixel", saved(Image.new("RGB", (1, 1)), "JPEG")


def hostile_inside(image: Image.Image) -> Iterator[tuple[str, bytes]]:
    """Pictures whose further pictures are meant to harm whoever looks for them."""
    jpeg, thumb = saved(image, "JPEG"), saved(image.resize((80, 100)), "JPEG")
    bomb = png(10_500, 10_500, zlib.compress(b"\0" * (10_500 * 3 + 1) * 10_500, 9))
    yield "bomb behind", jpeg + bomb
    yield "bombs behind", jpeg + bomb * 40
    yield ("bomb as a thumbnail", further.with_segments(jpeg, *further.spanning(0xE4, bomb, lambda *_: b"", 65_000)))
    yield "a thousand thumbnails", jpeg + thumb * 1000
    yield "a hundred thousand begun", jpeg + b"\xff\xd8\xff" * 100_000
    yield "begun in text", jpeg + b"/9j/" * 500_000
    yield "begun in hex", jpeg + b"ffd8ffe0" * 500_000
    yield "a million boxes", jpeg + further.box(b"ftyp", b"heic\0\0\0\0") + b"\0\0\0\x08free" * 1_000_000
    index = b"MPF\0II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, 0xB002, 7, 0xFFFFFFF0, 8) + struct.pack("<I", 8)
    yield "endless MPF index", further.with_segments(jpeg, further.segment(0xE2, index))
    nest = jpeg
    for _ in range(12):
        nest = further.with_segments(jpeg, *further.spanning(0xE4, nest, lambda *_: b"", 65_000))
    yield "a picture in a picture", nest
    text = base64.b64encode(bomb)
    yield "bomb in XMP", saved(image, "WEBP", xmp=further.xmp_thumbnail(bomb))
    yield "bomb in text", jpeg + text * 3
    packed = zlib.compress(b"/9j/4AAQ" * 6_000_000, 9)
    yield "texts that grow", further.png_with(image, *[further.chunk(b"prVt", b"a\0\0" + packed)] * 5)
    grown = [further.chunk(b"iTXt", b"a\0\1\0\0\0" + zlib.compress(b"\0" * 9_000_000, 9))] * 100
    yield "many texts that grow", further.png_with(image, *grown)
    yield from hostile_directories(image)
    heif = bytearray(saved(image, "HEIF", exif=further.exif(thumb)))
    at = heif.index(b"iloc")
    heif[at + 8 : at + 60] = b"\xff" * 52
    yield "items everywhere", bytes(heif)


def hostile_directories(image: Image.Image) -> Iterator[tuple[str, bytes]]:
    """TIFF directories in circles, without end, and with more strips than a file can have."""
    plain = further.tiff([(image, 0), (image.resize((80, 100)), 1)], sub=True)
    first = struct.unpack("<I", plain[4:8])[0]
    yield "first that follows the last", plain[:-4] + struct.pack("<I", first)
    at = plain.index(struct.pack("<HHI", 330, 4, 1)) + 8
    yield "circle below", plain[:at] + struct.pack("<I", first) + plain[at + 4 :]
    many = plain[: at - 4] + struct.pack("<II", 60_000, 8) + plain[at + 4 :]
    yield "sixty thousand below", many
    chain = bytearray(plain)
    chain[4:8] = struct.pack("<I", len(chain))
    for _ in range(3000):
        chain += struct.pack("<HHHII", 1, 254, 4, 1, 1) + struct.pack("<I", len(chain) + 18)
    yield "chain without end", bytes(chain)
    yield (
        "EXIF with a chain",
        further.with_segments(saved(image, "JPEG"), further.segment(0xE1, b"Exif\0\0" + bytes(chain[-60_000:]))),
    )
    strips = bytearray(plain)
    where = plain.index(struct.pack("<HHI", 273, 4, 1)) + 4
    strips[where : where + 8] = struct.pack("<II", 0x3FFFFFFF, 8)
    yield "a thousand million strips", bytes(strips)


def mutated(draw: random.Random, seeds: list[bytes]) -> bytes:
    """One of the seeds with bytes changed, removed, repeated or swapped."""
    data = bytearray(draw.choice(seeds))
    for _ in range(draw.choice((1, 2, 8, 40))):
        at = draw.randrange(len(data)) if draw.random() < 0.5 else draw.randrange(min(len(data), 700))
        how = draw.randrange(4)
        if how == 0:
            data[at] = draw.randrange(256)
        elif how == 1:
            data[at : at + 4] = draw.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\x80\0\0\0"))
        elif how == 2:
            del data[at : at + draw.randrange(1, 64)]
        else:
            data[at:at] = data[at : at + draw.randrange(1, 64)]
        data = data or bytearray(b"\0")
    return bytes(data)


def outcome(future: "Future[Examination]", name: str) -> str:
    """`read` or `refused`, or what broke."""
    try:
        seen = future.result()
    except PictureError as error:
        return "refused" if len(str(error)) > 15 else f"{name}: refused without a reason"
    except ExaminationFailed as error:
        return f"{name}: {error}"
    assert seen.width > 0 < seen.height, name
    for face in seen.faces:
        assert all(0 <= part <= 1 for part in face.box), name
    return "read"


def peak_mb(examiner: Examiner) -> int:
    """The most memory that the living child has occupied."""
    lines = Path(f"/proc/{examiner.workers[0].pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) // 1024


@pytest.mark.promise
def test_a_bad_picture_harms_nothing(promise: Callable[[str, str], None], full: bool) -> None:
    """D1: whatever the bytes, the child answers, within its memory, and goes on to the next picture."""
    draw = random.Random(20260302)
    inputs = list(corpus())
    seeds = [saved(portrait(), kind) for kind in KINDS] + [data for name, data in inputs if "several" in name]
    one, two = portrait(), portrait().transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    holding = [make(one, two) for _, make in (*further.jpegs(), *further.others())]
    seeds += [data for data in holding if len(data) < 150_000]
    inputs += [(f"mutation {i}", mutated(draw, seeds)) for i in range(4000 if full else 250)]
    config = RecognizerSection(cache=str(Path(".cache/models").resolve()), memory_mb=MEMORY_MB, seconds=SECONDS)
    counts: dict[str, int] = {}
    slowest, peak = 0.0, 0
    with Examiner(config, MatchingSection()) as examiner:
        examiner.examine(saved(portrait(), "JPEG"), PLAIN)
        for name, data in inputs:
            start = time.perf_counter()
            result = outcome(examiner.submit(data, PLAIN), name)
            slowest = max(slowest, time.perf_counter() - start)
            counts[result] = counts.get(result, 0) + 1
            peak = max(peak, peak_mb(examiner)) if examiner.workers[0].pid else peak
        assert len(examiner.examine(saved(portrait(), "JPEG"), PLAIN).faces) == 1
    broken = [result for result in counts if result not in ("read", "refused")]
    promise(
        "D1",
        f"inputs {len(inputs)} ({counts['read']} read, {counts['refused']} refused): crashes "
        f"{sum(counts[result] for result in broken)}, peak {peak} MB (limit {MEMORY_MB}), slowest {slowest:.1f} s",
    )
    assert not broken
    assert counts["read"] > 30
    assert counts["refused"] > 60
