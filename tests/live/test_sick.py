"""On a real server: a sidecar that hangs costs the pages of the DAM one short wait, and then nothing."""

import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.doubles.resourcespace_house import Server
from tests.live.given import Given, Sidecar, answer, bin_all
from tests.live.office import Office

Promise = Callable[[str, str], None]
VIEWERS, SECONDS = 20, 12.0
SETUP = "plugins/facelease/pages/setup.php"


@contextmanager
def hanging(port: int) -> Iterator[None]:
    """Whoever connects is heard, and never answered."""
    held: list[socket.socket] = []
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen(64)
        listening.settimeout(0.1)
        stop = threading.Event()

        def accept() -> None:
            while not stop.is_set():
                try:
                    held.append(listening.accept()[0])
                except TimeoutError:
                    continue

        thread = threading.Thread(target=accept)
        thread.start()
        yield
        stop.set()
        thread.join()
    for one in held:
        one.close()


@pytest.fixture
def photo(server: Server) -> Iterator[str]:
    ref = server.photo()
    yield ref
    bin_all(server, [ref])


def others(server: Server, until: float) -> list[float]:
    """How long another page of the DAM takes, again and again."""
    took = []
    while time.monotonic() < until:
        begun = time.monotonic()
        answer(server, "get_system_status", basic=1)
        took.append(time.monotonic() - begun)
        time.sleep(0.05)
    return took


def viewed(server: Server, office: Office, photo: str) -> tuple[list[float], list[float]]:
    """Twenty viewers of photographs, one after another each; how long they and others waited."""
    end = time.monotonic() + SECONDS
    waits: list[float] = []

    def viewer() -> None:
        while time.monotonic() < end:
            begun = time.monotonic()
            office.panel(photo)
            waits.append(time.monotonic() - begun)
            time.sleep(2.0)  # they look at what they see

    with ThreadPoolExecutor(VIEWERS) as pool:
        for _ in range(VIEWERS):
            pool.submit(viewer)
        pages = others(server, end)
    return pages, waits


def figures(took: list[float]) -> str:
    return f"{statistics.median(took):.2f} s, at most {max(took):.2f}"


def test_twenty_viewers_of_a_hanging_sidecar_slow_nobody(
    given: Given, server: Server, photo: str, tmp_path_factory: pytest.TempPathFactory, promise: Promise
) -> None:
    """Other pages take what they take beside a sidecar that is well. The set-up page says since when."""
    office = Office(given)
    with Sidecar(tmp_path_factory.mktemp("well"), given) as sidecar:
        sidecar.up()
        office.post(SETUP, facelease_test="true")
        office.panel(photo)
        well, asked = viewed(server, office, photo)
    with hanging(given.port):
        sick, waited = viewed(server, office, photo)
        assert "has not answered the pages here since" in office.page(SETUP)
    problems = answer(server, "facelease_status")["problems"]
    assert any("has not answered the pages" in one for one in problems)
    promise(
        "G3",
        f"pages beside {VIEWERS} viewers: sidecar well {figures(well)}; hanging {figures(sick)}; "
        f"a viewer waits {figures(asked)}; {figures(waited)}",
    )
    assert statistics.median(sick) < 2 * statistics.median(well) + 0.05
    assert statistics.quantiles(sick, n=20)[-1] < 1.0
    assert sum(wait > 1.0 for wait in waited) <= 6  # the few that found out; each later try is one
    with Sidecar(tmp_path_factory.mktemp("again"), given) as sidecar:
        sidecar.up()
        office.post(SETUP, facelease_test="true")
        assert "has not answered the pages here since" not in office.page(SETUP)
