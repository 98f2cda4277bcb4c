"""Protocol: what a connection needs of its loop (`listener`)."""

from collections.abc import Callable
from typing import Any, Protocol

from sidecar.serving.body_memory import BodyMemory
from sidecar.serving.pools import Pools
from sidecar.serving.surfaces import Place


class Loop(Protocol):
    """All but `later` is called by the loop's own thread."""

    pools: Pools
    proxies: int

    def visit_of(self, environ: dict[str, Any]) -> str | None:
        """Who sends this request, as `admission.find_visit` says."""
        ...

    def room(self, place: Place) -> BodyMemory:
        """Where bodies for this place count."""
        ...

    def later(self, act: Callable[[], None]) -> None:
        """Run `act` in the loop. Thread-safe."""
        ...
