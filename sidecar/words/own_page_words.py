"""The words of a person's own page: me.en.toml and me.nl.toml, each with the same keys."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from sidecar.words import front_words


@cache
def of(language: str) -> Mapping[str, str]:
    """All words of a language; English for one that we do not have."""
    known = language if language in front_words.LANGUAGES else front_words.LANGUAGES[0]
    path = Path(__file__).with_name(f"me.{known}.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


class Words:
    """The words of one language, about the visitor or about a child of theirs."""

    def __init__(self, language: str, child: bool = False) -> None:
        self._words = of(language)
        self._child = child
        self.lang = self._words["lang"]

    def __call__(self, key: str, **values: object) -> str:
        """The words of `key`: those about a child where the page is about one and they differ."""
        about = f"{key}_child" if self._child and f"{key}_child" in self._words else key
        return self._words[about].format(**values)

    def __getitem__(self, key: str) -> str:
        return self(key)
