"""What we write in XMP: IPTC PersonInImage, MWG faces, the PLUS release status.

As assignments for ExifTool, which handles XMP itself. What is read: `name_fields`.
"""

import re
from collections.abc import Collection, Mapping, Sequence

from plugin.errors import WriteRefused
from plugin.hooks.dam import Box
from plugin.hooks.files import regions
from plugin.hooks.files.exiftool import Assign, Fields
from plugin.hooks.files.regions import Size
from plugin.hooks.name_spellings import is_spelling_of

PERSONS = "XMP-iptcExt:PersonInImage"
REGIONS = "XMP-mwg-rs:RegionInfo"
RELEASE = "XMP-plus:ModelReleaseStatus"
TOOLKIT = "XMP-x:XMPToolkit"
XP_KEYWORDS = "IFD0:XPKeywords"

TURNED_BY = ("IFD0:Orientation", "QuickTime:Rotation", "File:FileType")
READ = tuple(f"-{name}" for name in (PERSONS, REGIONS, RELEASE, *TURNED_BY, "ImageSize"))
"""What a photograph is asked for before its sidecar is written."""

ALL = ("-XMP:all",)
"""Everything in a sidecar, so that nothing of others is lost unseen."""

_OURS_WHOLE = {"RegionList", "AppliedToDimensions"}
LIMITED, NONE = "MR-LMR", "MR-NON"  # PLUS: limited or incomplete release; none


def read_size(fields: Fields) -> Size | None:
    """Width and height as stored."""
    match = re.fullmatch(r"(\d+)[ x](\d+)", str(fields.get("Composite:ImageSize", "")))
    return (int(match[1]), int(match[2])) if match else None


_BY_ROTATION = {"90": 8, "180": 3, "270": 6}  # of HEIF and AVIF, against the clock
_NOT_TURNED = frozenset({"WEBP", "Extended WEBP", "GIF", "BMP"})


def read_orientation(fields: Fields) -> int:
    """The EXIF orientation by which viewers, and the recogniser, turn the picture (`recognizer.orientation`)."""
    kind = str(fields.get("File:FileType", ""))
    if kind.startswith(("HEI", "AVIF")):
        return _BY_ROTATION.get(str(fields.get("QuickTime:Rotation", "")), 1)
    value = "1" if kind in _NOT_TURNED else str(fields.get("IFD0:Orientation", "1"))
    return int(value) if value in set("12345678") else 1


def read_release(fields: Fields) -> str | None:
    """The PLUS release status, without the vocabulary's URL."""
    value = fields.get(RELEASE)
    return None if value is None else str(value).removeprefix("http://ns.useplus.org/ldf/vocab/")


def list_region_names(fields: Fields) -> list[str]:
    """The names of the faces that are drawn."""
    listed = _list_structs(_to_struct(fields.get(REGIONS)).get("RegionList"))
    return [name for region in listed if (name := region_name(region)) is not None]


def region_name(region: Mapping[str, object]) -> str | None:
    """The name of a face region as we write one; None for any other."""
    name = region.get("Name")
    return str(name) if name and region.get("Type") == "Face" else None


def read_applied_size(info: Mapping[str, object]) -> Size | None:
    """The picture size to which regions refer."""
    drawn = _to_struct(info.get("AppliedToDimensions"))
    try:
        return round(float(str(drawn["W"]))), round(float(str(drawn["H"])))
    except (KeyError, ValueError, OverflowError):
        return None


# ---- writing ------------------------------------------------------------------------------


def add_person(name: str) -> Assign:
    """Add the name to the persons in the picture."""
    return Assign(PERSONS, "+=", name)


def remove_persons(keys: Collection[str], fields: Fields) -> list[Assign]:
    """Remove the names of these keys, each as spelled there."""
    spelled = dict.fromkeys(list_texts(fields.get(PERSONS)))
    return [Assign(PERSONS, "-=", name) for name in spelled if is_spelling_of(name, keys)]


def add_region(name: str, box: Box, turn: int, whole: Size | None, fields: Fields) -> list[Assign]:
    """Add a face to the sidecar's regions, in the stored picture.

    Raises WriteRefused where the existing regions belong to another shape, where the sidecar has a reference size but
    no regions (removing ours later would remove that too), or where the picture's size is unknown.
    """
    info = _to_struct(fields.get(REGIONS))
    turned = regions.find_orientation(read_applied_size(info), whole, turn)
    if whole is None or turned is None or (info and not _list_structs(info.get("RegionList"))):
        raise WriteRefused("the regions of the sidecar do not fit the picture")
    area = regions.to_area(regions.to_stored(box, turned))
    drawn = [Assign("XMP-mwg-rs:RegionList", "+=", format_struct({"Area": area, "Name": name, "Type": "Face"}))]
    if not info:
        on = {"W": str(whole[0]), "H": str(whole[1]), "Unit": "pixel"}
        drawn.append(Assign("XMP-mwg-rs:RegionAppliedToDimensions", "=", format_struct(on)))
    return drawn


def remove_regions(keys: Collection[str], fields: Fields) -> list[Assign]:
    """Remove the faces of these names, each as spelled there; with the last region goes the reference size."""
    info = _to_struct(fields.get(REGIONS))
    listed = [region_name(r) for r in _list_structs(info.get("RegionList"))]
    gone = [name for name in dict.fromkeys(listed) if name is not None and is_spelling_of(name, keys)]
    if gone and all(name in gone for name in listed) and not set(info) - _OURS_WHOLE:
        return [Assign(REGIONS, "=", "")]
    return [Assign("XMP-mwg-rs:RegionList", "-=", format_struct({"Name": name, "Type": "Face"})) for name in gone]


def set_release(value: str | None) -> Assign:
    """The PLUS release status, by its code; None removes it."""
    return Assign(f"{RELEASE}#", "=", value or "")


def keep_toolkit(fields: Fields) -> list[Assign]:
    """Keep the name of the program that made the sidecar."""
    value = fields.get(TOOLKIT)
    return [Assign(TOOLKIT, "=", str(value))] if value else []


def format_struct(values: Mapping[str, object]) -> str:
    """A structure in ExifTool's notation, special characters escaped by |."""
    inner = (f"{k}={format_struct(v) if isinstance(v, Mapping) else _escape(str(v))}" for k, v in values.items())
    return "{" + ",".join(inner) + "}"


def _escape(text: str) -> str:
    return re.sub(r"([|,{}\[\]\s])", r"|\1", text)


# ---- comparison ---------------------------------------------------------------------------


def strip_ours(fields: Fields, ours: Collection[str], release_too: bool) -> Fields:
    """What of a sidecar is not ours: without the names of these keys, and without our release status."""
    rest = {k: v for k, v in fields.items() if k != TOOLKIT}
    if release_too:
        rest.pop(RELEASE, None)
    _set(rest, PERSONS, [n for n in list_texts(rest.get(PERSONS)) if not is_spelling_of(n, ours)])
    info = dict(_to_struct(rest.get(REGIONS)))
    listed = [r for r in _list_structs(info.get("RegionList")) if not is_spelling_of(region_name(r) or "", ours)]
    if listed:
        info["RegionList"] = listed
    elif info.pop("RegionList", None) is not None:
        info.pop("AppliedToDimensions", None)  # it came with our first region
    _set(rest, REGIONS, info)
    return rest


def is_empty(fields: Fields) -> bool:
    """Whether a sidecar says nothing."""
    return not set(fields) - {TOOLKIT}


def _set(fields: Fields, key: str, value: object) -> None:
    if value:
        fields[key] = value
    else:
        fields.pop(key, None)


def list_texts(value: object) -> list[str]:
    """A list of texts; ExifTool returns a single item as a text."""
    items: Sequence[object] = value if isinstance(value, list) else [] if value is None else [value]
    return [str(item) for item in items]


def _list_structs(value: object) -> list[Mapping[str, object]]:
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, dict)]


def _to_struct(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
