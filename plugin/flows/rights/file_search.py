"""Looks for a name in our own files: in text as text, in copies of a store value by value, else in the bytes."""

import json
import mmap
import sqlite3
import unicodedata
from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path

from plugin.hooks.name_search import SoughtName, list_stored_texts
from plugin.hooks.names_in_files.metadata_fields import decode_text

_BLOCK = 1 << 20
_AROUND = 64  # bytes on each side of a hit: enough to see where its first and last word end
_SQLITE = b"SQLite format 3\0"


def is_text(path: Path) -> bool:
    """Whether a file is text. Raises OSError."""
    with path.open("rb") as file:
        return b"\0" not in file.read(4096)


def has_name(path: Path, sought: SoughtName) -> bool:
    """Whether the name is in the file. Raises OSError."""
    if not is_text(path):
        return is_in_copy(path, sought)
    with path.open("rb") as file:
        while block := file.read(_BLOCK) + file.readline():
            if sought.stands_in(decode_text(block)):
                return True
    return False


def is_in_copy(path: Path, sought: SoughtName, covered: Collection[str] = ()) -> bool:
    """Whether it is in a copy of a store, except in the `covered` columns ("table.column"); or in the bytes of any
    other file. Raises OSError.

    The bytes also hold deleted rows. A single word is not looked for in them: it may be a word of ours.
    """
    with path.open("rb") as file:
        is_store = file.read(len(_SQLITE)) == _SQLITE
    if not is_store:
        return _is_in_bytes(path, sought)
    try:
        if any(sought.stands_in(text) for said in _read_texts(path, covered) for text in list_stored_texts(said)):
            return True
    except sqlite3.Error:  # cut short, or being written: its bytes are there
        return _is_in_bytes(path, sought)
    return sought.has_several_words and _is_in_bytes(path, sought)


def _read_texts(path: Path, covered: Collection[str]) -> Iterator[str]:
    """Every text in the tables, read from its own schema."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as store:
        store.text_factory = lambda raw: raw.decode("utf-8", "replace")
        columns = store.execute(
            "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'"
        ).fetchall()
        for table, column in columns:
            if f"{table}.{column}" not in covered:
                this, here = ('"{}"'.format(name.replace('"', '""')) for name in (column, table))
                query = f"SELECT DISTINCT {this} FROM {here} WHERE typeof({this}) = 'text'"  # noqa: S608 its own names
                yield from (said for (said,) in store.execute(query))


def _is_in_bytes(path: Path, sought: SoughtName) -> bool:
    if path.stat().st_size == 0:
        return False
    needles = {form for spelling in sought.spellings for form in _list_forms(spelling)}
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return any(_has_words(data, needle, sought) for needle in needles)


def _has_words(data: mmap.mmap, needle: bytes, sought: SoughtName) -> bool:
    """Whether it is there as whole words."""
    at = data.find(needle)
    while at >= 0:
        around = data[max(at - _AROUND, 0) : at + len(needle) + _AROUND].decode("utf-8", "replace")
        if any(sought.stands_in(text) for text in (around, _unescape(around))):
            return True
        at = data.find(needle, at + 1)
    return False


def _unescape(text: str) -> str:
    try:
        return text.encode("latin-1", "backslashreplace").decode("unicode-escape")
    except UnicodeDecodeError:
        return text


def _list_forms(spelling: str) -> Iterator[bytes]:
    for text in (spelling, spelling.casefold(), spelling.upper()):
        for form in ("NFC", "NFD"):
            written = unicodedata.normalize(form, text)
            for apart in (" ", "_", "-", ".", "", "%20"):
                yield written.replace(" ", apart).encode()
            yield json.dumps(written)[1:-1].encode()
