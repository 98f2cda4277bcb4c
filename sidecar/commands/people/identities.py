"""`facelease person address | recognised | distinct`: where somebody is written to, and how we know that it is them."""

import click

from plugin.flows.consent import consequences
from plugin.flows.people import addresses, recognitions, register
from sidecar.commands import confirmation
from sidecar.commands.common import Shell, actor, as_json
from sidecar.output import say

_KEPT = "kept. It opens the full page when it is confirmed, and seven days after it replaced another"
_NO_ADDRESS = "noted that you know them; no address is on file, so there is none that it confirms"


@click.command()
@click.argument("who")
@click.argument("email")
@click.option("--guardian", default=None, metavar="ID", help="The address is this guardian's.")
@confirmation.yes_and_json
def address(shell: Shell, who: str, email: str, guardian: str | None, yes: bool, as_json: bool) -> None:
    """Put EMAIL on file for WHO, "" for none; the address before it is told."""
    with shell.person(who) as (services, person_id):
        if not email and consequences.preview_address(services, person_id, guardian):
            confirmation.confirm([f"the address of {guardian or who}: no letter reaches them any more"], yes)
        changed = register.change_address(services, person_id, email, actor(), guardian)
    said = _KEPT if changed else "this address was on file already"
    say(as_json, {"id": person_id, "changed": changed}, [said if email else "no address is on file any more"])


@click.command()
@click.argument("who")
@click.option("--how", required=True, type=click.Choice(addresses.WAYS_TO_RECOGNISE), help="How they were recognised.")
@click.option("--guardian", default=None, metavar="ID", help="This guardian was recognised, not the person.")
@click.option("--reason", default="", help="Why you confirm what you entered yourself; the officer reads it.")
@as_json
def recognised(shell: Shell, who: str, how: str, guardian: str | None, reason: str, as_json: bool) -> None:
    """Record how you recognised WHO: the address on file is theirs, and opens their page."""
    with shell.person(who) as (services, person_id):
        confirmed = recognitions.recognise(services, person_id, guardian, how, actor(), reason=reason)
    said = "noted: the address on file is theirs" if confirmed else _NO_ADDRESS
    say(as_json, {"id": person_id, "how": how, "confirmed": confirmed}, [said])


@click.command()
@click.argument("who")
@as_json
def distinct(shell: Shell, who: str, as_json: bool) -> None:
    """WHO signed up under a name that was taken, and is another person indeed: take the mark off."""
    with shell.person(who) as (services, person_id):
        register.clear_namesake(services, person_id, actor())
    say(as_json, {"id": person_id, "namesake": False}, [f"{person_id}: another person of that name"])
