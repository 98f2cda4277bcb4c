"""The receipt as PDF: the text that was signed, the choices, the signature, the key and its code."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader
from sqlalchemy import select

from plugin.clock import ManualClock
from plugin.flows.common.services import Services
from plugin.flows.mail.papers import receipt_pdf, receipts
from plugin.flows.mail.papers.receipt_pdf import Signature
from plugin.ledger import tables as t
from plugin.recognizer.process.examiner import Examiner
from sidecar.doctor import machine_checks
from tests import signers, support
from tests.signers import Desk


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    with support.opened(support.configuration(tmp_path), clock, examiner) as open_:
        yield open_


@pytest.fixture
def desk(services: Services) -> Desk:
    return Desk(services)


def text_of(body: bytes) -> str:
    """All text of the PDF, as one line."""
    return " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(body)).pages).split())


def pictures_of(body: bytes) -> int:
    return sum(len(page.images) for page in PdfReader(BytesIO(body)).pages)


@pytest.mark.parametrize("drawn", [True, False])
def test_it_holds_all_that_was_signed(desk: Desk, cast: support.Cast, drawn: bool) -> None:
    """Choices, name, text and key stand in it; the signature as it was drawn, else as it was typed."""
    visit = desk.visit(cast.add("Åsa Öberg"))
    more = {"drawn": signers.data_url(signers.drawing()), "typed": ""} if drawn else {"typed": "A. Öberg"}
    assert visit.sign("press", signer="Åsa Öberg", **more).status_code == 303
    answer = visit.client.get("/s/receipt.pdf")
    assert answer.status_code == 200
    said = text_of(answer.data)
    assert "Your key" in said
    assert visit.kept_link() in said.replace(" ", "")
    assert "Saying no has no consequences for you" in said
    assert ("A. Öberg" in said) is not drawn
    assert (pictures_of(answer.data) > 0) is drawn


def test_a_hostile_signature_fetches_nothing(services: Services, desk: Desk, cast: support.Cast) -> None:
    """What was typed is text, and a page with an address of its own fetches nothing from it."""
    visit = desk.visit(cast.add("Åsa"))
    assert visit.sign("press", signer="Åsa").status_code == 303
    with services.store.read() as conn:
        (quitclaim,) = list_claims(services)
        kept = receipts.load(services, conn, quitclaim)
    typed = '<img src="file:///etc/passwd"><script>1</script>'
    page = receipt_pdf.render_html(kept, "en", [Signature(typed, typed)])
    assert "<img src" not in page.replace('<img src="data:', "")
    assert "etc/passwd" in text_of(receipt_pdf.render_pdf(kept, "en", [Signature(typed, typed)]))


def list_claims(services: Services) -> list[str]:
    with services.store.read() as conn:
        return list(conn.scalars(select(t.quitclaim.c.id)))


def test_the_doctor_says_which_scripts_lack_a_font() -> None:
    """Each script is either there or named as missing, with what to install."""
    found = machine_checks.check_fonts()
    assert found.looked is ("none for" not in found.said and "fc-list" not in found.said)
