"""Import from ResourceSpace's consentmanager: a plan that people confirm line by line, and its execution.

A plan is a CSV file for people to read. The import takes each consent from the DAM again, and only if it is still the
one that was confirmed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Protocol, runtime_checkable

from plugin.errors import ConfigError, ConsentError, FaceLeaseError, ImportRefused, StoreAway
from plugin.flows.common.services import Services
from plugin.flows.consent.recording import SignatureEvidence
from plugin.flows.importing import csv_reports, judge, writing
from plugin.flows.importing.entries import ImportDecision, ImportLine, parse_decision
from plugin.flows.importing.evidence_files import load_evidence
from plugin.flows.importing.judge import RowStatus, RowVerdict
from plugin.flows.importing.tables.spreadsheets import Table, TableRow
from plugin.flows.importing.writing import Progress
from plugin.hooks.resourcespace.api.consents import ServerConsent
from plugin.ledger.store.audit import Action
from plugin.quitclaim.consent import mapping
from plugin.quitclaim.consent.mapping import ForeignConsent

PLAN_COLUMNS = (
    "consent", "confirmed", "name", "display_name", "proposal", "reason", "link", "person", "keep", "purpose",
    "channels", "unmapped", "mediums", "signed", "expires", "birth_date", "guardian", "email", "form_file",
    "evidence", "fingerprint",
)  # fmt: skip
SOURCE_NAME = "consentmanager"
_YES = {"yes", "ja", "y", "j", "1", "true", "x"}


class ConsentSource(Protocol):
    """Where consents are read; implemented by `hooks.resourcespace`."""

    @property
    def server(self) -> str: ...

    def all(self) -> list[ServerConsent]: ...

    def one(self, ref: int) -> ServerConsent | None: ...


@runtime_checkable
class KeepsConsents(Protocol):
    """A DAM that has the plugin consentmanager, perhaps."""

    def consents(self) -> ConsentSource: ...


def source_of(services: Services) -> ConsentSource:
    """The DAM's consents. Raises ConfigError where it can have none."""
    if not isinstance(services.dam, KeepsConsents):
        raise ConfigError("dam.kind: consentmanager is a plugin of ResourceSpace, and the DAM is another")
    return services.dam.consents()


@dataclass(frozen=True)
class PlanChoice:
    """A decision on one consent: a row of the plan."""

    name: str
    purposes: tuple[str, ...]
    decision: ImportDecision
    evidence: str = ""


@dataclass(frozen=True)
class ImportPlan:
    """The verdict on every consent, and the consents as they were read."""

    verdicts: tuple[RowVerdict, ...]
    forms: Mapping[int, ServerConsent]
    purposes: tuple[str, ...]


def make_plan(services: Services, source: ConsentSource, purposes: Sequence[str], actor: str) -> ImportPlan:
    """Judge every consent in the DAM. Raises ImportRefused if no purpose is named, DamError."""
    if not purposes:
        known = ", ".join(services.config.clearance.purposes)
        raise ImportRefused(
            f"consentmanager keeps no purpose: say for which its consents were given, by --purpose ({known})"
        )
    forms = {form.ref: form for form in source.all()}
    lines = [
        _build_line(services, source, form, PlanChoice(form.name, tuple(purposes), ImportDecision()), Path())
        for form in forms.values()
    ]
    verdicts = [*writing.rehearse(services, lines), *_find_gone(services, source, set(forms))]
    writing.note_run(services, Action.IMPORT_PLAN, SOURCE_NAME, verdicts, actor)
    return ImportPlan(tuple(verdicts), forms, tuple(purposes))


def _find_gone(services: Services, source: ConsentSource, there: set[int]) -> list[RowVerdict]:
    """Consents that were imported and are no longer in the DAM."""
    with services.store.read() as conn:
        origins = judge.list_imported(services, conn)
    start = f"{SOURCE_NAME}:{source.server}:"
    refs = {int(key.removeprefix(start)): origin for key, origin in origins.items() if key.startswith(start)}
    said = "it is not in the DAM's list any more: if that person took it back, withdraw it here"
    return [
        RowVerdict(ImportLine(ref, ""), RowStatus.GONE, said, origin.person_id)
        for ref, origin in sorted(refs.items())
        if ref not in there
    ]


def _build_line(
    services: Services, source: ConsentSource, form: ServerConsent, chosen: PlanChoice, folder: Path
) -> ImportLine:
    """A consent as an entry, or the reason why it cannot be one."""
    channels, strange = _map_channels(services, form)
    notes = (f"no channel here: {', '.join(strange)}",) if strange else ()
    try:
        if not channels:
            raise ConsentError("none of its mediums is a channel here: see importing.mediums in the configuration")
        if chosen.evidence:
            load_evidence(services, folder, chosen.evidence)
        cleared = services.config.clearance
        entry = ForeignConsent(
            number=form.ref,
            source=f"{SOURCE_NAME}:{source.server}:{form.ref}",
            name=chosen.name,
            uses=mapping.parse_uses(chosen.purposes, channels, (cleared.purposes, cleared.channels)),
            signed=_find_signing_day(form),
            text_version=SOURCE_NAME,
            until=mapping.parse_day(form.expires, "expires"),
            email=form.email.strip(),
            birth_date=mapping.parse_day(form.birth_date, "date of birth"),
            guardians=(form.guardian.strip(),) if form.guardian.strip() else (),
        )
    except StoreAway:
        raise
    except FaceLeaseError as error:
        return ImportLine(form.ref, form.name, notes=notes, fault=str(error))
    evidence = partial(_build_evidence, services, form, chosen, folder)
    return ImportLine(form.ref, form.name, entry, chosen.decision, evidence, notes)


def _map_channels(services: Services, form: ServerConsent) -> tuple[tuple[str, ...], tuple[str, ...]]:
    table = services.config.importing.channel_of
    return mapping.parse_mediums(form.usage, table, services.config.clearance.channels)


def _find_signing_day(form: ServerConsent) -> date:
    """The day of consent; if none was entered, the day on which the form was entered."""
    signed = mapping.parse_day(form.signed, "date of consent") or mapping.parse_day(form.created[:10], "created")
    if signed is None:
        raise ConsentError("it says neither when it was given nor when it was entered")
    return signed


def _build_evidence(
    services: Services, form: ServerConsent, chosen: PlanChoice, folder: Path
) -> tuple[SignatureEvidence, ...]:
    """The consent as the DAM had it, and the signed form if it lies beside the plan."""
    row = SignatureEvidence(f"{SOURCE_NAME}-{form.ref}.json", form.raw)
    return (load_evidence(services, folder, chosen.evidence), row) if chosen.evidence else (row,)


# ---- the plan as a file ---------------------------------------------------------------------


def write_plan(services: Services, plan: ImportPlan) -> bytes:
    """The plan as a CSV file; nothing in it is confirmed yet."""
    return csv_reports.write_csv(PLAN_COLUMNS, (_build_row(services, verdict, plan) for verdict in plan.verdicts))


def _build_row(services: Services, verdict: RowVerdict, plan: ImportPlan) -> dict[str, object]:
    person = verdict.person_id or ""
    if person.startswith(judge.COMING_PREFIX):  # entered by a row before this one, under this name
        person = verdict.line.entry.name if verdict.line.entry else ""
    link = "existing" if person else "new" if verdict.status is RowStatus.NEW else ""
    said: dict[str, object] = {
        "consent": verdict.line.number, "proposal": verdict.status.value, "reason": verdict.reason,
        "person": person, "link": link, "purpose": "; ".join(plan.purposes),
    }  # fmt: skip
    form = plan.forms.get(verdict.line.number)
    if form is None:
        return said
    channels, strange = _map_channels(services, form)
    return said | {
        "name": form.name, "display_name": form.name, "channels": "; ".join(channels),
        "unmapped": "; ".join(strange), "mediums": form.usage, "signed": form.signed, "expires": form.expires,
        "birth_date": form.birth_date, "guardian": form.guardian, "email": form.email, "form_file": form.file,
        "fingerprint": form.fingerprint,
    }  # fmt: skip


def is_confirmed(row: TableRow) -> bool:
    """Whether somebody confirmed this row of a plan."""
    return row.cells.get("confirmed", "").strip().casefold() in _YES


def apply_plan(
    services: Services, source: ConsentSource, table: Table, folder: Path, actor: str, watch: Progress = iter
) -> list[RowVerdict]:
    """Import the confirmed rows of a plan, each checked against the DAM's current data. Raises ImportRefused."""
    missing = {"consent", "confirmed", "fingerprint", "display_name"} - set(table.columns)
    if missing:
        raise ImportRefused(f"that is no plan: it has no column {', '.join(sorted(missing))}; make one with --plan")
    lines, left = [], []
    for row in table.rows:
        cells = {column: csv_reports.unmark_formulas(text) for column, text in row.cells.items()}
        if is_confirmed(row):
            lines.append(_read_confirmed(services, source, row, cells, folder))
        else:
            left.append(RowVerdict(ImportLine(_read_number(cells), cells.get("name", "")), RowStatus.UNCONFIRMED))
    verdicts = [*writing.carry_out(services, lines, actor, watch), *left]
    writing.note_run(services, Action.IMPORT_RUN, SOURCE_NAME, verdicts, actor)
    return sorted(verdicts, key=lambda verdict: verdict.line.number)


def _read_confirmed(
    services: Services, source: ConsentSource, row: TableRow, cells: Mapping[str, str], folder: Path
) -> ImportLine:
    ref, name = _read_number(cells), cells.get("name", "")
    try:
        if row.fault or not ref:
            raise ImportRefused(row.fault or "consent: that is no number of a consent")
        link = parse_decision(cells.get("link", ""), cells.get("person", ""), cells.get("keep", ""))
        if not link.link:
            raise ImportRefused("link: say whose consent it is: new, adopt, or existing with the person")
        form = source.one(ref)
        if form is None:
            raise ImportRefused("the DAM does not have this consent any more, or does not show it")
        if form.fingerprint != cells.get("fingerprint", ""):
            raise ImportRefused("it was changed in the DAM since the plan was made: make a new plan")
        chosen = PlanChoice(
            cells.get("display_name", ""), mapping.split_list(cells.get("purpose", "")), link, cells.get("evidence", "")
        )
    except StoreAway:
        raise
    except FaceLeaseError as error:
        return ImportLine(ref, name, fault=str(error))
    return _build_line(services, source, form, chosen, folder)


def _read_number(cells: Mapping[str, str]) -> int:
    text = cells.get("consent", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0
