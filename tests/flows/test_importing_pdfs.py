"""PDFs in a folder: each becomes the proof of a publication consent; nothing is read out of it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pypdf import PdfWriter

from plugin.clock import ManualClock
from plugin.flows.common.services import Services
from plugin.flows.importing import runs
from plugin.flows.importing.judge import RowVerdict
from tests import imports as it

OPTIONS = replace(it.LISTED, list_is_proof=False)


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock) -> Iterator[Services]:
    with it.opened(tmp_path, clock, importing={"pages": 3}) as open_:
        yield open_


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "forms"
    made.mkdir()
    return made


def run(services: Services, folder: Path, names: Path | None = None, apply: bool = False) -> list[RowVerdict]:
    return list(runs.import_folder(services, folder, names, OPTIONS, apply, "test").verdicts)


def test_a_form_is_called_after_who_signed_it(services: Services, folder: Path) -> None:
    """Also as a Mac writes the name; the PDF is sealed, uses and days come from the options alone."""
    bodies = {"Åsa_Öberg.pdf": it.pdf(title="1"), "A\u030ake.PDF": it.pdf(title="2")}
    for name, body in bodies.items():
        (folder / name).write_bytes(body)
    (folder / "notes.txt").write_text("website, print, everything for ever")
    before = it.counted(services)
    assert it.statuses(run(services, folder)) == ["new person", "new person"]
    assert it.counted(services) == before
    assert it.statuses(run(services, folder, apply=True)) == ["imported", "imported"]
    assert it.uses(services, "Åsa Öberg") == it.uses(services, "Åke") == {"website"}
    (claim,) = it.claims(services, "Åsa Öberg")
    with services.store.read() as conn:
        kept = [services.vault.open(conn, item) for item in services.vault.find(conn, claim.person_id, "evidence")]
    assert b"\xc3\x85sa_\xc3\x96berg.pdf\0" + bodies["Åsa_Öberg.pdf"] in kept
    assert it.statuses(run(services, folder, apply=True)) == ["imported before", "imported before"]


def test_what_does_not_open_is_no_proof(services: Services, folder: Path) -> None:
    """No PDF, a locked one, too many pages, none, too large: each is told, and nobody is entered."""
    forms = {
        "a.pdf": b"not a PDF",
        "b.pdf": it.pdf(password="x"),
        "c.pdf": it.pdf(pages=4),
        "d.pdf": it.pdf(pages=0),
        "e.pdf": b"%PDF-1.7\n" + b"0" * (26 << 20),
        "f.pdf": b"",
        "g.pdf": it.pdf()[:200],
    }
    for name, body in forms.items():
        (folder / name).write_bytes(body)
    verdicts = run(services, folder, apply=True)
    assert it.statuses(verdicts) == ["refused"] * len(forms)
    words = ["no PDF", "encrypted", "4 pages", "0 pages", "larger", "empty", "no PDF"]
    for verdict, word in zip(verdicts, words, strict=True):
        assert word in verdict.reason
    assert it.counted(services)["person"] == 0


def test_its_text_is_not_a_consent(services: Services, folder: Path) -> None:
    """A PDF that says "I agree to recognition and everything" gives what the options say."""
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    writer.add_metadata({"/Title": "recognition: yes; channels: *; until: never", "/Author": "Somebody Else"})
    with (folder / "Bo.pdf").open("wb") as file:
        writer.write(file)
    run(services, folder, apply=True)
    assert it.uses(services, "Bo") == {"website"}


def test_a_table_says_whose_each_form_is(services: Services, folder: Path, tmp_path: Path) -> None:
    """One form may be of two people; a PDF that no row names, and a row without its PDF, are told."""
    for name in ("scan1.pdf", "scan2.pdf", "scan3.pdf"):
        (folder / name).write_bytes(it.pdf(title=name))
    names = tmp_path / "names.csv"
    names.write_text(
        "file,name,channels,signed\nscan1.pdf,Åsa,press,\nscan1.pdf,Bo,,2026-02-01\nscan9.pdf,Dag,,\n,Eva,,\nscan2.pdf,,,\n"
    )
    verdicts = run(services, folder, names, apply=True)
    assert it.statuses(verdicts) == ["imported", "imported", "refused", "refused", "refused", "refused"]
    assert verdicts[-1].line.name == "scan3.pdf"
    assert (it.uses(services, "Åsa"), it.uses(services, "Bo")) == ({"press"}, {"website"})
    again = run(services, folder, names, apply=True)
    assert it.statuses(again)[:2] == ["imported before", "imported before"]


def test_the_same_form_with_other_uses_is_a_decision(services: Services, folder: Path, tmp_path: Path) -> None:
    """The form did not change: somebody read it differently, and has to say which holds."""
    (folder / "scan1.pdf").write_bytes(it.pdf())
    names = tmp_path / "names.csv"
    names.write_text("file,name,channels\nscan1.pdf,Åsa,press\n")
    run(services, folder, names, apply=True)
    names.write_text("file,name,channels,keep\nscan1.pdf,Åsa,website,\n")
    (verdict,) = run(services, folder, names, apply=True)
    assert (verdict.status.value, "something else" in verdict.reason) == ("needs a decision", True)
    names.write_text("file,name,channels,keep\nscan1.pdf,Åsa,website,replace\n")
    assert it.statuses(run(services, folder, names, apply=True)) == ["imported"]
    assert it.uses(services, "Åsa") == {"website"}
