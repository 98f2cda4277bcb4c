"""One guardian of several children: only because the staff said so, never because an address is the same.

Each child has a guardian entry of its own. Two entries are the same person's if each names the other, sealed under
its own child's key; an entry that is not named back counts as unlinked.
"""

import json

from sqlalchemy import Connection, select

from plugin.errors import ConsentError, NotFound
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.store.actions import Action
from plugin.ledger.store.store import Tx

Child = tuple[str, str]
"""Person id and the id of the guardian's entry there."""

_KIND = "family"


def link_guardians(services: Services, one: Child, other: Child, actor: str) -> bool:
    """Record that two guardian entries are one person; False: it was so already. Raises NotFound, ConsentError."""
    if one[0] == other[0]:
        raise ConsentError("both are guardians of the same child: name two children")
    with services.store.write() as tx:
        both = [(here, there, _note(services, tx, here, there)) for here, there in ((one, other), (other, one))]
        for here, _, noted in both:
            if not noted:
                continue
            tx.audit(Action.GUARDIAN_JOIN, actor, subject=roster.subject(services, tx, here[0]))
    return any(noted for _, _, noted in both)


def _note(services: Services, tx: Tx, here: Child, there: Child) -> bool:
    person_id, guardian_id = here
    if not _known(services, tx.connection, here):
        raise NotFound("no such guardian of this person: facelease person export lists them")
    if there in _joined(services, tx.connection, here):
        return False
    body = json.dumps(list(there)).encode()
    services.vault.seal(tx, person_id, "record", _KIND, body, subject=guardian_id)
    return True


def list_children(services: Services, conn: Connection, person_id: str, guardian_id: str) -> list[Child]:
    """Every child of the guardian, the one of the link first."""
    here = (person_id, guardian_id)
    if not _known(services, conn, here):
        return []
    others = _joined(services, conn, here)
    return [here, *(o for o in others if _known(services, conn, o) and here in _joined(services, conn, o))]


def _known(services: Services, conn: Connection, child: Child) -> bool:
    """Whether the guardian's entry is there, and its key is."""
    person_id, guardian_id = child
    mine = (t.guardian.c.id == guardian_id) & (t.guardian.c.person_id == person_id)
    there = conn.execute(select(t.guardian.c.id).where(mine)).first() is not None
    return there and services.vault.has_key(conn, person_id, "record")


def _joined(services: Services, conn: Connection, child: Child) -> list[Child]:
    """Whom the entry names; each is believed only where it names this one back."""
    found = services.vault.find(conn, child[0], _KIND, subject=child[1])
    return [(str(one), str(other)) for one, other in (json.loads(services.vault.open(conn, f)) for f in found)]
