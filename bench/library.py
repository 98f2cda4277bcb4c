"""A synthetic library in a real store: photographs, faces and people in numbers, with no picture behind them.

Rows are inserted as the flows would leave them; those to be withdrawn sign through the flows themselves.
"""

import os
import random
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg import sql

from plugin.clock import NO_END, SystemClock
from plugin.config import Config, parse
from plugin.flows.common.services import Services
from plugin.flows.consent import recording
from plugin.flows.people import register
from plugin.hooks.dam import Dam
from plugin.quitclaim.consent.lifecycle import Signing
from plugin.quitclaim.consent.model import Grant, GrantKind
from sidecar.running import bootstrap

FACES = 3  # a photograph
PHOTOS_A_PERSON = 50
_DAY = 86_400_000_000  # microseconds
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WHOLLY_NAMED = 0.6  # of the photographs; in the others a face is not named
_AGREES = {"communication": 0.8, "commercial": 0.4}
_EVIDENCE = recording.SignatureEvidence("form.txt", b"a signed form: sample")


@dataclass(frozen=True)
class Library:
    """The open services, and the people who will withdraw, by the number of photographs that show them."""

    services: Services
    photos: int
    people: int
    withdrawing: dict[int, list[str]]


class _DamWithDates:
    """The DAM with date fields, as ResourceSpace has them: recomputing then also says what they should show."""

    def __init__(self, inner: Dam) -> None:
        self._inner = inner

    def state_many(self, until: Mapping[str, object]) -> dict[str, None]:
        return dict.fromkeys(until)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@contextmanager
def build_library(root: Path, photos: int, withdrawing: dict[int, int], store: str = "") -> Iterator[Library]:
    """A store of `photos` photographs under `root`; `withdrawing`: how many people show on how many of them.

    `store`: the URL of an empty one, on SQLite or PostgreSQL; none: a file under `root`.
    """
    tree: dict[str, object] = {"data": str(root), "folder": {"path": str(root / "photos")}}
    config = parse(tree | ({"store": {"url": store}} if store else {}))
    (root / "photos").mkdir(parents=True, exist_ok=True)
    bootstrap.init(config)
    with bootstrap.open_house(config, SystemClock()) as services:
        services = replace(services, dam=_DamWithDates(services.dam))
        now = services.clock.now()
        chosen = {
            size: [_add_signer(services, f"Sample {size}-{number}", now) for number in range(many)]
            for size, many in withdrawing.items()
        }
        crowd = _Crowd(config, photos, chosen, now)
        with _open_writer(services) as put:
            _write_people(put, crowd)
            _write_photographs(put, crowd)
        yield Library(services, photos, len(crowd.ids), chosen)


RowWriter = Callable[[str, str, Iterable[tuple[Any, ...]]], None]
"""Enter rows: into which table, which columns by their names."""


@contextmanager
def _open_writer(services: Services) -> Iterator[RowWriter]:
    url = services.store.url
    with _open_sqlite(url.removeprefix("sqlite:///")) if services.store.is_sqlite else _open_postgresql(url) as put:
        yield put


@contextmanager
def _open_sqlite(path: str) -> Iterator[RowWriter]:
    """Without the indexes of the large tables, which are made at the end."""
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("PRAGMA synchronous = OFF")
        raw.execute("PRAGMA cache_size = -400000")
        made = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN "
        indexes = raw.execute(made + "('resource', 'face', 'tag', 'clearance')").fetchall()
        for name, _ in indexes:
            raw.execute(f"DROP INDEX {name}")
        raw.execute("BEGIN")

        def put(table: str, columns: str, rows: Iterable[tuple[Any, ...]]) -> None:
            marks = ", ".join("?" for _ in columns.split(","))
            raw.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)

        yield put
        raw.execute("COMMIT")
        for _, statement in indexes:
            raw.execute(statement)
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with Path(path).open("rb") as file:
        os.fsync(file.fileno())  # else the first write of what is measured would wait for all of this


@contextmanager
def _open_postgresql(url: str) -> Iterator[RowWriter]:
    with psycopg.connect(url) as raw:

        def put(table: str, columns: str, rows: Iterable[tuple[Any, ...]]) -> None:
            names = sql.SQL(", ").join(sql.Identifier(one.strip(' "')) for one in columns.split(","))
            into = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)
            with raw.cursor().copy(into) as copy:
                for row in rows:
                    copy.write_row(row)

        yield put
        raw.execute("SELECT setval(pg_get_serial_sequence('resource', 'id'), (SELECT max(id) FROM resource))")
        raw.commit()
        raw.autocommit = True
        raw.execute("ANALYZE")


def _add_signer(services: Services, name: str, now: datetime) -> str:
    """Somebody who agrees to every use for two years."""
    person_id = register.add(services, register.Newcomer(name, of_age=True), "bench")
    sign_quitclaim(services, person_id, now)
    return person_id


def sign_quitclaim(services: Services, person_id: str, now: datetime, recognition: bool = False) -> None:
    """They agree to every use for two years; `recognition`: to that too."""
    listed = services.config.clearance
    until = now + timedelta(days=730)
    grants = [
        Grant(uuid4().hex, GrantKind.PUBLICATION, *use, now, until) for use in product(listed.purposes, listed.channels)
    ]
    grants += [Grant(uuid4().hex, GrantKind.RECOGNITION, None, None, now, until)] if recognition else []
    signing = Signing("1", None, "en", "paper", True, (), now, tuple(grants))
    recording.record(services, person_id, signing, [_EVIDENCE], "bench")


class _Crowd:
    """Who agrees to what until when, and who is on which photograph; the same at each run."""

    def __init__(self, config: Config, photos: int, chosen: dict[int, list[str]], now: datetime) -> None:
        self.random = random.Random(photos)
        self.photos, self.now = photos, _micros(now)
        self.looked_px = config.clearance.recognisable_px
        self.uses = list(product(config.clearance.purposes, config.clearance.channels))
        self.ids = [UUID(int=self.random.getrandbits(128)).hex for _ in range(photos // PHOTOS_A_PERSON)]
        self.ends = {person: self._agreed() for person in self.ids}
        signed = {use: _micros(now + timedelta(days=730)) for use in self.uses}
        self.on: dict[int, str] = {}
        free = iter(self.random.sample(range(1, photos + 1), sum(n * len(who) for n, who in chosen.items())))
        for size, who in chosen.items():
            for person in who:
                self.ends[person] = signed
                self.on |= {next(free): person for _ in range(size)}

    def _agreed(self) -> dict[tuple[str, str], int]:
        end = self.now + self.random.randint(1, 700) * _DAY
        end = _micros(NO_END) if self.random.random() < 0.3 else end
        return {use: end for use in self.uses if self.random.random() < _AGREES.get(use[0], 0.5)}

    def pictured(self) -> Iterator[tuple[int, list[str | None]]]:
        """By photograph, who is on it; None is a face that nobody has named."""
        for number in range(1, self.photos + 1):
            who: list[str | None] = [*self.random.sample(self.ids, FACES)]
            if number in self.on:
                who[0] = self.on[number]
            elif self.random.random() > _WHOLLY_NAMED:
                who[self.random.randrange(FACES)] = None
            yield number, who


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _write_people(put: RowWriter, crowd: _Crowd) -> None:
    now = crowd.now - _DAY
    people = ((who, who, who, False, "en", now) for who in crowd.ids)
    put("person", "id, display_name, name_key, node_adopted, language, created_at", people)
    put(
        "quitclaim",
        "id, person_id, version, text_version, language, method, signed_by_person, signed_by_guardians, signed_at, "
        "recorded_at, recorded_by",
        ((who, who, 1, "1", "en", "paper", True, "[]", now, now, "x") for who in crowd.ids),
    )
    forever = _micros(NO_END)
    grants = (
        (f"{who}-{n}", who, who, "publication", *use, now, None if end == forever else end)
        for who in crowd.ids
        for n, (use, end) in enumerate(crowd.ends[who].items())
    )
    columns = "id, quitclaim_id, person_id, kind, purpose, channel, valid_from, valid_until"
    put("grant_line", columns, grants)


def _write_photographs(put: RowWriter, crowd: _Crowd) -> None:
    """In batches of one table each, so that their pages lie together; clearance as `spans` would store it."""
    batch: list[tuple[int, list[str | None]]] = []
    for photo in crowd.pictured():
        batch.append(photo)
        if len(batch) == 10_000:
            _write_batch(put, crowd, batch)
            batch = []
    _write_batch(put, crowd, batch)


def _write_batch(put: RowWriter, crowd: _Crowd, batch: list[tuple[int, list[str | None]]]) -> None:
    now, box = crowd.now, (0.2, 0.1, 0.1)
    put(
        "resource",
        "id, ref, file_version, kind, examined, matched, matched_generation, seen_at, longest_px, looked_px",
        ((n, str(n), "v", "photo", "whole", True, 1, now, _longest_px(n), crowd.looked_px) for n, _ in batch),
    )
    put(
        "face",
        'resource_id, file_version, "left", top, width, height, width_px, file_px, state, person_id, created_at',
        (
            (n, "v", i / FACES, *box, 90, _width_in_file(n), "matched" if one else "unmatched", one, now)
            for n, who in batch
            for i, one in enumerate(who)
        ),
    )
    tags = ((n, one, one, one, "confirmed", "[]", now) for n, who in batch for one in who if one)
    put("tag", "resource_id, node, node_key, person_id, origin, places, created_at", tags)
    put("clearance", "resource_id, purpose, channel, valid_from, valid_until", _make_clearances(crowd, batch))


def _longest_px(number: int) -> int:
    """The longer side of a photograph's file: of a telephone, a camera, a large camera, or a small copy."""
    return (4032, 6000, 8256, 1600)[number % 4]


def _width_in_file(number: int) -> int:
    """How wide a face of 90 px in the looked-at picture is in the file."""
    return 90 * _longest_px(number) // 1024


def _make_clearances(crowd: _Crowd, batch: list[tuple[int, list[str | None]]]) -> Iterator[tuple[Any, ...]]:
    late = set(crowd.on.values())  # they signed now, everybody else the day before
    for number, who in batch:
        named = [one for one in who if one]
        if len(named) < FACES:
            continue
        ends = [crowd.ends[one] for one in named]
        begins = crowd.now if late & set(named) else crowd.now - _DAY
        for use in crowd.uses:
            if all(use in end for end in ends):
                yield number, *use, begins, min(end[use] for end in ends)
