"""A whole house on real photographs for the tests: a folder, a store, keys, the real engine, a clock.

The cast, all samples: Åsa (adult, valid), Bo (withdrawn), Clara (a minor with a guardian), Dag
(expired), Eva (never asked).
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

from PIL import Image
from sqlalchemy import select

from plugin.clock import Clock
from plugin.config import Config, parse
from plugin.flows.collections import modes
from plugin.flows.common.recogniser import Recogniser
from plugin.flows.common.services import Services
from plugin.flows.consent import recording
from plugin.flows.matching import gallery
from plugin.flows.people import register
from plugin.hooks.dam import Dam
from plugin.ledger import tables as t
from plugin.ledger.store import engine
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from plugin.quitclaim.consent.lifecycle import Signing
from plugin.quitclaim.consent.model import Grant, GrantKind
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from sidecar.running import bootstrap
from sidecar.running.runner import Runner
from tests import migrated

ENGINE = "retinaface-dlib"
ENGINE_FILES = "FACELEASE_TESTED_ENGINE_FILES"
SHOOT = "shoot"
FORM = recording.SignatureEvidence("form.txt", b"a signed form: sample")


def find_engine_files() -> Path:
    """Where publishers' files of engines lie, if they are here (FACELEASE_ENGINE_FILES)."""
    return Path(os.environ.get(ENGINE_FILES, ".cache/engines"))


def store_of(_root: Path) -> str | None:
    """Which store a house under a folder has, in this test: None for the embedded default (conftest: `house_store`)."""
    return None


def configuration(root: Path, **sections: Any) -> Config:
    """The default with its data under `root`, on the store of this test; `sections` overrides tables of it."""
    tree: dict[str, Any] = {
        "data": str(root / "data"),
        "folder": {"path": str(root / "photos")},
        "site": {"timezone": "Europe/Amsterdam"},
        "recognizer": {"engine": ENGINE},
        "clearance": {"purposes": ["communication"], "channels": ["website", "press"], "needs_confirmed": False},
    }
    if (url := store_of(root)) is not None:
        tree["store"] = {"url": url}
    for name, section in sections.items():
        tree[name] = tree.get(name, {}) | section if isinstance(section, dict) else section
    return parse(tree)


def default_engine(config: Config) -> Config:
    """With the engine that comes with FaceLease, whatever else is installed here."""
    return config.model_copy(update={"recognizer": config.recognizer.model_copy(update={"engine": ENGINE})})


def store_lines(config: Config) -> str:
    """The table of the store for a configuration that is written as a file."""
    return f'[store]\nurl = "{config.store_url}"\n'


def begin(config: Config, clock: Clock) -> None:
    """What `init` does; a store that is not there yet is copied, for the migrations take longer than most tests."""
    path = engine.sqlite_path(engine.parse_url(config.store_url))
    if path is not None and not path.exists():
        migrated.lay(path)
    bootstrap.init(config, clock)


@contextmanager
def opened(
    config: Config, clock: Clock, examiner: Examiner, wrap: Callable[[Dam], Dam] | None = None
) -> Iterator[Services]:
    """An open house whose engine is shared between tests; `wrap` puts something around the DAM."""
    config.path(config.folder.path).mkdir(parents=True, exist_ok=True)
    begin(config, clock)
    with ExitStack() as stack:
        services = stack.enter_context(bootstrap.open_house(config, clock))
        services.faces.close()
        services = replace(services, faces=Recogniser(examiner))
        yield replace(services, dam=wrap(services.dam)) if wrap else services


def put(photos: Path, name: str, prefix: str, size: tuple[int, int] | None = None) -> str:
    """A portrait as `name` in the folder, old enough to be taken up at once; returns its ref."""
    path = photos / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if size is None and Path(name).suffix == samples.portrait(prefix).suffix:
        shutil.copyfile(samples.portrait(prefix), path)
    else:
        with Image.open(samples.portrait(prefix)) as picture:
            small = picture.convert("RGB")
            small = small.resize(size) if size else small
            small.save(path, quality=90)
    settle(path)
    return name


def together(photos: Path, name: str, *prefixes: str, height: int = 700) -> str:
    """Several portraits side by side on one picture."""
    pictures = []
    for prefix in prefixes:
        with Image.open(samples.portrait(prefix)) as picture:
            width = picture.width * height // picture.height
            pictures.append(picture.convert("RGB").resize((width, height)))
    both = Image.new("RGB", (sum(p.width for p in pictures), height))
    left = 0
    for one in pictures:
        both.paste(one, (left, 0))
        left += one.width
    path = photos / name
    path.parent.mkdir(parents=True, exist_ok=True)
    both.save(path, quality=90)
    settle(path)
    return name


def settle(path: Path) -> None:
    """Date the file a minute back: one written this moment waits for the next poll."""
    moment = time.time() - 60
    os.utime(path, (moment, moment))


class Cast:
    """People who sign, and what follows, in one line each."""

    def __init__(self, services: Services) -> None:
        self.services = services

    def add(self, name: str, by: str = "test", **about: Any) -> str:
        """Enter a person, as the account `by`; an adult unless a birth date is given. Returns the id."""
        about.setdefault("of_age", "birth_date" not in about)
        return register.add(self.services, register.Newcomer(name, **about), by)

    def sign(
        self,
        person_id: str,
        *,
        recognition: bool = True,
        channels: Sequence[str] = ("website",),
        start: datetime | None = None,
        until: datetime | None = None,
        lasts: timedelta | None = timedelta(days=365),
        guardians: tuple[str, ...] = (),
    ) -> dict[str, str]:
        """Record a quitclaim; returns grant ids by `recognition` or the channel."""
        now = self.services.clock.now()
        begin = start or now
        end = until or (begin + lasts if lasts else None)
        lines = (["recognition"] if recognition else []) + list(channels)
        ids = {line: uuid4().hex for line in lines}
        grants = tuple(
            Grant(ids[line], GrantKind.RECOGNITION, None, None, begin, end)
            if line == "recognition"
            else Grant(ids[line], GrantKind.PUBLICATION, "communication", line, begin, end)
            for line in lines
        )
        signing = Signing("v1", None, "en", "paper", not guardians, guardians, now, grants)
        recording.record(self.services, person_id, signing, [FORM], "test")
        return ids

    def enrol(self, person_id: str, *prefixes: str) -> None:
        """Enrol from portraits; by default from two of sample person A."""
        chosen = prefixes or (samples.A_FRONT, samples.A_SPEECH)
        pictures = [samples.portrait(prefix).read_bytes() for prefix in chosen]
        gallery.enrol(self.services, person_id, pictures, "test")

    def open_collection(self, ref: str = SHOOT, mode: Mode = Mode.AUTO) -> None:
        """Switch a collection on, on the basis that everybody in it was asked."""
        evidence = BasisEvidence("list of who was asked", "the administrator")
        modes.decide(self.services, ref, modes.Ruling(mode, Basis.ALL_ASKED, evidence), "test")

    def work(self, threads: int = 1) -> None:
        """Run every job that is due."""
        Runner(self.services).drain(threads=threads)

    def names_on(self, ref: str) -> set[str]:
        """The names that stand in the file and its sidecar now, read from there."""
        return {named.node for named in self.services.dam.look(ref).names}

    def tags(self, person_id: str) -> dict[str, str]:
        """Origin by ref, as the ledger has it."""
        query = (
            select(t.resource.c.ref, t.tag.c.origin)
            .join(t.tag, t.tag.c.resource_id == t.resource.c.id)
            .where(t.tag.c.person_id == person_id)
        )
        with self.services.store.read() as conn:
            return {row.ref: row.origin for row in conn.execute(query)}


def size_of(picture: bytes) -> tuple[int, int]:
    """Width and height of a picture, in px."""
    with Image.open(BytesIO(picture)) as opened_:
        return opened_.size


def find_face(services: Services, ref: str) -> int:
    """The number of the first face on a photograph; 0 where there is none."""
    with services.store.read() as conn:
        query = select(t.face.c.id).join(t.resource, t.resource.c.id == t.face.c.resource_id)
        return int(conn.scalar(query.where(t.resource.c.ref == ref)) or 0)
