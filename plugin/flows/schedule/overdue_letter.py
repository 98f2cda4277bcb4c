"""Somebody is told of what is owed for too long: `mail.owner`, once a matter and then weekly, in one letter over all.

Where no owner or no mail server is configured, doctor, console and metrics say it alone.
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
_MOST = 200  # matters that a letter is remembered to have told of; it counts all


def queue_overdue_letter(services: Services) -> bool:
    """Queue the letter where something is owed for too long that nobody was told of in the last week."""
    due = list(_find_overdue(services))
    if not due:
        return False
    with services.store.write() as tx:
        told = _find_reported(tx)
        if all(told.get(matter, 0.0) >= since for matter, since in due):
            return False
        letter = Letter(
            f"owed:{tx.now.isoformat()}", KIND, services.config.site.language, to=OWNER,
            data={"matters": [matter for matter, _ in due]},
        )  # fmt: skip
        return outbox.put(services, tx, letter)


def _find_overdue(services: Services) -> Iterator[tuple[str, float]]:
    """Each matter, and since when it is owed: a person's by itself, of everything else the kind as a whole."""
    now = services.clock.now()
    for kind in overdue.QUERIES:
        personal = kind in overdue.PERSONAL
        for key, since in overdue.list_oldest(services, kind, _MOST if personal else 1):
            if since <= now - (PERSONAL_DELAY if personal else DELAY):
                name = f"{kind}:{key}" if personal else kind
                yield sha256(name.encode()).hexdigest()[:16], since.timestamp()


def _find_reported(tx: Tx) -> dict[str, float]:
    """When each matter was told of, in the last week."""
    m = t.mail.c
    query = select(m.data, m.created_at).where(m.kind == KIND, m.created_at > tx.now - REPEAT_AFTER)
    return {
        matter: row.created_at.timestamp()
        for row in tx.execute(query.order_by(m.created_at)).all()
        for matter in row.data["matters"]
    }
