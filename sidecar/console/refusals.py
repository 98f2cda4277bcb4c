"""What flows refuse, in the words of the console: the sentences that the staff meet there, by what flows say.

Flows say why in English, for the command line and the API as well; what only a command can do is left out here.
"""

import re
from functools import cache

from plugin.words.catalogues import ENGLISH, Words

_GAP = re.compile(r"\{(\w+)\}")


def told(sentence: str, language: str) -> tuple[str, str]:
    """The sentence as the page says it, and its language: English where there is no other."""
    words = Words("refusal", language)
    for said, says in _known():
        if found := said.fullmatch(sentence):
            gaps = found.groupdict()
            number = gaps.get("count", "").partition(" ")[0]  # of "7 photographs", as `pluralize` has it
            text = words.counted(says, int(number)) if number else words[says]
            return text.format(**gaps | {"count": number}), words.lang
    return sentence, ENGLISH


@cache
def _known() -> list[tuple[re.Pattern[str], str]]:
    return [(re.compile(_pattern(says)), says) for says in Words("refusal", ENGLISH)]


def _pattern(says: str) -> str:
    """A regular expression that reads what stands in place of the braces."""
    parts = _GAP.split(says)
    return "".join(f"(?P<{part}>.+?)" if at % 2 else re.escape(part) for at, part in enumerate(parts))
