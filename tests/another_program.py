"""What an editor does with another program: ExifTool, called on its own."""

import subprocess
from pathlib import Path

from plugin.hooks.tool import ExifTool
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
    paths = [path for path in (photo, photo.with_name(photo.name + ".xmp")) if path.exists()]
    fields = ("-XPKeywords", "-XMP-iptcExt:PersonInImage", "-XMP-mwg-rs:RegionName", "-IPTC:Keywords")
    told = subprocess.run(
        ["exiftool", "-s3", "-sep", "\n", *fields, *map(str, paths)],
        check=False, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return {part.strip() for line in told.splitlines() for part in line.split(";")}
