"""`facelease audit` and `facelease keys heads`: verify and export the audit log; the key that signs its heads."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import click

from plugin.flows.schedule import log_heads
from plugin.flows.views import audit_view
from plugin.flows.views.audit_view import LogCheck
from plugin.ledger.log.head_key import HeadKey
from plugin.ledger.log.proof import ProofVerdict
from plugin.ledger.store import audit as chain
from plugin.ledger.store.audit import Head
from sidecar.commands import confirmation
from sidecar.commands.common import Shell, actor, as_json
from sidecar.output import say
from sidecar.words import log_words

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_HEAD = "One outside head, such as the officer's monthly one; may be repeated."
_KEY = "Believe this public key, as it was written down, and no other; may be repeated."
EXIT_CODES = {ProofVerdict.HOLDS: 0, ProofVerdict.NOT_PROVEN: 3, ProofVerdict.BROKEN: 4}


@click.group()
def audit() -> None:
    """The chained log of every effect."""


def _parse_heads(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> list[Head]:
    heads = []
    for value in values:
        seq, _, digest = value.partition(":")
        if not seq.isdigit() or len(digest) != len(chain.GENESIS):
            raise click.BadParameter("a head is SEQ:HASH, as `facelease audit heads` prints it")
        heads.append(Head(int(seq), digest.lower()))
    return heads


@audit.command()
@click.option("--heads", type=_FILE, help="A file of outside heads; default: the configured one.")
@click.option("--head", "given", metavar="SEQ:HASH", multiple=True, callback=_parse_heads, help=_HEAD)
@click.option("--key", "keys", metavar="PUBLIC", multiple=True, help=_KEY)
@as_json
def verify(shell: Shell, heads: Path | None, given: list[Head], keys: tuple[str, ...], as_json: bool) -> None:
    """Hold the whole log against the signed heads outside the store.

    Exit code: 0 the log holds, 3 it is not proven, 4 it is broken.
    """
    with shell.house(catch_up=False) as services:
        checked = audit_view.verify_log(services, heads, keys, given)
    zone = shell.config.site.zone
    sentences = (f"  {one}" for one in log_words.sentences(checked, zone))
    lines = [f"the log: {log_words.heading(checked)}", *sentences]
    say(as_json, _to_json(checked, lines[1:]), lines)
    raise SystemExit(EXIT_CODES[checked.verdict])


def _to_json(checked: LogCheck, lines: list[str]) -> dict[str, Any]:
    data: dict[str, Any] = {"verdict": checked.verdict.value, "said": [line.strip() for line in lines]}
    if checked.proof is None:
        return data
    proof = asdict(checked.proof)
    data |= {key: proof[key] for key in ("rows", "after", "pruned", "restores", "begun")}
    data |= {"why": proof["why"] and proof["why"]["lack"].value, "held": proof["held"] and list(proof["held"])}
    return data | {"start": list(proof["start"]), "head": list(proof["last"]), "outside": proof["heads"]}


@audit.command()
@as_json
def export(shell: Shell, as_json: bool) -> None:
    """Every row as a line of JSON, with --json or without."""
    with shell.house(catch_up=False) as services, services.store.read() as conn:
        for line in chain.export_rows(conn):
            click.echo(line)


@audit.command()
def verifier() -> None:
    """Print the program that checks an export and the file of heads without FaceLease."""
    click.echo((files("sidecar") / "facelease-verify.py").read_text(encoding="utf-8"), nl=False)


@audit.command()
@as_json
def heads(shell: Shell, as_json: bool) -> None:
    """Write the head to the file outside the store, and print it: for the officer to keep."""
    with shell.house(catch_up=False) as services:
        head = log_heads.write_head(services)
    data = {"number": head.number, "seq": head.last.seq, "hash": head.last.hash}
    say(as_json, data, [f"{head.last.seq}:{head.last.hash}"])


@audit.command()
@click.option("--reason", required=True, help="What became of the heads of before. Name nobody.")
@confirmation.yes_and_json
def begin(shell: Shell, reason: str, yes: bool, as_json: bool) -> None:
    """Begin the heads anew, because those of before are lost. The log says so from then on."""
    with shell.house(catch_up=False) as services:
        confirmation.confirm(["what the heads of before prove: the log is proven from here on only"], yes)
        head = log_heads.restart_heads(services, reason, actor())
    data = {"number": head.number, "seq": head.last.seq, "hash": head.last.hash}
    said = f"head {head.number} begins anew, at {head.last.seq}:{head.last.hash}"
    say(as_json, data, [said, "what stood before is not proven by it"])


@click.command("heads")
@click.option("--replace", is_flag=True, help="Let another key sign from now on.")
@click.option("--lost", metavar="REASON", help="Make a key in the place of one that is lost. Name nobody.")
@confirmation.yes_and_json
def heads_key(shell: Shell, replace: bool, lost: str | None, yes: bool, as_json: bool) -> None:
    """Show the public keys that signed heads and backups, the present one first: to be written down, away from here."""
    if replace and lost is not None:
        raise click.UsageError("--replace lets a key follow one that is there; --lost is for one that is not")
    with shell.house(catch_up=False) as services:
        if replace:
            confirmation.confirm([f"the key {services.head_key.public}: it signs no head and no backup any more"], yes)
            key = log_heads.replace_key(services, actor())
        elif lost is not None:
            path = services.config.path(services.config.keys.heads_key_file)
            confirmation.confirm([] if path.exists() else [f"what the key that lay at {path} proved"], yes)
            key = log_heads.make_lost_key(services, lost, actor())
        else:
            key = services.head_key
    former = [{"public": one.public, "until": one.until} for one in reversed(key.former)]
    say(as_json, {"public": key.public, "former": former}, _key_lines(shell, key))


def _key_lines(shell: Shell, key: HeadKey) -> Iterator[str]:
    yield key.public
    for one in reversed(key.former):
        until = shell.local(datetime.fromisoformat(one.until))
        yield f"{one.public}  until {until}, signs nothing more"
