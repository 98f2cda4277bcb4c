"""`facelease person page | lock | siblings | requests`: links to people's own pages, and what they ask for there."""

import click

from plugin.errors import ConsentError
from plugin.flows.access import links
from plugin.flows.consent import consequences
from plugin.flows.people import guardian_links
from plugin.flows.review import already_done
from plugin.flows.rights import erasure_requests
from plugin.flows.signing import lost_links
from plugin.words.plurals import pluralize
from sidecar.commands import confirmation
from sidecar.commands.common import (
    Shell,
    actor,
    as_json,
    describe_act,
    find_person,
    finish_jobs,
    say_finished,
    send_letters,
)
from sidecar.output import say, table

_KNOWN_SIBLINGS = "that was said already: their guardian sees both on one page"


@click.command()
@click.argument("who")
@click.option("--guardian", help="The id of the guardian who is written to.")
@click.option("--mail", is_flag=True, help="Send it to the address on file.")
@as_json
def page(shell: Shell, who: str, guardian: str | None, mail: bool, as_json: bool) -> None:
    """Send a letter with what the address on file may open: the full page, or the key to what was signed there."""
    if not mail:
        raise ConsentError(
            "nobody of the staff sees the link to somebody's page: --mail sends it to the address on file. What the "
            "person wants to end, facelease quitclaim withdraw ends at once"
        )
    with shell.person(who) as (services, person_id):
        lost_links.send_letter(services, person_id, guardian, actor())
        left = send_letters(services)
    said = [] if left else ["the mail server took the letter to the address on file"]
    say_finished(as_json, {"id": person_id}, said, left)


@click.command()
@click.argument("who")
@confirmation.yes_and_json
def lock(shell: Shell, who: str, yes: bool, as_json: bool) -> None:
    """Take back every link to a person's page, and every key: one was mislaid, or went to the wrong address."""
    with shell.person(who) as (services, person_id):
        confirmation.confirm_ending(consequences.preview_lock(services, person_id), yes)
        with services.store.write() as tx:
            count = links.revoke_page_links(services, tx, person_id, actor())
            before = None if count else already_done.find_locked_at(tx, person_id)
        taken = f"{pluralize(count, 'link')} taken back: none opens the page any more"
        said = describe_act(services, taken, before, "no link is out: the last had ended")
    say(as_json, {"id": person_id, "revoked": count, "ended_before": before}, [said])


@click.command()
@click.argument("one")
@click.argument("guardian_of_one")
@click.argument("other")
@click.argument("guardian_of_other")
@as_json
def siblings(shell: Shell, one: str, guardian_of_one: str, other: str, guardian_of_other: str, as_json: bool) -> None:
    """Say that two guardians, each by the id of its entry, are one person: their link then shows both children."""
    with shell.house() as services:
        pairs = ((find_person(services, one), guardian_of_one), (find_person(services, other), guardian_of_other))
        joined = guardian_links.link_guardians(services, *pairs, actor())
    said = "their guardian now sees both on one page" if joined else _KNOWN_SIBLINGS
    say(as_json, {"children": [pair[0] for pair in pairs], "changed": joined}, [said])


@click.group("requests")
def requests_() -> None:
    """What people asked for on their own pages, and the term of each."""


@requests_.command("list")
@as_json
def list_(shell: Shell, as_json: bool) -> None:
    """What waits for a decision, the most urgent first."""
    with shell.house() as services:
        waiting = erasure_requests.list_waiting(services)
    rows, cells = [], []
    for one in waiting:
        who = {"id": one.id, "person": one.person_id, "name": one.name, "asks": one.kind, "by": one.asked_by}
        times = {"asked": one.asked_at, "due": one.due_on, "overdue": one.overdue}
        rows.append(who | times | {"certificate": one.number})
        cells.append([one.id, one.name, one.kind, one.asked_by, f"{one.due_on}{' OVERDUE' if one.overdue else ''}"])
    say(as_json, rows, table(["id", "name", "asks for", "asked by", "due"], cells))


@requests_.command()
@click.argument("request_id")
@click.option("--grant/--refuse", required=True, help="Forget the person from now on, or not.")
@click.option("--reason", default="", help="Of a refusal: the person reads it.")
@confirmation.yes_and_json
def decide(shell: Shell, request_id: str, grant: bool, reason: str, yes: bool, as_json: bool) -> None:
    """Decide on a request: `--grant`, or `--refuse --reason ...`."""
    with shell.house() as services:
        asks = {one.id: one for one in erasure_requests.list_waiting(services)}.get(request_id)
        if grant and asks is not None:
            confirmation.confirm_erasure(consequences.preview_erasure(services, asks.person_id), yes)
        number = erasure_requests.decide(services, request_id, grant, actor(), reason)
        left = finish_jobs(services)
    outcome = erasure_requests.DONE if grant else erasure_requests.REFUSED
    said = "forgotten" if grant and not left else "the erasure has begun" if grant else "refused"
    told = [said, *([f"its certificate: facelease person certificate {number}"] if number else [])]
    say_finished(as_json, {"id": request_id, "outcome": outcome, "certificate": number}, told, left)
