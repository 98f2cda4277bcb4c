"""A receipt as PDF: what was agreed to, the text that was signed, the signatures, and the key with its QR code."""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from typing import Any

import segno
from sqlalchemy import Connection, select

from plugin.errors import ConfigError, NotFound
from plugin.flows.common.services import Services
from plugin.flows.mail.letter_values import LetterRow
from plugin.flows.mail.papers import receipt_words, receipts
from plugin.flows.mail.papers.receipts import Receipt
from plugin.flows.mail.smtp import Attachment
from plugin.ledger import tables as t

_PNG = "data:image/png;base64,"


@dataclass(frozen=True)
class Signature:
    """One signature: who signed, and what they drew (a PNG of ours) or typed."""

    by: str
    typed: str = ""
    drawn: bytes = field(default=b"", repr=False)

    @property
    def picture(self) -> str:
        """What was drawn, as a `data:` address; "" if it was typed."""
        return _PNG + b64encode(self.drawn).decode() if self.drawn else ""


def load_signatures(services: Services, conn: Connection, quitclaim_id: str) -> list[Signature]:
    """The signatures under a quitclaim, in their order; none once its proof is past its term."""
    person_id = conn.scalar(select(t.quitclaim.c.person_id).where(t.quitclaim.c.id == quitclaim_id))
    if person_id is None:
        return []
    kept = {}
    for sealed_id in services.vault.find(conn, person_id, "evidence", subject=quitclaim_id):
        name, _, content = services.vault.open(conn, sealed_id).partition(b"\0")
        kept[name.decode("utf-8", "replace")] = content
    said = [(name.removesuffix("signing.json"), body) for name, body in kept.items() if name.endswith("signing.json")]
    return [_read_signature(json.loads(body), kept.get(f"{which}signature.png", b"")) for which, body in said]


def _read_signature(said: Mapping[str, Any], drawn: bytes) -> Signature:
    return Signature(str(said.get("signed_by", "")), str(said.get("typed", "")), drawn)


def render_pdf(receipt: Receipt, language: str, signatures: Sequence[Signature] = (), key: str = "") -> bytes:
    """The receipt to read and print; `key`: the link to what was signed, where it is known.

    Raises ConfigError where the libraries for PDF are not installed.
    """
    try:
        from weasyprint import HTML
        from weasyprint.urls import URLFetcher
    except OSError as error:
        raise ConfigError(
            "receipts as PDF need the libraries of pango: sudo apt install libpangoft2-1.0-0 libharfbuzz-subset0"
        ) from error
    # what was drawn and the code lie in the page; nothing is fetched from anywhere
    page = HTML(
        string=render_html(receipt, language, signatures, key), url_fetcher=URLFetcher(allowed_protocols=["data"])
    )
    written: bytes = page.write_pdf()
    return written


def render_html(receipt: Receipt, language: str, signatures: Sequence[Signature] = (), key: str = "") -> str:
    """The page of which the PDF is made."""
    from jinja2 import Environment

    source = (files("plugin.flows.mail.papers") / "receipt.html").read_text(encoding="utf-8")
    template = Environment(autoescape=True).from_string(source)
    tree = receipt.tree
    words, until = receipt_words.of(language), receipt_words.through(tree["last_day"], language)
    signed = receipt_words.moment(datetime.fromisoformat(tree["signed_at"]), language)
    code = segno.make(key, error="m").svg_data_uri(border=2, scale=4, nl=False) if key else ""
    return template.render(
        r=tree, w=words, sha256=receipt.sha256, signed=signed, until=until, signatures=signatures, key=key, code=code
    )


def make_attachments(services: Services, row: LetterRow) -> Sequence[Attachment]:
    """What goes with the letter of a receipt: both forms; the JSON alone where no PDF can be made."""
    try:
        with services.store.read() as conn:
            receipt = receipts.load(services, conn, row.data["quitclaim"])
            signatures = load_signatures(services, conn, row.data["quitclaim"])
    except NotFound:
        return ()
    name = receipt_words.of(row.language)["file"]
    found = [Attachment(f"{name}.json", "application/json", receipt.json)]
    try:
        return [Attachment(f"{name}.pdf", "application/pdf", render_pdf(receipt, row.language, signatures)), *found]
    except ConfigError:
        return found
