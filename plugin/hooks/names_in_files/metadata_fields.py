"""Which fields of a file may contain a person's name: every text.

Programs put names into dozens of fields, with new ones in each release, and captions, credits and comments contain
names too. Only what ExifTool says about the file from outside is skipped.
"""

import re
from collections.abc import Iterator

from plugin.hooks.dam import node_key
from plugin.hooks.files.exiftool import Fields
from plugin.hooks.name_search import SoughtName, list_texts
from plugin.hooks.name_spellings import list_decodings, list_parts, list_readings, match_known
from plugin.hooks.names_in_files.name_gathering import list_datasets

_NOT_OF_THE_FILE = ("System:", "ExifTool:", "Composite:")
_PARTS = re.compile(r"[|/;,\n]")


def find_in_fields(fields: Fields, sought: SoughtName) -> Iterator[tuple[str, bool]]:
    """The fields, by ExifTool's name, that contain the name; and whether it is an item of its own there."""
    for key, value in fields.items():
        if key.startswith(_NOT_OF_THE_FILE) or key == "SourceFile" or key.endswith(":IPTC"):
            continue
        texts = [text for text in list_texts(value) if is_named_in(text, sought)]
        if texts:
            yield _field_name(key), any(_is_item(text, sought) for text in texts)


def is_named_in(text: str, sought: SoughtName) -> bool:
    """Whether a text contains the name, or would be read as it (`name_spellings`)."""
    return sought.stands_in(text) or _is_read_from(text, sought)


def _is_item(text: str, sought: SoughtName) -> bool:
    return any(sought.is_name(part) for part in _PARTS.split(text)) or _is_read_from(text, sought)


def _is_read_from(text: str, sought: SoughtName) -> bool:
    """Each part once: a file's text in every encoding repeats many."""
    keys = {node_key(name) for name in sought.spellings}
    found = dict.fromkeys(part for whole in list_readings(text) for part in list_parts(whole))
    return any(
        match_known(part, keys) is not None
        for part in found
        if any(sought.may_hold(reading) for reading in list_readings(part))
    )


def find_in_iptc(blocks: Fields, sought: SoughtName) -> Iterator[tuple[str, bool]]:
    """The same for the bytes of IPTC, which rarely declare their encoding correctly."""
    for key, block in blocks.items():
        for number, data in list_datasets(str(block)) if key.endswith("IPTC") else ():
            texts = [text for text in list_decodings(data) if is_named_in(text, sought)]
            if texts:
                yield f"IPTC:{number}", any(_is_item(text, sought) for text in texts)


def decode_text(data: bytes) -> str:
    """Bytes as the text that they are, in UTF-8 or, where they are not that, in Latin letters."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _field_name(key: str) -> str:
    """Without the number of the copy."""
    return re.sub(r":Copy\d+:", ":", key)
