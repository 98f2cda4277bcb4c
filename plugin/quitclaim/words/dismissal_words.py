"""Why a face was dismissed, in words."""

from plugin.quitclaim.clearance.dismissal import Dismissal
from plugin.words.catalogues import Words


def dismissal(key: str, said: str, language: str) -> str:
    """Why a face was dismissed, with what was said of it in brackets; an empty key: before there was a list."""
    known = Words("dismissal", language)
    if not key:
        return f"{known['before']}: {said}" if said else known["before"]
    words = known[Dismissal(key).value]
    return f"{words} ({said})" if said else words
