"""U1 on a real server: large originals whose previews are too small for the faces in them."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from plugin.clock import ManualClock
from plugin.recognizer.examination.messages import ExaminationRequest
from plugin.recognizer.process.examiner import Examiner
from tests.doubles.resourcespace_house import Server, store
from tests.promises.test_small_previews import large

Promise = Callable[[str, str], None]
SIZES = ((6000, 64), (6000, 90), (12_000, 64), (12_000, 90))


@pytest.mark.parametrize("profile", ["plugin", "classic"])
def test_faces_in_large_originals(
    server: Server, tmp_path: Path, clock: ManualClock, examiner: Examiner, promise: Promise, profile: str
) -> None:
    """With the plugin each is found in the original; without it nobody takes the preview for the whole."""
    turn = random.Random(35)
    way = Server(server.url, server.user, server.key, None, profile)
    found = passed = 0
    with store(tmp_path, clock) as ledger, way.dam(ledger, seconds=20.0) as dam:
        for longest, width in SIZES:
            data = large(longest, width, turn)
            picture = dam.picture(server.photo(data))
            assert (picture.data == data) == (profile == "plugin")
            asked = ExaminationRequest(datetime.now(UTC), compare=False, original_px=picture.original_px)
            assert picture.data is not None
            seen = examiner.examine(picture.data, asked)
            found += bool(seen.faces)
            passed += seen.whole and not seen.faces
    promise(
        "U1", f"a real server, {profile}: faces of 64 and 90 px in 6,000 and 12,000 px found {found} of {len(SIZES)}"
    )
    assert passed == 0
    assert profile == "classic" or found == len(SIZES)
