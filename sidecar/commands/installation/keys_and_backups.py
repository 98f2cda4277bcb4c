"""`facelease keys`, `backup` and `report`: key rotation, backups, and the recogniser's error rates."""

from dataclasses import asdict
from pathlib import Path

import click

from plugin.errors import NothingDone
from plugin.flows.rights import key_rotation as rotating
from plugin.ledger.backups import backup as backups
from plugin.ledger.log.head_book import HeadBook
from plugin.recognizer.engines import registry
from plugin.words.plurals import pluralize
from sidecar.commands import confirmation
from sidecar.commands.common import Shell, actor, as_json
from sidecar.commands.installation import audit
from sidecar.output import say
from sidecar.running import bootstrap
from sidecar.words import threshold_words


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


@click.group()
def report() -> None:
    """What the recogniser does on photographs of your own."""


@report.command()
@click.option("--people", required=True, type=click.Path(path_type=Path), help="A folder a person.")
@click.option("--strangers", required=True, type=click.Path(path_type=Path), help="People who are in no folder.")
@click.option("--engine", help="Of this engine, in use or not; its files have to be here. Default: that which serves.")
@as_json
def accuracy(shell: Shell, people: Path, strangers: Path, engine: str | None, as_json: bool) -> None:
    """How often strangers are named and enrolled people missed: three photographs enrol, the rest probe."""
    from plugin.recognizer.process import accuracy as measuring  # imports numpy, which nothing else here needs

    config = bootstrap.resolve_models(shell.config)
    serving = bootstrap.find_serving(config)
    if engine:
        config = config.model_copy(update={"recognizer": config.recognizer.model_copy(update={"engine": engine})})
    elif serving is not None:
        config = config.model_copy(update={"recognizer": serving.configure(config.recognizer)})
    data = measuring.measure_accuracy(people, strangers, config)
    if not data["gallery"]:
        raise NothingDone("no face was found on any photograph that enrols somebody: nothing was measured")
    enrolled, missed = pluralize(data["gallery"], "person", "people"), pluralize(data["undetected"], "photograph")
    lines = [f"{registry.find_card(config.recognizer).name}: {enrolled} enrolled; no face found on {missed}"]
    lines.append(f"right person first: {_format_rate(data['rank1'])}")
    for rates, words in ((data["auto"], "named automatically"), (data["suggest"], "named or suggested")):
        named, missed = _format_rate(rates["fpir"]), _format_rate(rates["fnir"])
        lines.append(f"{words}: strangers {named}, enrolled people missed {missed}")
    points = registry.find_card(config.recognizer).explain_thresholds(config.matching, data["gallery"])
    lines += [f"by the engine's calibration: {said}" for said in threshold_words.list_thresholds(points)]
    told = {level: asdict(point) for level, point in zip(("auto", "suggest"), points, strict=True)}
    say(as_json, {**data, "thresholds": told}, lines)


def _format_rate(rate: dict[str, float]) -> str:
    return f"{rate['value']:.2%} ({rate['low']:.2%} to {rate['high']:.2%})"


keys.add_command(audit.heads_key)
