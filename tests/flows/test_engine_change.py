"""The engine is changed: everybody is encoded again, the old one serves until then, and nothing is lost."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from plugin.clock import ManualClock
from plugin.config import Config
from plugin.flows.common.services import Services
from plugin.flows.matching import engine_change, serving_engine
from plugin.flows.schedule import calendar
from plugin.ledger import tables as t
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from sidecar.running import bootstrap
from tests import other_engine, support

DLIB = "retinaface-dlib/1"


class House:
    """A house whose processes open whichever engine serves."""

    def __init__(self, config: Config, clock: ManualClock, services: Services) -> None:
        self.config, self.clock, self.services = config, clock, services
        self.cast = support.Cast(services)

    def templates(self) -> dict[str, int]:
        """How many there are of each engine."""
        with self.services.store.read() as conn:
            found = conn.scalars(select(t.sealed.c.engine).where(t.sealed.c.kind == "template")).all()
        return {engine: found.count(engine) for engine in found}

    def roles(self) -> dict[str, str]:
        with self.services.store.read() as conn:
            found = {role: serving_engine.find(conn, role) for role in ("serving", "wanted")}
        return {role: f"{one.id} {one.going.value}" for role, one in found.items() if one is not None}


@pytest.fixture
def card(examiner: Examiner, tmp_path: Path) -> Path:
    return other_engine.write(tmp_path / "engine", Path(os.environ["FACELEASE_MODELS"]))


@pytest.fixture
def house(tmp_path: Path, clock: ManualClock, house_store: str) -> Iterator[House]:
    config = support.configuration(tmp_path, recognizer={"engine": "auto"})
    (tmp_path / "photos" / support.SHOOT).mkdir(parents=True)
    support.begin(config, clock)
    with bootstrap.open_house(config, clock) as services:
        calendar.start_process(services)
        yield House(config, clock, services)


def test_people_are_found_by_the_new_engine(house: House, card: Path) -> None:
    """Enrolled before, found afterwards; the old one serves until the end, and its templates are gone then."""
    asa, photos = house.cast.add("Åsa"), house.config.path(house.config.folder.path)
    house.cast.sign(asa)
    house.cast.enrol(asa)
    house.cast.open_collection()
    one = support.put(photos, "shoot/one.jpg", samples.A_STANDING)
    calendar.poll_dam(house.services)
    house.cast.work()
    assert house.cast.tags(asa) == {one: "machine"}
    assert house.roles() == {"serving": f"{DLIB} on"}
    engine_change.choose(house.services, str(card), "test")
    assert list(house.roles()) == ["serving", "wanted"]
    assert house.services.faces.engine_id == DLIB
    house.cast.work()
    new = house.services.faces.engine_id
    assert new.startswith("retinaface-other/1-")
    assert house.roles() == {"serving": f"{new} on"}
    assert house.templates() == {new: 1}
    two = support.put(photos, "shoot/two.jpg", samples.A_FRONT)
    calendar.poll_dam(house.services)
    house.cast.work()
    assert house.cast.tags(asa) == {one: "machine", two: "machine"}
