"""The table of commands: what each name loads, and what it need not."""

import subprocess
import sys
from pathlib import Path

import pytest

from sidecar.cli import cli

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
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert {one.split(".")[0] for one in done.stdout.split()} & HEAVY == set()
