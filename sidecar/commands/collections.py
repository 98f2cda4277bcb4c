"""`facelease collection`: list, set, history, lost, held, gone."""

from dataclasses import asdict
from typing import Any

import click

from plugin.flows.collections import mode_effect, modes, ruling_history, ruling_identity
from plugin.flows.collections.ruling_history import PastRuling
from plugin.flows.common.services import Services
from plugin.flows.consent import consequences
from plugin.flows.review import held_photos
from plugin.flows.views.collections import collection_list
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from plugin.words.plurals import pluralize
from sidecar.commands import confirmation
from sidecar.commands.common import DAY, Shell, actor, as_json, finish_jobs, say_finished
from sidecar.output import say, table
from sidecar.words import staff_words


@click.group()
def collection() -> None:
    """Where recognition is on, how far, and on what basis."""


@collection.command("list")
@as_json
def list_(shell: Shell, as_json: bool) -> None:
    """Every collection of the DAM with its mode; off unless somebody set it."""
    with shell.house() as services:
        modes.import_from_dam(services)
        rows = []
        for one in collection_list.every(services):
            about = {"ref": one.ref, "title": one.title, "resources": one.resources, "mode": one.mode.value}
            basis = {"today": one.today.value, "basis": one.basis or None, "review": one.review_date}
            warning = "rests on the controller's own reading of the law" if one.warned else ""
            rows.append(about | basis | {"warning": warning})
    heads = ["ref", "title", "resources", "mode", "today", "basis", "review", "warning"]
    say(as_json, rows, shell.table(heads, rows))


@collection.command("set")
@click.argument("ref")
@click.argument("mode", type=click.Choice([mode.value for mode in Mode]))
@click.option("--basis", type=click.Choice([basis.value for basis in Basis]), help="What makes comparing lawful here.")
@click.option("--reference", default="", help="Evidence; for controller the reference of the DPIA.")
@click.option("--by", default="", help="Who decided.")
@click.option("--date", "decided", type=DAY, help="When it was decided.")
@click.option("--review", "review_date", type=DAY, help="Until when the basis holds.")
@click.option("--member", "members", multiple=True, help="Who signed up for the shoot; may be repeated.")
@confirmation.yes_and_json
def set_(shell: Shell, ref: str, mode: str, basis: str | None, yes: bool, as_json: bool, **evidence: Any) -> None:
    """Set the MODE of the collection REF: off, detect, suggest, auto or never."""
    members: tuple[str, ...] = evidence.pop("members")
    ruling = modes.Ruling(Mode(mode), Basis(basis) if basis else None, BasisEvidence(**evidence), members)
    with shell.house() as services:
        confirmation.confirm(_describe_ending(services, ref, mode), yes)
        modes.decide(services, ref, ruling, actor())
        left = finish_jobs(services)
        reasons = mode_effect.explain(services, ref)
    said = [staff_words.without_effect(reason) for reason in reasons]
    notes = [{"code": one.code.value, "said": text} for one, text in zip(reasons, said, strict=True)]
    lines = [f"{ref}: {mode}" + (f" ({basis})" if basis else ""), *(f"note: {text}" for text in said)]
    say_finished(as_json, {"ref": ref, "mode": mode, "basis": basis, "no_effect": notes}, lines, left)


def _describe_ending(services: Services, ref: str, mode: str) -> list[str]:
    """What the new mode removes from the collection's photographs."""
    named, suggested = consequences.preview_mode(services, ref, mode)
    parts = []
    if named:
        lose = pluralize(named, "photograph loses", "photographs lose")
        parts.append(f"in {ref}: {lose} the names that the machine gave")
    if suggested:
        parts.append(f"in {ref}: {pluralize(suggested, 'suggestion goes', 'suggestions go')}")
    return parts


@collection.command("history")
@click.argument("ref")
@as_json
def history(shell: Shell, ref: str, as_json: bool) -> None:
    """Every decision about the collection REF, oldest first: who, when, mode, basis, reference, and why."""
    with shell.house() as services:
        found = ruling_history.read(services, ref, actor())
    rows = [asdict(one) | {"why": one.why.value} for one in found]
    heads = ["when", "who", "why", "mode", "basis", "reference", "decided by", "review", "members"]
    lines = []
    for one in found:
        by, members = " ".join(filter(None, [one.by, str(one.decided or "")])), ", ".join(one.names)
        change = [shell.local(one.set_at), one.set_by, _describe_reason(one), one.mode, one.basis, one.reference]
        lines.append([*change, by, one.review_date or "", members or one.members or ""])
    say(as_json, rows, table(heads, lines))


@collection.command("lost")
@as_json
def lost(shell: Shell, as_json: bool) -> None:
    """Rulings whose folder is not where it was and could not be followed."""
    with shell.house() as services, services.store.read() as conn:
        found = held_photos.list_lost_rulings(conn)
    rows = [{"ref": row.ref, "mode": row.mode, "since": row.lost_at, "halts": row.lost_below or ""} for row in found]
    lines = [[row.ref, row.mode, shell.local(row.lost_at), row.lost_below or ""] for row in found]
    say(as_json, rows, table(["ref", "mode", "since", "nothing is compared below"], lines))


@collection.command("held")
@click.argument("ref", required=False)
@as_json
def held(shell: Shell, ref: str | None, as_json: bool) -> None:
    """Photographs (in the collection REF) that came from under a stricter ruling and wait for a decision."""
    with shell.house() as services, services.store.read() as conn:
        if ref is not None:
            modes.refuse_unknown(services, conn, [ref])
        found = held_photos.list_held(services, conn, ref)
    say(as_json, [{"ref": one} for one in found], found or ["none"])


@collection.command("gone")
@click.argument("ref")
@confirmation.yes_and_json
def gone(shell: Shell, ref: str, yes: bool, as_json: bool) -> None:
    """Say that the lost collection REF is gone: what waited for it goes on. Its photographs stay under its ruling,
    wherever they turn up, until somebody rules on where they lie then."""
    with shell.house() as services:
        waits = f"the search for {ref}: what waited for it is compared without its ruling"
        confirmation.confirm([waits] if consequences.is_ruling_lost(services, ref) else [], yes)
        ruling_identity.give_up(services, ref, actor())
        left = finish_jobs(services)
    say_finished(as_json, {"ref": ref, "gone": True}, [f"{ref}: gone"], left)


def _describe_reason(one: PastRuling) -> str:
    return f"{one.why.value} from {one.moved_from} to {one.ref}" if one.moved_from else one.why.value
