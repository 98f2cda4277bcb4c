"""Many names taken off at once: an intent for each, then the calls."""

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import select

from plugin.flows.common import face_rows, valid_clearances
from plugin.flows.common.batches import Failed, chunked
from plugin.flows.common.services import Services
from plugin.flows.tags import intents
from plugin.ledger import tables as t
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.rows import TagRow


class PersonTag(TagRow, Protocol):
    """A tag of a person, with the ref of its resource."""

    person_id: str
    ref: str


def remove(services: Services, rows: Sequence[PersonTag], actor: str) -> Failed[PersonTag]:
    """Intents for all of these tags, then the calls; returns those that stay."""
    by_intent: dict[int, PersonTag] = {}
    for some in chunked(rows, intents.CHUNK):
        with services.store.write() as tx:
            by_intent |= _intend(services, tx, some, actor)
    failed = intents.carry_out_many(services, list(by_intent), actor)
    return [(by_intent[intent], error) for intent, error in failed.items()]


def _intend(services: Services, tx: Tx, rows: Sequence[PersonTag], actor: str) -> dict[int, PersonTag]:
    """The intents to take off those of these tags that are ours still; the faces bear the name no more."""
    tag = t.tag.c
    there = tx.execute(select(tag.id, tag.origin).where(tag.id.in_([row.id for row in rows])))
    still = {(row.id, row.origin) for row in there}
    ours = [row for row in rows if (row.id, row.origin) in still]
    ids = [row.resource_id for row in ours]
    valid_clearances.apply_cuts(tx, ids)
    found = intents.pending(tx.connection, ids, "remove")  # of an earlier try, whose outcome is not known
    fresh: dict[tuple[int, str], PersonTag] = {}
    for row in ours:
        if (row.resource_id, row.person_id) not in found:
            fresh.setdefault((row.resource_id, row.person_id), row)
    proposals = [_proposal(services, row) for row in fresh.values()]
    found |= dict(zip(fresh, intents.propose_many(services, tx, proposals, actor), strict=True))
    for person_id in {row.person_id for row in ours}:
        face_rows.unname(tx, person_id, None, t.face.c.resource_id.in_(ids))
    return {found[row.resource_id, row.person_id]: row for row in ours}


def _proposal(services: Services, row: PersonTag) -> intents.NewIntent:
    places = frozenset(row.places)
    if row.origin == "hand" and not places:
        places = services.dam.places
    return intents.NewIntent(row.resource_id, row.person_id, row.node, "remove", row.origin, places)
