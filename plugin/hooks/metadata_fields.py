"""Which fields of a file may hold a person's name: every one that says something in words.

Programs put names into dozens of them, new ones come with each release, and captions, credits and comments hold names
too. So none is left out but what ExifTool says of the file from outside.
"""

import re
from collections.abc import Iterator

from plugin.hooks.name_search import Sought, texts_in
from plugin.hooks.tool import Fields

_NOT_OF_THE_FILE = ("System:", "ExifTool:", "Composite:")
_PARTS = re.compile(r"[|/;,\n]")


def named_in(fields: Fields, sought: Sought) -> Iterator[tuple[str, bool]]:
    """The fields, as ExifTool calls them, in which the name stands; and whether it is an item of its own there."""
    for key, value in fields.items():
        if key.startswith(_NOT_OF_THE_FILE) or key == "SourceFile":
            continue
        texts = [text for text in texts_in(value) if sought.stands_in(text)]
        if texts:
            yield _field(key), any(sought.is_name(part) for text in texts for part in _PARTS.split(text))


def told(data: bytes) -> str:
    """Bytes as the text that they are, in UTF-8 or, where they are not that, in Latin letters."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _field(key: str) -> str:
    """Without the number of the copy."""
    return re.sub(r":Copy\d+:", ":", key)
