"""`./run words`: the other catalogues of messages follow the English one, in which words are written first.

A message that is new there stands in each of the others without words, its English above it; one that is gone there is
gone everywhere. `./run words LANGUAGE` begins a catalogue. Without `update`, as `./run` does first, it only compiles.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

_CATALOGUES = Path(__file__).parents[1] / "plugin/words/languages"
_ENGLISH = "en"
_WIDTH = 110


def main(arguments: list[str]) -> None:
    """`update`, then languages that are to begin."""
    if arguments[:1] == ["update"]:
        for language in arguments[1:]:
            source(language).parent.mkdir(parents=True, exist_ok=True)
        for language in (path.name for path in _CATALOGUES.iterdir()):
            write(language, followed(language, read(_ENGLISH)) if language != _ENGLISH else read(_ENGLISH))
    compile_changed()


def source(language: str) -> Path:
    """Where its words are written."""
    return _CATALOGUES / language / "LC_MESSAGES/facelease.po"


def read(language: str) -> Catalog:
    """The catalogue of a language; an empty one of a language that begins."""
    path = source(language)
    if not path.exists():
        return Catalog(locale=language, project="FaceLease", fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def followed(language: str, english: Catalog) -> Catalog:
    """This language with the messages of the English catalogue and no others."""
    template = Catalog()
    for message in english:
        if message.id:
            template.add(message.id, context=message.context, auto_comments=forms(message)[-1].splitlines())
    found = read(language)
    found.update(template, no_fuzzy_matching=True, update_header_comment=False, update_creation_date=False)
    return found


def forms(message: Message) -> tuple[str, ...]:
    """What it says: one form, or one for each plural of the language."""
    said = message.string or ""
    return (said,) if isinstance(said, str) else tuple(said)


def write(language: str, catalogue: Catalog) -> None:
    """As Babel writes it, so that a change shows nothing but itself."""
    with source(language).open("wb") as file:
        write_po(file, catalogue, width=_WIDTH, ignore_obsolete=True)


def compile_changed() -> None:
    """Compile each catalogue that is newer than what was compiled of it."""
    for path in _changed():
        with path.open("rb") as words, path.with_suffix(".mo").open("wb") as file:
            write_mo(file, read_po(words))


def _changed() -> Iterator[Path]:
    for path in _CATALOGUES.glob("*/LC_MESSAGES/*.po"):
        made = path.with_suffix(".mo")
        if not made.exists() or made.stat().st_mtime_ns <= path.stat().st_mtime_ns:
            yield path


if __name__ == "__main__":
    main(sys.argv[1:])
