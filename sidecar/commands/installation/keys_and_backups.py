"""`facelease keys` and `backup`: key rotation, and backups."""

from pathlib import Path

import click

from plugin.flows.rights import key_rotation as rotating
from plugin.ledger.backups import backup as backups
from plugin.ledger.log.head_book import HeadBook
from plugin.words.plurals import pluralize
from sidecar.commands import confirmation
from sidecar.commands.common import Shell, actor, as_json
from sidecar.commands.installation import audit
from sidecar.output import say


@click.group()
def keys() -> None:
    """The master key, and the key that signs heads and backups."""


@keys.command()
@click.option("--retire/--keep", default=True, help="Destroy the old version when nothing is behind.")
@confirmation.yes_and_json
def rotate(shell: Shell, retire: bool, yes: bool, as_json: bool) -> None:
    """Make a new master key and re-wrap every living key under it."""
    with shell.house() as services:
        old = ", ".join(map(str, services.master.versions))
        ended = f"version {old} of the master key: copies of the store and files of keys from before open nothing"
        confirmation.confirm([ended] if retire else [], yes)
        done = rotating.rotate(services, actor(), retire)
    data: dict[str, object] = {"version": done.version, "rewrapped": done.rewrapped}
    data |= {"retired": list(done.retired), "shredded": done.shredded}
    line = f"master key version {done.version}: {pluralize(done.rewrapped, 'key')} re-wrapped, "
    line += f"{pluralize(len(done.retired), 'old version')} destroyed, {pluralize(done.shredded, 'key')} shredded"
    say(as_json, data, [line])


@click.command()
@click.argument("folder", required=False, type=click.Path(file_okay=False, path_type=Path))
@as_json
def backup(shell: Shell, folder: Path | None, as_json: bool) -> None:
    """Write the store without its keys, and the wrapped keys to a file apart.

    FOLDER is backup.folder if it is not given. A new master key makes older files of wrapped keys
    useless; it writes a fresh one to backup.folder alone.
    """
    target = folder or shell.config.path(shell.config.backup.folder)
    with shell.house() as services:
        book, days = HeadBook.from_config(shell.config), shell.config.backup.key_days
        made = backups.write_backup(services.store, services.master, target, services.clock, book, days, actor())
    data = {"name": made.name, "store": str(made.store), "keys": str(made.keys), "rows": made.rows}
    say(as_json, data, [f"{made.store} ({pluralize(made.rows, 'row')})", str(made.keys)])


keys.add_command(audit.heads_key)
