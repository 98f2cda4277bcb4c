"""Converts boxes between the upright picture, which we use, and the stored one, which MWG uses.

EXIF 2.32 table 6 (Orientation) and MWG Guidelines 2.0 section 5.9: a region's x, y are its centre, in 0..1 of the
picture as stored, before any orientation is applied.
"""

from collections.abc import Mapping

from plugin.hooks.dam import Box

Size = tuple[int, int]
"""Width and height in pixels, as stored."""

_INVERSE = {6: 8, 8: 6}


def _turn_point(x: float, y: float, orientation: int) -> tuple[float, float]:
    """Where a point of the stored picture is in the upright one, in 0..1."""
    return {
        2: (1 - x, y),
        3: (1 - x, 1 - y),
        4: (x, 1 - y),
        5: (y, x),
        6: (1 - y, x),
        7: (1 - y, 1 - x),
        8: (y, 1 - x),
    }.get(orientation, (x, y))


def to_upright(box: Box, orientation: int) -> Box:
    """The box in the upright picture for a `box` in the stored one."""
    left, top, width, height = box
    ax, ay = _turn_point(left, top, orientation)
    bx, by = _turn_point(left + width, top + height, orientation)
    return min(ax, bx), min(ay, by), abs(ax - bx), abs(ay - by)


def to_stored(box: Box, orientation: int) -> Box:
    """The box in the stored picture for a `box` in the upright one."""
    return to_upright(box, _INVERSE.get(orientation, orientation))


def find_orientation(applied: Size | None, size: Size | None, orientation: int) -> int | None:
    """The orientation by which a file's regions must be turned; 1 if they are upright already.

    `applied` is the size that the regions refer to: MWG's rule is the stored size, scaled or not; programs that turn
    first write the upright size. None: another shape, so the picture was cropped and the boxes are useless.
    """
    if applied is None or size is None or not all((*applied, *size)):
        return orientation
    if _same_shape(applied, size):
        return orientation
    return 1 if orientation >= 5 and _same_shape(applied, (size[1], size[0])) else None


def _same_shape(a: Size, b: Size) -> bool:
    return abs(a[0] * b[1] - a[1] * b[0]) <= 0.01 * a[0] * b[1]


def from_area(area: Mapping[str, object]) -> Box | None:
    """The box of an MWG area: centre and size, normalised."""
    try:
        x, y, width, height = (float(str(area[key])) for key in "XYWH")
    except (KeyError, TypeError, ValueError):
        return None
    if str(area.get("Unit", "normalized")) != "normalized":
        return None
    return _check_box((x - width / 2, y - height / 2, width, height))


def to_area(box: Box) -> dict[str, str]:
    """The MWG area of a box: centre and size, normalised, to six places."""
    left, top, width, height = box
    values = {"X": left + width / 2, "Y": top + height / 2, "W": width, "H": height}
    return {key: f"{value:.6f}".rstrip("0").rstrip(".") for key, value in values.items()} | {"Unit": "normalized"}


def from_rectangle(text: str) -> Box | None:
    """The box of a Microsoft rectangle: left, top, width, height, normalised."""
    try:
        left, top, width, height = (float(part) for part in text.split(","))
    except ValueError:
        return None
    return _check_box((left, top, width, height))


def _check_box(box: Box) -> Box | None:
    """`box` if it is valid and inside the picture, within the rounding of six places."""
    left, top, width, height = box
    slack = 1e-3
    fits = left >= -slack and top >= -slack and left + width <= 1 + slack and top + height <= 1 + slack
    return box if fits and width > 0 and height > 0 else None
