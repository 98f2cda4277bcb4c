"""`facelease person certificate`: what an erasure looked at, reached and did not, by the number that the person has."""

from typing import Any

import click

from plugin.flows.rights import erasure_register
from plugin.flows.rights.certificate import Certificate
from plugin.words.catalogues import LANGUAGES
from sidecar.commands.common import Shell, actor, as_json
from sidecar.output import say


def to_json(made: Certificate) -> dict[str, Any]:
    """The certificate for programs."""
    about = {"id": made.person_id, "number": made.number, "asked": made.asked_at, "finished": made.finished_at}
    return about | {key: getattr(made, key) for key in ("looked", "reached", "not_reached", "conditions")}


@click.command()
@click.argument("number")
@click.option("--language", type=click.Choice(LANGUAGES), help="Without it, the language of the person.")
@as_json
def certificate(shell: Shell, number: str, language: str | None, as_json: bool) -> None:
    """Print the certificate of the erasure with this NUMBER."""
    with shell.house() as services:
        made = erasure_register.read_certificate(services, number, actor())
    say(as_json, to_json(made), made.text(language).splitlines())
