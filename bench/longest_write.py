"""How long a write keeps others waiting, in a library of a million photographs: the longest of every chore and act."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

from sqlalchemy import delete, insert, select, update

from bench.library import Library, built
from bench.workshop import Figure, Workshop
from plugin.flows import (
    anew,
    backlog,
    chores,
    comparison,
    consent,
    modes,
    statements,
    taken_off,
    terms,
)
from plugin.flows.services import Services
from plugin.hooks.dam import Change, Collection, Dam
from plugin.hooks.index import Index, Known
from plugin.hooks.tree import Entry
from plugin.ledger import house_state, rotation
from plugin.ledger import tables as t
from plugin.quitclaim.scope import Mode
from sidecar.runner import Runner

_PORTIONS = 20  # of each chain: they are alike
_RULED, _FILES = 100_000, 50_000
_ALL = "all"


class _ThereDam:
    """A DAM that has the photographs, without a file behind them: what is measured is the store."""

    dated = True
    named_collections = False
    at_once = 50

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def collections(self) -> Sequence[Collection]:
        return [Collection(_ALL, "All of them", _RULED)]

    def identities(self, _refs: object = None) -> dict[str, str]:
        return {}

    def changes(self) -> Sequence[Change]:
        return []

    def refs(self, _collection: str | None = None) -> Iterator[str]:
        return iter(())

    def state_many(self, until: dict[str, Any]) -> dict[str, None]:
        return dict.fromkeys(until)

    def write_many(self, tasks: Sequence[Any]) -> dict[str, Any]:
        return {task.ref: () for task in tasks}


@dataclass
class _Watch:
    """The longest write of each act, and the act that is done now."""

    longest: dict[str, float] = field(default_factory=dict)
    act: str = ""

    def __call__(self, seconds: float) -> None:
        if self.act:
            self.longest[self.act] = max(seconds, self.longest.get(self.act, 0.0))

    def of(self, act: str, do: Callable[[], object]) -> None:
        self.act = act
        self.longest.setdefault(act, 0.0)
        do()
        self.act = ""


def run(workshop: Workshop) -> Iterator[Figure]:
    """longest_write_ms over all of them."""
    watch = _Watch()
    with built(workshop.scratch / "writes", max(workshop.photos, 2 * _RULED), {5000: 1, 50: 1}) as library:
        services = replace(library.services, dam=cast(Dam, _ThereDam(library.services.dam)))
        services.store.watch = watch
        began = time.perf_counter()
        for act, before, do in _acts(library, services):
            before()
            watch.of(act, do)
        took = time.perf_counter() - began
    worst = max(watch.longest, key=lambda act: watch.longest[act])
    each = ", ".join(f"{act} {seconds * 1000:.0f}" for act, seconds in watch.longest.items())
    said = f"{library.photos} photographs, SQLite, {took:.0f} s of chores and acts; longest: {worst}; of each: {each}"
    yield Figure("longest_write_ms", round(watch.longest[worst] * 1000), "", said)


def _acts(
    library: Library, services: Services
) -> Iterator[tuple[str, Callable[[], object], Callable[[], object]]]:
    """Each with what has to be there before it, unmeasured."""

    def nothing() -> None:
        return

    def jobs(*kinds: str) -> bool:
        runner = Runner(services)
        return any(not runner.run_one(kinds) for _ in range(_PORTIONS))

    def sql(statement: str) -> None:
        _sql(library, statement)

    yield "start", nothing, lambda: chores.start(services)
    yield "sweep", nothing, lambda: chores.sweep(services)
    yield "computing anew", lambda: _forget_policy(services), lambda: (anew.follow(services), jobs("anew"))
    never = modes.Ruling(Mode.NEVER)
    yield "a mode", lambda: _lie_in(sql), lambda: modes.decide(services, _ALL, never, "bench")
    yield "what follows a mode", nothing, lambda: jobs("remode")
    late = partial(backlog.late_consent, services)
    yield "late consent", lambda: _enrolled(services), lambda: (late(), jobs(backlog.LATE))
    yield "a round", lambda: _clear_jobs(services), lambda: (comparison.begin(services), jobs(comparison.JOB))
    yield "a poll", nothing, lambda: Index(services.store).put(_files())
    yield "dates", lambda: _stated(sql), lambda: statements.renew(services)
    yield "dates told", nothing, lambda: jobs("state")
    yield "terms", lambda: _over(sql), lambda: terms.end(services)
    yield "names taken off", lambda: _taken_off(services, sql), lambda: taken_off.backfill(services)
    new_key = partial(rotation.rotate, services.store, services.master)
    yield "a new master key", lambda: _keys(services), new_key
    yield "letters", nothing, lambda: chores.remind(services)
    for size, people in library.withdrawing.items():
        yield f"a withdrawal of {size}", partial(_clear_jobs, services), partial(_withdraw, services, people)
    yield "what follows it", nothing, lambda: jobs("revoke", "recompute", "state")
    yield "a full queue", lambda: _fill_queue(sql), lambda: jobs("names")
    yield "closing", nothing, lambda: _close(services)
    yield "a closed house", nothing, lambda: (anew.follow(services), jobs("anew"))


def _withdraw(services: Services, people: Sequence[str]) -> None:
    for person_id in people:
        consent.withdraw(services, person_id, None, "bench")


def _sql(library: Library, statement: str) -> None:
    with closing(
        sqlite3.connect(Path(library.services.config.data) / "ledger.db", isolation_level=None)
    ) as raw:
        raw.execute(statement)


def _forget_policy(services: Services) -> None:
    _clear_jobs(services)
    with services.store.write() as tx:
        tx.execute(update(t.state).values(policy="another"))


def _clear_jobs(services: Services) -> None:
    with services.store.write() as tx:
        tx.execute(delete(t.job))


def _lie_in(sql: Callable[[str], None]) -> None:
    """A collection of so many photographs, with suggestions and names of the machine."""
    mine = f"SELECT id, '{_ALL}' FROM resource WHERE id <= {_RULED}"
    sql(f"INSERT INTO resource_collection (resource_id, collection_ref) {mine}")
    some = f"resource_id <= {_RULED} AND state = 'unmatched' AND id % 3 = 0"
    sql(f"UPDATE face SET state = 'suggested', person_id = (SELECT min(id) FROM person) WHERE {some}")
    sql(f"UPDATE tag SET origin = 'machine' WHERE resource_id <= {_RULED}")


def _enrolled(services: Services) -> None:
    """Everybody's photographs may be compared, and somebody was vouched for since."""
    _clear_jobs(services)
    with services.store.write() as tx:
        tx.execute(update(t.collection).values(mode="auto", basis="all-asked"))
        tx.move_generation()
        person = tx.connection.scalar(select(t.person.c.id))
        tx.execute(
            insert(t.reference_set).values(
                id="bench", person_id=person, added_by="bench", added_at=tx.now, came_by="staff", vouched_at=tx.now
            )
        )  # fmt: skip


def _files() -> list[Known]:
    return [Known(Entry(f"new/{number}.jpg", 1, 1, None), "v") for number in range(_FILES)]


def _stated(sql: Callable[[str], None]) -> None:
    dates = """'{"website": "2020-01-01"}'"""
    sql(
        "INSERT OR IGNORE INTO statement (resource_id, wanted, wanted_at, stated, stated_at) "
        f"SELECT id, {dates}, 0, {dates}, 0 FROM resource WHERE id > {_RULED} LIMIT 20000"
    )


def _over(sql: Callable[[str], None]) -> None:
    """Boxes and events past their term, and finished jobs of an older version."""
    sql("UPDATE face SET created_at = 0 WHERE resource_id <= 10000")
    sql("DELETE FROM tag WHERE resource_id <= 10000")
    numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
    sql(f"{numbers} INSERT INTO event (id, received_at) SELECT 'e' || i, 0 FROM n")
    _fill_queue(sql, "done", 20_000)


def _fill_queue(sql: Callable[[str], None], state: str = "queued", most: int = -1) -> None:
    columns = "kind, key, payload, priority, state, again, attempt, run_after, created_at, finished_at"
    sql(
        f"INSERT INTO job ({columns}) "
        f"SELECT 'photo', ref, '{{}}', 6, '{state}', 0, 0, 0, 0, 0 FROM resource LIMIT {most}"
    )


def _taken_off(services: Services, sql: Callable[[str], None]) -> None:
    sql("UPDATE resource SET file_version = 'v' || id")  # no two are the same picture
    columns = (
        "resource_id, person_id, node, action, origin, places, state, generation, created_at, finished_at"
    )
    sql(
        f"INSERT INTO intent ({columns}) "
        "SELECT resource_id, person_id, node, 'remove', 'machine', '[]', 'done', 1, 0, 0 "
        f"FROM tag WHERE resource_id > {_RULED} LIMIT 2000"
    )
    with services.store.write() as tx:
        tx.execute(update(t.state).values(taken_off_at=None))


def _keys(services: Services) -> None:
    with services.store.read() as conn:
        people = list(conn.scalars(select(t.person.c.id)))
    with services.store.write() as tx:
        for person_id in people:
            if not services.vault.has_key(tx.connection, person_id, "face"):
                services.vault.create_key(tx, person_id, "face")


def _close(services: Services) -> None:
    with services.store.write() as tx:
        house_state.close(tx, "missing", house_state.NOTHING_ENDED)
