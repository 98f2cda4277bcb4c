from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from plugin.clock import ManualClock, months_before
from plugin.errors import AuditBroken, VaultError
from plugin.ledger import tables as t
from plugin.ledger.log import heads, lineage, proof
from plugin.ledger.log.endings import NOTHING_ENDED, Mark
from plugin.ledger.log.head_key import HeadKey
from plugin.ledger.log.heads import SignedHead
from plugin.ledger.log.lineage import Lack, UnprovenReason
from plugin.ledger.log.proof import LogProof, ProofVerdict
from plugin.ledger.store import audit, audit_upkeep
from plugin.ledger.store.actions import Action
from plugin.ledger.store.audit import Head
from plugin.ledger.store.store import Store


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
        nothing = Head(0, audit.GENESIS)
        assert audit.verify_chain(connection) == audit.VerifiedChain(0, nothing, nothing, {}, frozenset())


def test_a_log_without_its_head_row_is_broken(store: Store, clock: ManualClock) -> None:
    """Whoever removes the head row is noticed."""
    _write(store, clock, 2)
    with store.write() as tx:
        tx.execute(delete(t.audit_head))
        with pytest.raises(AuditBroken, match="head of the audit log is gone"):
            audit.verify_chain(tx.connection)


def test_the_first_row_that_does_not_fit_is_named(store: Store, clock: ManualClock) -> None:
    """So that one knows where to look."""
    _write(store, clock, 9)
    with store.write() as tx:
        tx.execute(delete(t.audit).where(t.audit.c.seq == 4))
        with pytest.raises(AuditBroken, match="row 4 is missing"):
            audit.verify_chain(tx.connection)


@dataclass(frozen=True)
class Book:
    """Signed heads in a file, and what signs them."""

    store: Store
    clock: ManualClock
    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "heads.log"

    @property
    def key(self) -> HeadKey:
        return HeadKey.load(self.folder / "heads.key")

    def begin(self) -> "Book":
        with self.store.write() as tx:
            assert heads.create_first_head(tx, self.folder / "heads.key", self.file, 1, NOTHING_ENDED) is not None
        return self

    def write(self, **note: Any) -> SignedHead:
        return heads.write(self.store, self.key, self.file, 1, NOTHING_ENDED, note)

    def verify(self, *given: Head) -> LogProof:
        with self.store.read() as connection:
            unsigned = heads.read_unsigned(self.file)
            return proof.verify_log(connection, heads.read(self.file), self.key.known, unsigned, given)

    def provable(self) -> int:
        return lineage.find_provable_row(heads.read(self.file), self.key.known, self.clock.now())


@pytest.fixture
def book(store: Store, clock: ManualClock, tmp_path: Path) -> Book:
    return Book(store, clock, tmp_path / "outside").begin()


def test_heads_are_lines_of_a_file(store: Store, clock: ManualClock, book: Book) -> None:
    """Each head verifies; a line that a crash tore is passed over, another that cannot be read is not."""
    for _ in range(3):
        _write(store, clock, 2)
        book.write()
    signed = heads.read(book.file)
    assert [(head.number, head.last.seq) for head in signed] == [(0, 0), (1, 3), (2, 6), (3, 9)]
    assert (book.verify().rows, book.verify().after) == (10, 1)
    whole = book.file.read_bytes()
    book.file.write_bytes(whole[:-20])
    assert heads.read(book.file) == signed[:3]
    assert book.verify().why == UnprovenReason(Lack.FEWER, head=3)
    book.write()
    assert [head.number for head in heads.read(book.file)] == [0, 1, 2, 4]
    assert book.verify().why == UnprovenReason(Lack.GAP, head=3)
    book.file.write_bytes(b"nonsense\n" + whole)
    with pytest.raises(AuditBroken, match="line 1 is no head"):
        heads.read(book.file)


def test_a_head_that_was_told_is_never_written_again(store: Store, clock: ManualClock, book: Book) -> None:
    """Also where the file is gone: none is written until somebody says that it is lost, and the numbers go on."""
    _write(store, clock, 2)
    book.write()
    book.file.unlink()
    assert book.verify().why == UnprovenReason(Lack.NO_HEADS)
    with pytest.raises(VaultError, match=r"the log speaks of head 1: put the file back"):
        book.write()
    assert not book.file.exists()
    with store.write() as tx:
        assert heads.create_first_head(tx, book.folder / "heads.key", book.file, 1, NOTHING_ENDED) is None
    begun = book.write(kind="begin", reason="lost")
    assert begun.number == 2
    found = book.verify()
    assert (found.verdict, found.begun and found.begun.row) == (ProofVerdict.HOLDS, begun.last.seq)


def test_a_key_that_is_lost_is_not_made_again(store: Store, book: Book) -> None:
    """Where signed heads are, or the log speaks of some, no other key takes their place unseen."""
    key = book.folder / "heads.key"
    key.unlink()
    with store.write() as tx:
        assert heads.create_first_head(tx, key, book.file, 1, NOTHING_ENDED) is None
    book.file.unlink()
    with store.write() as tx:
        assert heads.create_first_head(tx, key, book.file, 1, NOTHING_ENDED) is None
    assert not key.exists()


def test_two_outside_heads_that_differ_are_noticed(store: Store, clock: ManualClock) -> None:
    """A head file that was itself changed does not pass."""
    _write(store, clock, 2)
    with store.read() as connection, pytest.raises(AuditBroken, match="differ"):
        audit.verify_chain(connection, [Head(1, "a" * 64), Head(1, "b" * 64)])


def test_a_head_that_somebody_kept_can_contradict(store: Store, clock: ManualClock, book: Book) -> None:
    """The officer's of each month: on the chain it is well, another breaks it, a later one too."""
    _write(store, clock, 4)
    kept = book.write().last
    assert book.verify(kept).verdict is ProofVerdict.HOLDS
    for other in (Head(kept.seq, "a" * 64), Head(kept.seq + 50, kept.hash)):
        with pytest.raises(AuditBroken, match="row"):
            book.verify(other)


def test_pruning_keeps_the_chain(store: Store, clock: ManualClock, book: Book) -> None:
    """Rows past their term go from the front; the rest verifies, against heads from before and after."""
    _write(store, clock, 10)
    book.write()
    _write(store, clock, 40)
    cut, provable = months_before(clock.now(), 1), book.provable()
    counts = []
    for _ in range(7):
        with store.write() as tx:
            counts.append(audit_upkeep.prune_rows(tx, cut, provable, limit=2))
    assert (sum(counts), counts[-1]) == (11, 0)
    assert book.verify().why == UnprovenReason(Lack.START, row=11)
    book.write()
    found = book.verify()
    assert (found.verdict, found.pruned, found.start.seq) == (ProofVerdict.HOLDS, 11, 11)


def test_nothing_is_pruned_that_no_head_held_long_enough(store: Store, clock: ManualClock, book: Book) -> None:
    """A row may be old: what it took would not be believed, so it stays until a head that holds it is a term old."""
    _write(store, clock, 40)
    book.write()
    assert book.provable() == 0
    with store.write() as tx:
        assert audit_upkeep.prune_rows(tx, clock.now(), book.provable()) == 0
    clock.advance(timedelta(days=31))
    assert book.provable() == 41


def test_pruning_that_no_row_tells_of_is_noticed(store: Store, clock: ManualClock, book: Book) -> None:
    """Not even with the anchor moved along, and a head that the program wrote over it."""
    _write(store, clock, 10)
    book.write()
    clock.advance(timedelta(days=40))
    with store.write() as tx:
        row = tx.execute(select(t.audit.c.seq, t.audit.c.hash).where(t.audit.c.seq == 5)).one()
        tx.execute(delete(t.audit).where(t.audit.c.seq <= 5))
        tx.execute(t.audit_head.update().values(pruned_seq=row.seq, pruned_hash=row.hash))
    assert book.verify().why == UnprovenReason(Lack.START, row=5)
    book.write()
    assert book.verify().why == UnprovenReason(Lack.START, row=5)


def test_a_house_that_is_closed_says_on_what_was_known_of_its_ended_log(store: Store, book: Book) -> None:
    """A head of a shorter ended.log would make the shorter one the known one; but who opens the house says so."""
    known, shorter = Mark(5, "5" * 64), Mark(2, "2" * 64)
    heads.write(store, book.key, book.file, 1, known)
    assert heads.write(store, book.key, book.file, 1, shorter).ended == known
    assert heads.write(store, book.key, book.file, 1, shorter, {"kind": heads.ENDED_RESTARTED}).ended == shorter
    assert book.verify().verdict is ProofVerdict.HOLDS
