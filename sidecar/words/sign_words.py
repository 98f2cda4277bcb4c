"""The words of the pages on which people sign."""

from plugin.words import catalogues


class Words:
    """The words of a language, filled in: `w("expired")`, `w("early_title", day="2 March 2026")`."""

    def __init__(self, language: str) -> None:
        self._words = catalogues.Words("sign", language)
        self.lang = self._words.lang

    def __call__(self, key: str, **values: object) -> str:
        return self._words[key].format(**values)

    def fault(self, where: str, fault: str, floor: int) -> str:
        """A fault of the form as a sentence. `floor`: from which age somebody may be recognised."""
        known = catalogues.Words("sign fault", self.lang)
        return known.get(f"{where}.{fault}", known["form.refused"]).format(floor=floor)

    def photograph(self, reason: str) -> str:
        """What the recogniser said of a photograph, in plain words: the message whose key begins its sentence."""
        known = catalogues.Words("sign photograph", self.lang)
        beginnings = [one for one in known if reason.startswith(one)]
        return known[max(beginnings, key=len, default="other")]


def numbered(reason: str) -> tuple[int, str]:
    """Of "photograph 2: the face is blurred" the number and the rest; 1 where none is said."""
    head, _, rest = reason.partition(": ")
    number = head.removeprefix("photograph ")
    return (int(number), rest) if number.isdigit() else (1, reason)
