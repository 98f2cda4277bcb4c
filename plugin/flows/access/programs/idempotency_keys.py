"""Keys under which a request takes effect once: what was asked under each, and how it was answered.

The answer is kept sealed, for REPEATABLE: it may repeat what the caller typed.
"""

from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update

from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.keys import free_text
from plugin.ledger.queue.retention_rules import REPEATABLE

_RUNNING = 0
_BODY = "idempotency.body"


@dataclass(frozen=True)
class Used:
    """A key that was used before: by which request, and the status of the answer; None while there is none."""

    key_id: str
    request_sha256: str
    status: int | None


def claim(services: Services, key_id: str, request_sha256: str) -> Used | None:
    """Take the key for this request, or say what it was used for."""
    this = t.idempotency.c.id == key_id
    with services.store.write() as tx:
        tx.execute(delete(t.idempotency).where(this, t.idempotency.c.created_at < tx.now - REPEATABLE))
        row = tx.execute(select(t.idempotency).where(this)).first()
        if row is not None:
            return Used(key_id, row.request_sha256, None if row.status == _RUNNING else row.status)
        tx.execute(
            insert(t.idempotency).values(
                id=key_id, request_sha256=request_sha256, status=_RUNNING, body=None, created_at=tx.now
            )
        )
        return None


def read_answer(services: Services, used: Used) -> str:
    """The answer that was given; "" where it can no longer be read."""
    with services.store.read() as conn:
        body = conn.scalar(select(t.idempotency.c.body).where(t.idempotency.c.id == used.key_id))
        return services.texts(conn).read(body, _BODY)


def keep_answer(services: Services, key_id: str, status: int, body: str) -> None:
    """What this request was answered, to be given again."""
    with services.store.write() as tx:
        kept = free_text.seal_text(tx, services.vault, body, _BODY)
        this = t.idempotency.c.id == key_id
        tx.execute(update(t.idempotency).where(this).values(status=status, body=kept))


def release(services: Services, key_id: str) -> None:
    """Let go of the key: nothing was done."""
    with services.store.write() as tx:
        tx.execute(delete(t.idempotency).where(t.idempotency.c.id == key_id))
