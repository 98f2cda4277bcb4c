"""Rule 45: whatever has to be done to thousands of rows is done in portions, each a write of its own; however many."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import numpy as np
import pytest
from sqlalchemy import event, insert, select, update

from plugin.clock import ManualClock
from plugin.flows.collections import foreign_rulings, modes, ruling_identity, ruling_moves, shoots
from plugin.flows.common import batches, reference_sets
from plugin.flows.common.reference_sets import PictureSource
from plugin.flows.common.services import Services
from plugin.flows.mail import delivery
from plugin.flows.matching import gallery, vouching
from plugin.flows.people import register, resemblance
from plugin.flows.rights import erasure, erasure_rows
from plugin.flows.schedule import calendar
from plugin.hooks.dam import Collection, CollectionRuling, Dam, NamedCollections
from plugin.ledger import tables as t
from plugin.ledger.keys import rotation
from plugin.ledger.keys.master_keys import MasterKeys
from plugin.ledger.keys.vault import Vault
from plugin.ledger.store.store import Store, Tx
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from plugin.recognizer.examination.messages import Enrolment
from plugin.recognizer.process.examiner import Examiner
from sidecar.running.runner import Runner
from tests import support

MANY = 90
_MOST = 60  # statements of one write: a portion has twenty asks, or five rulings with their history


@contextmanager
def writes(services: Services) -> Iterator[list[int]]:
    """How many statements each write meanwhile had, those that were given many parameters counted by each."""
    per_write: list[int] = []

    def began(conn: Any) -> None:
        if conn.get_execution_options().get("facelease_write"):
            per_write.append(0)

    def executed(_conn: Any, _cursor: Any, _said: str, given: Any, _context: Any, several: bool) -> None:
        if per_write:
            per_write[-1] += len(given) if several else 1

    engine = services.store._engine
    event.listen(engine, "begin", began)
    event.listen(engine, "before_cursor_execute", executed)
    try:
        yield per_write
    finally:
        event.remove(engine, "begin", began)
        event.remove(engine, "before_cursor_execute", executed)


class _Holder:
    """A DAM with so many photographs in its one collection, and so many rulings of its own."""

    def __init__(self, inner: Dam) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        if hasattr(NamedCollections, name):
            raise AttributeError(name)  # its collections have numbers
        return getattr(self._inner, name)

    def refs(self, *_: str) -> Iterator[str]:
        return (f"new/{number}.jpg" for number in range(MANY))

    def collections(self) -> list[Collection]:
        return [Collection(str(number), "Another", 0) for number in range(MANY)]

    def rulings(self) -> list[CollectionRuling]:
        return [CollectionRuling(str(number), "A shoot", "detect") for number in range(MANY)]

    def holders(self, _name: str) -> list[str]:
        return list(self.refs())


class _Teller(_Holder):
    """One that says itself where a name stands."""

    def standing(self, names: Iterable[str]) -> dict[str, int]:
        return dict.fromkeys(names, MANY)


def _with(services: Services, dam: type[_Holder] = _Holder) -> Services:
    return replace(services, dam=cast(Dam, dam(services.dam)))


def _photographs(services: Services, person_id: str | None, name: str) -> None:
    """So many, each with the name by hand; whose it is, if anybody's."""
    with services.store.write() as tx:
        about = {"file_version": "v", "kind": "photo", "examined": "no", "seen_at": tx.now}
        tx.execute(insert(t.resource), [{"ref": f"{n}.jpg", **about} for n in range(MANY)])
        named = {"node": name, "node_key": name.casefold(), "person_id": person_id, "origin": "hand"}
        tx.execute(
            insert(t.tag),
            [
                {"resource_id": number, "places": [], "created_at": tx.now, **named}
                for number in tx.connection.scalars(select(t.resource.c.id))
            ],
        )


def _ask(services: Services, kind: str, key: str) -> None:
    with services.store.write() as tx:
        services.queue.put(tx, kind, key)


def _run(services: Services, kind: str) -> None:
    assert Runner(services).run_one([kind])


def _asked(services: Services, kind: str) -> int:
    with services.store.read() as conn:
        return len(conn.execute(select(t.job.c.id).where(t.job.c.kind == kind)).all())


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A write may take no second step, however fast this machine is."""
    monkeypatch.setattr(batches, "_SHORT", 0.0)


def test_a_name_that_stands_on_thousands_is_adopted_in_portions(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And each of them is looked at; who enters the person waits for the first portion only."""
    monkeypatch.setattr(register, "_PORTION", 20)
    _photographs(services, None, "Åsa")
    with writes(services) as per_write:
        asa = register.add(services, register.Newcomer("Åsa", of_age=True), "test", adopt=True)
        with services.store.read() as conn:
            first = conn.execute(select(t.tag.c.id).where(t.tag.c.person_id == asa)).all()
        _run(services, register.JOB)
    assert len(first) == 20
    with services.store.read() as conn:
        assert len(conn.execute(select(t.tag.c.id).where(t.tag.c.person_id == asa)).all()) == MANY
    assert _asked(services, "names") == MANY
    assert max(per_write) <= _MOST, per_write


def _doubted(services: Services) -> Services:
    house = _with(services, _Teller)
    person_id = register.add(services, register.Newcomer("Åsa", of_age=True), "test")
    with services.store.write() as tx:
        tx.execute(update(t.person).values(doubted_at=tx.now, self_entered=True))
    _ask(services, "name-stands", person_id)
    return house


def _members(services: Services) -> Services:
    _ask(services, "members", "7")
    return _with(services)


def _all_named(services: Services) -> Services:
    _photographs(services, None, "Åsa")
    _ask(services, "renamed", "nodes")
    return services


_ASKS: dict[str, tuple[Callable[[Services], Services], str]] = {
    "name-stands": (_doubted, "names"),
    "members": (_members, "photo"),
    "renamed": (_all_named, "names"),
}


@pytest.mark.parametrize("kind", _ASKS)
def test_a_job_asks_for_thousands_in_portions(services: Services, kind: str) -> None:
    """Whatever came of the DAM's answer: each is asked for, and no write holds them all."""
    prepare, asked = _ASKS[kind]
    house = prepare(services)
    with writes(services) as per_write:
        _run(house, kind)
    assert _asked(services, asked) == MANY
    assert max(per_write) <= _MOST, per_write


def test_rulings_are_heard_in_portions(services: Services) -> None:
    """Also those that are lost with a DAM that was put back."""
    house = _with(services)
    with writes(services) as per_write:
        modes.import_from_dam(house)
        assert _asked(services, "remode") == MANY
    assert max(per_write) <= _MOST, per_write
    with services.store.write() as tx:
        tx.execute(update(t.collection).values(ref=t.collection.c.ref + "-old"))
        tx.execute(update(t.ruling).values(collection_ref=t.ruling.c.collection_ref + "-old"))
    with writes(services) as per_write:
        assert foreign_rulings.reread_after_restore(house) == MANY
    assert max(per_write) <= _MOST, per_write


def test_revocations_that_are_owed_are_asked_for_in_portions(services: Services, cast: support.Cast) -> None:
    """The daily comparison finds thousands after a restore."""
    _photographs(services, None, "Åsa")
    with services.store.write() as tx:
        numbers = list(tx.connection.scalars(select(t.tag.c.id)))
        for number in numbers:
            about = {"display_name": str(number), "name_key": str(number), "language": "en", "created_at": tx.now}
            tx.execute(insert(t.person).values(id=f"p{number}", node_adopted=False, **about))
            mine = update(t.tag).where(t.tag.c.id == number)
            tx.execute(mine.values(person_id=f"p{number}", origin="machine", places=[]))
    with writes(services) as per_write:
        calendar.begin_comparison(services)
    assert _asked(services, "revoke") == MANY
    assert max(per_write) <= _MOST, per_write


def test_letters_that_wait_are_taken_up_in_portions(services: Services, cast: support.Cast) -> None:
    """A mail server may be down for days."""
    asa = cast.add("Åsa")
    with services.store.write() as tx:
        about = {"kind": "receipt", "language": "en", "person_id": asa, "data": {}, "state": "queued"}
        rows = [{"id": uuid4().hex, "cause": f"c{n}", "created_at": tx.now, **about} for n in range(MANY)]
        tx.execute(insert(t.mail), rows)
    with writes(services) as per_write:
        assert delivery.resume(services) == MANY
    assert _asked(services, "mail") == MANY
    assert max(per_write) <= _MOST, per_write


def test_what_is_held_on_a_person_is_read_in_no_write(services: Services, cast: support.Cast) -> None:
    """An export of somebody on thousands of photographs keeps nobody waiting; the look is in the log all the same."""
    asa = cast.add("Åsa")
    _photographs(services, asa, "Åsa")
    inside: list[str] = []

    def executed(conn: Any, _cursor: Any, said: str, *_: Any) -> None:
        if conn.get_execution_options().get("facelease_write"):
            inside.append(said)

    event.listen(services.store._engine, "before_cursor_execute", executed)
    try:
        assert len(register.export(services, asa, "test")["photographs"]) == MANY
    finally:
        event.remove(services.store._engine, "before_cursor_execute", executed)
    assert any("INSERT INTO audit" in said for said in inside)
    assert [said for said in inside if "FROM tag" in said or "FROM resource" in said] == []


def _opened_inside(services: Services, monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> int:
    """How many sealed items are opened inside a write meanwhile."""
    count, real = [0], Vault._open

    def opened(vault: Vault, row: Any) -> bytes:
        count[0] += bool(getattr(services.store._writing, "here", False))
        return real(vault, row)

    with monkeypatch.context() as patched:
        patched.setattr(Vault, "_open", opened)
        act()
    return count[0]


def _template(services: Services, seed: int) -> Enrolment:
    vector = np.random.default_rng(seed).normal(size=128)
    return Enrolment((vector / np.linalg.norm(vector)).astype(np.float32), (), services.faces.engine_id)


def _declared(services: Services, cast: support.Cast, seed: int) -> str:
    who = cast.add(f"Somebody {seed}")
    cast.sign(who)
    with services.store.write() as tx:
        return gallery.enrol_in(services, tx, who, _template(services, seed), [], "person", PictureSource("link"))


def test_templates_are_opened_before_the_write_that_compares_with_them(
    services: Services, cast: support.Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many are enrolled: who enrols, vouches or refuses opens as few inside as with one; and whoever came
    between the opening and the write is held all the same."""
    counts = []
    for number in range(3):
        for other in range(1 if number else 0, 6 * number):
            _declared(services, cast, 100 * number + other)
        last = cast.add(f"Last {number}")
        cast.sign(last)
        monkeypatch.setattr(gallery, "make_template", lambda *_: _template(services, 5))
        enrolled = _opened_inside(services, monkeypatch, partial(gallery.enrol, services, last, [], "test"))
        one = _declared(services, cast, 1000 + number)
        vouched = _opened_inside(services, monkeypatch, partial(vouching.vouch, services, one, "met", "cli:editor"))
        refused = _opened_inside(services, monkeypatch, partial(vouching.refuse, services, one, "cli:editor"))
        counts.append((enrolled, vouched, refused))
    assert counts[1:] == counts[:-1], counts
    eva = cast.add("Eva")
    cast.sign(eva)
    known = resemblance.open_templates(services)
    twin = _declared(services, cast, 7)
    with services.store.write() as tx:
        later = gallery.enrol_in(services, tx, eva, _template(services, 7), [], "person", PictureSource("link"), known)
    with services.store.read() as conn:
        first, second = (reference_sets.find(conn, one) for one in (twin, later))
    assert first is not None
    assert second is not None
    assert (first.near_id, second.near_id) == (eva, first.person_id)


class _Moved(_Holder):
    """A folder that is called otherwise now."""

    def identities(self, _refs: object = None) -> dict[str, str]:
        return {"new": "mark"}

    def sure(self, _mark: object) -> bool:
        return True

    def out_of_sight(self, _ref: str) -> bool:
        return False

    def rulings(self) -> list[CollectionRuling]:
        return []


def _lie_in(services: Services) -> set[tuple[int, str]]:
    with services.store.read() as conn:
        return {(row.resource_id, row.collection_ref) for row in conn.execute(select(t.resource_collection))}


def _ruled(services: Services) -> None:
    """A shoot of so many people, in which so many photographs lie; one lies in the other folder too."""
    _photographs(services, None, "Åsa")
    with services.store.write() as tx:
        numbers = list(tx.connection.scalars(select(t.resource.c.id)))
        lie = [{"resource_id": number, "collection_ref": "old"} for number in numbers]
        tx.execute(insert(t.resource_collection), [*lie, {"resource_id": numbers[0], "collection_ref": "new"}])
        tx.execute(
            insert(t.collection).values(
                ref="old", title="old", mode="auto", basis="shoot", identity="mark", set_by="test", set_at=tx.now
            )
        )
        for number in range(MANY):
            about = {"display_name": str(number), "name_key": str(number), "language": "en", "created_at": tx.now}
            tx.execute(insert(t.person).values(id=f"p{number}", node_adopted=False, **about))
            modes.join_shoot(tx, "old", f"p{number}")


def test_a_ruling_follows_its_folder_in_short_writes(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its members and photographs too; whoever kills it at any step finds each photograph under its ruling."""
    monkeypatch.setattr(ruling_moves, "_AT_ONCE", 20)
    _ruled(services)
    house, real, left = _with(services, _Moved), Store.write, [0]
    numbers = {number for number, _ in _lie_in(services)}

    @contextmanager
    def killed(store: Store, alone: bool = True) -> Iterator[Tx]:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        with real(store, alone) as tx:
            yield tx

    steps = 0
    while True:
        left[0] = 2
        with monkeypatch.context() as patched, suppress(KeyboardInterrupt):
            patched.setattr(Store, "write", killed)
            ruling_identity.follow(house, [], exact=True)
            break
        with services.store.read() as conn:
            ruled = conn.scalar(select(t.collection.c.ref))
            scopes = {modes.scope_of(services, conn, number).mode for number in numbers}
        assert {number for number, ref in _lie_in(services) if ref == ruled} == numbers
        assert scopes == {Mode.AUTO}
        steps += 1
    assert steps > 1
    with services.store.read() as conn:
        assert shoots.list_people(conn, None) == {"new": {f"p{number}" for number in range(MANY)}}


def test_a_rename_writes_few_rows_with_its_ruling(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit in which the ruling moves changes no row of a photograph, and no member one by one."""
    monkeypatch.setattr(ruling_moves, "_AT_ONCE", 20)
    _ruled(services)
    changed: list[tuple[str, int]] = []

    def executed(_conn: Any, cursor: Any, said: str, *_: Any) -> None:
        if said.startswith(("INSERT", "UPDATE", "DELETE")) and "resource_collection" in said:
            changed.append((said, cursor.rowcount))

    event.listen(services.store._engine, "after_cursor_execute", executed)
    try:
        with writes(services) as per_write:
            assert ruling_identity.follow(_with(services, _Moved), [], exact=True) == 1
    finally:
        event.remove(services.store._engine, "after_cursor_execute", executed)
    assert max(per_write) <= _MOST, per_write
    assert max(rows for _, rows in changed) <= 20, changed
    assert {ref for _, ref in _lie_in(services)} == {"new"}
    assert len(_lie_in(services)) == MANY


def test_a_decision_about_a_shoot_holds_others_up_no_longer_for_many_than_for_few(services: Services) -> None:
    """However many take part: their list is filled before, in portions."""
    house = _with(services)
    _ruled(services)
    people_in = [f"p{number}" for number in range(MANY)]
    ruling = modes.Ruling(Mode.SUGGEST, Basis.SHOOT, BasisEvidence("a list", "me"), tuple(people_in[1:]))
    for members in (ruling.members, ruling.members, tuple(people_in[:-1])):
        with writes(services) as per_write:
            modes.decide(house, "7", replace(ruling, members=members), "test")
        assert max(per_write) <= _MOST, per_write
        with services.store.read() as conn:
            assert shoots.list_people(conn, ["7"]) == {"7": set(members)}


def test_who_enters_waits_for_no_command_in_a_write(
    tmp_path: Path, clock: ManualClock, examiner: Examiner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the master key comes from a command, which may take half a minute."""
    MasterKeys.create(tmp_path / "m.json")
    command = {"master_command": ["cat", str(tmp_path / "m.json")]}
    with support.opened(support.configuration(tmp_path, keys=command), clock, examiner) as house:
        ran, run = [], MasterKeys._run

        def watched(keys: MasterKeys) -> str:
            ran.append(house.store.is_writing())
            return run(keys)

        monkeypatch.setattr(MasterKeys, "_run", watched)
        asa = register.add(house, register.Newcomer("Åsa", of_age=True), "test")
        MasterKeys.load(tmp_path / "m.json").add()
        another = MasterKeys.from_command(house.config.keys.master_command)
        rotation.rotate(house.store, another)
        register.add(house, register.Newcomer("Bo", of_age=True), "test")
        assert rotation.count_behind(house.store, another) == 0
        with house.store.write() as tx:
            assert house.vault.subject(tx.connection, asa)
    assert ran
    assert not any(ran)


def test_the_rows_of_the_erased_are_found_without_a_search(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue may hold a million jobs; what was asked for a moment before the write goes too."""
    asa = register.add(services, register.Newcomer("Åsa", of_age=True), "test")
    erasure.begin(services, asa, "test")  # its keys go first
    read, said = erasure_rows._jobs, list[tuple[str, Any]]()
    _ask(services, "look-again", asa)
    _ask(services, "look-again", "another")

    def interrupted(conn: Any, person_id: str) -> Any:
        found = read(conn, person_id)
        _ask(services, "recompute", asa)
        return found

    def executed(_conn: Any, _cursor: Any, statement: str, given: Any, *_: Any) -> None:
        said.append((statement, given))

    monkeypatch.setattr(erasure_rows, "_jobs", interrupted)
    event.listen(services.store._engine, "before_cursor_execute", executed)
    try:
        assert erasure_rows.delete_rows(services, asa, "Åsa", (), 0)
    finally:
        event.remove(services.store._engine, "before_cursor_execute", executed)
    assert (_asked(services, "look-again"), _asked(services, "recompute")) == (1, 0)
    deleted = [one for one in said if one[0].startswith("DELETE FROM job")]
    assert len(deleted) == 1
    if services.store.is_sqlite:
        with services.store.read() as conn:
            plan = str(conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {deleted[0][0]}", deleted[0][1]).all())
        assert "SEARCH job" in plan
        assert "SCAN job" not in plan
