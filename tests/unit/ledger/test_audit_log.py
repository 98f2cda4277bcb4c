from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, select

from plugin.clock import ManualClock
from plugin.errors import AuditBroken
from plugin.ledger import audit
from plugin.ledger import tables as t
from plugin.ledger.actions import Action
from plugin.ledger.audit import Head
from plugin.ledger.store import Store


def _write(store: Store, clock: ManualClock, rows: int) -> None:
    for number in range(rows):
        clock.advance(timedelta(days=1))
        with store.write() as tx:
            tx.audit(Action.FACE_SCAN, "system", number=number)


def test_every_action_has_three_words() -> None:
    """`subject:thing:verb`, all of them different, so that a log can be read by its first word."""
    names = [action.value for action in Action]
    assert len(names) == len(set(names))
    assert all(len(name.split(":")) == 3 and name == name.lower() and " " not in name for name in names)


@pytest.mark.parametrize("details", [{"a": "x" * 201}, {"a": float("nan")}])
def test_long_or_strange_details_are_refused(store: Store, details: dict[str, Any]) -> None:
    """Details are facts for a machine: a picture or a letter does not fit in."""
    with pytest.raises(ValueError), store.write() as tx:
        tx.audit(Action.FACE_SCAN, "system", **details)


def test_an_empty_log_verifies(store: Store) -> None:
    """A new installation is whole."""
    with store.read() as connection:
        assert audit.verify(connection) == audit.Verified(0, Head(0, audit.GENESIS), 0)


def test_a_log_without_its_head_row_is_broken(store: Store, clock: ManualClock) -> None:
    """Whoever removes the head row is noticed."""
    _write(store, clock, 2)
    with store.write() as tx:
        tx.execute(delete(t.audit_head))
        with pytest.raises(AuditBroken, match="head of the audit log is gone"):
            audit.verify(tx.connection)


def test_the_first_row_that_does_not_fit_is_named(store: Store, clock: ManualClock) -> None:
    """So that one knows where to look."""
    _write(store, clock, 9)
    with store.write() as tx:
        tx.execute(delete(t.audit).where(t.audit.c.seq == 4))
        with pytest.raises(AuditBroken, match="row 4 is missing"):
            audit.verify(tx.connection)


def test_heads_are_lines_of_a_file(store: Store, clock: ManualClock, tmp_path: Path) -> None:
    """Each head verifies; a line that a crash tore is passed over, another that cannot be read is not."""
    kept = tmp_path / "outside" / "heads.log"
    assert audit.read_heads(kept) == []
    for _ in range(3):
        _write(store, clock, 2)
        audit.write_head(store, kept)
    heads = audit.read_heads(kept)
    assert [head.seq for head in heads] == [3, 6, 9]
    with store.read() as connection:
        assert audit.verify(connection, heads).rows == 9
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-20])
    assert audit.read_heads(kept) == heads[:2]
    assert audit.write_head(store, kept) == audit.read_heads(kept)[-1]
    assert [head.seq for head in audit.read_heads(kept)] == [3, 6, 10]
    kept.write_bytes(b"nonsense\n" + whole)
    with pytest.raises(AuditBroken, match="line 1 is no head"):
        audit.read_heads(kept)


def test_two_outside_heads_that_differ_are_noticed(store: Store, clock: ManualClock) -> None:
    """A head file that was itself changed does not pass."""
    _write(store, clock, 2)
    with store.read() as connection, pytest.raises(AuditBroken, match="differ"):
        audit.verify(connection, [Head(1, "a" * 64), Head(1, "b" * 64)])


def test_pruning_keeps_the_chain(store: Store, clock: ManualClock, tmp_path: Path) -> None:
    """Rows past their term go from the front; the rest verifies, against heads from before and after."""
    kept = tmp_path / "heads.log"
    _write(store, clock, 10)
    audit.write_head(store, kept)
    cut = clock.now() - timedelta(days=6)
    _write(store, clock, 10)
    counts = []
    for _ in range(3):
        with store.write() as tx:
            counts.append(audit.prune(tx, cut, limit=2))
    assert counts == [2, 1, 0]
    audit.write_head(store, kept)
    with store.read() as connection:
        done = audit.verify(connection, audit.read_heads(kept))
        assert connection.scalar(select(func.min(t.audit.c.at))) >= cut
    assert (done.pruned, done.rows) == (3, 21)
    with store.write() as tx:
        assert audit.prune(tx, cut) == 0


def test_pruning_that_no_row_tells_of_is_noticed(store: Store, clock: ManualClock, tmp_path: Path) -> None:
    """Not even with the anchor moved along."""
    _write(store, clock, 10)
    with store.write() as tx:
        audit.prune(tx, clock.now() - timedelta(days=5))
    with store.write() as tx:
        tx.execute(delete(t.audit).where(t.audit.c.action == Action.LOG_PRUNE.value))
        last = select(t.audit.c.hash).where(t.audit.c.seq == 10).scalar_subquery()
        tx.execute(t.audit_head.update().values(seq=10, hash=last))
        with pytest.raises(AuditBroken, match="no row says that they were pruned"):
            audit.verify(tx.connection)


def test_pruning_past_the_last_outside_head_is_noticed(
    store: Store, clock: ManualClock, tmp_path: Path
) -> None:
    """Until a head is kept outside after it, a pruning looks like a rewrite."""
    kept = tmp_path / "heads.log"
    _write(store, clock, 2)
    audit.write_head(store, kept)
    _write(store, clock, 8)
    with store.write() as tx:
        audit.prune(tx, clock.now() - timedelta(days=1))
    with store.read() as connection, pytest.raises(AuditBroken, match="no head was kept outside since"):
        audit.verify(connection, audit.read_heads(kept))
    audit.write_head(store, kept)
    with store.read() as connection:
        assert audit.verify(connection, audit.read_heads(kept)).pruned > 0
