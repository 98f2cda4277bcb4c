"""The words of the pages on which people sign, from `sign.en.toml` and `sign.nl.toml`."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

LANGUAGES = ("en", "nl")


@cache
def _all(language: str) -> dict[str, Any]:
    known = language if language in LANGUAGES else "en"
    return tomllib.loads((files("sidecar.words") / f"sign.{known}.toml").read_text(encoding="utf-8"))


class Words:
    """The words of a language, filled in: `w("expired")`, `w("early_title", day="2 March 2026")`."""

    def __init__(self, language: str) -> None:
        self.lang = language if language in LANGUAGES else "en"
        self._all = _all(language)

    def __call__(self, key: str, **values: object) -> str:
        return str(self._all["words"][key]).format(**values)

    def fault(self, where: str, fault: str, floor: int) -> str:
        """A fault of the form as a sentence. `floor`: from which age somebody may be recognised."""
        known = self._all["faults"]
        return str(known.get(where, {}).get(fault) or known["form"]["refused"]).format(floor=floor)

    def photograph(self, reason: str) -> str:
        """What the recogniser said of a photograph, in plain words."""
        known = self._all["photographs"]
        return str(next(said for beginning, said in known.items() if reason.startswith(beginning)))


def numbered(reason: str) -> tuple[int, str]:
    """Of "photograph 2: the face is blurred" the number and the rest; 1 where none is said."""
    head, _, rest = reason.partition(": ")
    number = head.removeprefix("photograph ")
    return (int(number), rest) if number.isdigit() else (1, reason)
