"""What an editor does with another program: ExifTool, called on its own."""

import json
import subprocess
import unicodedata
from pathlib import Path

from plugin.hooks.files.exiftool import ExifTool
from tests import support


def run(path: Path, *arguments: str) -> None:
    """ExifTool on one file; the time of the file is a minute back, so that the next poll takes it up."""
    tool = ExifTool.find()
    assert tool is not None, "install exiftool"
    subprocess.run(["exiftool", "-q", "-overwrite_original", *arguments, str(path)], check=True)
    support.settle(path)


def name(photo: Path, who: str, add: bool = True) -> None:
    """Put a name on, or take it off: as a keyword in the EXIF, and as a person in the sidecar if there is one."""
    run(photo, f"-XPKeywords={who if add else ''}")
    beside = photo.with_name(photo.name + ".xmp")
    if beside.exists() or add:
        run(beside, f"-XMP-iptcExt:PersonInImage{'+' if add else '-'}={who}")


def words(photo: Path) -> set[str]:
    """Every keyword and person that stands in the photograph or its sidecar, as ExifTool reads them."""
    return set(spellings(photo))


def spellings(photo: Path) -> list[str]:
    """The same, once for each place in which it stands."""
    paths = [path for path in (photo, photo.with_name(photo.name + ".xmp")) if path.exists()]
    fields = ("-XPKeywords", "-XMP-iptcExt:PersonInImage", "-XMP-mwg-rs:RegionInfo", "-IPTC:Keywords")
    told = subprocess.run(
        ["exiftool", "-j", "-struct", *fields, *map(str, paths)], check=True, capture_output=True
    ).stdout
    found: list[str] = []
    for entry in json.loads(told):
        found += [part.strip() for part in str(entry.get("XPKeywords", "")).split(";")]
        for field in ("PersonInImage", "Keywords"):
            found += entry[field] if isinstance(entry.get(field), list) else [str(entry.get(field, ""))]
        found += [str(one.get("Name", "")) for one in entry.get("RegionInfo", {}).get("RegionList", [])]
    return [word for word in found if word]


def folded(word: str) -> str:
    """What a reader takes for the same name; written a second time, not with our code."""
    return "".join(unicodedata.normalize("NFKD", word).casefold().split())
