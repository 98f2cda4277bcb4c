"""How long uploads to a real ResourceSpace take, with the plugin and without it, turn and turn about."""

import re
import socket
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests

from plugin.hooks.resourcespace.api.client import sign_call
from tests.live.given import Given, Sidecar, answer, bin_all

STATES = ("up", "stopped", "busy", "silent")
"""Of the sidecar: it answers; it does not run; it refuses with 429; it takes connections and never answers."""


@dataclass
class Times:
    """Seconds of each upload, by whether the plugin was on."""

    on: list[float] = field(default_factory=list)
    off: list[float] = field(default_factory=list)

    @property
    def median_ratio(self) -> float:
        """On against off: the median over pairs that were measured one right after the other.

        So that what else the machine does for a while weighs on both sides of a pair.
        """
        return statistics.median(on / off for on, off in zip(self.on, self.off, strict=True))

    @property
    def p95_ratio(self) -> float:
        """The slowest twentieth on against off."""
        return _p95(self.on) / _p95(self.off)

    def line(self) -> str:
        """What was measured, in ms."""
        shown = (statistics.median(self.off), statistics.median(self.on), _p95(self.off), _p95(self.on))
        off, on, off95, on95 = (round(seconds * 1000) for seconds in shown)
        return f"{len(self.on)} of each; median off {off} ms, on {on} ms; p95 off {off95} ms, on {on95} ms"


def _p95(seconds: Sequence[float]) -> float:
    return sorted(seconds)[int(len(seconds) * 0.95)]


class Switch:
    """Turns the plugin on and off, on the server's own page for plugins."""

    _PAGE = "pages/team/team_plugins.php"

    def __init__(self, given: Given) -> None:
        self._given, self._session = given, requests.Session()
        form = {"username": given.user, "password": given.password, "CSRFToken": self._token("login.php")}
        self._session.post(f"{given.url}/login.php", data=form, timeout=30)

    def _token(self, page: str) -> str:
        shown = self._session.get(f"{self._given.url}/{page}", timeout=30).text
        found = re.search(r'name="CSRFToken" value="([^"]+)"', shown[shown.find('id="anc-post"') :])
        return found[1] if found else ""

    def __call__(self, on: bool) -> None:
        form = {"activate" if on else "deactivate": "facelease", "CSRFToken": self._token(self._PAGE)}
        self._session.post(f"{self._given.url}/{self._PAGE}", data=form, timeout=30)
        there = answer(self._given.server(), "facelease_status") if on else self.is_off()
        assert there, "the plugin could not be switched"

    def is_off(self) -> bool:
        """Whether the server knows none of the plugin's functions."""
        form = sign_call(self._given.user, self._given.key, "facelease_status", {})
        return not requests.post(f"{self._given.url}/api/", data=form, timeout=30).content.strip()


def measure(given: Given, root: Path, state: str, pairs: int, picture: bytes) -> Times:
    """Upload `pairs` times with the plugin on and as often with it off, while the sidecar is in `state`."""
    server, switch, times = given.server(), Switch(given), Times()
    refs: list[str] = []
    with _sidecar(given, root / state, state):
        try:
            for number in range(2 * pairs):
                on = number % 4 in {0, 3}  # on, off, off, on: neither is always the one after the other
                switch(on)
                began = time.perf_counter()
                refs.append(server.photo(picture))
                (times.on if on else times.off).append(time.perf_counter() - began)
        finally:
            switch(True)
            bin_all(server, refs)
    return times


@contextmanager
def _sidecar(given: Given, root: Path, state: str) -> Iterator[None]:
    """The sidecar in that state, without a worker: it is the upload that is measured, not the recogniser."""
    root.mkdir(parents=True)
    if state == "silent":
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            deaf.bind(("127.0.0.1", given.port))
            deaf.listen(512)
            yield
        return
    with Sidecar(root, given, limit=1 if state == "busy" else 20_000) as sidecar:
        if state != "stopped":
            sidecar.up(worker=False)
        yield
