"""The table of commands: what each name loads, and what it need not."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from sidecar.cli import cli

ROOT = Path(__file__).parents[2]
HEAVY = {
    "flask",
    "werkzeug",
    "waitress",
    "apscheduler",
    "requests",
    "cv2",
    "PIL",
    "pillow_heif",
    "onnxruntime",
    "weasyprint",
}


def test_every_command_is_where_the_table_says() -> None:
    """A name that the table holds is the name of the command that is found there."""
    assert {name: cli.commands[name].name for name in cli.commands} == {name: name for name in cli.commands}
    assert len(cli.commands) > 20


@pytest.mark.parametrize("name", ["person", "quitclaim", "collection", "init", "sweep", "backup", "audit"])
def test_a_command_loads_no_server_and_no_recogniser(name: str) -> None:
    """What serves HTTP, keeps a calendar, talks to a DAM or decodes pictures starts with the command that needs it."""
    code = f"import sys; from sidecar.cli import cli; cli.commands[{name!r}]; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {one.split(".")[0] for one in done.stdout.split()} & HEAVY == set()


@pytest.mark.parametrize(
    ("words", "completing", "said"),
    [
        (["--version"], "", "version"),
        (["--help"], "", "quitclaim"),
        ([], "facelease per", "plain,person"),
        ([], "facelease --", "plain,--config"),
    ],
)
def test_version_help_and_completion_load_next_to_nothing(words: list[str], completing: str, said: str) -> None:
    """They are asked for often, and answer at once: neither store nor configuration, nor a command, is imported."""
    code = (
        "import atexit, sys; from sidecar import cli; sys.argv[0] = 'facelease'; "
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr)); cli.main()"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    if completing:
        environment |= {"_FACELEASE_COMPLETE": "bash_complete", "COMP_WORDS": completing, "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, *words], env=environment, capture_output=True, text=True, check=True
    )
    assert said in done.stdout
    loaded = set(done.stderr.split())
    assert "sidecar.cli" in loaded
    assert (
        loaded & {"sqlalchemy", "pydantic", "numpy", "structlog", "plugin.config", "sidecar.commands.common"} == set()
    )


def _options(command: click.Command, path: str) -> Iterator[tuple[str, click.Option]]:
    yield from ((path, one) for one in command.params if isinstance(one, click.Option))
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            yield from _options(command.commands[name], f"{path} {name}")


def test_every_option_says_what_it_does() -> None:
    """No option of any command is listed without a line of help."""
    found = list(_options(cli, "facelease"))
    assert len(found) > 100
    assert [(path, option.opts) for path, option in found if not (option.help or "").strip()] == []


def test_every_command_is_listed_on_one_line_of_80_columns() -> None:
    """The list of commands is read whole: each says what it is for, without a cut."""
    listed = CliRunner().invoke(cli, ["--help"]).output
    lines = listed.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in lines] == sorted(cli.commands)
    assert [line for line in lines if len(line) > 79 or not line.endswith((".", "?")) or "..." in line] == []


@pytest.mark.parametrize(
    ("typed", "meant"), [(["persn"], "person"), (["person", "lst"], "list"), (["scan", "--left-oud"], "--left-out")]
)
def test_what_nearly_matches_is_offered(typed: list[str], meant: str) -> None:
    """A command or an option that is mistyped is answered with the one that was meant."""
    said = CliRunner().invoke(cli, typed)
    assert said.exit_code == 2
    assert f"Did you mean '{meant}'?" in said.output


def test_what_is_logged_is_not_in_the_answer(tmp_path: Path) -> None:
    """A write that took long is told on standard error: what is printed for machines stays JSON."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "facelease.toml").write_text('data = "data"\n[folder]\npath = "photos"\n')
    code = (
        "import sys; from sidecar import cli; from sidecar.running import metrics; metrics.SLOW_WRITE_SECONDS = -1.0; "
        "sys.argv[0] = 'facelease'; cli.main()"
    )
    for words in (["init"], ["person", "add", "Bo", "--json"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *words],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
    assert json.loads(done.stdout)["id"]
    assert "long write" in done.stderr
