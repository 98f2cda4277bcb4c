"""What flows refuse, in the words of the console: `refusals.toml` has the sentences that the staff meet there.

Flows say why in English, for the command line and the API as well; what only a command can do is left out here.
"""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

_GAP = re.compile(r"\{(\w+)\}")


def told(sentence: str, language: str) -> tuple[str, str]:
    """The sentence as the page says it, and its language: English where there is no other."""
    for said, words in _known():
        found = said.fullmatch(sentence)
        if found and language in words:
            return words[language].format(**found.groupdict()), language
    return sentence, "en"


def sentences() -> list[Mapping[str, str]]:
    """All of them: `says` as flows do, with what varies in braces, and the words in each language."""
    text = (files("sidecar.console") / "refusals.toml").read_text(encoding="utf-8")
    return list(tomllib.loads(text)["refusal"])


@cache
def _known() -> list[tuple[re.Pattern[str], Mapping[str, str]]]:
    return [(re.compile(_pattern(one["says"])), one) for one in sentences()]


def _pattern(says: str) -> str:
    """A regular expression that reads what stands in place of the braces."""
    parts = _GAP.split(says)
    return "".join(f"(?P<{part}>.+?)" if at % 2 else re.escape(part) for at, part in enumerate(parts))
