"""A wide picture in the folder: everybody in it is known to be there, and it is not cleared for one name alone."""

from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select

from plugin.flows.common.services import Services
from plugin.flows.photos import scan_queue
from plugin.ledger import tables as t
from plugin.recognizer.process.examiner import Examiner
from tests import support
from tests.crowd import A, B, Crowd


def test_six_people_on_a_panorama(services: Services, cast: support.Cast, photos: Path, examiner: Examiner) -> None:
    """12,000 x 1,500 px with faces of 90 px: all six are found, in their places, with their widths in the file."""
    crowd, page = Crowd(examiner), Image.new("RGB", (12_000, 1500), (90, 120, 90))
    places = [(60 + k * 2300, 300 + 150 * k) for k in range(6)]
    for place, who in zip(places, (A[0], B, B, A[1], B, A[2]), strict=True):
        page.paste(crowd.head(who, 180), place)
    crowd.put(photos, "shoot/pano.jpg", page)
    cast.open_collection()
    scan_queue.enqueue(services, ["shoot/pano.jpg"])
    cast.work()
    with services.store.read() as conn:
        row = conn.execute(select(t.resource)).one()
        found = conn.execute(select(t.face).order_by(t.face.c.left)).all()
    assert (row.examined, row.longest_px, len(found)) == ("whole", 12_000, 6)
    for (x, y), face in zip(places, found, strict=True):
        middle = (face.left + face.width / 2) * 12_000, (face.top + face.height / 2) * 1500
        assert middle == pytest.approx((x + 90, y + 99), abs=25)
        assert face.file_px == pytest.approx(90, rel=0.2)
