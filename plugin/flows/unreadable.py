"""Grants that no value can be made of: nobody agrees to anything by them (`roster`), and somebody is told, each day."""

from plugin.flows import cuts, roster
from plugin.flows.services import Services
from plugin.ledger import set_aside


def tell(services: Services) -> int:
    """Name each, and cut what is stored of clearance for its person: it may rest on that grant; returns how many."""
    with services.store.read() as conn:
        found = {
            person_id: ids
            for person_id, (_, claims) in roster.load_many(conn).items()
            if (ids := [grant.id for claim in claims for grant in claim.grants if roster.is_unreadable(grant)])
        }
    for person_id, ids in found.items():
        named = [set_aside.note(services.store, "a grant", one, "unreadable") for one in ids]
        if any(named):
            with services.store.write() as tx:
                cuts.add(services, tx, person_id, [cuts.UNREADABLE_USE], machine=True)
                tx.move_generation()
    return sum(map(len, found.values()))
