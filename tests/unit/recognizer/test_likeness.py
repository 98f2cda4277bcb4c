"""A small picture of one person: where it is cut, what is painted over, and that nothing else comes along."""

import io

import numpy as np
import pytest
from PIL import Image

from plugin.errors import PictureError, PictureTooLarge
from plugin.recognizer.examination.likeness import draw_likeness
from plugin.recognizer.examination.view import LONGEST, VIEW_JSON, build_view
from plugin.recognizer.pictures.decode import Limits

OWN = (0.4, 0.4, 0.1, 0.1)


def picture(width: int = 1000, height: int = 1000, **more: object) -> bytes:
    """A plain picture, red all over."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), (200, 30, 30)).save(out, "JPEG", quality=95, **more)
    return out.getvalue()


def opened(body: bytes) -> Image.Image:
    return Image.open(io.BytesIO(body))


def test_it_is_cut_around_the_face_and_never_larger_than_it_says() -> None:
    """A margin of 0.4 of the face at the sides, 0.6 above, 0.9 below; at most 480 px, never blown up."""
    small = opened(draw_likeness(picture(), build_view(OWN, []), Limits()))
    assert small.size == pytest.approx((180, 250), abs=1)
    large = opened(draw_likeness(picture(4000, 4000), build_view(OWN, []), Limits()))
    assert max(large.size) == LONGEST


def test_a_face_at_the_edge_is_cut_there() -> None:
    """What lies outside the picture is not made up."""
    corner = opened(draw_likeness(picture(), build_view((0.0, 0.0, 0.1, 0.1), []), Limits()))
    assert corner.size == pytest.approx((140, 190), abs=1)


def test_another_face_is_painted_over_with_its_surroundings_and_the_own_one_is_spared() -> None:
    """Grey from a third of a face's width around it; inside the own box only the other's box itself."""
    body = draw_likeness(picture(), build_view(OWN, [(0.52, 0.4, 0.1, 0.1)]), Limits())
    pixels = np.asarray(opened(body).convert("RGB")).astype(int)
    red = pixels[..., 0] - pixels[..., 1] > 80
    across = red[110]  # the middle of the face's height
    assert across[45:135].all(), "the own face is whole"
    assert not across[146:].any(), "beside it nothing of the other's head is left"


def test_nothing_of_the_files_metadata_comes_along() -> None:
    """No EXIF, no XMP, no colour profile: they may name others."""
    exif = Image.Exif()
    exif[0x010E] = "Bo was here"
    body = draw_likeness(picture(exif=exif), build_view(OWN, []), Limits())
    assert b"Bo was here" not in body
    assert not opened(body).getexif()


def test_a_hostile_picture_is_refused_before_it_is_decoded() -> None:
    """Within the limits of every picture that we read."""
    with pytest.raises(PictureTooLarge):
        draw_likeness(picture(), build_view(OWN, []), Limits(megapixels=0))
    with pytest.raises(PictureError):
        draw_likeness(b"no picture", build_view(OWN, []), Limits())


def test_a_view_travels_as_json() -> None:
    """To the child process and back, unchanged."""
    view = build_view(OWN, [(0.1, 0.1, 0.2, 0.2)])
    assert VIEW_JSON.validate_python(VIEW_JSON.dump_python(view, mode="json")) == view
