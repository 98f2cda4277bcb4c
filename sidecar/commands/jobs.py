"""`facelease jobs`: what waits, what was given up and why; and having it tried again now."""

from dataclasses import asdict

import click

from plugin.flows.schedule import calendar, retries
from sidecar.commands.common import NUMBER, Shell, actor, as_json, finish_jobs, say_finished
from sidecar.output import say, table
from sidecar.words import error_words, staff_words

_MOST = 200


@click.group()
def jobs() -> None:
    """The work of the queue: what waits, and what was given up."""


@jobs.command("list")
@as_json
def list_(shell: Shell, as_json: bool) -> None:
    """What waits, by kind; and the newest two hundred that failed: given up, or tried again by themselves.

    What was given up is started again once a day. Shows photographs and pseudonymous ids, nobody's name.
    """
    with shell.house(catch_up=False) as services:
        pending, waiting = retries.list_pending(services, _MOST), retries.count_open_by_kind(services)
    rows = []
    for one in pending:
        then, why = shell.local(one.next) or "given up", error_words.reason(one.why).line
        rows.append([one.id, staff_words.job(one.kind), one.about, shell.local(one.since), one.tried, then, why])
    lines = [f"waiting: {count} x {staff_words.job(kind)}" for kind, count in sorted(waiting.items())]
    lines += table(["id", "what", "of", "since", "tried", "next", "why"], rows) if rows else ["nothing failed"]
    say(as_json, {"waiting": waiting, "failed": [asdict(one) for one in pending]}, lines)


@jobs.command()
@click.argument("job_id", required=False, type=NUMBER)
@click.option("--all", "every", is_flag=True, help="Everything that is owed, whether or not it was given up.")
@click.option("--kind", type=click.Choice(sorted(calendar.HANDLERS)), help="What was given up of this kind.")
@as_json
def retry(shell: Shell, job_id: int | None, every: bool, kind: str | None, as_json: bool) -> None:
    """Try again now: a job by its number, those of a kind, or all; and say what is still not done."""
    if [job_id is not None, every, kind is not None].count(True) != 1:
        raise click.UsageError("give the number of one job, or --kind KIND, or --all")
    with shell.house() as services:
        count = retries.retry(services, actor(), job_id, kind)
        left = finish_jobs(services, *(one for one in calendar.HANDLERS if services.queue.followed(one)))
    say_finished(as_json, {"started": count}, [f"{count} started again"], left)
