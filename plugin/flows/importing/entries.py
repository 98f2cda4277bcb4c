"""Rows of a table, and PDFs by their names, as entries with evidence."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from hashlib import sha256
from pathlib import Path

from plugin.errors import ConsentError, FaceLeaseError, ImportRefused, StoreAway
from plugin.flows.common.services import Services
from plugin.flows.consent.recording import SignatureEvidence
from plugin.flows.importing.evidence_files import load_evidence
from plugin.flows.importing.tables.spreadsheets import Table, TableRow
from plugin.flows.people import ages
from plugin.flows.people.ages import Age
from plugin.quitclaim.consent import mapping
from plugin.quitclaim.consent.mapping import EarlierUses, ForeignConsent
from plugin.quitclaim.consent.model import name_key
from plugin.words.catalogues import LANGUAGES

TABLE_COLUMNS = (
    "name", "email", "language", "birth_date", "of_age", "guardian", "purpose", "channels", "from", "until", "signed",
    "text_version", "evidence", "link", "person", "keep",
)  # fmt: skip
RECOGNITION_COLUMNS = ("recognition", "face_recognition", "biometrics", "gezichtsherkenning", "herkenning")
_EXTRA = {"file": "evidence"}


@dataclass(frozen=True)
class ImportDefaults:
    """Values for empty cells, and how dates are written."""

    purposes: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    text_version: str = ""
    signed: date | None = None
    until: date | None = None
    language: str = ""
    day_first: bool = False
    list_is_proof: bool = False
    pdf_only: bool = False


@dataclass(frozen=True)
class ImportDecision:
    """The decision of the staff on a row: the person, and whether their earlier quitclaims are kept.

    `link`: "new", "existing" (the person `person`), "adopt" (new, with the name in the DAM), or "" if none is needed.
    """

    link: str = ""
    person: str = ""
    keep: EarlierUses | None = None


@dataclass(frozen=True)
class ImportLine:
    """A row that was read: an entry with evidence and decision, or a fault.

    The evidence is read when needed, because a folder of scans does not fit in memory.
    """

    number: int
    name: str
    entry: ForeignConsent | None = None
    decision: ImportDecision = ImportDecision()
    evidence: Callable[[], tuple[SignatureEvidence, ...]] = tuple
    notes: tuple[str, ...] = ()
    fault: str = ""


def refuse_recognition(table: Table) -> None:
    """Raise ImportRefused if the table has a column for recognition: no import can give that consent."""
    if set(table.columns) & set(RECOGNITION_COLUMNS):
        raise ImportRefused(f"take the column out: {mapping.NO_RECOGNITION}")


def read_lines(
    services: Services, table: Table, folder: Path, defaults: ImportDefaults, source: str
) -> list[ImportLine]:
    """Every row of a table, good or not; evidence lies in `folder`. Raises ImportRefused for the whole table."""
    refuse_recognition(table)
    if "name" not in table.columns:
        raise ImportRefused("the table has no column name: " + ", ".join(TABLE_COLUMNS) + " may stand in its first row")
    return [_read_line(services, row, folder, defaults, source) for row in table.rows]


def _read_line(services: Services, row: TableRow, folder: Path, defaults: ImportDefaults, source: str) -> ImportLine:
    cells = {_EXTRA.get(column, column): text for column, text in row.cells.items()}
    name = cells.get("name", "")
    try:
        if row.fault:
            raise ImportRefused(row.fault)
        decision = parse_decision(cells.get("link", ""), cells.get("person", ""), cells.get("keep", ""))
        entry = _read_entry(services, row.number, cells, defaults)
        evidence = _build_evidence(services, cells, folder, defaults)
    except StoreAway:
        raise
    except FaceLeaseError as error:
        return ImportLine(row.number, name, notes=row.notes, fault=str(error))
    # One form may be of several people: then it is a source for each.
    form = [sha256(evidence[0].body).hexdigest(), name_key(name)]
    entry = replace(entry, source=f"{source}:{mapping.entry_digest(form) if defaults.pdf_only else entry.fingerprint}")
    proof_of = partial(_build_evidence, services, cells, folder, defaults)
    return ImportLine(row.number, name, entry, decision, proof_of, row.notes)


def _read_entry(services: Services, number: int, cells: dict[str, str], defaults: ImportDefaults) -> ForeignConsent:
    cleared = services.config.clearance

    def day(column: str, otherwise: date | None = None) -> date | None:
        return mapping.parse_day(cells.get(column, ""), column, defaults.day_first) or otherwise

    signed = day("signed", defaults.signed)
    if signed is None:
        raise ConsentError("signed: say on which day it was signed")
    language = cells.get("language", "").lower() or defaults.language
    if language and language not in LANGUAGES:
        raise ConsentError(f"language: {language[:20]!r} is none of {', '.join(LANGUAGES)}")
    born, of_age = day("birth_date"), _is_yes(cells.get("of_age", ""))
    ages.refuse_invalid(services, Age(of_age, born))
    purposes = mapping.split_list(cells.get("purpose", "")) or defaults.purposes
    channels = mapping.split_list(cells.get("channels", "")) or defaults.channels
    return ForeignConsent(
        number=number,
        source="",
        name=cells.get("name", ""),
        email=_check_address(cells.get("email", "")),
        language=language,
        birth_date=born,
        of_age=of_age,
        guardians=tuple(one.strip() for one in cells.get("guardian", "").split(";") if one.strip()),
        uses=mapping.parse_uses(purposes, channels, (cleared.purposes, cleared.channels)),
        start=day("from"),
        until=day("until", defaults.until),
        signed=signed,
        text_version=mapping.shorten_text(cells.get("text_version", "") or defaults.text_version),
    )


def _is_yes(text: str) -> bool:
    """Whether a cell says yes. Raises ConsentError for what is neither yes, no nor empty."""
    said = text.strip().casefold()
    if said not in {"", "yes", "no", "ja", "nee"}:
        raise ConsentError(f"of_age: {said[:20]!r} is none of yes, no")
    return said in {"yes", "ja"}


def _check_address(text: str) -> str:
    if text and not (text.count("@") == 1 and text.isprintable() and " " not in text and len(text) <= 254):
        raise ConsentError("email: that is no address; correct it or leave it out")
    return text


def parse_decision(link: str, person: str, keep: str) -> ImportDecision:
    """The decision in a row. Raises ImportRefused for unknown words."""
    link, keep = link.strip().lower(), keep.strip().lower()
    if link not in {"", "new", "existing", "adopt"}:
        raise ImportRefused(f"link: {link[:20]!r} is none of new, existing, adopt")
    if keep not in {"", *EarlierUses}:
        raise ImportRefused(f"keep: {keep[:20]!r} is none of {', '.join(EarlierUses)}")
    if bool(person) != (link == "existing"):
        raise ImportRefused("link existing goes with the person that is meant, by name or id, and only that does")
    return ImportDecision(link, person, EarlierUses(keep) if keep else None)


def _build_evidence(
    services: Services, cells: dict[str, str], folder: Path, defaults: ImportDefaults
) -> tuple[SignatureEvidence, ...]:
    """The file that was signed, if any, and always the row itself."""
    named = cells.get("evidence", "")
    row = SignatureEvidence("row.json", json.dumps(cells, ensure_ascii=False, sort_keys=True).encode())
    if named:
        return load_evidence(services, folder, named, defaults.pdf_only), row
    if defaults.pdf_only or not defaults.list_is_proof:
        raise ImportRefused(
            "evidence: name the file that was signed, beside the table; where the list itself is all there is, "
            "say --list-is-proof"
        )
    return (row,)


def make_folder_table(names: Sequence[str]) -> Table:
    """PDFs that are named after the signers, as a table; `_` is a space."""
    rows = (
        TableRow(number, {"name": Path(name).stem.replace("_", " "), "evidence": name})
        for number, name in enumerate(names, 1)
    )
    return Table(("name", "evidence"), tuple(rows), "names taken from the files")
