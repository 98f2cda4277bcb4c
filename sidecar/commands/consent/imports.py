"""`facelease quitclaim import`: a table, a folder of PDFs, ResourceSpace's consentmanager. Nothing without --apply."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from plugin.errors import ImportRefused, NothingDone
from plugin.flows.common.services import Services
from plugin.flows.importing import consent_forms, csv_reports, runs
from plugin.flows.importing.entries import ImportDefaults
from plugin.flows.importing.judge import RowStatus, RowVerdict
from plugin.flows.importing.tables import csv_files
from plugin.flows.importing.tables.spreadsheets import ReadingOptions, Table, TableRow
from plugin.flows.importing.writing import Progress
from plugin.ledger.queue.jobs import UnfinishedJob
from plugin.quitclaim.consent import mapping
from plugin.words.catalogues import LANGUAGES
from plugin.words.plurals import pluralize
from sidecar.commands import confirmation
from sidecar.commands.common import NOT_FINISHED, Shell, actor, as_json, describe_unfinished, finish_jobs, say_finished
from sidecar.output import safe, say

_FILE = click.Path(dir_okay=False, path_type=Path)
_THERE = click.Path(exists=True, dir_okay=False, path_type=Path)
_DATES, _ENCODINGS = click.Choice(["iso", "d-m-y"]), click.Choice(csv_files.ENCODINGS)
_OPEN = {RowStatus.NEW.value, RowStatus.EXISTING.value, RowStatus.DECIDE.value}
_DAY_FIRST = "Whether days may be written like 31-12-2026."
_NAMES_SHOWN = 10
_FAULTS = {RowStatus.REFUSED, RowStatus.DECIDE}
_SUCCEEDED = {RowStatus.NEW, RowStatus.EXISTING, RowStatus.IMPORTED, RowStatus.SAME}
"""The rows of which the ledger holds the consents now; if there is none, nothing was imported."""


Verdicts = Sequence[RowVerdict]


@click.group("import")
def import_() -> None:
    """Consents to publication that exist elsewhere; never to recognition.

    Without --apply nothing is written: every row is reported with what would become of it.
    """


def _shared_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of tables and PDFs."""
    for option in reversed(
        (
            click.option("--purpose", multiple=True, help="Where a row names none; may be repeated, * is every one."),
            click.option("--channel", multiple=True, help="Where a row names none; may be repeated, * is every one."),
            click.option("--signed", metavar="DAY", default="", help="Where a row says no day of signing."),
            click.option("--until", metavar="DAY", default="", help="The last day, where a row says none."),
            click.option("--text-version", default="", help="Which text was signed, where a row does not say."),
            click.option("--language", type=click.Choice(LANGUAGES), help="Of new people, where a row does not say."),
            click.option("--dates", type=_DATES, default="iso", show_default=True, help=_DAY_FIRST),
            click.option("--encoding", type=_ENCODINGS, help="Of a CSV file that is not UTF-8."),
            click.option("--sheet", metavar="NAME", default="", help="Of an XLSX file in which several may be meant."),
            click.option("--apply", is_flag=True, help="Import the good rows; else they are reported only."),
            click.option("--report", type=_FILE, help="Write what becomes of each row to this CSV file."),
            confirmation.yes_and_json,
        )
    ):
        command = option(command)
    return command


def _read_defaults(options: dict[str, Any], list_is_proof: bool = False) -> ImportDefaults:
    day_first = options["dates"] == "d-m-y"
    purposes, channels, text = options["purpose"], options["channel"], options["text_version"]
    signed, until = (mapping.parse_day(options[key], f"--{key}", day_first) for key in ("signed", "until"))
    about = {"language": options["language"] or "", "day_first": day_first, "list_is_proof": list_is_proof}
    return ImportDefaults(purposes=purposes, channels=channels, text_version=text, signed=signed, until=until, **about)


def _read_reading(options: dict[str, Any]) -> ReadingOptions:
    return ReadingOptions(options["encoding"] or "", options["sheet"])


@import_.command()
@click.argument("file", type=_THERE)
@click.option("--list-is-proof", is_flag=True, help="Rows without a signed form: the list is the evidence.")
@_shared_options
def table(
    shell: Shell, /, file: Path, list_is_proof: bool, apply: bool, report: Path | None, as_json: bool, **options: Any
) -> None:
    """A CSV or XLSX FILE; docs/importing.md lists its columns."""
    with shell.house() as services:
        defaults, reading = _read_defaults(options, list_is_proof), _read_reading(options)
        progress, confirm = _show_progress(as_json), _confirm_replacing(options["yes"])
        done = runs.import_table(services, file, defaults, apply, actor(), progress, reading, confirm)
        left = finish_jobs(services)
    _print_outcome(done.verdicts, done.told, apply, report, left, as_json)


@import_.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--map", "names", type=_THERE, help="A table with the columns file and name: whose each PDF is.")
@_shared_options
def pdf(
    shell: Shell, /, folder: Path, names: Path | None, apply: bool, report: Path | None, as_json: bool, **options: Any
) -> None:
    """Signed forms in FOLDER, called after those who signed. Nothing is read out of them."""
    with shell.house() as services:
        defaults, reading = _read_defaults(options), _read_reading(options)
        progress, confirm = _show_progress(as_json), _confirm_replacing(options["yes"])
        done = runs.import_folder(services, folder, names, defaults, apply, actor(), progress, reading, confirm)
        left = finish_jobs(services)
    _print_outcome(done.verdicts, done.told, apply, report, left, as_json)


@import_.command()
@click.option("--plan", type=_FILE, help="Write a plan: who each consent may be of, and what it allows.")
@click.option("--confirm", type=_THERE, help="Go through a plan and confirm its lines one by one.")
@click.option("--apply", type=_THERE, help="Import what is confirmed in this plan, and nothing else.")
@click.option("--purpose", multiple=True, help="With --plan: what the consents were given for.")
@click.option("--report", type=_FILE, help="Write what becomes of each consent to this CSV file.")
@as_json
def consentmanager(
    shell: Shell, purpose: tuple[str, ...], report: Path | None, as_json: bool, **plans: Path | None
) -> None:
    """The consents that ResourceSpace's consentmanager keeps. They are read; nothing there is ever altered."""
    plan, confirm, apply = plans["plan"], plans["confirm"], plans["apply"]
    if [plan, confirm, apply].count(None) != 2:
        raise click.UsageError("give one of --plan FILE, --confirm FILE and --apply FILE")
    with shell.house() as services:
        if confirm is not None:
            _confirm_plan(_load_plan(services, confirm), confirm)
            return
        source, left = consent_forms.source_of(services), []
        if apply is not None:
            table, progress = _load_plan(services, apply), _show_progress(as_json)
            verdicts = consent_forms.apply_plan(services, source, table, apply.parent, actor(), progress)
            left = finish_jobs(services)
        elif plan is not None:
            made = consent_forms.make_plan(services, source, purpose or services.config.importing.purposes, actor())
            csv_reports.save_report(plan, consent_forms.write_plan(services, made))
            verdicts = list(made.verdicts)
    _print_outcome(verdicts, f"plan {plan or apply}", apply is not None, report, left, as_json)


def _confirm_replacing(yes: bool) -> runs.ConfirmReplacing:
    """Asks of the rows that end what was agreed before."""

    def ask(replacing: Verdicts) -> None:
        names = ", ".join(one.line.name for one in replacing[:_NAMES_SHOWN])
        more = f" and {len(replacing) - _NAMES_SHOWN} more" if len(replacing) > _NAMES_SHOWN else ""
        said = f"what was agreed to before, by rows that say keep replace: {names}{more}"
        confirmation.confirm([said] if names else [], yes)

    return ask


def _show_progress(quiet: bool) -> Progress:
    """Shows on a terminal how far an import is."""

    def watch(places: Sequence[int]) -> Iterator[int]:
        hidden = quiet or not sys.stdout.isatty()
        with click.progressbar(places, label="import", show_pos=True, show_eta=True, hidden=hidden) as bar:
            yield from bar

    return watch


def _load_plan(services: Services, path: Path) -> Table:
    return runs.load_table(services, path, consent_forms.PLAN_COLUMNS)


def _confirm_plan(plan: Table, path: Path) -> None:
    """Ask of each line that is not confirmed; the plan is kept after every answer."""
    missing = set(consent_forms.PLAN_COLUMNS) - set(plan.columns)
    if missing:
        raise ImportRefused(f"that is no plan: it has no column {', '.join(sorted(missing))}; make one with --plan")
    rows = [{column: csv_reports.unmark_formulas(text) for column, text in row.cells.items()} for row in plan.rows]
    for row, cells in zip(plan.rows, rows, strict=True):
        if consent_forms.is_confirmed(row) or cells["proposal"] not in _OPEN:
            continue
        if not _confirm_line(row, cells):
            break
        csv_reports.save_report(path, csv_reports.write_csv(consent_forms.PLAN_COLUMNS, rows))
    done = sum(cells["confirmed"] == "yes" for cells in rows)
    if not rows:
        raise NothingDone("there is no line in this plan: make one with --plan where there are consents")
    click.echo(f"{done} of {pluralize(len(rows), 'line is', 'lines are')} confirmed: --apply {path} imports them")


def _confirm_line(row: TableRow, cells: dict[str, str]) -> bool:
    """Show a line and take the answer; False to stop."""
    guardian = f", guardian {cells['guardian']}" if cells["guardian"] else ""
    unmapped = f"\n  no channel here: {cells['unmapped']}" if cells["unmapped"] else ""
    reason = f": {cells['reason']}" if cells["reason"] else ""
    line = (
        f"\nconsent {cells['consent']}: {cells['name']}, {cells['channels']} for {cells['purpose']}, "
        f"signed {cells['signed'] or '-'}, until {cells['expires'] or 'withdrawn'}{guardian}{unmapped}"
        f"\n  {cells['proposal']} {cells['person']}{reason}"
    )
    click.echo(safe(line))
    answers = {"y": "yes", "n": "no", "q": "stop"}
    if not cells["link"]:
        answers = {"a": "it is the person whose name stands on the photographs", **answers}
        del answers["y"]
    elif cells["proposal"] == RowStatus.DECIDE.value:
        answers = {"a": "add to what was agreed", "r": "replace it", "n": "no", "q": "stop"}
    words = ", ".join(f"{letter} {word}" for letter, word in answers.items())
    answer = click.prompt(f"  {words}", type=click.Choice(list(answers)), show_choices=False)
    if answer in {"a", "r", "y"}:
        if not cells["link"]:
            cells["link"] = "adopt"
        elif answer in {"a", "r"}:
            cells["keep"] = {"a": "add", "r": "replace"}[answer]
        cells["confirmed"] = "yes"
    return bool(answer != "q")


def _print_outcome(
    verdicts: Verdicts, told: str, applied: bool, report: Path | None, left: list[UnfinishedJob], as_json: bool
) -> None:
    """Every row and the sum, for people or machines; exit code 1 where rows need somebody, or nothing is a row."""
    if report is not None:
        csv_reports.save_report(report, csv_reports.write_report(verdicts))
    counts = Counter(verdict.status.value for verdict in verdicts)
    rows = [csv_reports.describe_verdict(verdict) for verdict in verdicts]
    lines = [told, *map(_format_row, rows), ", ".join(f"{count} {what}" for what, count in counts.items())]
    if not applied and counts[RowStatus.NEW.value] + counts[RowStatus.EXISTING.value]:
        lines.append("nothing was imported: this was a rehearsal")
    good = _SUCCEEDED if applied else _SUCCEEDED | {RowStatus.DECIDE}
    brought = any(verdict.status in good for verdict in verdicts)
    if not brought:
        nothing = "nothing was imported, and nothing can be: there is no good row"
        lines[-1:] = [*filter(None, lines[-1:]), nothing]
    data = {"applied": applied, "told": told, "counts": dict(counts), "rows": rows}
    faults = applied and any(verdict.status in _FAULTS for verdict in verdicts)
    if faults or not brought:
        say(as_json, data, [*lines, *describe_unfinished(left)])
        raise click.exceptions.Exit(1)
    if not left and applied and any(verdict.unsure for verdict in verdicts):
        say(as_json, data, lines)
        raise click.exceptions.Exit(NOT_FINISHED)
    say_finished(as_json, data, lines, left)


def _format_row(row: dict[str, object]) -> str:
    reason, note = f": {row['reason']}" if row["reason"] else "", f" ({row['note']})" if row["note"] else ""
    return f"row {row['row']}: {row['name']}: {row['status']}{reason}{note}"
