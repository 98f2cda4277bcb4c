"""CSV and XLSX: a rehearsal that tells each row, an import that takes the good ones once, and nothing more."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import update

from plugin.clock import ManualClock
from plugin.errors import ImportRefused
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.importing.entries import ImportDefaults
from plugin.flows.people import register
from plugin.flows.schedule import calendar
from plugin.flows.views.people import people_list
from plugin.hooks.dam import Write
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.quitclaim.consent.model import GrantKind
from tests import imports as it
from tests import support


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock) -> Iterator[Services]:
    with it.opened(tmp_path, clock) as open_:
        yield open_


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the table lies; signed forms lie beside it."""
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "asa.pdf").write_bytes(it.pdf())
    return tmp_path / "lists" / "people.csv"


ASA = f"{it.HEAD}\nÅsa Öberg,asa@example.org,nl,,,communication,website; press,,2027-01-01,2026-01-15,form 3,asa.pdf\n"
STRICT = ImportDefaults()


def test_a_rehearsal_writes_nothing(services: Services, file: Path) -> None:
    """Every row is told; no row is written, not even to the audit log."""
    before = it.counted(services)
    verdicts = it.table(services, file, ASA, defaults=STRICT)
    assert it.statuses(verdicts) == ["new person"]
    assert it.counted(services) == before


def test_a_good_row_is_a_person_a_quitclaim_and_its_proof(services: Services, file: Path) -> None:
    """The form and the row itself are sealed; the grants are to publication, on their days."""
    assert it.statuses(it.table(services, file, ASA, apply=True, defaults=STRICT)) == ["imported"]
    (claim,) = it.claims(services, "Åsa Öberg")
    assert (claim.method, claim.text_version, claim.signed_by_person) == ("import", "form 3", True)
    assert it.uses(services, "Åsa Öberg") == {"website", "press"}
    assert {grant.valid_until for grant in claim.grants} == {datetime(2027, 1, 2, tzinfo=services.ages.zone)}
    with services.store.read() as conn:
        kept = [
            services.vault.open(conn, item)
            for item in services.vault.find(conn, claim.person_id, "evidence", subject=claim.id)
        ]
        assert register.email_of(services, conn, claim.person_id) == "asa@example.org"
    by_name = dict(item.split(b"\0", 1) for item in kept)
    assert by_name[b"asa.pdf"] == (file.parent / "asa.pdf").read_bytes()
    assert json.loads(by_name[b"row.json"])["channels"] == "website; press"
    (row,) = it.audited(services, Action.CONSENT_IMPORT)
    assert row["subject"]
    assert json.loads(row["details"]) == {"quitclaim": claim.id, "source": "table", "keep": "add"}
    (run,) = it.audited(services, Action.IMPORT_RUN)
    assert json.loads(run["details"]) == {"source": "table", "rows": 1, "imported": 1}


MANY = f"""{it.HEAD}
Åsa Öberg,,,,,,,,,,,
Bo,,,,,,website,,2026-02-01,2026-01-01,,
Clara,,,2015-06-01,Eva Öberg,,,,,2026-02-03,,
Clara Zonder,,,2015-06-01,,,,,,,,
Dag,,,,,,billboard,,,,,
Eva,,xx,,,,,,,,,
Finn,,,,,,,,31/12/2026,,,
Gun,,,,Guardian,,,,,,,
,,,,,,,,,,,x
Hal\u200bfdan,,,,,,,,,,,
Ida,ida,,,,,,,,,,
Jon,,,,,,,,,2027-01-01,,
Kai,,,,,recognition,,,,,,
Åsa  öberg,,,,,,press,,,2026-02-01,,
"""
EXPECTED = [
    ("new person", ""),
    ("expired", "2026-02-01"),
    ("new person", ""),
    ("refused", "guardian"),
    ("refused", "billboard"),
    ("refused", "language"),
    ("refused", "which of"),
    ("refused", "no birth date"),
    ("refused", "file"),
    ("refused", "U+200B"),
    ("refused", "email"),
    ("refused", "future"),
    ("refused", "own explicit consent"),
    ("existing person", "row 2"),
]


def test_each_row_is_told_with_its_reason(services: Services, file: Path) -> None:
    """What the rehearsal says is what the import does: the good rows, and no others."""
    rehearsed = it.table(services, file, MANY)
    for verdict, (status, reason) in zip(rehearsed, EXPECTED, strict=True):
        assert verdict.status.value == status, verdict
        assert reason in verdict.reason
    applied = it.table(services, file, MANY, apply=True)
    was = [status if status not in {"new person", "existing person"} else "imported" for status, _ in EXPECTED]
    assert it.statuses(applied) == was
    assert it.uses(services, "Åsa Öberg") == {"website", "press"}
    assert [one.person.display_name for one in people_list.search(services)] == ["Clara", "Åsa Öberg"]


def test_running_it_again_imports_nothing_twice(services: Services, file: Path, clock: ManualClock) -> None:
    """Whatever the order of rows and columns, and after a withdrawal too: taken back stays taken back."""
    it.table(services, file, MANY, apply=True)
    before = it.counted(services)
    del before["audit"]
    head, *rows = MANY.splitlines()
    for text in (MANY, "\n".join([head, *reversed(rows)])):
        again = it.table(services, file, text, apply=True)
        assert it.statuses(again).count("imported before") == 3
        assert "imported" not in it.statuses(again)
    after = it.counted(services)
    assert {name: after[name] for name in before} == before
    person = it.claims(services, "Åsa Öberg")[0].person_id
    withdrawal.withdraw(services, person, None, "test")
    clock.advance(timedelta(days=1))
    it.table(services, file, MANY, apply=True)
    assert it.uses(services, "Åsa Öberg") == set()


@pytest.mark.parametrize("step", [1, 2, 3, 4])
def test_a_crash_between_leaves_no_half_row(
    services: Services, file: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Person, guardian, quitclaim, proof and mark commit together or not at all; the next run takes it up."""
    before = it.counted(services)
    calls, subject = count(1), roster.subject

    def dies(*words: Any) -> str | None:
        if next(calls) == step:  # entering, signing, ending what was before, the row of the import
            raise RuntimeError("power cut")
        return subject(*words)

    with monkeypatch.context() as patched:
        patched.setattr(roster, "subject", dies)
        with pytest.raises(RuntimeError):
            it.table(services, file, ASA, apply=True, defaults=STRICT)
    assert it.counted(services) == before
    assert it.statuses(it.table(services, file, ASA, apply=True, defaults=STRICT)) == ["imported"]


def test_a_column_for_recognition_is_refused(services: Services, file: Path) -> None:
    """The whole file, with what it takes instead; nothing of it is imported."""
    for column in ("recognition", "Face recognition", "gezichtsherkenning"):
        with pytest.raises(ImportRefused, match="invite them"):
            it.table(services, file, f"name,{column}\nÅsa,yes\n", apply=True)
    assert it.counted(services)["person"] == 0


def test_an_import_makes_no_recognition_grant_and_ends_none_unasked(
    services: Services, file: Path, clock: ManualClock
) -> None:
    """Somebody who agreed to recognition here is a decision; adding is refused; replacing ends it, as it says."""
    cast = support.Cast(services)
    cast.sign(cast.add("Åsa Öberg"), channels=("press",))
    clock.advance(timedelta(days=2))
    text = "name,signed,keep\nÅsa Öberg,2026-03-03,{}\n"
    for keep, status in (("", "needs a decision"), ("add", "refused")):
        (verdict,) = it.table(services, file, text.format(keep), apply=True)
        assert (verdict.status.value, "recognition" in verdict.reason) == (status, True)
        assert it.uses(services, "Åsa Öberg") == {None, "press"}
    assert it.statuses(it.table(services, file, text.format("replace"), apply=True)) == ["imported"]
    assert it.uses(services, "Åsa Öberg") == {"website"}
    imported = [claim for claim in it.claims(services, "Åsa Öberg") if claim.method == "import"]
    assert {grant.kind for claim in imported for grant in claim.grants} == {GrantKind.PUBLICATION}


def test_a_form_of_ones_own_is_kept_or_replaced_by_decision(services: Services, file: Path, clock: ManualClock) -> None:
    """keep add: both stand; keep replace: this one alone."""
    cast = support.Cast(services)
    for name in ("Åsa", "Bo"):
        cast.sign(cast.add(name), recognition=False, channels=("press",))
    clock.advance(timedelta(days=2))
    text = "name,signed,keep\nÅsa,2026-03-03,add\nBo,2026-03-03,replace\n"
    assert it.statuses(it.table(services, file, text, apply=True)) == ["imported", "imported"]
    assert it.uses(services, "Åsa") == {"press", "website"}
    assert it.uses(services, "Bo") == {"website"}


def test_what_rests_on_a_contract_is_not_made_consent(services: Services, file: Path, clock: ManualClock) -> None:
    """Adding is refused: the new version would say that all of it is consent. Replacing ends it."""
    cast = support.Cast(services)
    ids = cast.sign(cast.add("Åsa"), recognition=False, channels=("press",))
    with services.store.write() as tx:
        tx.execute(update(t.grant).where(t.grant.c.id == ids["press"]).values(basis="contract"))
    clock.advance(timedelta(days=2))
    text = "name,signed,keep\nÅsa,2026-03-03,{}\n"
    (verdict,) = it.table(services, file, text.format("add"))
    assert (verdict.status.value, "contract" in verdict.reason) == ("refused", True)
    assert it.statuses(it.table(services, file, text.format("replace"))) == ["existing person"]


def test_a_name_in_the_dam_is_adopted_by_decision_only(services: Services, file: Path) -> None:
    """It stands on a photograph that nobody owns: somebody says that it is them, or chooses another name."""
    photos = services.config.path(services.config.folder.path)
    _named_photo(services, photos, "Åsa Öberg")
    calendar.poll_dam(services)
    support.Cast(services).work()
    (verdict,) = it.table(services, file, "name\nåsa öberg\n", apply=True)
    assert (verdict.status.value, "1 photograph " in verdict.reason) == ("needs a decision", True)
    assert it.statuses(it.table(services, file, "name,link\nÅsa Öberg,new\n", apply=True)) == ["needs a decision"]
    assert it.counted(services)["person"] == 0
    assert it.statuses(it.table(services, file, "name,link\nÅsa Öberg,adopt\n", apply=True)) == ["imported"]
    assert len(it.audited(services, Action.NODE_ADOPT)) == 1


def _named_photo(services: Services, photos: Path, name: str) -> None:
    Image.new("RGB", (400, 300)).save(photos / "a.jpg")
    support.settle(photos / "a.jpg")
    services.dam.write("a.jpg", [Write(name, True, frozenset(services.dam.places))], None)


def test_two_people_of_one_name_are_told_apart(services: Services, file: Path) -> None:
    """Another address, another birth date: a decision or a refusal, never a silent merge."""
    register.add(services, register.Newcomer("Åsa", email="asa@example.org"), "test")
    register.add(services, register.Newcomer("Clara", birth_date=date(2015, 6, 1)), "test")
    head = "name,email,birth_date,guardian,link,person\n"
    rows = [
        ("Åsa,other@example.org,,,,", "needs a decision"),
        ("Åsa,ASA@example.org,,,,", "existing person"),
        ("Åsa,other@example.org,,,existing,Åsa", "existing person"),
        ("Åsa,,,,new,", "refused"),
        ("Åsa,,2015-06-01,Eva,,", "refused"),
        ("Åsa,,2015-06-01,,,", "refused"),
        ("Clara,,2014-06-01,Eva,,", "refused"),
        ("Clara,,,Eva,,", "existing person"),
        ("Nobody,,,,existing,Nobody", "refused"),
        ("Åsa,,,,existing,", "refused"),
        ("Åsa,,,,maybe,", "refused"),
    ]
    for row, status in rows:
        assert it.statuses(it.table(services, file, head + row + "\n")) == [status], row


def test_a_guardian_is_entered_once(services: Services, file: Path) -> None:
    """Declared, sealed; the second form of the same guardian makes no second one."""
    head = "name,birth_date,guardian,channels,signed\n"
    rows = "Clara,2015-06-01,Eva Öberg,website,2026-01-01\nClara,2015-06-01,eva  öberg,press,2026-02-01\n"
    assert it.statuses(it.table(services, file, head + rows, apply=True)) == ["imported"] * 2
    person = it.claims(services, "Clara")[0].person_id
    with services.store.read() as conn:
        assert [one["name"] for one in register.guardians_of(services, conn, person)] == ["Eva Öberg"]
    assert it.uses(services, "Clara") == {"website", "press"}


@pytest.mark.parametrize(
    "name", ["../secret.pdf", "/etc/hostname", "none.pdf", "link.pdf", "bad.pdf", "locked.pdf", "empty.pdf", "", "a\0b"]
)
def test_evidence_is_a_file_of_the_folder_that_opens(services: Services, file: Path, name: str) -> None:
    """No path leads out of it, by name or by link; a PDF that does not open proves nothing."""
    folder = file.parent
    (folder.parent / "secret.pdf").write_bytes(it.pdf())
    (folder / "link.pdf").symlink_to(folder.parent / "secret.pdf")
    (folder / "bad.pdf").write_bytes(b"%PDF-1.4 fake")
    (folder / "locked.pdf").write_bytes(it.pdf(password="x"))
    (folder / "empty.pdf").write_bytes(b"")
    table = it.sheet(("name", "evidence"), ("Åsa", name)) if "\0" not in name else f"name,evidence\nÅsa,{name}\n"
    defaults = replace(it.LISTED, list_is_proof=False)
    if "\0" in name:
        with pytest.raises(ImportRefused, match="zero bytes"):
            it.table(services, file, table, apply=True, defaults=defaults)
        return
    (verdict,) = it.table(services, file, table, apply=True, defaults=defaults)
    assert (verdict.status.value, verdict.reason.startswith("evidence")) == ("refused", True)


def test_a_sheet_is_read_as_it_is_typed(services: Services, tmp_path: Path) -> None:
    """A date of the spreadsheet is that day; a formula is no name, and computes nothing."""
    path = tmp_path / "people.xlsx"
    day = datetime(2026, 2, 3)  # noqa: DTZ001 - a spreadsheet knows no zone
    rows = it.sheet(("Name", "Signed", "Until"), ("Åsa", day, day.date().replace(year=2027)), ("=1+1", day, None))
    verdicts = it.table(services, path, rows, apply=True)
    assert it.statuses(verdicts) == ["imported", "refused"]
    assert "A3 is computed" in verdicts[1].reason
    (claim,) = it.claims(services, "Åsa")
    assert claim.signed_at.astimezone(services.ages.zone).date() == day.date()
