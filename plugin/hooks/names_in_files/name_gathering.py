"""Collects from a file's fields the texts that may name people, as `name_fields` says."""

import html
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from plugin.hooks.dam import Box
from plugin.hooks.files import regions
from plugin.hooks.files.exiftool import BASE64, Fields, to_bytes
from plugin.hooks.files.regions import Size
from plugin.hooks.name_spellings import list_decodings
from plugin.hooks.names_in_files import xmp
from plugin.hooks.names_in_files.name_fields import BY_TAG, IPTC_DATASETS, FieldKind, NameField


@dataclass(frozen=True)
class FieldText:
    """One text in its possible spellings (most likely first), and its place."""

    texts: tuple[str, ...]
    place: str
    box: Box | None = None


@dataclass
class GatheredNames:
    """`persons` are people in any case; `words` only where something else says so."""

    persons: list[FieldText] = field(default_factory=list)
    words: list[FieldText] = field(default_factory=list)

    def add(self, other: "GatheredNames") -> None:
        """Add those of another file about the same photograph."""
        self.persons.extend(other.persons)
        self.words.extend(other.words)


_PERSON_KEYS = frozenset({"PersonName", "PersonDisplayName", "PersonInImage", "PersonHeard"})
_NAME_KEYS = _PERSON_KEYS | {"Name"}
_LABELS = frozenset({"Keyword", "LabelName"})
_XML = re.compile(r"<\s*+(/?+)(?:[^<>/]|/(?!>))*+(/?+)>|([^<>]++)")


def gather_names(fields: Fields, turn: int, whole: Size | None, inside: bool) -> GatheredNames:
    """Everything in an entry of ExifTool's; `inside`: from the photograph's own file, not a sidecar."""
    found = GatheredNames()
    for key, value in fields.items():
        group, _, tag = key.partition(":")
        listed = BY_TAG.get(tag.rpartition(":")[2])
        if listed is not None:
            place = _find_place(listed, group, inside)
            _add_field(listed, value, place, turn, whole, found)
        elif inside and tag.rpartition(":")[2] == "IPTC":
            found.words += _list_iptc(value)
    return found


def _find_place(listed: NameField, group: str, inside: bool) -> str:
    if group.startswith("IPTC"):
        return "iptc"
    return f"embedded-{listed.place}" if inside and group.startswith("XMP") else listed.place


def _add_field(one: NameField, value: object, place: str, turn: int, whole: Size | None, found: GatheredNames) -> None:
    if one.kind is FieldKind.PERSON:
        found.persons += [FieldText(_decode_text(text), place) for text in _list_people(value)]
    elif one.kind is FieldKind.KEYWORD:
        found.words += [FieldText(_decode_text(text), place) for text in _list_strings(value)]
    elif one.kind is FieldKind.TREE:
        found.words += [FieldText(_decode_text(text), place) for text in _list_tree(value)]
    elif one.tag == "RegionInfoMP":
        _add_microsoft_regions(value, place, turn, found)
    else:
        _add_regions(value, place, turn, whole, found)


def _decode_text(text: str) -> tuple[str, ...]:
    """ExifTool returns base64 for what is not UTF-8: then any encoding is possible."""
    return (*list_decodings(to_bytes(text)), text) if text.startswith(BASE64) else (text,)


def _list_people(value: object) -> Iterator[str]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, Mapping):
            yield from _list_under(item, _NAME_KEYS)
        else:
            yield from _list_strings(item)


def _list_strings(value: object) -> Iterator[str]:
    """The texts of a list, or of the languages of one."""
    for item in value if isinstance(value, list) else value.values() if isinstance(value, Mapping) else [value]:
        if isinstance(item, list | Mapping):
            yield from _list_strings(item)
        elif item is not None and str(item).strip():
            yield str(item)


def _list_under(value: object, keys: Collection[str]) -> Iterator[str]:
    """The texts under these keys of a structure, at any depth, in every language."""
    if isinstance(value, list):
        for item in value:
            yield from _list_under(item, keys)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if _base_key(key) in keys and not _has_structs(inner):
                yield from _list_strings(inner)
            else:
                yield from _list_under(inner, keys)


def _has_structs(value: object) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, list) and any(isinstance(v, Mapping) for v in value))


def _base_key(key: str) -> str:
    """Without group, language and level."""
    return key.rpartition(":")[2].partition("-")[0].rstrip("0123456789")


# ---- regions ------------------------------------------------------------------------------


def _add_regions(value: object, place: str, turn: int, whole: Size | None, found: GatheredNames) -> None:
    listed = _list_structs(value)
    turned = regions.find_orientation(xmp.read_applied_size(value), whole, turn) if isinstance(value, Mapping) else None
    for region in listed:
        area = region.get("Area")
        drawn = regions.from_area(area) if isinstance(area, Mapping) else None
        box = None if drawn is None or turned is None else regions.to_upright(drawn, turned)
        kind = str(region.get("Type", "")).strip()
        at = place if kind == "Face" else f"{place}-other"  # we write faces, and take out nothing else
        names = [FieldText(_decode_text(text), at, box) for text in _list_strings(region.get("Name"))]
        names += [
            FieldText(_decode_text(v), at, box)
            for k, v in region.items()
            if k.startswith("Name-") and isinstance(v, str)
        ]
        if _is_of_a_person(region, kind):
            found.persons += names
        else:
            found.words += names
        found.persons += [
            FieldText(_decode_text(text), f"{place}-other", box) for text in _list_under(region, _PERSON_KEYS)
        ]


def _list_structs(value: object) -> list[Mapping[str, object]]:
    inner = value.get("RegionList", value) if isinstance(value, Mapping) else value
    return [one for one in (inner if isinstance(inner, list) else [inner]) if isinstance(one, Mapping)]


def _is_of_a_person(region: Mapping[str, object], kind: str) -> bool:
    """A face; or an area that nothing says is anything else."""
    said = [kind, *_list_under([region.get("RCtype"), region.get("RRole")], {"Name", "Identifier"})]
    said = [one.casefold() for one in said if one]
    return not said or any(sign in one for one in said for sign in ("face", "human", "person"))


def _add_microsoft_regions(value: object, place: str, turn: int, found: GatheredNames) -> None:
    inner = value.get("Regions") if isinstance(value, Mapping) else value
    for region in _list_structs(inner):
        drawn = regions.from_rectangle(str(region.get("Rectangle", "")))
        box = drawn and regions.to_upright(drawn, turn)
        found.persons += [FieldText(_decode_text(text), place, box) for text in _list_under(region, _NAME_KEYS)]


# ---- trees --------------------------------------------------------------------------------


def _list_tree(value: object, above: tuple[str, ...] = ()) -> Iterator[str]:
    """Each keyword with its parents, as a program writes them into one text."""
    if isinstance(value, list):
        for item in value:
            yield from _list_tree(item, above)
    elif isinstance(value, Mapping):
        labels = [_decode_text(v)[0] for k, v in value.items() if _base_key(k) in _LABELS and isinstance(v, str)]
        here = (*above, labels[0]) if labels else above
        yield from ["|".join(here)] if labels else []
        for inner in value.values():
            if isinstance(inner, list | Mapping):
                yield from _list_tree(inner, here)
    elif isinstance(value, str):
        yield from _list_xml(value) if "<" in value else [value]


def _list_xml(text: str) -> Iterator[str]:
    """ACDSee's categories, nested elements. Not by an XML parser: the input is untrusted."""
    path: list[str] = []
    for closing, alone, words in _XML.findall(text):
        if words.strip():
            path[-1:] = [html.unescape(words.strip())]
            yield "|".join(one for one in path if one)
        elif closing:
            path[-1:] = []
        elif not alone and not words:
            path.append("")


# ---- IPTC ---------------------------------------------------------------------------------


def _list_iptc(value: object) -> Iterator[FieldText]:
    """From the raw bytes: few programs declare their encoding correctly."""
    for block in value if isinstance(value, list) else [value]:
        for number, data in list_datasets(str(block)):
            if number in IPTC_DATASETS and data.strip():
                yield FieldText(list_decodings(data), "iptc")


def list_datasets(text: str) -> Iterator[tuple[int, bytes]]:
    """The datasets of record 2 of an IPTC block, as ExifTool returns it in JSON (IIM 4.2, chapter 3)."""
    data = to_bytes(text)
    place = 0
    while place + 5 <= len(data) and data[place] == 0x1C:
        record, number, length = data[place + 1], data[place + 2], int.from_bytes(data[place + 3 : place + 5])
        place += 5
        if length & 0x8000:
            size = length & 0x7FFF
            length = int.from_bytes(data[place : place + size])
            place += size
        if record == 2:
            yield number, data[place : place + length]
        place += length
