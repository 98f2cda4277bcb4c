"""Collections of a server are known by their number, which stays when they are renamed: rulings need not follow."""

from collections.abc import Iterable


class Numbered:
    """What the protocol asks of a DAM whose collections may have other names tomorrow."""

    named_collections = False

    def identities(self, refs: Iterable[str] | None = None) -> dict[str, str]:
        """Nothing: the ref is the number."""
        return {}

    def sure(self, identity: str) -> bool:
        """A number is given once."""
        return True

    def lies_in(self, ref: str) -> tuple[str, ...]:
        """Nothing: a number does not say where it lies."""
        return ()
