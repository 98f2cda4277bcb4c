"""The restore drill of administrators.md on a real installation, line by line; without ended.log it fails safely."""

import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sidecar.commands.demo import samples

DOCUMENT = Path(__file__).parents[2] / "docs" / "administrators.md"
BACKUP, COPY = "facelease backup", "cp -p facelease-data/keys/ended.log drill-b/"


def _drill() -> list[str]:
    """The lines that stand below "The drill" in the document."""
    part = DOCUMENT.read_text("utf-8").partition("**The drill.**")[2]
    block = re.search(r"\n\n((?:    .*\n)+)", part)
    assert block is not None
    return [line.removeprefix("    ") for line in block[1].splitlines()]


class Installation:
    """A folder in which somebody types."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "photos").mkdir()
        (root / "facelease.toml").write_text('[folder]\npath = "photos"\n')
        (root / "form.txt").write_text("sample")
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self._environment = os.environ | {
            "PATH": path,
            "FACELEASE_PORTRAITS": str(samples.portrait(samples.A_FRONT).parent),
        }

    def bash(self, lines: list[str]) -> "subprocess.CompletedProcess[str]":
        """The lines, until one fails."""
        return subprocess.run(
            ["bash", "-e", "-c", "\n".join(lines)],
            cwd=self.root,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def do(self, *lines: str) -> str:
        done = self.bash(list(lines))
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def rows(self, database: str, table: str) -> int:
        with closing(sqlite3.connect(self.root / database)) as store:
            return int(store.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """Somebody who goes on agreeing, and somebody who withdraws."""
    here = Installation(tmp_path)
    here.do("facelease init")
    for name in ("Anna Sample", "Bo Sample"):
        signed = "--recognition --publication communication:website --text-version 1 --evidence form.txt"
        here.do(
            f'facelease person add "{name}" --of-age',
            f'facelease quitclaim add "{name}" {signed}',
            f'facelease person enrol "{name}" "{samples.portrait(samples.A_FRONT)}"',
        )
    return here


def _withdrawn_since(lines: list[str]) -> list[str]:
    at = lines.index(BACKUP) + 1
    return [*lines[:at], 'facelease quitclaim withdraw "Bo Sample" --yes', *lines[at:]]


def test_the_drill_of_the_document_passes(installation: Installation) -> None:
    """With somebody who withdrew after the backup was made: they are withdrawn in what is restored too."""
    lines = _withdrawn_since(_drill())
    said = installation.do(*lines[:-1])
    assert "same" in said.splitlines()
    assert "grants in force: 1 of recognition, 1 of publication" in said
    listed = installation.do("cat after.txt")
    assert "Anna Sample" in listed
    assert "Bo Sample" in listed
    installation.do(lines[-1])
    left = {path.name for path in installation.root.iterdir()}
    assert left == {"facelease.toml", "facelease-data", "photos", "form.txt"}


def test_the_drill_without_ended_log_fails_safely(installation: Installation) -> None:
    """Nothing is restored, it says why and what to do; with a reason it goes on, and says so."""
    lines = _withdrawn_since(_drill())
    assert COPY in lines
    lines.remove(COPY)
    done = installation.bash(lines)
    assert done.returncode != 0
    assert "ended.log is missing" in done.stderr
    assert "Nothing was restored" in done.stderr
    for table in ("person", "quitclaim", "grant_line", "invitation", "api_token", "resource", "person_key", "audit"):
        assert installation.rows("drill/ledger.db", table) == 0, table
    assert not (installation.root / "before.txt").exists()
    restored = 'facelease --config drill.toml restore drill-a --yes --json --without-ended-log "the disk is lost"'
    told: dict[str, Any] = json.loads(installation.do(restored))
    assert told["without_ended_log"] == "the disk is lost"
    assert (told["links"], told["tokens"]) == (0, 0)
    assert told["people"] == 2


def test_an_ended_log_of_before_the_withdrawal_is_too_short(installation: Installation) -> None:
    """The copy in half B is older than the backup beside it."""
    lines = _drill()
    installation.do(
        BACKUP, "cp -p facelease-data/keys/ended.log older.log", 'facelease quitclaim withdraw "Bo Sample" --yes'
    )
    lines[lines.index(COPY)] = "cp -p older.log drill-b/ended.log"
    done = installation.bash(lines)
    assert done.returncode != 0
    assert "is too short: 0 lines of at least 2" in done.stderr
    assert installation.rows("drill/ledger.db", "person") == 0
