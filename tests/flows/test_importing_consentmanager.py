"""consentmanager: a plan, a human's yes to each line, and nothing there ever altered."""

import csv
import io
import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from plugin.clock import ManualClock
from plugin.errors import DamError, ImportRefused
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.importing import consent_forms, csv_reports, runs
from plugin.flows.importing.consent_forms import ConsentSource
from plugin.flows.importing.judge import RowVerdict
from plugin.flows.people import register
from plugin.ledger.store.audit import Action
from plugin.quitclaim.consent.model import GrantKind
from tests import imports as it
from tests.doubles.resourcespace import Double
from tests.sender import secret_file

CHANNELS = {"purposes": ["communication"], "channels": ["website", "print", "social media"]}
READING = {"consentmanager_get_all_consents", "consentmanager_get_consent"}


@pytest.fixture
def double() -> Iterator[Double]:
    with Double(plugin=False) as running:
        yield running


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, double: Double) -> Iterator[Services]:
    """A house whose DAM is the double."""
    secret_file(tmp_path / "dam.key", double.library.users["admin"].key)
    server = {
        "url": double.url,
        "user": "admin",
        "key_file": str(tmp_path / "dam.key"),
        "plain_http": True,
        "calls_per_second": 1000.0,
        "seconds": 5.0,
        "tries": 1,
    }
    with it.opened(tmp_path, clock, dam={"kind": "resourcespace"}, resourcespace=server, clearance=CHANNELS) as open_:
        yield open_


@pytest.fixture
def source(services: Services) -> ConsentSource:
    return consent_forms.source_of(services)


def enter(double: Double, name: str, usage: str = "Websites", **more: str) -> int:
    """A consent in the DAM, by its own function."""
    asked = {"name": name, "consent_usage": usage, "date_of_consent": "2026-01-15"} | more
    admin = double.library.users["admin"]
    return int(double._api.consentmanager_create_consent(admin, asked))


def planned(services: Services, source: ConsentSource) -> list[dict[str, str]]:
    """The plan's rows, as a spreadsheet would open them."""
    made = consent_forms.write_plan(services, consent_forms.make_plan(services, source, ("communication",), "test"))
    return list(csv.DictReader(io.StringIO(made.decode("utf-8-sig"), newline="")))


def carried(services: Services, source: ConsentSource, path: Path, rows: list[dict[str, str]]) -> list[RowVerdict]:
    """Save the plan as somebody left it, and apply it."""
    cells = [{column: csv_reports.unmark_formulas(text) for column, text in row.items()} for row in rows]
    path.write_bytes(csv_reports.write_csv(consent_forms.PLAN_COLUMNS, cells))
    table = runs.load_table(services, path, consent_forms.PLAN_COLUMNS)
    return consent_forms.apply_plan(services, source, table, path.parent, "test")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "plan.csv"


def library(double: Double) -> Any:
    one = double.library
    return deepcopy([one.consents, one.consent_links, one.log, one.nodes, {k: vars(v) for k, v in one.photos.items()}])


def test_nothing_in_the_dam_is_altered(services: Services, source: ConsentSource, double: Double, path: Path) -> None:
    """Two calls that read, and no other of consentmanager's; every row, link and log line is as it was."""
    photo = double.library.create(1)
    double.library.add_nodes(photo.ref, [double.library.node("Åsa Öberg").ref], 1)
    refs = [enter(double, "Åsa Öberg"), enter(double, "Bo", "Print, TV"), enter(double, "Dag", expires="2020-01-01")]
    admin = double.library.users["admin"]
    for resource in (photo.ref, photo.ref, 99999999):
        double.library.consent_links.append((resource, refs[0]))
    double._api.consentmanager_save_file(admin, {"consent": "1", "filename": "form.pdf"})
    before = library(double)
    double.calls.clear()
    rows = planned(services, source)
    for row in rows:
        row["confirmed"], row["link"] = "yes", row["link"] or "adopt"
    assert "imported" in it.statuses(carried(services, source, path, rows))
    assert library(double) == before
    assert {name for name in double.calls if "consent" in name} == READING
    assert not [
        name for name in double.calls if name.startswith(("set_", "add_", "update_", "create_", "delete_", "put_"))
    ]


def test_only_what_somebody_confirmed_is_imported(
    services: Services, source: ConsentSource, double: Double, path: Path
) -> None:
    """An untouched plan imports nothing; of two lines, the one that bears a yes."""
    enter(double, "Åsa Öberg", "Print, Websites, TV", expires="2026-12-01", email="asa@example.com")
    enter(double, "Bo")
    rows = planned(services, source)
    assert [(row["proposal"], row["link"]) for row in rows] == [("new person", "new")] * 2
    assert (rows[0]["channels"], rows[0]["unmapped"]) == ("print; website", "TV")
    before = it.counted(services)["person"]
    assert it.statuses(carried(services, source, path, rows)) == ["not confirmed"] * 2
    assert it.counted(services)["person"] == before == 0
    rows[0]["confirmed"] = "Yes"
    verdicts = carried(services, source, path, rows)
    assert it.statuses(verdicts) == ["imported", "not confirmed"]
    assert verdicts[0].line.notes == ("no channel here: TV",)
    (claim,) = it.claims(services, "Åsa Öberg")
    assert it.uses(services, "Åsa Öberg") == {"print", "website"}
    assert {grant.kind for grant in claim.grants} == {GrantKind.PUBLICATION}
    with services.store.read() as conn:
        kept = [services.vault.open(conn, item) for item in services.vault.find(conn, claim.person_id, "evidence")]
    assert json.loads(kept[0].split(b"\0", 1)[1])["email"] == "asa@example.com"
    assert it.statuses(carried(services, source, path, rows)) == ["imported before", "not confirmed"]
    assert [row["proposal"] for row in planned(services, source)] == ["imported before", "new person"]


CASES = [
    ({"name": "Dag", "expires": "2026-03-01"}, "expired", "2026-03-01"),
    ({"name": "Eva", "expires": "31/12/2026"}, "refused", "expires"),
    ({"name": "Finn", "date_of_birth": "1-2-12"}, "refused", "date of birth"),
    ({"name": "Gun", "usage": "TV, Merchandise"}, "refused", "none of its mediums"),
    ({"name": "Hal", "usage": ""}, "refused", "none of its mediums"),
    ({"name": "Clara", "date_of_birth": "2015-06-01"}, "refused", "guardian"),
    ({"name": "Clara", "date_of_birth": "2015-06-01", "parent_guardian": "Eva Öberg"}, "new person", ""),
    ({"name": "Ida", "parent_guardian": "Eva Öberg"}, "refused", "no birth date"),
    ({"name": "Jon", "date_of_consent": "2026-09-01"}, "refused", "future"),
    ({"name": "  "}, "refused", "letter"),
    ({"name": "<script>\u202e"}, "refused", "U+202E"),
    ({"name": "=HYPERLINK(1)"}, "new person", ""),
    ({"name": "Kai", "date_of_consent": "", "expires": "2026-03-02"}, "refused", "date of consent"),
]


@pytest.mark.parametrize(("said", "status", "reason"), CASES)
def test_what_cannot_be_told_is_listed(
    services: Services,
    source: ConsentSource,
    double: Double,
    path: Path,
    said: dict[str, str],
    status: str,
    reason: str,
) -> None:
    """Bad dates, unmapped mediums, minors without a guardian, hostile names: a reason, and never an import."""
    enter(double, **said)
    rows = planned(services, source)
    (row,) = rows
    assert (row["proposal"], reason in row["reason"]) == (status, True), row
    assert not row["name"].startswith("=")
    row["confirmed"], row["link"] = "yes", "new"
    (verdict,) = carried(services, source, path, rows)
    assert verdict.status.value == ("imported" if status == "new person" else status)


def test_without_a_day_of_consent_it_is_the_day_it_was_entered(
    services: Services, source: ConsentSource, double: Double, path: Path
) -> None:
    """The double enters it on 2 March, and MariaDB keeps null for what nobody gave."""
    admin = double.library.users["admin"]
    double._api.consentmanager_create_consent(admin, {"name": "Åsa", "consent_usage": "Print"})
    rows = planned(services, source)
    rows[0]["confirmed"] = "x"
    assert it.statuses(carried(services, source, path, rows)) == ["imported"]
    (claim,) = it.claims(services, "Åsa")
    assert claim.signed_at.astimezone(services.ages.zone).date().isoformat() == "2026-03-02"


def test_a_name_in_the_dam_is_a_humans_to_adopt(
    services: Services, source: ConsentSource, double: Double, path: Path
) -> None:
    """A node that nobody owns, in any spelling; a confirmation without a link adopts nothing."""
    photo = double.library.create(1)
    double.library.add_nodes(photo.ref, [double.library.node("åsa  öberg").ref], 1)
    enter(double, "Åsa Öberg")
    (row,) = planned(services, source)
    assert (row["proposal"], row["link"]) == ("needs a decision", "")
    for link, status in (("", "refused"), ("new", "needs a decision"), ("adopt", "imported")):
        assert it.statuses(carried(services, source, path, [row | {"confirmed": "yes", "link": link}])) == [status]
    assert len(it.audited(services, Action.NODE_ADOPT)) == 1
    other = row | {"confirmed": "yes", "link": "new", "display_name": "Åsa Öberg (Lund)"}
    assert it.statuses(carried(services, source, path, [other])) == ["needs a decision"]
    assert it.counted(services)["person"] == 1


def test_a_human_may_link_another_name(services: Services, source: ConsentSource, double: Double, path: Path) -> None:
    """The guess is by name; the person that is meant may bear another one here."""
    register.add(services, register.Newcomer("Åsa Öberg"), "test")
    enter(double, "A. Öberg")
    enter(double, "åsa öberg", "Print", date_of_consent="2026-02-01")
    rows = planned(services, source)
    assert [row["proposal"] for row in rows] == ["new person", "existing person"]
    rows[0] |= {"link": "existing", "person": "Åsa Öberg"}
    for row in rows:
        row["confirmed"] = "yes"
    assert it.statuses(carried(services, source, path, rows)) == ["imported", "imported"]
    assert it.uses(services, "Åsa Öberg") == {"website", "print"}
    assert [row["proposal"] for row in planned(services, source)] == ["imported before"] * 2


def test_two_forms_of_somebody_new_are_one_person(
    services: Services, source: ConsentSource, double: Double, path: Path
) -> None:
    """The plan says so beforehand, whichever was signed first."""
    enter(double, "Åsa", "Print", date_of_consent="2026-02-01")
    enter(double, "Åsa", "Websites", date_of_consent="2026-01-01")
    rows = planned(services, source)
    assert [(row["link"], row["person"]) for row in rows] == [("existing", "Åsa"), ("new", "")]
    for row in rows:
        row["confirmed"] = "yes"
    assert it.statuses(carried(services, source, path, rows)) == ["imported", "imported"]
    assert it.uses(services, "Åsa") == {"website", "print"}


def test_what_changed_since_the_plan_is_not_imported(
    services: Services, source: ConsentSource, double: Double, path: Path
) -> None:
    """Somebody said yes to what stood there then."""
    ref = enter(double, "Åsa")
    gone = enter(double, "Bo")
    rows = planned(services, source)
    double.library.consents[ref]["consent_usage"] = "Websites, Print"
    del double.library.consents[gone]
    for row in rows:
        row["confirmed"] = "yes"
    verdicts = carried(services, source, path, rows)
    assert it.statuses(verdicts) == ["refused", "refused"]
    assert "changed" in verdicts[0].reason
    assert "any more" in verdicts[1].reason


def test_a_changed_and_a_deleted_consent_are_told(
    services: Services, source: ConsentSource, double: Double, path: Path
) -> None:
    """Imported before and another now: a decision. Deleted there: somebody should ask why."""
    ref, gone = enter(double, "Åsa", "Print, Websites"), enter(double, "Bo")
    rows = planned(services, source)
    for row in rows:
        row["confirmed"] = "yes"
    carried(services, source, path, rows)
    double.library.consents[ref]["consent_usage"] = "Websites"
    del double.library.consents[gone]
    rows = planned(services, source)
    assert [row["proposal"] for row in rows] == ["needs a decision", "no longer there"]
    assert rows[1]["person"] == it.claims(services, "Bo")[0].person_id
    rows[0] |= {"confirmed": "yes", "keep": "replace"}
    assert it.statuses(carried(services, source, path, rows)) == ["imported", "not confirmed"]
    assert it.uses(services, "Åsa") == {"website"}


def test_a_withdrawn_consent_is_not_brought_back(
    services: Services, source: ConsentSource, double: Double, path: Path
) -> None:
    """The DAM still has it; the person took it back here."""
    enter(double, "Åsa")
    rows = planned(services, source)
    rows[0]["confirmed"] = "yes"
    carried(services, source, path, rows)
    withdrawal.withdraw(services, it.claims(services, "Åsa")[0].person_id, None, "test")
    assert it.statuses(carried(services, source, path, rows)) == ["imported before"]
    double.library.consents[1]["notes"] = "edited"
    double.library.consents[1]["consent_usage"] = "Print"
    rows = planned(services, source)
    assert (rows[0]["proposal"], "withdrew" in rows[0]["reason"]) == ("refused", True)
    rows[0] |= {"confirmed": "yes", "link": "existing", "person": "Åsa", "keep": "add"}
    (verdict,) = carried(services, source, path, rows)
    assert (verdict.status.value, "withdrew" in verdict.reason) == ("refused", True)
    assert it.uses(services, "Åsa") == set()


def test_the_form_beside_the_plan_is_kept(
    services: Services, source: ConsentSource, double: Double, path: Path
) -> None:
    """The API does not give the file that was uploaded: somebody puts it there, and names it."""
    enter(double, "Åsa")
    rows = planned(services, source)
    rows[0] |= {"confirmed": "yes", "evidence": "form.pdf"}
    assert it.statuses(carried(services, source, path, rows)) == ["refused"]
    (path.parent / "form.pdf").write_bytes(it.pdf())
    assert it.statuses(carried(services, source, path, rows)) == ["imported"]
    (claim,) = it.claims(services, "Åsa")
    with services.store.read() as conn:
        assert len(services.vault.find(conn, claim.person_id, "evidence")) == 2


def test_a_plan_needs_a_purpose_and_an_answer(services: Services, source: ConsentSource, double: Double) -> None:
    """consentmanager keeps no purpose; a DAM that fails is no empty list. Nothing is audited as a plan then."""
    enter(double, "Åsa")
    with pytest.raises(ImportRefused, match="keeps no purpose"):
        consent_forms.make_plan(services, source, (), "test")
    double.faults = lambda function: "502"
    with pytest.raises(DamError):
        consent_forms.make_plan(services, source, ("communication",), "test")
    assert it.audited(services, Action.IMPORT_PLAN) == []


def test_the_audit_log_bears_no_name(services: Services, source: ConsentSource, double: Double, path: Path) -> None:
    """Rows of plan, import and person: counts and references only."""
    enter(
        double,
        "Åsa Kanariefågel",
        email="kanariefagel@example.org",
        parent_guardian="Voogd Kanariefågel",
        date_of_birth="2015-06-01",
    )
    rows = planned(services, source)
    rows[0]["confirmed"] = "yes"
    assert it.statuses(carried(services, source, path, rows)) == ["imported"]
    for action in Action:
        for row in it.audited(services, action):
            assert "anarief" not in f"{row['details']}{row['subject']}{row['actor']}"
    (plan,) = it.audited(services, Action.IMPORT_PLAN)
    assert json.loads(plan["details"]) == {"source": "consentmanager", "rows": 1, "new": 1}
