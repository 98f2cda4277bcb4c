"""The audit log for readers; each read is audited as well."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from sqlalchemy import select

from plugin.errors import AuditBroken, VaultError
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.log import heads, proof
from plugin.ledger.log.heads import SignedHead
from plugin.ledger.log.proof import LogProof, ProofVerdict
from plugin.ledger.store import audit
from plugin.ledger.store.audit import Action, Head
from plugin.ledger.tables import rows as table_rows
from plugin.quitclaim.consent.intervals import end_of

ACTIONS = tuple(action.value for action in Action)
"""The actions that a filter may name."""

_CHUNK = 1000


@dataclass(frozen=True)
class AuditFilter:
    """Which rows: of an action ("" is any), up to the end of a day, before the row `before` (0: from the newest)."""

    action: str = ""
    until: date | None = None
    before: int = 0
    limit: int = 100


@dataclass(frozen=True)
class AuditRow:
    """One row; `subject` is the pseudonym of the person ("" is nobody), which an erasure unlinks.

    `hash` chains it to the row before, which has the hash `previous`.
    """

    seq: int
    at: datetime
    action: str
    actor: str
    subject: str
    resource_id: int | None
    details: Mapping[str, object]
    previous: str
    hash: str


@dataclass(frozen=True)
class LogCheck:
    """The result of checking the log against its heads: a proof, or a sentence that says where it broke."""

    proof: LogProof | None
    broken: str = ""

    @property
    def verdict(self) -> ProofVerdict:
        return self.proof.verdict if self.proof is not None else ProofVerdict.BROKEN


def read_rows(services: Services, wanted: AuditFilter, actor: str) -> list[AuditRow]:
    """One page of rows, newest first; the look is audited."""
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
    return [_build_row(row) for row in rows]


def page(services: Services, after: int, limit: int, actor: str) -> tuple[list[AuditRow], Head]:
    """At most `limit` rows after the row `after`, oldest first, and the last row of all, before that of this look."""
    rows = select(t.audit).where(t.audit.c.seq > after).order_by(t.audit.c.seq).limit(limit)
    with services.store.write() as tx:
        last = audit.read_head(tx.connection)
        found = tx.execute(rows).all()
        tx.audit(Action.LOG_LOOK, actor, after=after)
    return [_build_row(row) for row in found], last


def _build_row(row: table_rows.AuditRow) -> AuditRow:
    about = (row.subject or "", row.resource_id, json.loads(row.details))
    return AuditRow(row.seq, row.at, row.action, row.actor, *about, row.previous, row.hash)


def find_head(services: Services) -> Head:
    """The last row, to compare with a head that is kept elsewhere."""
    with services.store.read() as conn:
        return audit.read_head(conn)


def verify_log(
    services: Services, path: Path | None = None, keys: Sequence[str] = (), given: Sequence[Head] = ()
) -> LogCheck:
    """Check the whole log against the heads outside the store: those in `path`, signed by `keys`, if given.

    `keys` are ordered, each the successor of the one before.
    """
    path = path or services.config.path(services.config.keys.heads_file)
    try:
        signed, unsigned = _read_heads(path)
        with services.store.read() as conn:
            keys = keys or _list_known_keys(services)
            return LogCheck(proof.verify_log(conn, signed, keys, unsigned, given))
    except AuditBroken as error:
        return LogCheck(None, str(error))


def verified_for(services: Services, actor: str) -> LogCheck:
    """The same against the configured heads, with a row for who asked."""
    checked = verify_log(services)
    with services.store.write() as tx:
        tx.audit(Action.LOG_LOOK, actor, verdict=checked.verdict.value)
    return checked


def _read_heads(path: Path) -> tuple[list[SignedHead], list[Head]]:
    """The heads in the file; none if it is out of reach, which the doctor reports."""
    try:
        return heads.read(path), heads.read_unsigned(path)
    except VaultError:
        return [], []


def _list_known_keys(services: Services) -> Sequence[str]:
    """Our public keys; none if the key is missing: then no head counts as ours, and nothing is proven."""
    try:
        return tuple(reversed(services.head_key.known))
    except VaultError:
        return ()


def note_export(services: Services, actor: str) -> None:
    """Audit that the log is exported."""
    with services.store.write() as tx:
        tx.audit(Action.LOG_LOOK, actor, export=True)


def export_rows(services: Services) -> Iterator[str]:
    """Every row as a line of JSON, oldest first, up to the current last row."""
    last, seq = find_head(services).seq, 0
    while seq < last:
        with services.store.read() as conn:
            lines = list(audit.export_rows(conn, seq, min(seq + _CHUNK, last)))
        yield from lines
        seq += _CHUNK
