"""Bytes of bodies in memory: how many a surface may hold, and who goes on reading when there is little room left.

What counts is what arrived, not what was announced: who sends slowly holds next to nothing. While the room is full one
body goes on into a reserve that holds a whole one, so that there is always an end; who sends too slowly then is cut
off, so that slow senders do not keep the others waiting.
"""

from typing import Protocol

from sidecar.serving.surfaces import BUDGETS, Surface
from sidecar.web import uploads

_LARGEST = {Surface.UPLOADS: uploads.FORM_BYTES, Surface.PROGRAMS: 16 << 20}


class Sender(Protocol):
    """Whoever sends a body: from which network, in which visit ("" where nobody knows)."""

    network: str
    visit: str


class BodyMemory:
    """What one surface holds. Of one visit one body is read at a time; a network has half of it at the most."""

    def __init__(self, surface: Surface) -> None:
        self._most = BUDGETS[surface].held
        self._reserve = min(self._most // 2, _LARGEST.get(surface, 0))
        self._held: dict[Sender, int] = {}
        self._of_network: dict[str, int] = {}
        self._of_visit: dict[str, Sender] = {}
        self._first: Sender | None = None
        self.total = 0
        self.short = False
        """Somebody had to wait since this was last set to False."""

    def may_read(self, sender: Sender) -> bool:
        """Whether there is room for more of its body now."""
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
        """Its body is so long by now."""
        more = length - self._held.get(sender, 0)
        self._held[sender] = length
        self.total += more
        self._of_network[sender.network] = self._of_network.get(sender.network, 0) + more

    def leave(self, sender: Sender) -> None:
        """Its body is gone, or read to its end and answered."""
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
