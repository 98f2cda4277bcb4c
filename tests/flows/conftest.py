"""A house that can send mail, to a mail server of its own; and the staff, signed in."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from plugin.clock import ManualClock
from plugin.flows.common.services import Services
from plugin.flows.schedule import calendar
from plugin.recognizer.process.examiner import Examiner
from tests import mailbox, on_double, staff, support
from tests.doubles.resourcespace import Double
from tests.mailbox import Mailbox
from tests.posting import Post


@pytest.fixture
def post(tmp_path: Path, clock: ManualClock, examiner: Examiner, box: Mailbox) -> Iterator[Post]:
    """The house, its people, and what is mailed."""
    config = support.configuration(
        tmp_path, mail=box.section(), server={"public_url": mailbox.PUBLIC}, site={"name": "Museum Åkerø"}
    )
    (tmp_path / "photos" / support.SHOOT).mkdir(parents=True)
    with support.opened(config, clock, examiner) as services:
        yield Post(services, box, clock)


@pytest.fixture
def asa(cast: support.Cast) -> str:
    """Åsa, who agreed and enrolled."""
    person = cast.add("Åsa")
    cast.sign(person)
    cast.enrol(person)
    return person


# ---- a server as the DAM -----------------------------------------------------------------------


@pytest.fixture
def dated(tmp_path: Path, double: Double, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A server that shows dates, with a photograph on which Åsa is named and cleared."""
    with on_double.house(tmp_path, double, clock, examiner) as services:
        on_double.with_dates(services.config, double)
        cast = support.Cast(services)
        double.library.create(1)
        calendar.poll_dam(services)
        cast.work()
        asa = cast.add("Åsa")
        cast.sign(asa, recognition=False)
        cast.work()
        on_double.tag(services, asa, "Åsa")
        cast.work()
        yield services


# ---- the staff, signed in to the app of the test -----------------------------------------------


@pytest.fixture
def editor(app: Flask, clock: ManualClock) -> FlaskClient:
    return staff.signed_in(app, clock, "editor")


@pytest.fixture
def officer(app: Flask, clock: ManualClock) -> FlaskClient:
    return staff.signed_in(app, clock, "officer")


@pytest.fixture
def administrator(app: Flask, clock: ManualClock) -> FlaskClient:
    return staff.signed_in(app, clock, "administrator")
