"""Another language is one more file: made here by machine, in a copy of the house, of which no line is changed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po

from bench import words
from tests.another_language import LANGUAGE, MARKS

ROOT = Path(__file__).parents[2]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The house, with a catalogue in which each English message stands between marks."""
    for folder in ("plugin", "sidecar", "bench", "tests"):
        ignored = shutil.ignore_patterns("__pycache__", "browser", "live", "promises")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    shutil.copy(ROOT / "setup.cfg", tmp_path)
    made = Catalog(locale=LANGUAGE, fuzzy=False)
    for message in words.read("en"):
        if message.id:
            said = tuple(form.join(MARKS) for form in words.forms(message))
            made.add(message.id, said if len(said) > 1 else said[0], context=message.context)
    path = tmp_path / f"plugin/words/languages/{LANGUAGE}/LC_MESSAGES/facelease.po"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        write_po(file, made)
    return tmp_path


def test_all_of_it_is_said_in_another_language(copy: Path) -> None:
    """Pages, a letter, a receipt, a certificate, an answer and a command: what tests/another_language.py asks there."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/another_language.py"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(
        command, cwd=copy, env=kept | {"PYTHONPATH": str(copy)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert " passed" in done.stdout
