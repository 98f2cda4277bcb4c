"""The light table over HTTP: many faces in one request, each told for itself; and what somebody tries on it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from plugin.clock import ManualClock
from plugin.flows.access.staff_sessions import Role, Staff
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.rights import erasure
from plugin.flows.views.review import name_picker
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.quitclaim.clearance.scope import Mode
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from tests import proposals, staff, support
from tests.staff import Dam

JSON = {"Accept": "application/json"}
EDITOR = Staff("0" * 64, "jo", Role.EDITOR, "en")


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A house with a console; the editors of group 7 see one collection alone."""
    access = {**staff.ACCESS, "editors": [3, 7], "limited": {"7": ["elsewhere"]}}
    with support.opened(staff.configuration(tmp_path, access=access), clock, examiner) as open_:
        yield open_


@pytest.fixture
def asa(services: Services, cast: support.Cast) -> str:
    """Åsa, who agreed."""
    person = cast.add("Åsa Öberg")
    cast.sign(person)
    cast.open_collection(mode=Mode.SUGGEST)
    return person


@pytest.fixture
def ids(services: Services, asa: str, tmp_path: Path) -> list[int]:
    """Four faces that are proposed for her."""
    support.put(tmp_path, "picture.jpg", samples.A_STANDING, size=(240, 320))
    return proposals.propose(services, tmp_path / "picture.jpg", asa, 4)


@pytest.fixture
def other(app: Flask, clock: ManualClock) -> FlaskClient:
    """Another editor."""
    client = app.test_client()
    assert Dam(clock).sign_in(client, user="other", groups=[3], address=staff.address()).status_code == 303
    return client


def tell(client: FlaskClient, act: str, ids: list[int], person: str, **fields: Any) -> dict[int, str]:
    """What came of each face, as the page's own script is told."""
    (guard, *_) = re.findall(r'name="csrf_token" value="([^"]+)"', client.get("/console/").text)
    where = "/console/review/undo" if act == "undo" else "/console/review/decide"
    body = {"csrf_token": guard, "act": act, "shown": [f"{one}:{person}" for one in ids], "face": [*map(str, ids)]}
    answer = client.post(where, data=body | fields, headers=JSON)
    assert answer.status_code == 200, answer.text
    return {one["face"]: one["what"] for one in (answer.json or {})["faces"]}


def count(services: Services, action: Action) -> int:
    with services.store.read() as conn:
        return conn.scalar(select(func.count()).where(t.audit.c.action == action.value)) or 0


def test_the_rest_is_confirmed_in_one_request_and_undone_as_one(
    services: Services, cast: support.Cast, editor: FlaskClient, asa: str, ids: list[int]
) -> None:
    """Those that were chosen are left as they are."""
    shown = [f"{one}:{asa}" for one in ids]
    page = editor.get(f"/console/review/people/{asa}").text
    assert [f'value="{one}"' in page for one in shown] == [True] * 4
    answer = staff.post(editor, "/console/review/decide", act="confirm", shown=shown, face=str(ids[1]), of_person=asa)
    assert "3 faces confirmed" in editor.get(answer.headers["Location"]).text
    assert [*proposals.states(services, ids).values()] == ["matched", "suggested", "matched", "matched"]
    assert cast.names_on("shoot/000.jpg") == {"Åsa Öberg"}
    assert set(tell(editor, "undo", [], "").values()) == {"done"}
    assert [*proposals.states(services, ids).values()] == ["unmatched", "suggested", "unmatched", "unmatched"]
    assert cast.names_on("shoot/000.jpg") == set()


def test_two_editors_on_the_same_faces(
    services: Services, editor: FlaskClient, other: FlaskClient, asa: str, ids: list[int]
) -> None:
    """What one decided meanwhile the other does not overrule unseen, and is told; nor does an undo."""
    assert set(tell(other, "reject", ids[:1], asa).values()) == {"done"}
    assert set(tell(other, "confirm_chosen", ids[1:2], asa).values()) == {"done"}
    came = tell(editor, "confirm_chosen", ids, asa)
    assert [came[one] for one in ids] == ["changed", "changed", "done", "done"]
    assert [*proposals.states(services, ids).values()] == ["rejected", "matched", "matched", "matched"]
    tell(other, "dismiss", ids[2:3], asa, dismissal="bystander")
    assert tell(editor, "undo", [], "") == {ids[3]: "done"}, "not the one that somebody decided anew"
    assert [*proposals.states(services, ids).values()] == ["rejected", "matched", "dismissed", "unmatched"]
    assert staff.post(editor, "/console/review/undo").status_code == 409, "what others did is theirs to undo"


def test_sent_twice(services: Services, editor: FlaskClient, asa: str, ids: list[int]) -> None:
    """The second time nothing is done; one row of the log a face."""
    assert set(tell(editor, "confirm_chosen", ids, asa).values()) == {"done"}
    assert set(tell(editor, "confirm_chosen", ids + ids, asa).values()) == {"changed"}
    assert count(services, Action.FACE_CONFIRM) == 4


def test_somebody_withdrew_between_page_and_answer(
    services: Services, cast: support.Cast, editor: FlaskClient, asa: str, ids: list[int]
) -> None:
    """No name is written, and why is said; what was confirmed before is undone without a name coming back."""
    tell(editor, "confirm_chosen", ids[:1], asa)
    withdrawal.withdraw(services, asa, None, "test")
    assert set(tell(editor, "confirm_chosen", ids[1:], asa).values()) <= {"refused", "changed"}
    assert set(tell(editor, "name", ids[1:], asa, who=asa).values()) == {"refused"}
    cast.work()
    assert staff.post(editor, "/console/review/undo").status_code in (303, 409)
    assert [cast.names_on(f"shoot/{number:03}.jpg") for number in range(4)] == [set()] * 4


def test_undone_after_an_erasure(
    services: Services, cast: support.Cast, editor: FlaskClient, asa: str, ids: list[int]
) -> None:
    """Nothing comes back, and no page fails."""
    tell(editor, "confirm_chosen", ids[:2], asa)
    tell(editor, "reject", ids[2:], asa)
    erasure.erase(services, asa, "test")
    cast.work()
    for _ in range(2):
        assert staff.post(editor, "/console/review/undo").status_code in (303, 409)
    cast.work()
    assert [cast.names_on(f"shoot/{number:03}.jpg") for number in range(4)] == [set()] * 4
    with services.store.read() as conn:
        assert conn.scalar(select(func.count()).where(t.face.c.person_id == asa)) == 0
    assert editor.get(f"/console/review/people/{asa}").status_code == 404


def test_of_collections_and_people_that_the_account_may_not_see(
    services: Services, cast: support.Cast, app: Flask, clock: ManualClock, asa: str, ids: list[int]
) -> None:
    """A forged request decides nothing, and learns nothing: neither pages nor pictures nor names."""
    limited = app.test_client()
    assert Dam(clock).sign_in(limited, user="limited", groups=[7], address=staff.address()).status_code == 303
    for act, more in (("confirm_chosen", {}), ("reject", {}), ("dismiss", {"dismissal": "no_person"})):
        assert set(tell(limited, act, ids, asa, **more).values()) == {"gone"}, act
    for who in (asa, "Åsa Öberg", "Nobody"):
        assert staff.decide(limited, "name", *ids, person=asa, who=who).status_code == 404
    assert set(proposals.states(services, ids).values()) == {"suggested"}
    assert limited.get("/console/review/people.json?q=asa").json == []
    assert "Öberg" not in limited.get("/console/review").text
    with services.store.read() as conn:
        photo = conn.scalar(select(t.face.c.resource_id).where(t.face.c.id == ids[0]))
    assert "Öberg" not in limited.get(f"/console/review/photographs/{photo}").text
    assert limited.get(f"/console/review/people/{asa}").status_code == 404
    for path in (f"{ids[0]}", f"{ids[0]}/close.jpg", f"{ids[0]}/photo.jpg"):
        assert limited.get(f"/console/review/{path}").status_code == 404, path
    assert "Öberg" not in limited.get("/console/review?list=unmatched&shoot=shoot").text


def test_forged_fields(services: Services, editor: FlaskClient, asa: str, ids: list[int]) -> None:
    """No act, none that there is, no face, faces without end: refused in words, and nothing changes."""
    shown = [f"{ids[0]}:{asa}"]
    assert staff.post(editor, "/console/review/decide", shown=shown, face=str(ids[0])).status_code == 404
    assert staff.post(editor, "/console/review/decide", act="erase", shown=shown).status_code == 404
    assert staff.post(editor, "/console/review/decide", act="reject", shown=shown).status_code == 409
    assert staff.decide(editor, "confirm_chosen", ids[0]).status_code == 409, "without whom the page proposed"
    many = [f"{number}:" for number in range(1, 502)]
    assert staff.post(editor, "/console/review/decide", act="confirm", shown=many).status_code == 409
    assert staff.decide(editor, "confirm_chosen", 10**30, person=asa).status_code in (404, 409)
    assert set(proposals.states(services, ids).values()) == {"suggested"}


def test_one_row_of_the_log_names_all_that_a_page_shows(
    services: Services,
    cast: support.Cast,
    app: Flask,
    clock: ManualClock,
    editor: FlaskClient,
    asa: str,
    tmp_path: Path,
) -> None:
    """The three pictures beside the faces come with the page's own row; by themselves, or by another's mark, each has
    its own."""
    cast.enrol(asa)
    support.put(tmp_path, "picture.jpg", samples.A_STANDING, size=(240, 320))
    proposals.propose(services, tmp_path / "picture.jpg", asa, 1)
    page = editor.get(f"/console/review/people/{asa}").text
    found = [one.replace("&amp;", "&") for one in re.findall(r'src="(/console/references/[^"]+)"', page)]
    assert len(found) == 2
    assert count(services, Action.REFERENCE_LOOK) == 1
    for one in found:
        assert editor.get(one).mimetype == "image/jpeg"
    assert count(services, Action.REFERENCE_LOOK) == 1
    assert editor.get(found[0].partition("?")[0]).status_code == 200
    assert staff.signed_in(app, clock, "administrator").get(found[0]).status_code == 200
    assert editor.get(found[0] + "x").status_code == 200
    assert count(services, Action.REFERENCE_LOOK) == 4


def test_names_are_found_as_people_type_them(services: Services, cast: support.Cast) -> None:
    """Without accents, in any order, as another program misread them; who agreed to nothing is marked."""
    bo, asa = cast.add("Bo Ødegård"), cast.add("Åsa-Märta Łuk")
    cast.sign(bo)
    for text, person in (
        ("odegard", bo),
        ("ØDEGÅRD", bo),
        ("Ødegård, Bo", bo),
        ("bo od", bo),
        ("asa", asa),
        ("marta luk", asa),
        ("Ã…sa", asa),
    ):
        found = name_picker.find_people(services, EDITOR, text)
        assert [one.person_id for one in found] == [person], text
        assert found[0].in_force == (person == bo)
    assert [name_picker.find_people(services, EDITOR, text) for text in ("", " ", "%", "degard", "bo asa")] == [[]] * 5


def test_why_it_was_not_automatic_stands_on_the_page(editor: FlaskClient, asa: str, ids: list[int]) -> None:
    """And how alike it is, in words."""
    page = editor.get(f"/console/review/people/{asa}").text
    assert page.count("Not automatic: not alike enough; the collection only suggests") == 4
    assert page.count("Alike") == 4


def test_unnamed_faces_of_a_shoot(
    services: Services, cast: support.Cast, editor: FlaskClient, asa: str, ids: list[int]
) -> None:
    """All of a photograph together, photograph by photograph; of that shoot alone."""
    with services.store.write() as tx:
        tx.execute(update(t.face).values(state="unmatched", person_id=None))
    page = editor.get("/console/review?list=unmatched&shoot=shoot").text
    assert re.findall(r'id="face-(\d+)"', page) == [str(one) for one in ids]
    assert len(re.findall(r'class="group"', page)) == 4
    led = editor.get("/console/review?collection=shoot")  # as the DAM's menu of a collection leads here
    assert (led.status_code, led.headers["Location"]) == (303, "/console/review?list=unmatched&shoot=shoot")
    assert 'class="tile"' not in editor.get("/console/review?list=unmatched&shoot=elsewhere").text
    assert set(tell(editor, "dismiss", ids, "", dismissal="no_person", note="a statue").values()) == {"done"}
    assert set(tell(editor, "undo", [], "").values()) == {"done"}
    assert set(proposals.states(services, ids).values()) == {"unmatched"}
