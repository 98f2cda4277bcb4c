"""ResourceSpace's consentmanager: a plan that people confirm line by line, and its carrying out.

A plan is a CSV file. What it says of a consent is there to be read; carried out is what the DAM says
then, and only where that is what was confirmed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Protocol, runtime_checkable

from plugin.errors import ConfigError, ConsentError, FaceLeaseError, ImportRefused, StoreAway
from plugin.flows.common.services import Services
from plugin.flows.consent.grant_endings import Evidence
from plugin.flows.importing import csv_reports, judge, writing
from plugin.flows.importing.entries import Decision, Line, decided
from plugin.flows.importing.evidence_files import proof
from plugin.flows.importing.judge import Status, Verdict
from plugin.flows.importing.tables.spreadsheets import Row, Table
from plugin.flows.importing.writing import Watch
from plugin.hooks.resourcespace.api.consents import ServerConsent
from plugin.ledger.store.audit import Action
from plugin.quitclaim.consent import mapping
from plugin.quitclaim.consent.mapping import Entry

COLUMNS = (
    "consent", "confirmed", "name", "display_name", "proposal", "reason", "link", "person", "keep", "purpose",
    "channels", "unmapped", "mediums", "signed", "expires", "birth_date", "guardian", "email", "form_file",
    "evidence", "fingerprint",
)  # fmt: skip
NAME = "consentmanager"
_YES = {"yes", "ja", "y", "j", "1", "true", "x"}


class Source(Protocol):
    """Where consents are read: hooks.resourcespace.consents.Consents."""

    @property
    def server(self) -> str: ...

    def all(self) -> list[ServerConsent]: ...

    def one(self, ref: int) -> ServerConsent | None: ...


@runtime_checkable
class KeepsConsents(Protocol):
    """A DAM that has the plugin consentmanager, perhaps."""

    def consents(self) -> Source: ...


def source_of(services: Services) -> Source:
    """The DAM's consents. Raises ConfigError where it can have none."""
    if not isinstance(services.dam, KeepsConsents):
        raise ConfigError("dam.kind: consentmanager is a plugin of ResourceSpace, and the DAM is another")
    return services.dam.consents()


@dataclass(frozen=True)
class Chosen:
    """What somebody decided of one consent: a row of the plan."""

    name: str
    purposes: tuple[str, ...]
    decision: Decision
    evidence: str = ""


@dataclass(frozen=True)
class Plan:
    """What would become of every consent, and the consents as they were read."""

    verdicts: tuple[Verdict, ...]
    forms: Mapping[int, ServerConsent]
    purposes: tuple[str, ...]


def plan(services: Services, source: Source, purposes: Sequence[str], actor: str) -> Plan:
    """What would become of every consent there. Raises ImportRefused where no purpose is named, DamError."""
    if not purposes:
        known = ", ".join(services.config.clearance.purposes)
        raise ImportRefused(
            f"consentmanager keeps no purpose: say for which its consents were given, by --purpose ({known})"
        )
    forms = {form.ref: form for form in source.all()}
    lines = [
        _line(services, source, form, Chosen(form.name, tuple(purposes), Decision()), Path())
        for form in forms.values()
    ]
    verdicts = [*writing.rehearsed(services, lines), *_gone(services, source, set(forms))]
    writing.note(services, Action.IMPORT_PLAN, NAME, verdicts, actor)
    return Plan(tuple(verdicts), forms, tuple(purposes))


def _gone(services: Services, source: Source, there: set[int]) -> list[Verdict]:
    """Consents that were imported and are no longer there: somebody should know why."""
    with services.store.read() as conn:
        origins = judge.origins(services, conn)
    start = f"{NAME}:{source.server}:"
    refs = {int(key.removeprefix(start)): origin for key, origin in origins.items() if key.startswith(start)}
    said = "it is not in the DAM's list any more: if that person took it back, withdraw it here"
    return [
        Verdict(Line(ref, ""), Status.GONE, said, origin.person_id)
        for ref, origin in sorted(refs.items()) if ref not in there
    ]  # fmt: skip


def _line(services: Services, source: Source, form: ServerConsent, chosen: Chosen, folder: Path) -> Line:
    """A consent as an entry, or why it is none."""
    channels, strange = _mapped(services, form)
    notes = (f"no channel here: {', '.join(strange)}",) if strange else ()
    try:
        if not channels:
            raise ConsentError(
                "none of its mediums is a channel here: see importing.mediums in the configuration"
            )
        if chosen.evidence:
            proof(services, folder, chosen.evidence)
        entry = Entry(
            number=form.ref, source=f"{NAME}:{source.server}:{form.ref}", name=chosen.name,
            uses=mapping.uses(
                chosen.purposes, channels, (services.config.clearance.purposes, services.config.clearance.channels)
            ),
            signed=_signed(form), text_version=NAME, until=mapping.day(form.expires, "expires"),
            email=form.email.strip(), birth_date=mapping.day(form.birth_date, "date of birth"),
            guardians=(form.guardian.strip(),) if form.guardian.strip() else (),
        )  # fmt: skip
    except StoreAway:
        raise
    except FaceLeaseError as error:
        return Line(form.ref, form.name, notes=notes, fault=str(error))
    evidence = partial(_evidence, services, form, chosen, folder)
    return Line(form.ref, form.name, entry, chosen.decision, evidence, notes)


def _mapped(services: Services, form: ServerConsent) -> tuple[tuple[str, ...], tuple[str, ...]]:
    table = services.config.importing.channel_of
    return mapping.mediums(form.usage, table, services.config.clearance.channels)


def _signed(form: ServerConsent) -> date:
    """The day of consent; where none was entered, the day on which the form was."""
    signed = mapping.day(form.signed, "date of consent") or mapping.day(form.created[:10], "created")
    if signed is None:
        raise ConsentError("it says neither when it was given nor when it was entered")
    return signed


def _evidence(services: Services, form: ServerConsent, chosen: Chosen, folder: Path) -> tuple[Evidence, ...]:
    """The consent as the DAM had it, and the signed form if somebody put it beside the plan."""
    row = Evidence(f"{NAME}-{form.ref}.json", form.raw)
    return (proof(services, folder, chosen.evidence), row) if chosen.evidence else (row,)


# ---- the plan as a file ---------------------------------------------------------------------


def written(services: Services, plan: Plan) -> bytes:
    """The plan as a CSV file: nothing in it is confirmed yet."""
    return csv_reports.written(COLUMNS, (_row(services, verdict, plan) for verdict in plan.verdicts))


def _row(services: Services, verdict: Verdict, plan: Plan) -> dict[str, object]:
    person = verdict.person_id or ""
    if person.startswith(judge.COMING):  # entered by a row before this one, under this name
        person = verdict.line.entry.name if verdict.line.entry else ""
    link = "existing" if person else "new" if verdict.status is Status.NEW else ""
    said: dict[str, object] = {
        "consent": verdict.line.number, "proposal": verdict.status.value, "reason": verdict.reason,
        "person": person, "link": link, "purpose": "; ".join(plan.purposes),
    }  # fmt: skip
    form = plan.forms.get(verdict.line.number)
    if form is None:
        return said
    channels, strange = _mapped(services, form)
    return said | {
        "name": form.name, "display_name": form.name, "channels": "; ".join(channels),
        "unmapped": "; ".join(strange), "mediums": form.usage, "signed": form.signed, "expires": form.expires,
        "birth_date": form.birth_date, "guardian": form.guardian, "email": form.email, "form_file": form.file,
        "fingerprint": form.fingerprint,
    }  # fmt: skip


def confirmed(row: Row) -> bool:
    """Whether somebody confirmed this row of a plan."""
    return row.cells.get("confirmed", "").strip().casefold() in _YES


def apply(
    services: Services, source: Source, table: Table, folder: Path, actor: str, watch: Watch = iter
) -> list[Verdict]:
    """Carry out the confirmed rows of a plan, each against what the DAM says of it now. Raises ImportRefused."""
    missing = {"consent", "confirmed", "fingerprint", "display_name"} - set(table.columns)
    if missing:
        raise ImportRefused(
            f"that is no plan: it has no column {', '.join(sorted(missing))}; make one with --plan"
        )
    lines, left = [], []
    for row in table.rows:
        cells = {column: csv_reports.plain(text) for column, text in row.cells.items()}
        if confirmed(row):
            lines.append(_confirmed(services, source, row, cells, folder))
        else:
            left.append(Verdict(Line(_number(cells), cells.get("name", "")), Status.UNCONFIRMED))
    verdicts = [*writing.carried_out(services, lines, actor, watch), *left]
    writing.note(services, Action.IMPORT_RUN, NAME, verdicts, actor)
    return sorted(verdicts, key=lambda verdict: verdict.line.number)


def _confirmed(services: Services, source: Source, row: Row, cells: Mapping[str, str], folder: Path) -> Line:
    ref, name = _number(cells), cells.get("name", "")
    try:
        if row.fault or not ref:
            raise ImportRefused(row.fault or "consent: that is no number of a consent")
        link = decided(cells.get("link", ""), cells.get("person", ""), cells.get("keep", ""))
        if not link.link:
            raise ImportRefused("link: say whose consent it is: new, adopt, or existing with the person")
        form = source.one(ref)
        if form is None:
            raise ImportRefused("the DAM does not have this consent any more, or does not show it")
        if form.fingerprint != cells.get("fingerprint", ""):
            raise ImportRefused("it was changed in the DAM since the plan was made: make a new plan")
        chosen = Chosen(
            cells.get("display_name", ""),
            mapping.parts(cells.get("purpose", "")),
            link,
            cells.get("evidence", ""),
        )
    except StoreAway:
        raise
    except FaceLeaseError as error:
        return Line(ref, name, fault=str(error))
    return _line(services, source, form, chosen, folder)


def _number(cells: Mapping[str, str]) -> int:
    text = cells.get("consent", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0
