"""What is read in the process that holds the keys: whatever a file says costs little time and little memory."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from plugin.hooks.dam import node_key
from plugin.hooks.files import embedded_pictures, jpeg
from plugin.hooks.files.exiftool import ExifTool
from plugin.hooks.names_in_files import picasa
from plugin.hooks.names_in_files.companions import Listings
from plugin.hooks.names_in_files.name_reading import NameReader
from plugin.hooks.names_in_files.unreadable_files import Unread
from tests.further import saved

ROOT = Path(__file__).resolve().parents[3]
CPU_SECONDS, MEMORY_MB = 20, 1024
"""Some ten times what the largest of these takes, and a hundredth of what it took when it grew by its square."""

SEGMENT = "def segment(code, body): return bytes([255, code]) + (len(body) + 2).to_bytes(2, 'big') + body\n"
END = "END = bytes.fromhex('ffda000278ffd9')\n"
XMP = "SAYS = b'http://ns.adobe.com/xmp/extension/\\0'\n"
HOSTILE = {
    "EXIF values upon each other": (
        "import struct; from plugin.hooks.files import tiff\n"
        "block = b'II*\\0' + struct.pack('<IH', 8, 5400)\n"
        "block += b''.join(struct.pack('<HHII', tag, 3, 32700, 8) for tag in range(5400))\n"
        "assert tiff.read_orientation(block.ljust(65500, b'\\0')) == 1"
    ),
    "segments": (
        "from plugin.hooks.names_in_files import exif; from plugin.hooks.files import file_version\n"
        "path.write_bytes(b'\\xff\\xd8' + segment(0xE2, b'') * 40_000_000 + END)\n"
        "file_version.read_versions(path), exif.read_xp_keywords(path)"
    ),
    "fill bytes": (
        "from plugin.hooks.names_in_files import exif; from plugin.hooks.files import file_version\n"
        "path.write_bytes(b'\\xff\\xd8' + b'\\xff' * 250_000_000 + END)\n"
        "file_version.read_versions(path), exif.read_xp_keywords(path)"
    ),
    "extended XMP": (
        "from plugin.hooks.files import file_version\n"
        "path.write_bytes(b'\\xff\\xd8' + segment(0xE1, SAYS + b'x' * 65000) * 1600 + END)\n"
        "file_version.read_versions(path)"
    ),
    "a picture in base64": (
        "from plugin.hooks.files import file_version\n"
        "path.write_bytes(b'\\xff\\xd8' + segment(0xE1, SAYS + bytes(40) + b'/9j/' + b'A' * 65000) * 600 + END)\n"
        "file_version.read_versions(path)"
    ),
    "the end of XMP": (
        "from plugin.hooks.names_in_files import unreadable_files\n"
        "assert unreadable_files.to_utf8(b'<' + b'RDF ' * 2**22) is None"
    ),
    "ACDSee's categories": (
        "from plugin.hooks.names_in_files import name_gathering\n"
        "assert not list(name_gathering._list_xml('<' + ' ' * 2**20))"
    ),
    "a face of Picasa's": (
        "from plugin.hooks.names_in_files import picasa\n"
        "(path.parent / '.picasa.ini').write_bytes(b'[x.jpg]\\nfaces=rect64(' + b' ' * 2**20 + b'x\\n')\n"
        "picasa.PicasaLists(path.parent, ['.picasa.ini']).about('x.jpg')"
    ),
    "a list of Picasa's": (
        "from plugin.hooks.names_in_files import picasa\n"
        "(path.parent / '.picasa.ini').write_bytes(b'[x\\xe9]\\n' * 4_000_000)\n"
        "assert picasa.PicasaLists(path.parent, ['.picasa.ini']).unread"
    ),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_nothing_in_a_file_holds_us_up(what: str, tmp_path: Path) -> None:
    """Each reader comes to its end, within limits of time on a processor and of memory that the kernel keeps."""
    code = (
        f"{SEGMENT}{END}{XMP}import resource, sys; from pathlib import Path; path = Path(sys.argv[1])\n"
        f"resource.setrlimit(resource.RLIMIT_CPU, ({CPU_SECONDS}, {CPU_SECONDS}))\n"
        f"resource.setrlimit(resource.RLIMIT_DATA, ({MEMORY_MB} << 20, {MEMORY_MB} << 20))\n{HOSTILE[what]}\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "x.jpg")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-500:]


def test_what_is_allowed_is_read_as_before() -> None:
    """Fill bytes, a few hundred segments, and pictures in extended XMP wherever they are cut."""
    half = jpeg._build_segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + bytes(40) + b"/9j/AAAA&#xA;\n")
    rest = jpeg._build_segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + bytes(40) + b"BBBB'")
    tail = b"\xff\xda\0\x02x\xff\xd9"
    parsed = jpeg.parse(b"\xff\xd8" + half.raw + rest.raw + b"\xff" * 9 + half.raw * 900 + tail)
    assert len(parsed.head) == 902
    assert list(embedded_pictures._list_pictures((half, rest))) == [b"/9j/AAAABBBB"]


def test_a_list_serves_each_of_its_photographs(tmp_path: Path) -> None:
    """Whatever the case of the name, and where two lists, or two sections, speak of it."""
    (tmp_path / ".picasa.ini").write_text(
        "[Contacts2]\nab=Ann Sample;;\n[a.JPG]\nfaces=rect64(1),ab\n[A.jpg]\nkeywords=one\n"
    )
    (tmp_path / "Picasa.ini").write_text("[Contacts2]\nab=Bo Other;;\n[a.jpg]\nfaces=rect64(2),ab\n")
    lists = picasa.PicasaLists(tmp_path, [".picasa.ini", "Picasa.ini"])
    found = lists.about("a.jpg")
    assert sorted(found.people) == [("Ann Sample",), ("Bo Other",)]
    assert found.words == [("one",)]
    assert not lists.about("b.jpg").people


def test_a_list_is_read_once_and_again_when_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for each photograph; one that could not be read is tried again."""
    path, reads = tmp_path / ".picasa.ini", list[Path]()
    path.write_text("[a.jpg]\nkeywords=one\n")
    told = picasa._read_utf8

    def counted(one: Path) -> bytes | None:
        reads.append(one)
        return told(one)

    monkeypatch.setattr(picasa, "_read_utf8", counted)
    for _ in range(3):
        assert picasa.PicasaLists(tmp_path, [path.name]).about("a.jpg").words == [("one",)]
    assert len(reads) == 1
    path.write_text("[a.jpg]\nkeywords=other\n")
    assert picasa.PicasaLists(tmp_path, [path.name]).about("a.jpg").words == [("other",)]
    path.write_bytes(b"\0")
    assert all(picasa.PicasaLists(tmp_path, [path.name]).unread for _ in range(2))
    assert len(reads) == 4
    path.unlink()
    assert not picasa.PicasaLists(tmp_path, [path.name]).about("a.jpg").unread


NESTED = "Iptc4xmpExt:PersonName"


def _sidecar(body: str) -> str:
    return (
        "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
        "<rdf:Description rdf:about='' xmlns:dc='http://purl.org/dc/elements/1.1/' "
        f"xmlns:Iptc4xmpExt='http://iptc.org/std/Iptc4xmpExt/2008-02-29/'>{body}</rdf:Description></rdf:RDF></x:xmpmeta>"
    )


@pytest.mark.parametrize("levels", [80, 986])
def test_a_structure_without_end_is_unread_and_alone(levels: int, tmp_path: Path) -> None:
    """At any depth at which the answer can be parsed, but perhaps not be gone through: the others are read."""
    starts, ends = f"<{NESTED} rdf:parseType='Resource'>" * levels, f"</{NESTED}>" * levels
    person = "Iptc4xmpExt:PersonInImageWDetails"
    deep = f"<{person} rdf:parseType='Resource'>{starts}<{NESTED}>Bo</{NESTED}>{ends}</{person}>"
    _photographs(tmp_path, deep)
    assert _read(tmp_path) == {"a.jpg": (Unread.SIDECAR, ()), "b.jpg": (None, ("Ann Sample",))}


@pytest.mark.parametrize("keywords", [1001, 20_000])
def test_keywords_of_which_exiftool_gives_a_thousand_are_unread(keywords: int, tmp_path: Path) -> None:
    """The last of them may be somebody."""
    items = "".join(f"<rdf:li>word{number}</rdf:li>" for number in range(keywords - 1))
    items += "<rdf:li>Ann Sample</rdf:li>"
    _photographs(tmp_path, f"<dc:subject><rdf:Bag>{items}</rdf:Bag></dc:subject>")
    assert _read(tmp_path) == {"a.jpg": (Unread.SIDECAR, ()), "b.jpg": (None, ("Ann Sample",))}


def test_words_without_end_are_unread_and_alone(tmp_path: Path) -> None:
    """Each may be read in thirty ways: what holds thousands is not compared with names, and told."""
    words = ";".join(f"é{number}" for number in range(20_000))
    _photographs(tmp_path, f"<dc:subject><rdf:Bag><rdf:li>{words}</rdf:li></rdf:Bag></dc:subject>")
    assert _read(tmp_path) == {"a.jpg": (Unread.PHOTO, ()), "b.jpg": (None, ("Ann Sample",))}


def test_a_block_that_only_looks_like_base64_is_read_as_it_is(tmp_path: Path) -> None:
    """ExifTool gives out plain text as text: the others are read, whatever the one says."""
    block = b"base64:\xc3\xa9!".ljust(12, b" ")
    irb = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + len(block).to_bytes(4, "big") + block
    _photographs(tmp_path, "")
    plain = saved(Image.new("RGB", (64, 64)))
    (tmp_path / "a.jpg").write_bytes(plain[:2] + jpeg._build_segment(0xED, irb).raw + plain[2:])
    assert _read(tmp_path)["b.jpg"] == (None, ("Ann Sample",))


def _photographs(folder: Path, said: str) -> None:
    for name, body in (("a", said), ("b", "<Iptc4xmpExt:PersonInImage>Ann Sample</Iptc4xmpExt:PersonInImage>")):
        (folder / f"{name}.jpg").write_bytes(saved(Image.new("RGB", (64, 64))))
        (folder / f"{name}.xmp").write_text(_sidecar(body), encoding="utf-8")


def _read(folder: Path) -> dict[str, tuple[Unread | None, tuple[str, ...]]]:
    tool = ExifTool.find()
    assert tool is not None
    tool.open_to(folder)
    try:
        reader = NameReader(tool, lambda _, __: (), ())
        found = reader.read(sorted(folder.glob("*.jpg")), {node_key("Ann Sample")}, Listings())
        return {one.photo.name: (one.unread, tuple(name.node for name in one.names)) for one in found}
    finally:
        tool.close()
