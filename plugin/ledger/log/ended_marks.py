"""What the newest head outside the store says about ended.log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from plugin.ledger.log.heads import ENDED_RESTARTED, SignedHead, parse_head
from plugin.ledger.log.house_state import HouseState, Mark


@dataclass(frozen=True)
class EndedMark:
    """`mark`: of the newest head; `anew_at`: when the file was last restarted."""

    mark: Mark | None = None
    anew_at: datetime | None = None


def read_ended_mark(path: Path, keys: Sequence[str]) -> EndedMark:
    """From the heads in `path` signed by `keys`: the current key first, then former ones.

    Former keys only tell when the file was restarted. Empty without a file or a head.
    """
    try:
        heads = [head for line in path.read_bytes().splitlines() if (head := parse_head(line)) is not None]
    except OSError:
        return EndedMark()
    heads.sort(key=lambda head: head.number, reverse=True)
    newest = _find_genuine([head for head in heads if head.key in keys[:1]])
    anew = _find_genuine([head for head in heads if head.key in keys and head.note.get("kind") == ENDED_RESTARTED])
    return EndedMark(newest.ended if newest else None, anew.at if anew else None)


def _find_genuine(heads: list[SignedHead]) -> SignedHead | None:
    return next((head for head in heads if head.is_genuine), None)


def list_known_marks(now: HouseState, heads: EndedMark) -> tuple[Mark, ...]:
    """The marks that ended.log must contain: the store's, and that of the heads.

    A store older than a restart of the file knows the former file: then only the heads count.
    """
    older = heads.anew_at is not None and (now.anew_at is None or now.anew_at < heads.anew_at)
    return tuple(mark for mark in (None if older else now.mark, heads.mark) if mark is not None)
