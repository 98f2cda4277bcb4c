"""Picasa's list beside photographs (`.picasa.ini`): which faces are on which, and some keywords."""

import errno
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from plugin.hooks.dam import node_key
from plugin.hooks.name_spellings import list_decodings, list_readings
from plugin.hooks.names_in_files import unreadable_files

_NAMES = frozenset({".picasa.ini", "picasa.ini"})
_LONGEST = max(map(len, _NAMES))
_LARGEST, _MOST_LINES = 8 << 20, 100_000
"""Bytes and lines of a list that is read: a folder of 20,000 photographs has 3 MB and 80,000."""
_SECTION = re.compile(r"^\s*\[(.*)\]\s*$")
_CONTACTS = frozenset({"contacts", "contacts2"})
_FACE = re.compile(r"rect64\(\s*+[0-9a-f]*+\s*+\)\s*+,\s*+([0-9a-f]++)", re.IGNORECASE)
_NOBODY = re.compile("f{16}|0+", re.IGNORECASE)


@dataclass
class ListedNames:
    """What the lists say about one photograph."""

    people: list[tuple[str, ...]] = field(default_factory=list)
    """Each as it may be spelled, most likely first: the list does not say how it is encoded."""
    words: list[tuple[str, ...]] = field(default_factory=list)
    unread: bool = False


class PicasaLists:
    """The lists of one folder."""

    def __init__(self, folder: Path, listing: Collection[str]) -> None:
        self.unread = False
        self._lists: list[About] = []
        for name in sorted(filter(is_picasa_list, listing)):
            try:
                self._lists.append(_read(folder / name, *_read_stat(folder / name)))
            except OSError:
                self.unread = True

    def about(self, name: str) -> ListedNames:
        """What they say about the photograph of this name."""
        listed = ListedNames(unread=self.unread)
        for about in self._lists:
            for lines, contacts in about.get(node_key(name), ()):
                _add_lines(lines, contacts, listed)
        return listed


def is_picasa_list(name: str) -> bool:
    """Whether a file of this name is such a list."""
    return len(name) <= _LONGEST and name.lower() in _NAMES


Texts = tuple[str, ...]
Lines = list[tuple[str, Texts]]
IniSection = tuple[Texts, Lines]
About = Mapping[str, list[tuple[Lines, Mapping[str, Texts]]]]
"""By the key of a photograph's name: what each section says, and whom its list knows."""


def _read_stat(path: Path) -> tuple[int, ...]:
    """The stat of the list; () for one that is gone or a broken link."""
    with suppress(FileNotFoundError):
        found = path.stat()
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
    return ()


@lru_cache(8)
def _read(path: Path, *_look: int) -> About:
    """The list with this stat, cached for all photographs of its folder. Raises OSError where it cannot be read."""
    data = _read_utf8(path)
    if data is None:
        raise OSError(errno.EINVAL, "not a list that can be read")
    about: dict[str, list[tuple[Lines, Mapping[str, Texts]]]] = {}
    sections = _parse_sections(data)
    contacts = dict(_list_contacts(sections))
    for title, lines in sections:
        for key in {node_key(one) for text in title for one in list_readings(text)}:
            about.setdefault(key, []).append((lines, contacts))
    return about


def _read_utf8(path: Path) -> bytes | None:
    data = unreadable_files.read_contents(path)
    if data is None or len(data) > _LARGEST or data.count(b"\r") + data.count(b"\n") > _MOST_LINES:
        return None
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return list_decodings(data)[0].encode("utf-8", "replace")
    return None if b"\0" in data else data.removeprefix(b"\xef\xbb\xbf")


def _parse_sections(data: bytes) -> list[IniSection]:
    found: list[IniSection] = []
    for line in data.replace(b"\r", b"\n").split(b"\n"):
        texts = list_decodings(line)
        if match := _SECTION.match(texts[0]):
            titles = (_SECTION.match(text) for text in texts)
            found.append((tuple(one[1] for one in titles if one), []))
            assert match  # noqa: S101 (the first text has one, so the titles are not empty)
        elif found and "=" in texts[0]:
            key = texts[0].partition("=")[0].strip().lower()
            found[-1][1].append((key, tuple(text.partition("=")[2].strip() for text in texts)))
    return found


def _list_contacts(sections: list[IniSection]) -> Iterator[tuple[str, Texts]]:
    """By number: the name, without a following address."""
    for title, lines in sections:
        if title[0].strip().lower() in _CONTACTS:
            for number, texts in lines:
                yield number.lstrip("0"), tuple(text.split(";")[0].strip() for text in texts)


def _add_lines(lines: Lines, contacts: Mapping[str, Texts], listed: ListedNames) -> None:
    for key, texts in lines:
        if key == "keywords":
            listed.words += [tuple(one) for one in zip(*(text.split(",") for text in texts), strict=False)]
        elif key in {"faces", "backuphash_faces"}:
            for match in _FACE.finditer(texts[0]):
                number = match[1].lower()
                name = contacts.get(number.lstrip("0"))
                if name and name[0]:
                    listed.people.append(name)
                elif not _NOBODY.fullmatch(number):
                    listed.unread = True  # an unnamed person
