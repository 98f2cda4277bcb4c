"""Somebody is entered and invited from the DAM's page of a photograph, and the invitation points to a face."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from plugin.clock import ManualClock
from plugin.flows.access import staff_sessions
from plugin.flows.access.staff_sessions import Role
from plugin.flows.common.services import Services
from plugin.flows.mail import form_store
from plugin.flows.people import register
from plugin.flows.rights import erasure
from plugin.flows.schedule import calendar
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Mode
from plugin.recognizer.process.examiner import Examiner
from sidecar.app import create_app
from sidecar.commands.demo import samples
from sidecar.dam import inviting
from tests import sender, support
from tests.sender import PANEL, SECRET, Sender
from tests.signers import tree


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A house whose panel has a secret, and one form."""
    webhooks = {"panel_secret_file": sender.secret_file(tmp_path / "panel.secret", SECRET)}
    (tmp_path / "photos" / "shoot").mkdir(parents=True)
    server = {"public_url": "https://facelease.example"}
    with support.opened(support.configuration(tmp_path, webhooks=webhooks, server=server), clock, examiner) as open_:
        yield open_


@pytest.fixture
def page(services: Services, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sender]:
    """The plugin's page; "jo" is an editor in FaceLease, "al" an auditor, nobody else has a role."""
    roles = {"jo": Role.EDITOR, "al": Role.AUDITOR}
    monkeypatch.setattr(staff_sessions, "find_role", lambda _, user: roles.get(user))
    app = create_app(services.config, services)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    with app.test_client() as client:
        yield Sender(client, clock, path=inviting.PATH)


@pytest.fixture
def stranger(services: Services, cast: support.Cast, photos: Path) -> tuple[str, int]:
    """A photograph of somebody whom nobody knows, and the number of the face."""
    cast.open_collection(mode=Mode.SUGGEST)
    ref = support.together(photos, "shoot/one.jpg", samples.B_STANDING)
    calendar.poll_dam(services)
    cast.work()
    return ref, support.find_face(services, ref)


def invited(page: Sender, ref: str, **more: Any) -> dict[str, Any]:
    question: dict[str, Any] = {"ref": ref, "user": "jo", "can_edit": True, "name": "Bo Sample", "of_age": True}
    answer = page.ask(**question | more)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    told: dict[str, Any] = answer.get_json()
    return told


def faces_of(page: Sender, ref: str, can_edit: bool = True) -> list[dict[str, Any]]:
    page.path = PANEL
    told: list[dict[str, Any]] = page.ask(ref=ref, user="jo", can_edit=can_edit).get_json()["faces"]
    page.path = inviting.PATH
    return told


def count(services: Services, table: Any) -> int:
    with services.store.read() as conn:
        return conn.scalar(select(func.count()).select_from(table)) or 0


def test_an_invitation_points_to_a_face_and_keeps_nothing_of_it(
    services: Services, page: Sender, stranger: tuple[str, int], cast: support.Cast, forms: None
) -> None:
    """A number: no crop, no vector, no name on the photograph; the press that names comes when something was agreed."""
    ref, face = stranger
    told = invited(page, ref, face=face)
    assert told["what"] == "link"
    assert told["address"].startswith("https://facelease.example/")
    assert faces_of(page, ref)[0]["invited"] == {"name": "Bo Sample", "agreed": False}
    assert "invited" not in faces_of(page, ref, can_edit=False)[0]
    assert cast.names_on(ref) == set()
    assert count(services, t.reference_set) == 0
    assert not _templates(services)
    bo = _id_of(services, "Bo Sample")
    cast.sign(bo, recognition=False)
    assert faces_of(page, ref)[0]["invited"] == {"name": "Bo Sample", "agreed": True}
    assert not _templates(services)


def _templates(services: Services) -> bool:
    with services.store.read() as conn:
        return conn.execute(select(t.sealed.c.person_id).where(t.sealed.c.kind == "template")).first() is not None


def _id_of(services: Services, name: str) -> str:
    with services.store.read() as conn:
        return str(conn.scalar(select(t.person.c.id).where(t.person.c.display_name == name)))


def test_the_pointer_goes_with_the_person_and_the_link(
    services: Services, page: Sender, stranger: tuple[str, int], forms: None
) -> None:
    """Erased, or the link taken back: nothing says any more whom the face was taken for."""
    ref, face = stranger
    invited(page, ref, face=face)
    erasure.erase(services, _id_of(services, "Bo Sample"), "test")
    assert "invited" not in faces_of(page, ref)[0]
    assert count(services, t.invitation) == 0
    invited(page, ref, face=face, name="Bo Again")
    with services.store.write() as tx:
        tx.execute(update(t.invitation).values(revoked_at=tx.now))
    assert "invited" not in faces_of(page, ref)[0]


def test_who_may_not_enters_nobody(page: Sender, services: Services, stranger: tuple[str, int], forms: None) -> None:
    """No right on the photograph, no role that reviews, a face of another photograph, or a request sent twice."""
    ref, face = stranger
    question: dict[str, Any] = {"ref": ref, "user": "jo", "can_edit": True, "name": "Bo", "of_age": True, "face": face}
    change: dict[str, Any]
    for change in ({"can_edit": False}, {"user": "al"}, {"user": "nobody"}):
        assert page.ask(**question | change).status_code == 403
    assert page.ask(**question | {"face": face + 1}).status_code == 404
    for change in ({"name": ""}, {"name": "a\nb"}, {"born": "2020-02-30"}, {"face": ""}, {"more": 1}):
        assert page.ask(**question | change).status_code == 422
    assert count(services, t.person) == 0
    assert page.ask("twice", **question).status_code == 200
    assert page.ask("twice", **question | {"name": "Bo Two"}).status_code == 409
    assert count(services, t.person) == 1


def test_what_could_not_be_done_is_told(page: Sender, services: Services, stranger: tuple[str, int]) -> None:
    """Without a form nobody is entered; nor under a name that is somebody's, nor by mail where there is none."""
    ref, _ = stranger
    assert invited(page, ref)["what"] == "refused"
    assert count(services, t.person) == 0


def test_a_name_that_is_taken(page: Sender, services: Services, stranger: tuple[str, int], forms: None) -> None:
    """And no mail without an address."""
    ref, _ = stranger
    register.add(services, register.Newcomer("Bo Sample", of_age=True), "test")
    assert invited(page, ref)["what"] == "name_taken"
    assert invited(page, ref, name="Bo Other", by_mail=True)["what"] == "refused"
    assert count(services, t.person) == 1


@pytest.fixture
def forms(services: Services) -> None:
    """The one form that the house asks by."""
    form_store.add(services, tree(), "test")
