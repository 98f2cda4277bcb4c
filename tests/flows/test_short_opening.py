"""Rule 45 where the house opens: whatever was ever ended is read and written before the write that opens it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from sqlalchemy import func, select, update

from plugin.flows.access import links
from plugin.flows.access.links import Link, LinkKind
from plugin.flows.access.programs import api_tokens
from plugin.flows.common import batches, closed_house
from plugin.flows.common.services import Services
from plugin.flows.schedule import house_closing, known_endings
from plugin.ledger import tables as t
from plugin.ledger.log import house_state
from plugin.ledger.log.endings import LINK, TOKEN, EndedLog, Ending
from plugin.ledger.store.store import Tx
from tests.flows.test_short_writes import MANY, writes

_MOST = 120  # statements of one write: twenty doors are shut at once, by an update and a row of the log each
_FIRST = 5


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A write may take no second step, however fast this machine is."""
    monkeypatch.setattr(batches, "_SHORT", 0.0)


def _made(services: Services, count: int = MANY) -> list[str]:
    """So many links that are open."""
    with services.store.write() as tx:
        return [links.make(services, tx, Link(LinkKind.PAGE, "en"), "test").id for _ in range(count)]


def _ended(services: Services) -> set[str | None]:
    return {one.grant_id for one in services.ended.lines() if one.kind in {LINK, TOKEN}}


def _left_open(services: Services) -> int:
    with services.store.read() as conn:
        mine = conn.scalar(select(func.count()).where(t.invitation.c.revoked_at.is_(None))) or 0
        return mine + (conn.scalar(select(func.count()).where(t.api_token.c.revoked_at.is_(None))) or 0)


def _closed(services: Services, lost: bool = False) -> list[str]:
    """A closed house, in which so many links were shut while the file was away; it is back, or `lost`."""
    made = _made(services)
    with services.store.write() as tx:
        for number in made[:_FIRST]:
            links.revoke(services, tx, number, "test")
    aside = services.ended.path.with_name("aside")
    services.ended.path.rename(aside)
    house_closing.check_ended_log(services)
    with services.store.write() as tx:
        tx.execute(update(t.invitation).where(t.invitation.c.revoked_at.is_(None)).values(revoked_at=tx.now))
    assert closed_house.find_reason(services) == "missing"
    if not lost:
        aside.rename(services.ended.path)
    return made


@contextmanager
def _killed(monkeypatch: pytest.MonkeyPatch, step: int) -> Iterator[None]:
    """At the commit of the write that comes after so many, and the file was written."""
    real, left = Tx.seal_audit, [step]

    def sealed(tx: Tx) -> None:
        real(tx)
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Tx, "seal_audit", sealed)
        yield


@pytest.fixture
def inside(services: Services, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether it was in a write, of each time that all ends of store or file were read."""
    seen: list[bool] = []

    def watch(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def watched(*given: Any) -> Any:
            seen.append(services.store.is_writing())
            return real(*given)

        monkeypatch.setattr(owner, name, watched)

    watch(known_endings, "_read_grants")
    watch(EndedLog, "lines")
    return seen


def test_a_house_opens_in_a_short_write(services: Services, inside: list[bool]) -> None:
    """All ends of the store and of the file are read before it, and the missing ones written."""
    made = _closed(services)
    with writes(services) as per_write:
        house_closing.check_ended_log(services)
    assert closed_house.find_reason(services) is None
    assert inside
    assert not any(inside)
    assert max(per_write) <= _MOST, per_write
    assert _ended(services) == set(made)


def test_it_begins_anew_in_a_short_write(services: Services, inside: list[bool]) -> None:
    """The new file is made before it."""
    made = _closed(services, lost=True)
    with writes(services) as per_write:
        begun = house_closing.open_without_ended_log(services, "the disk of keys died", "test")
    assert inside
    assert not any(inside)
    assert max(per_write) <= _MOST, per_write
    assert (begun.lines, _ended(services)) == (MANY, set(made))


@pytest.mark.parametrize("lost", [False, True])
def test_what_ends_while_it_opens_is_in_the_file(
    services: Services, monkeypatch: pytest.MonkeyPatch, lost: bool
) -> None:
    """Between the reading and the write; it is read once more."""
    made = _closed(services, lost)
    late, read = api_tokens.create(services, "sample", ["clearance:read"], "test"), known_endings.find_endings
    turns: list[known_endings.KnownEndings] = []

    def interrupted(house: Services) -> known_endings.KnownEndings:
        turns.append(read(house))
        if len(turns) == 1:
            api_tokens.revoke(house, late.id, "test")
            services.ended.path.unlink() if lost else None
        return turns[-1]

    monkeypatch.setattr(known_endings, "find_endings", interrupted)
    if lost:
        house_closing.open_without_ended_log(services, "the disk of keys died", "test")
    else:
        house_closing.check_ended_log(services)
    assert len(turns) == 2
    assert closed_house.find_reason(services) is None
    assert _ended(services) == {*made, late.id}


def test_who_kills_the_opening_leaves_it_closed_or_whole(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """At each step: a house that is open has every end in its file."""
    made, steps = _closed(services), 0
    while closed_house.find_reason(services) is not None:
        with _killed(monkeypatch, steps), suppress(KeyboardInterrupt):
            house_closing.check_ended_log(services)
        steps += 1
    assert steps > 1
    assert _ended(services) == set(made)
    with services.store.read() as conn:
        known = house_state.read(conn)
    assert known.mark == services.ended.mark()


def test_after_a_restore_doors_are_shut_in_portions(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with its line; whoever kills it at any step, and asks again, finds the rest."""
    made, token = _made(services), api_tokens.create(services, "sample", ["clearance:read"], "test")
    with writes(services) as per_write, _killed(monkeypatch, 2), suppress(KeyboardInterrupt):
        house_closing.open_without_ended_log(services, "lost with the machine", "test", restored=True)
    assert 0 < _left_open(services) < MANY + 1
    steps = 3
    while _left_open(services):
        with writes(services) as more, _killed(monkeypatch, 1), suppress(KeyboardInterrupt):
            house_closing.open_without_ended_log(services, "lost with the machine", "test", restored=True)
        per_write += more
        steps += 1
    assert steps > 4
    house_closing.open_without_ended_log(services, "lost with the machine", "test", restored=True)
    assert max(per_write) <= _MOST, per_write
    assert closed_house.find_reason(services) is None
    assert _ended(services) == {*made, token.id}


def test_who_comes_in_while_doors_are_shut_is_shut_out_too(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the write that opens the house."""
    _made(services)
    real, late = house_closing._shut_all, []

    def and_one_more(house: Services, actor: str) -> Any:
        done = real(house, actor)
        late.extend(_made(house, 1))
        return done

    monkeypatch.setattr(house_closing, "_shut_all", and_one_more)
    begun = house_closing.open_without_ended_log(services, "lost with the machine", "test", restored=True)
    assert (begun.links, begun.tokens, _left_open(services)) == (MANY + 1, 0, 0)
    assert set(late) < _ended(services)


def test_many_that_end_at_once_are_one_write_of_the_file(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each waits for the disk."""
    made, written, write = _made(services), list[int](), EndedLog.write

    def watched(log: EndedLog, *ends: Ending) -> None:
        written.append(len(ends))
        write(log, *ends)

    monkeypatch.setattr(EndedLog, "write", watched)
    with services.store.write() as tx:
        for number in made:
            links.revoke(services, tx, number, "test")
    assert written == [MANY]
    assert _ended(services) == set(made)


def test_a_line_that_comes_while_it_opens_is_carried_out_first(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process wrote it, and died before its commit."""
    _closed(services)
    late, turns, read = _made(services, 1)[0], [], known_endings.find_endings

    def interrupted(house: Services) -> known_endings.KnownEndings:
        turns.append(read(house))
        if len(turns) == 1:
            services.ended.write(Ending("", late, house.clock.now(), LINK))
        return turns[-1]

    monkeypatch.setattr(known_endings, "find_endings", interrupted)
    house_closing.check_ended_log(services)
    assert closed_house.find_reason(services) is None
    assert _left_open(services) == 0
