"""Forms are written with a preview, as TOML, and versions are compared."""

from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from plugin.clock import ManualClock
from plugin.flows.common.services import Services
from plugin.flows.mail import form_store
from plugin.flows.mail.papers import form_files
from plugin.quitclaim.forms import templates
from plugin.recognizer.process.examiner import Examiner
from tests import staff, support
from tests.signers import tree


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    with support.opened(staff.configuration(tmp_path), clock, examiner) as open_:
        yield open_


HOSTILE = 'a"b\\c\n[x]\u007f\u2028é # = "" """'


def test_a_form_written_as_toml_is_read_as_it_was() -> None:
    """Whatever its words are: quotes, brackets, line ends, signs that begin something in TOML."""
    found = tree(recognition=False, enrol=False)
    for text in found["texts"].values():
        text["why"] = HOSTILE
        text["words"] = {"odd key": HOSTILE[:20], "x.y": "z"}
    body = templates.parse(found).body()
    written = form_files.write_toml(body)
    assert templates.parse(form_store.parse_toml(written)).body() == body


def test_the_next_version_begins_from_the_one_before(services: Services, administrator: FlaskClient) -> None:
    """What is shown to be changed is that version: kept unchanged it is no new one."""
    before = form_store.add(services, tree(), "test")
    page = administrator.get(f"/console/forms/write?from={before.id}").text
    written = page.split("<textarea", 1)[1].split(">", 1)[1].split("</textarea>")[0]
    text = unescape(written)
    assert staff.post(administrator, "/console/forms", text=text).location.endswith(before.id)
    assert len(form_store.list_versions(services)) == 1


def test_the_preview_keeps_nothing_and_says_what_is_wrong(services: Services, administrator: FlaskClient) -> None:
    """In each language; of what is not whole it says why; markup in it is text."""
    written = form_files.write_toml(templates.parse(tree(organisation="<b>Us</b>")).body())
    page = staff.post(administrator, "/console/forms/preview", text=written, part="preview").text
    assert "May we use photographs of you?" in page
    assert "Mogen wij foto" in page
    assert "<b>Us" not in page
    assert "<html" not in page
    wrong = staff.post(administrator, "/console/forms/preview", text=written.replace("website", "moon"))
    assert wrong.status_code == 200
    assert "moon" in wrong.text.split('id="preview"')[1]
    assert form_store.list_versions(services) == []


def test_two_versions_are_compared(services: Services, administrator: FlaskClient) -> None:
    """What was said before and what is said now stand apart, in each language; a first version has none before it."""
    first = form_store.add(services, tree(), "test")
    changed = tree(officer="other@example.org")
    second = form_store.add(services, changed, "test")
    page = administrator.get(f"/console/forms/{second.id}/changes").text
    assert page.count("<del>") == page.count("<ins>") == 2
    assert "other@example.org" in page.split("<ins>", 1)[1]
    assert administrator.get(f"/console/forms/{first.id}/changes").status_code == 404
