"""The words of a person's own page."""

from plugin.words import catalogues


class Words:
    """The words of one language, about the visitor or about a child of theirs."""

    def __init__(self, language: str, child: bool = False) -> None:
        self._words = catalogues.Words("own page", language)
        self._child = child
        self.lang = self._words.lang

    def __call__(self, key: str, **values: object) -> str:
        """The words of `key`: those about a child where the page is about one and they differ."""
        about = f"{key}_child" if self._child and f"{key}_child" in self._words else key
        return self._words[about].format(**values)

    def counted(self, key: str, n: int) -> str:
        """The words of `key` for a number of things."""
        return self._words.counted(key, n).format(n=n)
