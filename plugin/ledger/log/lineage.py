"""Which heads count: signed by successive keys of ours, and not discarded by a restore."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from math import inf

from plugin.clock import months_before
from plugin.errors import AuditBroken
from plugin.ledger.log.heads import SignedHead, hash_heads
from plugin.ledger.store.audit import Head


class Lack(StrEnum):
    """Why a log is not proven."""

    NO_HEADS = "no_heads"
    BEGINS_LATE = "begins_late"
    GAP = "gap"
    UNKNOWN_KEY = "unknown_key"
    OLD_KEY = "old_key"
    FEWER = "fewer"
    START = "start"
    PRUNE = "prune"


@dataclass(frozen=True)
class UnprovenReason:
    """A lack, with the head and row numbers for its sentence."""

    lack: Lack
    head: int = 0
    row: int = 0
    key: str = ""


@dataclass(frozen=True)
class Lineage:
    """`standing`:

    the heads that the current log follows from; `put_away`: those discarded by a restore; `before`: those before heads
    were restarted. Rows beyond `limit` from before the first head do not count. `lack`: why the heads are no proof.
    """

    standing: tuple[SignedHead, ...] = ()
    put_away: tuple[SignedHead, ...] = ()
    before: tuple[SignedHead, ...] = ()
    limit: float = inf
    lack: UnprovenReason | None = None
    restores: tuple[SignedHead, ...] = ()


def trace(heads: Sequence[SignedHead], keys: Sequence[str]) -> Lineage:
    """The lineage of `heads`: one of `keys` signed the first, and it, or a key that it announced, the others.

    Of several keys, in order, the last must have signed the last head: the owner of a former key cannot start or change
    heads. Raises AuditBroken where a head was changed, is duplicated, or contradicts its predecessor.
    """
    _refuse_forged(heads)
    begun = [n for n, head in enumerate(heads) if head.kind == "begin" and head.key in keys]
    first = begun[-1] if begun else 0
    trusted, lack = _split_trusted(heads[first:], keys)
    _refuse_unbound(heads, trusted)
    if trusted and len(keys) > 1 and keys[-1] != trusted[-1].key:
        lack = lack or UnprovenReason(Lack.OLD_KEY, head=trusted[-1].number)
    earlier = [head for head in heads[:first] if head.key in keys]
    if not heads:
        lack = UnprovenReason(Lack.NO_HEADS)
    elif not begun and heads[0].number != 0:
        lack = UnprovenReason(Lack.BEGINS_LATE, head=heads[0].number)
    return _walk([*earlier, *trusted], len(earlier), lack)


def find_provable_row(heads: Sequence[SignedHead], keys: Sequence[str], now: datetime) -> int:
    """The last row whose pruning a head written now could prove: a head older than its own term covers it."""
    standing = trace(heads, keys).standing
    return max((h.last.seq for h in standing if h.at <= months_before(now, h.months)), default=0)


def find_unproven_move(lineage: Lineage) -> UnprovenReason | None:
    """The first head with a start that no head a term older explains (rule 23)."""
    standing = lineage.standing
    rows = [head.last.seq for head in standing]
    for n, head in enumerate(standing[1:], 1):
        start = head.start
        if start == standing[n - 1].start:
            continue
        if start.seq <= standing[n - 1].start.seq:
            raise AuditBroken(f"head {head.number} begins the log at an earlier row than the head before it")
        holding = standing[bisect_left(rows, start.seq) : n]
        if not any(old.at <= months_before(head.at, old.months) for old in holding):
            return UnprovenReason(Lack.PRUNE, head=head.number, row=start.seq)
    return None


def _refuse_forged(heads: Sequence[SignedHead]) -> None:
    last = -1
    for head in heads:
        if not head.is_genuine:
            raise AuditBroken(f"head {head.number} was changed after it was signed")
        if head.number <= last:
            raise AuditBroken(f"head {head.number} stands after head {last}: the file of heads was changed")
        last = head.number


def _split_trusted(heads: Sequence[SignedHead], keys: Sequence[str]) -> tuple[list[SignedHead], UnprovenReason | None]:
    """The heads up to the first that no key of ours signed, or that breaks the sequence; and the reason."""
    trusted: list[SignedHead] = []
    allowed = tuple(keys)
    for head in heads:
        if trusted and head.number != trusted[-1].number + 1:
            return trusted, UnprovenReason(Lack.GAP, head=trusted[-1].number + 1)
        if head.key not in allowed:
            return trusted, UnprovenReason(Lack.UNKNOWN_KEY, head=head.number, key=head.key)
        trusted.append(head)
        allowed = (str(head.note.get("public")) if head.kind == "key" else head.key,)
    return trusted, None


def _refuse_unbound(heads: Sequence[SignedHead], trusted: Sequence[SignedHead]) -> None:
    """The first head of a key must bind all earlier heads."""
    for one, other in pairwise(trusted):
        earlier = (head for head in heads if head.number < other.number)
        if one.key != other.key and other.note.get("before") != hash_heads(earlier):
            raise AuditBroken(f"heads before head {other.number} were changed: it is the first of its key")


def _walk(heads: list[SignedHead], before: int, lack: UnprovenReason | None) -> Lineage:
    """From the last head back; at a restore on from the head that recorded its backup, else from the previous one."""
    manifests = {h.note.get("sha256"): n for n, h in enumerate(heads) if h.kind == "manifest"}
    standing: list[SignedHead] = []
    restores: list[SignedHead] = []
    at, limit = len(heads) - 1, inf
    earlier = 0
    while at >= 0:
        head = heads[at]
        if head.last.seq <= limit:
            standing.append(head)
            earlier += at < before
        came_from = at
        if head.kind == "restore":
            restores.append(head)
            limit = min(limit, find_restored_row(head))
            known = manifests.get(head.note.get("sha256"), at)
            came_from = known + 1 if known < at else at
        at = came_from - 1
    standing.reverse()
    held = {head.number for head in standing}
    away = tuple(head for head in heads if head.number not in held)
    _refuse_shrunk(standing)
    return Lineage(tuple(standing[earlier:]), away, tuple(standing[:earlier]), limit, lack, tuple(restores[::-1]))


def find_restored_row(head: SignedHead) -> int:
    """The last row that a restore brought back."""
    told = head.note.get("from")
    return min(told, head.last.seq) if isinstance(told, int) else head.last.seq


def count_left_behind(lineage: Lineage, restore: SignedHead) -> int:
    """How many heads before a restore covered rows that it discarded."""
    row = find_restored_row(restore)
    return sum(head.number < restore.number and head.last.seq > row for head in lineage.put_away)


def _refuse_shrunk(standing: Sequence[SignedHead]) -> None:
    for one, other in pairwise(standing):
        if other.last.seq < one.last.seq:
            raise AuditBroken(
                f"audit row {other.last.seq + 1} was gone when head {other.number} was written: head {one.number} knew "
                f"rows up to {one.last.seq}, and no restore says that they were put away"
            )


def list_positions(heads: Sequence[SignedHead]) -> set[Head]:
    """The rows that heads state: their last, and the one before the log."""
    return {head.last for head in heads} | {head.start for head in heads if head.start.seq}
