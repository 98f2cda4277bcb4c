"""Which person a text may name: wrong encodings, invisible characters, surname first, one of several names.

Two texts are the same name if `node_key` is equal (rule 17). A text that is no known name as written may be one in
another reading. Not tried: initials, nicknames, other transcriptions, joined or split words (`BoSample`, `Bo_Sample`).
"""

import re
import unicodedata
from collections.abc import Collection, Iterator
from functools import lru_cache
from itertools import chain

from plugin.hooks.dam import node_key

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)

_ENCODING_NAMES = (
    "cp1252 latin-1 mac-roman iso8859-15 cp1250 iso8859-2 mac-latin2 cp1251 koi8-r koi8-u iso8859-5 "
    "mac-cyrillic cp1253 iso8859-7 cp1254 cp1255 cp1256 cp1257 iso8859-4 iso8859-13 cp1258 cp437 cp850 cp852 "
    "cp866 shift-jis cp932 euc-jp gb18030 big5 euc-kr cp949 cp874"
)
_ENCODINGS = tuple(_ENCODING_NAMES.split())
"""Encodings of fields that do not declare one."""

_TAKEN_FOR = ("cp1252", "latin-1", "mac-roman", "cp1250", "cp1251", "iso8859-15", "cp437", "cp850")
"""Encodings by which programs wrongly decode UTF-8 and others."""

_SEPARATORS = re.compile(r"[|/\\;,<>:\n\r\t\0\u2502\u203a\u00bb]")
_LISTED = re.compile(r"[;\n\r\0]")
_LEVELS = ("|", "\\", ">", "\u203a", "\u00bb", "/", ":")
_MOST_PARTS = 12
_LONGEST_KEY = 1000  # characters: more than twice any display name
_SHORT = 200
_BOMS = ((b"\xff\xfe\0\0", "utf-32"), (b"\0\0\xfe\xff", "utf-32"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def decode_lossless(data: bytes, encoding: str) -> str:
    """Decode in a Latin encoding; bytes without a letter become the control character of that number."""
    return "".join(_decode_letter(byte, encoding) for byte in data) if encoding == "cp1252" else data.decode(encoding)


def _decode_letter(byte: int, encoding: str) -> str:
    try:
        return bytes([byte]).decode(encoding)
    except UnicodeDecodeError:
        return chr(byte)


def list_decodings(data: bytes) -> tuple[str, ...]:
    """Possible decodings of bytes, most likely first."""
    return tuple(dict.fromkeys(_list_decodings(data)))


def _list_decodings(data: bytes) -> Iterator[str]:
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            yield data.decode(encoding, "ignore")
    try:
        yield data.decode("utf-8-sig")
    except UnicodeDecodeError:
        yield decode_lossless(data, "cp1252")
    if not data.isascii() or b"\0" in data:
        for encoding in (*_ENCODINGS, "utf-16-le", "utf-16-be"):
            try:
                yield data.decode(encoding)
            except UnicodeDecodeError:
                continue


def list_readings(text: str) -> tuple[str, ...]:
    """The text as written, then what it was before a wrong decoding."""
    if text.isascii():
        return (text,)
    return _list_readings(text) if len(text) <= _SHORT else _list_readings.__wrapped__(text)


@lru_cache(4096)
def _list_readings(text: str) -> tuple[str, ...]:
    found = dict.fromkeys((text, *_repair_encoding(text, 3)))
    for encoding in ("cp1252", "latin-1"):
        data = _encode(text, encoding)
        if data is not None:
            found |= dict.fromkeys(_list_decodings(data))
    return tuple(found)


def _repair_encoding(text: str, times: int) -> Iterator[str]:
    for encoding in _TAKEN_FOR:
        data = _encode(text, encoding)
        if data is None:
            continue
        try:
            mended = data.decode("utf-8")
        except UnicodeDecodeError:
            continue
        if mended != text:
            yield mended
            if times > 1:
                yield from _repair_encoding(mended, times - 1)


def _encode(text: str, encoding: str) -> bytes | None:
    try:
        return text.encode(encoding)
    except UnicodeEncodeError:
        if encoding != "cp1252":
            return None
    try:  # programs keep bytes without a letter in cp1252
        return b"".join(sign.encode("latin-1" if sign < "\u00a0" else encoding) for sign in text)
    except UnicodeEncodeError:
        return None


def strip_invisible(text: str) -> str:
    """The text without invisible characters."""
    return text if text.isascii() else _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))


def _list_orders(text: str) -> Iterator[str]:
    """A name as written, and with the surname first or last."""
    yield text
    if not text.isascii():
        yield strip_invisible(text)
    plain = " ".join(strip_invisible(text).split())
    if plain.count(",") == 1:
        last, first = plain.split(",")
        if last.strip() and first.strip():
            yield f"{first.strip()} {last.strip()}"
    elif "," not in plain:
        words = plain.split(" ", 5)
        for place in range(1, len(words)):
            yield f"{' '.join(words[place:])}, {' '.join(words[:place])}"


def match_known(text: str, known: Collection[str]) -> str | None:
    """The known name (by key) that the text is; None where it is none."""
    for reading in list_readings(text):
        for name in _list_orders(reading):
            if node_key(name) in known:
                return name.strip()
    return None


def is_spelling_of(text: str, known: Collection[str]) -> bool:
    """Whether the text is one of these names (by key), as written or in another reading."""
    return match_known(text, known) is not None


def list_parts(text: str) -> Iterator[str]:
    """The text, each of its parts, and runs of parts: a name may contain a separator."""
    yield text
    cuts = [0, *chain.from_iterable(match.span() for match in _SEPARATORS.finditer(text)), len(text)]
    spans = list(zip(cuts[::2], cuts[1::2], strict=True))
    if len(spans) == 1:
        return
    most = 2 if len(spans) > _MOST_PARTS else len(spans)
    for first in range(len(spans)):
        for last in range(first, min(first + most, len(spans))):
            part = text[spans[first][0] : spans[last][1]].strip()
            if part and part != text:
                yield part


def find_known(text: str, known: Collection[str]) -> list[str]:
    """Every known name (by key) that the text, or a part of it, is."""
    found: list[str] = []
    for reading in list_readings(text):
        for part in sorted(list_parts(reading), key=len, reverse=True):
            name = match_known(part, known)
            if name is not None:
                found.append(name)
    return list({node_key(name): name for name in reversed(found)}.values())


def list_keys(text: str) -> frozenset[str]:
    """The keys of all names that `find_known` could find in the text."""
    return _list_keys(text) if len(text) <= _SHORT else _list_keys.__wrapped__(text)


@lru_cache(4096)
def _list_keys(text: str) -> frozenset[str]:
    once = {part for reading in list_readings(text) for part in list_parts(reading)}
    twice = {reading for part in once for reading in list_readings(part)}
    keys = {node_key(name) for reading in twice for name in _list_orders(reading)}
    return frozenset(key for key in keys if len(key) <= _LONGEST_KEY and any(sign.isalnum() for sign in key))


def list_category_paths(text: str, categories: Collection[str]) -> Iterator[tuple[str, ...]]:
    """For each keyword below a category of people (by key), the levels from that category down."""
    for reading in list_readings(text):
        found = list(_list_category_paths(reading, categories))
        if found:  # the first reading with a known category decides
            yield from found
            return


def _list_category_paths(text: str, categories: Collection[str]) -> Iterator[tuple[str, ...]]:
    for one in _LISTED.split(text):
        levels = [*(one.split(sign) for sign in _LEVELS if sign in one)]
        if "<" in one:
            levels.append(one.split("<")[::-1])
        for path in levels:
            plain = [" ".join(level.split()) for level in path if level.strip()]
            at = next((n for n, level in enumerate(plain[:-1]) if node_key(strip_invisible(level)) in categories), None)
            if at is not None:
                yield tuple(plain[at:])
                break
