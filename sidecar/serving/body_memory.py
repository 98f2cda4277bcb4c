"""Memory for request bodies: a limit a surface, and which body is read on when little is left.

Received bytes count, not announced ones: a slow sender holds next to nothing. When the memory is full, one body is read
on into a reserve that holds a whole one, so that there is no deadlock; whoever sends too slowly then is cut off.
"""

from typing import Protocol

from sidecar.serving.surfaces import BUDGETS, Surface
from sidecar.web import uploads

_LARGEST = {Surface.UPLOADS: uploads.FORM_BYTES, Surface.PROGRAMS: 16 << 20}


class Sender(Protocol):
    """A sender of a body: its network and its visit, "" where unknown."""

    network: str
    visit: str


class BodyMemory:
    """The bodies of one surface. One body a visit is read at a time; a network may hold half of the memory."""

    def __init__(self, surface: Surface) -> None:
        self._most = BUDGETS[surface].held
        self._reserve = min(self._most // 2, _LARGEST.get(surface, 0))
        self._held: dict[Sender, int] = {}
        self._of_network: dict[str, int] = {}
        self._of_visit: dict[str, Sender] = {}
        self._first: Sender | None = None
        self.total = 0
        self.short = False
        """Whether a sender had to wait since this was last set to False."""

    def may_read(self, sender: Sender) -> bool:
        """Whether more of this sender's body may be read now."""
        if sender.visit and self._of_visit.setdefault(sender.visit, sender) is not sender:
            return False
        if self._first is sender or self._fits(sender):
            return True
        if self._first is None:
            self._first = sender
            return True
        self.short = True
        return False

    def _fits(self, sender: Sender) -> bool:
        free = self._most - self._reserve
        return self.total < free and (
            not sender.network or self._of_network.get(sender.network, 0) < max(free // 2, self._reserve)
        )

    def take(self, sender: Sender, length: int) -> None:
        """Count `length` bytes for this sender's body, in all."""
        more = length - self._held.get(sender, 0)
        self._held[sender] = length
        self.total += more
        self._of_network[sender.network] = self._of_network.get(sender.network, 0) + more

    def leave(self, sender: Sender) -> None:
        """Free what this sender's body takes."""
        length = self._held.pop(sender, 0)
        self.total -= length
        left = self._of_network.get(sender.network, 0) - length
        if left > 0:
            self._of_network[sender.network] = left
        else:
            self._of_network.pop(sender.network, None)
        if self._of_visit.get(sender.visit) is sender:
            del self._of_visit[sender.visit]
        if self._first is sender:
            self._first = None
