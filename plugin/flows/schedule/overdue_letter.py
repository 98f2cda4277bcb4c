"""One letter to `mail.owner` about everything that is overdue: once for each matter, then weekly.

Without an owner or a mail server only doctor, console and metrics report it.
"""

from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256

from sqlalchemy import select

from plugin.flows.common import overdue
from plugin.flows.common.services import Services
from plugin.flows.people import outbox
from plugin.flows.people.outbox import OWNER, Letter
from plugin.ledger import tables as t
from plugin.ledger.store.store import Tx

KIND = "owed"
DELAY = timedelta(days=1)
PERSONAL_DELAY = timedelta(hours=1)
REPEAT_AFTER = timedelta(days=7)
_MOST = 200  # matters that are remembered for each letter; the letter counts all


def queue_overdue_letter(services: Services) -> bool:
    """Queue the letter if something is overdue that no letter of the last week reported. Returns whether it did."""
    due = list(_find_overdue(services))
    if not due:
        return False
    with services.store.write() as tx:
        told = _find_reported(tx)
        if all(told.get(matter, 0.0) >= since for matter, since in due):
            return False
        cause, language = f"owed:{tx.now.isoformat()}", services.config.site.language
        data = {"matters": [matter for matter, _ in due]}
        return outbox.put(services, tx, Letter(cause, KIND, language, to=OWNER, data=data))


def _find_overdue(services: Services) -> Iterator[tuple[str, float]]:
    """Each matter and since when it is owed: a matter of a person by itself, everything else by kind."""
    now = services.clock.now()
    for kind in overdue.QUERIES:
        personal = kind in overdue.PERSONAL
        for key, since in overdue.list_oldest(services, kind, _MOST if personal else 1):
            if since <= now - (PERSONAL_DELAY if personal else DELAY):
                name = f"{kind}:{key}" if personal else kind
                yield sha256(name.encode()).hexdigest()[:16], since.timestamp()


def _find_reported(tx: Tx) -> dict[str, float]:
    """When each matter was reported in the last week, as a timestamp."""
    m = t.mail.c
    query = select(m.data, m.created_at).where(m.kind == KIND, m.created_at > tx.now - REPEAT_AFTER)
    return {
        matter: row.created_at.timestamp()
        for row in tx.execute(query.order_by(m.created_at)).all()
        for matter in row.data["matters"]
    }
