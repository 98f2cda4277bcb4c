"""`facelease engine`: the networks that recognise faces, how well each does it, and how one takes over from another."""

import sys
from pathlib import Path
from typing import Any

import click

from plugin.errors import EngineError, NothingDone
from plugin.flows.common.services import Services
from plugin.flows.matching import engine_change, engine_status
from plugin.flows.matching.engine_status import EngineStatus
from plugin.flows.matching.serving_engine import Going
from plugin.recognizer.engines import engine_files, registry
from plugin.recognizer.engines.card import EngineCard, shipped_cards
from sidecar.commands.common import NOT_FINISHED, Shell, actor, as_json
from sidecar.output import say, table
from sidecar.running import bootstrap
from sidecar.words import engine_words, threshold_words

_NAME = click.argument("name", type=click.Choice(sorted(shipped_cards())))


@click.group()
def engine() -> None:
    """The networks that recognise faces."""


@engine.command("list")
@as_json
def list_(shell: Shell, as_json: bool) -> None:
    """Every engine: its files, its licence, what is known of its training, and its limits."""
    config = registry.pin(bootstrap.resolve_models(shell.config).recognizer)
    used = registry.find_card(config)
    cards = sorted({**shipped_cards(), used.name: used}.values(), key=lambda card: -card.rank)
    folders = {card.name: registry.find_folder(config) if card is used else Path(config.files) for card in cards}
    serving = bootstrap.find_serving(shell.config)
    names = {used.name} if serving is None else {_name(serving.card)}
    rows = [_describe(card, folders[card.name], card.name in names) for card in cards]
    heads = ["name", "files", "in_use", "title", "licence"]
    cells = [["yes" if row[h] is True else row[h] or "" for h in heads] for row in rows]
    say(as_json, rows, [*table(heads, cells), *map(_say_more, cards)])


def _name(card: str) -> str:
    return Path(card).stem if card.endswith(".toml") else card


def _describe(card: EngineCard, folder: Path, in_use: bool) -> dict[str, str | bool | int]:
    about: dict[str, str | bool | int] = {"name": card.name, "files": engine_files.describe_files(card, folder)}
    about |= {"in_use": in_use, "licence": card.licence, "title": card.title}
    about |= {"training": card.training, "limits": card.limits, "low_end": threshold_words.describe_low_end(card)}
    return about | {"bytes": sum(file.bytes for file in card.files)}


def _say_more(card: EngineCard) -> str:
    return f"{card.name}: {card.training} {card.limits} It is {threshold_words.describe_low_end(card)}."


@engine.command()
@_NAME
@click.option("--from", "given", multiple=True, type=click.Path(path_type=Path), help="A file of it; one option each.")
@click.option("--yes", is_flag=True, help="Accept the licence without being asked.")
@as_json
def install(shell: Shell, name: str, given: tuple[Path, ...], yes: bool, as_json: bool) -> None:
    """Get an engine's files from its publisher, or with --from from files that were brought here; each is verified.

    Where it is the one that is to be used, the change to it begins: a worker carries it out.
    """
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
    said = [f"{name} is in {folder}"]
    if bootstrap.has_store(shell.config):
        with shell.house() as services:  # follows what is wanted now
            said += _explain(services)
    say(as_json, {"name": name, "files": [str(path) for path in files]}, said)


def _explain(services: Services) -> list[str]:
    status = engine_status.read(services)
    return [*engine_words.list_faults(status), *engine_words.list_news(status)]


@engine.command()
@click.argument("name")
@click.option("--anyway", is_flag=True, help="Also where many would not be recognised any more.")
@as_json
def use(shell: Shell, name: str, anyway: bool, as_json: bool) -> None:
    """Use an engine from now on: its name, the path of a card of your own, or auto for the best that is installed.

    People who are enrolled are encoded again from their sealed reference photographs; the engine before serves until
    that is done, and the exit code is 3: a worker does it. Names, decisions and tags stay.
    """
    with shell.house() as services:
        changed = engine_change.choose(services, name, actor(), anyway)
        found = engine_status.read(services)
    already = not changed and found.wanted is None
    _say(as_json, found, [f"{name} is used already"] if already else [])
    if found.wanted is not None:
        raise SystemExit(NOT_FINISHED)


@engine.command()
@as_json
def pause(shell: Shell, as_json: bool) -> None:
    """Pause a change of engine: the one before goes on serving."""
    _steer(shell, Going.PAUSED, as_json)


@engine.command()
@as_json
def resume(shell: Shell, as_json: bool) -> None:
    """Go on with a change of engine, and try again what could not be encoded."""
    _steer(shell, Going.ON, as_json)


def _steer(shell: Shell, going: Going, as_json: bool) -> None:
    with shell.house() as services:
        moved = engine_change.steer(services, going, actor())
        found = engine_status.read(services)
    _say(as_json, found, [] if moved else ["it goes so already"])


def _say(as_json: bool, found: EngineStatus, said: list[str]) -> None:
    """Nothing is waited for: a change takes half a second a person, and a worker carries it out."""
    say(as_json, _describe_status(found), [*said, *_lines(found)])


@engine.command()
@as_json
def status(shell: Shell, as_json: bool) -> None:
    """Which engine serves, how far a change is, and who cannot be recognised by the new one."""
    with shell.house() as services:
        found = engine_status.read(services)
    _say(as_json, found, [])


def _lines(status: EngineStatus) -> list[str]:
    lost = [f"{one.name} ({one.person_id}): {engine_words.why_missed(one.why)}" for one in status.missed]
    heads = [f"{status.serving} serves", *engine_words.list_faults(status)]
    return [*heads, *lost, *engine_words.list_news(status)]


def _describe_status(status: EngineStatus) -> dict[str, Any]:
    missed = [{"person": one.person_id, "name": one.name, "why": one.why} for one in status.missed]
    about: dict[str, Any] = {"serving": status.serving, "lacks": status.lacks, "wanted": status.wanted}
    about |= {"going": status.going.value if status.wanted else None, "encoded": status.made, "sets": status.of}
    about |= {"missed": missed, "examined_by_another": status.scanned}
    return about | {"better": None if status.better is None else status.better.card.name}


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
    """Delete an engine's files from this installation; not of one that serves or is to serve."""
    if shell.config.recognizer.engine == name:
        raise EngineError(f"{name} is in use: set recognizer.engine to another one first")
    if bootstrap.has_store(shell.config):
        with shell.house() as services:
            engine_change.refuse_used(services, name)
    if not engine_files.remove_files(shipped_cards()[name], _folder(shell)):
        raise NothingDone(f"no file of {name} is here")
    say(as_json, {"name": name, "removed": True}, [f"the files of {name} are removed"])


def _folder(shell: Shell) -> Path:
    return shell.config.path(shell.config.recognizer.files)
