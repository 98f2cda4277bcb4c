"""Finds a name inside longer texts: paths, captions, keyword hierarchies, free text.

Compares whole words in any script and spelling: composed or not, upper or lower case, whatever separates words (`_`,
`-`, `%20`, `|`, a line end). In scripts that do not separate words a match may begin anywhere.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import unquote

_SCRIPTS_WITHOUT_SPACES = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN")
"""Scripts that do not separate words."""

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")
"""Invisible characters that programs put between letters."""

_HASH = re.compile("(?:[0-9a-f]{8}:)?[0-9a-f]{32,}")

MASK = "[…]"
"""Replaces the name where a text is shown."""


class _Word(NamedTuple):
    key: str
    start: int
    end: int


class SoughtName:
    """Every spelling of the name that is searched for."""

    def __init__(self, spellings: Iterable[str]) -> None:
        self.spellings = tuple(dict.fromkeys(one for one in spellings if one.strip()))
        self._names = {tuple(w.key for w in words) for one in self.spellings if (words := _split_words(_fold(one)))}
        self._starts = {max(name, key=len) for name in self._names}

    @property
    def has_several_words(self) -> bool:
        """Whether every spelling has several words: a single word may be an ordinary one."""
        return all(len(name) > 1 for name in self._names)

    def is_name(self, text: str) -> bool:
        """Whether the text is exactly the name."""
        return any(tuple(word.key for word in _split_words(variant)) in self._names for variant in self._variants(text))

    def stands_in(self, text: str) -> bool:
        """Whether the text contains the name as whole words."""
        return any(next(self._spans(variant), None) is not None for variant in self._variants(text))

    def may_hold(self, text: str) -> bool:
        """A quick test: False where the first word of every spelling is missing."""
        folded = _fold(text).casefold()
        return any(start in folded for start in self._starts)

    def masked(self, text: str) -> str:
        """The text with the name masked."""
        shown = unicodedata.normalize("NFC", text)
        for variant in self._variants(text):
            spans = list(self._spans(variant))
            if spans:
                shown = variant
            for start, end in reversed(spans):
                shown = shown[:start] + MASK + shown[end:]
            if spans:
                break
        return shown

    def _variants(self, text: str) -> Iterator[str]:
        """The readings of the text that can contain the name."""
        for variant in dict.fromkeys(_list_readings(text)):
            folded = variant.casefold()
            if any(start in folded for start in self._starts):
                yield variant

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        words = _split_words(text)
        place = 0
        while place < len(words):
            length = max((_count_words(words, place, name) for name in self._names), default=0)
            if length:
                yield words[place].start, words[place + length - 1].end
            place += max(length, 1)


def _count_words(words: list[_Word], place: int, name: tuple[str, ...]) -> int:
    """How many words the name covers from `place` on, also where words are joined; 0 where it does not match."""
    whole, so_far = "".join(name), ""
    for at in range(place, len(words)):
        so_far += words[at].key
        if so_far == whole:
            return at - place + 1
        if not whole.startswith(so_far):
            break
    return 0


def list_texts(value: object) -> Iterator[str]:
    """Every text in a JSON value, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from list_texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from list_texts(inner)


def list_stored_texts(text: str) -> Iterator[str]:
    """The texts in a stored text: decoded where it is JSON; nothing of a hash."""
    said: list[str] = [text]
    if text[:1] in {"{", "[", '"'}:
        with suppress(ValueError, RecursionError):
            said = list(list_texts(json.loads(text)))
    yield from (one for one in said if not _HASH.fullmatch(one))


def _list_readings(text: str) -> Iterator[str]:
    """The text as written, URL-decoded, and repaired where UTF-8 was decoded as Latin."""
    yield _fold(text)
    if "%" in text:
        yield _fold(unquote(text))
    for wrong in ("cp1252", "latin-1"):
        try:
            mended = text.encode(wrong).decode("utf-8")
        except UnicodeError:
            continue
        if mended != text:
            yield _fold(mended)


def _fold(text: str) -> str:
    return text if text.isascii() else _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))


def _split_words(text: str) -> list[_Word]:
    """Words: letters with their marks, or digits; in scripts without spaces each character."""
    found: list[_Word] = []
    start, kind = 0, ""
    for at, sign in enumerate([*text, " "]):
        now = _sign_kind(sign, kind)
        if now != kind or now == "joined":
            if kind:
                found.append(_Word(unicodedata.normalize("NFKC", text[start:at].casefold()), start, at))
            start, kind = at, now
    return found


def _sign_kind(sign: str, before: str) -> str:
    """letter, digit, joined, or "" between words. A mark belongs to the character before it."""
    category = unicodedata.category(sign)[0]
    if category == "M" and before:
        return "letter" if before == "joined" else before
    if category == "L":
        name = unicodedata.name(sign, "")
        return "joined" if name.startswith(_SCRIPTS_WITHOUT_SPACES) else "letter"
    return "digit" if category == "N" else ""
