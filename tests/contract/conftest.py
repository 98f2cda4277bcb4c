"""The servers on which the contract is checked: the double both ways, and a real one where it is named."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugin.clock import ManualClock
from plugin.hooks.resourcespace.adapter import ResourceSpaceDam
from tests.doubles.resourcespace import Double
from tests.doubles.resourcespace_house import Server, on, store

_LIVE = tuple(os.environ.get(f"FACELEASE_LIVE_{name}", "") for name in ("URL", "USER", "KEY"))
SERVERS = ["double-plugin", "double-classic"] + (["live", "live-classic"] if all(_LIVE) else [])


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server; the same cases hold for each."""
    kind, _, way = str(request.param).partition("-")
    if kind == "live":
        url, user, key = _LIVE
        yield Server(url, user, key, None, "classic" if way else "auto")
        return
    with Double(plugin=way == "plugin") as double:
        yield on(double)


@pytest.fixture
def dam(server: Server, tmp_path: Path, clock: ManualClock) -> Iterator[ResourceSpaceDam]:
    """Our adapter on the server, with an empty ledger."""
    with store(tmp_path, clock) as ledger, server.dam(ledger) as dam:
        yield dam
