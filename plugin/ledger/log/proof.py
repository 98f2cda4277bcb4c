"""Verifies the log's chain against heads outside the store (rules 22 to 24).

Three results. Broken (AuditBroken): something is contradictory. Not proven: nothing is, but the heads do not prove
these rows. Holds: up to the last head.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise

from sqlalchemy import Connection

from plugin.errors import AuditBroken
from plugin.ledger.log import lineage
from plugin.ledger.log.heads import ENDED_RESTARTED, SignedHead, goes_back
from plugin.ledger.log.lineage import Lack, Lineage, UnprovenReason
from plugin.ledger.store import audit
from plugin.ledger.store.audit import Head, VerifiedChain
from plugin.words.plurals import pluralize


class ProofVerdict(StrEnum):
    """The three results."""

    HOLDS = "holds"
    NOT_PROVEN = "not_proven"
    BROKEN = "broken"


@dataclass(frozen=True)
class HeadsRestart:
    """The heads were restarted: earlier rows have no other proof than being there at that time."""

    row: int
    at: datetime
    reason: str


@dataclass(frozen=True)
class RestoreRecord:
    """A restore: the backup, the row from which the log continues, and how many heads covered later rows."""

    backup: str
    row: int
    heads: int


@dataclass(frozen=True)
class LogProof:
    """The result.

    `why` it is not proven; `rows` in the log, after `start` up to `last`; the `heads` that count, the last of which
    covers all but `after` rows; how many rows valid prunes removed; `below`: given positions before the log, which
    cannot be compared.
    """

    verdict: ProofVerdict
    why: UnprovenReason | None
    rows: int
    start: Head
    last: Head
    heads: int
    held: Head | None
    held_at: datetime | None
    after: int
    pruned: int
    restores: tuple[RestoreRecord, ...]
    begun: HeadsRestart | None
    below: int


def verify_log(
    connection: Connection,
    heads: Sequence[SignedHead],
    keys: Sequence[str],
    unsigned: Sequence[Head] = (),
    given: Sequence[Head] = (),
) -> LogProof:
    """Verify the log against `heads`; those signed by `keys`, or by keys that they announced, count.

    Of several keys, in order, the last must be the current one. `unsigned`: lines from before heads were signed;
    `given`: positions kept elsewhere, such as the officer's monthly notes. Both can contradict the log, and prove
    nothing. Raises AuditBroken for any contradiction.
    """
    line = lineage.trace(heads, keys)
    moved = lineage.find_unproven_move(line)
    away = lineage.list_positions(line.put_away)
    known = lineage.list_positions([*line.before, *line.standing])
    known |= {position for position in unsigned if position.seq <= line.limit}
    known |= {position for position in given if position not in away}
    chain = audit.verify_chain(connection, known)
    _refuse_regrown(chain, line)
    _refuse_forgotten_endings(line)
    why = line.lack or _find_missing_head(chain, heads, line) or moved or _find_unexplained_start(chain, line)
    return _build_proof(chain, line, why, sum(position.seq < chain.start.seq for position in given))


def _find_missing_head(chain: VerifiedChain, heads: Sequence[SignedHead], line: Lineage) -> UnprovenReason | None:
    """A head that the log records and the file does not have."""
    rows = {head.number: head.last.seq for head in heads}
    first = line.standing[0].number if line.standing else 0
    for number, seq in sorted(chain.told.items()):
        if number in rows and rows[number] != seq:
            raise AuditBroken(f"head {number} holds rows up to {rows[number]}, the log says up to {seq}")
        if number not in rows and number >= first:
            return UnprovenReason(Lack.FEWER, head=number)
    return None


def _find_unexplained_start(chain: VerifiedChain, line: Lineage) -> UnprovenReason | None:
    """The last head must state the log's start, and a row of the log its pruning."""
    if not line.standing or chain.start != line.standing[-1].start:
        return UnprovenReason(Lack.START, row=chain.start.seq)
    if chain.start != line.standing[0].start and chain.start not in chain.prunes:
        return UnprovenReason(Lack.START, row=chain.start.seq)
    return None


def _refuse_regrown(chain: VerifiedChain, line: Lineage) -> None:
    """Pruned rows must not return."""
    for head in line.standing[-1:]:
        if head.start.seq > chain.start.seq:
            raise AuditBroken(
                f"audit row {chain.start.seq + 1} is there, but head {head.number} knew rows up to {head.start.seq} "
                "to be gone"
            )


def _refuse_forgotten_endings(line: Lineage) -> None:
    """ended.log never goes back, unless a head says why."""
    for one, other in pairwise(line.standing):
        if goes_back(one.ended, other.ended) and other.kind not in (ENDED_RESTARTED, "restore", "begin"):
            raise AuditBroken(
                f"head {other.number} knows {pluralize(other.ended.lines, 'line')} of ended.log, and head "
                f"{one.number} before it, at row {one.last.seq}, knew other lines, {one.ended.lines} in all"
            )


def _build_proof(chain: VerifiedChain, line: Lineage, why: UnprovenReason | None, below: int) -> LogProof:
    first, last = (line.standing[0], line.standing[-1]) if line.standing else (None, None)
    begun = None
    if first is not None and first.kind == "begin":
        begun = HeadsRestart(first.last.seq, first.at, str(first.note.get("reason", "")))
    restores = tuple(
        RestoreRecord(
            str(head.note.get("name", "")), lineage.find_restored_row(head), lineage.count_left_behind(line, head)
        )
        for head in line.restores
    )
    verdict, held = ProofVerdict.NOT_PROVEN if why else ProofVerdict.HOLDS, last.last if last else None
    after = chain.head.seq - (held.seq if held else chain.start.seq)
    pruned = chain.start.seq - (first.start.seq if first else 0)
    counted = chain.rows, chain.start, chain.head, len(line.standing), held, last.at if last else None
    return LogProof(verdict, why, *counted, after, pruned, restores, begun, below)
