"""A form as a file of TOML, to be changed and kept as the next version; and how two versions differ."""

import json
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from plugin.quitclaim.forms.sheets import Sheet


class Line(NamedTuple):
    """A line of two texts: in both ("same"), in the older only ("gone"), or in the newer only ("new")."""

    state: str
    words: str


def write_toml(tree: Mapping[str, Any]) -> str:
    """The tree of a form as TOML: values first, then tables; what is null or empty is left out."""
    return "\n".join(_write_table("", tree)).strip() + "\n"


def _write_table(path: str, table: Mapping[str, Any]) -> Iterator[str]:
    values = {key: value for key, value in table.items() if value not in (None, "")}
    for key, value in values.items():
        if not isinstance(value, Mapping) and not _is_tables(value):
            yield f"{_write_key(key)} = {_write_value(value)}"
    for key, value in values.items():
        inner = f"{path}.{_write_key(key)}" if path else _write_key(key)
        if isinstance(value, Mapping) and any(value.values()):
            yield from ("", f"[{inner}]", *_write_table(inner, value))
        elif _is_tables(value):
            for one in value:
                yield from ("", f"[[{inner}]]", *_write_table(inner, one))


def _is_tables(value: object) -> bool:
    return isinstance(value, Sequence) and bool(value) and all(isinstance(one, Mapping) for one in value)


def _write_key(key: str) -> str:
    return key if key.isascii() and key.replace("_", "").replace("-", "").isalnum() else _write_value(key)


def _write_value(value: object) -> str:
    """A string, number, truth or list as TOML writes it: as JSON, but for one character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def compare(older: Sheet, newer: Sheet) -> list[Line]:
    """The texts of two versions, paragraph by paragraph."""
    before, after = older.text().strip().split("\n\n"), newer.text().strip().split("\n\n")
    found: list[Line] = []
    for what, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if what == "equal":
            found += [Line("same", words) for words in before[a:b]]
        else:
            found += [Line("gone", words) for words in before[a:b]] + [Line("new", words) for words in after[c:d]]
    return found
