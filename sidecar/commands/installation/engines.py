"""`facelease engine`: list, install, remove: the networks that recognise faces, and how well each does it."""

import sys
from pathlib import Path

import click

from plugin.errors import EngineError, NothingDone
from plugin.recognizer.engines import engine_files, registry
from plugin.recognizer.engines.card import EngineCard, shipped_cards
from sidecar.commands.common import Shell, as_json
from sidecar.output import say, table
from sidecar.running import bootstrap

_NAME = click.argument("name", type=click.Choice(sorted(shipped_cards())))


@click.group()
def engine() -> None:
    """The networks that recognise faces."""


@engine.command("list")
@as_json
def list_(shell: Shell, as_json: bool) -> None:
    """Every engine: its files, its licence, what is known of its training, and its limits."""
    config = bootstrap.resolve_models(shell.config).recognizer
    used = registry.find_card(config)
    cards = sorted({**shipped_cards(), used.name: used}.values(), key=lambda card: -card.rank)
    folders = {card.name: registry.find_folder(config) if card is used else Path(config.files) for card in cards}
    rows = [_describe(card, folders[card.name], card is used) for card in cards]
    heads = ["name", "files", "in_use", "title", "licence"]
    cells = [["yes" if row[h] is True else row[h] or "" for h in heads] for row in rows]
    say(as_json, rows, [*table(heads, cells), *(f"{card.name}: {card.training} {card.limits}" for card in cards)])


def _describe(card: EngineCard, folder: Path, in_use: bool) -> dict[str, str | bool | int]:
    about: dict[str, str | bool | int] = {"name": card.name, "files": engine_files.describe_files(card, folder)}
    about |= {"in_use": in_use, "licence": card.licence, "title": card.title}
    about |= {"training": card.training, "limits": card.limits}
    return about | {"bytes": sum(file.bytes for file in card.files)}


@engine.command()
@_NAME
@click.option("--from", "given", multiple=True, type=click.Path(path_type=Path), help="A file of it; one option each.")
@click.option("--yes", is_flag=True, help="Accept the licence without being asked.")
@as_json
def install(shell: Shell, name: str, given: tuple[Path, ...], yes: bool, as_json: bool) -> None:
    """Get an engine's files from its publisher, or with --from from files that were brought here; each is verified."""
    card, folder = shipped_cards()[name], _folder(shell)
    if not card.files:
        raise NothingDone(f"its weights come with packages that are installed: nothing is to be got for {name}")
    if engine_files.describe_files(card, folder) == "here":
        say(as_json, {"name": name, "files": []}, [f"{name} is installed already, in {folder}"])
        return
    click.echo(f"{card.title}\nLicence: {card.licence}\nTraining: {card.training}\nLimits: {card.limits}", err=True)
    if not yes:
        click.confirm("Is that licence one that you can accept?", abort=True, err=True)
    files = engine_files.take_files(card, given, folder) if given else _download(card, folder)
    used = shell.config.recognizer.engine == name
    said = [f"{name} is in {folder}" + ("" if used else f'; to use it, set recognizer.engine to "{name}"')]
    said.append(
        "each process uses it from its next start on; who is enrolled with another engine is enrolled again then"
    )
    say(as_json, {"name": name, "files": [str(path) for path in files]}, said)


def _download(card: EngineCard, folder: Path) -> list[Path]:
    files: list[Path] = []
    pieces: list[int] = []  # the bar counts bytes, not things
    for file in card.files:
        with click.progressbar(pieces, file.bytes, file.name, file=sys.stderr) as bar:
            files.append(engine_files.download_file(file, folder, bar.update))
    return files


@engine.command()
@_NAME
@as_json
def remove(shell: Shell, name: str, as_json: bool) -> None:
    """Delete an engine's files from this installation; not of the engine that is in use."""
    if shell.config.recognizer.engine == name:
        raise EngineError(f"{name} is in use: set recognizer.engine to another one first")
    if not engine_files.remove_files(shipped_cards()[name], _folder(shell)):
        raise NothingDone(f"no file of {name} is here")
    say(as_json, {"name": name, "removed": True}, [f"the files of {name} are removed"])


def _folder(shell: Shell) -> Path:
    return shell.config.path(shell.config.recognizer.files)
