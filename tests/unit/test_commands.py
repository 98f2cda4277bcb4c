"""The table of commands: what each name loads, and what it need not."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

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
