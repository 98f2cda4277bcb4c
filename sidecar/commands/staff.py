"""`facelease staff`: add, list, role, reset, remove: accounts of our own, for the console without a DAM's."""

from datetime import timedelta

import click

from plugin.flows.access import staff_sessions
from plugin.flows.access.own_accounts import register
from plugin.flows.access.staff import Role
from plugin.flows.common.services import Services
from plugin.words.plurals import pluralize
from sidecar.commands import confirmation
from sidecar.commands.common import Shell, actor, as_json
from sidecar.output import say

_ROLES = click.Choice([role.value for role in Role])
_ROLE = click.option("--role", required=True, type=_ROLES, help="What the account may do.")
_COLLECTIONS = click.option("--collection", multiple=True, help="An editor sees this one alone; may be repeated.")


@click.group()
def staff() -> None:
    """Accounts of our own for the staff, who sign in with a password."""


@staff.command()
@click.argument("name")
@_ROLE
@_COLLECTIONS
@as_json
def add(shell: Shell, name: str, role: str, collection: tuple[str, ...], as_json: bool) -> None:
    """Make an account, and print the link by which its password is set, once."""
    with shell.house(catch_up=False) as services:
        link = register.add(services, name, Role(role), actor(), collection)
        until = services.clock.now() + timedelta(hours=services.config.access.link_hours)
    data = {"name": register.spell(name), "role": role, "link": link, "until": until}
    say(as_json, data, [link, f"for {data['name']}, once, until {shell.local(until)}: hand it over now"])


@staff.command("list")
@as_json
def list_(shell: Shell, as_json: bool) -> None:
    """Every account of ours, with its role, and whether it has a second factor."""
    with shell.house(catch_up=False) as services:
        rows = [vars(one) | {"collections": one.collections or []} for one in register.list_all(services)]
    shown = [row | {"factor": "yes" if row["factor"] else "no"} for row in rows]
    say(as_json, rows, shell.table(["name", "role", "state", "factor", "collections", "signed_in"], shown))


@staff.command()
@click.argument("name")
@_ROLE
@_COLLECTIONS
@as_json
def role(shell: Shell, name: str, role: str, collection: tuple[str, ...], as_json: bool) -> None:
    """Give an account another role, or other limits. Whoever is signed in with it has it at once."""
    with shell.house(catch_up=False) as services:
        changed = register.set_role(services, name, Role(role), actor(), collection)
    key = register.spell(name)
    said = f"{key} is {role} now" if changed else f"{key} is {role} already"
    say(as_json, {"name": key, "role": role, "collections": sorted(set(collection)), "changed": changed}, [said])


@staff.command()
@click.argument("name")
@confirmation.yes_and_json
def reset(shell: Shell, name: str, yes: bool, as_json: bool) -> None:
    """End password, second factor and sessions of an account, and print a new link for it."""
    with shell.house(catch_up=False) as services:
        key = register.spell(name)
        active = any(one.name == key and one.state == "active" for one in register.list_all(services))
        what = f"password and second factor of {key}, and {_count_sessions(services, key)}"
        confirmation.confirm([what] if active else [], yes)
        link = register.reset(services, key, actor())
        until = services.clock.now() + timedelta(hours=services.config.access.link_hours)
    say(as_json, {"name": key, "link": link, "until": until}, [link, f"for {key}, once, until {shell.local(until)}"])


@staff.command()
@click.argument("name")
@confirmation.yes_and_json
def remove(shell: Shell, name: str, yes: bool, as_json: bool) -> None:
    """Remove an account. Whoever is signed in with it is signed out at once."""
    with shell.house(catch_up=False) as services:
        key = register.spell(name)
        there = any(one.name == key for one in register.list_all(services))
        what = f"the account {key}, and {_count_sessions(services, key)}"
        confirmation.confirm([what] if there else [], yes)
        ended = register.remove(services, key, actor())
    say(as_json, {"name": key, "sessions_ended": ended}, [f"{key} is removed; {pluralize(ended, 'session')} ended"])


def _count_sessions(services: Services, key: str) -> str:
    open_ = staff_sessions.list_open(services)
    return pluralize(sum(one.user == key and one.door == register.DOOR for one in open_), "session")
