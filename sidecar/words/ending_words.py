"""What ends of somebody, in numbers: said before it is done, by the console and the command line."""

from plugin.flows.consent.consequences import Consequences
from plugin.words.catalogues import ENGLISH, Words

_COUNTS = ("recognition", "publication", "photographs", "pictures", "links")


def told(ending: Consequences, language: str = ENGLISH) -> list[str]:
    """A part a line; nothing where nothing would end."""
    return [count(key, number, language) for key in _COUNTS if (number := getattr(ending, key))]


def count(key: str, number: int, language: str) -> str:
    """So many things that end."""
    return Words("console", language).counted(f"ends_{key}", number) % {"n": number}
