"""Which XMP file belongs to which photograph.

Two customs: `photo.jpg.xmp` (digiKam, darktable, Immich) and `photo.xmp` (Adobe's, and an option of
digiKam). Lightroom reads sidecars of raw files only: for a JPEG it looks at neither, it reads what
is in the file. So the unmistakable form is the default, and what is there already is used as it is.
"""

from collections.abc import Collection
from functools import lru_cache
from pathlib import PurePath
from typing import Literal, NamedTuple

SidecarStyle = Literal["full", "stem"]
_ENDS = (".xmp", ".XMP")


def is_sidecar(name: str) -> bool:
    """Whether a file of this name is an XMP sidecar."""
    return name.lower().endswith(".xmp")


def list_sidecars(photo: str, listing: frozenset[str]) -> list[str]:
    """The sidecars that speak of `photo`, among the names of its folder.

    Also one that differs in capitals alone, as programs on servers without them write it (IMG_1.JPG, img_1.xmp),
    unless it is another file's to the letter.
    """
    stem = PurePath(photo).stem
    # photo "a.jpg.png" and photo "a.jpg": then a.jpg.xmp speaks of the second alone
    bases = [photo] if stem in listing else [photo, stem]
    found = [base + end for base in bases for end in _ENDS if base + end in listing]
    there = _sort_sidecars(listing)
    for base in bases if there.by_lower else ():
        near = there.by_lower.get(f"{base}.xmp".lower(), ())
        found += [n for n in near if n not in found and (n[:-4] == base or n[:-4] not in there.others)]
    return found


class _Sidecars(NamedTuple):
    """Of one folder. `others`: what its other files are called, with their ending and without."""

    by_lower: dict[str, list[str]]
    others: frozenset[str]


@lru_cache(4)
def _sort_sidecars(listing: frozenset[str]) -> _Sidecars:
    by_lower: dict[str, list[str]] = {}
    for name in sorted(filter(is_sidecar, listing)):
        by_lower.setdefault(name.lower(), []).append(name)
    others = (name for name in listing if not is_sidecar(name)) if by_lower else ()
    return _Sidecars(by_lower, frozenset(one for name in others for one in (name, PurePath(name).stem)))


def choose_sidecar(photo: str, listing: frozenset[str], style: SidecarStyle) -> str:
    """The sidecar to write about `photo`: the one there is, else one of the `style` asked for.

    A sidecar by the stem is never written where another file has that stem: a.jpg and a.heic, or
    the raw file that a.xmp is about.
    """
    stem = PurePath(photo).stem
    for name in list_sidecars(photo, listing):
        if name.startswith(photo + ".") or _has_own_stem(photo, stem, listing):
            return name
    return stem + ".xmp" if style == "stem" and _has_own_stem(photo, stem, listing) else photo + ".xmp"


def _has_own_stem(photo: str, stem: str, listing: Collection[str]) -> bool:
    others = (name for name in listing if name != photo and not is_sidecar(name))
    return not any(name == stem or PurePath(name).stem == stem for name in others)
