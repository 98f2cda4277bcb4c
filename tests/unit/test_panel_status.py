"""What the set-up page in the DAM shows of what waits, and the day that its fields show beside the panel's."""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from plugin.clock import ManualClock
from plugin.errors import ConsentError
from plugin.flows.clearance import photo_answers
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.importing import runs
from plugin.flows.importing.entries import ImportDefaults
from plugin.flows.importing.judge import RowStatus
from plugin.flows.people import register
from plugin.flows.schedule import calendar
from plugin.ledger import tables as t
from plugin.recognizer.process.examiner import Examiner
from sidecar.app import create_app
from tests import on_double, sender, support
from tests.doubles.resourcespace import Double
from tests.php import answer, quoted
from tests.sender import OTHER, PANEL, SECRET, Sender

BO = "Bo Sample"


@pytest.fixture
def services(tmp_path: Path, double: Double, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    webhooks = {
        "events_secret_file": sender.secret_file(tmp_path / "events.secret", OTHER),
        "panel_secret_file": sender.secret_file(tmp_path / "panel.secret", SECRET),
    }
    config = on_double.configuration(tmp_path, double, webhooks=webhooks)
    with support.opened(config, clock, examiner) as open_:
        calendar.poll_dam(open_)
        calendar.sweep_endings(open_)
        yield open_


@pytest.fixture
def page(services: Services, clock: ManualClock) -> Iterator[Sender]:
    with create_app(services.config, services).test_client() as client:
        yield Sender(client, clock, path=PANEL)


def lines(page: Sender, **asked: Any) -> list[str]:
    page.path = f"{PANEL}/status"
    said = page.ask(**{"user": "admin", "language": "en"} | asked)
    assert said.status_code == 200
    return list(said.get_json()["lines"])


def test_what_waits_is_told_in_numbers(page: Sender, double: Double, services: Services) -> None:
    """Names by hand of somebody who ended: how many, and nobody's name; in the language that was asked for."""
    assert lines(page) == []
    ref = double.library.create(1).ref
    double.library.edit(ref, [BO])
    calendar.poll_dam(services)
    cast = support.Cast(services)
    cast.work()
    bo = register.add(services, register.Newcomer(BO), "test", adopt=True)
    cast.sign(bo, recognition=False)
    withdrawal.withdraw(services, bo, None, "test")
    cast.work()
    (said,) = lines(page)
    assert "1 wait" in said
    assert BO not in said
    assert lines(page, language="nl") != [said]


def test_without_a_worker_the_page_says_so(page: Sender, services: Services, clock: ManualClock) -> None:
    """First of all, and in the language that was asked for; a command that sweeps is no worker."""
    assert lines(page) == []
    clock.advance(timedelta(minutes=5))
    calendar.start_process(services)
    (said,) = lines(page)
    assert "facelease doctor" in said
    assert lines(page, language="nl") != [said]


def test_only_a_signed_question_is_answered(page: Sender, clock: ManualClock) -> None:
    """Neither without a signature, under another secret, nor a body of another kind."""
    page.path = f"{PANEL}/status"
    body = b'{"user": "admin", "language": "en"}'
    assert page.client.post(page.path, data=body).status_code == 401
    assert Sender(page.client, clock, OTHER, page.path).ask(user="admin", language="en").status_code == 401
    assert page.ask(user="admin", ref=1).status_code in (400, 422)


@pytest.mark.parametrize("name", ["~en:Bo~sv:Bosse", '"Bo" Sample', "Bo@@|@@Sample"])
def test_a_name_that_the_dam_cannot_hold_is_refused_when_it_is_entered(services: Services, name: str) -> None:
    """With a sentence, and nobody is entered."""
    with pytest.raises(ConsentError, match="choose another display name"):
        register.add(services, register.Newcomer(name), "test")
    with services.store.read() as conn:
        assert conn.execute(t.person.select()).all() == []


@pytest.mark.parametrize("name", ["~en:Bo~sv:Bosse", '"Bo" Sample', "Bo@@|@@Sample"])
def test_such_a_name_is_refused_in_the_rehearsal_of_an_import(services: Services, tmp_path: Path, name: str) -> None:
    """As by --apply: what is reported as good is good."""
    path = tmp_path / "people.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["name", "channels", "signed"], [name, "website", "2026-01-15"]])
    defaults = ImportDefaults(purposes=("communication",), text_version="1", list_is_proof=True)
    for apply in (False, True):
        (verdict,) = runs.import_table(services, path, defaults, apply, "test").verdicts
        assert (verdict.status, "choose another display name" in verdict.reason) == (RowStatus.REFUSED, True)


def test_the_field_and_the_panel_say_the_same_or_why_not(page: Sender, double: Double, services: Services) -> None:
    """Cleared until the end of 2027; the field holds a lease of thirty days, and the panel says so."""
    on_double.with_dates(services.config, double)
    ref = double.library.create(1).ref
    calendar.poll_dam(services)
    cast = support.Cast(services)
    cast.work()
    bo = cast.add(BO)
    cast.sign(bo, recognition=False, until=datetime(2027, 12, 31, 23, tzinfo=UTC))
    on_double.tag(services, bo, BO)

    def field() -> tuple[str, dict[str, Any]]:
        asked = page.ask(ref=str(ref), user="jo", can_edit=True)
        said = asked.get_json()["channels"]["website"]
        return said["until"], said.get("field")

    with services.store.write() as tx:
        photo_answers.recompute(services, tx, [1])
    until, waiting = field()
    assert (until[:4], waiting["day"], waiting["why"]) == ("2027", "", "waits")
    cast.work()
    until, renewed = field()
    stands = next(n for n, f in double.library.fields.items() if f["title"] == "Cleared until website")
    assert renewed == {"day": double.library.photos[ref].texts[stands], "why": "renewed", "every": 15}
    assert renewed["day"] < until
    withdrawal.withdraw(services, bo, None, "test")
    said = page.ask(ref=str(ref), user="jo", can_edit=True).get_json()["channels"]["website"]
    assert said["status"] != "cleared"
    assert said["field"]["why"] == "waits"
    cast.work()
    assert "field" not in page.ask(ref=str(ref), user="jo", can_edit=True).get_json()["channels"]["website"]


def test_the_plugin_words_each_case() -> None:
    """Renewed, empty, still another day; nothing where the DAM has no field for the channel."""
    rows = "$GLOBALS['rows'] = fn($sql) => [['ref' => 7, 'type' => FIELD_TYPE_DATE]];"
    start = "define('FIELD_TYPE_DATE', 10); define('FIELD_TYPE_DATE_AND_OPTIONAL_TIME', 4);"
    start += "$GLOBALS['facelease_channels'] = 'website=cleareduntilwebsite';"

    def said(field: str, channel: str = "website") -> str:
        code = f"(function() {{ {start} {rows} return facelease_field_line({quoted(channel)}, {field}); }})()"
        return str(answer(code))

    assert "2026-03-31" in said("['day' => '2026-03-31', 'why' => 'renewed', 'every' => 15]")
    assert "every 15 days" in said("['day' => '2026-03-31', 'why' => 'renewed', 'every' => 15]")
    assert "empty" in said("['day' => '', 'why' => 'waits']")
    assert "2026-03-31" in said("['day' => '2026-03-31', 'why' => 'waits']")
    assert said("null") == ""
    assert said("['day' => '', 'why' => 'waits']", "press") == ""
