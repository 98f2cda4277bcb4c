"""`facelease reconcile` and `facelease tags`: the DAM compared with the ledger, and names that were set by hand."""

import time
from collections.abc import Mapping
from dataclasses import asdict

import click

from plugin.clock import format_local_day
from plugin.errors import DamError, NothingDone
from plugin.flows.common.services import Services
from plugin.flows.review import names_by_hand
from plugin.flows.review.names_by_hand import HandName
from plugin.flows.schedule import reconciliation
from plugin.flows.schedule.reconciliation import Reconciliation, ReconciliationOutcome
from plugin.flows.views import waiting_list
from plugin.flows.views.waiting_list import WaitingKind
from plugin.words.plurals import pluralize
from sidecar.commands import confirmation
from sidecar.commands.common import NOT_FINISHED, NUMBER, Shell, actor, as_json, find_person
from sidecar.output import say, table
from sidecar.running.runner import Runner

_PAUSE = 1.0


@click.command()
@click.option("--wait", is_flag=True, help="Until all is done, also what is tried again later or runs elsewhere.")
@as_json
def reconcile(shell: Shell, wait: bool, as_json: bool) -> None:
    """Compare every photograph that is known with the DAM now, as is done each day by itself.

    Names of ours that came back are taken off, names by hand are listed. Exit code: 0 if all of it was done, 3 if
    something waits for another try or for another worker, 1 if something was given up.
    """
    with shell.house() as services:
        begun = reconciliation.begin_reconciliation(services)
        if not begun.resources and not begun.changes:
            raise NothingDone("no photograph is known yet, so nothing was compared: facelease scan enters them")
        photographs, changes = pluralize(begun.resources, "photograph"), pluralize(begun.changes, "change")
        click.echo(f"{photographs} to compare, {changes} in the DAM", err=True)
        found = _run_jobs(services, begun, wait)
    say(as_json, asdict(begun) | asdict(found) | {"done": found.done}, _describe_outcome(found))
    if not found.done:
        raise SystemExit(1 if found.given_up else NOT_FINISHED)


def _run_jobs(services: Services, begun: Reconciliation, wait: bool) -> ReconciliationOutcome:
    runner = Runner(services)
    while True:
        runner.drain(reconciliation.JOB_KINDS, threads=runner.threads)
        found = reconciliation.find_outcome(services, begun)
        if not wait or not found.open:
            return found
        time.sleep(_PAUSE)


def _describe_outcome(found: ReconciliationOutcome) -> list[str]:
    lines = [f"{pluralize(found.taken_off, 'name')} taken off that had no ground any more"]
    if found.undecided:
        one, many = "name by hand of somebody who ended waits", "names by hand of people who ended wait"
        wait = pluralize(found.undecided, one, many)
        lines.append(f"{wait} for a decision ({found.listed} new): facelease tags list")
    if found.failed_writes:
        lines.append(f"{pluralize(found.failed_writes, 'name')} could not be written: facelease doctor")
    if found.open:
        jobs = _list_counts(found.open)
        lines.append(f"not done, to be tried again: {jobs}: facelease reconcile --wait, or a worker")
    if found.given_up:
        lines.append(f"given up: {_list_counts(found.given_up)}: facelease doctor says why")
    return [*lines, "everything was compared"] if found.done else lines


def _list_counts(jobs: Mapping[str, int]) -> str:
    return ", ".join(f"{kind} {count}" for kind, count in sorted(jobs.items()))


@click.group()
def tags() -> None:
    """Names by hand of people who ended: let them stand, or take them off."""


@tags.command("list")
@click.option("--person", help="Only this one's.")
@click.option("--kept", is_flag=True, help="Those that somebody lets stand.")
@click.option("--after", default=0, help="Only tags after this one: the next page.")
@click.option("--limit", default=100, show_default=True, help="So many at most.")
@as_json
def list_(shell: Shell, person: str | None, kept: bool, after: int, limit: int, as_json: bool) -> None:
    """Those that wait for a decision."""
    with shell.house() as services:
        person_id = find_person(services, person) if person else None
        found = names_by_hand.list_hand_names(services, person_id, kept, after, limit)
        waiting_list.note_look(services, WaitingKind.HAND_NAMES, actor(), len(found))
        zone = services.config.site.zone
    width = 5 if kept else 4
    cells = [[one.tag_id, one.ref, one.name, format_local_day(one.since, zone), one.kept_by][:width] for one in found]
    lines = table(["tag", "photo", "person", "since", "kept by"][:width], cells)
    say(as_json, [asdict(one) for one in found], lines)


_TAGS = click.argument("tags", nargs=-1, type=NUMBER)
_PERSON = click.option("--person", help="All that wait of this one.")


def _find_chosen(services: Services, tags: tuple[int, ...], person: str | None) -> list[int]:
    if not tags and not person:
        raise click.UsageError("name tags by their numbers, or a person with --person")
    mine: list[HandName] = []
    if person:
        mine = names_by_hand.list_hand_names(services, find_person(services, person), limit=1_000_000)
        if not mine and not tags:
            raise NothingDone("no name by hand of this person waits for a decision: facelease tags list")
    return [*tags, *(one.tag_id for one in mine)]


@tags.command()
@_TAGS
@_PERSON
@as_json
def keep(shell: Shell, tags: tuple[int, ...], person: str | None, as_json: bool) -> None:
    """The names stand; who decided it is recorded. They block their photographs all the same."""
    with shell.house() as services:
        chosen = _find_chosen(services, tags, person)
        before = names_by_hand.count_kept(services, chosen)
        count = names_by_hand.keep_names(services, chosen, actor())
    lines = [f"{pluralize(count, 'name stands', 'names stand')} by your decision"]
    lines += [f"kept already: {before} of them"] if before else []
    say(as_json, {"kept": count, "kept_before": before}, lines)


@tags.command()
@_TAGS
@_PERSON
@confirmation.yes_and_json
def remove(shell: Shell, tags: tuple[int, ...], person: str | None, yes: bool, as_json: bool) -> None:
    """The names go from the DAM; who decided it is recorded."""
    with shell.house() as services:
        chosen = _find_chosen(services, tags, person)
        count = names_by_hand.count_standing(services, chosen)
        confirmation.confirm([f"{pluralize(count, 'name')} that somebody set by hand"] if count else [], yes)
        try:
            count, why = names_by_hand.remove_names(services, chosen, actor()), None
        except DamError as error:
            count, why = len(set(chosen)) - names_by_hand.count_standing(services, chosen), str(error)
    lines = [f"{pluralize(count, 'name')} taken off by your decision"]
    lines += [f"not finished: {why}; facelease work tries those again"] if why else []
    say(as_json, {"removed": count, "unfinished": why}, lines)
    if why:
        raise SystemExit(NOT_FINISHED)
