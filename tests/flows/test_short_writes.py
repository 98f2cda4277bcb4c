"""Rule 45: whatever has to be done to thousands of rows is done in portions, each a write of its own; however many."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast
from uuid import uuid4

import pytest
from sqlalchemy import event, insert, select, update

from plugin.flows import chores, letters, many, modes, people, strange_rulings
from plugin.flows.services import Services
from plugin.hooks.dam import Collection, CollectionRuling, Dam
from plugin.ledger import tables as t
from sidecar.runner import Runner
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

    named_collections = False
    tells_holders = False

    def __init__(self, inner: Dam) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
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

    tells_holders = True


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
    monkeypatch.setattr(many, "_SHORT", 0.0)


def test_a_name_that_stands_on_thousands_is_adopted_in_portions(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And each of them is looked at; who enters the person waits for the first portion only."""
    monkeypatch.setattr(people, "_PORTION", 20)
    _photographs(services, None, "Åsa")
    with writes(services) as per_write:
        asa = people.add(services, people.Newcomer("Åsa", of_age=True), "test", adopt=True)
        with services.store.read() as conn:
            first = conn.execute(select(t.tag.c.id).where(t.tag.c.person_id == asa)).all()
        _run(services, people.JOB)
    assert len(first) == 20
    with services.store.read() as conn:
        assert len(conn.execute(select(t.tag.c.id).where(t.tag.c.person_id == asa)).all()) == MANY
    assert _asked(services, "names") == MANY
    assert max(per_write) <= _MOST, per_write


def _doubted(services: Services) -> Services:
    house = _with(services, _Teller)
    person_id = people.add(services, people.Newcomer("Åsa", of_age=True), "test")
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
        modes.hear(house)
        assert _asked(services, "remode") == MANY
    assert max(per_write) <= _MOST, per_write
    with services.store.write() as tx:
        tx.execute(update(t.collection).values(ref=t.collection.c.ref + "-old"))
        tx.execute(update(t.ruling).values(collection_ref=t.ruling.c.collection_ref + "-old"))
    with writes(services) as per_write:
        assert strange_rulings.hear_anew(house) == MANY
    assert max(per_write) <= _MOST, per_write


def test_revocations_that_are_owed_are_asked_for_in_portions(services: Services, cast: support.Cast) -> None:
    """The daily comparison finds thousands after a restore."""
    _photographs(services, None, "Åsa")
    with services.store.write() as tx:
        numbers = list(tx.connection.scalars(select(t.tag.c.id)))
        for number in numbers:
            about = {
                "display_name": str(number),
                "name_key": str(number),
                "language": "en",
                "created_at": tx.now,
            }
            tx.execute(insert(t.person).values(id=f"p{number}", node_adopted=False, **about))
            mine = update(t.tag).where(t.tag.c.id == number)
            tx.execute(mine.values(person_id=f"p{number}", origin="machine", places=[]))
    with writes(services) as per_write:
        chores.reconcile(services)
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
        assert letters.resume(services) == MANY
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
        assert len(people.export(services, asa, "test")["photographs"]) == MANY
    finally:
        event.remove(services.store._engine, "before_cursor_execute", executed)
    assert any("INSERT INTO audit" in said for said in inside)
    assert [said for said in inside if "FROM tag" in said or "FROM resource" in said] == []
