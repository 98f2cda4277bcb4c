"""`facelease session`: list, end: who of the staff is signed in to the console."""

import click

from plugin.flows.access import staff_sessions
from plugin.flows.consent import consequences
from plugin.words.plurals import pluralize
from sidecar.commands import confirmation
from sidecar.commands.common import Shell, actor, as_json, describe_act
from sidecar.output import say


@click.group()
def session() -> None:
    """Sessions of the staff on the console."""


@session.command("list")
@as_json
def list_(shell: Shell, as_json: bool) -> None:
    """Every session that is open: whose, with which role, since when and until when at most."""
    with shell.house(catch_up=False) as services:
        rows = [vars(one) for one in staff_sessions.list_open(services)]
    say(as_json, rows, shell.table(["id", "user", "role", "since", "seen", "until"], rows))


@session.command()
@click.argument("session_id", required=False)
@click.option("--user", default=None, help="End every session of this account of the DAM.")
@click.option("--all", "every", is_flag=True, help="End every session.")
@confirmation.yes_and_json
def end(shell: Shell, session_id: str | None, user: str | None, every: bool, yes: bool, as_json: bool) -> None:
    """End a session: by its id, those of one account, or all. Whoever has it is signed out at once."""
    if [bool(session_id), bool(user), every].count(True) != 1:
        raise click.UsageError("give the id of one session, or --user NAME, or --all")
    with shell.house(catch_up=False) as services:
        count = consequences.preview_sessions(services, session_id, user)
        signed_out = f"{pluralize(count, 'session')} of the staff: whoever has one is signed out"
        confirmation.confirm([signed_out] if count else [], yes)
        if session_id:
            before = staff_sessions.end_session(services, session_id, actor())
            ended = 1 if before is None else 0
        else:
            before, ended = None, staff_sessions.end_sessions(services, actor(), user)
        said = describe_act(services, f"{pluralize(ended, 'session')} ended", before, "it had ended")
    say(as_json, {"ended": ended, "ended_before": before}, [said])
