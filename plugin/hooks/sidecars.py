"""Which XMP file belongs to which photograph.

Two customs: `photo.jpg.xmp` (digiKam, darktable, Immich) and `photo.xmp` (Adobe's, and an option of
digiKam). Lightroom reads sidecars of raw files only: for a JPEG it looks at neither, it reads what
is in the file. So the unmistakable form is the default, and what is there already is used as it is.
"""

from collections.abc import Collection
from pathlib import PurePath
from typing import Literal

Style = Literal["full", "stem"]
_ENDS = (".xmp", ".XMP")


def is_sidecar(name: str) -> bool:
    """Whether a file of this name is an XMP sidecar."""
    return name.lower().endswith(".xmp")


def readable(photo: str, listing: Collection[str]) -> list[str]:
    """The sidecars that speak of `photo`, among the names of its folder."""
    stem = PurePath(photo).stem
    # photo "a.jpg.png" and photo "a.jpg": then a.jpg.xmp speaks of the second alone
    stems = [] if stem in listing else [stem + end for end in _ENDS]
    return [name for name in [*(photo + end for end in _ENDS), *stems] if name in listing]


def target(photo: str, listing: Collection[str], style: Style) -> str:
    """The sidecar to write about `photo`: the one there is, else one of the `style` asked for.

    A sidecar by the stem is never written where another file has that stem: a.jpg and a.heic, or
    the raw file that a.xmp is about.
    """
    stem = PurePath(photo).stem
    for name in readable(photo, listing):
        if name.startswith(photo + ".") or _alone(photo, stem, listing):
            return name
    return stem + ".xmp" if style == "stem" and _alone(photo, stem, listing) else photo + ".xmp"


def _alone(photo: str, stem: str, listing: Collection[str]) -> bool:
    others = (name for name in listing if name != photo and not is_sidecar(name))
    return not any(name == stem or PurePath(name).stem == stem for name in others)
