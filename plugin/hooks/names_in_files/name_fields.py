"""Where programs write people: the one list for reading names and for the search of a certificate.

A field is identified by ExifTool's name in any group: `Keywords` is in IPTC, PDF and ACDSee.
`tests/unit/hooks/test_name_fields.py` compares the table in editors.md with this list.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class FieldKind(StrEnum):
    """How a field is read."""

    PERSON = "person"
    """Every name is a person: a text, or a structure with names."""
    REGION = "region"
    """A structure of areas: the name of a face is a person, that of another area a keyword."""
    KEYWORD = "keyword"
    """A text or a list: parts of it are people only if something else says so."""
    TREE = "tree"
    """Nested keywords, as a structure or as XML in a text."""


class NameField(NamedTuple):
    """A field: ExifTool's name, how it is read, the place of names in it, and which program writes it."""

    tag: str
    kind: FieldKind
    place: str
    of: str


def _list_fields(tags: str, kind: FieldKind, place: str, of: str) -> tuple[NameField, ...]:
    return tuple(NameField(tag, kind, place, of) for tag in tags.split())


FIELDS: tuple[NameField, ...] = (
    NameField("PersonInImage", FieldKind.PERSON, "xmp", "IPTC Extension"),
    NameField("PersonInImageWDetails", FieldKind.PERSON, "xmp-details", "IPTC Extension"),
    *_list_fields("PersonHeard Person Personality", FieldKind.PERSON, "person", "IPTC Extension, PRISM, Getty"),
    NameField("People", FieldKind.PERSON, "person", "Media Pro, Expression Media, Media Jukebox"),
    NameField("RegionInfo", FieldKind.REGION, "region", "MWG: Lightroom, digiKam, Picasa, Apple"),
    NameField("RegionInfoMP", FieldKind.REGION, "mp-region", "Microsoft Photo"),
    *_list_fields("Regions ACDSeeRegion", FieldKind.REGION, "acdsee-region", "ACDSee"),
    NameField("ImageRegion", FieldKind.REGION, "iptc-region", "IPTC Extension"),
    NameField("Subject", FieldKind.KEYWORD, "subject", "Dublin Core: nearly every program"),
    *_list_fields("Keywords Keyword AppleKeywords", FieldKind.KEYWORD, "keywords", "IPTC, ACDSee, PRISM, PDF"),
    *_list_fields("XPKeywords XPSubject", FieldKind.KEYWORD, "xp", "Windows"),
    *_list_fields("LastKeywordXMP LastKeywordIPTC", FieldKind.KEYWORD, "keywords", "Microsoft Photo"),
    *_list_fields("Category SupplementalCategories", FieldKind.KEYWORD, "categories", "IPTC, Photoshop"),
    *_list_fields("HierarchicalSubject WeightedFlatSubject", FieldKind.KEYWORD, "tree", "Lightroom"),
    NameField("TagsList", FieldKind.KEYWORD, "tree", "digiKam"),
    NameField("CatalogSets", FieldKind.KEYWORD, "tree", "Media Pro, Expression Media"),
    NameField("AdditionalModelInformation", FieldKind.KEYWORD, "model", "IPTC Extension"),
    NameField("KeywordInfo", FieldKind.TREE, "tree", "MWG"),
    NameField("TagStructure", FieldKind.TREE, "tree", "IDimager, Photo Supreme"),
    NameField("Categories", FieldKind.TREE, "tree", "ACDSee"),
    *(NameField(f"RecognizedFace{n}Name", FieldKind.PERSON, "camera", "Panasonic, Leica") for n in "123"),
    *(NameField(f"Face{n}Name", FieldKind.PERSON, "camera", "Fujifilm") for n in "12345678"),
    NameField("FaceName", FieldKind.PERSON, "camera", "Samsung"),
    NameField("BabyName", FieldKind.PERSON, "camera", "Panasonic, Leica"),
)
"""The list. In the file every place but those of EXIF, IPTC and cameras has `embedded-` before it."""

BY_TAG: Mapping[str, NameField] = {field.tag: field for field in FIELDS}

IPTC_DATASETS = {15: "categories", 20: "categories", 25: "iptc", 255: "tree"}
"""Of record 2 of IPTC's IIM: category, its supplements, keywords, Media Pro's sets."""

CAMERAS = ("panasonic", "leica", "fuji", "samsung")
"""Makers with names in their maker notes."""
