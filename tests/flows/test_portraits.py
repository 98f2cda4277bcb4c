"""Portraits: a face that somebody named on a photograph of the DAM, and nothing else."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast as cast_to

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from plugin.clock import ManualClock
from plugin.errors import DamError
from plugin.flows.access.staff_sessions import Role, Staff
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.schedule import calendar
from plugin.flows.views.people import portraits
from plugin.hooks.dam import Dam
from plugin.hooks.picture import Sight
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Mode
from plugin.quitclaim.consent.lifecycle import StopMode
from plugin.recognizer.process.examiner import Examiner
from tests import staff, support
from tests.crowd import A, B, Crowd

REF = "shoot/one.jpg"


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A house with a console."""
    with support.opened(staff.configuration(tmp_path), clock, examiner) as open_:
        yield open_


@pytest.fixture
def asa(services: Services, cast: support.Cast, photos: Path, examiner: Examiner) -> str:
    """Åsa, suggested on a photograph with a stranger."""
    person = cast.add("Åsa")
    cast.sign(person)
    cast.enrol(person)
    cast.open_collection(mode=Mode.SUGGEST)
    Crowd(examiner).put(photos, REF, Crowd(examiner).row([A[0], B]))
    calendar.poll_dam(services)
    cast.work()
    return person


def confirm(services: Services, browser: FlaskClient) -> None:
    with services.store.read() as conn:
        face = conn.execute(select(t.face.c.id, t.face.c.person_id).where(t.face.c.state == "suggested")).one()
    assert staff.decide(browser, "confirm_chosen", face.id, person=face.person_id).status_code == 303


def ask(browser: FlaskClient, person_id: str) -> tuple[str, bytes]:
    answer = browser.get(f"/console/people/{person_id}/portrait.jpg")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    return str(answer.mimetype), bytes(answer.data)


def test_only_once_somebody_named_the_face(
    services: Services, cast: support.Cast, editor: FlaskClient, asa: str, photos: Path
) -> None:
    """Enrolled and suggested is no portrait; confirmed is, small, no look at references; none after the end."""
    assert ask(editor, asa)[0] == "image/svg+xml"
    confirm(services, editor)
    kind, body = ask(editor, asa)
    assert (kind, max(support.size_of(body)) <= 320) == ("image/jpeg", True)
    with services.store.read() as conn:
        assert not conn.execute(select(t.audit.c.seq).where(t.audit.c.action == "quitclaim:reference:look")).all()
    withdrawal.stop(services, asa, StopMode.WITHDRAW, None, "test")
    cast.work()
    assert ask(editor, asa)[0] == "image/svg+xml"


def test_of_no_photograph_that_may_not_be_seen(services: Services, editor: FlaskClient, asa: str, photos: Path) -> None:
    """Whoever may not see the photograph gets nothing; nobody does where it was replaced or nobody bears the id."""
    confirm(services, editor)
    elsewhere, here = (Staff("", "jan", Role.EDITOR, "en", frozenset({ref})) for ref in ("other", support.SHOOT))
    assert portraits.render_portrait(services, asa, elsewhere) is None
    assert portraits.render_portrait(services, asa, here) is not None
    support.put(photos, REF, A[1])
    assert ask(editor, asa)[0] == ask(editor, "nobody")[0] == "image/svg+xml"


def test_not_by_pictures_that_nobody_vouched_for(services: Services, editor: FlaskClient, asa: str) -> None:
    """Who confirmed a face found by declared pictures may have confirmed another person's."""
    confirm(services, editor)
    assert ask(editor, asa)[0] == "image/jpeg"
    with services.store.write() as tx:
        tx.execute(update(t.reference_set).values(vouched_at=None))
    assert ask(editor, asa)[0] == "image/svg+xml"


class Limited(staff.WithAccounts):
    """A DAM that shows accounts as much as `sight` says; it does not answer while there is none."""

    sight: Sight | None = Sight.WHOLE

    def seen_by(self, user: str, refs: Sequence[str]) -> dict[str, Sight]:
        if self.sight is None:
            raise DamError("away")
        return dict.fromkeys(refs, self.sight)


def test_as_much_as_the_dam_shows_the_account(services: Services, editor: FlaskClient, asa: str) -> None:
    """Whole only: of a photograph that is hidden there, or shown as a small preview, or while the DAM is away, none."""
    confirm(services, editor)
    dam = Limited(services.dam)
    asked = replace(services, dam=cast_to(Dam, dam))
    account = Staff("", "jan", Role.EDITOR, "en")
    found = {}
    for dam.sight in (*Sight, None):
        found[dam.sight] = portraits.render_portrait(asked, asa, account) is not None
    assert found == {Sight.HIDDEN: False, Sight.SMALL: False, Sight.WHOLE: True, None: False}
