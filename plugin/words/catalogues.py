"""The catalogues of messages: one file a language, languages/LANGUAGE/LC_MESSAGES/facelease.po, compiled by Babel.

A message is known by its context, which says where it is read, and by its key. The languages are those that have a
folder; `./run words` writes and compiles them.
"""

import errno
import gettext
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

from babel import Locale

_FOLDER = files("plugin.words") / "languages"
_FILE = "LC_MESSAGES/facelease.mo"
ENGLISH = "en"
_BETWEEN = "\x04"  # gettext's, between a context and a message
LANGUAGES = (ENGLISH, *sorted(one.name for one in _FOLDER.iterdir() if one.name != ENGLISH))
"""English first: the fallback for missing messages."""

if TYPE_CHECKING:
    Language = str
else:
    Language = Literal[LANGUAGES]


class _Unknown(gettext.NullTranslations):
    """What is in no catalogue has no words."""

    def pgettext(self, context: str, message: str) -> str:
        raise KeyError(f"{context}: {message}")

    def npgettext(self, context: str, msgid1: str, msgid2: str, n: int) -> str:
        raise KeyError(f"{context}: {msgid1} (counted)")


class _Catalogue(gettext.GNUTranslations):
    _catalog: dict[str | tuple[str, int], str]

    def keys(self, context: str) -> tuple[str, ...]:
        """The keys of a context."""
        ids = (one if isinstance(one, str) else one[0] for one in self._catalog)
        parts = (one.partition(_BETWEEN) for one in ids)
        return tuple(dict.fromkeys(key for where, between, key in parts if between and where == context))


class Words(Mapping[str, str]):
    """The messages of one context in one language, by their keys, as they stand in the catalogue."""

    def __init__(self, context: str, language: str) -> None:
        self.lang = known(language)
        self._context = context
        self._catalogue = _read(self.lang)

    def __getitem__(self, key: str) -> str:
        return self._catalogue.pgettext(self._context, key)

    def __iter__(self) -> Iterator[str]:
        return iter(_read(ENGLISH).keys(self._context))

    def __len__(self) -> int:
        return len(_read(ENGLISH).keys(self._context))

    def counted(self, key: str, number: int) -> str:
        """The form of a message that this number takes; of one that has but one form, that."""
        try:
            return self._catalogue.npgettext(self._context, key, key, number)
        except KeyError:
            return self[key]


def name(language: str, spoken: str) -> str:
    """What a language is called in another: Dutch, in English."""
    return Locale.parse(language).get_language_name(spoken) or language


def known(language: str) -> str:
    """This language; English for one that we do not have."""
    return language if language in LANGUAGES else ENGLISH


@cache
def _read(language: str) -> _Catalogue:
    path = _FOLDER / language / _FILE
    if not path.is_file():
        raise FileNotFoundError(errno.ENOENT, "it is not compiled; ./run words does that", str(path))
    with path.open("rb") as file:
        found = _Catalogue(file)
    found.add_fallback(_Unknown() if language == ENGLISH else _read(ENGLISH))
    return found
