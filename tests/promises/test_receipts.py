"""P3: receipts. What is handed out bears its own hash, and says who, what and until when."""

import json
import random
from collections.abc import Callable, Iterator
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from plugin.clock import ManualClock
from plugin.flows.common.services import Services
from plugin.flows.mail import form_store
from plugin.flows.mail.papers import receipts
from plugin.quitclaim.forms.templates import canonical
from plugin.recognizer.process.examiner import Examiner
from tests import support
from tests.signers import Desk, Visit, tree

KANTARA = {
    "version",
    "jurisdiction",
    "consentTimestamp",
    "collectionMethod",
    "consentReceiptID",
    "language",
    "piiPrincipalId",
    "piiControllers",
    "policyUrl",
    "services",
    "sensitive",
}
ISO_27560 = {"schema_version", "record_id", "pii_principal_id", "pii_processing", "party_identification", "event"}
NAMES = ("Åsa Öberg", "<b>Bo</b> & Zn.", "Zoë 李小龍", 'O\'Brien "Pat"', "نور")


@pytest.fixture
def house(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    config = support.configuration(tmp_path)
    with support.opened(config, clock, examiner) as services:
        yield services


def _signers(services: Services, rng: random.Random, count: int) -> Iterator[Visit]:
    """Adults and children, one guardian or two, English and Dutch, every choice of lines."""
    cast = support.Cast(services)
    for number in range(count):
        two = number % 4 == 3
        changes = {"name": f"Form {number % 5}", "guardians": 2 if two else 1, "jurisdiction": rng.choice(["NL", "BE"])}
        desk = Desk(services, **changes)
        chosen = rng.sample(["website", "press", "recognition"], rng.randint(1, 3))
        name = f"{NAMES[number % len(NAMES)]} {number}"
        child = number % 2
        person = cast.add(name, language=rng.choice(["en", "nl"]), birth_date=date(2014, 5, 1) if child else None)
        visit = desk.visit(person)
        about = {"signer": f"Greta {number}", "email": f"g{number}@example.org"} if child else {"signer": name}
        if two:
            about |= {"other_signer": f"Hugo {number}", "other_email": f"h{number}@example.org"}
        assert visit.sign(*chosen, **about).location == "/s/done"
        if two:
            visit = Visit(desk.app, visit.kept_link())
            assert visit.sign(*chosen, typed=f"Hugo {number}").location == "/s/done"
        yield visit


def _altered(body: bytes, rng: random.Random, count: int) -> Iterator[bytes]:
    """The receipt with a field changed, taken out or put in, or a byte of it flipped."""
    for _ in range(count):
        whole = json.loads(body)
        field = rng.choice(sorted(set(whole) - {"hash"}))
        how = rng.randrange(4)
        if how == 0:
            whole[field] = [whole[field]]
        elif how == 1:
            del whole[field]
        elif how == 2:
            whole["more"] = True
        else:
            place = rng.randrange(len(body))
            yield body[:place] + bytes([body[place] ^ 1 << rng.randrange(7)]) + body[place + 1 :]
            continue
        yield canonical(whole)


@pytest.mark.promise
def test_every_receipt_bears_a_hash_that_verifies(
    house: Services, promise: Callable[[str, str], None], full: bool
) -> None:
    """Receipts as the pages hand them out verify; one in which anything was changed does not.

    Each has the fields that the standards require, the names of child and guardians, the lines that
    were ticked and those that were not; the PDF shows the hash of the file.
    """
    rng = random.Random(20260302)
    found = [visit.client.get("/s/receipt.json").data for visit in _signers(house, rng, 200 if full else 16)]
    bad = [body for body in found if not receipts.verify(body)]
    changed = [other for body in found for other in _altered(body, rng, 100)]
    passed = [other for other in changed if other not in found and receipts.verify(other)]
    lacking = [body for body in found if not _complete(json.loads(body))]
    promise(
        "P3",
        f"receipts {len(found)}: hash does not verify {len(bad)}, a required field missing {len(lacking)}; "
        f"altered ones that verify {len(passed)} of {len(changed)}",
    )
    assert not bad
    assert not passed, passed[0]
    assert not lacking


def _complete(whole: dict[str, Any]) -> bool:
    required = set(whole) >= KANTARA and set(whole["consent_record"]) >= ISO_27560
    purposes = whole["services"][0]["purposes"]
    agreed = [line["words"] for line in whole["lines"] if line["agreed"]]
    told = [purpose["purpose"] for purpose in purposes] == agreed
    parties = [party["party_name"] for party in whole["consent_record"]["party_identification"]]
    return required and told and {whole["person"], *whole["guardians"]} <= set(parties)


def test_the_pdf_shows_the_hash_and_both_names(house: Services) -> None:
    """On paper stand the child, the guardian, each line with yes or no, and the hash of the file."""
    desk = Desk(house)
    clara = support.Cast(house).add("Clara <i>Sample</i>", language="nl", birth_date=date(2014, 5, 1))
    visit = desk.visit(clara)
    visit.sign("press", signer="Greta Sample", email="g@example.org")
    tree_ = json.loads(visit.client.get("/s/receipt.json").data)
    pages = PdfReader(BytesIO(visit.client.get("/s/receipt.pdf").data)).pages
    text = "".join("".join(page.extract_text() for page in pages).split())
    for words in ("Clara<i>Sample</i>", "GretaSample", "Ontvangstbewijs", tree_["hash"]["value"], tree_["text_sha256"]):
        assert words in text
    assert "japers" in text.replace("communicatie:", "").replace("\n", "")
    assert "neewebsite" in text.replace("communicatie:", "")


def test_a_receipt_fetches_nothing(house: Services) -> None:
    """A form with an address in its text makes no call when its receipt is made."""
    texts = form_store.parse_toml(form_store.read_sample())["texts"]
    texts["en"]["retention"] = '<img src="http://127.0.0.1:9/x.png"><link rel=stylesheet href="file:///etc/passwd">'
    desk = Desk(house, texts=texts)
    assert tree(texts=texts)["texts"]["en"]["retention"].startswith("<img")
    visit = desk.visit(support.Cast(house).add("Åsa"))
    visit.sign("press")
    text = "".join(page.extract_text() for page in PdfReader(BytesIO(visit.client.get("/s/receipt.pdf").data)).pages)
    assert "<img" in text
