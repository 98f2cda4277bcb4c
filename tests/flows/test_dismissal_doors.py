"""Leaving faces out at each door: console, panel, API, command line; by a reason of the list, and by nothing else."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import select

from plugin.clock import ManualClock
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.recognizer.process.examiner import Examiner
from sidecar.cli import cli
from sidecar.commands.demo import samples
from tests import sender, staff, support
from tests.flows.test_dismissals import REF, Crowd
from tests.program import Api
from tests.sender import PANEL, SECRET, Sender

FORGED = ("", " ", "Too_small", "TOO_SMALL", "too_small ", "crowd", "None", "no_person,too_small")


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A house with a console and a panel, and one photograph in its folder."""
    webhooks = {"panel_secret_file": sender.secret_file(tmp_path / "panel.secret", SECRET)}
    signin = sender.secret_file(tmp_path / "signin.secret", staff.SECRET)
    config = staff.configuration(tmp_path, webhooks=webhooks | {"signin_secret_file": signin})
    with support.opened(config, clock, examiner) as open_:
        support.put(Path(config.folder.path), REF, samples.A_STANDING, (300, 400))
        yield open_


@pytest.fixture
def crowd(services: Services) -> Crowd:
    """A large face of 300 px, and three small ones."""
    found = Crowd(services)
    for width in (300, 100, 70, 64):
        found.face(width)
    return found


def ids(services: Services) -> list[int]:
    with services.store.read() as conn:
        return list(conn.scalars(select(t.face.c.id).order_by(t.face.c.id)))


def test_the_console(services: Services, crowd: Crowd, app: Flask, clock: ManualClock) -> None:
    """The count stands on the button; a forged form is refused; what was done is told, and taken back."""
    editor = staff.signed_in(app, clock, "editor")
    large, *small = ids(services)
    page = editor.get("/console/review?list=unmatched").text
    assert page.count("All 3 small figures of this photograph") == 1
    offered = [face for face in (large, *small) if 'value="too_small"' in editor.get(f"/console/review/{face}").text]
    assert offered == small, "not of the large one"
    for key in (*FORGED, "too_small"):
        refused = staff.decide(editor, "dismiss", large, dismissal=key)
        assert refused.status_code == 409, key
    long = staff.decide(editor, "dismiss", large, dismissal="other", note="x" * 201)
    assert (long.status_code, crowd.states()) == (409, ["unmatched"] * 4)
    where = f"/console/review/photographs/{crowd.id}/small"
    done = staff.post(editor, where, list="unmatched", newest=str(small[1]))
    assert crowd.states() == ["unmatched", "dismissed", "dismissed", "unmatched"], "those that the page counted"
    after = editor.get(done.headers["Location"]).text
    assert "2 faces left out as too small to be recognised." in after
    assert "small figures of this photograph" not in after, "of a single face somebody says which reason it is"
    staff.post(editor, "/console/review/undo")
    assert crowd.states() == ["unmatched"] * 4
    forged = staff.post(editor, where, newest="nosuch")
    assert (forged.status_code, crowd.states()) == (409, ["unmatched"] * 4)
    officer = staff.signed_in(app, clock, "officer")
    assert staff.post(officer, where, newest="999").status_code == 403


def test_the_console_lists_what_was_left_out_before(
    services: Services, crowd: Crowd, app: Flask, clock: ManualClock
) -> None:
    """The first page says how many, and leads to a list with what was said."""
    crowd.face(90, "dismissed", reason="objects")
    crowd.face(None, "dismissed", dismissal="too_small")
    editor = staff.signed_in(app, clock, "editor")
    assert "2 faces were left out before the reasons were a list" in editor.get("/console/").text
    assert "/console/review?list=again" in editor.get("/console/").text
    page = editor.get("/console/review?list=again").text
    assert "its width in the file is not known" in page
    assert len(re.findall(r'class="tile"', page)) == 2


def test_the_panel(services: Services, crowd: Crowd, app: Flask, clock: ManualClock) -> None:
    """By the newest face that it showed; not of one that is gone, for no reason, nor too small of a large one."""
    page = Sender(app.test_client(), clock, path=PANEL)
    asked: dict[str, Any] = {"ref": REF, "user": "jo", "can_edit": True}
    large, *small = ids(services)
    shown = page.ask(**asked).get_json()
    assert shown["small"] == {"count": 3, "newest": small[-1]}
    assert [face["small"] for face in shown["faces"]] == [False, True, True, True]
    for key in (*FORGED, "too_small"):
        assert page.ask(**asked, action="dismiss", face=large, reason=key).status_code == 409, key
    for key in FORGED:
        assert page.ask(**asked, action="dismiss_small", face=small[0], reason=key).status_code == 409, key
    assert page.ask(**asked, action="dismiss_small", face=999, reason="too_small").status_code == 404
    assert page.ask(**asked, action="dismiss_small", reason="too_small").status_code == 422
    reader = asked | {"can_edit": False}
    assert page.ask(**reader, action="dismiss_small", face=small[0], reason="too_small").status_code == 403
    assert crowd.states() == ["unmatched"] * 4
    after = page.ask(**asked, action="dismiss_small", face=small[-1], reason="too_small").get_json()
    assert [face["label"] for face in after["faces"][1:]] == ["left out: too small to be recognised"] * 3
    assert after["small"]["count"] == 0
    dutch = page.ask(**asked, language="nl").get_json()
    assert dutch["faces"][1]["label"] == "weggelaten: te klein om herkend te worden"
    assert "1 gezicht" in " ".join(dutch["why"]) or "een gezicht heeft nog geen naam" in dutch["why"]


def test_the_api(services: Services, crowd: Crowd, app: Flask) -> None:
    """A client of before is told what to send; a key that is none lists those that are; the sweep says what is left."""
    api = Api(services, app.test_client())
    large = ids(services)[0]
    for body in ({"reason": "crowd"}, {"reason": "no_person"}, {"reason": "x", "dismissal": "no_person"}):
        old = api.ask("POST", f"/faces/{large}/dismiss", body)
        assert old.status_code == 422
        assert "no_person, too_small, bystander, objects, other" in old.json["detail"]
    for key in (*FORGED, None, 1, ["no_person"]):
        wrong = api.ask("POST", f"/faces/{large}/dismiss", {"dismissal": key})
        assert wrong.status_code == 422, key
        assert "'no_person', 'too_small', 'bystander', 'objects' or 'other'" in wrong.json["detail"], key
    assert api.ask("POST", f"/faces/{large}/dismiss", {"dismissal": "too_small"}).status_code == 409
    assert crowd.states() == ["unmatched"] * 4
    done = api.post(f"/resources/{REF}/small-faces/dismiss", {})
    assert (done["count"], done["left"], done["decided_before"]) == (3, 1, None)
    again = api.post(f"/resources/{REF}/small-faces/dismiss", {})
    assert (again["count"], bool(again["decided_before"])) == (0, True)
    assert api.ask("POST", f"/resources/{REF}/small-faces/dismiss", {"dismissal": "other"}).status_code == 409
    listed = api.get("/faces?state=dismissed")["items"]
    assert {(one["dismissal"], one["reason"]) for one in listed} == {("too_small", None)}
    first = api.post(f"/faces/{large}/dismiss", {"dismissal": "objects", "note": " sample "})
    second = api.post(f"/faces/{large}/dismiss", {"dismissal": "objects", "note": "sample"})
    third = api.post(f"/faces/{large}/dismiss", {"dismissal": "other", "note": "sample"})
    assert [bool(one["decided_before"]) for one in (first, second, third)] == [False, True, False]


def test_the_command_line(services: Services, crowd: Crowd, tmp_path: Path) -> None:
    """The keys alone; who leaves out by what settles nothing is told; all small ones, and all of it taken back."""

    def run(*words: str) -> Result:
        return CliRunner().invoke(cli, ["--config", str(tmp_path / "facelease.toml"), "review", *words])

    (tmp_path / "facelease.toml").write_text(
        f'data = "{tmp_path / "data"}"\n[folder]\npath = "{tmp_path / "photos"}"\n'
        '[clearance]\npurposes = ["communication"]\nchannels = ["website", "press"]\nneeds_confirmed = false\n'
        + support.store_lines(services.config)
    )
    large, *small = ids(services)
    for key in FORGED:
        refused = run("dismiss", str(large), "--as", key)
        assert (refused.exit_code, "'no_person', 'too_small', 'bystander'" in refused.output) == (2, True), key
    assert run("dismiss", str(large), "--reason", "a statue").exit_code == 2
    assert run("dismiss", str(large), "--as", "too_small").exit_code == 1
    told = run("dismiss", str(large), "--as", "objects", "--note", "sample")
    assert "somebody who objects (sample)" in told.output
    assert "stays unknown" in told.output
    swept = run("dismiss-small", REF)
    assert (swept.exit_code, "3 small faces left out; 0 faces of it are left" in swept.output) == (0, True)
    again = run("dismiss-small", REF)
    assert (again.exit_code, "were left out already on" in again.output) == (0, True)
    assert "and 2 others: undone" in run("undo", str(small[0]), "--together").output
    assert crowd.states() == ["dismissed", *["unmatched"] * 3]
    crowd.face(90, "dismissed", reason="a statue")
    before = run("list", "--decide-again").output
    assert ("before" in before, "objects" in before) == (True, False)
