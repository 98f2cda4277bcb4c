"""A double with the plugin and one without, an account that is ours, and the adapter on them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from plugin.clock import ManualClock
from plugin.hooks.resourcespace.adapter import ResourceSpaceDam
from plugin.ledger.store.store import Store
from tests.doubles.resourcespace import Double
from tests.doubles.resourcespace_house import Server, on, store
from tests.doubles.resourcespace_state import SUPER


@pytest.fixture
def ledger(tmp_path: Path, clock: ManualClock) -> Iterator[Store]:
    """An empty ledger."""
    with store(tmp_path, clock) as made:
        yield made


@pytest.fixture(params=["plugin", "classic"])
def double(request: pytest.FixtureRequest) -> Iterator[Double]:
    """The server, once with our plugin and once without."""
    with Double(plugin=request.param == "plugin") as made:
        yield made


@pytest.fixture
def server(double: Double) -> Server:
    """The server as our own account sees it; `admin` is somebody else."""
    return on(double, double.library.add_user("FaceLease", SUPER))


@pytest.fixture
def dam(server: Server, ledger: Store) -> Iterator[ResourceSpaceDam]:
    """The adapter."""
    with server.dam(ledger) as made:
        yield made
