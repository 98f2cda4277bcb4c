"""F3: an engine takes over from another, killed in the middle, and nothing and nobody is lost."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select

from plugin.clock import SystemClock
from plugin.config import Config
from plugin.flows.common.services import Services
from plugin.flows.matching import engine_change, gallery, serving_engine
from plugin.flows.photos import scan_queue
from plugin.flows.review import face_decisions
from plugin.flows.schedule import calendar
from plugin.ledger import tables as t
from plugin.recognizer.engines.card import shipped_cards
from plugin.recognizer.engines.registry import is_installed
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from sidecar.running import bootstrap
from tests import other_engine, support

Promise = Callable[[str, str], None]
_ENROLLED_FROM = 3  # photographs
_PATIENCE = 120
_MOST, _MOST_EACH = 12, 6


def _people(faces: Path | None) -> list[list[Path]]:
    """Photographs of each person, four or more; without a folder of them the sample people's."""
    if faces is not None:
        folders = sorted(path for path in (faces / "people").iterdir() if path.is_dir())
        return [sorted(path.glob("*.jpg"))[:_MOST_EACH] for path in folders[:_MOST]]
    a = [samples.A_FRONT, samples.A_SPEECH, samples.A_STANDING, samples.A_FRONT]
    return [[samples.portrait(prefix) for prefix in chosen] for chosen in (a, [samples.B_STANDING] * 4)]


def _start(config: Config, path: Path) -> "subprocess.Popen[bytes]":
    path.write_text(
        f'data = "{config.data}"\n[folder]\npath = "{config.folder.path}"\n[dam]\npoll_seconds = 86400\n'
        f'[recognizer]\nfiles = "{config.recognizer.files}"\n'
        "[jobs]\nlease_seconds = 2\nbackoff_seconds = 1\nattempts = 50\n" + support.store_lines(config)
    )
    command = [sys.executable, "-m", "sidecar", "--config", str(path), "work"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    assert true()


def _serving(services: Services) -> str:
    with services.store.read() as conn:
        return serving_engine.find_id(services, conn)


def _held(services: Services) -> dict[str, set[str]]:
    """Names, tags, and what was decided of faces."""
    with services.store.read() as conn:
        kept = (t.person, t.tag, t.rejection, t.face, t.resource)
        return {one.name: {repr(tuple(row)) for row in conn.execute(one.select())} for one in kept}


def _others(services: Services, engine: str) -> int:
    s = t.sealed.c
    query = select(func.count()).where(s.kind == "template", s.engine != engine)
    with services.store.read() as conn:
        return conn.scalar(query) or 0


def _put(services: Services, number: int, picture: Path) -> str:
    path = services.config.path(services.config.folder.path) / support.SHOOT / f"{number:03}{picture.suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture.read_bytes())
    support.settle(path)
    return f"{support.SHOOT}/{path.name}"


def _count_found(services: Services, refs: dict[str, str]) -> int:
    """On how many of these photographs their person is named or suggested; by person."""
    query = select(t.face.c.person_id, t.resource.c.ref).join(t.resource, t.resource.c.id == t.face.c.resource_id)
    with services.store.read() as conn:
        seen = {(row.person_id, row.ref) for row in conn.execute(query)}
    return sum((person, ref) in seen for person, ref in refs.items())


def _change_killed(services: Services, config: Config, root: Path, name: str) -> int:
    """Two workers carry it out; each is killed while it does. Returns how many were killed."""
    engine_change.choose(services, name, "test")
    crew, kills = [_start(config, root / "work.toml") for _ in range(2)], 0
    before = _serving(services)
    try:
        for place in (0, 1):
            _until(lambda: _is_encoding(services) or _serving(services) != before)
            kills += _serving(services) == before
            crew[place].kill()
            crew[place].wait()
            crew[place] = _start(config, root / "work.toml")
        _until(lambda: _serving(services) != before)
    finally:
        for process in crew:
            process.terminate()
            process.wait(30)
    return kills


def _is_encoding(services: Services) -> bool:
    j = t.job.c
    with services.store.read() as conn:
        return conn.execute(select(j.id).where(j.kind == "reencode", j.state == "running")).first() is not None


def _serves(services: Services, path: Path) -> bool:
    found = services.faces.list_faces(path.read_bytes())
    return not found.reason and len(found.faces) == 1


def _choose(services: Services, people: list[list[Path]]) -> list[list[Path]]:
    """Of each only photographs that serve as a reference."""
    fit = [[path for path in paths if _serves(services, path)] for paths in people]
    return [paths for paths in fit if len(paths) > _ENROLLED_FROM]


def _enrol(services: Services, people: list[list[Path]]) -> dict[str, str]:
    """Everybody is enrolled, and comes on one more photograph; one of its names is rejected. Refs by person."""
    cast, refs = support.Cast(services), {}
    for number, pictures in enumerate(people):
        person = cast.add(f"Person {number}")
        cast.sign(person)
        bodies = [path.read_bytes() for path in pictures[:_ENROLLED_FROM]]
        seen = [services.faces.list_faces(body) for body in bodies]
        largest = {place: one.offered + 1 for place, one in enumerate(seen) if one.faces}
        gallery.enrol(services, person, bodies, "test", chosen=largest)
        refs[person] = _put(services, number, pictures[_ENROLLED_FROM])
    cast.open_collection()
    calendar.poll_dam(services)
    cast.work()
    with services.store.read() as conn:
        first = conn.scalar(select(func.min(t.face.c.id)).where(t.face.c.person_id.is_not(None)))
    assert first is not None
    face_decisions.reject(services, first, "cli:test")
    cast.work()
    return refs


def _find_again(services: Services, refs: dict[str, str], people: list[list[Path]]) -> int:
    """How many are found on a photograph that comes now: one that they were enrolled from."""
    again = {person: _put(services, 100 + n, people[n][0]) for n, person in enumerate(refs)}
    calendar.poll_dam(services)
    support.Cast(services).work()
    return _count_found(services, again)


def _card(to: str, folder: Path) -> str | None:
    """What `engine use` is given; None if the files of that engine are not here."""
    if to not in shipped_cards():
        return str(other_engine.write(folder, Path(os.environ["FACELEASE_MODELS"])))
    return to if is_installed(shipped_cards()[to], support.find_engine_files()) else None


@pytest.mark.promise
@pytest.mark.slow
@pytest.mark.parametrize("to", ["a card of one's own", "retail-0095"])
def test_an_engine_takes_over_and_nobody_is_lost(
    promise: Promise, tmp_path: Path, examiner: Examiner, faces: Path | None, house_store: str, to: str
) -> None:
    """F3: enrolled before, found after; templates of the old engine 0; names, tags and rejections as they were."""
    name = _card(to, tmp_path / "engine")
    if name is None:
        promise("F3", f"{to}: not measured (its files are not here)")
        return
    files = str(support.find_engine_files().absolute() if name == to else tmp_path / "none")
    config = support.configuration(tmp_path, recognizer={"engine": "auto", "files": files})
    config.path(config.folder.path).mkdir(parents=True)
    support.begin(config, SystemClock())
    with bootstrap.open_house(config, SystemClock()) as services:
        engine_change.choose(services, support.ENGINE, "test")
        people = _choose(services, _people(faces))
        refs = _enrol(services, people)
        held, old = _held(services), _serving(services)
        kills = _change_killed(services, config, tmp_path, name)
        new = _serving(services)
        lost = sum(len(held[table] - rows) for table, rows in _held(services).items())
        found, left = _find_again(services, refs, people), _others(services, new)
        due = list(scan_queue.list_due(services))
    promise(
        "F3",
        f"{old} to {new}, {house_store}: found {found} of {len(refs)}, templates of the old engine {left}, "
        f"names, tags, faces and rejections lost {lost}, workers killed in the middle {kills}",
    )
    assert (new != old, found, left, lost, due) == (True, len(refs), 0, 0, [])
    assert kills
