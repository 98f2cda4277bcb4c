"""What a connection asks of the loop that it lives in (`listener`)."""

from collections.abc import Callable
from typing import Any, Protocol

from sidecar.serving.body_memory import BodyMemory
from sidecar.serving.pools import Pools
from sidecar.serving.surfaces import Place


class Loop(Protocol):
    """All but `later` is asked by the loop's own thread."""

    pools: Pools
    proxies: int

    def visit_of(self, environ: dict[str, Any]) -> str | None:
        """Who sends this request, as `admission.visit_of` says."""
        ...

    def room(self, place: Place) -> BodyMemory:
        """Where bodies for this place count."""
        ...

    def later(self, act: Callable[[], None]) -> None:
        """Have the loop do this; from any thread."""
        ...
