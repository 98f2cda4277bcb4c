"""The audit log as somebody reads it; that it was read stands in it too."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from plugin.errors import AuditBroken, VaultError
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.log import heads, proof
from plugin.ledger.log.heads import SignedHead
from plugin.ledger.log.proof import Proof, Verdict
from plugin.ledger.store import audit
from plugin.ledger.store.audit import Action, Head
from plugin.quitclaim.consent.intervals import end_of

ACTIONS = tuple(action.value for action in Action)
"""What can be asked for."""

_CHUNK = 1000


@dataclass(frozen=True)
class Wanted:
    """Which rows: of an action ("" is any), up to the end of a day, before the row `before` (0: from the newest)."""

    action: str = ""
    until: date | None = None
    before: int = 0
    limit: int = 100


@dataclass(frozen=True)
class Told:
    """One row; `subject` is who it was about, under a pseudonym that an erasure makes nobody's."""

    seq: int
    at: datetime
    action: str
    actor: str
    subject: str
    resource_id: int | None
    details: Mapping[str, Any]


@dataclass(frozen=True)
class Checked:
    """What holding the log against its heads gave: a proof, or the sentence that says where it broke."""

    proof: Proof | None
    broken: str = ""

    @property
    def verdict(self) -> Verdict:
        return self.proof.verdict if self.proof is not None else Verdict.BROKEN


def looked(services: Services, wanted: Wanted, actor: str) -> list[Told]:
    """One page of rows, the newest first, with a row of its own for the look."""
    query = select(t.audit).order_by(t.audit.c.seq.desc()).limit(wanted.limit)
    if wanted.action:
        query = query.where(t.audit.c.action == wanted.action)
    if wanted.until is not None:
        query = query.where(t.audit.c.at < end_of(wanted.until, services.config.site.zone))
    if wanted.before:
        query = query.where(t.audit.c.seq < wanted.before)
    with services.store.read() as conn:
        rows = conn.execute(query).all()
    with services.store.write() as tx:
        tx.audit(Action.LOG_LOOK, actor, rows=len(rows))
    return [
        Told(row.seq, row.at, row.action, row.actor, row.subject or "", row.resource_id, json.loads(row.details))
        for row in rows
    ]  # fmt: skip


def head(services: Services) -> Head:
    """The last row, to be compared with a head that is kept elsewhere."""
    with services.store.read() as conn:
        return audit.head(conn)


def verified(
    services: Services, path: Path | None = None, keys: Sequence[str] = (), given: Sequence[Head] = ()
) -> Checked:
    """Hold the whole log against the heads outside the store: those in `path`, signed by `keys`, if they are given.

    Several keys are in the order in which each followed another.
    """
    path = path or services.config.path(services.config.keys.heads_file)
    try:
        signed, unsigned = _heads(path)
        with services.store.read() as conn:
            keys = keys or _keys(services)
            return Checked(proof.verify(conn, signed, keys, unsigned, given))
    except AuditBroken as error:
        return Checked(None, str(error))


def _heads(path: Path) -> tuple[list[SignedHead], list[Head]]:
    """What is out of reach proves nothing; the doctor says why it is."""
    try:
        return heads.read(path), heads.read_unsigned(path)
    except VaultError:
        return [], []


def _keys(services: Services) -> Sequence[str]:
    """Without its key nothing is known for ours: not proven, and the rest goes on."""
    try:
        return tuple(reversed(services.head_key.known))
    except VaultError:
        return ()


def exporting(services: Services, actor: str) -> None:
    """Note that the log is taken out."""
    with services.store.write() as tx:
        tx.audit(Action.LOG_LOOK, actor, export=True)


def exported(services: Services) -> Iterator[str]:
    """Every row as a line of JSON, oldest first, up to the one that is the last now."""
    last, seq = head(services).seq, 0
    while seq < last:
        with services.store.read() as conn:
            lines = list(audit.export(conn, seq, min(seq + _CHUNK, last)))
        yield from lines
        seq += _CHUNK
