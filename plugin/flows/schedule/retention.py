"""Retention: delete from the ledger, the vault and the logs what is past its term."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select

from plugin.clock import months_before
from plugin.flows.access import visits
from plugin.flows.common import roster
from plugin.flows.common.batches import in_short_writes
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.schedule import log_heads
from plugin.flows.signing import pending_signatures
from plugin.ledger import tables as t
from plugin.ledger.queue import retention_rules
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.quitclaim.consent.standing import Standing

_BATCH = 200


def expire_all(services: Services) -> dict[str, int]:
    """Delete everything past its term; returns how much of each kind."""
    counts = Counter(suggestions=_expire_suggestions(services))
    for name, kind in retention_rules.RULES.items():
        counts[name] += _drop(services, kind)
    counts["audit"] += _prune(services)
    files = {"evidence": _expire_evidence(services), "logs": _expire_logs(services)}
    rows = {"halves": pending_signatures.expire_pending(services), "visits": visits.prune(services)}
    return dict(counts) | files | rows


def _drop(services: Services, kind: retention_rules.RetentionRule) -> int:
    """Search outside a write, and delete in short writes."""
    count, config = 0, services.config

    def drop(tx: Tx, keys: Sequence[int | str]) -> None:
        nonlocal count
        count += kind.drop(tx, config, tx.now, keys)

    while True:
        with services.store.read() as conn:
            found = kind.find(conn, config, services.clock.now())
        before = count
        in_short_writes(services.store, found, drop, _BATCH)
        if len(found) < retention_rules.FOUND or count == before:
            return count


def _prune(services: Services) -> int:
    provable, count = log_heads.find_last_provable(services), 0
    while True:
        with services.store.write() as tx:
            gone = retention_rules.prune_audit_log(tx, services.config, tx.now, provable)
        count += gone
        if gone < retention_rules.CHUNK:
            return count


def _expire_suggestions(services: Services) -> int:
    """Suggestions without a decision, with an audit row that says how many."""
    expired = _drop(services, retention_rules.RULES["suggestions"])
    if expired:
        with services.store.write() as tx:
            tx.audit(Action.FACE_EXPIRE, "calendar", faces=expired)
    return expired


def _expire_evidence(services: Services) -> int:
    """Destroy the record keys of people whose last grant ended before the retention of evidence; returns how many."""
    before = months_before(services.clock.now(), services.config.retention.evidence_months)
    with services.store.read() as conn:
        keys = list(conn.scalars(select(t.person_key.c.person_id).where(t.person_key.c.purpose == "record")))
        standings = roster.load_many(services, conn, keys)
    past = [who for who, standing in standings.items() if _is_over(standing, before)]
    for person_id in past:
        with services.store.write() as tx:
            if _is_over(roster.load(services, tx.connection, person_id), before):
                withdrawal.destroy_key(services, tx, person_id, "record", "calendar")
    return len(past)


def _is_over(standing: Standing, before: datetime) -> bool:
    """Whether the last grant, of any kind, had ended by then; False if there was none.

    A grant may never have been in force (withdrawn as it began): then its recording counts.
    """
    claims = standing.quitclaims
    recorded = bool(claims) and all(claim.recorded_at <= before for claim in claims)
    return recorded and standing.ended_altogether(before)


def _expire_logs(services: Services) -> int:
    """Delete old log files by the day in their names, and the current one if nothing was written to it since."""
    server = services.config.server
    if not server.log_file:
        return 0
    path = services.config.path(server.log_file)
    before = (services.clock.now() - timedelta(days=services.config.retention.logs_days)).date()
    count = 0
    for old in path.parent.glob(f"{path.name}.*"):
        day = _parse_day(old.name.removeprefix(f"{path.name}."))
        if day is not None and day < before:
            old.unlink(missing_ok=True)
            count += 1
    with suppress(FileNotFoundError):
        if datetime.fromtimestamp(path.stat().st_mtime, UTC).date() < before:
            path.unlink()
            count += 1
    return count


def _parse_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
