"""Photographs on which a name stands: in every field of the list, in every kind of file, encoding and spelling."""

import subprocess
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import piexif
import pillow_heif
from PIL import Image

from plugin.hooks.names_in_files.xmp import format_struct
from tests import support

NAME, RUSSIAN, JAPANESE = "Jörg Sample", "Борис Sample", "桜 Sample"
NAMES = (NAME, RUSSIAN, JAPANESE)

_XML = "<Categories><Category Assigned='0'>People<Category Assigned='1'>{}</Category></Category></Categories>"
XMP = {
    "PersonInImage": "-XMP-iptcExt:PersonInImage={}",
    "PersonHeard": "-XMP-iptcExt:PersonHeard={Name=#}",
    "PersonInImageWDetails": "-XMP-iptcExt:PersonInImageWDetails={PersonName=#}",
    "PersonInImageWDetails, another language": "-XMP-iptcExt:PersonInImageWDetails={PersonName-nl=#}",
    "ImageRegion": "-XMP-iptcExt:ImageRegion={Name=#}",
    "RegionInfo": "-XMP-mwg-rs:RegionInfo={RegionList=[{Name=#,Type=Face}]}",
    "RegionInfo, no type": "-XMP-mwg-rs:RegionInfo={RegionList=[{Name=#}]}",
    "RegionInfo, small letters": "-XMP-mwg-rs:RegionList={Name=#,Type=face}",
    "RegionInfo, a focus": "-XMP-mwg-rs:RegionList={Name=#,Type=Focus}",
    "RegionInfoMP": "-XMP-MP:RegionInfoMP={Regions=[{PersonDisplayName=#}]}",
    "Subject": "-XMP-dc:Subject={}",
    "Subject, hierarchical": "-XMP-dc:Subject=People|{}",
    "Subject, by slashes": "-XMP-dc:Subject=People/{}",
    "Subject, joined": "-XMP-dc:Subject=a fair; {}; 2026",
    "HierarchicalSubject": "-XMP-lr:HierarchicalSubject=People|Staff|{}",
    "WeightedFlatSubject": "-XMP-lr:WeightedFlatSubject={}",
    "TagsList": "-XMP-digiKam:TagsList=People/{}",
    "LastKeywordXMP": "-XMP-microsoft:LastKeywordXMP=People/{}",
    "LastKeywordIPTC": "-XMP-microsoft:LastKeywordIPTC={}",
    "CatalogSets": "-XMP-mediapro:CatalogSets=People|{}",
    "CatalogSets, older": "-XMP-expressionmedia:CatalogSets=People|{}",
    "People": "-XMP-mediapro:People={}",
    "Categories": f"-XMP-acdsee:Categories={_XML}",
    "Keywords, ACDSee": "-XMP-acdsee:Keywords={}",
    "Keywords, PDF": "-XMP-pdf:Keywords=a fair, {}",
    "Keyword": "-XMP-prism:Keyword={}",
    "Person": "-XMP-prism:Person={}",
    "Personality": "-XMP-getty:Personality={}",
    "SupplementalCategories, XMP": "-XMP-photoshop:SupplementalCategories={}",
    "KeywordInfo": "-XMP-mwg-kw:KeywordInfo={Hierarchy=[{Keyword=People,Children=[{Keyword=#}]}]}",
    "TagStructure": "-XMP-ics:TagStructure={LabelName=People,SubLabels=[{LabelName=#}]}",
    "AdditionalModelInformation": "-XMP-iptcExt:AdditionalModelInformation={}",
}
"""By field: how ExifTool is told to write the name into it; `#` stands for it in a structure."""

EMBEDDED = {
    "Keywords": "-IPTC:Keywords={}",
    "Keywords, hierarchical": "-IPTC:Keywords=People|{}",
    "SupplementalCategories": "-IPTC:SupplementalCategories={}",
    "CatalogSets, IPTC": "-IPTC:CatalogSets=People|{}",
    "XPKeywords": "-XPKeywords=a fair;{}",
    "XPKeywords, hierarchical": "-XPKeywords=People|{}",
    "XPSubject": "-XPSubject={}",
}
KINDS = ("tif", "png", "heic", "webp")
SPELLINGS = {
    "decomposed": unicodedata.normalize("NFD", NAME),
    "capitals": NAME.upper(),
    "two spaces": NAME.replace(" ", "  "),
    "no-break space": NAME.replace(" ", "\u00a0"),
    "soft hyphen": "Jörg Sam\u00adple",
    "unseen": "Jörg\u200b Sample\ufeff",
    "surname first": "Sample, Jörg",
    "UTF-8 taken for Latin": NAME.encode().decode("cp1252"),
    "taken so twice": NAME.encode().decode("cp1252").encode().decode("cp1252"),
    "UTF-8 taken for Mac": NAME.encode().decode("mac-roman"),
}
_SPELLED = ("PersonInImage", "RegionInfo", "Subject, hierarchical", "HierarchicalSubject", "TagsList")
_BYTES = (
    *((NAME, one) for one in ("utf-8", "cp1252", "mac-roman", "cp1250", "cp850", "utf-16")),
    *((RUSSIAN, one) for one in ("utf-8", "cp1251", "koi8-r", "iso8859-5", "cp866")),
    *((JAPANESE, one) for one in ("utf-8", "shift-jis", "euc-jp", "gb18030")),
)


@dataclass(frozen=True)
class Place:
    """A photograph, by its name, and where whose name stands on it."""

    photo: str
    how: str
    name: str = NAME


def make(folder: Path) -> list[Place]:
    """All of them, in this folder, in few calls of ExifTool."""
    folder.mkdir(parents=True, exist_ok=True)
    writing: list[str] = []
    places = [*_by_exiftool(folder, writing)]
    _run(writing)
    places += [*_by_bytes(folder), *_by_sidecars(folder), *_by_lists(folder), *_by_camera(folder)]
    for path in folder.iterdir():
        support.settle(path)
    return places


def _by_exiftool(folder: Path, writing: list[str]) -> Iterator[Place]:
    for number, (how, form) in enumerate((XMP | EMBEDDED).items()):
        for kind in ("jpg", KINDS[number % len(KINDS)], "xmp"):
            if (how in EMBEDDED and kind == "xmp") or ("IPTC:" in form and kind in {"webp", "heic"}):
                continue
            photo = blank(folder, f"s{number}.jpg" if kind == "xmp" else f"f{number}.{kind}")
            beside = photo.with_name(photo.name + ".xmp") if kind == "xmp" else photo
            writing += _order(beside, form, NAME)
            yield Place(photo.name, f"{how} in {kind}")
    for number, (how, spelled) in enumerate(SPELLINGS.items()):
        for field in _SPELLED:
            photo = blank(folder, f"p{number}-{_SPELLED.index(field)}.jpg")
            beside = photo if number % 2 else photo.with_name(f"{photo.stem}.xmp")
            writing += _order(beside, XMP[field], spelled)
            yield Place(photo.name, f"{field}, {how}")


def _order(path: Path, form: str, name: str) -> list[str]:
    inner = format_struct({"": name})[2:-1]
    line = form.replace("#", inner).replace("{}", name)
    return ["-charset", "iptc=utf8", "-IPTC:CodedCharacterSet=UTF8", line] * bool("IPTC:" in form) + [
        *([] if "IPTC:" in form else [line]),
        "-overwrite_original",
        str(path),
        "-execute",
    ]


def _run(orders: list[str]) -> None:
    said = "\n".join(orders) + "\n"
    done = subprocess.run(
        ["exiftool", "-charset", "utf8", "-@", "-"], input=said, capture_output=True, text=True, check=False
    )
    assert not any(word in done.stderr for word in ("Error", "aren't", "Invalid", "Nothing")), done.stderr


_made = 0


def blank(folder: Path, name: str) -> Path:
    """One of a colour of its own: a copy of another would be taken for that."""
    global _made
    _made += 1
    picture = Image.new("RGB", (64, 48), (_made % 251, _made // 251 % 251, 90))
    path = folder / name
    folder.mkdir(parents=True, exist_ok=True)
    if name.endswith("heic"):
        pillow_heif.from_pillow(picture).save(path, quality=100)
    else:
        picture.save(path)
    return path


def iptc(photo: Path, keyword: bytes, marked: bool) -> None:
    """A keyword as these very bytes; `marked`: they are said to be UTF-8."""
    body = b"\x1c\x01\x5a\x00\x03\x1b%G" * marked + b"\x1c\x02\x19" + len(keyword).to_bytes(2) + keyword
    body = b"Photoshop 3.0\x008BIM\x04\x04\x00\x00" + len(body).to_bytes(4) + body + b"\0" * (len(body) % 2)
    data = photo.read_bytes()
    at = 4 + int.from_bytes(data[4:6])
    photo.write_bytes(data[:at] + b"\xff\xed" + (len(body) + 2).to_bytes(2) + body + data[at:])


def _by_bytes(folder: Path) -> Iterator[Place]:
    for number, (name, encoding) in enumerate(_BYTES):
        for marked in (False, True):
            photo = blank(folder, f"b{number}-{marked}.jpg")
            iptc(photo, name.encode(encoding), marked)
            yield Place(photo.name, f"IPTC in {encoding}{', said to be UTF-8' * marked}", name)
    for number, encoding in enumerate(("utf-8", "cp1252", "utf-16-be")):
        photo = blank(folder, f"x{number}.jpg")
        data = f"a fair;{NAME}".encode(encoding)
        piexif.insert(piexif.dump({"0th": {0x9C9E: tuple(data + b"\0\0")}}), str(photo))
        yield Place(photo.name, f"XPKeywords in {encoding}")


def packet(name: str) -> str:
    """XMP with the name as a hierarchical keyword, in which ExifTool had no part."""
    return (
        "<?xpacket begin='\ufeff' id='W5M0MpCehiHzreSzNTczkc9d'?><x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF "
        "xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description rdf:about='' "
        "xmlns:lr='http://ns.adobe.com/lightroom/1.0/'><lr:hierarchicalSubject><rdf:Bag><rdf:li>People|"
        f"{name}</rdf:li></rdf:Bag></lr:hierarchicalSubject></rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end='w'?>"
    )


_ACDSEE = (
    "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
    "<rdf:Description rdf:about='' xmlns:r='http://ns.acdsee.com/regions/'><r:Regions rdf:parseType='Resource'>"
    f"<r:RegionList><rdf:Bag><rdf:li rdf:parseType='Resource'><r:Name>{NAME}</r:Name><r:Type>Face</r:Type></rdf:li>"
    "</rdf:Bag></r:RegionList></r:Regions></rdf:Description></rdf:RDF></x:xmpmeta>"
)


def embed(photo: Path, xmp: bytes) -> None:
    """Put XMP into a JPEG as it is."""
    body = b"http://ns.adobe.com/xap/1.0/\0" + xmp
    data = photo.read_bytes()
    photo.write_bytes(data[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2) + body + data[2:])


def _by_sidecars(folder: Path) -> Iterator[Place]:
    whole, bare = packet(NAME), packet(NAME).replace("\ufeff", "")
    beside = {
        "UTF-8": whole.encode(),
        "UTF-16": bare.encode("utf-16"),
        "UTF-16, no mark": bare.encode("utf-16-be"),
        "UTF-32": bare.encode("utf-32"),
        "Latin": bare.encode("cp1252"),
        "ACDSee's regions": _ACDSEE.encode(),
        "Shift-JIS": packet(JAPANESE).replace("\ufeff", "").encode("shift-jis"),
    }
    for number, (how, data) in enumerate(beside.items()):
        photo = blank(folder, f"u{number}.jpg")
        photo.with_name(photo.name + (".XMP" if number % 2 else ".xmp")).write_bytes(data)
        yield Place(photo.name, f"a sidecar in {how}", JAPANESE if how == "Shift-JIS" else NAME)
    for number, (how, data) in enumerate(beside.items()):
        if not how.startswith(("UTF-16", "UTF-32")):  # no program writes that: ExifTool cannot read it, and says so
            photo = blank(folder, f"e{number}.jpg")
            embed(photo, data)
            yield Place(photo.name, f"XMP in the file in {how}", JAPANESE if how == "Shift-JIS" else NAME)


def _by_lists(folder: Path) -> Iterator[Place]:
    lines = ["[Contacts2]", f"c8fc9ad3fc3f4a73={NAME};;"]
    for number, said in enumerate(
        (
            "faces=rect64(3f845bcb59418507),c8fc9ad3fc3f4a73",
            "faces=rect64(1),ffffffffffffffff;rect64(2),C8FC9AD3FC3F4A73",
            f"keywords=a fair,{NAME}",
        )
    ):
        photo = blank(folder, f"l{number}.jpg")
        lines += [f"[{photo.name.upper()}]", "rotate=rotate(0)", said]
        yield Place(photo.name, f"Picasa: {said[:9]} {number}")
    (folder / ".picasa.ini").write_text("\r\n".join(lines), encoding="cp1252")


def _by_camera(folder: Path) -> Iterator[Place]:
    """Panasonic's own field of whom the camera recognised: one entry, whose offset counts from TIFF's start."""
    photo = blank(folder, "camera.jpg")
    info = b"\0\1" + b"\0\0" + b"Jorg Sample".ljust(20, b"\0") + b"\0" * 124
    head = b"Panasonic\0\0\0"
    note = head + b"\0\1\0\x61\0\7" + len(info).to_bytes(4) + b"HERE" + b"\0" * 4 + info
    block = piexif.dump({"0th": {271: b"Panasonic"}, "Exif": {37500: note}})
    at = block.index(head) - len(b"Exif\0\0") + len(note) - len(info)
    piexif.insert(block.replace(b"HERE", at.to_bytes(4)), str(photo))
    yield Place(photo.name, "Panasonic's RecognizedFace1Name", "Jorg Sample")
