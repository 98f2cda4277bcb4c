"""What the command line says of files that are left out of the library: how many of what, and what to do."""

from collections import Counter
from collections.abc import Sequence

from plugin.hooks import left_out
from plugin.hooks.left_out import LeftOut
from plugin.words.catalogues import ENGLISH, Words

_WORDS = Words("left out", ENGLISH)


def one(found: LeftOut) -> str:
    """A line of the list."""
    what, mend = _WORDS[found.why.value], _WORDS[f"{found.why.value}.mend"]
    return f"{found.ref}: {what}{f' ({found.form})' if found.form else ''}: {mend}"


def summary(found: Sequence[LeftOut]) -> list[str]:
    """One line with the number by kind; none where nothing is left out."""
    if not found:
        return []
    labels = Counter(each.form or _WORDS[each.why.value] for each in found)
    kinds = ", ".join(f"{label} {number}" for label, number in labels.items())
    return [_WORDS.counted("summary", len(found)).format(count=len(found), kinds=kinds)]


def data(found: Sequence[LeftOut]) -> dict[str, object]:
    """The same for machines."""
    return {"count": len(found), "kinds": left_out.count_by_kind(found)}
