"""J3 on a real server: what an upload costs while the sidecar refuses, is silent, or is not there."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sidecar.commands.demo import samples
from tests.live.given import Given
from tests.live.uploads import measure

MOST = 1.2  # of the median pair; the promise itself (1.05) is printed by ./run bench, which measures more


@pytest.mark.promise
@pytest.mark.parametrize("state", ["busy", "stopped", "silent"])
def test_an_upload_waits_for_nobody(
    given: Given, tmp_path: Path, state: str, full: bool, promise: Callable[[str, str], None]
) -> None:
    """Uploads with the plugin on take as long as with it off, whatever the sidecar does."""
    picture = samples.portrait(samples.A_FRONT).read_bytes()
    times = measure(given, tmp_path, state, 30 if full else 8, picture)
    promise(
        "J3",
        f"sidecar {state}: uploads in the DAM median ratio {times.median_ratio:.2f}, p95 ratio "
        f"{times.p95_ratio:.2f} ({times.line()})",
    )
    assert len(times.on) == len(times.off) == (30 if full else 8)
    assert times.median_ratio < MOST
