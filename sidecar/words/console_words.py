"""The words of the staff's pages, in each language that we ship: a file each, `console.LANGUAGE.toml`."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files

LANGUAGES = ("en", "nl")


def _read(language: str) -> Mapping[str, str]:
    text = (files("sidecar.words") / f"console.{language}.toml").read_text(encoding="utf-8")
    return {key: str(value) for key, value in tomllib.loads(text).items()}


_WORDS = {language: _read(language) for language in LANGUAGES}


def of(language: str) -> Mapping[str, str]:
    """The words of a language; English for one that we do not have."""
    return _WORDS.get(language, _WORDS["en"])
