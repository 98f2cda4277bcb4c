"""What a picture will cost is known before it is decoded."""

import io
import time

import pytest
from PIL import Image

from plugin.errors import PictureTooLarge
from plugin.recognizer.pictures.cost import MOST_SCANS, count_scans
from plugin.recognizer.pictures.decode import Limits, decode
from tests.jpeg_scans import with_more_scans


def progressive(width: int, height: int) -> bytes:
    """A grey picture in six scans."""
    out = io.BytesIO()
    Image.new("L", (width, height), 128).save(out, "JPEG", progressive=True)
    return out.getvalue()


@pytest.mark.parametrize("side", [64, 4000])
def test_a_jpeg_of_many_scans_is_not_decoded(side: int) -> None:
    """Thousands of scans are refused within a second, whatever the picture's size."""
    data = with_more_scans(progressive(side, side), 5000)
    began = time.perf_counter()
    with pytest.raises(PictureTooLarge, match="scans"):
        decode(data, 1024, Limits())
    assert time.perf_counter() - began < 1


def test_the_limit_is_met_to_the_scan() -> None:
    """100 are looked at, 101 are not; an ordinary progressive picture is."""
    plain = progressive(64, 64)
    own = count_scans(plain)
    assert decode(plain, 1024, Limits()).width == 64
    assert decode(with_more_scans(plain, MOST_SCANS - own), 1024, Limits()).width == 64
    with pytest.raises(PictureTooLarge):
        decode(with_more_scans(plain, MOST_SCANS - own + 1), 1024, Limits())


def test_large_pictures_bear_fewer_scans() -> None:
    """36 megapixels in 80 scans would take as long as many photographs."""
    data = with_more_scans(progressive(6000, 6000), 80)
    with pytest.raises(PictureTooLarge, match="too many for its size"):
        decode(data, 1024, Limits())


def test_scans_are_found_behind_rubbish_and_only_in_the_first_picture() -> None:
    """Bytes between scans, which decoders pass over, hide none; what lies behind the end, as a film, is no scan."""
    plain = progressive(64, 64)
    own = count_scans(plain)
    assert count_scans(plain + b"\xff\xda\0\x08" * 500) == own
    end = plain.rindex(b"\xff\xd9")
    hidden = plain[:end] + b"rubbish" + with_more_scans(plain, 200)[plain.index(b"\xff\xda") :]
    assert count_scans(hidden) > MOST_SCANS
