"""The staff confirms who somebody is that entered themselves."""

from sqlalchemy import select, update

from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx


def acknowledge(services: Services, tx: Tx, person_id: str, how: str, actor: str) -> None:
    """Record that an account knows this person: names in the DAM may be theirs from the next look on.

    Call it as well when a recognition is recorded.
    """
    mine = (t.person.c.id == person_id) & t.person.c.self_entered
    key = tx.connection.scalar(select(t.person.c.name_key).where(mine))
    if key is None:
        return
    tx.execute(update(t.person).where(mine).values(self_entered=False, node_adopted=True, doubted_at=None))
    tx.audit(Action.RECORD_KNOW, actor, subject=roster.subject(services, tx, person_id), how=how)
    nobodys = (t.tag.c.node_key == key) & t.tag.c.person_id.is_(None) & t.resource.c.deleted_at.is_(None)
    refs = select(t.resource.c.ref).join(t.tag, t.tag.c.resource_id == t.resource.c.id).where(nobodys)
    for ref in list(tx.connection.scalars(refs.distinct())):
        services.queue.put(tx, "names", ref)
    services.queue.put(tx, "recompute", person_id)
