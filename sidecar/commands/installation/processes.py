"""`facelease init`, `migrate`, `serve`, `work`, `scan`, `sweep`, `doctor`: running the installation."""

import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import click

from plugin.errors import NothingDone
from plugin.flows.common import closed_house
from plugin.flows.common.services import Services
from plugin.flows.matching import engine_status
from plugin.flows.photos import scan_queue, scan_requests
from plugin.flows.schedule import calendar, house_closing
from plugin.ledger.store.store import migrate as migrate_store
from plugin.ledger.store.store import read_revision as revision_of
from plugin.words.plurals import pluralize
from sidecar.commands import confirmation
from sidecar.commands.common import Shell, actor, as_json, finish_jobs, say_finished
from sidecar.output import safe, say
from sidecar.running import bootstrap, logs, loops, shutdown, worker_supervisor
from sidecar.running.runner import Runner
from sidecar.words import engine_words, left_out_words

_WITHOUT_ENDED_LOG = (
    "Begin ended.log anew with what the store knows to have ended, because the right one is lost. The reason "
    "stands in the log for years: name nobody in it."
)
_SWITCH_ON = "facelease collection set REF detect switches one on"
_STOPPED = "stopped: facelease scan goes on where it was, or facelease work does"


@click.command()
@click.argument("what", required=False, type=click.Choice(["resourcespace"]))
@as_json
def init(shell: Shell, what: str | None, as_json: bool) -> None:
    """Make the data folder, the master key and the store. Harmless to repeat.

    With "resourcespace": also the DAM's fields that show until when a photograph is cleared. Its
    account must be a Super Admin for as long as that takes.
    """
    made = bootstrap.init(shell.config)
    if what:
        made += bootstrap.init_fields(shell.config)
    lines = made or ["everything is there already: nothing was made"]
    better = engine_status.find_better(bootstrap.resolve_models(shell.config).recognizer)
    told = [] if better is None else [engine_words.better(better)]
    say(as_json, {"made": made, "better_engine": better and better.card.name}, [*lines, *told])


@click.command()
@as_json
def migrate(shell: Shell, as_json: bool) -> None:
    """Bring the store's schema to this version; the rows stay. Make a backup first."""
    before = revision_of(shell.config.store_url)
    if before is None:
        raise NothingDone("there is no store to bring to this version: facelease init makes one")
    revision = migrate_store(shell.config.store_url)
    already = " already" if before == revision else f", and was at {before}"
    data = {"revision": revision, "before": before}
    say(as_json, data, [f"the store is at schema {revision}{already}"])


@click.command()
@click.option("--with-worker", is_flag=True, help="Also run the worker beside it: for one machine.")
@click.pass_obj
def serve(shell: Shell, with_worker: bool) -> None:
    """Listen for HTTP."""
    from sidecar import server  # and with it all that answers HTTP, which no other command needs

    logs.configure(shell.config)
    server.serve(shell.config, shell.path, with_worker)


@click.command()
@click.option("--beside-server", is_flag=True, hidden=True, help="Started by `serve`: standard input is a line to it.")
@click.pass_obj
def work(shell: Shell, beside_server: bool) -> None:
    """Run jobs and the calendar until told to stop (SIGTERM, Ctrl-C)."""
    logs.configure(shell.config)
    loops.log_thread_errors()
    swept = worker_supervisor.follow_server() if beside_server else lambda: None
    with bootstrap.wait_for_house(shell.config, shell.clock, shutdown.shutdown.requested, swept) as services:
        if services is not None:
            Runner(services).run(shutdown.shutdown.requested, swept, begun=shutdown.shutdown.begin)


@click.command()
@click.argument("collections", nargs=-1)
@click.option("--again", is_flag=True, help="Also what has been examined already.")
@click.option("--other-engine", is_flag=True, help="Also what another engine than the one that serves has examined.")
@click.option(
    "--late-consent", "late", is_flag=True, help="Only photographs with unnamed faces, for who enrolled since."
)
@click.option("--left-out", is_flag=True, help="Only list what is not taken up into the library, and why.")
@confirmation.yes_and_json
def scan(
    shell: Shell,
    collections: tuple[str, ...],
    again: bool,
    other_engine: bool,
    late: bool,
    left_out: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Examine the photographs of the collections that are switched on; stopped, it goes on where it was.

    In a closed house nothing is examined, and the exit code is not 0.
    """
    with shell.house() as services:
        if left_out:
            _print_left_out(services, as_json)
            return
        closed_house.refuse(services)
        with services.dam.one_walk():
            changes = calendar.poll_dam(services)
            noted = 0 if late else scan_requests.count_only_noted(services, collections)
            if late:
                scan_requests.refuse_nobody(services)
                scan_queue.begin_late_consent(services, paced=False)
                Runner(services).drain([scan_queue.LATE_JOB])
            elif not noted:
                due = scan_queue.list_due(services, collections, again, other_engine)
                _queue_photographs(services, collections, due, quiet=yes or as_json)
        began, total = time.perf_counter(), scan_queue.count_waiting(services)
        _drain(services, total, quiet=as_json)
        seconds = time.perf_counter() - began
        left = services.queue.unfinished(("photo",))
        done = 0 if noted else total - len(left)
        found = {"changes": changes, "noted": noted, **_rate(done, seconds), **services.queue.counts()}
        out = services.dam.left_out()
    data = found | {"left_out": left_out_words.data(out)}
    say_finished(as_json, data, [_summarise(found, total), *left_out_words.summary(out)], left)


def _summarise(found: dict[str, Any], total: int) -> str:
    if found["noted"]:
        noted = f"Photographs noted: {found['noted']}, examined: none"
        return f"recognition is switched on for no collection. {noted}. {_SWITCH_ON}"
    if not total:
        return "nothing is left to examine: every photograph there was examined already"
    photographs = pluralize(found["examined"], "photograph")
    return f"{photographs} in {found['seconds']:.0f} s ({found['per_second']:.1f} a second)"


def _queue_photographs(services: Services, collections: tuple[str, ...], due: Iterator[str], quiet: bool) -> None:
    """Queue the photographs, after somebody at the terminal has seen the cost and agreed."""
    scan_requests.refuse_nothing(services, collections)
    refs = list(due)
    click.echo(_describe_cost(services, scan_queue.estimate_cost(services, refs)), err=True)
    if refs and not quiet and sys.stdin.isatty():
        click.confirm("Go on?", default=True, abort=True)
    scan_queue.enqueue(services, refs)


def _rate(done: int, seconds: float) -> dict[str, float]:
    rate = done / seconds if seconds else 0.0
    return {"examined": done, "seconds": round(seconds, 1), "per_second": round(rate, 2)}


def _print_left_out(services: Services, as_json: bool) -> None:
    found = services.dam.left_out()
    data = left_out_words.data(found) | {"files": [asdict(one) for one in found]}
    lines = [safe(left_out_words.one(one)) for one in found]
    nothing = "nothing is left out: every file that holds a picture is part of the library"
    say(as_json, data, lines or [nothing])


def _describe_cost(services: Services, cost: scan_queue.ScanCost) -> str:
    took = ""
    if cost.seconds is not None:
        minutes = cost.seconds / services.config.recognizer.processes / 60
        took = f", about {minutes:.0f} min" if minutes >= 1 else ", less than a minute"
    others = pluralize(cost.left_out, "other is", "others are")
    left = f"; {others} in no collection that is on, or done" if cost.left_out else ""
    return f"{pluralize(cost.photos, 'photograph')} to examine{took} (measured on the first few){left}"


def _drain(services: Services, total: int, quiet: bool) -> None:
    """Run the jobs behind a progress bar with the rate and the time left."""
    runner = Runner(services)
    began = time.perf_counter()

    def rate(done: int | None) -> str | None:
        return f"{done / (time.perf_counter() - began):.1f} images/s" if done else None

    with click.progressbar(
        range(total), label="scan", show_pos=True, show_eta=True, item_show_func=rate, hidden=quiet
    ) as bar:

        def show() -> None:
            done = total - scan_queue.count_waiting(services)
            bar.update(max(0, done - bar.pos), done)

        try:
            runner.drain(threads=runner.threads, meanwhile=show)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(_STOPPED) from None
        show()


@click.command()
@as_json
def sweep(shell: Shell, as_json: bool) -> None:
    """End what the calendar has ended, now, and carry out what follows."""
    with shell.house(catch_up=False) as services:
        before = services.clock.now()
        ended = calendar.start_process(services)
        counts = calendar.run_housekeeping(services)
        left = finish_jobs(services, "revoke", "recompute", "erase", "remode", "look-again", "state")
        calendar.write_log_head(services)
    lines = [f"{pluralize(ended, 'grant')} ended; " + _summarise_rows(counts)]
    say_finished(as_json, {"at": before, "ended": ended, "rows": counts}, lines, left)


def _summarise_rows(counts: dict[str, int]) -> str:
    gone = [f"{kind} {count}" for kind, count in counts.items() if count]
    return "rows past their term: " + (", ".join(gone) or "none")


@click.command()
@as_json
def doctor(shell: Shell, as_json: bool) -> None:
    """Check configuration, keys, store, DAM, weights, permissions and terms; say how to mend each.

    What waits for somebody's decision is listed as WAIT, and is no failure; what went wrong is. What could not be
    looked at is not called well: its line begins with --.
    """
    from sidecar.doctor import checks as checkup

    findings = checkup.run_checks(shell.config, shell.clock)
    data = [asdict(finding) for finding in findings]
    lines = []
    for finding in findings:
        well = "ok  " if finding.looked else "--  "
        label = "WAIT" if finding.waits else well if finding.ok else "BAD "
        said = finding.said if finding.looked else f"not looked at: {finding.said}"
        lines.append(f"{label} {finding.what}: {said}")
        if finding.mend and (finding.waits or not finding.ok):
            lines.append(f"     {'do' if finding.waits else 'mend'}: {finding.mend}")
    say(as_json, data, lines)
    if not all(finding.ok for finding in findings):
        raise SystemExit(1)


@click.command()
@click.option("--without-ended-log", "reason", metavar="REASON", help=_WITHOUT_ENDED_LOG)
@confirmation.yes_and_json
def reopen(shell: Shell, reason: str | None, yes: bool, as_json: bool) -> None:
    """Open a closed house: ended.log is missing, shorter or not what it was, and nothing is compared or cleared.

    Where the right file has been put back no option is needed: then every process opens the house by itself.
    """
    with shell.house(catch_up=False) as services:
        if reason is None:
            closed_house.refuse(services)
            calendar.start_process(services)
            say(as_json, {"open": True}, ["the house is open: ended.log is what was known of it, or longer"])
            return
        with services.store.read() as conn:
            closed = closed_house.find_reason_in(services, conn) is not None
        again = "what only the ended.log of before knew to have ended is in force again"
        confirmation.confirm([again] if closed else [], yes)
        begun = house_closing.open_without_ended_log(services, reason, actor())
        calendar.start_process(services)
    said = [
        f"the house is open: a new ended.log was begun with {pluralize(begun.lines, 'ending')} that the store knows",
        "what only the old file knew has not ended any more: facelease doctor says since when it is so",
    ]
    said += [f"the file that was there: {begun.aside}"] if begun.aside else []
    say(as_json, {"open": True, "lines": begun.lines, "set_aside": str(begun.aside or "")}, said)
