"""A table, or a folder of PDFs: what would become of each row, or what became of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from plugin.flows.common.services import Services
from plugin.flows.importing import entries, evidence_files, writing
from plugin.flows.importing.entries import Defaults, Line
from plugin.flows.importing.judge import GOOD, Status, Verdict
from plugin.flows.importing.tables import spreadsheets
from plugin.flows.importing.tables.spreadsheets import Reading, Table
from plugin.flows.importing.writing import Watch
from plugin.ledger.store.audit import Action
from plugin.quitclaim.consent.mapping import Keep

Ask = Callable[[Sequence[Verdict]], None]
"""Hears which rows take the place of what their people agreed to before; raises where that is not to be done."""

_AS_SAID = Reading()
_KNOWN = frozenset({*entries.COLUMNS, *entries.RECOGNITION})


def _unasked(_replacing: Sequence[Verdict]) -> None:
    """Nobody has to be asked."""


@dataclass(frozen=True)
class Outcome:
    """Every row with what becomes of it, and how the file was read."""

    verdicts: tuple[Verdict, ...]
    told: str


def load(services: Services, path: Path, also: Sequence[str] = (), reading: Reading = _AS_SAID) -> Table:
    """A table with the documented columns, and `also` these. Raises ImportRefused."""
    importing = services.config.importing
    return spreadsheets.read(path, _KNOWN | set(also), importing.rows, importing.megabytes << 20, reading)


def table(
    services: Services,
    path: Path,
    defaults: Defaults,
    apply: bool,
    actor: str,
    watch: Watch = iter,
    reading: Reading = _AS_SAID,
    ask: Ask = _unasked,
) -> Outcome:
    """A CSV or XLSX file; its evidence lies beside it. Raises ImportRefused where it cannot be read at all."""
    read = load(services, path, (), reading)
    found = entries.of_table(services, read, path.parent, defaults, "table")
    return Outcome(_run(services, found, "table", apply, actor, watch, ask), read.told)


def folder(
    services: Services,
    path: Path,
    names: Path | None,
    defaults: Defaults,
    apply: bool,
    actor: str,
    watch: Watch = iter,
    reading: Reading = _AS_SAID,
    ask: Ask = _unasked,
) -> Outcome:
    """PDFs in a folder, called after those who signed; or a table `names` that says whose each file is."""
    there = evidence_files.pdfs(path)
    read = load(services, names, ("file",), reading) if names else entries.of_folder(there)
    found = entries.of_table(services, read, path, replace(defaults, pdf_only=True), "pdf")
    verdicts = _run(services, found, "pdf", apply, actor, watch, ask)
    if names:
        verdicts = (*verdicts, *_left_over(there, read))
    return Outcome(verdicts, read.told)


def _left_over(there: Sequence[str], read: Table) -> list[Verdict]:
    """PDFs of the folder that no row names."""
    named = {row.cells.get("file") or row.cells.get("evidence", "") for row in read.rows}
    return [
        Verdict(Line(0, name), Status.REFUSED, "no row of the table says whose form this is")
        for name in there if name not in named
    ]  # fmt: skip


def _run(
    services: Services, found: Sequence[Line], source: str, apply: bool, actor: str, watch: Watch, ask: Ask
) -> tuple[Verdict, ...]:
    if not apply:
        return tuple(writing.rehearsed(services, found))
    if any(line.decision.keep is Keep.REPLACE for line in found):
        ask(
            [
                one
                for one in writing.rehearsed(services, found)
                if one.status in GOOD and one.keep is Keep.REPLACE
            ]
        )
    verdicts = writing.carried_out(services, found, actor, watch)
    writing.note(services, Action.IMPORT_RUN, source, verdicts, actor)
    return tuple(verdicts)
