"""What cannot be taken back says what it ends, and asks; where nobody can answer it needs `--yes`."""

import sys
from collections.abc import Sequence

import click

from plugin.flows.consent.consequences import Consequences
from sidecar.output import safe
from sidecar.words import ending_words

yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


def confirm(said: Sequence[str], yes: bool) -> None:
    """Go on only if somebody at the terminal says so, or `yes` did; what is empty needs no question.

    Raises UsageError, exit code 2, where nobody can answer, and Abort, exit code 1, where the answer is no.
    """
    if yes or not said:
        return
    what = "; ".join(said)
    if not sys.stdin.isatty():
        raise click.UsageError(safe(f"nothing was done. This would end: {what}. Nobody can answer here: add --yes"))
    click.echo(safe(f"This ends: {what}."), err=True)
    click.confirm("It cannot be taken back. Go on?", abort=True, err=True)


def describe_ending(ending: Consequences) -> list[str]:
    """What ends, a part a line; nothing where nothing would."""
    if not ending.anything:
        return []
    return [f"of {ending.name}: " + ", ".join(ending_words.told(ending))]
