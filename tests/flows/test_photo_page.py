"""The photograph's page: who is on it and by whom, the answers and their reasons, who is to be asked, what happened."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from plugin.clock import ManualClock
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.mail import form_store
from plugin.flows.review import face_decisions
from plugin.flows.schedule import calendar
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Mode
from plugin.recognizer.process.examiner import Examiner
from tests import signers, staff, support
from tests.crowd import A, B, Crowd

REF = "shoot/one.jpg"


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A house with a console."""
    with support.opened(staff.configuration(tmp_path), clock, examiner) as open_:
        yield open_


def test_it_says_what_may_be_done_and_who_is_asked(
    services: Services, cast: support.Cast, photos: Path, clock: ManualClock, examiner: Examiner
) -> None:
    """Suggested, confirmed, withdrawn: names, colours, reasons and history follow, for each role as far as it may."""
    form_store.add(services, signers.tree(), "test")
    asa = cast.add("Åsa")
    cast.sign(asa)
    cast.enrol(asa)
    cast.open_collection(mode=Mode.SUGGEST)
    Crowd(examiner).put(photos, REF, Crowd(examiner).row([A[0], B]))
    calendar.poll_dam(services)
    cast.work()
    with services.store.read() as conn:
        number = conn.scalar(select(t.resource.c.id))
        face = conn.scalar(select(t.face.c.id).where(t.face.c.state == "suggested"))
    app = staff.app(services)
    editor, officer = staff.signed_in(app, clock, "editor"), staff.signed_in(app, clock, "officer")
    path = f"/console/photographs/{number}"
    assert "proposed: Åsa" in editor.get(path).text
    assert "Åsa" not in officer.get(path).text  # a question to whoever may decide, and no name for anybody else
    assert face is not None
    face_decisions.confirm(services, face, "dam:editor", asa)
    page = editor.get(path).text
    assert "confirmed by an editor, dam:editor" in page
    assert f'href="/console/people/{asa}"' in page
    assert "✗ no" in page  # nobody named the other face
    assert "nobody named it" in page
    assert "Confirmed a face: Åsa" in editor.get(f"{path}?history=yes").text
    withdrawal.withdraw(services, asa, None, "test")
    cast.work()
    history = editor.get(f"{path}?history=yes").text
    for said in ("Looked for faces", "Confirmed a face", "Took a name off", "Wrote a name"):
        assert said in history, said
    assert "did_" not in history
    assert "Åsa" not in history  # whose name is not on the photograph is not called by it
    assert staff.signed_in(app, clock, "auditor").get(path).status_code == 403
    assert editor.get(f"{path}9").status_code == 404
    assert editor.get(f"{path}?purpose=nothing").status_code in {409, 422}
