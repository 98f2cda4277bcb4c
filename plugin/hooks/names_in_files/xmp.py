"""What we write in XMP: IPTC PersonInImage, faces of MWG, the PLUS release status.

Written as assignments for ExifTool, which does all of the XMP. What is read: `name_fields`.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

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
    """By which EXIF orientation viewers turn the picture, as the recogniser does (`recognizer.orientation`)."""
    kind = str(fields.get("File:FileType", ""))
    if kind.startswith(("HEI", "AVIF")):
        return _BY_ROTATION.get(str(fields.get("QuickTime:Rotation", "")), 1)
    value = "1" if kind in _NOT_TURNED else str(fields.get("IFD0:Orientation", "1"))
    return int(value) if value in set("12345678") else 1


def read_release(fields: Fields) -> str | None:
    """The PLUS release status, without its vocabulary's address."""
    value = fields.get(RELEASE)
    return None if value is None else str(value).removeprefix("http://ns.useplus.org/ldf/vocab/")


def list_region_names(fields: Fields) -> list[str]:
    """The names of the faces that are drawn."""
    listed = _list_structs(_to_struct(fields.get(REGIONS)).get("RegionList"))
    return [name for region in listed if (name := region_name(region)) is not None]


def region_name(region: Mapping[str, Any]) -> str | None:
    """Whose face a region is, as we write one; None where it is none or has no name."""
    name = region.get("Name")
    return str(name) if name and region.get("Type") == "Face" else None


def read_applied_size(info: Mapping[str, Any]) -> Size | None:
    """The size of the picture on which regions say that they were drawn."""
    drawn = _to_struct(info.get("AppliedToDimensions"))
    try:
        return round(float(drawn["W"])), round(float(drawn["H"]))
    except (KeyError, ValueError, OverflowError):
        return None


# ---- writing ------------------------------------------------------------------------------


def add_person(name: str) -> Assign:
    """The name among the persons in the picture."""
    return Assign(PERSONS, "+=", name)


def remove_persons(keys: Collection[str], fields: Fields) -> list[Assign]:
    """The names of these keys no longer among them, each as it is spelled there."""
    spelled = dict.fromkeys(list_texts(fields.get(PERSONS)))
    return [Assign(PERSONS, "-=", name) for name in spelled if is_spelling_of(name, keys)]


def add_region(name: str, box: Box, turn: int, whole: Size | None, fields: Fields) -> list[Assign]:
    """A face drawn on the stored picture, beside those that the sidecar has.

    Raises WriteRefused where the boxes that stand there are of another picture's shape, where it
    says on what regions are drawn and has none (taking ours out later would take that too), or
    where the size of the picture is not known.
    """
    info = _to_struct(fields.get(REGIONS))
    turned = regions.find_orientation(read_applied_size(info), whole, turn)
    if whole is None or turned is None or (info and not _list_structs(info.get("RegionList"))):
        raise WriteRefused("the regions of the sidecar do not fit the picture")
    area = regions.to_area(regions.to_stored(box, turned))
    drawn = [
        Assign("XMP-mwg-rs:RegionList", "+=", format_struct({"Area": area, "Name": name, "Type": "Face"}))
    ]
    if not info:
        on = {"W": str(whole[0]), "H": str(whole[1]), "Unit": "pixel"}
        drawn.append(Assign("XMP-mwg-rs:RegionAppliedToDimensions", "=", format_struct(on)))
    return drawn


def remove_regions(keys: Collection[str], fields: Fields) -> list[Assign]:
    """Take the faces of the names of these keys out, each as it is spelled there; with the last region goes what
    says on what they were drawn."""
    info = _to_struct(fields.get(REGIONS))
    listed = [region_name(r) for r in _list_structs(info.get("RegionList"))]
    gone = [name for name in dict.fromkeys(listed) if name is not None and is_spelling_of(name, keys)]
    if gone and all(name in gone for name in listed) and not set(info) - _OURS_WHOLE:
        return [Assign(REGIONS, "=", "")]
    return [
        Assign("XMP-mwg-rs:RegionList", "-=", format_struct({"Name": name, "Type": "Face"})) for name in gone
    ]


def set_release(value: str | None) -> Assign:
    """The PLUS release status, by its code; None takes it out."""
    return Assign(f"{RELEASE}#", "=", value or "")


def keep_toolkit(fields: Fields) -> list[Assign]:
    """Which program made the sidecar stays what it said."""
    value = fields.get(TOOLKIT)
    return [Assign(TOOLKIT, "=", str(value))] if value else []


def format_struct(values: Mapping[str, Any]) -> str:
    """A structure in ExifTool's notation, with every sign that means something in it escaped by |."""
    inner = (
        f"{k}={format_struct(v) if isinstance(v, Mapping) else _escape(str(v))}" for k, v in values.items()
    )
    return "{" + ",".join(inner) + "}"


def _escape(text: str) -> str:
    return re.sub(r"([|,{}\[\]\s])", r"|\1", text)


# ---- comparison ---------------------------------------------------------------------------


def strip_ours(fields: Fields, ours: Collection[str], release_too: bool) -> Fields:
    """What of a sidecar is not ours: without the names of these keys, and the release status if it is ours."""
    rest = {k: v for k, v in fields.items() if k != TOOLKIT}
    if release_too:
        rest.pop(RELEASE, None)
    _set(rest, PERSONS, [n for n in list_texts(rest.get(PERSONS)) if not is_spelling_of(n, ours)])
    info = dict(_to_struct(rest.get(REGIONS)))
    listed = [
        r for r in _list_structs(info.get("RegionList")) if not is_spelling_of(region_name(r) or "", ours)
    ]
    if listed:
        info["RegionList"] = listed
    elif info.pop("RegionList", None) is not None:
        info.pop("AppliedToDimensions", None)  # it came with our first region
    _set(rest, REGIONS, info)
    return rest


def is_empty(fields: Fields) -> bool:
    """Whether a sidecar says nothing."""
    return not set(fields) - {TOOLKIT}


def _set(fields: Fields, key: str, value: Any) -> None:
    if value:
        fields[key] = value
    else:
        fields.pop(key, None)


def list_texts(value: Any) -> list[str]:
    """A list of texts, which ExifTool shortens to a text where it has one item."""
    items: Sequence[Any] = value if isinstance(value, list) else [] if value is None else [value]
    return [str(item) for item in items]


def _list_structs(value: Any) -> list[Mapping[str, Any]]:
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, dict)]


def _to_struct(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
