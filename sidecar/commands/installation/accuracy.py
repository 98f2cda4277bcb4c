"""`facelease report`: the recogniser's error rates on photographs of your own, by group where labels are given."""

import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from plugin.errors import ConfigError, ImportRefused, NothingDone
from plugin.flows.importing.tables import csv_files
from plugin.recognizer.engines import registry
from plugin.words.plurals import pluralize
from sidecar.commands.common import ALARM, Shell, as_json
from sidecar.commands.installation import accuracy_plot, accuracy_words
from sidecar.output import safe, say
from sidecar.running import bootstrap

if TYPE_CHECKING:
    from plugin.recognizer.evaluation.group_labels import Label

_Item = TypeVar("_Item")
_PATH = click.Path(path_type=Path)
_GROUPS = (
    "Labels of your own, to compare groups: a CSV or TSV file with a name and a group on each line, or a folder with a "
    "sub-folder for each group, GROUP/NAME. A name is that of a folder or photograph in --people or --strangers. "
    "Nothing of them is kept."
)


@click.group()
def report() -> None:
    """What the recogniser does on photographs of your own."""


@report.command()
@click.option("--people", required=True, type=_PATH, help="A folder a person.")
@click.option("--strangers", required=True, type=_PATH, help="People who are in no folder, one photograph of each.")
@click.option("--engine", help="Of this engine, in use or not; its files have to be here. Default: that which serves.")
@click.option("--groups", type=_PATH, metavar="FILE|DIR", help=_GROUPS)
@click.option("--plot", type=_PATH, metavar="FILE.svg", help="Draw the error rates: the DET curve, and bars by group.")
@as_json
def accuracy(
    shell: Shell,
    people: Path,
    strangers: Path,
    engine: str | None,
    groups: Path | None,
    plot: Path | None,
    as_json: bool,
) -> None:
    """How often strangers are named and enrolled people missed: three photographs enrol, the rest probe.

    With --groups the worst group comes first. Exit code 3, and a warning: strangers of a group are named five times
    as often as configured, or more, and by the number of photographs that is no chance.
    """
    from plugin.recognizer.process import accuracy as measuring  # imports numpy, which nothing else here needs

    config = bootstrap.resolve_models(shell.config)
    serving = bootstrap.find_serving(config)
    if engine:
        config = config.model_copy(update={"recognizer": config.recognizer.model_copy(update={"engine": engine})})
    elif serving is not None:
        config = config.model_copy(update={"recognizer": serving.configure(config.recognizer)})
    if plot:
        _check_writable(plot)
    labels = groups if groups is None or groups.is_dir() else _read_labels(groups)
    if groups is not None:
        click.echo(accuracy_words.ABOUT_LABELS, err=True)
    data = measuring.measure_accuracy(people, strangers, config, labels, plot is not None, _show_progress)
    if not data["gallery"]:
        raise NothingDone("no face was found on any photograph that enrols somebody: nothing was measured")
    card = registry.find_card(config.recognizer)
    lowered = data["conditions"]["thresholds"]["lowered"]
    points = card.explain_thresholds(config.matching, data["gallery"], lowered)
    told = {level: asdict(point) for level, point in zip(accuracy_words.LEVELS, points, strict=True)}
    say(as_json, {**data, "thresholds": told}, accuracy_words.describe_report(data, card, config.matching))
    if plot:
        plot.write_text(accuracy_plot.draw_report(data, card.name), encoding="utf-8")
    if "groups" in data and data["groups"]["alarm"]:
        click.echo(safe(accuracy_words.describe_alarm(data["groups"])), err=True)
        raise SystemExit(ALARM)


def _check_writable(file: Path) -> None:
    """Measuring may take an hour: say before it that the result has no place. Raises ConfigError."""
    if file.is_dir() or not file.parent.is_dir() or not os.access(file if file.exists() else file.parent, os.W_OK):
        raise ConfigError(f"{file}: no file can be written there")


def _read_labels(file: Path) -> "list[Label]":
    """The lines of a table of labels; a first line whose second cell is "group" is its heading. Raises ConfigError."""
    from plugin.recognizer.evaluation.group_labels import Label

    try:
        data = file.read_bytes()
        encoding = "utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8"
        data.decode(encoding)
        rows, _ = csv_files.parse(data, ("group",), sys.maxsize, encoding)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: is no text in UTF-8: save it as CSV UTF-8") from error
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror})") from error
    except ImportRefused as error:
        raise ConfigError(f"{file}: {error}") from error
    labels: list[Label] = []
    for row in rows:
        cells = [cell.strip() for cell in row.cells]
        while len(cells) > 2 and not cells[-1]:
            cells.pop()
        if not any(cells) or (not labels and cells[1:] and cells[1].casefold() == "group"):
            continue
        if len(cells) != 2:
            said = "needs a name and a group; a name with a comma in it stands between quotation marks"
            raise ConfigError(f"{file}: line {row.number} {said}")
        labels.append(Label(cells[0], cells[1], f"{file}, line {row.number}"))
    return labels


def _show_progress(items: Sequence[_Item]) -> Iterable[_Item]:
    """A bar on a terminal; elsewhere a line for each tenth, so that a log shows that it goes on."""
    with ExitStack() as stack:
        if sys.stderr.isatty():
            bar: Any = click.progressbar(items, label="photographs", show_pos=True, show_eta=True, file=sys.stderr)
            yield from stack.enter_context(bar)
            return
        tenth = max(1, len(items) // 10)
        for number, item in enumerate(items, 1):
            yield item
            if len(items) >= 100 and number % tenth == 0:
                click.echo(f"{number} of {pluralize(len(items), 'photograph')}", err=True)
