"""The server identifies collections by number, which survives a rename: rulings need not follow."""

from collections.abc import Iterable

from plugin.hooks.left_out import LeftOut


class Numbered:
    """The protocol's questions about identity, for a DAM with numbers."""

    def lies_in(self, ref: str) -> tuple[str, ...]:
        """(): a number does not contain a path."""
        return ()

    def left_out(self) -> tuple[LeftOut, ...]:
        """(): the server lists every resource that we may see."""
        return ()

    def remember(self, ref: str, nodes: Iterable[str]) -> None:
        """Does nothing: the server's log says who set a name."""
