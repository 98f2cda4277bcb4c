"""What the command line says of files that are left out of the library: how many of what, and what to do."""

from collections.abc import Sequence

from plugin.hooks import left_out
from plugin.hooks.left_out import LeftOut, LeftOutReason

_SAID = {
    LeftOutReason.LINK: ("links", "links are not followed: put the file itself here"),
    LeftOutReason.NAME: (
        "names that cannot be said",
        "the name has control characters, is no UTF-8, or its path is longer than 2,000 bytes: rename it",
    ),
    LeftOutReason.FORMAT: (
        "pictures that cannot be examined",
        "save a JPEG, PNG, TIFF, HEIC, AVIF or WebP beside it",
    ),
    LeftOutReason.NO_PICTURE: (
        "files called like a photograph that are none",
        "it holds no picture: look at it, and rename it",
    ),
    LeftOutReason.SPECIAL: ("FIFOs, sockets and devices", "it is no file"),
    LeftOutReason.UNREADABLE: ("files that cannot be read", "give FaceLease's account access"),
    LeftOutReason.CLOSED: (
        "folders that cannot be read",
        "give FaceLease's account access, or name it in folder.ignore",
    ),
    LeftOutReason.LOOP: (
        "folders that lead back to one above them",
        "take the mount or link out, or name it in folder.ignore",
    ),
    LeftOutReason.LIBRARY: (
        "libraries of other programs",
        "export the photographs: that program keeps them with a database",
    ),
}


def one(found: LeftOut) -> str:
    """A line of the list."""
    what, mend = _SAID[found.why]
    return f"{found.ref}: {what}{f' ({found.form})' if found.form else ''}: {mend}"


def summary(found: Sequence[LeftOut]) -> list[str]:
    """One line with the number by kind; none where nothing is left out."""
    kinds: dict[str, int] = {}
    for each in found:
        label = each.form or _SAID[each.why][0]
        kinds[label] = kinds.get(label, 0) + 1
    if not kinds:
        return []
    said = ", ".join(f"{label} {number}" for label, number in kinds.items())
    return [
        f"{len(found)} left out, which are not part of the library ({said}): facelease scan --left-out lists them"
    ]


def data(found: Sequence[LeftOut]) -> dict[str, object]:
    """The same for machines."""
    return {"count": len(found), "kinds": left_out.count_by_kind(found)}
