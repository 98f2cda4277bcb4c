"""The server identifies collections by number, which survives a rename: rulings need not follow."""

from collections.abc import Iterable

from plugin.hooks.dam import Named
from plugin.hooks.left_out import LeftOut


class Numbered:
    """The protocol's questions about identity, for a DAM with numbers."""

    named_collections = False
    tells_holders = True

    def identities(self, refs: Iterable[str] | None = None) -> dict[str, str]:
        """None: the ref is the number."""
        return {}

    def out_of_sight(self, ref: str) -> bool:
        """False: the server answers for all, or for none."""
        return False

    def sure(self, identity: str) -> bool:
        """True: a number is used once."""
        return True

    def lies_in(self, ref: str) -> tuple[str, ...]:
        """(): a number does not contain a path."""
        return ()

    def left_out(self) -> tuple[LeftOut, ...]:
        """(): the server lists every resource that we may see."""
        return ()

    def position(self) -> int | None:
        """None, unless the log is read."""
        return None

    def came_back(self, ref: str, named: Named, since: int | None) -> frozenset[str]:
        """Nothing, unless the log is read: a name is by hand."""
        return frozenset()

    def remember(self, ref: str, nodes: Iterable[str]) -> None:
        """Does nothing: the server's log says who set a name."""
