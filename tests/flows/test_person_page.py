"""A person's page: what is corrected there, links that are closed, what happened; nothing of others for the limited."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from plugin.clock import ManualClock
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.recognizer.process.examiner import Examiner
from tests import signers, staff, support


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A house with a console."""
    with support.opened(staff.configuration(tmp_path), clock, examiner) as open_:
        yield open_


def test_what_is_corrected_and_what_it_ends(services: Services, cast: support.Cast, editor: FlaskClient) -> None:
    """The name at once; a birth date asks first where something would end, and tells what happened after."""
    asa = cast.add("Åsa")
    cast.sign(asa)
    assert staff.post(editor, f"/console/people/{asa}/name", name="Asa Berg").status_code == 303
    assert "<h1>Asa Berg</h1>" in editor.get(f"/console/people/{asa}").text
    asked = staff.post(editor, f"/console/people/{asa}/birth", birth="2020-01-01")
    assert (asked.status_code, 'name="sure"' in asked.text) == (200, True)
    assert staff.post(editor, f"/console/people/{asa}/birth", birth="2020-01-01", sure="yes").status_code == 303
    assert staff.post(editor, f"/console/people/{asa}/birth", birth="1").status_code == 409
    page = editor.get(f"/console/people/{asa}").text
    assert all(said in page for said in ("What happened", "Signed", "Entered", 'value="2020-01-01"'))


def test_a_link_is_closed_on_its_own_page_only(services: Services, cast: support.Cast, editor: FlaskClient) -> None:
    """It is listed, opens nothing any more, and is not closed from another person's page."""
    desk, eva, bo = signers.Desk(services), cast.add("Eva"), cast.add("Bo")
    desk.invite(eva)
    with services.store.read() as conn:
        link = conn.scalar(select(t.invitation.c.id))
    assert f"links/{link}/close" in editor.get(f"/console/people/{eva}").text
    assert staff.post(editor, f"/console/people/{bo}/links/{link}/close").status_code == 404
    assert staff.post(editor, f"/console/people/{eva}/links/{link}/close").status_code == 303
    assert staff.post(editor, f"/console/people/{eva}/links/{link}/close").status_code == 404
    page = editor.get(f"/console/people/{eva}").text
    assert f"links/{link}/close" not in page
    assert "Link closed" in page
