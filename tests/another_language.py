"""What is asked in its language of a house with a catalogue more than we ship: see unit/test_another_language.py."""

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

import plugin
from plugin.clock import ManualClock
from plugin.config import Config
from plugin.flows.common.services import Services
from plugin.flows.mail import letter_words
from plugin.flows.mail.papers import receipt_words
from plugin.flows.rights.certificate import Certificate
from plugin.hooks.mention import CertificateLine
from plugin.quitclaim.clearance.answers import Reason, ReasonCode
from plugin.quitclaim.words import wording
from plugin.recognizer.process.examiner import Examiner
from plugin.words import catalogues
from sidecar.cli import cli
from sidecar.words import staff_words
from tests import staff, support, visiting

LANGUAGE, MARKS = "eo", "«»"
NAMES = {"Bo", "Åsa", "FaceLease", "English", "Nederlands", "esperanto", "Museum"}


@pytest.fixture
def house(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    config = staff.configuration(tmp_path, site={"name": "Museum", "language": LANGUAGE})
    with support.opened(config, clock, examiner) as services:
        yield services


@pytest.fixture
def bo(house: Services) -> str:
    cast = support.Cast(house)
    person_id = cast.add("Bo")
    cast.sign(person_id)
    return person_id


def unmarked(page: str) -> set[str]:
    """What a page says in words of its own: what stands outside of marks and is no name, number or date."""
    shown = re.sub(r"(?s)<(script|style)\b.*?</\1>|<[^>]+>", "\n", page.split("<body", 1)[1])
    told = html.unescape(shown)
    while re.search(r"«[^«»]*»", told):
        told = re.sub(r"«[^«»]*»", "", told)
    return {line.strip() for line in told.splitlines() if re.search(r"[a-z]{3}", line)} - NAMES


def test_it_runs_in_the_copy() -> None:
    assert Path.cwd() in Path(plugin.__file__).parents
    assert catalogues.LANGUAGES == ("en", "eo", "nl")


def test_the_front_page(house: Services) -> None:
    browser = visiting.app_of(house).test_client()
    for page in (browser.get("/").text, browser.get("/?lang=eo").text):
        assert '<html lang="eo">' in page
        assert "«Photographs»" in page
        assert 'href="?lang=nl"' in page
        assert unmarked(page) <= {"/health", "/ready", "/metrics"}


@pytest.mark.parametrize("path", ["", "/stop/all", "/forget", "/photos"])
def test_the_persons_own_page(house: Services, bo: str, path: str) -> None:
    browser = visiting.visit(house, bo)
    page = browser.get(f"/s/me{path}?lang=eo").text
    assert '<html lang="eo">' in page
    assert unmarked(page) == set()


@pytest.mark.parametrize("path", ["/s/lost", "/s/nothing"])
def test_the_pages_before_a_form(house: Services, path: str) -> None:
    page = visiting.app_of(house).test_client().get(path).text
    assert '<html lang="eo">' in page
    assert unmarked(page) == set()


@pytest.fixture
def office(house: Services, clock: ManualClock) -> FlaskClient:
    return staff.signed_in(staff.app(house), clock, "administrator", LANGUAGE)


@pytest.mark.parametrize(
    "path", ["", "people", "people/new", "collections", "forms", "sessions", "jobs", "people/nothing"]
)
def test_the_console(office: FlaskClient, bo: str, path: str) -> None:
    page = office.get(f"/console/{path}").text
    assert '<html lang="eo">' in page
    assert page.count("«") > 10 or path.endswith("nothing")


def test_a_letter_and_a_receipt() -> None:
    subject, text = letter_words.letter("invite", LANGUAGE, {"site": "Museum", "name": "Bo", "link": "x", "until": "y"})
    assert subject[0] + text[0] == "««"
    assert letter_words.say("more", LANGUAGE, count=1) == "«and 1 more photograph»"
    assert receipt_words.of(LANGUAGE)["title"] == "«Receipt»"
    assert receipt_words.through("2026-03-02", LANGUAGE) == "2 Marto 2026"


def test_a_certificate_and_an_answer() -> None:
    made = Certificate(
        "1", "p", datetime(2026, 3, 2, tzinfo=UTC), looks=[CertificateLine("looked_backups", {"count": 2})]
    )
    assert "«our backups in backup.folder: 2»" in made.text(LANGUAGE)
    assert (
        wording.render(Reason(ReasonCode.FACE_NOT_NAMED, (("count", "2"),)), LANGUAGE) == "«2 faces are not named yet»"
    )


def test_a_command_and_the_configuration(tmp_path: Path) -> None:
    """The command takes it, and so does the configuration; neither takes one without a catalogue."""
    assert Config.model_validate({"site": {"language": LANGUAGE}}).site.language == LANGUAGE
    with pytest.raises(ValueError, match="'en', 'eo' or 'nl'"):
        Config.model_validate({"site": {"language": "sv"}})
    shown = CliRunner().invoke(cli, ["person", "add", "--help"]).output
    assert "[en|eo|nl]" in shown
    assert staff_words.job("mail", LANGUAGE) == "«a letter»"
