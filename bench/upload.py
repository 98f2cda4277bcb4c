"""The time that the plugin adds to an upload to a real ResourceSpace: sidecar up, stopped, refusing, silent."""

from collections.abc import Iterator

from bench.figures import Figure, Workshop
from tests.live.given import Given
from tests.live.uploads import STATES, measure

_PAIRS = 30
_SIDE = 1400


def run(workshop: Workshop) -> Iterator[Figure]:
    """upload_ratio and its kin: the time of an upload with the plugin on / with it off, in the median pair."""
    given = Given.read()
    for state in STATES:
        name = "upload_ratio" + ("" if state == "up" else f"_{state}")
        if given is None:
            yield Figure(name, None, remarks="no ResourceSpace given")
            continue
        picture = workshop.resized(side=_SIDE)[0].read_bytes()
        times = measure(given, workshop.scratch / "upload", state, _PAIRS, picture)
        remarks = f"sidecar {state}; {times.line()}; {_SIDE} px; p95 ratio {times.p95_ratio:.2f}"
        yield Figure(name, round(times.median_ratio, 3), remarks=remarks)
