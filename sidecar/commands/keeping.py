"""`facelease audit`, `keys`, `backup`, `restore`, `report`: proving, and keeping safe."""

from pathlib import Path

import click

from plugin.errors import NothingDone
from plugin.flows import chores
from plugin.flows import keeping as rotating
from plugin.ledger import audit as chain
from plugin.ledger import backup as backups
from plugin.ledger import restore as restoring
from plugin.ledger.audit import Head
from plugin.recognizer import evaluation
from sidecar import house
from sidecar.commands.common import Shell, actor, as_json, finish_jobs, say


@click.group()
def audit() -> None:
    """The chained log of every effect."""


@audit.command()
@click.option("--heads", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="A file of outside heads; default: the configured one.")  # fmt: skip
@click.option(
    "--head", "one", metavar="SEQ:HASH", help="One outside head, such as the officer's monthly one."
)
@as_json
@click.pass_obj
def verify(shell: Shell, heads: Path | None, one: str | None, as_json: bool) -> None:
    """Follow the chain from its first row to its head, and against outside heads."""
    path = heads or shell.config.path(shell.config.keys.heads_file)
    outside = list(chain.read_heads(path)) if path.exists() else []
    if one:
        seq, _, value = one.partition(":")
        if not seq.isdigit() or not value:
            raise click.BadParameter("a head is SEQ:HASH, as `facelease audit heads` prints it")
        outside.append(Head(int(seq), value))
    with shell.house(catch_up=False) as services, services.store.read() as conn:
        verified = chain.verify(conn, outside)
    data = {
        "rows": verified.rows,
        "head": list(verified.head),
        "pruned": verified.pruned,
        "outside": len(outside),
    }
    against = f"against {len(outside)} outside heads" if outside else "no outside head was given"
    say(
        as_json,
        data,
        [f"{verified.rows} rows hold, {against}; head {verified.head.seq}:{verified.head.hash}"],
    )


@audit.command()
@as_json
@click.pass_obj
def export(shell: Shell, as_json: bool) -> None:
    """Every row as a line of JSON, with --json or without."""
    with shell.house(catch_up=False) as services, services.store.read() as conn:
        for line in chain.export(conn):
            click.echo(line)


@audit.command()
@as_json
@click.pass_obj
def heads(shell: Shell, as_json: bool) -> None:
    """Write the head to the file outside the store, and print it: for the officer to keep."""
    with shell.house(catch_up=False) as services:
        chores.heads(services)
        with services.store.read() as conn:
            head = chain.head(conn)
    say(as_json, {"seq": head.seq, "hash": head.hash}, [f"{head.seq}:{head.hash}"])


@click.group()
def keys() -> None:
    """The master key."""


@keys.command()
@click.option("--retire/--keep", default=True, help="Destroy the old version when nothing is behind.")
@as_json
@click.pass_obj
def rotate(shell: Shell, retire: bool, as_json: bool) -> None:
    """Make a new master key and re-wrap every living key under it."""
    with shell.house() as services:
        done = rotating.rotate(services, actor(), retire)
    data = {
        "version": done.version, "rewrapped": done.rewrapped, "retired": list(done.retired), "shredded": done.shredded,
    }  # fmt: skip
    line = f"master key version {done.version}: {done.rewrapped} keys re-wrapped, "
    line += f"{len(done.retired)} old versions destroyed, {done.shredded} keys shredded"
    say(as_json, data, [line])


@click.command()
@click.argument("folder", required=False, type=click.Path(file_okay=False, path_type=Path))
@as_json
@click.pass_obj
def backup(shell: Shell, folder: Path | None, as_json: bool) -> None:
    """Write the store without its keys, and the wrapped keys to a file apart.

    FOLDER is backup.folder if it is not given. A new master key makes older files of wrapped keys
    useless; it writes a fresh one to backup.folder alone.
    """
    target = folder or shell.config.path(shell.config.backup.folder)
    with shell.house() as services:
        made = backups.backup(
            services.store, services.master, target, services.clock, shell.config.backup.key_days, actor()
        )
    data = {"name": made.name, "store": str(made.store), "keys": str(made.keys), "rows": made.rows}
    say(as_json, data, [f"{made.store} ({made.rows} rows)", str(made.keys)])


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--name", default=restoring.NEWEST, show_default=True, help="Which backup.")
@as_json
@click.pass_obj
def restore(shell: Shell, folder: Path, name: str, as_json: bool) -> None:
    """Bring a backup back into an empty store, join it with the newest keys, and end again what has ended since."""
    house.init(shell.config)
    master = house.master_keys(shell.config)
    done = restoring.restore(shell.config.store_url, folder, master, shell.clock, name, actor())
    with shell.house() as services:
        chores.reconcile(services)
        finish_jobs(services)
    data = {"backup": done.name, "keys": done.keys_name, "rows": done.rows, "left_out": done.left_out}
    lines = [
        f"{done.name}: {done.rows} rows, {done.keys} keys from {done.keys_name}, {done.left_out} items without a key"
    ]
    say(
        as_json,
        data,
        [*lines, "what has ended since was ended again; the worker compares the names in the DAM"],
    )


@click.group()
def report() -> None:
    """What the recogniser does on photographs of your own."""


@report.command()
@click.option("--people", required=True, type=click.Path(path_type=Path), help="A folder a person.")
@click.option(
    "--strangers", required=True, type=click.Path(path_type=Path), help="People who are in no folder."
)
@as_json
@click.pass_obj
def accuracy(shell: Shell, people: Path, strangers: Path, as_json: bool) -> None:
    """How often strangers are named and enrolled people missed: three photographs enrol, the rest probe."""
    data = evaluation.report(people, strangers, house.with_models(shell.config))
    if not data["gallery"]:
        raise NothingDone("no face was found on any photograph that enrols somebody: nothing was measured")
    lines = [f"{data['gallery']} people enrolled; no face found on {data['undetected']} photographs"]
    lines.append(f"right person first: {_share(data['rank1'])}")
    for level, words in (("auto", "named automatically"), ("suggest", "named or suggested")):
        rates = data[level]
        lines.append(
            f"{words}: strangers {_share(rates['fpir'])}, enrolled people missed {_share(rates['fnir'])}"
        )
    say(as_json, data, lines)


def _share(rate: dict[str, float]) -> str:
    return f"{rate['value']:.2%} ({rate['low']:.2%} to {rate['high']:.2%})"
