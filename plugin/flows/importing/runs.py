"""Import a table or a folder of PDFs, or rehearse it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from plugin.flows.common.services import Services
from plugin.flows.importing import entries, evidence_files, writing
from plugin.flows.importing.entries import ImportDefaults, ImportLine
from plugin.flows.importing.judge import GOOD_STATUSES, RowStatus, RowVerdict
from plugin.flows.importing.tables import spreadsheets
from plugin.flows.importing.tables.spreadsheets import ReadingOptions, Table
from plugin.flows.importing.writing import Progress
from plugin.ledger.store.audit import Action
from plugin.quitclaim.consent.mapping import EarlierUses

ConfirmReplacing = Callable[[Sequence[RowVerdict]], None]
"""Is called with the rows that replace earlier quitclaims; raises to stop the import."""

_AS_SAID = ReadingOptions()
_KNOWN = frozenset({*entries.TABLE_COLUMNS, *entries.RECOGNITION_COLUMNS})


def _allow_replacing(_replacing: Sequence[RowVerdict]) -> None:
    """The default: allow all."""


@dataclass(frozen=True)
class ImportOutcome:
    """The verdict on every row, and how the file was read."""

    verdicts: tuple[RowVerdict, ...]
    told: str


def load_table(services: Services, path: Path, also: Sequence[str] = (), reading: ReadingOptions = _AS_SAID) -> Table:
    """A table with the documented columns, and `also` these. Raises ImportRefused."""
    importing = services.config.importing
    return spreadsheets.read_table(path, _KNOWN | set(also), importing.rows, importing.megabytes << 20, reading)


def import_table(
    services: Services,
    path: Path,
    defaults: ImportDefaults,
    apply: bool,
    actor: str,
    watch: Progress = iter,
    reading: ReadingOptions = _AS_SAID,
    ask: ConfirmReplacing = _allow_replacing,
) -> ImportOutcome:
    """A CSV or XLSX file with its evidence in the same folder. Raises ImportRefused if it cannot be read."""
    read = load_table(services, path, (), reading)
    found = entries.read_lines(services, read, path.parent, defaults, "table")
    return ImportOutcome(_run(services, found, "table", apply, actor, watch, ask), read.told)


def import_folder(
    services: Services,
    path: Path,
    names: Path | None,
    defaults: ImportDefaults,
    apply: bool,
    actor: str,
    watch: Progress = iter,
    reading: ReadingOptions = _AS_SAID,
    ask: ConfirmReplacing = _allow_replacing,
) -> ImportOutcome:
    """PDFs in a folder, named after the signers, or assigned to them by a table `names`."""
    there = evidence_files.list_pdfs(path)
    read = load_table(services, names, ("file",), reading) if names else entries.make_folder_table(there)
    found = entries.read_lines(services, read, path, replace(defaults, pdf_only=True), "pdf")
    verdicts = _run(services, found, "pdf", apply, actor, watch, ask)
    if names:
        verdicts = (*verdicts, *_list_unclaimed(there, read))
    return ImportOutcome(verdicts, read.told)


def _list_unclaimed(there: Sequence[str], read: Table) -> list[RowVerdict]:
    """PDFs of the folder that no row names."""
    named = {row.cells.get("file") or row.cells.get("evidence", "") for row in read.rows}
    why = "no row of the table says whose form this is"
    left = [name for name in there if name not in named]
    return [RowVerdict(ImportLine(0, name), RowStatus.REFUSED, why) for name in left]


def _run(
    services: Services,
    found: Sequence[ImportLine],
    source: str,
    apply: bool,
    actor: str,
    watch: Progress,
    ask: ConfirmReplacing,
) -> tuple[RowVerdict, ...]:
    if not apply:
        return tuple(writing.rehearse(services, found))
    if any(line.decision.keep is EarlierUses.REPLACE for line in found):
        ask(
            [
                one
                for one in writing.rehearse(services, found)
                if one.status in GOOD_STATUSES and one.keep is EarlierUses.REPLACE
            ]
        )
    verdicts = writing.carry_out(services, found, actor, watch)
    writing.note_run(services, Action.IMPORT_RUN, source, verdicts, actor)
    return tuple(verdicts)
