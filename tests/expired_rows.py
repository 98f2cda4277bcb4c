"""Deletes expired rows at once, as `flows.schedule.retention` does in short writes."""

from datetime import datetime

from plugin.config import Config
from plugin.ledger.queue.retention_rules import CHUNK, RULES, prune_audit_log
from plugin.ledger.store.store import Tx


def delete_expired(tx: Tx, config: Config, now: datetime, chunk: int = CHUNK, provable: int = 0) -> dict[str, int]:
    """At most `chunk` of each kind; returns how many, by kind."""
    gone = {
        name: rule.drop(tx, config, now, rule.find(tx.connection, config, now, chunk)) for name, rule in RULES.items()
    }
    return gone | {"audit": prune_audit_log(tx, config, now, provable, chunk)}
