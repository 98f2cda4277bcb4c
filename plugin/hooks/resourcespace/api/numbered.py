"""Collections of a server are known by their number, which stays when they are renamed: rulings need not follow."""

from collections.abc import Iterable

from plugin.hooks.dam import Named
from plugin.hooks.left_out import LeftOut


class Numbered:
    """What the protocol asks of a DAM whose collections may have other names tomorrow."""

    named_collections = False
    tells_holders = True

    def identities(self, refs: Iterable[str] | None = None) -> dict[str, str]:
        """Nothing: the ref is the number."""
        return {}

    def out_of_sight(self, ref: str) -> bool:
        """The server answers for all of them, or for none."""
        return False

    def sure(self, identity: str) -> bool:
        """A number is given once."""
        return True

    def lies_in(self, ref: str) -> tuple[str, ...]:
        """Nothing: a number does not say where it lies."""
        return ()

    def left_out(self) -> tuple[LeftOut, ...]:
        """None: the server tells of every resource that we may see."""
        return ()

    def position(self) -> int | None:
        """None, as long as the log is not asked."""
        return None

    def came_back(self, ref: str, named: Named, since: int | None) -> frozenset[str]:
        """Nothing, as long as the log is not asked: a name is by hand."""
        return frozenset()

    def remember(self, ref: str, nodes: Iterable[str]) -> None:
        """Nothing to keep: the server's log says who put a name where."""
