"""Which XMP file belongs to which photograph.

Two conventions: `photo.jpg.xmp` (digiKam, darktable, Immich) and `photo.xmp` (Adobe, optional in digiKam). Lightroom
reads sidecars of raw files only. So the unambiguous form is the default, and an existing sidecar is used as it is.
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
    """The sidecars of `photo`, among the names of its folder.

    Also one that differs in case only (IMG_1.JPG, img_1.xmp), unless it exactly matches another file.
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
    """Of one folder. `others`: the names of its other files, with and without their ending."""

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
    """The sidecar to write for `photo`: the existing one, else one in `style`.

    A sidecar named by the stem is never used where another file has that stem: a.jpg and a.heic, or a.xmp's raw file.
    """
    stem = PurePath(photo).stem
    for name in list_sidecars(photo, listing):
        if name.startswith(photo + ".") or _has_own_stem(photo, stem, listing):
            return name
    return stem + ".xmp" if style == "stem" and _has_own_stem(photo, stem, listing) else photo + ".xmp"


def _has_own_stem(photo: str, stem: str, listing: Collection[str]) -> bool:
    others = (name for name in listing if name != photo and not is_sidecar(name))
    return not any(name == stem or PurePath(name).stem == stem for name in others)
