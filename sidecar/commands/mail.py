"""`facelease mail`: whether letters can be sent, what became of them, and the calendar's letters now."""

from dataclasses import asdict
from uuid import uuid4

import click

from plugin.flows.mail import delivery
from plugin.flows.schedule import calendar
from plugin.words.plurals import pluralize
from sidecar.commands.common import Shell, as_json, finish_jobs, say_finished
from sidecar.output import say

_NO_MAIL = (
    "no mail is sent, because mail.host is empty: make links with `facelease quitclaim invite` and hand them over"
)


@click.group()
def mail() -> None:
    """Letters to the people in photographs, and to the owner."""


@mail.command()
@click.argument("address")
@as_json
def test(shell: Shell, address: str, as_json: bool) -> None:
    """Send one letter to ADDRESS now, to see whether it arrives."""
    with shell.house(catch_up=False) as services:
        delivery.send_now(services, uuid4().hex, "test", address, services.config.site.language)
    say(as_json, {"taken": True}, ["the mail server took it: look whether it arrives, and not among junk"])


@mail.command("list")
@as_json
def list_(shell: Shell, as_json: bool) -> None:
    """What waits to be sent, and what will not be: the newest hundred. Shows no address."""
    with shell.house() as services:
        sent, others = delivery.list_unsent(services, 100)
    rows = [asdict(one) | {"person": one.person or "(owner)"} for one in others]
    lines = shell.table(["id", "kind", "person", "state", "since", "error"], rows) if rows else []
    say(as_json, {"sent": sent, "others": rows}, [f"{sent} sent", *lines])


@mail.command()
@as_json
def due(shell: Shell, as_json: bool) -> None:
    """Queue and send now what the calendar asks for by today; the worker does the same every day."""
    with shell.house() as services:
        if not services.config.mail.host:
            raise click.ClickException(_NO_MAIL)
        counts = calendar.send_reminders(services)
        left = finish_jobs(services, "mail")
        refused = delivery.list_failures(services, services.queue.followed("mail"))
    said = ", ".join(f"{kind} {count}" for kind, count in counts.items() if count)
    lines = [said or "nothing is due"]
    if refused:
        failed = pluralize(len(refused), "was not sent", "were not sent")
        lines.append(f"{failed}: {refused[0]}; facelease mail list shows them")
    say_finished(as_json, counts, lines, left)
    if refused:
        raise SystemExit(1)
