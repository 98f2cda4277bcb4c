"""O1: with the DAM or the folder away whatever needs none of it works: commands, own pages, the server's start."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from plugin.clock import ManualClock
from plugin.errors import ConfigError
from plugin.flows.common.services import Services
from plugin.flows.schedule import calendar
from plugin.ledger import tables as t
from plugin.recognizer.process.examiner import Examiner
from sidecar.cli import cli
from sidecar.commands.common import Shell
from sidecar.running import bootstrap
from tests import on_double, processes, staff, support, visiting
from tests.doubles.resourcespace import Double

pytestmark = pytest.mark.promise

Promise = Callable[[str, str], None]
WORKS = {
    "person list": 0,
    "person export Åsa": 0,
    "audit verify": 0,
    "sweep": 0,
    "jobs list": 0,
    "person add Bo": None,
    "token list": 0,
    "quitclaim withdraw Åsa --yes": None,
    "person erase Cee --yes": 3,
}
"""Commands and how they end; None: done, or done and handed on (0, 3), or a sentence that speaks of the DAM (1)."""


@contextmanager
def _house(
    kind: str, root: Path, clock: ManualClock, examiner: Examiner
) -> Iterator[tuple[Services, Callable[[], object]]]:
    """A house that worked, and how its DAM is taken away."""
    if kind == "folder":
        with support.opened(staff.configuration(root), clock, examiner) as services:
            photos = services.config.path(services.config.folder.path)
            yield services, lambda: shutil.move(photos, photos.with_name("away"))
        return
    with Double() as double:
        config = on_double.configuration(root, double, server={"public_url": staff.AUDIENCE})
        with support.opened(config, clock, examiner) as services:
            double.library.create(1)

            def away() -> None:
                double.faults = lambda function: "502"

            yield services, away


def _run(services: Services, line: str) -> Result:
    words = line.split()
    shell = Shell(services.config, services.clock)
    return CliRunner().invoke(cli.commands[words[0]], words[1:], obj=shell)


def _right(done: Result, wanted: int | None) -> bool:
    if wanted is not None:
        return done.exit_code == wanted
    return done.exit_code in {0, 3} or (
        done.exit_code == 1 and any(word in str(done.exception) + done.output for word in ("folder", "the server"))
    )


@pytest.mark.parametrize("kind", ["folder", "double"])
def test_what_needs_no_dam_works_without_it(
    kind: str, tmp_path: Path, clock: ManualClock, examiner: Examiner, promise: Promise
) -> None:
    """A visit by letter is opened and everything is withdrawn on it; commands end as they do with the DAM there."""
    with _house(kind, tmp_path, clock, examiner) as (services, away):
        cast = support.Cast(services)
        calendar.poll_dam(services)
        cast.work()
        people = [cast.add(name) for name in ("Åsa", "Bea", "Cee")]
        for person in people:
            cast.sign(person)
        cast.work()
        away()
        browser = visiting.visit(services, people[1])
        page = browser.get("/s/me")
        pressed = visiting.send(browser, "/s/me/stop/all", how="withdraw")
        calendar.start_process(services), calendar.sweep_endings(services)
        known = {line: wanted for line, wanted in WORKS.items() if line.split()[0] in cli.commands}
        wrong = [
            (line, done.exit_code, done.output[-300:], str(done.exception))
            for line, wanted in known.items()
            if not _right(done := _run(services, line), wanted)
        ]
        with services.store.read() as conn:
            left = set(conn.scalars(select(t.grant.c.person_id).where(t.grant.c.ended_at.is_(None))))
        ended = set(people) - left  # of who was erased no row may be left
        promise(
            "O1",
            f"the DAM away on {kind}: commands {len(known) - len(wrong)} of {len(known)}, pages and ends "
            f"{(page.status_code == 200) + len(ended)} of 4",
        )
        assert wrong == []
        assert (page.status_code, pressed.status_code < 400) == (200, True)
        assert left == set()


def test_a_wrong_folder_is_said_and_one_that_went_is_not_refused(
    tmp_path: Path, clock: ManualClock, examiner: Examiner
) -> None:
    """A fresh house names what is wrong; one in which somebody was entered opens."""
    config = support.configuration(tmp_path)
    bootstrap.init(config, clock)
    with pytest.raises(ConfigError, match="is no folder"), bootstrap.open_house(config, clock):
        pass
    config.path(config.folder.path).mkdir()
    with bootstrap.open_house(config, clock) as services:
        support.Cast(services).add("Åsa")
    config.path(config.folder.path).rmdir()
    with bootstrap.open_house(config, clock) as services:
        assert services.config is config


@pytest.mark.parametrize("words", [("serve",), ("work",)])
def test_server_and_worker_start_without_the_folder(words: tuple[str, ...], tmp_path: Path) -> None:
    """And stop when they are told to."""
    port = processes.free_port()
    path = tmp_path / "facelease.toml"
    path.write_text(f'data = "{tmp_path}/data"\n[folder]\npath = "{tmp_path}/photos"\n[server]\nport = {port}\n')
    command = [sys.executable, "-m", "sidecar", "--config", str(path)]
    (tmp_path / "photos").mkdir()
    for one in (("init",), ("person", "add", "Åsa")):
        subprocess.run([*command, *one], check=True, capture_output=True, cwd=processes.ROOT)
    (tmp_path / "photos").rmdir()
    running = subprocess.Popen([*command, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=processes.ROOT)
    try:
        time.sleep(6)
        assert running.poll() is None, running.stdout.read() if running.stdout else ""
    finally:
        running.terminate()
        running.communicate(timeout=30)
