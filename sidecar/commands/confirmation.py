"""Confirmation before an act that cannot be undone: it says what ends, and asks; `--yes` where nobody can answer."""

import sys
from collections.abc import Sequence

import click

from plugin.flows.consent.consequences import Consequences
from sidecar.commands.common import Command, as_json
from sidecar.output import safe
from sidecar.words import ending_words

_yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


def yes_and_json(command: Command) -> Command:
    """Give a command `--yes` and `--json`, and its Shell as the first argument."""
    return _yes_option(as_json(command))


def confirm(said: Sequence[str], yes: bool) -> None:
    """Return only if somebody at the terminal agrees, or `yes` did. Asks nothing where `said` is empty.

    Raises UsageError, exit code 2, where nobody can answer, and Abort, exit code 1, where the answer is no.
    """
    if yes or not said:
        return
    what = "; ".join(said)
    if not sys.stdin.isatty():
        raise click.UsageError(safe(f"nothing was done. This would end: {what}. Nobody can answer here: add --yes"))
    click.echo(safe(f"This ends: {what}."), err=True)
    click.confirm("It cannot be taken back. Go on?", abort=True, err=True)


def confirm_ending(ending: Consequences, yes: bool) -> None:
    """As `confirm`, of what ends."""
    confirm(describe_ending(ending), yes)


def confirm_erasure(ending: Consequences, yes: bool) -> None:
    """As `confirm`, of a person who is forgotten."""
    confirm([f"everything that is known of {ending.name}", *describe_ending(ending)], yes)


def describe_ending(ending: Consequences) -> list[str]:
    """What ends, for `confirm`; empty where nothing would."""
    if not ending.anything:
        return []
    return [f"of {ending.name}: " + ", ".join(ending_words.told(ending))]
